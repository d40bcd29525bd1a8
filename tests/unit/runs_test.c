/* SPDX-License-Identifier: MIT */
/*
 * The index of free runs, alone: every length, every place in a group, against
 * what a look at each slot says. There are no slots behind it.
 */
#include "dma/runs.h"

#include "mm/port.h"
#include "tests/ktest.h"

#define MOST   1000

#define MEMORY 2048

static struct runs *runs;
static uint32_t *length; /* MOST */
static uint64_t *memory; /* MEMORY bytes */
static bool *taken;	 /* MOST + 1: as a test has it; the end is taken */

static const size_t sizes[] = {1, 2, 63, 64, 65, 127, 128, 129, 640, MOST};

static void begin(struct ktest *t)
{
	runs = ktest_zalloc(t, sizeof(*runs));
	length = ktest_zalloc(t, MOST * sizeof(*length));
	memory = ktest_zalloc(t, MEMORY);
	taken = ktest_zalloc(t, MOST + 1);
}

static void begin_with(struct ktest *t, size_t slots)
{
	EXPECT(t, runs_size(slots) <= MEMORY);
	memset(memory, 0xa5, MEMORY);
	memset(length, 0xa5, MOST * sizeof(*length));
	memset(taken, 0, slots);
	taken[slots] = true;
	runs_init(runs, slots, length, memory);
	runs_validate_locked(runs);
}

static void mark(size_t from, size_t slots, bool value)
{
	for (size_t i = from; i < from + slots; i++)
		taken[i] = value;
}

/* As it is documented, without a logarithm: they begin at 1, 2, ... 128, 129, 161, 193, 225, 257.
 */
static size_t least_of_class(unsigned c)
{
	size_t least = 129, step = 32;

	if (c < 128)
		return c + 1;
	for (; c > 128; c--) {
		least += step;
		if (least == step * 8 + 1)
			step *= 2;
	}
	return least;
}

static unsigned naive_class(size_t slots)
{
	unsigned c = 0;

	while (least_of_class(c + 1) <= slots)
		c++;
	return c;
}

static void classes(struct ktest *t)
{
	for (size_t n = 1; n <= 3000; n++) {
		EXPECT_EQ(t, runs_class(n), naive_class(n));
		EXPECT(t, least_of_class(runs_class_of_all(n)) >= n);
		EXPECT(t, n == 1 || least_of_class(runs_class_of_all(n) - 1) < n);
	}
	EXPECT_EQ(t, runs_class(RUNS_MAX_SLOTS), RUNS_CLASSES - 1);
	EXPECT_EQ(t, runs_class(RUNS_MAX_SLOTS + 2), RUNS_CLASSES);
}

/* The free run at or above `i`, *end behind it; false: there is none. */
static bool next_run(size_t *i, size_t *end)
{
	while (*i < runs->slots && taken[*i])
		++*i;
	*end = *i;
	while (!taken[*end])
		++*end;
	return *i < *end;
}

/* The run that is to be taken: of the class whose runs all do the topmost, or of `slots`' class. */
static size_t naive_take(size_t slots)
{
	unsigned best = RUNS_CLASSES, exact = runs_class_of_all(slots);
	size_t at = RUNS_NONE;

	for (size_t i = 0, end; next_run(&i, &end); i = end) {
		unsigned c = naive_class(end - i);

		if (end - i < slots)
			continue;
		if (c < exact)
			c = RUNS_CLASSES - 1; /* only if there is none that surely does */
		if (c <= best) {
			best = c;
			at = end - slots;
		}
	}
	return at;
}

/* One run of every length at every place: found where it is, and taken from both ends. */
static void one_run_everywhere(struct ktest *t)
{
	begin_with(t, 400);
	EXPECT_EQ(t, runs_take(runs, 400), 0);
	for (size_t n = 1; n <= 200; n++) {
		unsigned c = runs_class(n);

		for (size_t at = 0; at + n <= 400; at += at < 130 || at + n > 390 ? 1 : 7) {
			runs_release(runs, at, n);
			EXPECT_EQ(t, runs_filled_locked(runs, 0), c);
			EXPECT_EQ(t, runs_end_locked(runs, c, true), at);
			EXPECT_EQ(t, runs_end_locked(runs, c, false), at);
			EXPECT_EQ(t, runs_next_locked(runs, c, at, true), RUNS_NONE);
			EXPECT_EQ(t, runs_next_locked(runs, c, at, false), RUNS_NONE);
			EXPECT_EQ(t, runs_longest(runs), n);
			EXPECT_EQ(t, runs_take(runs, n + 1), RUNS_NONE);
			EXPECT_EQ(t, runs_take(runs, n), at);
		}
		runs_validate_locked(runs);
	}
	EXPECT_EQ(t, runs_filled_locked(runs, 0), RUNS_CLASSES);
	EXPECT_EQ(t, runs_longest(runs), 0);
}

/* As many runs of one length as there is room for, one taken slot between: all in order. */
static void many_runs_of_a_length(struct ktest *t)
{
	for (size_t n = 1; n <= 200; n++) {
		size_t count = MOST / (n + 1), seen = 0, last = RUNS_NONE;
		unsigned c = runs_class(n);

		begin_with(t, MOST);
		runs_take(runs, MOST);
		for (size_t i = 0; i < count; i++)
			runs_release(runs, i * (n + 1), n);
		runs_validate_locked(runs);
		for (size_t at = runs_end_locked(runs, c, false); at != RUNS_NONE;
		     at = runs_next_locked(runs, c, at, false))
			EXPECT_EQ(t, at, seen++ * (n + 1));
		EXPECT_EQ(t, seen, count);
		for (size_t at = runs_end_locked(runs, c, true); at != RUNS_NONE;
		     last = at, at = runs_next_locked(runs, c, at, true))
			EXPECT_EQ(t, at, --seen * (n + 1));
		EXPECT_EQ(t, last, 0);
		for (size_t i = count; i-- > 0;)
			EXPECT_EQ(t, runs_take(runs, n), i * (n + 1));
		EXPECT_EQ(t, runs->free, 0);
	}
}

/* In the class of 161 to 192 the topmost is too short: the next below is taken. */
static void inexact_class(struct ktest *t)
{
	begin_with(t, MOST);
	runs_take(runs, MOST);
	runs_release(runs, 0, 170);
	runs_release(runs, 200, 180);
	runs_release(runs, 400, 165);
	EXPECT_EQ(t, runs_longest(runs), 180);
	EXPECT_EQ(t, runs_take(runs, 181), RUNS_NONE);
	EXPECT_EQ(t, runs_take(runs, 171), 209);
	EXPECT_EQ(t, runs_take(runs, 166), 4);
	EXPECT_EQ(t, runs_longest(runs), 165);
	runs_release(runs, 600, 193); /* surely does, and so comes first */
	EXPECT_EQ(t, runs_take(runs, 162), 631);
	EXPECT_EQ(t, runs_take(runs, 162), 403);
	runs_validate_locked(runs);
}

static void step_carve(struct ktest *t)
{
	size_t i = ktest_random(t, runs->slots), end, from, n;

	while (i > 0 && !taken[i - 1])
		i--;
	if (!next_run(&i, &end))
		return;
	from = i + ktest_random(t, end - i);
	n = 1 + ktest_random(t, end - from);
	runs_carve_locked(runs, i, from, n);
	mark(from, n, true);
}

static void step_take(struct ktest *t)
{
	size_t n = 1 + ktest_random(t, ktest_random(t, 3) ? 1 + runs->slots / 20 : runs->slots);
	size_t want = naive_take(n), got = runs_take(runs, n);

	EXPECT_EQ(t, got, want);
	if (got != RUNS_NONE)
		mark(got, n, true);
}

/* Any part of what is taken, however it was. */
static void step_release(struct ktest *t)
{
	size_t i = ktest_random(t, runs->slots), end, most = 1 + ktest_random(t, runs->slots);

	while (i < runs->slots && !taken[i])
		i++;
	for (end = i; end < runs->slots && taken[end] && end - i < most; end++)
		;
	if (i == end)
		return;
	runs_release(runs, i, end - i);
	mark(i, end - i, false);
}

static void against_every_slot(struct ktest *t, size_t slots, unsigned steps)
{
	begin_with(t, slots);
	while (steps-- && !t->failed) {
		uint64_t op = ktest_random(t, 8);

		if (op < 3)
			step_take(t);
		else if (op < 5)
			step_carve(t);
		else
			step_release(t);
		runs_validate_locked(runs);
		for (size_t i = 0; i <= slots; i++)
			if ((runs->used[i / 64] >> (i % 64) & 1) != taken[i])
				ktest_fail(t, __FILE__, __LINE__, "slot %zu of %zu", i, slots);
	}
}

static void random_of_every_size(struct ktest *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		against_every_slot(t, sizes[i], 1000);
}

static const struct ktest_case cases[] = {
	{"classes", classes},
	{"one_run_everywhere", one_run_everywhere},
	{"many_runs_of_a_length", many_runs_of_a_length},
	{"inexact_class", inexact_class},
	{"random_of_every_size", random_of_every_size},
	{NULL, NULL},
};

extern const struct ktest_suite runs_suite;
const struct ktest_suite runs_suite = {"runs", begin, NULL, cases};
