/* SPDX-License-Identifier: MIT */
#include "dma/transient.h"

#include "dma/port.h"

struct dma_transient {
	uint64_t block;
	uint64_t start; /* of the mapping */
	unsigned order;
	struct swiotlb_slot record;
};

static uint64_t last_byte(const struct dma_transient *t)
{
	return t->block + (PAGE_SIZE << t->order) - 1;
}

static struct dma_transient *of_entry(const struct ledger_entry *entry)
{
	return (struct dma_transient *)entry->value;
}

void transient_reset_bounds(struct dma_system *sys)
{
	uint64_t bytes = (uint64_t)sys->pool->slots << SWIOTLB_SHIFT;

	sys->bounce_first = bytes ? sys->pool->base.value : UINT64_MAX;
	sys->bounce_last = bytes ? sys->pool->base.value + bytes - 1 : 0;
}

static bool insert(struct dma_system *sys, struct dma_transient *t)
{
	unsigned long flags = port_lock(&sys->lock);
	bool done = ledger_add(&sys->transients, sys->zones, t->block, 1, (uint64_t)t);

	if (done && t->block < sys->bounce_first)
		sys->bounce_first = t->block;
	if (done && last_byte(t) > sys->bounce_last)
		sys->bounce_last = last_byte(t);
	port_unlock(&sys->lock, flags);
	return done;
}

static void discard(struct dma_system *sys, struct dma_transient *t)
{
	if (t->block != PHYS_NONE.value)
		pages_free(sys->zones, phys(t->block), t->order);
	kfree(sys->kmem, t);
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
	if (get_block(sys, fit, t) && fits(fit, t)) {
		zero_slack(t);
		if (insert(sys, t))
			return phys(t->start);
	}
	discard(sys, t);
	return PHYS_NONE;
}

/* The entry of the mapping that holds `addr`; NULL. */
static struct ledger_entry *find_locked(struct dma_system *sys, uint64_t addr)
{
	for (unsigned order = 0; sys->transients.count && order <= BUDDY_MAX_ORDER; order++) {
		uint64_t block = ALIGN_DOWN(addr, PAGE_SIZE << order);
		struct ledger_entry *entry = ledger_find(&sys->transients, block);

		if (entry && of_entry(entry)->order == order)
			return addr - of_entry(entry)->start < of_entry(entry)->record.length
				       ? entry
				       : NULL;
	}
	return NULL;
}

bool transient_find(struct dma_system *sys, phys_addr_t addr, phys_addr_t *start,
		    struct swiotlb_slot *record)
{
	unsigned long flags = port_lock(&sys->lock);
	struct ledger_entry *entry = find_locked(sys, addr.value);

	if (entry) {
		*start = phys(of_entry(entry)->start);
		*record = of_entry(entry)->record;
	}
	port_unlock(&sys->lock, flags);
	return entry != NULL;
}

/* Take the mapping that starts there out of the ledger; NULL where there is none. */
static struct dma_transient *take_out(struct dma_system *sys, phys_addr_t start)
{
	unsigned long flags = port_lock(&sys->lock);
	struct ledger_entry *entry = find_locked(sys, start.value);
	struct dma_transient *t = entry ? of_entry(entry) : NULL;

	if (t && t->start == start.value) {
		ledger_drop(&sys->transients, sys->zones, entry);
		if (sys->transients.count == 0)
			transient_reset_bounds(sys);
	} else {
		t = NULL;
	}
	port_unlock(&sys->lock, flags);
	return t;
}

bool transient_put(struct dma_system *sys, phys_addr_t start)
{
	struct dma_transient *t = take_out(sys, start);

	if (t)
		discard(sys, t);
	return t != NULL;
}

void transient_settle(struct dma_system *sys, phys_addr_t start, bool settled)
{
	unsigned long flags = port_lock(&sys->lock);
	struct ledger_entry *entry = find_locked(sys, start.value);

	if (entry)
		of_entry(entry)->record.settled = settled;
	port_unlock(&sys->lock, flags);
}

size_t transient_abandon(struct dma_system *sys, uint16_t device)
{
	unsigned long flags = port_lock(&sys->lock);
	size_t n = 0;

	for (struct ledger_entry *e = NULL; (e = ledger_next(&sys->transients, e));) {
		if (of_entry(e)->record.device == device) {
			of_entry(e)->record.device = 0;
			n++;
		}
	}
	port_unlock(&sys->lock, flags);
	return n;
}

bool transient_meets(struct dma_system *sys, uint64_t first, uint64_t last)
{
	unsigned long flags = port_lock(&sys->lock);
	bool meets = false;

	for (struct ledger_entry *e = NULL; (e = ledger_next(&sys->transients, e));)
		meets |= first <= last_byte(of_entry(e)) && of_entry(e)->block <= last;
	port_unlock(&sys->lock, flags);
	return meets;
}
