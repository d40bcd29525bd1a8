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
#include "kernel/machine.h"
#include "kernel/printf.h"

enum { DEBUG_EXIT = 0xf4, RESET_CONTROL = 0xcf9, RESET_HARD = 1 << 1, RESET_NOW = 1 << 2 };

static __attribute__((noreturn)) void halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

void machine_stop(int code)
{
	const struct boot_soft_off *off = &machine.boot.soft_off;

	outb(DEBUG_EXIT, (uint8_t)code);
	if (off->port)
		outw(off->port, off->value);
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
