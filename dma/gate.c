/* SPDX-License-Identifier: MIT */
/* The gate, where it isn't short (dma/short.h). */
#include "dma/bounce.h"
#include "dma/dma.h"

static bool refuse(struct dma_device *dev, dma_addr_t addr, size_t len, const void *caller)
{
	enum dma_misuse_kind kind = DMA_MISUSE_GATE_POOL;

	if (addr.bus == DMA_MAPPING_ERROR.bus)
		kind = DMA_MISUSE_MAPPING_ERROR;
	else if (!dma_range_within(addr.bus, len, UINT64_MAX))
		kind = DMA_MISUSE_GATE_LENGTH;
	else if (!dma_usable(dev, addr, len))
		kind = DMA_MISUSE_GATE_REACH;
	dma_count(&dev->count.refused, 1);
	dma_misuse(dev, kind, addr.bus, len, caller);
	return false;
}

static NOINLINE bool gate_any(struct dma_device *dev, dma_addr_t addr, size_t len, uint64_t *out,
			      const void *caller)
{
	uint64_t first = dma_to_phys(&dev->limits, addr).value;
	bool usable = dma_usable(dev, addr, len);
	struct bounce bounce;

	*out = 0;
	if (usable && bounce_find(dev->sys, phys(first), &bounce))
		usable = bounce.record.device == dev->id &&
			 len <= bounce.record.length - (first - bounce.start.value);
	else if (usable)
		usable = !bounce_meets(dev->sys, first, first + len - 1);
	if (!usable)
		return refuse(dev, addr, len, caller);
	*out = addr.bus;
	return true;
}

bool dma_gate_bounced(struct dma_device *dev, dma_addr_t addr, size_t len, uint64_t *out)
{
	size_t i = swiotlb_index(dev->pool, phys(addr.bus));

	if (!dma_ends_short(dev, addr.bus, len) ||
	    !swiotlb_holds(dev->pool, i, len, dev->id,
			   SWIOTLB_OWNER_SHIFTED | (SWIOTLB_DEVICES - 1)))
		return gate_any(dev, addr, len, out, DMA_CALLER);
	*out = addr.bus;
	return true;
}
