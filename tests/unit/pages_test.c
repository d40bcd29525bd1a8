/* SPDX-License-Identifier: MIT */
/*
 * Zones over made-up memory, which nobody touches: 16 MiB of ZONE_DMA and 8 MiB
 * of ZONE_NORMAL, unless a case says otherwise.
 */
#include "mm/pages.h"
#include "mm/errno.h"
#include "tests/arena.h"
#include "tests/ktest.h"
#include "tests/unit/buddy_validate.h"

#define NONE	    UINT64_MAX

#define BOOKKEEPING 4096

static uint64_t *bookkeeping;
static struct memmap *map;
static struct zones *zones;
static uint64_t misuse_before[PAGE_MISUSE_KINDS];

static void build(struct ktest *t, uint64_t top)
{
	memmap_init(map, NONE);
	memmap_add(map, 0, top, true);
	memmap_seal(map);
	REQUIRE(t, pages_bookkeeping(top) <= BOOKKEEPING);
	memset(bookkeeping, 0xa5, BOOKKEEPING);
	pages_build(zones, map, top, t->seed, bookkeeping);
	EXPECT_EQ(t, map->free.count, 0);
}

static void begin(struct ktest *t)
{
	bookkeeping = ktest_zalloc(t, BOOKKEEPING);
	map = ktest_zalloc(t, sizeof(*map));
	zones = ktest_zalloc(t, sizeof(*zones));
	if (!bookkeeping || !map || !zones)
		return;
	build(t, MIB(24));
	for (enum page_misuse kind = 0; kind < PAGE_MISUSE_KINDS; kind++)
		misuse_before[kind] = test_page_misuse(kind);
}

static void end(struct ktest *t)
{
	for (enum zone_id id = 0; id < ZONE_COUNT; id++) {
		const char *wrong = buddy_validate(&zones->zone[id].buddy);

		if (wrong)
			ktest_fail(t, __FILE__, __LINE__, "%s: %s", zones->zone[id].name, wrong);
	}
}

static uint64_t alloc(struct page_request request)
{
	return pages_alloc(zones, &request).value;
}

static uint64_t misuse(enum page_misuse kind)
{
	return test_page_misuse(kind) - misuse_before[kind];
}

static void zones_are_filled(struct ktest *t)
{
	/* all but page 0 */
	EXPECT_EQ(t, pages_free_bytes(zones, ZONE_DMA), MIB(16) - PAGE_SIZE);
	EXPECT_EQ(t, pages_free_bytes(zones, ZONE_NORMAL), MIB(8));
}

/*
 * A request is served in its zone, as it says. (Page 0 is missing, so ZONE_DMA's
 * smallest blocks lie at its bottom.)
 */
static void places(struct ktest *t)
{
	static const struct {
		struct page_request request;
		uint64_t want;
	} table[] = {
		{{.limit = NO_LIMIT, .zone = ZONE_NORMAL}, MIB(24) - PAGE_SIZE},
		{{.limit = NO_LIMIT, .zone = ZONE_NORMAL, .place = PLACE_LOW}, MIB(16)},
		{{.limit = MIB(20) - 1, .zone = ZONE_NORMAL}, MIB(20) - PAGE_SIZE},
		{{.limit = MIB(20) - 2, .zone = ZONE_NORMAL}, MIB(20) - 2 * PAGE_SIZE},
		{{.limit = MIB(16) + PAGE_SIZE - 1, .zone = ZONE_NORMAL}, MIB(16)},
		{{.limit = MIB(16) + PAGE_SIZE - 2, .zone = ZONE_NORMAL}, NONE},
		{{.limit = NO_LIMIT, .zone = ZONE_DMA}, PAGE_SIZE},
		{{.limit = NO_LIMIT, .zone = ZONE_DMA, .order = 10}, MIB(12)},
		{{.limit = MIB(16) - 2, .zone = ZONE_DMA, .order = 10}, MIB(8)},
		{{.limit = NO_LIMIT, .zone = ZONE_DMA, .place = PLACE_LOW}, PAGE_SIZE},
		{{.limit = MIB(1) - 1, .zone = ZONE_DMA, .order = 4}, KIB(64)},
		/* the reserve, when it may */
		{{.limit = MIB(16) - 1, .zone = ZONE_NORMAL}, NONE},
		{{.limit = MIB(16) - 1, .zone = ZONE_NORMAL, .dma_reserve = true}, PAGE_SIZE},
		{{.limit = MIB(20) - 1, .zone = ZONE_NORMAL, .dma_reserve = true},
		 MIB(20) - PAGE_SIZE},
		{{.limit = PAGE_SIZE - 1, .zone = ZONE_DMA}, NONE}, /* page 0 */
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		uint64_t at = alloc(table[i].request);

		EXPECT_EQ(t, at, table[i].want);
		if (at != NONE)
			pages_free(zones, phys(at), table[i].request.order);
		pages_drain(zones); /* or what was freed is had first */
	}
	zones_are_filled(t);
}

static void all_of(enum zone_id zone)
{
	const struct page_request largest = {
		.order = BUDDY_MAX_ORDER, .zone = zone, .limit = NO_LIMIT};

	while (alloc(largest) != NONE) {
	}
	memset(zones->zone[zone].refused, 0, sizeof(zones->zone[zone].refused));
}

/* Each refusal is counted once, in the zone that was named, for its true reason. */
static void refusals(struct ktest *t)
{
	static const struct page_fit no_place = {.first = MIB(32), .boundary_mask = NONE};
	static const struct {
		bool normal_empty;
		struct page_request request;
		enum page_refusal want;
	} table[] = {
		{false,
		 {.order = BUDDY_MAX_ORDER + 1, .zone = ZONE_NORMAL, .limit = NO_LIMIT},
		 REFUSED_SIZE},
		{false, {.zone = ZONE_NORMAL, .limit = MIB(16) - 1}, REFUSED_RESERVE},
		{true, {.zone = ZONE_NORMAL, .limit = NO_LIMIT}, REFUSED_RESERVE},
		{false, {.zone = ZONE_NORMAL, .limit = PAGE_SIZE - 1}, REFUSED_LIMIT},
		{false, {.zone = ZONE_DMA, .limit = PAGE_SIZE - 1}, REFUSED_LIMIT},
		{false, {.zone = ZONE_NORMAL, .dma_reserve = true, .limit = 0}, REFUSED_LIMIT},
		{true, {.zone = ZONE_NORMAL, .dma_reserve = true, .limit = 0}, REFUSED_LIMIT},
		{true, {.zone = ZONE_NORMAL, .limit = 0}, REFUSED_EMPTY},
		{false, {.zone = ZONE_NORMAL, .limit = NO_LIMIT, .fit = &no_place}, REFUSED_LIMIT},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct zone *zone = &zones->zone[table[i].request.zone];

		build(t, MIB(24));
		if (table[i].normal_empty)
			all_of(ZONE_NORMAL);
		EXPECT_EQ(t, alloc(table[i].request), NONE);
		for (enum page_refusal why = 0; why < REFUSED_KINDS; why++)
			EXPECT_EQ(t, zone->refused[why], why == table[i].want);
		EXPECT(t, page_refusal_name(table[i].want)[0]);
		EXPECT(t, zone->last_refused.caller != NULL);
		EXPECT_EQ(t, zone->last_refused.why, table[i].want);
		EXPECT_EQ(t, zone->last_refused.order, table[i].request.order);
		EXPECT_EQ(t, zone->last_refused.limit, table[i].request.limit);
	}
}

/* A fallback leaves the watermark, to the page; who can be served nowhere else takes it too. */
static void watermark(struct ktest *t)
{
	static const struct page_request anywhere = {
		.zone = ZONE_NORMAL, .dma_reserve = true, .limit = NO_LIMIT};
	static const struct page_request confined = {
		.zone = ZONE_NORMAL, .dma_reserve = true, .limit = ZONE_DMA_END - 1};
	static const struct page_request at_the_edge = {
		.zone = ZONE_NORMAL, .dma_reserve = true, .limit = ZONE_DMA_END};
	static const struct page_request eight = {
		.order = 3, .zone = ZONE_NORMAL, .dma_reserve = true, .limit = NO_LIMIT};
	const struct zone *normal = &zones->zone[ZONE_NORMAL];

	EXPECT_EQ(t, zones->watermark, (ZONE_DMA_END / PAGE_SIZE - 1) / 8);
	all_of(ZONE_NORMAL);
	EXPECT_EQ(t, pages_take(zones, phys(PAGE_SIZE), 4095 - zones->watermark - 10), 0);
	EXPECT(t, alloc(eight) != NONE);
	EXPECT_EQ(t, alloc(eight), NONE);
	EXPECT_EQ(t, normal->refused[REFUSED_WATERMARK], 1);
	EXPECT(t, alloc(anywhere) != NONE);
	EXPECT(t, alloc(anywhere) != NONE);
	EXPECT_EQ(t, pages_free_bytes(zones, ZONE_DMA), zones->watermark * PAGE_SIZE);
	EXPECT_EQ(t, alloc(anywhere), NONE);
	EXPECT_EQ(t, alloc(at_the_edge), NONE);
	EXPECT_EQ(t, normal->refused[REFUSED_WATERMARK], 3);
	EXPECT_EQ(t, normal->last_refused.why, REFUSED_WATERMARK);
	EXPECT(t, alloc(confined) != NONE);
	EXPECT(t, alloc((struct page_request){.zone = ZONE_DMA, .limit = NO_LIMIT}) != NONE);
	EXPECT_EQ(t, pages_free_bytes(zones, ZONE_DMA), (zones->watermark - 2) * PAGE_SIZE);
}

/* --- caches --- */

static const struct page_request one = {.zone = ZONE_NORMAL, .limit = NO_LIMIT};

/* The latest comes back first; what asks for more than any block passes the cache by. */
static void cache_is_lifo(struct ktest *t)
{
	struct page_request low = {.zone = ZONE_NORMAL, .limit = NO_LIMIT, .place = PLACE_LOW};
	uint64_t a, b, c, other;

	for (unsigned order = 0; order < PAGE_CACHE_ORDERS; order++) {
		struct page_request some = one;

		some.order = order;
		a = alloc(some);
		b = alloc(some);
		c = alloc(some);
		pages_free(zones, phys(b), order);
		pages_free(zones, phys(c), order);
		other = alloc(low);
		EXPECT(t, other != b && other != c);
		EXPECT_EQ(t, alloc(some), c);
		EXPECT_EQ(t, alloc(some), b);
		EXPECT(t, alloc(some) < c);
		pages_free(zones, phys(a), order);
		EXPECT_EQ(t, alloc(some), a);
	}
}

/* Cached is free: it counts so, it can be taken, and freeing it is a double free. */
static void cached_is_free(struct ktest *t)
{
	uint64_t at = alloc(one);

	pages_free(zones, phys(at), 0);
	zones_are_filled(t);
	EXPECT_EQ(t, buddy_free_pages(&zones->zone[ZONE_NORMAL].buddy), MIB(8) / PAGE_SIZE - 1);
	pages_free(zones, phys(at), 0);
	EXPECT_EQ(t, misuse(PAGE_DOUBLE_FREE), 1);
	zones_are_filled(t);
	EXPECT_EQ(t, alloc(one), at);
	pages_free(zones, phys(at), BUDDY_MAX_ORDER + 1);
	EXPECT_EQ(t, misuse(PAGE_WRONG_ORDER), 1);
	pages_free(zones, phys(at), 0);
	EXPECT(t, !pages_allocated(zones, phys(at), 0));
	EXPECT_EQ(t, pages_misuse(zones, phys(at), 0), PAGE_DOUBLE_FREE);
	pages_free(zones, phys(alloc(one)), 0);
	pages_give(zones, phys(at), 1);
	EXPECT_EQ(t, misuse(PAGE_DOUBLE_FREE), 2);
	pages_free(zones, phys(alloc(one)), 0);
	EXPECT_EQ(t, pages_take(zones, phys(at - PAGE_SIZE), 2), 0);
	pages_give(zones, phys(at - PAGE_SIZE), 2);
	zones_are_filled(t);
}

/* All CPUs' caches, and the merges that were put off, come before a refusal, and the reserve. */
static void drained_before_a_refusal(struct ktest *t)
{
	const struct page_request largest = {.order = BUDDY_MAX_ORDER,
					     .zone = ZONE_NORMAL,
					     .dma_reserve = true,
					     .limit = NO_LIMIT};
	uint64_t at[2][8];

	for (unsigned cpu = 0; cpu < 2; cpu++)
		for (unsigned i = 0; i < 8; i++)
			at[cpu][i] = alloc(one);
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		test_cpu(cpu);
		for (unsigned i = 0; i < 8; i++)
			pages_free(zones, phys(at[cpu][i]), 0);
	}
	test_cpu(0);
	EXPECT_EQ(t, alloc(largest), MIB(16)); /* which no page was of */
	EXPECT_EQ(t, alloc(largest), MIB(20));
	EXPECT(t, alloc(largest) < ZONE_DMA_END);
}

static void cache_off(struct ktest *t)
{
	const struct buddy *buddy = &zones->zone[ZONE_NORMAL].buddy;
	uint64_t at = alloc(one);

	pages_free(zones, phys(at), 0);
	EXPECT(t, buddy_free_pages(buddy) < MIB(8) / PAGE_SIZE);
	pages_cache(zones, false);
	EXPECT_EQ(t, buddy_free_pages(buddy), MIB(8) / PAGE_SIZE);
	at = alloc(one);
	pages_free(zones, phys(at), 0);
	EXPECT_EQ(t, buddy_free_pages(buddy), MIB(8) / PAGE_SIZE);
	pages_cache(zones, true);
	at = alloc(one);
	pages_free(zones, phys(at), 0);
	EXPECT(t, buddy_free_pages(buddy) < MIB(8) / PAGE_SIZE);
	pages_drain(zones);
	EXPECT_EQ(t, buddy->free_blocks[BUDDY_MAX_ORDER], 2);
}

/* More than a cache takes goes to the zone; and no order gets another's blocks. */
static void cache_is_bounded(struct ktest *t)
{
	uint64_t at[PAGE_CACHE_ORDERS][PAGE_CACHE_BLOCKS + 4];
	struct page_request some = one;
	size_t cached = 0;

	for (some.order = 0; some.order < PAGE_CACHE_ORDERS; some.order++)
		for (size_t i = 0; i < ARRAY_SIZE(at[0]); i++)
			at[some.order][i] = alloc(some);
	zones->served[PAGE_CACHE_ANY].from = 0;
	for (size_t i = 0; i < ARRAY_SIZE(at[0]); i++)
		for (unsigned order = 0; order < PAGE_CACHE_ORDERS; order++)
			pages_free(zones, phys(at[order][i]), order);
	for (unsigned order = 0; order < PAGE_CACHE_ORDERS; order++)
		cached += (size_t)PAGE_CACHE_BLOCKS << order;
	EXPECT_EQ(t, buddy_free_pages(&zones->zone[ZONE_NORMAL].buddy),
		  MIB(8) / PAGE_SIZE - cached);
	zones_are_filled(t);
	for (some.order = 0; some.order < PAGE_CACHE_ORDERS; some.order++)
		for (size_t i = PAGE_CACHE_BLOCKS; i > 0; i--)
			EXPECT_EQ(t, alloc(some), at[some.order][i - 1]);
}

/* What is freed below where others find their blocks is kept for who needs it there. */
static void low_pages_are_not_cached(struct ktest *t)
{
	struct page_request below = {.zone = ZONE_NORMAL, .limit = MIB(18) - 1};
	uint64_t high = alloc(one), low = alloc(below);

	pages_free(zones, phys(low), 0);
	EXPECT(t, alloc(one) > low);
	EXPECT_EQ(t, alloc(below), low);
	pages_free(zones, phys(high), 0);
	EXPECT_EQ(t, alloc(one), high);
}

/* Nor are they before anybody was served without a limit: nobody knows yet what is low. */
static void low_pages_are_not_cached_at_first(struct ktest *t)
{
	const struct page_request below = {.zone = ZONE_NORMAL, .limit = MIB(18) - 1};

	for (unsigned round = 0; round < 2; round++) {
		uint64_t low = alloc(below), any;

		pages_free(zones, phys(low), 0);
		any = alloc(one);
		EXPECT(t, any != low);
		EXPECT_EQ(t, alloc(below), low);
		pages_free(zones, phys(low), 0);
		pages_free(zones, phys(any), 0);
		pages_cache(zones, false);
		pages_cache(zones, true);
	}
}

/* Blocks are cached for the latest limit, and never handed out above another one. */
static void cached_for_one_limit(struct ktest *t)
{
	struct page_request wide = {.zone = ZONE_NORMAL, .limit = MIB(20) - 1};
	struct page_request tight = {.zone = ZONE_NORMAL, .limit = MIB(18) - 1};
	struct buddy *buddy = &zones->zone[ZONE_NORMAL].buddy;
	uint64_t any = alloc(one), high = alloc(wide), low;

	pages_free(zones, phys(high), 0);
	EXPECT_EQ(t, buddy_free_pages(buddy), MIB(8) / PAGE_SIZE - 2);
	EXPECT_EQ(t, alloc(wide), high);
	pages_free(zones, phys(high), 0);
	low = alloc(tight);
	EXPECT(t, low < MIB(18));
	pages_free(zones, phys(low), 0);
	EXPECT_EQ(t, alloc(tight), low);
	/* Now what the wide request left is in the way, and goes back to the zone. */
	pages_free(zones, phys(low), 0);
	zones->cache[PAGE_CACHE_LIMITED].next[0] = PAGE_CACHE_ORDERS;
	EXPECT(t, alloc(tight) < MIB(18));
	EXPECT(t, alloc(wide) < MIB(20));
	pages_free(zones, phys(any), 0);
}

/* Memory for ZONE_DMA alone, or less; ZONE_NORMAL is there and has nothing. */
static void no_normal(struct ktest *t)
{
	static const uint64_t tops[] = {MIB(16), MIB(8), 2 * PAGE_SIZE};

	for (size_t i = 0; i < ARRAY_SIZE(tops); i++) {
		build(t, tops[i]);
		EXPECT_EQ(t, pages_free_bytes(zones, ZONE_NORMAL), 0);
		EXPECT_EQ(t, alloc((struct page_request){.zone = ZONE_NORMAL, .limit = NO_LIMIT}),
			  NONE);
		EXPECT_EQ(t,
			  alloc((struct page_request){
				  .zone = ZONE_NORMAL, .dma_reserve = true, .limit = NO_LIMIT}),
			  PAGE_SIZE);
		pages_free(zones, phys(MIB(16)), 0);
		EXPECT_EQ(t, misuse(PAGE_RESERVED), i + 1);
	}
}

/* A zone that ends in the middle of the largest block has its last page. */
static void odd_top(struct ktest *t)
{
	build(t, MIB(17) + PAGE_SIZE);
	EXPECT_EQ(t, pages_free_bytes(zones, ZONE_NORMAL), MIB(1) + PAGE_SIZE);
	EXPECT_EQ(t, alloc((struct page_request){.zone = ZONE_NORMAL, .limit = NO_LIMIT}), MIB(17));
}

static void misuse_is_named(struct ktest *t)
{
	const struct page_request order3 = {.order = 3, .zone = ZONE_NORMAL, .limit = NO_LIMIT};
	phys_addr_t at = pages_alloc(zones, &order3);

	pages_free(zones, at, 2);
	EXPECT_EQ(t, misuse(PAGE_WRONG_ORDER), 1);
	pages_free(zones, phys_add(at, 1), 3);
	EXPECT_EQ(t, misuse(PAGE_UNALIGNED), 1);
	pages_free(zones, at, 3);
	pages_free(zones, at, 3);
	EXPECT_EQ(t, misuse(PAGE_DOUBLE_FREE), 1);
	pages_free(zones, phys(0), 0);
	pages_free(zones, phys(MIB(24)), 0);
	pages_free(zones, PHYS_NONE, 0);
	EXPECT_EQ(t, misuse(PAGE_RESERVED), 2);
	EXPECT_EQ(t, misuse(PAGE_UNALIGNED), 2);
	pages_give(zones, at, 1);
	EXPECT_EQ(t, misuse(PAGE_DOUBLE_FREE), 2);
	zones_are_filled(t);
}

static void take_and_give(struct ktest *t)
{
	const struct page_request top = {.zone = ZONE_NORMAL, .limit = NO_LIMIT};
	EXPECT_EQ(t, pages_take(zones, phys(MIB(20)), 1024), 0);
	EXPECT_EQ(t, pages_take(zones, phys(MIB(20) - PAGE_SIZE), 2), -EBUSY);
	EXPECT_EQ(t, alloc(top), MIB(20) - PAGE_SIZE);
	EXPECT(t, pages_allocated(zones, phys(MIB(20) - PAGE_SIZE), 0));
	EXPECT(t, !pages_allocated(zones, phys(MIB(20) - 2 * PAGE_SIZE), 0));
	EXPECT_EQ(t, pages_misuse(zones, phys(MIB(20) - 2 * PAGE_SIZE), 0), PAGE_DOUBLE_FREE);
	EXPECT_EQ(t, pages_take(zones, phys(0), 1), -EBUSY);
	EXPECT_EQ(t, pages_take(zones, phys(MIB(24)), 1), -EINVAL);
	EXPECT_EQ(t, pages_take(zones, phys(MIB(16) - PAGE_SIZE), 2), -EINVAL); /* two zones */
	EXPECT_EQ(t, pages_take(zones, phys(MIB(1)), 1), 0);
	pages_give(zones, phys(MIB(1)), 1);
	pages_give(zones, phys(MIB(20) + PAGE_SIZE), 1023);
	pages_give(zones, phys(MIB(20) - PAGE_SIZE), 2);
	zones_are_filled(t);
	for (enum page_misuse kind = 0; kind < PAGE_MISUSE_KINDS; kind++)
		EXPECT_EQ(t, misuse(kind), 0);
}

/* The bookkeeping comes from the map; memory too far up for it is left out. */
static void init_carves(struct ktest *t)
{
	const uint64_t far = 1ULL << 51;
	struct arena arena;
	size_t bytes;

	if (!arena_get(&arena, MIB(256), KIB(512), PAGE_SIZE)) {
		ktest_skip(t, "no memory for bookkeeping");
		return;
	}
	bytes = ALIGN_UP(pages_bookkeeping(arena.base.value + arena.size), PAGE_SIZE);
	memmap_init(map, NONE);
	memmap_add(map, arena.base.value, arena.size, true);
	memmap_add(map, far, PAGE_SIZE, true);
	EXPECT_EQ(t, memmap_seal(map), 0);
	if (bytes < arena.size) {
		EXPECT_EQ(t, pages_init(zones, map, 1), 0);
		EXPECT_EQ(t, map->free.count, 0);
		EXPECT_EQ(t, pages_free_bytes(zones, ZONE_NORMAL), arena.size - bytes);
		end(t); /* while the bookkeeping is there */
		build(t, MIB(24));
	} else {
		ktest_skip(t, "memory for bookkeeping at %#llx only",
			   (unsigned long long)arena.base.value);
	}
	arena_put(&arena);
}

static void no_room_for_bookkeeping(struct ktest *t)
{
	memmap_init(map, NONE);
	memmap_add(map, 1ULL << 51, PAGE_SIZE, true);
	EXPECT_EQ(t, memmap_seal(map), 0);
	EXPECT_EQ(t, pages_init(zones, map, 1), -ENOMEM);
}

/* 64 GiB and 256 GiB need what the design promises. */
static void bookkeeping_is_small(struct ktest *t)
{
	static const uint64_t gigabytes[] = {1, 6, 64, 256, 1024};

	for (size_t i = 0; i < ARRAY_SIZE(gigabytes); i++) {
		uint64_t pages = GIB(gigabytes[i]) >> PAGE_SHIFT;

		EXPECT(t, pages_bookkeeping(GIB(gigabytes[i])) * 8 * 10 <= pages * 42);
	}
}

static const struct ktest_case cases[] = {
	{"zones_are_filled", zones_are_filled},
	{"places", places},
	{"refusals", refusals},
	{"watermark", watermark},
	{"cache_is_lifo", cache_is_lifo},
	{"cached_is_free", cached_is_free},
	{"drained_before_a_refusal", drained_before_a_refusal},
	{"cache_off", cache_off},
	{"cache_is_bounded", cache_is_bounded},
	{"low_pages_are_not_cached", low_pages_are_not_cached},
	{"low_pages_are_not_cached_at_first", low_pages_are_not_cached_at_first},
	{"cached_for_one_limit", cached_for_one_limit},
	{"no_normal", no_normal},
	{"odd_top", odd_top},
	{"misuse_is_named", misuse_is_named},
	{"take_and_give", take_and_give},
	{"init_carves", init_carves},
	{"no_room_for_bookkeeping", no_room_for_bookkeeping},
	{"bookkeeping_is_small", bookkeeping_is_small},
	{0},
};

const struct ktest_suite pages_suite = {
	.name = "pages", .begin = begin, .end = end, .cases = cases};
