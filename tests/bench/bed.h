/* SPDX-License-Identifier: MIT */
/*
 * A bed: the machine as it would be after a boot with another swiotlb. All
 * memory that was free is its own, carved as at boot:
 *
 *	|  pool ->  |  low buffer        4 GiB |      pages     |  <- all else |
 *
 * Nothing in a bed is ever given back: the next one is made over it. So its
 * pages and slots can be brought into any state.
 */
#ifndef TESTS_BENCH_BED_H
#define TESTS_BENCH_BED_H

#include "dma/dma.h"
#include "mm/memmap.h"

#define BED_BUFFER KIB(256) /* bytes of each buffer */
#define BED_POOL   MIB(64)  /* Linux's default */

struct bed {
	struct memmap map;
	struct zones zones;
	struct kmem kmem;
	struct swiotlb pool;
	struct dma_system sys;
	struct dma_device dev;	  /* of 32 bits, whose calls are measured */
	struct dma_device filler; /* who has what the pool is filled with */
	struct swiotlb_fit any;	  /* how the filler takes it: whatever is free */
	phys_addr_t high, low;	  /* buffers, out of its reach and within */
	/* The state of pool and pages: */
	const char *pattern, *pages;
	int fill;	 /* of the pool, percent, or BED_ANY_FILL */
	unsigned states; /* in how many a pair is worth measuring */
	uint64_t *unit;	 /* what others have, in the order in which it is given back */
	size_t units;
};

#define BED_ANY_FILL -1

/*
 * Take all memory there is, for beds, of which `bed` is to be one after the other;
 * give it back. False: there is not enough of it.
 */
bool bed_memory(struct bed *bed);
void bed_memory_end(void);

/* A bed with nothing in use. The caches are on. */
struct bed *bed_make(uint64_t pool_bytes);

/* Use all the caches there are, or none. Returns the word for it. */
const char *bed_cache(struct bed *bed, bool use);

/* One run for the filler; PHYS_NONE. */
phys_addr_t bed_take(struct bed *bed, size_t bytes);

/* Until `percent` of the slots are taken, in one run if nothing was. */
void bed_fill_contiguous(struct bed *bed, unsigned percent);

/*
 * Fill an empty pool with runs of `bytes`, to be given back at random; and give
 * back until `percent` of the slots are taken.
 */
void bed_fill_scattered(struct bed *bed, const char *pattern, size_t bytes);
void bed_thin_out(struct bed *bed, size_t bytes, unsigned percent);

/* Of an empty pool every fourth slot: between them runs of three, which begin at odd ones. */
void bed_fill_misaligned(struct bed *bed);

enum bed_pages {
	BED_PRISTINE,
	/* As after a long time: all were taken in blocks of random orders up to 4, of which every
	   other was given back. */
	BED_USED,
	/* As much as can be: of each 16 a random one is free; and one block of 4 MiB, for what
	   needs more. */
	BED_FRAGMENTED,
};

/* A bed, the caches on, whose pages are in that state. */
struct bed *bed_make_pages(enum bed_pages state);

#endif
