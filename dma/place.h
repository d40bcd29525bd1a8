/* SPDX-License-Identifier: MIT */
/*
 * Where in the pool a mapping goes that can't go anywhere, or why nowhere. For
 * dma/swiotlb.c only; of what dma/swiotlb.h declares, swiotlb_fit_prepare() and
 * swiotlb_never() are there too.
 *
 * A request becomes a plan: so many slots, from a slot in [low, high] that two
 * rules allow, of alignment and of boundaries. One run of each length that is
 * enough is looked at; then, with the magazines emptied, a few of each. Where none
 * will do and there are more, one pass over the bitmap says whether any does:
 *
 *	free         1 1 1 0 1 1 1 0 ...    bits of a word
 *	& starts     1 0 0 0 1 0 0 0        three free ones begin there
 *	& allowed    0 1 0 1 0 1 0 1        at odd slots only: none
 */
#ifndef DMA_PLACE_H
#define DMA_PLACE_H

#include "dma/swiotlb.h"

/*
 * Take the run for a mapping (slot->offset is set), as swiotlb_take() describes;
 * its first slot. RUNS_NONE: there is none, counted, the reason in *why.
 */
size_t place_take(struct swiotlb *pool, const struct swiotlb_fit *fit,
		  const struct swiotlb_slot *slot, enum dma_failure *why);

#endif
