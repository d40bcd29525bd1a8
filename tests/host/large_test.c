/* SPDX-License-Identifier: MIT */
/*
 * Of the swiotlb what a small machine with one CPU can't show. Host only: the
 * largest pool there can be, 4 GiB less a slot, has 32 MiB of bookkeeping.
 */
#include <stdlib.h>

#include "dma/swiotlb.h"
#include "tests/host/host.h"
#include "tests/ktest.h"

#define SLOTS SWIOTLB_MAX_SLOTS
#define S(n)  ((uint64_t)(n)*SWIOTLB_SLOT)

static struct swiotlb pool;
static void *metadata;
static const uint64_t base = GIB(8);

static void begin(struct ktest *t)
{
	EXPECT(t, swiotlb_metadata_size(SLOTS + 1) > swiotlb_metadata_size(SLOTS));
	metadata = malloc(swiotlb_metadata_size(SLOTS));
	swiotlb_init(&pool, phys(base), SIZE_MAX, metadata);
	EXPECT_EQ(t, pool.slots, SLOTS);
}

static void end(struct ktest *t)
{
	EXPECT_EQ(t, swiotlb_largest_run(&pool), SLOTS);
	swiotlb_validate(&pool);
	free(metadata);
}

static uint64_t take(uint64_t last, uint64_t length)
{
	struct swiotlb_fit fit = {.last = last, .boundary_mask = UINT64_MAX};
	struct swiotlb_slot slot = {.original = 0x1000, .length = (uint32_t)length};
	enum dma_failure why = DMA_FAIL_NONE;
	uint64_t addr;

	swiotlb_fit_prepare(&pool, &fit);
	addr = swiotlb_take(&pool, &fit, slot, &why).value;
	return addr == UINT64_MAX ? UINT64_MAX - why : addr;
}

static void put(struct ktest *t, uint64_t addr)
{
	struct swiotlb_fit fit = {0};

	EXPECT(t, swiotlb_put(&pool, &fit, phys(addr)));
}

static void whole_pool_in_one_mapping(struct ktest *t)
{
	struct swiotlb_slot slot;
	phys_addr_t start;

	EXPECT_EQ(t, take(UINT64_MAX, S(SLOTS) + 1), UINT64_MAX - DMA_FAIL_TOO_BIG);
	EXPECT_EQ(t, take(UINT64_MAX, UINT32_MAX), UINT64_MAX - DMA_FAIL_TOO_BIG);
	EXPECT_EQ(t, take(UINT64_MAX, S(SLOTS)), base);
	for (uint64_t at = 0; at < S(SLOTS); at += S(1) + 63)
		if (!swiotlb_find(&pool, phys(base + at), &start, &slot) || start.value != base)
			ktest_fail(t, __FILE__, __LINE__, "%#llx", (unsigned long long)at);
	EXPECT(t, swiotlb_find(&pool, phys(base + S(SLOTS) - 1), &start, &slot));
	EXPECT(t, !swiotlb_find(&pool, phys(base + S(SLOTS)), &start, &slot));
	EXPECT_EQ(t, take(UINT64_MAX, 1), UINT64_MAX - DMA_FAIL_EXHAUSTED);
	swiotlb_validate(&pool);
	put(t, base);
}

/* A run of each class, from the shortest to the pool: found and taken from the end it is due. */
static void every_class(struct ktest *t)
{
	for (uint64_t n = 1; n < SLOTS; n = n < 300 ? n + 1 : n + n / 3) {
		uint64_t above = take(UINT64_MAX, S(SLOTS - n)), hole;

		EXPECT_EQ(t, above, base + S(n));
		EXPECT_EQ(t, swiotlb_largest_run(&pool), n);
		EXPECT_EQ(t, take(UINT64_MAX, S(n) + 1), UINT64_MAX - DMA_FAIL_EXHAUSTED);
		hole = take(UINT64_MAX, S(n));
		EXPECT_EQ(t, hole, base);
		put(t, above);
		EXPECT_EQ(t, take(base + S(SLOTS) - 2, 1), base + S(n));
		put(t, hole);
		EXPECT_EQ(t, take(base + S(n), S(n)), base);
		put(t, base + S(n));
		put(t, base);
	}
}

/* Singly scattered to the last slot. */
static void every_second_slot(struct ktest *t)
{
	for (size_t i = 0; i < SLOTS; i++)
		EXPECT_EQ(t, take(UINT64_MAX, 1), base + S(SLOTS - 1 - i));
	for (size_t i = 0; i < SLOTS; i += 2)
		put(t, base + S(i));
	EXPECT_EQ(t, take(UINT64_MAX, S(2)), UINT64_MAX - DMA_FAIL_FRAGMENTED);
	EXPECT_EQ(t, take(UINT64_MAX, 1), base + S(SLOTS - 1));
	EXPECT_EQ(t, take(base + S(SLOTS) - 2, 1), base);
	put(t, base + S(SLOTS - 1));
	put(t, base);
	swiotlb_validate(&pool);
	for (size_t i = 1; i < SLOTS; i += 2)
		put(t, base + S(i));
}

/* What any CPU's magazine holds counts as free; each CPU has its own. */
static void magazines_of_all_cpus(struct ktest *t)
{
	struct swiotlb_fit fit = {.last = UINT64_MAX, .boundary_mask = UINT64_MAX};
	uint64_t addr[PORT_CPUS];

	swiotlb_fit_prepare(&pool, &fit);
	for (host_cpu = 0; host_cpu < PORT_CPUS; host_cpu++)
		addr[host_cpu] = take(UINT64_MAX, 1);
	for (host_cpu = 0; host_cpu < PORT_CPUS; host_cpu++)
		EXPECT(t, swiotlb_put(&pool, &fit, phys(addr[host_cpu])));
	swiotlb_validate(&pool);
	for (host_cpu = 0; host_cpu < PORT_CPUS; host_cpu++) {
		EXPECT_EQ(t, take(UINT64_MAX, 1), addr[host_cpu]);
		EXPECT(t, swiotlb_put(&pool, &fit, phys(addr[host_cpu])));
	}
	host_cpu = 0;
	EXPECT_EQ(t, pool.runs.free, SLOTS - PORT_CPUS);
	EXPECT_EQ(t, take(UINT64_MAX, S(SLOTS)), base);
	put(t, base);
}

static const struct ktest_case cases[] = {
	{"whole_pool_in_one_mapping", whole_pool_in_one_mapping},
	{"every_class", every_class},
	{"every_second_slot", every_second_slot},
	{"magazines_of_all_cpus", magazines_of_all_cpus},
	{NULL, NULL},
};

extern const struct ktest_suite large_suite;
const struct ktest_suite large_suite = {"large", begin, end, cases};
