/* SPDX-License-Identifier: MIT */
/*
 * ktest: suites of cases, reported as KTAP version 1 (Linux, Documentation/
 * dev-tools/ktap.rst), on the host and in the kernel alike.
 *
 * A case is a function; the first EXPECT that doesn't hold fails it, a REQUIRE
 * also ends it. A suite's begin() and end() run around each case; end() is
 * where balances (mappings, slots, pages, misuse) are proved to be zero. Where
 * begin() itself skips or fails, it leaves nothing behind, and neither the case
 * nor end() runs.
 */
#ifndef TESTS_KTEST_H
#define TESTS_KTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KTEST_SHOWN  10 /* failures that a case prints; it counts the others */
#define KTEST_BLOCKS 8	/* of ktest_zalloc(), in a case */

struct ktest {
	const char *suite, *name;
	uint64_t seed;	 /* of this run; a case draws from ktest_random() */
	uint64_t random; /* state of ktest_random() */
	bool failed;
	unsigned failures;
	char skip[96]; /* not empty: skipped, and why */
	void *fixture; /* begin()'s own */
	struct {
		void *at;
		size_t size;
	} block[KTEST_BLOCKS]; /* ktest_zalloc()'s */
	unsigned blocks;
};

struct ktest_case {
	const char *name;
	void (*run)(struct ktest *t);
};

struct ktest_suite {
	const char *name;
	void (*begin)(struct ktest *t); /* may skip; may be NULL */
	void (*end)(struct ktest *t);	/* may be NULL; runs also after a failed case */
	const struct ktest_case *cases; /* ends with a NULL name */
};

/* Both end with NULL. */
extern const struct ktest_suite
	*const ktest_unit_suites[]; /* tests/unit/suites.c: host and kernel */
extern const struct ktest_suite
	*const ktest_device_suites[]; /* tests/kernel/suites.c, tests/host/suites.c */

/*
 * `which` is all, list, <suite> or <suite>.<case>. Cases run in an order drawn
 * from `seed`. Returns how many failed; -ENOENT, and a line that names it,
 * where there is none such.
 */
int ktest_run(const char *which, uint64_t seed);

void ktest_fail(struct ktest *t, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* What the macros below come to in the end. */
void ktest_untrue(struct ktest *t, int line, const char *condition, const char *file);
void ktest_unequal(struct ktest *t, int line, const char *what, uint64_t got, uint64_t want,
		   const char *file);
void ktest_skip(struct ktest *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*
 * Zeroed memory, given back after end(): what is too large for a stack, and for
 * the image to hold for each suite. From begin() or the case. On the host the
 * sanitizer sees what is done beyond its ends. NULL: the case is skipped.
 */
void *ktest_zalloc(struct ktest *t, size_t size);
/* A diagnostic: "# …". */
void ktest_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Below `bound`, from the run's seed and the case's name: a case alone draws what it draws among
 * all. */
uint64_t ktest_random(struct ktest *t, uint64_t bound);

/*
 * How many steps a model test takes: `fallback`, unless the command line says
 * otherwise (`steps=<n>`), which is there to ask for a longer look.
 */
unsigned long ktest_steps(unsigned long fallback);
void ktest_set_steps(unsigned long steps); /* 0: nothing was said */

/* There are thousands of EXPECTs, so each argument counts: these add the file, one pair a file. */
__attribute__((noinline, unused)) static void ktest_untrue_here(struct ktest *t, int line,
								const char *condition)
{
	ktest_untrue(t, line, condition, __BASE_FILE__);
}

__attribute__((noinline, unused)) static void ktest_equal_here(struct ktest *t, int line,
							       const char *what, uint64_t got,
							       uint64_t want)
{
	if (got != want)
		ktest_unequal(t, line, what, got, want, __BASE_FILE__);
}

#define EXPECT(t, condition)                                                                       \
	do {                                                                                       \
		if (!(condition))                                                                  \
			ktest_untrue_here(t, __LINE__, #condition);                                \
	} while (0)

/* `got` is worked out before `want`. */
#define EXPECT_EQ(t, got, want)                                                                    \
	do {                                                                                       \
		uint64_t got_ = (uint64_t)(got), want_ = (uint64_t)(want);                         \
		ktest_equal_here(t, __LINE__, #got, got_, want_);                                  \
	} while (0)

#define REQUIRE(t, condition)                                                                      \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			ktest_untrue_here(t, __LINE__, #condition);                                \
			return;                                                                    \
		}                                                                                  \
	} while (0)

#endif
