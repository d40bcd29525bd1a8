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
	char sequence[16];

	snprintf(sequence, sizeof(sequence), "\x1b[%zu%c", n, where);
	if (n)
		emit(line, sequence);
}

static void move_to(struct line *line, size_t cursor)
{
	if (cursor < line->cursor)
		emit_move(line, line->cursor - cursor, 'D');
	else
		emit_move(line, cursor - line->cursor, 'C');
	line->cursor = cursor;
}

/* Show the text from `from` on, where the terminal's cursor is, and go to our cursor. */
static void show_from(struct line *line, size_t from)
{
	line->emit(line->text + from, line->length - from);
	emit(line, "\x1b[K");
	emit_move(line, line->length - line->cursor, 'D');
}

static void insert(struct line *line, char c)
{
	char *at = line->text + line->cursor;

	if (line->length == LINE_MAX - 1) {
		emit(line, "\a");
		return;
	}
	memmove(at + 1, at, line->length - line->cursor + 1);
	*at = c;
	line->length++;
	line->cursor++;
	if (line->cursor == line->length)
		line->emit(at, 1);
	else
		show_from(line, line->cursor - 1);
}

/* Take [from, to) out; the cursor is left at `from`. */
static void erase(struct line *line, size_t from, size_t to)
{
	if (from == to)
		return;
	move_to(line, from);
	memmove(line->text + from, line->text + to, line->length - to + 1);
	line->length -= to - from;
	show_from(line, from);
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

static void replace(struct line *line, const char *text)
{
	move_to(line, 0);
	string_copy(line->text, LINE_MAX, text);
	line->length = line->cursor = strlen(line->text);
	show_from(line, 0);
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

static void history_go(struct line *line, size_t back)
{
	if (back > line->lines || back > LINE_HISTORY)
		return;
	if (line->back == 0)
		string_copy(line->draft, LINE_MAX, line->text);
	line->back = back;
	replace(line, back ? history_at(line, back) : line->draft);
}

static void show_anew(struct line *line)
{
	emit(line, "\x1b[H\x1b[2J" LINE_PROMPT);
	show_from(line, 0);
}

static void move_right(struct line *line)
{
	if (line->cursor < line->length)
		move_to(line, line->cursor + 1);
}

static void move_left(struct line *line)
{
	if (line->cursor > 0)
		move_to(line, line->cursor - 1);
}

static void delete_here(struct line *line)
{
	if (line->cursor < line->length)
		erase(line, line->cursor, line->cursor + 1);
}

/* The last byte of a sequence that began with CSI or SS3: a key by its letter. */
static void letter_key(struct line *line, unsigned char byte)
{
	switch (byte) {
	case 'A':
		history_go(line, line->back + 1);
		break;
	case 'B':
		if (line->back)
			history_go(line, line->back - 1);
		break;
	case 'C':
		move_right(line);
		break;
	case 'D':
		move_left(line);
		break;
	case 'H':
		move_to(line, 0);
		break;
	case 'F':
		move_to(line, line->length);
		break;
	}
}

/* CSI <number> ~ : a key by its number, as the VT220 had them; 7 and 8 are rxvt's. */
static void number_key(struct line *line)
{
	switch (line->parameter) {
	case 1:
	case 7:
		move_to(line, 0);
		break;
	case 3:
		delete_here(line);
		break;
	case 4:
	case 8:
		move_to(line, line->length);
		break;
	}
}

/* A byte within an escape sequence. False: it doesn't belong there, and the sequence is dropped. */
static bool feed_sequence(struct line *line, unsigned char byte)
{
	if (byte < ' ' || byte >= RUBOUT) {
		line->state = LINE_PLAIN;
		return false;
	}
	if (line->state == LINE_ESCAPE) {
		line->state = byte == '[' ? LINE_CSI : byte == 'O' ? LINE_SS3 : LINE_PLAIN;
		line->parameter = 0;
	} else if (byte >= '0' && byte <= '9') {
		line->parameter = line->parameter * 10 + (unsigned)(byte - '0');
	} else if (byte >= '@') {
		line->state = LINE_PLAIN;
		if (byte == '~')
			number_key(line);
		else
			letter_key(line, byte);
	}
	return true;
}

static void feed_control(struct line *line, unsigned char byte)
{
	switch (byte) {
	case '\b':
	case RUBOUT:
		if (line->cursor > 0)
			erase(line, line->cursor - 1, line->cursor);
		break;
	case CTRL('A'):
		move_to(line, 0);
		break;
	case CTRL('E'):
		move_to(line, line->length);
		break;
	case CTRL('K'):
		erase(line, line->cursor, line->length);
		break;
	case CTRL('U'):
		erase(line, 0, line->cursor);
		break;
	case CTRL('W'):
		erase(line, word_start(line), line->cursor);
		break;
	case CTRL('L'):
		show_anew(line);
		break;
	case ESC:
		line->state = LINE_ESCAPE;
		break;
	}
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
		insert(line, (char)byte);
	else
		feed_control(line, byte);
	return LINE_MORE;
}
