/* SPDX-License-Identifier: MIT */
/*
 * The invariants of a pool: a used slot is in one mapping or in one run of a
 * magazine's, in nothing else, and what is counted and kept of it agrees.
 * Read-only; nobody else uses the pool meanwhile.
 */
#include "dma/bits.h"
#include "dma/swiotlb.h"

/* Slots [i, i + n) are used, and a mapping begins in the first alone, or in none of them. */
static void validate_slots(const struct swiotlb *pool, size_t i, size_t n, bool head)
{
	if (n > pool->slots || i > pool->slots - n)
		port_panic("swiotlb: slot %zu: %zu slots leave the pool", i, n);
	if (bits_count(pool->runs.used, i, i + n) != n)
		port_panic("swiotlb: slot %zu: not all of its %zu slots are used", i, n);
	if (bits_count(pool->head, i, i + n) != head)
		port_panic("swiotlb: slot %zu: another mapping is within its %zu slots", i, n);
}

/* The mapping whose head is slot `i`; returns its slots. */
static size_t validate_mapping(const struct swiotlb *pool, size_t i)
{
	struct swiotlb_slot slot = swiotlb_record(pool, i);
	size_t n = swiotlb_run(&slot);

	if (slot.length == 0)
		port_panic("swiotlb: slot %zu: a mapping of nothing", i);
	validate_slots(pool, i, n, true);
	for (size_t at = (i | 63) + 1; at < i + n; at += 64)
		if (pool->runs.length[at] != i)
			port_panic("swiotlb: slot %zu is of slot %zu's mapping, but says %u's", at,
				   i, pool->runs.length[at]);
	return n;
}

/* Slot `i` is in no mapping that begins before it. */
static void validate_apart(const struct swiotlb *pool, size_t i)
{
	size_t head = i;
	struct swiotlb_slot slot;

	while (head > 0 && !bit_test(pool->head, head))
		head--;
	slot = swiotlb_record(pool, head);
	if (bit_test(pool->head, head) && head + swiotlb_run(&slot) > i)
		port_panic("swiotlb: slot %zu is in a magazine, and in slot %zu's mapping", i,
			   head);
}

/* How many of the magazines' runs have slot `i`. */
static size_t holders(const struct swiotlb *pool, size_t i)
{
	size_t sum = 0;

	for (size_t cpu = 0; cpu < PORT_CPUS; cpu++)
		for (size_t n = 0; n < SWIOTLB_MAGAZINE_SLOTS; n++)
			for (uint64_t runs = swiotlb_runs(&pool->magazine[cpu], n + 1); runs;
			     runs >>= SWIOTLB_MAGAZINE_BITS)
				sum += i - swiotlb_latest(runs) <= n;
	return sum;
}

/* Returns the slots that a magazine holds. */
static size_t validate_magazine(const struct swiotlb *pool, const struct swiotlb_magazine *magazine)
{
	size_t sum = 0;

	for (size_t n = 0; n < SWIOTLB_MAGAZINE_SLOTS; n++) {
		uint64_t runs = swiotlb_runs(magazine, n + 1);

		if (runs && magazine->runs[n] & SWIOTLB_MAGAZINE_SHUT)
			port_panic("swiotlb: a magazine is shut, and has %#llx",
				   (unsigned long long)runs);
		for (; runs; runs >>= SWIOTLB_MAGAZINE_BITS, sum += n + 1) {
			size_t i = swiotlb_latest(runs);

			validate_slots(pool, i, n + 1, false);
			validate_apart(pool, i);
			if (holders(pool, i) != 1)
				port_panic("swiotlb: slot %zu is in two magazines", i);
		}
	}
	return sum;
}

/* Whose a slot is stands where a mapping begins, and nowhere else. */
static void validate_owners(const struct swiotlb *pool)
{
	for (size_t i = 0; i < pool->slots; i++)
		if ((pool->owner[i] != 0) != bit_test(pool->head, i))
			port_panic("swiotlb: slot %zu: its owner is %#x, but a mapping begins in "
				   "it: %d", i, pool->owner[i], bit_test(pool->head, i));
}

void swiotlb_validate(struct swiotlb *pool)
{
	unsigned long flags = port_lock(&pool->lock);
	size_t mapped = 0, held = 0, used = bits_count(pool->runs.used, 0, pool->slots);

	runs_validate(&pool->runs);
	validate_owners(pool);
	for (size_t i = 0; (i = bits_first_set(pool->head, i, pool->slots)) < pool->slots; i++)
		mapped += validate_mapping(pool, i);
	for (size_t cpu = 0; cpu < PORT_CPUS; cpu++)
		held += validate_magazine(pool, &pool->magazine[cpu]);
	if (mapped + held != used)
		port_panic("swiotlb: %zu slots are used, %zu by mappings, %zu by magazines", used,
			   mapped, held);
	if (dma_level_now(&pool->used) != mapped || pool->used.spare < 0)
		port_panic("swiotlb: %zu slots are mapped, counted are %llu, at most %llu", mapped,
			   (unsigned long long)dma_level_now(&pool->used),
			   (unsigned long long)pool->used.high);
	port_unlock(&pool->lock, flags);
}
