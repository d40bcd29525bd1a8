/* SPDX-License-Identifier: MIT */
#include "dma/bounce.h"

#include "dma/port.h"
#include "dma/transient.h"

/* One failed mapping; what the pool looks like is found out only for a line that is printed. */
static void fail(struct dma_device *dev, phys_addr_t addr, size_t len, enum dma_failure why)
{
	struct swiotlb *pool = dev->sys->pool;
	uint64_t nth = __atomic_add_fetch(&dev->count.failed[why], 1, __ATOMIC_RELAXED);

	dev->last_failure = why;
	if (!dma_worth_saying(nth))
		return;
	port_log(PORT_LOG_WARNING,
		 "dma: %s: can't bounce %zu bytes at %#llx: %s (swiotlb: %zu of %zu slots used, "
		 "largest free run %zu)",
		 dev->name, len, (unsigned long long)addr.value, dma_failure_name(why),
		 pool->stats.used, pool->slots, swiotlb_largest_run(pool));
}

static bool make_fit(const struct dma_limits *limits, uint64_t reach, struct swiotlb_fit *fit)
{
	fit->boundary_mask = limits->boundary_mask;
	fit->shift = (uint64_t)limits->bus_offset;
	fit->min_align_mask = limits->min_align_mask;
	return dma_limits_window(limits, reach, &fit->first, &fit->last);
}

/* What no memory could help. */
static enum dma_failure hopeless(const struct dma_device *dev, phys_addr_t addr, size_t len)
{
	if (!dma_range_within(addr.value, len, UINT64_MAX))
		return DMA_FAIL_LENGTH;
	if (len > dev->limits.max_segment)
		return DMA_FAIL_LENGTH;
	return len > UINT32_MAX ? DMA_FAIL_TOO_BIG : DMA_FAIL_NONE;
}

/* The pool's bytes before and behind the mapping are others' of old. */
static void zero_slack(const struct bounce *bounce)
{
	uint64_t start = bounce->start.value, end = start + bounce->record.length;
	uint64_t before = start & (SWIOTLB_SLOT - 1);

	if (before)
		port_zero(phys(start - before), before);
	if (end & (SWIOTLB_SLOT - 1))
		port_zero(phys(end), SWIOTLB_SLOT - (end & (SWIOTLB_SLOT - 1)));
}

/* From the pool, or from pages if no pool could do it. */
static enum dma_failure take(struct dma_device *dev, struct bounce *bounce)
{
	struct swiotlb_fit fit;
	enum dma_failure why;

	if (!make_fit(&dev->limits, dma_reach(dev), &fit))
		return DMA_FAIL_OUT_OF_MASK;
	swiotlb_fit_prepare(dev->sys->pool, &fit);
	bounce->start = swiotlb_take(dev->sys->pool, &fit, bounce->record, &why);
	if (!phys_is_none(bounce->start)) {
		bounce->record.offset = bounce->start.value & (SWIOTLB_SLOT - 1);
		zero_slack(bounce);
		dma_count(&dev->count.bounced, 1);
		dma_count(&dev->count.slots, swiotlb_run(&bounce->record));
		return DMA_FAIL_NONE;
	}
	if (why != DMA_FAIL_OUT_OF_MASK)
		return why;
	bounce->transient = true;
	bounce->start = transient_take(dev->sys, &fit, bounce->record);
	if (phys_is_none(bounce->start))
		return DMA_FAIL_OUT_OF_MASK;
	dma_count(&dev->count.transient, 1);
	return DMA_FAIL_NONE;
}

phys_addr_t bounce_map(struct dma_device *dev, phys_addr_t addr, size_t len,
		       enum dma_data_direction dir)
{
	struct bounce bounce = {.record = {.original = addr.value,
					   .length = (uint32_t)len,
					   .device = dev->id,
					   .direction = dir & 3}};
	enum dma_failure why = hopeless(dev, addr, len);

	if (!why)
		why = take(dev, &bounce);
	if (why) {
		fail(dev, addr, len, why);
		return PHYS_NONE;
	}
	bounce_copy_in(dev, &bounce, bounce.start, len);
	return bounce.start;
}

bool bounce_find(struct dma_system *sys, phys_addr_t addr, struct bounce *bounce)
{
	bounce->transient = !swiotlb_owns(sys->pool, addr);
	if (bounce->transient)
		return transient_find(sys, addr, &bounce->start, &bounce->record);
	return swiotlb_find(sys->pool, addr, &bounce->start, &bounce->record);
}

bool bounce_unmap(struct dma_device *dev, const struct bounce *bounce)
{
	if (bounce->record.direction != DMA_TO_DEVICE)
		bounce_copy_out(dev, bounce, bounce->start, bounce->record.length);
	if (bounce->transient)
		return transient_put(dev->sys, bounce->start);
	return swiotlb_put(dev->sys->pool, &dev->fit, bounce->start);
}

static phys_addr_t original_of(const struct bounce *bounce, phys_addr_t at)
{
	return phys(bounce->record.original + (at.value - bounce->start.value));
}

void bounce_copy_in(struct dma_device *dev, const struct bounce *bounce, phys_addr_t at, size_t len)
{
	port_copy(at, original_of(bounce, at), len);
	dma_count(&dev->count.bytes_in, len);
	if (!bounce->transient)
		swiotlb_count_copy(dev->sys->pool, true, len);
}

void bounce_copy_out(struct dma_device *dev, const struct bounce *bounce, phys_addr_t at,
		     size_t len)
{
	port_copy(original_of(bounce, at), at, len);
	dma_count(&dev->count.bytes_out, len);
	if (!bounce->transient)
		swiotlb_count_copy(dev->sys->pool, false, len);
}

bool bounce_meets(struct dma_system *sys, uint64_t first, uint64_t last)
{
	uint64_t bytes = (uint64_t)sys->pool->slots << SWIOTLB_SHIFT, base = sys->pool->base.value;

	if (bytes && first <= base + bytes - 1 && base <= last)
		return true;
	return transient_meets(sys, first, last);
}

const char *dma_failure_name(enum dma_failure why)
{
	static const char *const names[DMA_FAILURES] = {
		[DMA_FAIL_NONE] = "none",	    [DMA_FAIL_LENGTH] = "no such length",
		[DMA_FAIL_TOO_BIG] = "too big",	    [DMA_FAIL_OUT_OF_MASK] = "out of mask",
		[DMA_FAIL_EXHAUSTED] = "exhausted", [DMA_FAIL_FRAGMENTED] = "fragmented",
	};

	return names[why];
}
