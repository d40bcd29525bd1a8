/* SPDX-License-Identifier: MIT */
/*
 * Lists: which segments come of which entries, what bounces, what is undone, and
 * what of misuse is told.
 */
#include "dma/sg.h"

#include "tests/unit/dma_fixture.h"

#define POOL_END FIXTURE_LOW
#define S(n)	 ((n)*SWIOTLB_SLOT)
#define K	 1024
#define LOW	 FIXTURE_LOW
#define HIGH	 FIXTURE_HIGH
#define MOST	 8

static const enum dma_data_direction directions[] = {DMA_BIDIRECTIONAL, DMA_TO_DEVICE,
						     DMA_FROM_DEVICE};

struct piece {
	uint32_t at; /* from the fixture's base */
	int32_t len; /* 0: the list ends before; negative: nearly all of the address space */
};

static unsigned fill_in(const struct dma_fixture *f, struct scatterlist sg[MOST],
			const struct piece pieces[MOST])
{
	unsigned n = 0;

	memset(sg, 0x5a, MOST * sizeof(*sg));
	while (n < MOST && pieces[n].len) {
		sg[n].addr = phys(f->base + pieces[n].at);
		sg[n].length = (size_t)(int64_t)pieces[n].len;
		n++;
	}
	return n;
}

/* Lists of `near`: it reaches HIGH - 1, and has the pool from POOL_END downwards. */
static const struct shape {
	struct piece list[MOST], want[MOST]; /* want[0].len 0: it can't be mapped */
	uint32_t boundary;		     /* 0: none */
	uint32_t max_segment;		     /* 0: any */
	uint8_t max_segments;		     /* 0: any */
	bool force;
	uint8_t why; /* enum dma_failure */
} shapes[] = {
	/* neighbours become one, others don't */
	{.list = {{LOW, 100}}, .want = {{LOW, 100}}},
	{.list = {{LOW, 4 * K}, {LOW + 4 * K, 4 * K}}, .want = {{LOW, 8 * K}}},
	{.list = {{LOW, 1}, {LOW + 1, 1}, {LOW + 2, 4 * K}}, .want = {{LOW, 4 * K + 2}}},
	{.list = {{LOW, 4 * K}, {LOW + 4 * K + 1, 4 * K}},
	 .want = {{LOW, 4 * K}, {LOW + 4 * K + 1, 4 * K}}},
	{.list = {{LOW + 4 * K, 4 * K}, {LOW, 4 * K}},
	 .want = {{LOW + 4 * K, 4 * K}, {LOW, 4 * K}}},
	{.list = {{LOW, 4 * K}, {LOW + 4 * K - 1, 4 * K}},
	 .want = {{LOW, 4 * K}, {LOW + 4 * K - 1, 4 * K}}},
	{.list = {{LOW, 4 * K}, {LOW, 4 * K}}, .want = {{LOW, 4 * K}, {LOW, 4 * K}}},
	{.list = {{LOW, 512}, {LOW + 512, 512}, {LOW + 8 * K, 512}, {LOW + 8 * K + 512, 512}},
	 .want = {{LOW, K}, {LOW + 8 * K, K}}},
	/* the last byte at the mask, and one further: that entry alone is bounced */
	{.list = {{HIGH - 2 * K, K}, {HIGH - K, K}}, .want = {{HIGH - 2 * K, 2 * K}}},
	{.list = {{HIGH - 2 * K, K}, {HIGH - K, K + 1}},
	 .want = {{HIGH - 2 * K, K}, {POOL_END - S(1), K + 1}}},
	{.list = {{LOW, K}, {HIGH, K}, {LOW + K, K}, {LOW + 2 * K, K}},
	 .want = {{LOW, K}, {POOL_END - S(1), K}, {LOW + K, 2 * K}}},
	/* bounced ones stay apart, though they were neighbours */
	{.list = {{HIGH, 2 * K}, {HIGH + 2 * K, 2 * K}},
	 .want = {{POOL_END - S(1), 2 * K}, {POOL_END - S(2), 2 * K}}},
	{.list = {{LOW, 2 * K}, {LOW + 2 * K, 2 * K}},
	 .want = {{POOL_END - S(1), 2 * K}, {POOL_END - S(2), 2 * K}},
	 .force = true},
	/* what lies before low memory is the pool's last slot, and another's */
	{.list = {{HIGH, 2 * K}, {LOW, 2 * K}}, .want = {{POOL_END - S(1), 2 * K}, {LOW, 2 * K}}},
	/* a segment of just the most bytes, and one byte more */
	{.list = {{LOW, 4 * K}, {LOW + 4 * K, 4 * K}},
	 .want = {{LOW, 8 * K}},
	 .max_segment = 8 * K},
	{.list = {{LOW, 4 * K}, {LOW + 4 * K, 4 * K}},
	 .want = {{LOW, 4 * K}, {LOW + 4 * K, 4 * K}},
	 .max_segment = 8 * K - 1},
	{.list = {{LOW, K}, {LOW + K, K}, {LOW + 2 * K, K}, {LOW + 3 * K, K}, {LOW + 4 * K, K}},
	 .want = {{LOW, 2 * K}, {LOW + 2 * K, 2 * K}, {LOW + 4 * K, K}},
	 .max_segment = 3 * K - 1},
	{.list = {{LOW, K}, {LOW + 4 * K, 4 * K}},
	 .max_segment = 4 * K - 1,
	 .why = DMA_FAIL_LENGTH},
	{.list = {{LOW, K}, {HIGH, 4 * K}}, .max_segment = 4 * K - 1, .why = DMA_FAIL_LENGTH},
	/* the boundary exactly met, and crossed by the two together */
	{.list = {{LOW + 60 * K, 2 * K}, {LOW + 62 * K, 2 * K}},
	 .want = {{LOW + 60 * K, 4 * K}},
	 .boundary = 64 * K - 1},
	{.list = {{LOW + 60 * K, 2 * K}, {LOW + 62 * K, 2 * K}, {LOW + 64 * K, 2 * K}},
	 .want = {{LOW + 60 * K, 4 * K}, {LOW + 64 * K, 2 * K}},
	 .boundary = 64 * K - 1},
	{.list = {{LOW + 60 * K, 2 * K}, {LOW + 62 * K, 2 * K + 1}},
	 .want = {{LOW + 60 * K, 2 * K}, {POOL_END - S(2), 2 * K + 1}},
	 .boundary = 64 * K - 1},
	/* as many segments as there may be, and one more; merging counts, bouncing too */
	{.list = {{LOW, K}, {LOW + 2 * K, K}},
	 .want = {{LOW, K}, {LOW + 2 * K, K}},
	 .max_segments = 2},
	{.list = {{LOW, K}, {LOW + 2 * K, K}, {LOW + 4 * K, K}},
	 .max_segments = 2,
	 .why = DMA_FAIL_LENGTH},
	{.list = {{LOW, K}, {LOW + K, K}, {LOW + 4 * K, K}, {LOW + 5 * K, K}},
	 .want = {{LOW, 2 * K}, {LOW + 4 * K, 2 * K}},
	 .max_segments = 2},
	{.list = {{LOW, K}, {LOW + K, K}}, .want = {{LOW, 2 * K}}, .max_segments = 1},
	{.list = {{HIGH, K}, {HIGH + K, K}}, .max_segments = 1, .why = DMA_FAIL_LENGTH},
	/* an entry that nothing can serve */
	{.list = {{LOW, K}, {HIGH, -(int32_t)HIGH}}, .why = DMA_FAIL_LENGTH},
	{.list = {{LOW, K}, {HIGH, POOL_END - FIXTURE_POOL + 1}, {LOW, K}},
	 .why = DMA_FAIL_TOO_BIG},
	{.list = {{HIGH, POOL_END - FIXTURE_POOL}, {HIGH, 1}}, .why = DMA_FAIL_EXHAUSTED},
};

static void set_limits(struct dma_device *dev, const struct shape *shape)
{
	dma_set_seg_boundary(dev, shape->boundary ? shape->boundary : UINT64_MAX);
	dma_set_max_seg_size(dev, shape->max_segment ? shape->max_segment : SIZE_MAX);
	dma_set_max_segments(dev, shape->max_segments ? shape->max_segments : MOST);
	dma_set_force(dev, shape->force);
}

/* The segments are these, the device is let through to each, and there are no more. */
static void expect_segments(struct ktest *t, struct dma_device *dev, struct scatterlist *sg,
			    unsigned nents, const struct shape *shape, unsigned n)
{
	struct dma_fixture *f = t->fixture;
	uint64_t reg;

	for (unsigned i = 0; i < n; i++) {
		uint64_t at = dma_to_phys(&dev->limits, sg_dma_address(&sg[i])).value - f->base;

		if (i >= MOST || at != shape->want[i].at ||
		    sg_dma_len(&sg[i]) != (size_t)shape->want[i].len)
			ktest_fail(t, __FILE__, __LINE__, "row %zu: segment %u is %#llx+%#zx",
				   (size_t)(shape - shapes), i, (unsigned long long)at,
				   sg_dma_len(&sg[i]));
		EXPECT(t, dma_gate(dev, sg_dma_address(&sg[i]), sg_dma_len(&sg[i]), &reg));
	}
	EXPECT(t, n == MOST || shape->want[n].len == 0);
	for (unsigned i = n; i < nents; i++)
		EXPECT_EQ(t, sg_dma_len(&sg[i]), 0);
}

static void expect_shape(struct ktest *t, struct dma_device *dev, const struct shape *shape)
{
	struct scatterlist sg[MOST];
	unsigned nents = fill_in(t->fixture, sg, shape->list), n;
	uint64_t live = dev->count.live;

	set_limits(dev, shape);
	n = dma_map_sg(dev, sg, nents, DMA_BIDIRECTIONAL);
	if (n == 0) {
		EXPECT_EQ(t, shape->want[0].len, 0);
		if (dma_last_failure(dev) != shape->why)
			ktest_fail(t, __FILE__, __LINE__, "row %zu: %s", (size_t)(shape - shapes),
				   dma_failure_name(dma_last_failure(dev)));
		EXPECT_EQ(t, dev->count.live, live);
		return;
	}
	EXPECT_EQ(t, dev->count.live, live + nents);
	expect_segments(t, dev, sg, nents, shape, n);
	dma_unmap_sg(dev, sg, nents, DMA_BIDIRECTIONAL);
	EXPECT_EQ(t, dev->count.live, live);
}

static void shapes_at_each_edge(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;

	swiotlb_cache(&f->pool, false); /* the place of a run is its owner's last with magazines */
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		expect_shape(t, &f->near, &shapes[i]);
		EXPECT_EQ(t, dma_level_now(&f->pool.used), 0);
	}
}

/* The boundary, the mask and what lies side by side are matters of the bus. */
static void segments_on_the_bus(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct scatterlist sg[MOST];
	struct piece two[MOST] = {{LOW + 60 * K, 4 * K}, {LOW + 64 * K, 4 * K}};
	struct piece out[MOST] = {{HIGH - 4 * K, 4 * K}, {HIGH, 4 * K}};
	struct dma_device *dev = &f->near;

	dma_set_max_segments(dev, MOST);
	dma_set_seg_boundary(dev, 64 * K - 1);
	dma_set_bus_offset(dev, 4 * K - (int64_t)f->base);
	EXPECT_EQ(t, dma_set_mask(dev, HIGH + 4 * K - 1), -EIO); /* a test's mask is tighter */
	dev->limits.streaming_mask = HIGH + 4 * K - 1;
	dma_set_bus_limit(dev, HIGH + 4 * K - 1);
	EXPECT_EQ(t, dma_map_sg(dev, sg, fill_in(f, sg, two), DMA_TO_DEVICE), 1);
	EXPECT_EQ(t, sg_dma_address(sg).bus, LOW + 64 * K);
	dma_unmap_sg(dev, sg, 2, DMA_TO_DEVICE);
	EXPECT_EQ(t, dma_map_sg(dev, sg, fill_in(f, sg, out), DMA_TO_DEVICE), 2);
	EXPECT_EQ(t, sg_dma_address(sg).bus, HIGH);
	EXPECT_EQ(t, sg_dma_address(sg + 1).bus, POOL_END + 4 * K - S(2));
	dma_unmap_sg(dev, sg, 2, DMA_TO_DEVICE);
}

/* Bounced from the bottom up, two neighbours lie side by side on the bus too: still two. */
static void bounced_neighbours_stay_two(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct piece two[MOST] = {{HIGH, S(1)}, {HIGH + S(1), S(1)}};
	struct dma_device *dev = &f->near;
	struct scatterlist sg[MOST];
	uint64_t reg;

	dma_set_max_segments(dev, MOST);
	dma_set_bus_limit(dev, f->base + FIXTURE_POOL + S(8) - 1);
	REQUIRE(t, dma_map_sg(dev, sg, fill_in(f, sg, two), DMA_TO_DEVICE) == 2);
	EXPECT_EQ(t, sg_dma_address(sg).bus, f->base + FIXTURE_POOL);
	EXPECT_EQ(t, sg_dma_address(sg + 1).bus, f->base + FIXTURE_POOL + S(1));
	EXPECT(t, !dma_gate(dev, sg_dma_address(sg), S(2), &reg));
	fixture_expect_misuse(t, DMA_MISUSE_GATE_POOL);
	dma_unmap_sg(dev, sg, 2, DMA_TO_DEVICE);
}

/* One entry direct, one through the pool, the next two direct: what the device finds there. */
static const struct piece mixed[MOST] = {
	{LOW, 3 * K}, {HIGH + 77, 5 * K}, {LOW + 8 * K, K}, {LOW + 9 * K, K}, {HIGH + 16 * K, 99}};
#define MIXED 5

static uint8_t *entry(const struct dma_fixture *f, unsigned i)
{
	return fixture_memory(f, mixed[i].at);
}

static uint8_t *view(const struct dma_device *dev, const struct scatterlist *sg, unsigned i)
{
	return fixture_device_view(dev, sg[i].mapped);
}

static void follow_the_bytes(struct ktest *t, enum dma_data_direction dir)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;
	bool writes = dir != DMA_TO_DEVICE, reads = dir != DMA_FROM_DEVICE;
	struct scatterlist sg[MOST];

	for (unsigned i = 0; i < MIXED; i++)
		fixture_fill(entry(f, i), mixed[i].len, 1);
	REQUIRE(t, dma_map_sg(dev, sg, fill_in(f, sg, mixed), dir) == 4);
	for (unsigned i = 0; i < MIXED; i++) {
		EXPECT(t, fixture_is(view(dev, sg, i), mixed[i].len, 1));
		fixture_fill(view(dev, sg, i), mixed[i].len, 2);
	}
	EXPECT(t, fixture_is(entry(f, 1), mixed[1].len, 1));
	dma_sync_sg_for_cpu(dev, sg, MIXED, dir);
	EXPECT(t, fixture_is(entry(f, 1), mixed[1].len, writes ? 2 : 1));
	EXPECT(t, fixture_is(entry(f, 4), mixed[4].len, writes ? 2 : 1));
	for (unsigned i = 0; i < MIXED; i++)
		fixture_fill(entry(f, i), mixed[i].len, 3);
	dma_sync_sg_for_device(dev, sg, MIXED, dir);
	EXPECT(t, fixture_is(view(dev, sg, 1), mixed[1].len, reads ? 3 : 2));
	EXPECT(t, fixture_is(view(dev, sg, 4), mixed[4].len, reads ? 3 : 2));
	for (unsigned i = 0; i < MIXED; i++)
		fixture_fill(view(dev, sg, i), mixed[i].len, 4);
	dma_unmap_sg(dev, sg, MIXED, dir);
	for (unsigned i = 0; i < MIXED; i++) {
		bool direct = i != 1 && i != 4;

		EXPECT(t, fixture_is(entry(f, i), mixed[i].len, direct || writes ? 4 : 3));
		EXPECT(t, dma_mapping_error(dev, sg[i].mapped));
	}
}

static void copies_by_direction(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;

	dma_set_max_segments(&f->near, 4);
	for (size_t d = 0; d < ARRAY_SIZE(directions); d++)
		follow_the_bytes(t, directions[d]);
	EXPECT_EQ(t, dma_count_mappings(&f->near), 3 * MIXED);
	EXPECT_EQ(t, f->near.count.bounced, 3 * 2);
}

/* A tight device's entries are all bounced through pages of their own. */
static void transient_entries(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->tight;
	struct scatterlist sg[MOST];

	dma_set_max_segments(dev, MOST);
	for (unsigned i = 0; i < MIXED; i++)
		fixture_fill(entry(f, i), mixed[i].len, 7);
	REQUIRE(t, dma_map_sg(dev, sg, fill_in(f, sg, mixed), DMA_TO_DEVICE) == MIXED);
	EXPECT_EQ(t, f->sys.transients.count, MIXED);
	for (unsigned i = 0; i < MIXED; i++)
		EXPECT(t, fixture_is(view(dev, sg, i), mixed[i].len, 7));
	dma_unmap_sg(dev, sg, MIXED, DMA_TO_DEVICE);
}

/* Where entry `bad` can't be mapped: nothing is, and no byte of a buffer was changed. */
static void undo_at(struct ktest *t, unsigned bad, unsigned attrs)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;
	struct scatterlist sg[MOST];
	uint64_t failed = fixture_failures(dev);

	for (unsigned i = 0; i < MIXED; i++)
		fixture_fill(entry(f, i), mixed[i].len, 1);
	fill_in(f, sg, mixed);
	sg[bad].length = bad % 2 ? 0 : 1UL << 40;
	EXPECT_EQ(t, dma_map_sg_attrs(dev, sg, MIXED, DMA_FROM_DEVICE, attrs), 0);
	EXPECT_EQ(t, dma_last_failure(dev), bad % 2 ? DMA_FAIL_LENGTH : DMA_FAIL_TOO_BIG);
	EXPECT_EQ(t, fixture_failures(dev), failed + 1);
	EXPECT_EQ(t, dev->count.live, 0);
	EXPECT_EQ(t, dma_level_now(&f->pool.used), 0);
	for (unsigned i = 0; i < MIXED; i++)
		EXPECT(t, fixture_is(entry(f, i), mixed[i].len, 1));
	dma_unmap_sg(dev, sg, MIXED, DMA_FROM_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
}

static void all_is_undone(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;

	dma_set_max_segments(&f->near, MOST);
	for (unsigned bad = 0; bad < MIXED; bad++) {
		undo_at(t, bad, 0);
		undo_at(t, bad, DMA_ATTR_OVERWRITE);
	}
}

/* Too many segments is known last of all: the zeroed slots of OVERWRITE must not come back. */
static void undone_for_too_many_segments(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;
	struct scatterlist sg[MOST];

	dma_set_max_segments(dev, 3);
	for (unsigned i = 0; i < MIXED; i++)
		fixture_fill(entry(f, i), mixed[i].len, 1);
	EXPECT_EQ(t,
		  dma_map_sg_attrs(dev, sg, fill_in(f, sg, mixed), DMA_FROM_DEVICE,
				   DMA_ATTR_OVERWRITE),
		  0);
	EXPECT_EQ(t, dma_last_failure(dev), DMA_FAIL_LENGTH);
	EXPECT_EQ(t, dev->count.failed[DMA_FAIL_LENGTH], 1);
	EXPECT_EQ(t, dev->count.live, 0);
	for (unsigned i = 0; i < MIXED; i++)
		EXPECT(t, fixture_is(entry(f, i), mixed[i].len, 1));
}

static void no_entries(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;

	EXPECT_EQ(t, dma_map_sg(&f->near, NULL, 0, DMA_TO_DEVICE), 0);
	EXPECT_EQ(t, dma_last_failure(&f->near), DMA_FAIL_LENGTH);
	dma_unmap_sg(&f->near, NULL, 0, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_SG_COUNT);
	dma_sync_sg_for_cpu(&f->near, NULL, 0, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_SG_COUNT);
}

/* Each mistake is told and has no effect: at the end the list is unmapped rightly. */
static void misuse(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;
	struct scatterlist sg[MOST] = {0};

	dma_set_max_segments(dev, 4);
	dma_unmap_sg(dev, sg, MIXED, DMA_FROM_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
	REQUIRE(t, dma_map_sg(dev, sg, fill_in(f, sg, mixed), DMA_FROM_DEVICE) == 4);
	fixture_fill(entry(f, 1), mixed[1].len, 1);
	fixture_fill(view(dev, sg, 1), mixed[1].len, 2);
	for (unsigned nents = 0; nents <= MOST; nents++) {
		if (nents == MIXED) /* 4, the count of segments, is the classic */
			continue;
		dma_unmap_sg(dev, sg, nents, DMA_FROM_DEVICE);
		fixture_expect_misuse(t, DMA_MISUSE_SG_COUNT);
		dma_sync_sg_for_cpu(dev, sg, nents, DMA_FROM_DEVICE);
		fixture_expect_misuse(t, DMA_MISUSE_SG_COUNT);
	}
	dma_unmap_sg(dev, sg + 1, MIXED - 1, DMA_FROM_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
	dma_unmap_sg(dev, sg, MIXED, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_DIRECTION);
	dma_unmap_sg(dev, sg, MIXED, DMA_BIDIRECTIONAL);
	fixture_expect_misuse(t, DMA_MISUSE_DIRECTION);
	dma_sync_sg_for_cpu(dev, sg, MIXED, DMA_BIDIRECTIONAL);
	fixture_expect_misuse(t, DMA_MISUSE_DIRECTION);
	dma_unmap_sg(&f->near2, sg, MIXED, DMA_FROM_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_DEVICE);
	EXPECT(t, fixture_is(entry(f, 1), mixed[1].len, 1));
	EXPECT_EQ(t, dev->count.live, MIXED);
	EXPECT_EQ(t, f->near2.count.live, 0);
	dma_unmap_sg(dev, sg, MIXED, DMA_FROM_DEVICE);
	EXPECT(t, fixture_is(entry(f, 1), mixed[1].len, 2));
	dma_unmap_sg(dev, sg, MIXED, DMA_FROM_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
}

/* A sync of a list that is BIDIRECTIONAL may say which way. */
static void sync_one_way(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;
	struct scatterlist sg[MOST];

	dma_set_max_segments(dev, 4);
	REQUIRE(t, dma_map_sg(dev, sg, fill_in(f, sg, mixed), DMA_BIDIRECTIONAL) == 4);
	fixture_fill(entry(f, 1), mixed[1].len, 1);
	dma_sync_sg_for_device(dev, sg, MIXED, DMA_FROM_DEVICE);
	EXPECT(t, !fixture_is(view(dev, sg, 1), mixed[1].len, 1));
	dma_sync_sg_for_device(dev, sg, MIXED, DMA_TO_DEVICE);
	EXPECT(t, fixture_is(view(dev, sg, 1), mixed[1].len, 1));
	dma_unmap_sg(dev, sg, MIXED, DMA_BIDIRECTIONAL);
}

/* An entry that was changed meanwhile stays, the others go; put right, it goes too. */
static void changed_entry(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;
	struct scatterlist sg[MOST];

	dma_set_max_segments(dev, 4);
	REQUIRE(t, dma_map_sg(dev, sg, fill_in(f, sg, mixed), DMA_TO_DEVICE) == 4);
	sg[1].length--;
	dma_unmap_sg(dev, sg, MIXED, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_SIZE);
	EXPECT_EQ(t, dev->count.live, 1);
	sg[1].length++;
	dma_unmap_sg(dev, sg, MIXED, DMA_TO_DEVICE);
	EXPECT_EQ(t, dev->count.live, 0);
	dma_unmap_sg(dev, sg, MIXED, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
}

/* What a driver still has of the list after unmapping gets it through no gate. */
static void unmapped_is_named_at_the_gate(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;
	struct piece one[MOST] = {{LOW, K}};
	struct scatterlist sg[MOST];
	uint64_t reg;

	REQUIRE(t, dma_map_sg(dev, sg, fill_in(f, sg, one), DMA_TO_DEVICE) == 1);
	dma_unmap_sg(dev, sg, 1, DMA_TO_DEVICE);
	EXPECT(t, !dma_gate(dev, sg_dma_address(sg), sg_dma_len(sg), &reg));
	fixture_expect_misuse(t, DMA_MISUSE_MAPPING_ERROR);
}

static const struct ktest_case cases[] = {
	{"shapes_at_each_edge", shapes_at_each_edge},
	{"segments_on_the_bus", segments_on_the_bus},
	{"bounced_neighbours_stay_two", bounced_neighbours_stay_two},
	{"copies_by_direction", copies_by_direction},
	{"transient_entries", transient_entries},
	{"all_is_undone", all_is_undone},
	{"undone_for_too_many_segments", undone_for_too_many_segments},
	{"no_entries", no_entries},
	{"misuse", misuse},
	{"sync_one_way", sync_one_way},
	{"changed_entry", changed_entry},
	{"unmapped_is_named_at_the_gate", unmapped_is_named_at_the_gate},
	{NULL, NULL},
};

extern const struct ktest_suite sg_suite;
const struct ktest_suite sg_suite = {"sg", dma_fixture_begin, dma_fixture_end, cases};
