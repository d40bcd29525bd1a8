/* SPDX-License-Identifier: MIT */
/*
 * The buddy allocator, on addresses that nobody touches, against a byte a page.
 *
 * Its bookkeeping is full of garbage to begin with, as a machine's memory is.
 */
#include "mm/buddy.h"
#include "mm/errno.h"
#include "tests/ktest.h"
#include "tests/unit/buddy_validate.h"

#define MAX_PAGES   4096
#define BASE	    MIB(64)
#define MODEL_STEPS 20000
#define MEMORY	    4096
#define HELD	    256
#define NONE	    UINT64_MAX

enum page_state { RESERVED, FREE, USED };

static uint64_t *memory; /* MEMORY bytes, for the bookkeeping */
static struct buddy *buddy;
static unsigned char *model; /* MAX_PAGES: of the page at BASE + i pages, enum page_state */

/* Blocks that the model test holds. */
struct held {
	phys_addr_t addr;
	unsigned order;
};
static struct held *held; /* HELD of them */
static size_t held_count;

static void begin(struct ktest *t)
{
	memory = ktest_zalloc(t, MEMORY);
	buddy = ktest_zalloc(t, sizeof(*buddy));
	model = ktest_zalloc(t, MAX_PAGES);
	held = ktest_zalloc(t, HELD * sizeof(*held));
}

static void make_empty(struct ktest *t, phys_addr_t base, size_t pages)
{
	REQUIRE(t, buddy_bookkeeping(base, pages) <= MEMORY);
	memset(memory, 0xa5, MEMORY);
	buddy_init(buddy, base, pages, t->seed, memory);
}

static void make(struct ktest *t, phys_addr_t base, size_t pages)
{
	make_empty(t, base, pages);
	EXPECT_EQ(t, buddy_add(buddy, base, pages), 0);
}

static void expect_valid(struct ktest *t)
{
	const char *wrong = buddy_validate(buddy);

	if (wrong)
		ktest_fail(t, __FILE__, __LINE__, "%s", wrong);
}

static uint64_t alloc(unsigned order, enum page_place place, uint64_t limit)
{
	struct page_request request = {.order = order, .place = place, .limit = limit};
	bool fits = buddy_fits(buddy, &request);
	phys_addr_t addr = buddy_alloc(buddy, &request, 0);

	return fits == !phys_is_none(addr) ? addr.value : 1; /* 1: no answer is odd */
}

/* As pages_free() does it. */
static bool free_block(phys_addr_t addr, unsigned order, enum page_misuse *why)
{
	bool parked = order <= BUDDY_MAX_ORDER && buddy_park(buddy, addr, order);

	if (parked)
		buddy_free_parked(buddy, addr, order);
	else
		*why = buddy_diagnose(buddy, addr, order);
	return parked;
}

/* All that can be merged is merged then. */
static bool put(uint64_t addr, unsigned order)
{
	enum page_misuse why;
	bool done = free_block(phys(addr), order, &why);

	buddy_drain(buddy);
	return done;
}

/* --- merging --- */

static void merging_is_deferred(struct ktest *t)
{
	enum page_misuse why;

	make(t, phys(BASE), 64);
	EXPECT_EQ(t, alloc(0, PLACE_LOW, UINT64_MAX), BASE);
	EXPECT_EQ(t, alloc(0, PLACE_HIGH, UINT64_MAX), BASE + KIB(4));
	EXPECT_EQ(t, alloc(1, PLACE_LOW, UINT64_MAX), BASE + KIB(8));
	EXPECT(t, free_block(phys(BASE), 0, &why));
	EXPECT_EQ(t, buddy->deferred[0], SIZE_MAX);
	EXPECT(t, free_block(phys(BASE + KIB(4)), 0, &why)); /* the two stay as they are */
	EXPECT_EQ(t, buddy->deferred[0], 0);
	EXPECT_EQ(t, buddy->free_blocks[0], 2);
	expect_valid(t);
	EXPECT_EQ(t, alloc(0, PLACE_HIGH, UINT64_MAX), BASE + KIB(4)); /* and one is had again */
	EXPECT_EQ(t, buddy->deferred[0], SIZE_MAX);
	expect_valid(t);
	EXPECT(t, free_block(phys(BASE + KIB(4)), 0, &why));
	EXPECT(t, free_block(phys(BASE + KIB(8)), 1, &why));
	EXPECT_EQ(t, buddy->free_blocks[1], 1); /* of order 1 it stands alone */
	expect_valid(t);
	buddy_drain(buddy);
	EXPECT_EQ(t, buddy->free_blocks[6], 1);
	expect_valid(t);
}

/* Of an order one pair is deferred: the one before it is merged for it, and that goes on upwards.
 */
static void one_pair_of_an_order(struct ktest *t)
{
	make(t, phys(BASE), 64);
	EXPECT_EQ(t, buddy_take(buddy, phys(BASE), 64), 0);
	for (uint64_t page = 0; page < 64; page++) {
		EXPECT_EQ(t, buddy_give(buddy, phys(BASE + page * PAGE_SIZE), 1), PAGE_FINE);
		expect_valid(t);
	}
	EXPECT_EQ(t, buddy->free_blocks[0], 2);
	for (unsigned order = 1; order < 6; order++) /* a pair, and one that stands alone */
		EXPECT(t, buddy->free_blocks[order] <= 3);
	EXPECT_EQ(t, alloc(6, PLACE_HIGH, UINT64_MAX), BASE);
	EXPECT_EQ(t, alloc(0, PLACE_HIGH, UINT64_MAX), NONE);
}

/* What only a merge makes is not refused, at any order, nor is a range. */
static void merged_before_a_refusal(struct ktest *t)
{
	for (unsigned order = 1; order <= BUDDY_MAX_ORDER; order++) {
		enum page_misuse why;
		uint64_t at, half = (PAGE_SIZE << order) / 2;

		make_empty(t, phys(BASE), BUDDY_MAX_PAGES);
		EXPECT_EQ(t, buddy_add(buddy, phys(BASE), 1UL << order), 0);
		for (unsigned both = 0; both < 2; both++)
			EXPECT(t, alloc(order - 1, PLACE_LOW, UINT64_MAX) != NONE);
		EXPECT(t, free_block(phys(BASE), order - 1, &why));
		EXPECT(t, free_block(phys(BASE + half), order - 1, &why));
		EXPECT_EQ(t, buddy->free_blocks[order], 0);
		at = alloc(order, PLACE_LOW, UINT64_MAX);
		EXPECT_EQ(t, at, BASE);
		EXPECT(t, free_block(phys(at), order, &why));
		EXPECT_EQ(t, alloc(order - 1, PLACE_LOW, UINT64_MAX), BASE);
		EXPECT(t, free_block(phys(BASE), order - 1, &why));
		EXPECT_EQ(t, buddy_take(buddy, phys(BASE), 1UL << order), 0);
		EXPECT(t, free_block(phys(BASE), order, &why)); /* it was one block */
		expect_valid(t);
	}
}

/* --- parked blocks --- */

static void parked_is_neither_free_nor_used(struct ktest *t)
{
	phys_addr_t at;

	make(t, phys(BASE), 64);
	at = phys(alloc(2, PLACE_HIGH, UINT64_MAX));
	EXPECT(t, !buddy_park(buddy, at, 1));
	EXPECT(t, !buddy_park(buddy, phys_add(at, PAGE_SIZE), 2));
	EXPECT(t, !buddy_park(buddy, phys_add(at, 1), 2));
	EXPECT(t, !buddy_park(buddy, phys(BASE), 2));
	EXPECT(t, !buddy_park(buddy, phys(BASE - KIB(16)), 2));
	EXPECT(t, !buddy_park(buddy, phys(BASE + MIB(4)), 2));
	EXPECT(t, buddy_park(buddy, at, 2));
	EXPECT(t, !buddy_park(buddy, at, 2));
	expect_valid(t);
	EXPECT_EQ(t, buddy_free_pages(buddy), 60);
	EXPECT(t, !buddy_allocated(buddy, at, 2));
	EXPECT_EQ(t, buddy_take(buddy, at, 1), -EBUSY);
	buddy_unpark(buddy, at, 2);
	EXPECT(t, buddy_allocated(buddy, at, 2));
	EXPECT(t, buddy_park(buddy, at, 2));
	buddy_free_parked(buddy, at, 2);
	EXPECT_EQ(t, buddy_free_pages(buddy), 64);
	expect_valid(t);
}

/* --- limits --- */

/* 64 free pages at BASE; the answer of one request. */
static void limits(struct ktest *t)
{
	static const struct {
		unsigned order;
		enum page_place place;
		uint64_t limit, want;
	} table[] = {
		/* no limit, and one at or beyond the end */
		{0, PLACE_HIGH, UINT64_MAX, BASE + KIB(252)},
		{0, PLACE_LOW, UINT64_MAX, BASE},
		{0, PLACE_HIGH, BASE + KIB(256) - 1, BASE + KIB(252)},
		{0, PLACE_HIGH, UINT64_MAX - PAGE_SIZE, BASE + KIB(252)},
		/* the last byte is what counts */
		{0, PLACE_HIGH, BASE + KIB(256) - 2, BASE + KIB(248)},
		{0, PLACE_HIGH, BASE + KIB(128) - 1, BASE + KIB(124)},
		{0, PLACE_HIGH, BASE + KIB(128), BASE + KIB(124)},
		{0, PLACE_HIGH, BASE + KIB(128) + PAGE_SIZE - 2, BASE + KIB(124)},
		{0, PLACE_HIGH, BASE + KIB(128) + PAGE_SIZE - 1, BASE + KIB(128)},
		{0, PLACE_HIGH, BASE + PAGE_SIZE - 1, BASE},
		{0, PLACE_HIGH, BASE + PAGE_SIZE - 2, NONE},
		/* below all of it */
		{0, PLACE_HIGH, BASE, NONE},
		{0, PLACE_HIGH, BASE - 1, NONE},
		{0, PLACE_LOW, 0, NONE},
		/* larger blocks, and the largest part of a block that an odd limit cuts */
		{4, PLACE_HIGH, BASE + KIB(256) - 2, BASE + KIB(128)},
		{4, PLACE_HIGH, BASE + KIB(192) - 1, BASE + KIB(128)},
		{4, PLACE_HIGH, BASE + KIB(192) - 2, BASE + KIB(64)},
		{4, PLACE_LOW, BASE + KIB(192) - 2, BASE},
		{4, PLACE_HIGH, BASE + KIB(64) - 1, BASE},
		{4, PLACE_HIGH, BASE + KIB(64) - 2, NONE},
		{6, PLACE_HIGH, BASE + KIB(256) - 1, BASE},
		{6, PLACE_HIGH, BASE + KIB(256) - 2, NONE},
		{7, PLACE_HIGH, UINT64_MAX, NONE},
		{BUDDY_MAX_ORDER + 1, PLACE_HIGH, UINT64_MAX, NONE},
		{64, PLACE_HIGH, UINT64_MAX, NONE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		make(t, phys(BASE), 64);
		EXPECT_EQ(t, alloc(table[i].order, table[i].place, table[i].limit), table[i].want);
		expect_valid(t);
		if (table[i].want != NONE)
			EXPECT(t, put(table[i].want, table[i].order));
		EXPECT_EQ(t, buddy_free_pages(buddy), 64);
		EXPECT_EQ(t, buddy->free_blocks[6], 1);
		expect_valid(t);
	}
}

/* Wherever a random request is served, it is under its limit and aligned. */
static void shuffle_keeps_limits(struct ktest *t)
{
	make(t, phys(BASE), MAX_PAGES);
	for (unsigned step = 0; step < 1000; step++) {
		unsigned order = ktest_random(t, 6);
		uint64_t size = PAGE_SIZE << order;
		uint64_t limit = BASE + size - 1 + ktest_random(t, MIB(16) - size + 1);
		uint64_t at = alloc(order, PLACE_SHUFFLE, limit);

		EXPECT(t, at >= BASE && at % size == 0 && at + size - 1 <= limit);
		EXPECT(t, put(at, order));
	}
	expect_valid(t);
	EXPECT_EQ(t, buddy->free_blocks[BUDDY_MAX_ORDER], 4);
}

/* The same seed replays; and a draw isn't always the same place. */
static void shuffle_replays(struct ktest *t)
{
	uint64_t first[16];
	bool differ = false;

	for (unsigned round = 0; round < 2; round++) {
		make(t, phys(BASE), MAX_PAGES);
		for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
			uint64_t at = alloc(0, PLACE_SHUFFLE, UINT64_MAX);

			EXPECT(t, round == 0 || at == first[i]);
			first[i] = at;
			differ |= at / MIB(4) != first[0] / MIB(4);
		}
	}
	EXPECT(t, differ);
}

/* Of the orders that are enough the smallest is split, of its blocks the highest below the limit.
 */
static void smallest_sufficient_first(struct ktest *t)
{
	make_empty(t, phys(BASE), 1024);
	buddy_add(buddy, phys(BASE + KIB(16)), 2);   /* order 1 */
	buddy_add(buddy, phys(BASE + KIB(64)), 1);   /* order 0 */
	buddy_add(buddy, phys(BASE + KIB(256)), 64); /* order 6 */
	buddy_add(buddy, phys(BASE + KIB(1024)), 2); /* order 1 */
	EXPECT_EQ(t, alloc(1, PLACE_HIGH, BASE + KIB(512)), BASE + KIB(16));
	EXPECT_EQ(t, alloc(1, PLACE_HIGH, UINT64_MAX), BASE + KIB(1024));
	EXPECT_EQ(t, alloc(0, PLACE_HIGH, UINT64_MAX), BASE + KIB(64));
	EXPECT_EQ(t, alloc(0, PLACE_HIGH, UINT64_MAX), BASE + KIB(508));
	EXPECT_EQ(t, alloc(0, PLACE_LOW, UINT64_MAX), BASE + KIB(504));
	EXPECT_EQ(t, alloc(1, PLACE_LOW, UINT64_MAX), BASE + KIB(496));
	expect_valid(t);
}

/* A whole block below the limit goes before the part of one that straddles it. */
static void straddling_comes_last(struct ktest *t)
{
	make_empty(t, phys(BASE), 1024);
	buddy_add(buddy, phys(BASE), 256);	  /* order 8, below */
	buddy_add(buddy, phys(BASE + MIB(2)), 8); /* order 3, cut by the limit */
	EXPECT_EQ(t, alloc(1, PLACE_HIGH, BASE + MIB(2) + KIB(22)), BASE + MIB(1) - KIB(8));
	EXPECT_EQ(t, alloc(8, PLACE_HIGH, BASE + MIB(2) + KIB(22)), NONE);
	buddy_take(buddy, phys(BASE), 254);
	EXPECT_EQ(t, alloc(1, PLACE_HIGH, BASE + MIB(2) + KIB(22)), BASE + MIB(2) + KIB(8));
	EXPECT_EQ(t, alloc(1, PLACE_HIGH, BASE + MIB(2) + KIB(22)), BASE + MIB(2));
	EXPECT_EQ(t, alloc(1, PLACE_HIGH, BASE + MIB(2) + KIB(22)), NONE);
	EXPECT_EQ(t, alloc(0, PLACE_HIGH, BASE + MIB(2) + KIB(22)), BASE + MIB(2) + KIB(16));
	EXPECT_EQ(t, alloc(0, PLACE_HIGH, BASE + MIB(2) + KIB(22)), NONE);
	expect_valid(t);
}

/* A block is aligned in physical address, also where the range doesn't begin so. */
static void odd_base(struct ktest *t)
{
	uint64_t base = BASE + KIB(20), end = base + KIB(4) * 300;

	make(t, phys(base), 300);
	expect_valid(t);
	EXPECT_EQ(t, buddy_free_pages(buddy), 300);
	EXPECT_EQ(t, alloc(4, PLACE_LOW, UINT64_MAX), BASE + KIB(64));
	EXPECT_EQ(t, alloc(0, PLACE_LOW, UINT64_MAX), base);
	EXPECT_EQ(t, alloc(0, PLACE_LOW, base - 1), NONE);
	EXPECT_EQ(t, alloc(8, PLACE_LOW, UINT64_MAX), NONE);
	EXPECT_EQ(t, alloc(7, PLACE_HIGH, UINT64_MAX), BASE + KIB(512));
	EXPECT_EQ(t, alloc(0, PLACE_HIGH, UINT64_MAX), end - PAGE_SIZE);
	expect_valid(t);
}

static void no_pages(struct ktest *t)
{
	enum page_misuse why;

	make_empty(t, phys(BASE), 0);
	EXPECT_EQ(t, alloc(0, PLACE_HIGH, UINT64_MAX), NONE);
	EXPECT_EQ(t, alloc(0, PLACE_SHUFFLE, UINT64_MAX), NONE);
	EXPECT(t, !free_block(phys(BASE), 0, &why));
	EXPECT_EQ(t, why, PAGE_RESERVED);
	EXPECT_EQ(t, buddy_take(buddy, phys(BASE), 1), -EINVAL);
	EXPECT_EQ(t, buddy_add(buddy, phys(BASE), 1), -EINVAL);
	expect_valid(t);
}

/* So many pages stay, to the page. */
static void keeps_some(struct ktest *t)
{
	const struct page_request one = {.limit = NO_LIMIT},
				  eight = {.order = 3, .limit = NO_LIMIT};

	make(t, phys(BASE), 16);
	EXPECT(t, phys_is_none(buddy_alloc(buddy, &one, 16)));
	EXPECT(t, phys_is_none(buddy_alloc(buddy, &eight, 9)));
	EXPECT(t, !phys_is_none(buddy_alloc(buddy, &eight, 8)));
	EXPECT(t, phys_is_none(buddy_alloc(buddy, &eight, 1)));
	EXPECT(t, !phys_is_none(buddy_alloc(buddy, &one, 7)));
	EXPECT(t, phys_is_none(buddy_alloc(buddy, &one, 7)));
}

/* At the end of the address space, where the next byte's address would be 0. */
static void end_of_addresses(struct ktest *t)
{
	const uint64_t base = -MIB(4), last = -PAGE_SIZE;
	const struct {
		unsigned order;
		enum page_place place;
		uint64_t limit, first, want;
	} table[] = {
		{0, PLACE_HIGH, NO_LIMIT, 0, last},
		{0, PLACE_HIGH, NO_LIMIT - 1, 0, last - PAGE_SIZE},
		{0, PLACE_LOW, NO_LIMIT, last, last},
		{0, PLACE_HIGH, NO_LIMIT, last + 1, NONE},
		{0, PLACE_LOW, NO_LIMIT, NO_LIMIT, NONE},
		{0, PLACE_HIGH, base, 0, NONE},
		{BUDDY_MAX_ORDER, PLACE_HIGH, NO_LIMIT, 0, base},
		{BUDDY_MAX_ORDER, PLACE_HIGH, NO_LIMIT - 1, 0, NONE},
		{BUDDY_MAX_ORDER, PLACE_SHUFFLE, NO_LIMIT, 0, base},
	};

	for (size_t i = 0; i < 2 * ARRAY_SIZE(table); i++) {
		struct page_fit fit = {table[i / 2].first, 0, NONE, 0};
		struct page_request request = {
			.order = table[i / 2].order,
			.place = table[i / 2].place,
			.limit = table[i / 2].limit,
			.fit = i % 2 || fit.first ? &fit : NULL,
		};

		make(t, phys(base), BUDDY_MAX_PAGES);
		EXPECT_EQ(t, buddy_alloc(buddy, &request, 0).value, table[i / 2].want);
		expect_valid(t);
	}
	make(t, phys(base), BUDDY_MAX_PAGES);
	EXPECT_EQ(t, buddy_take(buddy, phys(last), 2), -EINVAL);
	EXPECT_EQ(t, buddy_take(buddy, phys(last), 1), 0);
	EXPECT_EQ(t, buddy_give(buddy, phys(last), 2), PAGE_RESERVED);
	EXPECT_EQ(t, buddy_give(buddy, phys(last), 1), PAGE_FINE);
}

/* --- what is left --- */

/* One block of each order is there, and can be had, in any order of asking; then nothing is. */
static void one_of_each_order(struct ktest *t)
{
	for (unsigned round = 0; round < 2; round++) {
		make(t, phys(BASE), 2 * BUDDY_MAX_PAGES - 1);
		for (unsigned i = 0; i < BUDDY_ORDERS; i++)
			EXPECT(t, alloc(round ? BUDDY_MAX_ORDER - i : i, PLACE_HIGH, NO_LIMIT) !=
					  NONE);
		EXPECT_EQ(t, buddy_free_pages(buddy), 0);
		EXPECT_EQ(t, alloc(0, PLACE_HIGH, NO_LIMIT), NONE);
		expect_valid(t);
	}
}

/* The largest block, whittled down to its last page; given back, each makes room for the next. */
static void whittled_down(struct ktest *t)
{
	uint64_t at[BUDDY_MAX_ORDER], last, next;

	make(t, phys(BASE), BUDDY_MAX_PAGES);
	for (unsigned order = 0; order < BUDDY_MAX_ORDER; order++)
		at[order] = alloc(order, PLACE_HIGH, NO_LIMIT);
	EXPECT_EQ(t, buddy_free_pages(buddy), 1);
	last = alloc(0, PLACE_HIGH, NO_LIMIT);
	for (unsigned order = 0; order < BUDDY_ORDERS; order++)
		EXPECT_EQ(t, alloc(order, PLACE_HIGH, NO_LIMIT), NONE);
	EXPECT(t, put(last, 0));
	for (unsigned order = 0; order < BUDDY_MAX_ORDER; order++) {
		EXPECT_EQ(t, alloc(order + 1, PLACE_HIGH, NO_LIMIT), NONE);
		EXPECT(t, put(at[order], order));
		next = alloc(order + 1, PLACE_HIGH, NO_LIMIT);
		EXPECT(t, next != NONE && put(next, order + 1));
	}
	expect_valid(t);
}

/* So fragmented that of half of the pages no two are buddies: no order but 0 is served. */
static void every_other_page(struct ktest *t)
{
	const unsigned most = 6;
	struct held block[21];
	uint64_t hole[6];
	size_t first = 0, count = 0;

	make(t, phys(BASE), 1UL << most);
	for (unsigned top = most; top > 0; top--) {
		if (first < count) { /* the largest there is */
			EXPECT(t, put(block[first].addr.value, block[first].order));
			first++;
		}
		for (unsigned order = top; order-- > 0;)
			block[count++] =
				(struct held){phys(alloc(order, PLACE_HIGH, NO_LIMIT)), order};
		hole[most - top] = alloc(0, PLACE_HIGH, NO_LIMIT);
		EXPECT_EQ(t, alloc(top, PLACE_HIGH, NO_LIMIT), NONE);
		EXPECT_EQ(t, buddy_free_pages(buddy), 0);
	}
	for (size_t i = 0; i < most; i++)
		EXPECT(t, put(hole[i], 0));
	for (unsigned order = 1; order <= most; order++)
		EXPECT_EQ(t, alloc(order, PLACE_HIGH, NO_LIMIT), NONE);
	EXPECT_EQ(t, buddy->free_blocks[0], most);
	while (first < count) {
		EXPECT(t, put(block[first].addr.value, block[first].order));
		first++;
	}
	EXPECT_EQ(t, buddy->free_blocks[most], 1);
	expect_valid(t);
}

/* Pages side by side are no block where they aren't aligned to its size; but they are a range. */
static void neighbours_are_no_buddies(struct ktest *t)
{
	make(t, phys(BASE), 64);
	EXPECT_EQ(t, buddy_take(buddy, phys(BASE), 64), 0);
	EXPECT_EQ(t, buddy_give(buddy, phys(BASE + 3 * PAGE_SIZE), 4), PAGE_FINE);
	EXPECT_EQ(t, alloc(2, PLACE_HIGH, NO_LIMIT), NONE);
	EXPECT_EQ(t, buddy_take(buddy, phys(BASE + 3 * PAGE_SIZE), 4), 0);
	EXPECT_EQ(t, buddy_give(buddy, phys(BASE + 7 * PAGE_SIZE), 2), PAGE_FINE);
	EXPECT_EQ(t, alloc(1, PLACE_HIGH, NO_LIMIT), NONE);
	EXPECT_EQ(t, buddy_give(buddy, phys(BASE + 6 * PAGE_SIZE), 1), PAGE_FINE);
	EXPECT_EQ(t, alloc(1, PLACE_HIGH, NO_LIMIT), BASE + 6 * PAGE_SIZE);
	expect_valid(t);
}

/* From one window to the next all pages of each are had, and none of another. */
static void window_by_window(struct ktest *t)
{
	static const size_t sizes[] = {1, 2, 3, 7, 64, 100, 511, 1360};
	uint64_t start = BASE;

	make(t, phys(BASE), 2048);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct page_fit fit = {.first = start, .boundary_mask = NONE};
		struct page_request request = {.place = i % 3, .fit = &fit};
		size_t count = 0;

		start += sizes[i] * PAGE_SIZE;
		for (request.limit = start - 1; buddy_fits(buddy, &request); count++) {
			uint64_t at = buddy_alloc(buddy, &request, 0).value;

			EXPECT(t, at >= fit.first && at < start);
		}
		EXPECT_EQ(t, count, sizes[i]);
	}
	EXPECT_EQ(t, buddy_free_pages(buddy), 0);
	expect_valid(t);
}

/* --- fits --- */

#define ALL UINT64_MAX /* a boundary that nothing crosses */

/* 64 free pages at BASE, which is 64 MiB; the answer of one request. */
static void fits(struct ktest *t)
{
	static const struct {
		unsigned order;
		enum page_place place;
		uint64_t limit;
		struct page_fit fit;
		uint64_t want;
	} table[] = {
		/* nothing asked; the lower bound, to the byte */
		{0, PLACE_HIGH, NO_LIMIT, {0, 0, ALL, 0}, BASE + KIB(252)},
		{0, PLACE_LOW, NO_LIMIT, {BASE, 0, ALL, 0}, BASE},
		{0, PLACE_LOW, NO_LIMIT, {BASE + 1, 0, ALL, 0}, BASE + KIB(4)},
		{2, PLACE_LOW, NO_LIMIT, {BASE + KIB(4), 0, ALL, 0}, BASE + KIB(16)},
		{0, PLACE_HIGH, NO_LIMIT, {BASE + KIB(252), 0, ALL, 0}, BASE + KIB(252)},
		{0, PLACE_HIGH, NO_LIMIT, {BASE + KIB(252) + 1, 0, ALL, 0}, NONE},
		{0, PLACE_LOW, NO_LIMIT, {BASE + KIB(252) + 1, 0, ALL, 0}, NONE},
		{0, PLACE_LOW, NO_LIMIT, {UINT64_MAX, 0, ALL, 0}, NONE},
		/* between two bounds */
		{0, PLACE_HIGH, BASE + KIB(8) - 1, {BASE + KIB(4), 0, ALL, 0}, BASE + KIB(4)},
		{0, PLACE_HIGH, BASE + KIB(8) - 2, {BASE + KIB(4), 0, ALL, 0}, NONE},
		{1, PLACE_HIGH, BASE + KIB(12) - 1, {BASE + KIB(4), 0, ALL, 0}, NONE},
		/* alignment beyond the block, from either end */
		{0, PLACE_HIGH, NO_LIMIT, {0, KIB(64) - 1, ALL, 0}, BASE + KIB(192)},
		{0, PLACE_LOW, NO_LIMIT, {BASE + 1, KIB(64) - 1, ALL, 0}, BASE + KIB(64)},
		{0, PLACE_HIGH, NO_LIMIT, {0, MIB(64) - 1, ALL, 0}, BASE},
		{0, PLACE_HIGH, NO_LIMIT, {BASE + 1, MIB(64) - 1, ALL, 0}, NONE},
		{0, PLACE_LOW, NO_LIMIT, {0, MIB(128) - 1, ALL, 0}, NONE},
		{0, PLACE_HIGH, NO_LIMIT, {0, UINT64_MAX, ALL, 0}, NONE},
		/* shifted: whole pages, and less than a page, which is right nowhere or everywhere
		 */
		{0, PLACE_HIGH, NO_LIMIT, {0, KIB(64) - 1, ALL, KIB(4)}, BASE + KIB(252)},
		{0, PLACE_LOW, NO_LIMIT, {0, KIB(64) - 1, ALL, KIB(4)}, BASE + KIB(60)},
		{0, PLACE_HIGH, NO_LIMIT, {0, KIB(64) - 1, ALL, -KIB(8)}, BASE + KIB(200)},
		{0, PLACE_HIGH, NO_LIMIT, {0, 255, ALL, 256}, BASE + KIB(252)},
		{0, PLACE_HIGH, NO_LIMIT, {0, 255, ALL, 128}, NONE},
		{0, PLACE_LOW, NO_LIMIT, {0, KIB(8) - 1, ALL, 128}, NONE},
		/* a boundary exactly met, and one too small */
		{2, PLACE_HIGH, NO_LIMIT, {0, 0, KIB(16) - 1, 0}, BASE + KIB(240)},
		{2, PLACE_HIGH, NO_LIMIT, {0, 0, KIB(8) - 1, 0}, NONE},
		{2, PLACE_HIGH, NO_LIMIT, {0, 0, KIB(16) - 1, KIB(4)}, NONE},
		/* crossed at the end that is asked for: the next place */
		{2, PLACE_HIGH, NO_LIMIT, {0, 0, KIB(64) - 1, KIB(4)}, BASE + KIB(224)},
		{2, PLACE_LOW, NO_LIMIT, {BASE + KIB(48), 0, KIB(64) - 1, KIB(4)}, BASE + KIB(64)},
		{2, PLACE_LOW, NO_LIMIT, {0, 0, KIB(64) - 1, KIB(60)}, BASE + KIB(16)},
		{0, PLACE_HIGH, NO_LIMIT, {0, 0, KIB(64) - 1, 1}, BASE + KIB(248)},
		{0, PLACE_HIGH, NO_LIMIT, {0, 0, KIB(4) - 1, 1}, NONE},
		/* where only a part of the block is under the limit */
		{0, PLACE_HIGH, BASE + KIB(100), {0, KIB(32) - 1, ALL, 0}, BASE + KIB(96)},
		{0, PLACE_LOW, BASE + KIB(100), {BASE + 1, KIB(32) - 1, ALL, 0}, BASE + KIB(32)},
		{0, PLACE_LOW, BASE + KIB(100), {BASE + KIB(97), 0, ALL, 0}, NONE},
		/* shifted beyond the end of addresses */
		{0, PLACE_HIGH, NO_LIMIT, {0, 0, ALL, -BASE - KIB(8)}, BASE + KIB(252)},
		{0, PLACE_HIGH, NO_LIMIT, {0, KIB(16) - 1, ALL, -BASE - KIB(8)}, BASE + KIB(248)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct page_request request = {.order = table[i].order,
					       .place = table[i].place,
					       .limit = table[i].limit,
					       .fit = &table[i].fit};

		make(t, phys(BASE), 64);
		EXPECT_EQ(t, buddy_fits(buddy, &request), table[i].want != NONE);
		EXPECT_EQ(t, buddy_alloc(buddy, &request, 0).value, table[i].want);
		expect_valid(t);
	}
}

/* In pieces too: the smallest block that is enough and fits, then a larger one. */
static void fits_among_pieces(struct ktest *t)
{
	struct page_fit fit = {.align_mask = KIB(64) - 1, .boundary_mask = ALL};
	struct page_request request = {.limit = NO_LIMIT, .fit = &fit};

	make_empty(t, phys(BASE), 1024);
	for (uint64_t page = 1; page < 256; page += 2) /* none of them is where it fits */
		buddy_add(buddy, phys(BASE + page * PAGE_SIZE), 1);
	EXPECT(t, phys_is_none(buddy_alloc(buddy, &request, 0)));
	buddy_add(buddy, phys(BASE + MIB(2)), 256);
	EXPECT_EQ(t, buddy_alloc(buddy, &request, 0).value, BASE + MIB(3) - KIB(64));
	buddy_add(buddy, phys(BASE + KIB(128)), 1);
	EXPECT_EQ(t, buddy_alloc(buddy, &request, 0).value, BASE + KIB(128));
	fit.shift = KIB(4);
	request.place = PLACE_SHUFFLE;
	for (unsigned i = 0; i < 16 + 16; i++) {
		uint64_t at = buddy_alloc(buddy, &request, 0).value;

		EXPECT(t, at != NONE && (at + KIB(4)) % KIB(64) == 0);
	}
	EXPECT(t, phys_is_none(buddy_alloc(buddy, &request, 0)));
	expect_valid(t);
}

/* --- ranges --- */

static void take_and_give(struct ktest *t)
{
	make(t, phys(BASE), 2048);
	EXPECT_EQ(t, buddy_take(buddy, phys(BASE + KIB(4) * 3), 1500), 0);
	EXPECT_EQ(t, buddy_free_pages(buddy), 548);
	expect_valid(t);
	/* one page too many at either end; nothing of it is taken */
	EXPECT_EQ(t, buddy_take(buddy, phys(BASE), 4), -EBUSY);
	EXPECT_EQ(t, buddy_take(buddy, phys(BASE + KIB(4) * 1502), 10), -EBUSY);
	EXPECT_EQ(t, buddy_free_pages(buddy), 548);
	/* not here */
	EXPECT_EQ(t, buddy_take(buddy, phys(BASE - PAGE_SIZE), 2), -EINVAL);
	EXPECT_EQ(t, buddy_take(buddy, phys(BASE + MIB(8) - PAGE_SIZE), 2), -EINVAL);
	EXPECT_EQ(t, buddy_take(buddy, phys(BASE + 1), 1), -EINVAL);
	EXPECT_EQ(t, buddy_take(buddy, phys(BASE), SIZE_MAX), -EINVAL);
	/* back in odd pieces */
	EXPECT_EQ(t, buddy_give(buddy, phys(BASE + KIB(4) * 3), 1), PAGE_FINE);
	EXPECT_EQ(t, buddy_give(buddy, phys(BASE + KIB(4) * 700), 803), PAGE_FINE);
	expect_valid(t);
	EXPECT_EQ(t, buddy_give(buddy, phys(BASE + KIB(4) * 4), 696), PAGE_FINE);
	EXPECT_EQ(t, buddy_free_pages(buddy), 2048);
	buddy_drain(buddy);
	EXPECT_EQ(t, buddy->free_blocks[BUDDY_MAX_ORDER], 2);
	expect_valid(t);
}

/* A block may be given back in parts; what is still out is caught where it isn't. */
static void give_parts_of_a_block(struct ktest *t)
{
	enum page_misuse why;
	uint64_t at;

	make(t, phys(BASE), 64);
	at = alloc(4, PLACE_HIGH, UINT64_MAX);
	EXPECT_EQ(t, buddy_give(buddy, phys(at + KIB(4) * 11), 5), PAGE_FINE);
	expect_valid(t);
	EXPECT_EQ(t, buddy_free_pages(buddy), 53);
	EXPECT(t, !free_block(phys(at), 4, &why));
	EXPECT_EQ(t, why, PAGE_WRONG_ORDER);
	EXPECT_EQ(t, buddy_give(buddy, phys(at), 12), PAGE_DOUBLE_FREE);
	EXPECT_EQ(t, buddy_free_pages(buddy), 53);
	EXPECT_EQ(t, buddy_give(buddy, phys(at), 11), PAGE_FINE);
	buddy_drain(buddy);
	EXPECT_EQ(t, buddy->free_blocks[6], 1);
	expect_valid(t);
}

/* --- misuse --- */

static void misuse_is_caught(struct ktest *t)
{
	/* pages from BASE: 0..7 one block, 8 and 9 used singly, 10..15 free, the rest reserved */
	static const struct {
		uint64_t addr;
		unsigned order;
		enum page_misuse want;
	} table[] = {
		{BASE, 2, PAGE_WRONG_ORDER}, /* smaller */
		{BASE, 4, PAGE_WRONG_ORDER}, /* larger */
		{BASE, BUDDY_MAX_ORDER + 1, PAGE_WRONG_ORDER},
		{BASE, 64, PAGE_WRONG_ORDER},
		{BASE + KIB(16), 2, PAGE_WRONG_ORDER}, /* its upper half */
		{BASE + KIB(28), 0, PAGE_WRONG_ORDER}, /* its last page */
		{BASE + KIB(32), 1, PAGE_WRONG_ORDER}, /* two blocks as one */
		{BASE + KIB(40), 0, PAGE_DOUBLE_FREE},
		{BASE + KIB(40), 1, PAGE_DOUBLE_FREE},
		{BASE + KIB(60), 0, PAGE_DOUBLE_FREE},
		{BASE + KIB(64), 0, PAGE_RESERVED},
		{BASE + KIB(128), 3, PAGE_RESERVED},
		{BASE - PAGE_SIZE, 0, PAGE_RESERVED}, /* no such memory */
		{BASE + MIB(4), 0, PAGE_RESERVED},
		{0, 0, PAGE_RESERVED},
		{UINT64_MAX & ~(PAGE_SIZE - 1), 0, PAGE_RESERVED},
		{BASE + 1, 0, PAGE_UNALIGNED},
		{BASE + KIB(4), 3, PAGE_UNALIGNED},
		{UINT64_MAX, 0, PAGE_UNALIGNED},
	};
	enum page_misuse why;

	make_empty(t, phys(BASE), 1024);
	buddy_add(buddy, phys(BASE), 16);
	EXPECT_EQ(t, alloc(3, PLACE_LOW, UINT64_MAX), BASE);
	EXPECT_EQ(t, alloc(0, PLACE_LOW, UINT64_MAX), BASE + KIB(32));
	EXPECT_EQ(t, alloc(0, PLACE_LOW, UINT64_MAX), BASE + KIB(36));
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		why = PAGE_MISUSE_KINDS;
		EXPECT(t, !free_block(phys(table[i].addr), table[i].order, &why));
		EXPECT_EQ(t, why, table[i].want);
		EXPECT_EQ(t, buddy_free_pages(buddy), 6);
		expect_valid(t);
	}
	EXPECT(t, buddy_allocated(buddy, phys(BASE), 3));
	EXPECT(t, put(BASE, 3));
	EXPECT(t, put(BASE + KIB(32), 0));
	EXPECT(t, put(BASE + KIB(36), 0));
	EXPECT_EQ(t, buddy->free_blocks[4], 1);
	EXPECT(t, !put(BASE, 3));
	expect_valid(t);
}

static void misuse_of_ranges_is_caught(struct ktest *t)
{
	static const struct {
		uint64_t start;
		size_t pages;
		enum page_misuse want;
	} table[] = {
		{BASE, 17, PAGE_DOUBLE_FREE},	     {BASE + KIB(64), 1, PAGE_DOUBLE_FREE},
		{BASE + KIB(128), 1, PAGE_RESERVED}, {BASE + 8, 1, PAGE_UNALIGNED},
		{BASE - KIB(4), 2, PAGE_RESERVED},   {BASE, 1025, PAGE_RESERVED},
	};

	make_empty(t, phys(BASE), 1024);
	buddy_add(buddy, phys(BASE), 32);
	EXPECT_EQ(t, buddy_take(buddy, phys(BASE), 16), 0);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		EXPECT_EQ(t, buddy_give(buddy, phys(table[i].start), table[i].pages),
			  table[i].want);
		EXPECT_EQ(t, buddy_free_pages(buddy), 16);
		expect_valid(t);
	}
}

/* --- the whole --- */

/* All handed out as single pages, each once, highest first; all given back: as before. */
static void exhaust_and_refill(struct ktest *t)
{
	size_t pages = 2048 + 37;
	size_t before[BUDDY_ORDERS];

	make(t, phys(BASE), pages);
	memcpy(before, buddy->free_blocks, sizeof(before));
	EXPECT(t, alloc(0, PLACE_HIGH, UINT64_MAX) == BASE + (pages - 1) * PAGE_SIZE);
	for (size_t i = 1; i < pages; i++)
		EXPECT(t, alloc(0, PLACE_HIGH, UINT64_MAX) != NONE);
	EXPECT_EQ(t, alloc(0, PLACE_HIGH, UINT64_MAX), NONE);
	EXPECT_EQ(t, buddy_free_pages(buddy), 0);
	expect_valid(t);
	for (size_t i = 0; i < pages; i += 2) /* no two of them merge */
		EXPECT(t, put(BASE + i * PAGE_SIZE, 0));
	expect_valid(t);
	EXPECT_EQ(t, alloc(1, PLACE_HIGH, UINT64_MAX), NONE);
	for (size_t i = 1; i < pages; i += 2)
		EXPECT(t, put(BASE + i * PAGE_SIZE, 0));
	EXPECT(t, memcmp(before, buddy->free_blocks, sizeof(before)) == 0);
	expect_valid(t);
}

/* The checker of invariants is no use if it can't see. */
static void validate_sees(struct ktest *t)
{
	make(t, phys(BASE), 64);
	hbitmap_set(&buddy->free[0], 5);
	EXPECT(t, buddy_validate(buddy) != NULL); /* one page, two free blocks */

	make(t, phys(BASE), 64);
	buddy->known[0] = 1;
	memset(buddy->used[2], 0, 8);
	buddy->used[2][0] |= 1 << 3;
	EXPECT(t, buddy_validate(buddy) != NULL); /* free and used */

	make(t, phys(BASE), 64);
	buddy->free_blocks[0]++;
	EXPECT(t, buddy_validate(buddy) != NULL);

	make(t, phys(BASE), 64);
	buddy->free_blocks[6]++;
	EXPECT(t, buddy_validate(buddy) != NULL);

	make(t, phys(BASE), 64);
	hbitmap_clear(&buddy->free[6], 0);
	hbitmap_set(&buddy->free[5], 0);
	hbitmap_set(&buddy->free[5], 1);
	buddy->free_blocks[6] = 0;
	buddy->free_blocks[5] = 2;
	EXPECT(t, buddy_validate(buddy) != NULL); /* not merged, */
	buddy->deferred[5] = 0;
	EXPECT(t, !buddy_validate(buddy)); /* unless it is known */
	buddy->deferred[4] = 0;
	EXPECT(t, buddy_validate(buddy) != NULL); /* no such pair */
}

/* --- against a model --- */

static bool model_is(size_t page, size_t pages, enum page_state state)
{
	for (size_t i = page; i < page + pages; i++)
		if (i >= MAX_PAGES || model[i] != state)
			return false;
	return true;
}

static void model_set(size_t page, size_t pages, enum page_state state)
{
	memset(model + page, state, pages);
}

/* Is there an aligned run of 2^order free pages that ends at or below `limit`? */
static bool model_fits(unsigned order, uint64_t limit)
{
	size_t size = 1UL << order;

	for (size_t page = 0; page + size <= MAX_PAGES; page += size)
		if (BASE + (page + size) * PAGE_SIZE - 1 <= limit && model_is(page, size, FREE))
			return true;
	return false;
}

static void step_alloc(struct ktest *t)
{
	unsigned order = ktest_random(t, ktest_random(t, BUDDY_MAX_ORDER + 1) + 1);
	uint64_t limit = BASE + ktest_random(t, MIB(16) + KIB(64)), at;
	size_t page;

	if (ktest_random(t, 2))
		limit = UINT64_MAX;
	at = alloc(order, ktest_random(t, 3), limit);
	EXPECT_EQ(t, at != NONE, model_fits(order, limit));
	if (at == NONE)
		return;
	page = (at - BASE) / PAGE_SIZE;
	EXPECT(t, at % (PAGE_SIZE << order) == 0 && at + (PAGE_SIZE << order) - 1 <= limit);
	REQUIRE(t, model_is(page, 1UL << order, FREE));
	model_set(page, 1UL << order, USED);
	held[held_count++] = (struct held){phys(at), order};
}

static void step_free(struct ktest *t)
{
	size_t i = ktest_random(t, held_count);
	struct held block = held[i];
	enum page_misuse why;

	held[i] = held[--held_count];
	EXPECT(t, free_block(block.addr, block.order, &why));
	model_set((block.addr.value - BASE) / PAGE_SIZE, 1UL << block.order, FREE);
}

/* Take a range; if it could be had give it back at once, in two parts. */
static void step_take(struct ktest *t)
{
	size_t page = ktest_random(t, MAX_PAGES), pages = 1 + ktest_random(t, 90), cut;
	phys_addr_t start = phys(BASE + page * PAGE_SIZE);
	int error;

	if (page + pages > MAX_PAGES)
		pages = MAX_PAGES - page;
	error = buddy_take(buddy, start, pages);
	EXPECT_EQ(t, error, model_is(page, pages, FREE) ? 0 : -EBUSY);
	if (error)
		return;
	expect_valid(t);
	cut = ktest_random(t, pages + 1);
	EXPECT(t, buddy_give(buddy, phys_add(start, cut * PAGE_SIZE), pages - cut) == PAGE_FINE ||
			  cut == pages);
	EXPECT_EQ(t, buddy_give(buddy, start, cut), PAGE_FINE);
}

/* Free something at random: it works only if it is exactly a block that is held. */
static void step_misuse(struct ktest *t)
{
	phys_addr_t addr = phys(BASE + ktest_random(t, MAX_PAGES) * PAGE_SIZE);
	unsigned order = ktest_random(t, 4);
	enum page_misuse why = PAGE_MISUSE_KINDS;
	enum page_state state = model[(addr.value - BASE) / PAGE_SIZE];

	for (size_t i = 0; i < held_count; i++)
		if (held[i].addr.value == addr.value && held[i].order == order)
			return;
	EXPECT(t, !free_block(addr, order, &why));
	if (addr.value % (PAGE_SIZE << order))
		EXPECT_EQ(t, why, PAGE_UNALIGNED);
	else
		EXPECT_EQ(t, why,
			  state == FREE	  ? PAGE_DOUBLE_FREE
			  : state == USED ? PAGE_WRONG_ORDER
					  : PAGE_RESERVED);
}

static void compare(struct ktest *t)
{
	size_t free = 0;

	for (size_t i = 0; i < MAX_PAGES; i++)
		free += model[i] == FREE;
	EXPECT_EQ(t, buddy_free_pages(buddy), free);
	expect_valid(t);
}

/* Some of the pages, in odd pieces with holes between them. */
static void make_with_holes(struct ktest *t)
{
	size_t page = 0;

	make_empty(t, phys(BASE), MAX_PAGES);
	memset(model, RESERVED, MAX_PAGES);
	while (page < MAX_PAGES) {
		size_t pages = 1 + ktest_random(t, 1500);

		if (pages > MAX_PAGES - page)
			pages = MAX_PAGES - page;
		EXPECT_EQ(t, buddy_add(buddy, phys(BASE + page * PAGE_SIZE), pages), 0);
		model_set(page, pages, FREE);
		page += pages + ktest_random(t, 40);
	}
	held_count = 0;
}

static void against_a_model(struct ktest *t)
{
	make_with_holes(t);
	for (unsigned step = 0; step < MODEL_STEPS && !t->failed; step++) {
		/* Phases of growing and of shrinking, so that it is full and empty by turns. */
		unsigned to_free = step / 1000 % 2 ? 60 : 30, what = ktest_random(t, 100);

		if (what < 5)
			step_take(t);
		else if (what < 10)
			step_misuse(t);
		else if (held_count && (what < 10 + to_free || held_count == HELD))
			step_free(t);
		else
			step_alloc(t);
		if (step % 32 == 0)
			compare(t);
	}
	while (held_count)
		step_free(t);
	compare(t);
}

static const struct ktest_case cases[] = {
	{"merging_is_deferred", merging_is_deferred},
	{"one_pair_of_an_order", one_pair_of_an_order},
	{"merged_before_a_refusal", merged_before_a_refusal},
	{"parked_is_neither_free_nor_used", parked_is_neither_free_nor_used},
	{"limits", limits},
	{"keeps_some", keeps_some},
	{"end_of_addresses", end_of_addresses},
	{"one_of_each_order", one_of_each_order},
	{"whittled_down", whittled_down},
	{"every_other_page", every_other_page},
	{"neighbours_are_no_buddies", neighbours_are_no_buddies},
	{"window_by_window", window_by_window},
	{"fits", fits},
	{"fits_among_pieces", fits_among_pieces},
	{"shuffle_keeps_limits", shuffle_keeps_limits},
	{"shuffle_replays", shuffle_replays},
	{"smallest_sufficient_first", smallest_sufficient_first},
	{"straddling_comes_last", straddling_comes_last},
	{"odd_base", odd_base},
	{"no_pages", no_pages},
	{"take_and_give", take_and_give},
	{"give_parts_of_a_block", give_parts_of_a_block},
	{"misuse_is_caught", misuse_is_caught},
	{"misuse_of_ranges_is_caught", misuse_of_ranges_is_caught},
	{"exhaust_and_refill", exhaust_and_refill},
	{"validate_sees", validate_sees},
	{"against_a_model", against_a_model},
	{0},
};

const struct ktest_suite buddy_suite = {.name = "buddy", .begin = begin, .cases = cases};
