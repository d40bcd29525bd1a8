/* SPDX-License-Identifier: MIT */
/*
 * What mm/ and dma/ ask of their kernel (mm/port.h, dma/port.h), answered with
 * this kernel's services; port_log() is in log.c, port_panic() in panic.c,
 * port_symbol() in backtrace.c. A port to another kernel replaces this file.
 */
#include "dma/port.h"

#include "kernel/io.h"
#include "kernel/machine.h"
#include "kernel/mmu.h"
#include "kernel/string.h"

void port_zero(phys_addr_t dst, size_t n)
{
	memset(phys_to_virt(dst), 0, n);
}

void *port_map_device(phys_addr_t addr, size_t size, enum port_mapping how)
{
	return mmu_map_device(
		addr, size, MMU_WRITE | (how == PORT_MAP_COMBINING ? MMU_COMBINING : MMU_UNCACHED));
}

void port_unmap_device(void *mapped, size_t size)
{
	mmu_unmap_device(mapped, size);
}

uint32_t port_io_read32(const void *at)
{
	return readl(at);
}

void port_io_write32(void *at, uint32_t value)
{
	writel(value, at);
}

void port_page_misuse(enum page_misuse kind, phys_addr_t addr, unsigned order, const void *caller)
{
	static const enum dma_misuse_kind kinds[] = {
		[PAGE_DOUBLE_FREE] = DMA_MISUSE_PAGE_DOUBLE_FREE,
		[PAGE_WRONG_ORDER] = DMA_MISUSE_PAGE_ORDER,
		[PAGE_RESERVED] = DMA_MISUSE_PAGE_RESERVED,
		[PAGE_UNALIGNED] = DMA_MISUSE_PAGE_UNALIGNED,
	};

	dma_misuse(&machine.dma.nobody, kinds[kind], addr.value, PAGE_SIZE << order, caller);
}
