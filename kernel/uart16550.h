/* SPDX-License-Identifier: MIT */
/*
 * One 16550 serial port (National Semiconductor PC16550D data sheet).
 *
 * Output waits for the transmitter, with a deadline, so that a port that does
 * not move costs time but never hangs; once it is stuck no byte waits again
 * until it moves. Input is by interrupt into a ring; when the ring is full the
 * receiver's interrupt is held off, so that a sender that minds the FIFO loses
 * nothing. What is lost all the same is counted.
 */
#ifndef KERNEL_UART16550_H
#define KERNEL_UART16550_H

#include "mm/types.h"

#define UART_RX_RING 4096   /* bytes, a power of two */
#define UART_BAUD    115200 /* at divisor 1: the crystal's 1.8432 MHz / 16 */

struct uart {
	uint16_t port; /* I/O base */
	bool present;
	uint8_t ier; /* what the interrupt enable register is to be; 0 until input is started */
	bool stuck;  /* the transmitter did not move in time */
	uint64_t dropped;	   /* bytes of output lost to that */
	uint64_t overruns;	   /* times the chip says it lost input */
	uint32_t rx_head, rx_tail; /* free-running; under irq_save() */
	uint8_t rx[UART_RX_RING];
};

/* 8N1 at UART_BAUD, FIFOs on, interrupts off. False where no 16550 answers the loop-back test. */
bool uart_init(struct uart *uart, uint16_t port);

void uart_write(struct uart *uart, const char *data, size_t n);

/* Wait until the last byte has left, 50 ms at most. */
void uart_drain(struct uart *uart);

/* Take input by interrupt from now on, on ISA line `irq`. */
int uart_start_input(struct uart *uart, unsigned irq);

/* Any context: take what the chip has into the ring. For the interrupt, and for whom it can't
 * reach. */
void uart_receive(struct uart *uart);

/* The next byte of input; -1 where there is none. */
int uart_read(struct uart *uart);
bool uart_readable(const struct uart *uart);

#endif
