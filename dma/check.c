/* SPDX-License-Identifier: MIT */
#include "dma/check.h"

#include "dma/dma.h"
#include "dma/port.h"

static const char *const names[DMA_MISUSE_KINDS] = {
	[DMA_MISUSE_UNMAP_INVALID] = "unmap or sync of what is not mapped",
	[DMA_MISUSE_SIZE] = "unmap with another size than was mapped",
	[DMA_MISUSE_DIRECTION] = "unmap or sync in another direction than was mapped",
	[DMA_MISUSE_DEVICE] = "another device's mapping",
	[DMA_MISUSE_SYNC_RANGE] = "sync beyond the mapping",
	[DMA_MISUSE_MAPPING_ERROR] = "DMA_MAPPING_ERROR used as an address",
	[DMA_MISUSE_GATE_REACH] = "gate: out of the device's reach",
	[DMA_MISUSE_GATE_POOL] = "gate: memory outside a mapping of the device",
	[DMA_MISUSE_GATE_DECLARED] = "gate: device memory outside a piece of the device",
	[DMA_MISUSE_GATE_LENGTH] = "gate: no bytes, or an end that wraps",
	[DMA_MISUSE_LEAK] = "removed with mappings left",
	[DMA_MISUSE_FUNCTION] = "mapped memory freed, or coherent memory unmapped",
	[DMA_MISUSE_CPU_ADDRESS] = "freed by another pointer than allocated",
	[DMA_MISUSE_SG_COUNT] = "another number of list entries than was mapped",
	[DMA_MISUSE_RESOURCE] = "RAM mapped as a resource",
	[DMA_MISUSE_POOL_BLOCK] = "pool: no live block of it",
	[DMA_MISUSE_POOL_LEFT] = "pool: destroyed with blocks left",
	[DMA_MISUSE_PAGE_DOUBLE_FREE] = "pages freed twice",
	[DMA_MISUSE_PAGE_ORDER] = "pages freed with another order than allocated",
	[DMA_MISUSE_PAGE_RESERVED] = "pages freed that are not the allocator's",
	[DMA_MISUSE_PAGE_UNALIGNED] = "pages freed at no block's address",
};

bool dma_worth_saying(uint64_t nth)
{
	return nth <= 10 || (nth & (nth - 1)) == 0;
}

void dma_misuse(struct dma_device *dev, enum dma_misuse_kind kind, uint64_t addr, uint64_t len,
		const void *caller)
{
	uint64_t nth = __atomic_add_fetch(&dev->sys->misuse[kind], 1, __ATOMIC_RELAXED);
	size_t offset = 0;
	const char *function;

	if (!dma_worth_saying(nth))
		return;
	function = port_symbol(caller, &offset);
	port_log(PORT_LOG_ERROR, "dma: %s: %s: %#llx+%llu, by %s+%#zx", dev->name, names[kind],
		 (unsigned long long)addr, (unsigned long long)len, function ? function : "?",
		 function ? offset : (size_t)caller);
}

const char *dma_misuse_name(enum dma_misuse_kind kind)
{
	return names[kind];
}
