/* SPDX-License-Identifier: MIT */
/*
 * Tables: limits, a pool's state and a request, and exactly what comes of it:
 * which segments, where they are, or why there are none.
 *
 *	0         64K        80K      128K            192K           256K
 *	|  below  |  pool    |        |  near         |  far         |
 *	                                              ^ the device reaches the byte before
 *
 * There are no pages for transient slots, so what the pool can't serve isn't.
 * Each row is tried with several bus offsets, which must make no difference; one
 * of a single entry also by dma_map_phys(); and all again with magazines, which
 * may change the place, but not whether there is one.
 */
#include "dma/sg.h"

#include "dma/transient.h"
#include "tests/unit/dma_fixture.h"

#define SLOTS	   8
#define POOL	   KIB(64)
#define POOL_BYTES (SLOTS * SWIOTLB_SLOT)
#define NEAR	   KIB(128)
#define FAR	   KIB(192)
#define K	   1024
#define END	   KIB(256)
#define MOST	   6
#define PAGES	   64 /* of the fixture's zones */

/* Where a bounced segment is: in slot n, or in any that were free. */
#define SLOT(n)	 (POOL + (n)*SWIOTLB_SLOT)
#define ANY	 UINT32_MAX

#define MAP(...) .list = {__VA_ARGS__}
#define TO(...)	 .want = {__VA_ARGS__}
#define FAILS(w) .why = DMA_FAIL_##w

/* As narrow as it goes: the tables are in the image. */
struct piece {
	uint32_t at;
	int32_t len; /* negative: nearly all of the address space */
};

static const struct row {
	const char *pool; /* of each slot, is it taken? NULL: none is */
	struct piece list[MOST], want[MOST];
	uint32_t first, reach; /* of the device's window; 0: as drawn above */
	uint32_t boundary;     /* 0: none */
	uint32_t max_segment;  /* 0: any */
	uint16_t align;
	uint8_t entries;      /* 0: those of the list that have a length */
	uint8_t max_segments; /* 0: MOST */
	uint8_t why;	      /* there are no segments, for this enum dma_failure */
	bool force;
} rows[] = {
	/* --- the mask: it is the last byte that counts --- */
	{MAP({FAR - 4 * K, 4 * K}), TO({FAR - 4 * K, 4 * K})},
	{MAP({FAR - 1, 1}), TO({FAR - 1, 1})},
	{MAP({FAR - 1, 2}), TO({SLOT(7), 2})},
	{MAP({FAR, 1}), TO({SLOT(7), 1})},
	{MAP({FAR - 4 * K, 4 * K + 1}), TO({SLOT(5), 4 * K + 1})},

	/* --- lengths that are none --- */
	{MAP({NEAR, 0}), .entries = 1, FAILS(LENGTH)},
	{MAP({FAR, 0}), .entries = 1, FAILS(LENGTH)},
	{MAP({NEAR, K}, {NEAR + K, 0}), .entries = 2, FAILS(LENGTH)},
	{MAP({NEAR, -1}), FAILS(LENGTH)},
	{MAP({FAR, -K}), FAILS(LENGTH)},

	/* --- the pool, from empty to full --- */
	{MAP({FAR, POOL_BYTES}), TO({SLOT(0), POOL_BYTES})},
	{MAP({FAR, POOL_BYTES + 1}), FAILS(TOO_BIG)},
	{.pool = "x.......", MAP({FAR, 14 * K}), TO({SLOT(1), 14 * K})},
	{.pool = "x.......", MAP({FAR, 14 * K + 1}), FAILS(EXHAUSTED)},
	{.pool = "xxxxxxx.", MAP({FAR, 2 * K}), TO({SLOT(7), 2 * K})},
	{.pool = ".xxxxxxx", MAP({FAR, 2 * K}), TO({SLOT(0), 2 * K})},
	{.pool = "xxx.xxxx", MAP({FAR, 2 * K + 1}), FAILS(EXHAUSTED)},
	{.pool = "xxxxxxxx", MAP({FAR, 1}), FAILS(EXHAUSTED)},
	{.pool = "xxxxxxxx", MAP({FAR, POOL_BYTES + 1}), FAILS(TOO_BIG)},
	{.pool = "xxxxxxxx", MAP({NEAR, 4 * K}), TO({NEAR, 4 * K})},
	{.pool = ".x.x.x.x", MAP({FAR, 2 * K}), TO({ANY, 2 * K})},
	{.pool = ".x.x.x.x", MAP({FAR, 2 * K + 1}), FAILS(FRAGMENTED)},
	{.pool = ".x.x..x.", MAP({FAR, 4 * K}), TO({SLOT(4), 4 * K})},
	{.pool = "..xx.xx.", MAP({FAR, 4 * K}), TO({SLOT(0), 4 * K})},
	{.pool = "..x...xx", MAP({FAR, 6 * K}), TO({SLOT(3), 6 * K})},
	{.pool = "..x...xx", MAP({FAR, 6 * K + 1}), FAILS(FRAGMENTED)},
	{.pool = "..x...xx", MAP({FAR, 10 * K}), FAILS(FRAGMENTED)},
	{.pool = "..x...xx", MAP({FAR, 10 * K + 1}), FAILS(EXHAUSTED)},

	/* --- a mask within the pool: from the bottom, up to its last byte --- */
	{.reach = SLOT(4) - 1, MAP({NEAR, 2 * K}), TO({SLOT(0), 2 * K})},
	{.reach = SLOT(4) - 1, MAP({NEAR, 8 * K}), TO({SLOT(0), 8 * K})},
	{.reach = SLOT(4) - 1, MAP({NEAR, 8 * K + 1}), FAILS(OUT_OF_MASK)},
	{.reach = SLOT(4) - 1, MAP({NEAR, POOL_BYTES + 1}), FAILS(TOO_BIG)},
	{.reach = SLOT(4), MAP({NEAR, 8 * K + 1}), TO({SLOT(0), 8 * K + 1})},
	{.reach = SLOT(4) - 1, .pool = "xx......", MAP({NEAR, 4 * K}), TO({SLOT(2), 4 * K})},
	{.reach = SLOT(4) - 1, .pool = "xx......", MAP({NEAR, 4 * K + 1}), FAILS(EXHAUSTED)},
	{.reach = SLOT(4) - 1, .pool = "x.x.....", MAP({NEAR, 4 * K}), FAILS(FRAGMENTED)},
	{.reach = SLOT(4) - 1, .pool = "xxxx....", MAP({NEAR, 1}), FAILS(EXHAUSTED)},
	{.reach = SLOT(4), .pool = "xxxx....", MAP({NEAR, 1}), TO({SLOT(4), 1})},
	{.reach = SLOT(4), .pool = "xxxx....", MAP({NEAR, 2}), FAILS(EXHAUSTED)},
	{.reach = SLOT(4) + 99, .pool = "xxxx....", MAP({NEAR, 100}), TO({SLOT(4), 100})},
	{.reach = SLOT(4) + 99, .pool = "xxxx....", MAP({NEAR, 101}), FAILS(EXHAUSTED)},
	{.reach = SLOT(0) + 99, MAP({NEAR, 100}), TO({SLOT(0), 100})},
	{.reach = SLOT(0) + 99, .pool = "x.......", MAP({NEAR, 100}), FAILS(EXHAUSTED)},
	{.reach = SLOT(0) + 99, MAP({NEAR, 101}), FAILS(OUT_OF_MASK)},
	{.reach = SLOT(0), MAP({NEAR, 1}), TO({SLOT(0), 1})},
	{.reach = SLOT(0) - 1, MAP({NEAR, 1}), FAILS(OUT_OF_MASK)},

	/* --- a window that begins within the pool --- */
	{.first = SLOT(1), .reach = SLOT(3) - 1, MAP({FAR, 4 * K}), TO({SLOT(1), 4 * K})},
	{.first = SLOT(1), .reach = SLOT(3) - 1, MAP({0, 4 * K + 1}), FAILS(OUT_OF_MASK)},
	{.first = SLOT(0) + 1, .reach = SLOT(3) - 1, MAP({FAR, 4 * K}), TO({SLOT(1), 4 * K})},
	{.first = SLOT(0) + 1, .reach = SLOT(3) - 2, MAP({FAR, 4 * K}), FAILS(OUT_OF_MASK)},
	{.first = SLOT(0) + 1,
	 .reach = SLOT(3) - 1,
	 .pool = ".xx.....",
	 MAP({0, 1}),
	 FAILS(EXHAUSTED)},
	{.first = SLOT(7), .reach = FAR - 1, MAP({0, 2 * K}), TO({SLOT(7), 2 * K})},
	{.first = SLOT(7) + 1, .reach = FAR - 1, MAP({0, 1}), FAILS(OUT_OF_MASK)},
	{.first = SLOT(7) + 64, .reach = FAR - 1, .align = 63, MAP({100, 1}), FAILS(OUT_OF_MASK)},

	/* --- the boundary: exactly met, crossed by a byte, impossible --- */
	{.boundary = 64 * K - 1, MAP({NEAR + 60 * K, 4 * K}), TO({NEAR + 60 * K, 4 * K})},
	{.boundary = 4 * K - 1, MAP({NEAR + 4 * K, 4 * K}), TO({NEAR + 4 * K, 4 * K})},
	{.boundary = 4 * K - 1, MAP({NEAR + 4 * K + 1, 4 * K}), TO({SLOT(6), 4 * K})},
	{.boundary = 4 * K - 1, MAP({NEAR + 4 * K - 1, 2}), TO({SLOT(7), 2})},
	{.boundary = 4 * K - 1, MAP({NEAR + 4 * K, 4 * K + 1}), FAILS(TOO_BIG)},
	{.boundary = 4 * K - 1,
	 .pool = "......x.",
	 MAP({FAR, 2 * K + 1}),
	 TO({SLOT(4), 2 * K + 1})},
	{.boundary = 4 * K - 1, .pool = "x..xx..x", MAP({FAR, 4 * K}), FAILS(FRAGMENTED)},
	{.boundary = 4 * K - 1, .pool = "x..xx..x", MAP({FAR, 2 * K}), TO({ANY, 2 * K})},
	{.boundary = 4 * K - 1, .pool = "xxxxxxx.", MAP({FAR, 4 * K}), FAILS(EXHAUSTED)},
	{.boundary = 4 * K - 1, .reach = SLOT(2) - 2, MAP({FAR, 4 * K}), FAILS(OUT_OF_MASK)},

	/* --- the low bits that bouncing keeps --- */
	{MAP({FAR + 0x123, 100}), TO({SLOT(7), 100})},
	{.align = 0x7f, MAP({FAR + 0x123, 100}), TO({SLOT(7) + 0x23, 100})},
	{.align = 0x7ff, MAP({FAR + 0x123, 100}), TO({SLOT(7) + 0x123, 100})},
	{.align = 0xfff, MAP({FAR + 0x123, 100}), TO({SLOT(6) + 0x123, 100})},
	{.align = 0x7ff, MAP({FAR + 0x7ff, 2}), TO({SLOT(6) + 0x7ff, 2})},
	{.align = 0x7ff, .pool = "xxxxxxx.", MAP({FAR + 0x7ff, 2}), FAILS(EXHAUSTED)},
	{.align = 0x7ff, .pool = "xxxxxxx.", MAP({FAR + 0x7ff, 1}), TO({SLOT(7) + 0x7ff, 1})},
	{.align = 0xfff, .pool = "xxxxxxx.", MAP({FAR, 1}), FAILS(FRAGMENTED)},
	{.align = 0xfff, .pool = "xxxxxxx.", MAP({FAR + 0x800, 1}), TO({SLOT(7), 1})},
	{.align = 0x3fff, MAP({FAR + 0x3800, 1}), TO({SLOT(7), 1})},
	{.align = 0x3fff, MAP({FAR + 0x3800, 2 * K}), TO({SLOT(7), 2 * K})},
	{.align = 0x3fff, MAP({FAR + 0x3800, 2 * K + 1}), FAILS(TOO_BIG)},
	{.align = 0x3fff, .pool = "x.......", MAP({FAR, 1}), FAILS(FRAGMENTED)},
	{.align = 0x3fff, .reach = SLOT(7) - 1, MAP({FAR + 0x3800, 1}), FAILS(OUT_OF_MASK)},
	/* of the bus address, those of the original's physical one */
	{.align = 0x3f, .first = SLOT(0) + 16, MAP({FAR + 5, 1}), TO({SLOT(0) + 21, 1})},
	{.align = 0x3f, .first = SLOT(0) + 16, MAP({FAR + 50, 1}), TO({SLOT(1) + 2, 1})},
	{.align = 0xfff, .boundary = 0x3ff, MAP({FAR + 0x800, K}), TO({SLOT(7), K})},
	{.align = 0xfff, .boundary = 0x3ff, MAP({FAR + 0xa00, K}), FAILS(TOO_BIG)},

	/* --- the longest segment --- */
	{.max_segment = 4 * K, MAP({NEAR, 4 * K}), TO({NEAR, 4 * K})},
	{.max_segment = 4 * K, MAP({NEAR, 4 * K + 1}), FAILS(LENGTH)},
	{.max_segment = 4 * K, MAP({FAR, 4 * K}), TO({SLOT(6), 4 * K})},
	{.max_segment = 4 * K, MAP({FAR, 4 * K + 1}), FAILS(LENGTH)},

	/* --- lists in a pool with little room: all of it or nothing --- */
	{.pool = "xxxxx...",
	 MAP({FAR, K}, {FAR + K, 2 * K}, {FAR + 3 * K, 1}),
	 TO({ANY, K}, {ANY, 2 * K}, {ANY, 1})},
	{.pool = "xxxxxx..", MAP({FAR, K}, {FAR + K, K}, {FAR + 2 * K, 1}), FAILS(EXHAUSTED)},
	{.pool = "xxxxxx..",
	 MAP({FAR, K}, {NEAR, K}, {FAR + 2 * K, 1}),
	 TO({ANY, K}, {NEAR, K}, {ANY, 1})},
	{.pool = "xxxx.x.x", MAP({NEAR, K}, {FAR, K}, {FAR + 4 * K, 4 * K}), FAILS(EXHAUSTED)},
	{.pool = ".x.x.x.x", MAP({NEAR, K}, {FAR, K}, {FAR + 4 * K, 4 * K}), FAILS(FRAGMENTED)},
	{MAP({NEAR, K}, {FAR, 16}, {NEAR + K, K}, {NEAR + 2 * K, K}, {FAR - K, K}, {FAR, K}),
	 TO({NEAR, K}, {SLOT(7), 16}, {NEAR + K, 2 * K}, {FAR - K, K}, {SLOT(6), K})},
	{.force = true, .pool = "......xx", MAP({NEAR, 1}), TO({SLOT(5), 1})},
	{.force = true, MAP({NEAR, K}, {NEAR + K, K}), TO({SLOT(7), K}, {SLOT(6), K})},

	/* --- what Haiku's dma_resource_test asks, in the words of this API --- */
	/* no limits: whole, at an odd place, less than a sector, a last entry used in part */
	{MAP({NEAR, K}), TO({NEAR, K})},
	{MAP({NEAR + 23, K}), TO({NEAR + 23, K})},
	{MAP({NEAR + 23, 30}), TO({NEAR + 23, 30})},
	{MAP({NEAR, 512}, {NEAR + K, 516}), TO({NEAR, 512}, {NEAR + K, 516})},
	/* pages apart, and in a row */
	{MAP({NEAR, 4 * K}, {NEAR + 12 * K, 4 * K}), TO({NEAR, 4 * K}, {NEAR + 12 * K, 4 * K})},
	{MAP({NEAR, 4 * K}, {NEAR + 4 * K, 4 * K}), TO({NEAR, 8 * K})},
	/* what lies below a lowest address is bounced, what follows it is not */
	{.first = 512, .reach = FAR - 1, MAP({0, 512}, {512, 512}), TO({SLOT(7), 512}, {512, 512})},
	{.first = 512, .reach = FAR - 1, MAP({511, 2}), TO({SLOT(7), 2})},
	/* a start that is off by half the alignment, ends that are off, less than a sector */
	{.align = 31, MAP({FAR + 16, K}), TO({SLOT(7) + 16, K})},
	{.align = 31, MAP({FAR, 2 * K}, {FAR + 2 * K, 511}), TO({SLOT(7), 2 * K}, {SLOT(6), 511})},
	{.align = 31, MAP({FAR, 51}), TO({SLOT(7), 51})},
	{.align = 31, MAP({FAR + 32, 51}), TO({SLOT(7), 51})},
	/* a segment ends at the boundary, and the rest is another */
	{.boundary = K - 1, MAP({NEAR, K}, {NEAR + K, 976}), TO({NEAR, K}, {NEAR + K, 976})},
	{.boundary = K - 1, MAP({NEAR, 2000}), FAILS(TOO_BIG)},
	/* as many of the longest as there may be; five where four may be, and then the fifth alone
	 */
	{.max_segment = K,
	 .max_segments = 4,
	 MAP({NEAR, K}, {NEAR + K, K}, {NEAR + 2 * K, K}, {NEAR + 3 * K, K}),
	 TO({NEAR, K}, {NEAR + K, K}, {NEAR + 2 * K, K}, {NEAR + 3 * K, K})},
	{.max_segment = K,
	 .max_segments = 4,
	 MAP({NEAR, 8}, {NEAR + K, 8}, {NEAR + 2 * K, 8}, {NEAR + 3 * K, 8}, {NEAR + 4 * K, 8}),
	 FAILS(LENGTH)},
	{.max_segment = K, .max_segments = 4, MAP({NEAR + 4 * K, 8}), TO({NEAR + 4 * K, 8})},
	/* a transfer in pieces, the last one shorter */
	{.max_segment = K, .max_segments = 1, MAP({NEAR, 4000}), FAILS(LENGTH)},
	{.max_segment = K, .max_segments = 1, MAP({NEAR, K}), TO({NEAR, K})},
	{.max_segment = K, .max_segments = 1, MAP({NEAR + 3 * K, 928}), TO({NEAR + 3 * K, 928})},
	/* alignment and boundary; with a count too */
	{.align = 31,
	 .boundary = 511,
	 MAP({NEAR + 480, 32}, {NEAR + 512, 480}),
	 TO({NEAR + 480, 32}, {NEAR + 512, 480})},
	{.align = 31, .boundary = 511, MAP({NEAR + 32, 512}), TO({SLOT(7), 512})},
	{.align = 31,
	 .boundary = 511,
	 .max_segments = 2,
	 MAP({NEAR, 32}, {NEAR + 32, 480}, {NEAR + 512, 512}),
	 TO({NEAR, 512}, {NEAR + 512, 512})},
	/* all of it: a lowest address, alignment, boundary, two segments of 512 bytes */
	{.first = K,
	 .reach = FAR - 1,
	 .align = 31,
	 .boundary = K - 1,
	 .max_segment = 512,
	 .max_segments = 2,
	 MAP({0, 512}, {512, 512}),
	 TO({SLOT(7), 512}, {SLOT(6), 512})},
	{.first = K,
	 .reach = FAR - 1,
	 .align = 31,
	 .boundary = K - 1,
	 .max_segment = 512,
	 .max_segments = 2,
	 MAP({K + 32, 512}, {K + 544, 480}),
	 TO({K + 32, 512}, {K + 544, 480})},
	{.first = K,
	 .reach = FAR - 1,
	 .align = 31,
	 .boundary = K - 1,
	 .max_segment = 512,
	 .max_segments = 2,
	 MAP({K, 512}, {K + 512, 512}, {2 * K, 512}),
	 FAILS(LENGTH)},
};

/* In the fixture's memory, behind what is drawn. */
static struct {
	uint64_t base; /* where the drawing begins */
	struct swiotlb pool;
	uint64_t metadata[1024];
	struct dma_device holder, dev;
	dma_addr_t held[SLOTS]; /* what the holder has mapped; DMA_MAPPING_ERROR: nothing */
	phys_addr_t pages[PAGES];
	size_t page_count;
} * x;

/* Nobody else shall have pages. */
static void take_pages(struct dma_fixture *f)
{
	struct page_request request = {.zone = ZONE_NORMAL, .dma_reserve = true, .limit = NO_LIMIT};

	for (x->page_count = 0; x->page_count < PAGES; x->page_count++) {
		x->pages[x->page_count] = pages_alloc(&f->zones, &request);
		if (phys_is_none(x->pages[x->page_count]))
			break;
	}
}

static void begin(struct ktest *t)
{
	struct dma_fixture *f;

	dma_fixture_begin(t);
	if (t->failed || t->skip[0])
		return;
	f = t->fixture;
	x = (void *)fixture_memory(f, FIXTURE_LOW + END);
	x->base = f->base + FIXTURE_LOW;
	take_pages(f);
	EXPECT(t, swiotlb_metadata_size(SLOTS) <= sizeof(x->metadata));
	swiotlb_init(&x->pool, phys(x->base + POOL), SLOTS, x->metadata);
	swiotlb_cache(&x->pool, false);
	f->sys.pool = &x->pool;
	transient_reset_bounds(&f->sys);
	EXPECT_EQ(t, dma_device_add(&f->sys, &x->holder, "holder0", NULL), 0);
	dma_set_force(&x->holder, true);
}

static void end(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;

	dma_device_remove(&x->holder);
	EXPECT_EQ(t, dma_level_now(&x->pool.used), 0);
	f->sys.pool = &f->pool;
	transient_reset_bounds(&f->sys);
	while (x->page_count > 0)
		pages_free(&f->zones, x->pages[--x->page_count], 0);
	dma_fixture_end(t);
}

static uint64_t length_of(const struct piece *piece)
{
	return (uint64_t)(int64_t)piece->len;
}

static unsigned slot_of(const struct dma_device *dev, dma_addr_t addr)
{
	uint64_t at = dma_to_phys(&dev->limits, addr).value;

	return (unsigned)((at - x->base - POOL) >> SWIOTLB_SHIFT);
}

static bool taken(const struct row *row, unsigned slot)
{
	return row->pool && row->pool[slot] == 'x';
}

/* Take all slots, and give back those that are to be free. */
static void set_pool(struct ktest *t, const struct row *row)
{
	dma_addr_t addr[SLOTS];

	for (unsigned i = 0; i < SLOTS; i++)
		addr[i] = dma_map_phys(&x->holder, phys(x->base), SWIOTLB_SLOT, DMA_TO_DEVICE, 0);
	for (unsigned i = 0; i < SLOTS; i++) {
		unsigned slot = slot_of(&x->holder, addr[i]);

		REQUIRE(t, slot < SLOTS);
		x->held[slot] = addr[i];
		if (taken(row, slot))
			continue;
		dma_unmap_phys(&x->holder, addr[i], SWIOTLB_SLOT, DMA_TO_DEVICE, 0);
		x->held[slot] = DMA_MAPPING_ERROR;
	}
}

static void clear_pool(void)
{
	for (unsigned i = 0; i < SLOTS; i++)
		if (!dma_mapping_error(&x->holder, x->held[i]))
			dma_unmap_phys(&x->holder, x->held[i], SWIOTLB_SLOT, DMA_TO_DEVICE, 0);
}

static void set_device(struct ktest *t, const struct row *row, int64_t offset)
{
	struct dma_fixture *f = t->fixture;
	uint64_t reach = row->reach ? row->reach : FAR - 1;

	EXPECT_EQ(t, dma_device_add(&f->sys, &x->dev, "table0", NULL), 0);
	x->dev.limits.streaming_mask = UINT64_MAX - 1;
	dma_set_bus_offset(&x->dev, offset);
	dma_set_bus_limit(&x->dev, x->base + reach + (uint64_t)offset);
	if (row->boundary)
		EXPECT_EQ(t, dma_set_seg_boundary(&x->dev, row->boundary), 0);
	if (row->max_segment)
		EXPECT_EQ(t, dma_set_max_seg_size(&x->dev, row->max_segment), 0);
	EXPECT_EQ(t, dma_set_max_segments(&x->dev, row->max_segments ? row->max_segments : MOST),
		  0);
	if (row->align)
		EXPECT_EQ(t, dma_set_min_align_mask(&x->dev, row->align), 0);
	dma_set_force(&x->dev, row->force);
}

/* Wherever it is in the pool, is it where it may be? Its slots are taken then. */
static bool lies_well(const struct row *row, dma_addr_t addr, uint64_t len, uint64_t original,
		      unsigned *mine)
{
	uint64_t at = dma_to_phys(&x->dev.limits, addr).value - x->base;
	uint64_t reach = row->reach ? row->reach : FAR - 1;

	if (at < POOL || at + len > POOL + POOL_BYTES || at < row->first || at + len - 1 > reach)
		return false;
	if (((addr.bus ^ original) & row->align) ||
	    (row->boundary && ((at ^ (at + len - 1)) & ~row->boundary)))
		return false;
	for (uint64_t slot = (at - POOL) / SWIOTLB_SLOT; SLOT(slot) < at + len; slot++) {
		if (taken(row, (unsigned)slot) || *mine >> slot & 1)
			return false;
		*mine |= 1U << slot;
	}
	return true;
}

/* Which entry a bounced segment is of: as many direct and bounced bytes lie before. */
static uint64_t original_of(const struct row *row, unsigned segment)
{
	uint64_t bytes = 0;
	unsigned i = 0;

	for (unsigned s = 0; s < segment; s++)
		bytes += length_of(&row->want[s]);
	while (bytes > 0)
		bytes -= length_of(&row->list[i++]);
	return row->list[i].at;
}

/* Segment `s` of the row is at this address. */
static void expect_segment(struct ktest *t, const struct row *row, unsigned s, dma_addr_t addr,
			   size_t len, bool exact, unsigned *mine)
{
	uint64_t at = dma_to_phys(&x->dev.limits, addr).value - x->base, want = row->want[s].at;
	bool bounced = want == ANY || (want >= POOL && want < POOL + POOL_BYTES);
	bool well = len == length_of(&row->want[s]);
	uint64_t reg;

	if (bounced)
		well &= lies_well(row, addr, len, original_of(row, s), mine);
	if (!bounced || (exact && want != ANY))
		well &= at == want;
	if (!well)
		ktest_fail(t, __FILE__, __LINE__, "row %zu: segment %u: %#llx+%#zx",
			   (size_t)(row - rows), s, (unsigned long long)at, len);
	EXPECT(t, dma_gate(&x->dev, addr, len, &reg));
	EXPECT_EQ(t, reg, at + x->base + (uint64_t)x->dev.limits.bus_offset);
}

/* Pages below all this are in some windows, where they might serve, were they free. */
static void expect_why(struct ktest *t, const struct row *row)
{
	bool pages = row->why == DMA_FAIL_OUT_OF_MASK && x->dev.fit.first < x->base;
	enum dma_failure why = pages ? DMA_FAIL_EXHAUSTED : row->why;

	if (dma_last_failure(&x->dev) != why)
		ktest_fail(t, __FILE__, __LINE__, "row %zu: %s, not %s", (size_t)(row - rows),
			   dma_failure_name(dma_last_failure(&x->dev)), dma_failure_name(why));
}

static unsigned count_pieces(const struct piece *pieces)
{
	unsigned n = 0;

	while (n < MOST && pieces[n].len)
		n++;
	return n;
}

static void try_list(struct ktest *t, const struct row *row, bool exact)
{
	unsigned nents = row->entries ? row->entries : count_pieces(row->list), n, mine = 0;
	struct scatterlist sg[MOST];

	for (unsigned i = 0; i < nents; i++)
		sg[i] = (struct scatterlist){.addr = phys(x->base + row->list[i].at),
					     .length = length_of(&row->list[i])};
	n = dma_map_sg_attrs(&x->dev, sg, nents, DMA_TO_DEVICE, DMA_ATTR_NO_WARN);
	expect_why(t, row);
	if (n != count_pieces(row->want))
		ktest_fail(t, __FILE__, __LINE__, "row %zu: %u segments", (size_t)(row - rows), n);
	for (unsigned i = 0; i < n && i < MOST; i++)
		expect_segment(t, row, i, sg_dma_address(&sg[i]), sg_dma_len(&sg[i]), exact, &mine);
	if (n)
		dma_unmap_sg(&x->dev, sg, nents, DMA_TO_DEVICE);
}

static void try_single(struct ktest *t, const struct row *row, bool exact)
{
	unsigned nents = row->entries ? row->entries : count_pieces(row->list), mine = 0;
	uint64_t len = length_of(&row->list[0]);
	dma_addr_t addr;

	if (nents != 1)
		return;
	addr = dma_map_phys(&x->dev, phys(x->base + row->list[0].at), len, DMA_TO_DEVICE,
			    DMA_ATTR_NO_WARN);
	expect_why(t, row);
	EXPECT_EQ(t, dma_mapping_error(&x->dev, addr), row->want[0].len == 0);
	if (dma_mapping_error(&x->dev, addr))
		return;
	expect_segment(t, row, 0, addr, len, exact, &mine);
	dma_unmap_phys(&x->dev, addr, len, DMA_TO_DEVICE, 0);
}

static void try_row(struct ktest *t, const struct row *row, int64_t offset, bool exact)
{
	size_t used = dma_level_now(&x->pool.used);

	set_device(t, row, offset);
	try_list(t, row, exact);
	EXPECT_EQ(t, x->dev.count.live, 0);
	EXPECT_EQ(t, dma_level_now(&x->pool.used), used);
	try_single(t, row, exact);
	EXPECT_EQ(t, x->dev.count.live, 0);
	EXPECT_EQ(t, dma_level_now(&x->pool.used), used);
	swiotlb_validate(&x->pool);
	dma_device_remove(&x->dev);
}

static void try_rows(struct ktest *t, bool exact)
{
	for (const struct row *row = rows; row < rows + ARRAY_SIZE(rows); row++) {
		set_pool(t, row);
		try_row(t, row, -(int64_t)(x->base + row->first), exact);
		if (!row->first) {
			try_row(t, row, 0, exact);
			try_row(t, row, GIB(64), exact);
			try_row(t, row, -(int64_t)KIB(64), exact);
		}
		clear_pool();
	}
}

static void without_magazines(struct ktest *t)
{
	try_rows(t, true);
}

static void with_magazines(struct ktest *t)
{
	swiotlb_cache(&x->pool, true);
	try_rows(t, false);
}

static const struct ktest_case cases[] = {
	{"without_magazines", without_magazines},
	{"with_magazines", with_magazines},
	{NULL, NULL},
};

extern const struct ktest_suite table_suite;
const struct ktest_suite table_suite = {"table", begin, end, cases};
