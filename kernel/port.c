/* SPDX-License-Identifier: MIT */
/*
 * What mm/ and dma/ ask of their kernel (mm/port.h, dma/port.h), answered with
 * this kernel's services. A port to another kernel replaces this file.
 */
#include "dma/port.h"

#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/mmu.h"
#include "kernel/panic.h"
#include "kernel/string.h"

void port_lock_wait(struct port_lock *lock)
{
	do {
		while (__atomic_load_n(&lock->word, __ATOMIC_RELAXED))
			__builtin_ia32_pause();
	} while (__atomic_exchange_n(&lock->word, 1, __ATOMIC_ACQUIRE));
}

void port_copy(phys_addr_t dst, phys_addr_t src, size_t n)
{
	memcpy(phys_to_virt(dst), phys_to_virt(src), n);
}

void port_zero(phys_addr_t dst, size_t n)
{
	memset(phys_to_virt(dst), 0, n);
}

void port_log(enum port_log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vlog_at((enum log_level)level, fmt, args);
	va_end(args);
}

void port_panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vpanic(fmt, args);
	/* cppcheck-suppress va_end_missing */
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

const char *port_symbol(const void *addr, size_t *offset)
{
	return symbol_find(addr, offset);
}
