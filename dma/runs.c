/* SPDX-License-Identifier: MIT */
/*
 * Runs are listed (their bit in `begins` is set) in their class, and maximal:
 * the slots before and behind are used. A change of a run that leaves it its
 * first slot and its class is one of its tags alone.
 */
#include "dma/runs.h"

#include "dma/bits.h"
#include "mm/port.h"

/* log2 of the slots in a group. */
static uint8_t class_shift(unsigned c)
{
	return c < 63 ? (uint8_t)(63 - __builtin_clzl(c + 1)) : 6;
}

static size_t class_groups(unsigned c, size_t slots)
{
	return ((slots - 1) >> class_shift(c)) + 1;
}

/* The level of which the class fills at least a bit, and at most 64. */
static uint8_t class_level(unsigned c, size_t slots)
{
	return (uint8_t)((63 - __builtin_clzl(class_groups(c, slots))) / 6);
}

/* Bits of a class in a pool of that many slots, which can have such runs. */
static size_t class_bits(unsigned c, size_t slots)
{
	return ALIGN_UP(class_groups(c, slots), 1UL << (6 * class_level(c, slots)));
}

static size_t all_bits(size_t slots)
{
	size_t bits = 0;

	for (unsigned c = 0; c <= runs_class(slots); c++)
		bits += class_bits(c, slots);
	return bits;
}

static size_t used_words(size_t slots)
{
	return slots / 64 + 1; /* with one bit at least beyond the end */
}

size_t runs_size(size_t slots)
{
	if (slots == 0)
		return 0;
	return used_words(slots) * sizeof(uint64_t) + hbitmap_size(all_bits(slots));
}

static size_t bit_of(const struct runs *runs, unsigned c, size_t first)
{
	return runs->class[c].begin + (first >> runs->class[c].shift);
}

static void enlist(struct runs *runs, unsigned c, size_t first)
{
	hbitmap_set(&runs->begins, bit_of(runs, c, first));
	if (runs->class[c].count++ == 0)
		runs->filled[c / 64] |= 1UL << (c % 64);
}

static void delist(struct runs *runs, unsigned c, size_t first)
{
	hbitmap_clear(&runs->begins, bit_of(runs, c, first));
	if (--runs->class[c].count == 0)
		runs->filled[c / 64] &= ~(1UL << (c % 64));
}

/* The run at `first` has now so many slots (> 0). */
static void tag(struct runs *runs, size_t first, size_t slots)
{
	runs->length[first] = (uint32_t)slots;
	runs->length[first + slots - 1] = (uint32_t)slots;
}

static void add(struct runs *runs, size_t first, size_t slots)
{
	enlist(runs, runs_class(slots), first);
	tag(runs, first, slots);
}

void runs_init(struct runs *runs, size_t slots, uint32_t *length, void *memory)
{
	size_t words = used_words(slots), bits = 0;

	*runs = (struct runs){.slots = slots, .free = slots, .used = memory, .length = length};
	if (slots == 0)
		return;
	for (unsigned c = 0; c <= RUNS_CLASSES; c++) {
		runs->class[c] = (struct runs_class){.begin = (uint32_t)bits};
		if (c > runs_class(slots))
			continue;
		runs->class[c].shift = class_shift(c);
		runs->class[c].level = class_level(c, slots);
		bits += class_bits(c, slots);
	}
	memset(memory, 0, runs_size(slots));
	runs->used[words - 1] = UINT64_MAX << (slots % 64);
	hbitmap_init(&runs->begins, bits, runs->used + words);
	add(runs, 0, slots);
}

/*
 * The highest and the lowest bit of a class that has one. hbitmap_last() would do
 * as well, but begin at a leaf; here the levels below the class's are seen on the
 * way down alone. All leaves were cleared at init, so that they can be read.
 */
static size_t top_bit(const struct runs *runs, const struct runs_class *class)
{
	unsigned l = class->level;
	size_t i = (class[1].begin - 1) >> (6 * l), w = i >> 6;
	uint64_t word = runs->begins.level[l][w] & UINT64_MAX >> (~i & 63);

	while (!word)
		word = runs->begins.level[l][--w];
	i = w << 6 | (63 ^ (unsigned)__builtin_clzl(word));
	while (l-- > 0)
		i = i << 6 | (63 ^ (unsigned)__builtin_clzl(runs->begins.level[l][i]));
	return i;
}

static size_t bottom_bit(const struct runs *runs, const struct runs_class *class)
{
	unsigned l = class->level;
	size_t i = class->begin >> (6 * l), w = i >> 6;
	uint64_t word = runs->begins.level[l][w] & UINT64_MAX << (i & 63);

	while (!word)
		word = runs->begins.level[l][++w];
	i = w << 6 | (unsigned)__builtin_ctzl(word);
	while (l-- > 0)
		i = i << 6 | (unsigned)__builtin_ctzl(runs->begins.level[l][i]);
	return i;
}

/* Where the run begins whose bit that is. */
static size_t first_of(const struct runs *runs, const struct runs_class *class, size_t bit)
{
	size_t end = (bit - class->begin + 1) << class->shift; /* of the group; free before it */
	uint64_t word = runs->used[(end - 1) / 64] << (-end % 64);

	return word ? end - (size_t)__builtin_clzl(word) : (end - 1) & ~63UL;
}

size_t runs_top(const struct runs *runs, unsigned c)
{
	const struct runs_class *class = &runs->class[c];

	return first_of(runs, class, top_bit(runs, class));
}

size_t runs_bottom(const struct runs *runs, unsigned c)
{
	const struct runs_class *class = &runs->class[c];

	return first_of(runs, class, bottom_bit(runs, class));
}

size_t runs_below(const struct runs *runs, unsigned c, size_t first)
{
	const struct runs_class *class = &runs->class[c];
	size_t bit = bit_of(runs, c, first);

	if (bit == class->begin)
		return RUNS_NONE;
	bit = hbitmap_last(&runs->begins, bit - 1);
	if (bit == HBITMAP_NONE || bit < class->begin)
		return RUNS_NONE;
	return first_of(runs, class, bit);
}

size_t runs_above(const struct runs *runs, unsigned c, size_t first)
{
	const struct runs_class *class = &runs->class[c];
	size_t bit = bit_of(runs, c, first) + 1;

	if (bit == class[1].begin)
		return RUNS_NONE;
	bit = hbitmap_first(&runs->begins, bit);
	if (bit == HBITMAP_NONE || bit >= class[1].begin)
		return RUNS_NONE;
	return first_of(runs, class, bit);
}

/* The run at `first`, of class `c`, has only its lowest `slots` left (maybe none). */
static void shorten(struct runs *runs, unsigned c, size_t first, size_t slots)
{
	if (slots && runs_class(slots) == c) {
		tag(runs, first, slots);
		return;
	}
	delist(runs, c, first);
	if (slots)
		add(runs, first, slots);
}

static void mark_taken(struct runs *runs, size_t from, size_t slots)
{
	bits_flip(runs->used, from, slots);
	runs->free -= slots;
}

/* The topmost run that is long enough, of the class that has shorter ones too. */
static __attribute__((noinline)) size_t take_of_some(struct runs *runs, size_t slots)
{
	unsigned c = runs_class(slots);
	size_t at, from;

	if (c >= RUNS_CLASSES || runs->class[c].count == 0)
		return RUNS_NONE;
	at = runs_top(runs, c);
	while (at != RUNS_NONE && runs->length[at] < slots)
		at = runs_below(runs, c, at);
	if (at == RUNS_NONE)
		return RUNS_NONE;
	from = at + runs->length[at] - slots;
	runs_carve(runs, at, from, slots);
	return from;
}

size_t runs_take(struct runs *runs, size_t slots)
{
	unsigned c = runs_filled(runs, runs_class_of_all(slots));
	size_t first, left;

	if (c == RUNS_CLASSES)
		return slots > RUNS_EXACT ? take_of_some(runs, slots) : RUNS_NONE;
	first = runs_top(runs, c);
	left = runs->length[first] - slots;
	shorten(runs, c, first, left);
	mark_taken(runs, first + left, slots);
	return first + left;
}

void runs_carve(struct runs *runs, size_t first, size_t from, size_t slots)
{
	size_t length = runs->length[first], end = first + length;

	shorten(runs, runs_class(length), first, from - first);
	if (from + slots < end)
		add(runs, from + slots, end - from - slots);
	mark_taken(runs, from, slots);
}

void runs_release(struct runs *runs, size_t from, size_t slots)
{
	size_t first = from, end = from + slots;
	unsigned c = RUNS_CLASSES;

	bits_flip(runs->used, from, slots);
	runs->free += slots;
	if (!bit_test(runs->used, end)) {
		size_t length = runs->length[end];

		delist(runs, runs_class(length), end);
		end += length;
	}
	if (from && !bit_test(runs->used, from - 1)) {
		size_t length = runs->length[from - 1];

		c = runs_class(length);
		first -= length;
	}
	if (c != runs_class(end - first)) {
		if (c != RUNS_CLASSES)
			delist(runs, c, first);
		enlist(runs, runs_class(end - first), first);
	}
	tag(runs, first, end - first);
}

size_t runs_longest(const struct runs *runs)
{
	size_t longest = 0, first;
	unsigned c = RUNS_CLASSES;

	while (c-- > 0 && runs->class[c].count == 0)
		;
	if (c > RUNS_CLASSES)
		return 0;
	for (first = runs_bottom(runs, c); first != RUNS_NONE; first = runs_above(runs, c, first))
		if (runs->length[first] > longest)
			longest = runs->length[first];
	return longest;
}
