/* SPDX-License-Identifier: MIT */
/*
 * Other kernels' bugs, and what their users complained of, each once: what went
 * wrong there, and that it doesn't here. (Those of lists and of coherent memory
 * are with their own tests.)
 */
#include "tests/unit/dma_fixture.h"

#define S(n)	   ((n)*SWIOTLB_SLOT)
#define POOL_BYTES (FIXTURE_LOW - FIXTURE_POOL)

static void unmap(struct dma_device *dev, dma_addr_t addr, size_t len, enum dma_data_direction dir)
{
	dma_unmap_single(dev, addr, len, dir);
}

/* Linux 2.6.9 compared where a buffer begins with the mask: its end was sent elsewhere. */
static void only_the_start_was_checked(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t addr = fixture_map(t, &f->near, FIXTURE_HIGH - 4, 8, DMA_TO_DEVICE);

	EXPECT_EQ(t, f->near.count.bounced, 1);
	EXPECT(t, addr.bus + 7 <= f->near.reach);
	unmap(&f->near, addr, 8, DMA_TO_DEVICE);
}

/* A bridge that passes fewer bits than the device has was looked at by some drivers only. */
static void the_way_was_not_asked(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t addr;

	EXPECT_EQ(t, dma_set_mask(&f->near, UINT64_MAX), 0);
	addr = fixture_map(t, &f->near, FIXTURE_HIGH, 8, DMA_TO_DEVICE);
	EXPECT(t, addr.bus + 7 <= f->near.limits.bus_limit);
	unmap(&f->near, addr, 8, DMA_TO_DEVICE);
}

/* A DMA address was taken for a physical one. */
static void bus_offset(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t addr;

	fixture_window(&f->near, (int64_t)GIB(2), GIB(2) + f->base + FIXTURE_HIGH - 1);
	addr = fixture_map(t, &f->near, FIXTURE_LOW, 8, DMA_TO_DEVICE);
	EXPECT_EQ(t, addr.bus, GIB(2) + f->base + FIXTURE_LOW);
	unmap(&f->near, addr, 8, DMA_TO_DEVICE);
	addr = fixture_map(t, &f->near, FIXTURE_HIGH, 8, DMA_TO_DEVICE);
	EXPECT(t, addr.bus - GIB(2) - f->base - FIXTURE_POOL < POOL_BYTES);
	unmap(&f->near, addr, 8, DMA_TO_DEVICE);
}

/*
 * CVE-2022-0854: FROM_DEVICE nothing was copied in, so that what the device did
 * not write came back as what the slot's last user had left there. With each
 * attribute that leaves out a copy, too.
 */
static void stale_bytes_came_back(struct ktest *t)
{
	static const unsigned attrs[] = {0, DMA_ATTR_SKIP_CPU_SYNC, DMA_ATTR_OVERWRITE};
	struct dma_fixture *f = t->fixture;
	uint8_t *secret = fixture_memory(f, FIXTURE_HIGH);
	uint8_t *mine = fixture_memory(f, FIXTURE_HIGH + KIB(16));

	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++) {
		dma_addr_t addr;

		memset(secret, 0x5e, KIB(8));
		addr = fixture_map(t, &f->near, FIXTURE_HIGH, KIB(8), DMA_TO_DEVICE);
		unmap(&f->near, addr, KIB(8), DMA_TO_DEVICE);
		memset(mine, 0x11, KIB(8));
		addr = dma_map_single_attrs(&f->near2, mine, KIB(8), DMA_FROM_DEVICE, attrs[i]);
		fixture_device_view(&f->near2, addr)[0] = 0x22;
		unmap(&f->near2, addr, KIB(8), DMA_FROM_DEVICE);
		EXPECT_EQ(t, mine[0], 0x22);
		for (size_t k = 1; k < KIB(8); k++)
			if (mine[k] != (attrs[i] ? 0 : 0x11))
				ktest_fail(t, __FILE__, __LINE__, "byte %zu is %#x", k, mine[k]);
	}
}

/* 2.6.7 stopped the machine when the pool was full. */
static void full_stopped_the_machine(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t all = fixture_map(t, &f->near, FIXTURE_HIGH, POOL_BYTES, DMA_BIDIRECTIONAL);

	EXPECT(t, dma_mapping_error(&f->near,
				    fixture_map(t, &f->near, FIXTURE_HIGH, 1, DMA_TO_DEVICE)));
	EXPECT_EQ(t, dma_last_failure(&f->near), DMA_FAIL_EXHAUSTED);
	unmap(&f->near, all, POOL_BYTES, DMA_BIDIRECTIONAL);
}

/* 2.6.9 sent all that found no room to one scratch buffer of 32 KiB, without a word. */
static void overflow_was_shared(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t all = fixture_map(t, &f->near, FIXTURE_HIGH, POOL_BYTES, DMA_TO_DEVICE);
	dma_addr_t one = fixture_map(t, &f->near, FIXTURE_HIGH, 100, DMA_TO_DEVICE);
	dma_addr_t two = fixture_map(t, &f->near2, FIXTURE_HIGH + 100, 100, DMA_TO_DEVICE);
	uint64_t out;

	EXPECT(t, dma_mapping_error(&f->near, one) && dma_mapping_error(&f->near2, two));
	EXPECT(t, !dma_gate(&f->near, one, 100, &out)); /* who doesn't look is told */
	fixture_expect_misuse(t, DMA_MISUSE_MAPPING_ERROR);
	unmap(&f->near, all, POOL_BYTES, DMA_TO_DEVICE);
}

/* Sync knew the mapping's first slot only; and of a part, it copied what lies at its beginning. */
static void sync_knew_only_the_first_slot(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	uint8_t *buffer = fixture_memory(f, FIXTURE_HIGH), *view;
	dma_addr_t addr = fixture_map(t, &f->near, FIXTURE_HIGH, S(200), DMA_BIDIRECTIONAL);

	REQUIRE(t, !dma_mapping_error(&f->near, addr));
	view = fixture_device_view(&f->near, addr);
	for (size_t i = 0; i < 200; i++) {
		size_t at = S(i) + i;

		view[at] = (uint8_t)(i + 1);
		dma_sync_single_range_for_cpu(&f->near, addr, at, 1, DMA_FROM_DEVICE);
		EXPECT_EQ(t, buffer[at], (uint8_t)(i + 1));
		buffer[at] = (uint8_t)(i + 2);
		dma_sync_single_range_for_device(&f->near, addr, at, 1, DMA_TO_DEVICE);
		EXPECT_EQ(t, view[at], (uint8_t)(i + 2));
	}
	unmap(&f->near, addr, S(200), DMA_BIDIRECTIONAL);
}

/* A sync that is BIDIRECTIONAL was a BUG(). It copies both ways, each by its call. */
static void bidirectional_sync_was_a_bug(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	uint8_t *buffer = fixture_memory(f, FIXTURE_HIGH), *view;
	dma_addr_t addr = fixture_map(t, &f->near, FIXTURE_HIGH, 100, DMA_BIDIRECTIONAL);

	view = fixture_device_view(&f->near, addr);
	buffer[5] = 1;
	dma_sync_single_for_device(&f->near, addr, 100, DMA_BIDIRECTIONAL);
	EXPECT_EQ(t, view[5], 1);
	view[5] = 2;
	dma_sync_single_for_cpu(&f->near, addr, 100, DMA_BIDIRECTIONAL);
	EXPECT_EQ(t, buffer[5], 2);
	unmap(&f->near, addr, 100, DMA_BIDIRECTIONAL);
}

/* A sync that overran its mapping copied others' bytes over what lay behind the buffer. */
static void sync_overran(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	uint8_t *buffer = fixture_memory(f, FIXTURE_HIGH);
	dma_addr_t addr = fixture_map(t, &f->near, FIXTURE_HIGH, 100, DMA_FROM_DEVICE);

	memset(fixture_device_view(&f->near, addr), 0xee, 200);
	dma_sync_single_for_cpu(&f->near, dma_addr_add(addr, 90), 20, DMA_FROM_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_SYNC_RANGE);
	EXPECT(t, buffer[89] == 0 && buffer[90] == 0xee && buffer[99] == 0xee && buffer[100] == 0);
	unmap(&f->near, addr, 100, DMA_FROM_DEVICE);
}

/*
 * 2024: code that looked at size and alignment one after the other gave one half
 * of a page out twice. Whatever is asked for together, no two mappings meet.
 */
static void half_a_page_twice(struct ktest *t)
{
	static const uint64_t low[] = {0x800, 0, 0xc00, 0x7ff, 0x801};
	struct dma_fixture *f = t->fixture;
	uint8_t owner[FIXTURE_SLOTS] = {0};
	dma_addr_t addr[60];

	for (size_t i = 0; i < ARRAY_SIZE(addr); i++) {
		size_t len = i % 3 ? 2048 : 1024;
		uint64_t first, last;

		dma_set_min_align_mask(&f->near, i % 2 ? 0xfff : 0x7ff);
		addr[i] = fixture_map(t, &f->near, FIXTURE_HIGH + low[i % 5], len, DMA_TO_DEVICE);
		REQUIRE(t, !dma_mapping_error(&f->near, addr[i]));
		first = (addr[i].bus - f->base - FIXTURE_POOL) / S(1);
		last = (addr[i].bus + len - 1 - f->base - FIXTURE_POOL) / S(1);
		for (uint64_t slot = first; slot <= last; slot++)
			EXPECT_EQ(t, owner[slot]++, 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(addr); i++)
		unmap(&f->near, addr[i], i % 3 ? 2048 : 1024, DMA_TO_DEVICE);
}

/* NVMe's PRP entries reckon with a buffer's offset in its page; the pool moved it. */
static void page_offset_was_lost(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;

	dma_set_min_align_mask(&f->near, 0xfff);
	for (uint64_t offset = 0; offset < 4096; offset += 379) {
		dma_addr_t addr =
			fixture_map(t, &f->near, FIXTURE_HIGH + offset, 9000, DMA_TO_DEVICE);

		EXPECT_EQ(t, addr.bus & 0xfff, offset);
		unmap(&f->near, addr, 9000, DMA_TO_DEVICE);
	}
}

/*
 * b44, 2022: a card with 30 bits on a machine whose pool lies above them. The
 * mask was granted, and then no packet was ever mapped. Or the machine had no
 * pool at all, having less than 4 GiB.
 */
static void mask_was_granted_in_vain(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t addr;

	EXPECT_EQ(t, dma_set_mask(&f->tight, DMA_BIT_MASK(30)), 0);
	EXPECT(t, f->tight.reach < f->base + FIXTURE_POOL);
	fixture_fill(fixture_memory(f, FIXTURE_HIGH), 1500, 1);
	addr = fixture_map(t, &f->tight, FIXTURE_HIGH, 1500, DMA_BIDIRECTIONAL);
	REQUIRE(t, !dma_mapping_error(&f->tight, addr));
	EXPECT(t, fixture_is(fixture_device_view(&f->tight, addr), 1500, 1));
	unmap(&f->tight, addr, 1500, DMA_BIDIRECTIONAL);
	/* And what nothing could serve is not granted. */
	dma_set_bus_limit(&f->tight, PAGE_SIZE - 2);
	EXPECT_EQ(t, dma_set_mask(&f->tight, DMA_BIT_MASK(30)), -EIO);
}

/* The streaming mask was set, and coherent memory came from where it allows. */
static void one_mask_for_both(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;

	EXPECT_EQ(t, dma_set_mask(&f->near, DMA_BIT_MASK(40)), 0);
	EXPECT_EQ(t, dma_set_coherent_mask(&f->near, DMA_BIT_MASK(32)), 0);
	EXPECT_EQ(t, f->near.limits.streaming_mask, DMA_BIT_MASK(40));
	EXPECT_EQ(t, f->near.limits.coherent_mask, DMA_BIT_MASK(32));
}

/* 128 slots, 256 KiB, was the most, however large the pool. */
static void cap_of_256_kib(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t addr = fixture_map(t, &f->near, FIXTURE_HIGH, KIB(257), DMA_TO_DEVICE);

	EXPECT(t, !dma_mapping_error(&f->near, addr));
	unmap(&f->near, addr, KIB(257), DMA_TO_DEVICE);
}

/* "swiotlb buffer is full", with 10 % used: it was not full, and here it is said what it was. */
static void full_was_all_it_said(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t slot[FIXTURE_SLOTS], addr;

	for (size_t i = 0; i < FIXTURE_SLOTS; i++)
		slot[i] = fixture_map(t, &f->near2, FIXTURE_HIGH, 1, DMA_TO_DEVICE);
	for (size_t i = 0; i < FIXTURE_SLOTS; i++)
		if (i % 10)
			unmap(&f->near2, slot[i], 1, DMA_TO_DEVICE);
	addr = fixture_map(t, &f->near, FIXTURE_HIGH, S(10), DMA_TO_DEVICE);
	EXPECT(t, dma_mapping_error(&f->near, addr));
	EXPECT_EQ(t, dma_last_failure(&f->near), DMA_FAIL_FRAGMENTED);
	EXPECT_EQ(t, swiotlb_largest_run(&f->pool), 9);
	EXPECT_EQ(t, dma_level_now(&f->near2.count.slots),
		  dma_level_now(&f->pool.used)); /* and who has them */
	addr = fixture_map(t, &f->near, FIXTURE_HIGH, POOL_BYTES + 1, DMA_TO_DEVICE);
	EXPECT_EQ(t, dma_last_failure(&f->near), DMA_FAIL_TOO_BIG);
	addr = fixture_map(t, &f->near, FIXTURE_HIGH, S(250), DMA_TO_DEVICE);
	EXPECT_EQ(t, dma_last_failure(&f->near), DMA_FAIL_EXHAUSTED);
	dma_set_bus_limit(&f->near, f->base + FIXTURE_POOL + S(5) - 1);
	addr = fixture_map(t, &f->near, FIXTURE_HIGH, S(200), DMA_TO_DEVICE);
	EXPECT_EQ(t, dma_last_failure(&f->near), DMA_FAIL_OUT_OF_MASK);
	for (size_t i = 0; i < FIXTURE_SLOTS; i += 10)
		unmap(&f->near2, slot[i], 1, DMA_TO_DEVICE);
}

/* A leak filled the pool, and nothing told whose it was; nor was it safe to use it again. */
static void leaks_had_no_name(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device dev;
	dma_addr_t addr;

	EXPECT_EQ(t, dma_device_add(&f->sys, &dev, "leaky0", NULL), 0);
	dma_set_force(&dev, true);
	addr = fixture_map(t, &dev, FIXTURE_LOW, S(3), DMA_TO_DEVICE);
	EXPECT_EQ(t, dma_level_now(&dev.count.slots), 3);
	dma_device_remove(&dev);
	fixture_expect_misuse(t, DMA_MISUSE_LEAK);
	EXPECT_EQ(t, dma_level_now(&f->sys.nobody.count.slots), 3);
	EXPECT(t, swiotlb_put(&f->pool, &f->near.fit, phys(addr.bus))); /* for the next test */
}

/* What the checker of another kernel tells of a mapping, without being switched on here. */
static void told_at_once(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t addr = fixture_map(t, &f->near, FIXTURE_HIGH, 100, DMA_TO_DEVICE);
	dma_addr_t next = fixture_map(t, &f->near, FIXTURE_HIGH + 100, 100, DMA_FROM_DEVICE);

	unmap(&f->near, dma_addr_add(addr, 1), 99, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
	unmap(&f->near, addr, 99, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_SIZE);
	unmap(&f->near, addr, 100, DMA_FROM_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_DIRECTION);
	unmap(&f->near2, addr, 100, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_DEVICE);
	unmap(&f->near, DMA_MAPPING_ERROR, 100, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_MAPPING_ERROR);
	dma_unmap_resource(&f->near, addr, 100, DMA_TO_DEVICE, 0);
	fixture_expect_misuse(t, DMA_MISUSE_FUNCTION);
	dma_sync_single_for_cpu(&f->near, addr, 100, DMA_FROM_DEVICE); /* the device only reads */
	fixture_expect_misuse(t, DMA_MISUSE_DIRECTION);
	dma_sync_single_for_device(&f->near, next, 100, DMA_TO_DEVICE); /* and only writes */
	fixture_expect_misuse(t, DMA_MISUSE_DIRECTION);
	dma_sync_single_for_cpu(&f->near, next, 101, DMA_FROM_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_SYNC_RANGE);
	/* Neighbours in one cache line are no overlap: two mappings of ours may share it. */
	unmap(&f->near, addr, 100, DMA_TO_DEVICE);
	unmap(&f->near, next, 100, DMA_FROM_DEVICE);
	unmap(&f->near, addr, 100, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
}

static const struct ktest_case cases[] = {
	{"only_the_start_was_checked", only_the_start_was_checked},
	{"the_way_was_not_asked", the_way_was_not_asked},
	{"bus_offset", bus_offset},
	{"stale_bytes_came_back", stale_bytes_came_back},
	{"full_stopped_the_machine", full_stopped_the_machine},
	{"overflow_was_shared", overflow_was_shared},
	{"sync_knew_only_the_first_slot", sync_knew_only_the_first_slot},
	{"bidirectional_sync_was_a_bug", bidirectional_sync_was_a_bug},
	{"sync_overran", sync_overran},
	{"half_a_page_twice", half_a_page_twice},
	{"page_offset_was_lost", page_offset_was_lost},
	{"mask_was_granted_in_vain", mask_was_granted_in_vain},
	{"one_mask_for_both", one_mask_for_both},
	{"cap_of_256_kib", cap_of_256_kib},
	{"full_was_all_it_said", full_was_all_it_said},
	{"leaks_had_no_name", leaks_had_no_name},
	{"told_at_once", told_at_once},
	{NULL, NULL},
};

extern const struct ktest_suite replay_suite;
const struct ktest_suite replay_suite = {"replay", dma_fixture_begin, dma_fixture_end, cases};
