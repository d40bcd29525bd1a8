/* SPDX-License-Identifier: MIT */
/*
 * Line editing.
 *
 *	bounce> zones swi
 *	        ^     ^  ^
 *	        0   cursor  length
 *
 * Between two bytes the terminal shows prompt and text, with its cursor at
 * ours; each edit keeps that with as few characters as it can.
 */
#include "kernel/line.h"

#include "kernel/printf.h"
#include "kernel/string.h"
#include "mm/types.h"

#define CTRL(letter) ((letter)&0x1f)
#define ESC	     0x1b
#define RUBOUT	     0x7f

static void emit(struct line *line, const char *text)
{
	line->emit(text, strlen(text));
}

/* Move the terminal's cursor n columns: 'C' to the right, 'D' to the left. */
static void emit_move(struct line *line, size_t n, char where)
{
	char sequence[24];

	snprintf(sequence, sizeof(sequence), "\x1b[%zu%c", n, where);
	if (n)
		emit(line, sequence);
}

static void move_to(struct line *line, size_t cursor)
{
	bool left = cursor < line->cursor;

	emit_move(line, left ? line->cursor - cursor : cursor - line->cursor, left ? 'D' : 'C');
	line->cursor = cursor;
}

/*
 * Go to `from`, put `n` characters in place of what stands from there up to `to`, and go behind
 * them. All editing is this, and so are the keys that only move, by replacing nothing with nothing.
 */
static void splice(struct line *line, size_t from, size_t to, const char *text, size_t n)
{
	char *at = line->text + from;

	if (line->length - (to - from) + n >= LINE_MAX) {
		emit(line, "\a");
		return;
	}
	move_to(line, from);
	if (from == to && n == 0)
		return;
	memmove(at + n, line->text + to, line->length - to + 1);
	memcpy(at, text, n);
	line->length += n - (to - from);
	line->cursor += n;
	line->emit(at, line->length - from);
	if (to - from > n)
		emit(line, "\x1b[K");
	emit_move(line, line->length - line->cursor, 'D');
}

static size_t word_start(const struct line *line)
{
	size_t at = line->cursor;

	while (at > 0 && line->text[at - 1] == ' ')
		at--;
	while (at > 0 && line->text[at - 1] != ' ')
		at--;
	return at;
}

/* The line `back` lines ago, from 1. */
static char *history_at(struct line *line, size_t back)
{
	return line->history[(line->lines - back) % LINE_HISTORY];
}

static void history_add(struct line *line)
{
	if (!line->length || (line->lines && strcmp(history_at(line, 1), line->text) == 0))
		return;
	line->lines++;
	string_copy(history_at(line, 1), LINE_MAX, line->text);
}

/* `back` may be one less than 0, and then is too much. */
static void history_go(struct line *line, size_t back)
{
	const char *text;

	if (back > line->lines || back > LINE_HISTORY)
		return;
	if (line->back == 0)
		string_copy(line->draft, LINE_MAX, line->text);
	line->back = back;
	text = back ? history_at(line, back) : line->draft;
	splice(line, 0, line->length, text, strlen(text));
}

/* What most keys do is to take something out, be it nothing. */
static void feed_edit(struct line *line, unsigned char byte)
{
	size_t at = line->cursor, end = line->length;
	size_t left = at - (at > 0), right = at + (at < end);
	const struct {
		unsigned char key;
		size_t from, to;
	} edits[] = {
		{'\b', left, at},	 {RUBOUT, left, at},
		{CTRL('D'), at, right},	 {CTRL('A'), 0, 0},
		{CTRL('B'), left, left}, {CTRL('F'), right, right},
		{CTRL('E'), end, end},	 {CTRL('K'), at, end},
		{CTRL('U'), 0, at},	 {CTRL('W'), word_start(line), at},
	};

	for (size_t i = 0; i < ARRAY_SIZE(edits); i++)
		if (edits[i].key == byte)
			splice(line, edits[i].from, edits[i].to, "", 0);
}

static void feed_control(struct line *line, unsigned char byte)
{
	if (byte == CTRL('N'))
		history_go(line, line->back - 1);
	else if (byte == CTRL('P'))
		history_go(line, line->back + 1);
	else if (byte == ESC)
		line->state = LINE_ESCAPE;
	else
		feed_edit(line, byte);
}

/*
 * The control character that does what a sequence's key does, whose last byte this is: an arrow,
 * Home or End by its letter, or CSI <number> ~ as the VT220 had them. 0: it does nothing here.
 */
static unsigned char control_of(unsigned parameter, unsigned char last)
{
	static const char letters[] = "ABCDHF", controls[] = "PNFBAE", numbered[] = " A DE";
	const char *letter = strchr(letters, last);

	if (last == '~')
		return parameter < sizeof(numbered) - 1 ? CTRL(numbered[parameter]) : 0;
	return letter ? CTRL(controls[letter - letters]) : 0;
}

/*
 * A byte within ESC [ <number> <last> or ESC O <last>. False: it doesn't belong there, and the
 * sequence is dropped.
 */
static bool feed_sequence(struct line *line, unsigned char byte)
{
	enum line_state state = line->state;

	line->state = LINE_PLAIN;
	if (byte < ' ' || byte >= RUBOUT)
		return false;
	if (state == LINE_ESCAPE) {
		line->parameter = 0;
		if (byte == '[' || byte == 'O')
			line->state = LINE_SEQUENCE;
	} else if (byte >= '@') {
		feed_control(line, control_of(line->parameter, byte));
	} else {
		line->state = LINE_SEQUENCE;
		if (byte >= '0' && byte <= '9')
			line->parameter = line->parameter * 10 + (unsigned)(byte - '0');
	}
	return true;
}

void line_begin(struct line *line)
{
	line->length = line->cursor = line->back = 0;
	line->text[0] = 0;
	emit(line, LINE_PROMPT);
}

enum line_event line_feed(struct line *line, unsigned char byte)
{
	bool after_return = line->after_return;

	line->after_return = byte == '\r';
	if (line->state != LINE_PLAIN && feed_sequence(line, byte))
		return LINE_MORE;
	if (byte == '\n' && after_return)
		return LINE_MORE;
	if (byte == '\r' || byte == '\n') {
		emit(line, "\n");
		history_add(line);
		return LINE_DONE;
	}
	if (byte == CTRL('C')) {
		move_to(line, line->length);
		emit(line, "^C\n");
		return LINE_CANCELLED;
	}
	if (byte >= ' ' && byte < RUBOUT)
		splice(line, line->cursor, line->cursor, (const char *)&byte, 1);
	else
		feed_control(line, byte);
	return LINE_MORE;
}
