/* SPDX-License-Identifier: MIT */
#include "dma/bounce.h"

#include "dma/port.h"
#include "dma/transient.h"

/* One failed mapping; what the pool looks like is found out only for a line that is printed. */
static void fail(struct dma_device *dev, phys_addr_t addr, size_t len, const char *why)
{
	struct swiotlb *pool = dev->sys->pool;
	uint64_t nth = __atomic_add_fetch(&dev->count.failures, 1, __ATOMIC_RELAXED);

	if (!dma_worth_saying(nth))
		return;
	port_log(PORT_LOG_WARNING,
		 "dma: %s: can't bounce %zu bytes at %#llx: %s (swiotlb: %zu of %zu slots used, "
		 "largest free run %zu)",
		 dev->name, len, (unsigned long long)addr.value, why, pool->stats.used, pool->slots,
		 swiotlb_largest_run(pool));
}

static bool make_fit(const struct dma_limits *limits, uint64_t reach, struct swiotlb_fit *fit)
{
	fit->boundary_mask = limits->boundary_mask;
	fit->shift = (uint64_t)limits->bus_offset;
	fit->min_align_mask = limits->min_align_mask;
	return dma_limits_window(limits, reach, &fit->first, &fit->last);
}

/* What no memory could help; NULL: nothing. */
static const char *hopeless(const struct dma_device *dev, phys_addr_t addr, size_t len)
{
	if (!dma_range_within(addr.value, len, UINT64_MAX))
		return "no bytes, or an end that wraps";
	if (len > dev->limits.max_segment)
		return "longer than its segments";
	return len > UINT32_MAX ? swiotlb_refusal_name(SWIOTLB_TOO_BIG) : NULL;
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

/* From the pool, or from pages if no pool could do it. NULL, or why it failed. */
static const char *take(struct dma_device *dev, struct bounce *bounce)
{
	struct swiotlb_fit fit;
	enum swiotlb_refusal why;

	if (!make_fit(&dev->limits, dma_reach(dev), &fit))
		return "no memory in its window";
	bounce->start = swiotlb_take(dev->sys->pool, &fit, bounce->record, &why);
	if (!phys_is_none(bounce->start)) {
		bounce->record.offset = bounce->start.value & (SWIOTLB_SLOT - 1);
		zero_slack(bounce);
		dma_count(&dev->count.bounced, 1);
		dma_count(&dev->count.slots, swiotlb_run(&bounce->record));
		return NULL;
	}
	if (why != SWIOTLB_OUT_OF_MASK)
		return swiotlb_refusal_name(why);
	bounce->transient = true;
	bounce->start = transient_take(dev->sys, &fit, bounce->record);
	if (phys_is_none(bounce->start))
		return "out of mask, and no pages under it";
	dma_count(&dev->count.transient, 1);
	return NULL;
}

phys_addr_t bounce_map(struct dma_device *dev, phys_addr_t addr, size_t len,
		       enum dma_data_direction dir)
{
	struct bounce bounce = {.record = {.original = addr.value,
					   .length = (uint32_t)len,
					   .device = dev->id,
					   .direction = dir & 3}};
	const char *why = hopeless(dev, addr, len);

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
	return swiotlb_put(dev->sys->pool, bounce->start);
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
