/* SPDX-License-Identifier: MIT */
/*
 * Pools of small blocks of coherent memory: descriptors, command blocks.
 *
 * Free blocks are known outside the blocks: a device that writes into one that
 * was freed breaks nothing here. Allocating and freeing are O(1), however many
 * blocks there are; only a new page now and then costs more. A page that was
 * taken stays the pool's until it is destroyed.
 *
 * Any context; but dma_pool_create() and dma_pool_destroy() not from interrupt
 * handlers.
 */
#ifndef DMA_POOL_H
#define DMA_POOL_H

#include "dma/coherent.h"

struct dma_pool;

/*
 * Blocks of `size` bytes (up to 4 MiB; 64 are taken at least), each on the bus
 * aligned to `align` (2^n, or 0: none asked) and crossing no multiple of
 * `boundary` (2^n, or 0). NULL: they contradict each other, no device, or no
 * memory. `name` stays the caller's and outlives the pool.
 */
struct dma_pool *dma_pool_create(const char *name, struct dma_device *dev, size_t size,
				 size_t align, size_t boundary);

/* Blocks that are left are a misuse, named and counted; their pages stay the device's. */
void dma_pool_destroy(struct dma_pool *pool);

/* A block, contents undefined (dma_pool_zalloc: zeroed); NULL: no memory. */
void *dma_pool_alloc(struct dma_pool *pool, dma_addr_t *handle);
void *dma_pool_zalloc(struct dma_pool *pool, dma_addr_t *handle);

/* What isn't a live block of this pool, by pointer and handle, is a misuse, without effect. */
void dma_pool_free(struct dma_pool *pool, void *block, dma_addr_t handle);

#endif
