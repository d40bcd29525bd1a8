/* SPDX-License-Identifier: MIT */
#include "tests/unit/dma_fixture.h"

/*
 * Above 16 MiB, since small objects are not for ZONE_DMA; low, since bookkeeping
 * reaches up to it; free on most machines, behind their own pool.
 */
#define WISH	 MIB(160)

#define METADATA (FIXTURE_SLOTS * 16 + FIXTURE_SLOTS / 4) /* bytes */

static void build_zones(struct ktest *t, struct dma_fixture *f)
{
	struct memmap *map = ktest_zalloc(t, sizeof(*map));

	if (!map)
		return;
	memmap_init(map, UINT64_MAX);
	memmap_add(map, f->base, FIXTURE_POOL, true);
	if (memmap_seal(map) || pages_init(&f->zones, map, t->seed)) {
		ktest_skip(t, "no low memory for private zones, only %#llx",
			   (unsigned long long)f->base);
		return;
	}
	kmem_init(&f->kmem, &f->zones);
}

static void add_device(struct ktest *t, struct dma_fixture *f, struct dma_device *dev,
		       const char *name, uint64_t size)
{
	EXPECT_EQ(t, dma_device_add(&f->sys, dev, name, NULL), 0);
	EXPECT_EQ(t, dma_set_mask_and_coherent(dev, UINT64_MAX), 0);
	dma_set_bus_limit(dev, f->base + size - 1);
}

void dma_fixture_begin(struct ktest *t)
{
	struct dma_fixture *f = ktest_zalloc(t, sizeof(*f));
	void *metadata = ktest_zalloc(t, METADATA);

	t->fixture = f;
	if (!f || !metadata)
		return;
	if (!arena_get(&f->arena, WISH, FIXTURE_SIZE, KIB(64))) {
		ktest_skip(t, "no %llu KiB of memory", (unsigned long long)FIXTURE_SIZE >> 10);
		return;
	}
	f->base = f->arena.base.value;
	build_zones(t, f);
	if (t->skip[0]) {
		arena_put(&f->arena);
		return;
	}
	swiotlb_init(&f->pool, phys(f->base + FIXTURE_POOL), FIXTURE_SLOTS, metadata);
	dma_system_init(&f->sys, &f->zones, &f->kmem, &f->pool);
	add_device(t, f, &f->near, "near0", FIXTURE_HIGH);
	add_device(t, f, &f->near2, "near1", FIXTURE_HIGH);
	add_device(t, f, &f->tight, "tight0", FIXTURE_POOL);
	add_device(t, f, &f->tight2, "tight1", FIXTURE_POOL);
}

static void expect_balance(struct ktest *t, struct dma_fixture *f)
{
	struct dma_device *devices[] = {&f->near, &f->near2, &f->tight, &f->tight2};

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		EXPECT_EQ(t, devices[i]->count.live + devices[i]->count.lent, 0);
	swiotlb_validate(&f->pool);
	EXPECT_EQ(t, dma_level_now(&f->pool.used), 0);
	EXPECT_EQ(t, f->sys.transients.count, 0);
	EXPECT_EQ(t, f->sys.lent.count, 0);
	EXPECT_EQ(t, f->kmem.objects, 0);
	for (unsigned kind = 0; kind < DMA_MISUSE_KINDS; kind++)
		EXPECT_EQ(t, f->sys.misuse[kind], f->misuse[kind]);
}

void dma_fixture_end(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;

	if (!t->failed)
		expect_balance(t, f);
	arena_put(&f->arena);
}

void fixture_window(struct dma_device *dev, int64_t bus_offset, uint64_t last)
{
	dma_set_bus_offset(dev, bus_offset);
	dma_set_bus_limit(dev, last);
}

dma_addr_t fixture_map(struct ktest *t, struct dma_device *dev, uint64_t offset, size_t len,
		       enum dma_data_direction dir)
{
	struct dma_fixture *f = t->fixture;

	return dma_map_phys(dev, phys(f->base + offset), len, dir, 0);
}

uint64_t fixture_free_bytes(struct dma_fixture *f)
{
	return pages_free_bytes(&f->zones, ZONE_DMA) + pages_free_bytes(&f->zones, ZONE_NORMAL);
}

uint64_t fixture_failures(const struct dma_device *dev)
{
	uint64_t sum = 0;

	for (unsigned why = 0; why < DMA_FAILURES; why++)
		sum += dev->count.failed[why];
	return sum;
}

void fixture_litter(struct dma_fixture *f)
{
	struct page_request request = {.zone = ZONE_NORMAL, .dma_reserve = true, .limit = NO_LIMIT};
	phys_addr_t pages[64];
	size_t n = 0;

	memset(fixture_memory(f, FIXTURE_POOL), 0xee, FIXTURE_LOW - FIXTURE_POOL);
	while (n < ARRAY_SIZE(pages) && !phys_is_none(pages[n] = pages_alloc(&f->zones, &request)))
		memset(port_phys_to_virt(pages[n++]), 0xee, PAGE_SIZE);
	while (n > 0)
		pages_free(&f->zones, pages[--n], 0);
}

uint8_t *fixture_memory(const struct dma_fixture *f, uint64_t offset)
{
	return port_phys_to_virt(phys(f->base + offset));
}

uint8_t *fixture_device_view(const struct dma_device *dev, dma_addr_t addr)
{
	return port_phys_to_virt(dma_to_phys(&dev->limits, addr));
}

void fixture_expect_misuse(struct ktest *t, enum dma_misuse_kind kind)
{
	struct dma_fixture *f = t->fixture;

	f->misuse[kind]++;
	for (unsigned k = 0; k < DMA_MISUSE_KINDS; k++) {
		if (f->sys.misuse[k] != f->misuse[k])
			ktest_fail(t, __FILE__, __LINE__, "after '%s': %llu of '%s', not %llu",
				   dma_misuse_name(kind), (unsigned long long)f->sys.misuse[k],
				   dma_misuse_name(k), (unsigned long long)f->misuse[k]);
		f->misuse[k] = f->sys.misuse[k];
	}
}

static uint8_t pattern(size_t i, uint8_t seed)
{
	return (uint8_t)(i * 7 + (i >> 8) * 13 + seed);
}

void fixture_fill(uint8_t *at, size_t len, uint8_t seed)
{
	for (size_t i = 0; i < len; i++)
		at[i] = pattern(i, seed);
}

bool fixture_is(const uint8_t *at, size_t len, uint8_t seed)
{
	for (size_t i = 0; i < len; i++)
		if (at[i] != pattern(i, seed))
			return false;
	return true;
}

bool fixture_is_zero(const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (at[i])
			return false;
	return true;
}
