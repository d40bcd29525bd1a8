/* SPDX-License-Identifier: MIT */
/*
 * A pool of slots, of which runs are taken. The free ones are indexed by length
 * and place: which is the topmost or lowest one of a length is a few bit scans,
 * at every fill.
 *
 *	used    ...1|000000000000|1111|00|1...      a bit a slot
 *	head    ...0|------------|1001|--|0...      where a run begins that was taken
 *	length      |12 ...... 12|    |2 2|         of a free run's first and last slot
 *
 * Runs are sorted into classes: one for each length up to 128, from there on
 * four for each doubling, of 129 to 160 slots, to 192, 224, 256, 320, ...: so
 * that a whole pool of 2^n slots stays in its class as it shrinks. A class of
 * runs of `n` slots or more divides the pool into groups of `g` slots, g = the
 * power of two in min(n, 64): no two of its runs begin in one group, and a run
 * reaches at least to the end of the group in which it begins. So a bit a group
 * says all: the run begins behind the group's last used slot, which a mask and a
 * scan of one word of `used` find.
 *
 * The groups' bits are the leaves of a tree of words, in which a bit is set when
 * the word below it isn't zero. Word 0 is the root; the bits of word `w` have the
 * numbers from 64 * w on, and below bit `b` there is word b + 1:
 *
 *	root               0 ....... b .... 63     `filled` has a bit for each root
 *	tree[b + 1]    64 * (b + 1) + (0 .. 63)
 *
 * So where the leaves begin, bit 0, 64, 64 * 65, ..., says how deep it is. Of
 * all classes that takes about 8 bits a slot.
 *
 * `head` of a free slot says nothing: it is put right when the slot is taken.
 * `length` of a slot that isn't free is its taker's, but for the first slot in
 * each later word of `head` that a taken run reaches: there stands where it
 * begins. So one look at `head` leads from any slot to its run.
 *
 * Nothing is allocated, nothing waits; any context, interrupts on or off.
 */
#ifndef DMA_RUNS_H
#define DMA_RUNS_H

#include "dma/bits.h"
#include "mm/port.h"

#define RUNS_MAX_SLOTS ((1UL << 21) - 1)
#define RUNS_EXACT     128 /* up to here a class is of one length */
#define RUNS_CLASSES   184
#define RUNS_NONE      SIZE_MAX

struct runs {
	struct port_lock lock;
	/* under lock: */
	size_t free;	    /* slots */
	uint64_t *used;	    /* beyond the end: set */
	uint64_t *head;	    /* read without the lock, too */
	uint64_t filled[3]; /* classes that have a run; beyond the last: set */
	uint64_t root[RUNS_CLASSES];
	/* unchanged: */
	size_t slots;
	uint32_t *length;	      /* the caller's array */
	uint64_t *tree[RUNS_CLASSES]; /* from word 1 on */
	uint32_t least[RUNS_CLASSES]; /* slots of a run */
	uint32_t leaf[RUNS_CLASSES];  /* the number of the first group's bit */
	uint8_t shift[RUNS_CLASSES];  /* log2 of the slots in a group */
};

/* Bytes of memory (8-aligned) for that many slots, RUNS_MAX_SLOTS at most, without `length`. */
size_t runs_size(size_t slots);

/* All slots are free. `length` has an entry a slot. */
void runs_init(struct runs *runs, size_t slots, uint32_t *length, void *memory);

/* The class in which a run of `slots` (> 0) is, and the first of which every run has that many. */
static inline unsigned runs_class(size_t slots)
{
	size_t n = slots - 1;
	unsigned log;

	if (n < RUNS_EXACT)
		return (unsigned)n;
	log = 63 ^ (unsigned)__builtin_clzl(n);
	return 4 * log + (unsigned)(n >> (log - 2)) + RUNS_EXACT - 4 * 7 - 4;
}

static inline unsigned runs_class_of_all(size_t slots)
{
	return slots <= RUNS_EXACT ? (unsigned)slots - 1 : runs_class(slots - 1) + 1;
}

/*
 * Take `slots` (> 0), the upper end of a run: of the topmost one in the first
 * class of which every run has that many, or else of the topmost that has, in
 * the class before it. RUNS_NONE: no run has.
 */
static inline size_t runs_take(struct runs *runs, size_t slots);

/* Give back what was taken. */
static inline void runs_release(struct runs *runs, size_t from, size_t slots);

/* Where the taken run begins that slot `i` is of; anything if it is of none. No lock. */
static inline size_t runs_head(const struct runs *runs, size_t i)
{
	uint64_t heads = __atomic_load_n(&runs->head[i / 64], __ATOMIC_RELAXED);

	heads &= UINT64_MAX >> (~i % 64);
	return heads ? (i | 63) ^ (size_t)__builtin_clzl(heads) : runs->length[i & ~63UL];
}

/*
 * The first class from `c` (RUNS_CLASSES + 1 at most) on that has a run;
 * RUNS_CLASSES or more: none.
 */
static inline unsigned runs_filled_locked(const struct runs *runs, unsigned c)
{
	size_t w = c / 64;
	uint64_t word = runs->filled[w] & UINT64_MAX << (c % 64);

	while (!word)
		word = runs->filled[++w];
	return (unsigned)w * 64 + (unsigned)__builtin_ctzl(word);
}

/* The first slot of the topmost run of a class that has one, or else of the lowest. */
size_t runs_end_locked(const struct runs *runs, unsigned c, bool top);

/* The same of the next run of the class below, or else above, the one at `first`; RUNS_NONE. */
size_t runs_next_locked(const struct runs *runs, unsigned c, size_t first, bool below);

/* Where the run begins that the free slot `i` is of. Looks at all its words of the bitmap. */
size_t runs_first_locked(const struct runs *runs, size_t i);

/* Take [from, from + slots) out of the run that begins at `first`; returns `from`. */
size_t runs_carve_locked(struct runs *runs, size_t first, size_t from, size_t slots);

/* Slots of the longest run; 0: none is free. Looks at all runs of about that length. */
size_t runs_longest(struct runs *runs);

/* Walk everything, panic where it contradicts itself. For tests, and among them. */
void runs_validate_locked(const struct runs *runs);

/* --- what is inline, since a call would cost a fifth more; and the rest of it --- */

/* The run at `first`, of class `c`, is there no more, or has `left` slots (> 0). */
void runs_unlist_locked(struct runs *runs, size_t c, size_t first);
void runs_relist_locked(struct runs *runs, size_t c, size_t first, size_t left);

size_t runs_take_some_locked(struct runs *runs, size_t slots);
void runs_release_any_locked(struct runs *runs, size_t from, size_t slots);

static inline unsigned runs_highest(uint64_t word)
{
	return 63 ^ (unsigned)__builtin_clzl(word);
}

static inline unsigned runs_outermost(uint64_t word, bool top)
{
	return top ? runs_highest(word) : (unsigned)__builtin_ctzl(word);
}

/* The run at `first` has now so many slots (> 0). */
static inline void runs_tag(struct runs *runs, size_t first, size_t slots)
{
	uint32_t *length = runs->length; /* which no write to it changes */

	length[first] = (uint32_t)slots;
	length[first + slots - 1] = (uint32_t)slots;
}

/* Are runs of `less` and of more slots in one class? */
static inline bool runs_same_class(size_t less, size_t more)
{
	return less > RUNS_EXACT && ((less - 1) ^ (more - 1)) >> (runs_highest(less - 1) - 2) == 0;
}

/* The first slot of the topmost run below a bit that is set, or else of the lowest. */
static inline size_t runs_first_below(const struct runs *runs, size_t c, size_t bit, bool top)
{
	uint64_t before;
	size_t last;

	while (bit < runs->leaf[c])
		bit = 64 * (bit + 1) + runs_outermost(runs->tree[c][bit + 1], top);
	last = ((bit - runs->leaf[c] + 1) << runs->shift[c]) - 1; /* of the group; free */
	before = runs->used[last / 64] & ((1UL << (last % 64)) - 1);
	return (last & ~63UL) + runs_highest(before << 1 | 1);
}

/* Set or clear a bit. Has its word others? Then nothing changes above. */
static inline bool runs_mark(uint64_t *map, size_t bit, bool set)
{
	uint64_t *word = &map[bit / 64], one = 1UL << (bit % 64);

	*word = set ? *word | one : *word & ~one;
	return *word != (set ? one : 0);
}

/* A run of that class is in the index, or is no more. */
static inline void runs_enlist_locked(struct runs *runs, size_t c, size_t first, bool set)
{
	size_t bit = runs->leaf[c] + (first >> runs->shift[c]);
	uint64_t *tree = runs->tree[c];

	for (; bit >= 64; bit = bit / 64 - 1)
		if (runs_mark(tree, bit, set))
			return;
	if (!runs_mark(&runs->root[c], bit, set))
		runs_mark(runs->filled, c, set);
}

/* Of one word, the bits of so many slots from that one on. */
static inline uint64_t runs_word_mask(size_t from, size_t slots)
{
	return UINT64_MAX >> (64 - slots) << (from % 64);
}

/* These slots of a word are taken: a run begins with the first, and only there. */
static inline void runs_mark_taken(struct runs *runs, size_t w, uint64_t mask)
{
	runs->used[w] |= mask;
	runs->head[w] = (runs->head[w] | mask) ^ (mask & (mask - 1));
}

/* Short where the run's end is taken within a word. */
static inline size_t runs_take_locked(struct runs *runs, size_t slots)
{
	size_t c = runs_class_of_all(slots);
	size_t first, left, from;

	if (slots > RUNS_EXACT || !runs->root[c]) {
		c = runs_filled_locked(runs, (unsigned)c);
		if (c >= RUNS_CLASSES)
			return slots > RUNS_EXACT ? runs_take_some_locked(runs, slots) : RUNS_NONE;
	}
	first = runs_first_below(runs, c, runs_highest(runs->root[c]), true);
	left = runs->length[first] - slots;
	from = first + left;
	if (from % 64 + slots > 64)
		return runs_carve_locked(runs, first, from, slots);
	runs->free -= slots;
	runs_mark_taken(runs, from / 64, runs_word_mask(from, slots));
	if (left == 0) {
		runs_unlist_locked(runs, c, first);
	} else {
		runs_tag(runs, first, left);
		if (left < runs->least[c])
			runs_relist_locked(runs, c, first, left);
	}
	return from;
}

static inline size_t runs_take(struct runs *runs, size_t slots)
{
	unsigned long flags = port_lock(&runs->lock);
	size_t from = runs_take_locked(runs, slots);

	port_unlock(&runs->lock, flags);
	return from;
}

/* Short within a word, where the next slot is taken, and the run before, if any, stays listed. */
static inline void runs_release_locked(struct runs *runs, size_t from, size_t slots)
{
	uint64_t *used = &runs->used[from / 64];
	size_t at = from % 64;

	if (at && at + slots <= 64 && bit_test(runs->used, from + slots)) {
		bool alone = *used >> (at - 1) & 1;
		size_t below = alone ? 0 : runs->length[from - 1];

		if (alone || runs_same_class(below, below + slots)) {
			runs->free += slots;
			*used &= ~runs_word_mask(at, slots);
			runs_tag(runs, from - below, below + slots);
			if (alone)
				runs_enlist_locked(runs, slots - 1, from, true);
			return;
		}
	}
	runs_release_any_locked(runs, from, slots);
}

static inline void runs_release(struct runs *runs, size_t from, size_t slots)
{
	unsigned long flags = port_lock(&runs->lock);

	runs_release_locked(runs, from, slots);
	port_unlock(&runs->lock, flags);
}

#endif
