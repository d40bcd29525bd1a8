/* SPDX-License-Identifier: MIT */
/*
 * The console: the serial port that everything is printed to and typed at.
 * "\n" goes out as "\r\n". Output in any context.
 */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include "kernel/uart16550.h"

#define CONSOLE_PORT 0x3f8 /* COM1 */
#define CONSOLE_IRQ  4

extern struct uart console_uart;

void console_init(void);	/* COM1, output only; the first thing after entry */
void console_start_input(void); /* once interrupts work */
void console_write(const char *text, size_t n);

/* The next typed byte; waits for it in hlt. Interrupts are on. */
unsigned char console_read(void);

#endif
