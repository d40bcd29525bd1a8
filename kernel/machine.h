/* SPDX-License-Identifier: MIT */
/*
 * The instances: the one memory map, allocator, pool and DMA system of this
 * machine. mm/ and dma/ get them as arguments; only main, the shell, jobs and
 * drivers name them. (gdb's helpers begin here.)
 */
#ifndef KERNEL_MACHINE_H
#define KERNEL_MACHINE_H

#include "boot/boot_info.h"
#include "dma/dma.h"

/* A boot module after it was moved to the top of memory. */
struct module {
	phys_addr_t addr;
	uint64_t size; /* bytes */
	char name[48];
};

struct machine {
	struct boot_info boot;
	struct memmap memmap;
	struct zones zones;
	struct kmem kmem;
	struct swiotlb pool;
	struct dma_system dma;
	size_t module_count;
	struct module module[BOOT_MODULES];
	uint64_t seed;
	uint64_t entered;	/* kmain(), in TSC ticks */
	struct mem_range image; /* the kernel, physical */
};

extern struct machine machine;

/* --- how it is filled at boot, in this order --- */

/*
 * Parse what entry.S was handed, and put the command lines (the loader's, then
 * fw_cfg opt/bounce/cmdline) in place. Ends the run with a clear line where the
 * loader is unknown or its information is no such thing.
 */
void firmware_init(uint32_t magic, uint64_t info_addr, struct boot_info *info);

/* The map, checked, and the page tables. Ends the run with a clear line where there is too little.
 */
void memory_map(struct machine *m);

/* From modules on. What the loader laid into memory is gone after this. */
void memory_share_out(struct machine *m);

#endif
