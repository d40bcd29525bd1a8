/* SPDX-License-Identifier: MIT */
/*
 * Map, unmap, sync: which memory a device is given, and which bytes are where
 * after each step.
 */
#include "dma/transient.h"
#include "tests/unit/dma_fixture.h"

#define POOL_END FIXTURE_LOW
#define S(n)	 ((n)*SWIOTLB_SLOT)
#define NOWHERE	 UINT64_MAX

static const enum dma_data_direction directions[] = {DMA_BIDIRECTIONAL, DMA_TO_DEVICE,
						     DMA_FROM_DEVICE};

static dma_addr_t map(struct ktest *t, struct dma_device *dev, uint64_t offset, size_t len,
		      enum dma_data_direction dir)
{
	struct dma_fixture *f = t->fixture;

	return dma_map_phys(dev, phys(f->base + offset), len, dir, 0);
}

/* --- where
 * ---------------------------------------------------------------------------------------- */

#define AT(offset_, len_, want_) .offset = (offset_), .len = (len_), .want = (want_)

static const struct where {
	uint64_t offset, len; /* of the buffer, from the fixture's base */
	uint64_t want;	      /* where the device is sent, from there too; NOWHERE */
	uint64_t boundary;    /* 0: none */
	size_t max_segment;   /* 0: any */
	uint32_t align;
	bool force;
} places[] = {
	/* the last byte at the mask, and one further */
	{AT(FIXTURE_LOW, 4096, FIXTURE_LOW)},
	{AT(FIXTURE_HIGH - 4096, 4096, FIXTURE_HIGH - 4096)},
	{AT(FIXTURE_HIGH - 1, 1, FIXTURE_HIGH - 1)},
	{AT(FIXTURE_HIGH - 4096, 4097, POOL_END - S(3))},
	{AT(FIXTURE_HIGH - 1, 2, POOL_END - S(1))},
	{AT(FIXTURE_HIGH, 1, POOL_END - S(1))},
	/* no bytes, too many, an end that wraps */
	{AT(FIXTURE_LOW, 0, NOWHERE)},
	{AT(FIXTURE_HIGH, 0, NOWHERE)},
	{AT(FIXTURE_LOW, SIZE_MAX, NOWHERE)},
	{AT(FIXTURE_HIGH, UINT64_MAX - FIXTURE_HIGH, NOWHERE)},
	{AT(FIXTURE_HIGH, 1UL << 32, NOWHERE)},
	{AT(FIXTURE_HIGH, (1UL << 32) + 1, NOWHERE)},
	/* the whole pool in one mapping, and one byte more */
	{AT(FIXTURE_HIGH, POOL_END - FIXTURE_POOL, FIXTURE_POOL)},
	{AT(FIXTURE_HIGH, POOL_END - FIXTURE_POOL + 1, NOWHERE)},
	/* the boundary exactly met, and crossed: bounced though it is within reach */
	{AT(FIXTURE_LOW, 0x10000, FIXTURE_LOW), .boundary = 0xffff},
	{AT(FIXTURE_LOW + 0xf000, 0x1000, FIXTURE_LOW + 0xf000), .boundary = 0xffff},
	{AT(FIXTURE_LOW + 0xf000, 0x1001, POOL_END - S(3)), .boundary = 0xffff},
	{AT(FIXTURE_LOW + 0x1000, 0x10000, POOL_END - 0x10000), .boundary = 0xffff},
	{AT(FIXTURE_LOW, 0x10001, NOWHERE), .boundary = 0xffff},
	{AT(FIXTURE_LOW + 0x800, 0x1000, NOWHERE), .boundary = 0xfff, .align = 0xfff},
	{AT(FIXTURE_LOW, 4096, FIXTURE_LOW), .max_segment = 4096},
	{AT(FIXTURE_LOW, 4097, NOWHERE), .max_segment = 4096},
	{AT(FIXTURE_HIGH, 4097, NOWHERE), .max_segment = 4096},
	/* the original's low bits */
	{AT(FIXTURE_HIGH + 0x923, 0x100, POOL_END - S(1) + 0x123), .align = 0xfff},
	{AT(FIXTURE_HIGH + 0xe23, 0x1000, POOL_END - S(3) + 0x623), .align = 0xfff},
	{AT(FIXTURE_HIGH + 0x5e23, 0x1000, FIXTURE_LOW - 0x10000 + 0x5e23), .align = 0xffff},
	{AT(FIXTURE_LOW, 4096, POOL_END - S(2)), .force = true},
};

static void expect_place(struct ktest *t, struct dma_device *dev, const struct where *row)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t addr;
	uint64_t at;

	dev->limits.boundary_mask = row->boundary ? row->boundary : UINT64_MAX;
	dev->limits.max_segment = row->max_segment ? row->max_segment : SIZE_MAX;
	dev->limits.min_align_mask = row->align;
	dev->slow = row->force ? DMA_SLOW_FORCE : 0;
	addr = map(t, dev, row->offset, row->len, DMA_BIDIRECTIONAL);
	if (dma_mapping_error(dev, addr)) {
		at = NOWHERE;
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

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		expect_place(t, &f->near, &places[i]);
}

/* The bus offset moves the window so that each mask ends where `near` ends. */
static void every_mask_with_offset(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;

	for (unsigned bits = 24; bits <= 40; bits++) {
		for (unsigned odd = 0; odd < 2; odd++) {
			uint64_t mask = DMA_BIT_MASK(bits) - (odd ? 0x6123 : 0);

			dev->limits.streaming_mask = mask;
			dev->limits.bus_offset = (int64_t)(mask + 1 - f->base - FIXTURE_HIGH);
			for (size_t i = 0; i < 6; i++)
				expect_place(t, dev, &places[i]);
		}
	}
	dev->limits.bus_offset = 0;
}

/* What lies below a window that begins in the middle of the pool is as far as what lies above. */
static void window_from_the_middle(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;
	uint64_t middle = FIXTURE_POOL + S(100);
	dma_addr_t addr;

	dev->limits.bus_offset = -(int64_t)(f->base + middle);
	dev->limits.streaming_mask = S(10) - 1;
	addr = map(t, dev, 0, 100, DMA_TO_DEVICE);
	EXPECT_EQ(t, addr.bus, 0);
	dma_unmap_single(dev, addr, 100, DMA_TO_DEVICE);
	addr = map(t, dev, FIXTURE_LOW, S(10), DMA_TO_DEVICE);
	EXPECT_EQ(t, addr.bus, 0);
	dma_unmap_single(dev, addr, S(10), DMA_TO_DEVICE);
	EXPECT(t, dma_mapping_error(dev, map(t, dev, 0, S(10) + 1, DMA_TO_DEVICE)));
	dev->limits.bus_offset = 0x7fff000000000000;
	EXPECT(t, dma_mapping_error(dev, map(t, dev, 0, 1, DMA_TO_DEVICE)));
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
		dev->limits.bus_limit = table[i].bus_limit;
		dev->limits.bus_offset = table[i].offset;
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
	f->sys.pool = &pool;
	f->near.limits.bus_offset = -(int64_t)(GIB(512) - MIB(16));
	EXPECT_EQ(t, dma_set_mask(&f->near, DMA_BIT_MASK(24)), -EIO);
	EXPECT_EQ(t, dma_set_mask(&f->near, DMA_BIT_MASK(24) + S(1) - 1), -EIO);
	EXPECT_EQ(t, dma_set_mask(&f->near, DMA_BIT_MASK(24) + S(1)), 0);
	f->near.limits.bus_offset = -(int64_t)(GIB(512) + S(3));
	EXPECT_EQ(t, dma_set_mask(&f->near, DMA_BIT_MASK(24)), 0);
	f->near.limits.bus_offset--;
	EXPECT_EQ(t, dma_set_mask(&f->near, DMA_BIT_MASK(24)), -EIO);
	f->sys.pool = &f->pool;
}

/* --- which bytes
 * ---------------------------------------------------------------------------------- */

/* A way for a buffer to be bounced: a device, and where in the pool or page its bytes lie. */
struct way {
	struct dma_device *dev;
	uint64_t offset; /* of the buffer */
	size_t len;
	uint32_t align;
	size_t granule; /* what is taken comes in these */
};

#define WAYS 6

static void list_ways(struct dma_fixture *f, struct way ways[WAYS])
{
	const struct way list[WAYS] = {
		{&f->near, FIXTURE_HIGH, 4096, 0, SWIOTLB_SLOT},
		{&f->near, FIXTURE_HIGH + 0x1fff, 4097, 0, SWIOTLB_SLOT},
		{&f->near, FIXTURE_HIGH + 0x2345, 5001, 0xfff, SWIOTLB_SLOT},
		{&f->tight, FIXTURE_LOW + 0x765, 100, 0, PAGE_SIZE},
		{&f->tight, FIXTURE_HIGH + 0x2345, 5001, 0xfff, 2 * PAGE_SIZE},
		{&f->tight, FIXTURE_HIGH + 0x3001, 4 * 4096, 0, 4 * PAGE_SIZE},
	};

	memcpy(ways, list, sizeof(list));
}

/* Old data of others, all over what a device can be sent to. */
static void litter(struct dma_fixture *f)
{
	struct page_request request = {.zone = ZONE_NORMAL, .dma_reserve = true, .limit = NO_LIMIT};
	phys_addr_t pages[64];
	size_t n = 0;

	memset(fixture_memory(f, FIXTURE_POOL), 0xee, POOL_END - FIXTURE_POOL);
	while (n < ARRAY_SIZE(pages) && !phys_is_none(pages[n] = pages_alloc(&f->zones, &request)))
		memset(port_phys_to_virt(pages[n++]), 0xee, PAGE_SIZE);
	while (n > 0)
		pages_free(&f->zones, pages[--n], 0);
}

/* What was taken beyond the mapping is zero, and nobody else's bytes are seen. */
static void expect_zero_slack(struct ktest *t, const struct way *way, dma_addr_t addr)
{
	uint64_t start = dma_to_phys(&way->dev->limits, addr).value;
	uint64_t before = start & (way->granule - 1), behind = -(start + way->len);
	uint8_t *at = fixture_device_view(way->dev, addr);

	EXPECT(t, fixture_is_zero(at - before, before));
	EXPECT(t, fixture_is_zero(at + way->len, behind & (way->granule - 1)));
	if (way->align)
		EXPECT_EQ(t, start & way->align, way->offset & way->align);
}

/* Through map, both syncs and unmap, with the device writing only the middle third. */
static void follow_the_bytes(struct ktest *t, const struct way *way, enum dma_data_direction dir)
{
	struct dma_fixture *f = t->fixture;
	uint8_t *buffer = fixture_memory(f, way->offset), *view;
	size_t third = way->len / 3;
	bool reads = dir != DMA_FROM_DEVICE, writes = dir != DMA_TO_DEVICE;
	dma_addr_t addr;

	litter(f);
	memset(buffer - 16, 0xaa, way->len + 32);
	fixture_fill(buffer, way->len, 1);
	way->dev->limits.min_align_mask = way->align;
	addr = map(t, way->dev, way->offset, way->len, dir);
	REQUIRE(t, !dma_mapping_error(way->dev, addr));
	view = fixture_device_view(way->dev, addr);
	EXPECT(t, fixture_is(view, way->len, 1)); /* copied in, in every direction */
	expect_zero_slack(t, way, addr);

	fixture_fill(view + third, third, 2);
	EXPECT(t, fixture_is(buffer, way->len, 1));
	dma_sync_single_for_cpu(way->dev, addr, way->len, dir);
	EXPECT(t, fixture_is(buffer, third, 1));
	EXPECT(t, writes ? fixture_is(buffer + third, third, 2) : fixture_is(buffer, way->len, 1));
	EXPECT(t, memcmp(buffer + 2 * third, view + 2 * third, way->len - 2 * third) == 0);

	fixture_fill(buffer, way->len, 3);
	dma_sync_single_for_device(way->dev, addr, way->len, dir);
	EXPECT(t, reads ? fixture_is(view, way->len, 3) : fixture_is(view + third, third, 2));

	fixture_fill(view + third, third, 4);
	fixture_fill(buffer, way->len, 3);
	dma_unmap_single(way->dev, addr, way->len, dir);
	EXPECT(t, writes ? fixture_is(buffer + third, third, 4) : fixture_is(buffer, way->len, 3));
	if (writes) /* what the device left alone is what it was given last */
		EXPECT(t, fixture_is(buffer, third, reads ? 3 : 1));
	for (size_t i = 1; i <= 16; i++)
		EXPECT(t, buffer[-i] == 0xaa && buffer[way->len + i - 1] == 0xaa);
}

static void copies_by_direction(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct way ways[WAYS];

	list_ways(f, ways);
	for (size_t i = 0; i < WAYS; i++)
		for (size_t d = 0; d < ARRAY_SIZE(directions); d++)
			follow_the_bytes(t, &ways[i], directions[d]);
	EXPECT_EQ(t, f->near.count.transient, 0);
	EXPECT_EQ(t, f->tight.count.bounced, 0);
}

/* One page out of the middle of a mapping, to the device and back, and nothing around it. */
static void sync_a_part(struct ktest *t, const struct way *way, size_t from, size_t len)
{
	struct dma_fixture *f = t->fixture;
	uint8_t *buffer = fixture_memory(f, way->offset), *view;
	dma_addr_t addr;

	way->dev->limits.min_align_mask = way->align;
	memset(buffer, 1, way->len);
	addr = map(t, way->dev, way->offset, way->len, DMA_BIDIRECTIONAL);
	REQUIRE(t, !dma_mapping_error(way->dev, addr));
	view = fixture_device_view(way->dev, addr);

	memset(buffer, 2, way->len);
	dma_sync_single_for_device(way->dev, dma_addr_add(addr, from), len, DMA_TO_DEVICE);
	for (size_t i = 0; i < way->len; i++)
		if (view[i] != (i - from < len ? 2 : 1))
			ktest_fail(t, __FILE__, __LINE__, "byte %zu for the device", i);
	memset(view, 3, way->len);
	dma_sync_single_for_cpu(way->dev, dma_addr_add(addr, from), len, DMA_FROM_DEVICE);
	for (size_t i = 0; i < way->len; i++)
		if (buffer[i] != (i - from < len ? 3 : 2))
			ktest_fail(t, __FILE__, __LINE__, "byte %zu for the CPU", i);
	dma_unmap_single(way->dev, addr, way->len, DMA_BIDIRECTIONAL);
}

static void partial_syncs(struct ktest *t)
{
	struct way ways[WAYS];

	list_ways(t->fixture, ways);
	for (size_t i = 0; i < WAYS; i++) {
		sync_a_part(t, &ways[i], 0, ways[i].len);
		sync_a_part(t, &ways[i], 0, 1);
		sync_a_part(t, &ways[i], ways[i].len - 1, 1);
		sync_a_part(t, &ways[i], ways[i].len / 2, ways[i].len / 3);
		sync_a_part(t, &ways[i], 7, 0);
	}
}

/* As CVE-2022-0854: what a device doesn't write must not come back as another's old bytes. */
static void nothing_stale_is_seen(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	uint8_t *secret = fixture_memory(f, FIXTURE_HIGH);
	uint8_t *mine = fixture_memory(f, FIXTURE_HIGH + KIB(16));
	dma_addr_t addr;

	memset(secret, 0x5e, KIB(8));
	addr = map(t, &f->near, FIXTURE_HIGH, KIB(8), DMA_TO_DEVICE);
	dma_unmap_single(&f->near, addr, KIB(8), DMA_TO_DEVICE);
	memset(mine, 0x11, KIB(8));
	addr = map(t, &f->near2, FIXTURE_HIGH + KIB(16), KIB(8), DMA_FROM_DEVICE);
	fixture_device_view(&f->near2, addr)[0] = 0x22;
	dma_unmap_single(&f->near2, addr, KIB(8), DMA_FROM_DEVICE);
	EXPECT_EQ(t, mine[0], 0x22);
	for (size_t i = 1; i < KIB(8); i++)
		if (mine[i] != 0x11)
			ktest_fail(t, __FILE__, __LINE__, "byte %zu is %#x", i, mine[i]);
}

/* --- transient slots --- */

static uint64_t free_bytes(struct dma_fixture *f)
{
	return pages_free_bytes(&f->zones, ZONE_DMA) + pages_free_bytes(&f->zones, ZONE_NORMAL);
}

static void transient_pages_come_back(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	uint64_t before;
	dma_addr_t addr[6];

	kfree(&f->kmem, kmalloc(&f->kmem, 64)); /* what kmem keeps is not ours to count */
	before = free_bytes(f);
	for (size_t i = 0; i < ARRAY_SIZE(addr); i++) {
		addr[i] = map(t, &f->tight, FIXTURE_HIGH + i * KIB(32), PAGE_SIZE << (i % 3),
			      DMA_TO_DEVICE);
		REQUIRE(t, !dma_mapping_error(&f->tight, addr[i]));
		EXPECT(t, addr[i].bus < f->base + FIXTURE_POOL);
	}
	EXPECT_EQ(t, f->sys.transients, 6);
	EXPECT(t, !transient_put(&f->sys, phys(addr[0].bus + 1)));
	EXPECT(t, free_bytes(f) <= before - 14 * PAGE_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(addr); i++)
		dma_unmap_single(&f->tight, addr[i], PAGE_SIZE << (i % 3), DMA_TO_DEVICE);
	EXPECT(t, free_bytes(f) >= before - PAGE_SIZE); /* kmem may keep one page more */
	EXPECT_EQ(t, f->sys.bounce_first, f->base + FIXTURE_POOL);
	EXPECT_EQ(t, f->sys.bounce_last, f->base + POOL_END - 1);
}

/* Where a mapping is larger than what of the pool lies under the mask, pages serve it. */
static void transient_beside_the_pool(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t one, two;

	f->near.limits.streaming_mask = f->base + FIXTURE_POOL + S(1) - 1;
	one = map(t, &f->near, FIXTURE_HIGH, S(1), DMA_TO_DEVICE);
	two = map(t, &f->near, FIXTURE_HIGH, S(1) + 1, DMA_TO_DEVICE);
	EXPECT_EQ(t, one.bus, f->base + FIXTURE_POOL);
	EXPECT(t, two.bus < f->base + FIXTURE_POOL);
	/* The one slot is taken: that is exhaustion, and no reason to drain the zone. */
	EXPECT(t, dma_mapping_error(&f->near, map(t, &f->near, FIXTURE_HIGH, 1, DMA_TO_DEVICE)));
	dma_unmap_single(&f->near, one, S(1), DMA_TO_DEVICE);
	dma_unmap_single(&f->near, two, S(1) + 1, DMA_TO_DEVICE);
	EXPECT_EQ(t, f->near.count.transient, 1);
	EXPECT_EQ(t, f->near.count.bounced, 1);
}

/* Without a pool all that is out of reach goes through pages. */
static void transient_instead_of_a_pool(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct swiotlb none;
	uint64_t metadata;
	dma_addr_t addr;

	swiotlb_init(&none, phys(0), 0, &metadata);
	f->sys.pool = &none;
	transient_reset_bounds(&f->sys);
	fixture_fill(fixture_memory(f, FIXTURE_HIGH), 5000, 3);
	addr = map(t, &f->near, FIXTURE_HIGH, 5000, DMA_TO_DEVICE);
	EXPECT(t, addr.bus - f->base < FIXTURE_POOL);
	EXPECT(t, fixture_is(fixture_device_view(&f->near, addr), 5000, 3));
	dma_unmap_single(&f->near, addr, 5000, DMA_TO_DEVICE);
	EXPECT_EQ(t, f->near.count.transient, 1);
	f->sys.pool = &f->pool;
	transient_reset_bounds(&f->sys);
}

static void transient_limits(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_limits *limits = &f->tight.limits;
	dma_addr_t addr;
	uint64_t before;

	limits->streaming_mask = f->base + FIXTURE_POOL / 4 - 1;
	addr = map(t, &f->tight, FIXTURE_HIGH, 16, DMA_TO_DEVICE);
	EXPECT(t, addr.bus + 15 <= limits->streaming_mask);
	dma_unmap_single(&f->tight, addr, 16, DMA_TO_DEVICE);
	limits->streaming_mask = f->base + FIXTURE_POOL - 1;
	limits->boundary_mask = 0xffff;
	addr = map(t, &f->tight, FIXTURE_HIGH, 0x10000, DMA_TO_DEVICE);
	EXPECT_EQ(t, addr.bus & 0xffff, 0);
	dma_unmap_single(&f->tight, addr, 0x10000, DMA_TO_DEVICE);
	addr = map(t, &f->tight, FIXTURE_HIGH, 0x10001, DMA_TO_DEVICE);
	EXPECT(t, dma_mapping_error(&f->tight, addr));
	limits->boundary_mask = UINT64_MAX;
	limits->min_align_mask = 0x3fff;
	addr = map(t, &f->tight, FIXTURE_HIGH + 0x1234, 16, DMA_TO_DEVICE);
	EXPECT_EQ(t, addr.bus & 0x3fff, 0x1234);
	dma_unmap_single(&f->tight, addr, 16, DMA_TO_DEVICE);
	limits->min_align_mask = UINT32_MAX;
	EXPECT(t, dma_mapping_error(&f->tight, map(t, &f->tight, FIXTURE_HIGH, 1, DMA_TO_DEVICE)));
	limits->min_align_mask = 0;
	before = free_bytes(f);
	/* A window of which pages that the allocator would give lie below the beginning. */
	limits->bus_offset = -(int64_t)(f->base + FIXTURE_POOL - 0x10);
	limits->streaming_mask = 0xf;
	EXPECT(t, dma_mapping_error(&f->tight, map(t, &f->tight, FIXTURE_HIGH, 1, DMA_TO_DEVICE)));
	EXPECT_EQ(t, dma_count_failures(&f->tight), 3);
	EXPECT_EQ(t, free_bytes(f), before);
}

static void transient_exhaustion(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t addr[64];
	size_t n = 0;

	while (n < ARRAY_SIZE(addr)) {
		addr[n] = map(t, &f->tight, FIXTURE_HIGH, 1, DMA_TO_DEVICE);
		if (dma_mapping_error(&f->tight, addr[n]))
			break;
		n++;
	}
	EXPECT(t, n > 40 && n < 64);
	EXPECT_EQ(t, dma_count_failures(&f->tight), 1);
	while (n-- > 0)
		dma_unmap_single(&f->tight, addr[n], 1, DMA_TO_DEVICE);
}

/* --- the rest
 * --------------------------------------------------------------------------------------- */

/* A full pool is a failure; the reserve of devices with tighter limits is not touched. */
static void full_pool(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t all = map(t, &f->near, FIXTURE_HIGH, POOL_END - FIXTURE_POOL, DMA_TO_DEVICE);
	uint64_t before = free_bytes(f);

	EXPECT(t, dma_mapping_error(&f->near, map(t, &f->near, FIXTURE_HIGH, 1, DMA_TO_DEVICE)));
	EXPECT_EQ(t, dma_count_failures(&f->near), 1);
	EXPECT_EQ(t, f->near.count.live, 1);
	EXPECT_EQ(t, f->pool.stats.refused[DMA_FAIL_EXHAUSTED], 1);
	EXPECT_EQ(t, free_bytes(f), before);
	dma_unmap_single(&f->near, all, POOL_END - FIXTURE_POOL, DMA_TO_DEVICE);
}

static void counters(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_counters *c = &f->near.count;
	dma_addr_t direct = map(t, &f->near, FIXTURE_LOW, 100, DMA_BIDIRECTIONAL);
	dma_addr_t bounced = map(t, &f->near, FIXTURE_HIGH, 5000, DMA_BIDIRECTIONAL);
	dma_addr_t transient = map(t, &f->tight, FIXTURE_HIGH, 300, DMA_FROM_DEVICE);

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
	EXPECT_EQ(t, c->slots, 3);
	EXPECT_EQ(t, c->bytes_in, 5500);
	EXPECT_EQ(t, c->bytes_out, 6000);
	EXPECT_EQ(t, f->pool.stats.mappings, 1);
	EXPECT_EQ(t, f->pool.stats.bytes_in, 5500);
	EXPECT_EQ(t, f->pool.stats.bytes_out, 6000);
	EXPECT_EQ(t, f->pool.stats.high_water, 3);
	EXPECT_EQ(t, dma_count_mappings(&f->tight), 1);
	EXPECT_EQ(t, f->tight.count.transient, 1);
	EXPECT_EQ(t, f->tight.count.slots, 0);
	EXPECT_EQ(t, f->tight.count.bytes_in, 300);
	EXPECT_EQ(t, f->tight.count.bytes_out, 300);
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
	dma_device_remove(&dev);
}

static void devices(struct ktest *t)
{
	static struct dma_device dev[DMA_MAX_DEVICES];
	struct dma_fixture *f = t->fixture;
	size_t n = 0;

	f->near.limits.bus_limit = 0x12345678;
	while (n < ARRAY_SIZE(dev) && dma_device_add(&f->sys, &dev[n], "d", &f->near) == 0)
		n++;
	EXPECT_EQ(t, n, DMA_MAX_DEVICES - 4);
	EXPECT_EQ(t, dma_device_add(&f->sys, &dev[n], "d", NULL), -ENOSPC);
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

/* --- random, against two plain copies of every byte --- */

#define LIVE	8
#define REGION	KIB(20)	       /* of each buffer, and of each model copy of one */
#define SHADOW	KIB(320)       /* from FIXTURE_HIGH on: what the CPU should see, */
#define SHADOW2 (2 * SHADOW)   /* and what the device should see */
#define LONGEST (REGION - 512) /* bytes */

struct model {
	struct dma_device *dev;
	dma_addr_t addr;
	size_t start, len; /* of the mapping in the region; len 0: none */
	enum dma_data_direction dir;
	uint8_t *buffer, *cpu,
		*seen; /* the region; what it should be; what the device should see */
};

static void scribble(struct ktest *t, uint8_t *a, uint8_t *b, size_t len)
{
	uint8_t seed = (uint8_t)ktest_random(t, 256);

	fixture_fill(a, len, seed);
	memcpy(b, a, len);
}

static void model_map(struct ktest *t, struct model *m)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *devs[] = {&f->near, &f->near2, &f->tight, &f->tight2};
	struct dma_limits *limits;

	m->dev = devs[ktest_random(t, 4)];
	m->len = 1 + ktest_random(t, ktest_random(t, 5) ? 3000 : LONGEST);
	m->start = 256 + ktest_random(t, LONGEST + 1 - m->len);
	m->dir = directions[ktest_random(t, 3)];
	limits = &m->dev->limits;
	limits->min_align_mask = ktest_random(t, 2) ? DMA_BIT_MASK(1 + ktest_random(t, 12)) : 0;
	limits->boundary_mask = ktest_random(t, 2) ? UINT64_MAX : 0xffff;
	m->addr = dma_map_single(m->dev, m->buffer + m->start, m->len, m->dir);
	if (dma_mapping_error(m->dev, m->addr)) {
		m->len = 0;
		return;
	}
	EXPECT(t, dma_range_within(m->addr.bus, m->len, limits->streaming_mask));
	EXPECT(t, !dma_range_crosses(m->addr.bus, m->len, limits->boundary_mask));
	EXPECT_EQ(t,
		  (m->addr.bus ^ port_virt_to_phys(m->buffer + m->start).value) &
			  limits->min_align_mask,
		  0);
	memcpy(m->seen + m->start, m->cpu + m->start, m->len);
}

static void model_unmap(struct model *m)
{
	dma_unmap_single(m->dev, m->addr, m->len, m->dir);
	if (m->dir != DMA_TO_DEVICE)
		memcpy(m->cpu + m->start, m->seen + m->start, m->len);
	m->len = 0;
}

/* One part of the mapping is written by one side, and another part synced, one way or the other. */
static void model_touch(struct ktest *t, struct model *m)
{
	size_t from = ktest_random(t, m->len), n = 1 + ktest_random(t, m->len - from);
	size_t at = m->start + from;
	dma_addr_t addr = dma_addr_add(m->addr, from);

	switch (ktest_random(t, 4)) {
	case 0:
		scribble(t, m->buffer + at, m->cpu + at, n);
		break;
	case 1:
		scribble(t, fixture_device_view(m->dev, addr), m->seen + at, n);
		break;
	case 2:
		dma_sync_single_for_cpu(m->dev, addr, n, m->dir);
		if (m->dir != DMA_TO_DEVICE)
			memcpy(m->cpu + at, m->seen + at, n);
		break;
	default:
		dma_sync_single_for_device(m->dev, addr, n, m->dir);
		if (m->dir != DMA_FROM_DEVICE)
			memcpy(m->seen + at, m->cpu + at, n);
	}
}

static void model_expect(struct ktest *t, const struct model *m)
{
	EXPECT(t, memcmp(m->buffer, m->cpu, REGION) == 0);
	if (m->len)
		EXPECT(t, memcmp(fixture_device_view(m->dev, m->addr), m->seen + m->start,
				 m->len) == 0);
}

static void model_begin(struct ktest *t, struct model model[LIVE])
{
	struct dma_fixture *f = t->fixture;

	for (size_t i = 0; i < LIVE; i++) {
		uint64_t region = FIXTURE_HIGH + i * REGION;

		model[i] = (struct model){.buffer = fixture_memory(f, region),
					  .cpu = fixture_memory(f, region + SHADOW),
					  .seen = fixture_memory(f, region + SHADOW2)};
		scribble(t, model[i].buffer, model[i].cpu, REGION);
	}
}

static void random_against_model(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct model model[LIVE];

	model_begin(t, model);
	for (unsigned step = 0; step < 20000 && !t->failed; step++) {
		struct model *m = &model[ktest_random(t, LIVE)];

		if (!m->len)
			model_map(t, m);
		else if (ktest_random(t, 4) == 0)
			model_unmap(m);
		else
			model_touch(t, m);
		if (step % 8 == 0)
			model_expect(t, m);
		swiotlb_validate(&f->pool);
	}
	for (size_t i = 0; i < LIVE; i++) {
		model_expect(t, &model[i]);
		if (model[i].len)
			model_unmap(&model[i]);
		model_expect(t, &model[i]);
	}
	EXPECT(t, dma_count_mappings(&f->near) + dma_count_mappings(&f->tight) > 500);
}

static const struct ktest_case cases[] = {
	{"places_at_each_edge", places_at_each_edge},
	{"every_mask_with_offset", every_mask_with_offset},
	{"window_from_the_middle", window_from_the_middle},
	{"set_mask", set_mask},
	{"set_mask_by_pool", set_mask_by_pool},
	{"copies_by_direction", copies_by_direction},
	{"partial_syncs", partial_syncs},
	{"nothing_stale_is_seen", nothing_stale_is_seen},
	{"transient_pages_come_back", transient_pages_come_back},
	{"transient_beside_the_pool", transient_beside_the_pool},
	{"transient_instead_of_a_pool", transient_instead_of_a_pool},
	{"transient_limits", transient_limits},
	{"transient_exhaustion", transient_exhaustion},
	{"full_pool", full_pool},
	{"counters", counters},
	{"map_single_forced", map_single_forced},
	{"devices", devices},
	{"random_against_model", random_against_model},
	{NULL, NULL},
};

extern const struct ktest_suite map_suite;
const struct ktest_suite map_suite = {"map", dma_fixture_begin, dma_fixture_end, cases};
