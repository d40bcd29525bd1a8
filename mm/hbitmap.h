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
	size_t bits;
	unsigned levels;
	uint64_t *level[HBITMAP_LEVELS];
} __attribute__((aligned(64)));

/* Bytes of memory (8-aligned) for that many bits, HBITMAP_MAX_BITS at most. */
size_t hbitmap_size(size_t bits);

/* All bits clear. */
void hbitmap_init(struct hbitmap *map, size_t bits, void *memory);

/* The highest set bit <= i, the lowest >= i, for i < bits; HBITMAP_NONE: there is none. */
size_t hbitmap_last(const struct hbitmap *map, size_t i);
size_t hbitmap_first(const struct hbitmap *map, size_t i);

/*
 * The highest set bit of all, the lowest; HBITMAP_NONE: there is none. From the
 * root down, which is one word a level, whatever lies at the ends.
 */
static inline size_t hbitmap_top(const struct hbitmap *map);
static inline size_t hbitmap_bottom(const struct hbitmap *map);

/* Set bits [first, first + count). */
void hbitmap_set_range(struct hbitmap *map, size_t first, size_t count);

/* Does each level say what the level below holds, and nothing beyond the end? For tests. */
bool hbitmap_valid(const struct hbitmap *map);

/* Word `i` of level 1 became non-zero, or zero: tell the levels above. */
void hbitmap_rise(struct hbitmap *map, size_t i);
void hbitmap_fall(struct hbitmap *map, size_t i);

static inline uint64_t hbitmap_bit(size_t i)
{
	return 1ULL << (i & 63);
}

/* Of a word that isn't 0. */
static inline size_t hbitmap_highest(uint64_t word)
{
	return 63 ^ (unsigned)__builtin_clzll(word);
}

static inline size_t hbitmap_lowest(uint64_t word)
{
	return (size_t)__builtin_ctzll(word);
}

static inline bool hbitmap_leaf_live(const struct hbitmap *map, size_t leaf)
{
	return map->level[1][leaf >> 6] >> (leaf & 63) & 1;
}

static inline bool hbitmap_test(const struct hbitmap *map, size_t i)
{
	size_t leaf = i >> 6;

	return hbitmap_leaf_live(map, leaf) && (map->level[0][leaf] >> (i & 63) & 1);
}

/* A leaf became non-zero, or zero. */
static inline void hbitmap_leaf_rises(struct hbitmap *map, size_t leaf)
{
	uint64_t *parent = &map->level[1][leaf >> 6], old = *parent;

	*parent = old | hbitmap_bit(leaf);
	if (__builtin_expect(!old, 0))
		hbitmap_rise(map, leaf >> 6);
}

static inline void hbitmap_leaf_falls(struct hbitmap *map, size_t leaf)
{
	uint64_t *parent = &map->level[1][leaf >> 6];

	*parent &= ~hbitmap_bit(leaf);
	if (__builtin_expect(!*parent, 0))
		hbitmap_fall(map, leaf >> 6);
}

/* Returns the word that it is in, as it is then: its neighbours are looked at for nothing. */
static inline uint64_t hbitmap_set(struct hbitmap *map, size_t i)
{
	size_t leaf = i >> 6;

	if (__builtin_expect(hbitmap_leaf_live(map, leaf), 1))
		return map->level[0][leaf] |= hbitmap_bit(i);
	map->level[0][leaf] = hbitmap_bit(i);
	hbitmap_leaf_rises(map, leaf);
	return hbitmap_bit(i);
}

/* The bit is set: in a leaf that is garbage there is nothing to clear. */
static inline void hbitmap_clear(struct hbitmap *map, size_t i)
{
	uint64_t *leaf = &map->level[0][i >> 6];

	*leaf &= ~hbitmap_bit(i);
	if (__builtin_expect(!*leaf, 0))
		hbitmap_leaf_falls(map, i >> 6);
}

static inline size_t hbitmap_top(const struct hbitmap *map)
{
	unsigned l = map->levels - 1;
	size_t i = 0;

	if (!map->level[l][0])
		return HBITMAP_NONE;
	do
		i = i << 6 | hbitmap_highest(map->level[l][i]);
	while (l-- > 0);
	return i;
}

static inline size_t hbitmap_bottom(const struct hbitmap *map)
{
	unsigned l = map->levels - 1;
	size_t i = 0;

	if (!map->level[l][0])
		return HBITMAP_NONE;
	do
		i = i << 6 | hbitmap_lowest(map->level[l][i]);
	while (l-- > 0);
	return i;
}

#endif
