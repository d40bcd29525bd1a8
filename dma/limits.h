/* SPDX-License-Identifier: MIT */
/*
 * Everything a device can't do, in one record, and the arithmetic on ends, masks
 * and boundaries, in one place: limits.c, and here what the direct path needs
 * inline.
 *
 * The arithmetic is on last bytes, never on ends: a buffer whose last byte is
 * at the mask fits, and one that ends at the top of the address space doesn't
 * wrap. Pure functions; any context.
 *
 * What a device sees of memory is a window, moved by its bus offset:
 *
 *	physical  0 ....... first ................. last ........
 *	bus                 0     (offset < 0)      reach
 */
#ifndef DMA_LIMITS_H
#define DMA_LIMITS_H

#include "dma/types.h"

struct dma_limits {
	uint64_t streaming_mask; /* highest bus address a mapping may reach */
	uint64_t coherent_mask;	 /* the same for coherent memory */
	uint64_t bus_limit;	 /* highest address that the way to memory passes (bridges) */
	uint64_t boundary_mask;	 /* a segment never crosses a multiple of this, 2^n - 1, plus 1 */
	size_t max_segment;	 /* bytes in one segment */
	unsigned max_segments;	 /* segments in one list */
	uint32_t min_align_mask; /* 2^n - 1: these bits of a bounced address equal the original's */
	int64_t bus_offset;	 /* bus address minus physical address */
};

/* No limits but 32 bits of address, which is what PCI promises. */
#define DMA_LIMITS_DEFAULT                                                                         \
	((struct dma_limits){.streaming_mask = DMA_BIT_MASK(32),                                   \
			     .coherent_mask = DMA_BIT_MASK(32),                                    \
			     .bus_limit = UINT64_MAX,                                              \
			     .boundary_mask = UINT64_MAX,                                          \
			     .max_segment = SIZE_MAX,                                              \
			     .max_segments = 1})

/*
 * A child is held to the strictest of its own and its parent's limits, now and
 * whenever it sets one (dma_limits_hold()). But masks and bus offset are only a
 * beginning, the offset added to its own: what it sets later is its own word.
 * What a bridge doesn't let through belongs in bus_limit.
 */
void dma_limits_inherit(struct dma_limits *child, const struct dma_limits *parent);
void dma_limits_hold(struct dma_limits *child, const struct dma_limits *parent);

/* The last address that both the mask and the way there allow; the topmost is DMA_MAPPING_ERROR. */
static inline uint64_t dma_limits_reach(const struct dma_limits *limits, uint64_t mask)
{
	uint64_t reach = mask < limits->bus_limit ? mask : limits->bus_limit;

	return reach - (reach == DMA_MAPPING_ERROR.bus);
}

/*
 * [addr, addr + len) has a last byte (len > 0, no wrap), and it is at or
 * below `reach`.
 */
static inline bool dma_range_within(uint64_t addr, uint64_t len, uint64_t reach)
{
	return addr <= reach && len - 1 <= reach - addr && len != 0;
}

/* [addr, addr + len) crosses a multiple of boundary_mask + 1. len > 0, no wrap. */
static inline bool dma_range_crosses(uint64_t addr, uint64_t len, uint64_t boundary_mask)
{
	return ((addr ^ (addr + len - 1)) & ~boundary_mask) != 0;
}

/* Physical to bus and back. Memory outside the device's window comes out outside any reach. */
static inline dma_addr_t dma_from_phys(const struct dma_limits *limits, phys_addr_t addr)
{
	uint64_t offset = (uint64_t)limits->bus_offset, bus = addr.value + offset;

	if (offset != 0 && (bus < addr.value) != (limits->bus_offset < 0))
		return DMA_MAPPING_ERROR;
	return (dma_addr_t){bus};
}

static inline phys_addr_t dma_to_phys(const struct dma_limits *limits, dma_addr_t addr)
{
	return phys(addr.bus - (uint64_t)limits->bus_offset);
}

/*
 * The physical addresses whose bus address is at or below `reach`: *first to
 * *last, or false where there are none.
 */
bool dma_limits_window(const struct dma_limits *limits, uint64_t reach, uint64_t *first,
		       uint64_t *last);

#endif
