/* SPDX-License-Identifier: MIT */
/*
 * A bitmap of 64-bit words, searched and written a word at a time. Ranges are
 * [from, to); an empty one is fine. The caller holds the lock of whatever the
 * map is of.
 */
#ifndef DMA_BITS_H
#define DMA_BITS_H

#include "mm/types.h"

#define BITS_WORDS(n) (((n) + 63) / 64)

static inline bool bit_test(const uint64_t *map, size_t i)
{
	return map[i / 64] >> (i % 64) & 1;
}

/* Of word `w`, the bits that lie in [from, to). */
static inline uint64_t bits_part(size_t w, size_t from, size_t to)
{
	uint64_t part = UINT64_MAX;

	if (w == from / 64)
		part &= UINT64_MAX << (from % 64);
	if (w == to / 64)
		part &= (1UL << (to % 64)) - 1;
	return part;
}

#endif
