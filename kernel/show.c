/* SPDX-License-Identifier: MIT */
/*
 * Reports of the machine's state, in columns. They only read, without locks:
 * figures that change meanwhile may be of different moments.
 */
#include "kernel/show.h"

#include "drivers/pci.h"
#include "kernel/console.h"
#include "kernel/irq.h"
#include "kernel/machine.h"
#include "kernel/printf.h"

static void show_range(const char *what, uint64_t start, uint64_t end, const char *name)
{
	if (start < end)
		printf("%-9s %#14llx %#14llx %10llu KiB  %s\n", what, (ull)start, (ull)end,
		       (ull)(end - start + 1023) >> 10, name);
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

	printf("%-9s %14s %14s %14s\n", "memory", "from", "to", "size");
	show_ranges("RAM", &map->ram);
	show_ranges("reserved", &map->reserved);
	printf("of the RAM\n");
	show_range("kernel", machine.image.start, machine.image.end, "");
	show_range("swiotlb", pool->base.value, pool->base.value + pool->slots * SWIOTLB_SLOT, "");
	for (size_t i = 0; i < machine.module_count; i++)
		show_range("module", machine.module[i].addr.value,
			   machine.module[i].addr.value + machine.module[i].size,
			   machine.module[i].name);
	printf("RAM %llu KiB, above 4 GiB %llu KiB, small objects %zu in %llu KiB\n",
	       (ull)memmap_bytes(map) >> 10, (ull)memmap_bytes_above(map, GIB(4)) >> 10,
	       machine.kmem.objects, (ull)machine.kmem.pages * PAGE_SIZE >> 10);
}

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

void show_swiotlb(void)
{
	struct swiotlb *pool = &machine.pool;
	const struct swiotlb_stats *stats = &pool->stats;

	if (!pool->slots) {
		printf("the swiotlb is off: 0 slots\n");
		return;
	}
	printf("pool %#llx to %#llx, %zu slots of 2 KiB\n", (ull)pool->base.value,
	       (ull)(pool->base.value + pool->slots * SWIOTLB_SLOT), pool->slots);
	printf("used %zu, high water %zu, longest free run %zu slots\n", stats->used,
	       stats->high_water, swiotlb_largest_run(pool));
	printf("mappings %llu, bytes in %llu, bytes out %llu\n", (ull)stats->mappings,
	       (ull)stats->bytes_in, (ull)stats->bytes_out);
	for (unsigned why = 0; why < DMA_FAILURES; why++)
		if (stats->refused[why])
			printf("refused: %s, %llu times\n", dma_failure_name(why),
			       (ull)stats->refused[why]);
	if (pool->force)
		printf("forced: everything is bounced\n");
}

static void show_device(struct device *dev)
{
	const struct pci_device *pci = to_pci(dev);

	printf("%02x:%02x.%x %04x:%04x %06x  ", pci->bus, pci->slot, pci->function, pci->vendor,
	       pci->device, pci->class_code);
	if (!dev->driver) {
		printf("%s\n", pci->header_type == 1 ? "bridge" : "-");
		return;
	}
	printf("%-7s %-7s %#14llx  ", dev->name, dev->driver->name,
	       (ull)dev->dma.limits.streaming_mask);
	if (dev->reach.bits)
		printf("%4s%2u bits", dev->reach.exact ? "" : ">=", dev->reach.bits);
	else
		printf("%11s", "-");
	printf("  %s\n", pci_irq_names[pci->irq_mode]);
}

static void show_counters(const struct device *dev)
{
	const struct dma_counters *n = &dev->dma.count;

	printf("%-7s %8llu %8llu %9llu %10llu %10llu %5llu %8llu %7llu\n", dev->name,
	       (ull)dma_count_mappings(&dev->dma), (ull)n->bounced, (ull)n->transient,
	       (ull)n->bytes_in, (ull)n->bytes_out, (ull)n->live,
	       (ull)dma_count_failures(&dev->dma), (ull)n->refused);
}

static void show_misuse(void)
{
	for (unsigned kind = 0; kind < DMA_MISUSE_KINDS; kind++)
		if (dma_misuse_count(&machine.dma, kind))
			printf("misuse: %s, %llu times\n", dma_misuse_name(kind),
			       (ull)dma_misuse_count(&machine.dma, kind));
}

void show_devices(void)
{
	struct device *dev;

	printf("%-7s %-9s %-6s  %-7s %-7s %14s  %11s  %s\n", "bus", "id", "class", "device",
	       "driver", "mask", "reach", "irq");
	for (dev = devices; dev; dev = dev->next)
		show_device(dev);
	printf("\n%-7s %8s %8s %9s %10s %10s %5s %8s %7s\n", "device", "mappings", "bounced",
	       "transient", "bytes in", "bytes out", "live", "failures", "refused");
	for (dev = devices; dev; dev = dev->next)
		if (dev->driver)
			show_counters(dev);
	show_misuse();
	printf("interrupts that nobody claimed: %llu; serial bytes lost: %llu in, %llu out\n",
	       (ull)irq_spurious(), (ull)console_uart.overruns, (ull)console_uart.dropped);
}
