/* SPDX-License-Identifier: MIT */
/*
 * The DMA API for drivers: devices and their limits, single mappings, the gate.
 * Lists are in dma/sg.h, memory that is shared for long in dma/coherent.h and
 * dma/pool.h. Names and semantics are Linux's (Documentation/core-api/
 * dma-api.rst) wherever the call is the same.
 *
 *	addr = dma_map_single(dev, buffer, len, DMA_TO_DEVICE);
 *	if (dma_mapping_error(dev, addr))
 *		return -ENOMEM;
 *	if (dma_gate(dev, addr, len, &reg))
 *		writeq(reg, ...);                        the device works, then:
 *	dma_unmap_single(dev, addr, len, DMA_TO_DEVICE);
 *
 * A buffer that the device reaches is used where it is. One that it doesn't, or
 * that is bounce memory itself, where the device may use its mappings alone, is
 * bounced: through the swiotlb, or, below the swiotlb, through a transient slot
 * (pages under the device's limit, given back on unmap).
 *
 * Copies: mapping copies in, in every direction: what the device doesn't write
 * keeps what it had, and nothing stale of others is seen. Unmapping, and
 * sync_for_cpu, copy out for FROM_DEVICE and BIDIRECTIONAL; sync_for_device
 * copies in for TO_DEVICE and BIDIRECTIONAL. A sync may cover any part of a
 * mapping, in its direction; one that is BIDIRECTIONAL in any. A device that is
 * forced to bounce (dma_set_force()) never sees a byte outside its mapping.
 *
 * Misuse (dma/check.h) has no effect but the report: nothing is copied, and the
 * mapping stays as it was, to be unmapped rightly. Only a sync that begins in a
 * mapping and overruns it is done, clamped to the mapping. Of bounced mappings
 * every mistake is caught; of direct ones, of which nothing is recorded, those
 * out of the device's reach, in bounce memory, in RAM of a device that is forced to
 * bounce, or with no mapping left.
 *
 * Any context, interrupts on or off, unless a call says otherwise.
 */
#ifndef DMA_DMA_H
#define DMA_DMA_H

#include "dma/short.h"
#include "mm/errno.h"

/* A system over an allocator and a pool (which may have no slots). */
void dma_system_init(struct dma_system *sys, struct zones *zones, struct kmem *kmem,
		     struct swiotlb *pool);

/*
 * Make a device known: 32-bit masks, no other limits but what it inherits from
 * `parent` (may be NULL); bounced always where the pool is forced. `name` stays
 * the caller's and outlives the device. -ENOSPC: too many; it reaches nothing then,
 * as if it were removed.
 */
int dma_device_add(struct dma_system *sys, struct dma_device *dev, const char *name,
		   struct dma_device *parent);

/*
 * The device is gone. What waited for slots is called back with
 * DMA_MAPPING_ERROR. Mappings that it left are a misuse (DMA_MISUSE_LEAK), and
 * since it may still write there, their slots are never handed out again. From
 * here on it reaches nothing: it maps nothing, and no gate lets it through.
 */
void dma_device_remove(struct dma_device *dev);

/* --- limits: before the first mapping, or while there is none --- */

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
 * No segment crosses a multiple of `mask` + 1 (`mask` is 2^n - 1); the most bytes
 * in a segment; the most segments in a list; the low bits of an address that
 * bouncing must keep (2^n - 1, or 0: none). A parent's stricter limit stays in
 * force. -EINVAL, and nothing changed: not of that form, or one of the first
 * three is 0.
 */
int dma_set_seg_boundary(struct dma_device *dev, uint64_t mask);
int dma_set_max_seg_size(struct dma_device *dev, size_t bytes);
int dma_set_max_segments(struct dma_device *dev, unsigned segments);
int dma_set_min_align_mask(struct dma_device *dev, uint32_t mask);

/*
 * What the way to memory does: bus address minus physical address; the last bus
 * address it passes, or its parent's if that is lower.
 */
void dma_set_bus_offset(struct dma_device *dev, int64_t offset);
void dma_set_bus_limit(struct dma_device *dev, uint64_t last);

/* Bounce everything, whatever the device reaches. Not forced: unless the pool is. */
void dma_set_force(struct dma_device *dev, bool force);

/*
 * The mask that would reach all RAM there is, 2^n - 1, at least DMA_MIN_MASK;
 * with the bus offset. UINT64_MAX: no mask reaches the last of it.
 */
uint64_t dma_get_required_mask(const struct dma_device *dev);

/* Is there RAM that the device doesn't reach? Below its window (a negative offset) counts too. */
bool dma_addressing_limited(const struct dma_device *dev);

/*
 * In bytes; SIZE_MAX: any. The longest mapping that succeeds while nothing else
 * is mapped, wherever its buffer lies; for a device that has to bounce, what the
 * empty pool holds of it, or pages where it reaches none of the pool. And the
 * longest that is bounced at the least cost: by the run of slots that the CPU
 * gave back last.
 */
size_t dma_max_mapping_size(const struct dma_device *dev);
size_t dma_opt_mapping_size(const struct dma_device *dev);

/* --- mapping --- */

/*
 * Hand `len` bytes of RAM to the device. From here to unmap, or between syncs,
 * the CPU leaves them alone. DMA_MAPPING_ERROR where it can't be done; then
 * dma_last_failure() says why.
 */
static inline dma_addr_t dma_map_phys(struct dma_device *dev, phys_addr_t addr, size_t len,
				      enum dma_data_direction dir, unsigned attrs)
{
	if (!dma_ends_short(dev, addr.value, len))
		return attrs & ~DMA_ATTR_NO_WARN ? dma_map_any(dev, addr, len, dir, attrs)
						 : dma_map_bounced(dev, addr, len, dir, attrs);
	if (dma_near_bounce(dev->sys, addr.value, addr.value + len - 1))
		return dma_map_any(dev, addr, len, dir, attrs);
	dma_count_direct(dev, len);
	return (dma_addr_t){addr.value};
}

/* Take them back: same address, length and direction as mapped. */
static ALWAYS_INLINE void dma_unmap_phys(struct dma_device *dev, dma_addr_t addr, size_t len,
					 enum dma_data_direction dir, unsigned attrs)
{
	if (dma_surely_direct(dev, addr.bus, len) && dma_count_unmap(dev))
		return;
	if (attrs & ~DMA_ATTR_NO_WARN)
		dma_unmap_any(dev, addr, len, dir, attrs);
	else
		dma_unmap_bounced(dev, addr, len, dir);
}

/* The same by pointer (in the direct map, or the kernel's image), and by page and offset in it. */
static inline dma_addr_t dma_map_single_attrs(struct dma_device *dev, void *ptr, size_t len,
					      enum dma_data_direction dir, unsigned attrs)
{
	return dma_map_phys(dev, port_virt_to_phys(ptr), len, dir, attrs);
}

static ALWAYS_INLINE void dma_unmap_single_attrs(struct dma_device *dev, dma_addr_t addr,
						 size_t len, enum dma_data_direction dir,
						 unsigned attrs)
{
	dma_unmap_phys(dev, addr, len, dir, attrs);
}

static inline dma_addr_t dma_map_single(struct dma_device *dev, void *ptr, size_t len,
					enum dma_data_direction dir)
{
	return dma_map_single_attrs(dev, ptr, len, dir, 0);
}

static ALWAYS_INLINE void dma_unmap_single(struct dma_device *dev, dma_addr_t addr, size_t len,
					   enum dma_data_direction dir)
{
	dma_unmap_phys(dev, addr, len, dir, 0);
}

static inline dma_addr_t dma_map_page(struct dma_device *dev, phys_addr_t page, size_t offset,
				      size_t len, enum dma_data_direction dir)
{
	return dma_map_phys(dev, phys_add(page, offset), len, dir, 0);
}

static ALWAYS_INLINE void dma_unmap_page(struct dma_device *dev, dma_addr_t addr, size_t len,
					 enum dma_data_direction dir)
{
	dma_unmap_phys(dev, addr, len, dir, 0);
}

/*
 * Another device's registers or memory, which are not RAM: never bounced, never
 * copied. DMA_MAPPING_ERROR where the device can't use it as it lies, and of RAM,
 * which is a misuse. Of the attributes only NO_WARN means something.
 */
dma_addr_t dma_map_resource(struct dma_device *dev, phys_addr_t addr, size_t len,
			    enum dma_data_direction dir, unsigned attrs);
void dma_unmap_resource(struct dma_device *dev, dma_addr_t addr, size_t len,
			enum dma_data_direction dir, unsigned attrs);

/* Did a map call fail? */
static inline bool dma_mapping_error(const struct dma_device *dev, dma_addr_t addr)
{
	(void)dev;
	return addr.bus == UINT64_MAX;
}

/* Why the device's last failed mapping failed; DMA_FAIL_NONE: none did. */
static inline enum dma_failure dma_last_failure(const struct dma_device *dev)
{
	return dev->last_failure;
}

/* --- waiting for slots --- */

/* A mapping that waits; the caller's until its callback runs. */
struct dma_wait {
	struct dma_wait *next;
	struct dma_device *dev;
	phys_addr_t addr;
	size_t len;
	enum dma_data_direction dir;
	void (*callback)(struct dma_device *dev, dma_addr_t addr, void *arg);
	void *arg;
};

/*
 * As dma_map_single(), but where the pool is exhausted or fragmented it waits.
 * 0: mapped, in *addr. -EINPROGRESS: `callback` is called with the address, when
 * slots are free, from the call that freed them, in its context and with no lock
 * held; or with DMA_MAPPING_ERROR, when the device is removed, or another and with
 * it slots without which it would wait for ever. That may be before this call
 * returns; it leaves *addr alone from then on, which it has set to
 * DMA_MAPPING_ERROR. -ENOMEM: it would wait for ever (dma_last_failure() says why),
 * or for pages, which are not the pool's: whoever frees them wakes nobody.
 *
 * First come, first served among those that wait: whoever is behind one that needs
 * more than there is waits with it. A mapping that doesn't wait may overtake
 * them. A callback may do all that its context allows: map, unmap, wait again.
 */
int dma_map_single_wait(struct dma_device *dev, void *ptr, size_t len, enum dma_data_direction dir,
			dma_addr_t *addr, struct dma_wait *wait,
			void (*callback)(struct dma_device *dev, dma_addr_t addr, void *arg),
			void *arg);

/* --- between mapping and unmapping --- */

/* Look at, or hand over again, `len` bytes at `addr`, anywhere inside a mapping. */
static ALWAYS_INLINE void dma_sync_single_for_cpu(struct dma_device *dev, dma_addr_t addr,
						  size_t len, enum dma_data_direction dir)
{
	if (!dma_surely_direct(dev, addr.bus, len))
		dma_sync_bounced_for_cpu(dev, addr, len, dir);
}
static ALWAYS_INLINE void dma_sync_single_for_device(struct dma_device *dev, dma_addr_t addr,
						     size_t len, enum dma_data_direction dir)
{
	if (!dma_surely_direct(dev, addr.bus, len))
		dma_sync_bounced_for_device(dev, addr, len, dir);
}

/* A part of a mapping: `addr` moved by `offset` bytes. */
static inline dma_addr_t dma_addr_add(dma_addr_t addr, uint64_t offset)
{
	return (dma_addr_t){addr.bus + offset};
}

static ALWAYS_INLINE void dma_sync_single_range_for_cpu(struct dma_device *dev, dma_addr_t addr,
							size_t offset, size_t len,
							enum dma_data_direction dir)
{
	dma_sync_single_for_cpu(dev, dma_addr_add(addr, offset), len, dir);
}

static ALWAYS_INLINE void dma_sync_single_range_for_device(struct dma_device *dev, dma_addr_t addr,
							   size_t offset, size_t len,
							   enum dma_data_direction dir)
{
	dma_sync_single_for_device(dev, dma_addr_add(addr, offset), len, dir);
}

/* Do syncs of this mapping copy? Where not, they may be left out. */
bool dma_need_sync(struct dma_device *dev, dma_addr_t addr);

/*
 * The device is done with the mapping that begins at `addr`, and has written its
 * first `len` bytes alone. They are copied out now, and nothing more will be, by
 * sync or unmap, until the mapping is handed over again: by a sync for the device
 * of any part. More than was mapped is clamped, as in a sync, and a misuse; so, and
 * without effect, is a mapping that the device only reads, or an address inside one.
 */
void dma_set_written(struct dma_device *dev, dma_addr_t addr, size_t len);

/*
 * The gate: the only way to the number that goes into a register or descriptor.
 * True, and the number in *out, where the device may use [addr, addr + len).
 * Refused are no bytes at all, a range out of the device's reach (the last byte
 * counts), and pool or transient memory outside one mapping of this device; where
 * the device is forced to bounce, all RAM outside one. Then *out is 0, the misuse
 * is named, and the driver must not start the transfer.
 */
static ALWAYS_INLINE bool dma_gate(struct dma_device *dev, dma_addr_t addr, size_t len,
				   uint64_t *out)
{
	if (!dma_surely_direct(dev, addr.bus, len))
		return dma_gate_bounced(dev, addr, len, out);
	*out = addr.bus;
	return true;
}

/* --- what was counted --- */

/* What all devices of a system counted, those that are gone too; but of slots.high nothing. */
void dma_count_all(struct dma_system *sys, struct dma_counters *sum);

/* Mappings that were made. */
uint64_t dma_count_mappings(const struct dma_device *dev);

#endif
