/* SPDX-License-Identifier: MIT */
/* Each kind of misuse: reported once, and without effect on mapping or bytes. */
#include "dma/transient.h"
#include "tests/unit/dma_fixture.h"

#define LEN  5000
#define S(n) ((n)*SWIOTLB_SLOT)

/* A bounced mapping whose buffer and bounce bytes differ, so that any copy shows. */
struct victim {
	struct dma_device *dev, *other;
	dma_addr_t addr;
	enum dma_data_direction dir;
	uint8_t *buffer, *view;
};

static bool take_victim(struct ktest *t, struct victim *v, bool transient,
			enum dma_data_direction dir)
{
	struct dma_fixture *f = t->fixture;

	v->dev = transient ? &f->tight : &f->near;
	v->other = transient ? &f->tight2 : &f->near2;
	v->dir = dir;
	v->buffer = fixture_memory(f, FIXTURE_HIGH + 0x123);
	v->addr = dma_map_single(v->dev, v->buffer, LEN, dir);
	if (dma_mapping_error(v->dev, v->addr)) {
		EXPECT(t, false);
		return false;
	}
	v->view = fixture_device_view(v->dev, v->addr);
	fixture_fill(v->buffer, LEN, 1);
	fixture_fill(v->view, LEN, 2);
	return true;
}

static void expect_untouched(struct ktest *t, const struct victim *v, enum dma_misuse_kind kind)
{
	fixture_expect_misuse(t, kind);
	EXPECT(t, fixture_is(v->buffer, LEN, 1));
	EXPECT(t, fixture_is(v->view, LEN, 2));
	EXPECT_EQ(t, v->dev->count.live, 1);
	EXPECT_EQ(t, v->other->count.live, 0);
}

static void release_victim(struct ktest *t, const struct victim *v)
{
	dma_unmap_single(v->dev, v->addr, LEN, v->dir);
	EXPECT(t, fixture_is(v->buffer, LEN, v->dir == DMA_TO_DEVICE ? 1 : 2));
	EXPECT_EQ(t, v->dev->count.live, 0);
	dma_unmap_single(v->dev, v->addr, LEN, v->dir);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
}

/* Each wrong unmap of one mapping, then the right one, then that again. */
static void wrong_unmaps(struct ktest *t)
{
	for (unsigned transient = 0; transient < 2; transient++) {
		struct victim v;

		REQUIRE(t, take_victim(t, &v, transient, DMA_FROM_DEVICE));
		dma_unmap_single(v.dev, v.addr, LEN - 1, v.dir);
		expect_untouched(t, &v, DMA_MISUSE_SIZE);
		dma_unmap_single(v.dev, v.addr, LEN + 1, v.dir);
		expect_untouched(t, &v, DMA_MISUSE_SIZE);
		dma_unmap_single(v.dev, v.addr, 0, v.dir);
		expect_untouched(t, &v, DMA_MISUSE_SIZE);
		dma_unmap_single(v.dev, v.addr, SIZE_MAX, v.dir);
		expect_untouched(t, &v, DMA_MISUSE_SIZE);
		dma_unmap_single(v.dev, v.addr, (1UL << 32) + LEN, v.dir);
		expect_untouched(t, &v, DMA_MISUSE_SIZE);
		dma_unmap_single(v.dev, v.addr, LEN, DMA_TO_DEVICE);
		expect_untouched(t, &v, DMA_MISUSE_DIRECTION);
		dma_unmap_single(v.dev, v.addr, LEN, DMA_BIDIRECTIONAL);
		expect_untouched(t, &v, DMA_MISUSE_DIRECTION);
		dma_unmap_single(v.other, v.addr, LEN, v.dir);
		expect_untouched(t, &v, DMA_MISUSE_DEVICE);
		dma_unmap_single(v.dev, dma_addr_add(v.addr, 1), LEN - 1, v.dir);
		expect_untouched(t, &v, DMA_MISUSE_UNMAP_INVALID);
		dma_unmap_single(v.dev, dma_addr_add(v.addr, S(1)), LEN - S(1), v.dir);
		expect_untouched(t, &v, DMA_MISUSE_UNMAP_INVALID);
		dma_unmap_single(v.dev, DMA_MAPPING_ERROR, LEN, v.dir);
		expect_untouched(t, &v, DMA_MISUSE_MAPPING_ERROR);
		release_victim(t, &v);
	}
}

static void both_syncs(const struct victim *v, struct dma_device *dev, int64_t from, size_t len,
		       enum dma_data_direction dir, bool for_cpu)
{
	dma_addr_t addr = dma_addr_add(v->addr, (uint64_t)from);

	if (for_cpu)
		dma_sync_single_for_cpu(dev, addr, len, dir);
	else
		dma_sync_single_for_device(dev, addr, len, dir);
}

static void wrong_syncs(struct ktest *t)
{
	static const enum dma_data_direction dirs[] = {DMA_FROM_DEVICE, DMA_TO_DEVICE};

	for (unsigned i = 0; i < 8; i++) {
		bool for_cpu = i & 1;
		enum dma_data_direction dir = dirs[i >> 1 & 1];
		struct victim v;

		REQUIRE(t, take_victim(t, &v, i >> 2, dir));
		both_syncs(&v, v.other, 0, LEN, dir, for_cpu);
		expect_untouched(t, &v, DMA_MISUSE_DEVICE);
		both_syncs(&v, v.dev, 0, LEN, dirs[!(i >> 1 & 1)], for_cpu);
		expect_untouched(t, &v, DMA_MISUSE_DIRECTION);
		both_syncs(&v, v.dev, 0, LEN, DMA_BIDIRECTIONAL, for_cpu);
		expect_untouched(t, &v, DMA_MISUSE_DIRECTION);
		both_syncs(&v, v.dev, LEN, 1, dir, for_cpu);
		expect_untouched(t, &v, DMA_MISUSE_UNMAP_INVALID);
		dma_sync_single_for_cpu(v.dev, DMA_MAPPING_ERROR, 1, dir);
		expect_untouched(t, &v, DMA_MISUSE_MAPPING_ERROR);
		both_syncs(&v, v.dev, 0, 0, dir, for_cpu); /* nothing is nothing wrong */
		release_victim(t, &v);
	}
}

/* A mapping that begins within its first slot doesn't begin with it. */
static void before_the_mapping(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct victim v;
	uint64_t out;

	dma_set_min_align_mask(&f->near, 0x7ff);
	REQUIRE(t, take_victim(t, &v, false, DMA_BIDIRECTIONAL));
	EXPECT_EQ(t, v.addr.bus % SWIOTLB_SLOT, 0x123);
	EXPECT(t, !dma_gate(v.dev, (dma_addr_t){v.addr.bus - 0x123}, 1, &out));
	expect_untouched(t, &v, DMA_MISUSE_GATE_POOL);
	both_syncs(&v, v.dev, -0x123, 1, v.dir, true);
	expect_untouched(t, &v, DMA_MISUSE_UNMAP_INVALID);
	both_syncs(&v, v.dev, -0x123, LEN, v.dir, false);
	expect_untouched(t, &v, DMA_MISUSE_UNMAP_INVALID);
	dma_unmap_single(v.dev, (dma_addr_t){v.addr.bus - 0x123}, LEN, v.dir);
	expect_untouched(t, &v, DMA_MISUSE_UNMAP_INVALID);
	release_victim(t, &v);
}

/* Bus addresses are not physical ones: where the mapping lies in memory, none is on the bus. */
static void physical_for_bus(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t wrong;
	struct victim v;
	uint64_t out;

	fixture_window(&f->near, S(8), f->base + FIXTURE_HIGH - 1);
	REQUIRE(t, take_victim(t, &v, false, DMA_BIDIRECTIONAL));
	wrong.bus = v.addr.bus - S(8);
	EXPECT(t, !dma_gate(v.dev, wrong, LEN, &out));
	expect_untouched(t, &v, DMA_MISUSE_GATE_POOL);
	dma_sync_single_for_cpu(v.dev, wrong, LEN, v.dir);
	expect_untouched(t, &v, DMA_MISUSE_UNMAP_INVALID);
	dma_sync_single_for_device(v.dev, wrong, LEN, v.dir);
	expect_untouched(t, &v, DMA_MISUSE_UNMAP_INVALID);
	dma_unmap_single(v.dev, wrong, LEN, v.dir);
	expect_untouched(t, &v, DMA_MISUSE_UNMAP_INVALID);
	release_victim(t, &v);
}

/* The one misuse that is done all the same, as far as it goes. */
static void sync_beyond_the_end(struct ktest *t)
{
	static const size_t lengths[] = {101, 5000, SIZE_MAX};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(lengths); i++) {
		size_t len = lengths[i / 2];
		struct victim v;

		REQUIRE(t, take_victim(t, &v, i & 1, DMA_BIDIRECTIONAL));
		memset(v.buffer + LEN, 0xaa, 16);
		dma_sync_single_for_cpu(v.dev, dma_addr_add(v.addr, LEN - 100), len,
					DMA_FROM_DEVICE);
		fixture_expect_misuse(t, DMA_MISUSE_SYNC_RANGE);
		EXPECT(t, fixture_is(v.buffer, LEN - 100, 1));
		EXPECT(t, memcmp(v.buffer + LEN - 100, v.view + LEN - 100, 100) == 0);
		EXPECT_EQ(t, v.buffer[LEN], 0xaa);
		memset(v.buffer, 0xbb, LEN);
		dma_sync_single_for_device(v.dev, dma_addr_add(v.addr, LEN - 100), len,
					   DMA_TO_DEVICE);
		fixture_expect_misuse(t, DMA_MISUSE_SYNC_RANGE);
		EXPECT(t, fixture_is(v.view, LEN - 100, 2));
		EXPECT_EQ(t, v.view[LEN - 100], 0xbb);
		EXPECT_EQ(t, v.view[LEN - 1], 0xbb);
		EXPECT_EQ(t, v.view[LEN], 0); /* slack */
		fixture_fill(v.view, LEN, 2);
		release_victim(t, &v);
	}
}

/* Of direct mappings little is known, but that much. */
static void wrong_direct(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t low = {f->base + FIXTURE_LOW}, out = {f->base + FIXTURE_HIGH};
	dma_addr_t free_slot = {f->base + FIXTURE_POOL}, across = {f->base + FIXTURE_POOL - 8};

	dma_unmap_single(&f->near, low, 100, DMA_TO_DEVICE); /* none is mapped */
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
	EXPECT_EQ(t, dma_map_phys(&f->near, phys(low.bus), 100, DMA_TO_DEVICE, 0).bus, low.bus);
	dma_unmap_single(&f->near, out, 100, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
	dma_unmap_single(&f->near, free_slot, 100, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
	dma_unmap_single(&f->near, across, 16, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
	dma_unmap_single(&f->near, low, 0, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
	dma_unmap_single(&f->near, low, SIZE_MAX, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
	dma_unmap_single(&f->near, DMA_MAPPING_ERROR, 1, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_MAPPING_ERROR);
	dma_sync_single_for_cpu(&f->near, out, 100, DMA_FROM_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
	dma_sync_single_for_device(&f->near, free_slot, 100, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
	dma_sync_single_for_device(&f->near, low, 100, DMA_TO_DEVICE);
	dma_sync_single_for_device(&f->near, low, 0, DMA_TO_DEVICE);
	EXPECT_EQ(t, f->near.count.live, 1);
	dma_unmap_single(&f->near, low, 100, DMA_TO_DEVICE);
}

/* A device that is forced to bounce has no direct mapping of RAM, whatever it is asked of one. */
static void forced_direct(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t ram = {f->base}, addr;

	dma_set_force(&f->near, true);
	addr = fixture_map(t, &f->near, 0, 100, DMA_BIDIRECTIONAL);
	EXPECT(t, addr.bus >= f->base + FIXTURE_POOL);
	dma_unmap_single(&f->near, ram, 100, DMA_BIDIRECTIONAL);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
	dma_sync_single_for_cpu(&f->near, ram, 100, DMA_BIDIRECTIONAL);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
	EXPECT_EQ(t, f->near.count.live, 1);
	dma_unmap_single(&f->near, addr, 100, DMA_BIDIRECTIONAL);
}

/* With a window, DMA_MAPPING_ERROR stands for the byte below it: another's, but that isn't meant.
 */
static void error_is_no_address(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t addr = fixture_map(t, &f->near, FIXTURE_HIGH, 100, DMA_BIDIRECTIONAL);

	fixture_window(&f->near2, -(int64_t)(addr.bus + 1), UINT64_MAX);
	dma_unmap_single(&f->near2, DMA_MAPPING_ERROR, 100, DMA_BIDIRECTIONAL);
	fixture_expect_misuse(t, DMA_MISUSE_MAPPING_ERROR);
	dma_sync_single_for_cpu(&f->near2, DMA_MAPPING_ERROR, 100, DMA_BIDIRECTIONAL);
	fixture_expect_misuse(t, DMA_MISUSE_MAPPING_ERROR);
	dma_unmap_single(&f->near, addr, 100, DMA_BIDIRECTIONAL);
}

/* Coherent memory out of the pool: the device's to use, but no mapping. */
static void coherent_is_no_mapping(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct swiotlb_slot slot = {.length = 4096, .device = f->near.id, .coherent = 1};
	enum dma_failure why;
	dma_addr_t addr = {swiotlb_take(&f->pool, &f->near.fit, slot, &why).value};
	uint64_t out;

	fixture_fill(fixture_device_view(&f->near, addr), 4096, 1);
	EXPECT(t, dma_gate(&f->near, addr, 4096, &out) && out == addr.bus);
	EXPECT(t, dma_gate(&f->near, dma_addr_add(addr, 100), 3996, &out));
	EXPECT(t, !dma_gate(&f->near, addr, 4097, &out));
	fixture_expect_misuse(t, DMA_MISUSE_GATE_POOL);
	EXPECT(t, !dma_gate(&f->near2, addr, 4096, &out));
	fixture_expect_misuse(t, DMA_MISUSE_GATE_POOL);
	EXPECT(t, !dma_need_sync(&f->near, addr));
	dma_sync_single_for_cpu(&f->near, addr, 4096, DMA_BIDIRECTIONAL);
	dma_sync_single_for_device(&f->near, addr, 9999, DMA_TO_DEVICE);
	dma_set_written(&f->near, addr, 100);
	dma_unmap_single(&f->near, addr, 4096, DMA_BIDIRECTIONAL);
	fixture_expect_misuse(t, DMA_MISUSE_FUNCTION);
	dma_sync_single_for_cpu(&f->near2, addr, 4096, DMA_BIDIRECTIONAL);
	fixture_expect_misuse(t, DMA_MISUSE_DEVICE);
	EXPECT(t, fixture_is(fixture_device_view(&f->near, addr), 4096, 1));
	EXPECT(t, swiotlb_put(&f->pool, &f->near.fit, phys(addr.bus)));
}

/* What was leaked, by a device that is gone: bounced one way and the other. */
struct leak {
	dma_addr_t slot, page;
};

/* A device that leaves with two mappings, among others' that come back in order. */
static void leave(struct ktest *t, struct dma_device *dev, struct leak *leak)
{
	struct dma_fixture *f = t->fixture;
	phys_addr_t buffer = phys(f->base + FIXTURE_HIGH);
	dma_addr_t slot, page;

	EXPECT_EQ(t, dma_device_add(&f->sys, dev, "leaky0", NULL), 0);
	dma_set_bus_limit(dev, f->near.limits.bus_limit);
	leak->slot = dma_map_phys(dev, buffer, S(2), DMA_TO_DEVICE, 0);
	dma_set_bus_limit(dev, f->tight.limits.bus_limit);
	leak->page = dma_map_phys(dev, buffer, 100, DMA_TO_DEVICE, 0);
	slot = dma_map_phys(&f->near, buffer, 1, DMA_TO_DEVICE, 0);
	page = dma_map_phys(&f->tight, buffer, 1, DMA_TO_DEVICE, 0);
	dma_device_remove(dev);
	fixture_expect_misuse(t, DMA_MISUSE_LEAK);
	dma_unmap_single(&f->near, slot, 1, DMA_TO_DEVICE);
	dma_unmap_single(&f->tight, page, 1, DMA_TO_DEVICE);
	dma_unmap_single(dev, leak->slot, S(2), DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_DEVICE);
}

/* Who has the number of one that is gone has nothing else of it, nor it of him. */
static void expect_strangers(struct ktest *t, struct dma_device *gone, struct dma_device *next,
			     const struct leak *leak)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t fine;
	uint64_t out;

	dma_set_bus_limit(next, f->near.limits.bus_limit);
	fine = dma_map_phys(next, phys(f->base + FIXTURE_HIGH), 1, DMA_TO_DEVICE, 0);
	dma_unmap_single(gone, fine, 1, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_DEVICE);
	dma_unmap_single(next, fine, 1, DMA_TO_DEVICE);
	EXPECT(t, !dma_gate(next, leak->slot, 1, &out));
	fixture_expect_misuse(t, DMA_MISUSE_GATE_POOL);
	EXPECT(t, !dma_gate(next, leak->page, 1, &out));
	fixture_expect_misuse(t, DMA_MISUSE_GATE_POOL);
	dma_unmap_single(next, leak->page, 100, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_DEVICE);
}

static void leak_is_quarantined(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	size_t rest = FIXTURE_LOW - FIXTURE_POOL - S(2);
	struct dma_device gone, next;
	struct leak leak;
	dma_addr_t fine;

	leave(t, &gone, &leak);
	EXPECT_EQ(t, dma_device_add(&f->sys, &next, "next0", NULL), 0);
	EXPECT_EQ(t, next.id, 5);
	expect_strangers(t, &gone, &next, &leak);
	EXPECT_EQ(t, dma_level_now(&f->pool.used), 2);
	EXPECT_EQ(t, f->sys.transients.count, 1);
	fine = dma_map_phys(&f->near, phys(f->base + FIXTURE_HIGH), rest, DMA_TO_DEVICE, 0);
	EXPECT_EQ(t, fine.bus, f->base + FIXTURE_POOL); /* all but what is in quarantine */
	dma_unmap_single(&f->near, fine, rest, DMA_TO_DEVICE);
	dma_device_remove(&next);
	/* A machine would keep it; the fixture is to end clean. */
	EXPECT(t, swiotlb_put(&f->pool, &f->near.fit, phys(leak.slot.bus)));
	EXPECT(t, transient_put(&f->sys, phys(leak.page.bus)));
}

static void reports(struct ktest *t)
{
	static const struct {
		uint64_t nth;
		bool said;
	} table[] = {{1, true},	   {2, true},	  {10, true},	     {11, false},
		     {15, false},  {16, true},	  {17, false},	     {1023, false},
		     {1024, true}, {1025, false}, {1UL << 63, true}, {UINT64_MAX, false}};
	struct dma_fixture *f = t->fixture;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		EXPECT_EQ(t, dma_worth_saying(table[i].nth), table[i].said);
	for (enum dma_misuse_kind kind = 0; kind < DMA_MISUSE_KINDS; kind++) {
		EXPECT(t, dma_misuse_name(kind) != NULL);
		dma_misuse(&f->sys.nobody, kind, 0x1000, 1, DMA_CALLER);
		EXPECT_EQ(t, f->sys.misuse[kind], 1);
		fixture_expect_misuse(t, kind);
	}
}

static const struct ktest_case cases[] = {
	{"wrong_unmaps", wrong_unmaps},
	{"wrong_syncs", wrong_syncs},
	{"before_the_mapping", before_the_mapping},
	{"physical_for_bus", physical_for_bus},
	{"sync_beyond_the_end", sync_beyond_the_end},
	{"wrong_direct", wrong_direct},
	{"forced_direct", forced_direct},
	{"error_is_no_address", error_is_no_address},
	{"coherent_is_no_mapping", coherent_is_no_mapping},
	{"leak_is_quarantined", leak_is_quarantined},
	{"reports", reports},
	{NULL, NULL},
};

extern const struct ktest_suite check_suite;
const struct ktest_suite check_suite = {"check", dma_fixture_begin, dma_fixture_end, cases};
