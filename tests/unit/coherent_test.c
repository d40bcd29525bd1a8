/* SPDX-License-Identifier: MIT */
/*
 * Coherent memory and buffers born reachable, in the small machine of
 * dma_fixture.h: where they lie, how they are aligned, what they leave free, and
 * every wrong way to give them back.
 */
#include "dma/coherent.h"
#include "tests/unit/dma_fixture.h"

#define PIECES 128 /* more than the zones have pages */

static uint64_t free_bytes;

/* Bus addresses are `offset` more, up to `last`; and up to a mask for each kind of memory. */
static void see(struct ktest *t, struct dma_device *dev, int64_t offset, uint64_t streaming,
		uint64_t coherent)
{
	fixture_window(dev, 0, UINT64_MAX);
	EXPECT_EQ(t, dma_set_mask(dev, streaming), 0);
	EXPECT_EQ(t, dma_set_coherent_mask(dev, coherent), 0);
	dma_set_bus_offset(dev, offset);
}

static void begin(struct ktest *t)
{
	struct dma_fixture *f;

	dma_fixture_begin(t);
	if (t->skip[0])
		return;
	f = t->fixture;
	free_bytes = fixture_free_bytes(f);
}

static void end(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;

	if (!t->failed)
		EXPECT_EQ(t, fixture_free_bytes(f), free_bytes);
	dma_fixture_end(t);
}

static size_t round_up(size_t size)
{
	return ALIGN_UP(size, PAGE_SIZE);
}

static uint64_t power_of_two(size_t size)
{
	uint64_t power = PAGE_SIZE;

	while (power < size)
		power <<= 1;
	return power;
}

struct piece {
	void *cpu;
	dma_addr_t handle;
	size_t size;
};

static bool get(struct ktest *t, struct dma_device *dev, struct piece *piece, size_t size)
{
	uint64_t reach = dma_limits_reach(&dev->limits, dev->limits.coherent_mask);

	piece->size = size;
	piece->cpu = dma_alloc_coherent(dev, size, &piece->handle);
	if (!piece->cpu) {
		EXPECT_EQ(t, piece->handle.bus, UINT64_MAX);
		return false;
	}
	EXPECT(t, fixture_is_zero(piece->cpu, size));
	EXPECT(t, fixture_device_view(dev, piece->handle) == piece->cpu);
	EXPECT(t, dma_range_within(piece->handle.bus, size, reach));
	EXPECT_EQ(t, piece->handle.bus % power_of_two(size), 0);
	memset(piece->cpu, 0xdd, size);
	return true;
}

static void put(struct dma_device *dev, const struct piece *piece)
{
	dma_free_coherent(dev, piece->size, piece->cpu, piece->handle);
}

/* --- where it lies --- */

/* From pages: zeroed, aligned to the smallest order, and no more pages than it needs. */
static void pages_fit(struct ktest *t)
{
	static const size_t sizes[] = {1,     63,    4095,  4096,  4097,  8192,	 8193,
				       12288, 20480, 32768, 36865, 65535, 65536, 28672};
	struct dma_fixture *f = t->fixture;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct piece piece;

		REQUIRE(t, get(t, &f->tight, &piece, sizes[i]));
		EXPECT_EQ(t, f->tight.count.lent, 1);
		EXPECT_EQ(t, fixture_free_bytes(f), free_bytes - round_up(sizes[i]));
		EXPECT_EQ(t, piece.handle.bus >> 16, (piece.handle.bus + sizes[i] - 1) >> 16);
		put(&f->tight, &piece);
		EXPECT_EQ(t, fixture_free_bytes(f), free_bytes);
	}
}

/* All of a page is zeroed, what is beyond the size too. */
static void rest_is_zero(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct piece piece;

	fixture_litter(f);
	REQUIRE(t, get(t, &f->tight, &piece, 100));
	EXPECT(t, fixture_is_zero((uint8_t *)piece.cpu + 100, PAGE_SIZE - 100));
	put(&f->tight, &piece);
}

static size_t get_all(struct ktest *t, struct dma_device *dev, struct piece *piece, size_t size)
{
	size_t n = 0;

	while (n < PIECES && get(t, dev, &piece[n], size))
		n++;
	return n;
}

/* No page is free whose last byte is at or below `limit`. */
static bool none_below(struct dma_fixture *f, uint64_t limit)
{
	const struct page_request request = {
		.zone = ZONE_NORMAL, .dma_reserve = true, .limit = limit};

	return phys_is_none(pages_alloc(&f->zones, &request));
}

static void put_all(struct dma_device *dev, struct piece *piece, size_t n)
{
	while (n)
		put(dev, &piece[--n]);
}

/* When pages are used up, slots of the pool; they are zeroed to the end, and coherent. */
static void pool_after_pages(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct piece pages[PIECES], piece;
	struct swiotlb_slot slot;
	phys_addr_t start;
	size_t n;

	fixture_litter(f);
	EXPECT_EQ(t, dma_set_seg_boundary(&f->near, 4095), 0); /* what is longer has to cross it */
	n = get_all(t, &f->tight, pages, PAGE_SIZE);
	EXPECT_EQ(t, fixture_free_bytes(f), 0);
	EXPECT_EQ(t, dma_last_failure(&f->tight), DMA_FAIL_EXHAUSTED);
	for (size_t size = 1; size < KIB(40); size += 2999) {
		REQUIRE(t, get(t, &f->near, &piece, size));
		EXPECT(t, swiotlb_owns(&f->pool, phys(piece.handle.bus)));
		EXPECT(t, fixture_is_zero((uint8_t *)piece.cpu + size,
					  ALIGN_UP(size, SWIOTLB_SLOT) - size));
		REQUIRE(t, swiotlb_find(&f->pool, phys(piece.handle.bus), &start, &slot));
		EXPECT_EQ(t, slot.coherent, 1);
		EXPECT_EQ(t, slot.length, size);
		EXPECT_EQ(t, f->near.count.lent, 1);
		put(&f->near, &piece);
		EXPECT_EQ(t, f->near.count.lent, 0);
	}
	put_all(&f->tight, pages, n);
}

/* A block that the zones can't have, at an aligned place of the pool that isn't one in memory. */
static void pool_is_aligned_on_the_bus(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct piece piece;

	fixture_window(&f->near, -(int64_t)f->base + (int64_t)PAGE_SIZE, FIXTURE_HIGH + 4095);
	REQUIRE(t, get(t, &f->near, &piece, KIB(200)));
	EXPECT_EQ(t, piece.handle.bus, KIB(512));
	EXPECT_EQ(t, dma_level_now(&f->pool.used), 100);
	put(&f->near, &piece);
}

/* Each mask is for its own kind of memory, whichever is the tighter. */
static void masks_are_separate(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct piece pages[PIECES], piece;
	size_t n;

	see(t, &f->near, 0, f->base + FIXTURE_HIGH - 1, f->base + FIXTURE_POOL - 1);
	n = get_all(t, &f->near, pages, PAGE_SIZE); /* and never the pool */
	EXPECT_EQ(t, fixture_free_bytes(f), 0);
	EXPECT_EQ(t, dma_level_now(&f->pool.used), 0);
	see(t, &f->tight, 0, f->base + FIXTURE_POOL - 1, f->base + FIXTURE_LOW - 1);
	REQUIRE(t, get(t, &f->tight, &piece, PAGE_SIZE));
	EXPECT(t, swiotlb_owns(&f->pool, phys(piece.handle.bus)));
	put(&f->tight, &piece);
	put_all(&f->near, pages, n);
}

/*
 * Masks of 24 to 40 bits, also odd ones, that end in the midst of the zones: all
 * pages below are had, and none above. The bus offset moves them there.
 */
static void every_mask(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct piece piece[PIECES];
	size_t half = KIB(128);

	for (unsigned bits = 24; bits <= 40; bits++) {
		for (unsigned odd = 0; odd < 2; odd++) {
			uint64_t mask = DMA_BIT_MASK(bits) + (odd ? 0x3800 : 0);
			uint64_t top = ALIGN_DOWN(mask + 1, PAGE_SIZE);
			size_t n;

			see(t, &f->near, (int64_t)(top - f->base - half), UINT64_MAX, mask);
			n = get_all(t, &f->near, piece, PAGE_SIZE);
			EXPECT(t, none_below(f, f->base + half - 1));
			put_all(&f->near, piece, n);
		}
	}
}

/* On a bus that is moved by pages alone: aligned there, nothing lost, nothing below bus address 0.
 */
static void bus_offsets(struct ktest *t)
{
	static const int64_t offsets[] = {4096, -4096, 3 * 4096, 0x11000, -0x23000, 0x40000000};
	static const size_t sizes[] = {4096, 8192, 12288, 20000, 65536};
	struct dma_fixture *f = t->fixture;

	for (size_t i = 0; i < ARRAY_SIZE(offsets) * ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i % ARRAY_SIZE(sizes)];
		struct piece piece;

		see(t, &f->near, offsets[i / ARRAY_SIZE(sizes)], UINT64_MAX, UINT64_MAX);
		REQUIRE(t, get(t, &f->near, &piece, size));
		EXPECT_EQ(t, dma_level_now(&f->pool.used), 0);
		EXPECT_EQ(t, fixture_free_bytes(f), free_bytes - round_up(size));
		put(&f->near, &piece);
		EXPECT_EQ(t, fixture_free_bytes(f), free_bytes);
	}
}

/* Where no page is at a page's place on the bus, slots are; buffers needn't be. */
static void crooked_bus(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct piece piece;
	void *buffer;

	fixture_litter(f);
	see(t, &f->near, 0x820, UINT64_MAX, UINT64_MAX);
	REQUIRE(t, get(t, &f->near, &piece, PAGE_SIZE));
	EXPECT_EQ(t, dma_level_now(&f->pool.used), 3);
	EXPECT(t, fixture_is_zero((uint8_t *)piece.cpu - 0x7e0, 0x7e0));
	EXPECT(t, fixture_is_zero((uint8_t *)piece.cpu + PAGE_SIZE, 0x20));
	put(&f->near, &piece);
	buffer = dma_alloc_for(&f->near, 5000);
	EXPECT(t, buffer);
	dma_free_for(&f->near, buffer, 5000);
	EXPECT_EQ(t, dma_set_seg_boundary(&f->near, 0xffff), 0);
	EXPECT(t, !dma_alloc_for(&f->near, 5000));
}

static void lower_end(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct piece piece[PIECES];
	size_t n;

	fixture_window(&f->near, -(int64_t)(f->base + KIB(64)), KIB(32) - 1);
	n = get_all(t, &f->near, piece, PAGE_SIZE);
	EXPECT_EQ(t, n, 8);
	put_all(&f->near, piece, n);
}

/* --- what can't be had --- */

static void expect_failure(struct ktest *t, struct dma_device *dev, size_t size,
			   enum dma_failure why)
{
	uint64_t failed = dev->count.failed[why];
	dma_addr_t handle = {0};

	EXPECT(t, !dma_alloc_attrs(dev, size, &handle, DMA_ATTR_NO_WARN));
	EXPECT(t, dma_mapping_error(dev, handle));
	EXPECT_EQ(t, dma_last_failure(dev), why);
	EXPECT_EQ(t, dev->count.failed[why], failed + 1);
}

static void failures(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t handle = {0};

	expect_failure(t, &f->near, 0, DMA_FAIL_LENGTH);
	expect_failure(t, &f->near, SIZE_MAX, DMA_FAIL_TOO_BIG);
	expect_failure(t, &f->near, (1UL << 48) + 1, DMA_FAIL_TOO_BIG);
	expect_failure(t, &f->near, (1UL << 32) + 1, DMA_FAIL_TOO_BIG);
	expect_failure(t, &f->near, MIB(5), DMA_FAIL_TOO_BIG);
	expect_failure(t, &f->near, KIB(513), DMA_FAIL_FRAGMENTED); /* pages may be larger */
	see(t, &f->near, 0, UINT64_MAX, f->base - 1);
	expect_failure(t, &f->near, MIB(5), DMA_FAIL_OUT_OF_MASK);
	/* with an aligned place in the pool for one byte */
	see(t, &f->near, (int64_t)(MIB(4) - f->base - KIB(512)), UINT64_MAX, UINT64_MAX);
	expect_failure(t, &f->near, (1UL << 32) + 1, DMA_FAIL_TOO_BIG);
	EXPECT(t, !dma_alloc_coherent(NULL, 4096, &handle));
	EXPECT_EQ(t, handle.bus, UINT64_MAX);
	EXPECT(t, !dma_alloc_for(NULL, 4096));
	dma_free_coherent(NULL, 4096, &handle, handle);
	dma_free_coherent(&f->near, 4096, NULL, handle); /* as kfree(NULL) */
}

/* What can come from the reserve alone is asked of it alone. */
static void below_16_mib(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;

	see(t, &f->near, 0, UINT64_MAX, ZONE_DMA_END - 1);
	expect_failure(t, &f->near, PAGE_SIZE, DMA_FAIL_EXHAUSTED);
	for (enum page_refusal why = 0; why < REFUSED_KINDS; why++)
		EXPECT_EQ(t, f->zones.zone[ZONE_NORMAL].refused[why], 0);
}

/* Every second page is taken: two in a row are not to be had, and that is why. */
static void fragmented(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct piece piece[PIECES];
	size_t n = get_all(t, &f->tight, piece, PAGE_SIZE), kept = 0;

	expect_failure(t, &f->tight, PAGE_SIZE, DMA_FAIL_EXHAUSTED);
	for (size_t i = 0; i < n; i++)
		if (piece[i].handle.bus / PAGE_SIZE % 2)
			put(&f->tight, &piece[i]);
		else
			piece[kept++] = piece[i];
	expect_failure(t, &f->tight, 2 * PAGE_SIZE, DMA_FAIL_FRAGMENTED);
	EXPECT_EQ(t, f->tight.count.lent, kept);
	put_all(&f->tight, piece, kept);
}

/* --- giving back --- */

/* Wrong in one way: named so, and nothing happened. */
static void expect_misuse(struct ktest *t, struct dma_device *dev, const struct piece *piece,
			  size_t size, int64_t cpu, int64_t bus, enum dma_misuse_kind kind)
{
	struct dma_fixture *f = t->fixture;
	uint64_t lent = f->sys.lent.count, used = dma_level_now(&f->pool.used),
		 bytes = fixture_free_bytes(f);

	dma_free_coherent(dev, size, (uint8_t *)piece->cpu + cpu,
			  dma_addr_add(piece->handle, (uint64_t)bus));
	fixture_expect_misuse(t, kind);
	EXPECT_EQ(t, f->sys.lent.count, lent);
	EXPECT_EQ(t, dma_level_now(&f->pool.used), used);
	EXPECT_EQ(t, fixture_free_bytes(f), bytes);
}

static void wrong_frees(struct ktest *t, struct dma_device *dev, struct dma_device *other,
			size_t size)
{
	struct piece piece, second;

	REQUIRE(t, get(t, dev, &piece, size));
	REQUIRE(t, get(t, dev, &second, size));
	expect_misuse(t, dev, &piece, size - 1, 0, 0, DMA_MISUSE_SIZE);
	expect_misuse(t, dev, &piece, size + 1, 0, 0, DMA_MISUSE_SIZE);
	expect_misuse(t, dev, &piece, 0, 0, 0, DMA_MISUSE_SIZE);
	expect_misuse(t, dev, &piece, PAGE_SIZE, 0, 0, DMA_MISUSE_SIZE);
	expect_misuse(t, dev, &piece, 4 * PAGE_SIZE, 0, 0, DMA_MISUSE_SIZE);
	expect_misuse(t, dev, &piece, 8 * PAGE_SIZE, 0, 0, DMA_MISUSE_SIZE);
	expect_misuse(t, dev, &piece, size + (1UL << 32), 0, 0, DMA_MISUSE_SIZE);
	expect_misuse(t, dev, &piece, size + (1UL << 48), 0, 0, DMA_MISUSE_SIZE);
	expect_misuse(t, dev, &piece, SIZE_MAX, 0, 0, DMA_MISUSE_SIZE);
	expect_misuse(t, dev, &piece, size, 1, 0, DMA_MISUSE_CPU_ADDRESS);
	expect_misuse(t, dev, &piece, size, PAGE_SIZE, 0, DMA_MISUSE_CPU_ADDRESS);
	expect_misuse(t, dev, &piece, size, 0, (int64_t)(second.handle.bus - piece.handle.bus),
		      DMA_MISUSE_CPU_ADDRESS);
	expect_misuse(t, dev, &piece, size, 1, 1, DMA_MISUSE_UNMAP_INVALID);
	expect_misuse(t, dev, &piece, size, 2, 2, DMA_MISUSE_UNMAP_INVALID);
	expect_misuse(t, dev, &piece, size - PAGE_SIZE, PAGE_SIZE, PAGE_SIZE,
		      DMA_MISUSE_UNMAP_INVALID);
	expect_misuse(t, dev, &piece, size, 0, (int64_t)GIB(1), DMA_MISUSE_UNMAP_INVALID);
	expect_misuse(t, other, &piece, size, 0, 0, DMA_MISUSE_DEVICE);
	expect_misuse(t, dev, &piece, size, 0, (int64_t)(UINT64_MAX - piece.handle.bus),
		      DMA_MISUSE_MAPPING_ERROR);
	dma_free_for(dev, piece.cpu, size);
	fixture_expect_misuse(t, swiotlb_owns(dev->sys->pool, phys(piece.handle.bus))
					 ? DMA_MISUSE_UNMAP_INVALID
					 : DMA_MISUSE_FUNCTION);
	put(dev, &piece);
	expect_misuse(t, dev, &piece, size, 0, 0, DMA_MISUSE_UNMAP_INVALID); /* once more */
	put(dev, &second);
}

/* Five pages: the block, of which the rest went back, begins with one of four. */
static void wrong_frees_of_pages(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;

	wrong_frees(t, &f->tight, &f->tight2, 5 * PAGE_SIZE);
	wrong_frees(t, &f->tight, &f->near, 2 * PAGE_SIZE);
}

static void wrong_frees_of_slots(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct piece pages[PIECES];
	size_t n = get_all(t, &f->tight, pages, PAGE_SIZE);

	wrong_frees(t, &f->near, &f->near2, 5 * PAGE_SIZE);
	put_all(&f->tight, pages, n);
}

/* What was mapped, or is a buffer, isn't coherent memory. */
static void other_functions(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *devices[] = {&f->near, &f->tight};

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		struct piece piece = {.cpu = fixture_memory(f, FIXTURE_HIGH)};

		piece.handle = dma_map_single(devices[i], piece.cpu, 4096, DMA_TO_DEVICE);
		REQUIRE(t, !dma_mapping_error(devices[i], piece.handle));
		expect_misuse(t, devices[i], &piece, 4096, 0, 0, DMA_MISUSE_FUNCTION);
		dma_unmap_single(devices[i], piece.handle, 4096, DMA_TO_DEVICE);
	}
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		struct piece piece = {.cpu = dma_alloc_for(devices[i], 4096)};

		REQUIRE(t, piece.cpu);
		piece.handle = dma_from_phys(&devices[i]->limits, port_virt_to_phys(piece.cpu));
		expect_misuse(t, devices[i], &piece, 4096, 0, 0, DMA_MISUSE_FUNCTION);
		dma_free_for(devices[i], piece.cpu, 4096);
	}
}

/* The device may still write there: what it had is never handed out again. */
static void removed_device(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device gone, next;
	struct piece page, slots, rest[PIECES];
	size_t n;

	EXPECT_EQ(t, dma_device_add(&f->sys, &gone, "gone0", NULL), 0);
	see(t, &gone, 0, f->base + FIXTURE_HIGH - 1, f->base + FIXTURE_HIGH - 1);
	REQUIRE(t, get(t, &gone, &page, PAGE_SIZE));
	n = get_all(t, &f->tight, rest, PAGE_SIZE);
	REQUIRE(t, get(t, &gone, &slots, PAGE_SIZE));
	put_all(&f->tight, rest, n);
	dma_device_remove(&gone);
	fixture_expect_misuse(t, DMA_MISUSE_LEAK);
	expect_misuse(t, &gone, &page, PAGE_SIZE, 0, 0, DMA_MISUSE_DEVICE);
	expect_misuse(t, &gone, &slots, PAGE_SIZE, 0, 0, DMA_MISUSE_DEVICE);
	expect_failure(t, &gone, PAGE_SIZE, DMA_FAIL_OUT_OF_MASK);

	EXPECT_EQ(t, dma_device_add(&f->sys, &next, "next0", NULL), 0);
	EXPECT_EQ(t, next.id, 5);
	see(t, &next, 0, f->base + FIXTURE_HIGH - 1, f->base + FIXTURE_HIGH - 1);
	expect_misuse(t, &next, &page, PAGE_SIZE, 0, 0, DMA_MISUSE_DEVICE);
	expect_misuse(t, &next, &slots, PAGE_SIZE, 0, 0, DMA_MISUSE_DEVICE);
	n = get_all(t, &f->tight, rest, PAGE_SIZE);
	EXPECT_EQ(t, fixture_free_bytes(f), 0);
	for (size_t i = 0; i < n; i++)
		EXPECT(t, rest[i].handle.bus != page.handle.bus);
	put_all(&f->tight, rest, n);
	dma_device_remove(&next);

	/* A machine would keep it; the fixture is to end clean. */
	ledger_drop(&f->sys.lent, &f->zones, ledger_find(&f->sys.lent, page.handle.bus));
	pages_free(&f->zones, phys(page.handle.bus), 0);
	EXPECT(t, swiotlb_put(&f->pool, &f->near.fit, phys(slots.handle.bus)));
}

/* --- the gate --- */

static void expect_gate(struct ktest *t, struct dma_device *dev, const struct piece *piece,
			uint64_t at, size_t len, bool open)
{
	uint64_t out = 7, bus = piece->handle.bus + at;

	EXPECT_EQ(t, dma_gate(dev, (dma_addr_t){bus}, len, &out), open);
	EXPECT_EQ(t, out, open ? bus : 0);
	if (!open)
		fixture_expect_misuse(t, bus + len - 1 <= dev->reach ? DMA_MISUSE_GATE_POOL
								     : DMA_MISUSE_GATE_REACH);
}

/* All of it, and of it alone, is the device's to use: whatever its mappings reach. */
static void expect_own(struct ktest *t, struct dma_device *dev, struct dma_device *other,
		       const struct piece *piece, size_t len)
{
	expect_gate(t, dev, piece, 0, len, true);
	expect_gate(t, dev, piece, len - 1, 1, true);
	expect_gate(t, dev, piece, len / 2, len - len / 2, true);
	expect_gate(t, dev, piece, len - 1, 2, false);
	expect_gate(t, dev, piece, 0, len + 1, false);
	expect_gate(t, other, piece, 0, len, false);
	dma_sync_single_for_cpu(dev, piece->handle, len, DMA_BIDIRECTIONAL);
	dma_sync_single_for_device(dev, dma_addr_add(piece->handle, len / 2), 1, DMA_TO_DEVICE);
}

/* By mappings; and everything by coherent memory. */
static void reach_first_page(struct ktest *t, struct dma_device *dev, int64_t offset)
{
	struct dma_fixture *f = t->fixture;

	see(t, dev, offset, UINT64_MAX, UINT64_MAX);
	EXPECT_EQ(t, dma_set_mask(dev, f->base + PAGE_SIZE - 1 + (uint64_t)offset), 0);
}

/* In pages, and, when these are used up, in the pool. */
static void beyond_the_streaming_mask(struct ktest *t)
{
	static const int64_t offsets[] = {0, 0x11000, -0x23000};
	static const size_t sizes[] = {1, 4096, 5000, 12288, 20000, 65536};
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;

	for (size_t i = 0; i < ARRAY_SIZE(offsets) * ARRAY_SIZE(sizes) * 2; i++) {
		size_t size = sizes[i / 2 % ARRAY_SIZE(sizes)], n = 0;
		int64_t offset = offsets[i / 2 / ARRAY_SIZE(sizes)];
		struct piece pages[PIECES], piece;

		reach_first_page(t, dev, offset);
		reach_first_page(t, &f->near2, offset);
		if (i % 2)
			n = get_all(t, &f->tight, pages, PAGE_SIZE);
		REQUIRE(t, get(t, dev, &piece, size));
		EXPECT_EQ(t, dma_level_now(&dev->count.slots), n ? swiotlb_slots(size) : 0);
		expect_own(t, dev, &f->near2, &piece, size);
		EXPECT_EQ(t, dma_set_coherent_mask(dev, dev->limits.streaming_mask), 0);
		expect_gate(t, dev, &piece, 0, size, false);
		put(dev, &piece);
		EXPECT_EQ(t, dma_set_coherent_mask(dev, UINT64_MAX), 0);
		expect_gate(t, dev, &piece, 0, size, false);
		put_all(&f->tight, pages, n);
	}
}

/* --- buffers --- */

/* Buffers until there are no more; each is mapped, where it is. */
static size_t map_buffers(struct ktest *t, struct dma_device *dev, size_t size)
{
	void *buffer[PIECES];
	size_t n = 0;

	while (n < PIECES && (buffer[n] = dma_alloc_for(dev, size))) {
		dma_addr_t addr = dma_map_single(dev, buffer[n++], size, DMA_BIDIRECTIONAL);

		EXPECT(t, !dma_mapping_error(dev, addr));
		EXPECT(t, !dma_range_crosses(addr.bus, size, dev->limits.boundary_mask));
		dma_unmap_single(dev, addr, size, DMA_BIDIRECTIONAL);
	}
	EXPECT_EQ(t, dev->count.lent, n);
	EXPECT_EQ(t, dev->count.bounced, 0);
	EXPECT_EQ(t, dev->count.transient, 0);
	for (size_t i = 0; i < n; i++)
		dma_free_for(dev, buffer[i], size);
	return n;
}

static void buffers_never_bounce(struct ktest *t)
{
	static const int64_t moves[] = {0, 4096, -4096, 3 * 4096, 0x13000};
	static const size_t sizes[] = {1, 2048, 4096, 9000, 12288, 32768};
	struct dma_fixture *f = t->fixture;

	for (unsigned bits = 24; bits <= 40; bits++) {
		for (size_t i = 0; i < ARRAY_SIZE(moves) * ARRAY_SIZE(sizes); i++) {
			uint64_t mask = DMA_BIT_MASK(bits) + i * 0x777;
			uint64_t top = ALIGN_DOWN(mask, KIB(64));
			size_t size = sizes[i % ARRAY_SIZE(sizes)];

			see(t, &f->near,
			    (int64_t)(top - f->base - KIB(128)) + moves[i / ARRAY_SIZE(sizes)],
			    mask, UINT64_MAX);
			EXPECT_EQ(t, dma_set_seg_boundary(&f->near, i % 2 ? UINT64_MAX : 0x7fff),
				  0);
			EXPECT_EQ(t, dma_set_max_seg_size(&f->near, i % 3 ? SIZE_MAX : size), 0);
			/* (Where the bus is moved by less than a block, one of twice the size is
			 * needed.) */
			EXPECT(t, map_buffers(t, &f->near, size) > 0 || size == 32768);
		}
	}
}

static void no_such_buffer(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;

	EXPECT(t, !dma_alloc_for(&f->near, 0));
	EXPECT(t, !dma_alloc_for(&f->near, SIZE_MAX));
	EXPECT(t, !dma_alloc_for(&f->near, KIB(300))); /* the pool's memory isn't for that */
	dma_set_max_seg_size(&f->near, 8192);
	EXPECT(t, !dma_alloc_for(&f->near, 8193));
	EXPECT(t, map_buffers(t, &f->near, 8192) > 0);
	dma_set_seg_boundary(&f->near, 511);
	EXPECT(t, !dma_alloc_for(&f->near, 513));
	EXPECT(t, map_buffers(t, &f->near, 512) > 0);
	see(t, &f->near, 0, f->base - 1, UINT64_MAX);
	EXPECT(t, !dma_alloc_for(&f->near, 1));
	EXPECT_EQ(t, fixture_failures(&f->near), 0);
}

static void wrong_frees_of_buffers(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	uint8_t *buffer = dma_alloc_for(&f->near, 12288);

	REQUIRE(t, buffer);
	dma_free_for(&f->near, buffer, 8192);
	fixture_expect_misuse(t, DMA_MISUSE_SIZE);
	dma_free_for(&f->near, buffer, 12289);
	fixture_expect_misuse(t, DMA_MISUSE_SIZE);
	dma_free_for(&f->near2, buffer, 12288);
	fixture_expect_misuse(t, DMA_MISUSE_DEVICE);
	dma_free_for(&f->near, buffer + 1, 12288);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
	dma_free_for(&f->near, buffer + 8192, 4096);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
	dma_free_for(&f->near, NULL, 12288);
	EXPECT_EQ(t, fixture_free_bytes(f), free_bytes - 12288);
	dma_free_for(&f->near, buffer, 12288);
	dma_free_for(&f->near, buffer, 12288);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
}

static const struct ktest_case cases[] = {
	{"pages_fit", pages_fit},
	{"rest_is_zero", rest_is_zero},
	{"pool_after_pages", pool_after_pages},
	{"pool_is_aligned_on_the_bus", pool_is_aligned_on_the_bus},
	{"masks_are_separate", masks_are_separate},
	{"every_mask", every_mask},
	{"bus_offsets", bus_offsets},
	{"crooked_bus", crooked_bus},
	{"lower_end", lower_end},
	{"failures", failures},
	{"below_16_mib", below_16_mib},
	{"fragmented", fragmented},
	{"wrong_frees_of_pages", wrong_frees_of_pages},
	{"wrong_frees_of_slots", wrong_frees_of_slots},
	{"other_functions", other_functions},
	{"removed_device", removed_device},
	{"beyond_the_streaming_mask", beyond_the_streaming_mask},
	{"buffers_never_bounce", buffers_never_bounce},
	{"no_such_buffer", no_such_buffer},
	{"wrong_frees_of_buffers", wrong_frees_of_buffers},
	{NULL, NULL},
};

extern const struct ktest_suite coherent_suite;
const struct ktest_suite coherent_suite = {"coherent", begin, end, cases};
