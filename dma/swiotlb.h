/* SPDX-License-Identifier: MIT */
/*
 * The swiotlb: low memory carved out at boot, in slots of 2 KiB, through which
 * buffers are bounced that a device can't reach.
 *
 *	base                                                 base + slots * 2 KiB
 *	|  tight masks from the bottom ->        <- wide masks from the top  |
 *
 * A mapping is a run of slots. Its first slot's record holds what was mapped;
 * `used` has a bit per slot, `head` a bit where a mapping begins, so that an
 * address inside a mapping finds its beginning.
 *
 * Nothing here knows of bus addresses: dma/map.c translates. One lock; copies
 * are made outside it. Any context, interrupts on or off.
 */
#ifndef DMA_SWIOTLB_H
#define DMA_SWIOTLB_H

#include "dma/types.h"
#include "mm/port.h"

#define SWIOTLB_SHIFT 11
#define SWIOTLB_SLOT  (1UL << SWIOTLB_SHIFT)

/* What a run of slots is used for; kept in its first slot's record. */
struct swiotlb_slot {
	uint64_t original;  /* physical address of the buffer */
	uint32_t length;    /* bytes */
	uint16_t device;    /* dma_device.id */
	uint16_t offset : 12;	/* of the mapping in its first slot, in bytes */
	uint16_t direction : 2; /* enum dma_data_direction */
};
_Static_assert(sizeof(struct swiotlb_slot) == 16, "16 bytes of metadata a slot");

/* What a device asks of a run of slots. */
struct swiotlb_fit {
	uint64_t last;		 /* highest physical address of the last byte */
	uint64_t boundary_mask;	 /* as in dma_limits, in physical addresses less `shift` */
	uint64_t shift;		 /* added to a physical address before the boundary counts */
	uint32_t min_align_mask; /* as in dma_limits */
};

struct swiotlb_stats {
	uint64_t mappings;	/* ever made */
	uint64_t bytes_in;	/* copied into the pool */
	uint64_t bytes_out;	/* copied out of it */
	uint64_t failures;	/* runs that could not be had */
	size_t used;		/* slots in use now */
	size_t high_water;	/* most slots ever in use */
};

struct swiotlb {
	phys_addr_t base;
	size_t slots;
	bool force; /* bounce everything, also what a device reaches */
	struct port_lock lock;
	/* under lock: */
	uint64_t *used;		    /* a bit a slot */
	uint64_t *head;		    /* a bit where a mapping begins */
	struct swiotlb_slot *slot;  /* one a slot */
	struct swiotlb_stats stats;
};

/* Bytes of bookkeeping for a pool of that many slots. */
size_t swiotlb_metadata_size(size_t slots);

/*
 * A pool over `slots` slots of RAM at `base` (slot-aligned), with bookkeeping
 * in `metadata` (swiotlb_metadata_size() bytes, 8-aligned), which no device
 * can be made to reach. The slots are zeroed.
 */
void swiotlb_init(struct swiotlb *pool, phys_addr_t base, size_t slots, void *metadata);

/* Is this physical address in the pool? */
static inline bool swiotlb_owns(const struct swiotlb *pool, phys_addr_t addr)
{
	return addr.value - pool->base.value < (uint64_t)pool->slots << SWIOTLB_SHIFT;
}

/*
 * Take a run of slots for `record` (offset is set here) under `fit`, mark and
 * fill it. Returns the address of the mapping's first byte, PHYS_NONE where no
 * run fits. Nothing is copied.
 */
phys_addr_t swiotlb_take(struct swiotlb *pool, const struct swiotlb_fit *fit,
			 struct swiotlb_slot record);

/*
 * The mapping that holds `addr`: its first byte in *start and its record.
 * False where `addr` is in no mapping.
 */
bool swiotlb_find(struct swiotlb *pool, phys_addr_t addr, phys_addr_t *start,
		  struct swiotlb_slot *record);

/* Free the run whose mapping starts at `start` (as swiotlb_find() gave it). */
void swiotlb_put(struct swiotlb *pool, phys_addr_t start);

/* Account a copy of `bytes` into or out of the pool. */
void swiotlb_count_copy(struct swiotlb *pool, bool in, size_t bytes);

/* The longest free run, in slots; a walk over the bitmap, for reports. */
size_t swiotlb_largest_run(struct swiotlb *pool);

/* Walk everything, panic where it contradicts itself. For tests. */
void swiotlb_validate(struct swiotlb *pool);

#endif
