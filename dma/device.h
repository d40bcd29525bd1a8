/* SPDX-License-Identifier: MIT */
/*
 * What is known of a device and of what devices share. Drivers embed the device's
 * record and read its limits and counters; only dma/ writes there.
 */
#ifndef DMA_DEVICE_H
#define DMA_DEVICE_H

#include "dma/check.h"
#include "dma/ledger.h"
#include "dma/limits.h"
#include "dma/swiotlb.h"
#include "dma/types.h"
#include "mm/kmem.h"
#include "mm/pages.h"

/* Why a call on this device can't take the short way. */
enum dma_slow {
	DMA_SLOW_FORCE = 1 << 0, /* bounce everything */
	/* reckon with a bus offset, segment boundary or longest segment */
	DMA_SLOW_LIMITS = 1 << 1,
	DMA_SLOW_GONE = 1 << 2, /* dma_device_remove() was called */
};

#define DMA_SIZES 64 /* of mappings: 1 byte, 2 to 3, 4 to 7, ... */

/* Always on. Atomic, so exact in any context. Nothing but 64-bit numbers: they are summed. */
struct dma_counters {
	uint64_t size[DMA_SIZES];      /* mappings made, by the logarithm of their bytes */
	uint64_t live;		       /* of these, mapped now */
	uint64_t bounced;	       /* of all, through the swiotlb */
	uint64_t transient;	       /* through transient slots */
	uint64_t bytes_in;	       /* copied to where the device reaches */
	uint64_t bytes_out;	       /* copied back */
	uint64_t bytes_direct;	       /* mapped where they are: no copy was needed */
	uint64_t bytes_skipped;	       /* bounced, but for an attribute not copied */
	struct dma_level slots;	       /* of the swiotlb */
	uint64_t failed[DMA_FAILURES]; /* mappings that could not be made, by reason */
	uint64_t waited;	       /* mappings that had to wait for slots */
	uint64_t refused;	       /* refusals at the gate */
	uint64_t lent; /* pieces of coherent memory and of dma_alloc_for() that it has now */
};

struct dma_region;

/* The DMA side of a device; a driver's device embeds it. */
struct dma_device {
	const char *name;
	struct dma_device *parent;
	struct dma_system *sys;
	struct dma_limits limits; /* read freely; changed by the calls of dma/dma.h */
	/* Made of the limits, for the short paths: */
	struct swiotlb *pool;  /* sys->pool */
	uint64_t short_end;    /* what ends here or before is mapped where it is; 0 if `slow` */
	uint64_t short_bounce; /* bytes that may be bounced in any slots as they are; 0 if `slow` */
	uint64_t reach;	       /* last bus address of a streaming mapping */
	uint64_t memory;       /* where device memory begins that it may use; UINT64_MAX: none */
	struct swiotlb_fit fit;	  /* what it asks of the pool */
	struct page_request page; /* for one of coherent memory, and what that has to keep */
	struct page_fit page_fit;
	uint32_t slow; /* enum dma_slow, any of them */
	uint16_t id;   /* 1.. in its system; 0: nobody; DMA_ID_GONE */
	bool told;     /* that it can't reach memory of its parents' */
	enum dma_failure last_failure;
	struct dma_counters count;
};

#define DMA_MAX_DEVICES 64
#define DMA_ID_GONE	UINT16_MAX

struct dma_wait;

/* What the devices of one machine (or of one test) share. */
struct dma_system {
	struct zones *zones;
	struct kmem *kmem;
	struct swiotlb *pool;
	struct dma_device *device[DMA_MAX_DEVICES]; /* by id - 1 */
	struct dma_device nobody;		    /* whom a misuse without a device is put to */
	uint64_t misuse[DMA_MISUSE_KINDS];
	/*
	 * All bounce memory (pool and transient slots) lies within; empty is first >
	 * last. Read without the lock: it always holds what the reader has mapped.
	 */
	uint64_t bounce_first, bounce_last;
	struct port_lock lock;
	/* under lock (`device` too): */
	struct ledger lent;	  /* pages that devices have for long; dma/coherent.c */
	struct ledger transients; /* dma/transient.c */
	struct dma_wait *waiting, **waiting_end; /* first come, first served */
	bool serving;				 /* wait_serve() is at work */
	struct port_lock declared_lock;
	/* under declared_lock, which may be taken while `lock` is held: */
	struct dma_region *declared; /* dma/declared.h */
};

#endif
