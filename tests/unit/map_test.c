/* SPDX-License-Identifier: MIT */
/* Which memory a device is given, or why none; what a driver can ask, and what is counted. */
#include "tests/unit/dma_fixture.h"

#define POOL_END   FIXTURE_LOW
#define S(n)	   ((n)*SWIOTLB_SLOT)
#define NOWHERE	   UINT64_MAX

#define POOL_BYTES (POOL_END - FIXTURE_POOL)

/* --- where --- */

#define AT(offset_, len_, want_) .offset = (offset_), .len = (len_), .want = (want_)

static const struct where {
	uint64_t offset, len; /* of the buffer, from the fixture's base */
	uint64_t want;	      /* where the device is sent, from there too; NOWHERE */
	uint64_t boundary;    /* 0: none */
	size_t max_segment;   /* 0: any */
	uint32_t align;
	bool force;
	enum dma_failure why; /* NOWHERE */
} places[] = {
	/* the last byte at the mask, and one further */
	{AT(FIXTURE_LOW, 4096, FIXTURE_LOW)},
	{AT(FIXTURE_HIGH - 4096, 4096, FIXTURE_HIGH - 4096)},
	{AT(FIXTURE_HIGH - 1, 1, FIXTURE_HIGH - 1)},
	{AT(FIXTURE_HIGH - 4096, 4097, POOL_END - S(3))},
	{AT(FIXTURE_HIGH - 1, 2, POOL_END - S(1))},
	{AT(FIXTURE_HIGH, 1, POOL_END - S(1))},
	/* no bytes, too many, an end that wraps */
	{AT(FIXTURE_LOW, 0, NOWHERE), .why = DMA_FAIL_LENGTH},
	{AT(FIXTURE_HIGH, 0, NOWHERE), .why = DMA_FAIL_LENGTH},
	{AT(FIXTURE_LOW, SIZE_MAX, NOWHERE), .why = DMA_FAIL_LENGTH},
	{AT(FIXTURE_HIGH, UINT64_MAX - FIXTURE_HIGH, NOWHERE), .why = DMA_FAIL_LENGTH},
	{AT(1UL << 52, 1, NOWHERE), .why = DMA_FAIL_LENGTH}, /* no memory can be there */
	{AT(FIXTURE_HIGH, 1UL << 32, NOWHERE), .why = DMA_FAIL_TOO_BIG},
	{AT(FIXTURE_HIGH, (1UL << 32) + 1, NOWHERE), .why = DMA_FAIL_TOO_BIG},
	/* the whole pool in one mapping, and one byte more */
	{AT(FIXTURE_HIGH, POOL_END - FIXTURE_POOL, FIXTURE_POOL)},
	{AT(FIXTURE_HIGH, POOL_END - FIXTURE_POOL + 1, NOWHERE), .why = DMA_FAIL_TOO_BIG},
	/* the boundary exactly met, and crossed: bounced though it is within reach */
	{AT(FIXTURE_LOW, 0x10000, FIXTURE_LOW), .boundary = 0xffff},
	{AT(FIXTURE_LOW + 0xf000, 0x1000, FIXTURE_LOW + 0xf000), .boundary = 0xffff},
	{AT(FIXTURE_LOW + 0xf000, 0x1001, POOL_END - S(3)), .boundary = 0xffff},
	{AT(FIXTURE_LOW + 0x1000, 0x10000, POOL_END - 0x10000), .boundary = 0xffff},
	{AT(FIXTURE_LOW, 0x10001, NOWHERE), .boundary = 0xffff, .why = DMA_FAIL_TOO_BIG},
	{AT(FIXTURE_LOW + 0x800, 0x1000, NOWHERE), .boundary = 0xfff, .align = 0xfff,
	 .why = DMA_FAIL_TOO_BIG},
	{AT(FIXTURE_LOW, 4096, FIXTURE_LOW), .max_segment = 4096},
	{AT(FIXTURE_LOW, 4097, NOWHERE), .max_segment = 4096, .why = DMA_FAIL_LENGTH},
	{AT(FIXTURE_HIGH, 4097, NOWHERE), .max_segment = 4096, .why = DMA_FAIL_LENGTH},
	/* the original's low bits */
	{AT(FIXTURE_HIGH + 0x923, 0x100, POOL_END - S(1) + 0x123), .align = 0xfff},
	{AT(FIXTURE_HIGH + 0xe23, 0x1000, POOL_END - S(3) + 0x623), .align = 0xfff},
	{AT(FIXTURE_HIGH + 0x5e23, 0x1000, FIXTURE_LOW - 0x10000 + 0x5e23), .align = 0xffff},
	{AT(FIXTURE_LOW, 4096, POOL_END - S(2)), .force = true},
};

static void expect_place(struct ktest *t, struct dma_device *dev, const struct where *row)
{
	struct dma_fixture *f = t->fixture;
	uint64_t at, failed;
	dma_addr_t addr;

	EXPECT_EQ(t, dma_set_seg_boundary(dev, row->boundary ? row->boundary : UINT64_MAX), 0);
	EXPECT_EQ(t, dma_set_max_seg_size(dev, row->max_segment ? row->max_segment : SIZE_MAX), 0);
	EXPECT_EQ(t, dma_set_min_align_mask(dev, row->align), 0);
	dma_set_force(dev, row->force);
	failed = dev->count.failed[row->why];
	addr = fixture_map(t, dev, row->offset, row->len, DMA_BIDIRECTIONAL);
	if (dma_mapping_error(dev, addr)) {
		at = NOWHERE;
		EXPECT_EQ(t, dma_last_failure(dev), row->why);
		EXPECT_EQ(t, dev->count.failed[row->why], failed + 1);
	} else {
		at = dma_to_phys(&dev->limits, addr).value - f->base;
		swiotlb_validate(&f->pool);
		dma_unmap_single(dev, addr, row->len, DMA_BIDIRECTIONAL);
	}
	if (at != row->want)
		ktest_fail(t, __FILE__, __LINE__, "row %zu: at %#llx, not %#llx",
			   (size_t)(row - places), (unsigned long long)at,
			   (unsigned long long)row->want);
}

static void places_at_each_edge(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;

	swiotlb_cache(&f->pool, false);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		expect_place(t, &f->near, &places[i]);
}

/* The bus offset moves the window so that each mask ends where `near` ends. */
static void every_mask_with_offset(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;

	swiotlb_cache(&f->pool, false);
	for (unsigned bits = 24; bits <= 40; bits++) {
		for (unsigned odd = 0; odd < 2; odd++) {
			uint64_t mask = DMA_BIT_MASK(bits) - (odd ? 0x6123 : 0);

			fixture_window(dev, (int64_t)(mask + 1 - f->base - FIXTURE_HIGH), mask);
			for (size_t i = 0; i < 6; i++)
				expect_place(t, dev, &places[i]);
		}
	}
}

#define OF(len_, want_, ...) .len = (len_), .want = (want_), .free = {__VA_ARGS__}

/* What is free of a pool that is full but for that, and what of it a request gets. */
static const struct state {
	unsigned char free[4]; /* slots, until one that is no higher than the one before */
	uint64_t len;
	int want;	   /* slot, or -reason */
	uint64_t low_bits; /* of the buffer */
	uint32_t align;
	uint64_t boundary; /* 0: none */
	uint64_t reach;	   /* the last byte in the pool; 0: all */
} states[] = {
	{OF(1, -DMA_FAIL_EXHAUSTED, 0)},
	{OF(POOL_BYTES, -DMA_FAIL_EXHAUSTED, 0)},
	{OF(POOL_BYTES + 1, -DMA_FAIL_TOO_BIG, 0)},
	/* one slot left */
	{OF(1, 1, 1)},
	{OF(S(1), 1, 1)},
	{OF(S(1) + 1, -DMA_FAIL_EXHAUSTED, 1)},
	{OF(S(1), 100, 100)},
	{OF(S(1), 255, 255)},
	{OF(S(2), -DMA_FAIL_EXHAUSTED, 255)},
	/* two: apart, side by side, and over a word of any bitmap */
	{OF(S(1), 20, 10, 20)},
	{OF(S(1) + 1, -DMA_FAIL_FRAGMENTED, 10, 20)},
	{OF(S(1) + 1, 10, 10, 11)},
	{OF(S(2), 10, 10, 11)},
	{OF(S(2) + 1, -DMA_FAIL_EXHAUSTED, 10, 11)},
	{OF(S(2), 63, 63, 64)},
	{OF(S(3), -DMA_FAIL_FRAGMENTED, 10, 20, 21, 30)},
	{OF(S(4) + 1, -DMA_FAIL_EXHAUSTED, 10, 20, 21, 30)},
	/* a boundary each 32 slots: exactly met, and crossed */
	{OF(S(2), -DMA_FAIL_FRAGMENTED, 31, 32), .boundary = 0xffff},
	{OF(S(1), 32, 31, 32), .boundary = 0xffff},
	{OF(S(2), 30, 30, 31), .boundary = 0xffff},
	{OF(S(2), 32, 32, 33), .boundary = 0xffff},
	{OF(S(32) + 1, -DMA_FAIL_TOO_BIG, 31, 32), .boundary = 0xffff},
	/* low bits that only each second slot has; and those that make it take two */
	{OF(1, -DMA_FAIL_FRAGMENTED, 10), .low_bits = 0x800, .align = 0xfff},
	{OF(1, 11, 11), .low_bits = 0x800, .align = 0xfff},
	{OF(S(1), 10, 10), .low_bits = 0, .align = 0xfff},
	{OF(S(1) - 8, 11, 11), .low_bits = 8, .align = 0x7ff},
	{OF(S(1) - 7, -DMA_FAIL_EXHAUSTED, 11), .low_bits = 8, .align = 0x7ff},
	{OF(S(1) - 7, 11, 11, 12), .low_bits = 8, .align = 0x7ff},
	/* a device that reaches a part of it: what it can't use doesn't count */
	{OF(1, -DMA_FAIL_EXHAUSTED, 11), .reach = S(11) - 1},
	{OF(1, 11, 11), .reach = S(11)},
	{OF(S(1), 11, 11), .reach = S(12) - 1},
	{OF(S(1), -DMA_FAIL_EXHAUSTED, 11), .reach = S(12) - 2},
	{OF(S(1) + 1, -DMA_FAIL_EXHAUSTED, 11, 12), .reach = S(12) - 1},
	{OF(S(2), -DMA_FAIL_FRAGMENTED, 11, 13, 15), .reach = S(14) - 1},
	{OF(1, 11, 11, 13), .reach = S(14) - 1},
	{OF(S(129), -DMA_FAIL_OUT_OF_MASK, 11),
	 .reach = S(128) - 1}, /* nor is there such a block */
};

static void free_slot(struct dma_fixture *f, unsigned slot)
{
	dma_unmap_single(&f->near2, (dma_addr_t){f->base + FIXTURE_POOL + S(slot)}, S(1),
			 DMA_TO_DEVICE);
}

static void expect_state(struct ktest *t, const struct state *row)
{
	struct dma_fixture *f = t->fixture;
	uint64_t failed = fixture_failures(&f->near), pool = f->base + FIXTURE_POOL;
	dma_addr_t addr;
	int got;

	EXPECT_EQ(t, dma_set_seg_boundary(&f->near, row->boundary ? row->boundary : UINT64_MAX), 0);
	EXPECT_EQ(t, dma_set_min_align_mask(&f->near, row->align), 0);
	dma_set_bus_limit(&f->near, row->reach ? pool + row->reach : f->base + FIXTURE_HIGH - 1);
	addr = fixture_map(t, &f->near, FIXTURE_HIGH + row->low_bits, row->len, DMA_TO_DEVICE);
	if (dma_mapping_error(&f->near, addr)) {
		got = -(int)dma_last_failure(&f->near);
		EXPECT_EQ(t, fixture_failures(&f->near), failed + 1);
	} else {
		got = (int)((addr.bus - pool) >> SWIOTLB_SHIFT);
		EXPECT_EQ(t, addr.bus & row->align, row->low_bits & row->align);
		dma_unmap_single(&f->near, addr, row->len, DMA_TO_DEVICE);
	}
	if (got != row->want)
		ktest_fail(t, __FILE__, __LINE__, "row %zu: %d, not %d", (size_t)(row - states),
			   got, row->want);
}

static void nearly_full(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	unsigned slot;

	swiotlb_cache(&f->pool, false);
	for (const struct state *row = states; row < states + ARRAY_SIZE(states); row++) {
		for (slot = 0; slot < FIXTURE_SLOTS; slot++)
			fixture_map(t, &f->near2, FIXTURE_HIGH, S(1), DMA_TO_DEVICE);
		for (slot = 0; slot < 4 && row->free[slot] > (slot ? row->free[slot - 1] : 0);
		     slot++)
			free_slot(f, row->free[slot]);
		expect_state(t, row);
		/* The rest of them; those that are free are taken first. */
		while (slot-- > 0)
			fixture_map(t, &f->near2, FIXTURE_HIGH, S(1), DMA_TO_DEVICE);
		for (slot = 0; slot < FIXTURE_SLOTS; slot++)
			free_slot(f, slot);
	}
}

/* What lies below a window that begins in the middle of the pool is as far as what lies above. */
static void window_from_the_middle(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;
	uint64_t middle = FIXTURE_POOL + S(100);
	dma_addr_t addr;

	fixture_window(dev, -(int64_t)(f->base + middle), S(10) - 1);
	addr = fixture_map(t, dev, 0, 100, DMA_TO_DEVICE);
	EXPECT_EQ(t, addr.bus, 0);
	dma_unmap_single(dev, addr, 100, DMA_TO_DEVICE);
	addr = fixture_map(t, dev, FIXTURE_LOW, S(10), DMA_TO_DEVICE);
	EXPECT_EQ(t, addr.bus, 0);
	dma_unmap_single(dev, addr, S(10), DMA_TO_DEVICE);
	EXPECT(t, dma_mapping_error(dev, fixture_map(t, dev, 0, S(10) + 1, DMA_TO_DEVICE)));
	dma_set_bus_offset(dev, 0x7fff000000000000);
	EXPECT(t, dma_mapping_error(dev, fixture_map(t, dev, 0, 1, DMA_TO_DEVICE)));
}

static void set_mask(struct ktest *t)
{
	static const struct {
		uint64_t mask, bus_limit;
		int64_t offset;
		int want;
	} table[] = {
		{DMA_BIT_MASK(24), UINT64_MAX, 0, 0},
		{DMA_BIT_MASK(24) - 1, UINT64_MAX, 0, -EIO},
		{DMA_BIT_MASK(23), UINT64_MAX, 0, -EIO},
		{0, UINT64_MAX, 0, -EIO},
		{0x1234567, UINT64_MAX, 0, 0},
		{DMA_BIT_MASK(31) - 0x555, UINT64_MAX, 0, 0},
		{DMA_BIT_MASK(40), UINT64_MAX, 0, 0},
		{UINT64_MAX, UINT64_MAX, 0, 0},
		{UINT64_MAX, DMA_BIT_MASK(30), 0, 0}, /* wider than the way there: fine */
		{UINT64_MAX, 10, 0, -EIO},	      /* not even a page */
		{DMA_BIT_MASK(24), UINT64_MAX, GIB(2), -EIO},
		{GIB(2) - 1, UINT64_MAX, GIB(2), -EIO},
		{GIB(2) + PAGE_SIZE - 2, UINT64_MAX, GIB(2), -EIO}, /* a byte short of a page */
		{GIB(2) + PAGE_SIZE - 1, UINT64_MAX, GIB(2), 0},
		{DMA_BIT_MASK(32), UINT64_MAX, GIB(2), 0},
		{DMA_BIT_MASK(24), UINT64_MAX, -(int64_t)GIB(900), -EIO}, /* no memory up there */
		{DMA_BIT_MASK(24), UINT64_MAX, -(int64_t)MIB(4), 0},
	};
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		fixture_window(dev, table[i].offset, table[i].bus_limit);
		dev->limits.streaming_mask = dev->limits.coherent_mask = 7;
		EXPECT_EQ(t, dma_set_mask(dev, table[i].mask), table[i].want);
		EXPECT_EQ(t, dev->limits.streaming_mask, table[i].want ? 7 : table[i].mask);
		EXPECT_EQ(t, dev->limits.coherent_mask, 7);
		EXPECT_EQ(t, dma_set_coherent_mask(dev, table[i].mask), table[i].want);
		EXPECT_EQ(t, dev->limits.coherent_mask, table[i].want ? 7 : table[i].mask);
		dev->limits.streaming_mask = dev->limits.coherent_mask = 9;
		EXPECT_EQ(t, dma_set_mask_and_coherent(dev, table[i].mask), table[i].want);
		EXPECT_EQ(t, dev->limits.coherent_mask, table[i].want ? 9 : table[i].mask);
		EXPECT_EQ(t, dev->limits.streaming_mask, table[i].want ? 9 : table[i].mask);
	}
}

/* The pool alone makes a mask good: one slot of it. */
static void set_mask_by_pool(struct ktest *t)
{
	static uint64_t metadata[16];
	struct dma_fixture *f = t->fixture;
	struct swiotlb pool;

	swiotlb_init(&pool, phys(GIB(512)), 4, metadata);
	f->sys.pool = f->near.pool = &pool;
	dma_set_bus_offset(&f->near, -(int64_t)(GIB(512) - MIB(16)));
	EXPECT_EQ(t, dma_set_mask(&f->near, DMA_BIT_MASK(24)), -EIO);
	EXPECT_EQ(t, dma_set_mask(&f->near, DMA_BIT_MASK(24) + S(1) - 1), -EIO);
	EXPECT_EQ(t, dma_set_mask(&f->near, DMA_BIT_MASK(24) + S(1)), 0);
	dma_set_bus_offset(&f->near, -(int64_t)(GIB(512) + S(3)));
	EXPECT_EQ(t, dma_set_mask(&f->near, DMA_BIT_MASK(24)), 0);
	dma_set_bus_offset(&f->near, -(int64_t)(GIB(512) + S(3)) - 1);
	EXPECT_EQ(t, dma_set_mask(&f->near, DMA_BIT_MASK(24)), -EIO);
	f->sys.pool = f->near.pool = &f->pool;
}

static void setters(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;
	const struct dma_limits *limits = &dev->limits;

	EXPECT_EQ(t, dev->slow, 0);
	EXPECT_EQ(t, dev->reach, f->base + FIXTURE_HIGH - 1);
	EXPECT_EQ(t, dev->short_end, f->base + FIXTURE_HIGH);
	EXPECT_EQ(t, dma_set_seg_boundary(dev, 0), -EINVAL);
	EXPECT_EQ(t, dma_set_seg_boundary(dev, 0xfffe), -EINVAL);
	EXPECT_EQ(t, dma_set_max_seg_size(dev, 0), -EINVAL);
	EXPECT_EQ(t, dma_set_max_segments(dev, 0), -EINVAL);
	EXPECT_EQ(t, dma_set_min_align_mask(dev, 0x800), -EINVAL);
	EXPECT_EQ(t, dev->slow, 0);
	EXPECT_EQ(t, dma_set_max_segments(dev, 7), 0);
	EXPECT_EQ(t, limits->max_segments, 7);
	EXPECT_EQ(t, dma_set_min_align_mask(dev, 0xfff), 0);
	EXPECT_EQ(t, dev->fit.min_align_mask, 0xfff);
	EXPECT_EQ(t, dev->short_end, f->base + FIXTURE_HIGH); /* these are no matter to it */
	EXPECT_EQ(t, dma_set_seg_boundary(dev, 0xffff), 0);
	EXPECT_EQ(t, dev->fit.boundary_mask, 0xffff);
	EXPECT_EQ(t, dev->slow, DMA_SLOW_LIMITS);
	EXPECT_EQ(t, dev->short_end, 0);
	EXPECT_EQ(t, dma_set_seg_boundary(dev, UINT64_MAX), 0);
	EXPECT_EQ(t, dev->slow, 0);
	EXPECT_EQ(t, dma_set_max_seg_size(dev, 512), 0);
	EXPECT_EQ(t, dev->slow, DMA_SLOW_LIMITS);
	dma_set_force(dev, true);
	EXPECT_EQ(t, dma_set_max_seg_size(dev, SIZE_MAX), 0);
	EXPECT_EQ(t, dev->slow, DMA_SLOW_FORCE);
	dma_set_force(dev, false);
	fixture_window(dev, 4096, f->base);
	EXPECT_EQ(t, dev->slow, DMA_SLOW_LIMITS);
	EXPECT_EQ(t, dev->fit.last, f->base - 4096);
	fixture_window(dev, 0, UINT64_MAX);
	EXPECT_EQ(t, dev->short_end, UINT64_MAX); /* the topmost address is the error's */
}

/* A child's own word counts where it is the stricter one; its masks are its own word alone. */
static void parents(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *parent = &f->near, child;

	dma_set_seg_boundary(parent, 0xffff);
	dma_set_min_align_mask(parent, 0xff);
	dma_set_max_segments(parent, 8);
	EXPECT_EQ(t, dma_set_mask(parent, DMA_BIT_MASK(30)), 0);
	EXPECT_EQ(t, dma_device_add(&f->sys, &child, "child0", parent), 0);
	EXPECT_EQ(t, child.limits.streaming_mask, DMA_BIT_MASK(30));
	EXPECT_EQ(t, child.reach, f->base + FIXTURE_HIGH - 1);
	EXPECT_EQ(t, child.slow, DMA_SLOW_LIMITS);
	EXPECT_EQ(t, dma_set_mask(&child, DMA_BIT_MASK(40)), 0);
	EXPECT_EQ(t, child.limits.streaming_mask, DMA_BIT_MASK(40));
	dma_set_bus_limit(&child, UINT64_MAX);
	dma_set_seg_boundary(&child, 0xfffff);
	dma_set_min_align_mask(&child, 0xf);
	dma_set_max_segments(&child, 1000);
	EXPECT_EQ(t, child.limits.bus_limit, parent->limits.bus_limit);
	EXPECT_EQ(t, child.limits.boundary_mask, 0xffff);
	EXPECT_EQ(t, child.limits.min_align_mask, 0xff);
	EXPECT_EQ(t, child.limits.max_segments, 8);
	dma_set_seg_boundary(&child, 0xfff);
	dma_set_min_align_mask(&child, 0x1ff);
	EXPECT_EQ(t, child.limits.boundary_mask, 0xfff);
	EXPECT_EQ(t, child.limits.min_align_mask, 0x1ff);
	dma_device_remove(&child);
}

/* --- what can be asked --- */

static void required_mask(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;
	uint64_t last = f->base + POOL_END - 1, mask = DMA_MIN_MASK;

	while (mask < last)
		mask = 2 * mask + 1;
	EXPECT_EQ(t, dma_get_required_mask(dev), mask);
	EXPECT(t, !dma_addressing_limited(dev));
	dma_set_bus_limit(dev, last);
	EXPECT(t, !dma_addressing_limited(dev));
	dma_set_bus_limit(dev, last - 1);
	EXPECT(t, dma_addressing_limited(dev));
	EXPECT_EQ(t, dma_get_required_mask(dev), mask);
	fixture_window(dev, (int64_t)GIB(1000), UINT64_MAX);
	EXPECT_EQ(t, dma_get_required_mask(dev), DMA_BIT_MASK(40));
	EXPECT(t, !dma_addressing_limited(dev));
	dma_set_bus_offset(dev, -(int64_t)PAGE_SIZE); /* the lowest page has no bus address */
	EXPECT(t, dma_addressing_limited(dev));
	dma_set_bus_offset(dev, -(int64_t)last);
	EXPECT_EQ(t, dma_get_required_mask(dev), DMA_MIN_MASK);
	dma_set_bus_offset(dev, -(int64_t)last - 1);
	EXPECT_EQ(t, dma_get_required_mask(dev), UINT64_MAX);
}

static bool can_map(struct ktest *t, struct dma_device *dev, uint64_t low_bits, size_t len)
{
	dma_addr_t addr = fixture_map(t, dev, FIXTURE_HIGH + low_bits, len, DMA_TO_DEVICE);

	if (dma_mapping_error(dev, addr))
		return false;
	dma_unmap_single(dev, addr, len, DMA_TO_DEVICE);
	return true;
}

/* So much can be mapped wherever the buffer lies, and a byte more not everywhere. */
static void expect_max(struct ktest *t, struct dma_device *dev, size_t want)
{
	uint64_t align = dev->fit.min_align_mask, low[] = {0, 1, align / 2, align};
	size_t max = dma_max_mapping_size(dev);
	bool more = true;

	EXPECT_EQ(t, max, want);
	for (size_t i = 0; i < ARRAY_SIZE(low) && !t->failed; i++) {
		EXPECT(t, can_map(t, dev, low[i] & align, max));
		more &= can_map(t, dev, low[i] & align, max + 1);
	}
	EXPECT(t, !more);
}

static void max_mapping(struct ktest *t)
{
	static const struct {
		uint32_t align;
		uint64_t boundary, reach; /* in the pool, bytes */
		size_t max_segment, want;
		int64_t offset; /* of the bus */
	} table[] = {
		{0, UINT64_MAX, POOL_BYTES, SIZE_MAX, POOL_BYTES, 0},
		{0, UINT64_MAX, POOL_BYTES, 65536, 65536, 0},
		{0xff, UINT64_MAX, POOL_BYTES, SIZE_MAX, POOL_BYTES - 0xff, 0},
		{0xffff, UINT64_MAX, POOL_BYTES, SIZE_MAX, POOL_BYTES - 0xffff, 0},
		{0, 0xffff, POOL_BYTES, SIZE_MAX, 0x10000, 0},
		{0xfff, 0xffff, POOL_BYTES, SIZE_MAX, 0xf001, 0},
		{0xffff, 0xffff, POOL_BYTES, SIZE_MAX, 1, 0},
		{0, 0x7ffff, POOL_BYTES, SIZE_MAX, 0x40000, 0}, /* the pool has two half ones */
		{0, 0x3ffff, POOL_BYTES, SIZE_MAX, 0x40000, 0x10000}, /* the second piece */
		{0, 0x3ffff, S(40), SIZE_MAX, S(40) - 0x8000, 0x38000},
		{0, UINT64_MAX, 4096, SIZE_MAX, 4096, 0},
		{0, UINT64_MAX, 4095, SIZE_MAX, 4095, 0},
		{0, 0xfff, 6000, SIZE_MAX, 4096, 0},
		{0, UINT64_MAX, 1, SIZE_MAX, 1, 0},
	};
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;

	dma_set_force(dev, true); /* so that what it reaches doesn't help it */
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		dma_set_min_align_mask(dev, table[i].align);
		dma_set_seg_boundary(dev, table[i].boundary);
		dma_set_max_seg_size(dev, table[i].max_segment);
		fixture_window(dev, table[i].offset,
			       f->base + FIXTURE_POOL + table[i].reach - 1 +
				       (uint64_t)table[i].offset);
		/* With but a part of the pool, pages serve what is longer. */
		if (table[i].reach == POOL_BYTES)
			expect_max(t, dev, table[i].want);
		else
			EXPECT_EQ(t, dma_max_mapping_size(dev), table[i].want);
	}
	dma_set_min_align_mask(dev, 0);
	dma_set_seg_boundary(dev, UINT64_MAX);
	fixture_window(dev, 0, f->base + FIXTURE_HIGH - 1);
	EXPECT_EQ(t, dma_opt_mapping_size(dev), S(SWIOTLB_MAGAZINE_SLOTS));
	dma_set_min_align_mask(dev, 0x1ff);
	EXPECT_EQ(t, dma_opt_mapping_size(dev), S(SWIOTLB_MAGAZINE_SLOTS) - 0x1ff);
	dma_set_max_seg_size(dev, 4096);
	EXPECT_EQ(t, dma_opt_mapping_size(dev), 4096);
	dma_set_force(dev, false);
	EXPECT_EQ(t, dma_max_mapping_size(dev), 4096);
	dma_set_max_seg_size(dev, SIZE_MAX);
	EXPECT_EQ(t, dma_max_mapping_size(dev), SIZE_MAX);
	EXPECT_EQ(t, dma_opt_mapping_size(dev), SIZE_MAX);
	dma_set_seg_boundary(dev, 0xfffff); /* it reaches all, but what crosses has to bounce */
	EXPECT_EQ(t, dma_max_mapping_size(dev), POOL_BYTES - 0x1ff);
	dma_set_bus_limit(&f->tight, DMA_MIN_MASK); /* below the pool: a block of pages */
	EXPECT_EQ(t, dma_max_mapping_size(&f->tight), PAGE_SIZE << BUDDY_MAX_ORDER);
	dma_set_seg_boundary(&f->tight, 0xffff);
	EXPECT_EQ(t, dma_max_mapping_size(&f->tight), 0x10000);
	dma_set_bus_limit(&f->tight, PAGE_SIZE - 2);
	EXPECT_EQ(t, dma_max_mapping_size(&f->tight), 0);
}

static void need_sync(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t direct = fixture_map(t, &f->near, FIXTURE_LOW, 100, DMA_TO_DEVICE);
	dma_addr_t bounced = fixture_map(t, &f->near, FIXTURE_HIGH, 5000, DMA_TO_DEVICE);
	dma_addr_t page = fixture_map(t, &f->tight, FIXTURE_HIGH, 100, DMA_TO_DEVICE);

	EXPECT(t, !dma_need_sync(&f->near, direct));
	EXPECT(t, dma_need_sync(&f->near, bounced));
	EXPECT(t, dma_need_sync(&f->near, dma_addr_add(bounced, 4999)));
	EXPECT(t, !dma_need_sync(&f->near, dma_addr_add(bounced, 5000)));
	EXPECT(t, !dma_need_sync(&f->near2, bounced));
	EXPECT(t, !dma_need_sync(&f->near, DMA_MAPPING_ERROR));
	EXPECT(t, dma_need_sync(&f->tight, page));
	dma_unmap_single(&f->near, direct, 100, DMA_TO_DEVICE);
	dma_unmap_single(&f->near, bounced, 5000, DMA_TO_DEVICE);
	dma_unmap_single(&f->tight, page, 100, DMA_TO_DEVICE);
}

/* A buffer in bounce memory, where the device has no mapping: there it isn't used. */
static void bounce_memory(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;
	uint8_t *buffer = fixture_memory(f, FIXTURE_POOL + 8);
	struct dma_wait wait;
	dma_addr_t addr, page;
	uint64_t out;

	fixture_fill(buffer, 100, 1);
	for (unsigned slow = 0; slow < 2; slow++) {
		dma_set_max_seg_size(dev, slow ? 4096 : SIZE_MAX);
		addr = dma_map_single(dev, buffer, 100, DMA_BIDIRECTIONAL);
		EXPECT(t, !dma_mapping_error(dev, addr));
		EXPECT(t, addr.bus != f->base + FIXTURE_POOL + 8);
		EXPECT(t, dma_gate(dev, addr, 100, &out));
		fixture_fill(fixture_device_view(dev, addr), 100, (uint8_t)(7 + slow));
		dma_unmap_single(dev, addr, 100, DMA_BIDIRECTIONAL);
		EXPECT(t, fixture_is(buffer, 100, (uint8_t)(7 + slow)));
	}
	EXPECT_EQ(t, dma_map_single_wait(dev, buffer, 100, DMA_TO_DEVICE, &addr, &wait, NULL, NULL),
		  0);
	EXPECT(t, dma_gate(dev, addr, 100, &out));
	dma_unmap_single(dev, addr, 100, DMA_TO_DEVICE);
	EXPECT_EQ(t, dev->count.live, 0);
	EXPECT_EQ(t, dev->count.bounced, 3);
	/* What lies between transient slots and the pool is none. */
	dma_set_bus_limit(&f->tight, f->base + KIB(16) - 1);
	page = fixture_map(t, &f->tight, FIXTURE_HIGH, 1, DMA_TO_DEVICE);
	for (unsigned slow = 0; slow < 2; slow++) {
		dma_set_max_seg_size(dev, slow ? 4096 : SIZE_MAX);
		addr = fixture_map(t, dev, KIB(64), 100, DMA_TO_DEVICE);
		EXPECT_EQ(t, addr.bus, f->base + KIB(64));
		dma_unmap_single(dev, addr, 100, DMA_TO_DEVICE);
	}
	addr = dma_map_phys(dev, phys(page.bus), 1, DMA_TO_DEVICE, 0);
	EXPECT(t, !dma_mapping_error(dev, addr) && addr.bus != page.bus);
	dma_unmap_single(dev, addr, 1, DMA_TO_DEVICE);
	dma_unmap_single(&f->tight, page, 1, DMA_TO_DEVICE);
}

/* Device memory far above all RAM, behind RAM's end, and what is no such thing. */
static void resources(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;
	phys_addr_t bar = phys(GIB(900));
	dma_addr_t addr;
	uint64_t out;

	dma_set_bus_limit(dev, DMA_BIT_MASK(40));
	dma_set_force(dev, true); /* is no matter here */
	addr = dma_map_resource(dev, bar, MIB(8), DMA_BIDIRECTIONAL, 0);
	EXPECT_EQ(t, addr.bus, GIB(900));
	EXPECT(t, dma_gate(dev, addr, MIB(8), &out) && out == GIB(900));
	EXPECT(t, !dma_need_sync(dev, addr));
	dma_unmap_resource(dev, addr, MIB(8), DMA_BIDIRECTIONAL, 0);
	EXPECT_EQ(t, dev->count.live, 0);
	EXPECT_EQ(t, dma_count_mappings(dev), 1);
	EXPECT_EQ(t, dma_map_resource(dev, phys(DMA_BIT_MASK(40)), 1, DMA_TO_DEVICE, 0).bus,
		  DMA_BIT_MASK(40));
	dma_unmap_resource(dev, (dma_addr_t){DMA_BIT_MASK(40)}, 1, DMA_TO_DEVICE, 0);
	EXPECT(t, dma_mapping_error(
			  dev, dma_map_resource(dev, phys(DMA_BIT_MASK(40)), 2, DMA_TO_DEVICE, 0)));
	EXPECT_EQ(t, dma_last_failure(dev), DMA_FAIL_OUT_OF_MASK);
	EXPECT(t, dma_mapping_error(dev, dma_map_resource(dev, bar, 0, DMA_TO_DEVICE, 0)));
	EXPECT_EQ(t, dma_last_failure(dev), DMA_FAIL_LENGTH);
	EXPECT(t, dma_mapping_error(dev, dma_map_resource(dev, bar, SIZE_MAX, DMA_TO_DEVICE, 0)));
	dma_set_seg_boundary(dev, 0xfff);
	EXPECT(t, dma_mapping_error(
			  dev, dma_map_resource(dev, phys_add(bar, 1), 4096, DMA_TO_DEVICE, 0)));
	EXPECT_EQ(t, dev->count.failed[DMA_FAIL_OUT_OF_MASK], 2);
	EXPECT_EQ(t, dev->count.failed[DMA_FAIL_LENGTH], 2);
}

static void resources_are_no_ram(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	const uint64_t ram[] = {0, FIXTURE_POOL - 1, FIXTURE_POOL, POOL_END - 1};
	dma_addr_t addr;

	for (size_t i = 0; i < ARRAY_SIZE(ram); i++) {
		addr = dma_map_resource(&f->near, phys(f->base + ram[i]), 1, DMA_TO_DEVICE, 0);
		EXPECT(t, dma_mapping_error(&f->near, addr));
		fixture_expect_misuse(t, DMA_MISUSE_RESOURCE);
	}
	addr = dma_map_resource(&f->near, phys(f->base - 8), 9, DMA_TO_DEVICE, 0);
	EXPECT(t, dma_mapping_error(&f->near, addr));
	fixture_expect_misuse(t, DMA_MISUSE_RESOURCE);
	EXPECT(t, memmap_has_ram(f->zones.map, f->base + FIXTURE_POOL - 1, f->base + FIXTURE_POOL));
	EXPECT(t, !memmap_has_ram(f->zones.map, f->base + FIXTURE_POOL, UINT64_MAX));
	EXPECT_EQ(t, fixture_failures(&f->near), 0);
	addr = fixture_map(t, &f->near, FIXTURE_HIGH, 100, DMA_TO_DEVICE);
	dma_unmap_resource(&f->near, addr, 100, DMA_TO_DEVICE, 0);
	fixture_expect_misuse(t, DMA_MISUSE_FUNCTION);
	dma_unmap_single(&f->near, addr, 100, DMA_TO_DEVICE);
	addr = fixture_map(t, &f->near, 0, 100, DMA_TO_DEVICE);
	dma_unmap_resource(&f->near, addr, 100, DMA_TO_DEVICE, 0);
	fixture_expect_misuse(t, DMA_MISUSE_FUNCTION);
	dma_unmap_single(&f->near, addr, 100, DMA_TO_DEVICE);
}

/* --- devices, and what is counted --- */

/* A full pool is a failure; the reserve of devices with tighter limits is not touched. */
static void full_pool(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t all =
		fixture_map(t, &f->near, FIXTURE_HIGH, POOL_END - FIXTURE_POOL, DMA_TO_DEVICE);
	uint64_t before = fixture_free_bytes(f);

	EXPECT(t, dma_mapping_error(&f->near,
				    fixture_map(t, &f->near, FIXTURE_HIGH, 1, DMA_TO_DEVICE)));
	EXPECT_EQ(t, fixture_failures(&f->near), 1);
	EXPECT_EQ(t, f->near.count.live, 1);
	EXPECT_EQ(t, f->pool.refused[DMA_FAIL_EXHAUSTED], 1);
	EXPECT_EQ(t, fixture_free_bytes(f), before);
	dma_unmap_single(&f->near, all, POOL_END - FIXTURE_POOL, DMA_TO_DEVICE);
}

static void counters(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_counters *c = &f->near.count, sum;
	dma_addr_t direct = fixture_map(t, &f->near, FIXTURE_LOW, 100, DMA_BIDIRECTIONAL);
	dma_addr_t bounced = fixture_map(t, &f->near, FIXTURE_HIGH, 5000, DMA_BIDIRECTIONAL);
	dma_addr_t transient = fixture_map(t, &f->tight, FIXTURE_HIGH, 300, DMA_FROM_DEVICE);

	EXPECT_EQ(t, c->live, 2);
	dma_sync_single_for_cpu(&f->near, direct, 100, DMA_BIDIRECTIONAL);
	dma_sync_single_for_cpu(&f->near, bounced, 1000, DMA_BIDIRECTIONAL);
	dma_sync_single_for_device(&f->near, bounced, 500, DMA_BIDIRECTIONAL);
	dma_sync_single_for_device(&f->tight, transient, 300, DMA_FROM_DEVICE);
	dma_unmap_single(&f->near, direct, 100, DMA_BIDIRECTIONAL);
	dma_unmap_single(&f->near, bounced, 5000, DMA_BIDIRECTIONAL);
	dma_unmap_single(&f->tight, transient, 300, DMA_FROM_DEVICE);
	EXPECT_EQ(t, dma_count_mappings(&f->near), 2);
	EXPECT_EQ(t, c->bounced, 1);
	EXPECT_EQ(t, c->transient, 0);
	EXPECT_EQ(t, dma_level_now(&c->slots), 0);
	EXPECT_EQ(t, c->slots.high, 3);
	EXPECT_EQ(t, c->bytes_direct, 100);
	EXPECT_EQ(t, c->bytes_in, 5500);
	EXPECT_EQ(t, c->bytes_out, 6000);
	EXPECT_EQ(t, f->pool.used.high, 3);
	EXPECT_EQ(t, dma_count_mappings(&f->tight), 1);
	EXPECT_EQ(t, f->tight.count.transient, 1);
	EXPECT_EQ(t, f->tight.count.slots.high, 0);
	EXPECT_EQ(t, f->tight.count.bytes_in, 300);
	EXPECT_EQ(t, f->tight.count.bytes_out, 300);
	dma_device_remove(&f->near); /* of all, those that are gone too */
	dma_count_all(&f->sys, &sum);
	EXPECT_EQ(t, sum.bounced, 1);
	EXPECT_EQ(t, sum.transient, 1);
	EXPECT_EQ(t, sum.bytes_in, 5800);
	EXPECT_EQ(t, sum.bytes_out, 6300);
	EXPECT_EQ(t, sum.live, 0);
}

/* The pointer's way in, and a forced pool. */
static void map_single_forced(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	uint8_t *buffer = fixture_memory(f, FIXTURE_LOW);
	struct dma_device dev;
	dma_addr_t addr = dma_map_single(&f->near, buffer, 100, DMA_TO_DEVICE);

	EXPECT_EQ(t, addr.bus, f->base + FIXTURE_LOW);
	dma_unmap_single(&f->near, addr, 100, DMA_TO_DEVICE);
	f->pool.force = true;
	EXPECT_EQ(t, dma_device_add(&f->sys, &dev, "forced0", NULL), 0);
	EXPECT_EQ(t, dev.limits.streaming_mask, DMA_BIT_MASK(32));
	addr = dma_map_single(&dev, buffer, 100, DMA_TO_DEVICE);
	EXPECT_EQ(t, addr.bus, f->base + POOL_END - S(1));
	dma_unmap_single(&dev, addr, 100, DMA_TO_DEVICE);
	EXPECT_EQ(t, dev.count.bounced, 1);
	dma_set_force(&dev, false); /* of no use against the pool's word */
	EXPECT_EQ(t, dev.slow, DMA_SLOW_FORCE);
	dma_device_remove(&dev);
}

static void devices(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = (void *)fixture_memory(f, FIXTURE_HIGH);
	size_t n = 0;

	dma_set_bus_limit(&f->near, 0x12345678);
	while (n < DMA_MAX_DEVICES && dma_device_add(&f->sys, &dev[n], "d", &f->near) == 0)
		n++;
	EXPECT_EQ(t, n, DMA_MAX_DEVICES - 4);
	EXPECT_EQ(t, dma_device_add(&f->sys, &dev[n], "d", NULL), -ENOSPC);
	/* It is no device, then, and has no number to own a slot by. */
	EXPECT(t,
	       dma_mapping_error(&dev[n], fixture_map(t, &dev[n], FIXTURE_LOW, 1, DMA_TO_DEVICE)));
	EXPECT_EQ(t, dev[3].id, 8);
	EXPECT_EQ(t, dev[3].limits.bus_limit, 0x12345678);
	dma_device_remove(&dev[3]);
	dma_device_remove(&dev[3]);
	EXPECT(t, f->sys.device[7] == NULL);
	EXPECT_EQ(t, dma_device_add(&f->sys, &dev[n], "e", NULL), 0);
	EXPECT_EQ(t, dev[n].id, 8);
	for (size_t i = 0; i <= n; i++)
		dma_device_remove(&dev[i]);
}

static const struct ktest_case cases[] = {
	{"places_at_each_edge", places_at_each_edge},
	{"every_mask_with_offset", every_mask_with_offset},
	{"nearly_full", nearly_full},
	{"window_from_the_middle", window_from_the_middle},
	{"set_mask", set_mask},
	{"set_mask_by_pool", set_mask_by_pool},
	{"setters", setters},
	{"parents", parents},
	{"required_mask", required_mask},
	{"max_mapping", max_mapping},
	{"need_sync", need_sync},
	{"bounce_memory", bounce_memory},
	{"resources", resources},
	{"resources_are_no_ram", resources_are_no_ram},
	{"full_pool", full_pool},
	{"counters", counters},
	{"map_single_forced", map_single_forced},
	{"devices", devices},
	{NULL, NULL},
};

extern const struct ktest_suite map_suite;
const struct ktest_suite map_suite = {"map", dma_fixture_begin, dma_fixture_end, cases};
