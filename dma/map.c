/* SPDX-License-Identifier: MIT */
/*
 * Map, unmap, sync, and the gate: what isn't inline (dma/short.h).
 *
 * Each call that finds what it expects, a mapping of the device's that begins
 * with its slot, does so in one function that calls nothing: the short ways. All
 * else goes the general way (dma_map_any() and so on), which knows of limits,
 * attributes, transient slots and mistakes. There what is right is found by one
 * condition; what is wrong with the rest is asked only then.
 */
#include "dma/bounce.h"
#include "dma/coherent.h"
#include "dma/declared.h"

/* --- where it is --- */

/* The bus address at which the device can use it there; DMA_MAPPING_ERROR: it can't. */
static dma_addr_t in_place(const struct dma_device *dev, phys_addr_t addr, size_t len)
{
	const struct dma_limits *limits = &dev->limits;
	dma_addr_t bus = dma_from_phys(limits, addr);

	if (!dma_usable(dev, bus, len) || len > limits->max_segment ||
	    dma_range_crosses(bus.bus, len, limits->boundary_mask))
		return DMA_MAPPING_ERROR;
	return bus;
}

dma_addr_t map_direct(struct dma_device *dev, phys_addr_t addr, size_t len)
{
	dma_addr_t bus = in_place(dev, addr, len);

	if (dev->slow & DMA_SLOW_FORCE || dma_mapping_error(dev, bus) ||
	    bounce_meets(dev->sys, addr.value, addr.value + len - 1))
		return DMA_MAPPING_ERROR;
	dma_count_direct(dev, len);
	return bus;
}

/* Does it meet memory on a device that this one may have pieces of? And has it? */
static enum dma_declared declared(const struct dma_device *dev, dma_addr_t addr, size_t len)
{
	return addr.bus + len > dev->memory ? dma_declared_meets(dev, addr, len)
					    : DMA_DECLARED_NONE;
}

/*
 * Can it be a direct mapping? In reach, and neither bounce memory nor a device's;
 * of a forced device, no RAM.
 */
static bool is_direct(struct dma_device *dev, dma_addr_t addr, size_t len)
{
	uint64_t first = dma_to_phys(&dev->limits, addr).value, last = first + len - 1;

	return dma_usable(dev, addr, len) && !bounce_meets(dev->sys, first, last) &&
	       !(dev->slow & DMA_SLOW_FORCE && memmap_has_ram(dev->sys->zones->map, first, last)) &&
	       declared(dev, addr, len) == DMA_DECLARED_NONE;
}

/* Of coherent memory, whose mask may be wider than that of mappings. */
static uint64_t coherent_reach(const struct dma_device *dev)
{
	return dma_limits_reach(&dev->limits, dev->limits.coherent_mask);
}

/* Is it coherent memory that the device has, in pages or on a device? */
static bool is_coherent(struct dma_device *dev, dma_addr_t addr, size_t len)
{
	enum dma_declared what = declared(dev, addr, len);

	if (what != DMA_DECLARED_NONE)
		return what == DMA_DECLARED_HELD;
	return dma_range_within(addr.bus, len, coherent_reach(dev)) &&
	       dma_lent_holds(dev, dma_to_phys(&dev->limits, addr), len);
}

/* --- map --- */

/* The short way, from slot `i` on, which was taken. */
static ALWAYS_INLINE dma_addr_t map_at(struct dma_device *dev, size_t i, phys_addr_t addr,
				       size_t len, enum dma_data_direction dir)
{
	struct swiotlb *pool = dev->pool;
	phys_addr_t at = swiotlb_addr(pool, i);
	size_t slots = swiotlb_slots(len);

	swiotlb_enter(pool, i, addr.value, (uint32_t)len, swiotlb_owner(dev->id, dir));
	dma_count_mapping(dev, len);
	dma_count(&dev->count.bounced, 1);
	bounce_copy_in(dev, at, addr, len);
	dma_level_raise(&pool->used, slots);
	dma_level_raise(&dev->count.slots, slots);
	return (dma_addr_t){at.value};
}

static NOINLINE dma_addr_t map_from_index(struct dma_device *dev, phys_addr_t addr, size_t len,
					  enum dma_data_direction dir, unsigned attrs)
{
	enum dma_failure why;
	size_t i = swiotlb_take_any(dev->pool, swiotlb_slots(len), &why);

	if (i != SWIOTLB_NONE)
		return map_at(dev, i, addr, len, dir);
	dma_fail(dev, addr, len, why, attrs);
	return DMA_MAPPING_ERROR;
}

dma_addr_t dma_map_any(struct dma_device *dev, phys_addr_t addr, size_t len,
		       enum dma_data_direction dir, unsigned attrs)
{
	struct bounce bounce;
	enum dma_failure why;
	dma_addr_t bus;

	bus = map_direct(dev, addr, len);
	if (!dma_mapping_error(dev, bus))
		return bus;
	why = bounce_map(dev, addr, len, dir, attrs, &bounce);
	if (!why)
		return dma_from_phys(&dev->limits, bounce.start);
	dma_fail(dev, addr, len, why, attrs);
	return DMA_MAPPING_ERROR;
}

dma_addr_t dma_map_bounced(struct dma_device *dev, phys_addr_t addr, size_t len,
			   enum dma_data_direction dir, unsigned attrs)
{
	size_t i;

	if (len - 1 < dev->short_bounce && addr.value <= SWIOTLB_ORIGINAL_LAST) {
		if (swiotlb_pop(dev->pool, swiotlb_slots(len), &i))
			return map_at(dev, i, addr, len, dir);
	} else if (!dev->short_bounce || !dma_may_bounce(addr, len)) {
		return dma_map_any(dev, addr, len, dir, attrs);
	}
	return map_from_index(dev, addr, len, dir, attrs);
}

/* --- unmap --- */

static NOINLINE void free_in_index(struct dma_device *dev, size_t i, size_t slots)
{
	runs_release(&dev->pool->runs, i, slots);
	bounce_freed(dev, slots);
}

/* What is bounced, and of which all is right. False: not that, and nothing is done. */
static ALWAYS_INLINE bool unmap_short(struct dma_device *dev, dma_addr_t addr, size_t len,
				      enum dma_data_direction dir)
{
	struct swiotlb *pool = dev->pool;
	size_t i = swiotlb_index(pool, phys(addr.bus)), slots = swiotlb_slots(len);

	if (len - 1 >= dev->short_bounce || i >= pool->slots || pool->runs.length[i] != len ||
	    !swiotlb_end(pool, i, swiotlb_owner(dev->id, dir)))
		return false;
	if (dir != DMA_TO_DEVICE)
		bounce_copy_out(dev, phys(pool->original[i]), phys(addr.bus), len);
	dma_count_unmap(dev);
	dma_level_lower(&pool->used, slots);
	if (swiotlb_push(pool, i, slots))
		bounce_freed(dev, slots);
	else
		free_in_index(dev, i, slots);
	return true;
}

/* No bounced mapping holds it. */
static enum dma_misuse_kind nowhere(dma_addr_t addr)
{
	return addr.bus == DMA_MAPPING_ERROR.bus ? DMA_MISUSE_MAPPING_ERROR
						 : DMA_MISUSE_UNMAP_INVALID;
}

bool dma_unmap_by(struct dma_device *dev, dma_addr_t addr, size_t len, enum dma_data_direction dir,
		  unsigned attrs, const void *caller)
{
	phys_addr_t at = dma_to_phys(&dev->limits, addr);
	enum dma_misuse_kind wrong = nowhere(addr);
	struct bounce bounce;

	if (attrs == 0 && unmap_short(dev, addr, len, dir))
		return true;
	if (!dma_mapping_error(dev, addr) && bounce_find(dev->sys, at, &bounce)) {
		wrong = bounce_wrong(dev, &bounce, at, len, false);
		if (wrong == NOTHING_WRONG && bounce.record.direction != dir)
			wrong = DMA_MISUSE_DIRECTION;
		if (wrong == NOTHING_WRONG && bounce_unmap(dev, &bounce, attrs)) {
			/* Or a direct unmap too many has counted it before. */
			dma_count_unmap(dev);
			return true;
		}
		if (wrong == NOTHING_WRONG) /* but another was quicker */
			wrong = DMA_MISUSE_UNMAP_INVALID;
	} else if (is_direct(dev, addr, len) && dma_count_unmap(dev)) {
		return true;
	}
	dma_misuse(dev, wrong, addr.bus, len, caller);
	return false;
}

void dma_unmap_any(struct dma_device *dev, dma_addr_t addr, size_t len, enum dma_data_direction dir,
		   unsigned attrs)
{
	dma_unmap_by(dev, addr, len, dir, attrs, DMA_CALLER);
}

void dma_unmap_bounced(struct dma_device *dev, dma_addr_t addr, size_t len,
		       enum dma_data_direction dir)
{
	if (__builtin_expect(!unmap_short(dev, addr, len, dir), 0))
		dma_unmap_by(dev, addr, len, dir, 0, DMA_CALLER);
}

/* --- sync --- */

/*
 * The device's mapping, of which `len` bytes at `at` are to be synced: how many of
 * these are in it. 0: there is nothing to copy, or nothing right.
 */
static size_t sync_part(struct dma_device *dev, dma_addr_t addr, size_t len,
			enum dma_data_direction dir, struct bounce *bounce, const void *caller)
{
	phys_addr_t at = dma_to_phys(&dev->limits, addr);
	const struct swiotlb_slot *record = &bounce->record;
	enum dma_misuse_kind wrong;
	uint64_t left = 0;

	if (len == 0)
		return 0;
	if (dma_mapping_error(dev, addr) || !bounce_find(dev->sys, at, bounce)) {
		if (is_direct(dev, addr, len) || is_coherent(dev, addr, len))
			return 0;
		wrong = nowhere(addr);
	} else if (record->device != dev->id) {
		wrong = DMA_MISUSE_DEVICE;
	} else if (record->coherent) {
		return 0; /* what is shared needs none */
	} else if (record->direction != dir && record->direction != DMA_BIDIRECTIONAL) {
		wrong = DMA_MISUSE_DIRECTION;
	} else {
		left = bounce_left(bounce, at);
		if (len <= left)
			return len;
		wrong = DMA_MISUSE_SYNC_RANGE;
	}
	dma_misuse(dev, wrong, addr.bus, len, caller);
	return left;
}

void dma_sync_by(struct dma_device *dev, dma_addr_t addr, size_t len, enum dma_data_direction dir,
		 bool for_cpu, const void *caller)
{
	phys_addr_t at = dma_to_phys(&dev->limits, addr);
	struct bounce bounce;

	len = sync_part(dev, addr, len, dir, &bounce, caller);
	if (len == 0)
		return;
	if (for_cpu) {
		if (dir != DMA_TO_DEVICE && !bounce.record.settled)
			bounce_copy_out(dev, bounce_original(&bounce, at), at, len);
		return;
	}
	if (dir != DMA_FROM_DEVICE)
		bounce_copy_in(dev, at, bounce_original(&bounce, at), len);
	if (bounce.record.settled)
		bounce_settle(dev, &bounce, false);
}

static ALWAYS_INLINE void sync_short(struct dma_device *dev, dma_addr_t addr, size_t len,
				     enum dma_data_direction dir, bool for_cpu)
{
	struct swiotlb *pool = dev->pool;
	size_t i = swiotlb_index(pool, phys(addr.bus));

	if (dev->slow || !swiotlb_holds(pool, i, len, swiotlb_owner(dev->id, dir), UINT16_MAX))
		dma_sync_by(dev, addr, len, dir, for_cpu, DMA_CALLER);
	else if (for_cpu && dir != DMA_TO_DEVICE)
		bounce_copy_out(dev, phys(pool->original[i]), phys(addr.bus), len);
	else if (!for_cpu && dir != DMA_FROM_DEVICE)
		bounce_copy_in(dev, phys(addr.bus), phys(pool->original[i]), len);
}

void dma_sync_bounced_for_cpu(struct dma_device *dev, dma_addr_t addr, size_t len,
			      enum dma_data_direction dir)
{
	sync_short(dev, addr, len, dir, true);
}

void dma_sync_bounced_for_device(struct dma_device *dev, dma_addr_t addr, size_t len,
				 enum dma_data_direction dir)
{
	sync_short(dev, addr, len, dir, false);
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
	bounce_copy_out(dev, phys(bounce.record.original), at, part);
	dma_count(&dev->count.bytes_skipped, bounce.record.length - part);
	bounce_settle(dev, &bounce, true);
}

/* --- the gate --- */

static bool may_use(struct dma_device *dev, dma_addr_t addr, size_t len)
{
	phys_addr_t first = dma_to_phys(&dev->limits, addr);
	struct bounce bounce;
	uint64_t reach;

	if (!bounce_find(dev->sys, first, &bounce))
		return is_direct(dev, addr, len) || is_coherent(dev, addr, len);
	reach = bounce.record.coherent ? coherent_reach(dev) : dev->reach;
	return bounce.record.device == dev->id && dma_range_within(addr.bus, len, reach) &&
	       len <= bounce_left(&bounce, first);
}

static NOINLINE bool gate_any(struct dma_device *dev, dma_addr_t addr, size_t len, uint64_t *out,
			      const void *caller)
{
	enum dma_misuse_kind wrong = DMA_MISUSE_GATE_POOL;
	bool open = may_use(dev, addr, len);

	*out = open ? addr.bus : 0;
	if (open)
		return true;
	if (dma_mapping_error(dev, addr))
		wrong = DMA_MISUSE_MAPPING_ERROR;
	else if (!dma_range_within(addr.bus, len, UINT64_MAX))
		wrong = DMA_MISUSE_GATE_LENGTH;
	else if (declared(dev, addr, len) != DMA_DECLARED_NONE)
		wrong = DMA_MISUSE_GATE_DECLARED;
	else if (!dma_usable(dev, addr, len))
		wrong = DMA_MISUSE_GATE_REACH;
	dma_count(&dev->count.refused, 1);
	dma_misuse(dev, wrong, addr.bus, len, caller);
	return false;
}

bool dma_gate_bounced(struct dma_device *dev, dma_addr_t addr, size_t len, uint64_t *out)
{
	const uint16_t mask = SWIOTLB_OWNER_SHIFTED | (SWIOTLB_DEVICES - 1);
	size_t i = swiotlb_index(dev->pool, phys(addr.bus));

	if (!dma_ends_short(dev, addr.bus, len) || !swiotlb_holds(dev->pool, i, len, dev->id, mask))
		return gate_any(dev, addr, len, out, DMA_CALLER);
	*out = addr.bus;
	return true;
}

/* --- resources --- */

dma_addr_t dma_map_resource(struct dma_device *dev, phys_addr_t addr, size_t len,
			    enum dma_data_direction dir, unsigned attrs)
{
	dma_addr_t bus = in_place(dev, addr, len);
	bool possible = dma_length_ok(dev, addr, len);

	if (possible && dma_is_ram(dev->sys, addr.value, addr.value + len - 1)) {
		dma_misuse(dev, DMA_MISUSE_RESOURCE, addr.value, len, DMA_CALLER);
		return DMA_MAPPING_ERROR;
	}
	if (dma_mapping_error(dev, bus))
		dma_fail(dev, addr, len, possible ? DMA_FAIL_OUT_OF_MASK : DMA_FAIL_LENGTH, attrs);
	else
		dma_count_direct(dev, len);
	return bus;
}

void dma_unmap_resource(struct dma_device *dev, dma_addr_t addr, size_t len,
			enum dma_data_direction dir, unsigned attrs)
{
	uint64_t at = dma_to_phys(&dev->limits, addr).value;

	if (dma_usable(dev, addr, len) && dma_is_ram(dev->sys, at, at + len - 1))
		dma_misuse(dev, DMA_MISUSE_FUNCTION, addr.bus, len, DMA_CALLER);
	else
		dma_unmap_by(dev, addr, len, dir, attrs, DMA_CALLER);
}
