/* SPDX-License-Identifier: MIT */
/*
 * Memory at boot: in which order physical memory gets its owners.
 *
 *	firmware's map -> image, boot information, modules reserved
 *	               -> page tables
 *	               -> modules moved to the top (a loader puts them where the pool wants to be)
 *	               -> swiotlb, as low above the image as it can lie
 *	               -> all the rest to the page allocator
 *
 * Boot CPU, interrupts off, once.
 */
#ifndef KERNEL_MEMORY_H
#define KERNEL_MEMORY_H

#include "kernel/machine.h"

/* The map, checked, and the page tables. Ends the run with a clear line where there is too little.
 */
void memory_map(struct machine *m);

/* From modules on. What the loader laid into memory is gone after this. */
void memory_share_out(struct machine *m);

#endif
