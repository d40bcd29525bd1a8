/* SPDX-License-Identifier: MIT */
/*
 * Map, unmap, sync: what isn't short (dma/short.h). What is right is found by
 * one condition; what is wrong with the rest is asked only then.
 */
#include "dma/bounce.h"
#include "dma/dma.h"
#include "dma/port.h"

/* The bus address at which the device can use it where it is; DMA_MAPPING_ERROR: it can't. */
static dma_addr_t in_place(const struct dma_device *dev, phys_addr_t addr, size_t len)
{
	const struct dma_limits *limits = &dev->limits;
	dma_addr_t bus = dma_from_phys(limits, addr);

	if (!dma_usable(dev, bus, len) || len > limits->max_segment ||
	    dma_range_crosses(bus.bus, len, limits->boundary_mask))
		return DMA_MAPPING_ERROR;
	return bus;
}

static void count_direct(struct dma_device *dev, size_t len)
{
	dma_count_mapping(dev, len);
	dma_count(&dev->count.bytes_direct, len);
}

dma_addr_t map_direct(struct dma_device *dev, phys_addr_t addr, size_t len)
{
	dma_addr_t bus = in_place(dev, addr, len);

	if (dev->slow & DMA_SLOW_FORCE)
		return DMA_MAPPING_ERROR;
	if (!dma_mapping_error(dev, bus))
		count_direct(dev, len);
	return bus;
}

static inline void copy_in(struct dma_device *dev, phys_addr_t from, dma_addr_t to, size_t len)
{
	port_copy(phys(to.bus), from, len);
	dma_count(&dev->count.bytes_in, len);
}

static inline void copy_out(struct dma_device *dev, size_t i, dma_addr_t from, size_t len)
{
	port_copy(phys(dev->pool->original[i]), phys(from.bus), len);
	dma_count(&dev->count.bytes_out, len);
}

/* Bounce it in a run of slots that was taken. */
static inline __attribute__((always_inline)) dma_addr_t begin(struct dma_device *dev, size_t i,
							      phys_addr_t addr, size_t len,
							      enum dma_data_direction dir)
{
	struct swiotlb *pool = dev->pool;
	dma_addr_t at = {swiotlb_addr(pool, i).value};
	size_t slots = swiotlb_slots(len);

	swiotlb_enter(pool, i, addr.value, (uint32_t)len, swiotlb_owner(dev->id, dir));
	dma_count_mapping(dev, len);
	dma_count(&dev->count.bounced, 1);
	copy_in(dev, addr, at, len);
	dma_level_raise(&pool->used, slots);
	dma_level_raise(&dev->count.slots, slots);
	return at;
}

static NOINLINE dma_addr_t map_from_index(struct dma_device *dev, phys_addr_t addr, size_t len,
					  enum dma_data_direction dir, unsigned attrs)
{
	enum dma_failure why;
	size_t i = swiotlb_take_any(dev->pool, swiotlb_slots(len), &why);

	if (i == SWIOTLB_NONE) {
		dma_fail(dev, addr, len, why, attrs);
		return DMA_MAPPING_ERROR;
	}
	return begin(dev, i, addr, len, dir);
}

/* Is there a record for it? Its bytes are counted in 32 bits, its address in 52. */
static bool may_be_short(phys_addr_t addr, size_t len)
{
	return len - 1 < UINT32_MAX && addr.value < 1UL << 52;
}

dma_addr_t dma_map_any(struct dma_device *dev, phys_addr_t addr, size_t len,
		       enum dma_data_direction dir, unsigned attrs)
{
	struct bounce bounce;
	enum dma_failure why;

	if (dev->short_bounce && !(attrs & ~(unsigned)DMA_ATTR_NO_WARN) && may_be_short(addr, len))
		return map_from_index(dev, addr, len, dir, attrs);
	if (dev->slow) {
		dma_addr_t direct = map_direct(dev, addr, len);

		if (!dma_mapping_error(dev, direct))
			return direct;
	}
	why = bounce_map(dev, addr, len, dir, attrs, &bounce);
	if (why) {
		dma_fail(dev, addr, len, why, attrs);
		return DMA_MAPPING_ERROR;
	}
	return dma_from_phys(&dev->limits, bounce.start);
}

dma_addr_t dma_map_bounced(struct dma_device *dev, phys_addr_t addr, size_t len,
			   enum dma_data_direction dir, unsigned attrs)
{
	size_t i;

	if (len - 1 >= dev->short_bounce || addr.value >> 52)
		return dma_map_any(dev, addr, len, dir, attrs);
	if (!swiotlb_pop(dev->pool, swiotlb_slots(len), &i))
		return map_from_index(dev, addr, len, dir, attrs);
	return begin(dev, i, addr, len, dir);
}

void dma_unmap_any(struct dma_device *dev, dma_addr_t addr, size_t len, enum dma_data_direction dir,
		   unsigned attrs)
{
	dma_unmap_by(dev, addr, len, dir, attrs, DMA_CALLER);
}

static NOINLINE void free_in_index(struct dma_device *dev, size_t i, size_t slots)
{
	runs_release(&dev->pool->runs, i, slots);
	bounce_freed(dev, slots);
}

/* What is bounced, and of which all is right. False: not that, and nothing is done. */
static inline __attribute__((always_inline)) bool unmap_short(struct dma_device *dev,
							      dma_addr_t addr, size_t len,
							      enum dma_data_direction dir)
{
	struct swiotlb *pool = dev->pool;
	size_t i = swiotlb_index(pool, phys(addr.bus)), slots = swiotlb_slots(len);

	if (len - 1 >= dev->short_bounce || i >= pool->slots || pool->runs.length[i] != len ||
	    !swiotlb_end(pool, i, swiotlb_owner(dev->id, dir)))
		return false;
	if (dir != DMA_TO_DEVICE)
		copy_out(dev, i, addr, len);
	dma_count_unmap(dev);
	dma_level_lower(&pool->used, slots);
	if (swiotlb_push(pool, i, slots))
		bounce_freed(dev, slots);
	else
		free_in_index(dev, i, slots);
	return true;
}

void dma_unmap_bounced(struct dma_device *dev, dma_addr_t addr, size_t len,
		       enum dma_data_direction dir)
{
	if (__builtin_expect(!unmap_short(dev, addr, len, dir), 0))
		dma_unmap_by(dev, addr, len, dir, 0, DMA_CALLER);
}

/* Can it be a direct mapping? In reach, and in no bounce memory. */
static bool is_direct(struct dma_device *dev, dma_addr_t addr, size_t len)
{
	uint64_t first = dma_to_phys(&dev->limits, addr).value;

	return dma_usable(dev, addr, len) && !bounce_meets(dev->sys, first, first + len - 1);
}

static void report_nowhere(struct dma_device *dev, dma_addr_t addr, size_t len, const void *caller)
{
	bool error = addr.bus == DMA_MAPPING_ERROR.bus;

	dma_misuse(dev, error ? DMA_MISUSE_MAPPING_ERROR : DMA_MISUSE_UNMAP_INVALID, addr.bus, len,
		   caller);
}

/* There is a bounced mapping; what is wrong with its unmap? If nothing, another was quicker. */
static enum dma_misuse_kind wrong_unmap(const struct dma_device *dev, phys_addr_t at, size_t len,
					enum dma_data_direction dir, const struct bounce *bounce)
{
	const struct swiotlb_slot *record = &bounce->record;

	if (record->device != dev->id)
		return DMA_MISUSE_DEVICE;
	if (record->coherent)
		return DMA_MISUSE_FUNCTION;
	if (bounce->start.value != at.value)
		return DMA_MISUSE_UNMAP_INVALID;
	if (record->length != len)
		return DMA_MISUSE_SIZE;
	return record->direction == dir ? DMA_MISUSE_UNMAP_INVALID : DMA_MISUSE_DIRECTION;
}

bool dma_unmap_by(struct dma_device *dev, dma_addr_t addr, size_t len, enum dma_data_direction dir,
		  unsigned attrs, const void *caller)
{
	phys_addr_t at = dma_to_phys(&dev->limits, addr);
	struct bounce bounce;

	if (attrs == 0 && unmap_short(dev, addr, len, dir))
		return true;
	if (dma_mapping_error(dev, addr) || !bounce_find(dev->sys, at, &bounce)) {
		if (is_direct(dev, addr, len) && dma_count_unmap(dev))
			return true;
		report_nowhere(dev, addr, len, caller);
		return false;
	}
	if (bounce.start.value == at.value && bounce.record.length == len &&
	    bounce.record.device == dev->id && bounce.record.direction == dir &&
	    !bounce.record.coherent && bounce_unmap(dev, &bounce, attrs)) {
		dma_count_unmap(dev); /* or a direct unmap too many has counted it before */
		return true;
	}
	dma_misuse(dev, wrong_unmap(dev, at, len, dir, &bounce), addr.bus, len, caller);
	return false;
}

/*
 * The device's mapping, of which `len` bytes at `at` are to be synced: how many of
 * these are in it. 0: there is nothing to copy, or nothing right.
 */
static size_t sync_part(struct dma_device *dev, dma_addr_t addr, size_t len,
			enum dma_data_direction dir, struct bounce *bounce, const void *caller)
{
	phys_addr_t at = dma_to_phys(&dev->limits, addr);
	enum dma_misuse_kind kind;
	uint64_t left;

	if (len == 0)
		return 0;
	if (dma_mapping_error(dev, addr) || !bounce_find(dev->sys, at, bounce)) {
		if (!is_direct(dev, addr, len))
			report_nowhere(dev, addr, len, caller);
		return 0;
	}
	left = bounce->record.length - (at.value - bounce->start.value);
	if (bounce->record.device != dev->id)
		kind = DMA_MISUSE_DEVICE;
	else if (bounce->record.coherent)
		return 0; /* what is shared needs none */
	else if (bounce->record.direction != dir && bounce->record.direction != DMA_BIDIRECTIONAL)
		kind = DMA_MISUSE_DIRECTION;
	else if (len > left)
		kind = DMA_MISUSE_SYNC_RANGE;
	else
		return len;
	dma_misuse(dev, kind, addr.bus, len, caller);
	return kind == DMA_MISUSE_SYNC_RANGE ? left : 0;
}

static NOINLINE void sync_for_cpu(struct dma_device *dev, dma_addr_t addr, size_t len,
				  enum dma_data_direction dir, const void *caller)
{
	struct bounce bounce;

	len = sync_part(dev, addr, len, dir, &bounce, caller);
	if (len && dir != DMA_TO_DEVICE && !bounce.record.settled)
		bounce_copy_out(dev, &bounce, dma_to_phys(&dev->limits, addr), len);
}

static NOINLINE void sync_for_device(struct dma_device *dev, dma_addr_t addr, size_t len,
				     enum dma_data_direction dir, const void *caller)
{
	struct bounce bounce;

	len = sync_part(dev, addr, len, dir, &bounce, caller);
	if (len && dir != DMA_FROM_DEVICE)
		bounce_copy_in(dev, &bounce, dma_to_phys(&dev->limits, addr), len);
	if (len && bounce.record.settled)
		bounce_settle(dev, &bounce, false);
}

void dma_sync_by(struct dma_device *dev, dma_addr_t addr, size_t len, enum dma_data_direction dir,
		 bool for_cpu, const void *caller)
{
	if (for_cpu)
		sync_for_cpu(dev, addr, len, dir, caller);
	else
		sync_for_device(dev, addr, len, dir, caller);
}

/* Does the device's mapping, in `dir`, begin there? */
static inline bool is_whole(struct dma_device *dev, size_t i, size_t len,
			    enum dma_data_direction dir)
{
	return !dev->slow &&
	       swiotlb_holds(dev->pool, i, len, swiotlb_owner(dev->id, dir), UINT16_MAX);
}

void dma_sync_bounced_for_cpu(struct dma_device *dev, dma_addr_t addr, size_t len,
			      enum dma_data_direction dir)
{
	size_t i = swiotlb_index(dev->pool, phys(addr.bus));

	if (!is_whole(dev, i, len, dir))
		sync_for_cpu(dev, addr, len, dir, DMA_CALLER);
	else if (dir != DMA_TO_DEVICE)
		copy_out(dev, i, addr, len);
}

void dma_sync_bounced_for_device(struct dma_device *dev, dma_addr_t addr, size_t len,
				 enum dma_data_direction dir)
{
	size_t i = swiotlb_index(dev->pool, phys(addr.bus));

	if (!is_whole(dev, i, len, dir))
		sync_for_device(dev, addr, len, dir, DMA_CALLER);
	else if (dir != DMA_FROM_DEVICE)
		copy_in(dev, phys(dev->pool->original[i]), addr, len);
}

bool dma_need_sync(struct dma_device *dev, dma_addr_t addr)
{
	struct bounce bounce;

	return bounce_find(dev->sys, dma_to_phys(&dev->limits, addr), &bounce) &&
	       bounce.record.device == dev->id && !bounce.record.coherent;
}

void dma_set_written(struct dma_device *dev, dma_addr_t addr, size_t len)
{
	phys_addr_t at = dma_to_phys(&dev->limits, addr);
	struct bounce bounce;
	size_t part = sync_part(dev, addr, len ? len : 1, DMA_FROM_DEVICE, &bounce, DMA_CALLER);

	if (part == 0 || bounce.record.settled)
		return;
	if (bounce.start.value != at.value) {
		dma_misuse(dev, DMA_MISUSE_UNMAP_INVALID, addr.bus, len, DMA_CALLER);
		return;
	}
	if (len == 0)
		part = 0;
	bounce_copy_out(dev, &bounce, at, part);
	dma_count(&dev->count.bytes_skipped, bounce.record.length - part);
	bounce_settle(dev, &bounce, true);
}

/* --- resources --- */

static bool is_ram(struct dma_system *sys, uint64_t first, uint64_t last)
{
	return pages_are_ram(sys->zones, first, last) || bounce_meets(sys, first, last);
}

dma_addr_t dma_map_resource(struct dma_device *dev, phys_addr_t addr, size_t len,
			    enum dma_data_direction dir, unsigned attrs)
{
	dma_addr_t bus = in_place(dev, addr, len);
	bool possible = dma_length_ok(dev, addr, len);

	if (possible && is_ram(dev->sys, addr.value, addr.value + len - 1)) {
		dma_misuse(dev, DMA_MISUSE_RESOURCE, addr.value, len, DMA_CALLER);
		return DMA_MAPPING_ERROR;
	}
	if (dma_mapping_error(dev, bus))
		dma_fail(dev, addr, len, possible ? DMA_FAIL_OUT_OF_MASK : DMA_FAIL_LENGTH, attrs);
	else
		count_direct(dev, len);
	return bus;
}

void dma_unmap_resource(struct dma_device *dev, dma_addr_t addr, size_t len,
			enum dma_data_direction dir, unsigned attrs)
{
	uint64_t at = dma_to_phys(&dev->limits, addr).value;

	if (dma_usable(dev, addr, len) && is_ram(dev->sys, at, at + len - 1))
		dma_misuse(dev, DMA_MISUSE_FUNCTION, addr.bus, len, DMA_CALLER);
	else
		dma_unmap_by(dev, addr, len, dir, attrs, DMA_CALLER);
}
