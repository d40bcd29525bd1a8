/* SPDX-License-Identifier: MIT */
/*
 * A line being typed: editing and history, for any terminal that knows ANSI's
 * cursor sequences (ECMA-48, section 8.3). Keys are those of Emacs and of every
 * shell: ^A ^E ^B ^F ^D ^K ^U ^W ^P ^N ^C, and arrows, Home, End and Delete.
 *
 * Bytes go in one by one; what the terminal is to show comes out through
 * emit(). The cursor only moves relative to where it is, and a line with its
 * prompt always fits into 80 columns, so that nothing ever wraps. Bytes that
 * mean nothing here are ignored. Pure but for emit().
 */
#ifndef KERNEL_LINE_H
#define KERNEL_LINE_H

#include "mm/types.h"

#define LINE_PROMPT  "bounce> "
#define LINE_MAX     70 /* characters with a final 0; "^C" may stand behind them */
#define LINE_HISTORY 32

enum line_event { LINE_MORE, LINE_DONE, LINE_CANCELLED /* ^C */ };

struct line {
	void (*emit)(const char *text, size_t n);
	char text[LINE_MAX];
	size_t length, cursor;
	char history[LINE_HISTORY][LINE_MAX]; /* a ring */
	size_t lines;			      /* ever put there */
	size_t back;			      /* how far back text comes from; 0: it is new */
	char draft[LINE_MAX];		      /* what was typed before arrow up */
	enum line_state { LINE_PLAIN, LINE_ESCAPE, LINE_SEQUENCE } state;
	unsigned parameter; /* of the sequence that is coming in */
	bool after_return;  /* a newline now belongs to the return before it */
};

/* Start a line: empty, with its prompt on the terminal. */
void line_begin(struct line *line);

/*
 * One byte from the terminal. LINE_DONE: line->text is a whole line, and in the
 * history; LINE_CANCELLED: it was given up. After both, line_begin().
 */
enum line_event line_feed(struct line *line, unsigned char byte);

#endif
