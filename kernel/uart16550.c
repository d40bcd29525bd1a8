/* SPDX-License-Identifier: MIT */
/*
 * A 16550. Output polls: an empty transmitter takes 16 bytes at once. Input is
 * taken by the interrupt
 *
 *	chip's FIFO (16) --irq--> rx[tail] .. rx[head - 1] --uart_read()--> caller
 *
 * An ISA interrupt is an edge: the handler leaves only when the chip has
 * nothing pending, or there would never be another one. With the ring full it
 * switches ERBFI off, which drops the line; uart_read() switches it on again.
 *
 * Waiting is counted in reads of the chip, about a microsecond each on a bus
 * and less in a virtual machine, because there is output before there is time.
 * In a virtual machine what is behind the port may be slow: a reader on a busy
 * host that isn't given the processor for a second.
 */
#include "kernel/uart16550.h"

#include "kernel/io.h"
#include "kernel/irq.h"
#include "kernel/uart16550_reg.h"

#define TRANSMIT_POLLS 10000000 /* 16 bytes leave in 1.4 ms */
#define LOOP_POLLS     10000

static uint8_t reg_read(const struct uart *uart, unsigned reg)
{
	return inb((uint16_t)(uart->port + reg));
}

static void reg_write(const struct uart *uart, unsigned reg, uint8_t value)
{
	outb((uint16_t)(uart->port + reg), value);
}

/* Wait until a bit of the line status is set; false after `polls` looks. */
static bool wait_status(const struct uart *uart, uint8_t bit, unsigned polls)
{
	for (unsigned i = 0; i < polls; i++)
		if (reg_read(uart, UART_LSR) & bit)
			return true;
	return false;
}

static void set_line(const struct uart *uart)
{
	reg_write(uart, UART_IER, 0);
	reg_write(uart, UART_LCR, UART_LCR_DLAB | UART_LCR_8N1);
	reg_write(uart, UART_DLL, 1);
	reg_write(uart, UART_DLM, 0);
	reg_write(uart, UART_LCR, UART_LCR_8N1);
	reg_write(uart, UART_FCR,
		  UART_FCR_ENABLE | UART_FCR_RCVR_RESET | UART_FCR_XMIT_RESET | UART_FCR_TRIGGER_8);
}

/* A byte comes back within the chip (8.7, MCR bit 4). */
static bool loop_back(const struct uart *uart, uint8_t byte)
{
	reg_write(uart, UART_THR, byte);
	return wait_status(uart, UART_LSR_DR, LOOP_POLLS) && reg_read(uart, UART_RBR) == byte;
}

bool uart_init(struct uart *uart, uint16_t port)
{
	*uart = (struct uart){.port = port};
	wait_status(uart, UART_LSR_TEMT, TRANSMIT_POLLS); /* the loader's last words */
	set_line(uart);
	reg_write(uart, UART_MCR, UART_MCR_LOOP);
	uart->present = loop_back(uart, 0x55) && loop_back(uart, 0xaa);
	reg_write(uart, UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
	return uart->present;
}

/* Up to a FIFO full, if the transmitter is empty now; an interrupt's output may have come between.
 */
static size_t write_burst(const struct uart *uart, const char *data, size_t n)
{
	unsigned long flags = irq_save();
	size_t burst = 0;

	if (reg_read(uart, UART_LSR) & UART_LSR_THRE)
		while (burst < n && burst < UART_FIFO_SIZE)
			reg_write(uart, UART_THR, (uint8_t)data[burst++]);
	irq_restore(flags);
	return burst;
}

void uart_write(struct uart *uart, const char *data, size_t n)
{
	size_t sent = 0;

	if (!uart->present)
		return;
	while (sent < n) {
		unsigned polls = uart->stuck ? 1 : TRANSMIT_POLLS;

		uart->stuck = !wait_status(uart, UART_LSR_THRE, polls);
		if (uart->stuck) {
			uart->dropped += n - sent;
			return;
		}
		sent += write_burst(uart, data + sent, n - sent);
	}
}

void uart_drain(struct uart *uart)
{
	if (uart->present)
		wait_status(uart, UART_LSR_TEMT, TRANSMIT_POLLS);
}

static bool ring_full(const struct uart *uart)
{
	return uart->rx_head - uart->rx_tail == UART_RX_RING;
}

void uart_receive(struct uart *uart)
{
	unsigned long flags = irq_save();
	uint8_t status;

	while (!ring_full(uart) && (status = reg_read(uart, UART_LSR)) & UART_LSR_DR) {
		uart->overruns += (status & UART_LSR_OE) != 0;
		uart->rx[uart->rx_head++ % UART_RX_RING] = reg_read(uart, UART_RBR);
	}
	if (ring_full(uart))
		reg_write(uart, UART_IER, 0);
	irq_restore(flags);
}

static bool uart_interrupt(void *arg)
{
	struct uart *uart = arg;
	unsigned rounds = 0;

	/* Each round takes a byte at least; more of them than the ring holds is a chip gone mad. */
	while (!(reg_read(uart, UART_IIR) & UART_IIR_NONE) && rounds++ < UART_RX_RING)
		uart_receive(uart);
	return rounds > 0;
}

int uart_start_input(struct uart *uart, unsigned irq)
{
	int error = irq_add(irq, uart_interrupt, uart);

	if (error)
		return error;
	uart->ier = UART_IER_ERBFI;
	reg_write(uart, UART_IER, uart->ier);
	return 0;
}

int uart_read(struct uart *uart)
{
	unsigned long flags = irq_save();
	bool was_full = ring_full(uart);
	int byte = -1;

	if (uart_readable(uart))
		byte = uart->rx[uart->rx_tail++ % UART_RX_RING];
	if (was_full)
		reg_write(uart, UART_IER, uart->ier);
	irq_restore(flags);
	return byte;
}

bool uart_readable(const struct uart *uart)
{
	return uart->rx_head != uart->rx_tail;
}
