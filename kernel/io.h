/* SPDX-License-Identifier: MIT */
/* Port and memory-mapped I/O, a register at a time. */
#ifndef KERNEL_IO_H
#define KERNEL_IO_H

#include <stdint.h>

#define PORT_ACCESSORS(suffix, type)                                                               \
	static inline void out##suffix(uint16_t port, type v)                                      \
	{                                                                                          \
		__asm__ volatile("out" #suffix " %0, %1" : : "a"(v), "Nd"(port) : "memory");       \
	}                                                                                          \
	static inline type in##suffix(uint16_t port)                                               \
	{                                                                                          \
		type v;                                                                            \
		__asm__ volatile("in" #suffix " %1, %0" : "=a"(v) : "Nd"(port) : "memory");        \
		return v;                                                                          \
	}

PORT_ACCESSORS(b, uint8_t)
PORT_ACCESSORS(w, uint16_t)
PORT_ACCESSORS(l, uint32_t)

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
