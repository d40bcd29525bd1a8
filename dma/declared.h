/* SPDX-License-Identifier: MIT */
/*
 * Memory that sits on a device, declared to the DMA layer: from then on coherent
 * allocations (dma/coherent.h, dma/pool.h) of the device come from it first.
 *
 * The same byte has up to four addresses, each of a type of its own:
 *
 *	CPU       pointer, or struct dma_io       where the kernel mapped it
 *	          phys_addr_t                     bus address less the declarer's bus offset
 *	bus       bus_addr_t                      what a BAR says
 *	device    dma_addr_t                      the declarer's handle
 *	child     dma_addr_t                      a child's: the bus address by its own offset
 *
 * Who is asked for memory, in this order; of several regions of one device the
 * one with the least free memory in which the request fits:
 *
 *	the device's own -> its parent's -> ... -> system memory, if no region that
 *	                    the device reaches is EXCLUSIVE
 *
 * of the parents those with INCLUDES_CHILDREN, as far as the child's coherent
 * mask and the bridges' windows (bus_limit) reach. A child that reaches none of
 * its parent's memory is named in the log, once.
 *
 * What is handed out is as long as was asked, and no two pieces share a unit of
 * 64 bytes (so that the CPU's cache lines, and writes that it combines, are of one
 * piece; yet SCRIPTS RAM, which has 8 KiB, holds many). It is aligned, for who
 * uses it, to the smallest power of two that holds it, up to 64 KiB. So up to
 * 64 KiB never crosses 64 KiB, as coherent memory promises, and longer pieces
 * aren't rounded up. A child whose bus offset is no multiple of 64 has none.
 *
 * Allocating, freeing and the gate: any context. Declaring, releasing, occupying:
 * not from interrupt handlers.
 */
#ifndef DMA_DECLARED_H
#define DMA_DECLARED_H

#include "dma/coherent.h"
#include "dma/port.h"

/* An address as the bus has it, which is not yet one that a device may use. */
typedef struct {
	uint64_t value;
} bus_addr_t;

enum dma_memory_flags {
	DMA_MEMORY_MAP = 1 << 0,	       /* ordinary memory for the CPU: by pointer */
	DMA_MEMORY_IO = 1 << 1,		       /* by the accessors of struct dma_io alone */
	DMA_MEMORY_INCLUDES_CHILDREN = 1 << 2, /* the device's children may use it too */
	DMA_MEMORY_EXCLUSIVE = 1 << 3,	       /* when it is full there is no other */
	DMA_MEMORY_PREFETCHABLE = 1 << 4,      /* as its BAR says: writes may be combined */
	DMA_MEMORY_OF_POOL = 1 << 5,	       /* inside, of a piece: as DMA_ATTR_POOL */
};

/* A number from a BAR or a data sheet, to declare memory by. */
static inline dma_addr_t dma_addr_of(uint64_t number)
{
	return (dma_addr_t){number};
}

/*
 * `size` bytes at `bus_addr` for the bus, at `device_addr` for the device; all
 * three multiples of 64. Of MAP and IO at least one: with both it is MAP. Declare
 * after the device's masks and bus offset are set.
 *
 * MAP memory is mapped write-combining where it is PREFETCHABLE, else uncached.
 * What is combined is out before the next access to an uncached register: so a
 * doorbell comes after what it rings for.
 *
 * Returns the mode granted, DMA_MEMORY_MAP or DMA_MEMORY_IO. Else, with a line
 * that says why: -EINVAL (no device, flags or sizes that mean nothing, an end
 * that wraps, over RAM, beyond the device's coherent mask), -EBUSY (meets other
 * declared memory), -ENOMEM.
 */
int dma_declare_coherent_memory(struct dma_device *dev, dma_addr_t bus_addr, dma_addr_t device_addr,
				size_t size, int flags);

/*
 * All of the device's regions are no more, and unmapped. -EBUSY: one is in use, the
 * log says by whom, and all are as they were.
 */
int dma_release_declared_memory(struct dma_device *dev);

/*
 * The device itself uses these bytes of its memory (its firmware, say): they are
 * not handed out, and keep what is in them. The pointer to them; given back by
 * dma_free_coherent(). NULL, and a line: not in one MAP region of this device, or
 * some of the units are in use.
 */
void *dma_mark_declared_memory_occupied(struct dma_device *dev, dma_addr_t device_addr,
					size_t size);

/* --- IO memory --- */

/* A piece of IO memory. Only the accessors open it. */
struct dma_io {
	uint64_t at;
};

static inline bool dma_io_is_none(struct dma_io io)
{
	return !io.at;
}

/* `offset`: bytes, a multiple of 4, within the piece. */
static inline uint32_t dma_io_read32(struct dma_io io, size_t offset)
{
	return port_io_read32((const void *)(io.at + offset));
}

static inline void dma_io_write32(struct dma_io io, size_t offset, uint32_t value)
{
	port_io_write32((void *)(io.at + offset), value);
}

/* As dma_alloc_coherent(), of IO regions alone, zeroed. None: dma_last_failure() says why. */
struct dma_io dma_alloc_io(struct dma_device *dev, size_t size, dma_addr_t *handle);
void dma_free_io(struct dma_device *dev, size_t size, struct dma_io io, dma_addr_t handle);

/* --- for reports; read only, and stale without sys->declared_lock --- */

struct dma_piece {
	struct dma_piece *next;
	uint64_t offset; /* bytes into the region */
	size_t size;
	unsigned device; /* id; 0: gone */
	int mode;	 /* MAP, maybe OF_POOL, or IO */
};

struct dma_region {
	struct dma_region *next;
	struct dma_device *owner;
	bus_addr_t bus;
	dma_addr_t device;
	phys_addr_t phys;
	size_t size;
	int flags;		  /* of the modes the one that was granted */
	void *cpu;		  /* of IO memory: for the port's accessors */
	struct dma_piece *pieces; /* in order */
	size_t used;		  /* bytes in them */
};

/* What a device can be given of it, in bytes from its beginning; nothing: 0 to 0. */
struct dma_span {
	uint64_t base; /* the device's address of the region: the declarer's own, or the bus's */
	uint64_t from, to;
	int up; /* who has it is so many parents up; -1: it isn't for this device */
};
struct dma_span dma_region_span(const struct dma_device *dev, const struct dma_region *region);

/* --- inside dma/ --- */

#define DMA_MEMORY_UNIT 64 /* bytes */

/*
 * A region that the device has at any of these addresses, whether it reaches it or
 * not, and how far into it the first is; NULL.
 */
struct dma_region *dma_region_meeting_locked(const struct dma_device *dev, uint64_t addr,
					     size_t len, uint64_t *offset);

/* The lowest address of memory that it may use; UINT64_MAX: none. */
uint64_t dma_declared_first(const struct dma_device *dev);

/* In piece.c: */

/*
 * A piece of MAP (maybe OF_POOL) or IO memory, zeroed, for the CPU. False, and NULL:
 * there is none, and others may be asked. True, and NULL: they may not.
 */
bool dma_declared_alloc(struct dma_device *dev, int mode, size_t size, void **cpu,
			dma_addr_t *handle);

/* False: there is no declared memory at this handle. A mistake with what is, is reported. */
bool dma_declared_free(struct dma_device *dev, int mode, size_t size, const void *cpu,
		       dma_addr_t handle, const void *caller);

enum dma_declared {
	DMA_DECLARED_NONE,   /* of these bytes */
	DMA_DECLARED_HELD,   /* all of them, in one piece that the device has */
	DMA_DECLARED_OTHERS, /* some */
};
enum dma_declared dma_declared_meets(const struct dma_device *dev, dma_addr_t addr, size_t len);

/* In declared.c: a device goes, with all that it has. */
void dma_declared_leave(struct dma_device *dev);

/* In fail.c. `why` it can't be declared; NULL: it is. */
void dma_say_declared(const struct dma_region *region, const char *why);

/* Of who reaches none of its parent's memory; once. Under sys->declared_lock. */
void dma_say_unreached(struct dma_device *dev, const struct dma_region *region);

/* A line for each piece of the device's memory, and who has it. False: nobody has any. */
bool dma_say_users_locked(const struct dma_device *owner);

/* Of what can't be marked occupied. */
void dma_say_not_free(const struct dma_device *dev, dma_addr_t addr, size_t size);

#endif
