/* SPDX-License-Identifier: MIT */
/*
 * Scatter-gather lists: what dma/dma.h does for one buffer, for many at once.
 *
 * An array of entries, each a piece of RAM. Mapping fills in as many segments as
 * the device needs, from the first entry on: pieces that follow each other on
 * the bus become one segment, within the device's limits; a piece that the
 * device can't use where it is is bounced, alone. There may be fewer segments
 * than entries, never more.
 *
 *	n = dma_map_sg(dev, sg, nents, dir);             0: failed, nothing is mapped
 *	for (i = 0; i < n; i++)
 *		dma_gate(dev, sg_dma_address(&sg[i]), sg_dma_len(&sg[i]), &reg)
 *	dma_unmap_sg(dev, sg, nents, dir);               nents, not n
 *
 *	entry    0          1          2             3
 *	addr     |  4 KiB   |  4 KiB   |   ...  far  |  ...  elsewhere
 *	segment  |         0           | 1: bounced  | 2
 *
 * Contexts and copies as in dma/dma.h. Misuse too; and of a list the count, the
 * direction and the device are told at once, before any entry is touched. Beside
 * lists the driver may sync one segment, by dma_sync_single_for_cpu().
 */
#ifndef DMA_SG_H
#define DMA_SG_H

#include "dma/dma.h"

struct scatterlist {
	/* the caller's: */
	phys_addr_t addr;
	size_t length; /* bytes */
	/* dma_map_sg()'s: of segment i, in entry i */
	dma_addr_t dma_address;
	size_t dma_length; /* bytes; 0: there is no such segment */
	/* of this entry: where unmap and sync find it; DMA_MAPPING_ERROR: not mapped */
	dma_addr_t mapped;
	/* of the list, in its first entry: */
	uint32_t entries; /* 0: not mapped, or this is not the first */
	uint16_t device;  /* dma_device.id */
	uint8_t direction;
};

static inline dma_addr_t sg_dma_address(const struct scatterlist *sg)
{
	return sg->dma_address;
}

static inline size_t sg_dma_len(const struct scatterlist *sg)
{
	return sg->dma_length;
}

/*
 * Map the entries. Returns how many segments there are, or 0, nothing mapped,
 * and dma_last_failure() says why: an entry can't be mapped, or there are none,
 * or there would be more segments than the device takes (DMA_FAIL_LENGTH).
 */
unsigned dma_map_sg_attrs(struct dma_device *dev, struct scatterlist *sg, unsigned nents,
			  enum dma_data_direction dir, unsigned attrs);

/* With the number of entries that were given to dma_map_sg(), not what it returned. */
void dma_unmap_sg_attrs(struct dma_device *dev, struct scatterlist *sg, unsigned nents,
			enum dma_data_direction dir, unsigned attrs);

static inline unsigned dma_map_sg(struct dma_device *dev, struct scatterlist *sg, unsigned nents,
				  enum dma_data_direction dir)
{
	return dma_map_sg_attrs(dev, sg, nents, dir, 0);
}

static ALWAYS_INLINE void dma_unmap_sg(struct dma_device *dev, struct scatterlist *sg,
				       unsigned nents, enum dma_data_direction dir)
{
	dma_unmap_sg_attrs(dev, sg, nents, dir, 0);
}

/* All of the list; with the number of entries that were mapped, too. */
void dma_sync_sg_for_cpu(struct dma_device *dev, struct scatterlist *sg, unsigned nents,
			 enum dma_data_direction dir);
void dma_sync_sg_for_device(struct dma_device *dev, struct scatterlist *sg, unsigned nents,
			    enum dma_data_direction dir);

#endif
