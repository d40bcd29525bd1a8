/* SPDX-License-Identifier: MIT */
/*
 * The invariants of the buddy allocator and of its bitmaps, checked by walking
 * all of their state. Nothing is changed by that, and nothing read that was never
 * written; nobody else changes it meanwhile.
 */
#ifndef TESTS_UNIT_BUDDY_VALIDATE_H
#define TESTS_UNIT_BUDDY_VALIDATE_H

#include "mm/buddy.h"

/* What is wrong with it, in words; NULL: nothing. */
const char *buddy_validate(const struct buddy *buddy);

/* Does each level say what the level below holds, and nothing beyond the last of its `bits`? */
bool hbitmap_valid(const struct hbitmap *map, size_t bits);

#endif
