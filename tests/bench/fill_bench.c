/* SPDX-License-Identifier: MIT */
/*
 * A pool that others fill: what a mapping costs there, the worst that one ever
 * does, with alignment and boundaries, what a refusal costs.
 */
#include "dma/port.h"
#include "tests/bench/mapping.h"

static const struct pattern {
	const char *name;
	size_t bytes;
} patterns[] = {
	{"scattered2k", KIB(2)},
	{"scattered4k", KIB(4)},
	{"scattered64k", KIB(64)},
};

static const uint64_t pools[] = {MIB(64), MIB(512)};
static const struct direction *const to_device = directions;

static void filled(struct bed *bed)
{
	mapping_bounced(bed, to_device, KIB(4), false);
	mapping_bounced(bed, to_device, KIB(64), false);
}

static void fill_contiguous(uint64_t pool)
{
	static const unsigned percent[] = {0, 50, 90, 95, 99, 100};
	struct bed *bed = bed_make(pool);

	/* The usual pool is measured empty by bench_map_unmap(). */
	for (size_t i = pool == BED_POOL; i < ARRAY_SIZE(percent); i++) {
		bed_fill_contiguous(bed, percent[i]);
		filled(bed);
	}
}

static void fill_scattered(uint64_t pool, const struct pattern *p)
{
	static const unsigned percent[] = {99, 95, 90, 50};
	struct bed *bed = bed_make(pool);

	bed_fill_scattered(bed, p->name, p->bytes);
	for (size_t i = 0; i < ARRAY_SIZE(percent); i++) {
		bed_thin_out(bed, p->bytes, percent[i]);
		filled(bed);
	}
}

void bench_fill(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(pools); i++) {
		fill_contiguous(pools[i]);
		for (size_t p = 0; p < ARRAY_SIZE(patterns); p++)
			fill_scattered(pools[i], &patterns[p]);
	}
}

/* --- the worst --- */

/* Some more pairs, in the pool as it is. */
static void some_more(struct bed *bed)
{
	struct mapping m = mapping_high(bed, KIB(4), DMA_TO_DEVICE);
	size_t so_far = bench_count(BENCH_BOTH) + bench_count(BENCH_REFUSED);

	mapping_pairs(&m, so_far + BENCH_SAMPLES / 100, BENCH_STATES);
}

static void print_worst(struct bed *bed, const char *what, bool hit)
{
	struct bench_row row = mapping_row(bed, to_device, KIB(4), hit);

	bed->fill = BED_ANY_FILL;
	row.name = "map";
	row.what = what;
	row.copies = 1;
	bench_print(&row, BENCH_TAKE);
}

/* From 0 to 99 percent, or the other way. */
static void any_fill(uint64_t pool, const struct pattern *p, bool hit)
{
	struct bed *bed = bed_make(pool);

	bed_cache(bed, hit);
	bench_reset();
	if (p)
		bed_fill_scattered(bed, p->name, p->bytes);
	for (unsigned i = 0; i < 100; i++) {
		if (p)
			bed_thin_out(bed, p->bytes, 99 - i);
		else
			bed_fill_contiguous(bed, i);
		some_more(bed);
	}
	print_worst(bed, "any fill", hit);
}

/* As many runs of some lengths as a magazine keeps. */
struct hoard {
	unsigned lengths; /* a bit each, of slots */
	phys_addr_t run[SWIOTLB_MAGAZINE_SLOTS][SWIOTLB_MAGAZINE_RUNS];
};

static bool keeps(const struct hoard *hoard, size_t slots)
{
	return hoard->lengths >> slots & 1;
}

static void take_hoard(struct bed *bed, struct hoard *hoard)
{
	for (size_t slots = 1; slots <= SWIOTLB_MAGAZINE_SLOTS; slots++)
		for (size_t i = 0; i < SWIOTLB_MAGAZINE_RUNS && keeps(hoard, slots); i++)
			hoard->run[slots - 1][i] = bed_take(bed, slots << SWIOTLB_SHIFT);
}

/* The middle one of three that lie side by side comes first, and so out of the magazine last. */
static void give_hoard(struct bed *bed, const struct hoard *hoard)
{
	for (size_t slots = 1; slots <= SWIOTLB_MAGAZINE_SLOTS; slots++)
		for (size_t i = 1; i <= SWIOTLB_MAGAZINE_RUNS && keeps(hoard, slots); i++)
			swiotlb_put(&bed->pool, &bed->any,
				    hoard->run[slots - 1][i % SWIOTLB_MAGAZINE_RUNS]);
}

/* All that is free is in magazines, and none of it has the length that is wanted. */
static void full_magazines(const char *what, unsigned lengths)
{
	struct bed *bed = bed_make(BED_POOL);
	struct mapping m = mapping_high(bed, KIB(4), DMA_TO_DEVICE);
	struct hoard hoard = {.lengths = lengths};
	struct bench_taken taken;
	uint64_t ticks;

	bench_reset();
	take_hoard(bed, &hoard);
	bed_fill_contiguous(bed, 100);
	for (unsigned i = 0; i < BENCH_STATES; i++) {
		bed_cache(bed, true);
		give_hoard(bed, &hoard);
		BENCH_TIME(ticks, taken = map(&m));
		bench_note(BENCH_TAKE, ticks);
		unmap(&m, taken);
		bed_cache(bed, false);
		take_hoard(bed, &hoard);
	}
	print_worst(bed, what, true);
}

void bench_worst(void)
{
	for (unsigned hit = 0; hit < 2; hit++) {
		any_fill(MIB(64), NULL, hit);
		for (size_t p = 0; p < ARRAY_SIZE(patterns); p++)
			any_fill(MIB(64), &patterns[p], hit);
	}
	any_fill(MIB(512), &patterns[0], false);
	full_magazines("full magazines", ~(1U << 2));
	full_magazines("single slots", 1U << 1);
}

/* --- alignment and boundaries --- */

#define ALIGNED_SAMPLES 64
#define ODD_OFFSET	0x123 /* into a page */

static void aligned(struct bed *bed, const char *what, size_t size, uint64_t offset, size_t samples)
{
	struct mapping m = mapping_high(bed, size, DMA_TO_DEVICE);
	struct bench_row row = mapping_row(bed, to_device, size, false);

	m.buffer = (char *)m.buffer + offset;
	bench_reset();
	mapping_pairs(&m, samples, bed->states);
	row.name = "map_aligned";
	row.what = what;
	row.copies = 1;
	bench_print(&row, BENCH_TAKE);
	row.name = "refusal";
	row.copies = 0;
	bench_print(&row, BENCH_REFUSED);
}

/* What is in a page of the address is to be kept. */
static void aligned_to_a_page(struct bed *bed)
{
	aligned(bed, "min_align_mask", KIB(4), ODD_OFFSET, ALIGNED_SAMPLES);
}

/* Of 64 KiB one may be met, but not crossed. */
static void within_a_boundary(struct bed *bed)
{
	aligned(bed, "boundary", KIB(4), 0, ALIGNED_SAMPLES);
	aligned(bed, "boundary", KIB(64), 0, ALIGNED_SAMPLES);
}

static void limit_to_a_page(struct dma_device *dev)
{
	dma_set_min_align_mask(dev, PAGE_SIZE - 1);
}

static void limit_to_a_boundary(struct dma_device *dev)
{
	dma_set_seg_boundary(dev, KIB(64) - 1);
}

static void at_some_fills(void (*limit)(struct dma_device *dev), void (*measure)(struct bed *bed))
{
	static const unsigned percent[] = {99, 95, 90, 50};
	struct bed *bed = bed_make(BED_POOL);

	limit(&bed->dev);
	measure(bed);
	bed_fill_scattered(bed, "scattered2k", KIB(2));
	for (size_t i = 0; i < ARRAY_SIZE(percent); i++) {
		bed_thin_out(bed, KIB(2), percent[i]);
		measure(bed);
	}
}

/* Holes of three slots, which is enough, none of which begins where it must. */
static void misaligned_holes(uint64_t pool)
{
	struct bed *bed = bed_make(pool);

	limit_to_a_page(&bed->dev);
	bed_fill_misaligned(bed);
	/* A refusal takes a pass over the bitmap. */
	aligned(bed, "min_align_mask", KIB(4), ODD_OFFSET, 4);
}

void bench_aligned(void)
{
	at_some_fills(limit_to_a_page, aligned_to_a_page);
	at_some_fills(limit_to_a_boundary, within_a_boundary);
	for (size_t i = 0; i < ARRAY_SIZE(pools); i++)
		misaligned_holes(pools[i]);
}

/* --- what no pool could serve --- */

static void refused(struct bed *bed, size_t size)
{
	struct mapping m = mapping_high(bed, size, DMA_TO_DEVICE);
	struct bench_row row = mapping_row(bed, to_device, size, false);

	bench_reset();
	mapping_pairs(&m, BENCH_SAMPLES, 1);
	mapping_print(row, 1, 0);
}

void bench_refusal(void)
{
	struct bed *bed = bed_make(BED_POOL);

	refused(bed, BED_POOL + 1);
	/* The pool has as many slots, but not where the device reaches. */
	dma_set_mask(&bed->dev, DMA_BIT_MASK(24));
	refused(bed, MIB(16));
}

/*
 * All of the pool in one mapping. It is zeroed instead of copied, for want of such
 * a buffer; and that is no work of its own.
 */
void bench_largest(void)
{
	struct bed *bed = bed_make(BED_POOL);
	struct bench_row row = mapping_row(bed, to_device, BED_POOL, false);
	uint64_t zeroing, ticks, number;
	dma_addr_t addr;

	BENCH_TIME(zeroing, port_zero(bed->pool.base, BED_POOL));
	BENCH_TIME(ticks, addr = dma_map_phys(&bed->dev, bed->high, BED_POOL, DMA_TO_DEVICE,
					      DMA_ATTR_SKIP_CPU_SYNC));
	bench_reset();
	if (dma_gate(&bed->dev, addr, BED_POOL, &number))
		bench_note(BENCH_TAKE, ticks - zeroing);
	row.name = "largest";
	bench_print(&row, BENCH_TAKE);
}
