/* SPDX-License-Identifier: MIT */
/*
 * Formatted text, against a table. Each row is put to kernel/format.c and to
 * vsnprintf() as well: on the host that is the C library's, so the table itself
 * is held to ISO C.
 */
#include <limits.h>

#include "kernel/printf.h"
#include "kernel/string.h"
#include "mm/types.h"
#include "tests/ktest.h"

static PRINTF_LIKE(3, 4) void check(struct ktest *t, const char *want, const char *fmt, ...)
{
	char got[160], other[160];
	size_t n, other_n;
	va_list args;

	va_start(args, fmt);
	n = format_buffer(got, sizeof(got), fmt, args);
	va_end(args);
	va_start(args, fmt);
	other_n = (size_t)vsnprintf(other, sizeof(other), fmt, args);
	va_end(args);
	if (strcmp(got, want) != 0 || n != strlen(want))
		ktest_fail(t, __FILE__, __LINE__, "'%s' gives '%s' (%zu), not '%s'", fmt, got, n,
			   want);
	if (strcmp(other, want) != 0 || other_n != n)
		ktest_fail(t, __FILE__, __LINE__, "vsnprintf: '%s' gives '%s', not '%s'", fmt,
			   other, want);
}

static void integers(struct ktest *t)
{
	check(t, "0 -1 2147483647 -2147483648", "%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
	check(t, "4294967295", "%u", UINT_MAX);
	check(t, "-9223372036854775808", "%ld", LONG_MIN);
	check(t, "18446744073709551615 18446744073709551615", "%lu %llu", ULONG_MAX, ULLONG_MAX);
	check(t, "ffffffffffffffff ffff", "%llx %x", ULLONG_MAX, 0xffffU);
	check(t, "18446744073709551615", "%zu", SIZE_MAX);
}

static void flags(struct ktest *t)
{
	static const char *const both = "[%-05d]"; /* which the compiler would rather not see */
	const char *fmt = both;

	check(t, "[   42] [42   ] [00042]", "[%5d] [%-5d] [%05d]", 42, 42, 42);
	check(t, "[-42] [-0042] [  -42] [-42  ]", "[%d] [%05d] [%5d] [%-5d]", -42, -42, -42, -42);
	check(t, "[0x2a] [0]", "[%#x] [%#x]", 42U, 0U);
	check(t, "[0x00002a] [    0x2a] [0x2a    ]", "[%#08x] [%#8x] [%-#8x]", 42U, 42U, 42U);
	check(t, "[0x000000000000002a]", "[%#018lx]", 42UL);
	check(t, "[42   ]", fmt, 42);
	check(t, "[] [42] [  ] [-1]", "[%.0d] [%.0lu] [%2.0x] [%.0d]", 0, 42UL, 0U, -1);
}

static void text(struct ktest *t)
{
	const char cut[3] = {'a', 'b', 'c'}; /* no final 0 */

	check(t, "[abc] [  abc] [abc  ] [ab] [   ab]", "[%s] [%5s] [%-5s] [%.2s] [%5.2s]", "abc",
	      "abc", "abc", "abc", "abc");
	check(t, "[abc] []", "[%.3s] [%s]", cut, "");
	check(t, "[x] [  x] [x  ]", "[%c] [%3c] [%-3c]", 'x', 'x', 'x');
	check(t, "100% %d", "100%% %s", "%d");
	check(t, "0x1000 [  0x1000]", "%p [%8p]", (void *)0x1000, (void *)0x1000);
	check(t, "[                                        x]", "[%41s]", "x");
	check(t, "[ab] [abc] [abc] []", "[%.*s] [%.*s] [%.*s] [%.s]", 2, "abc", 5, "abc", -1, "abc",
	      "abc");
}

static PRINTF_LIKE(3, 4) size_t into(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	size_t n;

	va_start(args, fmt);
	n = format_buffer(buf, size, fmt, args);
	va_end(args);
	return n;
}

/* Every size up to more than enough: the whole length is told, and nothing is written beyond. */
static void cut(struct ktest *t)
{
	const char *whole = "    7 abc";

	for (size_t size = 0; size < 12; size++) {
		char buf[16];

		memset(buf, '#', sizeof(buf));
		EXPECT_EQ(t, into(buf, size, "%5d %s", 7, "abc"), strlen(whole));
		if (size) {
			size_t kept = size - 1 < strlen(whole) ? size - 1 : strlen(whole);

			EXPECT(t, memcmp(buf, whole, kept) == 0);
			EXPECT_EQ(t, buf[kept], 0);
		}
		EXPECT_EQ(t, buf[size], '#');
	}
	EXPECT_EQ(t, into(NULL, 0, "%s", "abc"), 3);
}

/* What the compiler would not let through: it is printed as it stands, and takes no argument. */
static void unknown(struct ktest *t)
{
	static const char *const formats[] = {"a %", "%5", "%f!", "%lq.", "%-"};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		char buf[16];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		into(buf, sizeof(buf), formats[i]);
#pragma GCC diagnostic pop
		EXPECT(t, strcmp(buf, formats[i]) == 0);
	}
}

static const struct ktest_case cases[] = {
	{"integers", integers}, {"flags", flags},     {"text", text},
	{"cut", cut},		{"unknown", unknown}, {NULL, NULL},
};

const struct ktest_suite printf_suite = {.name = "printf", .cases = cases};
