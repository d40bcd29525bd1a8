/* SPDX-License-Identifier: MIT */
/* The console is COM1; where there is none, output goes nowhere and nothing is ever typed. */
#include "kernel/console.h"

#include "kernel/irq.h"
#include "kernel/log.h"

struct uart console_uart;

void console_init(void)
{
	uart_init(&console_uart, CONSOLE_PORT);
}

void console_start_input(void)
{
	int error = uart_start_input(&console_uart, CONSOLE_IRQ);

	if (error)
		log_error("console: no interrupt for input (%d): nothing can be typed", error);
}

void console_write(const char *text, size_t n)
{
	size_t start = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] != '\n')
			continue;
		uart_write(&console_uart, text + start, i - start);
		uart_write(&console_uart, "\r\n", 2);
		start = i + 1;
	}
	uart_write(&console_uart, text + start, n - start);
}

/* A byte that comes between the look and hlt isn't lost: sti takes effect after hlt began. */
unsigned char console_read(void)
{
	int byte;

	while ((byte = uart_read(&console_uart)) < 0) {
		irq_disable();
		if (!uart_readable(&console_uart))
			__asm__ volatile("sti; hlt" : : : "memory");
		irq_enable();
	}
	return (unsigned char)byte;
}
