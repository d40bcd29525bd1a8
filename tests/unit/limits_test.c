/* SPDX-License-Identifier: MIT */
/* The arithmetic on last bytes, masks and boundaries, at each edge. */
#include "dma/limits.h"

#include "tests/ktest.h"

#define TOP UINT64_MAX

static void range_within(struct ktest *t)
{
	static const struct {
		uint64_t addr, len, reach;
		bool want;
	} table[] = {
		{0, 1, 0, true},
		{0, 2, 0, false},
		{0xfffff000, 0x1000, DMA_BIT_MASK(32), true}, /* the last byte at the mask */
		{0xfffff000, 0x1001, DMA_BIT_MASK(32), false},
		{0xfffff001, 0x1000, DMA_BIT_MASK(32), false},
		{0xffffffff, 1, DMA_BIT_MASK(32), true},
		{0x100000000, 1, DMA_BIT_MASK(32), false}, /* mask + 1 */
		{0, 0, TOP, false},			   /* no bytes */
		{0x1000, 0, TOP, false},
		{TOP, 1, TOP, true}, /* ends at the top of the address space */
		{TOP, 1, TOP - 1, false},
		{TOP, 2, TOP, false}, /* wraps */
		{0x1000, TOP, TOP, false},
		{0x1000, TOP - 0xffe, TOP, false},
		{0x1000, TOP - 0xfff, TOP, true},
		{0, TOP, TOP, true},
		{0xfffffe, 1, 0xfffffd, false}, /* a mask that is not 2^n - 1 */
		{0xfffffd, 1, 0xfffffd, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (dma_range_within(table[i].addr, table[i].len, table[i].reach) != table[i].want)
			ktest_fail(t, __FILE__, __LINE__, "row %zu", i);
	for (unsigned bits = 24; bits <= 40; bits++) {
		uint64_t mask = DMA_BIT_MASK(bits);

		EXPECT_EQ(t, mask, ((uint64_t)1 << bits) - 1);
		EXPECT(t, dma_range_within(mask - 0xfff, 0x1000, mask));
		EXPECT(t, !dma_range_within(mask - 0xffe, 0x1000, mask));
	}
	EXPECT_EQ(t, DMA_BIT_MASK(64), TOP);
}

static void range_crosses(struct ktest *t)
{
	static const struct {
		uint64_t addr, len, boundary;
		bool want;
	} table[] = {
		{0x10000, 0x10000, 0xffff, false}, /* exactly met at both ends */
		{0x10000, 0x10001, 0xffff, true},
		{0xffff, 1, 0xffff, false},
		{0xffff, 2, 0xffff, true},
		{0x1ffff, 2, 0xffff, true},
		{0x1f000, 0x1000, 0xffff, false},
		{0x12345, 1, 0, false},
		{0x12345, 2, 0, true},
		{0, TOP, TOP, false},
		{TOP, 1, 0xffff, false},
		{0xffffffff, 2, DMA_BIT_MASK(32), true},
		{0x100000000, 0x100000000, DMA_BIT_MASK(32), false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (dma_range_crosses(table[i].addr, table[i].len, table[i].boundary) !=
		    table[i].want)
			ktest_fail(t, __FILE__, __LINE__, "row %zu", i);
}

static void reach(struct ktest *t)
{
	struct dma_limits limits = DMA_LIMITS_DEFAULT;

	EXPECT_EQ(t, dma_limits_reach(&limits, DMA_BIT_MASK(29)), DMA_BIT_MASK(29));
	/* The topmost address says that a mapping failed, so nobody reaches it. */
	EXPECT_EQ(t, dma_limits_reach(&limits, TOP), TOP - 1);
	limits.bus_limit = 0x3fffffff;
	EXPECT_EQ(t, dma_limits_reach(&limits, DMA_BIT_MASK(29)), DMA_BIT_MASK(29));
	EXPECT_EQ(t, dma_limits_reach(&limits, DMA_BIT_MASK(30)), 0x3fffffff);
	EXPECT_EQ(t, dma_limits_reach(&limits, TOP), 0x3fffffff);
}

static void window(struct ktest *t)
{
	static const struct {
		int64_t offset;
		uint64_t reach;
		bool want;
		uint64_t first, last;
	} table[] = {
		{0, 0xffffff, true, 0, 0xffffff},
		{0x800000, 0xffffff, true, 0, 0x7fffff},
		{0x800000, 0x800000, true, 0, 0},
		{0x800000, 0x7fffff, false, 0, 0}, /* all it reaches is below memory */
		{-0x7000000, 0xffffff, true, 0x7000000, 0x7ffffff},
		{-0x7000000, TOP - 1, true, 0x7000000, TOP},
		{INT64_MIN, 0xffffff, true, 1UL << 63, (1UL << 63) + 0xffffff},
		{INT64_MAX, TOP - 1, true, 0, TOP - 1 - INT64_MAX},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct dma_limits limits = {.bus_offset = table[i].offset};
		uint64_t first, last;

		EXPECT_EQ(t, dma_limits_window(&limits, table[i].reach, &first, &last),
			  table[i].want);
		if (!table[i].want)
			continue;
		EXPECT_EQ(t, first, table[i].first);
		EXPECT_EQ(t, last, table[i].last);
	}
}

static void bus_and_back(struct ktest *t)
{
	static const struct {
		int64_t offset;
		uint64_t phys, bus;
	} table[] = {
		{0, 0x1234, 0x1234},
		{0x80000000, 0x1234, 0x80001234},
		{-0x7000000, 0x7000000, 0},
		{-0x7000000, 0x7000123, 0x123},
		{-0x7000000, 0x6ffffff, TOP},	/* below the window, not above all masks */
		{INT64_MAX, TOP - 0x1234, TOP}, /* wraps */
		{0x1000, TOP - 0x1000, TOP},	/* the error itself */
		{0x1000, TOP - 0x1001, TOP - 1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct dma_limits limits = {.bus_offset = table[i].offset};
		dma_addr_t addr = dma_from_phys(&limits, phys(table[i].phys));

		EXPECT_EQ(t, addr.bus, table[i].bus);
		if (addr.bus != TOP)
			EXPECT_EQ(t, dma_to_phys(&limits, addr).value, table[i].phys);
	}
}

static void inherit(struct ktest *t)
{
	const struct dma_limits parent = {.streaming_mask = DMA_BIT_MASK(40),
					  .coherent_mask = DMA_BIT_MASK(28),
					  .bus_limit = 0x3fffffff,
					  .boundary_mask = 0xffff,
					  .max_segment = 4096,
					  .max_segments = 8,
					  .min_align_mask = 0xfff,
					  .bus_offset = 0x1000};
	struct dma_limits child = {.streaming_mask = DMA_BIT_MASK(24),
				   .coherent_mask = DMA_BIT_MASK(32),
				   .bus_limit = TOP,
				   .boundary_mask = 0xffffff,
				   .max_segment = 65536,
				   .max_segments = 2,
				   .min_align_mask = 0x1ff,
				   .bus_offset = -0x3000};

	dma_limits_inherit(&child, &parent);
	EXPECT_EQ(t, child.streaming_mask, DMA_BIT_MASK(24));
	EXPECT_EQ(t, child.coherent_mask, DMA_BIT_MASK(28));
	EXPECT_EQ(t, child.bus_limit, 0x3fffffff);
	EXPECT_EQ(t, child.boundary_mask, 0xffff);
	EXPECT_EQ(t, child.max_segment, 4096);
	EXPECT_EQ(t, child.max_segments, 2);
	EXPECT_EQ(t, child.min_align_mask, 0xfff);
	EXPECT_EQ(t, child.bus_offset, -0x2000);
}

static const struct ktest_case cases[] = {
	{"range_within", range_within},
	{"range_crosses", range_crosses},
	{"reach", reach},
	{"window", window},
	{"bus_and_back", bus_and_back},
	{"inherit", inherit},
	{NULL, NULL},
};

extern const struct ktest_suite limits_suite;
const struct ktest_suite limits_suite = {"limits", NULL, NULL, cases};
