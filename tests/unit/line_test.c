/* SPDX-License-Identifier: MIT */
/*
 * Line editing, against a terminal of one row: after every key it must show the
 * prompt and the text, with the cursor where the editor has it.
 */
#include "kernel/line.h"

#include "kernel/string.h"
#include "mm/types.h"
#include "tests/ktest.h"

#define COLUMNS 80

/* As much of a terminal as the editor may use; anything else is an error. */
static struct {
	char row[COLUMNS + 1], above[COLUMNS + 1]; /* the row before the last newline */
	size_t column;
	bool bad;
} terminal;

static struct line *line;

static void terminal_clear(size_t from)
{
	for (size_t i = from; i < COLUMNS; i++)
		terminal.row[i] = ' ';
}

static void terminal_put(char c)
{
	if (terminal.column == COLUMNS - 1) { /* it would wrap */
		terminal.bad = true;
		return;
	}
	terminal.row[terminal.column++] = c;
}

static void terminal_move(size_t n, bool left)
{
	if (left ? n > terminal.column : terminal.column + n >= COLUMNS)
		terminal.bad = true;
	else
		terminal.column += left ? 0 - n : n;
}

/* One escape sequence at `text`, after its ESC; returns how long it is. */
static size_t terminal_escape(const char *text)
{
	size_t i = 1, n = 0;

	for (; text[i] >= '0' && text[i] <= '9'; i++)
		n = n * 10 + (size_t)(text[i] - '0');
	if (text[0] != '[')
		terminal.bad = true;
	else if (text[i] == 'C' || text[i] == 'D')
		terminal_move(n, text[i] == 'D');
	else if (text[i] == 'K')
		terminal_clear(terminal.column);
	else
		terminal.bad = true;
	return i + 1;
}

static void terminal_emit(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\n') {
			memcpy(terminal.above, terminal.row, sizeof(terminal.above));
			terminal.column = 0;
			terminal_clear(0);
		} else if (text[i] == 0x1b) {
			i += terminal_escape(text + i + 1);
		} else if (text[i] != '\a') {
			terminal_put(text[i]);
		}
	}
}

static void begin(struct ktest *t)
{
	line = ktest_zalloc(t, sizeof(*line));
	if (!line)
		return;
	line->emit = terminal_emit;
	terminal_emit("\n", 1);
	terminal.bad = false;
	line_begin(line);
}

/* What the terminal shows is what the editor means. */
static void end(struct ktest *t)
{
	size_t prompt = strlen(LINE_PROMPT), i = prompt + line->length;

	EXPECT(t, !terminal.bad);
	EXPECT(t, line->cursor <= line->length && line->length < LINE_MAX);
	EXPECT_EQ(t, strlen(line->text), line->length);
	EXPECT_EQ(t, terminal.column, prompt + line->cursor);
	EXPECT(t, memcmp(terminal.row, LINE_PROMPT, prompt) == 0);
	EXPECT(t, memcmp(terminal.row + prompt, line->text, line->length) == 0);
	while (i < COLUMNS && terminal.row[i] == ' ')
		i++;
	EXPECT_EQ(t, i, COLUMNS);
}

/* Type; whole lines are begun anew. The last event. */
static enum line_event type(struct ktest *t, const char *keys, size_t n)
{
	enum line_event event = LINE_MORE;

	for (size_t i = 0; i < n; i++) {
		event = line_feed(line, (unsigned char)keys[i]);
		if (event != LINE_MORE)
			line_begin(line);
		end(t);
	}
	return event;
}

static void expect_text(struct ktest *t, const char *keys, const char *want)
{
	type(t, keys, strlen(keys));
	if (strcmp(line->text, want) != 0)
		ktest_fail(t, __FILE__, __LINE__, "the line is '%s', not '%s'", line->text, want);
	line_feed(line, 3); /* ^C */
	line_begin(line);
}

static void editing(struct ktest *t)
{
	expect_text(t, "zonex\x7fs", "zones");
	expect_text(t, "zonex\bs", "zones");
	expect_text(t, "ones\x01z", "zones");
	expect_text(t, "one\x1b[Hz\x1b[Fs", "zones");
	expect_text(t, "one\x1b[1~z\x1b[4~s", "zones");
	expect_text(t, "one\x1bOHz\x1bOFs", "zones");
	expect_text(t, "zos\x1b[Dne\x05!", "zones!");
	expect_text(t, "zXones\x01\x1b[C\x1b[3~", "zones");
	expect_text(t, "rubbish zones\x01\x1b[C\x1b[C\x15", "bbish zones");
	expect_text(t, "zones rubbish\x1b[D\x1b[D\x0b", "zones rubbi");
	expect_text(t, "zones rubbish  \x17", "zones ");
	expect_text(t, "\x17\x7f\x1b[3~\x1b[D\x1b[C\x0b\x15", "");
	expect_text(t, "zXnes\x02\x02\x02\x02\x02\x06\x04o", "zones");
}

static void rubbish_is_ignored(struct ktest *t)
{
	expect_text(t, "a\x1b[99~b\x1b[1;5Zc\x1bOd\x1b[\x1b\x15xyz", "xyz");
	expect_text(t, "a\x80\xc3\xa4\xff\x01\x02\x1b\x1b[3~", "");
	expect_text(t, "a\x1b[99999999999999999999999Cb", "ab");
}

static void lines_end(struct ktest *t)
{
	EXPECT_EQ(t, type(t, "a\r", 2), LINE_DONE);
	EXPECT_EQ(t, type(t, "\n", 1), LINE_MORE); /* of "\r\n" */
	EXPECT_EQ(t, type(t, "\n", 1), LINE_DONE);
	EXPECT_EQ(t, type(t, "b\x1b[\r", 4), LINE_DONE);
	EXPECT_EQ(t, type(t, "c\x03", 2), LINE_CANCELLED);
}

/* What was given up stays readable, wherever the cursor was. */
static void cancel_shows(struct ktest *t)
{
	const char *want = LINE_PROMPT "abc^C ";

	EXPECT_EQ(t, type(t, "abc\x1b[D\x1b[D\x03", 10), LINE_CANCELLED);
	EXPECT(t, memcmp(terminal.above, want, strlen(want)) == 0);
}

static void history(struct ktest *t)
{
	const char *up = "\x1b[A", *down = "\x1b[B";

	expect_text(t, up, "");
	type(t, "one\rtwo\rtwo\r\rgiven up\x03", 23);
	expect_text(t, up, "two");
	expect_text(t, "\x1b[A\x1b[A", "one");
	expect_text(t, "\x1b[A\x1b[A\x1b[A", "one");
	expect_text(t, "\x1b[A\x1b[A\x1bOB", "two");
	expect_text(t, "draft\x1b[A\x1b[A\x1b[B\x1b[B", "draft");
	expect_text(t, down, "");
	expect_text(t, "\x1b[A\x7f!", "tw!");
	expect_text(t, up, "two"); /* what was recalled and changed did not change the history */
}

static void history_is_a_ring(struct ktest *t)
{
	char number[] = "00\r";

	for (unsigned i = 0; i < LINE_HISTORY + 5; i++) {
		number[0] = (char)('0' + i / 10);
		number[1] = (char)('0' + i % 10);
		type(t, number, 3);
	}
	for (unsigned i = 0; i < LINE_HISTORY + 5; i++)
		type(t, "\x1b[A", 3);
	expect_text(t, "", "05");
}

/* Full, nothing more goes in; one out at the beginning makes room for one at the end. */
static void too_long(struct ktest *t)
{
	char want[LINE_MAX];

	memset(want, 'a', LINE_MAX - 2);
	want[LINE_MAX - 2] = 'z';
	want[LINE_MAX - 1] = 0;
	for (unsigned i = 0; i < 3 * LINE_MAX; i++)
		type(t, "a", 1);
	EXPECT_EQ(t, line->length, LINE_MAX - 1);
	expect_text(t, "x\x01y\x1b[C\x7f\x05zz", want);
}

static void random_keys(struct ktest *t)
{
	static const char *const keys[] = {
		"a",	"b",	" ", "c",  "\x7f", "\x01",   "\x05",   "\r",	 "\x0b",   "\x15",
		"\x17", "\x1b", "[", "3~", "\x04", "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x03"};

	for (unsigned i = 0; i < 3000 && !t->failed; i++) {
		const char *key = keys[ktest_random(t, ARRAY_SIZE(keys))];

		type(t, key, strlen(key));
	}
}

static const struct ktest_case cases[] = {
	{"editing", editing},
	{"rubbish_is_ignored", rubbish_is_ignored},
	{"lines_end", lines_end},
	{"cancel_shows", cancel_shows},
	{"history", history},
	{"history_is_a_ring", history_is_a_ring},
	{"too_long", too_long},
	{"random_keys", random_keys},
	{NULL, NULL},
};

const struct ktest_suite line_suite = {.name = "line", .begin = begin, .end = end, .cases = cases};
