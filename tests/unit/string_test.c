/* SPDX-License-Identifier: MIT */
/*
 * Strings and memory. On the host these are the C library's functions, which
 * proves the cases; in the kernel they are ours.
 */
#include "kernel/string.h"

#include "mm/types.h"
#include "tests/ktest.h"

#define AREA 72

/* Sizes around the eight bytes that move at a time. */
#define SPAN 31

static void fill(struct ktest *t, unsigned char *area)
{
	for (size_t i = 0; i < AREA; i++)
		area[i] = (unsigned char)ktest_random(t, 256);
}

/* `got` is `before` but for n bytes at `to`, which are `want`. */
static bool only_changed(const unsigned char *got, const unsigned char *before, size_t to,
			 const unsigned char *want, size_t n)
{
	for (size_t i = 0; i < AREA; i++)
		if (got[i] != (i - to < n ? want[i - to] : before[i]))
			return false;
	return true;
}

static void copies(struct ktest *t)
{
	unsigned char src[AREA], dst[AREA], before[AREA];

	fill(t, src);
	for (size_t n = 0; n < SPAN; n++) {
		for (size_t at = 0; at < 9; at++) {
			fill(t, dst);
			memcpy(before, dst, AREA);
			EXPECT(t, memcpy(dst + 9, src + at, n) == dst + 9);
			EXPECT(t, only_changed(dst, before, 9, src + at, n));
		}
	}
}

static void moves_over_itself(struct ktest *t)
{
	unsigned char area[AREA], before[AREA];

	for (size_t n = 0; n < SPAN; n++) {
		for (size_t to = 0; to < 2 * 18; to++) {
			fill(t, area);
			for (size_t i = 0; i < AREA; i++)
				before[i] = area[i];
			EXPECT(t, memmove(area + to, area + 18, n) == area + to);
			EXPECT(t, only_changed(area, before, to, before + 18, n));
		}
	}
}

static void fills(struct ktest *t)
{
	unsigned char area[AREA], before[AREA], want[SPAN];

	for (size_t n = 0; n < SPAN; n++) {
		fill(t, area);
		memcpy(before, area, AREA);
		for (size_t i = 0; i < SPAN; i++)
			want[i] = 0xa5;
		EXPECT(t, memset(area + 3, 0x1a5, n) == area + 3);
		EXPECT(t, only_changed(area, before, 3, want, n));
	}
}

static void compares_memory(struct ktest *t)
{
	unsigned char a[SPAN], b[SPAN];

	memset(a, 0x80, sizeof(a));
	for (size_t at = 0; at < SPAN; at++) {
		memcpy(b, a, sizeof(b));
		EXPECT_EQ(t, memcmp(a, b, SPAN), 0);
		b[at] = 0x7f; /* less, as unsigned bytes are */
		EXPECT(t, memcmp(a, b, SPAN) > 0);
		EXPECT(t, memcmp(b, a, SPAN) < 0);
		EXPECT_EQ(t, memcmp(a, b, at), 0);
	}
}

static void compares_strings(struct ktest *t)
{
	EXPECT_EQ(t, strcmp("", ""), 0);
	EXPECT_EQ(t, strcmp("edu0", "edu0"), 0);
	EXPECT(t, strcmp("edu", "edu0") < 0);
	EXPECT(t, strcmp("edu0", "edu") > 0);
	EXPECT(t, strcmp("\x80", "\x7f") > 0);
	EXPECT_EQ(t, strncmp("edu0", "edu1", 3), 0);
	EXPECT(t, strncmp("edu0", "edu1", 4) < 0);
	EXPECT_EQ(t, strncmp("edu", "edu", 100), 0);
	EXPECT_EQ(t, strncmp("a", "b", 0), 0);
}

static void lengths_and_finds(struct ktest *t)
{
	const char *s = "a=b=";

	EXPECT_EQ(t, strlen(""), 0);
	EXPECT_EQ(t, strlen(s), 4);
	EXPECT_EQ(t, strnlen(s, 2), 2);
	EXPECT_EQ(t, strnlen(s, 4), 4);
	EXPECT_EQ(t, strnlen(s, 5), 4);
	EXPECT_EQ(t, strnlen(s, 0), 0);
	EXPECT(t, strchr(s, '=') == s + 1);
	EXPECT(t, strchr(s, 0) == s + 4);
	EXPECT(t, strchr(s, 'x') == NULL);
}

static void bounded_copies(struct ktest *t)
{
	char buf[4] = "###";

	EXPECT(t, !string_copy(buf, 0, "x"));
	EXPECT_EQ(t, buf[0], '#');
	EXPECT(t, string_copy(buf, sizeof(buf), "abc"));
	EXPECT(t, strcmp(buf, "abc") == 0);
	EXPECT(t, !string_copy(buf, sizeof(buf), "wxyz"));
	EXPECT(t, strcmp(buf, "wxy") == 0);
	EXPECT(t, !string_copy(buf, 1, "a"));
	EXPECT(t, string_copy(buf, 1, ""));
	EXPECT_EQ(t, buf[0], 0);
}

static const struct ktest_case cases[] = {
	{"copies", copies},
	{"moves_over_itself", moves_over_itself},
	{"fills", fills},
	{"compares_memory", compares_memory},
	{"compares_strings", compares_strings},
	{"lengths_and_finds", lengths_and_finds},
	{"bounded_copies", bounded_copies},
	{NULL, NULL},
};

const struct ktest_suite string_suite = {.name = "string", .cases = cases};
