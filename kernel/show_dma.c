/* SPDX-License-Identifier: MIT */
/*
 * Reports of DMA: the pool, and each device's limits and counters. As in show.c
 * nothing is changed and nothing locked; but the longest free run is found with
 * the magazines emptied, as a refusal would.
 */
#include "kernel/show.h"

#include "dma/declared.h"
#include "drivers/device.h"
#include "kernel/machine.h"
#include "kernel/mmu.h"
#include "kernel/printf.h"

/* What mappings of 2^n to 2^(n + 1) - 1 bytes are called: "of 4K+". */
static const char *size_name(unsigned n)
{
	static char text[16];
	const char units[] = {0, 'K', 'M', 'G', 'T', 'P', 'E'};

	snprintf(text, sizeof(text), "of %u%.1s+", 1U << n % 10, &units[n / 10]);
	return text;
}

/* By number, and 0 is whoever has what was left by those that are gone. */
static const struct dma_device *device_of(unsigned id)
{
	return id ? machine.dma.device[id - 1] : &machine.dma.nobody;
}

static const char *device_name(unsigned id)
{
	return device_of(id)->name;
}

void show_swiotlb(void)
{
	struct swiotlb *pool = &machine.pool;
	struct dma_counters n;
	uint64_t used = dma_level_now(&pool->used);
	size_t in_magazines = pool->slots - used - pool->runs.free;
	uint64_t held[DMA_MAX_DEVICES + 1];

	if (!pool->slots) {
		printf("the swiotlb is off: 0 slots\n");
		return;
	}
	printf("pool %#lx to %#lx, %zu slots of 2 KiB%s\n", pool->base.value,
	       pool->base.value + swiotlb_bytes(pool), pool->slots,
	       pool->force ? ", everything is bounced" : "");
	printf("used %lu, high water %lu, longest free run %zu slots, %zu in magazines\n", used,
	       pool->used.high, swiotlb_largest_run(pool), in_magazines);
	dma_count_all(&machine.dma, &n);
	printf("mappings %lu, bytes in %lu, bytes out %lu\n", n.bounced, n.bytes_in, n.bytes_out);
	printf("lent for long %lu, of them %zu in pages\n", n.lent, machine.dma.lent.count);
	show_counts("refused: ", pool->refused, DMA_FAILURES, dma_failure_name);
	for (unsigned id = 0; id <= DMA_MAX_DEVICES; id++)
		held[id] = device_of(id) ? dma_level_now(&device_of(id)->count.slots) : 0;
	show_counts("slots held: ", held, DMA_MAX_DEVICES + 1, device_name);
	show_counts("all mappings, by bytes: ", n.size, DMA_SIZES, size_name);
}

static void show_mask(const char *what, uint64_t mask)
{
	if (mask & (mask + 1))
		printf("%s to %#lx", what, mask);
	else
		printf("%s %d bits", what, mask ? 64 - __builtin_clzll(mask) : 0);
}

/* Those that not every device has. */
static void show_limits(const struct dma_limits *limits)
{
	int64_t offset = limits->bus_offset;

	if (limits->bus_limit != UINT64_MAX)
		show_mask(", the way to memory", limits->bus_limit);
	if (offset)
		printf(", bus address %c %#lx", offset < 0 ? '-' : '+',
		       offset < 0 ? -(uint64_t)offset : (uint64_t)offset);
	if (limits->boundary_mask != UINT64_MAX)
		printf(", boundary %#lx", limits->boundary_mask + 1);
	if (limits->max_segment != SIZE_MAX)
		printf(", segments up to %zu bytes", limits->max_segment);
	if (limits->max_segments != DMA_LIMITS_DEFAULT.max_segments)
		printf(", lists up to %u", limits->max_segments);
	if (limits->min_align_mask)
		printf(", low bits %#x kept", limits->min_align_mask);
}

static void show_counters(const struct dma_device *dma)
{
	const struct dma_counters *n = &dma->count;
	uint64_t mappings = dma_count_mappings(dma);

	printf("  mappings %lu: bounced %lu, transient %lu, direct %lu; live %lu, waited %lu; "
	       "lent %lu\n",
	       mappings, n->bounced, n->transient, mappings - n->bounced - n->transient, n->live,
	       n->waited, n->lent);
	printf("  bytes in %lu, out %lu; not copied: direct %lu, by attribute %lu\n", n->bytes_in,
	       n->bytes_out, n->bytes_direct, n->bytes_skipped);
	printf("  slots %lu, high water %lu; refused at the gate %lu\n", dma_level_now(&n->slots),
	       n->slots.high, n->refused);
	show_counts("  by bytes: ", n->size, DMA_SIZES, size_name);
	if (show_counts("  failed: ", n->failed, DMA_FAILURES, dma_failure_name))
		printf("  last failure: %s\n", dma_failure_name(dma_last_failure(dma)));
}

void show_dma(void)
{
	for (const struct device *dev = devices; dev; dev = dev->next) {
		const struct dma_limits *limits = &dev->dma.limits;

		if (!dev->driver)
			continue;
		printf("%s", dev->name);
		show_mask(": mask", limits->streaming_mask);
		show_mask(", coherent", limits->coherent_mask);
		show_limits(limits);
		printf(dev->dma.slow & DMA_SLOW_FORCE ? ", bounced always\n" : "\n");
		show_counters(&dev->dma);
	}
	show_counts("misuse: ", machine.dma.misuse, DMA_MISUSE_KINDS, dma_misuse_name);
}

static void show_use(const struct dma_device *dma, const char *whose, const char *how, uint64_t cpu,
		     uint64_t bus, uint64_t device, uint64_t bytes, size_t pieces)
{
	printf("%-9s %-9s %-4s %#18lx %#14lx %#16lx %10lu KiB %7zu\n", dma->name, whose, how, cpu,
	       bus, device, bytes >> 10, pieces);
}

static const char *mapping_name(const struct dma_region *region)
{
	unsigned flags = 0;

	if (region->flags & DMA_MEMORY_IO)
		return "IO";
	mmu_page((uint64_t)region->cpu, &flags);
	return (flags & MMU_UNCACHED) == MMU_COMBINING ? "WC" : "UC";
}

/* A line for the part of it that the device reaches; returns how many pieces it has there. */
static size_t show_region(const struct dma_device *dma, const struct dma_region *region)
{
	struct dma_span span = dma_region_span(dma, region);
	size_t pieces = 0;

	for (const struct dma_piece *piece = region->pieces; piece; piece = piece->next)
		pieces += piece->device == dma->id;
	if (span.to)
		show_use(dma, region->owner->name, mapping_name(region),
			 (uint64_t)region->cpu + span.from, region->bus.value + span.from,
			 span.base + span.from, span.to - span.from, pieces);
	return pieces;
}

/* The system's, as far as coherent memory may lie in it. */
static void show_system(const struct dma_device *dma, size_t pieces)
{
	uint64_t reach = dma_limits_reach(&dma->limits, dma->limits.coherent_mask), first, last;
	uint64_t bus;

	if (!dma_limits_window(&dma->limits, reach, &first, &last))
		return;
	bus = dma_from_phys(&dma->limits, phys(first)).bus;
	show_use(dma, "system", "WB", DIRECT_BASE + first, bus, bus,
		 memmap_bytes(&machine.memmap, first) -
			 (last == UINT64_MAX ? 0 : memmap_bytes(&machine.memmap, last + 1)),
		 pieces);
}

/* Each memory that a device may have pieces of, by the addresses of the first byte it reaches. */
void show_device_memory(void)
{
	printf("%-9s %-9s %-4s %18s %14s %16s %14s %7s\n", "device", "memory", "as", "for the CPU",
	       "on the bus", "for the device", "bytes", "pieces");
	for (const struct device *dev = devices; dev; dev = dev->next) {
		size_t pieces = 0;

		for (const struct dma_region *r = machine.dma.declared; r; r = r->next)
			pieces += show_region(&dev->dma, r);
		if (dev->driver && dev->driver->prepare) /* or it does no DMA */
			show_system(&dev->dma, dev->dma.count.lent - pieces);
	}
}
