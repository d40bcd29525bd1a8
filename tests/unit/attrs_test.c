/* SPDX-License-Identifier: MIT */
/* What a caller may ask beyond map and unmap: attributes, and how much the device wrote. */
#include "tests/unit/dma_fixture.h"

#define LEN  5000
#define S(n) ((n)*SWIOTLB_SLOT)

static const enum dma_data_direction directions[] = {DMA_BIDIRECTIONAL, DMA_TO_DEVICE,
						     DMA_FROM_DEVICE};

/* A mapping of LEN bytes: through the pool, or through pages. */
struct mapping {
	struct dma_device *dev;
	dma_addr_t addr;
	enum dma_data_direction dir;
	uint8_t *buffer, *view;
};

/* The buffer has pattern 1; what the device can be sent to is full of others' bytes. */
static bool take(struct ktest *t, struct mapping *m, bool pages, enum dma_data_direction dir,
		 unsigned attrs)
{
	struct dma_fixture *f = t->fixture;

	fixture_litter(f);
	*m = (struct mapping){.dev = pages ? &f->tight : &f->near, .dir = dir};
	m->buffer = fixture_memory(f, FIXTURE_HIGH + 0x123);
	fixture_fill(m->buffer, LEN, 1);
	m->addr = dma_map_single_attrs(m->dev, m->buffer, LEN, dir, attrs);
	if (dma_mapping_error(m->dev, m->addr)) {
		EXPECT(t, false);
		return false;
	}
	m->view = fixture_device_view(m->dev, m->addr);
	return true;
}

/* Once for each direction, through the pool and through pages. */
static void each(struct ktest *t,
		 void (*check)(struct ktest *t, bool pages, enum dma_data_direction dir))
{
	for (size_t i = 0; i < 2 * ARRAY_SIZE(directions); i++)
		check(t, i & 1, directions[i / 2]);
}

static void expect_no_copy(struct ktest *t, bool pages, enum dma_data_direction dir)
{
	uint64_t in, out, skipped;
	struct mapping m;

	REQUIRE(t, take(t, &m, pages, dir, DMA_ATTR_SKIP_CPU_SYNC));
	in = m.dev->count.bytes_in;
	out = m.dev->count.bytes_out;
	skipped = m.dev->count.bytes_skipped;
	EXPECT(t, fixture_is_zero(m.view, LEN));
	fixture_fill(m.view, LEN, 2);
	dma_unmap_single_attrs(m.dev, m.addr, LEN, dir, DMA_ATTR_SKIP_CPU_SYNC);
	EXPECT(t, fixture_is(m.buffer, LEN, 1));
	EXPECT_EQ(t, m.dev->count.bytes_in, in);
	EXPECT_EQ(t, m.dev->count.bytes_out, out);
	EXPECT_EQ(t, m.dev->count.bytes_skipped - skipped, dir == DMA_TO_DEVICE ? 0 : LEN);
}

static void skip_copies_nothing(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;

	each(t, expect_no_copy);
	EXPECT_EQ(t, f->near.count.bytes_in, 0);
	EXPECT_EQ(t, f->near.count.bytes_skipped, 5 * LEN); /* three maps, two unmaps */
}

/* What map didn't copy, syncs do; and unmap, which is asked anew. */
static void expect_synced(struct ktest *t, bool pages, enum dma_data_direction dir)
{
	bool reads = dir != DMA_FROM_DEVICE, writes = dir != DMA_TO_DEVICE;
	struct mapping m;

	REQUIRE(t, take(t, &m, pages, dir, DMA_ATTR_SKIP_CPU_SYNC));
	dma_sync_single_for_device(m.dev, dma_addr_add(m.addr, 100), 200, dir);
	EXPECT(t, fixture_is_zero(m.view, 100));
	EXPECT(t, !reads || memcmp(m.view + 100, m.buffer + 100, 200) == 0);
	EXPECT(t, fixture_is_zero(m.view + 300, LEN - 300));
	fixture_fill(m.view, LEN, 2);
	dma_sync_single_for_cpu(m.dev, m.addr, 1000, dir);
	EXPECT(t, fixture_is(m.buffer, 1000, writes ? 2 : 1));
	dma_unmap_single(m.dev, m.addr, LEN, dir);
	EXPECT(t, fixture_is(m.buffer, LEN, writes ? 2 : 1));
}

static void skip_then_sync(struct ktest *t)
{
	each(t, expect_synced);
}

/* FROM_DEVICE nothing is copied in; where the device reads, the attribute means nothing. */
static void expect_overwritten(struct ktest *t, bool pages, enum dma_data_direction dir)
{
	bool over = dir == DMA_FROM_DEVICE;
	struct mapping m;

	REQUIRE(t, take(t, &m, pages, dir, DMA_ATTR_OVERWRITE));
	EXPECT(t, over ? fixture_is_zero(m.view, LEN) : fixture_is(m.view, LEN, 1));
	fixture_fill(m.view, 100, 2);
	dma_unmap_single(m.dev, m.addr, LEN, dir);
	EXPECT(t, fixture_is(m.buffer, 100, dir == DMA_TO_DEVICE ? 1 : 2));
	EXPECT(t, fixture_is_zero(m.buffer + 100, LEN - 100) == over);
}

static void overwrite(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;

	each(t, expect_overwritten);
	EXPECT_EQ(t, f->near.count.bytes_skipped, LEN);
	EXPECT_EQ(t, f->near.count.bytes_in, 2 * LEN);
}

/* Of what is used where it is no attribute touches a byte. */
static void direct(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	uint8_t *buffer = fixture_memory(f, FIXTURE_LOW);
	unsigned attrs = DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_OVERWRITE | DMA_ATTR_NO_WARN;
	dma_addr_t addr;

	fixture_fill(buffer, LEN, 1);
	addr = dma_map_single_attrs(&f->near, buffer, LEN, DMA_FROM_DEVICE, attrs);
	EXPECT_EQ(t, addr.bus, f->base + FIXTURE_LOW);
	dma_set_written(&f->near, addr, 100);
	dma_set_written(&f->near, dma_addr_add(addr, 1), LEN); /* of these nothing is known */
	dma_unmap_single_attrs(&f->near, addr, LEN, DMA_FROM_DEVICE, attrs);
	EXPECT(t, fixture_is(buffer, LEN, 1));
	EXPECT_EQ(t, f->near.count.bytes_direct, LEN);
	EXPECT_EQ(t, f->near.count.bytes_skipped, 0);
}

static void no_warn(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t addr = dma_map_phys(&f->near, phys(f->base + FIXTURE_HIGH), FIXTURE_POOL * 3,
				       DMA_TO_DEVICE, DMA_ATTR_NO_WARN);

	EXPECT(t, dma_mapping_error(&f->near, addr));
	EXPECT_EQ(t, dma_last_failure(&f->near), DMA_FAIL_TOO_BIG);
	EXPECT_EQ(t, f->near.count.failed[DMA_FAIL_TOO_BIG], 1);
}

/* --- dma_set_written() --- */

/* `len` bytes come out, then and nothing later; what is behind them keeps what it had. */
static void expect_written(struct ktest *t, bool pages, enum dma_data_direction dir, size_t len)
{
	uint64_t out, skipped;
	struct mapping m;

	REQUIRE(t, take(t, &m, pages, dir, 0));
	out = m.dev->count.bytes_out;
	skipped = m.dev->count.bytes_skipped;
	fixture_fill(m.view, LEN, 2);
	dma_set_written(m.dev, m.addr, len);
	EXPECT(t, fixture_is(m.buffer, len, 2));
	EXPECT(t, len == LEN || m.buffer[len] != m.view[len]);
	fixture_fill(m.buffer, LEN, 3);
	dma_sync_single_for_cpu(m.dev, m.addr, LEN, dir);
	dma_set_written(m.dev, m.addr, LEN); /* it was said already */
	dma_unmap_single(m.dev, m.addr, LEN, dir);
	EXPECT(t, fixture_is(m.buffer, LEN, 3));
	EXPECT_EQ(t, m.dev->count.bytes_out - out, len);
	EXPECT_EQ(t, m.dev->count.bytes_skipped - skipped, LEN - len);
}

static void written(struct ktest *t)
{
	static const size_t lengths[] = {0, 1, 100, LEN - 1, LEN};

	for (size_t i = 0; i < 4 * ARRAY_SIZE(lengths); i++)
		expect_written(t, i & 1, i & 2 ? DMA_FROM_DEVICE : DMA_BIDIRECTIONAL,
			       lengths[i / 4]);
}

/* A sync for the device, of whatever part, hands the whole mapping over again. */
static void handed_over_again(struct ktest *t)
{
	for (unsigned i = 0; i < 4; i++) {
		enum dma_data_direction dir = i & 2 ? DMA_FROM_DEVICE : DMA_BIDIRECTIONAL;
		struct mapping m;

		REQUIRE(t, take(t, &m, i & 1, dir, DMA_ATTR_OVERWRITE));
		dma_set_written(m.dev, m.addr, 100);
		dma_sync_single_for_device(m.dev, dma_addr_add(m.addr, LEN - 1), 1, dir);
		fixture_fill(m.view, LEN, 4);
		dma_sync_single_for_cpu(m.dev, m.addr, 300, dir);
		EXPECT(t, fixture_is(m.buffer, 300, 4));
		dma_unmap_single(m.dev, m.addr, LEN, dir);
		EXPECT(t, fixture_is(m.buffer, LEN, 4));
	}
}

/* The pool's record of who has the slot must not be one of how much was written. */
static void fresh_when_taken_again(struct ktest *t)
{
	for (unsigned i = 0; i < 4; i++) {
		struct mapping m;

		REQUIRE(t, take(t, &m, i & 1, DMA_FROM_DEVICE, 0));
		fixture_fill(m.view, LEN, 2);
		if (i < 2)
			dma_set_written(m.dev, m.addr, 0);
		dma_unmap_single(m.dev, m.addr, LEN, DMA_FROM_DEVICE);
		EXPECT(t, fixture_is(m.buffer, LEN, i < 2 ? 1 : 2));
	}
}

static void written_wrongly(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;

	for (unsigned i = 0; i < 2; i++) {
		struct mapping m;

		REQUIRE(t, take(t, &m, i, DMA_TO_DEVICE, 0));
		dma_set_written(m.dev, m.addr, LEN);
		fixture_expect_misuse(t, DMA_MISUSE_DIRECTION);
		dma_unmap_single(m.dev, m.addr, LEN, DMA_TO_DEVICE);
		REQUIRE(t, take(t, &m, i, DMA_FROM_DEVICE, 0));
		fixture_fill(m.view, LEN, 2);
		dma_set_written(i ? &f->tight2 : &f->near2, m.addr, LEN);
		fixture_expect_misuse(t, DMA_MISUSE_DEVICE);
		dma_set_written(m.dev, dma_addr_add(m.addr, 1), 1);
		fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
		dma_set_written(m.dev, dma_addr_add(m.addr, S(1)), 0);
		fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
		dma_set_written(m.dev, dma_addr_add(m.addr, LEN), 1);
		fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
		dma_set_written(m.dev, DMA_MAPPING_ERROR, 1);
		fixture_expect_misuse(t, DMA_MISUSE_MAPPING_ERROR);
		EXPECT(t, fixture_is(m.buffer, LEN, 1)); /* of all that nothing had an effect */
		dma_set_written(m.dev, m.addr, SIZE_MAX);
		fixture_expect_misuse(t, DMA_MISUSE_SYNC_RANGE);
		EXPECT(t, fixture_is(m.buffer, LEN, 2)); /* clamped */
		EXPECT(t, fixture_is_zero(m.buffer + LEN, 16));
		dma_unmap_single(m.dev, m.addr, LEN, DMA_FROM_DEVICE);
	}
}

/* --- dma_set_force() --- */

/* A device that is forced to bounce sees nothing of others around its mapping, whose ever it was.
 */
static void forced_sees_no_neighbour(struct ktest *t)
{
	static const size_t lengths[] = {1, 100, 2047, 2048, 2049, 5000};
	struct dma_fixture *f = t->fixture;

	dma_set_force(&f->near, true);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(lengths); i++) {
		size_t len = lengths[i / 2], offset = FIXTURE_LOW + (i & 1 ? 0x7f8 : 0);
		uint64_t start, before, behind;
		dma_addr_t addr;

		EXPECT_EQ(t, dma_set_min_align_mask(&f->near, i & 1 ? 0x7ff : 0), 0);
		fixture_litter(f);
		addr = fixture_map(t, &f->near, offset, len, DMA_BIDIRECTIONAL);
		start = addr.bus;
		before = start & (S(1) - 1);
		behind = -(start + len) & (S(1) - 1);
		EXPECT_EQ(t, before, i & 1 ? 0x7f8 : 0);
		EXPECT(t, fixture_is_zero(fixture_device_view(&f->near, addr) - before, before));
		EXPECT(t, fixture_is_zero(fixture_device_view(&f->near, addr) + len, behind));
		/* It is put, and taken again with others' bytes in it. */
		dma_unmap_single(&f->near, addr, len, DMA_BIDIRECTIONAL);
	}
}

static const struct ktest_case cases[] = {
	{"skip_copies_nothing", skip_copies_nothing},
	{"skip_then_sync", skip_then_sync},
	{"overwrite", overwrite},
	{"direct", direct},
	{"no_warn", no_warn},
	{"written", written},
	{"handed_over_again", handed_over_again},
	{"fresh_when_taken_again", fresh_when_taken_again},
	{"written_wrongly", written_wrongly},
	{"forced_sees_no_neighbour", forced_sees_no_neighbour},
	{NULL, NULL},
};

extern const struct ktest_suite attrs_suite;
const struct ktest_suite attrs_suite = {"attrs", dma_fixture_begin, dma_fixture_end, cases};
