/* SPDX-License-Identifier: MIT */
/*
 * The bitmap of hbitmap.h.
 *
 * In memory the upper levels come first, so that one sweep clears them:
 *
 *	| level 1 | level 2 | ... | root | level 0, as it was found |
 *
 * Invariant: a bit of a level above 0 is set exactly when the word below it is
 * live and not zero, or on the way from the hollow leaf; no bit is set at or
 * beyond the level's end.
 */
#include "mm/hbitmap.h"
#include "mm/port.h"

/* At least one: an empty map has a root that says so. */
static size_t words_of(size_t bits)
{
	return bits ? (bits + 63) >> 6 : 1;
}

size_t hbitmap_size(size_t bits)
{
	size_t words = words_of(bits), sum = words;

	do {
		words = words_of(words);
		sum += words;
	} while (words > 1);
	return sum * sizeof(uint64_t);
}

void hbitmap_init(struct hbitmap *map, size_t bits, void *memory)
{
	size_t words = words_of(bits), upper = hbitmap_size(bits) / sizeof(uint64_t) - words;
	uint64_t *next = memory;

	memset(memory, 0, upper * sizeof(uint64_t));
	*map = (struct hbitmap){.hollow = HBITMAP_NONE, .levels = 1, .level = {next + upper}};
	do {
		words = words_of(words);
		map->level[map->levels++] = next;
		next += words;
	} while (words > 1);
}

void hbitmap_rise(struct hbitmap *map, size_t i)
{
	for (unsigned l = 1; l < map->levels; l++, i >>= 6) {
		uint64_t *word = &map->level[l][i >> 6], old = *word;

		*word = old | hbitmap_bit(i);
		if (old)
			return;
	}
}

void hbitmap_settle(struct hbitmap *map)
{
	size_t i = map->hollow;

	map->hollow = HBITMAP_NONE;
	for (unsigned l = 1; i != HBITMAP_NONE && l < map->levels; l++, i >>= 6) {
		uint64_t *word = &map->level[l][i >> 6];

		*word &= ~hbitmap_bit(i);
		if (*word)
			return;
	}
}

void hbitmap_set_range(struct hbitmap *map, size_t first, size_t count)
{
	size_t end = first + count;

	while (first < end) {
		size_t leaf = first >> 6, next = (leaf + 1) << 6;
		uint64_t bits = UINT64_MAX << (first & 63);

		if (next > end)
			bits &= UINT64_MAX >> (next - end);
		*hbitmap_wake(map, leaf) |= bits;
		first = next;
	}
}

static inline size_t outermost(uint64_t word, bool down)
{
	return down ? hbitmap_highest(word) : (size_t)__builtin_ctzll(word);
}

/*
 * Up from the leaf to the first word that has a bit on the asked side of where we
 * came from, whose own bit is no answer; and down again along that side.
 */
static inline __attribute__((always_inline)) size_t search(struct hbitmap *map, size_t i, bool down)
{
	uint64_t side = down ? UINT64_MAX >> (63 - (i & 63)) : UINT64_MAX << (i & 63);
	uint64_t bits = hbitmap_leaf(map, i >> 6) & side;
	unsigned l = 0;

	hbitmap_settle(map);
	while (!bits) {
		i >>= 6;
		if (++l == map->levels)
			return HBITMAP_NONE;
		side = down ? hbitmap_bit(i) - 1 : UINT64_MAX << 1 << (i & 63);
		bits = map->level[l][i >> 6] & side;
	}
	i = ALIGN_DOWN(i, 64) | outermost(bits, down);
	while (l-- > 0)
		i = i << 6 | outermost(map->level[l][i], down);
	return i;
}

size_t hbitmap_last(struct hbitmap *map, size_t i)
{
	return search(map, i, true);
}

size_t hbitmap_first(struct hbitmap *map, size_t i)
{
	return search(map, i, false);
}
