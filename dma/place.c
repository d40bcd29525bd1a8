/* SPDX-License-Identifier: MIT */
#include "dma/place.h"

#include "dma/limits.h"

#define TRIES 20 /* more runs of a class that are looked at one by one, before all are at once */
#define NONE  -1L

/* Of starts those that lie, in a period of mask + 1 slots, no further than `most` behind `from`. */
struct rule {
	long from, mask, most;
};

struct plan {
	long slots;
	long low, high; /* low > high: no start is allowed */
	struct rule aligned, bounded;
	bool wide; /* from the top: the window has the whole pool */
};

static bool is_wide(const struct swiotlb *pool, const struct swiotlb_fit *fit)
{
	uint64_t base = pool->base.value;

	return fit->first <= base && dma_range_within(base, swiotlb_bytes(pool), fit->last);
}

/* Does a boundary lie within the pool? */
static bool is_divided(const struct swiotlb *pool, const struct swiotlb_fit *fit)
{
	return dma_range_crosses(pool->base.value + fit->shift, swiotlb_bytes(pool),
				 fit->boundary_mask);
}

void swiotlb_fit_prepare(const struct swiotlb *pool, struct swiotlb_fit *fit)
{
	fit->anywhere =
		is_wide(pool, fit) && fit->min_align_mask < SWIOTLB_SLOT && !is_divided(pool, fit);
}

static long lesser(long a, long b)
{
	return a < b ? a : b;
}

static long greater(long a, long b)
{
	return a > b ? a : b;
}

/* So that no boundary is crossed by `length` bytes that begin at `bus`, were that in slot 0. */
static struct rule bound(uint64_t bus, uint64_t length, uint64_t mask)
{
	uint64_t last = (bus & mask & (SWIOTLB_SLOT - 1)) + length - 1;

	return (struct rule){.from = -(long)(bus >> SWIOTLB_SHIFT),
			     .mask = (long)(mask >> SWIOTLB_SHIFT),
			     .most = last > mask ? -1 : (long)((mask - last) >> SWIOTLB_SHIFT)};
}

static struct plan make_plan(const struct swiotlb *pool, const struct swiotlb_fit *fit,
			     const struct swiotlb_slot *slot)
{
	uint64_t start = pool->base.value + slot->offset, last = start + slot->length - 1;
	uint64_t low_bits = swiotlb_low_bits(fit, slot->original);
	struct plan plan = {
		.slots = (long)swiotlb_run(slot),
		.aligned = {.from = (long)((low_bits - pool->base.value) >> SWIOTLB_SHIFT),
			    .mask = (long)(fit->min_align_mask >> SWIOTLB_SHIFT)},
		.wide = is_wide(pool, fit)};

	if (is_divided(pool, fit))
		plan.bounded = bound(start + fit->shift, slot->length, fit->boundary_mask);
	if (fit->first > start)
		plan.low = (long)swiotlb_slots(fit->first - start);
	if (fit->last < last)
		plan.high = -1;
	else
		plan.high = lesser((long)((fit->last - last) >> SWIOTLB_SHIFT),
				   (long)pool->slots - plan.slots);
	return plan;
}

/* The next start that the rule allows, from `i` on or downwards. */
static long step(const struct rule *rule, long i, bool down)
{
	long at = (i - rule->from) & rule->mask;

	if (at <= rule->most)
		return i;
	return i - at + (down ? rule->most : rule->mask + 1);
}

/*
 * The start that is allowed in [low, high], of several the highest where the
 * window is wide, the lowest where it isn't; NONE. Periods being powers of two,
 * what is next to a boundary is the best there is: if that crosses another one,
 * every place does.
 */
static long place(const struct plan *plan, long low, long high)
{
	long i = plan->wide ? high : low, next;

	for (unsigned tries = 0; tries < 2; tries++, i = next) {
		i = step(&plan->aligned, i, plan->wide);
		if (i < low || i > high)
			break;
		next = step(&plan->bounded, i, plan->wide);
		if (next == i)
			return i;
	}
	return NONE;
}

/* In so many runs, and one, of each class whose runs have enough slots. Are there more? */
static size_t look_locked(struct runs *runs, const struct plan *plan, unsigned tries, bool *more)
{
	size_t slots = (size_t)plan->slots;
	unsigned c = runs_class_of_all(slots);

	*more = slots > RUNS_EXACT;
	for (; (c = runs_filled_locked(runs, c)) < RUNS_CLASSES; c++) {
		size_t first = runs_end_locked(runs, c, plan->wide);

		/* Up to plan->high, which no RUNS_NONE is. */
		for (unsigned left = tries; first <= (size_t)plan->high; left--) {
			long low = (long)first, high = low + runs->length[first] - plan->slots;
			long i = place(plan, greater(low, plan->low), lesser(high, plan->high));

			if (i >= 0)
				return runs_carve_locked(runs, first, (size_t)i, slots);
			*more |= left == 0;
			if (left == 0)
				break;
			first = runs_next_locked(runs, c, first, plan->wide);
		}
	}
	return RUNS_NONE;
}

/* --- all starts of a word at once: bit `n` is of slot `at` + n --- */

/* From `low` to `high`, as far as there are such bits. */
static uint64_t bits_between(long low, long high)
{
	low = greater(low, 0);
	high = lesser(high, 63);
	return low > high ? 0 : UINT64_MAX << low & UINT64_MAX >> (63 - high);
}

static uint64_t allowed_by(const struct rule *rule, long at)
{
	long period = rule->mask + 1, low = -((at - rule->from) & rule->mask);
	uint64_t bits = bits_between(low, low + rule->most);

	bits |= bits_between(low + period, low + period + rule->most);
	for (; period < 64; period *= 2)
		bits |= bits << period;
	return bits;
}

static uint64_t allowed(const struct plan *plan, long at)
{
	return allowed_by(&plan->aligned, at) & allowed_by(&plan->bounded, at);
}

/* Where so many free slots begin, of which `above` are free behind the word. */
static uint64_t starts(uint64_t used, long slots, long above)
{
	uint64_t bits = slots > 64 ? 0 : ~used;

	for (long n = 1, more; bits && n < slots; n += more) {
		more = lesser(n, slots - n);
		bits &= bits >> more;
	}
	if (above && !(used >> 63))
		bits |= bits_between(used ? 64 - __builtin_clzl(used) : 0, 64 + above - slots);
	return bits;
}

/* Anywhere: one pass over the bitmap, downwards. */
static size_t sweep_locked(struct runs *runs, const struct plan *plan)
{
	/* The same in each word, or else reckoned where there are starts. */
	bool same = (plan->aligned.mask | plan->bounded.mask) < 64;
	uint64_t pattern = same ? allowed(plan, 0) : UINT64_MAX;
	long at = (plan->high + plan->slots - 1) & ~63L, above = 0, found = NONE;

	for (; at + 63 >= plan->low && !(plan->wide && found != NONE); at -= 64) {
		uint64_t used = runs->used[at / 64], bits = starts(used, plan->slots, above);

		above = used ? __builtin_ctzl(used) : above + 64;
		if (bits & pattern)
			bits &= allowed(plan, at) & bits_between(plan->low - at, plan->high - at);
		if (bits & pattern)
			found = at + (long)runs_outermost(bits, plan->wide);
	}
	if (found == NONE)
		return RUNS_NONE;
	return runs_carve_locked(runs, runs_first_locked(runs, (size_t)found), (size_t)found,
				 (size_t)plan->slots);
}

/* Are fewer slots free in the window than it takes? */
static bool exhausted_locked(const struct swiotlb *pool, const struct plan *plan)
{
	size_t low = (size_t)plan->low, end = (size_t)(plan->high + plan->slots);
	long seen = 0;

	if (plan->wide)
		return pool->runs.free < (size_t)plan->slots;
	for (size_t w = low / 64; w < BITS_WORDS(end); w++)
		for (uint64_t word = ~pool->runs.used[w] & bits_part(w, low, end); word;
		     word &= word - 1)
			if (++seen == plan->slots)
				return false;
	return true;
}

/* Why not even in an empty pool, if so. */
static enum dma_failure never(const struct swiotlb *pool, const struct swiotlb_fit *fit,
			      const struct plan *plan)
{
	uint64_t base = pool->base.value;

	if (pool->slots == 0 || fit->last < base || fit->first > base + swiotlb_bytes(pool) - 1)
		return DMA_FAIL_OUT_OF_MASK;
	if (place(plan, 0, (long)pool->slots - plan->slots) == NONE)
		return DMA_FAIL_TOO_BIG;
	return place(plan, plan->low, plan->high) == NONE ? DMA_FAIL_OUT_OF_MASK : DMA_FAIL_NONE;
}

enum dma_failure swiotlb_never(const struct swiotlb *pool, const struct swiotlb_fit *fit,
			       struct swiotlb_slot slot)
{
	uint64_t lost = pool->lost;
	enum dma_failure why;
	struct plan plan;

	slot.offset = swiotlb_low_bits(fit, slot.original) & (SWIOTLB_SLOT - 1);
	plan = make_plan(pool, fit, &slot);
	why = never(pool, fit, &plan);
	for (size_t i = 0; i < pool->slots && lost > 0 && !why; i++) {
		struct swiotlb_slot held = swiotlb_record(pool, i);

		if (!pool->owner[i] || held.device)
			continue;
		if (place(&plan, plan.low, lesser((long)i - plan.slots, plan.high)) != NONE)
			return DMA_FAIL_NONE;
		plan.low = greater(plan.low, (long)(i + swiotlb_run(&held)));
		lost -= swiotlb_run(&held);
	}
	return why || place(&plan, plan.low, plan.high) != NONE ? why : DMA_FAIL_TOO_BIG;
}

static size_t take_locked(struct swiotlb *pool, const struct plan *plan)
{
	struct runs *runs = &pool->runs;
	bool more;
	size_t i = look_locked(runs, plan, 0, &more);

	if (i != RUNS_NONE)
		return i;
	while (swiotlb_flush_locked(pool, SIZE_MAX))
		more = true;
	if (more)
		i = look_locked(runs, plan, TRIES, &more);
	return i == RUNS_NONE && more ? sweep_locked(runs, plan) : i;
}

size_t place_take(struct swiotlb *pool, const struct swiotlb_fit *fit,
		  const struct swiotlb_slot *slot, enum dma_failure *why)
{
	struct plan plan = make_plan(pool, fit, slot);
	unsigned long flags = port_lock(&pool->runs.lock);
	size_t i = RUNS_NONE;

	*why = never(pool, fit, &plan);
	if (!*why) {
		i = take_locked(pool, &plan);
		if (i == RUNS_NONE)
			*why = exhausted_locked(pool, &plan) ? DMA_FAIL_EXHAUSTED
							     : DMA_FAIL_FRAGMENTED;
	}
	port_unlock(&pool->runs.lock, flags);
	if (i == RUNS_NONE)
		__atomic_fetch_add(&pool->refused[*why], 1, __ATOMIC_RELAXED);
	return i;
}
