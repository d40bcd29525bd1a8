/* SPDX-License-Identifier: MIT */
/*
 * Systems, the devices in them, and what those say of themselves.
 */
#include "dma/bounce.h"
#include "dma/coherent.h"
#include "dma/declared.h"
#include "dma/transient.h"

void dma_system_init(struct dma_system *sys, struct zones *zones, struct kmem *kmem,
		     struct swiotlb *pool)
{
	*sys = (struct dma_system){
		.zones = zones,
		.kmem = kmem,
		.pool = pool,
		.nobody = {.name = "nobody", .sys = sys, .limits = DMA_LIMITS_DEFAULT},
	};
	sys->waiting_end = &sys->waiting;
	ledger_init(&sys->lent);
	ledger_init(&sys->transients);
	transient_reset_bounds(sys);
}

/*
 * How far the short ways go: to where device memory begins, which is seldom below
 * RAM. Where it is, there are none.
 */
static void shorten(struct dma_device *dev)
{
	uint64_t memory = dma_declared_first(dev);

	dev->memory = memory;
	dev->short_end = 0;
	dev->short_bounce = 0;
	if (dev->slow ||
	    (memory <= dev->reach && memmap_has_ram(dev->sys->zones->map, memory, dev->reach)))
		return;
	dev->short_end = memory <= dev->reach ? memory : dev->reach + 1;
	if (dev->fit.anywhere && !dev->limits.min_align_mask)
		dev->short_bounce = SWIOTLB_MAGAZINE_SLOTS << SWIOTLB_SHIFT;
}

void dma_shorten_all(struct dma_system *sys)
{
	unsigned long flags = port_lock(&sys->lock);

	for (unsigned i = 0; i < DMA_MAX_DEVICES; i++)
		if (sys->device[i])
			shorten(sys->device[i]);
	port_unlock(&sys->lock, flags);
}

/* The limits have changed: what the short ways use is made anew. 0. */
static int refit(struct dma_device *dev)
{
	struct dma_limits *limits = &dev->limits;
	bool reckon;

	if (dev->parent)
		dma_limits_hold(limits, &dev->parent->limits);
	reckon = limits->bus_offset != 0 || limits->boundary_mask != UINT64_MAX ||
		 limits->max_segment != SIZE_MAX;
	dev->slow = (dev->slow & ~(uint32_t)DMA_SLOW_LIMITS) | (reckon ? DMA_SLOW_LIMITS : 0);
	dev->reach = dma_limits_reach(limits, limits->streaming_mask);
	bounce_fit(dev, limits->streaming_mask, &dev->fit);
	shorten(dev);
	dma_lend_refit(dev);
	return 0;
}

/* The lowest number that is free. */
static int enter_locked(struct dma_system *sys, struct dma_device *dev)
{
	for (unsigned i = 0; i < DMA_MAX_DEVICES; i++) {
		if (!sys->device[i]) {
			sys->device[i] = dev;
			dev->id = (uint16_t)(i + 1);
			return 0;
		}
	}
	return -ENOSPC;
}

/* It reaches nothing. */
static void shut(struct dma_device *dev)
{
	dev->limits = (struct dma_limits){0};
	dev->parent = NULL;
	dev->slow |= DMA_SLOW_GONE;
	refit(dev);
}

int dma_device_add(struct dma_system *sys, struct dma_device *dev, const char *name,
		   struct dma_device *parent)
{
	unsigned long flags;
	int err;

	*dev = (struct dma_device){
		.name = name,
		.parent = parent,
		.sys = sys,
		.pool = sys->pool,
		.limits = DMA_LIMITS_DEFAULT,
		.slow = sys->pool->force ? DMA_SLOW_FORCE : 0,
		.id = DMA_ID_GONE,
	};
	if (parent)
		dma_limits_inherit(&dev->limits, &parent->limits);
	flags = port_lock(&sys->lock);
	err = enter_locked(sys, dev);
	port_unlock(&sys->lock, flags);
	if (err)
		shut(dev);
	else
		refit(dev);
	return err;
}

void dma_device_remove(struct dma_device *dev)
{
	struct dma_system *sys = dev->sys;
	unsigned long flags;

	if (dev->id == DMA_ID_GONE)
		return;
	shut(dev);
	wait_cancel(sys); /* who may unmap something yet */
	swiotlb_abandon(sys->pool, dev->id);
	wait_cancel(sys);
	dma_declared_leave(dev);
	flags = port_lock(&sys->lock);
	ledger_disown(&sys->transients, dev->id);
	ledger_disown(&sys->lent, dev->id);
	dma_counters_add(&sys->nobody.count, &dev->count);
	sys->device[dev->id - 1] = NULL;
	port_unlock(&sys->lock, flags);
	dev->id = DMA_ID_GONE;
	if (dev->count.live + dev->count.lent)
		dma_misuse(dev, DMA_MISUSE_LEAK, 0, dev->count.live + dev->count.lent, DMA_CALLER);
}

/* Does a whole `unit` of the `bytes` bytes from `start` on lie in [first, last]? */
static bool reaches(uint64_t start, uint64_t bytes, uint64_t unit, uint64_t first, uint64_t last)
{
	return bytes && start + unit - 1 <= last && first <= start + bytes - unit;
}

/* -EIO if a device under this mask could use nothing. */
static int set_mask(struct dma_device *dev, uint64_t *which, uint64_t mask)
{
	const struct swiotlb *pool = dev->pool;
	const struct zone *zone = dev->sys->zones->zone;
	uint64_t first, last;
	bool any;

	if (mask < DMA_MIN_MASK ||
	    !dma_limits_window(&dev->limits, dma_limits_reach(&dev->limits, mask), &first, &last))
		return -EIO;
	any = reaches(pool->base.value, swiotlb_bytes(pool), SWIOTLB_SLOT, first, last);
	for (unsigned i = 0; i < ZONE_COUNT; i++)
		any |= reaches(zone[i].buddy.first << PAGE_SHIFT,
			       (uint64_t)zone[i].buddy.pages << PAGE_SHIFT, PAGE_SIZE, first, last);
	if (!any)
		return -EIO;
	*which = mask;
	return refit(dev);
}

int dma_set_mask(struct dma_device *dev, uint64_t mask)
{
	return set_mask(dev, &dev->limits.streaming_mask, mask);
}

int dma_set_coherent_mask(struct dma_device *dev, uint64_t mask)
{
	return set_mask(dev, &dev->limits.coherent_mask, mask);
}

int dma_set_mask_and_coherent(struct dma_device *dev, uint64_t mask)
{
	int err = dma_set_mask(dev, mask);

	return err ? err : dma_set_coherent_mask(dev, mask);
}

static bool is_mask(uint64_t mask)
{
	return (mask & (mask + 1)) == 0;
}

int dma_set_seg_boundary(struct dma_device *dev, uint64_t mask)
{
	if (mask == 0 || !is_mask(mask))
		return -EINVAL;
	dev->limits.boundary_mask = mask;
	return refit(dev);
}

int dma_set_max_seg_size(struct dma_device *dev, size_t bytes)
{
	if (bytes == 0)
		return -EINVAL;
	dev->limits.max_segment = bytes;
	return refit(dev);
}

int dma_set_max_segments(struct dma_device *dev, unsigned segments)
{
	if (segments == 0)
		return -EINVAL;
	dev->limits.max_segments = segments;
	return refit(dev);
}

int dma_set_min_align_mask(struct dma_device *dev, uint32_t mask)
{
	if (!is_mask(mask))
		return -EINVAL;
	dev->limits.min_align_mask = mask;
	return refit(dev);
}

void dma_set_bus_offset(struct dma_device *dev, int64_t offset)
{
	dev->limits.bus_offset = offset;
	refit(dev);
}

void dma_set_bus_limit(struct dma_device *dev, uint64_t last)
{
	dev->limits.bus_limit = last;
	refit(dev);
}

void dma_set_force(struct dma_device *dev, bool force)
{
	dev->slow &= ~(uint32_t)DMA_SLOW_FORCE;
	if (force || dev->sys->pool->force)
		dev->slow |= DMA_SLOW_FORCE;
	refit(dev);
}
