/* SPDX-License-Identifier: MIT */
/*
 * The pool as an allocator of runs of slots.
 *
 * A request becomes a run: so many slots, beginning at an index in [low, high]
 * that is `phase` modulo `stride` (min_align_mask), and such that the bytes in
 * it cross no boundary. Where any run will do, the index yields one at once.
 * Otherwise free runs are tried: first one of each length that is enough, then,
 * where that can't be all there is, each of them. So none is missed.
 *
 * Locks: a magazine's, then the pool's.
 */
#include "dma/swiotlb.h"

#include "dma/bits.h"
#include "dma/limits.h"

#define NONE (-1L)

struct plan {
	const struct swiotlb_fit *fit;
	uint64_t length; /* bytes */
	long slots;
	long stride, phase;
	long low, high; /* low > high: no start is allowed */
	uint64_t first; /* address of the mapping, were it to begin in slot 0 */
	bool wide;	/* from the top: the window has the whole pool */
	bool bounded;	/* there are boundaries in the pool */
};

static uint64_t pool_bytes(const struct swiotlb *pool)
{
	return (uint64_t)pool->slots << SWIOTLB_SHIFT;
}

size_t swiotlb_metadata_size(size_t slots)
{
	return BITS_WORDS(slots) * sizeof(uint64_t) + runs_size(slots) +
	       slots * (sizeof(uint64_t) + sizeof(uint32_t) + sizeof(uint16_t));
}

void swiotlb_init(struct swiotlb *pool, phys_addr_t base, size_t slots, void *metadata)
{
	size_t words;
	uint32_t *length;

	if (slots > SWIOTLB_MAX_SLOTS)
		slots = SWIOTLB_MAX_SLOTS;
	words = BITS_WORDS(slots);
	*pool = (struct swiotlb){
		.base = base,
		.slots = slots,
		.head = metadata,
		.original = (uint64_t *)metadata + words,
	};
	length = (uint32_t *)((char *)(pool->original + slots) + runs_size(slots));
	pool->owner = (uint16_t *)(length + slots);
	memset(pool->head, 0, words * sizeof(uint64_t));
	memset(pool->owner, 0, slots * sizeof(uint16_t));
	runs_init(&pool->runs, slots, length, pool->original + slots);
}

/* --- magazines --- */

/* Give back what the magazines have. Was there any? Who puts something there lowers `used` first.
 */
static bool flush(struct swiotlb *pool)
{
	const uint64_t shut = SWIOTLB_MAGAZINE_SHUT;
	bool any = false;

	if (pool->runs.free + dma_level_now(&pool->used) >= pool->slots)
		return false;
	for (size_t at = 0; at < PORT_CPUS * SWIOTLB_MAGAZINE_SLOTS; at++) {
		uint64_t *runs = &pool->magazine[at / SWIOTLB_MAGAZINE_SLOTS]
					  .runs[at % SWIOTLB_MAGAZINE_SLOTS];
		uint64_t had = __atomic_fetch_and(runs, shut, __ATOMIC_ACQUIRE) & ~shut;

		for (; had; had >>= SWIOTLB_MAGAZINE_BITS, any = true)
			swiotlb_release(pool, swiotlb_latest(had), at % SWIOTLB_MAGAZINE_SLOTS + 1);
	}
	return any;
}

void swiotlb_cache(struct swiotlb *pool, bool use)
{
	for (size_t cpu = 0; cpu < PORT_CPUS; cpu++)
		for (size_t n = 0; n < SWIOTLB_MAGAZINE_SLOTS; n++)
			if (use)
				__atomic_fetch_and(&pool->magazine[cpu].runs[n],
						   ~SWIOTLB_MAGAZINE_SHUT, __ATOMIC_RELAXED);
			else
				__atomic_fetch_or(&pool->magazine[cpu].runs[n],
						  SWIOTLB_MAGAZINE_SHUT, __ATOMIC_RELAXED);
	if (!use)
		flush(pool);
}

/* --- where a run fits --- */

void swiotlb_fit_prepare(const struct swiotlb *pool, struct swiotlb_fit *fit)
{
	uint64_t base = pool->base.value, bytes = pool_bytes(pool);

	fit->anywhere = fit->first <= base && dma_range_within(base, bytes, fit->last) &&
			!dma_range_crosses(base + fit->shift, bytes, fit->boundary_mask) &&
			fit->min_align_mask < SWIOTLB_SLOT;
}

/* The nearest allowed start at or above `i`, and at or below it. */
static long round_up(const struct plan *plan, long i)
{
	return i + ((plan->phase - i) & (plan->stride - 1));
}

static long round_down(const struct plan *plan, long i)
{
	return i - ((i - plan->phase) & (plan->stride - 1));
}

/* The lowest and the highest start between `first` and `last`, inside the pool. */
static void set_window(const struct swiotlb *pool, uint64_t first, uint64_t last, struct plan *plan)
{
	uint64_t end = plan->first + plan->length - 1;

	plan->low = first > plan->first ? (long)swiotlb_slots(first - plan->first) : 0;
	plan->high = (long)pool->slots - plan->slots;
	if (end > last)
		plan->high = -1;
	else if (plan->high > 0 && (last - end) >> SWIOTLB_SHIFT < (uint64_t)plan->high)
		plan->high = (long)((last - end) >> SWIOTLB_SHIFT);
}

static struct plan make_plan(const struct swiotlb *pool, const struct swiotlb_fit *fit,
			     const struct swiotlb_slot *slot)
{
	uint64_t base = pool->base.value, mask = fit->min_align_mask;
	struct plan plan = {.fit = fit,
			    .length = slot->length,
			    .slots = (long)swiotlb_run(slot),
			    .stride = 1,
			    .first = base + slot->offset};

	if (mask >= SWIOTLB_SLOT)
		plan.stride = (long)((mask + 1) >> SWIOTLB_SHIFT);
	plan.phase = (long)((((slot->original - fit->shift) & mask) - base) >> SWIOTLB_SHIFT) &
		     (plan.stride - 1);
	plan.wide = fit->first <= base && dma_range_within(base, pool_bytes(pool), fit->last);
	plan.bounded = dma_range_crosses(base + fit->shift, pool_bytes(pool), fit->boundary_mask);
	set_window(pool, fit->first, fit->last, &plan);
	return plan;
}

static bool crosses(const struct plan *plan, long i)
{
	uint64_t bus = plan->first + ((uint64_t)i << SWIOTLB_SHIFT) + plan->fit->shift;

	return dma_range_crosses(bus, plan->length, plan->fit->boundary_mask);
}

/* The next start, up or down, where the boundary is not crossed that one at `i` meets first. */
static long past_boundary(const struct plan *plan, long i, bool down)
{
	uint64_t bus = plan->first + ((uint64_t)i << SWIOTLB_SHIFT) + plan->fit->shift;
	uint64_t mask = plan->fit->boundary_mask, last = bus + plan->length - 1;

	if (down)
		return round_down(plan, i - (long)swiotlb_slots((last & mask) + 1));
	return round_up(plan, i + (long)swiotlb_slots((bus | mask) + 1 - bus));
}

/*
 * The start that is allowed in a run of free slots, of several the highest where
 * the window is wide, the lowest where it isn't; NONE. Boundaries and strides
 * being powers of two, behind a boundary is the best place there is: if that
 * crosses the next one, every place does.
 */
static long place(const struct plan *plan, long first, long slots)
{
	long low = first > plan->low ? first : plan->low, high = first + slots - plan->slots, i;

	if (high > plan->high)
		high = plan->high;
	i = plan->wide ? round_down(plan, high) : round_up(plan, low);
	if (i >= low && i <= high && crosses(plan, i))
		i = past_boundary(plan, i, plan->wide);
	return i >= low && i <= high && !crosses(plan, i) ? i : NONE;
}

static long try_locked(struct swiotlb *pool, const struct plan *plan, size_t first)
{
	long i = place(plan, (long)first, pool->runs.length[first]);

	if (i != NONE)
		runs_carve(&pool->runs, first, (size_t)i, (size_t)plan->slots);
	return i;
}

/* One run of each class from `c` on. */
static long try_ends_locked(struct swiotlb *pool, const struct plan *plan, unsigned c)
{
	struct runs *runs = &pool->runs;
	long i = NONE;

	for (; i == NONE && (c = runs_filled(runs, c)) < RUNS_CLASSES; c++)
		i = try_locked(pool, plan, plan->wide ? runs_top(runs, c) : runs_bottom(runs, c));
	return i;
}

/* All runs of the classes in [c, end), within the window. */
static long try_all_locked(struct swiotlb *pool, const struct plan *plan, unsigned c, unsigned end)
{
	struct runs *runs = &pool->runs;
	long i = NONE;

	for (; i == NONE && (c = runs_filled(runs, c)) < end; c++) {
		size_t at = plan->wide ? runs_top(runs, c) : runs_bottom(runs, c);

		while (at != RUNS_NONE && (plan->wide || (long)at <= plan->high)) {
			i = try_locked(pool, plan, at);
			if (i != NONE)
				break;
			at = plan->wide ? runs_below(runs, c, at) : runs_above(runs, c, at);
		}
	}
	return i;
}

static long take_fitting_locked(struct swiotlb *pool, const struct plan *plan)
{
	size_t slots = (size_t)plan->slots;
	bool plain = plan->stride == 1 && !plan->bounded && plan->low == 0;
	long i;

	if (slots > pool->slots)
		return NONE;
	i = try_ends_locked(pool, plan, runs_class_of_all(slots));
	if (i == NONE)
		i = try_all_locked(pool, plan, runs_class(slots),
				   plain ? runs_class_of_all(slots) : RUNS_CLASSES);
	return i;
}

/* --- refusals --- */

/* Would an empty pool have a run? */
static bool possible(const struct swiotlb *pool, const struct plan *plan)
{
	return place(plan, 0, (long)pool->slots) != NONE;
}

/* Are fewer slots free in the window than it takes? */
static bool exhausted_locked(const struct swiotlb *pool, const struct plan *plan)
{
	const struct runs *runs = &pool->runs;
	size_t end = (size_t)(plan->high + plan->slots), seen = 0, next;

	if (plan->wide)
		return runs->free < (size_t)plan->slots;
	for (size_t at = (size_t)plan->low; at < end; at = next) {
		at = bits_first_clear(runs->used, at, end);
		next = bits_first_set(runs->used, at, end);
		seen += next - at;
		if (seen >= (size_t)plan->slots)
			return false;
	}
	return true;
}

static enum dma_failure reason_locked(const struct swiotlb *pool, const struct plan *plan)
{
	uint64_t base = pool->base.value;
	struct plan unlimited = *plan;

	if (pool->slots == 0 || plan->fit->last < base ||
	    plan->fit->first > base + pool_bytes(pool) - 1)
		return DMA_FAIL_OUT_OF_MASK;
	set_window(pool, 0, UINT64_MAX, &unlimited);
	if (!possible(pool, &unlimited))
		return DMA_FAIL_TOO_BIG;
	if (!possible(pool, plan))
		return DMA_FAIL_OUT_OF_MASK;
	return exhausted_locked(pool, plan) ? DMA_FAIL_EXHAUSTED : DMA_FAIL_FRAGMENTED;
}

/* --- taking --- */

/* A run begins here; what of it lies in further words of `head`, says where. */
static inline void begin_locked(struct swiotlb *pool, size_t i, size_t slots)
{
	bit_set_atomic(pool->head, i);
	for (size_t at = (i | 63) + 1; at < i + slots; at += 64)
		pool->runs.length[at] = (uint32_t)i;
}

size_t swiotlb_take_any(struct swiotlb *pool, size_t slots, enum dma_failure *why)
{
	unsigned long flags = port_lock(&pool->lock);
	size_t i = runs_take(&pool->runs, slots);

	if (i != RUNS_NONE)
		begin_locked(pool, i, slots);
	else
		*why = slots > pool->slots	 ? DMA_FAIL_TOO_BIG
		       : slots > pool->runs.free ? DMA_FAIL_EXHAUSTED
						 : DMA_FAIL_FRAGMENTED;
	port_unlock(&pool->lock, flags);
	return i;
}

static __attribute__((noinline)) long take_fitting(struct swiotlb *pool,
						   const struct swiotlb_fit *fit,
						   const struct swiotlb_slot *slot,
						   enum dma_failure *why)
{
	struct plan plan = make_plan(pool, fit, slot);
	unsigned long flags = port_lock(&pool->lock);
	long i = take_fitting_locked(pool, &plan);

	if (i != NONE)
		begin_locked(pool, (size_t)i, (size_t)plan.slots);
	else
		*why = reason_locked(pool, &plan);
	port_unlock(&pool->lock, flags);
	return i;
}

/* From the index; and again with what the magazines had. NONE, counted. */
static __attribute__((noinline)) long take(struct swiotlb *pool, const struct swiotlb_fit *fit,
					   struct swiotlb_slot slot, enum dma_failure *why)
{
	size_t slots = swiotlb_run(&slot);
	long i;

	do {
		i = fit->anywhere ? (long)swiotlb_take_any(pool, slots, why)
				  : take_fitting(pool, fit, &slot, why);
	} while (i == NONE && flush(pool));
	if (i == NONE)
		__atomic_fetch_add(&pool->refused[*why], 1, __ATOMIC_RELAXED);
	return i;
}

static uint16_t owner_of(const struct swiotlb_slot *slot)
{
	return (uint16_t)(swiotlb_owner(slot->device, slot->direction) | slot->settled << 12 |
			  slot->coherent << 13 | (slot->offset != 0) << 14);
}

phys_addr_t swiotlb_take(struct swiotlb *pool, const struct swiotlb_fit *fit,
			 struct swiotlb_slot slot, enum dma_failure *why)
{
	size_t slots, at;
	long i = NONE;

	slot.offset = (slot.original - fit->shift) & fit->min_align_mask & (SWIOTLB_SLOT - 1);
	slots = swiotlb_run(&slot);
	if (fit->anywhere && slots <= SWIOTLB_MAGAZINE_SLOTS && swiotlb_pop(pool, slots, &at))
		i = (long)at;
	else
		i = take(pool, fit, slot, why);
	if (i == NONE)
		return PHYS_NONE;
	swiotlb_enter(pool, (size_t)i, slot.original | (uint64_t)slot.offset << 52, slot.length,
		      owner_of(&slot));
	dma_level_raise(&pool->used, slots);
	return phys(pool->base.value + ((uint64_t)i << SWIOTLB_SHIFT) + slot.offset);
}

/* --- mappings --- */

static size_t slot_index(const struct swiotlb *pool, phys_addr_t addr)
{
	return (addr.value - pool->base.value) >> SWIOTLB_SHIFT;
}

/* The slot in which the mapping begins that slot `i` may be of, if it is of one. */
static size_t candidate(const struct swiotlb *pool, size_t i)
{
	uint64_t heads = __atomic_load_n(&pool->head[i / 64], __ATOMIC_RELAXED);

	heads &= UINT64_MAX >> (~i % 64);
	return heads ? (i | 63) ^ (size_t)__builtin_clzl(heads) : pool->runs.length[i & ~63UL];
}

bool swiotlb_find(const struct swiotlb *pool, phys_addr_t addr, phys_addr_t *start,
		  struct swiotlb_slot *slot)
{
	size_t i;

	if (!swiotlb_owns(pool, addr))
		return false;
	i = candidate(pool, slot_index(pool, addr));
	if (i >= pool->slots || !__atomic_load_n(&pool->owner[i], __ATOMIC_ACQUIRE))
		return false;
	*slot = swiotlb_record(pool, i);
	*start = phys(pool->base.value + ((uint64_t)i << SWIOTLB_SHIFT) + slot->offset);
	return addr.value - start->value < slot->length;
}

void swiotlb_release(struct swiotlb *pool, size_t i, size_t slots)
{
	unsigned long flags = port_lock(&pool->lock);

	bit_clear_atomic(pool->head, i);
	runs_release(&pool->runs, i, slots);
	port_unlock(&pool->lock, flags);
}

bool swiotlb_put(struct swiotlb *pool, const struct swiotlb_fit *fit, phys_addr_t start)
{
	size_t i = slot_index(pool, start), slots;
	struct swiotlb_slot slot;
	uint16_t owner;

	if (!swiotlb_owns(pool, start))
		return false;
	owner = __atomic_load_n(&pool->owner[i], __ATOMIC_RELAXED);
	slot = swiotlb_record(pool, i);
	if (!owner || (start.value & (SWIOTLB_SLOT - 1)) != slot.offset ||
	    !swiotlb_end(pool, i, owner))
		return false;
	slots = swiotlb_run(&slot);
	dma_level_lower(&pool->used, slots);
	if (!fit->anywhere || slots > SWIOTLB_MAGAZINE_SLOTS || !swiotlb_push(pool, i, slots))
		swiotlb_release(pool, i, slots);
	return true;
}

void swiotlb_settle(struct swiotlb *pool, phys_addr_t start, bool settled)
{
	uint16_t *owner = &pool->owner[slot_index(pool, start)];

	*owner = (uint16_t)((*owner & ~(1 << 12)) | settled << 12); /* nobody else changes it */
}

size_t swiotlb_abandon(struct swiotlb *pool, uint16_t device)
{
	size_t n = 0;

	for (size_t i = 0; (i = bits_first_set(pool->head, i, pool->slots)) < pool->slots; i++) {
		if (swiotlb_record(pool, i).device == device) {
			pool->owner[i] &= (uint16_t) ~(SWIOTLB_DEVICES - 1);
			n++;
		}
	}
	return n;
}

size_t swiotlb_largest_run(struct swiotlb *pool)
{
	unsigned long flags;
	size_t longest;

	flush(pool);
	flags = port_lock(&pool->lock);
	longest = runs_longest(&pool->runs);
	port_unlock(&pool->lock, flags);
	return longest;
}
