/* SPDX-License-Identifier: MIT */
/*
 * Memory and strings.
 *
 * Bulk moves are `rep movsq`, fills `rep stosq`: em64t's processors have no
 * fast `rep movsb` (ERMS came in 2012), and the copies that are measured are
 * these. The last 0 to 7 bytes follow one by one. The direction flag is never
 * set, so that an interrupt finds it clear.
 *
 * A compiler may take a plain loop for memcpy or strlen and call just the
 * function that it stands in; loop_stays() keeps it from seeing through.
 */
#include "kernel/string.h"

static inline void loop_stays(void)
{
	__asm__ volatile("" : : : "memory");
}

/* Eight bytes at any address, of any type. */
typedef uint64_t __attribute__((may_alias, aligned(1))) any64;

void *memcpy(void *dst, const void *src, size_t n)
{
	memory_copy(dst, src, n);
	return dst;
}

void *memset(void *dst, int byte, size_t n)
{
	void *d = dst;
	size_t words = n / 8, tail = n % 8;

	__asm__ volatile("rep stosq\n\t"
			 "movq %2, %%rcx\n\t"
			 "rep stosb"
			 : "+&D"(d), "+&c"(words)
			 : "r"(tail), "a"((unsigned char)byte * 0x0101010101010101ULL)
			 : "memory");
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	unsigned char *d = dst;
	const unsigned char *s = src;

	/* Upwards is right unless dst lies in [src, src + n): what is read lies ahead. */
	if ((uintptr_t)d - (uintptr_t)s >= n)
		return memcpy(dst, src, n);
	for (; n >= 8; loop_stays()) {
		n -= 8;
		*(any64 *)(d + n) = *(const any64 *)(s + n);
	}
	for (; n > 0; loop_stays()) {
		n--;
		d[n] = s[n];
	}
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;
	size_t i = 0;

	while (i + 8 <= n && *(const any64 *)(x + i) == *(const any64 *)(y + i))
		i += 8;
	while (i < n && x[i] == y[i])
		i++;
	return i < n ? x[i] - y[i] : 0;
}

size_t strlen(const char *s)
{
	return strnlen(s, SIZE_MAX);
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	for (; n < max && s[n]; loop_stays())
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n)
{
	size_t i = 0;

	while (i < n && a[i] && a[i] == b[i])
		i++;
	return i < n ? (unsigned char)a[i] - (unsigned char)b[i] : 0;
}

char *strchr(const char *s, int c)
{
	while (*s != (char)c)
		if (!*s++)
			return NULL;
	return (char *)s;
}
