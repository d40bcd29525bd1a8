/* SPDX-License-Identifier: MIT */
/* printf() and vsnprintf() over kernel/format.c. */
#include "kernel/console.h"
#include "kernel/printf.h"

static void console_put(void *context, const char *text, size_t n)
{
	console_write(text, n);
}

int vprintf(const char *fmt, va_list args)
{
	return (int)format(console_put, NULL, fmt, args);
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
