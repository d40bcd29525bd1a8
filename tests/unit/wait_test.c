/* SPDX-License-Identifier: MIT */
/* Waiting for slots: who waits, who is called back, in which order, and what it may do then. */
#include "tests/unit/dma_fixture.h"

#define S(n) ((n)*SWIOTLB_SLOT)
#define ALL  S(FIXTURE_SLOTS)
#define MANY 200 /* waiters; a call each on the stack would show */

/* A mapping that waits, and what came of it. */
struct waiter {
	struct dma_wait wait;
	struct ktest *t;
	size_t len;
	dma_addr_t addr;
	unsigned calls, order; /* the how many'th callback it was */
	void (*then)(struct waiter *w);
};

static unsigned called, depth, deepest;

static void callback(struct dma_device *dev, dma_addr_t addr, void *arg)
{
	struct waiter *w = arg;

	depth++;
	deepest = depth > deepest ? depth : deepest;
	w->addr = addr;
	w->calls++;
	w->order = ++called;
	EXPECT(w->t, dev == w->wait.dev);
	if (w->then)
		w->then(w);
	depth--;
}

static int wait_for(struct ktest *t, struct waiter *w, struct dma_device *dev, size_t len)
{
	struct dma_fixture *f = t->fixture;

	w->t = t;
	w->len = len;
	return dma_map_single_wait(dev, fixture_memory(f, FIXTURE_HIGH), len, DMA_TO_DEVICE,
				   &w->addr, &w->wait, callback, w);
}

static void put(struct waiter *w)
{
	dma_unmap_single(w->wait.dev, w->addr, w->len, DMA_TO_DEVICE);
}

static void begin(struct ktest *t)
{
	called = depth = deepest = 0;
	dma_fixture_begin(t);
}

/* All of the pool, for near2; but for `slots` at its top. */
static dma_addr_t fill_but(struct ktest *t, unsigned slots)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t addr;

	dma_set_bus_limit(&f->near2, f->base + FIXTURE_LOW - S(slots) - 1);
	addr = fixture_map(t, &f->near2, FIXTURE_HIGH, ALL - S(slots), DMA_TO_DEVICE);
	EXPECT_EQ(t, addr.bus, f->base + FIXTURE_POOL);
	return addr;
}

static void empty(struct ktest *t, dma_addr_t all, unsigned slots)
{
	struct dma_fixture *f = t->fixture;

	dma_unmap_single(&f->near2, all, ALL - S(slots), DMA_TO_DEVICE);
}

static void no_need_to(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	uint8_t *low = fixture_memory(f, FIXTURE_LOW);
	struct waiter w = {.addr = DMA_MAPPING_ERROR};
	dma_addr_t addr;

	EXPECT_EQ(t,
		  dma_map_single_wait(&f->near, low, 100, DMA_TO_DEVICE, &addr, &w.wait, callback,
				      &w),
		  0);
	EXPECT_EQ(t, addr.bus, f->base + FIXTURE_LOW);
	dma_unmap_single(&f->near, addr, 100, DMA_TO_DEVICE);
	dma_set_max_seg_size(&f->near, 4096); /* direct, but not by the short path */
	EXPECT_EQ(t,
		  dma_map_single_wait(&f->near, low, 100, DMA_TO_DEVICE, &addr, &w.wait, callback,
				      &w),
		  0);
	EXPECT_EQ(t, addr.bus, f->base + FIXTURE_LOW);
	dma_unmap_single(&f->near, addr, 100, DMA_TO_DEVICE);
	fixture_fill(fixture_memory(f, FIXTURE_HIGH), 4096, 1);
	EXPECT_EQ(t, wait_for(t, &w, &f->near, 4096), 0);
	EXPECT(t, fixture_is(fixture_device_view(&f->near, w.addr), 4096, 1));
	put(&w);
	EXPECT_EQ(t, f->near.count.waited, 0);
	EXPECT_EQ(t, f->near.count.bounced, 1);
	EXPECT_EQ(t, called, 0);
}

/* What the buffer has when the slots come is what the device gets. */
static void served_by_unmap(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t all = fill_but(t, 0);
	struct waiter w = {.calls = 0};

	EXPECT_EQ(t, wait_for(t, &w, &f->near, 5000), -EINPROGRESS);
	EXPECT_EQ(t, w.calls, 0);
	EXPECT_EQ(t, f->near.count.live, 0);
	fixture_fill(fixture_memory(f, FIXTURE_HIGH), 5000, 7);
	empty(t, all, 0);
	EXPECT_EQ(t, w.calls, 1);
	EXPECT(t, !dma_mapping_error(&f->near, w.addr));
	EXPECT(t, fixture_is(fixture_device_view(&f->near, w.addr), 5000, 7));
	EXPECT_EQ(t, f->near.count.live, 1);
	EXPECT_EQ(t, f->near.count.waited, 1);
	EXPECT_EQ(t, dma_count_mappings(&f->near), 1);
	EXPECT_EQ(t, fixture_failures(&f->near), 0);
	EXPECT(t, f->sys.waiting == NULL);
	put(&w);
	EXPECT_EQ(t, w.calls, 1);
}

/* First come, first served, though the second would fit; and behind it all wait. */
static void in_order(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t all = fill_but(t, 1);
	struct waiter w[4] = {{.calls = 0}};

	swiotlb_cache(&f->pool, false); /* so that each lies right below the one before */
	EXPECT_EQ(t, wait_for(t, &w[0], &f->near, S(100)), -EINPROGRESS);
	EXPECT_EQ(t, wait_for(t, &w[1], &f->near, S(1)), -EINPROGRESS);
	EXPECT_EQ(t, wait_for(t, &w[2], &f->near, S(156)), -EINPROGRESS);
	EXPECT_EQ(t, wait_for(t, &w[3], &f->near, S(1)), -EINPROGRESS);
	EXPECT_EQ(t, dma_level_now(&f->pool.used), FIXTURE_SLOTS - 1);
	EXPECT_EQ(t, dma_level_now(&f->near.count.slots), 0);
	EXPECT_EQ(t, f->near.count.slots.high, 0); /* nor had it any on trial */
	EXPECT_EQ(t, called, 0);
	empty(t, all, 1);
	EXPECT_EQ(t, called, 2);
	EXPECT_EQ(t, w[0].order, 1);
	EXPECT_EQ(t, w[1].order, 2);
	put(&w[1]);
	EXPECT_EQ(t, called, 3); /* all but the first's 100 are free, and now are none */
	EXPECT_EQ(t, w[2].order, 3);
	put(&w[0]);
	EXPECT_EQ(t, w[3].order, 4);
	put(&w[2]);
	put(&w[3]);
}

static void fragmented(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t slot[FIXTURE_SLOTS];
	struct waiter w = {.calls = 0};

	for (size_t i = 0; i < FIXTURE_SLOTS; i++)
		slot[i] = fixture_map(t, &f->near2, FIXTURE_HIGH, 1, DMA_TO_DEVICE);
	for (size_t i = 0; i < FIXTURE_SLOTS; i += 2)
		dma_unmap_single(&f->near2, slot[i], 1, DMA_TO_DEVICE);
	EXPECT_EQ(t, wait_for(t, &w, &f->near, S(3)), -EINPROGRESS);
	dma_unmap_single(&f->near2, slot[101], 1, DMA_TO_DEVICE);
	EXPECT_EQ(t, w.calls, 1);
	EXPECT(t, !dma_mapping_error(&f->near, w.addr));
	put(&w);
	for (size_t i = 1; i < FIXTURE_SLOTS; i += 2)
		if (i != 101)
			dma_unmap_single(&f->near2, slot[i], 1, DMA_TO_DEVICE);
}

/* Who doesn't wait isn't kept from what is free. */
static void overtaken(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t all = fill_but(t, 1), one;
	struct waiter w = {.calls = 0};

	EXPECT_EQ(t, wait_for(t, &w, &f->near, S(2)), -EINPROGRESS);
	one = fixture_map(t, &f->near, FIXTURE_HIGH, 1, DMA_TO_DEVICE);
	EXPECT(t, !dma_mapping_error(&f->near, one));
	dma_unmap_single(&f->near, one, 1, DMA_TO_DEVICE);
	EXPECT_EQ(t, w.calls, 0);
	empty(t, all, 1);
	EXPECT_EQ(t, w.calls, 1);
	put(&w);
}

/* What no freed slot could help doesn't wait: alone, nor behind others. */
static void hopeless(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct waiter first = {.calls = 0}, w = {.calls = 0};
	dma_addr_t all = fill_but(t, 0);

	for (unsigned behind = 0; behind < 2; behind++) {
		EXPECT_EQ(t, wait_for(t, &w, &f->near, ALL + 1), -ENOMEM);
		EXPECT_EQ(t, dma_last_failure(&f->near), DMA_FAIL_TOO_BIG);
		EXPECT_EQ(t, wait_for(t, &w, &f->near, 0), -ENOMEM);
		EXPECT_EQ(t, dma_last_failure(&f->near), DMA_FAIL_LENGTH);
		EXPECT_EQ(t, wait_for(t, &w, &f->near, 1UL << 33), -ENOMEM);
		EXPECT_EQ(t, dma_last_failure(&f->near), DMA_FAIL_TOO_BIG);
		if (!behind)
			EXPECT_EQ(t, wait_for(t, &first, &f->near, 1), -EINPROGRESS);
		EXPECT(t, f->sys.waiting == (behind ? &first.wait : f->sys.waiting));
	}
	empty(t, all, 0);
	EXPECT_EQ(t, called, 1);
	EXPECT_EQ(t, fixture_failures(&f->near), 6);
	put(&first);
}

/* Below the pool pages serve, or there is nothing to wait for. */
static void pages(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct waiter w[64], first = {.calls = 0};
	dma_addr_t all = fill_but(t, 0);
	size_t n = 0;
	int err;

	EXPECT_EQ(t, wait_for(t, &first, &f->near, 1), -EINPROGRESS);
	do {
		w[n] = (struct waiter){.calls = 0};
		err = wait_for(t, &w[n], &f->tight, 4096);
	} while (!err && ++n < ARRAY_SIZE(w));
	EXPECT(t, n > 40);
	EXPECT_EQ(t, err, -ENOMEM);
	EXPECT_EQ(t, dma_last_failure(&f->tight), DMA_FAIL_EXHAUSTED);
	while (n-- > 0)
		put(&w[n]);
	EXPECT_EQ(t, called, 0); /* these were no slots */
	empty(t, all, 0);
	EXPECT_EQ(t, called, 1);
	put(&first);
}

/* --- from within a callback --- */

static void many_that_unmap_at_once(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct waiter *w = (void *)fixture_memory(f, FIXTURE_SIZE - KIB(64));
	dma_addr_t all = fill_but(t, 0);

	for (size_t i = 0; i < MANY; i++) {
		w[i] = (struct waiter){.then = put};
		EXPECT_EQ(t, wait_for(t, &w[i], &f->near, S(200)), -EINPROGRESS);
	}
	empty(t, all, 0);
	EXPECT_EQ(t, called, MANY);
	EXPECT_EQ(t, deepest, 1);
	for (size_t i = 0; i < MANY; i++)
		EXPECT_EQ(t, w[i].order, i + 1);
}

static void again(struct waiter *w)
{
	if (w->calls < 3) {
		/* All is its own: it can't be had a second time, but by giving the first back. */
		dma_addr_t first = w->addr;

		EXPECT_EQ(w->t, wait_for(w->t, w, w->wait.dev, w->len), -EINPROGRESS);
		dma_unmap_single(w->wait.dev, first, w->len, DMA_TO_DEVICE);
	}
}

static void wait_again(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t all = fill_but(t, 0);
	struct waiter w = {.then = again}, next = {.then = put};

	EXPECT_EQ(t, wait_for(t, &w, &f->near, ALL), -EINPROGRESS);
	empty(t, all, 0);
	EXPECT_EQ(t, w.calls, 3);
	EXPECT_EQ(t, deepest, 1);
	EXPECT_EQ(t, wait_for(t, &next, &f->near, 1), -EINPROGRESS);
	put(&w);
	EXPECT_EQ(t, next.calls, 1);
	EXPECT(t, f->sys.waiting == NULL);
}

/* --- and with the device --- */

static void cancelled(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t all = fill_but(t, 1);
	struct waiter w[5] = {{.calls = 0}};
	struct dma_device dev;

	EXPECT_EQ(t, dma_device_add(&f->sys, &dev, "gone0", NULL), 0);
	dma_set_bus_limit(&dev, f->near.limits.bus_limit);
	EXPECT_EQ(t, wait_for(t, &w[0], &dev, S(2)), -EINPROGRESS);
	EXPECT_EQ(t, wait_for(t, &w[1], &f->near, S(1)), -EINPROGRESS);
	EXPECT_EQ(t, wait_for(t, &w[2], &dev, S(1)), -EINPROGRESS);
	EXPECT_EQ(t, wait_for(t, &w[3], &f->near, S(1)), -EINPROGRESS);
	EXPECT_EQ(t, wait_for(t, &w[4], &dev, S(1)), -EINPROGRESS);
	dma_device_remove(&dev);
	/* Its own first, in order; then whom the one slot serves that it waited before. */
	EXPECT_EQ(t, called, 4);
	EXPECT_EQ(t, w[0].order, 1);
	EXPECT_EQ(t, w[2].order, 2);
	EXPECT_EQ(t, w[4].order, 3);
	EXPECT_EQ(t, w[1].order, 4);
	EXPECT(t, dma_mapping_error(&dev, w[0].addr) && dma_mapping_error(&dev, w[4].addr));
	EXPECT(t, !dma_mapping_error(&f->near, w[1].addr));
	EXPECT_EQ(t, wait_for(t, &w[0], &dev, S(2)), -ENOMEM); /* it is gone */
	put(&w[1]);
	EXPECT_EQ(t, w[3].order, 5);
	put(&w[3]);
	empty(t, all, 1);
	EXPECT_EQ(t, called, 5);
}

static dma_addr_t own;

static void unmap_own(struct waiter *w)
{
	dma_unmap_single(w->wait.dev, own, 1, DMA_TO_DEVICE);
}

/* What a device that goes still has its callbacks may give back. */
static void cancelled_in_order(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t all = fill_but(t, 1);
	struct waiter w = {.then = unmap_own};
	struct dma_device dev;

	EXPECT_EQ(t, dma_device_add(&f->sys, &dev, "gone0", NULL), 0);
	dma_set_bus_limit(&dev, f->near.limits.bus_limit);
	own = fixture_map(t, &dev, FIXTURE_HIGH, 1, DMA_TO_DEVICE);
	EXPECT_EQ(t, wait_for(t, &w, &dev, 1), -EINPROGRESS);
	dma_device_remove(&dev); /* with nothing left */
	EXPECT_EQ(t, w.calls, 1);
	EXPECT_EQ(t, dev.count.live, 0);
	empty(t, all, 1);
}

/* A device has the pool's six topmost slots, and is gone. */
static dma_addr_t lose(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device dev;
	dma_addr_t lost;

	EXPECT_EQ(t, dma_device_add(&f->sys, &dev, "leaky0", NULL), 0);
	dma_set_bus_limit(&dev, f->near.limits.bus_limit);
	lost = fixture_map(t, &dev, FIXTURE_HIGH, S(6), DMA_TO_DEVICE);
	EXPECT_EQ(t, lost.bus, f->base + FIXTURE_LOW - S(6));
	dma_device_remove(&dev);
	fixture_expect_misuse(t, DMA_MISUSE_LEAK);
	return lost;
}

/* Slots in quarantine are none to wait for: not when they are, nor as they come to be. */
static void in_quarantine(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t all = fill_but(t, 6), lost;
	struct waiter w[4] = {{.calls = 0}};

	EXPECT_EQ(t, wait_for(t, &w[0], &f->near, ALL - S(5)), -EINPROGRESS);
	EXPECT_EQ(t, wait_for(t, &w[1], &f->near, ALL - S(6)), -EINPROGRESS);
	EXPECT_EQ(t, wait_for(t, &w[2], &f->near, ALL), -EINPROGRESS);
	lost = lose(t);
	EXPECT_EQ(t, called, 2);
	EXPECT_EQ(t, w[0].order, 1);
	EXPECT_EQ(t, w[2].order, 2);
	EXPECT(t, dma_mapping_error(&f->near, w[0].addr) && dma_mapping_error(&f->near, w[2].addr));
	EXPECT_EQ(t, wait_for(t, &w[3], &f->near, ALL - S(5)), -ENOMEM);
	EXPECT(t, dma_mapping_error(&f->near, w[3].addr));
	empty(t, all, 6);
	EXPECT_EQ(t, w[1].order, 3);
	EXPECT_EQ(t, wait_for(t, &w[3], &f->near, ALL - S(5)), -ENOMEM); /* nor as the first */
	EXPECT_EQ(t, dma_last_failure(&f->near), DMA_FAIL_TOO_BIG);
	put(&w[1]);
	EXPECT(t, swiotlb_put(&f->pool, &f->near.fit, phys(lost.bus)));
}

/* What could be served once but no more, since limits were changed, doesn't hold up the others. */
static void hopeless_meanwhile(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t all = fill_but(t, 0);
	struct waiter w[2] = {{.calls = 0}};

	EXPECT_EQ(t, wait_for(t, &w[0], &f->near, 4096), -EINPROGRESS);
	dma_set_max_seg_size(&f->near, 2048);
	EXPECT_EQ(t, wait_for(t, &w[1], &f->near, 2048), -EINPROGRESS);
	empty(t, all, 0);
	EXPECT_EQ(t, called, 2);
	EXPECT(t, dma_mapping_error(&f->near, w[0].addr));
	EXPECT_EQ(t, dma_last_failure(&f->near), DMA_FAIL_LENGTH);
	put(&w[1]);
}

static const struct ktest_case cases[] = {
	{"no_need_to", no_need_to},
	{"served_by_unmap", served_by_unmap},
	{"in_order", in_order},
	{"fragmented", fragmented},
	{"overtaken", overtaken},
	{"hopeless", hopeless},
	{"pages", pages},
	{"many_that_unmap_at_once", many_that_unmap_at_once},
	{"wait_again", wait_again},
	{"cancelled", cancelled},
	{"cancelled_in_order", cancelled_in_order},
	{"in_quarantine", in_quarantine},
	{"hopeless_meanwhile", hopeless_meanwhile},
	{NULL, NULL},
};

extern const struct ktest_suite wait_suite;
const struct ktest_suite wait_suite = {"wait", begin, dma_fixture_end, cases};
