/* SPDX-License-Identifier: MIT */
/*
 * One 16550 serial port (National Semiconductor PC16550D data sheet).
 *
 * Output waits for the transmitter, with a deadline, so that a missing port
 * costs time but never hangs. Input is by interrupt into a ring; when the ring
 * is full the receiver's interrupt is held off, so that a sender that minds the
 * FIFO loses nothing. What is lost all the same is counted.
 */
#ifndef KERNEL_UART16550_H
#define KERNEL_UART16550_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART_RX_RING 4096 /* bytes, a power of two */

struct uart {
	uint16_t port; /* I/O base */
	bool present;
	uint64_t overruns;	/* bytes the chip says it lost */
	uint32_t rx_head, rx_tail; /* free-running */
	uint8_t rx[UART_RX_RING];
};

/* 8N1 at `baud`, FIFOs on, interrupts off. False where no 16550 answers the loop-back test. */
bool uart_init(struct uart *uart, uint16_t port, unsigned baud);

void uart_write(struct uart *uart, const char *data, size_t n);

/* Wait until the last byte has left, 50 ms at most. */
void uart_drain(struct uart *uart);

/* Take input by interrupt from now on, on ISA line `irq`. */
int uart_start_input(struct uart *uart, unsigned irq);

/* The next byte of input; -1 where there is none. */
int uart_read(struct uart *uart);
bool uart_readable(const struct uart *uart);

#endif
