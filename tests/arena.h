/* SPDX-License-Identifier: MIT */
/*
 * Memory for tests of mm/ and dma/: a stretch of physical addresses that the
 * port's functions (port_phys_to_virt, port_copy, ...) reach.
 *
 * A host process has no physical memory, so there the wished base is simply
 * declared to be it, with unreachable pages around. In the kernel it is taken
 * if it happens to be free; otherwise other memory is given. So a test asks for
 * what it would like, and reckons from `base`.
 *
 * What merely manages addresses (memory map, page allocator) never touches
 * them: it can be given any numbers, with no arena behind them.
 */
#ifndef TESTS_ARENA_H
#define TESTS_ARENA_H

#include "mm/port.h"

#define ARENA_MAX MIB(4) /* bytes, and alignment: more is not to be had in one piece */

struct arena {
	phys_addr_t base;
	size_t size; /* bytes, whole pages */
};

/*
 * `size` bytes (up to ARENA_MAX, rounded up to pages), zeroed, at `wish` where
 * that can be had; `wish` is a multiple of `align`, a power of two up to
 * ARENA_MAX, and so is the base that is given. False: no memory; skip.
 */
bool arena_get(struct arena *arena, uint64_t wish, size_t size, size_t align);
void arena_put(struct arena *arena);

/* Zeroed, at any address, and not what a case asks for: ktest_zalloc() is. NULL: no memory. */
void *test_alloc(size_t size);
void test_free(void *at, size_t size);

/* What port_cpu() answers from now on; 0 at first. The kernel has but one CPU, and keeps it. */
void test_cpu(unsigned cpu);

/*
 * From now on `handler` is called as an interrupt's: on the host whenever one could
 * come before a lock is taken or after it is given back, in the kernel by a clock,
 * some 20,000 times a second. NULL: no more.
 */
void test_interrupts(void (*handler)(void));

/* Does the CPU reach anything at a pointer (or an address for IO) of port_map_device()'s? */
bool test_is_mapped(const void *at);

/* How often port_page_misuse() was told of this kind, since the start. */
uint64_t test_page_misuse(enum page_misuse kind);

#endif
