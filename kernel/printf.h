/* SPDX-License-Identifier: MIT */
/*
 * Formatted text: ISO C's conversions d u x c s p %, with flags - 0 #, a width,
 * the lengths l ll z, and for %s a precision. Formats are checked by the
 * compiler, which lets more through: what isn't here is printed as it stands.
 */
#ifndef KERNEL_PRINTF_H
#define KERNEL_PRINTF_H

#include <stdarg.h>
#include <stddef.h>

/* What %llu and %llx want, as a cast for 64-bit numbers. */
typedef unsigned long long ull;

#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

/* As ISO C: at most `size` bytes with the final 0; returns what the whole would have taken. */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args) PRINTF_LIKE(3, 0);
int snprintf(char *buf, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* To the console, with no level and no newline of its own (reports, KTAP, the shell). */
int vprintf(const char *fmt, va_list args) PRINTF_LIKE(1, 0);
int printf(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* --- kernel/format.c, whatever the text goes to; any context --- */

/* Hands the text to `put`, a piece at a time. Returns how many bytes it was. */
size_t format(void (*put)(void *context, const char *text, size_t n), void *context,
	      const char *fmt, va_list args) PRINTF_LIKE(3, 0);

/* As vsnprintf() of ISO C. */
size_t format_buffer(char *buf, size_t size, const char *fmt, va_list args) PRINTF_LIKE(3, 0);

#endif
