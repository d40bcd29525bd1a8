/* SPDX-License-Identifier: MIT */
/*
 * The free runs of a pool of slots.
 */
#ifndef DMA_RUNS_H
#define DMA_RUNS_H

#include "mm/types.h"

struct runs {
	size_t slots;
	uint64_t *used;	  /* a bit a slot */
	uint32_t *length; /* of a slot that isn't free: its taker's */
};

#endif
