/* SPDX-License-Identifier: MIT */
/* Which bytes are where after each step: map, sync of all and of parts, unmap, in each direction.
 */
#include "tests/unit/dma_fixture.h"

#define POOL_END FIXTURE_LOW

static const enum dma_data_direction directions[] = {DMA_BIDIRECTIONAL, DMA_TO_DEVICE,
						     DMA_FROM_DEVICE};

/* A way for a buffer to be bounced: a device, and where in the pool or page its bytes lie. */
struct way {
	struct dma_device *dev;
	uint64_t offset; /* of the buffer */
	size_t len;
	uint32_t align;
	size_t granule; /* what is taken comes in these */
	bool clean;	/* and is zero around the mapping */
};

#define WAYS 8

static void list_ways(struct dma_fixture *f, struct way ways[WAYS])
{
	const struct way list[WAYS] = {
		{&f->near, FIXTURE_HIGH, 4096, 0, SWIOTLB_SLOT, false},
		{&f->near, FIXTURE_HIGH + 0x1fff, 4097, 0, SWIOTLB_SLOT, false},
		{&f->near, FIXTURE_HIGH + 0x2345, 5001, 0xfff, SWIOTLB_SLOT, false},
		{&f->near2, FIXTURE_HIGH + 0x1fff, 4097, 0, SWIOTLB_SLOT, true},
		{&f->near2, FIXTURE_LOW + 0x2345, 5001, 0xfff, SWIOTLB_SLOT, true},
		{&f->tight, FIXTURE_LOW + 0x765, 100, 0, PAGE_SIZE, true},
		{&f->tight, FIXTURE_HIGH + 0x2345, 5001, 0xfff, 2 * PAGE_SIZE, true},
		{&f->tight, FIXTURE_HIGH + 0x3001, 4 * 4096, 0, 4 * PAGE_SIZE, true},
	};

	memcpy(ways, list, sizeof(list));
	dma_set_force(&f->near2, true);
}

/* What was taken beyond the mapping is zero, and nobody else's bytes are seen. */
static void expect_zero_slack(struct ktest *t, const struct way *way, dma_addr_t addr)
{
	uint64_t start = dma_to_phys(&way->dev->limits, addr).value;
	uint64_t before = start & (way->granule - 1), behind = -(start + way->len);
	uint8_t *at = fixture_device_view(way->dev, addr);

	EXPECT(t, !way->clean || fixture_is_zero(at - before, before));
	EXPECT(t, !way->clean || fixture_is_zero(at + way->len, behind & (way->granule - 1)));
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

	fixture_litter(f);
	memset(buffer - 16, 0xaa, way->len + 32);
	fixture_fill(buffer, way->len, 1);
	dma_set_min_align_mask(way->dev, way->align);
	addr = fixture_map(t, way->dev, way->offset, way->len, dir);
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

	dma_set_min_align_mask(way->dev, way->align);
	memset(buffer, 1, way->len);
	addr = fixture_map(t, way->dev, way->offset, way->len, DMA_BIDIRECTIONAL);
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
	const struct dma_limits *limits;

	m->dev = devs[ktest_random(t, 4)];
	m->len = 1 + ktest_random(t, ktest_random(t, 5) ? 3000 : LONGEST);
	m->start = 256 + ktest_random(t, LONGEST + 1 - m->len);
	m->dir = directions[ktest_random(t, 3)];
	limits = &m->dev->limits;
	dma_set_min_align_mask(m->dev,
			       ktest_random(t, 2) ? DMA_BIT_MASK(1 + ktest_random(t, 12)) : 0);
	dma_set_seg_boundary(m->dev, ktest_random(t, 2) ? UINT64_MAX : 0xffff);
	m->addr = dma_map_single(m->dev, m->buffer + m->start, m->len, m->dir);
	if (dma_mapping_error(m->dev, m->addr)) {
		m->len = 0;
		return;
	}
	EXPECT(t, dma_range_within(m->addr.bus, m->len, m->dev->reach));
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
	for (unsigned step = 0; step < 6000 && !t->failed; step++) {
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
	{"copies_by_direction", copies_by_direction},
	{"partial_syncs", partial_syncs},
	{"random_against_model", random_against_model},
	{NULL, NULL},
};

extern const struct ktest_suite copy_suite;
const struct ktest_suite copy_suite = {"copy", dma_fixture_begin, dma_fixture_end, cases};
