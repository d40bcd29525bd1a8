/* SPDX-License-Identifier: MIT */
/*
 * Two zones, each a buddy allocator with a lock of its own; which zone an
 * address is in is told by its number alone.
 *
 *	0          16 MiB                                    top
 *	| ZONE_DMA |               ZONE_NORMAL               |
 *	                                  bookkeeping ^^^ of both
 *
 * ZONE_DMA always spans its 16 MiB and ZONE_NORMAL may be empty: what was never
 * added to a zone is not there for it.
 */
#include "mm/pages.h"
#include "mm/errno.h"

/* More than this can't be indexed: 4 TiB. */
#define TOP_MAX (ZONE_DMA_END + ((uint64_t)HBITMAP_MAX_BITS << PAGE_SHIFT))

static size_t normal_pages(uint64_t top)
{
	return top > ZONE_DMA_END ? (top - ZONE_DMA_END) >> PAGE_SHIFT : 0;
}

size_t pages_bookkeeping(uint64_t top)
{
	return buddy_bookkeeping(phys(0), ZONE_DMA_END >> PAGE_SHIFT) +
	       buddy_bookkeeping(phys(ZONE_DMA_END), normal_pages(top));
}

/* Let a zone have what lies of [start, end) in [from, to). */
static void add_part(struct zone *zone, struct mem_range range, uint64_t from, uint64_t to)
{
	uint64_t start = range.start > from ? range.start : from;
	uint64_t end = range.end < to ? range.end : to;

	if (start < end)
		buddy_add(&zone->buddy, phys(start), (end - start) >> PAGE_SHIFT);
}

void pages_build(struct zones *zones, struct memmap *map, uint64_t top, uint64_t seed,
		 void *bookkeeping)
{
	struct zone *dma = &zones->zone[ZONE_DMA], *normal = &zones->zone[ZONE_NORMAL];
	size_t dma_pages = ZONE_DMA_END >> PAGE_SHIFT;

	*zones = (struct zones){.seed = seed, .map = map};
	dma->name = "DMA";
	normal->name = "NORMAL";
	buddy_init(&dma->buddy, phys(0), dma_pages, seed, bookkeeping);
	buddy_init(&normal->buddy, phys(ZONE_DMA_END), normal_pages(top), ~seed,
		   (char *)bookkeeping + buddy_bookkeeping(phys(0), dma_pages));
	for (size_t i = 0; i < map->free.count; i++) {
		add_part(dma, map->free.range[i], 0, ZONE_DMA_END);
		add_part(normal, map->free.range[i], ZONE_DMA_END, top);
	}
	map->free.count = 0;
}

int pages_init(struct zones *zones, struct memmap *map, uint64_t seed)
{
	for (size_t i = map->free.count; i > 0; i--) {
		uint64_t end = map->free.range[i - 1].end, top = end < TOP_MAX ? end : TOP_MAX;
		bool lost = i < map->free.count || top < end;
		phys_addr_t at = memmap_carve(map, pages_bookkeeping(top), PAGE_SIZE, 0, top,
					      MEMMAP_HIGHEST);

		if (phys_is_none(at))
			continue;
		if (lost)
			port_log(PORT_LOG_WARNING,
				 "pages: no room for the bookkeeping of what is above %#llx, which "
				 "is left out",
				 (unsigned long long)top);
		pages_build(zones, map, top, seed, port_phys_to_virt(at));
		return 0;
	}
	return -ENOMEM;
}

static struct zone *zone_of(struct zones *zones, phys_addr_t addr)
{
	return &zones->zone[addr.value < ZONE_DMA_END ? ZONE_DMA : ZONE_NORMAL];
}

/* Why neither the request's own zone nor, where it may, the reserve had a block. */
static enum page_refusal why_not(struct zones *zones, const struct page_request *request)
{
	struct buddy *own = &zones->zone[request->zone].buddy;
	struct buddy *reserve = &zones->zone[ZONE_DMA].buddy;
	struct buddy_request asked = {.order = request->order, .limit = request->limit};

	if (request->order > BUDDY_MAX_ORDER)
		return REFUSED_SIZE;
	/* Had it been allowed there, it would have been served. */
	if (buddy_fits(reserve, &asked))
		return REFUSED_RESERVE;
	asked.limit = NO_LIMIT;
	if (buddy_fits(own, &asked) || (request->dma_reserve && buddy_fits(reserve, &asked)))
		return REFUSED_LIMIT;
	return REFUSED_EMPTY;
}

static void count_refusal(struct zones *zones, const struct page_request *request)
{
	struct zone *zone = &zones->zone[request->zone];
	enum page_refusal why = why_not(zones, request);
	unsigned long flags = port_lock(&zone->buddy.lock);

	zone->refused[why]++;
	port_unlock(&zone->buddy.lock, flags);
}

phys_addr_t pages_alloc(struct zones *zones, const struct page_request *request)
{
	struct buddy_request asked = {
		.order = request->order, .place = request->place, .limit = request->limit};
	phys_addr_t addr = buddy_alloc(&zones->zone[request->zone].buddy, &asked);

	if (phys_is_none(addr) && request->dma_reserve && request->zone != ZONE_DMA)
		addr = buddy_alloc(&zones->zone[ZONE_DMA].buddy, &asked);
	if (phys_is_none(addr))
		count_refusal(zones, request);
	return addr;
}

void pages_free(struct zones *zones, phys_addr_t addr, unsigned order)
{
	enum page_misuse why;

	if (!buddy_free(&zone_of(zones, addr)->buddy, addr, order, &why))
		port_page_misuse(why, addr, order, __builtin_return_address(0));
}

bool pages_allocated(struct zones *zones, phys_addr_t addr, unsigned order, enum page_misuse *why)
{
	return buddy_allocated(&zone_of(zones, addr)->buddy, addr, order, why);
}

int pages_take(struct zones *zones, phys_addr_t start, size_t pages)
{
	return buddy_take(&zone_of(zones, start)->buddy, start, pages);
}

void pages_give(struct zones *zones, phys_addr_t start, size_t pages)
{
	enum page_misuse why;

	if (!buddy_give(&zone_of(zones, start)->buddy, start, pages, &why))
		port_page_misuse(why, start, 0, __builtin_return_address(0));
}

uint64_t pages_free_bytes(struct zones *zones, enum zone_id zone)
{
	return (uint64_t)zones->zone[zone].buddy.free_pages << PAGE_SHIFT;
}

uint64_t pages_top(const struct zones *zones)
{
	return memmap_top(zones->map);
}

bool pages_are_ram(const struct zones *zones, uint64_t first, uint64_t last)
{
	const struct range_list *ram = &zones->map->ram;

	for (size_t i = 0; i < ram->count; i++)
		if (first < ram->range[i].end && ram->range[i].start <= last)
			return true;
	return false;
}

const char *page_refusal_name(enum page_refusal why)
{
	static const char *const names[REFUSED_KINDS] = {
		[REFUSED_SIZE] = "order too large",
		[REFUSED_LIMIT] = "none below the limit",
		[REFUSED_EMPTY] = "no such block free",
		[REFUSED_RESERVE] = "only ZONE_DMA has one",
	};

	return names[why];
}
