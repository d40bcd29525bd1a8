/* SPDX-License-Identifier: MIT */
/*
 * Pages that are out with a device stand in sys->lent, by physical address, with
 * their bytes and the device; runs of the pool in the pool's own records. So
 * whatever is given back is held against what was handed out.
 */
#include "dma/coherent.h"

#include "dma/bounce.h"
#include "dma/declared.h"

/* What pages are lent as; the kind of their entry in sys->lent. */
enum use { COHERENT = 1, BUFFER, POOL };

static size_t pages_of(size_t size)
{
	return ((size - 1) >> PAGE_SHIFT) + 1;
}

/* The smallest 2^order pages that hold `size` bytes. */
static unsigned order_of(size_t size)
{
	return size > PAGE_SIZE ? 64 - (unsigned)__builtin_clzll((size - 1) >> PAGE_SHIFT) : 0;
}

/* On the bus coherent memory is aligned to that, but to no more than the largest block. */
static uint64_t alignment(size_t size)
{
	unsigned order = order_of(size);

	return PAGE_SIZE << (order < BUDDY_MAX_ORDER ? order : BUDDY_MAX_ORDER);
}

/* --- pages --- */

/* As they were allocated, or as they were trimmed. */
static NOINLINE void give_block(struct dma_system *sys, phys_addr_t addr, size_t size)
{
	unsigned order = order_of(size);

	if (pages_of(size) == 1UL << order && !(addr.value & ((PAGE_SIZE << order) - 1)))
		pages_free(sys->zones, addr, order);
	else
		pages_give(sys->zones, addr, pages_of(size));
}

static inline void give_pages(struct dma_system *sys, phys_addr_t addr, size_t size)
{
	if (size <= PAGE_SIZE)
		pages_free(sys->zones, addr, 0);
	else
		give_block(sys, addr, size);
}

/* Pages that were allocated, if they were, are lent; or given back. */
static inline phys_addr_t lend(struct dma_device *dev, phys_addr_t addr, size_t size, enum use use)
{
	struct dma_system *sys = dev->sys;
	struct ledger_entry *entry;
	unsigned long flags;

	if (phys_is_none(addr))
		return addr;
	flags = port_lock(&sys->lock);
	entry = ledger_add(&sys->lent, sys->zones, addr.value, use);
	if (entry) {
		entry->value = addr.value;
		entry->record = (struct swiotlb_slot){.length = (uint32_t)size,
						      .device = dev->id,
						      .coherent = use != BUFFER,
						      .settled = use == POOL};
	}
	port_unlock(&sys->lock, flags);
	dma_count(&dev->count.lent, entry != NULL);
	if (entry)
		return addr;
	give_pages(sys, addr, size);
	return PHYS_NONE;
}

/* False, and nothing done, where it isn't so lent. */
static ALWAYS_INLINE bool take_back(struct dma_device *dev, phys_addr_t addr, size_t size,
				    const void *cpu, enum use use)
{
	struct dma_system *sys = dev->sys;
	unsigned long flags = port_lock(&sys->lock);
	struct ledger_entry *entry = ledger_search(&sys->lent, addr.value);
	bool done = (entry->key ^ addr.value) == use && entry->record.length == size &&
		    entry->record.device == dev->id && port_phys_to_virt(addr) == cpu;

	if (done)
		ledger_drop(&sys->lent, sys->zones, entry);
	port_unlock(&sys->lock, flags);
	dma_count(&dev->count.lent, -(uint64_t)done);
	return done;
}

/* What the device, or another, has in pages at that address. */
static bool find_lent(struct dma_device *dev, phys_addr_t addr, struct bounce *found)
{
	struct dma_system *sys = dev->sys;
	unsigned long flags = port_lock(&sys->lock);
	const struct ledger_entry *entry =
		ledger_holding(&sys->lent, addr.value, (uint64_t)dev->limits.bus_offset);

	if (entry)
		*found = (struct bounce){.start = phys(entry->value), .record = entry->record};
	port_unlock(&sys->lock, flags);
	return entry;
}

bool dma_lent_holds(struct dma_device *dev, phys_addr_t addr, size_t len)
{
	struct bounce found;

	return find_lent(dev, addr, &found) && found.record.device == dev->id &&
	       found.record.coherent && len <= bounce_left(&found, addr);
}

/* Of a block of that order keep `size` bytes, which begin at a multiple of `align` on the bus. */
static NOINLINE phys_addr_t trim(struct dma_device *dev, phys_addr_t block, unsigned order,
				 size_t size, uint64_t align)
{
	struct zones *zones = dev->sys->zones;
	uint64_t before = -(block.value + (uint64_t)dev->limits.bus_offset) & (align - 1);
	uint64_t end = before + (pages_of(size) << PAGE_SHIFT), all = PAGE_SIZE << order;

	if (before)
		pages_give(zones, block, before >> PAGE_SHIFT);
	if (end < all)
		pages_give(zones, phys_add(block, end), (all - end) >> PAGE_SHIFT);
	return phys_add(block, before);
}

/*
 * A request for one page with no bus address above `reach`. A limit that leaves
 * nothing out isn't given: without one it is quickest.
 */
static void make_request(const struct dma_device *dev, uint64_t reach, struct page_request *request,
			 struct page_fit *fit)
{
	*fit = (struct page_fit){.boundary_mask = UINT64_MAX};
	*request = (struct page_request){.zone = ZONE_NORMAL, .dma_reserve = true};
	if (!dma_limits_window(&dev->limits, reach, &fit->first, &request->limit))
		return; /* under a limit of 0 there is none */
	if (fit->first)
		request->fit = fit;
	if (request->limit < ZONE_DMA_END)
		request->zone = ZONE_DMA;
	else if (request->limit >= memmap_top(dev->sys->zones->map) - 1)
		request->limit = NO_LIMIT;
}

void dma_lend_refit(struct dma_device *dev)
{
	make_request(dev, dma_limits_reach(&dev->limits, dev->limits.coherent_mask), &dev->page,
		     &dev->page_fit);
}

/* Pages for `size` bytes as `page` asks for one; `align` on the bus: alignment(size), or 1. */
static phys_addr_t take_pages(struct dma_device *dev, const struct page_request *page, size_t size,
			      uint64_t align)
{
	uint64_t astray = (uint64_t)dev->limits.bus_offset & (align - 1);
	struct page_request request = *page;
	phys_addr_t addr;

	/* Blocks are aligned in memory; one of twice the size holds one that is on the bus. */
	request.order = order_of(size) + (astray != 0);
	if (astray & (PAGE_SIZE - 1) || request.order > BUDDY_MAX_ORDER)
		return PHYS_NONE;
	addr = pages_alloc(dev->sys->zones, &request);
	if (phys_is_none(addr) || pages_of(size) == 1UL << request.order)
		return addr;
	return trim(dev, addr, request.order, size, align);
}

/* --- coherent memory --- */

static enum use coherent_use(unsigned attrs)
{
	return attrs & DMA_ATTR_POOL ? POOL : COHERENT;
}

/* A run of the pool, all of its slots zeroed. */
static enum dma_failure lend_slots(struct dma_device *dev, size_t size, enum use use,
				   phys_addr_t *addr)
{
	struct bounce bounce = {
		.record = {.length = (uint32_t)size, .coherent = 1, .settled = use == POOL}};
	struct swiotlb_fit fit;
	enum dma_failure why;

	if (size > UINT32_MAX)
		return DMA_FAIL_TOO_BIG;
	bounce_fit(dev, dev->limits.coherent_mask, &fit);
	fit.boundary_mask = UINT64_MAX;
	fit.min_align_mask = (uint32_t)alignment(size) - 1;
	swiotlb_fit_prepare(dev->sys->pool, &fit);
	bounce.record.device = dev->id;
	why = bounce_take(dev, &fit, &bounce);
	if (why)
		return why;
	port_zero(phys_add(bounce.start, -(uint64_t)bounce.record.offset),
		  swiotlb_run(&bounce.record) << SWIOTLB_SHIFT);
	dma_count(&dev->count.lent, 1);
	*addr = bounce.start;
	return DMA_FAIL_NONE;
}

/* Neither pages nor the pool had it, and the pool said `why`. What is the matter? */
static enum dma_failure judge(struct dma_device *dev, size_t size, enum dma_failure why)
{
	phys_addr_t page;

	if (why == DMA_FAIL_EXHAUSTED || why == DMA_FAIL_FRAGMENTED ||
	    order_of(size) > BUDDY_MAX_ORDER || dev->id == DMA_ID_GONE)
		return why;
	page = take_pages(dev, &dev->page, PAGE_SIZE, PAGE_SIZE);
	if (phys_is_none(page))
		return DMA_FAIL_EXHAUSTED;
	pages_free(dev->sys->zones, page, 0);
	return DMA_FAIL_FRAGMENTED;
}

static void *fail(struct dma_device *dev, size_t size, enum dma_failure why, unsigned attrs)
{
	if (dma_failed(dev, why, attrs))
		port_log(PORT_LOG_WARNING, "dma: %s: no %zu bytes of coherent memory: %s",
			 dev->name, size, dma_failure_name(why));
	return NULL;
}

/* Pages had none. */
static NOINLINE void *alloc_slots(struct dma_device *dev, size_t size, dma_addr_t *handle,
				  unsigned attrs)
{
	phys_addr_t addr;
	enum dma_failure why = lend_slots(dev, size, coherent_use(attrs), &addr);

	*handle = DMA_MAPPING_ERROR;
	if (why)
		return fail(dev, size, judge(dev, size, why), attrs);
	*handle = dma_from_phys(&dev->limits, addr);
	return port_phys_to_virt(addr);
}

static int declared_mode(unsigned attrs)
{
	return DMA_MEMORY_MAP | (attrs & DMA_ATTR_POOL ? DMA_MEMORY_OF_POOL : 0);
}

/* Memory on devices. False: there is none, and others may be asked. */
static NOINLINE bool alloc_declared(struct dma_device *dev, size_t size, void **cpu,
				    dma_addr_t *handle, unsigned attrs)
{
	bool answered = dma_declared_alloc(dev, declared_mode(attrs), size, cpu, handle);

	if (answered && !*cpu)
		fail(dev, size, DMA_FAIL_EXHAUSTED, attrs);
	return answered;
}

static NOINLINE void *alloc_nothing(struct dma_device *dev, dma_addr_t *handle, unsigned attrs)
{
	*handle = DMA_MAPPING_ERROR;
	return dev ? fail(dev, 0, DMA_FAIL_LENGTH, attrs) : NULL;
}

void *dma_alloc_attrs(struct dma_device *dev, size_t size, dma_addr_t *handle, unsigned attrs)
{
	phys_addr_t addr;
	void *cpu;

	if (!dev || !size)
		return alloc_nothing(dev, handle, attrs);
	if (dev->memory != UINT64_MAX && !(attrs & DMA_ATTR_SYSTEM_MEMORY) &&
	    alloc_declared(dev, size, &cpu, handle, attrs))
		return cpu;
	if (size <= PAGE_SIZE && !(dev->limits.bus_offset & (PAGE_SIZE - 1)))
		addr = pages_alloc(dev->sys->zones, &dev->page);
	else
		addr = take_pages(dev, &dev->page, size, alignment(size));
	addr = lend(dev, addr, size, coherent_use(attrs));
	if (phys_is_none(addr))
		return alloc_slots(dev, size, handle, attrs);
	port_zero(addr, pages_of(size) << PAGE_SHIFT);
	*handle = dma_from_phys(&dev->limits, addr);
	return port_phys_to_virt(addr);
}

/* Give a run of the pool back, if it is as it was lent: NOTHING_WRONG. Else what is wrong. */
static enum dma_misuse_kind wrong_return(struct dma_device *dev, phys_addr_t addr, size_t size,
					 const void *cpu, enum use use)
{
	struct bounce found;
	bool in_pages = find_lent(dev, addr, &found);
	enum dma_misuse_kind wrong;

	if (!in_pages && (use == BUFFER || !bounce_find(dev->sys, addr, &found)))
		return DMA_MISUSE_UNMAP_INVALID;
	wrong = bounce_wrong(dev, &found, addr, size, use != BUFFER);
	if (wrong == NOTHING_WRONG && found.record.settled != (use == POOL))
		return DMA_MISUSE_FUNCTION;
	if (wrong == NOTHING_WRONG && port_phys_to_virt(addr) != cpu)
		return DMA_MISUSE_CPU_ADDRESS;
	if (wrong == NOTHING_WRONG && (in_pages || !bounce_put(dev, &dev->fit, &found)))
		return DMA_MISUSE_UNMAP_INVALID; /* another was quicker */
	return wrong;
}

/* What isn't so lent as pages: a run of the pool, or a mistake. `bus` names it. */
static NOINLINE void give_back_any(struct dma_device *dev, phys_addr_t addr, size_t size,
				   const void *cpu, enum use use, uint64_t bus, const void *caller)
{
	enum dma_misuse_kind wrong = DMA_MISUSE_MAPPING_ERROR;

	if (bus != DMA_MAPPING_ERROR.bus)
		wrong = wrong_return(dev, addr, size, cpu, use);
	if (wrong != NOTHING_WRONG)
		dma_misuse(dev, wrong, bus, size, caller);
	else
		dma_count(&dev->count.lent, -1UL);
}

static ALWAYS_INLINE void give_back(struct dma_device *dev, phys_addr_t addr, size_t size,
				    const void *cpu, enum use use, uint64_t bus)
{
	if (take_back(dev, addr, size, cpu, use))
		give_pages(dev->sys, addr, size);
	else
		give_back_any(dev, addr, size, cpu, use, bus, DMA_CALLER);
}

void dma_free_attrs(struct dma_device *dev, size_t size, void *cpu, dma_addr_t handle,
		    unsigned attrs)
{
	if (!dev || !cpu)
		return;
	if (handle.bus >= dev->memory &&
	    dma_declared_free(dev, declared_mode(attrs), size, cpu, handle, DMA_CALLER))
		return;
	give_back(dev, dma_to_phys(&dev->limits, handle), size, cpu, coherent_use(attrs),
		  handle.bus);
}

/* --- buffers --- */

void *dma_alloc_for(struct dma_device *dev, size_t size)
{
	struct page_request page;
	struct page_fit fit;
	uint64_t boundary_mask;
	phys_addr_t addr;

	if (!dev || size == 0 || size > dev->limits.max_segment)
		return NULL;
	boundary_mask = dev->limits.boundary_mask;
	if (size - 1 > boundary_mask)
		return NULL;
	/* What is aligned to its size crosses no boundary that it could keep. */
	make_request(dev, dev->reach, &page, &fit);
	addr = take_pages(dev, &page, size, boundary_mask == UINT64_MAX ? 1 : alignment(size));
	addr = lend(dev, addr, size, BUFFER);
	return phys_is_none(addr) ? NULL : port_phys_to_virt(addr);
}

void dma_free_for(struct dma_device *dev, void *ptr, size_t size)
{
	phys_addr_t addr;

	if (!dev || !ptr)
		return;
	addr = port_virt_to_phys(ptr);
	give_back(dev, addr, size, ptr, BUFFER, addr.value);
}
