/* SPDX-License-Identifier: MIT */
/*
 * A bridge that has memory (ivshmem's, a file of the host's), and edu behind it,
 * maybe LSI too: what they are given of it, move to and from it, and are refused.
 * Where they don't reach it the same cases run in system memory.
 *
 * Lines "file <offset> <bytes> <sha256>" are for the host to hold against its file.
 */
#include "dma/declared.h"
#include "drivers/pci.h"
#include "kernel/cpu.h"
#include "kernel/jobs/sha256.h"
#include "kernel/machine.h"
#include "kernel/mmu.h"
#include "kernel/string.h"
#include "tests/arena.h"
#include "tests/kernel/device_fixture.h"

#define BYTES 2000

static struct {
	struct device *bridge, *edu;
	struct dma_region *region;
	const struct pci_bar *bar;
	bool reached; /* does edu reach the region's beginning? */
	uint64_t misuse[DMA_MISUSE_KINDS], lent, used;
} f;

struct got {
	uint8_t *cpu;
	dma_addr_t handle;
	size_t size;
};

/* The next that moves memory behind the bridge; of NULL the first, which is edu; NULL. */
static struct device *next_engine(struct device *dev)
{
	dev = dev ? dev->next : devices;
	while (dev && !(f.bridge && dev->engine && dev->parent == f.bridge))
		dev = dev->next;
	return dev;
}

static void begin(struct ktest *t)
{
	struct device *memory = device_first("ivshmem");

	memset(&f, 0, sizeof(f));
	f.bridge = memory ? memory->parent : NULL;
	f.edu = next_engine(NULL);
	if (!f.edu) {
		ktest_skip(t, "no ivshmem and edu behind one bridge");
		return;
	}
	for (struct device *dev = f.edu; dev; dev = next_engine(dev))
		EXPECT_EQ(t, device_prepare(dev), 0);
	device_fixture_say_clamps();
	f.bar = &to_pci(memory)->bar[2];
	for (f.region = machine.dma.declared; f.region; f.region = f.region->next)
		if (f.region->owner == &f.bridge->dma)
			break;
	if (!f.region) {
		ktest_fail(t, __FILE__, __LINE__, "the bridge has no memory");
		return;
	}
	f.reached = dma_region_span(&f.edu->dma, f.region).to != 0;
	memcpy(f.misuse, machine.dma.misuse, sizeof(f.misuse));
	f.lent = f.edu->dma.count.lent;
	f.used = f.region->used;
}

static void end(struct ktest *t)
{
	EXPECT_EQ(t, f.edu->dma.count.lent, f.lent);
	EXPECT_EQ(t, f.region->used, f.used);
	EXPECT(t, !memcmp(f.misuse, machine.dma.misuse, sizeof(f.misuse)));
}

/* Is it in the BAR for the CPU, and where edu sees the BAR? */
static bool in_bar(const struct got *got)
{
	uint64_t at = mmu_translate((uint64_t)got->cpu).value - f.bar->addr;

	return got->cpu && at < f.bar->size &&
	       got->handle.bus == f.bar->addr + at + (uint64_t)f.edu->dma.limits.bus_offset;
}

static struct got get_for(struct ktest *t, struct device *dev, size_t size)
{
	struct got got = {.size = size};

	got.cpu = dma_alloc_coherent(&dev->dma, size, &got.handle);
	EXPECT(t, got.cpu != NULL);
	return got;
}

static void put_of(struct device *dev, const struct got *got)
{
	dma_free_coherent(&dev->dma, got->size, got->cpu, got->handle);
}

static struct got get(struct ktest *t, size_t size)
{
	return get_for(t, f.edu, size);
}

static void put(const struct got *got)
{
	put_of(f.edu, got);
}

/* --- cases --- */

static void declared(struct ktest *t)
{
	bool has_pat = cpuid(CPUID_FEATURES).edx & CPUID_1_EDX_PAT;
	unsigned flags = 0;

	EXPECT_EQ(t, f.region->bus.value, f.bar->addr);
	EXPECT_EQ(t, f.region->device.bus, f.bar->addr);
	EXPECT_EQ(t, f.region->size, f.bar->size);
	EXPECT(t, f.bar->prefetchable);
	EXPECT(t, mmu_page((uint64_t)f.region->cpu, &flags) && flags & MMU_WRITE);
	EXPECT_EQ(t, flags & MMU_UNCACHED, has_pat ? MMU_COMBINING : MMU_UNCACHED);
	EXPECT_EQ(t, mmu_translate((uint64_t)f.region->cpu).value, f.bar->addr);
}

/* From the BAR if edu reaches that, or else from system memory, and it was said. */
static void given_where_it_reaches(struct ktest *t)
{
	struct got got = get(t, 4096);

	EXPECT_EQ(t, in_bar(&got), f.reached);
	EXPECT_EQ(t, f.edu->dma.told, !f.reached);
	EXPECT(t, dma_range_within(got.handle.bus, 4096, f.edu->dma.limits.coherent_mask));
	put(&got);
}

static void say_file(const struct got *got)
{
	char text[SHA256_TEXT];
	struct sha256 sha;

	if (!in_bar(got))
		return;
	sha256_init(&sha);
	sha256_update(&sha, got->cpu, got->size);
	sha256_final(&sha, text);
	ktest_say("file %lu %zu %s", mmu_translate((uint64_t)got->cpu).value - f.bar->addr,
		  got->size, text);
}

/* Pieces stay out until all have moved, so that no bytes of the file are used twice. */
static void move_by_all(struct ktest *t, struct device *dev)
{
	size_t bytes = dev->engine->max_bytes < BYTES ? dev->engine->max_bytes : BYTES;
	struct got from = get_for(t, dev, bytes), to = get_for(t, dev, bytes);
	struct device *next = next_engine(dev);

	REQUIRE(t, from.cpu && to.cpu);
	for (size_t i = 0; i < bytes; i++)
		from.cpu[i] = (uint8_t)ktest_random(t, 256);
	EXPECT_EQ(t, dev->engine->transfer(dev, from.handle, bytes, DMA_TO_DEVICE), 0);
	EXPECT_EQ(t, dev->engine->transfer(dev, to.handle, bytes, DMA_FROM_DEVICE), 0);
	EXPECT(t, !memcmp(from.cpu, to.cpu, bytes));
	if (next)
		move_by_all(t, next);
	say_file(&from);
	say_file(&to);
	put_of(dev, &from);
	put_of(dev, &to);
}

/* From one piece through the device to another; the host finds both in its file. */
static void moved_by_each(struct ktest *t)
{
	move_by_all(t, f.edu);
}

/* edu is sent to no other byte of it than those it was given. */
static void kept_to_its_own(struct ktest *t)
{
	struct got got = get(t, BYTES);
	uint64_t bus;

	REQUIRE(t, got.cpu);
	EXPECT(t, dma_gate(&f.edu->dma, got.handle, BYTES, &bus));
	EXPECT_EQ(t, bus, got.handle.bus);
	put(&got);
	if (!f.reached)
		return;
	EXPECT_EQ(t, f.edu->engine->transfer(f.edu, got.handle, BYTES, DMA_TO_DEVICE), -EINVAL);
	f.misuse[DMA_MISUSE_GATE_DECLARED]++;
}

/* When it is full the rest is system memory. */
static void full(struct ktest *t)
{
	struct got got[17];
	size_t n = 0;

	while (n < ARRAY_SIZE(got)) {
		got[n] = get(t, f.bar->size / 16);
		if (!in_bar(&got[n++]))
			break;
	}
	EXPECT_EQ(t, n, f.reached ? 17 - (f.used > 0) : 1); /* LSI's tables may be in one */
	while (n-- > 0)
		put(&got[n]);
}

static void in_use(struct ktest *t)
{
	struct got got = get(t, 64);

	EXPECT_EQ(t, f.reached ? dma_release_declared_memory(f.region->owner) : -EBUSY, -EBUSY);
	EXPECT(t, test_is_mapped(f.region->cpu));
	put(&got);
}

static const struct ktest_case cases[] = {
	{"declared", declared},
	{"given_where_it_reaches", given_where_it_reaches},
	{"moved_by_each", moved_by_each},
	{"kept_to_its_own", kept_to_its_own},
	{"full", full},
	{"in_use", in_use},
	{NULL, NULL},
};

extern const struct ktest_suite bridge_suite;
const struct ktest_suite bridge_suite = {"bridge", begin, end, cases};
