/* SPDX-License-Identifier: MIT */
/*
 * The invariants of a pool: a used slot is in one run, which is a mapping's or
 * in a magazine, and what is counted and kept of it agrees. Read-only; nobody
 * else uses the pool meanwhile.
 */
#include "dma/bits.h"
#include "dma/swiotlb.h"

/* Set bits in [from, to). */
static size_t bits_count(const uint64_t *map, size_t from, size_t to)
{
	size_t n = 0;

	for (size_t w = from / 64; w < BITS_WORDS(to); w++)
		for (uint64_t word = map[w] & bits_part(w, from, to); word; word &= word - 1)
			n++;
	return n;
}

/* A run of n slots from `i` on is used, and knows from anywhere where it begins. */
static void validate_run(const struct swiotlb *pool, size_t i, size_t n)
{
	if (n > pool->slots || i > pool->slots - n)
		port_panic("swiotlb: slot %zu: %zu slots leave the pool", i, n);
	if (bits_count(pool->runs.used, i, i + n) != n)
		port_panic("swiotlb: slot %zu: not all of its %zu slots are used", i, n);
	if (!bit_test(pool->runs.head, i) || bits_count(pool->runs.head, i, i + n) != 1)
		port_panic("swiotlb: slot %zu: not one run begins in its %zu slots", i, n);
	for (size_t at = (i | 63) + 1; at < i + n; at += 64)
		if (pool->runs.length[at] != i)
			port_panic("swiotlb: slot %zu is of slot %zu's run, but says %u's", at, i,
				   pool->runs.length[at]);
}

/* The mapping at slot `i`; returns its slots. */
static size_t validate_mapping(const struct swiotlb *pool, size_t i)
{
	struct swiotlb_slot slot = swiotlb_record(pool, i);

	if (slot.length == 0)
		port_panic("swiotlb: slot %zu: a mapping of nothing", i);
	validate_run(pool, i, swiotlb_run(&slot));
	return swiotlb_run(&slot);
}

/* What a magazine has of a length; returns the slots. */
static size_t validate_magazine(const struct swiotlb *pool, uint64_t runs, size_t n)
{
	size_t slots = 0;

	if (runs & SWIOTLB_MAGAZINE_SHUT && runs != SWIOTLB_MAGAZINE_SHUT)
		port_panic("swiotlb: a magazine is shut, and has %#llx", (unsigned long long)runs);
	for (runs &= ~SWIOTLB_MAGAZINE_SHUT; runs; runs >>= SWIOTLB_MAGAZINE_BITS, slots += n) {
		size_t i = (runs & ((1UL << SWIOTLB_MAGAZINE_BITS) - 1)) - 1;

		validate_run(pool, i, n);
		if (pool->owner[i])
			port_panic("swiotlb: slot %zu is in a magazine, and somebody's", i);
	}
	return slots;
}

void swiotlb_validate(struct swiotlb *pool)
{
	unsigned long flags = port_lock(&pool->runs.lock);
	size_t mapped = 0, held = 0, used = bits_count(pool->runs.used, 0, pool->slots);

	runs_validate_locked(&pool->runs);
	for (size_t i = 0; i < pool->slots; i++)
		if (pool->owner[i])
			mapped += validate_mapping(pool, i);
	for (size_t cpu = 0; cpu < PORT_CPUS; cpu++)
		for (size_t n = 1; n <= SWIOTLB_MAGAZINE_SLOTS; n++)
			held += validate_magazine(pool, pool->magazine[cpu].runs[n - 1], n);
	if (mapped + held != used)
		port_panic("swiotlb: %zu slots are used, %zu by mappings, %zu by magazines", used,
			   mapped, held);
	if (dma_level_now(&pool->used) != mapped || pool->used.spare < 0)
		port_panic("swiotlb: %zu slots are mapped, counted are %llu, at most %llu", mapped,
			   (unsigned long long)dma_level_now(&pool->used),
			   (unsigned long long)pool->used.high);
	port_unlock(&pool->runs.lock, flags);
}
