/* SPDX-License-Identifier: MIT */
/*
 * Small objects. A page of a class:
 *
 *	0                        first                                   4096
 *	| struct kmem_page, free | object 0 | object 1 | ... | object n - 1 |
 *
 * The bitmap `free` is as long as the class needs. Objects are a power of two in
 * size, but for the last class: two of 2,032 and 32 bytes of header fill a page.
 *
 * Invariant: a page is on its class's list while it has room; none is empty.
 * Under the kmem's lock: all pages. The zones' locks are taken inside it.
 */
#include "mm/kmem.h"

#define SHIFT_MIN 4 /* 16 bytes */

struct kmem_page {
	struct kmem_page *next, **link; /* in partial[], while it has room; what points here */
	uint32_t owner;			/* owner_tag() of its kmem */
	uint16_t class;
	uint16_t live;	 /* objects */
	uint64_t free[]; /* a bit an object */
};

struct size_class {
	uint16_t size, first, count; /* bytes, offset of object 0, objects in a page */
};

/* The header and a bit an object, up to a multiple of 16; then objects to the page's end. */
#define WORDS(size) ((PAGE_SIZE / (size) + 63) / 64)
#define FIRST(size) ALIGN_UP(sizeof(struct kmem_page) + WORDS(size) * sizeof(uint64_t), 16)
#define CLASS(size)                                                                                \
	{                                                                                          \
		size, FIRST(size), (PAGE_SIZE - FIRST(size)) / (size)                              \
	}

static const struct size_class classes[KMEM_CLASSES] = {
	CLASS(16),  CLASS(32),	CLASS(64),   CLASS(128),
	CLASS(256), CLASS(512), CLASS(1024), CLASS(KMEM_MAX),
};

_Static_assert(PAGE_SIZE - FIRST(KMEM_MAX) == 2 * KMEM_MAX, "the last class wastes nothing");

/* No two kernel objects are 4 GiB apart, so the low half of the address tells which it is. */
static uint32_t owner_tag(const struct kmem *kmem)
{
	return (uint32_t)(uintptr_t)kmem ^ 0x6d656d6b;
}

static unsigned class_of(size_t size)
{
	return size <= 16 ? 0 : 64 - SHIFT_MIN - (unsigned)__builtin_clzll(size - 1);
}

static void list_push(struct kmem *kmem, struct kmem_page *page)
{
	page->link = &kmem->partial[page->class];
	page->next = *page->link;
	if (page->next)
		page->next->link = &page->next;
	*page->link = page;
}

static void list_drop(struct kmem_page *page)
{
	*page->link = page->next;
	if (page->next)
		page->next->link = page->link;
}

void kmem_init(struct kmem *kmem, struct zones *zones)
{
	*kmem = (struct kmem){.zones = zones};
}

static struct kmem_page *new_page(struct kmem *kmem, unsigned class)
{
	const struct page_request request = {.zone = ZONE_NORMAL, .limit = NO_LIMIT};
	phys_addr_t addr = pages_alloc(kmem->zones, &request);
	struct kmem_page *page;

	if (phys_is_none(addr))
		return NULL;
	page = port_phys_to_virt(addr);
	memset(page, KMEM_POISON, PAGE_SIZE);
	memset(page, 0, classes[class].first);
	page->owner = owner_tag(kmem);
	page->class = class;
	for (size_t i = 0; i < classes[class].count; i++)
		page->free[i / 64] |= hbitmap_bit(i);
	list_push(kmem, page);
	kmem->pages++;
	return page;
}

/* An object of a page of that class that has room. */
static inline void *take_object(struct kmem *kmem, struct kmem_page *page, unsigned class)
{
	unsigned w = 0, bit;

	while (!page->free[w])
		w++;
	bit = (unsigned)__builtin_ctzll(page->free[w]);
	page->free[w] &= page->free[w] - 1;
	kmem->objects++;
	if (++page->live == classes[class].count)
		list_drop(page);
	return (char *)page + classes[class].first + (size_t)(w * 64 + bit) * classes[class].size;
}

void *kmalloc(struct kmem *kmem, size_t size)
{
	struct kmem_page *page;
	void *object = NULL;
	unsigned long flags;
	unsigned class;

	if (size == 0 || size > KMEM_MAX)
		return NULL;
	class = class_of(size);
	flags = port_lock(&kmem->lock);
	page = kmem->partial[class];
	if (!page)
		page = new_page(kmem, class);
	if (page)
		object = take_object(kmem, page, class);
	port_unlock(&kmem->lock, flags);
	return object ? memset(object, 0, classes[class].size) : NULL;
}

/* Which object of a page of that class begins at `offset`; at or above `count`: none does. */
static inline size_t index_at(unsigned class, size_t offset)
{
	/* The last class's objects are 16 bytes short of their power of two; there are but two. */
	size_t size = classes[class].size, pad = (1UL << (SHIFT_MIN + class)) - size;
	/* (Below the first object it wraps, to an index far beyond.) */
	size_t index = (offset - classes[class].first + pad) >> (SHIFT_MIN + class);

	return classes[class].first + index * size == offset ? index : SIZE_MAX;
}

/* What is wrong with freeing what is there? PAGE_FINE: nothing, it is object *index. */
static inline enum page_misuse judge(struct kmem *kmem, const struct kmem_page *page, size_t offset,
				     size_t *index)
{
	phys_addr_t addr = port_virt_to_phys(page);

	/* Only a page that is allocated is there to be looked at. */
	if (!pages_allocated(kmem->zones, addr, 0))
		return pages_misuse(kmem->zones, addr, 0);
	if (page->owner != owner_tag(kmem) || page->class >= KMEM_CLASSES)
		return PAGE_RESERVED;
	*index = index_at(page->class, offset);
	if (*index >= classes[page->class].count)
		return PAGE_UNALIGNED;
	return page->free[*index / 64] & hbitmap_bit(*index) ? PAGE_DOUBLE_FREE : PAGE_FINE;
}

static inline void put_object(struct kmem *kmem, struct kmem_page *page, void *object, size_t index)
{
	const struct size_class *class = &classes[page->class];

	memset(object, KMEM_POISON, class->size);
	page->free[index / 64] |= hbitmap_bit(index);
	kmem->objects--;
	if (page->live-- == class->count)
		list_push(kmem, page);
	if (page->live > 0)
		return;
	list_drop(page);
	page->owner = 0;
	kmem->pages--;
	pages_free(kmem->zones, port_virt_to_phys(page), 0);
}

void kfree(struct kmem *kmem, void *object)
{
	size_t offset = (uintptr_t)object & (PAGE_SIZE - 1), index = 0;
	struct kmem_page *page = (struct kmem_page *)((uintptr_t)object - offset);
	enum page_misuse why;
	unsigned long flags;

	if (!object)
		return;
	flags = port_lock(&kmem->lock);
	why = judge(kmem, page, offset, &index);
	if (why == PAGE_FINE)
		put_object(kmem, page, object, index);
	port_unlock(&kmem->lock, flags);
	if (why != PAGE_FINE)
		port_page_misuse(why, port_virt_to_phys(object), 0, __builtin_return_address(0));
}
