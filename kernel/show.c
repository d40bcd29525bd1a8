/* SPDX-License-Identifier: MIT */
/*
 * Reports of the machine's state, in columns. They only read, without locks:
 * figures that change meanwhile may be of different moments.
 */
#include "kernel/show.h"

#include "dma/port.h"
#include "drivers/pci.h"
#include "kernel/console.h"
#include "kernel/irq.h"
#include "kernel/machine.h"
#include "kernel/printf.h"

static void show_range(const char *what, uint64_t start, uint64_t end, const char *name)
{
	if (start < end)
		printf("%-9s %#14lx %#14lx %10lu KiB  %s\n", what, start, end,
		       (end - start + 1023) >> 10, name);
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
	show_range("swiotlb", pool->base.value, pool->base.value + swiotlb_bytes(pool), "");
	for (size_t i = 0; i < machine.module_count; i++)
		show_range("module", machine.module[i].addr.value,
			   machine.module[i].addr.value + machine.module[i].size,
			   machine.module[i].name);
	printf("RAM %lu KiB, above 4 GiB %lu KiB, small objects %zu in %zu KiB\n",
	       memmap_bytes(map, 0) >> 10, memmap_bytes(map, GIB(4)) >> 10, machine.kmem.objects,
	       machine.kmem.pages * PAGE_SIZE >> 10);
}

bool show_counts(const char *before, const uint64_t *count, unsigned kinds,
		 const char *(*name)(unsigned))
{
	bool any = false;

	for (unsigned i = 0; i < kinds; i++) {
		if (count[i])
			printf("%s%lu %s", any ? ", " : before, count[i], name(i));
		any |= count[i] != 0;
	}
	printf(any ? "\n" : "");
	return any;
}

static void show_zone(const struct zone *zone)
{
	uint64_t start = zone->buddy.first << PAGE_SHIFT;

	printf("%-9s %#14lx %#14zx %10lu KiB\n", zone->name, start,
	       start + zone->buddy.pages * PAGE_SIZE,
	       pages_free_bytes(&machine.zones, zone - machine.zones.zone) >> 10);
}

static void show_blocks(const char *name, const size_t *blocks, unsigned orders)
{
	printf("%-9s", name);
	for (unsigned order = 0; order < orders; order++)
		printf(" %6zu", blocks[order]);
	printf("\n");
}

static void show_refusals(const struct zone *zone)
{
	const struct page_refused *last = &zone->last_refused;
	size_t offset = 0;
	const char *caller = port_symbol(last->caller, &offset);

	printf("%s", zone->name);
	if (!show_counts(" refused ", zone->refused, REFUSED_KINDS, page_refusal_name))
		printf(" refused nobody\n");
	else
		printf("%9s last %s+%#zx, %lu KiB up to %#lx: %s\n", "", caller ? caller : "?",
		       offset, PAGE_SIZE << last->order >> 10, last->limit,
		       page_refusal_name(last->why));
}

void show_zones(void)
{
	const struct zone *zone = machine.zones.zone, *end = zone + ZONE_COUNT, *z;
	size_t cached[PAGE_CACHE_ORDERS];

	printf("%-9s %14s %14s %14s\n", "zone", "from", "to", "free");
	for (z = zone; z < end; z++)
		show_zone(z);
	printf("free       4 KiB      8     16     32     64    128    256    512  1 MiB      2    "
	       "  4\n");
	for (z = zone; z < end; z++)
		show_blocks(z->name, z->buddy.free_blocks, BUDDY_ORDERS);
	pages_cached(&machine.zones, cached);
	show_blocks("in caches", cached, PAGE_CACHE_ORDERS);
	printf("watermark %zu KiB: so much of DMA is kept from requests for NORMAL\n",
	       machine.zones.watermark * PAGE_SIZE >> 10);
	for (z = zone; z < end; z++)
		show_refusals(z);
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
	printf("%-8s %-7s %#18lx  ", dev->name, dev->driver->name, dev->dma.limits.streaming_mask);
	if (dev->reach.bits)
		printf("%4s%2u bits", dev->reach.exact ? "" : ">=", dev->reach.bits);
	else
		printf("%11s", "-");
	printf("  %s\n", pci_irq_names[pci->irq_mode]);
}

void show_devices(void)
{
	struct device *dev;

	printf("%-7s %-9s %-6s  %-8s %-7s %18s  %11s  %s\n", "bus", "id", "class", "device",
	       "driver", "mask", "reach", "irq");
	for (dev = devices; dev; dev = dev->next)
		show_device(dev);
	printf("interrupts that nobody claimed: %lu; serial bytes lost: %lu in, %lu out\n",
	       irq_spurious(), console_uart.overruns, console_uart.dropped);
}
