/* SPDX-License-Identifier: MIT */
/*
 * Bounced mappings, of both kinds: through the swiotlb, and through transient
 * slots where even an empty swiotlb has nothing that the device reaches. From
 * here on nobody asks which.
 *
 * And what the files of dma/ offer each other beyond dma/dma.h.
 *
 * Inside dma/ only. The system's locks are taken within; copies are made
 * outside them, by the mapping's owner.
 */
#ifndef DMA_BOUNCE_H
#define DMA_BOUNCE_H

#include "dma/dma.h"
#include "dma/port.h"
#include "dma/swiotlb.h"

#define NOINLINE __attribute__((noinline))

struct bounce {
	phys_addr_t start; /* of the mapping, in bounce memory */
	struct swiotlb_slot record;
	bool transient;
};

/* --- wait.c --- */

/* Slots were freed and somebody waits: map what waits, first come, first served. */
__attribute__((cold)) void wait_serve(struct dma_system *sys);

/* A device is gone: call back whoever waits for what can't be had any more, by it or by others. */
void wait_cancel(struct dma_system *sys);

/* --- bounce.c --- */

/* What the device asks of the pool under `mask`, prepared. */
void bounce_fit(const struct dma_device *dev, uint64_t mask, struct swiotlb_fit *fit);

/*
 * A run of the pool for bounce->record, counted as the device's: its address in
 * bounce->start; or why there is none. bounce_put() gives it back, and wakes who
 * waits for slots; false: it was gone meanwhile. Also for coherent memory.
 */
enum dma_failure bounce_take(struct dma_device *dev, const struct swiotlb_fit *fit,
			     struct bounce *bounce);
bool bounce_put(struct dma_device *dev, const struct swiotlb_fit *fit, const struct bounce *bounce);

/*
 * A run for a buffer, or why there is none; it is for bounce_begin(). Whoever is
 * behind others gets none now, though there be some: DMA_FAIL_EXHAUSTED, if ever.
 */
enum dma_failure bounce_slots(struct dma_device *dev, phys_addr_t addr, size_t len,
			      enum dma_data_direction dir, bool behind, struct bounce *bounce);

/* The memory was taken: put in it what the device is to find, and count the mapping. */
void bounce_begin(struct dma_device *dev, const struct bounce *bounce, unsigned attrs);

/* Both; or pages, where no pool could do it. Or why not, which nobody was told yet. */
enum dma_failure bounce_map(struct dma_device *dev, phys_addr_t addr, size_t len,
			    enum dma_data_direction dir, unsigned attrs, struct bounce *bounce);

/* Copy out what is to be copied, and give the memory back. False: it was gone meanwhile. */
bool bounce_unmap(struct dma_device *dev, const struct bounce *bounce, unsigned attrs);

/* So many of the device's slots are free again: wake who waits for some. */
static inline void bounce_freed(struct dma_device *dev, size_t slots)
{
	/* In order: who enters the queue after this look finds the slots free (wait.c). */
	dma_level_lower(&dev->count.slots, slots);
	if (__builtin_expect(__atomic_load_n(&dev->sys->waiting, __ATOMIC_SEQ_CST) != NULL, 0))
		wait_serve(dev->sys);
}

/* The mapping that holds this physical address, whosever it is. */
bool bounce_find(struct dma_system *sys, phys_addr_t addr, struct bounce *bounce);

/* What is wrong with it as the device's, coherent or not, of exactly `len` bytes from `at` on. */
enum dma_misuse_kind bounce_wrong(const struct dma_device *dev, const struct bounce *bounce,
				  phys_addr_t at, size_t len, bool coherent);

/* Nothing is to be copied out of it any more, or again. */
void bounce_settle(struct dma_device *dev, const struct bounce *bounce, bool settled);

/* Does any bounce memory, mapped or not, lie in [first, last]? */
bool bounce_meets(struct dma_system *sys, uint64_t first, uint64_t last);

/* Its bytes from `at` on, which is in it. */
static inline uint64_t bounce_left(const struct bounce *bounce, phys_addr_t at)
{
	return bounce->record.length - (at.value - bounce->start.value);
}

/* Where in the buffer that is which lies at `at` in the mapping. */
static inline phys_addr_t bounce_original(const struct bounce *bounce, phys_addr_t at)
{
	return phys(bounce->record.original + (at.value - bounce->start.value));
}

/* From the buffer to bounce memory, and back. */
static inline void bounce_copy_in(struct dma_device *dev, phys_addr_t to, phys_addr_t from,
				  size_t len)
{
	port_copy(to, from, len);
	dma_count(&dev->count.bytes_in, len);
}

static inline void bounce_copy_out(struct dma_device *dev, phys_addr_t to, phys_addr_t from,
				   size_t len)
{
	port_copy(to, from, len);
	dma_count(&dev->count.bytes_out, len);
}

/* --- map.c --- */

/* Map it where it is, if the device can use it there; else DMA_MAPPING_ERROR, and nothing more. */
dma_addr_t map_direct(struct dma_device *dev, phys_addr_t addr, size_t len);

/* The calls of dma/dma.h on behalf of `caller`: */

/* False: misuse, reported, without effect. */
bool dma_unmap_by(struct dma_device *dev, dma_addr_t addr, size_t len, enum dma_data_direction dir,
		  unsigned attrs, const void *caller);
void dma_sync_by(struct dma_device *dev, dma_addr_t addr, size_t len, enum dma_data_direction dir,
		 bool for_cpu, const void *caller);

/* --- device.c --- */

/* Memory was declared, or is no more: say anew how far each device's short ways go. */
void dma_shorten_all(struct dma_system *sys);

/* --- fail.c --- */

/* Counted, and the device's last failure. Is it to be said? Not under NO_WARN. */
bool dma_failed(struct dma_device *dev, enum dma_failure why, unsigned attrs);

/* The same of a mapping, and it is said. */
void dma_fail(struct dma_device *dev, phys_addr_t addr, size_t len, enum dma_failure why,
	      unsigned attrs);

/* --- inline, for several files --- */

static inline void dma_counters_add(struct dma_counters *sum, const struct dma_counters *more)
{
	const uint64_t *from = (const uint64_t *)more;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*from); i++)
		((uint64_t *)sum)[i] += from[i];
}

/*
 * Can the device use [addr, addr + len), a bus address, by its limits? Where it is, and
 * whole. By its window in memory: that leaves out what would wrap on the way there, too.
 */
static inline bool dma_usable(const struct dma_device *dev, dma_addr_t addr, size_t len)
{
	uint64_t at = dma_to_phys(&dev->limits, addr).value;

	return !(dev->slow & DMA_SLOW_GONE) && at >= dev->fit.first &&
	       dma_range_within(at, len, dev->fit.last);
}

/* Is any of [first, last] memory that is a buffer's, or bounce memory? */
static inline bool dma_is_ram(struct dma_system *sys, uint64_t first, uint64_t last)
{
	return memmap_has_ram(sys->zones->map, first, last) || bounce_meets(sys, first, last);
}

/* Can a mapping of it be recorded (struct swiotlb_slot)? */
static inline bool dma_may_bounce(phys_addr_t addr, size_t len)
{
	return len - 1 < UINT32_MAX && addr.value <= SWIOTLB_ORIGINAL_LAST;
}

/* Does [addr, addr + len) have a last byte that memory can have, and is it within a segment? */
static inline bool dma_length_ok(const struct dma_device *dev, phys_addr_t addr, size_t len)
{
	return dma_range_within(addr.value, len, SWIOTLB_ORIGINAL_LAST) &&
	       len <= dev->limits.max_segment;
}

#endif
