/* SPDX-License-Identifier: MIT */
/*
 * Addresses and sizes that mm/ and dma/ share.
 *
 * A physical address is a struct, so that it can't be mixed up with a pointer,
 * a bus address or a plain number; in the ABI it is one register all the same.
 */
#ifndef MM_TYPES_H
#define MM_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SHIFT    12
#define PAGE_SIZE     (1UL << PAGE_SHIFT)

#define KIB(n)	      ((uint64_t)(n) << 10)
#define MIB(n)	      ((uint64_t)(n) << 20)
#define GIB(n)	      ((uint64_t)(n) << 30)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define ARRAY_END(a)  (&(a)[ARRAY_SIZE(a)])

/* `a` is a power of two. */
#define ALIGN_UP(x, a)	 (((x) + ((a)-1)) & ~((uint64_t)(a)-1))
#define ALIGN_DOWN(x, a) ((x) & ~((uint64_t)(a)-1))

/* What the CPU's memory controller sees. */
typedef struct {
	uint64_t value;
} phys_addr_t;

/* No memory is there: the answer of an allocator that has nothing to give. */
#define PHYS_NONE ((phys_addr_t){UINT64_MAX})

static inline phys_addr_t phys(uint64_t value)
{
	return (phys_addr_t){value};
}

static inline bool phys_is_none(phys_addr_t addr)
{
	return addr.value == UINT64_MAX;
}

static inline phys_addr_t phys_add(phys_addr_t addr, uint64_t bytes)
{
	return (phys_addr_t){addr.value + bytes};
}

#endif
