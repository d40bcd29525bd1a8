/* SPDX-License-Identifier: MIT */
/*
 * The end: our own state is broken, or a trap came that nobody expects.
 * Prints what failed, registers, a symbolised backtrace and the last events,
 * then `bounce: exit 2`.
 */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include "mm/port.h"
#include "kernel/trap.h"

#define panic port_panic

/* The same for a trap, with its registers. */
__attribute__((noreturn)) void panic_trap(const struct trap_frame *frame, const char *what);

/* Stop where an invariant of our own doesn't hold. Never for what came from outside. */
#define ASSERT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition))                                                                  \
			panic("%s:%d: not true: %s", __FILE__, __LINE__, #condition);              \
	} while (0)

/* As dma/port.h has it: the function an address is in and how far in it; NULL where none is. */
const char *port_symbol(const void *addr, size_t *offset);

/* Print the callers from a frame pointer on, a line each, "#  name+0x1c". */
void backtrace_print(const void *frame_pointer, const void *instruction);

#endif
