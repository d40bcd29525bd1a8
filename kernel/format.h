/* SPDX-License-Identifier: MIT */
/* Formatted text, whatever it goes to. What is understood is said in kernel/printf.h. */
#ifndef KERNEL_FORMAT_H
#define KERNEL_FORMAT_H

#include "kernel/printf.h"

/* Hands the text to `put`, a piece at a time. Returns how many bytes it was. Any context. */
size_t format(void (*put)(void *context, const char *text, size_t n), void *context,
	      const char *fmt, va_list args) PRINTF_LIKE(3, 0);

/* As vsnprintf() of ISO C. */
size_t format_buffer(char *buf, size_t size, const char *fmt, va_list args) PRINTF_LIKE(3, 0);

#endif
