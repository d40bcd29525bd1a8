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
 * address inside a mapping finds its beginning. A run is refused only where no
 * fitting one is free; the search costs at most a walk over `used`.
 *
 * What lies in a run outside the mapping was others': who takes it zeroes it
 * before a device can see it. Memory is touched by that and by copies alone.
 *
 * Nothing here knows of bus addresses: dma/bounce.c translates. One lock; copies
 * are made outside it. Any context, interrupts on or off.
 */
#ifndef DMA_SWIOTLB_H
#define DMA_SWIOTLB_H

#include "dma/types.h"
#include "mm/port.h"

#define SWIOTLB_SHIFT	  11
#define SWIOTLB_SLOT	  (1UL << SWIOTLB_SHIFT)
#define SWIOTLB_MAX_SLOTS ((size_t)((GIB(4) >> SWIOTLB_SHIFT) - 1)) /* lengths are 32 bits */

/* What a run of slots is used for; kept in its first slot's record. */
struct swiotlb_slot {
	uint64_t original;	/* physical address of the buffer */
	uint32_t length;	/* bytes */
	uint16_t device;	/* dma_device.id */
	uint16_t offset : 12;	/* of the mapping in its first slot, in bytes */
	uint16_t direction : 2; /* enum dma_data_direction */
};
_Static_assert(sizeof(struct swiotlb_slot) == 16, "16 bytes of metadata a slot");

/* What a device asks of a run of slots; all addresses physical, inclusive. */
struct swiotlb_fit {
	uint64_t first, last;	 /* no byte of the mapping lies below or above */
	uint64_t boundary_mask;	 /* as in dma_limits, of bus addresses */
	uint64_t shift;		 /* bus address minus physical address */
	uint32_t min_align_mask; /* as in dma_limits, of bus addresses */
};

/* Why there is no run. */
enum swiotlb_refusal {
	SWIOTLB_TOO_BIG,     /* nor would there be in the pool if it was empty */
	SWIOTLB_OUT_OF_MASK, /* nor would there be in an empty pool, between first and last */
	SWIOTLB_EXHAUSTED,   /* fewer slots are free there than it takes */
	SWIOTLB_FRAGMENTED,  /* enough are, but no run of them that fits */
	SWIOTLB_REFUSALS
};

struct swiotlb_stats {
	uint64_t mappings;		    /* ever made */
	uint64_t bytes_in;		    /* copied into the pool */
	uint64_t bytes_out;		    /* copied out of it */
	uint64_t failures;		    /* refusals, but for those out of mask */
	uint64_t refused[SWIOTLB_REFUSALS]; /* by reason */
	size_t used;			    /* slots in use now */
	size_t high_water;		    /* most slots ever in use */
};

struct swiotlb {
	phys_addr_t base;
	size_t slots;
	bool force; /* bounce everything; looked at when a device is added */
	struct port_lock lock;
	/* under lock: */
	uint64_t *used;		    /* a bit a slot */
	uint64_t *head;		    /* a bit where a mapping begins */
	struct swiotlb_slot *slot;  /* one a slot */
	struct swiotlb_stats stats; /* bytes_in and bytes_out are atomic instead */
};

/* Bytes of bookkeeping for a pool of that many slots. */
size_t swiotlb_metadata_size(size_t slots);

/*
 * A pool over `slots` slots of RAM at `base` (slot-aligned), with bookkeeping
 * in `metadata` (swiotlb_metadata_size() bytes, 8-aligned), which no device
 * can be made to reach. Slots beyond SWIOTLB_MAX_SLOTS are left out. A pool of
 * none is one that is off: it refuses everything as too big.
 */
void swiotlb_init(struct swiotlb *pool, phys_addr_t base, size_t slots, void *metadata);

/* Is this physical address in the pool? */
static inline bool swiotlb_owns(const struct swiotlb *pool, phys_addr_t addr)
{
	return addr.value - pool->base.value < (uint64_t)pool->slots << SWIOTLB_SHIFT;
}

/*
 * Take a run of slots for `record` (length > 0; offset is set here) under
 * `fit`: from the top for one that may lie anywhere in the pool, else from the
 * bottom. Returns the address of the mapping's first byte; PHYS_NONE, counted,
 * and the reason in *why where no run fits.
 */
phys_addr_t swiotlb_take(struct swiotlb *pool, const struct swiotlb_fit *fit,
			 struct swiotlb_slot record, enum swiotlb_refusal *why);

/* Slots of a mapping: of its bytes, and of those before them in the first slot. */
static inline size_t swiotlb_run(const struct swiotlb_slot *record)
{
	return ((size_t)record->offset + record->length + SWIOTLB_SLOT - 1) >> SWIOTLB_SHIFT;
}

/*
 * The mapping that holds `addr`: its first byte in *start and its record.
 * False where `addr` is in no mapping.
 */
bool swiotlb_find(struct swiotlb *pool, phys_addr_t addr, phys_addr_t *start,
		  struct swiotlb_slot *record);

/* Free the run of the mapping that starts at `start`. False where none does. */
bool swiotlb_put(struct swiotlb *pool, phys_addr_t start);

/*
 * Make all mappings of `device` nobody's (device 0): their slots are never
 * handed out again, since the device may still write there. Returns how many.
 */
size_t swiotlb_abandon(struct swiotlb *pool, uint16_t device);

/* Account a copy of `bytes` into or out of the pool. */
void swiotlb_count_copy(struct swiotlb *pool, bool in, size_t bytes);

/* The longest free run, in slots; a walk over the bitmap, for reports. */
size_t swiotlb_largest_run(struct swiotlb *pool);

/* A refusal in words. */
const char *swiotlb_refusal_name(enum swiotlb_refusal why);

/* Walk everything, panic where it contradicts itself. For tests. */
void swiotlb_validate(struct swiotlb *pool);

#endif
