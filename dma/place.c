/* SPDX-License-Identifier: MIT */
#include "dma/place.h"

#include "dma/bits.h"
#include "dma/limits.h"

struct plan {
	const struct swiotlb_fit *fit;
	uint64_t length; /* bytes */
	uint64_t bus;	 /* address of the mapping, were it to begin in slot 0 */
	long slots;
	long stride, phase;
	long low, high; /* low > high: no start is allowed */
	bool wide;	/* from the top: the window has the whole pool */
};

static bool is_wide(const struct swiotlb *pool, const struct swiotlb_fit *fit)
{
	uint64_t base = pool->base.value;

	return fit->first <= base &&
	       dma_range_within(base, (uint64_t)pool->slots << SWIOTLB_SHIFT, fit->last);
}

void swiotlb_fit_prepare(const struct swiotlb *pool, struct swiotlb_fit *fit)
{
	fit->anywhere =
		is_wide(pool, fit) && fit->min_align_mask < SWIOTLB_SLOT &&
		!dma_range_crosses(pool->base.value + fit->shift,
				   (uint64_t)pool->slots << SWIOTLB_SHIFT, fit->boundary_mask);
}

static struct plan make_plan(const struct swiotlb *pool, const struct swiotlb_fit *fit,
			     const struct swiotlb_slot *slot)
{
	uint64_t start = pool->base.value + slot->offset, last = start + slot->length - 1;
	uint64_t low_bits = (slot->original - fit->shift) & fit->min_align_mask;
	struct plan plan = {.fit = fit,
			    .length = slot->length,
			    .bus = start + fit->shift,
			    .slots = (long)swiotlb_run(slot),
			    .stride = (long)(fit->min_align_mask >> SWIOTLB_SHIFT) + 1,
			    .phase = (long)((low_bits - pool->base.value) >> SWIOTLB_SHIFT),
			    .wide = is_wide(pool, fit)};

	plan.high = (long)pool->slots - plan.slots;
	if (fit->first > start)
		plan.low = (long)swiotlb_slots(fit->first - start);
	if (last > fit->last)
		plan.high = -1;
	else if (plan.high > 0 && (fit->last - last) >> SWIOTLB_SHIFT < (uint64_t)plan.high)
		plan.high = (long)((fit->last - last) >> SWIOTLB_SHIFT);
	return plan;
}

/*
 * The start that is allowed in a run of free slots, of several the highest where
 * the window is wide, the lowest where it isn't; RUNS_NONE. Boundaries and strides
 * being powers of two, behind a boundary is the best place there is: if that
 * crosses the next one, every place does.
 */
static size_t place(const struct plan *plan, long first, long slots)
{
	long low = first > plan->low ? first : plan->low, high = first + slots - plan->slots, i;
	uint64_t mask = plan->fit->boundary_mask;

	if (high > plan->high)
		high = plan->high;
	i = plan->wide ? high : low;
	for (unsigned tries = 0; tries < 2; tries++) {
		uint64_t bus, last;

		i += plan->wide ? -((i - plan->phase) & (plan->stride - 1))
				: (plan->phase - i) & (plan->stride - 1);
		if (i < low || i > high)
			break;
		bus = plan->bus + ((uint64_t)i << SWIOTLB_SHIFT);
		last = bus + plan->length - 1;
		if (!dma_range_crosses(bus, plan->length, mask))
			return (size_t)i;
		i += plan->wide ? -(long)swiotlb_slots((last & mask) + 1)
				: (long)swiotlb_slots((bus | mask) + 1 - bus);
	}
	return RUNS_NONE;
}

/* Of the classes from `c` on, in one run of each, or in all that begin in the window. */
static size_t search_locked(struct swiotlb *pool, const struct plan *plan, unsigned c, bool all)
{
	struct runs *runs = &pool->runs;

	for (; (c = runs_filled_locked(runs, c)) < RUNS_CLASSES; c++) {
		size_t at = runs_end_locked(runs, c, plan->wide), i;

		do {
			i = place(plan, (long)at, runs->length[at]);
			if (i != RUNS_NONE) {
				runs_carve_locked(runs, at, i, (size_t)plan->slots);
				return i;
			}
		} while (all && (at = runs_next_locked(runs, c, at, plan->wide)) != RUNS_NONE &&
			 (plan->wide || (long)at <= plan->high));
	}
	return RUNS_NONE;
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

/* Nothing fits. Would it in an empty pool, and in all of it? */
static enum dma_failure reason_locked(const struct swiotlb *pool, const struct plan *plan)
{
	uint64_t base = pool->base.value, bytes = (uint64_t)pool->slots << SWIOTLB_SHIFT;
	struct plan unlimited = *plan;

	if (bytes == 0 || plan->fit->last < base || plan->fit->first > base + bytes - 1)
		return DMA_FAIL_OUT_OF_MASK;
	unlimited.low = 0;
	unlimited.high = (long)pool->slots - plan->slots;
	if (place(&unlimited, 0, (long)pool->slots) == RUNS_NONE)
		return DMA_FAIL_TOO_BIG;
	if (place(plan, 0, (long)pool->slots) == RUNS_NONE)
		return DMA_FAIL_OUT_OF_MASK;
	return exhausted_locked(pool, plan) ? DMA_FAIL_EXHAUSTED : DMA_FAIL_FRAGMENTED;
}

size_t place_take(struct swiotlb *pool, const struct swiotlb_fit *fit,
		  const struct swiotlb_slot *slot, enum dma_failure *why)
{
	struct plan plan = make_plan(pool, fit, slot);
	size_t slots = (size_t)plan.slots, i;
	unsigned long flags = port_lock(&pool->runs.lock);

	i = search_locked(pool, &plan, runs_class_of_all(slots), false);
	if (i == RUNS_NONE)
		i = search_locked(pool, &plan, runs_class(slots), true);
	if (i == RUNS_NONE)
		*why = reason_locked(pool, &plan);
	port_unlock(&pool->runs.lock, flags);
	return i;
}
