/* SPDX-License-Identifier: MIT */
/* Port and memory-mapped I/O, a register at a time. */
#ifndef KERNEL_IO_H
#define KERNEL_IO_H

#include <stdint.h>

static inline void outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void outw(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void outl(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline uint16_t inw(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

static inline uint32_t inl(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}

/* x86 orders uncached accesses among themselves; the clobber holds the compiler. */
#define IO_ACCESSORS(suffix, type)                                                                 \
	static inline type read##suffix(const volatile void *reg)                                  \
	{                                                                                          \
		type v = *(const volatile type *)reg;                                              \
		__asm__ volatile("" : : : "memory");                                               \
		return v;                                                                          \
	}                                                                                          \
	static inline void write##suffix(type v, volatile void *reg)                               \
	{                                                                                          \
		__asm__ volatile("" : : : "memory");                                               \
		*(volatile type *)reg = v;                                                         \
	}

IO_ACCESSORS(b, uint8_t)
IO_ACCESSORS(w, uint16_t)
IO_ACCESSORS(l, uint32_t)
IO_ACCESSORS(q, uint64_t)

#endif
