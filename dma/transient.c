/* SPDX-License-Identifier: MIT */
/*
 * A mapping's entry in sys->transients has its block's order in the kind, and
 * where the mapping starts in that block.
 */
#include "dma/transient.h"

#include "dma/port.h"

static unsigned order_of(const struct ledger_entry *t)
{
	return ledger_kind(t) - 1;
}

static uint64_t last_byte(const struct ledger_entry *t)
{
	return ledger_addr(t) + (PAGE_SIZE << order_of(t)) - 1;
}

void transient_reset_bounds(struct dma_system *sys)
{
	uint64_t bytes = swiotlb_bytes(sys->pool);

	sys->bounce_first = bytes ? sys->pool->base.value : UINT64_MAX;
	sys->bounce_last = bytes ? sys->pool->base.value + bytes - 1 : 0;
}

static bool enter(struct dma_system *sys, const struct ledger_entry *t)
{
	unsigned long flags = port_lock(&sys->lock);
	struct ledger_entry *entry =
		ledger_add(&sys->transients, sys->zones, ledger_addr(t), ledger_kind(t));

	if (entry) {
		*entry = *t;
		if (ledger_addr(t) < sys->bounce_first)
			sys->bounce_first = ledger_addr(t);
		if (last_byte(t) > sys->bounce_last)
			sys->bounce_last = last_byte(t);
	}
	port_unlock(&sys->lock, flags);
	return entry;
}

/* What of the block is not the mapping's. */
static void zero_slack(const struct ledger_entry *t)
{
	uint64_t end = t->value + t->record.length;

	port_zero(phys(ledger_addr(t)), t->value - ledger_addr(t));
	port_zero(phys(end), last_byte(t) + 1 - end);
}

/*
 * What a block of `size` bytes must keep so that a mapping which begins `low_bits`
 * behind its beginning is in the window and crosses no boundary. Where blocks lie on
 * the bus, but for multiples of their size, is the same for all: so either no mapping
 * there crosses one, or those do whose blocks cross it.
 */
static struct page_fit block_fit(const struct swiotlb_fit *fit, uint64_t low_bits, uint64_t length,
				 uint64_t size)
{
	bool may =
		dma_range_crosses(fit->shift + low_bits, length, fit->boundary_mask & (size - 1));

	return (struct page_fit){.first = fit->first > low_bits ? fit->first - low_bits : 0,
				 .boundary_mask = may ? fit->boundary_mask : UINT64_MAX,
				 .shift = fit->shift};
}

/* No block was to be had. Could one ever, and if so: is a page free that the device reaches? */
static enum dma_failure why_none(struct zones *zones, const struct swiotlb_fit *fit,
				 struct page_request request)
{
	const struct page_fit page = {.first = fit->first, .boundary_mask = UINT64_MAX};
	const struct range_list *ram = &zones->map->ram;
	uint64_t size = PAGE_SIZE << request.order, first = request.fit->first;
	bool ever = false;

	for (const struct mem_range *r = ram->range; r < ram->range + ram->count; r++) {
		uint64_t at = ALIGN_UP(first > r->start ? first : r->start, size);

		ever |= dma_range_within(at, size, r->end - 1) &&
			dma_range_within(at, size, fit->last);
	}
	if (!ever || request.order > BUDDY_MAX_ORDER || request.fit->boundary_mask < size)
		return DMA_FAIL_OUT_OF_MASK;
	request.order = 0;
	request.fit = &page;
	for (unsigned i = 0; i < ZONE_COUNT; i++)
		if (buddy_fits(&zones->zone[i].buddy, &request))
			return DMA_FAIL_FRAGMENTED;
	return DMA_FAIL_EXHAUSTED;
}

phys_addr_t transient_take(struct dma_system *sys, const struct swiotlb_fit *fit,
			   struct swiotlb_slot record, enum dma_failure *why)
{
	uint64_t low_bits = swiotlb_low_bits(fit, record.original);
	uint64_t size = low_bits + record.length;
	struct page_fit keep;
	struct page_request request = {
		.zone = ZONE_NORMAL, .dma_reserve = true, .limit = fit->last, .fit = &keep};
	struct ledger_entry t = {.record = record};
	phys_addr_t block;

	/* A block of `min_align_mask` and one more has any low bits. */
	while (PAGE_SIZE << request.order < size ||
	       (PAGE_SIZE << request.order) <= fit->min_align_mask)
		request.order++;
	keep = block_fit(fit, low_bits, record.length, PAGE_SIZE << request.order);
	block = pages_alloc(sys->zones, &request);
	if (!phys_is_none(block)) {
		t.key = block.value | (request.order + 1);
		t.value = block.value + low_bits;
		zero_slack(&t);
		if (enter(sys, &t))
			return phys(t.value);
		pages_free(sys->zones, block, request.order);
	}
	*why = why_none(sys->zones, fit, request);
	return PHYS_NONE;
}

bool transient_find(struct dma_system *sys, phys_addr_t addr, phys_addr_t *start,
		    struct swiotlb_slot *record)
{
	unsigned long flags = port_lock(&sys->lock);
	struct ledger_entry *entry = ledger_holding(&sys->transients, addr.value, 0);

	if (entry) {
		*start = phys(entry->value);
		*record = entry->record;
	}
	port_unlock(&sys->lock, flags);
	return entry;
}

bool transient_put(struct dma_system *sys, phys_addr_t start)
{
	unsigned long flags = port_lock(&sys->lock);
	struct ledger_entry *entry = ledger_holding(&sys->transients, start.value, 0), gone;
	bool found = entry && entry->value == start.value;

	if (found) {
		gone = *entry;
		ledger_drop(&sys->transients, sys->zones, entry);
		if (sys->transients.count == 0)
			transient_reset_bounds(sys);
	}
	port_unlock(&sys->lock, flags);
	if (found)
		pages_free(sys->zones, phys(ledger_addr(&gone)), order_of(&gone));
	return found;
}

void transient_settle(struct dma_system *sys, phys_addr_t start, bool settled)
{
	unsigned long flags = port_lock(&sys->lock);
	struct ledger_entry *entry = ledger_holding(&sys->transients, start.value, 0);

	if (entry)
		entry->record.settled = settled;
	port_unlock(&sys->lock, flags);
}

bool transient_meets(struct dma_system *sys, uint64_t first, uint64_t last)
{
	unsigned long flags = port_lock(&sys->lock);
	bool meets = false;

	for (struct ledger_entry *e = NULL; (e = ledger_next(&sys->transients, e));)
		meets |= first <= last_byte(e) && ledger_addr(e) <= last;
	port_unlock(&sys->lock, flags);
	return meets;
}
