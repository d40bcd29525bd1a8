/* SPDX-License-Identifier: MIT */
/*
 * The invariants of a pool: used slots are exactly those of the mappings, the
 * mappings are apart, and the counters agree. Read-only.
 */
#include "dma/bits.h"
#include "dma/swiotlb.h"

/* The mapping whose head is slot `i`; returns its slots. */
static size_t validate_mapping(const struct swiotlb *pool, long i)
{
	phys_addr_t at = phys_add(pool->base, (uint64_t)i << SWIOTLB_SHIFT);
	struct swiotlb_slot slot = {0}, *record = &slot;
	size_t n;

	slot.offset = pool->original[i] >> 52;
	slot.length = pool->runs.length[i];
	(void)at;
	n = swiotlb_run(record);

	if (record->length == 0 || record->offset >= SWIOTLB_SLOT)
		port_panic("swiotlb: slot %ld: %u bytes at offset %u", i, record->length,
			   record->offset);
	if (n > pool->slots - i)
		port_panic("swiotlb: slot %ld: %zu slots leave the pool", i, n);
	if (bits_count(pool->runs.used, i, i + n) != n)
		port_panic("swiotlb: slot %ld: not all of its %zu slots are used", i, n);
	if (bits_count(pool->head, i, i + n) != 1)
		port_panic("swiotlb: slot %ld: another mapping is within its %zu slots", i, n);
	return n;
}

void swiotlb_validate(struct swiotlb *pool)
{
	unsigned long flags = port_lock(&pool->lock);
	size_t mapped = 0, used = bits_count(pool->runs.used, 0, pool->slots);

	for (long i = -1; (i = bits_first_set(pool->head, i + 1, pool->slots)) != BITS_NONE;)
		mapped += validate_mapping(pool, i);
	if (mapped != used)
		port_panic("swiotlb: %zu slots are used, %zu by mappings", used, mapped);
	if (pool->stats.used != used || pool->stats.high_water < used)
		port_panic("swiotlb: %zu slots are used, counted are %zu, at most %zu", used,
			   pool->stats.used, pool->stats.high_water);
	port_unlock(&pool->lock, flags);
}
