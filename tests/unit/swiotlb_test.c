/* SPDX-License-Identifier: MIT */
/*
 * The pool as an allocator. It never touches the memory it gives out, so there
 * need not be any: base and masks are chosen as each case likes.
 */
#include "dma/swiotlb.h"

#include "tests/ktest.h"

#define BASE  0x1100000UL /* 17 MiB */
#define SLOTS 100	  /* not a whole number of words */
#define END   (BASE + SLOTS * SWIOTLB_SLOT)
#define ANYWHERE                                                                                   \
	{                                                                                          \
		.last = UINT64_MAX, .boundary_mask = UINT64_MAX                                    \
	}

#define MOST	       700 /* slots of any pool here */
#define METADATA_BYTES (MOST * 16)

#define LIVE	       40

struct model {
	bool taken[MOST];
	struct {
		uint64_t addr, original;
		uint32_t length;
	} live[LIVE]; /* length 0: none */
};

static struct swiotlb *pool;
static struct model *model;
static const struct swiotlb_fit any_fit = ANYWHERE; /* unprepared, it passes the magazines by */
static uint64_t *metadata;

static void begin_with(struct ktest *t, size_t slots)
{
	EXPECT(t, swiotlb_metadata_size(slots) <= METADATA_BYTES);
	memset(metadata, 0xa5, METADATA_BYTES);
	swiotlb_init(pool, phys(BASE), slots, metadata);
}

static void begin(struct ktest *t)
{
	pool = ktest_zalloc(t, sizeof(*pool));
	metadata = ktest_zalloc(t, METADATA_BYTES);
	model = ktest_zalloc(t, sizeof(*model));
	if (!pool || !metadata || !model)
		return;
	begin_with(t, SLOTS);
}

static void end(struct ktest *t)
{
	swiotlb_validate(pool);
	EXPECT_EQ(t, dma_level_now(&pool->used), 0);
	EXPECT_EQ(t, swiotlb_largest_run(pool), pool->slots);
}

static uint64_t take(const struct swiotlb_fit *fit, uint64_t original, uint32_t length,
		     enum dma_failure *why)
{
	struct swiotlb_slot slot = {.original = original, .length = length, .device = 1};
	struct swiotlb_fit ready = *fit;
	uint64_t addr;

	swiotlb_fit_prepare(pool, &ready);
	addr = swiotlb_take(pool, &ready, slot, why).value;

	swiotlb_validate(pool);
	return addr;
}

static void put(struct ktest *t, uint64_t addr)
{
	EXPECT(t, swiotlb_put(pool, &any_fit, phys(addr)));
	swiotlb_validate(pool);
}

static void put_all(struct ktest *t)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (pool->owner[i])
			put(t, BASE + i * SWIOTLB_SLOT + (pool->original[i] >> 52));
}

/* One request of an empty pool: where it lies, or why it doesn't. */
#define NO(reason) (UINT64_MAX - (reason))
#define S(n)	   ((n)*SWIOTLB_SLOT)

static const struct {
	uint64_t original;
	uint32_t length;
	struct swiotlb_fit fit;
	uint64_t want;
} requests[] = {
	/* wide from the top */
	{0x12345678, 1, ANYWHERE, END - S(1)},
	{0x12345678, S(1), ANYWHERE, END - S(1)},
	{0x12345678, S(1) + 1, ANYWHERE, END - S(2)},
	{0, S(SLOTS), ANYWHERE, BASE}, /* the whole pool in one mapping */
	{0, S(SLOTS) + 1, ANYWHERE, NO(DMA_FAIL_TOO_BIG)},
	{0, UINT32_MAX, ANYWHERE, NO(DMA_FAIL_TOO_BIG)},
	{0, 1, {.last = END - 1, .boundary_mask = UINT64_MAX}, END - S(1)},
	/* tight from the bottom, also if it is one byte that is missing */
	{0, 1, {.last = END - 2, .boundary_mask = UINT64_MAX}, BASE},
	{0, 1, {.first = BASE + 1, .last = END, .boundary_mask = UINT64_MAX}, BASE + S(1)},
	{0, S(1), {.last = BASE + S(1) - 1, .boundary_mask = UINT64_MAX}, BASE},
	{0, S(1), {.last = BASE + S(1) - 2, .boundary_mask = UINT64_MAX}, NO(DMA_FAIL_OUT_OF_MASK)},
	{0, S(3), {.last = BASE + S(3) - 1, .boundary_mask = UINT64_MAX}, BASE},
	{0, S(3), {.last = BASE + S(3) - 2, .boundary_mask = UINT64_MAX}, NO(DMA_FAIL_OUT_OF_MASK)},
	/* the mask counts for the mapping's last byte, not the slot's */
	{0, 100, {.last = BASE + S(2) + 99, .boundary_mask = UINT64_MAX}, BASE},
	{0, 1, {.last = BASE - 1, .boundary_mask = UINT64_MAX}, NO(DMA_FAIL_OUT_OF_MASK)},
	{0, UINT32_MAX, {.last = 0xffffff, .boundary_mask = UINT64_MAX}, NO(DMA_FAIL_OUT_OF_MASK)},
	{0,
	 1,
	 {.first = END, .last = UINT64_MAX, .boundary_mask = UINT64_MAX},
	 NO(DMA_FAIL_OUT_OF_MASK)},
	{0,
	 S(2),
	 {.first = END - S(2), .last = UINT64_MAX, .boundary_mask = UINT64_MAX},
	 END - S(2)},
	{0,
	 S(2),
	 {.first = END - S(2) + 1, .last = UINT64_MAX, .boundary_mask = UINT64_MAX},
	 NO(DMA_FAIL_OUT_OF_MASK)},
	/* low bits as the original's, in the slot and beyond it */
	{0x5123,
	 0x10,
	 {.last = UINT64_MAX, .boundary_mask = UINT64_MAX, .min_align_mask = 0x1ff},
	 END - S(1) + 0x123},
	{0x5923,
	 0x10,
	 {.last = UINT64_MAX, .boundary_mask = UINT64_MAX, .min_align_mask = 0xfff},
	 END - S(1) + 0x123},
	{0x5123,
	 0x10,
	 {.last = UINT64_MAX, .boundary_mask = UINT64_MAX, .min_align_mask = 0xfff},
	 END - S(2) + 0x123},
	{0x5123,
	 0x10,
	 {.last = END - 2, .boundary_mask = UINT64_MAX, .min_align_mask = 0xfff},
	 BASE + 0x123},
	{0xfff,
	 2,
	 {.last = END - 2, .boundary_mask = UINT64_MAX, .min_align_mask = 0xfff},
	 BASE + 0xfff},
	{0x3f123,
	 0x10,
	 {.last = UINT64_MAX, .boundary_mask = UINT64_MAX, .min_align_mask = 0x3ffff},
	 NO(DMA_FAIL_TOO_BIG)},
	/* a bus offset that is no multiple of the alignment */
	{0x5123,
	 0x10,
	 {.last = UINT64_MAX, .boundary_mask = UINT64_MAX, .shift = 0x100, .min_align_mask = 0xfff},
	 END - S(2) + 0x23},
	/* boundaries: 0x1132000 is the pool's end, 0x1130000 the last within it */
	{0, S(4), {.last = UINT64_MAX, .boundary_mask = 0xffff}, END - S(4)},
	{0, S(5), {.last = UINT64_MAX, .boundary_mask = 0xffff}, 0x1130000 - S(5)},
	{0, 0x10000, {.last = UINT64_MAX, .boundary_mask = 0xffff}, 0x1120000},
	{0, 0x10000, {.last = END - 2, .boundary_mask = 0xffff}, BASE},
	{0, 0x10001, {.last = UINT64_MAX, .boundary_mask = 0xffff}, NO(DMA_FAIL_TOO_BIG)},
	{0, S(4), {.last = END - 2, .boundary_mask = 0xffff, .shift = 0x10000 - S(1)}, BASE + S(1)},
	{0x800,
	 0x1000,
	 {.last = UINT64_MAX, .boundary_mask = 0xfff, .min_align_mask = 0xfff},
	 NO(DMA_FAIL_TOO_BIG)},
	{0x800,
	 0x800,
	 {.last = UINT64_MAX, .boundary_mask = 0xfff, .min_align_mask = 0xfff},
	 END - S(1)},
	{0, 2048, {.last = UINT64_MAX, .boundary_mask = 0x3ff}, NO(DMA_FAIL_TOO_BIG)},
	/* one byte too far, down and up */
	{0x5901,
	 0x700,
	 {.last = UINT64_MAX, .boundary_mask = 0xfff, .shift = 0x800, .min_align_mask = 0x1ff},
	 END - S(3) + 0x101},
	{0x5fff,
	 2,
	 {.last = END - 2, .boundary_mask = 0xfff, .shift = 0x800, .min_align_mask = 0x7ff},
	 BASE + S(1) + 0x7ff},
	/* more than 4 GiB, with the bytes before it */
	{0x123,
	 UINT32_MAX,
	 {.last = END - 2, .boundary_mask = UINT64_MAX, .min_align_mask = 0x7ff},
	 NO(DMA_FAIL_TOO_BIG)},
};

static void empty_pool(struct ktest *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		enum dma_failure why;
		uint64_t got =
			take(&requests[i].fit, requests[i].original, requests[i].length, &why);

		if (got != UINT64_MAX)
			put(t, got);
		else
			got = NO(why);
		if (got != requests[i].want)
			ktest_fail(t, __FILE__, __LINE__, "row %zu: %#llx, not %#llx", i,
				   (unsigned long long)got, (unsigned long long)requests[i].want);
	}
}

static void every_odd_mask(struct ktest *t)
{
	for (unsigned bits = 24; bits <= 40; bits++) {
		struct swiotlb_fit fit = {.last = DMA_BIT_MASK(bits), .boundary_mask = UINT64_MAX};
		enum dma_failure why = DMA_FAILURES;
		uint64_t addr = take(&fit, 0, S(2), &why);

		if (bits == 24) {
			EXPECT_EQ(t, addr, UINT64_MAX);
			EXPECT_EQ(t, why, DMA_FAIL_OUT_OF_MASK);
		} else {
			EXPECT_EQ(t, addr, END - S(2));
			put(t, addr);
		}
	}
	EXPECT_EQ(t, pool->refused[DMA_FAIL_OUT_OF_MASK], 1);
}

static void one_slot_left(struct ktest *t)
{
	struct swiotlb_fit fit = ANYWHERE, tight = ANYWHERE;
	enum dma_failure why;

	tight.last = END - 2;
	for (size_t i = 0; i < SLOTS - 1; i++)
		EXPECT_EQ(t, take(&fit, i, 1, &why), END - S(i + 1));
	EXPECT_EQ(t, take(&fit, 0, S(1) + 1, &why), UINT64_MAX);
	EXPECT_EQ(t, why, DMA_FAIL_EXHAUSTED);
	EXPECT_EQ(t, take(&tight, 0, S(1), &why), BASE);
	EXPECT_EQ(t, take(&fit, 0, 1, &why), UINT64_MAX);
	EXPECT_EQ(t, why, DMA_FAIL_EXHAUSTED);
	EXPECT_EQ(t, pool->used.high, SLOTS);
	EXPECT_EQ(t, swiotlb_largest_run(pool), 0);
	put_all(t);
}

static void fragmented(struct ktest *t)
{
	struct swiotlb_fit fit = ANYWHERE, low = ANYWHERE;
	enum dma_failure why;

	for (size_t i = 0; i < SLOTS; i++)
		take(&fit, 0, 1, &why);
	for (size_t i = 0; i < SLOTS; i += 2)
		put(t, BASE + S(i));
	EXPECT_EQ(t, take(&fit, 0, S(2), &why), UINT64_MAX);
	EXPECT_EQ(t, why, DMA_FAIL_FRAGMENTED);
	EXPECT_EQ(t, swiotlb_largest_run(pool), 1);
	low.last = BASE + S(3) - 1;
	EXPECT_EQ(t, take(&low, 0, S(3), &why), UINT64_MAX);
	EXPECT_EQ(t, why, DMA_FAIL_EXHAUSTED); /* of its three, two are free */
	put(t, BASE + S(63));
	EXPECT_EQ(t, take(&fit, 0, S(3), &why), BASE + S(62)); /* across two words */
	EXPECT_EQ(t, pool->refused[DMA_FAIL_FRAGMENTED], 1);
	put_all(t);
}

static void found_from_any_byte(struct ktest *t)
{
	struct swiotlb_fit fit = ANYWHERE;
	enum dma_failure why;
	struct swiotlb_slot record;
	phys_addr_t start;
	uint64_t addr, length = S(70) + 5;

	fit.min_align_mask = 0x1ff;
	addr = take(&fit, 0x10123, length, &why);
	for (uint64_t at = addr - 0x200; at < addr + length + 0x200; at++) {
		bool inside = at >= addr && at < addr + length;

		if (swiotlb_find(pool, phys(at), &start, &record) != inside)
			ktest_fail(t, __FILE__, __LINE__, "byte %lld", (long long)(at - addr));
		if (inside)
			EXPECT_EQ(t, start.value, addr);
	}
	EXPECT_EQ(t, record.original, 0x10123);
	EXPECT_EQ(t, record.length, length);
	EXPECT(t, !swiotlb_find(pool, phys(BASE - 1), &start, &record));
	EXPECT(t, !swiotlb_find(pool, phys(END), &start, &record));
	EXPECT(t, !swiotlb_find(pool, phys(0), &start, &record));
	EXPECT(t, !swiotlb_find(pool, phys(UINT64_MAX), &start, &record));
	put(t, addr);
	EXPECT(t, !swiotlb_find(pool, phys(addr), &start, &record));
}

static void put_only_at_the_start(struct ktest *t)
{
	struct swiotlb_fit fit = ANYWHERE;
	enum dma_failure why;
	uint64_t addr = take(&fit, 0, S(2), &why);

	EXPECT(t, !swiotlb_put(pool, &any_fit, phys(addr + 1)));
	EXPECT(t, !swiotlb_put(pool, &any_fit, phys(addr + S(1))));
	EXPECT(t, !swiotlb_put(pool, &any_fit, phys(addr - S(1))));
	EXPECT(t, !swiotlb_put(pool, &any_fit, phys(END)));
	EXPECT(t, !swiotlb_put(pool, &any_fit, phys(0)));
	EXPECT(t, !swiotlb_put(pool, &any_fit, phys(UINT64_MAX)));
	EXPECT_EQ(t, dma_level_now(&pool->used), 2);
	put(t, addr);
	EXPECT(t, !swiotlb_put(pool, &any_fit, phys(addr)));
}

static void no_slots(struct ktest *t)
{
	struct swiotlb_fit fit = ANYWHERE;
	enum dma_failure why = DMA_FAILURES;
	struct swiotlb_slot record = {.length = 1};
	struct swiotlb none;

	swiotlb_init(&none, phys(0), 0, metadata);
	EXPECT(t, !swiotlb_owns(&none, phys(0)));
	EXPECT(t, phys_is_none(swiotlb_take(&none, &fit, record, &why)));
	EXPECT_EQ(t, why, DMA_FAIL_OUT_OF_MASK);
	swiotlb_validate(&none);
}

/* --- what the index chooses --- */

/* The slots from `from` on, `n` of them, become free in a pool that was full. */
static void let_go(struct ktest *t, size_t from, size_t n)
{
	for (size_t i = from; i < from + n; i++)
		put(t, BASE + S(i));
}

static void fill(void)
{
	struct swiotlb_fit fit = ANYWHERE;
	enum dma_failure why;

	for (size_t i = 0; i < SLOTS; i++)
		take(&fit, 0, 1, &why);
}

/* The shortest run that is long enough comes first; of those the topmost, or the lowest. */
static void best_fit(struct ktest *t)
{
	struct swiotlb_fit wide = ANYWHERE, tight = ANYWHERE;
	enum dma_failure why;

	tight.last = END - 2;
	fill();
	let_go(t, 5, 3);
	let_go(t, 20, 2);
	let_go(t, 40, 2);
	let_go(t, 80, 9);
	EXPECT_EQ(t, take(&wide, 0, S(2), &why), BASE + S(40));
	EXPECT_EQ(t, take(&tight, 0, S(3), &why), BASE + S(5));
	EXPECT_EQ(t, take(&wide, 0, S(1), &why), BASE + S(21));
	EXPECT_EQ(t, take(&tight, 0, S(1), &why), BASE + S(20));
	EXPECT_EQ(t, take(&tight, 0, S(1), &why), BASE + S(80));
	EXPECT_EQ(t, take(&wide, 0, S(1), &why), BASE + S(88));
	put_all(t);
}

/* A run below a limit is found, though the shortest ones and the topmost lie above it. */
static void under_a_limit(struct ktest *t)
{
	struct swiotlb_fit low = ANYWHERE, middle = ANYWHERE;
	enum dma_failure why;

	fill();
	let_go(t, 10, 4);
	let_go(t, 50, 2);
	let_go(t, 70, 3);
	low.last = BASE + S(12) - 1;
	EXPECT_EQ(t, take(&low, 0, S(3), &why), UINT64_MAX);
	EXPECT_EQ(t, why, DMA_FAIL_EXHAUSTED);
	EXPECT_EQ(t, take(&low, 0, S(2), &why), BASE + S(10));
	low.last = BASE + S(13) - 1;
	EXPECT_EQ(t, take(&low, 0, S(2), &why), UINT64_MAX);
	EXPECT_EQ(t, take(&low, 0, S(1), &why), BASE + S(12));
	/* A window that begins in the pool, in the middle of a run. */
	middle.first = BASE + S(71);
	EXPECT_EQ(t, take(&middle, 0, S(3), &why), UINT64_MAX);
	EXPECT_EQ(t, why, DMA_FAIL_EXHAUSTED);
	EXPECT_EQ(t, take(&middle, 0, S(2), &why), BASE + S(71));
	put_all(t);
	/* A part of a slot is enough for a few bytes, and once taken it's out of no mask. */
	low.last = BASE + 99;
	EXPECT_EQ(t, take(&low, 0, 100, &why), BASE);
	EXPECT_EQ(t, take(&low, 0, 100, &why), UINT64_MAX);
	EXPECT_EQ(t, why, DMA_FAIL_EXHAUSTED);
	EXPECT_EQ(t, take(&low, 0, 101, &why), UINT64_MAX);
	EXPECT_EQ(t, why, DMA_FAIL_OUT_OF_MASK);
	put_all(t);
}

/* The shortest that has a place, of which first the topmost; before a refusal all are looked at. */
static void aligned(struct ktest *t)
{
	struct swiotlb_fit fit = {
		.last = UINT64_MAX, .boundary_mask = UINT64_MAX, .min_align_mask = 0xfff};
	struct swiotlb_fit bounded = {.last = UINT64_MAX, .boundary_mask = 0x3fff};
	enum dma_failure why;

	fill();
	let_go(t, 11, 2);
	let_go(t, 31, 2);
	let_go(t, 50, 2);
	let_go(t, 60, 4);
	let_go(t, 91, 2);
	EXPECT_EQ(t, take(&fit, 0x1000, S(2), &why), BASE + S(62));
	EXPECT_EQ(t, take(&fit, 0x1000, S(2), &why), BASE + S(60));
	EXPECT_EQ(t, take(&fit, 0x1000, S(2), &why), BASE + S(50));
	EXPECT_EQ(t, take(&fit, 0x1000, S(2), &why), UINT64_MAX);
	EXPECT_EQ(t, why, DMA_FAIL_FRAGMENTED);
	EXPECT_EQ(t, take(&fit, 0x1000, S(1), &why), BASE + S(92));
	/* 31 and 32 lie on both sides of a multiple of 16 KiB. */
	EXPECT_EQ(t, take(&bounded, 0, S(2), &why), BASE + S(11));
	EXPECT_EQ(t, take(&bounded, 0, S(2), &why), UINT64_MAX);
	EXPECT_EQ(t, why, DMA_FAIL_FRAGMENTED);
	put_all(t);
}

/* All is taken, but for `n` slots from `fits` on, and as many as often as can be at odd places. */
static void leave_holes(size_t fits, size_t n)
{
	runs_take(&pool->runs, pool->slots);
	runs_release(&pool->runs, fits, n);
	for (size_t i = 1; i + n < pool->slots; i = (i + n + 1) | 1) {
		if (i <= fits + n && fits <= i + n)
			i = (fits + n + 1) | 1;
		if (i + n < pool->slots)
			runs_release(&pool->runs, i, n);
	}
}

/* Too many runs to be looked at one by one, and a single one that fits: it is found. */
static void one_of_many(struct ktest *t)
{
	struct swiotlb_fit fit = ANYWHERE;
	enum dma_failure why;

	for (size_t n = 1; n <= 170; n += n == 18 ? 110 : 1) {
		for (unsigned how = 0; how < 12; how++) {
			size_t fits = how / 4 * 240 + 38;
			struct swiotlb_slot slot = {
				.original = S(fits), .length = (uint32_t)S(n), .device = 1};

			begin_with(t, MOST);
			leave_holes(fits, n);
			fit.min_align_mask = how & 1 ? KIB(256) - 1 : KIB(4) - 1;
			fit.last = how & 2 ? UINT64_MAX : BASE + S(MOST) - 2;
			EXPECT_EQ(t, swiotlb_take(pool, &fit, slot, &why).value, BASE + S(fits));
			EXPECT_EQ(t, swiotlb_take(pool, &fit, slot, &why).value, UINT64_MAX);
			runs_validate_locked(&pool->runs);
		}
	}
	begin_with(t, SLOTS);
}

/* --- magazines --- */

static void give_back(struct ktest *t, uint64_t addr)
{
	struct swiotlb_fit ready = any_fit;

	swiotlb_fit_prepare(pool, &ready);
	EXPECT(t, ready.anywhere);
	EXPECT(t, swiotlb_put(pool, &ready, phys(addr)));
	EXPECT(t, !swiotlb_put(pool, &ready, phys(addr)));
	swiotlb_validate(pool);
}

/* What is given back last is taken first, by one that wants as many slots; others don't see it. */
static void magazine_serves_again(struct ktest *t)
{
	struct swiotlb_fit fit = ANYWHERE, tight = ANYWHERE;
	enum dma_failure why;
	struct swiotlb_slot record;
	phys_addr_t start;

	tight.last = END - 2;
	for (size_t n = 1; n <= SWIOTLB_MAGAZINE_SLOTS + 1; n++) {
		uint64_t a = take(&fit, 0, (uint32_t)S(n), &why);
		uint64_t b = take(&fit, 0, (uint32_t)S(n), &why);

		give_back(t, a);
		give_back(t, b);
		EXPECT(t, !swiotlb_find(pool, phys(b), &start, &record));
		EXPECT_EQ(t, dma_level_now(&pool->used), 0);
		EXPECT_EQ(t, take(&tight, 0, (uint32_t)S(n), &why), BASE);
		/* Longer ones are not kept: from the top again. */
		EXPECT_EQ(t, take(&fit, 0, (uint32_t)S(n), &why),
			  n <= SWIOTLB_MAGAZINE_SLOTS ? b : a);
		put_all(t);
		swiotlb_cache(pool, false);
		swiotlb_cache(pool, true);
	}
}

/* What they hold is free: nothing is refused, and nothing called short, for its sake. */
static void magazine_is_emptied(struct ktest *t)
{
	struct swiotlb_fit fit = ANYWHERE, tight = ANYWHERE;
	enum dma_failure why;
	uint64_t all;

	tight.last = END - 2;
	for (unsigned round = 0; round < 2; round++) {
		fill();
		for (size_t i = 0; i < SLOTS; i++)
			give_back(t, BASE + S(i));
		EXPECT_EQ(t, pool->runs.free, SLOTS - SWIOTLB_MAGAZINE_RUNS);
		all = round ? take(&tight, 0, S(SLOTS) - 1, &why) : take(&fit, 0, S(SLOTS), &why);
		EXPECT_EQ(t, all, BASE);
		give_back(t, all);
	}
	give_back(t, take(&fit, 0, S(3), &why));
	EXPECT_EQ(t, pool->runs.free, SLOTS - 3);
	EXPECT_EQ(t, swiotlb_largest_run(pool), SLOTS);
	give_back(t, take(&fit, 0, S(3), &why));
	swiotlb_cache(pool, false);
	EXPECT_EQ(t, pool->runs.free, SLOTS);
	give_back(t, take(&fit, 0, S(3), &why));
	EXPECT_EQ(t, pool->runs.free, SLOTS);
}

/* Not for those that can't have any run of the pool: theirs would be of no use to others. */
static void who_may_have_any(struct ktest *t)
{
	static const struct {
		struct swiotlb_fit fit;
		bool anywhere;
	} rows[] = {
		{ANYWHERE, true},
		{{.first = BASE, .last = END - 1, .boundary_mask = UINT64_MAX}, true},
		{{.first = BASE, .last = END - 2, .boundary_mask = UINT64_MAX}, false},
		{{.first = BASE + 1, .last = END - 1, .boundary_mask = UINT64_MAX}, false},
		{{.last = END - 1, .boundary_mask = UINT64_MAX, .min_align_mask = 0x7ff}, true},
		{{.last = END - 1, .boundary_mask = UINT64_MAX, .min_align_mask = 0xfff}, false},
		/* The pool lies within 0x1000000 and 0x2000000, across 0x1120000. */
		{{.last = END - 1, .boundary_mask = 0xffffff}, true},
		{{.last = END - 1, .boundary_mask = 0xffff}, false},
		{{.last = END - 1, .boundary_mask = 0xffffff, .shift = 0x2000000 - END}, true},
		{{.last = END - 1, .boundary_mask = 0xffffff, .shift = 0x2000001 - END}, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct swiotlb_fit fit = rows[i].fit;

		swiotlb_fit_prepare(pool, &fit);
		if (fit.anywhere != rows[i].anywhere)
			ktest_fail(t, __FILE__, __LINE__, "row %zu: %d", i, fit.anywhere);
	}
}

/* --- what is kept of a mapping --- */

/* An end is settled or a device gone: the rest of the record stays, and others' stay. */
static void settled_and_abandoned(struct ktest *t)
{
	struct swiotlb_slot slot = {.original = 0xfedcba9876543,
				    .length = 100,
				    .device = SWIOTLB_DEVICES - 1,
				    .direction = DMA_FROM_DEVICE,
				    .coherent = 1};
	struct swiotlb_fit fit = ANYWHERE;
	enum dma_failure why;
	struct swiotlb_slot got = {0};
	phys_addr_t addr, other, start;

	fit.min_align_mask = 0x7ff;
	addr = swiotlb_take(pool, &fit, slot, &why);
	slot.device = 7;
	other = swiotlb_take(pool, &fit, slot, &why);
	EXPECT(t, swiotlb_find(pool, addr, &start, &got));
	EXPECT_EQ(t, got.settled, 0);
	swiotlb_settle(pool, addr, true);
	EXPECT(t, swiotlb_find(pool, addr, &start, &got));
	EXPECT_EQ(t, got.settled, 1);
	swiotlb_abandon(pool, SWIOTLB_DEVICES - 1);
	EXPECT_EQ(t, pool->lost, 1);
	EXPECT(t, swiotlb_find(pool, addr, &start, &got));
	EXPECT_EQ(t, got.device, 0);
	EXPECT_EQ(t, got.original, slot.original);
	EXPECT_EQ(t, got.length, 100);
	EXPECT_EQ(t, got.offset, 0x543);
	EXPECT_EQ(t, got.direction, DMA_FROM_DEVICE);
	EXPECT_EQ(t, got.settled, 1);
	EXPECT_EQ(t, got.coherent, 1);
	EXPECT(t, swiotlb_find(pool, phys(addr.value + 1), &start, &got));
	EXPECT_EQ(t, start.value, addr.value);
	EXPECT(t, swiotlb_find(pool, other, &start, &got));
	EXPECT_EQ(t, got.device, 7);
	put_all(t);
}

static void metadata_per_slot(struct ktest *t)
{
	for (size_t slots = 32; slots <= SWIOTLB_MAX_SLOTS; slots += slots < 4096 ? 32 : slots / 3)
		if (swiotlb_metadata_size(slots) > 16 * slots)
			ktest_fail(t, __FILE__, __LINE__, "%zu slots: %zu bytes", slots,
				   swiotlb_metadata_size(slots));
	EXPECT_EQ(t, swiotlb_metadata_size(0), 0);
	EXPECT(t, swiotlb_metadata_size(SWIOTLB_MAX_SLOTS) <= 16 * SWIOTLB_MAX_SLOTS);
}

/* --- against a model that looks at every slot --- */

static uint64_t pool_end(void)
{
	return BASE + S(pool->slots);
}

static bool model_fits(const struct swiotlb_fit *fit, uint64_t addr, const struct swiotlb_slot *r,
		       bool empty)
{
	uint64_t last = addr + r->length - 1, bus = addr + fit->shift;

	if (addr < fit->first || last > fit->last || last >= pool_end())
		return false;
	if (((bus ^ r->original) & fit->min_align_mask) != 0)
		return false;
	if (bus / (fit->boundary_mask + 1) != (last + fit->shift) / (fit->boundary_mask + 1))
		return false;
	for (uint64_t i = (addr - BASE) / S(1); i <= (last - BASE) / S(1); i++)
		if (model->taken[i] && !empty)
			return false;
	return true;
}

static uint64_t model_offset(const struct swiotlb_fit *fit, const struct swiotlb_slot *r)
{
	return (r->original - fit->shift) & fit->min_align_mask & (S(1) - 1);
}

/* Try each slot, with the one offset that the low bits leave. */
static bool model_possible(const struct swiotlb_fit *fit, const struct swiotlb_slot *r, bool empty)
{
	for (size_t i = 0; i < pool->slots; i++)
		if (model_fits(fit, BASE + S(i) + model_offset(fit, r), r, empty))
			return true;
	return false;
}

/* Of a request that a window alone limits: the shortest run, up to 128 slots to the slot. */
static uint64_t model_best(const struct swiotlb_fit *fit, const struct swiotlb_slot *r, bool wide)
{
	size_t n = (model_offset(fit, r) + r->length + S(1) - 1) / S(1), best = SIZE_MAX, end;
	uint64_t at = UINT64_MAX;

	for (size_t i = 0; i < pool->slots; i = end + 1) {
		uint64_t addr;
		unsigned c;

		for (end = i; end < pool->slots && !model->taken[end]; end++)
			;
		addr = BASE + S(wide ? end - n : i) + model_offset(fit, r);
		if (end - i < n || !model_fits(fit, addr, r, false))
			continue;
		c = runs_class(end - i);
		if (c < runs_class_of_all(n))
			c = RUNS_CLASSES; /* with shorter ones in it, the last resort */
		if (c < best || (wide && c == best)) {
			best = c;
			at = addr;
		}
	}
	return at;
}

/* Slots that the window leaves to a run of `n`: are fewer than that free? */
static bool model_exhausted(const struct swiotlb_fit *fit, const struct swiotlb_slot *r)
{
	uint64_t offset = model_offset(fit, r);
	size_t n = (offset + r->length + S(1) - 1) / S(1), reached = 0, free = 0;

	for (size_t i = 0; i + n <= pool->slots; i++) {
		uint64_t addr = BASE + S(i) + offset;

		if (addr < fit->first || addr + r->length - 1 > fit->last)
			continue;
		for (size_t at = reached > i ? reached : i; at < i + n; at++)
			free += !model->taken[at];
		reached = i + n;
	}
	return free < n;
}

static enum dma_failure model_reason(const struct swiotlb_fit *fit, const struct swiotlb_slot *r)
{
	struct swiotlb_fit anywhere = *fit;

	anywhere.first = 0;
	anywhere.last = UINT64_MAX;
	if (fit->last < BASE || fit->first >= pool_end())
		return DMA_FAIL_OUT_OF_MASK;
	if (!model_possible(&anywhere, r, true))
		return DMA_FAIL_TOO_BIG;
	if (!model_possible(fit, r, true))
		return DMA_FAIL_OUT_OF_MASK;
	return model_exhausted(fit, r) ? DMA_FAIL_EXHAUSTED : DMA_FAIL_FRAGMENTED;
}

static void model_mark(uint64_t addr, uint32_t length, bool value)
{
	for (uint64_t i = (addr - BASE) / S(1); i <= (addr + length - 1 - BASE) / S(1); i++)
		model->taken[i] = value;
}

/* Half of them reach the whole pool; `plain` is what nothing but the window limits. */
static struct swiotlb_fit random_fit(struct ktest *t, bool *wide, bool *plain)
{
	struct swiotlb_fit fit = {.last = pool_end() - 1 + ktest_random(t, 2),
				  .boundary_mask = DMA_BIT_MASK(32)};

	*wide = ktest_random(t, 2);
	if (!*wide)
		fit.last = BASE - S(2) + ktest_random(t, S(pool->slots + 2) - 1);
	if (!*wide && ktest_random(t, 4) == 0)
		fit.first = BASE + ktest_random(t, S(pool->slots));
	if (ktest_random(t, 4) == 0)
		fit.boundary_mask = DMA_BIT_MASK(8 + ktest_random(t, 13));
	if (ktest_random(t, 4) == 0)
		fit.min_align_mask = DMA_BIT_MASK(1 + ktest_random(t, 15));
	if (ktest_random(t, 4) == 0)
		fit.shift = ktest_random(t, 2) ? ktest_random(t, GIB(1)) : MIB(3);
	*plain = fit.first <= BASE && fit.boundary_mask == DMA_BIT_MASK(32) &&
		 fit.min_align_mask < S(1);
	return fit;
}

static uint32_t random_length(struct ktest *t)
{
	uint64_t most = ktest_random(t, 4) ? S(4) : S(pool->slots + 1);

	return 1 + (uint32_t)(ktest_random(t, 16) ? ktest_random(t, most) : S(pool->slots) - 1);
}

static void model_step_take(struct ktest *t, size_t slot)
{
	bool wide, plain;
	struct swiotlb_fit fit = random_fit(t, &wide, &plain);
	struct swiotlb_slot r = {
		.original = ktest_random(t, GIB(8)), .length = random_length(t), .device = 1};
	enum dma_failure why = DMA_FAILURES;
	uint64_t got;

	swiotlb_fit_prepare(pool, &fit);
	got = swiotlb_take(pool, &fit, r, &why).value;
	if (got == UINT64_MAX) {
		EXPECT(t, !model_possible(&fit, &r, false));
		EXPECT_EQ(t, why, model_reason(&fit, &r));
		return;
	}
	EXPECT(t, model_fits(&fit, got, &r, false));
	if (plain && pool->magazine[0].runs[0] == SWIOTLB_MAGAZINE_SHUT)
		EXPECT_EQ(t, got, model_best(&fit, &r, wide));
	model->live[slot].addr = got;
	model->live[slot].original = r.original;
	model->live[slot].length = r.length;
	model_mark(got, r.length, true);
}

static void model_step_put(struct ktest *t, size_t slot)
{
	uint64_t addr = model->live[slot].addr;
	struct swiotlb_fit fit = any_fit;

	if (!model->live[slot].length)
		return;
	if (ktest_random(t, 4))
		swiotlb_fit_prepare(pool, &fit);
	EXPECT(t, swiotlb_put(pool, &fit, phys(addr)));
	EXPECT(t, !swiotlb_put(pool, &fit, phys(addr)));
	model_mark(addr, model->live[slot].length, false);
	model->live[slot].length = 0;
}

/* Of any byte, near the pool or in it: whose is it? */
static void model_step_find(struct ktest *t)
{
	uint64_t at = BASE - S(1) + ktest_random(t, S(pool->slots + 2));
	struct swiotlb_slot record;
	phys_addr_t start;
	bool found = swiotlb_find(pool, phys(at), &start, &record);
	size_t slot = 0;

	while (slot < LIVE && at - model->live[slot].addr >= model->live[slot].length)
		slot++;
	EXPECT_EQ(t, found, slot < LIVE);
	if (!found || slot == LIVE)
		return;
	EXPECT_EQ(t, start.value, model->live[slot].addr);
	EXPECT_EQ(t, record.original, model->live[slot].original);
	EXPECT_EQ(t, record.length, model->live[slot].length);
}

static void against_model(struct ktest *t, size_t slots, bool cached, unsigned steps)
{
	begin_with(t, slots);
	swiotlb_cache(pool, cached);
	memset(model, 0, sizeof(*model));
	while (steps-- && !t->failed) {
		size_t slot = ktest_random(t, LIVE);

		if (model->live[slot].length)
			model_step_put(t, slot);
		else
			model_step_take(t, slot);
		model_step_find(t);
		swiotlb_validate(pool);
	}
	for (size_t slot = 0; slot < LIVE; slot++)
		model_step_put(t, slot);
}

static void random_against_model(struct ktest *t)
{
	against_model(t, SLOTS, false, 7000);
	against_model(t, MOST, false, 3000);
}

static void random_with_magazines(struct ktest *t)
{
	against_model(t, SLOTS, true, 7000);
	against_model(t, MOST, true, 3000);
}

/* What is nobody's is all that stands in the way of what could be, one day. */
static void lost_for_good(struct ktest *t)
{
	enum dma_failure why;
	bool wide, plain;

	for (unsigned round = 0; round < 40 && !t->failed; round++) {
		size_t lost = 0;

		begin_with(t, SLOTS);
		memset(model, 0, sizeof(*model));
		for (unsigned i = 0; i < 16; i++) {
			struct swiotlb_slot r = {.length = 1 + ktest_random(t, S(8)),
						 .device = 1 + ktest_random(t, 2)};
			struct swiotlb_fit fit = random_fit(t, &wide, &plain);
			phys_addr_t addr = swiotlb_take(pool, &fit, r, &why);

			if (!phys_is_none(addr) && r.device == 2)
				model_mark(addr.value, r.length, true);
		}
		swiotlb_abandon(pool, 2);
		for (size_t i = 0; i < SLOTS; i++)
			lost += model->taken[i];
		EXPECT_EQ(t, pool->lost, lost);
		for (unsigned i = 0; i < 200; i++) {
			struct swiotlb_slot r = {.original = ktest_random(t, GIB(8)),
						 .length = random_length(t)};
			struct swiotlb_fit fit = random_fit(t, &wide, &plain);

			EXPECT_EQ(t, swiotlb_never(pool, &fit, r) == DMA_FAIL_NONE,
				  model_possible(&fit, &r, false));
		}
		put_all(t);
	}
}

static const struct ktest_case cases[] = {
	{"empty_pool", empty_pool},
	{"every_odd_mask", every_odd_mask},
	{"one_slot_left", one_slot_left},
	{"fragmented", fragmented},
	{"found_from_any_byte", found_from_any_byte},
	{"put_only_at_the_start", put_only_at_the_start},
	{"no_slots", no_slots},
	{"best_fit", best_fit},
	{"under_a_limit", under_a_limit},
	{"aligned", aligned},
	{"one_of_many", one_of_many},
	{"magazine_serves_again", magazine_serves_again},
	{"magazine_is_emptied", magazine_is_emptied},
	{"who_may_have_any", who_may_have_any},
	{"settled_and_abandoned", settled_and_abandoned},
	{"lost_for_good", lost_for_good},
	{"metadata_per_slot", metadata_per_slot},
	{"random_against_model", random_against_model},
	{"random_with_magazines", random_with_magazines},
	{NULL, NULL},
};

extern const struct ktest_suite swiotlb_suite;
const struct ktest_suite swiotlb_suite = {"swiotlb", begin, end, cases};
