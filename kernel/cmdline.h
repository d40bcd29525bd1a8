/* SPDX-License-Identifier: MIT */
/*
 * The command line: words apart by blanks, `key` or `key=value`. The last of
 * equal keys wins.
 *
 * An option takes a value that is checked where it is read: a malformed one is
 * named in a warning and its default stays. After all readers had their turn,
 * cmdline_warn_unknown() names every word that nobody knows.
 *
 * Device options are `<driver>.<name>=` for all of a driver, `<device>.<name>=`
 * for one; the one beats the all.
 */
#ifndef KERNEL_CMDLINE_H
#define KERNEL_CMDLINE_H

#include "mm/types.h"

#define CMDLINE_MAX   4096 /* bytes, each word with its final 0 */
#define CMDLINE_WORDS 64

struct cmdline_word {
	const char *key, *value; /* in text; the value "" where there is none */
	bool known;
};

struct cmdline {
	char text[CMDLINE_MAX];
	size_t used;
	struct cmdline_word word[CMDLINE_WORDS];
	size_t count;
	bool quiet; /* keep warnings out of the log */
	unsigned warnings;
	char warning[160]; /* the last */
};

/*
 * The command line that all below is about; NULL is the machine's. A test puts its own, all
 * zero but for `quiet`, in place for a while. Returns the one before.
 */
struct cmdline *cmdline_use(struct cmdline *line);

/* Split and keep a copy of `text`; a second call appends. What doesn't fit is dropped with a
 * warning. */
void cmdline_add(const char *text);

/* The value of `key`; "" where the key stands alone; NULL where it is absent. */
const char *cmdline_get(const char *key);

/* `key` or `key=on` is true, `key=off` false; absent: `fallback`. */
bool cmdline_flag(const char *key, bool fallback);

/* A number in decimal or 0x hex within [min, max]. */
uint64_t cmdline_number(const char *key, uint64_t fallback, uint64_t min, uint64_t max);

/* One of `names` (NULL-terminated), as its index. */
int cmdline_choice(const char *key, int fallback, const char *const *names);

/* Bytes with an optional K, M or G. 0; -EINVAL for what is no such number or overflows. Pure. */
int parse_size(const char *text, const char **end, uint64_t *bytes);

/*
 * What one of the functions above asks for is known. So is, even where the device is absent,
 * `<driver>[<n>].<name>`.
 */
void cmdline_know_device(const char *driver, const char *name);

/* Name each word that no reader asked for and nobody knows. Returns how many. */
unsigned cmdline_warn_unknown(void);

#endif
