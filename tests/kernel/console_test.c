/* SPDX-License-Identifier: MIT */
/*
 * The console's own port, in the chip's loop-back mode (PC16550D, 8.7): what is
 * sent comes back as input and nothing of it leaves. Nothing may be printed
 * between loop_begin() and loop_end(). What is typed meanwhile is lost.
 *
 * A real chip holds its interrupt back in this mode (OUT2 is cut off); QEMU's
 * doesn't, and these cases want it.
 */
#include "kernel/console.h"
#include "kernel/io.h"
#include "kernel/time.h"
#include "kernel/uart16550_reg.h"
#include "mm/types.h"
#include "tests/ktest.h"

#define BYTE_NS	 (10 * NSEC_PER_SEC / UART_BAUD) /* start, 8 bits, stop */
#define DEADLINE (10 * NSEC_PER_MSEC)

static uint8_t mcr;

static void set_mcr(uint8_t value)
{
	outb(CONSOLE_PORT + UART_MCR, value);
}

static void loop_begin(void)
{
	uart_drain(&console_uart);
	while (uart_read(&console_uart) >= 0)
		;
	mcr = inb(CONSOLE_PORT + UART_MCR);
	set_mcr(mcr | UART_MCR_LOOP);
}

static void loop_end(void)
{
	uart_receive(&console_uart);
	while (uart_read(&console_uart) >= 0)
		;
	set_mcr(mcr);
}

static bool head_is(void *arg)
{
	return console_uart.rx_head == *(uint32_t *)arg;
}

/* Send n bytes, counting up from `first`, several FIFOs full at a time. Did all come back? */
static bool echo(unsigned first, unsigned n)
{
	uint32_t head = console_uart.rx_head + n;
	char burst[4 * UART_FIFO_SIZE];

	while (n > 0) {
		size_t size = 0;

		while (size < sizeof(burst) && n > 0) {
			burst[size++] = (char)first++;
			n--;
		}
		uart_write(&console_uart, burst, size);
	}
	return time_wait(head_is, &head, DEADLINE);
}

/* How many of the next n bytes are the ones echo() sent. */
static unsigned read_back(unsigned first, unsigned n)
{
	unsigned good = 0;

	for (unsigned i = 0; i < n; i++)
		good += uart_read(&console_uart) == (int)((first + i) & 0xff);
	return good;
}

static void every_byte_comes_back(struct ktest *t)
{
	bool echoed, rest;
	unsigned good;

	loop_begin();
	echoed = echo(0, 256);
	good = read_back(0, 256);
	rest = uart_readable(&console_uart);
	loop_end();
	EXPECT(t, echoed);
	EXPECT_EQ(t, good, 256);
	EXPECT(t, !rest);
}

/* Round the ring's end more than once. */
static void ring_wraps(struct ktest *t)
{
	const unsigned piece = 1000;
	unsigned good = 0;
	bool echoed = true;

	loop_begin();
	for (unsigned at = 0; at < 10 * piece && echoed; at += piece) {
		echoed = echo(at, piece);
		good += read_back(at, piece);
	}
	loop_end();
	EXPECT(t, echoed);
	EXPECT_EQ(t, good, 10 * piece);
}

/* The ring full, the chip's FIFO keeps what comes, and gives it when there is room. */
static void full_ring_loses_nothing(struct ktest *t)
{
	uint64_t overruns = console_uart.overruns;
	unsigned good, kept, refilled, last;
	uint8_t masked, unmasked;
	uint32_t head;
	bool echoed;

	loop_begin();
	echoed = echo(0, UART_RX_RING);
	head = console_uart.rx_head + UART_FIFO_SIZE;
	uart_write(&console_uart, "0123456789:;<=>?", UART_FIFO_SIZE);
	time_spin(2 * UART_FIFO_SIZE * BYTE_NS);
	masked = inb(CONSOLE_PORT + UART_IER);
	kept = console_uart.rx_head - console_uart.rx_tail;
	good = read_back(0, 1); /* room for one: it comes at once */
	refilled = console_uart.rx_head - console_uart.rx_tail;
	good += read_back(1, UART_RX_RING - 1);
	echoed &= time_wait(head_is, &head, DEADLINE);
	unmasked = inb(CONSOLE_PORT + UART_IER);
	last = read_back('0', UART_FIFO_SIZE);
	loop_end();
	EXPECT(t, echoed);
	EXPECT_EQ(t, kept, UART_RX_RING);
	EXPECT_EQ(t, masked, 0);
	EXPECT_EQ(t, refilled, UART_RX_RING);
	EXPECT_EQ(t, unmasked, UART_IER_ERBFI);
	EXPECT_EQ(t, good, UART_RX_RING);
	EXPECT_EQ(t, last, UART_FIFO_SIZE);
	EXPECT_EQ(t, console_uart.overruns, overruns);
}

/* A port where nothing is: said so, and writing to it ends at once. */
static void absent_port(struct ktest *t)
{
	struct uart *nowhere = ktest_zalloc(t, sizeof(*nowhere));

	if (!nowhere)
		return;
	EXPECT(t, !uart_init(nowhere, 0x2a8));
	uart_write(nowhere, "lost", 4);
	uart_drain(nowhere);
	EXPECT_EQ(t, uart_read(nowhere), -1);
	EXPECT(t, !uart_readable(nowhere));
}

static const struct ktest_case cases[] = {
	{"every_byte_comes_back", every_byte_comes_back},
	{"ring_wraps", ring_wraps},
	{"full_ring_loses_nothing", full_ring_loses_nothing},
	{"absent_port", absent_port},
	{NULL, NULL},
};

const struct ktest_suite console_suite = {.name = "console", .cases = cases};
