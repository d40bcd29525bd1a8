/* SPDX-License-Identifier: MIT */
/*
 * The invariants of the index of free runs: what `used` says is what it lists,
 * each run once, in its class, found where it begins. Read-only.
 */
#include "dma/bits.h"
#include "dma/runs.h"
#include "mm/port.h"

static void validate_run(const struct runs *runs, size_t first, size_t slots)
{
	const struct runs_class *class = &runs->class[runs_class(slots)];
	size_t bit = class->begin + (first >> class->shift);

	if (runs->length[first] != slots || runs->length[first + slots - 1] != slots)
		port_panic("runs: %zu slots from %zu on are free; their tags say %u and %u", slots,
			   first, runs->length[first], runs->length[first + slots - 1]);
	if (!hbitmap_test(&runs->begins, bit))
		port_panic("runs: %zu slots from %zu on are free, but not listed", slots, first);
}

/* The listed runs of a class, which must be `count`, in order, from both ends. */
static void validate_class(const struct runs *runs, unsigned c, size_t count)
{
	bool filled = bit_test(runs->filled, c);
	size_t up = 0, down = 0;

	if (filled != (count != 0) || runs->class[c].count != count)
		port_panic("runs: class %u has %zu runs; counted are %u, filled is %d", c, count,
			   runs->class[c].count, filled);
	if (!filled)
		return;
	for (size_t at = runs_bottom(runs, c); at != RUNS_NONE; at = runs_above(runs, c, at), up++)
		if (bit_test(runs->used, at) || runs_class(runs->length[at]) != c)
			port_panic("runs: no run of class %u begins at %zu", c, at);
	for (size_t at = runs_top(runs, c); at != RUNS_NONE; at = runs_below(runs, c, at))
		down++;
	if (up != count || down != count)
		port_panic("runs: of %zu runs of class %u, %zu are found upwards, %zu downwards",
			   count, c, up, down);
}

void runs_validate(const struct runs *runs)
{
	size_t count[RUNS_CLASSES] = {0}, free = 0, end;

	if (runs->slots == 0)
		return;
	for (size_t at = 0; at < runs->slots; at = end) {
		at = bits_first_clear(runs->used, at, runs->slots);
		end = bits_first_set(runs->used, at, runs->slots);
		if (at == end)
			break;
		validate_run(runs, at, end - at);
		count[runs_class(end - at)]++;
		free += end - at;
	}
	for (unsigned c = 0; c < RUNS_CLASSES; c++)
		validate_class(runs, c, count[c]);
	if (free != runs->free)
		port_panic("runs: %zu slots are free, counted are %zu", free, runs->free);
	if (!bit_test(runs->used, runs->slots))
		port_panic("runs: the end is not marked");
	if (!hbitmap_valid(&runs->begins))
		port_panic("runs: the levels of the index contradict each other");
}
