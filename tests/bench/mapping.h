/* SPDX-License-Identifier: MIT */
/*
 * What the benches of mappings have in common: a mapping to be made, the pair of
 * calls that makes and unmakes it, and its rows.
 */
#ifndef TESTS_BENCH_MAPPING_H
#define TESTS_BENCH_MAPPING_H

#include "dma/dma.h"
#include "tests/bench/bed.h"
#include "tests/bench/bench.h"

struct direction {
	const char *name;
	enum dma_data_direction dir;
	unsigned copies; /* out of a bounced mapping; into one it is always one */
};

#define DIRECTIONS 3
extern const struct direction directions[DIRECTIONS]; /* to, from, bidi */

struct mapping {
	struct dma_device *dev;
	void *buffer;
	size_t size;
	enum dma_data_direction dir;
};

BENCH_CALL struct bench_taken map(void *arg)
{
	const struct mapping *m = arg;

	return (struct bench_taken){
		.addr = dma_map_single_attrs(m->dev, m->buffer, m->size, m->dir, DMA_ATTR_NO_WARN)
				.bus};
}

BENCH_CALL void unmap(void *arg, struct bench_taken taken)
{
	const struct mapping *m = arg;

	dma_unmap_single(m->dev, (dma_addr_t){taken.addr}, m->size, m->dir);
}

/* One that the bed's device doesn't reach. */
static inline struct mapping mapping_high(struct bed *bed, size_t size, enum dma_data_direction dir)
{
	return (struct mapping){&bed->dev, port_phys_to_virt(bed->high), size, dir};
}

/* Its row but for the name, and the caches as it says. */
static inline struct bench_row mapping_row(struct bed *bed, const struct direction *d, size_t size,
					   bool hit)
{
	return (struct bench_row){.size = size,
				  .dir = d->name,
				  .path = "bounced",
				  .cache = bed_cache(bed, hit),
				  .bed = bed};
}

/* bench_pairs() of it; not inline, so that there is but one. */
void mapping_pairs(struct mapping *m, size_t samples, unsigned states);

/*
 * Of a series of such pairs both calls, and each; or, where there are only such,
 * refusals, and why. So many copies into the pool and out of it are in each.
 */
void mapping_print(struct bench_row row, unsigned in, unsigned out);

/* Measure bounced ones, in the pool as it is, and print that. */
void mapping_bounced(struct bed *bed, const struct direction *d, size_t size, bool hit);

#endif
