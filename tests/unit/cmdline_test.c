/* SPDX-License-Identifier: MIT */
/* The command line, on a private one that begin() puts in the machine's place. */
#include "kernel/cmdline.h"

#include "kernel/string.h"
#include "mm/errno.h"
#include "mm/types.h"
#include "tests/ktest.h"

static struct cmdline *mine, *before;

static void begin(struct ktest *t)
{
	mine = ktest_zalloc(t, sizeof(*mine));
	if (!mine)
		return;
	mine->quiet = true;
	before = cmdline_use(mine);
}

static void end(struct ktest *t)
{
	EXPECT(t, cmdline_use(before) == mine);
}

static void expect_value(struct ktest *t, const char *key, const char *want)
{
	const char *got = cmdline_get(key);

	if (!got || strcmp(got, want) != 0)
		ktest_fail(t, __FILE__, __LINE__, "%s is '%s', not '%s'", key, got ? got : "absent",
			   want);
}

/* There were `count` warnings by now, and the last has `part` in it. */
static void expect_warning(struct ktest *t, unsigned count, const char *part)
{
	const char *p = mine->warning;

	EXPECT_EQ(t, mine->warnings, count);
	while (*p && strncmp(p, part, strlen(part)) != 0)
		p++;
	if (!*p)
		ktest_fail(t, __FILE__, __LINE__, "no '%s' in the warning '%s'", part,
			   mine->warning);
}

static void words(struct ktest *t)
{
	cmdline_add("  ktest=all\texit edu.mask=0x1f  x==y e= ");
	expect_value(t, "ktest", "all");
	expect_value(t, "exit", "");
	expect_value(t, "edu.mask", "0x1f");
	expect_value(t, "x", "=y");
	expect_value(t, "e", "");
	EXPECT(t, cmdline_get("kt") == NULL);
	EXPECT(t, cmdline_get("mask") == NULL);
	EXPECT_EQ(t, mine->count, 5);
	EXPECT_EQ(t, mine->warnings, 0);
}

static void last_wins(struct ktest *t)
{
	cmdline_add("seed=1 seed=2");
	expect_value(t, "seed", "2");
	cmdline_add("seed=3");
	expect_value(t, "seed", "3");
	EXPECT_EQ(t, cmdline_warn_unknown(), 0);
}

static void numbers(struct ktest *t)
{
	cmdline_add("a=10 b=0x10 c=18446744073709551615 d=0");
	EXPECT_EQ(t, cmdline_number("a", 1, 10, 10), 10);
	EXPECT_EQ(t, cmdline_number("b", 1, 0, 100), 16);
	EXPECT_EQ(t, cmdline_number("c", 1, 0, UINT64_MAX), UINT64_MAX);
	EXPECT_EQ(t, cmdline_number("d", 1, 0, 9), 0);
	EXPECT_EQ(t, cmdline_number("absent", 7, 0, 9), 7);
	EXPECT_EQ(t, mine->warnings, 0);
}

static void bad_numbers(struct ktest *t)
{
	static const char *const bad[] = {"n=",
					  "n",
					  "n=x",
					  "n=12x",
					  "n=-1",
					  "n=0x",
					  "n=0xg",
					  "n=10",
					  "n=200",
					  "n=13.5",
					  "n=18446744073709551616",
					  "n=0x10000000000000000"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cmdline_add(bad[i]);
		EXPECT_EQ(t, cmdline_number("n", 42, 11, 199), 42);
		expect_warning(t, (unsigned)i + 1, "it is ignored");
	}
}

static void flags(struct ktest *t)
{
	cmdline_add("a c=on f=off h=maybe");
	EXPECT(t, cmdline_flag("a", false) && cmdline_flag("c", false) && !cmdline_flag("f", true));
	EXPECT(t, cmdline_flag("absent", true) && !cmdline_flag("absent", false));
	EXPECT_EQ(t, mine->warnings, 0);
	EXPECT(t, cmdline_flag("h", true));
	expect_warning(t, 1, "h=maybe");
	EXPECT(t, !cmdline_flag("h", false));
}

static void choices(struct ktest *t)
{
	static const char *const names[] = {"high", "low", "shuffle", NULL};

	cmdline_add("place=low other=up");
	EXPECT_EQ(t, cmdline_choice("place", 0, names), 1);
	EXPECT_EQ(t, cmdline_choice("absent", 2, names), 2);
	EXPECT_EQ(t, cmdline_choice("other", 2, names), 2);
	expect_warning(t, 1, "high, low, shuffle");
}

static void sizes(struct ktest *t)
{
	static const struct {
		const char *text, *rest;
		uint64_t bytes;
	} good[] = {
		{"0", "", 0},
		{"1", "", 1},
		{"4k", "", 4096},
		{"0x10K,force", ",force", 16384},
		{"64M", "", MIB(64)},
		{"3G", "", GIB(3)},
		{"1MB", "B", MIB(1)},
		{"17179869183G", "", 0xffffffffc0000000},
		{"18446744073709551615", "", UINT64_MAX},
	};
	static const char *const bad[] = {
		"", "K", "x", "-1", "17179869184G", "18014398509481984K", "18446744073709551616"};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		const char *rest = NULL;
		uint64_t bytes = 1;

		EXPECT_EQ(t, parse_size(good[i].text, &rest, &bytes), 0);
		EXPECT_EQ(t, bytes, good[i].bytes);
		EXPECT(t, rest && strcmp(rest, good[i].rest) == 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *rest = NULL;
		uint64_t bytes = 1;

		EXPECT_EQ(t, parse_size(bad[i], &rest, &bytes), -EINVAL);
		EXPECT_EQ(t, bytes, 1);
	}
}

static void unknown_words(struct ktest *t)
{
	cmdline_add(
		"known asked=1 edu7.mask=24 edu.mask=28 edux.mask=1 edu7mask edu7.masks what=it");
	cmdline_get("known");
	cmdline_get("asked");
	cmdline_know_device("edu", "mask");
	EXPECT_EQ(t, cmdline_warn_unknown(), 4);
	expect_warning(t, 4, "'what=it'");
}

static void too_many_words(struct ktest *t)
{
	for (unsigned i = 0; i < CMDLINE_WORDS; i++)
		cmdline_add("a=1");
	EXPECT_EQ(t, mine->warnings, 0);
	cmdline_add("one_more=2");
	expect_warning(t, 1, "one_more=2");
	EXPECT(t, cmdline_get("one_more") == NULL);
	expect_value(t, "a", "1");
}

/* The last bytes of the text are used, and nothing is written beyond. */
static void too_long(struct ktest *t)
{
	char *text = ktest_zalloc(t, CMDLINE_MAX + 1);

	if (!text)
		return;
	memset(text, 'x', CMDLINE_MAX);
	cmdline_add(text);
	expect_warning(t, 1, "longer than");
	EXPECT_EQ(t, mine->count, 0);
	text[CMDLINE_MAX - 1] = 0;
	cmdline_add(text);
	EXPECT_EQ(t, mine->warnings, 1);
	EXPECT_EQ(t, mine->count, 1);
	EXPECT_EQ(t, mine->used, CMDLINE_MAX);
	EXPECT(t, cmdline_get(text) != NULL);
	cmdline_add("y");
	expect_warning(t, 2, "from 'y' on");
}

/* Any bytes at all: what is found lies in the text, and the sanitizers have nothing to say. */
static void garbage(struct ktest *t)
{
	char text[300] = "";

	for (unsigned round = 0; round < 200; round++) {
		static const char alphabet[] = "ab.=\" \t\n\x01\xff";

		memset(mine, 0, sizeof(*mine));
		mine->quiet = true;
		for (size_t i = 0; i < sizeof(text) - 1; i++)
			text[i] = alphabet[ktest_random(t, sizeof(alphabet) - 1)];
		cmdline_add(text);
		cmdline_warn_unknown();
		for (size_t i = 0; i < mine->count; i++) {
			const struct cmdline_word *word = &mine->word[i];

			EXPECT(t, word->key >= mine->text);
			EXPECT(t, word->value + strlen(word->value) < mine->text + mine->used);
		}
	}
}

static const struct ktest_case cases[] = {
	{"words", words},
	{"last_wins", last_wins},
	{"numbers", numbers},
	{"bad_numbers", bad_numbers},
	{"flags", flags},
	{"choices", choices},
	{"sizes", sizes},
	{"unknown_words", unknown_words},
	{"too_many_words", too_many_words},
	{"too_long", too_long},
	{"garbage", garbage},
	{NULL, NULL},
};

const struct ktest_suite cmdline_suite = {
	.name = "cmdline", .begin = begin, .end = end, .cases = cases};
