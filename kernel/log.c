/* SPDX-License-Identifier: MIT */
/*
 * The log. A line is put together on the stack, then goes whole to the ring
 * and, where its level is asked for, to the console:
 *
 *	written % LOG_RING: the next byte
 *	v
 *	... | [    0.012345] warning: text\n | [    0.01 ...      newest byte is just before
 *
 * The ring overwrites its oldest lines. Whoever reads it finds lines by their
 * newlines, so what is left of an overwritten one is skipped.
 */
#include "kernel/log.h"

#include "kernel/console.h"
#include "kernel/irq.h"
#include "kernel/string.h"
#include "kernel/time.h"

#define LOG_RING 32768 /* bytes, a power of two */
#define LOG_LINE 256   /* bytes of one line with its newline; longer ones are cut */

struct log {
	enum log_level level; /* the console's */
	uint64_t written;     /* bytes, ever; under irq_save() as the ring */
	char ring[LOG_RING];
};

static struct log kernel_log = {.level = LOG_WARNING};

/* What a line of that level begins with. */
static const char *const level_words[] = {"error: ", "warning: ", "", ""};

static void ring_put(const char *line, size_t n)
{
	unsigned long flags = irq_save();

	for (size_t i = 0; i < n; i++)
		kernel_log.ring[kernel_log.written++ % LOG_RING] = line[i];
	irq_restore(flags);
}

/* The length of what snprintf() left in `size` bytes. */
static size_t kept(int n, size_t size)
{
	return (size_t)n < size ? (size_t)n : size - 1;
}

/* A line is one line, whatever a device called itself. */
static void make_plain(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
}

void vlog_at(enum log_level level, const char *fmt, va_list args)
{
	uint64_t us = time_ns() / NSEC_PER_USEC;
	char line[LOG_LINE];
	size_t n, start;

	n = kept(snprintf(line, sizeof(line), "[%5llu.%06llu] %s",
			  (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000),
			  level_words[level]),
		 sizeof(line));
	start = n;
	n += kept(vsnprintf(line + n, sizeof(line) - n, fmt, args), sizeof(line) - n);
	make_plain(line + start, n - start);
	line[n++] = '\n';
	ring_put(line, n);
	if (level <= kernel_log.level)
		console_write(line, n);
}

void log_at(enum log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vlog_at(level, fmt, args);
	va_end(args);
}

void log_set_level(enum log_level level)
{
	kernel_log.level = level;
}

static uint64_t oldest_byte(void)
{
	return kernel_log.written < LOG_RING ? 0 : kernel_log.written - LOG_RING;
}

static char ring_byte(uint64_t at)
{
	return kernel_log.ring[at % LOG_RING];
}

/* Where the first whole line at or after `at` begins. */
static uint64_t line_start(uint64_t at)
{
	if (at == 0)
		return 0;
	while (at < kernel_log.written && ring_byte(at - 1) != '\n')
		at++;
	return at;
}

/* Where the last `lines` whole lines begin. */
static uint64_t tail_start(unsigned lines)
{
	uint64_t first = oldest_byte(), at = kernel_log.written;

	while (lines > 0 && at > first)
		if (--at > first && ring_byte(at - 1) == '\n')
			lines--;
	return at > first ? at : line_start(first ? first + 1 : 0);
}

/*
 * Copy the line that begins at *at, or, if that was overwritten meanwhile, the
 * oldest there is; *at moves behind it. Returns its length, 0 at the end.
 */
static size_t take_line(uint64_t *at, char *line)
{
	unsigned long flags = irq_save();
	size_t n = 0;

	if (*at < oldest_byte())
		*at = line_start(oldest_byte() + 1);
	while (*at < kernel_log.written && n < LOG_LINE) {
		line[n] = ring_byte((*at)++);
		if (line[n++] == '\n')
			break;
	}
	irq_restore(flags);
	return n;
}

void log_print_ring(unsigned lines)
{
	uint64_t end = kernel_log.written, at = tail_start(lines ? lines : LOG_RING);
	char line[LOG_LINE];
	size_t n;

	while (at < end && (n = take_line(&at, line)) > 0)
		console_write(line, n);
}
