/* SPDX-License-Identifier: MIT */
/*
 * What the calls that dma/dma.h has inline are made of: the short paths, where a
 * device reaches a buffer, which is then used where it is. A call would cost as much
 * as they do; they take no lock, and of a direct mapping nothing is kept but that
 * there is one more.
 *
 * One comparison tells whether a call may be short: a mapping that ends at or
 * below dev->short_end, which is 0 for a device that needs a closer look at
 * anything. All else, and every mistake, is told by the functions behind it.
 */
#ifndef DMA_SHORT_H
#define DMA_SHORT_H

#include "dma/device.h"

/* What may be short, if it is bounced: without attributes but NO_WARN. */
dma_addr_t dma_map_bounced(struct dma_device *dev, phys_addr_t addr, size_t len,
			   enum dma_data_direction dir, unsigned attrs);
void dma_unmap_bounced(struct dma_device *dev, dma_addr_t addr, size_t len,
		       enum dma_data_direction dir);

void dma_sync_bounced_for_cpu(struct dma_device *dev, dma_addr_t addr, size_t len,
			      enum dma_data_direction dir);
void dma_sync_bounced_for_device(struct dma_device *dev, dma_addr_t addr, size_t len,
				 enum dma_data_direction dir);
bool dma_gate_bounced(struct dma_device *dev, dma_addr_t addr, size_t len, uint64_t *out);

/* All else. */
dma_addr_t dma_map_any(struct dma_device *dev, phys_addr_t addr, size_t len,
		       enum dma_data_direction dir, unsigned attrs);
void dma_unmap_any(struct dma_device *dev, dma_addr_t addr, size_t len, enum dma_data_direction dir,
		   unsigned attrs);

static inline void dma_count(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* One mapping more, of len > 0 bytes. */
static inline void dma_count_mapping(struct dma_device *dev, size_t len)
{
	dma_count(&dev->count.size[63 - (size_t)__builtin_clzll(len)], 1);
	dma_count(&dev->count.live, 1);
}

/* And that is used where it is. */
static inline void dma_count_direct(struct dma_device *dev, size_t len)
{
	dma_count_mapping(dev, len);
	dma_count(&dev->count.bytes_direct, len);
}

/* One less. False, and none less, where there was none. */
static inline bool dma_count_unmap(struct dma_device *dev)
{
	if (__builtin_expect(
		    (int64_t)__atomic_sub_fetch(&dev->count.live, 1, __ATOMIC_RELAXED) >= 0, 1))
		return true;
	dma_count(&dev->count.live, 1);
	return false;
}

/* Is it short by its end? No bytes, and an end that wraps, are not. */
static inline bool dma_ends_short(const struct dma_device *dev, uint64_t addr, size_t len)
{
	uint64_t last;

	return __builtin_expect(!__builtin_add_overflow(addr, len - 1, &last), 1) &&
	       last < dev->short_end;
}

/* May there be bounce memory in [first, last]? */
static inline bool dma_near_bounce(const struct dma_system *sys, uint64_t first, uint64_t last)
{
	return first <= sys->bounce_last && last >= sys->bounce_first;
}

static inline bool dma_surely_direct(const struct dma_device *dev, uint64_t addr, size_t len)
{
	return dma_ends_short(dev, addr, len) && !dma_near_bounce(dev->sys, addr, addr + len - 1);
}

#endif
