/* SPDX-License-Identifier: MIT */
/*
 * The one sink for what a caller does wrong.
 *
 * Misuse is a driver's bug: the call that shows it has no effect, is counted by
 * kind, and is named in the log with the device and the caller's function.
 * Exhaustion and bad input are not misuse; they return errors.
 */
#ifndef DMA_CHECK_H
#define DMA_CHECK_H

#include "dma/types.h"

struct dma_device;
struct dma_system;

enum dma_misuse_kind {
	DMA_MISUSE_UNMAP_INVALID, /* unmap or sync of what is not mapped, unmap from its middle */
	DMA_MISUSE_SIZE,	  /* unmap with another size than was mapped */
	DMA_MISUSE_DIRECTION,	  /* unmap or sync in another direction than was mapped */
	DMA_MISUSE_DEVICE,	  /* another device's mapping */
	DMA_MISUSE_SYNC_RANGE,	  /* sync beyond the mapping; clamped */
	DMA_MISUSE_MAPPING_ERROR, /* DMA_MAPPING_ERROR used as an address */
	DMA_MISUSE_GATE_REACH,	  /* at the gate: out of the device's reach */
	DMA_MISUSE_GATE_POOL,	  /* at the gate: pool memory that isn't this device's mapping, or
				     any RAM that isn't, of a device that is forced to bounce */
	DMA_MISUSE_GATE_DECLARED, /* at the gate: device memory outside a piece of this device */
	DMA_MISUSE_GATE_LENGTH,	  /* at the gate: nothing, or an end that wraps */
	DMA_MISUSE_LEAK,	  /* a device is gone, `len` mappings of it aren't */
	DMA_MISUSE_FUNCTION,	  /* mapped memory freed, coherent memory unmapped */
	DMA_MISUSE_CPU_ADDRESS,	  /* coherent memory freed by another pointer than it has */
	DMA_MISUSE_SG_COUNT,	  /* unmap or sync of another number of entries than was mapped */
	DMA_MISUSE_RESOURCE,	  /* dma_map_resource() of RAM */
	DMA_MISUSE_POOL_BLOCK,	  /* dma_pool_free() of what is no live block of the pool */
	DMA_MISUSE_POOL_LEFT,	  /* dma_pool_destroy() with `len` blocks left */
	DMA_MISUSE_PAGE_DOUBLE_FREE,
	DMA_MISUSE_PAGE_ORDER,
	DMA_MISUSE_PAGE_RESERVED,
	DMA_MISUSE_PAGE_UNALIGNED,
	DMA_MISUSE_KINDS,
	NOTHING_WRONG = DMA_MISUSE_KINDS
};

/*
 * The return address of the API function that calls this: the driver's line. So
 * what of the API is in headers, on the way to such a function, is always inline:
 * a copy that the compiler made of it would be the caller that is named.
 */
#define DMA_CALLER    __builtin_return_address(0)
#define ALWAYS_INLINE inline __attribute__((always_inline))

/*
 * Report one misuse: counted always; said ten times a kind, from then on each
 * time the count doubles. `dev` is never NULL (a system has a device `nobody` for
 * what no device did). `addr` is a bus address; a physical one of pages, and in
 * dma_map_resource() and dma_free_for(), which are given such; 0 of a leak.
 */
void dma_misuse(struct dma_device *dev, enum dma_misuse_kind kind, uint64_t addr, uint64_t len,
		const void *caller);

/* Is the nth report of something to be printed? The first ten, then powers of two. */
bool dma_worth_saying(uint64_t nth);

const char *dma_misuse_name(enum dma_misuse_kind kind);

#endif
