/* SPDX-License-Identifier: MIT */
/*
 * The log. A line is put together on the stack, then goes whole to the ring
 * and, where its level is asked for, to the console:
 *
 *	written % LOG_RING: the next byte
 *	v
 *	... | [    0.012345] warning: text\n | [    0.01 ...      newest byte is just before
 *
 * The ring overwrites its oldest lines.
 */
#include "kernel/log.h"

#include "kernel/console.h"
#include "kernel/irq.h"
#include "kernel/string.h"
#include "kernel/time.h"

#define LOG_RING 32768 /* bytes, a power of two */
#define LOG_LINE 256   /* bytes of one line with its newline; longer ones are cut */

struct log {
	enum port_log_level level; /* the console's */
	uint64_t written;	   /* bytes, ever; under irq_save() as the ring */
	bool held;		   /* nothing goes to the console ... */
	uint64_t held_at;	   /* ... since byte `held_at` */
	char ring[LOG_RING];
};

static struct log kernel_log = {.level = PORT_LOG_WARNING};

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

void port_log(enum port_log_level level, const char *fmt, ...)
{
	uint64_t us = time_ns() / NSEC_PER_USEC;
	char line[LOG_LINE];
	size_t n, start;
	va_list args;

	start = n = kept(snprintf(line, sizeof(line), "[%5lu.%06lu] %s", us / 1000000, us % 1000000,
				  level_words[level]),
			 sizeof(line));
	va_start(args, fmt);
	n += kept(vsnprintf(line + n, sizeof(line) - n, fmt, args), sizeof(line) - n);
	va_end(args);
	make_plain(line + start, n - start);
	line[n++] = '\n';
	ring_put(line, n);
	if (level <= kernel_log.level && !kernel_log.held)
		console_write(line, n);
}

void log_set_level(enum port_log_level level)
{
	kernel_log.level = level;
}

/* Print all from byte `at` on, in the one or two pieces that the ring has it in. */
static void print_from(uint64_t at)
{
	uint64_t end = kernel_log.written, n;

	for (; at < end; at += n) {
		n = LOG_RING - at % LOG_RING;
		if (n > end - at)
			n = end - at;
		console_write(&kernel_log.ring[at % LOG_RING], n);
	}
}

/* Back to where the last lines begin, behind a newline each; what is left of an overwritten one
 * isn't shown. */
void log_print_ring(uint64_t lines)
{
	uint64_t at = kernel_log.written, oldest = at < LOG_RING ? 0 : at - LOG_RING, start = at;

	for (uint64_t left = lines ? lines : LOG_RING; left && at > oldest; at--) {
		if (at > 1 && (at - 1 == oldest || kernel_log.ring[(at - 2) % LOG_RING] != '\n'))
			continue;
		start = at - 1;
		left--;
	}
	print_from(start);
}

void log_hold(void)
{
	kernel_log.held = true;
	kernel_log.held_at = kernel_log.written;
}

void log_release(bool show)
{
	kernel_log.held = false;
	if (show && kernel_log.written - kernel_log.held_at > LOG_RING)
		log_print_ring(0);
	else if (show)
		print_from(kernel_log.held_at);
}
