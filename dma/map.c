/* SPDX-License-Identifier: MIT */
/*
 * Map, unmap, sync. The direct path is short and takes no lock: of a direct
 * mapping nothing is kept but that there is one more.
 */
#include "dma/bounce.h"
#include "dma/dma.h"
#include "dma/port.h"

/* Can the device use the memory where it is? */
static inline bool direct_fits(const struct dma_device *dev, dma_addr_t addr, size_t len)
{
	const struct dma_limits *limits = &dev->limits;

	return dma_range_within(addr.bus, len, dma_reach(dev)) && len <= limits->max_segment &&
	       !dma_range_crosses(addr.bus, len, limits->boundary_mask);
}

static __attribute__((noinline)) dma_addr_t map_bounced(struct dma_device *dev, phys_addr_t addr,
							size_t len, enum dma_data_direction dir)
{
	phys_addr_t slot = bounce_map(dev, addr, len, dir);

	if (phys_is_none(slot))
		return DMA_MAPPING_ERROR;
	dma_count(&dev->count.size[len ? 63 - __builtin_clzll(len) : 0], 1);
	dma_count(&dev->count.live, 1);
	return dma_from_phys(&dev->limits, slot);
}

dma_addr_t dma_map_phys(struct dma_device *dev, phys_addr_t addr, size_t len,
			enum dma_data_direction dir, unsigned attrs)
{
	dma_addr_t bus = dma_from_phys(&dev->limits, addr);

	if (dev->slow || !direct_fits(dev, bus, len))
		return map_bounced(dev, addr, len, dir);
	dma_count(&dev->count.size[len ? 63 - __builtin_clzll(len) : 0], 1);
	dma_count(&dev->count.live, 1);
	return bus;
}

/* Where what a driver gives back or looks at is. */
enum place { DIRECT, BOUNCED, NOWHERE };

/* Within reach, and far from all bounce memory: so it can only be direct. */
static inline bool surely_direct(const struct dma_device *dev, dma_addr_t addr, size_t len)
{
	uint64_t first = dma_to_phys(&dev->limits, addr).value;

	return dma_range_within(addr.bus, len, dma_reach(dev)) &&
	       !bounce_near(dev->sys, first, first + len - 1);
}

/* The device's bounced mapping that holds `addr`, in *bounce. NOWHERE was reported. */
static enum place locate(struct dma_device *dev, dma_addr_t addr, size_t len, struct bounce *bounce,
			 const void *caller)
{
	phys_addr_t first = dma_to_phys(&dev->limits, addr);
	enum dma_misuse_kind kind = DMA_MISUSE_UNMAP_INVALID;

	if (addr.bus == DMA_MAPPING_ERROR.bus) {
		kind = DMA_MISUSE_MAPPING_ERROR;
	} else if (bounce_find(dev->sys, first, bounce)) {
		if (bounce->record.device == dev->id)
			return BOUNCED;
		kind = DMA_MISUSE_DEVICE;
	} else if (dma_range_within(addr.bus, len, dma_reach(dev)) &&
		   !bounce_meets(dev->sys, first.value, first.value + len - 1)) {
		return DIRECT;
	}
	dma_misuse(dev, kind, addr.bus, len, caller);
	return NOWHERE;
}

/* One mapping less. False, and none less, where there was none. */
static inline bool count_unmap(struct dma_device *dev)
{
	if (__atomic_fetch_sub(&dev->count.live, 1, __ATOMIC_RELAXED) != 0)
		return true;
	dma_count(&dev->count.live, 1);
	return false;
}

static bool unmap_bounced(struct dma_device *dev, dma_addr_t addr, size_t len,
			  enum dma_data_direction dir, const struct bounce *bounce,
			  enum dma_misuse_kind *kind)
{
	*kind = DMA_MISUSE_UNMAP_INVALID;
	if (bounce->start.value != dma_to_phys(&dev->limits, addr).value)
		return false;
	*kind = DMA_MISUSE_SIZE;
	if (bounce->record.length != len)
		return false;
	*kind = DMA_MISUSE_DIRECTION;
	if (bounce->record.direction != dir)
		return false;
	*kind = DMA_MISUSE_UNMAP_INVALID;
	if (!bounce_unmap(dev, bounce))
		return false;
	count_unmap(dev); /* or a direct unmap too many has counted it before */
	return true;
}

static __attribute__((noinline)) void unmap_slowly(struct dma_device *dev, dma_addr_t addr,
						   size_t len, enum dma_data_direction dir,
						   const void *caller)
{
	enum dma_misuse_kind kind = DMA_MISUSE_UNMAP_INVALID;
	struct bounce bounce;
	bool done = true;

	switch (locate(dev, addr, len, &bounce, caller)) {
	case DIRECT:
		done = count_unmap(dev);
		break;
	case BOUNCED:
		done = unmap_bounced(dev, addr, len, dir, &bounce, &kind);
		break;
	case NOWHERE:
		break;
	}
	if (!done)
		dma_misuse(dev, kind, addr.bus, len, caller);
}

void dma_unmap_phys(struct dma_device *dev, dma_addr_t addr, size_t len,
		    enum dma_data_direction dir, unsigned attrs)
{
	if (!surely_direct(dev, addr, len))
		unmap_slowly(dev, addr, len, dir, DMA_CALLER);
	else if (!count_unmap(dev))
		dma_misuse(dev, DMA_MISUSE_UNMAP_INVALID, addr.bus, len, DMA_CALLER);
}

/*
 * The device's mapping of which `len` bytes at `addr` are to be synced, *len
 * clamped to it. False: there is nothing to copy, or nothing right.
 */
static bool sync_bounced(struct dma_device *dev, dma_addr_t addr, size_t *len,
			 enum dma_data_direction dir, struct bounce *bounce, const void *caller)
{
	uint64_t left;

	if (*len == 0 || locate(dev, addr, *len, bounce, caller) != BOUNCED)
		return false;
	if (bounce->record.direction != DMA_BIDIRECTIONAL && bounce->record.direction != dir) {
		dma_misuse(dev, DMA_MISUSE_DIRECTION, addr.bus, *len, caller);
		return false;
	}
	left = bounce->start.value + bounce->record.length - dma_to_phys(&dev->limits, addr).value;
	if (*len > left) {
		dma_misuse(dev, DMA_MISUSE_SYNC_RANGE, addr.bus, *len, caller);
		*len = left;
	}
	return true;
}

void dma_sync_single_for_cpu(struct dma_device *dev, dma_addr_t addr, size_t len,
			     enum dma_data_direction dir)
{
	struct bounce bounce;

	if (surely_direct(dev, addr, len))
		return;
	if (sync_bounced(dev, addr, &len, dir, &bounce, DMA_CALLER) && dir != DMA_TO_DEVICE)
		bounce_copy_out(dev, &bounce, dma_to_phys(&dev->limits, addr), len);
}

void dma_sync_single_for_device(struct dma_device *dev, dma_addr_t addr, size_t len,
				enum dma_data_direction dir)
{
	struct bounce bounce;

	if (surely_direct(dev, addr, len))
		return;
	if (sync_bounced(dev, addr, &len, dir, &bounce, DMA_CALLER) && dir != DMA_FROM_DEVICE)
		bounce_copy_in(dev, &bounce, dma_to_phys(&dev->limits, addr), len);
}

uint64_t dma_count_mappings(const struct dma_device *dev)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < DMA_SIZES; i++)
		sum += dev->count.size[i];
	return sum;
}

uint64_t dma_count_failures(const struct dma_device *dev)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < DMA_FAILURES; i++)
		sum += dev->count.failed[i];
	return sum;
}
