/* SPDX-License-Identifier: MIT */
#include "dma/limits.h"

static uint64_t lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void dma_limits_hold(struct dma_limits *child, const struct dma_limits *parent)
{
	child->bus_limit = lower(child->bus_limit, parent->bus_limit);
	child->boundary_mask = lower(child->boundary_mask, parent->boundary_mask);
	child->max_segment = lower(child->max_segment, parent->max_segment);
	child->max_segments = lower(child->max_segments, parent->max_segments);
	child->min_align_mask |= parent->min_align_mask;
}

void dma_limits_inherit(struct dma_limits *child, const struct dma_limits *parent)
{
	dma_limits_hold(child, parent);
	child->streaming_mask = lower(child->streaming_mask, parent->streaming_mask);
	child->coherent_mask = lower(child->coherent_mask, parent->coherent_mask);
	child->bus_offset += parent->bus_offset;
}

bool dma_limits_window(const struct dma_limits *limits, uint64_t reach, uint64_t *first,
		       uint64_t *last)
{
	uint64_t offset = (uint64_t)limits->bus_offset;

	if (limits->bus_offset >= 0) {
		*first = 0;
		*last = reach - offset;
		return reach >= offset;
	}
	*first = -offset;
	*last = reach + *first < reach ? UINT64_MAX : reach + *first;
	return true;
}
