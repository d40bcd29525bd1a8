/* SPDX-License-Identifier: MIT */
/*
 * A ledger: what is known of memory that was handed out for long, outside of
 * that memory. A hash table from page-aligned addresses.
 *
 *	entry   | 0x5000|1, ... | (empty) | 0x9000|2, ... | 0x1000|1, ... | ...
 *	                                    home ^          ^ its home was taken: next
 *
 * Whoever is not at home has no empty entry between home and himself; so a
 * search ends at the first empty one. The table is four times as large when
 * three quarters are used, and as small as it began when none is.
 *
 * The caller holds the lock of whatever the ledger is of.
 */
#ifndef DMA_LEDGER_H
#define DMA_LEDGER_H

#include "dma/swiotlb.h"
#include "mm/pages.h"

struct ledger_entry {
	uint64_t key; /* address | kind; 0: empty */
	/* the owner's; of memory that a device has: */
	uint64_t value;		    /* its first byte */
	struct swiotlb_slot record; /* and what else is known of it */
};

#define LEDGER_FIRST_BITS 4
#define LEDGER_FIRST	  (1 << LEDGER_FIRST_BITS) /* entries that it begins with */

struct ledger {
	struct ledger_entry *entry; /* 2^bits of them; `first`, or in pages */
	size_t mask;		    /* 2^bits - 1 */
	unsigned shift;		    /* 64 - bits */
	size_t count, room;	    /* used; and so many at most without growing */
	struct ledger_entry first[LEDGER_FIRST];
};

/* An empty one. It stays where it is. */
void ledger_init(struct ledger *ledger);

/* Inside: make room for one more. False: there is no memory. */
bool ledger_grow(struct ledger *ledger, struct zones *zones);

/*
 * Inside: move whoever comes behind an entry that is to go, so that nobody has an
 * empty one before him; returns the one that is to be empty instead.
 */
struct ledger_entry *ledger_close_up(struct ledger *ledger, struct ledger_entry *entry);

/* Empty it, and give back its pages. */
void ledger_clear(struct ledger *ledger, struct zones *zones);

/* The entry behind this one, in no order; of NULL the first; NULL: there is none. */
struct ledger_entry *ledger_next(struct ledger *ledger, struct ledger_entry *entry);

/*
 * Of memory that begins in a block aligned to its size, once `shift` is added:
 * whatever holds the byte at `addr`; NULL.
 */
struct ledger_entry *ledger_holding(struct ledger *ledger, uint64_t addr, uint64_t shift);

/* All memory of `device` is nobody's (device 0): it is never handed out again. */
void ledger_disown(struct ledger *ledger, uint16_t device);

/* Fibonacci hashing: the top bits of the page's number times 2^64 / golden ratio. */
static inline size_t ledger_home(const struct ledger *ledger, uint64_t key)
{
	return (key >> PAGE_SHIFT) * 0x9e3779b97f4a7c15 >> ledger->shift;
}

/* Where the page's entry is, or, where there is none, would be. */
static inline struct ledger_entry *ledger_search(struct ledger *ledger, uint64_t addr)
{
	size_t i = ledger_home(ledger, addr);

	while (ledger->entry[i].key && (ledger->entry[i].key ^ addr) >= PAGE_SIZE)
		i = (i + 1) & ledger->mask;
	return &ledger->entry[i];
}

/* The entry of the page that holds `addr`; NULL. */
static inline struct ledger_entry *ledger_find(struct ledger *ledger, uint64_t addr)
{
	struct ledger_entry *entry = ledger_search(ledger, addr);

	return entry->key ? entry : NULL;
}

/* Enter a page that isn't in it, with a kind from 1 to PAGE_SIZE - 1. NULL: no memory. */
static inline struct ledger_entry *ledger_add(struct ledger *ledger, struct zones *zones,
					      uint64_t addr, unsigned kind)
{
	struct ledger_entry *entry;

	if (ledger->count >= ledger->room && !ledger_grow(ledger, zones))
		return NULL;
	entry = ledger_search(ledger, addr);
	entry->key = addr | kind;
	ledger->count++;
	return entry;
}

/* The entry is gone, and what ledger_find() told of others is stale. */
static inline void ledger_drop(struct ledger *ledger, struct zones *zones,
			       struct ledger_entry *entry)
{
	size_t behind = (size_t)(entry - ledger->entry + 1) & ledger->mask;

	if (ledger->entry[behind].key)
		entry = ledger_close_up(ledger, entry);
	entry->key = 0;
	if (--ledger->count == 0 && ledger->entry != ledger->first)
		ledger_clear(ledger, zones);
}

static inline unsigned ledger_kind(const struct ledger_entry *entry)
{
	return entry->key & (PAGE_SIZE - 1);
}

static inline uint64_t ledger_addr(const struct ledger_entry *entry)
{
	return ALIGN_DOWN(entry->key, PAGE_SIZE);
}

#endif
