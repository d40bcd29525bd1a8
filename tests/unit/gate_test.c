/* SPDX-License-Identifier: MIT */
/* The gate: which numbers a driver is given for its device, and which it is not. */
#include "dma/coherent.h"
#include "tests/unit/dma_fixture.h"

#define S(n) ((n)*SWIOTLB_SLOT)

static void expect_open(struct ktest *t, struct dma_device *dev, uint64_t bus, size_t len)
{
	uint64_t refused = dev->count.refused, out = 7;

	if (!dma_gate(dev, (dma_addr_t){bus}, len, &out) || out != bus)
		ktest_fail(t, __FILE__, __LINE__, "%s: %#llx+%zu was refused", dev->name,
			   (unsigned long long)bus, len);
	EXPECT_EQ(t, dev->count.refused, refused);
}

static void expect_shut(struct ktest *t, struct dma_device *dev, uint64_t bus, size_t len,
			enum dma_misuse_kind kind)
{
	uint64_t refused = dev->count.refused, out = 7;

	if (dma_gate(dev, (dma_addr_t){bus}, len, &out))
		ktest_fail(t, __FILE__, __LINE__, "%s: %#llx+%zu was let through", dev->name,
			   (unsigned long long)bus, len);
	EXPECT_EQ(t, out, 0);
	EXPECT_EQ(t, dev->count.refused, refused + 1);
	fixture_expect_misuse(t, kind);
}

static void direct(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	uint64_t low = f->base + FIXTURE_LOW, high = f->base + FIXTURE_HIGH;

	expect_open(t, &f->near, low, 4096);
	expect_open(t, &f->near, low, FIXTURE_HIGH - FIXTURE_LOW); /* the last byte at the mask */
	expect_open(t, &f->near, high - 1, 1);
	expect_shut(t, &f->near, low, FIXTURE_HIGH - FIXTURE_LOW + 1, DMA_MISUSE_GATE_REACH);
	expect_shut(t, &f->near, high - 1, 2, DMA_MISUSE_GATE_REACH);
	expect_shut(t, &f->near, high, 1, DMA_MISUSE_GATE_REACH);
	expect_shut(t, &f->near, low, 0, DMA_MISUSE_GATE_LENGTH);
	expect_shut(t, &f->near, high, 0, DMA_MISUSE_GATE_LENGTH);
	expect_shut(t, &f->near, low, SIZE_MAX, DMA_MISUSE_GATE_LENGTH);
	expect_shut(t, &f->near, 0, SIZE_MAX, DMA_MISUSE_GATE_REACH);
	expect_shut(t, &f->near, UINT64_MAX - 1, 3, DMA_MISUSE_GATE_LENGTH);
	expect_shut(t, &f->near, UINT64_MAX, 1, DMA_MISUSE_MAPPING_ERROR);
	dma_set_bus_limit(&f->near, UINT64_MAX);
	expect_open(t, &f->near, high, SIZE_MAX - high); /* to the topmost byte but one */
	expect_shut(t, &f->near, UINT64_MAX, 1, DMA_MISUSE_MAPPING_ERROR);
	expect_shut(t, &f->near, UINT64_MAX - 1, 2, DMA_MISUSE_GATE_REACH);
	dma_set_bus_limit(&f->near, high);
	expect_open(t, &f->near, high, 1);
	expect_shut(t, &f->near, high + 1, 1, DMA_MISUSE_GATE_REACH);
}

/* Masks of 24 to 40 bits, also odd ones: the device's own end, seen at the gate. */
static void every_mask(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;

	for (unsigned bits = 24; bits <= 40; bits++) {
		for (unsigned odd = 0; odd < 2; odd++) {
			uint64_t mask = DMA_BIT_MASK(bits) - (odd ? 0x10001 : 0);

			fixture_window(dev, (int64_t)(mask + 1 - f->base - FIXTURE_HIGH), mask);
			expect_open(t, dev, mask - 4095, 4096);
			expect_shut(t, dev, mask - 4095, 4097, DMA_MISUSE_GATE_REACH);
			expect_shut(t, dev, mask + 1, 1, DMA_MISUSE_GATE_REACH);
		}
	}
}

/* Numbers on the bus that are no address of memory: below a bus offset, or above the end. */
static void beside_the_window(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device *dev = &f->near;
	uint64_t low = f->base + FIXTURE_LOW, offset = GIB(2);

	fixture_window(dev, (int64_t)offset, offset + low);
	expect_open(t, dev, offset + low, 1);
	expect_shut(t, dev, offset - 1, 1, DMA_MISUSE_GATE_REACH);
	expect_shut(t, dev, offset - 1, 2, DMA_MISUSE_GATE_REACH);
	expect_shut(t, dev, low, 1, DMA_MISUSE_GATE_REACH);
	fixture_window(dev, -(int64_t)low, UINT64_MAX);
	expect_open(t, dev, 0, 1);
	expect_shut(t, dev, UINT64_MAX - 1, 1, DMA_MISUSE_GATE_REACH);
	dma_unmap_single(dev, (dma_addr_t){UINT64_MAX - 1}, 1, DMA_TO_DEVICE);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
}

/* Around one mapping of bounce memory, `room` bytes of which lie before and behind it. */
static void around_mapping(struct ktest *t, struct dma_device *dev, struct dma_device *other,
			   uint64_t addr, size_t len)
{
	expect_open(t, dev, addr, len);
	expect_open(t, dev, addr, 1);
	expect_open(t, dev, addr + len - 1, 1);
	expect_open(t, dev, addr + len / 2, len - len / 2);
	expect_shut(t, dev, addr, len + 1, DMA_MISUSE_GATE_POOL);
	expect_shut(t, dev, addr + 1, len, DMA_MISUSE_GATE_POOL);
	expect_shut(t, dev, addr - 1, 1, DMA_MISUSE_GATE_POOL);
	expect_shut(t, dev, addr - 1, len + 1, DMA_MISUSE_GATE_POOL);
	expect_shut(t, dev, addr + len, 1, DMA_MISUSE_GATE_POOL);
	expect_shut(t, dev, addr + len - 1, 2, DMA_MISUSE_GATE_POOL);
	expect_shut(t, other, addr, len, DMA_MISUSE_GATE_POOL);
	expect_shut(t, other, addr + len / 2, 1, DMA_MISUSE_GATE_POOL);
}

static void pool(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	uint64_t first = f->base + FIXTURE_POOL, last = f->base + FIXTURE_LOW - 1;
	dma_addr_t addr;

	/* With nothing mapped none of it is anybody's. */
	expect_shut(t, &f->near, first, 1, DMA_MISUSE_GATE_POOL);
	expect_shut(t, &f->near, last, 1, DMA_MISUSE_GATE_POOL);
	expect_shut(t, &f->near, first - 1, 2, DMA_MISUSE_GATE_POOL);
	expect_shut(t, &f->near, last, 2, DMA_MISUSE_GATE_POOL);
	expect_shut(t, &f->near, first - 16, last - first + 33, DMA_MISUSE_GATE_POOL);
	expect_open(t, &f->near, last + 1, 1);
	expect_open(t, &f->near, first - 16, 16);

	dma_set_min_align_mask(&f->near, 0xfff);
	addr = dma_map_phys(&f->near, phys(f->base + FIXTURE_HIGH + 0x123), 5000, DMA_TO_DEVICE, 0);
	around_mapping(t, &f->near, &f->near2, addr.bus, 5000);
	dma_unmap_single(&f->near, addr, 5000, DMA_TO_DEVICE);
	expect_shut(t, &f->near, addr.bus, 5000, DMA_MISUSE_GATE_POOL);
}

static void transient(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t addr;
	uint64_t block;

	dma_set_min_align_mask(&f->tight, 0xfff);
	addr = dma_map_phys(&f->tight, phys(f->base + FIXTURE_HIGH + 0x123), 9000, DMA_TO_DEVICE,
			    0);
	REQUIRE(t, !dma_mapping_error(&f->tight, addr));
	around_mapping(t, &f->tight, &f->tight2, addr.bus, 9000);
	block = addr.bus - 0x123;
	expect_open(t, &f->tight, block - 8, 8);
	expect_shut(t, &f->tight, block - 8, 9, DMA_MISUSE_GATE_POOL);
	expect_shut(t, &f->tight, f->base, FIXTURE_POOL, DMA_MISUSE_GATE_POOL);
	/* The block's end, if it is not the pool's beginning too. */
	if (block + 4 * PAGE_SIZE < f->base + FIXTURE_POOL)
		expect_open(t, &f->tight, block + 4 * PAGE_SIZE, 1);
	expect_shut(t, &f->tight, block + 4 * PAGE_SIZE - 1, 1, DMA_MISUSE_GATE_POOL);
	dma_unmap_single(&f->tight, addr, 9000, DMA_TO_DEVICE);
	expect_open(t, &f->tight, addr.bus, 9000); /* pages again, as any */
}

/* Who bounces everything uses no RAM where it lies, but for memory that is lent to it. */
static void forced(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	dma_addr_t lent;
	void *cpu;

	expect_open(t, &f->near, f->base, 100);
	dma_set_force(&f->near, true);
	expect_shut(t, &f->near, f->base, 100, DMA_MISUSE_GATE_POOL);
	expect_shut(t, &f->near, f->base - 8, 9, DMA_MISUSE_GATE_POOL);
	expect_open(t, &f->near, f->base - 8, 8); /* as far as anybody knows a resource */
	cpu = dma_alloc_coherent(&f->near, 4096, &lent);
	expect_open(t, &f->near, lent.bus, 4096);
	expect_shut(t, &f->near, lent.bus, 4097, DMA_MISUSE_GATE_POOL);
	dma_free_coherent(&f->near, 4096, cpu, lent);
	expect_shut(t, &f->near, lent.bus, 4096, DMA_MISUSE_GATE_POOL);
}

static void removed_device(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device dev;

	EXPECT_EQ(t, dma_device_add(&f->sys, &dev, "gone0", NULL), 0);
	expect_open(t, &dev, f->base + FIXTURE_LOW, 16);
	dma_device_remove(&dev);
	expect_shut(t, &dev, f->base + FIXTURE_LOW, 16, DMA_MISUSE_GATE_REACH);
	expect_shut(t, &dev, 0, 1, DMA_MISUSE_GATE_REACH); /* not even its mask of 0 */
	EXPECT(t, dma_mapping_error(&dev, dma_map_phys(&dev, phys(0), 1, DMA_TO_DEVICE, 0)));
	EXPECT(t, dma_mapping_error(&dev, dma_map_phys(&dev, phys(f->base + FIXTURE_LOW), 16,
						       DMA_TO_DEVICE, 0)));
}

static const struct ktest_case cases[] = {
	{"direct", direct},
	{"every_mask", every_mask},
	{"beside_the_window", beside_the_window},
	{"pool", pool},
	{"transient", transient},
	{"forced", forced},
	{"removed_device", removed_device},
	{NULL, NULL},
};

extern const struct ktest_suite gate_suite;
const struct ktest_suite gate_suite = {"gate", dma_fixture_begin, dma_fixture_end, cases};
