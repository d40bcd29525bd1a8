/* SPDX-License-Identifier: MIT */
/*
 * Memory that CPU and device use at the same time, and buffers that are born
 * where the device reaches.
 *
 * Coherent memory comes from the first of these that has it: memory on
 * devices (dma/declared.h); pages under its coherent mask; the pool. It is
 * zeroed, and aligned on the bus to the smallest power of two of pages that
 * holds it, up to 4 MiB; so up to 64 KiB never crosses 64 KiB, and a segment
 * boundary is crossed only by what is longer. It takes no more pages than it needs.
 *
 * All of it stands in a ledger (dma/ledger.h) or in the pool's records, with its
 * device and its bytes, so that whatever is wrong with giving it back is named,
 * and has no effect. What a removed device has is never handed out again.
 *
 * Any context, interrupts on or off. No device (NULL) has no memory.
 */
#ifndef DMA_COHERENT_H
#define DMA_COHERENT_H

#include "dma/dma.h"

/* `size` bytes, zeroed; NULL: none, and dma_last_failure() says why. Attribute: NO_WARN. */
void *dma_alloc_attrs(struct dma_device *dev, size_t size, dma_addr_t *handle, unsigned attrs);

/* Same size, pointer and handle as allocated; else it is a misuse. A NULL pointer is fine. */
void dma_free_attrs(struct dma_device *dev, size_t size, void *cpu, dma_addr_t handle,
		    unsigned attrs);

static inline void *dma_alloc_coherent(struct dma_device *dev, size_t size, dma_addr_t *handle)
{
	return dma_alloc_attrs(dev, size, handle, 0);
}

static ALWAYS_INLINE void dma_free_coherent(struct dma_device *dev, size_t size, void *cpu,
					    dma_addr_t handle)
{
	dma_free_attrs(dev, size, cpu, handle, 0);
}

/*
 * A buffer to be mapped, of pages that the device reaches by its streaming mask
 * and that keep its limits: mapping it never bounces (but where that is forced).
 * Contents undefined. NULL: there are none; use any other memory, it is bounced.
 */
void *dma_alloc_for(struct dma_device *dev, size_t size);
void dma_free_for(struct dma_device *dev, void *ptr, size_t size);

/* Inside dma/: the device's limits have changed. */
void dma_lend_refit(struct dma_device *dev);

/* Inside dma/: are these bytes within coherent memory that the device has in pages? */
bool dma_lent_holds(struct dma_device *dev, phys_addr_t addr, size_t len);

#endif
