/* SPDX-License-Identifier: MIT */
/*
 * The console: the serial port that everything is printed to and typed at.
 * "\n" goes out as "\r\n". Output in any context.
 */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/uart16550.h"

#define CONSOLE_PORT 0x3f8 /* COM1 */
#define CONSOLE_IRQ  4
#define CONSOLE_BAUD 115200

extern struct uart console_uart; /* for its own test, and its counters */

void console_init(void);	/* COM1, output only; the first thing after entry */
void console_start_input(void); /* once interrupts work */
void console_write(const char *text, size_t n);
void console_drain(void);

/* A typed byte, -1 where there is none; never waits. */
int console_read(void);
bool console_readable(void);

#endif
