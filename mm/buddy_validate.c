/* SPDX-License-Identifier: MIT */
/*
 * The buddy allocator's invariant, checked by walking all of its state. It only
 * reads, and only what was ever written; nobody changes the allocator meanwhile.
 */
#include "mm/buddy.h"

/* In how many blocks a page of block `block` of `order` is, of that order and above. */
static unsigned owners(const struct buddy *buddy, unsigned order, size_t block)
{
	size_t page = block << order;
	unsigned count = 0;

	for (; order < BUDDY_ORDERS; order++) {
		count += hbitmap_test(&buddy->free[order], page >> order);
		count += buddy_used(buddy, order, page >> order);
	}
	return count;
}

static const char *check_free(const struct buddy *buddy, unsigned order)
{
	const struct hbitmap *free = &buddy->free[order];
	size_t count = 0, deferred = buddy->deferred[order];

	if (!hbitmap_valid(free))
		return "a bitmap's levels disagree";
	for (size_t n = hbitmap_first(free, 0); n != HBITMAP_NONE; n = hbitmap_first(free, n + 1)) {
		count++;
		if (owners(buddy, order, n) != 1)
			return "a free block overlaps another block";
		if (order < BUDDY_MAX_ORDER && hbitmap_test(free, n ^ 1) && n >> 1 != deferred)
			return "two free buddies were not merged";
	}
	if (deferred != HBITMAP_NONE &&
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
		else if (buddy_used(buddy, order, n) && owners(buddy, order, n) != 1)
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
