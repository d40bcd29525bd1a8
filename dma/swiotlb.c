/* SPDX-License-Identifier: MIT */
#include "dma/swiotlb.h"

#include "dma/place.h"

size_t swiotlb_metadata_size(size_t slots)
{
	return runs_size(slots) + slots * (sizeof(uint64_t) + sizeof(uint32_t) + sizeof(uint16_t));
}

void swiotlb_init(struct swiotlb *pool, phys_addr_t base, size_t slots, void *metadata)
{
	uint32_t *length;

	if (slots > SWIOTLB_MAX_SLOTS)
		slots = SWIOTLB_MAX_SLOTS;
	*pool = (struct swiotlb){.base = base, .slots = slots, .original = metadata};
	length = (uint32_t *)((char *)(pool->original + slots) + runs_size(slots));
	pool->owner = (uint16_t *)(length + slots);
	memset(pool->owner, 0, slots * sizeof(uint16_t));
	runs_init(&pool->runs, slots, length, pool->original + slots);
}

/* --- magazines --- */

/* May magazines have something? Who puts something there lowers `used` first. */
static inline bool kept(const struct swiotlb *pool)
{
	return pool->runs.free + dma_level_now(&pool->used) < pool->slots;
}

bool swiotlb_flush_locked(struct swiotlb *pool, size_t enough)
{
	bool any = false;
	size_t i;

	for (size_t n = kept(pool) ? SWIOTLB_MAGAZINE_SLOTS : 0; n > 0 && !any; n--) {
		for (size_t cpu = 0; cpu < PORT_CPUS && !any; cpu++) {
			while (swiotlb_pop_from(&pool->magazine[cpu].runs[n - 1], &i)) {
				runs_release_locked(&pool->runs, i, n);
				if (n >= enough)
					return true;
				any = true;
			}
		}
	}
	return any;
}

static void flush(struct swiotlb *pool)
{
	unsigned long flags = port_lock(&pool->runs.lock);

	while (swiotlb_flush_locked(pool, SIZE_MAX))
		;
	port_unlock(&pool->runs.lock, flags);
}

void swiotlb_cache(struct swiotlb *pool, bool use)
{
	flush(pool);
	for (size_t cpu = 0; cpu < PORT_CPUS; cpu++)
		for (size_t n = 0; n < SWIOTLB_MAGAZINE_SLOTS; n++)
			pool->magazine[cpu].runs[n] = use ? 0 : SWIOTLB_MAGAZINE_SHUT;
}

/* --- taking --- */

/* No run has so many slots. */
static inline size_t refuse(struct swiotlb *pool, size_t slots, enum dma_failure *why)
{
	*why = slots <= pool->runs.free ? DMA_FAIL_FRAGMENTED
	       : slots <= pool->slots	? DMA_FAIL_EXHAUSTED
					: DMA_FAIL_TOO_BIG;
	__atomic_fetch_add(&pool->refused[*why], 1, __ATOMIC_RELAXED);
	return SWIOTLB_NONE;
}

static __attribute__((noinline)) size_t take_kept(struct swiotlb *pool, size_t slots,
						  enum dma_failure *why)
{
	unsigned long flags = port_lock(&pool->runs.lock);
	size_t i = SWIOTLB_NONE;

	while (i == SWIOTLB_NONE && swiotlb_flush_locked(pool, slots))
		i = runs_take_locked(&pool->runs, slots);
	port_unlock(&pool->runs.lock, flags);
	return i != SWIOTLB_NONE ? i : refuse(pool, slots, why);
}

size_t swiotlb_take_again(struct swiotlb *pool, size_t slots, enum dma_failure *why)
{
	return kept(pool) ? take_kept(pool, slots, why) : refuse(pool, slots, why);
}

static uint16_t owner_of(const struct swiotlb_slot *slot)
{
	return (uint16_t)(swiotlb_owner(slot->device, slot->direction) |
			  slot->settled * SWIOTLB_OWNER_SETTLED |
			  slot->coherent * SWIOTLB_OWNER_COHERENT |
			  (slot->offset != 0) * SWIOTLB_OWNER_SHIFTED);
}

phys_addr_t swiotlb_take(struct swiotlb *pool, const struct swiotlb_fit *fit,
			 struct swiotlb_slot slot, enum dma_failure *why)
{
	size_t slots, i;

	slot.offset = swiotlb_low_bits(fit, slot.original) & (SWIOTLB_SLOT - 1);
	slots = swiotlb_run(&slot);
	if (!fit->anywhere)
		i = place_take(pool, fit, &slot, why);
	else if (slots > SWIOTLB_MAGAZINE_SLOTS || !swiotlb_pop(pool, slots, &i))
		i = swiotlb_take_any(pool, slots, why);
	if (i == SWIOTLB_NONE)
		return PHYS_NONE;
	swiotlb_enter(pool, i, slot.original | (uint64_t)slot.offset << SWIOTLB_ORIGINAL_BITS,
		      slot.length, owner_of(&slot));
	dma_level_raise(&pool->used, slots);
	return phys_add(swiotlb_addr(pool, i), slot.offset);
}

/* --- mappings --- */

static size_t slot_index(const struct swiotlb *pool, phys_addr_t addr)
{
	return (addr.value - pool->base.value) >> SWIOTLB_SHIFT;
}

bool swiotlb_find(const struct swiotlb *pool, phys_addr_t addr, phys_addr_t *start,
		  struct swiotlb_slot *slot)
{
	size_t i;

	if (!swiotlb_owns(pool, addr))
		return false;
	i = runs_head(&pool->runs, slot_index(pool, addr));
	if (i >= pool->slots || !__atomic_load_n(&pool->owner[i], __ATOMIC_ACQUIRE))
		return false;
	*slot = swiotlb_record(pool, i);
	*start = phys_add(swiotlb_addr(pool, i), slot->offset);
	return addr.value - start->value < slot->length;
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
		runs_release(&pool->runs, i, slots);
	return true;
}

void swiotlb_settle(struct swiotlb *pool, phys_addr_t start, bool settled)
{
	uint16_t *owner = &pool->owner[slot_index(pool, start)];

	/* Nobody else changes it. */
	*owner = (uint16_t)((*owner & ~SWIOTLB_OWNER_SETTLED) | settled * SWIOTLB_OWNER_SETTLED);
}

void swiotlb_abandon(struct swiotlb *pool, uint16_t device)
{
	for (size_t i = 0; i < pool->slots; i++) {
		struct swiotlb_slot slot = swiotlb_record(pool, i);

		if (pool->owner[i] && slot.device == device) {
			pool->owner[i] &= (uint16_t) ~(SWIOTLB_DEVICES - 1);
			__atomic_fetch_add(&pool->lost, swiotlb_run(&slot), __ATOMIC_RELAXED);
		}
	}
}

size_t swiotlb_largest_run(struct swiotlb *pool)
{
	flush(pool);
	return runs_longest(&pool->runs);
}
