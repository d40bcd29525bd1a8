/* SPDX-License-Identifier: MIT */
/*
 * Streaming mappings: what map and unmap cost beyond the copies, in an empty
 * pool and in one that others fill; sync; the gate.
 */
#include "kernel/printf.h"
#include "mm/port.h"
#include "tests/bench/bed.h"
#include "tests/bench/bench.h"

#define RING 256

struct direction {
	const char *name;
	enum dma_data_direction dir;
	unsigned copies; /* out of a bounced mapping; into one it is always one */
};

static const struct direction directions[] = {
	{"to", DMA_TO_DEVICE, 0}, {"from", DMA_FROM_DEVICE, 1}, {"bidi", DMA_BIDIRECTIONAL, 1}};
static const struct direction *const to_device = directions;

static const size_t sizes[] = {64, 512, KIB(2), KIB(4), KIB(16), KIB(64), KIB(256)};

/* A mapping to be made. */
struct mapping {
	struct dma_device *dev;
	void *buffer;
	size_t size;
	enum dma_data_direction dir;
};

static uint64_t map(void *arg)
{
	const struct mapping *m = arg;

	return dma_map_single_attrs(m->dev, m->buffer, m->size, m->dir, DMA_ATTR_NO_WARN).bus;
}

static void unmap(void *arg, uint64_t bus)
{
	const struct mapping *m = arg;

	dma_unmap_single(m->dev, (dma_addr_t){bus}, m->size, m->dir);
}

static const struct bench_pair mapping_pair = {map, unmap};

/* Both, and each; or, where there are only such, refusals. */
static void print_pair(struct bench_row row, unsigned in, unsigned out)
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
	row.copies = 0;
	row.name = "refusal";
	bench_print(&row, BENCH_REFUSED);
}

static void bounced(struct bed *bed, const struct direction *d, size_t size, bool hit)
{
	struct mapping m = {&bed->dev, port_phys_to_virt(bed->high), size, d->dir};
	struct bench_row row = {.size = size,
				.dir = d->name,
				.path = "bounced",
				.cache = bed_cache(bed, hit),
				.bed = bed};

	bench_pairs(&mapping_pair, &m, bench_samples(size), hit ? 1 : bed->states);
	print_pair(row, 1, d->copies);
}

static void direct(struct bed *bed, const struct direction *d, size_t size)
{
	struct mapping m = {&bed->dev, port_phys_to_virt(bed->low), size, d->dir};
	struct bench_row row = {.size = size, .dir = d->name, .path = "direct"};

	bench_pairs(&mapping_pair, &m, bench_samples(size), 1);
	print_pair(row, 0, 0);
}

void bench_map_unmap(void)
{
	struct bed *bed = bed_make(BED_POOL);

	for (const struct direction *d = directions; d < directions + ARRAY_SIZE(directions); d++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			direct(bed, d, sizes[i]);
			bounced(bed, d, sizes[i], true);
			bounced(bed, d, sizes[i], false);
		}
	}
}

static void filled(struct bed *bed)
{
	bounced(bed, to_device, KIB(4), false);
	bounced(bed, to_device, KIB(64), false);
}

static void fill_contiguous(uint64_t pool, const unsigned *percent, size_t count)
{
	struct bed *bed = bed_make(pool);

	while (count--) {
		bed_fill_contiguous(bed, percent[count]);
		filled(bed);
	}
}

static void fill_scattered(uint64_t pool, const char *pattern, size_t bytes,
			   const unsigned *percent, size_t count)
{
	struct bed *bed = bed_make(pool);

	bed_fill_scattered(bed, pattern, bytes);
	for (size_t i = 0; i < count; i++) {
		bed_thin_out(bed, bytes, percent[i]);
		filled(bed);
	}
}

void bench_fill(void)
{
	static const unsigned percent[] = {100, 99, 95, 90, 50, 0};
	static const uint64_t pools[] = {MIB(64), MIB(512)};

	for (size_t i = 0; i < ARRAY_SIZE(pools); i++) {
		fill_contiguous(pools[i], percent, ARRAY_SIZE(percent));
		/* From 99 to 50. */
		fill_scattered(pools[i], "scattered2k", KIB(2), percent + 1, 4);
		fill_scattered(pools[i], "scattered4k", KIB(4), percent + 1, 4);
		fill_scattered(pools[i], "scattered64k", KIB(64), percent + 1, 4);
	}
}

static void ring(struct bed *bed, const struct direction *d, size_t size, bool hit)
{
	static uint64_t flying[RING];
	struct mapping m = {&bed->dev, port_phys_to_virt(bed->high), size, d->dir};
	struct bench_row row = {.size = size,
				.dir = d->name,
				.path = "bounced",
				.cache = bed_cache(bed, hit),
				.bed = bed};
	uint64_t give, take;

	for (size_t i = 0; i < RING; i++)
		flying[i] = map(&m);
	bench_reset();
	for (size_t i = 0; i < BENCH_SAMPLES; i++) {
		uint64_t *oldest = &flying[i % RING];

		BENCH_TIME(give, unmap(&m, *oldest));
		BENCH_TIME(take, *oldest = map(&m));
		bench_note(BENCH_BOTH, give + take);
	}
	for (size_t i = 0; i < RING; i++)
		unmap(&m, flying[i]);
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
	struct mapping m = {&bed->dev, port_phys_to_virt(bed->high), size, d->dir};
	struct bench_row row = {
		.name = "sync", .size = size, .dir = d->name, .path = "bounced", .bed = bed};
	dma_addr_t addr = {map(&m)};

	BENCH_REPEAT(bench_samples(size), dma_sync_single_for_cpu(m.dev, addr, size, d->dir));
	row.what = "for_cpu";
	row.copies = d->dir != DMA_TO_DEVICE;
	bench_print(&row, BENCH_TAKE);
	BENCH_REPEAT(bench_samples(size), dma_sync_single_for_device(m.dev, addr, size, d->dir));
	row.what = "for_device";
	row.copies = d->dir != DMA_FROM_DEVICE;
	bench_print(&row, BENCH_TAKE);
	unmap(&m, addr.bus);
}

void bench_sync(void)
{
	struct bed *bed = bed_make(BED_POOL);

	for (const struct direction *d = directions; d < directions + ARRAY_SIZE(directions); d++) {
		sync(bed, d, KIB(4));
		sync(bed, d, KIB(64));
	}
}

static void gate(struct bed *bed, const char *path, phys_addr_t buffer)
{
	struct mapping m = {&bed->dev, port_phys_to_virt(buffer), KIB(4), DMA_TO_DEVICE};
	struct bench_row row = {.name = "gate", .size = m.size, .path = path};
	dma_addr_t addr = {map(&m)};
	uint64_t number;

	BENCH_REPEAT(BENCH_SAMPLES, dma_gate(m.dev, addr, m.size, &number));
	bench_print(&row, BENCH_TAKE);
	unmap(&m, addr.bus);
}

void bench_gate(void)
{
	struct bed *bed = bed_make(BED_POOL);

	gate(bed, "direct", bed->low);
	gate(bed, "bounced", bed->high);
}
