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
 * none: it is parked, or was never added. Two free buddies stand side by side
 * only as the one pair of their order that is deferred: else freeing and
 * allocating by turns would merge and split each time.
 * tests/unit/buddy_validate.c checks it.
 *
 * used[] of orders below KNOWN_ORDERS is cleared a largest block at a time, when
 * it is first split or used; of the others, a word of which is of several such
 * blocks, at init.
 *
 * What is static here wants the lock held.
 */
#include "mm/buddy.h"
#include "mm/errno.h"
#include "mm/random.h"

/* Kept out of the short path of its caller, which is most often all there is to do. */
#define NOINLINE     __attribute__((noinline))

#define UNLIKELY(x)  __builtin_expect(x, 0)

#define KNOWN_ORDERS (BUDDY_MAX_ORDER - 5) /* in a largest block they have whole words */
#define NO_BLOCK     SIZE_MAX

static size_t widen(phys_addr_t base, size_t pages, uint64_t *first)
{
	uint64_t start = base.value >> PAGE_SHIFT;

	*first = ALIGN_DOWN(start, BUDDY_MAX_PAGES);
	return pages ? ALIGN_UP(start + pages, BUDDY_MAX_PAGES) - *first : 0;
}

/* Bytes of that many bits, in whole words. */
static size_t bits_size(size_t bits)
{
	return ALIGN_UP(bits, 64) / 8;
}

size_t buddy_bookkeeping(phys_addr_t base, size_t pages)
{
	uint64_t first;
	size_t bytes;

	pages = widen(base, pages, &first);
	bytes = bits_size(8 * (pages >> BUDDY_MAX_ORDER));
	for (unsigned order = 0; order < BUDDY_ORDERS; order++)
		bytes += hbitmap_size(pages >> order) + bits_size(pages >> order);
	return bytes;
}

void buddy_init(struct buddy *buddy, phys_addr_t base, size_t pages, uint64_t seed, void *memory)
{
	char *next = memory;

	*buddy = (struct buddy){.random = seed};
	buddy->pages = widen(base, pages, &buddy->first);
	for (unsigned order = 0; order < BUDDY_ORDERS; order++) {
		size_t blocks = buddy->pages >> order;

		buddy->blocks[order] = blocks;
		buddy->deferred[order] = NO_BLOCK;
		hbitmap_init(&buddy->free[order], blocks, next);
		next += hbitmap_size(blocks);
		buddy->used[order] = (uint64_t *)next;
		next += bits_size(blocks);
		if (order >= KNOWN_ORDERS)
			memset(buddy->used[order], 0, bits_size(blocks));
	}
	buddy->known = (uint8_t *)next;
	memset(next, 0, bits_size(8 * buddy->blocks[BUDDY_MAX_ORDER]));
}

/* --- free and used --- */

static inline uint64_t mark_free(struct buddy *buddy, unsigned order, size_t block)
{
	buddy->free_blocks[order]++;
	return hbitmap_set(&buddy->free[order], block);
}

static inline void unmark_free(struct buddy *buddy, unsigned order, size_t block)
{
	hbitmap_clear(&buddy->free[order], block);
	buddy->free_blocks[order]--;
}

static bool is_free(const struct buddy *buddy, unsigned order, size_t block)
{
	return hbitmap_test(&buddy->free[order], block);
}

/* is_free() or buddy_is_used(). */
typedef bool (*kind_test)(const struct buddy *buddy, unsigned order, size_t block);

/* Something of this largest block will be used, or is all that was added of it. */
static NOINLINE void make_known(struct buddy *buddy, size_t largest)
{
	if (buddy->known[largest])
		return;
	for (unsigned order = 0; order < KNOWN_ORDERS; order++) {
		size_t bytes = BUDDY_MAX_PAGES >> order >> 3;

		memset((char *)buddy->used[order] + largest * bytes, 0, bytes);
	}
	__atomic_store_n(&buddy->known[largest], 1, __ATOMIC_RELEASE);
}

/* Merge a pair of an order; if that makes another pair, defer it for the one that was deferred. */
static NOINLINE void merge(struct buddy *buddy, unsigned order, size_t pair)
{
	while (pair != NO_BLOCK) {
		size_t block = pair, deferred;

		unmark_free(buddy, order, 2 * pair);
		unmark_free(buddy, order, 2 * pair + 1);
		order++;
		mark_free(buddy, order, block);
		if (order == BUDDY_MAX_ORDER || !is_free(buddy, order, block ^ 1))
			return;
		deferred = buddy->deferred[order];
		buddy->deferred[order] = block >> 1;
		pair = deferred;
	}
}

static NOINLINE void drain(struct buddy *buddy)
{
	for (unsigned order = 0; order < BUDDY_MAX_ORDER; order++) {
		size_t pair = buddy->deferred[order];

		buddy->deferred[order] = NO_BLOCK;
		merge(buddy, order, pair);
	}
}

/* [page, page + 2^order) becomes free. */
static inline void release(struct buddy *buddy, size_t page, unsigned order)
{
	size_t block = page >> order, deferred;
	uint64_t word = mark_free(buddy, order, block);

	if (order == BUDDY_MAX_ORDER || !(word & hbitmap_bit(block ^ 1)))
		return;
	deferred = buddy->deferred[order];
	buddy->deferred[order] = block >> 1;
	if (UNLIKELY(deferred != NO_BLOCK))
		merge(buddy, order, deferred);
}

static inline void take_free(struct buddy *buddy, unsigned order, size_t block)
{
	unmark_free(buddy, order, block);
	if (buddy->deferred[order] == block >> 1)
		buddy->deferred[order] = NO_BLOCK;
	if (UNLIKELY(order == BUDDY_MAX_ORDER))
		make_known(buddy, block);
}

/* Use [page, page + 2^order) of the free block of order `from` around it; the rest stays free. */
static void carve(struct buddy *buddy, unsigned from, size_t page, unsigned order)
{
	unsigned rest = from;

	take_free(buddy, from, page >> from);
	while (rest-- > order)
		mark_free(buddy, rest, (page >> rest) ^ 1);
	buddy_mark_used(buddy, order, page >> order);
}

/* The reverse for the used block of order `from`: its rest stays used, in smaller blocks. */
static void uncarve(struct buddy *buddy, unsigned from, size_t page, unsigned order)
{
	/* Whoever frees it right now, without the lock, has it: the mistake is harmless. */
	if (from == BUDDY_ORDERS || !buddy_unmark_used(buddy, from, page >> from))
		return;
	while (from-- > order)
		buddy_mark_used(buddy, from, (page >> from) ^ 1);
	release(buddy, page, order);
}

/* The order of the block of that kind that a page is in; BUDDY_ORDERS: it is in none. */
static unsigned order_of(const struct buddy *buddy, size_t page, kind_test is)
{
	unsigned order = 0;

	while (order < BUDDY_ORDERS && !is(buddy, order, page >> order))
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

/*
 * Whatever chooses returns a page: [page, page + 2^order) will be used, of the
 * free block around it. NO_BLOCK: there is none.
 */

/* How many pages, from page 0 on, lie wholly at or below `limit`: with their last byte. */
static inline size_t pages_below(const struct buddy *buddy, uint64_t limit)
{
	uint64_t end = limit < PAGE_SIZE - 1 ? 0 : ((limit - (PAGE_SIZE - 1)) >> PAGE_SHIFT) + 1;

	if (end <= buddy->first)
		return 0;
	end -= buddy->first;
	return end < buddy->pages ? end : buddy->pages;
}

static bool crosses(const struct page_fit *fit, uint64_t addr, uint64_t size)
{
	uint64_t start = addr + fit->shift;

	return (start ^ (start + size - 1)) & ~fit->boundary_mask;
}

/*
 * From `page` on, upwards for PLACE_LOW, else downwards, the nearest page where
 * a block may begin that keeps the fit; where addresses wrap on the way it is no
 * page of ours. The address bits below the block's size are the same at each
 * place: they are right everywhere or nowhere. And of places side by side the
 * boundary is crossed at one in two at most, or at all.
 */
static size_t nearest(const struct buddy *buddy, const struct page_request *request, size_t page)
{
	const struct page_fit *fit = request->fit;
	uint64_t size = PAGE_SIZE << request->order, addr = (buddy->first + page) << PAGE_SHIFT;
	uint64_t start, skip;
	bool up = request->place == PLACE_LOW;

	if (!fit)
		return page;
	if (up && addr < fit->first)
		addr = ALIGN_UP(fit->first, size);
	start = addr + fit->shift;
	skip = (up ? -start : start) & fit->align_mask;
	if (crosses(fit, up ? addr + skip : addr - skip, size))
		skip += size;
	if (skip & (size - 1))
		return NO_BLOCK;
	addr = up ? addr + skip : addr - skip;
	if (addr < fit->first || ((addr + fit->shift) & fit->align_mask) ||
	    crosses(fit, addr, size))
		return NO_BLOCK;
	return (addr >> PAGE_SHIFT) - buddy->first;
}

/* At the asked end of the first `blocks` blocks of order `from`. */
static size_t choose_of(struct buddy *buddy, const struct page_request *request, unsigned from,
			size_t blocks)
{
	struct hbitmap *free = &buddy->free[from];
	bool up = request->place == PLACE_LOW;
	size_t i = up ? 0 : blocks - 1;

	while (i < blocks) {
		size_t block = up ? hbitmap_first(free, i) : hbitmap_last(free, i);
		size_t page = (block << from) + (up ? 0 : (1UL << from) - (1UL << request->order));

		if (block >= blocks)
			break;
		page = nearest(buddy, request, page);
		i = page >> from; /* if it isn't in this block: where it would be */
		if (i == block)
			return page;
	}
	return NO_BLOCK;
}

/* In a block wholly below, the smallest that is enough. */
static size_t choose_whole(struct buddy *buddy, const struct page_request *request, size_t below)
{
	size_t page = NO_BLOCK;

	for (unsigned from = request->order; from < BUDDY_ORDERS && page == NO_BLOCK; from++)
		if (buddy->free_blocks[from])
			page = choose_of(buddy, request, from, below >> from);
	return page;
}

/* In the one free block of which a part is below, and a part not. */
static size_t choose_straddling(const struct buddy *buddy, const struct page_request *request,
				size_t below)
{
	size_t size = 1UL << request->order, start, end = ALIGN_DOWN(below, size), page;
	unsigned from = below < buddy->pages ? order_of(buddy, below, is_free) : BUDDY_ORDERS;

	start = ALIGN_DOWN(below, 1UL << from);
	if (from == BUDDY_ORDERS || start + size > end)
		return NO_BLOCK;
	page = nearest(buddy, request, request->place == PLACE_LOW ? start : end - size);
	return page >= start && page <= end - size ? page : NO_BLOCK;
}

static size_t choose_below(struct buddy *buddy, const struct page_request *request, size_t below)
{
	size_t page = choose_whole(buddy, request, below);

	return page == NO_BLOCK ? choose_straddling(buddy, request, below) : page;
}

/* In the block around a random place, or in one below that. */
static size_t choose_shuffled(struct buddy *buddy, const struct page_request *request, size_t below)
{
	/* Scaled without a division. */
	size_t place = ((random_next(&buddy->random) >> 32) * below >> 32) + 1;
	size_t page = choose_straddling(buddy, request, place);

	return page == NO_BLOCK ? choose_whole(buddy, request, place) : page;
}

static size_t choose(struct buddy *buddy, const struct page_request *request, bool shuffle)
{
	size_t below = pages_below(buddy, request->limit), page = NO_BLOCK;

	if (request->order > BUDDY_MAX_ORDER || !below)
		return NO_BLOCK;
	if (shuffle)
		page = choose_shuffled(buddy, request, below);
	if (page == NO_BLOCK)
		page = choose_below(buddy, request, below);
	if (page != NO_BLOCK)
		return page;
	drain(buddy);
	return choose_below(buddy, request, below);
}

static inline size_t highest_of(struct buddy *buddy, unsigned order, uint64_t limit)
{
	size_t blocks;

	if (limit == NO_LIMIT)
		return hbitmap_top(&buddy->free[order]);
	blocks = pages_below(buddy, limit) >> order;
	return blocks ? hbitmap_last(&buddy->free[order], blocks - 1) : NO_BLOCK;
}

/* Any request. */
static NOINLINE size_t alloc_any(struct buddy *buddy, const struct page_request *request)
{
	size_t page = choose(buddy, request, request->place == PLACE_SHUFFLE);

	if (page != NO_BLOCK)
		carve(buddy, order_of(buddy, page, is_free), page, request->order);
	return page;
}

/* The upper end of the highest block of the smallest larger order. */
static NOINLINE size_t split_highest(struct buddy *buddy, const struct page_request *request)
{
	for (unsigned from = request->order + 1; from < BUDDY_ORDERS; from++) {
		size_t block = highest_of(buddy, from, request->limit), page;

		if (block == NO_BLOCK)
			continue;
		page = ((block + 1) << from) - (1UL << request->order);
		carve(buddy, from, page, request->order);
		return page;
	}
	return NO_BLOCK;
}

/* What is asked most and found most: the highest block, of just the order. */
static inline size_t alloc_highest(struct buddy *buddy, const struct page_request *request)
{
	unsigned order = request->order;
	size_t block = highest_of(buddy, order, request->limit);

	if (UNLIKELY(block == NO_BLOCK))
		return split_highest(buddy, request);
	take_free(buddy, order, block);
	buddy_mark_used(buddy, order, block);
	return block << order;
}

phys_addr_t buddy_alloc(struct buddy *buddy, const struct page_request *request, size_t keep)
{
	unsigned long flags = port_lock(&buddy->lock);
	size_t page = NO_BLOCK;

	if (request->order <= BUDDY_MAX_ORDER &&
	    (!keep || buddy_free_pages(buddy) >= keep + (1UL << request->order))) {
		if (request->place == PLACE_HIGH && !request->fit)
			page = alloc_highest(buddy, request);
		if (UNLIKELY(page == NO_BLOCK))
			page = alloc_any(buddy, request);
	}
	port_unlock(&buddy->lock, flags);
	return page == NO_BLOCK ? PHYS_NONE : phys((buddy->first + page) << PAGE_SHIFT);
}

bool buddy_fits(struct buddy *buddy, const struct page_request *request)
{
	unsigned long flags = port_lock(&buddy->lock);
	/* Without a draw: asking must not move the random sequence. */
	bool fits = choose(buddy, request, false) != NO_BLOCK;

	port_unlock(&buddy->lock, flags);
	return fits;
}

/* --- giving back --- */

static enum page_misuse diagnose_locked(const struct buddy *buddy, phys_addr_t addr, unsigned order)
{
	size_t page = buddy_page(buddy, addr);

	if (order > BUDDY_MAX_ORDER)
		return PAGE_WRONG_ORDER;
	if (addr.value & ((PAGE_SIZE << order) - 1))
		return PAGE_UNALIGNED;
	if (page >= buddy->pages)
		return PAGE_RESERVED;
	if (order_of(buddy, page, is_free) < BUDDY_ORDERS)
		return PAGE_DOUBLE_FREE;
	return order_of(buddy, page, buddy_is_used) < BUDDY_ORDERS ? PAGE_WRONG_ORDER
								   : PAGE_RESERVED;
}

enum page_misuse buddy_diagnose(struct buddy *buddy, phys_addr_t addr, unsigned order)
{
	unsigned long flags = port_lock(&buddy->lock);
	enum page_misuse why = diagnose_locked(buddy, addr, order);

	port_unlock(&buddy->lock, flags);
	return why;
}

void buddy_free_parked(struct buddy *buddy, phys_addr_t addr, unsigned order)
{
	unsigned long flags = port_lock(&buddy->lock);

	release(buddy, buddy_page(buddy, addr), order);
	port_unlock(&buddy->lock, flags);
}

/* --- ranges --- */

/* [start, start + pages) as page numbers [*page, *end); false: not all of it lies here. */
static bool range_here(const struct buddy *buddy, phys_addr_t start, size_t pages, size_t *page,
		       size_t *end)
{
	*page = buddy_page(buddy, start);
	*end = *page + pages;
	return *page < buddy->pages && pages <= buddy->pages - *page;
}

int buddy_add(struct buddy *buddy, phys_addr_t start, size_t pages)
{
	unsigned long flags = port_lock(&buddy->lock);
	size_t page, end;
	bool here = range_here(buddy, start, pages, &page, &end);

	while (here && page < end) {
		unsigned order = order_within(page, end);
		size_t blocks = 1;

		if (order == BUDDY_MAX_ORDER) {
			blocks = (end - page) >> order;
			hbitmap_set_range(&buddy->free[order], page >> order, blocks);
			buddy->free_blocks[order] += blocks;
		} else {
			make_known(buddy, page >> BUDDY_MAX_ORDER);
			release(buddy, page, order);
		}
		page += blocks << order;
	}
	drain(buddy);
	port_unlock(&buddy->lock, flags);
	return here ? 0 : -EINVAL;
}

/* The first page of [page, end) that is in no block of that kind; `end`: none. */
static size_t first_without(const struct buddy *buddy, size_t page, size_t end, kind_test is)
{
	while (page < end) {
		unsigned order = order_of(buddy, page, is);

		if (order == BUDDY_ORDERS)
			return page;
		page = ALIGN_DOWN(page, 1UL << order) + (1UL << order);
	}
	return end;
}

/* Carve or uncarve [page, end), which is all in blocks, by the largest steps there are. */
static void convert(struct buddy *buddy, size_t page, size_t end, kind_test is,
		    void (*step)(struct buddy *, unsigned, size_t, unsigned))
{
	while (page < end) {
		unsigned from = order_of(buddy, page, is), order = order_within(page, end);

		if (order > from)
			order = from;
		step(buddy, from, page, order);
		page += 1UL << order;
	}
}

void buddy_drain(struct buddy *buddy)
{
	unsigned long flags = port_lock(&buddy->lock);

	drain(buddy);
	port_unlock(&buddy->lock, flags);
}

int buddy_take(struct buddy *buddy, phys_addr_t start, size_t pages)
{
	unsigned long flags = port_lock(&buddy->lock);
	size_t page, end;
	int error = 0;

	drain(buddy);
	if (!range_here(buddy, start, pages, &page, &end))
		error = -EINVAL;
	else if (first_without(buddy, page, end, is_free) < end)
		error = -EBUSY;
	else
		convert(buddy, page, end, is_free, carve);
	port_unlock(&buddy->lock, flags);
	return error;
}

enum page_misuse buddy_give(struct buddy *buddy, phys_addr_t start, size_t pages)
{
	unsigned long flags = port_lock(&buddy->lock);
	enum page_misuse why = start.value & (PAGE_SIZE - 1) ? PAGE_UNALIGNED : PAGE_RESERVED;
	size_t page, end, bad;

	if (range_here(buddy, start, pages, &page, &end)) {
		bad = first_without(buddy, page, end, buddy_is_used);
		why = bad == end
			      ? PAGE_FINE
			      : diagnose_locked(buddy, phys((buddy->first + bad) << PAGE_SHIFT), 0);
		if (why == PAGE_FINE)
			convert(buddy, page, end, buddy_is_used, uncarve);
	}
	port_unlock(&buddy->lock, flags);
	return why;
}
