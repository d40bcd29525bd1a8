/* SPDX-License-Identifier: MIT */
/*
 * Page frames: zones, and an allocator that takes an address limit.
 *
 * ZONE_DMA is the bottom 16 MiB, ZONE_NORMAL all the rest. A request names a
 * zone, an order and, if it likes, the last address the block may reach; the
 * answer is the highest (or lowest, or a random) free block that fits, of the
 * smallest order that is enough, at a cost that does not grow with memory.
 *
 * Any context, interrupts on or off.
 */
#ifndef MM_PAGES_H
#define MM_PAGES_H

#include "mm/buddy.h"
#include "mm/memmap.h"
#include "mm/types.h"

#define ZONE_DMA_END MIB(16)

enum page_refusal {
	REFUSED_SIZE,	 /* order above BUDDY_MAX_ORDER */
	REFUSED_LIMIT,	 /* free blocks of that order exist, but none under the limit, or none that
			    fits */
	REFUSED_EMPTY,	 /* no free block of that order */
	REFUSED_RESERVE, /* only ZONE_DMA had one, and the request may not take it */
	REFUSED_WATERMARK, /* only ZONE_DMA had one, below its watermark */
	REFUSED_KINDS
};

/* The last request that was refused. */
struct page_refused {
	const void *caller; /* of pages_alloc(); NULL: there was none */
	uint64_t limit;
	unsigned order;
	enum page_refusal why;
};

/* One zone: an address range, its allocator, what happened in it. */
struct zone {
	const char *name;
	struct buddy buddy;
	/* under buddy.lock: */
	uint64_t refused[REFUSED_KINDS]; /* requests that named this zone first */
	struct page_refused last_refused;
};

/*
 * Blocks of low orders that a CPU freed and will soon want again, the latest on
 * top. They are parked, count as free, and go back to the zone before anything
 * is refused. They serve requests for ZONE_NORMAL that ask for no more than
 * PLACE_HIGH.
 *
 * No lock, and interrupts may come: a slot is emptied and filled by an exchange,
 * so whoever gets a block out of it has it alone. `next` is its CPU's own, and
 * says only where to look: where an interrupt made it too low, pages_alloc()
 * overlooks a block, but whoever drains the cache or fills that slot doesn't.
 */
#define PAGE_CACHE_ORDERS 4
#define PAGE_CACHE_BLOCKS 16
#define PAGE_CACHE_SLOTS  (PAGE_CACHE_ORDERS * PAGE_CACHE_BLOCKS)

/* slot[order], slot[order + PAGE_CACHE_ORDERS], ... are of one order, and filled in this order. */
struct page_cache {
	uint64_t slot[PAGE_CACHE_SLOTS]; /* address of a parked block; 0: empty */
	size_t next[PAGE_CACHE_ORDERS];	 /* the slot to fill; the latest is the one before it */
};

/*
 * The latest request of its kind that the zone had to serve, and where. A block
 * from there on is as good as what it got; one below is kept for those with a
 * tighter limit, and so is all before there was such a request.
 */
struct page_served {
	uint64_t limit, from;
};

enum { PAGE_CACHE_ANY, PAGE_CACHE_LIMITED, PAGE_CACHES }; /* NO_LIMIT; any other */

struct zones {
	struct zone zone[ZONE_COUNT];
	size_t watermark; /* pages of ZONE_DMA that a fallback from ZONE_NORMAL leaves alone */
	const struct memmap *map; /* that they were built over, which has to live on */
	unsigned cached;	  /* orders below it are cached: PAGE_CACHE_ORDERS, or 0, none */
	struct page_served served[PAGE_CACHES];
	struct page_cache cache[PORT_CPUS * PAGE_CACHES];
};

/*
 * Build both zones over the map's free memory and take all of it. The
 * bookkeeping (4.1 bits a page of the span from 16 MiB to the top) is carved
 * from the map, as high as it fits; memory so far up that there is no room for
 * its bookkeeping is left out, with a warning. After this the map's free list
 * is empty. -ENOMEM: no room at all.
 */
int pages_init(struct zones *zones, struct memmap *map, uint64_t seed);

/*
 * The two halves of it: the bytes for zones that end at `top` (bytes), and the
 * zones built with them. `bookkeeping` is 8-aligned and need not be cleared.
 */
size_t pages_bookkeeping(uint64_t top);
void pages_build(struct zones *zones, struct memmap *map, uint64_t top, uint64_t seed,
		 void *bookkeeping);

/* A block that fits the request, its contents undefined; PHYS_NONE, counted: there is none. */
phys_addr_t pages_alloc(struct zones *zones, const struct page_request *request);

/* Give a block back, as it was allocated. A mistake is reported through port_page_misuse(). */
void pages_free(struct zones *zones, phys_addr_t addr, unsigned order);

/* The zone that an address would be of, whether there is memory or not. */
static inline struct buddy *pages_buddy(struct zones *zones, phys_addr_t addr)
{
	return &zones->zone[addr.value < ZONE_DMA_END ? ZONE_DMA : ZONE_NORMAL].buddy;
}

/* Is exactly this block, of an order that there is, allocated? If not: what freeing it would be. */
static inline bool pages_allocated(struct zones *zones, phys_addr_t addr, unsigned order)
{
	return buddy_allocated(pages_buddy(zones, addr), addr, order);
}
enum page_misuse pages_misuse(struct zones *zones, phys_addr_t addr, unsigned order);

/*
 * Take exactly the free pages [start, start + pages), page-aligned, in one zone.
 * All or nothing: 0, -EBUSY (some page isn't free), -EINVAL (no such memory).
 */
int pages_take(struct zones *zones, phys_addr_t start, size_t pages);

/*
 * Give back pages, also piecewise, of a range that was taken or of a block that
 * was allocated. All or nothing; a mistake is reported as in pages_free().
 */
void pages_give(struct zones *zones, phys_addr_t start, size_t pages);

/* Bytes free in one zone; what the CPUs' caches hold is free. */
uint64_t pages_free_bytes(struct zones *zones, enum zone_id zone);

/* Blocks that the CPUs' caches hold, by order. */
void pages_cached(struct zones *zones, size_t blocks[PAGE_CACHE_ORDERS]);

/* Use the CPUs' caches, which is how zones begin, or empty and pass them by. */
void pages_cache(struct zones *zones, bool use);

/* Give what the CPUs' caches hold back to the zones, and merge what can be merged. */
void pages_drain(struct zones *zones);

/* The words for it, for a report. */
const char *page_refusal_name(enum page_refusal why);

#endif
