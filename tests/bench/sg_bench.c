/* SPDX-License-Identifier: MIT */
/*
 * Lists: 16 pieces of a page each, every other page of a buffer. Lists whose
 * pieces follow each other, so that they become one segment, are "merged".
 */
#include "dma/sg.h"

#include "tests/bench/mapping.h"

#define ENTRIES 16

struct list {
	struct dma_device *dev;
	enum dma_data_direction dir;
	struct scatterlist sg[ENTRIES];
};

BENCH_CALL struct bench_taken map_list(void *arg)
{
	struct list *l = arg;
	unsigned segments = dma_map_sg_attrs(l->dev, l->sg, ENTRIES, l->dir, DMA_ATTR_NO_WARN);

	return (struct bench_taken){.addr = segments ? segments : BENCH_NONE};
}

BENCH_CALL void unmap_list(void *arg, struct bench_taken taken)
{
	struct list *l = arg;

	dma_unmap_sg(l->dev, l->sg, ENTRIES, l->dir);
}

static const struct bench_pair list_pair = {map_list, unmap_list};

/* Pieces that lie `stride` bytes apart. */
static void measure(struct bed *bed, const struct direction *d, phys_addr_t buffer, size_t stride)
{
	struct list l = {.dev = &bed->dev, .dir = d->dir};

	for (size_t i = 0; i < ENTRIES; i++) {
		l.sg[i].addr = phys_add(buffer, i * stride);
		l.sg[i].length = PAGE_SIZE;
	}
	bench_reset();
	bench_pairs(&list_pair, &l, bench_samples(ENTRIES * PAGE_SIZE), 1);
}

static void print_list(struct bench_row row, unsigned in, unsigned out)
{
	row.copies = in;
	row.name = "map_sg";
	bench_print(&row, BENCH_TAKE);
	row.copies = out;
	row.name = "unmap_sg";
	bench_print(&row, BENCH_GIVE);
}

static void bounced(struct bed *bed, const struct direction *d, bool hit)
{
	struct bench_row row = mapping_row(bed, d, PAGE_SIZE, hit);

	row.what = "16 entries";
	measure(bed, d, bed->high, 2 * PAGE_SIZE);
	print_list(row, ENTRIES, ENTRIES * d->copies);
}

static void direct(struct bed *bed, const struct direction *d, const char *what, size_t stride)
{
	struct bench_row row = {.what = what, .size = PAGE_SIZE, .dir = d->name, .path = "direct"};

	measure(bed, d, bed->low, stride);
	print_list(row, 0, 0);
}

void bench_sg(void)
{
	struct bed *bed = bed_make(BED_POOL);

	dma_set_max_segments(&bed->dev, ENTRIES);
	for (const struct direction *d = directions; d < directions + DIRECTIONS; d++) {
		direct(bed, d, "16 entries", 2 * PAGE_SIZE);
		direct(bed, d, "16 entries, merged", PAGE_SIZE);
		bounced(bed, d, true);
		bounced(bed, d, false);
	}
}
