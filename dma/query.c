/* SPDX-License-Identifier: MIT */
/*
 * What a driver can ask before it maps, and what was counted after.
 */
#include "dma/bounce.h"

/* The last byte of RAM, of which the pool is a part. */
static uint64_t last_of_ram(const struct dma_system *sys)
{
	uint64_t pool = sys->pool->base.value + swiotlb_bytes(sys->pool);
	uint64_t top = memmap_top(sys->zones->map);

	return (top > pool ? top : pool) - 1;
}

uint64_t dma_get_required_mask(const struct dma_device *dev)
{
	uint64_t bus = dma_from_phys(&dev->limits, phys(last_of_ram(dev->sys))).bus;

	return UINT64_MAX >> __builtin_clzll(bus | DMA_MIN_MASK);
}

bool dma_addressing_limited(const struct dma_device *dev)
{
	return dev->fit.first > 0 || dev->fit.last < last_of_ram(dev->sys);
}

/*
 * The longest run in [first, last] that the fit allows, whatever the original's
 * low bits are: of the window, and of that between two boundaries. The second
 * such piece is a whole one, if any is.
 */
static uint64_t room(const struct swiotlb_fit *fit, uint64_t first, uint64_t last, uint64_t granule)
{
	uint64_t longest = 0;

	first = ALIGN_UP(first > fit->first ? first : fit->first, granule);
	last = last < fit->last ? last : fit->last;
	for (unsigned piece = 0; piece < 2 && first <= last; piece++) {
		uint64_t end = ((first + fit->shift) | fit->boundary_mask) - fit->shift;

		end = end < first || end > last ? last : end;
		longest = end - first + 1 > longest ? end - first + 1 : longest;
		first = ALIGN_UP(end + 1, granule);
	}
	return longest > fit->min_align_mask ? longest - fit->min_align_mask : 0;
}

static uint64_t pool_room(const struct dma_device *dev)
{
	const struct swiotlb *pool = dev->sys->pool;
	uint64_t first = pool->base.value;

	if (pool->slots == 0)
		return 0;
	return room(&dev->fit, first, first + swiotlb_bytes(pool) - 1, SWIOTLB_SLOT);
}

/* Of the largest block of pages that lies in the device's window. */
static uint64_t page_room(const struct dma_device *dev)
{
	uint64_t bytes = 0;

	for (unsigned order = BUDDY_MAX_ORDER + 1; order-- > 0 && bytes == 0;) {
		uint64_t size = PAGE_SIZE << order, first = ALIGN_UP(dev->fit.first, size);

		if (first + size - 1 <= dev->fit.last)
			bytes = room(&dev->fit, first, first + size - 1, PAGE_SIZE);
	}
	return bytes;
}

/* Is there a buffer, no longer than a segment, that has to bounce? */
static bool may_bounce(const struct dma_device *dev)
{
	return dev->slow & (DMA_SLOW_FORCE | DMA_SLOW_GONE) ||
	       dev->limits.boundary_mask != UINT64_MAX || dma_addressing_limited(dev);
}

static size_t limit(const struct dma_device *dev, size_t bytes)
{
	return bytes < dev->limits.max_segment ? bytes : dev->limits.max_segment;
}

size_t dma_max_mapping_size(const struct dma_device *dev)
{
	uint64_t bytes;

	if (!may_bounce(dev))
		return limit(dev, SIZE_MAX);
	bytes = pool_room(dev);
	return limit(dev, bytes ? bytes : page_room(dev));
}

size_t dma_opt_mapping_size(const struct dma_device *dev)
{
	size_t max = dma_max_mapping_size(dev);
	size_t cached = (SWIOTLB_MAGAZINE_SLOTS << SWIOTLB_SHIFT) -
			(dev->fit.min_align_mask & (SWIOTLB_SLOT - 1));

	return may_bounce(dev) && cached < max ? cached : max;
}

void dma_count_all(struct dma_system *sys, struct dma_counters *sum)
{
	unsigned long flags = port_lock(&sys->lock);

	*sum = sys->nobody.count;
	for (unsigned i = 0; i < DMA_MAX_DEVICES; i++)
		if (sys->device[i])
			dma_counters_add(sum, &sys->device[i]->count);
	port_unlock(&sys->lock, flags);
}

uint64_t dma_count_mappings(const struct dma_device *dev)
{
	uint64_t sum = 0;

	for (unsigned n = 0; n < DMA_SIZES; n++)
		sum += dev->count.size[n];
	return sum;
}
