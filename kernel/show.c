/* SPDX-License-Identifier: MIT */
/*
 * Reports of the machine's state, in columns. They only read, without locks:
 * figures that change meanwhile may be of different moments.
 */
#include "kernel/show.h"

#include "drivers/pci.h"
#include "kernel/irq.h"
#include "kernel/machine.h"
#include "kernel/printf.h"

typedef unsigned long long ull;

struct text {
	char text[40];
};

/* Bytes in the largest unit that is no more than they are, to a tenth (rounded down). */
static struct text size_text(uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	unsigned unit = 0;
	uint64_t rest = 0;
	struct text t = {""};

	for (; bytes >= 1024 && unit < ARRAY_SIZE(units) - 1; unit++) {
		rest = bytes % 1024;
		bytes /= 1024;
	}
	if (rest * 10 / 1024)
		snprintf(t.text, sizeof(t.text), "%llu.%llu %s", (ull)bytes, (ull)rest * 10 / 1024,
			 units[unit]);
	else
		snprintf(t.text, sizeof(t.text), "%llu %s", (ull)bytes, units[unit]);
	return t;
}

/* 2^n - 1 as "n bits", any other last address as it is. */
static struct text mask_text(uint64_t mask)
{
	struct text t = {""};

	if (mask && !(mask & (mask + 1)))
		snprintf(t.text, sizeof(t.text), "%d bits", 64 - __builtin_clzll(mask));
	else
		snprintf(t.text, sizeof(t.text), "%#llx", (ull)mask);
	return t;
}

/* --- mem --- */

static void show_range(const char *what, uint64_t start, uint64_t end, const char *name)
{
	if (start < end)
		printf("%-9s %#14llx %#14llx %12s%s%s\n", what, (ull)start, (ull)end,
		       size_text(end - start).text, *name ? "  " : "", name);
}

static void show_ranges(const char *what, const struct range_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		show_range(what, list->range[i].start, list->range[i].end, "");
}

void show_mem(void)
{
	const struct memmap *map = &machine.memmap;
	const struct swiotlb *pool = &machine.pool;
	uint64_t free = 0;

	for (unsigned id = 0; id < ZONE_COUNT; id++)
		free += pages_free_bytes(&machine.zones, id);
	printf("%-9s %14s %14s %12s\n", "memory", "from", "to", "size");
	show_ranges("RAM", &map->ram);
	show_ranges("reserved", &map->reserved);
	printf("of the RAM\n");
	show_range("kernel", machine.image.start, machine.image.end, "");
	show_range("swiotlb", pool->base.value,
		   pool->base.value + ((uint64_t)pool->slots << SWIOTLB_SHIFT), "");
	for (size_t i = 0; i < machine.module_count; i++)
		show_range("module", machine.module[i].addr.value,
			   machine.module[i].addr.value + machine.module[i].size,
			   machine.module[i].name);
	show_ranges("unused", &map->free);
	printf("RAM %s, above 4 GiB %s, free pages %s, small objects %zu in %s\n",
	       size_text(memmap_bytes(map)).text, size_text(memmap_bytes_above(map, GIB(4))).text,
	       size_text(free).text, machine.kmem.objects,
	       size_text(machine.kmem.pages * PAGE_SIZE).text);
}

/* --- zones --- */

static void show_zone(const struct zone *zone)
{
	uint64_t start = zone->buddy.first << PAGE_SHIFT;

	printf("%-6s %#14llx %#14llx %10llu KiB", zone->name, (ull)start,
	       (ull)(start + zone->buddy.pages * PAGE_SIZE),
	       (ull)zone->buddy.free_pages * PAGE_SIZE >> 10);
	for (unsigned order = 0; order < BUDDY_ORDERS; order++)
		printf(" %5zu", zone->buddy.free_blocks[order]);
	printf("\n");
}

void show_zones(void)
{
	printf("%-6s %14s %14s %14s  free blocks of 4 KiB, 8, 16 .. 4096\n", "zone", "from", "to",
	       "free");
	for (unsigned id = 0; id < ZONE_COUNT; id++)
		show_zone(&machine.zones.zone[id]);
	for (unsigned id = 0; id < ZONE_COUNT; id++)
		for (unsigned why = 0; why < REFUSED_KINDS; why++)
			if (machine.zones.zone[id].refused[why])
				printf("%s refused %llu: %s\n", machine.zones.zone[id].name,
				       (ull)machine.zones.zone[id].refused[why],
				       page_refusal_name(why));
}

/* --- swiotlb --- */

void show_swiotlb(void)
{
	struct swiotlb *pool = &machine.pool;
	const struct swiotlb_stats *stats = &pool->stats;
	uint64_t size = (uint64_t)pool->slots << SWIOTLB_SHIFT;

	if (!pool->slots) {
		printf("the swiotlb is off: 0 slots\n");
		return;
	}
	printf("pool %#llx to %#llx, %zu slots of 2 KiB\n", (ull)pool->base.value,
	       (ull)(pool->base.value + size), pool->slots);
	printf("used %zu, high water %zu, longest free run %zu slots\n", stats->used,
	       stats->high_water, swiotlb_largest_run(pool));
	printf("mappings %llu, bytes in %llu, bytes out %llu, failures %llu\n",
	       (ull)stats->mappings, (ull)stats->bytes_in, (ull)stats->bytes_out,
	       (ull)stats->failures);
	for (unsigned why = 0; why < SWIOTLB_REFUSALS; why++)
		if (stats->refused[why])
			printf("refused %llu: %s\n", (ull)stats->refused[why],
			       swiotlb_refusal_name(why));
	printf("%s, size %s\n", pool->force ? "forced: everything is bounced" : "not forced",
	       size_text(size).text);
}

/* --- devices --- */

static struct text reach_text(const struct device *dev)
{
	struct text t = {""};

	if (dev->reach.bits)
		snprintf(t.text, sizeof(t.text), "%s%u bits",
			 dev->reach.exact ? "" : ">=", dev->reach.bits);
	else
		snprintf(t.text, sizeof(t.text), "-");
	return t;
}

static void show_device(struct device *dev)
{
	const struct pci_device *pci = to_pci(dev);

	printf("%02x:%02x.%x %04x:%04x %06x  ", pci->bus, pci->slot, pci->function, pci->vendor,
	       pci->device, pci->class_code);
	if (dev->driver)
		printf("%-7s %-7s %-10s %-10s %s\n", dev->name, dev->driver->name,
		       mask_text(dev->dma.limits.streaming_mask).text, reach_text(dev).text,
		       pci_irq_names[pci->irq_mode]);
	else
		printf("%s\n", pci->header_type == 1 ? "bridge" : "-");
}

static void show_counters(const struct device *dev)
{
	const struct dma_counters *n = &dev->dma.count;

	printf("%-7s %8llu %8llu %9llu %10llu %10llu %5llu %8llu %7llu\n", dev->name,
	       (ull)n->mappings, (ull)n->bounced, (ull)n->transient, (ull)n->bytes_in,
	       (ull)n->bytes_out, (ull)n->live, (ull)n->failures, (ull)n->refused);
}

static void show_misuse(void)
{
	for (unsigned kind = 0; kind < DMA_MISUSE_KINDS; kind++)
		if (dma_misuse_count(&machine.dma, kind))
			printf("misuse %llu: %s\n", (ull)dma_misuse_count(&machine.dma, kind),
			       dma_misuse_name(kind));
}

void show_devices(void)
{
	struct device *dev;

	printf("%-7s %-9s %-6s  %-7s %-7s %-10s %-10s %s\n", "bus", "id", "class", "device",
	       "driver", "mask", "reach", "irq");
	for (dev = devices; dev; dev = dev->next)
		show_device(dev);
	printf("\n%-7s %8s %8s %9s %10s %10s %5s %8s %7s\n", "device", "mappings", "bounced",
	       "transient", "bytes in", "bytes out", "live", "failures", "refused");
	for (dev = devices; dev; dev = dev->next)
		if (dev->driver)
			show_counters(dev);
	show_misuse();
	printf("interrupts that nobody claimed: %llu\n", (ull)irq_spurious());
}
