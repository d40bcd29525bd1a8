/* SPDX-License-Identifier: MIT */
/*
 * Leaving the machine: through QEMU's debug exit, through ACPI's soft off, or
 * by a reset.
 *
 * Sources: QEMU hw/misc/debugexit.c; ACPI 6.4, section 16.1.7 (soft off); Intel
 * ICH9 data sheet, "Reset Control Register" (the PIIX3 has it too).
 */
#include "kernel/exit.h"

#include "kernel/console.h"
#include "kernel/io.h"
#include "kernel/irq.h"
#include "kernel/printf.h"

enum { DEBUG_EXIT = 0xf4, RESET_CONTROL = 0xcf9, RESET_HARD = 1 << 1, RESET_NOW = 1 << 2 };

static uint16_t off_port, off_value;

void power_init(uint16_t port, uint16_t value)
{
	off_port = port;
	off_value = value;
}

static __attribute__((noreturn)) void halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

void machine_stop(int code)
{
	outb(DEBUG_EXIT, (uint8_t)code);
	if (off_port)
		outw(off_port, off_value);
	halt();
}

void machine_exit(int code)
{
	irq_disable();
	printf("bounce: exit %d\n", code);
	uart_drain(&console_uart);
	machine_stop(code);
}

void machine_reboot(void)
{
	irq_disable();
	uart_drain(&console_uart);
	outb(RESET_CONTROL, RESET_HARD);
	outb(RESET_CONTROL, RESET_HARD | RESET_NOW);
	halt();
}
