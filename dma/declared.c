/* SPDX-License-Identifier: MIT */
/*
 * Which memory is declared, and who has it at which address. How it is handed
 * out is in piece.c.
 *
 * sys->declared_lock guards the list of regions and their pieces.
 */
#include "dma/declared.h"

#include "dma/bounce.h"

#define MODES (DMA_MEMORY_MAP | DMA_MEMORY_IO)
#define FLAGS                                                                                      \
	(MODES | DMA_MEMORY_INCLUDES_CHILDREN | DMA_MEMORY_EXCLUSIVE | DMA_MEMORY_PREFETCHABLE)

static bool ranges_meet(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a - b < b_size || b - a < a_size;
}

/* --- who has it, and at which address --- */

/* So many parents up is who has it; -1: it isn't for this device. */
static int distance(const struct dma_device *dev, const struct dma_region *region)
{
	int up = 0;

	for (; dev && dev != region->owner; up++)
		dev = region->flags & DMA_MEMORY_INCLUDES_CHILDREN ? dev->parent : NULL;
	return dev ? up : -1;
}

static uint64_t base_of(const struct dma_device *dev, const struct dma_region *region)
{
	if (region->owner == dev)
		return region->device.bus;
	return region->phys.value + (uint64_t)dev->limits.bus_offset;
}

struct dma_span dma_region_span(const struct dma_device *dev, const struct dma_region *region)
{
	const struct dma_limits *limits = &dev->limits;
	struct dma_span span = {.base = base_of(dev, region), .up = distance(dev, region)};
	bool own = region->owner == dev; /* then the way to it is not the bus */
	uint64_t at = own ? region->device.bus : region->phys.value, end = at + region->size - 1;
	uint64_t first = 0, last = limits->coherent_mask;

	if (span.up < 0 || span.base % DMA_MEMORY_UNIT ||
	    (!own && !dma_limits_window(limits, dma_limits_reach(limits, last), &first, &last)))
		return span;
	first = first > at ? first : at;
	last = last < end ? last : end;
	if (first <= last) {
		span.from = first - at;
		span.to = last - at + 1;
	}
	return span;
}

struct dma_region *dma_region_meeting_locked(const struct dma_device *dev, uint64_t addr,
					     size_t len, uint64_t *offset)
{
	struct dma_region *r = dev->sys->declared;

	while (r && (distance(dev, r) < 0 || !ranges_meet(addr, len, base_of(dev, r), r->size)))
		r = r->next;
	*offset = r ? addr - base_of(dev, r) : 0;
	return r;
}

uint64_t dma_declared_first(const struct dma_device *dev)
{
	unsigned long flags = port_lock(&dev->sys->declared_lock);
	uint64_t first = UINT64_MAX;

	for (const struct dma_region *r = dev->sys->declared; r; r = r->next) {
		uint64_t base = base_of(dev, r);

		if (base + r->size - 1 < base)
			base = 0; /* it goes around the top */
		if (distance(dev, r) >= 0 && base < first)
			first = base;
	}
	port_unlock(&dev->sys->declared_lock, flags);
	return first;
}

/* --- declaring --- */

/* Is there RAM where the bus has this address? */
static bool over_ram(const struct dma_region *region, uint64_t bus)
{
	uint64_t first = dma_to_phys(&region->owner->limits, (dma_addr_t){bus}).value;

	return dma_is_ram(region->owner->sys, first, first + region->size - 1);
}

/* The first reason why it can't be declared, whatever else is; NULL. */
static const char *find_fault(const struct dma_region *region)
{
	uint64_t bus = region->bus.value, device = region->device.bus, size = region->size;
	uint64_t phys = region->phys.value, mask = region->owner->limits.coherent_mask;
	const struct {
		bool wrong;
		const char *why;
	} faults[] = {
		{!(region->flags & MODES) || region->flags & ~FLAGS, "flags that mean nothing"},
		{size == 0, "no bytes"},
		{(bus | device | size) % DMA_MEMORY_UNIT, "not whole units of 64 bytes"},
		{bus + size - 1 < bus || phys + size - 1 < phys, "its bus addresses wrap"},
		{device + size - 1 < device, "its device addresses wrap"},
		{over_ram(region, bus), "RAM is at its bus address"},
		{over_ram(region, device), "RAM is at its device address"},
		{device + size - 1 > mask, "beyond the device's coherent mask"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		if (faults[i].wrong)
			return faults[i].why;
	return NULL;
}

/* Does it meet another: for its owner, for the CPU, or for the other's owner? */
static bool overlaps_locked(const struct dma_region *region)
{
	uint64_t offset;

	for (const struct dma_region *r = region->owner->sys->declared; r; r = r->next)
		if (ranges_meet(r->phys.value, r->size, region->phys.value, region->size) ||
		    (distance(r->owner, region) >= 0 &&
		     ranges_meet(r->device.bus, r->size, base_of(r->owner, region), region->size)))
			return true;
	return dma_region_meeting_locked(region->owner, region->device.bus, region->size, &offset);
}

/* Into the list, if it meets nothing that is there. */
static bool enter(struct dma_region *region)
{
	struct dma_system *sys = region->owner->sys;
	unsigned long flags = port_lock(&sys->declared_lock);
	bool alone = !overlaps_locked(region);

	if (alone) {
		region->next = sys->declared;
		sys->declared = region;
	}
	port_unlock(&sys->declared_lock, flags);
	return alone;
}

/* The mode; or an error, and why. */
static int declare(struct dma_region *wish, const char **why)
{
	enum port_mapping how =
		wish->flags & DMA_MEMORY_PREFETCHABLE ? PORT_MAP_COMBINING : PORT_MAP_UNCACHED;
	struct kmem *kmem = wish->owner->sys->kmem;
	struct dma_region *region;
	int mode = -ENOMEM;

	*why = find_fault(wish);
	if (*why)
		return -EINVAL;
	*why = "it can't be mapped, or there is no memory for its record";
	wish->cpu = port_map_device(wish->phys, wish->size,
				    wish->flags & DMA_MEMORY_IO ? PORT_MAP_IO : how);
	region = wish->cpu ? kmalloc(kmem, sizeof(*region)) : NULL;
	if (region) {
		*region = *wish;
		*why = "it overlaps other declared memory";
		mode = enter(region) ? wish->flags & MODES : -EBUSY;
	}
	if (mode < 0 && wish->cpu) {
		port_unmap_device(wish->cpu, wish->size);
		kfree(kmem, region);
	}
	return mode;
}

int dma_declare_coherent_memory(struct dma_device *dev, dma_addr_t bus_addr, dma_addr_t device_addr,
				size_t size, int flags)
{
	struct dma_region wish = {
		.owner = dev,
		.bus = {bus_addr.bus},
		.device = device_addr,
		.phys = dev ? dma_to_phys(&dev->limits, bus_addr) : PHYS_NONE,
		.size = size,
		.flags = flags & DMA_MEMORY_MAP ? flags & ~DMA_MEMORY_IO : flags,
	};
	const char *why = "no device";
	int mode = dev ? declare(&wish, &why) : -EINVAL;

	if (mode >= 0)
		dma_shorten_all(dev->sys);
	dma_say_declared(&wish, mode < 0 ? why : NULL);
	return mode;
}

/* --- releasing --- */

/* Those that the owner has, and of which nobody has any, off the list. */
static struct dma_region *take_off_locked(struct dma_system *sys, const struct dma_device *owner)
{
	struct dma_region **link = &sys->declared, *region, *off = NULL;

	while ((region = *link)) {
		if (region->owner != owner || region->pieces) {
			link = &region->next;
			continue;
		}
		*link = region->next;
		region->next = off;
		off = region;
	}
	return off;
}

/* They were taken off, and are no more. */
static void drop_all(struct dma_system *sys, struct dma_region *region)
{
	dma_shorten_all(sys);
	for (struct dma_region *next; region; region = next) {
		next = region->next;
		port_unmap_device(region->cpu, region->size);
		kfree(sys->kmem, region);
	}
}

int dma_release_declared_memory(struct dma_device *dev)
{
	struct dma_region *off = NULL;
	unsigned long flags;
	bool used;

	if (!dev)
		return -EINVAL;
	flags = port_lock(&dev->sys->declared_lock);
	used = dma_say_users_locked(dev);
	if (!used)
		off = take_off_locked(dev->sys, dev);
	port_unlock(&dev->sys->declared_lock, flags);
	drop_all(dev->sys, off);
	return used ? -EBUSY : 0;
}

/*
 * Its pieces stay taken for ever, as it may still write there. Its own memory,
 * where others have pieces of it, stays mapped, and is nobody's.
 */
void dma_declared_leave(struct dma_device *dev)
{
	struct dma_system *sys = dev->sys;
	unsigned long flags = port_lock(&sys->declared_lock);
	struct dma_region *off;

	for (struct dma_region *r = sys->declared; r; r = r->next) {
		for (struct dma_piece *p = r->pieces; p; p = p->next)
			p->device = p->device == dev->id ? 0 : p->device;
		r->owner = r->owner == dev ? &sys->nobody : r->owner;
	}
	off = take_off_locked(sys, &sys->nobody);
	port_unlock(&sys->declared_lock, flags);
	drop_all(sys, off);
}
