/* SPDX-License-Identifier: MIT */
/*
 * Memory that is shared with a device for long, small objects, and what is kept
 * beside the memory that is handed out.
 */
#include "dma/pool.h"
#include "kernel/machine.h"
#include "tests/bench/bed.h"
#include "tests/bench/bench.h"

#define RING 256

/* --- coherent memory --- */

struct piece {
	struct dma_device *dev;
	size_t size;
};

BENCH_CALL struct bench_taken alloc_piece(void *arg)
{
	const struct piece *p = arg;
	dma_addr_t handle;
	void *cpu = dma_alloc_coherent(p->dev, p->size, &handle);

	return (struct bench_taken){cpu ? handle.bus : BENCH_NONE, cpu};
}

BENCH_CALL void free_piece(void *arg, struct bench_taken taken)
{
	const struct piece *p = arg;

	dma_free_coherent(p->dev, p->size, taken.cpu, (dma_addr_t){taken.addr});
}

static const struct bench_pair piece_pair = {alloc_piece, free_piece};

static void coherent(struct bed *bed, size_t size, bool hit)
{
	struct piece p = {&bed->dev, size};
	struct bench_row row = {.name = "coherent",
				.size = size,
				.pattern = bed->pages,
				.cache = bed_cache(bed, hit),
				.zeroings = 1};

	bench_reset();
	bench_pairs(&piece_pair, &p, bench_samples(size), hit ? 1 : bed->states);
	bench_print(&row, BENCH_BOTH);
}

static void each_size(struct bed *bed)
{
	static const size_t sizes[] = {KIB(4), KIB(64)};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		coherent(bed, sizes[i], true);
		coherent(bed, sizes[i], false);
	}
}

void bench_coherent(void)
{
	each_size(bed_make_pages(BED_PRISTINE));
	each_size(bed_make_pages(BED_USED));
	each_size(bed_make_pages(BED_FRAGMENTED));
}

/* --- pools --- */

BENCH_CALL struct bench_taken alloc_block(void *arg)
{
	dma_addr_t handle;
	void *cpu = dma_pool_alloc(arg, &handle);

	return (struct bench_taken){cpu ? handle.bus : BENCH_NONE, cpu};
}

BENCH_CALL void free_block(void *arg, struct bench_taken taken)
{
	dma_pool_free(arg, taken.cpu, (dma_addr_t){taken.addr});
}

static const struct bench_pair block_pair = {alloc_block, free_block};

/* Many in flight, the oldest replaced by a new one. */
static void ring_of_blocks(struct dma_pool *pool)
{
	struct bench_taken flying[RING];
	uint64_t give, take;

	pool = bench_opaque(pool);
	for (size_t i = 0; i < RING; i++)
		flying[i] = alloc_block(pool);
	bench_reset();
	for (size_t i = 0; i < BENCH_SAMPLES; i++) {
		struct bench_taken *oldest = &flying[i % RING];

		BENCH_TIME(give, free_block(pool, *oldest));
		BENCH_TIME(take, *oldest = alloc_block(pool));
		bench_note(BENCH_BOTH, give + take);
	}
	for (size_t i = 0; i < RING; i++)
		free_block(pool, flying[i]);
}

void bench_pool(void)
{
	struct bed *bed = bed_make(BED_POOL);
	struct bench_row row = {.name = "pool", .size = 64};
	struct dma_pool *pool = dma_pool_create("bench", &bed->dev, row.size, 0, 0);

	if (!pool)
		port_panic("bench: no pool");
	bench_reset();
	bench_pairs(&block_pair, pool, BENCH_SAMPLES, 1);
	bench_print(&row, BENCH_BOTH);
	ring_of_blocks(pool);
	row.what = "ring";
	bench_print(&row, BENCH_BOTH);
	dma_pool_destroy(pool);
}

/* --- small objects --- */

struct object {
	struct kmem *kmem;
	size_t size;
};

BENCH_CALL struct bench_taken alloc_object(void *arg)
{
	const struct object *o = arg;
	void *cpu = kmalloc(o->kmem, o->size);

	return (struct bench_taken){cpu ? 0 : BENCH_NONE, cpu};
}

BENCH_CALL void free_object(void *arg, struct bench_taken taken)
{
	const struct object *o = arg;

	kfree(o->kmem, taken.cpu);
}

static const struct bench_pair object_pair = {alloc_object, free_object};

/* Zeroed when allocated, poisoned when freed, which is the same work. */
static void object(struct bed *bed, size_t size)
{
	struct object o = {&bed->kmem, size};
	struct bench_row row = {.name = "kmalloc", .size = size, .zeroings = 2};

	bench_reset();
	bench_pairs(&object_pair, &o, BENCH_SAMPLES, 1);
	bench_print(&row, BENCH_BOTH);
}

void bench_kmalloc(void)
{
	static const size_t sizes[] = {64, 1024};
	struct bed *bed = bed_make(BED_POOL);

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* Another of that size stays, and with it the page. */
		kmalloc(&bed->kmem, sizes[i]);
		object(bed, sizes[i]);
	}
}

/* --- what is kept beside --- */

static void bits(const char *what, size_t size, uint64_t bytes, uint64_t count)
{
	struct bench_row row = {.name = "metadata", .what = what, .size = size};

	bench_reset();
	bench_note(BENCH_TAKE, (bytes * 8 + count - 1) / count);
	bench_print(&row, BENCH_TAKE);
}

/* Bits, not ticks. */
void bench_metadata(void)
{
	const struct memmap *map = &machine.memmap;
	size_t slots = BED_POOL >> SWIOTLB_SHIFT;

	bits("slot", SWIOTLB_SLOT, swiotlb_metadata_size(slots), slots);
	bits("page", PAGE_SIZE, pages_bookkeeping(memmap_top(map)),
	     memmap_bytes(map, 0) >> PAGE_SHIFT);
}
