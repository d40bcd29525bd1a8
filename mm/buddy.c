/* SPDX-License-Identifier: MIT */
/*
 * The buddy allocator. Pages are counted from buddy->first, which is aligned to
 * the largest block, so that aligned here is aligned in physical address:
 *
 *	page        0       4       8      12      16
 *	free[2]     |   .   |   1   |   .   |   .   |      block n of order o is
 *	free[1]     | . | . | . | . | . | 1 | . | . |      pages [n << o, (n + 1) << o)
 *	used[0]     |1|.|1|1|.|.|.|.|.|.|.|.|1|.|.|.|
 *
 * Invariant: a page is in one block at most, of one order, free or used; in
 * none: it was never added. Two free buddies never stand side by side: they are
 * merged at once. buddy_validate.c checks it.
 *
 * What is static here wants the lock held.
 */
#include "mm/buddy.h"
#include "mm/errno.h"
#include "mm/random.h"

/* Kept out of the short path of its caller, which is most often all there is to do. */
#define NOINLINE __attribute__((noinline))

static size_t widen(phys_addr_t base, size_t pages, uint64_t *first)
{
	uint64_t start = base.value >> PAGE_SHIFT;

	*first = ALIGN_DOWN(start, BUDDY_MAX_PAGES);
	return pages ? ALIGN_UP(start + pages, BUDDY_MAX_PAGES) - *first : 0;
}

size_t buddy_bookkeeping(phys_addr_t base, size_t pages)
{
	uint64_t first;
	size_t bytes = 0;

	pages = widen(base, pages, &first);
	for (unsigned order = 0; order < BUDDY_ORDERS; order++)
		bytes += hbitmap_size(pages >> order) + lazymap_size(pages >> order);
	return bytes;
}

void buddy_init(struct buddy *buddy, phys_addr_t base, size_t pages, uint64_t seed, void *memory)
{
	char *next = memory;

	*buddy = (struct buddy){.random = seed};
	buddy->pages = widen(base, pages, &buddy->first);
	for (unsigned order = 0; order < BUDDY_ORDERS; order++) {
		size_t blocks = buddy->pages >> order;

		hbitmap_init(&buddy->free[order], blocks, next);
		next += hbitmap_size(blocks);
		lazymap_init(&buddy->used[order], blocks, next);
		next += lazymap_size(blocks);
	}
}

static void mark_free(struct buddy *buddy, unsigned order, size_t block)
{
	hbitmap_set(&buddy->free[order], block);
	buddy->free_blocks[order]++;
}

static void unmark_free(struct buddy *buddy, unsigned order, size_t block)
{
	hbitmap_clear(&buddy->free[order], block);
	buddy->free_blocks[order]--;
}

static bool is_free(const struct buddy *buddy, unsigned order, size_t block)
{
	return hbitmap_test(&buddy->free[order], block);
}

/* Free a block whose buddy is free too. */
static NOINLINE void merge(struct buddy *buddy, unsigned order, size_t block)
{
	do {
		unmark_free(buddy, order, block ^ 1);
		block >>= 1;
		order++;
	} while (order < BUDDY_MAX_ORDER && is_free(buddy, order, block ^ 1));
	mark_free(buddy, order, block);
}

/* [page, page + 2^order) becomes free. */
static inline void release(struct buddy *buddy, size_t page, unsigned order)
{
	size_t block = page >> order;

	buddy->free_pages += 1UL << order;
	if (order < BUDDY_MAX_ORDER && is_free(buddy, order, block ^ 1))
		merge(buddy, order, block);
	else
		mark_free(buddy, order, block);
}

/* The rest of the free block of order `from` around the block at `page` becomes free blocks. */
static NOINLINE void split(struct buddy *buddy, unsigned from, size_t page, unsigned order)
{
	while (from > order) {
		from--;
		mark_free(buddy, from, (page >> from) ^ 1);
	}
}

/* Use [page, page + 2^order) of the free block of order `from` around it; the rest stays free. */
static inline void carve(struct buddy *buddy, unsigned from, size_t page, unsigned order)
{
	unmark_free(buddy, from, page >> from);
	if (from > order)
		split(buddy, from, page, order);
	lazymap_set(&buddy->used[order], page >> order);
	buddy->free_pages -= 1UL << order;
}

/* The reverse for the used block of order `from`: its rest stays used, in smaller blocks. */
static void uncarve(struct buddy *buddy, unsigned from, size_t page, unsigned order)
{
	lazymap_clear(&buddy->used[from], page >> from);
	while (from > order) {
		from--;
		lazymap_set(&buddy->used[from], (page >> from) ^ 1);
	}
	release(buddy, page, order);
}

/* The order of the free (used) block that a page is in; BUDDY_ORDERS: it is in none. */
static unsigned free_order(const struct buddy *buddy, size_t page)
{
	unsigned order = 0;

	while (order < BUDDY_ORDERS && !hbitmap_test(&buddy->free[order], page >> order))
		order++;
	return order;
}

static unsigned used_order(const struct buddy *buddy, size_t page)
{
	unsigned order = 0;

	while (order < BUDDY_ORDERS && !lazymap_test(&buddy->used[order], page >> order))
		order++;
	return order;
}

/* The largest block that begins at `page` and ends at or before `end`. */
static unsigned order_within(size_t page, size_t end)
{
	unsigned order = 0;

	while (order < BUDDY_MAX_ORDER && !(page >> order & 1) && page + (2UL << order) <= end)
		order++;
	return order;
}

/* --- choosing a block --- */

/* The free block of order `from` around `page`, of which [page, page + 2^order) will be used. */
struct choice {
	unsigned from;
	size_t page;
};

/* How many pages, from page 0 on, lie wholly at or below `limit`. */
static size_t pages_below(const struct buddy *buddy, uint64_t limit)
{
	/* limit + 1 would wrap for the largest; the last page counts when its last byte is in. */
	uint64_t end = (limit >> PAGE_SHIFT) + (((limit & (PAGE_SIZE - 1)) + 1) >> PAGE_SHIFT);

	if (end <= buddy->first)
		return 0;
	end -= buddy->first;
	return end < buddy->pages ? end : buddy->pages;
}

/* A random number scaled to [0, bound) without a division. */
static size_t draw(struct buddy *buddy, size_t bound)
{
	return (random_next(&buddy->random) >> 32) * bound >> 32;
}

/* Of the first `blocks` blocks of an order the nearest to block `near`, from below if it can be. */
static size_t pick_near(const struct hbitmap *free, size_t blocks, size_t near)
{
	size_t block = hbitmap_last(free, near < blocks ? near : blocks - 1);

	return block != HBITMAP_NONE ? block : hbitmap_first(free, 0);
}

/* A block wholly below; in it the end that `place` names. `near` is a page, for PLACE_SHUFFLE. */
static inline bool choose_whole(const struct buddy *buddy, const struct buddy_request *request,
				size_t below, size_t near, struct choice *choice)
{
	for (unsigned order = request->order; order < BUDDY_ORDERS && below >> order; order++) {
		const struct hbitmap *free = &buddy->free[order];
		size_t blocks = below >> order, block;

		if (!buddy->free_blocks[order])
			continue;
		if (request->place == PLACE_HIGH)
			block = hbitmap_last(free, blocks - 1);
		else if (request->place == PLACE_LOW)
			block = hbitmap_first(free, 0);
		else
			block = pick_near(free, blocks, near >> order);
		if (block >= blocks)
			continue;
		choice->from = order;
		choice->page = block << order;
		if (request->place != PLACE_LOW)
			choice->page += (1UL << order) - (1UL << request->order);
		return true;
	}
	return false;
}

/* The one free block that the limit cuts in two, if its lower part holds what is asked for. */
static NOINLINE bool choose_straddling(const struct buddy *buddy,
				       const struct buddy_request *request, size_t below,
				       struct choice *choice)
{
	size_t size = 1UL << request->order;

	for (unsigned order = request->order + 1; order < BUDDY_ORDERS; order++) {
		size_t start = ALIGN_DOWN(below, 1UL << order);

		if (start + size > below || !is_free(buddy, order, below >> order))
			continue;
		choice->from = order;
		choice->page = request->place == PLACE_LOW ? start : ALIGN_DOWN(below, size) - size;
		return true;
	}
	return false;
}

/* The block around one page, whatever its order. */
static bool choose_around(const struct buddy *buddy, const struct buddy_request *request,
			  size_t below, size_t page, struct choice *choice)
{
	size_t size = 1UL << request->order;

	choice->from = free_order(buddy, page);
	choice->page = ALIGN_DOWN(page, size);
	return choice->from >= request->order && choice->from < BUDDY_ORDERS &&
	       choice->page + size <= below;
}

static NOINLINE bool choose_shuffled(struct buddy *buddy, const struct buddy_request *request,
				     size_t below, struct choice *choice)
{
	size_t near = draw(buddy, below);

	return choose_around(buddy, request, below, near, choice) ||
	       choose_whole(buddy, request, below, near, choice) ||
	       choose_straddling(buddy, request, below, choice);
}

static inline bool choose(struct buddy *buddy, const struct buddy_request *request,
			  struct choice *choice)
{
	size_t below = pages_below(buddy, request->limit);

	if (request->order > BUDDY_MAX_ORDER)
		return false;
	if (request->place == PLACE_SHUFFLE)
		return choose_shuffled(buddy, request, below, choice);
	return choose_whole(buddy, request, below, 0, choice) ||
	       choose_straddling(buddy, request, below, choice);
}

phys_addr_t buddy_alloc(struct buddy *buddy, const struct buddy_request *request)
{
	unsigned long flags = port_lock(&buddy->lock);
	phys_addr_t addr = PHYS_NONE;
	struct choice choice;

	if (choose(buddy, request, &choice)) {
		carve(buddy, choice.from, choice.page, request->order);
		addr = phys((buddy->first + choice.page) << PAGE_SHIFT);
	}
	port_unlock(&buddy->lock, flags);
	return addr;
}

bool buddy_fits(struct buddy *buddy, const struct buddy_request *request)
{
	/* Not PLACE_SHUFFLE: asking must not move the random sequence. */
	struct buddy_request asked = {.order = request->order, .limit = request->limit};
	unsigned long flags = port_lock(&buddy->lock);
	struct choice choice;
	bool fits = choose(buddy, &asked, &choice);

	port_unlock(&buddy->lock, flags);
	return fits;
}

/* --- giving back --- */

/* Where an address is; a page number at or above buddy->pages: not here. */
static size_t page_of(const struct buddy *buddy, phys_addr_t addr)
{
	return (addr.value >> PAGE_SHIFT) - buddy->first;
}

static bool allocated_locked(const struct buddy *buddy, phys_addr_t addr, unsigned order)
{
	size_t page = page_of(buddy, addr);

	return order <= BUDDY_MAX_ORDER && !(addr.value & ((PAGE_SIZE << order) - 1)) &&
	       page < buddy->pages && lazymap_test(&buddy->used[order], page >> order);
}

/* What is wrong with freeing this block, by its first page. */
static enum page_misuse diagnose(const struct buddy *buddy, phys_addr_t addr, unsigned order)
{
	size_t page = page_of(buddy, addr);

	if (order > BUDDY_MAX_ORDER)
		return PAGE_WRONG_ORDER;
	if (addr.value & ((PAGE_SIZE << order) - 1))
		return PAGE_UNALIGNED;
	if (page >= buddy->pages)
		return PAGE_RESERVED;
	if (free_order(buddy, page) < BUDDY_ORDERS)
		return PAGE_DOUBLE_FREE;
	return used_order(buddy, page) < BUDDY_ORDERS ? PAGE_WRONG_ORDER : PAGE_RESERVED;
}

bool buddy_free(struct buddy *buddy, phys_addr_t addr, unsigned order, enum page_misuse *why)
{
	unsigned long flags = port_lock(&buddy->lock);
	bool ours = allocated_locked(buddy, addr, order);
	size_t page = page_of(buddy, addr);

	if (ours) {
		lazymap_clear(&buddy->used[order], page >> order);
		release(buddy, page, order);
	} else {
		*why = diagnose(buddy, addr, order);
	}
	port_unlock(&buddy->lock, flags);
	return ours;
}

bool buddy_allocated(struct buddy *buddy, phys_addr_t addr, unsigned order, enum page_misuse *why)
{
	unsigned long flags = port_lock(&buddy->lock);
	bool allocated = allocated_locked(buddy, addr, order);

	if (!allocated)
		*why = diagnose(buddy, addr, order);
	port_unlock(&buddy->lock, flags);
	return allocated;
}

/* --- ranges --- */

/* [start, start + pages) as page numbers [*page, *end); false: not all of it lies here. */
static bool range_here(const struct buddy *buddy, phys_addr_t start, size_t pages, size_t *page,
		       size_t *end)
{
	*page = page_of(buddy, start);
	*end = *page + pages;
	return !(start.value & (PAGE_SIZE - 1)) && *page < buddy->pages &&
	       pages <= buddy->pages - *page;
}

int buddy_add(struct buddy *buddy, phys_addr_t start, size_t pages)
{
	unsigned long flags = port_lock(&buddy->lock);
	size_t page, end;
	bool here = range_here(buddy, start, pages, &page, &end);

	while (here && page < end) {
		unsigned order = order_within(page, end);
		size_t blocks = (end - page) >> order;

		if (order == BUDDY_MAX_ORDER) {
			hbitmap_set_range(&buddy->free[order], page >> order, blocks);
			buddy->free_blocks[order] += blocks;
			buddy->free_pages += blocks << order;
		} else {
			blocks = 1;
			release(buddy, page, order);
		}
		page += blocks << order;
	}
	port_unlock(&buddy->lock, flags);
	return here ? 0 : -EINVAL;
}

/* The first page of [page, end) that is in no block as order_of() knows them; `end`: none. */
static size_t first_without(const struct buddy *buddy, size_t page, size_t end,
			    unsigned (*order_of)(const struct buddy *, size_t))
{
	while (page < end) {
		unsigned order = order_of(buddy, page);

		if (order == BUDDY_ORDERS)
			return page;
		page = ALIGN_DOWN(page, 1UL << order) + (1UL << order);
	}
	return end;
}

/* Carve or uncarve [page, end), which is all in blocks, by the largest steps there are. */
static void convert(struct buddy *buddy, size_t page, size_t end,
		    unsigned (*order_of)(const struct buddy *, size_t),
		    void (*step)(struct buddy *, unsigned, size_t, unsigned))
{
	while (page < end) {
		unsigned from = order_of(buddy, page), order = order_within(page, end);

		if (order > from)
			order = from;
		step(buddy, from, page, order);
		page += 1UL << order;
	}
}

int buddy_take(struct buddy *buddy, phys_addr_t start, size_t pages)
{
	unsigned long flags = port_lock(&buddy->lock);
	size_t page, end;
	int error = 0;

	if (!range_here(buddy, start, pages, &page, &end))
		error = -EINVAL;
	else if (first_without(buddy, page, end, free_order) < end)
		error = -EBUSY;
	else
		convert(buddy, page, end, free_order, carve);
	port_unlock(&buddy->lock, flags);
	return error;
}

bool buddy_give(struct buddy *buddy, phys_addr_t start, size_t pages, enum page_misuse *why)
{
	unsigned long flags = port_lock(&buddy->lock);
	size_t page, end, bad;
	bool ours = range_here(buddy, start, pages, &page, &end);

	if (!ours) {
		*why = start.value & (PAGE_SIZE - 1) ? PAGE_UNALIGNED : PAGE_RESERVED;
	} else {
		bad = first_without(buddy, page, end, used_order);
		ours = bad == end;
		if (ours)
			convert(buddy, page, end, used_order, uncarve);
		else
			*why = diagnose(buddy, phys((buddy->first + bad) << PAGE_SHIFT), 0);
	}
	port_unlock(&buddy->lock, flags);
	return ours;
}
