/* SPDX-License-Identifier: MIT */
/*
 * The bitmap of hbitmap.h.
 *
 * In memory the upper levels come first, so that one sweep clears them:
 *
 *	| level 1 | level 2 | ... | root | level 0, as it was found |
 *
 * Invariant: a bit of a level above 0 is set exactly when the word below it is
 * live and not zero; no bit is set at or beyond the level's end.
 */
#include "mm/hbitmap.h"
#include "mm/port.h"

static size_t words_of(size_t bits)
{
	return (bits + 63) >> 6;
}

/* Words of all levels above the leaves. */
static size_t upper_words(size_t bits)
{
	size_t words = words_of(bits), sum = 0;

	do {
		words = words_of(words);
		sum += words;
	} while (words > 1);
	return sum;
}

size_t hbitmap_size(size_t bits)
{
	if (bits == 0)
		bits = 1; /* an empty map still has a root that says so */
	return (upper_words(bits) + words_of(bits)) * sizeof(uint64_t);
}

void hbitmap_init(struct hbitmap *map, size_t bits, void *memory)
{
	size_t words = words_of(bits ? bits : 1), upper = upper_words(bits ? bits : 1);
	uint64_t *next = memory;

	memset(memory, 0, upper * sizeof(uint64_t));
	map->bits = bits;
	map->level[0] = next + upper;
	map->levels = 1;
	do {
		words = words_of(words);
		map->level[map->levels++] = next;
		next += words;
	} while (words > 1);
}

void hbitmap_rise(struct hbitmap *map, size_t i)
{
	for (unsigned l = 2; l < map->levels; l++, i >>= 6) {
		uint64_t *word = &map->level[l][i >> 6], old = *word;

		*word = old | hbitmap_bit(i);
		if (old)
			return;
	}
}

void hbitmap_fall(struct hbitmap *map, size_t i)
{
	for (unsigned l = 2; l < map->levels; l++, i >>= 6) {
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
		if (hbitmap_leaf_live(map, leaf)) {
			map->level[0][leaf] |= bits;
		} else {
			map->level[0][leaf] = bits;
			hbitmap_leaf_rises(map, leaf);
		}
		first = next;
	}
}

static uint64_t word_at(const struct hbitmap *map, unsigned l, size_t w)
{
	if (l == 0 && !hbitmap_leaf_live(map, w))
		return 0;
	return map->level[l][w];
}

size_t hbitmap_last(const struct hbitmap *map, size_t i)
{
	size_t leaf = i >> 6;
	uint64_t bits = 0;
	unsigned l = 0;

	if (hbitmap_leaf_live(map, leaf))
		bits = map->level[0][leaf] & UINT64_MAX >> (63 - (i & 63));
	while (!bits) {
		/* What is before i's word, whose own bit is no answer. */
		i >>= 6;
		if (++l == map->levels)
			return HBITMAP_NONE;
		bits = map->level[l][i >> 6] & (hbitmap_bit(i) - 1);
	}
	for (i = (i & ~(size_t)63) | hbitmap_highest(bits); l > 0;) {
		l--;
		i = i << 6 | hbitmap_highest(map->level[l][i]);
	}
	return i;
}

size_t hbitmap_first(const struct hbitmap *map, size_t i)
{
	size_t end = map->bits; /* of the level */

	for (unsigned l = 0; l < map->levels && i < end; l++) {
		size_t w = i >> 6;
		uint64_t bits = word_at(map, l, w) & UINT64_MAX << (i & 63);

		if (bits) {
			i = w << 6 | hbitmap_lowest(bits);
			while (l-- > 0)
				i = i << 6 | hbitmap_lowest(map->level[l][i]);
			return i;
		}
		i = w + 1;
		end = words_of(end);
	}
	return HBITMAP_NONE;
}

static bool level_valid(const struct hbitmap *map, unsigned l, size_t bits)
{
	size_t words = words_of(bits);
	uint64_t beyond = bits & 63 ? UINT64_MAX << (bits & 63) : 0;

	for (size_t w = 0; w < words; w++) {
		bool live = l + 1 < map->levels && (map->level[l + 1][w >> 6] & hbitmap_bit(w));

		if (l + 1 < map->levels && (l > 0 || live) && live != (map->level[l][w] != 0))
			return false;
	}
	return words == 0 || !(word_at(map, l, words - 1) & beyond);
}

bool hbitmap_valid(const struct hbitmap *map)
{
	size_t bits = map->bits;

	for (unsigned l = 0; l < map->levels; l++, bits = words_of(bits))
		if (!level_valid(map, l, bits))
			return false;
	return true;
}
