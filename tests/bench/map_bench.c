/* SPDX-License-Identifier: MIT */
/*
 * Streaming mappings: what map and unmap cost beyond the copies, in a pool that
 * nobody else uses; sync; the gate.
 */
#include "tests/bench/mapping.h"

#include "mm/port.h"

#define RING 256

const struct direction directions[DIRECTIONS] = {
	{"to", DMA_TO_DEVICE, 0}, {"from", DMA_FROM_DEVICE, 1}, {"bidi", DMA_BIDIRECTIONAL, 1}};

static const size_t sizes[] = {64, 512, KIB(2), KIB(4), KIB(16), KIB(64), KIB(256)};

static const struct bench_pair mapping_pair = {map, unmap};

void mapping_pairs(struct mapping *m, size_t samples, unsigned states)
{
	bench_pairs(&mapping_pair, m, samples, states);
}

void mapping_print(struct bench_row row, unsigned in, unsigned out)
{
	row.copies = in + out;
	row.name = "map_unmap";
	bench_print(&row, BENCH_BOTH);
	row.copies = in;
	row.name = "map";
	bench_print(&row, BENCH_TAKE);
	row.copies = out;
	row.name = "unmap";
	bench_print(&row, BENCH_GIVE);
	if (!row.bed)
		return;
	row.copies = 0;
	row.name = "refusal";
	row.what = dma_failure_name(dma_last_failure(&row.bed->dev));
	bench_print(&row, BENCH_REFUSED);
}

void mapping_bounced(struct bed *bed, const struct direction *d, size_t size, bool hit)
{
	struct mapping m = mapping_high(bed, size, d->dir);
	struct bench_row row = mapping_row(bed, d, size, hit);

	bench_reset();
	mapping_pairs(&m, bench_samples(size), hit ? 1 : bed->states);
	mapping_print(row, 1, d->copies);
}

static void direct(struct bed *bed, const struct direction *d, size_t size)
{
	struct mapping m = {&bed->dev, port_phys_to_virt(bed->low), size, d->dir};
	struct bench_row row = {.size = size, .dir = d->name, .path = "direct"};

	bench_reset();
	mapping_pairs(&m, bench_samples(size), 1);
	mapping_print(row, 0, 0);
}

void bench_map_unmap(void)
{
	struct bed *bed = bed_make(BED_POOL);

	for (const struct direction *d = directions; d < directions + DIRECTIONS; d++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			direct(bed, d, sizes[i]);
			mapping_bounced(bed, d, sizes[i], true);
			mapping_bounced(bed, d, sizes[i], false);
		}
	}
}

static void ring(struct bed *bed, const struct direction *d, size_t size, bool hit)
{
	struct bench_taken flying[RING];
	struct mapping of = mapping_high(bed, size, d->dir), *m = bench_opaque(&of);
	struct bench_row row = mapping_row(bed, d, size, hit);
	uint64_t give, take;

	for (size_t i = 0; i < RING; i++)
		flying[i] = map(m);
	bench_reset();
	for (size_t i = 0; i < BENCH_SAMPLES; i++) {
		struct bench_taken *oldest = &flying[i % RING];

		BENCH_TIME(give, unmap(m, *oldest));
		BENCH_TIME(take, *oldest = map(m));
		bench_note(BENCH_BOTH, give + take);
	}
	for (size_t i = 0; i < RING; i++)
		unmap(m, flying[i]);
	row.name = "ring";
	row.copies = 1 + d->copies;
	bench_print(&row, BENCH_BOTH);
}

void bench_ring(void)
{
	struct bed *bed = bed_make(BED_POOL);

	for (size_t d = 0; d < 2; d++) {
		for (size_t i = 2; i < 6; i++) {
			ring(bed, &directions[d], sizes[i], true);
			ring(bed, &directions[d], sizes[i], false);
		}
	}
}

static void sync(struct bed *bed, const struct direction *d, size_t size)
{
	struct mapping of = mapping_high(bed, size, d->dir), *m = bench_opaque(&of);
	struct bench_row row = {
		.name = "sync", .size = size, .dir = d->name, .path = "bounced", .bed = bed};
	struct bench_taken mapped = map(m);
	dma_addr_t addr = {mapped.addr};

	BENCH_REPEAT(bench_samples(size), dma_sync_single_for_cpu(m->dev, addr, m->size, m->dir));
	row.what = "for_cpu";
	row.copies = d->dir != DMA_TO_DEVICE;
	bench_print(&row, BENCH_TAKE);
	BENCH_REPEAT(bench_samples(size),
		     dma_sync_single_for_device(m->dev, addr, m->size, m->dir));
	row.what = "for_device";
	row.copies = d->dir != DMA_FROM_DEVICE;
	bench_print(&row, BENCH_TAKE);
	unmap(m, mapped);
}

void bench_sync(void)
{
	struct bed *bed = bed_make(BED_POOL);

	for (const struct direction *d = directions; d < directions + DIRECTIONS; d++) {
		sync(bed, d, KIB(4));
		sync(bed, d, KIB(64));
	}
}

static void gate(struct bed *bed, const char *path, phys_addr_t buffer)
{
	struct mapping of = {&bed->dev, port_phys_to_virt(buffer), KIB(4), DMA_TO_DEVICE};
	struct mapping *m = bench_opaque(&of);
	struct bench_row row = {.name = "gate", .size = of.size, .path = path};
	struct bench_taken mapped = map(m);
	struct gated {
		dma_addr_t addr;
		uint64_t number, refused;
	} at = {.addr = {mapped.addr}}, *g = bench_opaque(&at);

	BENCH_REPEAT(BENCH_SAMPLES,
		     if (!dma_gate(m->dev, g->addr, m->size, &g->number)) g->refused++);
	if (!g->refused)
		bench_print(&row, BENCH_TAKE);
	unmap(m, mapped);
}

void bench_gate(void)
{
	struct bed *bed = bed_make(BED_POOL);

	gate(bed, "direct", bed->low);
	gate(bed, "bounced", bed->high);
}
