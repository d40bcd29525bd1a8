/* SPDX-License-Identifier: MIT */
/* Strings and memory, as ISO C has them. */
#ifndef KERNEL_STRING_H
#define KERNEL_STRING_H

#include "mm/types.h"

/* memcpy(), inline: see string.c. */
static inline void memory_copy(void *dst, const void *src, size_t n)
{
	size_t words = n / 8;

	__asm__ volatile("rep movsq\n\t"
			 "movq %3, %%rcx\n\t"
			 "andl $7, %%ecx\n\t"
			 "rep movsb"
			 : "+&D"(dst), "+&S"(src), "+&c"(words)
			 : "r"(n)
			 : "memory");
}

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);

/*
 * Copy as much of the text, which ends in a 0 or after `most` bytes, as fits into `size` bytes,
 * always with a final 0; false where it was cut.
 */
static inline bool string_copy_most(char *dst, size_t size, const char *src, size_t most)
{
	size_t n;

	if (size == 0)
		return false;
	for (n = 0; n < most && src[n] && n < size - 1; n++)
		dst[n] = src[n];
	dst[n] = 0;
	return n == most || !src[n];
}

static inline bool string_copy(char *dst, size_t size, const char *src)
{
	return string_copy_most(dst, size, src, SIZE_MAX);
}

#endif
