/* SPDX-License-Identifier: MIT */
#include "dma/transient.h"

#include "dma/port.h"

struct dma_transient {
	struct dma_transient *next; /* in its bucket */
	uint64_t block;
	uint64_t start; /* of the mapping */
	unsigned order;
	struct swiotlb_slot record;
};

static uint64_t last_byte(const struct dma_transient *t)
{
	return t->block + (PAGE_SIZE << t->order) - 1;
}

static struct dma_transient **bucket(struct dma_system *sys, uint64_t block)
{
	/* Fibonacci hashing: the top 6 bits of the frame times 2^64 / golden ratio. */
	return &sys->transient[(block >> PAGE_SHIFT) * 0x9e3779b97f4a7c15 >> 58];
}
_Static_assert(DMA_TRANSIENT_BUCKETS == 64, "bucket() yields 6 bits");

void transient_reset_bounds(struct dma_system *sys)
{
	uint64_t bytes = (uint64_t)sys->pool->slots << SWIOTLB_SHIFT;

	sys->bounce_first = bytes ? sys->pool->base.value : UINT64_MAX;
	sys->bounce_last = bytes ? sys->pool->base.value + bytes - 1 : 0;
}

static void insert(struct dma_system *sys, struct dma_transient *t)
{
	unsigned long flags = port_lock(&sys->lock);
	struct dma_transient **head = bucket(sys, t->block);

	t->next = *head;
	*head = t;
	sys->transients++;
	if (t->block < sys->bounce_first)
		sys->bounce_first = t->block;
	if (last_byte(t) > sys->bounce_last)
		sys->bounce_last = last_byte(t);
	port_unlock(&sys->lock, flags);
}

/* What of the block is not the mapping's. */
static void zero_slack(const struct dma_transient *t)
{
	uint64_t end = t->start + t->record.length;

	port_zero(phys(t->block), t->start - t->block);
	port_zero(phys(end), last_byte(t) + 1 - end);
}

/* Pages for *t under `fit`; false where there are none. */
static bool get_block(struct dma_system *sys, const struct swiotlb_fit *fit,
		      struct dma_transient *t)
{
	uint64_t low_bits = (t->record.original - fit->shift) & fit->min_align_mask;
	uint64_t size = low_bits + t->record.length;
	struct page_request request = {
		.zone = ZONE_NORMAL, .dma_reserve = true, .limit = fit->last};

	if (size <= fit->min_align_mask)
		size = (uint64_t)fit->min_align_mask + 1;
	while (PAGE_SIZE << request.order < size)
		request.order++;
	if (request.order > BUDDY_MAX_ORDER)
		return false;
	t->block = pages_alloc(sys->zones, &request).value;
	t->order = request.order;
	t->start = t->block + low_bits;
	return t->block != PHYS_NONE.value;
}

/*
 * The allocator knows no lower end, and a block aligned to its size keeps every
 * boundary only where the bus offset does.
 */
static bool fits(const struct swiotlb_fit *fit, const struct dma_transient *t)
{
	return t->start >= fit->first &&
	       !dma_range_crosses(t->start + fit->shift, t->record.length, fit->boundary_mask);
}

phys_addr_t transient_take(struct dma_system *sys, const struct swiotlb_fit *fit,
			   struct swiotlb_slot record)
{
	struct dma_transient *t = kmalloc(sys->kmem, sizeof(*t));

	if (!t)
		return PHYS_NONE;
	t->record = record;
	if (!get_block(sys, fit, t)) {
		kfree(sys->kmem, t);
		return PHYS_NONE;
	}
	if (!fits(fit, t)) {
		pages_free(sys->zones, phys(t->block), t->order);
		kfree(sys->kmem, t);
		return PHYS_NONE;
	}
	zero_slack(t);
	insert(sys, t);
	return phys(t->start);
}

/* Where the pointer to the mapping that holds `addr` is; NULL. */
static struct dma_transient **find_locked(struct dma_system *sys, uint64_t addr)
{
	struct dma_transient **link;

	for (unsigned order = 0; order <= BUDDY_MAX_ORDER; order++) {
		uint64_t block = ALIGN_DOWN(addr, PAGE_SIZE << order);

		for (link = bucket(sys, block); *link; link = &(*link)->next)
			if ((*link)->block == block && (*link)->order == order)
				return addr - (*link)->start < (*link)->record.length ? link : NULL;
	}
	return NULL;
}

bool transient_find(struct dma_system *sys, phys_addr_t addr, phys_addr_t *start,
		    struct swiotlb_slot *record)
{
	unsigned long flags = port_lock(&sys->lock);
	struct dma_transient **link = sys->transients ? find_locked(sys, addr.value) : NULL;

	if (link) {
		*start = phys((*link)->start);
		*record = (*link)->record;
	}
	port_unlock(&sys->lock, flags);
	return link != NULL;
}

/* Take the mapping that starts there out of the table; NULL where there is none. */
static struct dma_transient *take_out(struct dma_system *sys, phys_addr_t start)
{
	unsigned long flags = port_lock(&sys->lock);
	struct dma_transient **link = find_locked(sys, start.value), *t = NULL;

	if (link && (*link)->start == start.value) {
		t = *link;
		*link = t->next;
		if (--sys->transients == 0)
			transient_reset_bounds(sys);
	}
	port_unlock(&sys->lock, flags);
	return t;
}

bool transient_put(struct dma_system *sys, phys_addr_t start)
{
	struct dma_transient *t = take_out(sys, start);

	if (!t)
		return false;
	pages_free(sys->zones, phys(t->block), t->order);
	kfree(sys->kmem, t);
	return true;
}

void transient_settle(struct dma_system *sys, phys_addr_t start, bool settled)
{
	unsigned long flags = port_lock(&sys->lock);
	struct dma_transient **link = find_locked(sys, start.value);

	if (link)
		(*link)->record.settled = settled;
	port_unlock(&sys->lock, flags);
}

size_t transient_abandon(struct dma_system *sys, uint16_t device)
{
	unsigned long flags = port_lock(&sys->lock);
	size_t n = 0;

	for (size_t i = 0; i < DMA_TRANSIENT_BUCKETS; i++) {
		for (struct dma_transient *t = sys->transient[i]; t; t = t->next) {
			if (t->record.device == device) {
				t->record.device = 0;
				n++;
			}
		}
	}
	port_unlock(&sys->lock, flags);
	return n;
}

bool transient_meets(struct dma_system *sys, uint64_t first, uint64_t last)
{
	unsigned long flags = port_lock(&sys->lock);
	bool meets = false;

	for (size_t i = 0; i < DMA_TRANSIENT_BUCKETS && sys->transients; i++)
		for (struct dma_transient *t = sys->transient[i]; t; t = t->next)
			meets |= first <= last_byte(t) && t->block <= last;
	port_unlock(&sys->lock, flags);
	return meets;
}
