/* SPDX-License-Identifier: MIT */
/*
 * A list is its entries, each mapped as a buffer alone, and segments made of
 * those that were left where they are. Bounced entries are never joined, even
 * where they happen to lie side by side: they are two mappings, and the gate lets
 * no range through that leaves one.
 */
#include "dma/sg.h"

#include "dma/bounce.h"

/* Put the entry behind the segment, if that stays within the limits. */
static inline bool join(const struct dma_limits *limits, struct scatterlist *segment,
			const struct scatterlist *sg)
{
	uint64_t start = segment->dma_address.bus, len = segment->dma_length;

	if (start + len != sg->mapped.bus || sg->length > limits->max_segment - len ||
	    dma_range_crosses(start, len + sg->length, limits->boundary_mask))
		return false;
	segment->dma_length += sg->length;
	return true;
}

/* False: it isn't rightly given back, and so stays mapped. What isn't mapped may be unmapped. */
static inline bool unmap_entry(struct dma_device *dev, const struct scatterlist *sg,
			       enum dma_data_direction dir, unsigned attrs, const void *caller)
{
	if (dma_surely_direct(dev, sg->mapped.bus, sg->length) && dma_count_unmap(dev))
		return true;
	return dma_mapping_error(dev, sg->mapped) ||
	       dma_unmap_by(dev, sg->mapped, sg->length, dir, attrs, caller);
}

/* Unmap all entries; returns how many stay mapped. */
static unsigned unmap_entries(struct dma_device *dev, struct scatterlist *sg, unsigned nents,
			      enum dma_data_direction dir, unsigned attrs, const void *caller)
{
	unsigned left = 0;

	for (unsigned i = 0; i < nents; i++) {
		if (unmap_entry(dev, &sg[i], dir, attrs, caller))
			sg[i].mapped = sg[i].dma_address = DMA_MAPPING_ERROR;
		else
			left++;
	}
	return left;
}

/* Map the entries, up to one that can't be: how many are, and in *segments what they make. */
static inline unsigned map_entries(struct dma_device *dev, struct scatterlist *sg, unsigned nents,
				   enum dma_data_direction dir, unsigned attrs, unsigned *segments)
{
	uint64_t offset = (uint64_t)dev->limits.bus_offset;
	struct scatterlist *next = sg;	 /* where the next segment is entered */
	struct scatterlist *open = NULL; /* the last one, if it is direct */
	unsigned i;

	for (i = 0; i < nents; i++) {
		struct scatterlist *one = &sg[i];
		bool direct;

		one->dma_length = 0;
		one->entries = 0;
		one->mapped = dma_map_phys(dev, one->addr, one->length, dir, attrs);
		if (dma_mapping_error(dev, one->mapped))
			break;
		direct = one->mapped.bus - one->addr.value == offset;
		if (direct && open && join(&dev->limits, open, one))
			continue;
		next->dma_address = one->mapped;
		next->dma_length = one->length;
		open = direct ? next : NULL;
		next++;
	}
	*segments = (unsigned)(next - sg);
	return i;
}

unsigned dma_map_sg_attrs(struct dma_device *dev, struct scatterlist *sg, unsigned nents,
			  enum dma_data_direction dir, unsigned attrs)
{
	unsigned segments, mapped = map_entries(dev, sg, nents, dir, attrs, &segments);

	if (mapped < nents || segments - 1 >= dev->limits.max_segments) {
		/* The buffers have what they had: nothing was written yet. */
		unmap_entries(dev, sg, mapped, dir, DMA_ATTR_SKIP_CPU_SYNC, DMA_CALLER);
		if (mapped == nents)
			dma_fail(dev, nents ? sg->addr : PHYS_NONE, nents, DMA_FAIL_LENGTH, attrs);
		return 0;
	}
	sg->entries = nents;
	sg->device = dev->id;
	sg->direction = (uint8_t)dir;
	return segments;
}

/* Is this the list that was mapped, and mapped by this device? Else it is reported. */
static bool is_mapped(struct dma_device *dev, const struct scatterlist *sg, unsigned nents,
		      bool right_direction, const void *caller)
{
	enum dma_misuse_kind kind = DMA_MISUSE_SG_COUNT;

	if (nents != 0 && sg->entries == nents && sg->device == dev->id && right_direction)
		return true;
	if (nents != 0 && sg->entries == 0)
		kind = DMA_MISUSE_UNMAP_INVALID;
	else if (nents != 0 && sg->entries == nents)
		kind = sg->device == dev->id ? DMA_MISUSE_DIRECTION : DMA_MISUSE_DEVICE;
	dma_misuse(dev, kind, nents ? sg->mapped.bus : 0, nents, caller);
	return false;
}

void dma_unmap_sg_attrs(struct dma_device *dev, struct scatterlist *sg, unsigned nents,
			enum dma_data_direction dir, unsigned attrs)
{
	if (!is_mapped(dev, sg, nents, nents && sg->direction == dir, DMA_CALLER))
		return;
	/* An entry whose length was changed stays, and so does the list: to be unmapped rightly. */
	if (unmap_entries(dev, sg, nents, dir, attrs, DMA_CALLER) == 0)
		sg->entries = 0;
}

static void sync_entries(struct dma_device *dev, struct scatterlist *sg, unsigned nents,
			 enum dma_data_direction dir, bool for_cpu, const void *caller)
{
	bool right = nents && (sg->direction == dir || sg->direction == DMA_BIDIRECTIONAL);

	if (!is_mapped(dev, sg, nents, right, caller))
		return;
	for (unsigned i = 0; i < nents; i++)
		if (!dma_surely_direct(dev, sg[i].mapped.bus, sg[i].length))
			dma_sync_by(dev, sg[i].mapped, sg[i].length, dir, for_cpu, caller);
}

void dma_sync_sg_for_cpu(struct dma_device *dev, struct scatterlist *sg, unsigned nents,
			 enum dma_data_direction dir)
{
	sync_entries(dev, sg, nents, dir, true, DMA_CALLER);
}

void dma_sync_sg_for_device(struct dma_device *dev, struct scatterlist *sg, unsigned nents,
			    enum dma_data_direction dir)
{
	sync_entries(dev, sg, nents, dir, false, DMA_CALLER);
}
