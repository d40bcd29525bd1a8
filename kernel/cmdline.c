/* SPDX-License-Identifier: MIT */
/*
 * The command line: text comes in from the loader and from fw_cfg, and is split
 * at once into words.
 *
 *	ktest=all  edu.mask=29  exit
 *
 *	text: ktest\0 all\0 edu.mask\0 29\0 exit\0
 *	word: {key, value}  {key, value}    {key, ""}
 *
 * Nothing in it is trusted: each value is checked by the function that reads
 * it, and what is dropped or wrong is named. Written by the boot CPU, before
 * there is anybody else; pure but for the warnings.
 */
#include "kernel/cmdline.h"

#include <stdarg.h>

#include "kernel/log.h"
#include "kernel/string.h"
#include "mm/errno.h"
#include "mm/types.h"

static struct cmdline machine_line;
static struct cmdline *line = &machine_line;

struct cmdline *cmdline_use(struct cmdline *other)
{
	struct cmdline *before = line;

	line = other ? other : &machine_line;
	return before;
}

static PRINTF_LIKE(1, 2) void warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(line->warning, sizeof(line->warning), fmt, args);
	va_end(args);
	line->warnings++;
	if (!line->quiet)
		log_warning("%s", line->warning);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The word at line->text + line->used, n bytes and a 0. */
static void add_word(size_t n)
{
	char *word = line->text + line->used, *equals = strchr(word, '=');

	if (line->count == CMDLINE_WORDS) {
		warn("command line: more than %d words; '%.100s' is dropped", CMDLINE_WORDS, word);
		return;
	}
	if (equals)
		*equals = 0;
	line->word[line->count++] =
		(struct cmdline_word){.key = word, .value = equals ? equals + 1 : word + n};
	line->used += n + 1;
}

void cmdline_add(const char *text)
{
	size_t n;

	for (;; text += n) {
		while (is_blank(*text))
			text++;
		if (!*text)
			return;
		if (strlen(text) >= CMDLINE_MAX - line->used) {
			warn("command line: longer than %d bytes; dropped from '%.100s' on",
			     CMDLINE_MAX, text);
			return;
		}
		for (n = 0; text[n] && !is_blank(text[n]); n++)
			line->text[line->used + n] = text[n];
		line->text[line->used + n] = 0;
		add_word(n);
	}
}

const char *cmdline_get(const char *key)
{
	const char *value = NULL;

	for (size_t i = 0; i < line->count; i++) {
		if (strcmp(line->word[i].key, key) != 0)
			continue;
		line->word[i].known = true;
		value = line->word[i].value;
	}
	return value;
}

bool cmdline_flag(const char *key, bool fallback)
{
	static const char *const names[] = {"off", "on", NULL};
	const char *value = cmdline_get(key);

	return value && !*value ? true : cmdline_choice(key, fallback, names);
}

/* What a digit is worth; 99 for what is none. */
static unsigned digit_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit = c >= '0' ? strchr(digits, c | ('a' - 'A')) : NULL;

	return digit ? (unsigned)(digit - digits) : 99;
}

/* Decimal or 0x hex; *end is the first character that is no digit. False: no number, or too big. */
static bool parse_number(const char *text, const char **end, uint64_t *number)
{
	unsigned base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
	const char *first = base == 16 ? text + 2 : text, *p = first;
	uint64_t n = 0;

	for (unsigned digit; (digit = digit_value(*p)) < base; p++) {
		if (n > (UINT64_MAX - digit) / base)
			return false;
		n = n * base + digit;
	}
	*end = p;
	*number = n;
	return p > first;
}

uint64_t cmdline_number(const char *key, uint64_t fallback, uint64_t min, uint64_t max)
{
	const char *value = cmdline_get(key), *end;
	uint64_t number;

	if (!value)
		return fallback;
	if (!parse_number(value, &end, &number) || *end) {
		warn("%s=%.60s: not a number; it is ignored", key, value);
		return fallback;
	}
	if (number < min || number > max) {
		warn("%s=%.60s: not within %lu and %lu; it is ignored", key, value, min, max);
		return fallback;
	}
	return number;
}

int cmdline_choice(const char *key, int fallback, const char *const *names)
{
	const char *value = cmdline_get(key);
	char all[80];
	size_t n = 0;

	if (!value)
		return fallback;
	for (int i = 0; names[i]; i++)
		if (strcmp(value, names[i]) == 0)
			return i;
	all[0] = 0;
	for (int i = 0; names[i] && n < sizeof(all); i++)
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s%s", i ? ", " : "", names[i]);
	warn("%s=%.30s: not one of %s; it stays %s", key, value, all, names[fallback]);
	return fallback;
}

int parse_size(const char *text, const char **end, uint64_t *bytes)
{
	static const char units[] = "KMGkmg";
	const char *p, *unit;
	uint64_t number;
	unsigned shift;

	if (!parse_number(text, &p, &number))
		return -EINVAL;
	unit = *p ? strchr(units, *p) : NULL;
	shift = unit ? 10 + (unsigned)(unit - units) % 3 * 10 : 0;
	if (number > UINT64_MAX >> shift)
		return -EINVAL;
	*bytes = number << shift;
	*end = unit ? p + 1 : p;
	return 0;
}

/* `<driver>[<n>].<name>` */
static bool is_device_key(const char *key, const char *driver, const char *name)
{
	size_t n = strlen(driver);

	if (strncmp(key, driver, n) != 0)
		return false;
	while (digit_value(key[n]) < 10)
		n++;
	return key[n] == '.' && strcmp(key + n + 1, name) == 0;
}

void cmdline_know_device(const char *driver, const char *name)
{
	for (size_t i = 0; i < line->count; i++)
		if (is_device_key(line->word[i].key, driver, name))
			line->word[i].known = true;
}

unsigned cmdline_warn_unknown(void)
{
	unsigned unknown = 0;

	for (size_t i = 0; i < line->count; i++) {
		const struct cmdline_word *word = &line->word[i];

		if (word->known)
			continue;
		warn("command line: nobody knows '%.60s%s%.60s'; it is ignored", word->key,
		     *word->value ? "=" : "", word->value);
		unknown++;
	}
	return unknown;
}
