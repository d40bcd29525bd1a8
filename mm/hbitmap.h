/* SPDX-License-Identifier: MIT */
/*
 * A bitmap that finds its set bits, over memory that nobody cleared: a bit of
 * level l + 1 says that word of level l is not zero, up to a root of one word. A
 * search looks at one word a level on the way up and one on the way down,
 * whatever the size and the filling.
 *
 *	level 2 (root)   |............1.1|
 *	                              | '-------------.
 *	level 1          |  (clear)  |..1.....|  |.1.......|
 *	                                |          |
 *	level 0 (leaves) | garbage | |1..1|  ...  |.1..|
 *
 * The levels above the leaves are cleared at init: 1/63 of the whole, 384 KiB
 * for all the bitmaps of 256 GiB. The leaves are not: a leaf whose parent bit
 * is 0 is garbage, and is overwritten when its first bit is set. So there are
 * always two levels at least.
 *
 * To clear the only bit of a leaf and soon set it again would change every level
 * twice. So one leaf may be hollow: zero, and the levels above don't know it yet.
 * They are told when another becomes hollow, or something is searched for.
 *
 * It lives in memory of the caller's, who also locks.
 */
#ifndef MM_HBITMAP_H
#define MM_HBITMAP_H

#include "mm/types.h"

#define HBITMAP_LEVELS	 5
#define HBITMAP_MAX_BITS (1UL << (6 * HBITMAP_LEVELS))
#define HBITMAP_NONE	 SIZE_MAX

/* As large as a line of the cache; so an array of them is indexed by a shift. */
struct hbitmap {
	size_t hollow; /* a leaf, or HBITMAP_NONE */
	size_t levels;
	uint64_t *level[HBITMAP_LEVELS];
} __attribute__((aligned(64)));

/* Bytes of memory (8-aligned) for that many bits, HBITMAP_MAX_BITS at most. */
size_t hbitmap_size(size_t bits);

/* All bits clear. */
void hbitmap_init(struct hbitmap *map, size_t bits, void *memory);

/* The highest set bit <= i, the lowest >= i, for i < bits; HBITMAP_NONE: there is none. */
size_t hbitmap_last(struct hbitmap *map, size_t i);
size_t hbitmap_first(struct hbitmap *map, size_t i);

/* Set bits [first, first + count). */
void hbitmap_set_range(struct hbitmap *map, size_t first, size_t count);

/* Tell the levels above that this leaf is not zero any more; that the hollow one is. */
void hbitmap_rise(struct hbitmap *map, size_t leaf);
void hbitmap_settle(struct hbitmap *map);

static inline uint64_t hbitmap_bit(size_t i)
{
	return 1ULL << (i & 63);
}

/* Of a word that isn't 0. */
static inline size_t hbitmap_highest(uint64_t word)
{
	return 63 ^ (unsigned)__builtin_clzll(word);
}

static inline bool hbitmap_leaf_live(const struct hbitmap *map, size_t leaf)
{
	return map->level[1][leaf >> 6] & hbitmap_bit(leaf);
}

/* What is set of 64 bits. */
static inline uint64_t hbitmap_leaf(const struct hbitmap *map, size_t leaf)
{
	return hbitmap_leaf_live(map, leaf) ? map->level[0][leaf] : 0;
}

static inline bool hbitmap_test(const struct hbitmap *map, size_t i)
{
	return hbitmap_leaf(map, i >> 6) & hbitmap_bit(i);
}

/* The leaf, live and about to get a bit. */
static inline uint64_t *hbitmap_wake(struct hbitmap *map, size_t leaf)
{
	uint64_t *word = &map->level[0][leaf];

	if (__builtin_expect(!hbitmap_leaf_live(map, leaf), 0)) {
		*word = 0;
		hbitmap_rise(map, leaf);
	} else if (!*word) {
		map->hollow = HBITMAP_NONE;
	}
	return word;
}

/* Returns the bit's word as it is then: a look at its neighbours costs nothing. */
static inline uint64_t hbitmap_set(struct hbitmap *map, size_t i)
{
	return *hbitmap_wake(map, i >> 6) |= hbitmap_bit(i);
}

/* The bit is set: in a leaf that is garbage there is nothing to clear. */
static inline void hbitmap_clear(struct hbitmap *map, size_t i)
{
	uint64_t *leaf = &map->level[0][i >> 6];

	*leaf &= ~hbitmap_bit(i);
	if (*leaf)
		return;
	if (map->hollow != HBITMAP_NONE)
		hbitmap_settle(map);
	map->hollow = i >> 6;
}

/* The highest set bit of all: from the root down. HBITMAP_NONE: there is none. */
static inline size_t hbitmap_top(struct hbitmap *map)
{
	unsigned l = map->levels - 1;
	size_t i = 0;

	if (__builtin_expect(map->hollow != HBITMAP_NONE, 0))
		hbitmap_settle(map);
	if (!map->level[l][0])
		return HBITMAP_NONE;
	do
		i = i << 6 | hbitmap_highest(map->level[l][i]);
	while (l-- > 0);
	return i;
}

#endif
