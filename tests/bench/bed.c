/* SPDX-License-Identifier: MIT */
#include "tests/bench/bed.h"

#include "kernel/machine.h"
#include "mm/random.h"
#include "tests/bench/bench.h"

#define STEP	    (BUDDY_MAX_PAGES << PAGE_SHIFT) /* in which memory is taken */
#define SPARSE	    16				    /* pages of which one is free */
#define USED_ORDERS 5

static struct bed *bed;
static struct range_list memory; /* that is ours */
static uint64_t random;		 /* of the patterns: the same in each run */

static void add_memory(uint64_t start, uint64_t end)
{
	if (memory.count && memory.range[memory.count - 1].end == start)
		memory.range[memory.count - 1].end = end;
	else if (memory.count < MEMMAP_RANGES)
		memory.range[memory.count++] = (struct mem_range){start, end};
	else
		pages_give(&machine.zones, phys(start), (end - start) >> PAGE_SHIFT);
}

bool bed_memory(struct bed *place)
{
	const struct range_list *ram = &machine.memmap.ram;

	bed = place;
	memory.count = 0;
	for (size_t i = 0; i < ram->count; i++)
		for (uint64_t at = ALIGN_UP(ram->range[i].start, STEP);
		     at + STEP <= ram->range[i].end; at += STEP)
			if (!pages_take(&machine.zones, phys(at), BUDDY_MAX_PAGES))
				add_memory(at, at + STEP);
	return memory.count && memory.range[memory.count - 1].end > GIB(4) + MIB(64);
}

void bed_memory_end(void)
{
	for (size_t i = 0; i < memory.count; i++)
		pages_give(&machine.zones, phys(memory.range[i].start),
			   (memory.range[i].end - memory.range[i].start) >> PAGE_SHIFT);
}

static phys_addr_t carve(uint64_t size, uint64_t max, enum memmap_end end)
{
	phys_addr_t at = memmap_carve(&bed->map, size, PAGE_SIZE, 0, max, end);

	if (phys_is_none(at))
		port_panic("bench: no room for %llu KiB", (unsigned long long)size >> 10);
	return at;
}

static void add_device(struct dma_device *dev, const char *name)
{
	if (dma_device_add(&bed->sys, dev, name, NULL))
		port_panic("bench: no room for %s", name);
}

struct bed *bed_make(uint64_t pool_bytes)
{
	size_t slots = pool_bytes >> SWIOTLB_SHIFT;
	phys_addr_t pool;

	memset(bed, 0, sizeof(*bed));
	bed->pattern = "contiguous";
	bed->pages = "pristine";
	bed->states = 1;
	random = 2; /* at 99 % scattered singly it leaves two free slots side by side */
	memmap_init(&bed->map, UINT64_MAX);
	for (size_t i = 0; i < memory.count; i++)
		memmap_add(&bed->map, memory.range[i].start,
			   memory.range[i].end - memory.range[i].start, true);
	memmap_seal(&bed->map);
	pool = carve(pool_bytes, GIB(4), MEMMAP_LOWEST);
	bed->low = carve(BED_BUFFER, GIB(4), MEMMAP_HIGHEST);
	bed->high = carve(BED_BUFFER, UINT64_MAX, MEMMAP_HIGHEST);
	bed->unit = port_phys_to_virt(carve(MIB(16), UINT64_MAX, MEMMAP_HIGHEST));
	swiotlb_init(
		&bed->pool, pool, slots,
		port_phys_to_virt(carve(swiotlb_metadata_size(slots), UINT64_MAX, MEMMAP_HIGHEST)));
	bed->any = (struct swiotlb_fit){.last = UINT64_MAX, .boundary_mask = UINT64_MAX};
	swiotlb_fit_prepare(&bed->pool, &bed->any);
	if (pages_init(&bed->zones, &bed->map, 1))
		port_panic("bench: no room for the bookkeeping of pages");
	kmem_init(&bed->kmem, &bed->zones);
	dma_system_init(&bed->sys, &bed->zones, &bed->kmem, &bed->pool);
	add_device(&bed->dev, "bench");
	add_device(&bed->filler, "filler");
	return bed;
}

const char *bed_cache(struct bed *b, bool use)
{
	swiotlb_cache(&b->pool, use);
	pages_cache(&b->zones, use);
	return use ? "hit" : "miss";
}

phys_addr_t bed_take(struct bed *b, size_t bytes)
{
	struct swiotlb_slot slot = {
		.original = b->high.value, .length = (uint32_t)bytes, .device = b->filler.id};
	enum dma_failure why;

	return swiotlb_take(&b->pool, &b->any, slot, &why);
}

/* One that is to be given back some time; false: there is none. */
static bool take_unit(struct bed *b, size_t bytes)
{
	phys_addr_t at = bed_take(b, bytes);

	if (phys_is_none(at))
		return false;
	b->unit[b->units++] = at.value;
	return true;
}

void bed_fill_contiguous(struct bed *b, unsigned percent)
{
	b->fill = (int)percent;
	b->states = BENCH_STATES;
	while (dma_level_now(&b->pool.used) < b->pool.slots * percent / 100 &&
	       take_unit(b, SWIOTLB_SLOT))
		;
}

static void shuffle(uint64_t *item, size_t count)
{
	for (size_t i = count; i > 1; i--) {
		size_t j = random_next(&random) % i;
		uint64_t other = item[j];

		item[j] = item[i - 1];
		item[i - 1] = other;
	}
}

void bed_fill_scattered(struct bed *b, const char *pattern, size_t bytes)
{
	b->pattern = pattern;
	b->fill = 100;
	b->states = BENCH_STATES;
	while (take_unit(b, bytes))
		;
	shuffle(b->unit, b->units);
}

void bed_thin_out(struct bed *b, size_t bytes, unsigned percent)
{
	uint64_t most = ((uint64_t)b->pool.slots << SWIOTLB_SHIFT) * percent / 100;

	b->fill = (int)percent;
	while (b->units * bytes > most)
		swiotlb_put(&b->pool, &b->any, phys(b->unit[--b->units]));
}

void bed_fill_misaligned(struct bed *b)
{
	size_t units = 0;

	bed_fill_contiguous(b, 100);
	b->pattern = "misaligned";
	b->fill = 25;
	for (size_t i = 0; i < b->units; i++) {
		if ((b->unit[i] - b->pool.base.value) / SWIOTLB_SLOT % 4)
			swiotlb_put(&b->pool, &b->any, phys(b->unit[i]));
		else
			b->unit[units++] = b->unit[i];
	}
	b->units = units;
}

static void use_pages(struct bed *b)
{
	struct page_request request = {.zone = ZONE_NORMAL, .limit = NO_LIMIT};
	phys_addr_t at;

	b->pages = "used";
	b->states = BENCH_STATES;
	for (unsigned refused = 0; refused < USED_ORDERS;) {
		request.order = random_next(&random) % USED_ORDERS;
		at = pages_alloc(&b->zones, &request);
		if (phys_is_none(at))
			refused++;
		else if (b->units < MIB(16) / sizeof(*b->unit))
			b->unit[b->units++] = at.value | request.order;
		else
			break;
	}
	shuffle(b->unit, b->units);
	for (size_t half = b->units / 2; b->units > half; b->units--) {
		uint64_t unit = b->unit[b->units - 1];

		pages_free(&b->zones, phys(ALIGN_DOWN(unit, PAGE_SIZE)), unit % PAGE_SIZE);
	}
}

static void fragment_block(struct bed *b, uint64_t start)
{
	for (uint64_t page = start >> PAGE_SHIFT; page < (start + STEP) >> PAGE_SHIFT;
	     page += SPARSE)
		pages_give(&b->zones, phys((page + random_next(&random) % SPARSE) << PAGE_SHIFT),
			   1);
}

static void fragment_pages(struct bed *b)
{
	bool whole = false;

	b->pages = "fragmented";
	b->states = BENCH_STATES;
	for (size_t i = 0; i < memory.count; i++) {
		for (uint64_t at = memory.range[i].start; at < memory.range[i].end; at += STEP) {
			if (pages_take(&b->zones, phys(at), BUDDY_MAX_PAGES))
				continue; /* a part of it was carved */
			if (whole || at < ZONE_DMA_END)
				fragment_block(b, at);
			else
				pages_give(&b->zones, phys(at), BUDDY_MAX_PAGES);
			whole |= at >= ZONE_DMA_END;
		}
	}
}

/* Somebody gets a page from the zone itself, as all the time: the caches know where it ends. */
static void take_a_page(struct bed *b)
{
	const struct page_request any = {.zone = ZONE_NORMAL, .limit = NO_LIMIT};

	bed_cache(b, false);
	bed_cache(b, true);
	pages_alloc(&b->zones, &any);
}

struct bed *bed_make_pages(enum bed_pages state)
{
	struct bed *b = bed_make(BED_POOL);

	if (state == BED_USED)
		use_pages(b);
	else if (state == BED_FRAGMENTED)
		fragment_pages(b);
	take_a_page(b);
	return b;
}
