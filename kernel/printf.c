/* SPDX-License-Identifier: MIT */
/*
 * printf() and vsnprintf() over kernel/format.c. What goes to the console is
 * gathered in a small buffer on the stack and handed on whenever it is full:
 * nothing is cut, whatever its length.
 */
#include "kernel/printf.h"

#include "kernel/console.h"
#include "kernel/format.h"

struct console_sink {
	struct format_sink sink; /* first: see console_put() */
	size_t used;
	char text[128];
};

static void console_put(struct format_sink *sink, const char *text, size_t n)
{
	struct console_sink *out = (struct console_sink *)sink;

	for (size_t i = 0; i < n; i++) {
		if (out->used == sizeof(out->text)) {
			console_write(out->text, out->used);
			out->used = 0;
		}
		out->text[out->used++] = text[i];
	}
}

int vprintf(const char *fmt, va_list args)
{
	struct console_sink out = {.sink.put = console_put};
	size_t n = format(&out.sink, fmt, args);

	console_write(out.text, out.used);
	return (int)n;
}

int printf(const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vprintf(fmt, args);
	va_end(args);
	return n;
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	return (int)format_buffer(buf, size, fmt, args);
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return n;
}
