/* SPDX-License-Identifier: MIT */
#include "tests/unit/buddy_validate.h"

#define NONE SIZE_MAX /* no leaf is hollow, no pair deferred */

/* --- bitmaps --- */

static size_t words_of(size_t bits)
{
	return bits ? (bits + 63) >> 6 : 1;
}

static bool level_valid(const struct hbitmap *map, unsigned level, size_t bits)
{
	size_t words = words_of(bits);

	for (size_t w = 0; w < words; w++) {
		uint64_t word = level ? map->level[level][w] : hbitmap_leaf(map, w);
		bool known = word || (level == 0 && w == map->hollow);

		if (level + 1 < map->levels &&
		    known != !!(map->level[level + 1][w >> 6] & hbitmap_bit(w)))
			return false;
		if (w == bits >> 6 && word >> (bits & 63))
			return false;
	}
	return true;
}

bool hbitmap_valid(const struct hbitmap *map, size_t bits)
{
	if (map->hollow != NONE &&
	    (!hbitmap_leaf_live(map, map->hollow) || map->level[0][map->hollow]))
		return false;
	for (unsigned level = 0; level < map->levels; level++, bits = words_of(bits))
		if (!level_valid(map, level, bits))
			return false;
	return true;
}

/* --- blocks --- */

/* In how many blocks a page of block `block` of `order` is, of that order and above. */
static unsigned owners(const struct buddy *buddy, unsigned order, size_t block)
{
	size_t page = block << order;
	unsigned count = 0;

	for (; order < BUDDY_ORDERS; order++) {
		count += hbitmap_test(&buddy->free[order], page >> order);
		count += buddy_is_used(buddy, order, page >> order);
	}
	return count;
}

static const char *check_free_block(const struct buddy *buddy, unsigned order, size_t n)
{
	const struct hbitmap *free = &buddy->free[order];

	if (owners(buddy, order, n) != 1)
		return "a free block overlaps another block";
	if (order < BUDDY_MAX_ORDER && hbitmap_test(free, n ^ 1) &&
	    n >> 1 != buddy->deferred[order])
		return "two free buddies were not merged";
	return NULL;
}

static const char *check_free(const struct buddy *buddy, unsigned order)
{
	const struct hbitmap *free = &buddy->free[order];
	size_t count = 0, deferred = buddy->deferred[order];
	const char *wrong = NULL;

	if (!hbitmap_valid(free, buddy->blocks[order]))
		return "a bitmap's levels disagree";
	for (size_t leaf = 0; leaf << 6 < buddy->blocks[order]; leaf++) {
		for (uint64_t bits = hbitmap_leaf(free, leaf); bits && !wrong; bits &= bits - 1) {
			count++;
			wrong = check_free_block(buddy, order,
						 leaf << 6 | (size_t)__builtin_ctzll(bits));
		}
	}
	if (wrong)
		return wrong;
	if (deferred != NONE &&
	    (!hbitmap_test(free, 2 * deferred) || !hbitmap_test(free, 2 * deferred + 1)))
		return "what is deferred isn't a pair";
	return count == buddy->free_blocks[order] ? NULL : "free_blocks is wrong";
}

static const char *check_used(const struct buddy *buddy, unsigned order, size_t largest)
{
	size_t n = largest << (BUDDY_MAX_ORDER - order), end = n + (BUDDY_MAX_PAGES >> order);

	for (; n < end; n++) {
		if (!buddy->used[order][n / 64])
			n |= 63; /* there are many such words */
		else if (buddy_is_used(buddy, order, n) && owners(buddy, order, n) != 1)
			return "a used block overlaps another block";
	}
	return NULL;
}

const char *buddy_validate(const struct buddy *buddy)
{
	for (unsigned order = 0; order < BUDDY_ORDERS; order++) {
		const char *wrong = check_free(buddy, order);

		for (size_t n = 0; n < buddy->blocks[BUDDY_MAX_ORDER] && !wrong; n++)
			if (buddy->known[n])
				wrong = check_used(buddy, order, n);
		if (wrong)
			return wrong;
	}
	return NULL;
}
