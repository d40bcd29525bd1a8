/* SPDX-License-Identifier: MIT */
/*
 * The memory map: which RAM there is, and which of it nobody has taken yet.
 *
 * Firmware's ranges are added in any order, as they come: unsorted,
 * overlapping, unaligned, zero-length, wrapping. memmap_seal() makes of them
 * sorted, disjoint, page-aligned lists; where a usable and a reserved range
 * overlap, reserved wins. From then on memory is reserved or carved out of
 * what is free, until the page allocator takes the rest.
 *
 * Owner: the boot CPU, before interrupts. No locks. Page 0 is never free.
 */
#ifndef MM_MEMMAP_H
#define MM_MEMMAP_H

#include "mm/types.h"

#define MEMMAP_RANGES 256

/* [start, end), in bytes. */
struct mem_range {
	uint64_t start, end;
};

struct range_list {
	size_t count;
	struct mem_range range[MEMMAP_RANGES];
};

struct memmap {
	struct range_list ram;	    /* all usable RAM, sorted, disjoint, page-aligned */
	struct range_list free;	    /* of that, what is not reserved or carved */
	struct range_list reserved; /* what firmware said is not usable, to the byte */
	uint64_t limit;		    /* nothing at or above it is used (the CPU's address width) */
	unsigned dropped;	    /* ranges that were malformed or had no room; for a warning */
};

enum memmap_end { MEMMAP_LOWEST, MEMMAP_HIGHEST };

/* An empty map that ignores all at or above `limit` (bytes; UINT64_MAX: none). */
void memmap_init(struct memmap *map, uint64_t limit);

/*
 * One range as firmware gave it. A length of zero is ignored; one that wraps is
 * cut at the end of the address space. What is dropped for want of room is
 * counted in map->dropped; a reserved range that finds no room closes the map
 * above its start, so that an overflow never turns reserved memory into RAM.
 */
void memmap_add(struct memmap *map, uint64_t base, uint64_t length, bool usable);

/* Sort, merge, align, subtract. Returns 0, or -ENOMEM where no RAM is left. */
int memmap_seal(struct memmap *map);

/*
 * After the seal: [start, end), widened to pages, is somebody's (an image, a
 * module) and not free any more. Empty is fine. -EINVAL: end before start.
 * -ENOSPC: done, but the list was full, and free memory above it was lost.
 */
int memmap_reserve(struct memmap *map, uint64_t start, uint64_t end);

/* Give whole pages of that back; of them only RAM becomes free. -EINVAL; -ENOSPC: not all could. */
int memmap_release(struct memmap *map, uint64_t start, uint64_t end);

/*
 * Take `size` bytes (rounded up to pages), aligned to `align` (a power of two,
 * at least a page), wholly within [min, max), from the chosen end.
 * PHYS_NONE where nothing fits.
 */
phys_addr_t memmap_carve(struct memmap *map, uint64_t size, uint64_t align, uint64_t min,
			 uint64_t max, enum memmap_end end);

/* Is every byte of [start, end) RAM? (Of an empty range: no.) Is any byte of [first, last]? */
bool memmap_is_ram(const struct memmap *map, uint64_t start, uint64_t end);
bool memmap_has_ram(const struct memmap *map, uint64_t first, uint64_t last);

/* The end of the highest RAM, in bytes; bytes of RAM at or above `from`. */
uint64_t memmap_top(const struct memmap *map);
uint64_t memmap_bytes(const struct memmap *map, uint64_t from);

#endif
