/* SPDX-License-Identifier: MIT */
/*
 * Transient slots: where even an empty pool has nothing under a device's limit
 * (or there is no pool at all), a mapping is bounced through pages of its own,
 * given back on unmap.
 *
 *	block            start              start + length     block + 2^order pages
 *	|  zeroed        |  the mapping     |  zeroed          |
 *
 * What was mapped is kept in a ledger (dma/ledger.h), by the block's first page.
 *
 * They lie in the only memory that devices with tight limits can use: so they are
 * for those, and no overflow of the pool. sys->lock; any context.
 */
#ifndef DMA_TRANSIENT_H
#define DMA_TRANSIENT_H

#include "dma/dma.h"
#include "dma/swiotlb.h"

/* As swiotlb_take(); what the pages hold outside the mapping is zero. */
phys_addr_t transient_take(struct dma_system *sys, const struct swiotlb_fit *fit,
			   struct swiotlb_slot record, enum dma_failure *why);

/* As swiotlb_find(), swiotlb_put() and swiotlb_settle(). */
bool transient_find(struct dma_system *sys, phys_addr_t addr, phys_addr_t *start,
		    struct swiotlb_slot *record);
bool transient_put(struct dma_system *sys, phys_addr_t start);
void transient_settle(struct dma_system *sys, phys_addr_t start, bool settled);

/* Does [first, last] meet any block? */
bool transient_meets(struct dma_system *sys, uint64_t first, uint64_t last);

/* The bounds of bounce memory as the pool alone sets them. Under the lock, or before it counts. */
void transient_reset_bounds(struct dma_system *sys);

#endif
