/* SPDX-License-Identifier: MIT */
/*
 * Where in the pool a mapping goes that can't go anywhere, or why nowhere. For
 * dma/swiotlb.c only.
 *
 * A request becomes a plan: so many slots, from a slot in [low, high] that is
 * `phase` modulo `stride` (min_align_mask), such that the bytes in them cross no
 * boundary. Free runs are tried: first one of each length that is enough, then,
 * where that can't be all there is, each of them. So none is missed.
 */
#ifndef DMA_PLACE_H
#define DMA_PLACE_H

#include "dma/swiotlb.h"

/*
 * Take the run for a mapping (slot->offset is set), as swiotlb_take() describes;
 * its first slot. RUNS_NONE: none that the index knows, the reason in *why.
 */
size_t place_take(struct swiotlb *pool, const struct swiotlb_fit *fit,
		  const struct swiotlb_slot *slot, enum dma_failure *why);

#endif
