/* SPDX-License-Identifier: MIT */
/*
 * The page allocator: a block taken and given back, of some orders and under a
 * limit, with memory as it is after boot, after a long time, and at its worst.
 */
#include "tests/bench/bed.h"
#include "tests/bench/bench.h"

struct block {
	struct zones *zones;
	struct page_request request;
};

BENCH_CALL struct bench_taken alloc(void *arg)
{
	const struct block *b = arg;

	return (struct bench_taken){.addr = pages_alloc(b->zones, &b->request).value};
}

BENCH_CALL void free(void *arg, struct bench_taken taken)
{
	const struct block *b = arg;

	pages_free(b->zones, phys(taken.addr), b->request.order);
}

static const struct bench_pair block_pair = {alloc, free};

static void pages(struct bed *bed, unsigned order, uint64_t limit, bool hit)
{
	struct block b = {&bed->zones, {.order = order, .zone = ZONE_NORMAL, .limit = limit}};
	struct bench_row row = {.name = "pages",
				.what = limit == NO_LIMIT ? NULL : "below 2^29",
				.size = PAGE_SIZE << order,
				.pattern = bed->pages,
				.cache = bed_cache(bed, hit)};

	bench_reset();
	bench_pairs(&block_pair, &b, BENCH_SAMPLES, hit ? 1 : bed->states);
	bench_print(&row, BENCH_BOTH);
}

static void each_order(struct bed *bed)
{
	static const unsigned orders[] = {0, 4, 9};

	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		pages(bed, orders[i], NO_LIMIT, true);
		pages(bed, orders[i], NO_LIMIT, false);
	}
	pages(bed, 0, MIB(512) - 1, true);
	pages(bed, 0, MIB(512) - 1, false);
}

void bench_pages(void)
{
	each_order(bed_make_pages(BED_PRISTINE));
	each_order(bed_make_pages(BED_USED));
	each_order(bed_make_pages(BED_FRAGMENTED));
}
