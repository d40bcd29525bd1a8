/* SPDX-License-Identifier: MIT */
#include "dma/bounce.h"

#include "dma/transient.h"

void bounce_fit(const struct dma_device *dev, uint64_t mask, struct swiotlb_fit *fit)
{
	const struct dma_limits *limits = &dev->limits;

	*fit = (struct swiotlb_fit){.boundary_mask = limits->boundary_mask,
				    .shift = (uint64_t)limits->bus_offset,
				    .min_align_mask = limits->min_align_mask};
	if (!dma_limits_window(limits, dma_limits_reach(limits, mask), &fit->first, &fit->last)) {
		fit->first = UINT64_MAX;
		fit->last = 0;
	}
	swiotlb_fit_prepare(dev->pool, fit);
}

enum dma_failure bounce_take(struct dma_device *dev, const struct swiotlb_fit *fit,
			     struct bounce *bounce)
{
	enum dma_failure why;

	bounce->transient = false;
	bounce->start = swiotlb_take(dev->pool, fit, bounce->record, &why);
	if (phys_is_none(bounce->start))
		return why;
	bounce->record.offset = bounce->start.value & (SWIOTLB_SLOT - 1);
	dma_level_raise(&dev->count.slots, swiotlb_run(&bounce->record));
	return DMA_FAIL_NONE;
}

bool bounce_put(struct dma_device *dev, const struct swiotlb_fit *fit, const struct bounce *bounce)
{
	if (!swiotlb_put(dev->pool, fit, bounce->start))
		return false;
	bounce_freed(dev, swiotlb_run(&bounce->record));
	return true;
}

enum dma_failure bounce_slots(struct dma_device *dev, phys_addr_t addr, size_t len,
			      enum dma_data_direction dir, bool behind, struct bounce *bounce)
{
	enum dma_failure why;

	if (!dma_length_ok(dev, addr, len))
		return DMA_FAIL_LENGTH;
	if (len > UINT32_MAX)
		return DMA_FAIL_TOO_BIG;
	bounce->record = (struct swiotlb_slot){.original = addr.value,
					       .length = (uint32_t)len,
					       .device = dev->id,
					       .direction = dir & 3};
	if (!behind)
		return bounce_take(dev, &dev->fit, bounce);
	why = swiotlb_never(dev->pool, &dev->fit, bounce->record);
	return why ? why : DMA_FAIL_EXHAUSTED;
}

enum dma_failure bounce_map(struct dma_device *dev, phys_addr_t addr, size_t len,
			    enum dma_data_direction dir, unsigned attrs, struct bounce *bounce)
{
	enum dma_failure why = bounce_slots(dev, addr, len, dir, false, bounce);

	if (why == DMA_FAIL_OUT_OF_MASK) {
		bounce->transient = true;
		bounce->start = transient_take(dev->sys, &dev->fit, bounce->record, &why);
		if (!phys_is_none(bounce->start))
			why = DMA_FAIL_NONE;
	}
	if (!why)
		bounce_begin(dev, bounce, attrs);
	return why;
}

/* The pool's bytes before and behind the mapping are others' of old. */
static void zero_slack(const struct bounce *bounce)
{
	uint64_t start = bounce->start.value, end = start + bounce->record.length;
	uint64_t before = start & (SWIOTLB_SLOT - 1), behind = -end & (SWIOTLB_SLOT - 1);

	port_zero(phys(start - before), before);
	port_zero(phys(end), behind);
}

void bounce_begin(struct dma_device *dev, const struct bounce *bounce, unsigned attrs)
{
	size_t len = bounce->record.length;

	dma_count(bounce->transient ? &dev->count.transient : &dev->count.bounced, 1);
	dma_count_mapping(dev, len);
	if (dev->slow & DMA_SLOW_FORCE && !bounce->transient)
		zero_slack(bounce);
	if (bounce->record.direction != DMA_FROM_DEVICE)
		attrs &= ~(unsigned)DMA_ATTR_OVERWRITE;
	if (attrs & (DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_OVERWRITE)) {
		port_zero(bounce->start, len);
		dma_count(&dev->count.bytes_skipped, len);
	} else {
		bounce_copy_in(dev, bounce->start, phys(bounce->record.original), len);
	}
}

bool bounce_unmap(struct dma_device *dev, const struct bounce *bounce, unsigned attrs)
{
	const struct swiotlb_slot *record = &bounce->record;

	if (record->direction != DMA_TO_DEVICE && !record->settled) {
		if (attrs & DMA_ATTR_SKIP_CPU_SYNC)
			dma_count(&dev->count.bytes_skipped, record->length);
		else
			bounce_copy_out(dev, phys(record->original), bounce->start, record->length);
	}
	if (bounce->transient)
		return transient_put(dev->sys, bounce->start);
	return bounce_put(dev, &dev->fit, bounce);
}

bool bounce_find(struct dma_system *sys, phys_addr_t addr, struct bounce *bounce)
{
	bounce->transient = !swiotlb_owns(sys->pool, addr);
	if (bounce->transient)
		return transient_find(sys, addr, &bounce->start, &bounce->record);
	return swiotlb_find(sys->pool, addr, &bounce->start, &bounce->record);
}

enum dma_misuse_kind bounce_wrong(const struct dma_device *dev, const struct bounce *bounce,
				  phys_addr_t at, size_t len, bool coherent)
{
	const struct swiotlb_slot *record = &bounce->record;

	if (record->device != dev->id)
		return DMA_MISUSE_DEVICE;
	if (record->coherent != coherent)
		return DMA_MISUSE_FUNCTION;
	if (bounce->start.value != at.value)
		return DMA_MISUSE_UNMAP_INVALID;
	return record->length == len ? NOTHING_WRONG : DMA_MISUSE_SIZE;
}

void bounce_settle(struct dma_device *dev, const struct bounce *bounce, bool settled)
{
	if (bounce->transient)
		transient_settle(dev->sys, bounce->start, settled);
	else
		swiotlb_settle(dev->pool, bounce->start, settled);
}

bool bounce_meets(struct dma_system *sys, uint64_t first, uint64_t last)
{
	uint64_t bytes = swiotlb_bytes(sys->pool), base = sys->pool->base.value;

	if (bytes && first <= base + bytes - 1 && base <= last)
		return true;
	return dma_near_bounce(sys, first, last) && transient_meets(sys, first, last);
}
