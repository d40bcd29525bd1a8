/* SPDX-License-Identifier: MIT */
/*
 * Pools of small blocks of coherent memory: descriptors, command blocks.
 *
 * Free blocks are known outside the blocks: a device that writes into one that
 * was freed breaks nothing here. Allocating and freeing are O(1), however many
 * blocks there are.
 *
 * Any context; but dma_pool_create() and dma_pool_destroy() not from interrupt
 * handlers.
 */
#ifndef DMA_POOL_H
#define DMA_POOL_H

#include "dma/coherent.h"

struct dma_pool;

/*
 * Blocks of `size` bytes, each on the bus aligned to `align` (2^n, or 0: none
 * asked) and crossing no multiple of `boundary` (2^n, or 0). NULL: they contradict each
 * other, or no memory. `name` stays the caller's and outlives the pool.
 */
struct dma_pool *dma_pool_create(const char *name, struct dma_device *dev, size_t size,
				 size_t align, size_t boundary);

/* Blocks that are left are a misuse, named and counted; their memory isn't given back. */
void dma_pool_destroy(struct dma_pool *pool);

/* A block, contents undefined (dma_pool_zalloc: zeroed); NULL: no memory. */
void *dma_pool_alloc(struct dma_pool *pool, dma_addr_t *handle);
void *dma_pool_zalloc(struct dma_pool *pool, dma_addr_t *handle);

/* What isn't a live block of this pool is a misuse, without effect. */
void dma_pool_free(struct dma_pool *pool, void *block, dma_addr_t handle);

#endif
