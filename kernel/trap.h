/* SPDX-License-Identifier: MIT */
/*
 * Exceptions and interrupts: one frame, one table.
 *
 * Source: Intel SDM vol. 3A, "Interrupt and Exception Handling"; sections in trap.c.
 */
#ifndef KERNEL_TRAP_H
#define KERNEL_TRAP_H

#include "mm/types.h"

/* As trap_entry.S lays it on the stack, lowest address first. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
	uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

#define TRAP_PAGE_FAULT 14
#define VECTOR_IRQ	0x20 /* 16 of the 8259s */
#define VECTOR_TIMER	0x30
#define VECTOR_MESSAGE	0x31 /* from here to 0xfe: message-signalled */
#define VECTOR_SPURIOUS 0xff

/* GDT, TSS with stacks for NMI, double fault and machine check, IDT. */
void trap_init(void);

/* A page below a stack that mmu_init() leaves unmapped, so that an overflow faults. */
struct stack_guard {
	const void *page;
	const char *stack; /* whose */
};

#define STACK_GUARDS 4
extern const struct stack_guard stack_guards[STACK_GUARDS];

/*
 * Read `size` (1 to 8) bytes of memory that may not be there. False, and *out
 * untouched, where the read faults.
 */
bool read_guarded(const void *addr, size_t size, uint64_t *out);

#endif
