/* SPDX-License-Identifier: MIT */
/*
 * The memory map, on whatever a firmware may say, and on what is taken from it.
 */
#include "mm/memmap.h"
#include "mm/errno.h"
#include "mm/port.h"
#include "tests/ktest.h"

#define NONE UINT64_MAX
#define TOP  UINT64_MAX
#define PAGE PAGE_SIZE

static struct memmap *map;

static void begin(struct ktest *t)
{
	map = ktest_zalloc(t, sizeof(*map));
	if (!map)
		return;
	memset(map, 0xa5, sizeof(*map));
	memmap_init(map, NONE);
}

/* Add usable ranges or take them away as [start, end). */
static void ram(uint64_t start, uint64_t end)
{
	memmap_add(map, start, end - start, true);
}

static void hole(uint64_t start, uint64_t end)
{
	memmap_add(map, start, end - start, false);
}

/* The list is exactly these ranges, which end with an empty one. */
static bool is(const struct range_list *list, const struct mem_range *want)
{
	size_t n = 0;

	while (want[n].end)
		n++;
	return list->count == n && memcmp(list->range, want, n * sizeof(*want)) == 0;
}

#define EXPECT_RANGES(t, list, ...)                                                                \
	EXPECT(t, is(list, (const struct mem_range[]){__VA_ARGS__ __VA_OPT__(, ){0, 0}}))

/* --- what firmware says --- */

#define RANGES 5

/* In megabytes, so that the table can be read; usable, then reserved ranges, then what is RAM. */
static void firmware(struct ktest *t)
{
	static const struct {
		struct mem_range usable[RANGES], reserved[RANGES], want[RANGES];
	} table[] = {
		{{{1, 2}}, {}, {{1, 2}}},
		{{{1, 2}, {4, 5}}, {}, {{1, 2}, {4, 5}}},		/* apart */
		{{{4, 5}, {1, 2}}, {}, {{1, 2}, {4, 5}}},		/* unsorted */
		{{{1, 3}, {2, 5}}, {}, {{1, 5}}},			/* overlap above */
		{{{2, 5}, {1, 3}}, {}, {{1, 5}}},			/* overlap below */
		{{{1, 9}, {3, 4}}, {}, {{1, 9}}},			/* within */
		{{{3, 4}, {1, 9}}, {}, {{1, 9}}},			/* around */
		{{{1, 2}, {1, 2}}, {}, {{1, 2}}},			/* twice */
		{{{1, 3}, {5, 7}, {3, 5}}, {}, {{1, 7}}},		/* fills the gap */
		{{{1, 3}, {5, 7}, {2, 6}}, {}, {{1, 7}}},		/* and over */
		{{{1, 2}, {3, 4}, {5, 6}, {2, 9}}, {}, {{1, 9}}},	/* swallows */
		{{{1, 2}, {4, 4}}, {}, {{1, 2}}},			/* empty */
		{{{1, 9}}, {{3, 4}}, {{1, 3}, {4, 9}}},			/* hole inside */
		{{{1, 9}}, {{1, 3}}, {{3, 9}}},				/* at the bottom */
		{{{1, 9}}, {{7, 9}}, {{1, 7}}},				/* at the top */
		{{{2, 9}}, {{1, 3}, {8, 20}}, {{3, 8}}},		/* beyond both ends */
		{{{1, 3}, {5, 7}}, {{2, 6}}, {{1, 2}, {6, 7}}},		/* over two */
		{{{1, 3}, {4, 5}, {6, 8}}, {{2, 7}}, {{1, 2}, {7, 8}}}, /* and one between */
		{{{2, 3}}, {{1, 2}, {3, 4}}, {{2, 3}}},			/* only touches */
		{{{1, 9}}, {{3, 5}, {4, 6}, {3, 4}}, {{1, 3}, {6, 9}}}, /* overlapping holes */
		{{{1, 9}, {2, 3}}, {{2, 3}, {2, 3}}, {{1, 2}, {3, 9}}}, /* reserved wins */
		{{{3, 4}}, {{1, 9}}, {}},				/* nothing left */
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct mem_range want[RANGES];
		bool any = table[i].want[0].end;

		/* The order in which usable and reserved ranges come is of no matter. */
		for (unsigned reserved_first = 0; reserved_first < 2; reserved_first++) {
			memmap_init(map, NONE);
			for (size_t r = 0; reserved_first && r < RANGES; r++)
				hole(MIB(table[i].reserved[r].start),
				     MIB(table[i].reserved[r].end));
			for (size_t r = 0; r < RANGES; r++)
				ram(MIB(table[i].usable[r].start), MIB(table[i].usable[r].end));
			for (size_t r = 0; !reserved_first && r < RANGES; r++)
				hole(MIB(table[i].reserved[r].start),
				     MIB(table[i].reserved[r].end));
			for (size_t r = 0; r < RANGES; r++)
				want[r] = (struct mem_range){MIB(table[i].want[r].start),
							     MIB(table[i].want[r].end)};
			EXPECT_EQ(t, memmap_seal(map), any ? 0 : -ENOMEM);
			EXPECT(t, is(&map->ram, want));
			EXPECT(t, is(&map->free, want));
			EXPECT_EQ(t, map->dropped, 0);
		}
	}
}

/* Usable memory shrinks to whole pages, what is reserved grows to whole pages. */
static void unaligned(struct ktest *t)
{
	ram(PAGE + 1, 10 * PAGE - 1);
	ram(20 * PAGE + 5, 20 * PAGE + 4000); /* less than a page */
	ram(30 * PAGE, 31 * PAGE + 7);	      /* two that make up a page together */
	ram(31 * PAGE + 7, 32 * PAGE);
	ram(40 * PAGE + 1, 42 * PAGE - 1); /* no whole page in it, though two pages long */
	hole(5 * PAGE + 100, 5 * PAGE + 101);
	EXPECT_EQ(t, memmap_seal(map), 0);
	EXPECT_RANGES(t, &map->ram, {2 * PAGE, 5 * PAGE}, {6 * PAGE, 9 * PAGE},
		      {30 * PAGE, 32 * PAGE});
}

static void page_zero_is_never_free(struct ktest *t)
{
	ram(0, 8 * PAGE);
	EXPECT_EQ(t, memmap_seal(map), 0);
	EXPECT_RANGES(t, &map->ram, {0, 8 * PAGE});
	EXPECT_RANGES(t, &map->free, {PAGE, 8 * PAGE});
	EXPECT_EQ(t, memmap_reserve(map, 0, 8 * PAGE), 0);
	EXPECT_EQ(t, map->free.count, 0);
	EXPECT_EQ(t, memmap_release(map, 0, 8 * PAGE), 0);
	EXPECT_RANGES(t, &map->free, {PAGE, 8 * PAGE});
}

static void wrapping(struct ktest *t)
{
	ram(PAGE, 4 * PAGE);
	memmap_add(map, NONE - 8 * PAGE + 1, 8 * PAGE, true); /* ends with the address space */
	EXPECT_EQ(t, map->dropped, 0);
	memmap_add(map, 2 * PAGE, NONE, false); /* wraps: all from there on */
	EXPECT_EQ(t, map->dropped, 1);
	EXPECT_EQ(t, memmap_seal(map), 0);
	EXPECT_RANGES(t, &map->ram, {PAGE, 2 * PAGE});
}

static void end_of_address_space(struct ktest *t)
{
	memmap_add(map, NONE, 1, true);
	memmap_add(map, NONE - 1, NONE, true);
	EXPECT_EQ(t, memmap_seal(map), -ENOMEM); /* no whole page */
	memmap_init(map, NONE);
	memmap_add(map, NONE - 3 * PAGE + 1, NONE, true);
	EXPECT_EQ(t, memmap_seal(map), 0);
	/* the very last page is cut: its end can't be said */
	EXPECT_RANGES(t, &map->ram, {NONE - 3 * PAGE + 1, NONE - PAGE + 1});
	EXPECT_EQ(t, memmap_carve(map, PAGE, PAGE, 0, TOP, MEMMAP_HIGHEST).value,
		  NONE - 2 * PAGE + 1);
	EXPECT_EQ(t, memmap_carve(map, PAGE, MIB(1), 0, TOP, MEMMAP_LOWEST).value, NONE);
	EXPECT_EQ(t, memmap_reserve(map, NONE - PAGE, NONE), 0);
}

static void limit(struct ktest *t)
{
	memmap_init(map, MIB(16) + 5);
	ram(MIB(1), MIB(2));
	ram(MIB(8), MIB(32));
	ram(MIB(64), MIB(128));
	EXPECT_EQ(t, memmap_seal(map), 0);
	EXPECT_RANGES(t, &map->ram, {MIB(1), MIB(2)}, {MIB(8), MIB(16)});
	EXPECT_EQ(t, map->dropped, 0);
}

static void nothing_at_all(struct ktest *t)
{
	EXPECT_EQ(t, memmap_seal(map), -ENOMEM);
	EXPECT_EQ(t, memmap_top(map), 0);
	EXPECT_EQ(t, memmap_bytes(map, 0), 0);
	EXPECT(t, !memmap_is_ram(map, 0, PAGE));
	EXPECT_EQ(t, memmap_carve(map, PAGE, PAGE, 0, TOP, MEMMAP_HIGHEST).value, NONE);
	EXPECT_EQ(t, memmap_release(map, 0, TOP), 0);
	EXPECT_EQ(t, map->free.count, 0);
}

/* --- more than there is room for --- */

/* The usable ranges that find no room are lost, but for those that join others. */
static void too_many_usable(struct ktest *t)
{
	for (uint64_t i = 0; i < MEMMAP_RANGES + 10; i++)
		ram(MIB(2 * i + 1), MIB(2 * i + 2));
	EXPECT_EQ(t, map->dropped, 10);
	ram(MIB(2), MIB(3));
	EXPECT_EQ(t, map->dropped, 10);
	EXPECT_EQ(t, memmap_seal(map), 0);
	EXPECT_EQ(t, map->ram.count, MEMMAP_RANGES - 1);
	EXPECT_EQ(t, memmap_bytes(map, 0), MIB(MEMMAP_RANGES + 1));
}

/* A reserved range that finds no room closes the map above it, also for RAM added before. */
static void too_many_reserved(struct ktest *t)
{
	ram(GIB(1), GIB(64));
	for (uint64_t i = 0; i < MEMMAP_RANGES; i++)
		hole(MIB(2 * i + 1), MIB(2 * i + 2));
	EXPECT_EQ(t, map->dropped, 0);
	hole(GIB(3) + 5, GIB(3) + 6);
	hole(GIB(2) + 5, GIB(2) + 6);
	hole(GIB(4), GIB(5)); /* closed already */
	ram(GIB(66), GIB(67));
	EXPECT_EQ(t, map->dropped, 2);
	EXPECT_EQ(t, memmap_seal(map), 0);
	EXPECT_RANGES(t, &map->ram, {GIB(1), GIB(2)});
}

/* So many holes in one range that its parts find no room: the upper ones are lost, no hole is. */
static void too_many_holes(struct ktest *t)
{
	ram(0, GIB(1));
	for (uint64_t i = 0; i < MEMMAP_RANGES; i++)
		hole(MIB(2 * i + 1), MIB(2 * i + 2));
	EXPECT_EQ(t, memmap_seal(map), 0);
	EXPECT_EQ(t, map->dropped, 1);
	EXPECT_EQ(t, map->ram.count, MEMMAP_RANGES);
	EXPECT_EQ(t, memmap_bytes(map, 0), MIB(MEMMAP_RANGES));
	for (uint64_t i = 0; i < MEMMAP_RANGES; i++)
		EXPECT(t, !memmap_is_ram(map, MIB(2 * i + 1), MIB(2 * i + 2)));
}

/* Holes punched into a full list: memory may be lost, what is taken never stays free. */
static void full_list(struct ktest *t)
{
	for (uint64_t i = 0; i < MEMMAP_RANGES; i++)
		ram(MIB(2 * i + 1), MIB(2 * i + 2));
	EXPECT_EQ(t, memmap_seal(map), 0);
	EXPECT_EQ(t, memmap_reserve(map, MIB(5) + 8 * PAGE, MIB(5) + 9 * PAGE), -ENOSPC);
	EXPECT_EQ(t, map->dropped, 1);
	EXPECT_EQ(t, map->free.count, MEMMAP_RANGES);
	EXPECT_EQ(t, map->free.range[2].end, MIB(5) + 8 * PAGE);
	EXPECT_EQ(t, map->free.range[3].start, MIB(7));
	/* and back: what touches a range needs no room */
	EXPECT_EQ(t, memmap_release(map, MIB(5) + 8 * PAGE, MIB(6)), 0);
	EXPECT_EQ(t, memmap_reserve(map, MIB(5), MIB(6)), 0);
	EXPECT_EQ(t, memmap_reserve(map, MIB(7) + PAGE, MIB(7) + 2 * PAGE), 0);
	EXPECT_EQ(t, memmap_release(map, MIB(5), MIB(6)), -ENOSPC);
	EXPECT_EQ(t, map->free.count, MEMMAP_RANGES);
}

/* --- reserving and releasing --- */

static void reserve(struct ktest *t)
{
	ram(MIB(1), MIB(9));
	ram(MIB(16), MIB(32));
	EXPECT_EQ(t, memmap_seal(map), 0);
	EXPECT_EQ(t, memmap_reserve(map, MIB(2) + 1, MIB(2) + 2), 0); /* a byte takes its page */
	EXPECT_EQ(t, memmap_reserve(map, MIB(2), MIB(2) + PAGE), 0);  /* taken already */
	EXPECT_EQ(t, memmap_reserve(map, MIB(8), MIB(17)), 0);	      /* over a gap */
	EXPECT_EQ(t, memmap_reserve(map, MIB(10), MIB(11)), 0);	      /* no RAM there */
	EXPECT_EQ(t, memmap_reserve(map, MIB(3), MIB(3)), 0);	      /* nothing */
	EXPECT_EQ(t, memmap_reserve(map, MIB(4), MIB(3)), -EINVAL);
	EXPECT_RANGES(t, &map->free, {MIB(1), MIB(2)}, {MIB(2) + PAGE, MIB(8)}, {MIB(17), MIB(32)});
	EXPECT_RANGES(t, &map->ram, {MIB(1), MIB(9)}, {MIB(16), MIB(32)});
	EXPECT_EQ(t, map->dropped, 0);
}

static void release(struct ktest *t)
{
	ram(MIB(1), MIB(9));
	ram(MIB(16), MIB(32));
	hole(MIB(4), MIB(5));
	EXPECT_EQ(t, memmap_seal(map), 0);
	EXPECT_EQ(t, memmap_reserve(map, 0, TOP), 0);
	EXPECT_EQ(t, map->free.count, 0);
	EXPECT_EQ(t, memmap_release(map, MIB(2), MIB(3)), 0);
	EXPECT_EQ(t, memmap_release(map, MIB(2), MIB(3)), 0);		     /* twice */
	EXPECT_EQ(t, memmap_release(map, MIB(6) + 1, MIB(6) + 2 * PAGE), 0); /* a whole page */
	EXPECT_EQ(t, memmap_release(map, MIB(7) + 1, MIB(7) + PAGE), 0);     /* less */
	EXPECT_EQ(t, memmap_release(map, MIB(8), MIB(8)), 0);
	EXPECT_EQ(t, memmap_release(map, MIB(9), MIB(8)), -EINVAL);
	EXPECT_RANGES(t, &map->free, {MIB(2), MIB(3)}, {MIB(6) + PAGE, MIB(6) + 2 * PAGE});
	EXPECT_EQ(t, memmap_release(map, 0, TOP), 0); /* only RAM becomes free */
	EXPECT_RANGES(t, &map->free, {MIB(1), MIB(4)}, {MIB(5), MIB(9)}, {MIB(16), MIB(32)});
}

/* --- carving --- */

static uint64_t free_bytes(void)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < map->free.count; i++)
		bytes += map->free.range[i].end - map->free.range[i].start;
	return bytes;
}

/* Free: 1 to 2 MiB, 4 to 8 MiB, 12 MiB to 13 MiB + 12 KiB. One carve each. */
static void carve(struct ktest *t)
{
	static const struct {
		uint64_t size, align, min, max;
		uint64_t lowest, highest;
	} table[] = {
		{PAGE, PAGE, 0, TOP, MIB(1), MIB(13) + 2 * PAGE},
		{1, PAGE, 0, TOP, MIB(1), MIB(13) + 2 * PAGE}, /* rounded up */
		{PAGE + 1, PAGE, 0, TOP, MIB(1), MIB(13) + PAGE},
		{MIB(1), PAGE, 0, TOP, MIB(1), MIB(12) + 3 * PAGE}, /* a range exactly */
		{MIB(1) + 1, PAGE, 0, TOP, MIB(4), MIB(12) + 2 * PAGE},
		{MIB(1), MIB(1), 0, TOP, MIB(1), MIB(12)}, /* aligned */
		{MIB(2), MIB(4), 0, TOP, MIB(4), MIB(4)},
		{PAGE, MIB(8), 0, TOP, NONE, NONE}, /* no such place */
		{MIB(4), PAGE, 0, TOP, MIB(4), MIB(4)},
		{MIB(4) + 1, PAGE, 0, TOP, NONE, NONE}, /* too large */
		{NONE, PAGE, 0, TOP, NONE, NONE},
		{NONE - PAGE + 1, PAGE, 0, TOP, NONE, NONE},
		{0, PAGE, 0, TOP, NONE, NONE},
		{PAGE, 0, 0, TOP, NONE, NONE}, /* no alignment */
		{PAGE, 3 * PAGE, 0, TOP, NONE, NONE},
		{PAGE, 16, 0, TOP, NONE, NONE},
		{PAGE, PAGE, MIB(2), MIB(4), NONE, NONE},	     /* in a gap */
		{PAGE, PAGE, MIB(5), MIB(6), MIB(5), MIB(6) - PAGE}, /* within a range */
		{MIB(1), PAGE, MIB(5), MIB(6), MIB(5), MIB(5)},	     /* all of it */
		{MIB(1), PAGE, MIB(5) + 1, MIB(6), NONE, NONE},
		{MIB(1), PAGE, MIB(5), MIB(6) - 1, NONE, NONE},
		{PAGE, PAGE, MIB(5) + 1, MIB(6) - 1, MIB(5) + PAGE, MIB(6) - 2 * PAGE},
		{PAGE, PAGE, MIB(6), MIB(5), NONE, NONE}, /* max below min */
		{PAGE, PAGE, MIB(6), MIB(6), NONE, NONE},
		{MIB(2), PAGE, MIB(1), MIB(6), MIB(4), MIB(4)},		 /* ends in a range */
		{MIB(1), PAGE, MIB(7), TOP, MIB(7), MIB(12) + 3 * PAGE}, /* begins in one */
		{PAGE, PAGE, 0, MIB(1), NONE, NONE},			 /* below all */
		{PAGE, PAGE, MIB(14), TOP, NONE, NONE},			 /* above all */
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(table); i++) {
		size_t c = i / 2;
		enum memmap_end end = i % 2 ? MEMMAP_HIGHEST : MEMMAP_LOWEST;
		uint64_t want = i % 2 ? table[c].highest : table[c].lowest, before;

		memmap_init(map, NONE);
		ram(MIB(1), MIB(2));
		ram(MIB(4), MIB(8));
		ram(MIB(12), MIB(13) + 3 * PAGE);
		memmap_seal(map);
		before = free_bytes();
		EXPECT_EQ(t,
			  memmap_carve(map, table[c].size, table[c].align, table[c].min,
				       table[c].max, end)
				  .value,
			  want);
		EXPECT_EQ(t, before - free_bytes(),
			  want == NONE ? 0 : ALIGN_UP(table[c].size, PAGE));
	}
}

/* RAM from 1 to 9 MiB, of which something was taken before. */
static void carve_beside_reserved(struct ktest *t)
{
	static const struct {
		struct mem_range taken[3]; /* in MiB, as all is but the size */
		uint64_t size, min, max;
		uint64_t lowest, highest;
	} table[] = {
		{{}, MIB(8), 0, 100, 1, 1}, /* bounds beyond all RAM */
		{{}, MIB(8) + 1, 0, 100, 0, 0},
		{{}, MIB(2), 3, 4, 0, 0},	/* longer than from bound to bound */
		{{{1, 2}}, MIB(1), 0, 9, 2, 8}, /* taken below, above */
		{{{8, 9}}, MIB(1), 0, 9, 1, 7},
		{{{4, 5}}, MIB(4), 0, 9, 5, 5}, /* too long for one side */
		{{{1, 5}}, MIB(4), 5, 9, 5, 5}, /* a bound that touches it */
		{{{5, 9}}, MIB(4), 1, 5, 1, 1},
		{{{2, 3}, {5, 6}}, MIB(1), 3, 5, 3, 4},	    /* between two, with room to spare, */
		{{{2, 3}, {4, 5}}, MIB(1), 3, 4, 3, 3},	    /* with none, */
		{{{2, 3}, {4, 5}}, MIB(1) + 1, 3, 4, 0, 0}, /* with too little: */
		{{{2, 3}, {4, 5}}, MIB(2), 0, 9, 5, 7},	    /* elsewhere then */
		{{{2, 4}, {5, 7}, {8, 9}}, MIB(1), 0, 9, 1, 7},	    /* gaps that are just enough, */
		{{{2, 4}, {5, 7}, {8, 9}}, MIB(1) + 1, 0, 9, 0, 0}, /* or not */
		{{{2, 5}, {3, 7}, {3, 4}}, MIB(1), 1, 9, 1, 8},	    /* taken twice over */
		{{{1, 9}}, 1, 0, 9, 0, 0},
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(table); i++) {
		size_t c = i / 2;
		uint64_t want = MIB(i % 2 ? table[c].highest : table[c].lowest), at, before;

		memmap_init(map, NONE);
		ram(MIB(1), MIB(9));
		memmap_seal(map);
		for (size_t r = 0; r < ARRAY_SIZE(table[c].taken); r++)
			memmap_reserve(map, MIB(table[c].taken[r].start),
				       MIB(table[c].taken[r].end));
		before = free_bytes();
		at = memmap_carve(map, table[c].size, PAGE, MIB(table[c].min), MIB(table[c].max),
				  i % 2 ? MEMMAP_HIGHEST : MEMMAP_LOWEST)
			     .value;
		EXPECT_EQ(t, at, want ? want : NONE);
		EXPECT_EQ(t, before - free_bytes(), want ? ALIGN_UP(table[c].size, PAGE) : 0);
		for (size_t r = 0; r < map->free.count; r++)
			EXPECT(t, map->free.range[r].start < map->free.range[r].end);
		memmap_release(map, 0, TOP);
		EXPECT_RANGES(t, &map->free, {MIB(1), MIB(9)});
	}
}

/* What was carved isn't given twice, and fits again once released. */
static void carve_until_empty(struct ktest *t)
{
	ram(MIB(1), MIB(2));
	ram(MIB(4), MIB(5));
	EXPECT_EQ(t, memmap_seal(map), 0);
	EXPECT_EQ(t, memmap_carve(map, MIB(1), PAGE, 0, TOP, MEMMAP_LOWEST).value, MIB(1));
	EXPECT_EQ(t, memmap_carve(map, MIB(1) / 2, PAGE, 0, TOP, MEMMAP_LOWEST).value, MIB(4));
	EXPECT_EQ(t, memmap_carve(map, MIB(1) / 2, PAGE, 0, TOP, MEMMAP_HIGHEST).value,
		  MIB(4) + MIB(1) / 2);
	EXPECT_EQ(t, map->free.count, 0);
	EXPECT_EQ(t, memmap_carve(map, PAGE, PAGE, 0, TOP, MEMMAP_LOWEST).value, NONE);
	EXPECT_EQ(t, memmap_release(map, MIB(1), MIB(2)), 0);
	EXPECT_EQ(t, memmap_carve(map, MIB(1), MIB(1), 0, TOP, MEMMAP_HIGHEST).value, MIB(1));
}

/* --- questions --- */

static void questions(struct ktest *t)
{
	ram(MIB(1), MIB(2));
	ram(MIB(2), MIB(3));
	ram(MIB(8), MIB(16));
	EXPECT_EQ(t, memmap_seal(map), 0);
	EXPECT_EQ(t, memmap_top(map), MIB(16));
	EXPECT_EQ(t, memmap_bytes(map, 0), MIB(10));
	EXPECT_EQ(t, memmap_bytes(map, MIB(2)), MIB(9));
	EXPECT_EQ(t, memmap_bytes(map, MIB(5)), MIB(8));
	EXPECT_EQ(t, memmap_bytes(map, MIB(16) - 1), 1);
	EXPECT_EQ(t, memmap_bytes(map, MIB(16)), 0);
	EXPECT(t, memmap_is_ram(map, MIB(1), MIB(3)));
	EXPECT(t, memmap_is_ram(map, MIB(3) - 1, MIB(3)));
	EXPECT(t, !memmap_is_ram(map, MIB(3) - 1, MIB(3) + 1));
	EXPECT(t, !memmap_is_ram(map, MIB(1) - 1, MIB(2)));
	EXPECT(t, !memmap_is_ram(map, MIB(2), MIB(9)));
	EXPECT(t, !memmap_is_ram(map, MIB(2), MIB(2)));
	EXPECT(t, !memmap_is_ram(map, MIB(9), MIB(8)));
}

/* --- against a model --- */

#define PAGES 512

static unsigned char model[PAGES]; /* of each page: bit 0 usable, bit 1 reserved, bit 2 free */

static void model_mark(uint64_t start, uint64_t end, unsigned set, unsigned clear)
{
	for (uint64_t page = start / PAGE; page < PAGES && page * PAGE < end; page++)
		model[page] = (model[page] | set) & ~clear;
}

/* Each page is in the list exactly when the model has the bits; and the list is in order. */
static void model_compare(struct ktest *t, const struct range_list *list, unsigned bit)
{
	for (size_t page = 0; page < PAGES; page++) {
		bool in = false;

		for (size_t i = 0; i < list->count; i++)
			in |= list->range[i].start <= page * PAGE &&
			      (page + 1) * PAGE <= list->range[i].end;
		EXPECT_EQ(t, in, (model[page] & bit) != 0);
	}
	for (size_t i = 0; i < list->count; i++) {
		EXPECT(t, list->range[i].start < list->range[i].end);
		EXPECT(t, i == 0 || list->range[i - 1].end < list->range[i].start);
	}
}

static void model_firmware(struct ktest *t)
{
	memmap_init(map, NONE);
	memset(model, 0, sizeof(model));
	for (unsigned i = 0; i < 30; i++) {
		uint64_t start = ktest_random(t, PAGES) * PAGE;
		uint64_t length = ktest_random(t, 60) * PAGE;
		bool usable = ktest_random(t, 3) != 0;

		memmap_add(map, start, length, usable);
		model_mark(start, start + length, usable ? 1 : 2, 0);
	}
	memmap_seal(map);
	for (size_t page = 0; page < PAGES; page++)
		model[page] = model[page] == 1 ? (page ? 5 : 1) : 0;
}

static void model_step(struct ktest *t)
{
	uint64_t start = ktest_random(t, PAGES) * PAGE, end = start + ktest_random(t, 40) * PAGE;
	phys_addr_t at;

	switch (ktest_random(t, 3)) {
	case 0:
		EXPECT_EQ(t, memmap_reserve(map, start, end), 0);
		model_mark(start, end, 0, 4);
		break;
	case 1:
		EXPECT_EQ(t, memmap_release(map, start, end), 0);
		for (uint64_t page = start / PAGE; page < PAGES && page * PAGE < end; page++)
			model[page] |= page && (model[page] & 1) ? 4 : 0;
		break;
	default:
		at = memmap_carve(map, (end - start) / 4, PAGE << ktest_random(t, 4), start / 2,
				  NONE, ktest_random(t, 2) ? MEMMAP_HIGHEST : MEMMAP_LOWEST);
		if (phys_is_none(at))
			break;
		end = at.value + ALIGN_UP((end - start) / 4, PAGE);
		for (uint64_t page = at.value / PAGE; page < PAGES && page * PAGE < end; page++)
			EXPECT(t, model[page] & 4);
		model_mark(at.value, end, 0, 4);
	}
}

static void against_a_model(struct ktest *t)
{
	for (unsigned round = 0; round < 20 && !t->failed; round++) {
		model_firmware(t);
		model_compare(t, &map->ram, 1);
		for (unsigned step = 0; step < 100 && !t->failed; step++)
			model_step(t);
		model_compare(t, &map->free, 4);
	}
}

static const struct ktest_case cases[] = {
	{"firmware", firmware},
	{"unaligned", unaligned},
	{"page_zero_is_never_free", page_zero_is_never_free},
	{"wrapping", wrapping},
	{"end_of_address_space", end_of_address_space},
	{"limit", limit},
	{"nothing_at_all", nothing_at_all},
	{"too_many_usable", too_many_usable},
	{"too_many_reserved", too_many_reserved},
	{"too_many_holes", too_many_holes},
	{"full_list", full_list},
	{"reserve", reserve},
	{"release", release},
	{"carve", carve},
	{"carve_beside_reserved", carve_beside_reserved},
	{"carve_until_empty", carve_until_empty},
	{"questions", questions},
	{"against_a_model", against_a_model},
	{0},
};

const struct ktest_suite memmap_suite = {.name = "memmap", .begin = begin, .cases = cases};
