/* SPDX-License-Identifier: MIT */
/*
 * The pool as an allocator of runs of slots.
 *
 * A request becomes a run: so many slots, beginning at an index in [low, high]
 * that is `phase` modulo `stride` (min_align_mask). The search tries one start
 * after the other, from either end, and whatever is in the way (a used slot, a
 * boundary) says how far to skip: each step moves, so it ends after one pass.
 */
#include "dma/swiotlb.h"

#include "dma/bits.h"
#include "dma/limits.h"

struct run {
	long slots;
	long stride, phase;
	long low, high; /* low > high: no start is allowed */
	uint64_t first; /* address of the mapping, were it to begin in slot 0 */
};

size_t swiotlb_metadata_size(size_t slots)
{
	return 2 * BITS_WORDS(slots) * sizeof(uint64_t) +
	       slots * (sizeof(uint64_t) + sizeof(uint32_t) + sizeof(uint16_t));
}

void swiotlb_init(struct swiotlb *pool, phys_addr_t base, size_t slots, void *metadata)
{
	size_t words;

	if (slots > SWIOTLB_MAX_SLOTS)
		slots = SWIOTLB_MAX_SLOTS;
	words = BITS_WORDS(slots);
	*pool = (struct swiotlb){
		.base = base,
		.slots = slots,
		.head = (uint64_t *)metadata + words,
		.original = (uint64_t *)metadata + 2 * words,
	};
	pool->runs.used = metadata;
	pool->runs.slots = slots;
	pool->runs.length = (uint32_t *)(pool->original + slots);
	pool->owner = (uint16_t *)(pool->runs.length + slots);
	memset(metadata, 0, 2 * words * sizeof(uint64_t));
}

void swiotlb_cache(struct swiotlb *pool, bool use)
{
	pool->cached = use;
}

static struct swiotlb_slot slot_at(const struct swiotlb *pool, long i)
{
	uint16_t owner = pool->owner[i];

	return (struct swiotlb_slot){
		.original = pool->original[i] & ((1UL << 52) - 1),
		.length = pool->runs.length[i],
		.device = owner & (SWIOTLB_DEVICES - 1),
		.offset = pool->original[i] >> 52,
		.direction = owner >> 10 & 3,
		.settled = owner >> 12 & 1,
		.coherent = owner >> 13 & 1,
	};
}

static void slot_write(struct swiotlb *pool, long i, struct swiotlb_slot slot)
{
	pool->original[i] = slot.original | (uint64_t)slot.offset << 52;
	pool->runs.length[i] = slot.length;
	pool->owner[i] = (uint16_t)(slot.device | slot.direction << 10 | slot.settled << 12 |
				    slot.coherent << 13);
}

/* The nearest allowed start at or above `i`, and at or below it. */
static long round_up(const struct run *run, long i)
{
	return i + ((run->phase - i) & (run->stride - 1));
}

static long round_down(const struct run *run, long i)
{
	return i - ((i - run->phase) & (run->stride - 1));
}

static uint64_t slots_of(uint64_t bytes)
{
	return (bytes + SWIOTLB_SLOT - 1) >> SWIOTLB_SHIFT;
}

/* The lowest and the highest start between fit->first and fit->last, inside the pool. */
static void plan_window(const struct swiotlb *pool, const struct swiotlb_fit *fit, uint64_t length,
			struct run *run)
{
	uint64_t last = run->first + length - 1;
	uint64_t room = last <= fit->last ? (fit->last - last) >> SWIOTLB_SHIFT : 0;

	run->low = fit->first > run->first ? (long)slots_of(fit->first - run->first) : 0;
	run->high = (long)pool->slots - run->slots;
	if (last > fit->last)
		run->high = -1;
	else if (run->high > 0 && room < (uint64_t)run->high)
		run->high = (long)room;
	run->low = round_up(run, run->low);
	run->high = round_down(run, run->high);
}

static struct run plan(const struct swiotlb *pool, const struct swiotlb_fit *fit,
		       const struct swiotlb_slot *record)
{
	uint64_t mask = fit->min_align_mask;
	uint64_t low_bits = (record->original - fit->shift) & mask;
	uint64_t offset = low_bits & (SWIOTLB_SLOT - 1);
	struct run run = {.stride = 1, .first = pool->base.value + offset};

	if (mask >= SWIOTLB_SLOT)
		run.stride = (long)((mask + 1) >> SWIOTLB_SHIFT);
	run.phase = (long)((low_bits - pool->base.value) >> SWIOTLB_SHIFT) & (run.stride - 1);
	run.slots = (long)slots_of(offset + record->length);
	plan_window(pool, fit, record->length, &run);
	return run;
}

static uint64_t address_of(const struct run *run, long i)
{
	return run->first + ((uint64_t)i << SWIOTLB_SHIFT);
}

/* Slots to move up from `i` past the first boundary that a mapping there crosses; 0: none. */
static long above_boundary(const struct swiotlb_fit *fit, const struct run *run, long i,
			   uint64_t length)
{
	uint64_t bus = address_of(run, i) + fit->shift;

	if (!dma_range_crosses(bus, length, fit->boundary_mask))
		return 0;
	return (long)slots_of((bus | fit->boundary_mask) + 1 - bus);
}

/* The same downwards: to end before the last boundary that it crosses. */
static long below_boundary(const struct swiotlb_fit *fit, const struct run *run, long i,
			   uint64_t length)
{
	uint64_t bus = address_of(run, i) + fit->shift, last = bus + length - 1;

	if (!dma_range_crosses(bus, length, fit->boundary_mask))
		return 0;
	return (long)slots_of(last - (last & ~fit->boundary_mask) + 1);
}

/* The lowest start whose slots are clear in `used` (NULL: all are); BITS_NONE. */
static long search_up(const uint64_t *used, const struct swiotlb_fit *fit, const struct run *run,
		      uint64_t length)
{
	long i = run->low, blocked, step;

	while (i <= run->high) {
		blocked = used ? bits_last_set(used, i, i + run->slots) : BITS_NONE;
		if (blocked != BITS_NONE) {
			i = round_up(run, blocked + 1);
			continue;
		}
		step = above_boundary(fit, run, i, length);
		if (step == 0)
			return i;
		i = round_up(run, i + step);
	}
	return BITS_NONE;
}

/* The highest one. */
static long search_down(const uint64_t *used, const struct swiotlb_fit *fit, const struct run *run,
			uint64_t length)
{
	long i = run->high, blocked, step;

	while (i >= run->low) {
		blocked = bits_first_set(used, i, i + run->slots);
		if (blocked != BITS_NONE) {
			i = round_down(run, blocked - run->slots);
			continue;
		}
		step = below_boundary(fit, run, i, length);
		if (step == 0)
			return i;
		i = round_down(run, i - step);
	}
	return BITS_NONE;
}

void swiotlb_fit_prepare(const struct swiotlb *pool, struct swiotlb_fit *fit)
{
	fit->anywhere =
		fit->first <= pool->base.value &&
		fit->last - pool->base.value >= ((uint64_t)pool->slots << SWIOTLB_SHIFT) - 1 &&
		fit->last >= pool->base.value;
}

/* Would an empty pool have a run? */
static bool possible(const struct swiotlb *pool, const struct swiotlb_fit *fit,
		     const struct swiotlb_slot *record)
{
	struct run run = plan(pool, fit, record);

	return search_up(NULL, fit, &run, record->length) != BITS_NONE;
}

static enum dma_failure refuse_locked(struct swiotlb *pool, const struct swiotlb_fit *fit,
				      const struct swiotlb_slot *record, const struct run *run)
{
	struct swiotlb_fit anywhere = *fit;
	uint64_t last_slot = pool->base.value + ((uint64_t)(pool->slots - 1) << SWIOTLB_SHIFT);
	size_t end = run->high + run->slots;

	anywhere.first = 0;
	anywhere.last = UINT64_MAX;
	if (pool->slots == 0)
		return DMA_FAIL_OUT_OF_MASK;
	if (fit->last < pool->base.value + SWIOTLB_SLOT - 1 || fit->first > last_slot)
		return DMA_FAIL_OUT_OF_MASK;
	if (!possible(pool, &anywhere, record))
		return DMA_FAIL_TOO_BIG;
	if (!possible(pool, fit, record))
		return DMA_FAIL_OUT_OF_MASK;
	if (end - run->low - bits_count(pool->runs.used, run->low, end) < (size_t)run->slots)
		return DMA_FAIL_EXHAUSTED;
	return DMA_FAIL_FRAGMENTED;
}

static phys_addr_t mark_locked(struct swiotlb *pool, const struct run *run, long i,
			       struct swiotlb_slot record)
{
	uint64_t addr = address_of(run, i);

	record.offset = addr & (SWIOTLB_SLOT - 1);
	slot_write(pool, i, record);
	bit_set(pool->head, i);
	bits_fill(pool->runs.used, i, i + run->slots, true);
	pool->stats.mappings++;
	pool->stats.used += run->slots;
	if (pool->stats.used > pool->stats.high_water)
		pool->stats.high_water = pool->stats.used;
	return phys(addr);
}

phys_addr_t swiotlb_take(struct swiotlb *pool, const struct swiotlb_fit *fit,
			 struct swiotlb_slot record, enum dma_failure *why)
{
	struct run run = plan(pool, fit, &record);
	phys_addr_t addr = PHYS_NONE;
	unsigned long flags = port_lock(&pool->lock);
	long i;

	if (fit->anywhere)
		i = search_down(pool->runs.used, fit, &run, record.length);
	else
		i = search_up(pool->runs.used, fit, &run, record.length);
	if (i != BITS_NONE) {
		addr = mark_locked(pool, &run, i, record);
	} else {
		*why = refuse_locked(pool, fit, &record, &run);
		pool->stats.refused[*why]++;
	}
	port_unlock(&pool->lock, flags);
	return addr;
}

static long slot_index(const struct swiotlb *pool, phys_addr_t addr)
{
	return (long)((addr.value - pool->base.value) >> SWIOTLB_SHIFT);
}

static phys_addr_t mapping_start(const struct swiotlb *pool, long i)
{
	return phys_add(pool->base, ((uint64_t)i << SWIOTLB_SHIFT) + slot_at(pool, i).offset);
}

/* The index of the mapping that holds `addr`; BITS_NONE. */
static long find_locked(const struct swiotlb *pool, phys_addr_t addr)
{
	long i = slot_index(pool, addr), head;

	if (!swiotlb_owns(pool, addr) || !bit_test(pool->runs.used, i))
		return BITS_NONE;
	head = bits_last_set(pool->head, 0, i + 1);
	if (head == BITS_NONE)
		port_panic("swiotlb: slot %ld is used, but by no mapping", i);
	if (addr.value - mapping_start(pool, head).value >= slot_at(pool, head).length)
		return BITS_NONE;
	return head;
}

bool swiotlb_find(const struct swiotlb *pool_, phys_addr_t addr, phys_addr_t *start,
		  struct swiotlb_slot *record)
{
	struct swiotlb *pool = (struct swiotlb *)pool_;
	unsigned long flags = port_lock(&pool->lock);
	long head = find_locked(pool, addr);

	if (head != BITS_NONE) {
		*start = mapping_start(pool, head);
		*record = slot_at(pool, head);
	}
	port_unlock(&pool->lock, flags);
	return head != BITS_NONE;
}

bool swiotlb_put(struct swiotlb *pool, const struct swiotlb_fit *fit, phys_addr_t start)
{
	unsigned long flags = port_lock(&pool->lock);
	long i = find_locked(pool, start);
	bool found = i != BITS_NONE && mapping_start(pool, i).value == start.value;

	if (found) {
		struct swiotlb_slot slot = slot_at(pool, i);
		size_t n = swiotlb_run(&slot);

		bit_clear(pool->head, i);
		bits_fill(pool->runs.used, i, i + n, false);
		pool->stats.used -= n;
	}
	port_unlock(&pool->lock, flags);
	return found;
}

size_t swiotlb_abandon(struct swiotlb *pool, uint16_t device)
{
	unsigned long flags = port_lock(&pool->lock);
	size_t n = 0;

	for (long i = -1; (i = bits_first_set(pool->head, i + 1, pool->slots)) != BITS_NONE;) {
		if (slot_at(pool, i).device == device) {
			pool->owner[i] &= (uint16_t) ~(SWIOTLB_DEVICES - 1);
			n++;
		}
	}
	port_unlock(&pool->lock, flags);
	return n;
}

size_t swiotlb_largest_run(struct swiotlb *pool)
{
	unsigned long flags = port_lock(&pool->lock);
	size_t largest = 0;
	long from, to = 0;

	while ((from = bits_first_clear(pool->runs.used, to, pool->slots)) != BITS_NONE) {
		to = bits_first_set(pool->runs.used, from, pool->slots);
		if (to == BITS_NONE)
			to = (long)pool->slots;
		if ((size_t)(to - from) > largest)
			largest = to - from;
	}
	port_unlock(&pool->lock, flags);
	return largest;
}

void swiotlb_settle(struct swiotlb *pool, phys_addr_t start, bool settled)
{
	long i = slot_index(pool, start);

	pool->owner[i] = (uint16_t)((pool->owner[i] & ~(1 << 12)) | settled << 12);
}
