/* SPDX-License-Identifier: MIT */
/*
 * The invariants of the index of free runs: what `used` says is what it lists,
 * each run once, in its class, found where it begins. Read-only.
 */
#include "dma/bits.h"
#include "dma/runs.h"
#include "mm/port.h"

/* Of each word of the class's tree that it isn't zero is what the bit above it says. */
static void validate_tree(const struct runs *runs, unsigned c)
{
	size_t last = runs->leaf[c] + ((runs->slots - 1) >> runs->shift[c]);

	for (size_t w = 1; w <= last / 64 && c <= runs_class(runs->slots); w++) {
		bool bit = w <= 64 ? runs->root[c] >> (w - 1) & 1 : bit_test(runs->tree[c], w - 1);

		if (bit != (runs->tree[c][w] != 0))
			port_panic("runs: word %zu of class %u is %#llx, above it says %d", w, c,
				   (unsigned long long)runs->tree[c][w], bit);
	}
	if (bit_test(runs->filled, c) != (runs->root[c] != 0))
		port_panic("runs: class %u's root is %#llx, filled is %d", c,
			   (unsigned long long)runs->root[c], bit_test(runs->filled, c));
}

/* The listed runs of a class, which must be `count`, in order, from both ends. */
static void validate_class(const struct runs *runs, unsigned c, size_t count)
{
	size_t found[2] = {0, 0};

	validate_tree(runs, c);
	for (unsigned down = 0; down < 2 && runs->root[c]; down++)
		for (size_t at = runs_end_locked(runs, c, down); at != RUNS_NONE;
		     at = runs_next_locked(runs, c, at, down), found[down]++)
			if (bit_test(runs->used, at) || runs_class(runs->length[at]) != c)
				port_panic("runs: no run of class %u begins at %zu", c, at);
	if (found[0] != count || found[1] != count)
		port_panic("runs: of %zu runs of class %u, %zu are found upwards, %zu downwards",
			   count, c, found[0], found[1]);
}

void runs_validate_locked(const struct runs *runs)
{
	size_t count[RUNS_CLASSES] = {0}, free = 0, n;

	if (runs->slots == 0)
		return;
	for (size_t at = 0; at < runs->slots; at += n + 1, free += n) {
		for (n = 0; at + n < runs->slots && !bit_test(runs->used, at + n); n++)
			;
		if (n == 0)
			continue;
		if (runs->length[at] != n || runs->length[at + n - 1] != n)
			port_panic("runs: %zu slots from %zu on are free; their tags say %u and %u",
				   n, at, runs->length[at], runs->length[at + n - 1]);
		count[runs_class(n)]++;
	}
	for (unsigned c = 0; c < RUNS_CLASSES; c++)
		validate_class(runs, c, count[c]);
	if (free != runs->free)
		port_panic("runs: %zu slots are free, counted are %zu", free, runs->free);
	if (!bit_test(runs->used, runs->slots) || !bit_test(runs->filled, RUNS_CLASSES))
		port_panic("runs: an end is not marked");
}
