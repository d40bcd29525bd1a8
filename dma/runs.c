/* SPDX-License-Identifier: MIT */
/*
 * Runs are listed (their group's bit is set) in their class, and maximal: the
 * slots before and behind are used. A change of a run that leaves it its first
 * slot and its class is one of its tags alone.
 */
#include "dma/runs.h"

/* Slots of a class's shortest run. */
static uint32_t least_of(unsigned c)
{
	unsigned quarter = c % 4, doubling = (c - RUNS_EXACT) / 4;

	return c < RUNS_EXACT ? c + 1 : ((4 + quarter) << (5 + doubling)) + 1;
}

static size_t used_words(size_t slots)
{
	return slots / 64 + 1; /* with one bit at least beyond the end */
}

/* A class in a pool of so many slots (> 0): returns the words that its tree takes. */
static size_t shape(unsigned c, size_t slots, uint8_t *shift, uint32_t *leaf)
{
	size_t groups;

	*shift = c < 63 ? (uint8_t)runs_highest(c + 1) : 6;
	*leaf = 0;
	groups = ((slots - 1) >> *shift) + 1;
	for (size_t most = 64; groups > most; most *= 64)
		*leaf = 64 * (*leaf + 1);
	return (*leaf + groups - 1) / 64;
}

size_t runs_size(size_t slots)
{
	size_t words = 2 * used_words(slots);
	uint32_t leaf;
	uint8_t shift;

	if (slots == 0)
		return 0;
	for (unsigned c = 0; c <= runs_class(slots); c++)
		words += shape(c, slots, &shift, &leaf);
	return words * sizeof(uint64_t);
}

void runs_init(struct runs *runs, size_t slots, uint32_t *length, void *memory)
{
	uint64_t *head = (uint64_t *)memory + used_words(slots), *word = head + used_words(slots);

	*runs = (struct runs){
		.slots = slots, .length = length, .free = slots, .used = memory, .head = head};
	runs->filled[RUNS_CLASSES / 64] = UINT64_MAX << (RUNS_CLASSES % 64);
	if (slots == 0)
		return;
	memset(memory, 0, runs_size(slots));
	runs->used[slots / 64] = UINT64_MAX << (slots % 64);
	for (unsigned c = 0; c <= runs_class(slots); c++) {
		runs->least[c] = least_of(c);
		runs->tree[c] = word - 1;
		word += shape(c, slots, &runs->shift[c], &runs->leaf[c]);
	}
	runs_enlist_locked(runs, runs_class(slots), 0, true);
	runs_tag(runs, 0, slots);
}

size_t runs_end_locked(const struct runs *runs, unsigned c, bool top)
{
	return runs_first_below(runs, c, runs_outermost(runs->root[c], top), top);
}

size_t runs_next_locked(const struct runs *runs, unsigned c, size_t first, bool below)
{
	unsigned bit = runs->leaf[c] + ((unsigned)first >> runs->shift[c]);

	for (;; bit = bit / 64 - 1) {
		uint64_t word = bit < 64 ? runs->root[c] : runs->tree[c][bit / 64];

		word &= below ? (1UL << (bit % 64)) - 1 : -2UL << (bit % 64);
		if (word)
			return runs_first_below(runs, c, (bit & ~63U) + runs_outermost(word, below),
						below);
		if (bit < 64)
			return RUNS_NONE;
	}
}

size_t runs_first_locked(const struct runs *runs, size_t i)
{
	uint64_t word = runs->used[i / 64] & ((1UL << (i % 64)) - 1);
	size_t w = i / 64;

	while (!word && w)
		word = runs->used[--w];
	return w * 64 + (word ? runs_highest(word) + 1 : 0);
}

/* The topmost run that is long enough, of the class that has shorter ones too. */
size_t runs_take_some_locked(struct runs *runs, size_t slots)
{
	unsigned c = runs_class(slots);
	size_t at;

	if (slots > runs->slots || !runs->root[c])
		return RUNS_NONE;
	at = runs_end_locked(runs, c, true);
	while (at != RUNS_NONE && runs->length[at] < slots)
		at = runs_next_locked(runs, c, at, true);
	return at == RUNS_NONE ? at
			       : runs_carve_locked(runs, at, at + runs->length[at] - slots, slots);
}

void runs_unlist_locked(struct runs *runs, size_t c, size_t first)
{
	runs_enlist_locked(runs, c, first, false);
}

void runs_relist_locked(struct runs *runs, size_t c, size_t first, size_t left)
{
	runs_unlist_locked(runs, c, first);
	runs_enlist_locked(runs, runs_class(left), first, true);
}

size_t runs_carve_locked(struct runs *runs, size_t first, size_t from, size_t slots)
{
	size_t length = runs->length[first], left = from - first, end = from + slots;
	size_t behind = first + length - end;

	runs_enlist_locked(runs, runs_class(length), first, false);
	if (left) {
		runs_enlist_locked(runs, runs_class(left), first, true);
		runs_tag(runs, first, left);
	}
	if (behind) {
		runs_enlist_locked(runs, runs_class(behind), end, true);
		runs_tag(runs, end, behind);
	}
	runs->free -= slots;
	runs_mark_taken(runs, from / 64, bits_part(from / 64, from, end));
	for (size_t w = from / 64 + 1; w < BITS_WORDS(end); w++) {
		runs->used[w] |= bits_part(w, from, end);
		runs->head[w] &= ~bits_part(w, from, end);
		runs->length[w * 64] = (uint32_t)from;
	}
	return from;
}

/* As runs_release(), whatever there is before and behind. */
void runs_release_any_locked(struct runs *runs, size_t from, size_t slots)
{
	size_t end = from + slots, first, all;
	size_t above = bit_test(runs->used, end) ? 0 : runs->length[end];
	size_t below = from == 0 || bit_test(runs->used, from - 1) ? 0 : runs->length[from - 1];

	first = from - below;
	all = below + slots + above;
	if (above)
		runs_enlist_locked(runs, runs_class(above), end, false);
	if (!runs_same_class(below, all)) {
		if (below)
			runs_enlist_locked(runs, runs_class(below), first, false);
		runs_enlist_locked(runs, runs_class(all), first, true);
	}
	runs_tag(runs, first, all);
	runs->free += slots;
	for (size_t w = from / 64; w < BITS_WORDS(end); w++)
		runs->used[w] &= ~bits_part(w, from, end);
}

size_t runs_longest(struct runs *runs)
{
	unsigned long flags = port_lock(&runs->lock);
	size_t longest = 0, first = RUNS_NONE;
	unsigned c = RUNS_CLASSES;

	while (c-- > 0 && !runs->root[c])
		;
	if (c < RUNS_CLASSES)
		first = runs_end_locked(runs, c, false);
	for (; first != RUNS_NONE; first = runs_next_locked(runs, c, first, false))
		if (runs->length[first] > longest)
			longest = runs->length[first];
	port_unlock(&runs->lock, flags);
	return longest;
}
