/* SPDX-License-Identifier: MIT */
/*
 * The free runs of a pool of slots, by length and place: which is the topmost
 * or lowest one of a length is a few bit scans, at every fill.
 *
 *	used    ...1|000000000000|1111|00|1...      a bit a slot
 *	length      |12 ...... 12|    |2 2|         of a free run's first and last slot
 *
 * Runs are sorted into classes: one for each length below 128, from there on
 * four for each doubling. A class of runs of `n` slots or more divides the pool
 * into groups of `g` slots, g = the power of two in min(n, 64): no two of its
 * runs begin in one group, and a run reaches at least to the end of the group
 * in which it begins. So a bit a group says all: the run begins behind the
 * group's last used slot, which a shift and a scan of one word of `used` find.
 *
 * The classes lie one behind the other in one hierarchical bitmap, which takes
 * about 8 bits a slot:
 *
 *	begins  |class 0, a bit for 1 slot|1, for 2|2, for 2|3, for 4| ... |182|
 *
 * A class starts and ends at a multiple of 64^level bits, so that its topmost
 * and lowest bit are looked for from that level down.
 *
 * Only free slots are described. `length` of the others is their taker's.
 * Nothing is allocated, nothing waits; the caller locks.
 */
#ifndef DMA_RUNS_H
#define DMA_RUNS_H

#include "dma/bits.h"
#include "mm/hbitmap.h"
#include "mm/types.h"

#define RUNS_MAX_SLOTS ((1UL << 21) - 1)
#define RUNS_EXACT     128 /* up to here a class is of one length, or of no shorter one */
#define RUNS_CLASSES   183
#define RUNS_NONE      SIZE_MAX

struct runs_class {
	uint32_t begin; /* its first bit in `begins`; the next one's is its end */
	uint32_t count; /* of runs */
	uint8_t shift;	/* log2 of the slots in a group */
	uint8_t level;
};

struct runs {
	size_t slots, free;
	uint64_t *used;				   /* beyond the end: set */
	uint32_t *length;			   /* the caller's array */
	uint64_t filled[BITS_WORDS(RUNS_CLASSES)]; /* classes that have a run */
	struct runs_class class[RUNS_CLASSES + 1];
	struct hbitmap begins;
};

/* Bytes of memory (8-aligned) for that many slots, RUNS_MAX_SLOTS at most, without `length`. */
size_t runs_size(size_t slots);

/* All slots are free. `length` has an entry a slot. */
void runs_init(struct runs *runs, size_t slots, uint32_t *length, void *memory);

/* The class in which a run of `slots` is, and the first of which every run has that many. */
static inline unsigned runs_class(size_t slots)
{
	unsigned log;

	if (slots <= RUNS_EXACT)
		return (unsigned)slots - 1;
	log = 63 - (unsigned)__builtin_clzl(slots);
	return RUNS_EXACT - 1 + (log - 7) * 4 + (slots >> (log - 2) & 3);
}

static inline unsigned runs_class_of_all(size_t slots)
{
	return runs_class(slots - 1) + 1;
}

/* The first class from `c` on that has a run; RUNS_CLASSES: none. */
static inline unsigned runs_filled(const struct runs *runs, unsigned c)
{
	uint64_t word;

	if (c >= RUNS_CLASSES)
		return RUNS_CLASSES;
	word = runs->filled[c / 64] & UINT64_MAX << (c % 64);
	for (c /= 64; !word; word = runs->filled[c])
		if (++c == ARRAY_SIZE(runs->filled))
			return RUNS_CLASSES;
	return c * 64 + (unsigned)__builtin_ctzl(word);
}

/*
 * The first slot of the topmost, or lowest, run of a class that has one; of the
 * next one below, or above, the one that begins at `first`: RUNS_NONE.
 */
size_t runs_top(const struct runs *runs, unsigned c);
size_t runs_bottom(const struct runs *runs, unsigned c);
size_t runs_below(const struct runs *runs, unsigned c, size_t first);
size_t runs_above(const struct runs *runs, unsigned c, size_t first);

/*
 * Take `slots` (> 0), the upper end of a run: of the topmost one in the first
 * class of which every run has that many, or else of the topmost that has, in
 * the class before it. RUNS_NONE: no run has.
 */
size_t runs_take(struct runs *runs, size_t slots);

/* Take [from, from + slots) out of the run that begins at `first`. */
void runs_carve(struct runs *runs, size_t first, size_t from, size_t slots);

/* Give back [from, from + slots), taken before, with any cuts. */
void runs_release(struct runs *runs, size_t from, size_t slots);

/* Slots of the longest run; 0: none is free. Looks at all runs of about that length. */
size_t runs_longest(const struct runs *runs);

/* Walk everything, panic where it contradicts itself. For tests; in dma/runs_validate.c. */
void runs_validate(const struct runs *runs);

#endif
