/* SPDX-License-Identifier: MIT */
/* Transient slots: where pages serve, which pages, and that they come back. */
#include "dma/transient.h"
#include "tests/unit/dma_fixture.h"

#define POOL_END FIXTURE_LOW
#define S(n)	 ((n)*SWIOTLB_SLOT)

static void pages_come_back(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	uint64_t before;
	dma_addr_t addr[6];

	kfree(&f->kmem, kmalloc(&f->kmem, 64)); /* what kmem keeps is not ours to count */
	before = fixture_free_bytes(f);
	for (size_t i = 0; i < ARRAY_SIZE(addr); i++) {
		addr[i] = fixture_map(t, &f->tight, FIXTURE_HIGH + i * KIB(32),
				      PAGE_SIZE << (i % 3), DMA_TO_DEVICE);
		REQUIRE(t, !dma_mapping_error(&f->tight, addr[i]));
		EXPECT(t, addr[i].bus < f->base + FIXTURE_POOL);
	}
	EXPECT_EQ(t, f->sys.transients.count, 6);
	EXPECT(t, !transient_put(&f->sys, phys(addr[0].bus + 1)));
	EXPECT(t, fixture_free_bytes(f) <= before - 14 * PAGE_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(addr); i++)
		dma_unmap_single(&f->tight, addr[i], PAGE_SIZE << (i % 3), DMA_TO_DEVICE);
	EXPECT(t, fixture_free_bytes(f) >= before - PAGE_SIZE); /* kmem may keep one page more */
	EXPECT_EQ(t, f->sys.bounce_first, f->base + FIXTURE_POOL);
	EXPECT_EQ(t, f->sys.bounce_last, f->base + POOL_END - 1);
}

/* Where a mapping is larger than what of the pool lies under the mask, pages serve it. */
static void beside_the_pool(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t one, two;

	dma_set_bus_limit(&f->near, f->base + FIXTURE_POOL + S(1) - 1);
	one = fixture_map(t, &f->near, FIXTURE_HIGH, S(1), DMA_TO_DEVICE);
	two = fixture_map(t, &f->near, FIXTURE_HIGH, S(1) + 1, DMA_TO_DEVICE);
	EXPECT_EQ(t, one.bus, f->base + FIXTURE_POOL);
	EXPECT(t, two.bus < f->base + FIXTURE_POOL);
	/* The one slot is taken: that is exhaustion, and no reason to drain the zone. */
	EXPECT(t, dma_mapping_error(&f->near,
				    fixture_map(t, &f->near, FIXTURE_HIGH, 1, DMA_TO_DEVICE)));
	dma_unmap_single(&f->near, one, S(1), DMA_TO_DEVICE);
	dma_unmap_single(&f->near, two, S(1) + 1, DMA_TO_DEVICE);
	EXPECT_EQ(t, f->near.count.transient, 1);
	EXPECT_EQ(t, f->near.count.bounced, 1);
}

/* Without a pool all that is out of reach goes through pages. */
static void instead_of_a_pool(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct swiotlb none;
	uint64_t metadata;
	dma_addr_t addr;

	swiotlb_init(&none, phys(0), 0, &metadata);
	f->sys.pool = f->near.pool = &none;
	transient_reset_bounds(&f->sys);
	dma_set_force(&f->near, false); /* it looks at the pool anew */
	fixture_fill(fixture_memory(f, FIXTURE_HIGH), 5000, 3);
	addr = fixture_map(t, &f->near, FIXTURE_HIGH, 5000, DMA_TO_DEVICE);
	EXPECT(t, addr.bus - f->base < FIXTURE_POOL);
	EXPECT(t, fixture_is(fixture_device_view(&f->near, addr), 5000, 3));
	dma_unmap_single(&f->near, addr, 5000, DMA_TO_DEVICE);
	EXPECT_EQ(t, f->near.count.transient, 1);
	f->sys.pool = f->near.pool = &f->pool;
	transient_reset_bounds(&f->sys);
}

static void limits(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t addr;
	uint64_t before;

	dma_set_bus_limit(&f->tight, f->base + FIXTURE_POOL / 4 - 1);
	addr = fixture_map(t, &f->tight, FIXTURE_HIGH, 16, DMA_TO_DEVICE);
	EXPECT(t, addr.bus + 15 <= f->tight.reach);
	dma_unmap_single(&f->tight, addr, 16, DMA_TO_DEVICE);
	addr = fixture_map(t, &f->tight, FIXTURE_HIGH, FIXTURE_POOL / 4 + 1, DMA_TO_DEVICE);
	EXPECT(t, dma_mapping_error(&f->tight, addr));
	dma_set_bus_limit(&f->tight, f->base + FIXTURE_POOL - 1);
	dma_set_seg_boundary(&f->tight, 0xffff);
	addr = fixture_map(t, &f->tight, FIXTURE_HIGH, 0x10000, DMA_TO_DEVICE);
	EXPECT_EQ(t, addr.bus & 0xffff, 0);
	dma_unmap_single(&f->tight, addr, 0x10000, DMA_TO_DEVICE);
	addr = fixture_map(t, &f->tight, FIXTURE_HIGH, 0x10001, DMA_TO_DEVICE);
	EXPECT(t, dma_mapping_error(&f->tight, addr));
	EXPECT_EQ(t, dma_last_failure(&f->tight), DMA_FAIL_OUT_OF_MASK);
	dma_set_seg_boundary(&f->tight, UINT64_MAX);
	dma_set_min_align_mask(&f->tight, 0x3fff);
	addr = fixture_map(t, &f->tight, FIXTURE_HIGH + 0x1234, 16, DMA_TO_DEVICE);
	EXPECT_EQ(t, addr.bus & 0x3fff, 0x1234);
	dma_unmap_single(&f->tight, addr, 16, DMA_TO_DEVICE);
	dma_set_min_align_mask(&f->tight, UINT32_MAX);
	EXPECT(t, dma_mapping_error(&f->tight,
				    fixture_map(t, &f->tight, FIXTURE_HIGH, 1, DMA_TO_DEVICE)));
	dma_set_min_align_mask(&f->tight, 0);
	before = fixture_free_bytes(f);
	/* A window of which pages that the allocator would give lie below the beginning. */
	fixture_window(&f->tight, -(int64_t)(f->base + FIXTURE_POOL - 0x10), 0xf);
	EXPECT(t, dma_mapping_error(&f->tight,
				    fixture_map(t, &f->tight, FIXTURE_HIGH, 1, DMA_TO_DEVICE)));
	EXPECT_EQ(t, f->tight.count.failed[DMA_FAIL_OUT_OF_MASK], 4);
	EXPECT_EQ(t, fixture_free_bytes(f), before);
}

#define PAGES 64 /* more than the zones have */

/* Take all pages, the highest first, but for those at offsets in [first, last]: how many. */
static size_t take_but(struct ktest *t, phys_addr_t page[PAGES], uint64_t first, uint64_t last)
{
	struct page_request request = {.zone = ZONE_NORMAL, .dma_reserve = true, .limit = NO_LIMIT};
	struct dma_fixture *f = t->fixture;
	size_t n = 0, kept = 0;

	while (n < PAGES && !phys_is_none(page[n] = pages_alloc(&f->zones, &request)))
		n++;
	for (size_t i = 0; i < n; i++) {
		if (page[i].value - f->base >= first && page[i].value - f->base <= last)
			pages_free(&f->zones, page[i], 0);
		else
			page[kept++] = page[i];
	}
	return kept;
}

static void give(struct ktest *t, const phys_addr_t page[PAGES], size_t n)
{
	struct dma_fixture *f = t->fixture;

	while (n > 0)
		pages_free(&f->zones, page[--n], 0);
}

/* A window that begins among the pages: those below it, though better, are passed over. */
static void within_a_window(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	uint64_t first = f->base + KIB(64);
	phys_addr_t page[PAGES];
	size_t n = take_but(t, page, KIB(128), KIB(136) - 1);
	dma_addr_t addr, other;

	pages_free(&f->zones, page[--n], 0); /* of a smaller order than what is free within */
	pages_drain(&f->zones);
	fixture_window(&f->tight, -(int64_t)first, FIXTURE_POOL - KIB(64) - 1);
	addr = fixture_map(t, &f->tight, FIXTURE_HIGH, 100, DMA_TO_DEVICE);
	EXPECT_EQ(t, addr.bus, KIB(132) - KIB(64));
	EXPECT(t, dma_mapping_error(&f->tight, fixture_map(t, &f->tight, FIXTURE_HIGH, KIB(5),
							   DMA_TO_DEVICE)));
	EXPECT_EQ(t, dma_last_failure(&f->tight), DMA_FAIL_FRAGMENTED);
	other = fixture_map(t, &f->tight, FIXTURE_HIGH, 100, DMA_TO_DEVICE);
	EXPECT_EQ(t, other.bus, KIB(128) - KIB(64));
	EXPECT(t, dma_mapping_error(&f->tight,
				    fixture_map(t, &f->tight, FIXTURE_HIGH, 1, DMA_TO_DEVICE)));
	EXPECT_EQ(t, dma_last_failure(&f->tight), DMA_FAIL_EXHAUSTED);
	dma_unmap_single(&f->tight, addr, 100, DMA_TO_DEVICE);
	dma_unmap_single(&f->tight, other, 100, DMA_TO_DEVICE);
	give(t, page, n);
}

static void exhaustion(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t addr[64];
	size_t n = 0;

	while (n < ARRAY_SIZE(addr)) {
		addr[n] = fixture_map(t, &f->tight, FIXTURE_HIGH, 1, DMA_TO_DEVICE);
		if (dma_mapping_error(&f->tight, addr[n]))
			break;
		n++;
	}
	EXPECT(t, n > 40 && n < 64);
	EXPECT_EQ(t, dma_last_failure(&f->tight), DMA_FAIL_EXHAUSTED);
	EXPECT(t, dma_mapping_error(&f->tight, fixture_map(t, &f->tight, FIXTURE_HIGH,
							   FIXTURE_POOL + 1, DMA_TO_DEVICE)));
	EXPECT_EQ(t, dma_last_failure(&f->tight), DMA_FAIL_OUT_OF_MASK); /* none is so large */
	while (n-- > 0)
		dma_unmap_single(&f->tight, addr[n], 1, DMA_TO_DEVICE);
}

static const struct ktest_case cases[] = {
	{"pages_come_back", pages_come_back},
	{"beside_the_pool", beside_the_pool},
	{"instead_of_a_pool", instead_of_a_pool},
	{"limits", limits},
	{"within_a_window", within_a_window},
	{"exhaustion", exhaustion},
	{NULL, NULL},
};

extern const struct ktest_suite transient_suite;
const struct ktest_suite transient_suite = {"transient", dma_fixture_begin, dma_fixture_end, cases};
