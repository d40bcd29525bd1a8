/* SPDX-License-Identifier: MIT */
/*
 * Leaving the machine. The last line is always `bounce: exit <n>`; then the
 * byte goes to QEMU's isa-debug-exit at port 0xf4, or, where nothing answers
 * there, the power goes off by ACPI (and if that fails too, the CPU halts).
 *
 * That devices are quiet by then is the caller's business.
 */
#ifndef KERNEL_EXIT_H
#define KERNEL_EXIT_H

#include <stdint.h>

#define EXIT_PASS  0 /* all that was asked for passed */
#define EXIT_FAIL  1 /* something failed, or what was asked for isn't there */
#define EXIT_PANIC 2

__attribute__((noreturn)) void machine_exit(int code);
__attribute__((noreturn)) void machine_reboot(void);

/* The same as machine_exit() without a word: where the console itself is broken. */
__attribute__((noreturn)) void machine_stop(int code);

/* What the word to which port switches the power off, as ACPI says; port 0: nobody knows. */
void power_init(uint16_t port, uint16_t value);

#endif
