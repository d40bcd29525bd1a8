/* SPDX-License-Identifier: MIT */
/*
 * The DMA API for drivers. Names and semantics are Linux's (Documentation/
 * core-api/dma-api.rst) wherever the call is the same.
 *
 *	addr = dma_map_single(dev, buffer, len, DMA_TO_DEVICE);
 *	if (dma_mapping_error(dev, addr))
 *		return -ENOMEM;
 *	if (dma_gate(dev, addr, len, &reg))
 *		writeq(reg, ...);                        the device works, then:
 *	dma_unmap_single(dev, addr, len, DMA_TO_DEVICE);
 *
 * A buffer that the device reaches is used where it is. One that it doesn't is
 * bounced: through the swiotlb, or, below the swiotlb, through a transient slot
 * (pages under the device's limit, given back on unmap).
 *
 * Copies: mapping copies in, in every direction: what the device doesn't write
 * keeps what it had, and nothing stale of others is seen. Unmapping, and
 * sync_for_cpu, copy out for FROM_DEVICE and BIDIRECTIONAL; sync_for_device
 * copies in for TO_DEVICE and BIDIRECTIONAL. A sync may cover any part of a
 * mapping, in its direction; one that is BIDIRECTIONAL in any.
 *
 * Misuse (dma/check.h) has no effect but the report: nothing is copied, and the
 * mapping stays as it was, to be unmapped rightly. Only a sync that begins in a
 * mapping and overruns it is done, clamped to the mapping. Of bounced mappings
 * every mistake is caught; of direct ones, of which nothing is recorded, those
 * out of the device's reach, in bounce memory, or with no mapping left.
 *
 * Any context, interrupts on or off, unless a call says otherwise.
 */
#ifndef DMA_DMA_H
#define DMA_DMA_H

#include "dma/check.h"
#include "dma/limits.h"
#include "dma/types.h"
#include "mm/errno.h"
#include "mm/kmem.h"
#include "mm/pages.h"

struct swiotlb;

/* Why a call on this device can't take the short way. Tested once a call. */
enum dma_slow { DMA_SLOW_FORCE = 1 << 0 /* bounce everything */ };

/* Atomic, so exact in any context. */
struct dma_counters {
	uint64_t mappings;  /* made, direct and bounced */
	uint64_t bounced;   /* of these, through the swiotlb */
	uint64_t transient; /* of these, through transient slots */
	uint64_t bytes_in;  /* copied to where the device reaches */
	uint64_t bytes_out; /* copied back */
	uint64_t slots;	    /* slots of the swiotlb taken, ever */
	uint64_t failures;  /* mappings that could not be made */
	uint64_t refused;   /* refusals at the gate */
	uint64_t live;	    /* mappings now */
};

/* The DMA side of a device; a driver's device embeds it. */
struct dma_device {
	const char *name;
	struct dma_device *parent;
	struct dma_system *sys;
	struct dma_limits limits;
	uint32_t slow; /* enum dma_slow */
	uint16_t id;   /* 1.. in its system; 0: nobody; DMA_ID_GONE */
	struct dma_counters count;
};

#define DMA_MAX_DEVICES	      64
#define DMA_ID_GONE	      UINT16_MAX

#define DMA_TRANSIENT_BUCKETS 64

struct dma_transient;

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
	size_t transients;
	struct dma_transient *transient[DMA_TRANSIENT_BUCKETS]; /* by the block's page frame */
};

/* A system over an allocator and a pool (which may have no slots). */
void dma_system_init(struct dma_system *sys, struct zones *zones, struct kmem *kmem,
		     struct swiotlb *pool);

/*
 * Make a device known: 32-bit masks, no other limits but what it inherits from
 * `parent` (may be NULL); bounced always where the pool is forced. `name` stays
 * the caller's and outlives the device. -ENOSPC.
 */
int dma_device_add(struct dma_system *sys, struct dma_device *dev, const char *name,
		   struct dma_device *parent);

/*
 * The device is gone. Mappings that it left are a misuse (DMA_MISUSE_LEAK), and
 * since it may still write there, their slots are never handed out again. From
 * here on it reaches nothing: it maps nothing, and no gate lets it through.
 */
void dma_device_remove(struct dma_device *dev);

/*
 * The highest address the device can put on the bus, as 2^n - 1, or any other
 * last address. Wider than the way to memory is fine. -EIO where this machine
 * could not serve it: below 24 bits, or neither a slot of the pool nor a page of
 * a zone under it (bus offset and limit considered). The masks stay as they
 * were then.
 */
int dma_set_mask(struct dma_device *dev, uint64_t mask);
int dma_set_coherent_mask(struct dma_device *dev, uint64_t mask);
int dma_set_mask_and_coherent(struct dma_device *dev, uint64_t mask);

/*
 * Hand `len` bytes at `ptr` (in the direct map) to the device. From here to
 * unmap, or between syncs, the CPU leaves them alone. DMA_MAPPING_ERROR where
 * it can't be done: no slots, no such length (0, one that wraps, more than a
 * segment holds), no way to keep the segment boundary.
 */
dma_addr_t dma_map_single(struct dma_device *dev, void *ptr, size_t len,
			  enum dma_data_direction dir);

/* The same by physical address. */
dma_addr_t dma_map_phys(struct dma_device *dev, phys_addr_t addr, size_t len,
			enum dma_data_direction dir);

/* Take them back: same address, length and direction as mapped. */
void dma_unmap_single(struct dma_device *dev, dma_addr_t addr, size_t len,
		      enum dma_data_direction dir);

/* Look at, or hand over again, `len` bytes at `addr`, anywhere inside a mapping. */
void dma_sync_single_for_cpu(struct dma_device *dev, dma_addr_t addr, size_t len,
			     enum dma_data_direction dir);
void dma_sync_single_for_device(struct dma_device *dev, dma_addr_t addr, size_t len,
				enum dma_data_direction dir);

/* Did a map call fail? */
static inline bool dma_mapping_error(const struct dma_device *dev, dma_addr_t addr)
{
	(void)dev;
	return addr.bus == UINT64_MAX;
}

/* A part of a mapping: `addr` moved by `offset` bytes. */
static inline dma_addr_t dma_addr_add(dma_addr_t addr, uint64_t offset)
{
	return (dma_addr_t){addr.bus + offset};
}

/*
 * The gate: the only way to the number that goes into a register or descriptor.
 * True, and the number in *out, where the device may use [addr, addr + len).
 * Refused are no bytes at all, a range out of the device's reach (the last byte
 * counts), and pool or transient memory outside one mapping of this device; then
 * *out is 0, the misuse is named, and the driver must not start the transfer.
 */
bool dma_gate(struct dma_device *dev, dma_addr_t addr, size_t len, uint64_t *out);

#endif
