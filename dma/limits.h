/* SPDX-License-Identifier: MIT */
/*
 * Everything a device can't do, in one record, and all the arithmetic on ends,
 * masks and boundaries, in one file.
 *
 * The arithmetic is on last bytes, never on ends: a buffer whose last byte is
 * at the mask fits, and one that ends at the top of the address space doesn't
 * wrap. Pure functions; any context.
 */
#ifndef DMA_LIMITS_H
#define DMA_LIMITS_H

#include "dma/types.h"

struct dma_limits {
	uint64_t streaming_mask; /* highest bus address a mapping may reach */
	uint64_t coherent_mask;	 /* the same for coherent memory */
	uint64_t bus_limit;	 /* highest address that the way to memory passes (bridges) */
	uint64_t boundary_mask;	 /* a segment never crosses a multiple of boundary_mask + 1 */
	size_t max_segment;	 /* bytes in one segment */
	unsigned max_segments;	 /* segments in one list */
	uint32_t min_align_mask; /* these low bits of a bounced address equal the original's */
	int64_t bus_offset;	 /* bus address minus physical address, modulo 2^64 */
};

/* No limits but 32 bits of address, which is what PCI promises. */
#define DMA_LIMITS_DEFAULT                                                                         \
	((struct dma_limits){.streaming_mask = DMA_BIT_MASK(32),                                   \
			     .coherent_mask = DMA_BIT_MASK(32),                                    \
			     .bus_limit = UINT64_MAX,                                              \
			     .boundary_mask = UINT64_MAX,                                          \
			     .max_segment = SIZE_MAX,                                              \
			     .max_segments = 1})

/* A child is held to the strictest of its own and its parent's limits; bus offsets add up. */
void dma_limits_inherit(struct dma_limits *child, const struct dma_limits *parent);

/* The last address that both the mask and the way there allow. */
uint64_t dma_limits_reach(const struct dma_limits *limits, uint64_t mask);

/*
 * [addr, addr + len) has a last byte (len > 0, no wrap), and it is at or
 * below `reach`.
 */
bool dma_range_within(uint64_t addr, uint64_t len, uint64_t reach);

/* [addr, addr + len) crosses a multiple of boundary_mask + 1. len > 0, no wrap. */
bool dma_range_crosses(uint64_t addr, uint64_t len, uint64_t boundary_mask);

/* Physical to bus and back. */
dma_addr_t dma_from_phys(const struct dma_limits *limits, phys_addr_t addr);
phys_addr_t dma_to_phys(const struct dma_limits *limits, dma_addr_t addr);

/*
 * The highest physical address whose bus address is at or below `reach`, for
 * an allocation under a limit; false where there is none.
 */
bool dma_limits_phys_reach(const struct dma_limits *limits, uint64_t reach, uint64_t *last);

#endif
