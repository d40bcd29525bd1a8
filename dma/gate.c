/* SPDX-License-Identifier: MIT */
#include "dma/bounce.h"
#include "dma/dma.h"

/* [first, first + len) of bounce memory, or near it: one mapping of this device's, or direct? */
static __attribute__((noinline)) bool is_own(struct dma_device *dev, uint64_t first, size_t len)
{
	struct bounce bounce;

	if (!bounce_find(dev->sys, phys(first), &bounce))
		return !bounce_meets(dev->sys, first, first + len - 1);
	return bounce.record.device == dev->id &&
	       len <= bounce.record.length - (first - bounce.start.value);
}

static __attribute__((noinline)) bool refuse(struct dma_device *dev, dma_addr_t addr, size_t len,
					     const void *caller)
{
	enum dma_misuse_kind kind = DMA_MISUSE_GATE_POOL;

	if (addr.bus == DMA_MAPPING_ERROR.bus)
		kind = DMA_MISUSE_MAPPING_ERROR;
	else if (!dma_range_within(addr.bus, len, UINT64_MAX))
		kind = DMA_MISUSE_GATE_LENGTH;
	else if (!dma_range_within(addr.bus, len, dma_reach(dev)))
		kind = DMA_MISUSE_GATE_REACH;
	dma_count(&dev->count.refused, 1);
	dma_misuse(dev, kind, addr.bus, len, caller);
	return false;
}

bool dma_gate(struct dma_device *dev, dma_addr_t addr, size_t len, uint64_t *out)
{
	uint64_t first = dma_to_phys(&dev->limits, addr).value;

	*out = 0;
	if (!dma_range_within(addr.bus, len, dma_reach(dev)))
		return refuse(dev, addr, len, DMA_CALLER);
	if (bounce_near(dev->sys, first, first + len - 1) && !is_own(dev, first, len))
		return refuse(dev, addr, len, DMA_CALLER);
	*out = addr.bus;
	return true;
}
