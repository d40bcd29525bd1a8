/* SPDX-License-Identifier: MIT */
/*
 * A buddy allocator that finds a block by its address.
 *
 * A block is 2^order pages, aligned to its size in physical address. For each
 * order a hierarchical bitmap holds the free blocks, a bit per block number, so
 * the highest or lowest free block below any limit is a few bit scans away; a
 * second bitmap holds the blocks given out. All misuse shows in those two.
 * Together they are 4.1 bits a page, and are touched only where they are used.
 *
 * The managed pages themselves are never touched: they need not exist.
 *
 * A block that was given out can be parked: then it is neither given out nor
 * free, but its holder's (a cache's), who gives it out again or frees it.
 *
 * Any context; each call takes the lock, but for parking, which is atomic.
 */
#ifndef MM_BUDDY_H
#define MM_BUDDY_H

#include "mm/hbitmap.h"
#include "mm/port.h"
#include "mm/types.h"

/*
 * 4 MiB. Each order more is a split and a merge more for a page out of pristine
 * memory, the worst case there is, and what wants more than 4 MiB in one piece
 * can take it by range. It isn't needed for a quick start: whole words of 64
 * such blocks are added at once.
 */
#define BUDDY_MAX_ORDER 10
#define BUDDY_ORDERS	(BUDDY_MAX_ORDER + 1)
#define BUDDY_MAX_PAGES (1UL << BUDDY_MAX_ORDER)

#define NO_LIMIT	UINT64_MAX

/* Which of the blocks that fit. Highest first is the default: it shows a wrong mask on boot one. */
enum page_place { PLACE_HIGH, PLACE_LOW, PLACE_SHUFFLE };

/*
 * What a block must keep beyond its size and its upper end. A fit costs a look
 * at each free block that it turns down, from the end that is asked for; most
 * often that is none.
 */
struct page_fit {
	uint64_t first;		/* no byte lies below */
	uint64_t align_mask;	/* 2^n - 1: these bits of its address, shifted, are 0 */
	uint64_t boundary_mask; /* 2^n - 1: shifted, it crosses no multiple of this plus 1;
				   UINT64_MAX: it may cross any */
	uint64_t shift;		/* added to a physical address before these are looked at */
};

enum zone_id { ZONE_DMA, ZONE_NORMAL, ZONE_COUNT };

/* What is asked of pages_alloc(); zones are its affair, an allocator looks at the rest. */
struct page_request {
	unsigned order;	       /* 2^order pages, aligned to their size; up to BUDDY_MAX_ORDER */
	enum zone_id zone;     /* ZONE_NORMAL, or ZONE_DMA for the reserve only */
	bool dma_reserve;      /* a ZONE_NORMAL request that may fall back into ZONE_DMA */
	enum page_place place; /* within the zone */
	uint64_t limit;	       /* the last byte lies at or below it; NO_LIMIT */
	const struct page_fit *fit; /* what else it must keep; NULL: nothing */
};

struct buddy {
	uint64_t first; /* page number of page 0 here; a multiple of BUDDY_MAX_PAGES, as is: */
	size_t pages;	/* from there on, all that can ever be added */
	size_t blocks[BUDDY_ORDERS];  /* the same in blocks */
	uint64_t *used[BUDDY_ORDERS]; /* bits, set and cleared atomically; garbage where not: */
	uint8_t *known;		      /* a byte for each largest block: used[] is cleared there */
	struct port_lock lock;
	/* under lock: */
	uint64_t random; /* state of PLACE_SHUFFLE */
	size_t free_blocks[BUDDY_ORDERS];
	struct hbitmap free[BUDDY_ORDERS];
	size_t deferred[BUDDY_ORDERS]; /* a pair of free blocks that is yet to be merged, or none */
};

/* Bytes of bookkeeping for `pages` from `base` on, widened to whole blocks of the largest order. */
size_t buddy_bookkeeping(phys_addr_t base, size_t pages);

/* An allocator with no page in it. `memory` is 8-aligned and need not be cleared. */
void buddy_init(struct buddy *buddy, phys_addr_t base, size_t pages, uint64_t seed, void *memory);

/* Let it manage these pages, none of which it had before; free. -EINVAL: outside its range. */
int buddy_add(struct buddy *buddy, phys_addr_t start, size_t pages);

/*
 * The block that fits the request: of the smallest order that has one wholly at
 * or below the limit, the highest (lowest; nearest below a random place, or the
 * highest), and of that block the same end. Where only a block that straddles
 * the limit is left, its part below. (PLACE_SHUFFLE first tries the random
 * place itself, at any order.) PHYS_NONE: no aligned run of free pages fits,
 * or less than `keep` pages would stay free.
 */
phys_addr_t buddy_alloc(struct buddy *buddy, const struct page_request *request, size_t keep);

/* Would it be served? */
bool buddy_fits(struct buddy *buddy, const struct page_request *request);

/* What is wrong with freeing this block, by its first page: it isn't given out. */
enum page_misuse buddy_diagnose(struct buddy *buddy, phys_addr_t addr, unsigned order);

/* Merge all that can be merged, which otherwise is done when it must be. */
void buddy_drain(struct buddy *buddy);

/* Take exactly these pages: 0; -EBUSY, none taken: not all free; -EINVAL: outside its range. */
int buddy_take(struct buddy *buddy, phys_addr_t start, size_t pages);

/*
 * Give pages back, whatever blocks they were taken or allocated in: PAGE_FINE.
 * Where one isn't given out: what is wrong with it, and no effect.
 */
enum page_misuse buddy_give(struct buddy *buddy, phys_addr_t start, size_t pages);

/* Pages that are free now. */
static inline size_t buddy_free_pages(const struct buddy *buddy)
{
	size_t pages = 0;

	for (unsigned order = 0; order < BUDDY_ORDERS; order++)
		pages += buddy->free_blocks[order] << order;
	return pages;
}

/* The number of the page that begins there; stray bits make it huge. At or above pages: none. */
static inline uint64_t buddy_page(const struct buddy *buddy, phys_addr_t addr)
{
	return (addr.value >> PAGE_SHIFT | addr.value << (64 - PAGE_SHIFT)) - buddy->first;
}

/* The number of the block that begins there; at or above buddy->blocks[order]: none does. */
static inline size_t buddy_block(uint64_t page, unsigned order)
{
	return page >> order | page << (-order & 63);
}

static inline void buddy_mark_used(struct buddy *buddy, unsigned order, size_t block)
{
	__atomic_fetch_or(&buddy->used[order][block >> 6], hbitmap_bit(block), __ATOMIC_RELAXED);
}

/* False: it is not used, maybe not any more. */
static inline bool buddy_unmark_used(struct buddy *buddy, unsigned order, size_t block)
{
	uint64_t bit = hbitmap_bit(block);

	return __atomic_fetch_and(&buddy->used[order][block >> 6], ~bit, __ATOMIC_RELAXED) & bit;
}

static inline bool buddy_is_used(const struct buddy *buddy, unsigned order, size_t block)
{
	return buddy->known[block >> (BUDDY_MAX_ORDER - order)] &&
	       (buddy->used[order][block >> 6] & hbitmap_bit(block));
}

/* Is exactly this block, up to BUDDY_MAX_ORDER, given out? */
static inline bool buddy_allocated(const struct buddy *buddy, phys_addr_t addr, unsigned order)
{
	size_t block = buddy_block(buddy_page(buddy, addr), order);

	return block < buddy->blocks[order] && buddy_is_used(buddy, order, block);
}

/* If it is it becomes the caller's; false: it isn't. */
static inline bool buddy_park(struct buddy *buddy, phys_addr_t addr, unsigned order)
{
	uint64_t page = buddy_page(buddy, addr);
	size_t block = buddy_block(page, order);

	return block < buddy->blocks[order] && buddy->known[page >> BUDDY_MAX_ORDER] &&
	       buddy_unmark_used(buddy, order, block);
}

/* It is given out again. */
static inline void buddy_unpark(struct buddy *buddy, phys_addr_t addr, unsigned order)
{
	buddy_mark_used(buddy, order, buddy_page(buddy, addr) >> order);
}

/* It becomes free. */
void buddy_free_parked(struct buddy *buddy, phys_addr_t addr, unsigned order);

#endif
