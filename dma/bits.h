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
#define BITS_NONE     (-1L)

static inline bool bit_test(const uint64_t *map, size_t i)
{
	return map[i / 64] >> (i % 64) & 1;
}

static inline void bit_set(uint64_t *map, size_t i)
{
	map[i / 64] |= 1UL << (i % 64);
}

static inline void bit_clear(uint64_t *map, size_t i)
{
	map[i / 64] &= ~(1UL << (i % 64));
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

/* The first set bit of [from, to), or of the inverted map a clear one; BITS_NONE. */
static inline long bits_first(const uint64_t *map, size_t from, size_t to, uint64_t invert)
{
	for (size_t w = from / 64; w < BITS_WORDS(to); w++) {
		uint64_t word = (map[w] ^ invert) & bits_part(w, from, to);

		if (word)
			return (long)(w * 64) + __builtin_ctzl(word);
	}
	return BITS_NONE;
}

#define bits_first_set(map, from, to)	bits_first(map, from, to, 0)
#define bits_first_clear(map, from, to) bits_first(map, from, to, UINT64_MAX)

/* The last set bit of [from, to); BITS_NONE. */
static inline long bits_last_set(const uint64_t *map, size_t from, size_t to)
{
	for (size_t w = BITS_WORDS(to); w-- > from / 64;) {
		uint64_t word = map[w] & bits_part(w, from, to);

		if (word)
			return (long)(w * 64) + 63 - __builtin_clzl(word);
	}
	return BITS_NONE;
}

static inline void bits_fill(uint64_t *map, size_t from, size_t to, bool value)
{
	for (size_t w = from / 64; w < BITS_WORDS(to); w++) {
		uint64_t part = bits_part(w, from, to);

		map[w] = value ? map[w] | part : map[w] & ~part;
	}
}

/* Set bits in [from, to). */
static inline size_t bits_count(const uint64_t *map, size_t from, size_t to)
{
	size_t n = 0;

	for (size_t w = from / 64; w < BITS_WORDS(to); w++)
		for (uint64_t word = map[w] & bits_part(w, from, to); word; word &= word - 1)
			n++;
	return n;
}

#endif
