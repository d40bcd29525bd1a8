/* SPDX-License-Identifier: MIT */
/*
 * The kernel's page tables.
 *
 *	0x0000000000000000  nothing: every low pointer faults
 *	DIRECT_BASE         all RAM, writable, no-execute (2 MiB pages, 1 GiB where CPUID has them)
 *	MMIO_BASE           device memory, uncached or write-combining, mapped on demand
 *	KERNEL_BASE         the image: text r-x, rodata r--, data rw-, guard pages below stacks
 *
 * No page is both writable and executable: what is text or rodata can't be
 * written through the direct map either. Page 0 isn't mapped there, too.
 *
 * The boot tables (entry.S) map the first 4 GiB at 0 and at DIRECT_BASE, so
 * that phys_to_virt() holds from the first C line on.
 *
 * Boot CPU only, and not from interrupt handlers.
 */
#ifndef KERNEL_MMU_H
#define KERNEL_MMU_H

#define DIRECT_BASE 0xffff800000000000
#define MMIO_BASE   0xffffc00000000000
#define KERNEL_BASE 0xffffffff80000000

#ifndef __ASSEMBLER__

#include "mm/types.h"

struct memmap;
struct zones;

/* All but MMU_EXEC as a page table entry has them; uncached is stronger than combining. */
enum mmu_flags {
	MMU_READ = 0,
	MMU_WRITE = 1 << 1,
	MMU_EXEC = 1 << 2,
	MMU_COMBINING = 1 << 3, /* uncached, but writes may be put together (mmu_map_device()) */
	MMU_UNCACHED = 3 << 3,
};

/*
 * Build the final tables and switch to them: direct map of all RAM of the map,
 * image by section. Table pages are carved from the map's top below 4 GiB.
 * -ENOMEM.
 */
int mmu_init(struct memmap *map);

/* From now on table pages come from the allocator. */
void mmu_use_pages(struct zones *zones);

/*
 * Map, change or remove pages at `virt`; sizes and addresses in whole pages.
 * Large pages are split where only a part of them changes. mmu_map replaces
 * what was there; mmu_unmap passes over what wasn't. 0; -EINVAL: no such
 * address, writable and executable at once, or (mmu_protect) nothing mapped at
 * some page; -ENOMEM: no page for a table. After an error the pages before the
 * one that failed are changed.
 */
int mmu_map(uint64_t virt, phys_addr_t addr, uint64_t size, unsigned flags);
int mmu_protect(uint64_t virt, uint64_t size, unsigned flags);
int mmu_unmap(uint64_t virt, uint64_t size);

/* What a virtual address leads to; PHYS_NONE where nothing is mapped. */
phys_addr_t mmu_translate(uint64_t virt);

/*
 * The flags of the page that a virtual address is in (MMU_EXEC always, where
 * the CPU has no NX), and the page's size in bytes; 0 where nothing is mapped.
 */
uint64_t mmu_page(uint64_t virt, unsigned *flags);

/*
 * Device memory at any physical address (no alignment asked), in the MMIO
 * window: write-combining if the flags say so and the CPU can, else uncached.
 * The same memory isn't to be mapped as both. NULL where tables or window are
 * used up, or the CPU has no such address.
 */
void *mmu_map_device(phys_addr_t addr, uint64_t size, unsigned flags);

/* What mmu_map_device() gave, with the size that it was given. */
void mmu_unmap_device(const void *mapped, uint64_t size);

/* RAM's place in the direct map, and back (also for pointers into the image). */
static inline void *phys_to_virt(phys_addr_t addr)
{
	return (void *)(addr.value + DIRECT_BASE);
}

static inline phys_addr_t virt_to_phys(const void *ptr)
{
	uint64_t v = (uint64_t)ptr;

	return phys(v >= KERNEL_BASE ? v - KERNEL_BASE : v - DIRECT_BASE);
}

/* The end of the physical addresses that the CPU has and the direct map can hold. */
uint64_t mmu_phys_limit(void);

#endif
#endif
