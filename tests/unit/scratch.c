/* SPDX-License-Identifier: MIT */
#include "tests/unit/scratch.h"

struct memmap scratch_map;
