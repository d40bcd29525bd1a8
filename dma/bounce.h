/* SPDX-License-Identifier: MIT */
/*
 * Bounced mappings, of both kinds: through the swiotlb, and through transient
 * slots where even an empty swiotlb has nothing that the device reaches. From
 * here on nobody asks which.
 *
 * Inside dma/ only. The system's locks are taken within; copies are made
 * outside them, by whose the mapping is.
 */
#ifndef DMA_BOUNCE_H
#define DMA_BOUNCE_H

#include "dma/dma.h"
#include "dma/swiotlb.h"

struct bounce {
	phys_addr_t start; /* of the mapping, in bounce memory */
	struct swiotlb_slot record;
	bool transient;
};

/* Bounce memory for a buffer, with its bytes copied in. PHYS_NONE, counted and said, where none. */
phys_addr_t bounce_map(struct dma_device *dev, phys_addr_t addr, size_t len,
		       enum dma_data_direction dir);

/* The mapping that holds this physical address, whose ever it is. */
bool bounce_find(struct dma_system *sys, phys_addr_t addr, struct bounce *bounce);

/* Copy out if that's its direction, and give the memory back. False: it was gone meanwhile. */
bool bounce_unmap(struct dma_device *dev, const struct bounce *bounce);

/* Copy `len` bytes at `at`, which lie in the mapping, from or to the buffer. */
void bounce_copy_in(struct dma_device *dev, const struct bounce *bounce, phys_addr_t at,
		    size_t len);
void bounce_copy_out(struct dma_device *dev, const struct bounce *bounce, phys_addr_t at,
		     size_t len);

/* Does any bounce memory, mapped or not, lie in [first, last]? */
bool bounce_meets(struct dma_system *sys, uint64_t first, uint64_t last);

/* Quickly: may it? */
static inline bool bounce_near(const struct dma_system *sys, uint64_t first, uint64_t last)
{
	return first <= sys->bounce_last && last >= sys->bounce_first;
}

static inline void dma_count(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* The highest bus address of a streaming mapping. */
static inline uint64_t dma_reach(const struct dma_device *dev)
{
	return dma_limits_reach(&dev->limits, dev->limits.streaming_mask);
}

#endif
