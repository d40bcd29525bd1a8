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
 * Any context; each call takes the lock.
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
	uint64_t boundary_mask; /* 2^n - 1: shifted, it crosses no multiple of this plus 1 */
	uint64_t shift;		/* added to a physical address before these are looked at */
};

struct buddy_request {
	unsigned order; /* up to BUDDY_MAX_ORDER */
	enum page_place place;
	uint64_t limit;		    /* the last byte lies at or below it */
	const struct page_fit *fit; /* NULL: nothing more */
};

struct buddy {
	uint64_t first; /* page number of page 0 here; a multiple of BUDDY_MAX_PAGES, as is: */
	size_t pages;	/* from there on, all that can ever be added */
	struct port_lock lock;
	/* under lock: */
	uint64_t random; /* state of PLACE_SHUFFLE */
	size_t free_pages;
	size_t free_blocks[BUDDY_ORDERS];
	struct hbitmap free[BUDDY_ORDERS];
	struct lazymap used[BUDDY_ORDERS];
};

/* Bytes of bookkeeping for [base, base + pages), which is widened to whole blocks of the largest
 * order. */
size_t buddy_bookkeeping(phys_addr_t base, size_t pages);

/* An allocator with no page in it. `memory` is 8-aligned and need not be cleared. */
void buddy_init(struct buddy *buddy, phys_addr_t base, size_t pages, uint64_t seed, void *memory);

/* Let it manage these pages, none of which it had before; free. -EINVAL: outside its range. */
int buddy_add(struct buddy *buddy, phys_addr_t start, size_t pages);

/*
 * The block that fits the request: of the smallest order that has one wholly at
 * or below the limit, the highest (lowest; nearest below a random place), and
 * of that block the same end. Where only a block that straddles the limit is
 * left, its part below. (PLACE_SHUFFLE first tries the random place itself, at
 * any order.) PHYS_NONE: no aligned run of free pages fits.
 */
phys_addr_t buddy_alloc(struct buddy *buddy, const struct buddy_request *request);

/* Would it be served? */
bool buddy_fits(struct buddy *buddy, const struct buddy_request *request);

/* False, *why, and no effect, where this isn't a block that was given out. */
bool buddy_free(struct buddy *buddy, phys_addr_t addr, unsigned order, enum page_misuse *why);

/* Is exactly this block given out? Otherwise *why, what freeing it would be. */
bool buddy_allocated(struct buddy *buddy, phys_addr_t addr, unsigned order, enum page_misuse *why);

/* Take exactly these pages: 0; -EBUSY, none taken: not all free; -EINVAL: outside its range. */
int buddy_take(struct buddy *buddy, phys_addr_t start, size_t pages);

/*
 * Give pages back, whatever blocks they were taken or allocated in. False,
 * *why, and no effect, where one isn't given out.
 */
bool buddy_give(struct buddy *buddy, phys_addr_t start, size_t pages, enum page_misuse *why);

/* What is wrong with the allocator's state, in words; NULL: nothing. Walks all of it; no lock. */
const char *buddy_validate(const struct buddy *buddy);

#endif
