/* SPDX-License-Identifier: MIT */
/*
 * Running suites and saying so in KTAP.
 *
 *	KTAP version 1
 *	# seed 7
 *	1..1
 *	    KTAP version 1
 *	    # Subtest: buddy
 *	    1..2
 *	    ok 1 split
 *	    # tests/unit/buddy_test.c:31: pages is 0x3, not 0x4
 *	    not ok 2 merge
 *	not ok 1 buddy
 *
 * Perl's prove takes the indented lines for a subtest's, Linux's kunit.py
 * parses them. The order of suites, and of the cases in one, is shuffled from
 * the seed, so that no case comes to lean on one before it. Whatever a case
 * draws depends on the seed and its name alone: it replays by itself.
 *
 * What a case makes the kernel log, often on purpose, is kept off the console;
 * it is shown, before the result, where the case fails.
 *
 * One run at a time; not from an interrupt handler.
 */
#include "tests/ktest.h"

#include <stdarg.h>

#include "kernel/log.h"
#include "kernel/printf.h"
#include "kernel/string.h"
#include "mm/errno.h"
#include "mm/port.h"
#include "mm/random.h"
#include "tests/arena.h"

#define ORDER_MAX 128 /* suites, or cases in one */
#define INDENT	  "    "

/* What stands before a diagnostic: inside a suite it belongs to the subtest. */
static const char *indent = "";

/* What is to run, by index. */
struct order {
	size_t count;
	uint8_t index[ORDER_MAX];
};

static unsigned long steps_asked; /* 0: nothing was said */

static uint64_t mix_name(uint64_t state, const char *name)
{
	for (; *name; name++) {
		state ^= (unsigned char)*name;
		state = random_next(&state);
	}
	return state;
}

static void shuffle(struct order *order, uint64_t state)
{
	for (size_t i = order->count; i > 1; i--) {
		size_t j = random_next(&state) % i;
		uint8_t index = order->index[j];

		order->index[j] = order->index[i - 1];
		order->index[i - 1] = index;
	}
}

uint64_t ktest_random(struct ktest *t, uint64_t bound)
{
	uint64_t value = random_next(&t->random);

	return bound ? value % bound : value;
}

unsigned long ktest_steps(unsigned long fallback)
{
	return steps_asked ? steps_asked : fallback;
}

void ktest_set_steps(unsigned long steps)
{
	steps_asked = steps;
}

static void diagnostic(const char *fmt, va_list args)
{
	printf("%s# ", indent);
	vprintf(fmt, args);
	printf("\n");
}

void ktest_say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	diagnostic(fmt, args);
	va_end(args);
}

void ktest_fail(struct ktest *t, const char *file, int line, const char *fmt, ...)
{
	va_list args;

	t->failed = true;
	if (++t->failures > KTEST_SHOWN)
		return;
	printf("%s# %s:%d: ", indent, file, line);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

void ktest_untrue(struct ktest *t, int line, const char *condition, const char *file)
{
	ktest_fail(t, file, line, "not true: %s", condition);
}

void ktest_unequal(struct ktest *t, int line, const char *what, uint64_t got, uint64_t want,
		   const char *file)
{
	ktest_fail(t, file, line, "%s is %#llx, not %#llx", what, (unsigned long long)got,
		   (unsigned long long)want);
}

void ktest_skip(struct ktest *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(t->skip, sizeof(t->skip), fmt, args);
	va_end(args);
}

void *ktest_zalloc(struct ktest *t, size_t size)
{
	void *at;

	if (t->blocks == KTEST_BLOCKS)
		port_panic("%s.%s: more than %d blocks", t->suite, t->name, KTEST_BLOCKS);
	at = test_alloc(size);
	if (!at) {
		ktest_skip(t, "no %zu bytes of memory", size);
		return NULL;
	}
	t->block[t->blocks].at = at;
	t->block[t->blocks++].size = size;
	return at;
}

static void free_blocks(struct ktest *t)
{
	while (t->blocks-- > 0)
		test_free(t->block[t->blocks].at, t->block[t->blocks].size);
}

/* Is this case among `which`: all, <suite> or <suite>.<case>? */
static bool wanted(const char *which, const struct ktest_suite *suite, const char *name)
{
	size_t n = strlen(suite->name);

	if (strcmp(which, "all") == 0)
		return true;
	if (strncmp(which, suite->name, n) != 0)
		return false;
	return which[n] == 0 || (which[n] == '.' && strcmp(which + n + 1, name) == 0);
}

static void order_add(struct order *order, size_t index)
{
	if (order->count == ORDER_MAX)
		port_panic("ktest: more than %d suites, or cases in one", ORDER_MAX);
	order->index[order->count++] = index;
}

/* The cases of `suite` that are wanted, in the order they run. */
static struct order order_cases(const char *which, const struct ktest_suite *suite, uint64_t seed)
{
	struct order all = {0}, chosen = {0};

	for (size_t i = 0; suite->cases[i].name; i++)
		order_add(&all, i);
	shuffle(&all, mix_name(seed, suite->name));
	for (size_t i = 0; i < all.count; i++)
		if (wanted(which, suite, suite->cases[all.index[i]].name))
			order_add(&chosen, all.index[i]);
	return chosen;
}

static void run_case(struct ktest *t, const struct ktest_suite *suite, void (*run)(struct ktest *))
{
	if (suite->begin)
		suite->begin(t);
	if (t->failed || t->skip[0])
		return;
	run(t);
	if (suite->end)
		suite->end(t);
}

/* Run one case and print its result. Returns whether it passed. */
static bool report_case(size_t number, const struct ktest_suite *suite,
			const struct ktest_case *one, uint64_t seed)
{
	struct ktest t = {.suite = suite->name,
			  .name = one->name,
			  .seed = seed,
			  .random = mix_name(mix_name(seed, suite->name), one->name)};

	log_hold();
	run_case(&t, suite, one->run);
	free_blocks(&t);
	log_release(t.failed);
	if (t.failures > KTEST_SHOWN)
		ktest_say("and %u more failures", t.failures - KTEST_SHOWN);
	printf("%s%s %zu %s", indent, t.failed ? "not ok" : "ok", number, one->name);
	if (t.skip[0] && !t.failed)
		printf(" # SKIP %s", t.skip);
	printf("\n");
	return !t.failed;
}

/* Returns how many cases failed. */
static int run_suite(const char *which, size_t number, const struct ktest_suite *suite,
		     uint64_t seed)
{
	struct order order = order_cases(which, suite, seed);
	int failed = 0;

	indent = INDENT;
	printf(INDENT "KTAP version 1\n" INDENT "# Subtest: %s\n" INDENT "1..%zu\n", suite->name,
	       order.count);
	for (size_t i = 0; i < order.count; i++)
		failed += !report_case(i + 1, suite, &suite->cases[order.index[i]], seed);
	indent = "";
	printf("%s %zu %s\n", failed ? "not ok" : "ok", number, suite->name);
	return failed;
}

/* The suites of both lists, as one. NULL past the end. */
static const struct ktest_suite *suite_at(size_t index)
{
	size_t i = 0;

	while (i < index && ktest_unit_suites[i])
		i++;
	return ktest_unit_suites[i] ? ktest_unit_suites[i] : ktest_device_suites[index - i];
}

static bool any_wanted(const char *which, const struct ktest_suite *suite)
{
	for (const struct ktest_case *one = suite->cases; one->name; one++)
		if (wanted(which, suite, one->name))
			return true;
	return false;
}

static int list(void)
{
	const struct ktest_suite *suite;

	for (size_t i = 0; (suite = suite_at(i)); i++)
		for (const struct ktest_case *one = suite->cases; one->name; one++)
			printf("%s.%s\n", suite->name, one->name);
	return 0;
}

int ktest_run(const char *which, uint64_t seed)
{
	struct order order = {0};
	int failed = 0;

	if (strcmp(which, "list") == 0)
		return list();
	for (size_t i = 0; suite_at(i); i++)
		if (any_wanted(which, suite_at(i)))
			order_add(&order, i);
	if (order.count == 0) {
		printf("ktest: there is no test '%s'; ktest=list names them all\n", which);
		return -ENOENT;
	}
	shuffle(&order, seed);
	printf("KTAP version 1\n# seed %llu\n1..%zu\n", (unsigned long long)seed, order.count);
	for (size_t i = 0; i < order.count; i++)
		failed += run_suite(which, i + 1, suite_at(order.index[i]), seed);
	return failed;
}
