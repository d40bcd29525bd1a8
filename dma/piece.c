/* SPDX-License-Identifier: MIT */
/*
 * Pieces of declared memory. A region is a list of those that are out, by their
 * place in it; what lies between two of them is free:
 *
 *	|  130 bytes, lsi0  |pad|  free  |  128, edu0  |   free   |  4096, lsi0  |
 *	^ each at its alignment                        ^ from one unit to the next
 *
 * so it costs nothing that is empty, and what is given back is held against what
 * was handed out. There are few pieces: what is small and many comes in pages,
 * from a dma_pool. (A ledger has one entry a page; here a page holds many.)
 *
 * The caller of what ends in _locked holds sys->declared_lock. Memory is zeroed
 * after it was taken, without the lock: it is nobody else's then, and its region
 * can't be released.
 */
#include "dma/bounce.h"
#include "dma/declared.h"

#define ALIGN_CAP KIB(64)

/* A place for a piece. */
struct place {
	struct dma_region *region; /* NULL: there is none */
	struct dma_piece **link;   /* to what comes behind it */
	uint64_t offset;
};

static uint64_t alignment(size_t size)
{
	if (size <= DMA_MEMORY_UNIT)
		return DMA_MEMORY_UNIT;
	return size >= ALIGN_CAP ? ALIGN_CAP : 2UL << (63 - __builtin_clzl(size - 1));
}

/* The link to the piece that holds a byte, or else to the first behind it. */
static struct dma_piece **find_piece_locked(struct dma_region *region, uint64_t offset)
{
	struct dma_piece **link = &region->pieces;

	while (*link && (*link)->offset + (*link)->size <= offset)
		link = &(*link)->next;
	return link;
}

/* The first gap within a span that has room at a multiple of `align`, as the device sees it. */
static bool find_gap_locked(struct dma_region *region, const struct dma_span *span, size_t size,
			    uint64_t align, struct place *place)
{
	uint64_t at = span->from;
	struct dma_piece **link, *next;

	for (link = &region->pieces;; link = &next->next) {
		at += -(span->base + at) & (align - 1);
		if (at > span->to || size > span->to - at)
			return false;
		next = *link;
		if (!next || at + size <= ALIGN_DOWN(next->offset, DMA_MEMORY_UNIT))
			break;
		if (at < ALIGN_UP(next->offset + next->size, DMA_MEMORY_UNIT))
			at = ALIGN_UP(next->offset + next->size, DMA_MEMORY_UNIT);
	}
	*place = (struct place){region, link, at};
	return true;
}

/* The nearest owner's comes first, of that the region with the least that is free. */
static struct place choose_locked(struct dma_device *dev, int mode, size_t size, bool *exclusive)
{
	struct place best = {0};
	uint64_t least = UINT64_MAX;

	*exclusive = false;
	for (struct dma_region *r = dev->sys->declared; r; r = r->next) {
		struct dma_span span = dma_region_span(dev, r);
		uint64_t rank = ((uint64_t)span.up << 52) + r->size - r->used;

		if (span.up < 0)
			continue;
		if (!span.to)
			dma_say_unreached(dev, r);
		else
			*exclusive |= r->flags & DMA_MEMORY_EXCLUSIVE;
		if (r->flags & mode && rank < least &&
		    find_gap_locked(r, &span, size, alignment(size), &best))
			least = rank;
	}
	return best;
}

/* Where the CPU reaches it; NULL: there is no such place, or no memory for its record. */
static void *take_locked(struct dma_device *dev, const struct place *place, int mode, size_t size)
{
	struct dma_region *region = place->region;
	struct dma_piece *piece = region ? kmalloc(dev->sys->kmem, sizeof(*piece)) : NULL;

	if (!piece)
		return NULL;
	*piece = (struct dma_piece){*place->link, place->offset, size, dev->id, mode};
	*place->link = piece;
	region->used += size;
	dma_count(&dev->count.lent, 1);
	return (char *)region->cpu + place->offset;
}

static enum dma_misuse_kind put_locked(struct dma_device *dev, struct dma_region *region, int mode,
				       uint64_t offset, size_t size, const void *cpu)
{
	struct dma_piece **link = find_piece_locked(region, offset), *piece = *link;

	if (!piece || piece->offset != offset)
		return DMA_MISUSE_UNMAP_INVALID;
	if (piece->device != dev->id)
		return DMA_MISUSE_DEVICE;
	if (piece->mode != mode)
		return DMA_MISUSE_FUNCTION;
	if (piece->size != size)
		return DMA_MISUSE_SIZE;
	if ((const char *)region->cpu + offset != cpu)
		return DMA_MISUSE_CPU_ADDRESS;
	*link = piece->next;
	kfree(dev->sys->kmem, piece);
	region->used -= size;
	dma_count(&dev->count.lent, -1UL);
	return NOTHING_WRONG;
}

/* --- allocation --- */

bool dma_declared_alloc(struct dma_device *dev, int mode, size_t size, void **cpu,
			dma_addr_t *handle)
{
	unsigned long flags = port_lock(&dev->sys->declared_lock);
	bool exclusive;
	struct place place = choose_locked(dev, mode, size, &exclusive);

	*cpu = take_locked(dev, &place, mode, size);
	port_unlock(&dev->sys->declared_lock, flags);
	*handle = DMA_MAPPING_ERROR;
	if (!*cpu)
		return exclusive;
	handle->bus = dma_region_span(dev, place.region).base + place.offset;
	if (mode & DMA_MEMORY_MAP)
		memset(*cpu, 0, size);
	else
		for (size_t i = 0; i < size; i += sizeof(uint32_t))
			port_io_write32((char *)*cpu + i, 0);
	return true;
}

bool dma_declared_free(struct dma_device *dev, int mode, size_t size, const void *cpu,
		       dma_addr_t handle, const void *caller)
{
	unsigned long flags = port_lock(&dev->sys->declared_lock);
	enum dma_misuse_kind wrong = NOTHING_WRONG;
	uint64_t offset;
	struct dma_region *region = dma_region_meeting_locked(dev, handle.bus, 1, &offset);

	if (region)
		wrong = put_locked(dev, region, mode, offset, size, cpu);
	port_unlock(&dev->sys->declared_lock, flags);
	if (wrong != NOTHING_WRONG)
		dma_misuse(dev, wrong, handle.bus, size, caller);
	return region;
}

struct dma_io dma_alloc_io(struct dma_device *dev, size_t size, dma_addr_t *handle)
{
	void *at = NULL;

	*handle = DMA_MAPPING_ERROR;
	if (dev && size)
		dma_declared_alloc(dev, DMA_MEMORY_IO, size, &at, handle);
	if (dev && !at)
		dma_failed(dev, size ? DMA_FAIL_EXHAUSTED : DMA_FAIL_LENGTH, DMA_ATTR_NO_WARN);
	return (struct dma_io){(uintptr_t)at};
}

void dma_free_io(struct dma_device *dev, size_t size, struct dma_io io, dma_addr_t handle)
{
	if (!dev || dma_io_is_none(io))
		return;
	if (!dma_declared_free(dev, DMA_MEMORY_IO, size, (void *)io.at, handle, DMA_CALLER))
		dma_misuse(dev, DMA_MISUSE_UNMAP_INVALID, handle.bus, size, DMA_CALLER);
}

/* Those bytes of a region of its own, if none is taken. */
static void *occupy_locked(struct dma_device *dev, uint64_t addr, size_t size)
{
	uint64_t at;
	struct dma_region *region = dma_region_meeting_locked(dev, addr, 1, &at);
	struct dma_span span = {.from = at, .to = at + size};
	struct place place;

	if (!region || region->owner != dev || !(region->flags & DMA_MEMORY_MAP) ||
	    size - 1 >= region->size - at || !find_gap_locked(region, &span, size, 1, &place))
		return NULL;
	return take_locked(dev, &place, DMA_MEMORY_MAP, size);
}

void *dma_mark_declared_memory_occupied(struct dma_device *dev, dma_addr_t device_addr, size_t size)
{
	unsigned long flags;
	void *cpu = NULL;

	if (dev) {
		flags = port_lock(&dev->sys->declared_lock);
		cpu = occupy_locked(dev, device_addr.bus, size);
		port_unlock(&dev->sys->declared_lock, flags);
	}
	if (!cpu)
		dma_say_not_free(dev, device_addr, size);
	return cpu;
}

/* --- what the gate asks --- */

enum dma_declared dma_declared_meets(const struct dma_device *dev, dma_addr_t addr, size_t len)
{
	unsigned long flags = port_lock(&dev->sys->declared_lock);
	uint64_t at;
	struct dma_region *region = dma_region_meeting_locked(dev, addr.bus, len, &at);
	const struct dma_piece *piece = region ? *find_piece_locked(region, at) : NULL;
	bool held = piece && piece->device == dev->id && at >= piece->offset &&
		    len - 1 < piece->size - (at - piece->offset);

	port_unlock(&dev->sys->declared_lock, flags);
	return held ? DMA_DECLARED_HELD : region ? DMA_DECLARED_OTHERS : DMA_DECLARED_NONE;
}
