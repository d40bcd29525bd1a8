/* SPDX-License-Identifier: MIT */
/*
 * A page of a pool (one block, where blocks are larger than a page) and what is
 * known of it, which is elsewhere:
 *
 *	struct pool_page          coherent memory
 *	free  ...1101  ........   | block 0 | block 1 | block 2 | ... |  rest |
 *	         ||'-- block 0        live      free      free
 *	         |'--- block 1
 *
 * A block takes 64 bytes at least, so a page has 64 of them at most, and all
 * that calls have to agree on is one word: taking a block clears its bit, giving
 * it back sets it, both atomically, without a lock. This works since a page is
 * never given back before its pool.
 *
 * `room` lists the pages that blocks are taken from. A page is taken off when
 * somebody finds it empty there, and put on by who gives back the first block
 * after that. The last one stays, empty or not, so there is always one to look at.
 */
#include "dma/pool.h"

#include "dma/bounce.h"

#define STRIDE_MIN (PAGE_SIZE / 64)
#define LARGEST	   (PAGE_SIZE << BUDDY_MAX_ORDER)

struct pool_page {
	uint64_t free; /* atomic: a bit a block */
	char *cpu;
	uint64_t bus;
	/* changed under lock: */
	struct pool_page *next;
	bool has_room; /* it is on that list */
};

struct dma_pool {
	const char *name;
	struct dma_device *dev;
	uint64_t stride;     /* bytes from block to block */
	uint64_t reciprocal; /* 2^32 / stride, rounded up */
	uint64_t span;	     /* bytes of a page that are in blocks */
	uint64_t all;	     /* bits of a page with no block taken */
	struct port_lock lock;
	struct pool_page *last; /* atomic: where a block was last given back */
	/* changed under lock: */
	struct pool_page *room;
	struct ledger by_address; /* bus addresses to pages */
};

/* --- pages --- */

static void put_on_locked(struct dma_pool *pool, struct pool_page *page)
{
	page->has_room = true;
	page->next = pool->room;
	__atomic_store_n(&pool->room, page, __ATOMIC_RELEASE);
}

static bool enter(struct dma_pool *pool, struct pool_page *page)
{
	unsigned long flags = port_lock(&pool->lock);
	struct ledger_entry *entry =
		ledger_add(&pool->by_address, pool->dev->sys->zones, page->bus, 1);

	if (entry) {
		entry->value = (uintptr_t)page;
		put_on_locked(pool, page);
	}
	port_unlock(&pool->lock, flags);
	return entry;
}

static bool add_page(struct dma_pool *pool)
{
	struct kmem *kmem = pool->dev->sys->kmem;
	struct pool_page *page = kmalloc(kmem, sizeof(*page));
	dma_addr_t handle;

	if (!page)
		return false;
	page->cpu = dma_alloc_attrs(pool->dev, pool->span, &handle, DMA_ATTR_POOL);
	page->bus = handle.bus;
	page->free = pool->all;
	if (page->cpu && enter(pool, page))
		return true;
	if (page->cpu)
		dma_free_attrs(pool->dev, pool->span, page->cpu, handle, DMA_ATTR_POOL);
	kfree(kmem, page);
	return false;
}

/* --- the pool --- */

/* Bytes from block to block; 0: they contradict each other. */
static size_t stride_of(size_t size, size_t align, size_t boundary)
{
	if (size == 0 || size > LARGEST || align > LARGEST || (align & (align - 1)) ||
	    (boundary & (boundary - 1)))
		return 0;
	size = ALIGN_UP(size, align ? align : 1);
	if (boundary && size > boundary)
		return 0;
	if (size < STRIDE_MIN)
		return STRIDE_MIN;
	size = ALIGN_UP(size, sizeof(uint64_t));
	/* What is aligned to its size, or alone in a page, crosses nothing that is larger. */
	if (boundary && boundary < PAGE_SIZE && (size & (size - 1)))
		return 2UL << (63 - __builtin_clzll(size));
	return size;
}

struct dma_pool *dma_pool_create(const char *name, struct dma_device *dev, size_t size,
				 size_t align, size_t boundary)
{
	size_t stride = stride_of(size, align, boundary), blocks;
	struct dma_pool *pool;

	if (!dev || !stride)
		return NULL;
	pool = kmalloc(dev->sys->kmem, sizeof(*pool));
	if (!pool)
		return NULL;
	blocks = stride < PAGE_SIZE ? PAGE_SIZE / stride : 1;
	pool->name = name;
	pool->dev = dev;
	pool->stride = stride;
	pool->reciprocal = ((1UL << 32) + stride - 1) / stride;
	pool->span = stride * blocks;
	pool->all = UINT64_MAX >> (64 - blocks);
	ledger_init(&pool->by_address);
	if (!add_page(pool)) {
		kfree(dev->sys->kmem, pool);
		return NULL;
	}
	pool->last = pool->room;
	return pool;
}

/* Give a page's memory back, if nobody has a block of it; returns how many are left. */
static size_t free_page(struct dma_pool *pool, struct pool_page *page)
{
	size_t left = 0;

	for (uint64_t live = pool->all & ~page->free; live; live &= live - 1)
		left++;
	/* A device that is gone keeps what it has. */
	if (!left && pool->dev->id != DMA_ID_GONE)
		dma_free_attrs(pool->dev, pool->span, page->cpu, (dma_addr_t){page->bus},
			       DMA_ATTR_POOL);
	kfree(pool->dev->sys->kmem, page);
	return left;
}

void dma_pool_destroy(struct dma_pool *pool)
{
	struct ledger_entry *entry = NULL;
	uint64_t left = 0;

	if (!pool)
		return;
	while ((entry = ledger_next(&pool->by_address, entry)))
		left += free_page(pool, (struct pool_page *)entry->value);
	ledger_clear(&pool->by_address, pool->dev->sys->zones);
	if (left)
		dma_misuse(pool->dev, DMA_MISUSE_POOL_LEFT, 0, left, DMA_CALLER);
	kfree(pool->dev->sys->kmem, pool);
}

/* --- blocks --- */

/* A free block of the page; negative: it has none. */
static inline int take_block(struct pool_page *page)
{
	uint64_t free = __atomic_load_n(&page->free, __ATOMIC_RELAXED);

	while (free)
		if (__atomic_compare_exchange_n(&page->free, &free, free & (free - 1), true,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return __builtin_ctzll(free);
	return -1;
}

/*
 * Take off the pages with nothing in them, but the last. What is given back
 * meanwhile either is seen here, after that, or sees itself that the page is off.
 */
static bool find_room(struct dma_pool *pool)
{
	unsigned long flags = port_lock(&pool->lock);
	struct pool_page *page = pool->room;

	while (page->next && !page->free) {
		__atomic_store_n(&page->has_room, false, __ATOMIC_SEQ_CST);
		page->has_room = __atomic_load_n(&page->free, __ATOMIC_SEQ_CST);
		if (!page->has_room)
			page = page->next;
	}
	__atomic_store_n(&pool->room, page, __ATOMIC_RELEASE);
	port_unlock(&pool->lock, flags);
	return page->free;
}

static NOINLINE void *alloc_slowly(struct dma_pool *pool, dma_addr_t *handle)
{
	*handle = DMA_MAPPING_ERROR;
	return find_room(pool) || add_page(pool) ? dma_pool_alloc(pool, handle) : NULL;
}

void *dma_pool_alloc(struct dma_pool *pool, dma_addr_t *handle)
{
	struct pool_page *page = __atomic_load_n(&pool->room, __ATOMIC_ACQUIRE);
	int i = take_block(page);
	uint64_t offset = (unsigned)i * pool->stride;

	if (__builtin_expect(i < 0, 0))
		return alloc_slowly(pool, handle);
	handle->bus = page->bus + offset;
	return page->cpu + offset;
}

void *dma_pool_zalloc(struct dma_pool *pool, dma_addr_t *handle)
{
	/* In words, each written once: it may be the memory of a device. */
	volatile uint64_t *block = dma_pool_alloc(pool, handle);

	for (size_t i = 0; block && i < pool->stride / sizeof(*block); i++)
		block[i] = 0;
	return (void *)block;
}

static NOINLINE void has_room_again(struct dma_pool *pool, struct pool_page *page)
{
	unsigned long flags = port_lock(&pool->lock);

	if (!page->has_room)
		put_on_locked(pool, page);
	port_unlock(&pool->lock, flags);
}

static NOINLINE void misuse(struct dma_pool *pool, enum dma_misuse_kind kind, uint64_t bus,
			    const void *caller)
{
	dma_misuse(pool->dev, kind, bus, pool->stride, caller);
}

/* Give back what begins `offset` bytes into the page, which is in its span. */
static inline void give_block(struct dma_pool *pool, struct pool_page *page, uint64_t offset,
			      const void *caller)
{
	uint64_t i = offset * pool->reciprocal >> 32, bit = 1UL << (i & 63);

	if (i * pool->stride != offset ||
	    (__atomic_fetch_or(&page->free, bit, __ATOMIC_SEQ_CST) & bit))
		misuse(pool, DMA_MISUSE_POOL_BLOCK, page->bus + offset, caller);
	else if (!__atomic_load_n(&page->has_room, __ATOMIC_SEQ_CST))
		has_room_again(pool, page);
}

/* Is it as far into the page by pointer as by handle? */
static inline bool is_at(const struct dma_pool *pool, const struct pool_page *page, uint64_t block,
			 uint64_t bus)
{
	return bus - page->bus < pool->span && block - (uint64_t)page->cpu == bus - page->bus;
}

static NOINLINE void free_elsewhere(struct dma_pool *pool, uint64_t block, uint64_t bus,
				    const void *caller)
{
	unsigned long flags = port_lock(&pool->lock);
	struct ledger_entry *entry = ledger_find(&pool->by_address, bus);
	struct pool_page *page = entry ? (struct pool_page *)entry->value : NULL;

	port_unlock(&pool->lock, flags);
	if (!page || bus - page->bus >= pool->span) {
		misuse(pool, DMA_MISUSE_POOL_BLOCK, bus, caller);
	} else if (!is_at(pool, page, block, bus)) {
		misuse(pool, DMA_MISUSE_CPU_ADDRESS, bus, caller);
	} else {
		__atomic_store_n(&pool->last, page, __ATOMIC_RELAXED);
		give_block(pool, page, bus - page->bus, caller);
	}
}

void dma_pool_free(struct dma_pool *pool, void *block, dma_addr_t handle)
{
	struct pool_page *page = __atomic_load_n(&pool->last, __ATOMIC_RELAXED);

	if (is_at(pool, page, (uintptr_t)block, handle.bus))
		give_block(pool, page, handle.bus - page->bus, DMA_CALLER);
	else
		free_elsewhere(pool, (uintptr_t)block, handle.bus, DMA_CALLER);
}
