/* SPDX-License-Identifier: MIT */
/*
 * The page allocator against a byte a page: random requests, frees, ranges and
 * mistakes, on several CPUs with their caches. After each the counts and the
 * allocator's own invariant are checked; a request is refused only where a
 * search of every place finds none that fits, and for the true reason.
 *
 *	page   256  512      4096   4099           5100
 *	       | ZONE_DMA |  | some | the seed's holes |      of memory that nobody touches
 */
#include "kernel/printf.h"
#include "kernel/string.h"
#include "mm/errno.h"
#include "mm/pages.h"
#include "mm/random.h"
#include "tests/arena.h"
#include "tests/model.h"
#include "tests/unit/buddy_validate.h"

#define DMA_PAGES (ZONE_DMA_END / PAGE_SIZE)
#define PAGES	  (DMA_PAGES + 1024)
#define HELD	  512

enum page_state {
	RESERVED, /* there is no such page */
	FREE,
	BLOCK, /* of a block that is held */
	TAKEN  /* as a range, or what is left of a block: given back by pages_give() */
};

struct held {
	uint16_t page, order;
};

struct state {
	struct zones zones;
	uint64_t bookkeeping[512];
	struct memmap map;
	unsigned char page[PAGES];
	size_t free[ZONE_COUNT];
	struct held held[HELD];
	size_t held_count;
	struct held freed; /* the latest */
	unsigned frees;	   /* of a hundred operations */
	uint64_t misuse[PAGE_MISUSE_KINDS];
	uint64_t refused[ZONE_COUNT][REFUSED_KINDS];
};

static struct state *state;
static struct arena arena; /* that it is in */

static enum zone_id zone_of(uint64_t page)
{
	return page < DMA_PAGES ? ZONE_DMA : ZONE_NORMAL;
}

static void set(uint64_t page, size_t pages, enum page_state to)
{
	for (uint64_t i = page; i < page + pages; i++) {
		state->free[zone_of(i)] += (to == FREE) - (state->page[i] == FREE);
		state->page[i] = to;
	}
}

static bool all(uint64_t page, size_t pages, enum page_state is)
{
	for (uint64_t i = page; i < page + pages; i++)
		if (i >= PAGES || state->page[i] != is)
			return false;
	return true;
}

static void add(uint64_t page, uint64_t end)
{
	memmap_add(&state->map, page * PAGE_SIZE, (end - page) * PAGE_SIZE, true);
	set(page, end - page, FREE);
}

static void *begin(uint64_t seed)
{
	uint64_t page = DMA_PAGES;

	if (!arena_get(&arena, MIB(64), sizeof(*state), PAGE_SIZE))
		return NULL;
	state = port_phys_to_virt(arena.base);
	memset(state->bookkeeping, 0xa5, sizeof(state->bookkeeping));
	memmap_init(&state->map, UINT64_MAX);
	add(256, 512);
	while (page < PAGES) {
		uint64_t end = page + 1 + random_next(&seed) % 500;

		add(page, end < PAGES ? end : PAGES);
		page = end + random_next(&seed) % 30;
	}
	state->frees = 25 + random_next(&seed) % 30;
	memmap_seal(&state->map);
	pages_build(&state->zones, &state->map, PAGES * PAGE_SIZE, seed, state->bookkeeping);
	for (enum page_misuse kind = 0; kind < PAGE_MISUSE_KINDS; kind++)
		state->misuse[kind] = test_page_misuse(kind);
	return state;
}

static void end(void *unused)
{
	test_cpu(0);
	arena_put(&arena);
}

/* --- requests --- */

/* What an operation asks for, with its fit. */
struct asked {
	struct page_request request;
	struct page_fit fit;
};

static void decode(const struct model_op *op, struct asked *a)
{
	const uint32_t *w = op->word;

	/*
	 * Low orders most often; sometimes one that there is not. Zeros, as a sequence is shrunk
	 * to, ask for what is simplest.
	 */
	a->request = (struct page_request){.order = w[1] % (1 + (w[1] >> 8) % 12),
					   .zone = (w[1] >> 16) % 8 == 1 ? ZONE_DMA : ZONE_NORMAL,
					   .dma_reserve = (w[1] >> 20) % 4 == 1,
					   .place = (w[1] >> 24) % 4 % 3,
					   .limit = NO_LIMIT};
	if (w[2] % 3 == 1)
		a->request.limit = (uint64_t)w[2] * 4096 / 1000 % (PAGES * PAGE_SIZE + KIB(64));
	if (w[2] % 16 == 2) /* the edges of zones and pages */
		a->request.limit =
			ALIGN_DOWN((uint64_t)w[3] % (PAGES * PAGE_SIZE), PAGE_SIZE) - w[4] % 3;
	if (w[5] % 3 != 1)
		return;
	a->fit = (struct page_fit){.first = w[3] % 2 ? w[3] % (PAGES * PAGE_SIZE) : 0,
				   .align_mask = (1ULL << w[4] % 24) - 1,
				   .boundary_mask = UINT64_MAX >> (w[4] >> 8) % 54,
				   .shift = (uint64_t)(w[5] >> 8)
					    << ((w[5] >> 4) % 2 ? PAGE_SHIFT : (w[4] >> 16) % 13)};
	if ((w[5] >> 5) % 2)
		a->fit.shift = -a->fit.shift;
	if ((w[5] >> 6) % 4 == 0) /* narrower than nothing can be */
		a->fit.boundary_mask = UINT64_MAX;
	a->request.fit = &a->fit;
}

/* May the block at this page be what is asked for, as the words of mm/pages.h and buddy.h say? */
static bool keeps(const struct page_request *request, uint64_t page)
{
	uint64_t addr = page * PAGE_SIZE, last = addr + (PAGE_SIZE << request->order) - 1;
	const struct page_fit *fit = request->fit;

	if (last > request->limit)
		return false;
	if (!fit)
		return true;
	return addr >= fit->first && !((addr + fit->shift) & fit->align_mask) &&
	       ((addr + fit->shift) | fit->boundary_mask) ==
		       ((last + fit->shift) | fit->boundary_mask);
}

static bool fits(const struct page_request *request, enum zone_id zone)
{
	uint64_t page = zone == ZONE_DMA ? 0 : DMA_PAGES;
	uint64_t stop = zone == ZONE_DMA ? DMA_PAGES : PAGES;

	if (request->order > BUDDY_MAX_ORDER)
		return false;
	for (; page + (1UL << request->order) <= stop; page += 1UL << request->order)
		if (state->page[page] == FREE && keeps(request, page) &&
		    all(page, 1UL << request->order, FREE))
			return true;
	return false;
}

static bool fits_at_all(const struct page_request *request, enum zone_id zone)
{
	struct page_request any = {.order = request->order, .limit = NO_LIMIT};

	return fits(&any, zone);
}

/* From which zone it will be served; ZONE_COUNT: not, *why. */
static enum zone_id served_from(const struct page_request *request, enum page_refusal *why)
{
	bool fallback = request->dma_reserve && request->zone == ZONE_NORMAL;

	if (fits(request, request->zone))
		return request->zone;
	if (request->order > BUDDY_MAX_ORDER) {
		*why = REFUSED_SIZE;
	} else if (fits(request, ZONE_DMA)) {
		if (fallback &&
		    (request->limit < ZONE_DMA_END ||
		     state->free[ZONE_DMA] >= state->zones.watermark + (1UL << request->order)))
			return ZONE_DMA;
		*why = fallback ? REFUSED_WATERMARK : REFUSED_RESERVE;
	} else {
		*why = fits_at_all(request, request->zone) ||
				       (fallback && fits_at_all(request, ZONE_DMA))
			       ? REFUSED_LIMIT
			       : REFUSED_EMPTY;
	}
	return ZONE_COUNT;
}

static const char *refused(const struct page_request *request, enum page_refusal why)
{
	const struct zone *zone = &state->zones.zone[request->zone];

	state->refused[request->zone][why]++;
	if (memcmp(zone->refused, state->refused[request->zone], sizeof(zone->refused)))
		return "refused for another reason";
	return zone->last_refused.why == why && zone->last_refused.order == request->order
		       ? NULL
		       : "the last refusal is another";
}

static const char *do_alloc(const struct model_op *op)
{
	enum page_refusal why = REFUSED_KINDS;
	struct asked a;
	enum zone_id zone;
	phys_addr_t addr;
	uint64_t page;

	if (state->held_count == HELD)
		return NULL;
	decode(op, &a);
	zone = served_from(&a.request, &why);
	addr = pages_alloc(&state->zones, &a.request);
	page = addr.value / PAGE_SIZE;
	if (phys_is_none(addr))
		return zone == ZONE_COUNT ? refused(&a.request, why)
					  : "refused, and there is a block that fits";
	if (zone == ZONE_COUNT)
		return "served, and nothing fits";
	if (addr.value % (PAGE_SIZE << a.request.order))
		return "served out of alignment";
	if (page >= PAGES || zone_of(page) != zone)
		return "served from another zone";
	if (!keeps(&a.request, page))
		return "served beyond the limit, or not as it fits";
	if (!all(page, 1UL << a.request.order, FREE))
		return "served what is not free";
	set(page, 1UL << a.request.order, BLOCK);
	state->held[state->held_count++] = (struct held){(uint16_t)page, (uint16_t)a.request.order};
	return NULL;
}

/* --- giving back --- */

static const char *do_free(const struct model_op *op)
{
	struct held block, *at;

	if (!state->held_count)
		return NULL;
	at = &state->held[op->word[1] % state->held_count];
	block = *at;
	*at = state->held[--state->held_count];
	pages_free(&state->zones, phys(block.page * PAGE_SIZE), block.order);
	set(block.page, 1UL << block.order, FREE);
	state->freed = block;
	return NULL;
}

/* Free whatever: nothing happens but that it is named, if it isn't just a block that is held. */
static const char *do_misuse(const struct model_op *op)
{
	uint64_t addr = (uint64_t)op->word[1] % (PAGES + 8) * PAGE_SIZE, page;
	unsigned order = op->word[2] % 13;
	enum page_state is;

	switch (op->word[3] % 8) {
	case 0:
	case 1:
	case 2:
		addr = state->freed.page * PAGE_SIZE;
		order = state->freed.order;
		break;
	case 3:
		addr += op->word[4] % PAGE_SIZE;
		break;
	case 4:
	case 5:
		addr = ALIGN_DOWN(addr, PAGE_SIZE << order % BUDDY_ORDERS);
	}
	page = addr / PAGE_SIZE;
	is = page < PAGES ? state->page[page] : RESERVED;
	for (size_t i = 0; i < state->held_count; i++)
		if (addr == state->held[i].page * PAGE_SIZE && order == state->held[i].order)
			return NULL;
	if (is == TAKEN) /* it may be a block by itself */
		return NULL;
	pages_free(&state->zones, phys(addr), order);
	if (order > BUDDY_MAX_ORDER)
		state->misuse[PAGE_WRONG_ORDER]++;
	else if (addr % (PAGE_SIZE << order))
		state->misuse[PAGE_UNALIGNED]++;
	else
		state->misuse[is == FREE    ? PAGE_DOUBLE_FREE
			      : is == BLOCK ? PAGE_WRONG_ORDER
					    : PAGE_RESERVED]++;
	return NULL;
}

/* --- ranges --- */

/* Not beyond the zone, to which the allocator's own end is widened. */
static bool in_one_zone(uint64_t page, size_t pages)
{
	return page < PAGES && zone_of(page) == zone_of(page + pages - 1) &&
	       page + pages <= ALIGN_UP(PAGES, BUDDY_MAX_PAGES);
}

static size_t pages_to_take(const struct model_op *op)
{
	return 1 + op->word[2] % (op->word[3] % 8 == 1 ? 1500 : 60);
}

static const char *do_take(const struct model_op *op)
{
	uint64_t page = op->word[1] % PAGES;
	size_t pages = pages_to_take(op);
	int want = in_one_zone(page, pages) ? -EBUSY : -EINVAL;
	int got = pages_take(&state->zones, phys(page * PAGE_SIZE), pages);

	if (want == -EBUSY && all(page, pages, FREE))
		want = 0;
	if (got != want)
		return want == 0 ? "a free range is not taken" : "a range is taken that can't be";
	if (got == 0)
		set(page, pages, TAKEN);
	return NULL;
}

/* Blocks that lie in the range, if only with a page, are none any more. */
static void break_blocks(uint64_t page, size_t pages)
{
	for (size_t i = 0; i < state->held_count;) {
		struct held block = state->held[i];

		if (block.page + (1UL << block.order) <= page || block.page >= page + pages) {
			i++;
			continue;
		}
		set(block.page, 1UL << block.order, TAKEN);
		state->held[i] = state->held[--state->held_count];
	}
}

static const char *do_give(const struct model_op *op)
{
	uint64_t page = op->word[1] % PAGES, bad;
	size_t pages = 1;

	/* From the next page that is not free, as far as it goes or further. Or what is free. */
	if (op->word[3] % 16 == 1)
		page = state->freed.page;
	while (op->word[3] % 16 != 1 && page < PAGES &&
	       (state->page[page] == FREE || state->page[page] == RESERVED))
		page++;
	if (page == PAGES)
		return NULL;
	while (pages < op->word[2] % 100 && page + pages < PAGES &&
	       (state->page[page + pages] >= BLOCK || op->word[3] % 32 == 0))
		pages++;
	pages_give(&state->zones, phys(page * PAGE_SIZE), pages);
	for (bad = page; bad < page + pages && state->page[bad] >= BLOCK; bad++) {
	}
	if (!in_one_zone(page, pages)) {
		state->misuse[PAGE_RESERVED]++;
	} else if (bad < page + pages) {
		state->misuse[state->page[bad] == FREE ? PAGE_DOUBLE_FREE : PAGE_RESERVED]++;
	} else {
		break_blocks(page, pages);
		set(page, pages, FREE);
	}
	return NULL;
}

/* --- steps --- */

enum what { ALLOC, RELEASE, MISUSE, TAKE, GIVE, DRAIN, CACHE_ON, CACHE_OFF, CPU, WATERMARK };

static enum what what_is(const struct model_op *op)
{
	static const enum what rare[] = {DRAIN, CACHE_ON, CACHE_ON, CACHE_OFF, CPU,
					 CPU,	CPU,	  CPU,	    CPU,       WATERMARK};
	unsigned n = op->word[0] % 100;

	if (n < 5)
		return TAKE;
	if (n < 13)
		return GIVE;
	if (n < 18)
		return MISUSE;
	if (n < 20)
		return rare[(op->word[0] >> 8) % ARRAY_SIZE(rare)];
	return n < 20 + state->frees ? RELEASE : ALLOC;
}

static const char *do_it(const struct model_op *op)
{
	switch (what_is(op)) {
	case ALLOC:
		return do_alloc(op);
	case RELEASE:
		return do_free(op);
	case MISUSE:
		return do_misuse(op);
	case TAKE:
		return do_take(op);
	case GIVE:
		return do_give(op);
	case DRAIN:
		pages_drain(&state->zones);
		break;
	case CACHE_ON:
	case CACHE_OFF:
		pages_cache(&state->zones, what_is(op) == CACHE_ON);
		break;
	case CPU:
		test_cpu(op->word[1] % PORT_CPUS);
		break;
	case WATERMARK:
		state->zones.watermark =
			state->free[ZONE_DMA] - state->free[ZONE_DMA] % (1 + op->word[1] % 16);
		break;
	}
	return NULL;
}

static const char *compare(void)
{
	for (enum page_misuse kind = 0; kind < PAGE_MISUSE_KINDS; kind++)
		if (test_page_misuse(kind) != state->misuse[kind])
			return "a mistake is named otherwise, or not at all";
	for (enum zone_id zone = 0; zone < ZONE_COUNT; zone++) {
		const char *wrong = buddy_validate(&state->zones.zone[zone].buddy);

		if (wrong)
			return wrong;
		if (pages_free_bytes(&state->zones, zone) != state->free[zone] * PAGE_SIZE)
			return "the count of free bytes is wrong";
	}
	for (size_t i = 0; i < state->held_count; i++)
		if (!pages_allocated(&state->zones, phys(state->held[i].page * PAGE_SIZE),
				     state->held[i].order))
			return "a block that is held isn't allocated";
	return NULL;
}

static const char *step(void *unused, const struct model_op *op)
{
	const char *wrong = do_it(op);

	return wrong ? wrong : compare();
}

static void describe(void *unused, const struct model_op *op, char *line, size_t size)
{
	static const char *const names[] = {
		[ALLOC] = "alloc",	  [RELEASE] = "free",	     [MISUSE] = "misuse",
		[TAKE] = "take",	  [GIVE] = "give",	     [DRAIN] = "drain",
		[CACHE_ON] = "caches",	  [CACHE_OFF] = "no caches", [CPU] = "cpu",
		[WATERMARK] = "watermark"};
	static const char places[] = "HLS";
	const uint32_t *w = op->word;
	struct asked a;

	decode(op, &a);
	switch (what_is(op)) {
	case ALLOC:
		snprintf(line, size, "alloc order %u zone %d%s %c limit %#llx", a.request.order,
			 a.request.zone, a.request.dma_reserve ? "+" : "", places[a.request.place],
			 (unsigned long long)a.request.limit);
		if (a.request.fit)
			snprintf(line + strlen(line), size - strlen(line),
				 " from %#llx align %#llx boundary %#llx shift %#llx",
				 (unsigned long long)a.fit.first,
				 (unsigned long long)a.fit.align_mask,
				 (unsigned long long)a.fit.boundary_mask,
				 (unsigned long long)a.fit.shift);
		break;
	case RELEASE:
		snprintf(line, size, "free page %llu order %u",
			 (unsigned long long)(state->held_count
						      ? state->held[w[1] % state->held_count].page
						      : 0),
			 state->held_count ? state->held[w[1] % state->held_count].order : 0);
		break;
	case TAKE:
		snprintf(line, size, "take page %llu, %zu pages", (unsigned long long)w[1] % PAGES,
			 pages_to_take(op));
		break;
	default:
		snprintf(line, size, "%s %u %u %u %u", names[what_is(op)], w[1], w[2], w[3], w[4]);
	}
}

static const struct model model = {begin, step, describe, end};

static void against_a_model(struct ktest *t)
{
	model_check(t, &model, ktest_steps(4000));
}

static const struct ktest_case cases[] = {
	{"against_a_model", against_a_model},
	{0},
};

const struct ktest_suite pages_model_suite = {.name = "pages_model", .cases = cases};
