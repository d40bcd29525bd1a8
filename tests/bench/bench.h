/* SPDX-License-Identifier: MIT */
/*
 * Benchmarks: what the calls of mm/ and dma/ cost, a row for each in what state.
 *
 * A sample is one call between two time stamps, interrupts off, less what an
 * empty pair of time stamps costs. Under QEMU's -icount shift=0 a tick is an
 * instruction, and the same run gives the same rows to the digit.
 *
 * A row is a line `bench: {json}` with these keys, null where one has no meaning:
 *
 *	name      map, unmap, map_unmap (both as one), copy, sync, gate, pages, ...
 *	case      which of several things of that name; of a refusal why
 *	size      bytes
 *	dir       to, from, bidi
 *	path      direct, bounced, mixed
 *	fill      percent of the pool's slots that are taken
 *	pattern   how: contiguous (one run), scattered2k, 4k, 64k (filled with runs of
 *	          that length, given back at random), misaligned (its holes are); of pages
 *	          pristine, used, fragmented
 *	cache     hit; miss: magazines and page caches are off
 *	pool_mib  of the pool; mem_gib: of the machine
 *	min, median, p99, max, mean    ticks
 *	overhead  mean less the bare copies (or zeroing) that it contains
 *
 * Each row has a world of its own (tests/bench/bed.h). One run at a time.
 */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include "kernel/irq.h"
#include "mm/types.h"

struct bed;

/* What a row is of. Members that are left out are null. */
struct bench_row {
	const char *name, *what; /* `what` is the key "case" */
	size_t size;
	const char *dir, *path, *pattern, *cache;
	const struct bed *bed; /* of which fill, pattern and pool_mib are, where the pool is used */
	unsigned copies, zeroings; /* in each sample, */
	size_t piece;		   /* of so many bytes; 0: of `size` */
};

enum bench_series { BENCH_TAKE, BENCH_GIVE, BENCH_BOTH, BENCH_REFUSED, BENCH_SERIES };

#define BENCH_SAMPLES 2001 /* at most, of a series */
#define BENCH_STATES  64
#define BENCH_NONE    UINT64_MAX

/*
 * `which` is all, list, or names, apart by commas. 0; -ENOENT, and a line that names it, where
 * there is none such; -ENOMEM, and a line, where the machine is too small.
 */
int bench_run(const char *which);

/* As many samples as a call is worth that takes so many bytes. */
size_t bench_samples(size_t size);

void bench_reset(void);
size_t bench_count(enum bench_series series);
void bench_note(enum bench_series series, uint64_t ticks); /* beyond the last: dropped */

/* Print the series as that row; of an empty one nothing. It is as it was, but sorted. */
void bench_print(const struct bench_row *row, enum bench_series series);

/* The time stamp, ordered; and all of it in one piece, so that an empty pair costs the same
 * everywhere. */
static inline uint64_t bench_ticks(void)
{
	uint64_t ticks;

	__asm__ volatile("lfence; rdtsc; shlq $32, %%rdx; orq %%rdx, %%rax"
			 : "=a"(ticks)
			 :
			 : "rdx", "memory");
	return ticks;
}

/* What an empty pair of time stamps costs. */
extern uint64_t bench_empty;

/* The cost of one call, in `ticks`. */
#define BENCH_TIME(ticks, call)                                                                    \
	do {                                                                                       \
		unsigned long flags_ = irq_save();                                                 \
		uint64_t start_ = bench_ticks();                                                   \
		call;                                                                              \
		ticks = bench_ticks() - start_ - bench_empty;                                      \
		irq_restore(flags_);                                                               \
	} while (0)

/* `samples` times that call, as a series from the start. */
#define BENCH_REPEAT(samples, call)                                                                \
	do {                                                                                       \
		uint64_t ticks_;                                                                   \
                                                                                                   \
		bench_reset();                                                                     \
		while (bench_count(BENCH_TAKE) < (samples)) {                                      \
			BENCH_TIME(ticks_, call);                                                  \
			bench_note(BENCH_TAKE, ticks_);                                            \
		}                                                                                  \
	} while (0)

/* What one of a pair of calls took, for the other to give back. */
struct bench_taken {
	uint64_t addr; /* BENCH_NONE: it was refused */
	void *cpu;
};

/* Both are BENCH_CALL: the measurement pays for no call but the one that is measured. */
struct bench_pair {
	struct bench_taken (*take)(void *arg);
	void (*give)(void *arg, struct bench_taken taken);
};

#define BENCH_CALL static inline __attribute__((always_inline))

/*
 * The same, but nobody knows: what is reached through it is loaded at each use,
 * and nothing is reckoned before the time stamp that a caller would reckon behind.
 */
BENCH_CALL void *bench_opaque(void *p)
{
	__asm__ volatile("" : "+r"(p) : : "memory");
	return p;
}

/*
 * Pairs of take and give, until the series have that many `samples`. Between them
 * one more is taken and kept, so that each pair finds another state, until that
 * many states were seen, or no more can be taken; then all are given back. Where
 * not even the first can be taken there are only refusals.
 */
BENCH_CALL void bench_pairs(const struct bench_pair *pair, void *arg, size_t samples,
			    unsigned states)
{
	struct bench_taken held[BENCH_STATES], taken;
	uint64_t take, give;
	unsigned kept = 0;
	bool more;

	arg = bench_opaque(arg);
	while (bench_count(BENCH_BOTH) + bench_count(BENCH_REFUSED) < samples) {
		BENCH_TIME(take, taken = pair->take(arg));
		if (taken.addr != BENCH_NONE) {
			BENCH_TIME(give, pair->give(arg, taken));
			bench_note(BENCH_TAKE, take);
			bench_note(BENCH_GIVE, give);
			bench_note(BENCH_BOTH, take + give);
		} else if (kept == 0) {
			bench_note(BENCH_REFUSED, take);
		}
		more = taken.addr != BENCH_NONE && kept + 1 < states &&
		       bench_count(BENCH_BOTH) < samples;
		if (more)
			held[kept] = pair->take(arg);
		if (more && held[kept].addr != BENCH_NONE) {
			kept++;
			continue;
		}
		while (kept)
			pair->give(arg, held[--kept]);
	}
}

/* The benches, each a function that prints its rows. */
void bench_boot(void);
void bench_copy(void);
void bench_map_unmap(void);
void bench_fill(void);
void bench_worst(void);
void bench_aligned(void);
void bench_refusal(void);
void bench_largest(void);
void bench_ring(void);
void bench_sync(void);
void bench_gate(void);
void bench_sg(void);
void bench_pages(void);
void bench_coherent(void);
void bench_pool(void);
void bench_kmalloc(void);
void bench_metadata(void);
void bench_disk_copy(void);

#endif
