/* SPDX-License-Identifier: MIT */
/* Formatted text, whatever it goes to. What is understood is said in kernel/printf.h. */
#ifndef KERNEL_FORMAT_H
#define KERNEL_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

#include "kernel/printf.h"

/* Who takes the text, a piece at a time; embedded in what it needs besides. */
struct format_sink {
	void (*put)(struct format_sink *sink, const char *text, size_t n);
};

/* Pure. Returns how many bytes it handed to the sink. */
size_t format(struct format_sink *sink, const char *fmt, va_list args) PRINTF_LIKE(2, 0);

/* As vsnprintf() of ISO C. */
size_t format_buffer(char *buf, size_t size, const char *fmt, va_list args) PRINTF_LIKE(3, 0);

#endif
