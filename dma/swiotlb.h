/* SPDX-License-Identifier: MIT */
/*
 * The swiotlb: low memory carved out at boot, in slots of 2 KiB, through which
 * buffers are bounced that a device can't reach.
 *
 *	base                                                 base + slots * 2 KiB
 *	|  tight masks from the bottom ->        <- wide masks from the top  |
 *
 * A mapping is a run of slots. What it is of is kept by its first slot, in
 * arrays beside the pool. The free runs are indexed by length and place
 * (dma/runs.h), and `head` has a bit where a run begins that isn't there, but
 * is a mapping's or waits in a magazine: in front of the index each CPU has a
 * magazine of short runs that it gave back. They count as free, serve devices
 * that may have any slot, and go back before anything is refused, one by one,
 * the longest first. A run is refused only where no fitting one is free.
 *
 *	a magazine's runs of one length, a stack in a word: taken and put by one
 *	exchange, without a lock; 0: it has none
 *	| shut | slot + 1, oldest | slot + 1 | slot + 1, latest |
 *	  63     62            42   41    21   20             0
 *
 *	an address in a run -> its beginning:
 *	head   ...|......1.........|................|.........^......|...
 *	                 '- stands in length[] of the first slot in each later word
 *	                    of `head`. So one look is enough.
 *
 * What lies in a run outside the mapping was others': whoever takes it for a device
 * that is forced to bounce zeroes it. Memory is touched by that and by copies
 * alone, outside all locks.
 *
 * Addresses here are physical; all that is known of the bus is in a fit, which
 * dma/bounce.c makes. Any context, interrupts on or off.
 */
#ifndef DMA_SWIOTLB_H
#define DMA_SWIOTLB_H

#include "dma/bits.h"
#include "dma/runs.h"
#include "dma/types.h"
#include "mm/port.h"

#define SWIOTLB_SHIFT	  11
#define SWIOTLB_SLOT	  (1UL << SWIOTLB_SHIFT)
#define SWIOTLB_MAX_SLOTS RUNS_MAX_SLOTS /* 4 GiB less a slot: lengths are 32 bits */

/* What a run of slots is used for. In memory it takes 14 bytes a slot. */
struct swiotlb_slot {
	uint64_t original;	/* physical address of the buffer, SWIOTLB_ORIGINAL_LAST at most */
	uint32_t length;	/* bytes */
	uint16_t device;	/* dma_device.id, below SWIOTLB_DEVICES */
	uint16_t offset : 11;	/* of the mapping in its first slot, in bytes; set by the pool */
	uint16_t direction : 2; /* enum dma_data_direction */
	uint16_t settled : 1;	/* nothing is to be copied out any more; of coherent memory: a
				   dma_pool has it */
	uint16_t coherent : 1;	/* of dma_alloc_coherent(): no mapping, and of no buffer */
};

#define SWIOTLB_DEVICES	      1024
#define SWIOTLB_ORIGINAL_BITS 52 /* of a buffer's address */
#define SWIOTLB_ORIGINAL_LAST ((1UL << SWIOTLB_ORIGINAL_BITS) - 1)

/* What a device asks of a run of slots; all addresses physical, inclusive. */
struct swiotlb_fit {
	uint64_t first, last;	 /* no byte of the mapping lies below or above */
	uint64_t boundary_mask;	 /* as in dma_limits, of bus addresses */
	uint64_t shift;		 /* bus address minus physical address */
	uint32_t min_align_mask; /* as in dma_limits, of bus addresses */
	bool anywhere;		 /* any run of the pool will do; swiotlb_fit_prepare() */
};

/* Runs that a CPU gave back and will soon want again, by length. */
#define SWIOTLB_MAGAZINE_SLOTS 8	   /* the longest run that is kept */
#define SWIOTLB_MAGAZINE_RUNS  3	   /* of each length */
#define SWIOTLB_MAGAZINE_BITS  21	   /* each */
#define SWIOTLB_MAGAZINE_SHUT  (1UL << 63) /* nothing goes in */
_Static_assert(SWIOTLB_MAX_SLOTS < 1UL << SWIOTLB_MAGAZINE_BITS, "so many slots, and none");

struct swiotlb_magazine {
	uint64_t runs[SWIOTLB_MAGAZINE_SLOTS]; /* atomic */
};

struct swiotlb {
	phys_addr_t base;
	size_t slots;
	bool force; /* bounce everything; looked at when a device is added */
	/* Of a mapping's first slot: */
	uint16_t *owner;    /* atomic: whose it is, swiotlb_owner(); of all other slots 0 */
	uint64_t *original; /* and above SWIOTLB_ORIGINAL_BITS the offset */
	struct swiotlb_magazine magazine[PORT_CPUS];
	struct dma_level used;		/* slots of mappings */
	uint64_t refused[DMA_FAILURES]; /* requests, by reason */
	uint64_t lost;			/* slots of mappings that are nobody's */
	struct runs runs;		/* its length[] of a mapping's first slot: the bytes */
};

/* Bytes of bookkeeping for a pool of that many slots: 16 a slot at most, all in all. */
size_t swiotlb_metadata_size(size_t slots);

/*
 * A pool over `slots` slots of RAM at `base` (slot-aligned), with bookkeeping
 * in `metadata` (swiotlb_metadata_size() bytes, 8-aligned), which no device
 * can be made to reach. Slots beyond SWIOTLB_MAX_SLOTS are left out. A pool of
 * none is one that is off: it refuses everything as out of mask.
 */
void swiotlb_init(struct swiotlb *pool, phys_addr_t base, size_t slots, void *metadata);

/*
 * Give back the longest run that a magazine has; where it isn't `enough` slots, all of
 * that length there. Was there any?
 */
bool swiotlb_flush_locked(struct swiotlb *pool, size_t enough);

/*
 * Use the magazines, which is how a pool begins, or empty them and pass them by. Nobody
 * else uses the pool meanwhile.
 */
void swiotlb_cache(struct swiotlb *pool, bool use);

/*
 * Find out fit->anywhere, from the rest of it: the window has the whole pool, no
 * boundary lies within it on the bus, and no alignment goes beyond a slot.
 */
void swiotlb_fit_prepare(const struct swiotlb *pool, struct swiotlb_fit *fit);

/* The pool's size. */
static inline uint64_t swiotlb_bytes(const struct swiotlb *pool)
{
	return (uint64_t)pool->slots << SWIOTLB_SHIFT;
}

/* Is this physical address in the pool? */
static inline bool swiotlb_owns(const struct swiotlb *pool, phys_addr_t addr)
{
	return addr.value - pool->base.value < swiotlb_bytes(pool);
}

/*
 * Take a run of slots for `slot` (length > 0; offset is set here) under a
 * prepared fit, out of the shortest free run that has enough: the topmost, and
 * its upper end, where the window has the whole pool, else the lowest. (Above
 * 256 KiB lengths are told apart by quarters of their power of two.) Returns the
 * address of the mapping's first byte; PHYS_NONE, counted, and the reason in
 * *why where no run fits.
 *
 * Cost: a few bit scans; of runs above 256 KiB each of about that length may be
 * looked at. Under a mask that has only a part of the pool, one free run of each
 * length; where that isn't all there is, with alignment and boundaries or for more
 * than 256 KiB, some more of each, and then one pass over the bitmap.
 */
phys_addr_t swiotlb_take(struct swiotlb *pool, const struct swiotlb_fit *fit,
			 struct swiotlb_slot slot, enum dma_failure *why);

/* Why no run could be had for it if only nobody's were taken; DMA_FAIL_NONE: one could. */
enum dma_failure swiotlb_never(const struct swiotlb *pool, const struct swiotlb_fit *fit,
			       struct swiotlb_slot slot);

/* The low bits that the mapping of such a buffer has to have. */
static inline uint64_t swiotlb_low_bits(const struct swiotlb_fit *fit, uint64_t original)
{
	return (original - fit->shift) & fit->min_align_mask;
}

/* Slots that it takes for so many bytes. */
static inline size_t swiotlb_slots(uint64_t bytes)
{
	return (bytes + SWIOTLB_SLOT - 1) >> SWIOTLB_SHIFT;
}

/* Slots of a mapping: of its bytes, and of those before them in the first slot. */
static inline size_t swiotlb_run(const struct swiotlb_slot *slot)
{
	return swiotlb_slots((uint64_t)slot->offset + slot->length);
}

/*
 * owner[] of a mapping's first slot:
 *
 *	| 15 | 14 shifted | 13 coherent | 12 settled | 11..10 direction + 1 | 9..0 device |
 */
#define SWIOTLB_OWNER_SETTLED  (1 << 12)
#define SWIOTLB_OWNER_COHERENT (1 << 13)
#define SWIOTLB_OWNER_SHIFTED  (1 << 14) /* begins not with its slot */

/* What the mapping is of that begins in slot `i`. */
static inline struct swiotlb_slot swiotlb_record(const struct swiotlb *pool, size_t i)
{
	uint64_t original = pool->original[i];
	uint16_t owner = pool->owner[i];

	return (struct swiotlb_slot){
		.original = original & SWIOTLB_ORIGINAL_LAST,
		.length = pool->runs.length[i],
		.device = owner & (SWIOTLB_DEVICES - 1),
		.offset = (uint16_t)(original >> SWIOTLB_ORIGINAL_BITS),
		.direction = (owner >> 10 & 3) - 1,
		.settled = (owner & SWIOTLB_OWNER_SETTLED) != 0,
		.coherent = (owner & SWIOTLB_OWNER_COHERENT) != 0,
	};
}

/*
 * The mapping that holds `addr`, in *start its first byte, in *slot what it is
 * of. False where `addr` is in no mapping. No lock: the mapping's owner doesn't
 * unmap it meanwhile.
 */
bool swiotlb_find(const struct swiotlb *pool, phys_addr_t addr, phys_addr_t *start,
		  struct swiotlb_slot *slot);

/* Free the run of the mapping that starts at `start`. False where none does. */
bool swiotlb_put(struct swiotlb *pool, const struct swiotlb_fit *fit, phys_addr_t start);

/* Nothing is to be copied out any more, or again; of the mapping that starts at `start`. */
void swiotlb_settle(struct swiotlb *pool, phys_addr_t start, bool settled);

/*
 * Make all mappings of `device` nobody's (device 0): their slots are never
 * handed out again, since the device may still write there.
 */
void swiotlb_abandon(struct swiotlb *pool, uint16_t device);

/* The longest free run, in slots, with the magazines emptied; for reports. */
size_t swiotlb_largest_run(struct swiotlb *pool);

/* Walk everything, panic where it contradicts itself. For tests, and among them. */
void swiotlb_validate(struct swiotlb *pool);

/* --- the same in pieces, for the short ways of dma/map.c: runs by their first slot --- */

#define SWIOTLB_NONE RUNS_NONE

/* Whose a mapping is that begins with its slot, and is neither settled nor coherent. Never 0. */
static inline uint16_t swiotlb_owner(uint16_t device, enum dma_data_direction dir)
{
	return (uint16_t)(device + (dir << 10) + (1 << 10));
}

/* The latest of a magazine's runs of one length, if there is one. */
static inline bool swiotlb_pop_from(uint64_t *runs, size_t *i)
{
	uint64_t had = __atomic_load_n(runs, __ATOMIC_RELAXED);

	while ((int64_t)had > 0) {
		if (__atomic_compare_exchange_n(runs, &had, had >> SWIOTLB_MAGAZINE_BITS, true,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
			*i = (had & ((1UL << SWIOTLB_MAGAZINE_BITS) - 1)) - 1;
			return true;
		}
	}
	return false;
}

/* A run of up to SWIOTLB_MAGAZINE_SLOTS slots that this CPU gave back, if there is one. */
static inline bool swiotlb_pop(struct swiotlb *pool, size_t slots, size_t *i)
{
	return swiotlb_pop_from(&pool->magazine[port_cpu()].runs[slots - 1], i);
}

/* The same, with what the magazines have. */
size_t swiotlb_take_again(struct swiotlb *pool, size_t slots, enum dma_failure *why);

/* Any free run; SWIOTLB_NONE, counted, and why. */
static inline size_t swiotlb_take_any(struct swiotlb *pool, size_t slots, enum dma_failure *why)
{
	size_t i = runs_take(&pool->runs, slots);

	return i != RUNS_NONE ? i : swiotlb_take_again(pool, slots, why);
}

/* The run at slot `i` becomes a mapping. */
static inline void swiotlb_enter(struct swiotlb *pool, size_t i, uint64_t original, uint32_t length,
				 uint16_t owner)
{
	pool->original[i] = original;
	pool->runs.length[i] = length;
	__atomic_store_n(&pool->owner[i], owner, __ATOMIC_RELEASE);
}

/* The slot that begins at `addr`; where none does, more than there are. */
static inline size_t swiotlb_index(const struct swiotlb *pool, phys_addr_t addr)
{
	uint64_t at = addr.value - pool->base.value;

	return at >> SWIOTLB_SHIFT | at << (64 - SWIOTLB_SHIFT);
}

static inline phys_addr_t swiotlb_addr(const struct swiotlb *pool, size_t i)
{
	return phys_add(pool->base, i << SWIOTLB_SHIFT);
}

/* Does a mapping of at least `len` bytes begin in slot `i`, owned so in the bits of `mask`? */
static inline bool swiotlb_holds(const struct swiotlb *pool, size_t i, size_t len, uint16_t owner,
				 uint16_t mask)
{
	return i < pool->slots && len - 1 < pool->runs.length[i] &&
	       (__atomic_load_n(&pool->owner[i], __ATOMIC_ACQUIRE) & mask) == owner;
}

/* The mapping at slot `i` is none any more, if it is so owned. Of two that try, one does it. */
static inline bool swiotlb_end(struct swiotlb *pool, size_t i, uint16_t owner)
{
	return __atomic_compare_exchange_n(&pool->owner[i], &owner, 0, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/* Keep up to SWIOTLB_MAGAZINE_SLOTS slots for this CPU. False: it has enough of them. */
static inline bool swiotlb_push(struct swiotlb *pool, size_t i, size_t slots)
{
	uint64_t *runs = &pool->magazine[port_cpu()].runs[slots - 1];
	uint64_t had = __atomic_load_n(runs, __ATOMIC_RELAXED);

	while (had >> (SWIOTLB_MAGAZINE_BITS * (SWIOTLB_MAGAZINE_RUNS - 1)) == 0)
		if (__atomic_compare_exchange_n(runs, &had, had << SWIOTLB_MAGAZINE_BITS | (i + 1),
						true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return true;
	return false;
}

#endif
