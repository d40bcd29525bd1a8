/* SPDX-License-Identifier: MIT */
#include "dma/ledger.h"

#define PAGE_BITS 7 /* a page has 2^7 entries */

_Static_assert(PAGE_SIZE / sizeof(struct ledger_entry) == 1 << PAGE_BITS, "what a page holds");

static void use_table(struct ledger *ledger, struct ledger_entry *entry, unsigned bits)
{
	memset(entry, 0, sizeof(*entry) << bits);
	ledger->entry = entry;
	ledger->mask = (1UL << bits) - 1;
	ledger->room = (3UL << bits) / 4;
	ledger->shift = 64 - bits;
}

static void free_table(struct zones *zones, struct ledger_entry *entry, unsigned shift)
{
	pages_free(zones, port_virt_to_phys(entry), 64 - PAGE_BITS - shift);
}

void ledger_init(struct ledger *ledger)
{
	ledger->count = 0;
	use_table(ledger, ledger->first, LEDGER_FIRST_BITS);
}

bool ledger_grow(struct ledger *ledger, struct zones *zones)
{
	struct ledger_entry *old = ledger->entry;
	size_t old_size = ledger->mask + 1;
	unsigned old_shift = ledger->shift,
		 bits = old == ledger->first ? PAGE_BITS : 66 - old_shift;
	const struct page_request request = {
		.zone = ZONE_NORMAL, .order = bits - PAGE_BITS, .limit = NO_LIMIT};
	phys_addr_t block = pages_alloc(zones, &request);

	if (phys_is_none(block))
		return ledger->count < ledger->mask; /* one is always empty: there a search ends */
	use_table(ledger, port_phys_to_virt(block), bits);
	for (size_t i = 0; i < old_size; i++)
		if (old[i].key)
			*ledger_search(ledger, old[i].key) = old[i];
	if (old != ledger->first)
		free_table(zones, old, old_shift);
	return true;
}

struct ledger_entry *ledger_close_up(struct ledger *ledger, struct ledger_entry *entry)
{
	struct ledger_entry *table = ledger->entry;
	size_t mask = ledger->mask, hole = entry - table, i = hole;

	/* Who has his home at the hole or before it moves into it, and leaves another. */
	while (i = (i + 1) & mask, table[i].key) {
		if (((i - ledger_home(ledger, table[i].key)) & mask) < ((i - hole) & mask))
			continue;
		table[hole] = table[i];
		hole = i;
	}
	return &table[hole];
}

void ledger_clear(struct ledger *ledger, struct zones *zones)
{
	if (ledger->entry != ledger->first)
		free_table(zones, ledger->entry, ledger->shift);
	ledger_init(ledger);
}

struct ledger_entry *ledger_next(struct ledger *ledger, struct ledger_entry *entry)
{
	entry = entry ? entry + 1 : ledger->entry;
	for (; entry <= ledger->entry + ledger->mask; entry++)
		if (entry->key)
			return entry;
	return NULL;
}

struct ledger_entry *ledger_holding(struct ledger *ledger, uint64_t addr, uint64_t shift)
{
	uint64_t block = addr; /* in any case its own page */

	for (unsigned order = 0; ledger->count && order <= BUDDY_MAX_ORDER;) {
		struct ledger_entry *entry = ledger_find(ledger, block);

		if (entry && addr - entry->value < entry->record.length)
			return entry;
		block = ALIGN_DOWN(addr + shift, PAGE_SIZE << ++order) - shift;
	}
	return NULL;
}

void ledger_disown(struct ledger *ledger, uint16_t device)
{
	for (struct ledger_entry *e = NULL; (e = ledger_next(ledger, e));)
		if (e->record.device == device)
			e->record.device = 0;
}
