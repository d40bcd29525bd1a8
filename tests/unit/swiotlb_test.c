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

static struct swiotlb pool;
static const struct swiotlb_fit any_fit = ANYWHERE;
static uint64_t metadata[2 * SLOTS + 2 * ((SLOTS + 63) / 64)];

static void begin(struct ktest *t)
{
	EXPECT(t, swiotlb_metadata_size(SLOTS) <= sizeof(metadata));
	memset(metadata, 0xa5, sizeof(metadata));
	swiotlb_init(&pool, phys(BASE), SLOTS, metadata);
}

static void end(struct ktest *t)
{
	swiotlb_validate(&pool);
	EXPECT_EQ(t, pool.stats.used, 0);
	EXPECT_EQ(t, swiotlb_largest_run(&pool), SLOTS);
}

static uint64_t take(const struct swiotlb_fit *fit, uint64_t original, uint32_t length,
		     enum dma_failure *why)
{
	struct swiotlb_slot slot = {.original = original, .length = length, .device = 1};
	struct swiotlb_fit ready = *fit;
	uint64_t addr;

	swiotlb_fit_prepare(&pool, &ready);
	addr = swiotlb_take(&pool, &ready, slot, why).value;

	swiotlb_validate(&pool);
	return addr;
}

static void put(struct ktest *t, uint64_t addr)
{
	EXPECT(t, swiotlb_put(&pool, &any_fit, phys(addr)));
	swiotlb_validate(&pool);
}

static void put_all(struct ktest *t)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (pool.head[i / 64] >> (i % 64) & 1)
			put(t, BASE + i * SWIOTLB_SLOT + (pool.original[i] >> 52));
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
	EXPECT_EQ(t, pool.stats.refused[DMA_FAIL_OUT_OF_MASK], 1);
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
	EXPECT_EQ(t, pool.stats.high_water, SLOTS);
	EXPECT_EQ(t, swiotlb_largest_run(&pool), 0);
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
	EXPECT_EQ(t, swiotlb_largest_run(&pool), 1);
	low.last = BASE + S(3) - 1;
	EXPECT_EQ(t, take(&low, 0, S(3), &why), UINT64_MAX);
	EXPECT_EQ(t, why, DMA_FAIL_EXHAUSTED); /* of its three, two are free */
	put(t, BASE + S(63));
	EXPECT_EQ(t, take(&fit, 0, S(3), &why), BASE + S(62)); /* across two words */
	EXPECT_EQ(t, pool.stats.refused[DMA_FAIL_FRAGMENTED], 1);
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

		if (swiotlb_find(&pool, phys(at), &start, &record) != inside)
			ktest_fail(t, __FILE__, __LINE__, "byte %lld", (long long)(at - addr));
		if (inside)
			EXPECT_EQ(t, start.value, addr);
	}
	EXPECT_EQ(t, record.original, 0x10123);
	EXPECT_EQ(t, record.length, length);
	EXPECT(t, !swiotlb_find(&pool, phys(BASE - 1), &start, &record));
	EXPECT(t, !swiotlb_find(&pool, phys(END), &start, &record));
	EXPECT(t, !swiotlb_find(&pool, phys(0), &start, &record));
	EXPECT(t, !swiotlb_find(&pool, phys(UINT64_MAX), &start, &record));
	put(t, addr);
	EXPECT(t, !swiotlb_find(&pool, phys(addr), &start, &record));
}

static void put_only_at_the_start(struct ktest *t)
{
	struct swiotlb_fit fit = ANYWHERE;
	enum dma_failure why;
	uint64_t addr = take(&fit, 0, S(2), &why);

	EXPECT(t, !swiotlb_put(&pool, &any_fit, phys(addr + 1)));
	EXPECT(t, !swiotlb_put(&pool, &any_fit, phys(addr + S(1))));
	EXPECT(t, !swiotlb_put(&pool, &any_fit, phys(addr - S(1))));
	EXPECT(t, !swiotlb_put(&pool, &any_fit, phys(END)));
	EXPECT_EQ(t, pool.stats.used, 2);
	put(t, addr);
	EXPECT(t, !swiotlb_put(&pool, &any_fit, phys(addr)));
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

/* --- against a model that looks at every slot --- */

#define LIVE 40

static struct {
	uint8_t owner[SLOTS]; /* 0: free */
	struct {
		uint64_t addr, original;
		uint32_t length;
	} live[LIVE]; /* length 0: none */
} model;

static bool model_fits(const struct swiotlb_fit *fit, uint64_t addr, const struct swiotlb_slot *r,
		       bool empty)
{
	uint64_t last = addr + r->length - 1, bus = addr + fit->shift;

	if (addr < fit->first || last > fit->last || last >= END)
		return false;
	if (((bus ^ r->original) & fit->min_align_mask) != 0)
		return false;
	if (bus / (fit->boundary_mask + 1) != (last + fit->shift) / (fit->boundary_mask + 1))
		return false;
	for (uint64_t i = (addr - BASE) / SWIOTLB_SLOT; i <= (last - BASE) / SWIOTLB_SLOT; i++)
		if (model.owner[i] && !empty)
			return false;
	return true;
}

/* The address that must come out: try each slot, with the one offset that the low bits leave. */
static uint64_t model_take(const struct swiotlb_fit *fit, const struct swiotlb_slot *r, bool wide,
			   bool empty)
{
	uint64_t offset = (r->original - fit->shift) & fit->min_align_mask & (SWIOTLB_SLOT - 1);

	for (size_t n = 0; n < SLOTS; n++) {
		uint64_t addr = BASE + S(wide ? SLOTS - 1 - n : n) + offset;

		if (model_fits(fit, addr, r, empty))
			return addr;
	}
	return UINT64_MAX;
}

/* Is this the reason, of those that an empty pool shows? */
static bool model_agrees(const struct swiotlb_fit *fit, const struct swiotlb_slot *r,
			 enum dma_failure why)
{
	struct swiotlb_fit anywhere = *fit;
	bool possible = model_take(fit, r, false, true) != UINT64_MAX;
	bool no_slot = fit->last < BASE + S(1) - 1 || fit->first > END - S(1);

	anywhere.first = 0;
	anywhere.last = UINT64_MAX;
	if (why == DMA_FAIL_TOO_BIG)
		return !no_slot && model_take(&anywhere, r, false, true) == UINT64_MAX;
	if (why == DMA_FAIL_OUT_OF_MASK)
		return no_slot ||
		       (!possible && model_take(&anywhere, r, false, true) != UINT64_MAX);
	return possible;
}

static void model_mark(uint64_t addr, uint32_t length, uint8_t owner)
{
	for (uint64_t i = (addr - BASE) / S(1); i <= (addr + length - 1 - BASE) / S(1); i++)
		model.owner[i] = owner;
}

static struct swiotlb_fit random_fit(struct ktest *t, bool *wide)
{
	struct swiotlb_fit fit = {.last = END - 1 + ktest_random(t, 2),
				  .boundary_mask = DMA_BIT_MASK(32)};

	*wide = ktest_random(t, 2);
	if (!*wide)
		fit.last = BASE - S(2) + ktest_random(t, S(SLOTS + 2) - 1);
	if (!*wide && ktest_random(t, 4) == 0)
		fit.first = BASE + ktest_random(t, S(SLOTS));
	if (ktest_random(t, 3) == 0)
		fit.boundary_mask = DMA_BIT_MASK(8 + ktest_random(t, 10));
	if (ktest_random(t, 3) == 0)
		fit.min_align_mask = DMA_BIT_MASK(1 + ktest_random(t, 15));
	if (ktest_random(t, 3) == 0)
		fit.shift = ktest_random(t, 2) ? ktest_random(t, GIB(1)) : MIB(3);
	return fit;
}

static void model_step_take(struct ktest *t, size_t slot)
{
	bool wide;
	struct swiotlb_fit fit = random_fit(t, &wide);
	uint64_t longest = ktest_random(t, 4) ? S(4) : S(SLOTS);
	struct swiotlb_slot r = {.original = ktest_random(t, GIB(8)),
				 .length = 1 + (uint32_t)ktest_random(t, longest),
				 .device = 1};
	uint64_t want = model_take(&fit, &r, wide, false);
	enum dma_failure why = DMA_FAILURES;
	uint64_t got;

	swiotlb_fit_prepare(&pool, &fit);
	got = swiotlb_take(&pool, &fit, r, &why).value;
	EXPECT_EQ(t, got, want);
	if (got == UINT64_MAX) {
		EXPECT(t, model_agrees(&fit, &r, why));
		return;
	}
	model.live[slot].addr = got;
	model.live[slot].original = r.original;
	model.live[slot].length = r.length;
	model_mark(got, r.length, 1);
}

static void model_step_put(struct ktest *t, size_t slot)
{
	uint64_t addr = model.live[slot].addr;
	uint32_t length = model.live[slot].length;
	struct swiotlb_slot record;
	phys_addr_t start;

	if (!length)
		return;
	EXPECT(t, swiotlb_find(&pool, phys(addr + ktest_random(t, length)), &start, &record));
	EXPECT_EQ(t, start.value, addr);
	EXPECT_EQ(t, record.original, model.live[slot].original);
	EXPECT_EQ(t, record.length, length);
	EXPECT(t, swiotlb_put(&pool, &any_fit, phys(addr)));
	model_mark(addr, length, 0);
	model.live[slot].length = 0;
}

static void random_against_model(struct ktest *t)
{
	memset(&model, 0, sizeof(model));
	for (unsigned step = 0; step < 20000 && !t->failed; step++) {
		size_t slot = ktest_random(t, LIVE);

		if (model.live[slot].length)
			model_step_put(t, slot);
		else
			model_step_take(t, slot);
		swiotlb_validate(&pool);
	}
	for (size_t slot = 0; slot < LIVE; slot++)
		model_step_put(t, slot);
}

static const struct ktest_case cases[] = {
	{"empty_pool", empty_pool},
	{"every_odd_mask", every_odd_mask},
	{"one_slot_left", one_slot_left},
	{"fragmented", fragmented},
	{"found_from_any_byte", found_from_any_byte},
	{"put_only_at_the_start", put_only_at_the_start},
	{"no_slots", no_slots},
	{"random_against_model", random_against_model},
	{NULL, NULL},
};

extern const struct ktest_suite swiotlb_suite;
const struct ktest_suite swiotlb_suite = {"swiotlb", begin, end, cases};
