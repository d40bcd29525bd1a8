/* SPDX-License-Identifier: MIT */
/*
 * Arenas in the kernel: pages of the machine's own allocator, the wished ones
 * where they are free.
 */
#include "tests/arena.h"

#include "dma/port.h"
#include "kernel/io.h"
#include "kernel/irq.h"
#include "kernel/machine.h"
#include "kernel/mmu.h"

static const enum dma_misuse_kind misuse_kinds[] = {
	[PAGE_DOUBLE_FREE] = DMA_MISUSE_PAGE_DOUBLE_FREE,
	[PAGE_WRONG_ORDER] = DMA_MISUSE_PAGE_ORDER,
	[PAGE_RESERVED] = DMA_MISUSE_PAGE_RESERVED,
	[PAGE_UNALIGNED] = DMA_MISUSE_PAGE_UNALIGNED,
};

static unsigned order_of(size_t bytes)
{
	unsigned order = 0;

	while (PAGE_SIZE << order < bytes)
		order++;
	return order;
}

bool arena_get(struct arena *arena, uint64_t wish, size_t size, size_t align)
{
	struct page_request request = {.zone = ZONE_NORMAL, .limit = NO_LIMIT};
	size_t pages;
	phys_addr_t block;

	size = ALIGN_UP(size, PAGE_SIZE);
	pages = size >> PAGE_SHIFT;
	*arena = (struct arena){phys(wish), size};
	if (pages_take(&machine.zones, phys(wish), pages) != 0) {
		/* A block is aligned to its size; what it has beyond ours goes back. */
		request.order = order_of(size > align ? size : align);
		block = pages_alloc(&machine.zones, &request);
		if (phys_is_none(block))
			return false;
		arena->base = block;
		if (pages < (size_t)1 << request.order)
			pages_give(&machine.zones, phys_add(block, size),
				   ((size_t)1 << request.order) - pages);
	}
	port_zero(arena->base, size);
	return true;
}

void arena_put(struct arena *arena)
{
	pages_give(&machine.zones, arena->base, arena->size >> PAGE_SHIFT);
}

void *test_alloc(size_t size)
{
	struct arena arena;

	return arena_get(&arena, 0, size, PAGE_SIZE) ? phys_to_virt(arena.base) : NULL;
}

void test_free(void *at, size_t size)
{
	size_t pages = ALIGN_UP(size, PAGE_SIZE) >> PAGE_SHIFT;

	pages_give(&machine.zones, virt_to_phys(at), pages);
}

void test_cpu(unsigned cpu)
{
}

static void (*interrupt)(void);

static bool tick(void *arg)
{
	(void)arg;
	interrupt();
	return true;
}

/* The 8254's counter 0, again and again after 60 of its 1,193,182 a second, or never [mode 2]. */
void test_interrupts(void (*handler)(void))
{
	if (interrupt) {
		outb(0x43, 0x30);
		irq_remove(0, tick, NULL);
	}
	interrupt = handler;
	if (handler && irq_add(0, tick, NULL) == 0) {
		outb(0x43, 0x34);
		outb(0x40, 60);
		outb(0x40, 0);
	}
}

bool test_is_mapped(const void *at)
{
	return !phys_is_none(mmu_translate((uint64_t)at));
}

uint64_t test_page_misuse(enum page_misuse kind)
{
	return machine.dma.misuse[misuse_kinds[kind]];
}
