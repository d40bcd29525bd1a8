/* SPDX-License-Identifier: MIT */
/* What is too large for a stack, and for each suite to have its own: a case's while it runs. */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include "mm/memmap.h"

extern struct memmap scratch_map;

#endif
