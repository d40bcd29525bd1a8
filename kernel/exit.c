/* SPDX-License-Identifier: MIT */
/*
 * Leaving the machine: through QEMU's debug exit, through ACPI's soft off, or
 * by a reset.
 *
 * Sources: QEMU hw/misc/debugexit.c; ACPI 6.4, sections 4.8.3.2 (PM1 control
 * registers) and 16.1.7 (soft off); Intel ICH9 data sheet, "Reset Control
 * Register"; IBM PC AT, 8042 command 0xfe.
 */
#include "kernel/exit.h"

#include <stdbool.h>
#include <stddef.h>

#include "kernel/acpi.h"
#include "kernel/console.h"
#include "kernel/io.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/printf.h"
#include "kernel/time.h"

enum { DEBUG_EXIT = 0xf4, RESET_CONTROL = 0xcf9, KEYBOARD_CONTROL = 0x64 };
enum { RESET_HARD = 1 << 1, RESET_NOW = 1 << 2 };
enum { KEYBOARD_INPUT_FULL = 1 << 1, KEYBOARD_PULSE_RESET = 0xfe };
enum { PM1_SCI_ENABLE = 1 << 0, PM1_SLEEP_TYPE_SHIFT = 10, PM1_SLEEP_ENABLE = 1 << 13 };

#define POLL_NS (100 * NSEC_PER_USEC)
#define POLLS	1000 /* 100 ms */

static struct acpi_off off;
static bool off_is_known;

void power_init(uint64_t rsdp)
{
	int error = acpi_find_off(rsdp, &off);

	off_is_known = !error;
	if (error)
		log_info("acpi: no power off, error %d", error);
}

/* Where firmware left the machine in legacy mode, ACPI has to be switched on first. */
static void enable_acpi(void)
{
	if (inw(off.pm1a_control) & PM1_SCI_ENABLE || !off.smi_command || !off.enable)
		return;
	outb(off.smi_command, off.enable);
	for (int i = 0; i < POLLS && !(inw(off.pm1a_control) & PM1_SCI_ENABLE); i++)
		time_spin(POLL_NS);
}

static void sleep_by(uint16_t port, uint8_t type)
{
	outw(port, type << PM1_SLEEP_TYPE_SHIFT | PM1_SLEEP_ENABLE);
}

static void power_off(void)
{
	if (!off_is_known)
		return;
	enable_acpi();
	sleep_by(off.pm1a_control, off.type_a);
	if (off.pm1b_control)
		sleep_by(off.pm1b_control, off.type_b);
}

static __attribute__((noreturn)) void halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

void machine_stop(int code)
{
	irq_disable();
	outb(DEBUG_EXIT, (uint8_t)code);
	power_off();
	halt();
}

void machine_exit(int code)
{
	irq_disable();
	printf("bounce: exit %d\n", code);
	console_drain();
	machine_stop(code);
}

static void reset_by_keyboard_controller(void)
{
	for (int i = 0; i < POLLS && inb(KEYBOARD_CONTROL) & KEYBOARD_INPUT_FULL; i++)
		time_spin(POLL_NS);
	outb(KEYBOARD_CONTROL, KEYBOARD_PULSE_RESET);
}

/* An exception without any gate to go through resets the CPU. */
static void reset_by_triple_fault(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) no_gates = {0, 0};

	__asm__ volatile("lidt %0; int3" : : "m"(no_gates));
}

void machine_reboot(void)
{
	irq_disable();
	console_drain();
	outb(RESET_CONTROL, RESET_HARD);
	outb(RESET_CONTROL, RESET_HARD | RESET_NOW);
	time_spin(POLL_NS);
	reset_by_keyboard_controller();
	time_spin(POLL_NS);
	reset_by_triple_fault();
	halt();
}
