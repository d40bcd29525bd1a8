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

#define NOINLINE __attribute__((noinline)) /* off the short path */

/* More than this can't be indexed: 4 TiB. */
#define TOP_MAX (ZONE_DMA_END + ((uint64_t)HBITMAP_MAX_BITS << PAGE_SHIFT))

/*
 * Of ZONE_DMA: 2 MiB of a whole one. An ISA device has 64 KiB a transfer, a sound
 * or network card of that kind half a MiB: two of each, and something to spare;
 * and of a machine that has little else the greater part can be used.
 */
#define WATERMARK_PART 8

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

	*zones = (struct zones){.map = map, .zone = {{.name = "DMA"}, {.name = "NORMAL"}}};
	buddy_init(&dma->buddy, phys(0), dma_pages, seed, bookkeeping);
	buddy_init(&normal->buddy, phys(ZONE_DMA_END), normal_pages(top), ~seed,
		   (char *)bookkeeping + buddy_bookkeeping(phys(0), dma_pages));
	for (size_t i = 0; i < map->free.count; i++) {
		add_part(dma, map->free.range[i], 0, ZONE_DMA_END);
		add_part(normal, map->free.range[i], ZONE_DMA_END, top);
	}
	map->free.count = 0;
	zones->watermark = buddy_free_pages(&dma->buddy) / WATERMARK_PART;
	pages_cache(zones, true);
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
				 "pages: above %#llx is no room for bookkeeping: it is left out",
				 (unsigned long long)top);
		pages_build(zones, map, top, seed, port_phys_to_virt(at));
		return 0;
	}
	return -ENOMEM;
}

/* --- the CPUs' caches --- */

/* 0: nothing was in it. */
static inline phys_addr_t empty_slot(uint64_t *slot)
{
	return phys(__atomic_exchange_n(slot, 0, __ATOMIC_ACQUIRE));
}

/* What the caches hold becomes free. False: there was nothing. */
static NOINLINE bool drain_caches(struct zones *zones)
{
	struct buddy *buddy = &zones->zone[ZONE_NORMAL].buddy;
	bool any = false;

	for (struct page_cache *cache = zones->cache; cache < ARRAY_END(zones->cache); cache++) {
		for (unsigned i = 0; i < PAGE_CACHE_SLOTS; i++) {
			phys_addr_t addr = empty_slot(&cache->slot[i]);

			if (!addr.value)
				continue;
			buddy_free_parked(buddy, addr, i % PAGE_CACHE_ORDERS);
			any = true;
		}
	}
	return any;
}

/* May a cache serve it? */
static inline bool is_plain(const struct zones *zones, const struct page_request *request)
{
	return request->order < zones->cached && request->zone == ZONE_NORMAL &&
	       request->place == PLACE_HIGH && !request->fit;
}

static inline struct page_cache *own_cache(struct zones *zones, unsigned which)
{
	return &zones->cache[port_cpu() * PAGE_CACHES + which];
}

/* False also where it has but a block from the time when the limit was another. */
static inline bool cache_take(struct zones *zones, unsigned which,
			      const struct page_request *request, phys_addr_t *addr)
{
	struct buddy *buddy = &zones->zone[ZONE_NORMAL].buddy;
	struct page_cache *cache = own_cache(zones, which);
	unsigned order = request->order;
	size_t next;

	if (!is_plain(zones, request) ||
	    (which == PAGE_CACHE_LIMITED && request->limit != zones->served[which].limit))
		return false;
	next = __atomic_load_n(&cache->next[order], __ATOMIC_RELAXED);
	if (next < PAGE_CACHE_ORDERS)
		return false;
	next -= PAGE_CACHE_ORDERS;
	__atomic_store_n(&cache->next[order], next, __ATOMIC_RELAXED);
	*addr = empty_slot(&cache->slot[next]);
	if (!addr->value)
		return false;
	if (which == PAGE_CACHE_LIMITED &&
	    addr->value + (PAGE_SIZE << order) - 1 > request->limit) {
		buddy_free_parked(buddy, *addr, order);
		return false;
	}
	buddy_unpark(buddy, *addr, order);
	return true;
}

/* False: it isn't for this cache, or a mistake; or it is *parked, and there is no room. */
static inline bool cache_put(struct zones *zones, unsigned which, phys_addr_t addr, unsigned order,
			     bool *parked)
{
	struct page_cache *cache = own_cache(zones, which);
	uint64_t empty = 0;
	size_t next;

	if (order >= zones->cached || addr.value < zones->served[which].from ||
	    !buddy_park(&zones->zone[ZONE_NORMAL].buddy, addr, order))
		return false;
	*parked = true;
	next = __atomic_load_n(&cache->next[order], __ATOMIC_RELAXED);
	if (next >= PAGE_CACHE_SLOTS)
		return false;
	__atomic_store_n(&cache->next[order], next + PAGE_CACHE_ORDERS, __ATOMIC_RELAXED);
	return __atomic_compare_exchange_n(&cache->slot[next], &empty, addr.value, false,
					   __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

void pages_cached(struct zones *zones, size_t blocks[PAGE_CACHE_ORDERS])
{
	memset(blocks, 0, PAGE_CACHE_ORDERS * sizeof(blocks[0]));
	for (struct page_cache *cache = zones->cache; cache < ARRAY_END(zones->cache); cache++)
		for (unsigned i = 0; i < PAGE_CACHE_SLOTS; i++)
			blocks[i % PAGE_CACHE_ORDERS] += cache->slot[i] != 0;
}

void pages_cache(struct zones *zones, bool use)
{
	zones->cached = 0;
	drain_caches(zones);
	for (struct page_cache *cache = zones->cache; cache < ARRAY_END(zones->cache); cache++)
		for (unsigned order = 0; order < PAGE_CACHE_ORDERS; order++)
			cache->next[order] = order;
	for (struct page_served *s = zones->served; s < ARRAY_END(zones->served); s++)
		*s = (struct page_served){.from = UINT64_MAX};
	zones->cached = use ? PAGE_CACHE_ORDERS : 0;
}

void pages_drain(struct zones *zones)
{
	drain_caches(zones);
	for (enum zone_id id = 0; id < ZONE_COUNT; id++)
		buddy_drain(&zones->zone[id].buddy);
}

/* --- requests --- */

/* Why neither the request's own zone nor, where it may, the reserve had a block. */
static enum page_refusal why_not(struct zones *zones, const struct page_request *request)
{
	struct buddy *own = &zones->zone[request->zone].buddy;
	struct buddy *reserve = &zones->zone[ZONE_DMA].buddy;
	struct page_request asked = *request;

	if (request->order > BUDDY_MAX_ORDER)
		return REFUSED_SIZE;
	/* Had it been allowed there, it would have been served. */
	if (buddy_fits(reserve, &asked))
		return request->dma_reserve ? REFUSED_WATERMARK : REFUSED_RESERVE;
	asked.limit = NO_LIMIT;
	asked.fit = NULL;
	if (buddy_fits(own, &asked) || (request->dma_reserve && buddy_fits(reserve, &asked)))
		return REFUSED_LIMIT;
	return REFUSED_EMPTY;
}

static void count_refusal(struct zones *zones, const struct page_request *request,
			  const void *caller)
{
	struct zone *zone = &zones->zone[request->zone];
	enum page_refusal why = why_not(zones, request);
	unsigned long flags = port_lock(&zone->buddy.lock);

	zone->refused[why]++;
	zone->last_refused = (struct page_refused){caller, request->limit, request->order, why};
	port_unlock(&zone->buddy.lock, flags);
}

/* What the zone's own free blocks don't serve: what the caches held, then the reserve. */
static NOINLINE phys_addr_t alloc_at_last(struct zones *zones, const struct page_request *request,
					  const void *caller)
{
	struct zone *zone = zones->zone;
	phys_addr_t addr = PHYS_NONE;
	/* What those who can be served nowhere else find there. */
	size_t keep = request->limit < ZONE_DMA_END ? 0 : zones->watermark;

	if (request->zone == ZONE_NORMAL && drain_caches(zones))
		addr = buddy_alloc(&zone[ZONE_NORMAL].buddy, request, 0);
	if (phys_is_none(addr) && request->dma_reserve && request->zone != ZONE_DMA)
		addr = buddy_alloc(&zone[ZONE_DMA].buddy, request, keep);
	if (phys_is_none(addr))
		count_refusal(zones, request, caller);
	return addr;
}

static NOINLINE phys_addr_t alloc_from_zone(struct zones *zones, const struct page_request *request,
					    const void *caller)
{
	unsigned which = request->limit == NO_LIMIT ? PAGE_CACHE_ANY : PAGE_CACHE_LIMITED;
	phys_addr_t addr;

	if (which == PAGE_CACHE_LIMITED && cache_take(zones, PAGE_CACHE_LIMITED, request, &addr))
		return addr;
	addr = buddy_alloc(&zones->zone[request->zone].buddy, request, 0);
	if (phys_is_none(addr))
		return alloc_at_last(zones, request, caller);
	if (is_plain(zones, request))
		zones->served[which] = (struct page_served){request->limit, addr.value};
	return addr;
}

phys_addr_t pages_alloc(struct zones *zones, const struct page_request *request)
{
	phys_addr_t addr;

	if (request->limit == NO_LIMIT && cache_take(zones, PAGE_CACHE_ANY, request, &addr))
		return addr;
	return alloc_from_zone(zones, request, __builtin_return_address(0));
}

static NOINLINE void misused(struct zones *zones, phys_addr_t addr, unsigned order,
			     const void *caller)
{
	port_page_misuse(pages_misuse(zones, addr, order), addr, order, caller);
}

static NOINLINE void free_to_zone(struct zones *zones, phys_addr_t addr, unsigned order,
				  bool parked, const void *caller)
{
	struct buddy *buddy = pages_buddy(zones, addr);

	if (!parked && cache_put(zones, PAGE_CACHE_LIMITED, addr, order, &parked))
		return;
	if (parked || (order <= BUDDY_MAX_ORDER && buddy_park(buddy, addr, order)))
		buddy_free_parked(buddy, addr, order);
	else
		misused(zones, addr, order, caller);
}

void pages_free(struct zones *zones, phys_addr_t addr, unsigned order)
{
	bool parked = false;

	if (!cache_put(zones, PAGE_CACHE_ANY, addr, order, &parked))
		free_to_zone(zones, addr, order, parked, __builtin_return_address(0));
}

enum page_misuse pages_misuse(struct zones *zones, phys_addr_t addr, unsigned order)
{
	struct buddy *buddy = pages_buddy(zones, addr);
	enum page_misuse why = buddy_diagnose(buddy, addr, order);

	/* A block in a cache is in no bitmap: it must be in one to be told from a reserved one. */
	if (why == PAGE_RESERVED && drain_caches(zones))
		why = buddy_diagnose(buddy, addr, order);
	return why;
}

int pages_take(struct zones *zones, phys_addr_t start, size_t pages)
{
	struct buddy *buddy = pages_buddy(zones, start);
	int error = buddy_take(buddy, start, pages);

	if (error == -EBUSY && drain_caches(zones))
		error = buddy_take(buddy, start, pages);
	return error;
}

void pages_give(struct zones *zones, phys_addr_t start, size_t pages)
{
	struct buddy *buddy = pages_buddy(zones, start);
	enum page_misuse why = buddy_give(buddy, start, pages);

	if (why != PAGE_FINE && drain_caches(zones))
		why = buddy_give(buddy, start, pages);
	if (why != PAGE_FINE)
		port_page_misuse(why, start, 0, __builtin_return_address(0));
}

uint64_t pages_free_bytes(struct zones *zones, enum zone_id zone)
{
	size_t pages = buddy_free_pages(&zones->zone[zone].buddy), blocks[PAGE_CACHE_ORDERS];

	pages_cached(zones, blocks);
	for (unsigned order = 0; zone == ZONE_NORMAL && order < PAGE_CACHE_ORDERS; order++)
		pages += blocks[order] << order;
	return (uint64_t)pages << PAGE_SHIFT;
}

const char *page_refusal_name(enum page_refusal why)
{
	static const char *const names[REFUSED_KINDS] = {
		[REFUSED_SIZE] = "order too large",
		[REFUSED_LIMIT] = "none below the limit",
		[REFUSED_EMPTY] = "no such block free",
		[REFUSED_RESERVE] = "only ZONE_DMA has one",
		[REFUSED_WATERMARK] = "only ZONE_DMA has one, below its watermark",
	};

	return names[why];
}
