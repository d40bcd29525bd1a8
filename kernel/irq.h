/* SPDX-License-Identifier: MIT */
/*
 * Interrupts for drivers: lines of the 8259 pair (shared, level-triggered for
 * PCI), and message-signalled vectors of the local APIC.
 *
 * Handlers run with interrupts off on the interrupted stack. Each handler of a
 * shared line is called; it says whether its device was the one.
 */
#ifndef KERNEL_IRQ_H
#define KERNEL_IRQ_H

#include "mm/types.h"

#define IRQ_LINES 16

/* True: this device had raised it. */
typedef bool (*irq_handler)(void *arg);

/* 8259s remapped and masked, local APIC on with LINT0 = ExtINT. */
void irq_init(void);

/* Add a handler to a line, and unmask it. -EINVAL (no such line), -ENOSPC. */
int irq_add(unsigned line, irq_handler handler, void *arg);
void irq_remove(unsigned line, irq_handler handler, void *arg);

/* What a device writes where to raise a message-signalled interrupt. */
struct irq_message {
	uint64_t addr;
	uint32_t data; /* its vector, edge-triggered */
};

/* A vector of its own for `handler`. -ENOSPC. */
int irq_add_message(irq_handler handler, void *arg, struct irq_message *message);
void irq_remove_message(const struct irq_message *message);

/*
 * Interrupts nobody claimed, since boot. A line that nobody claims 1000 times
 * in a row is masked, and said.
 */
uint64_t irq_spurious(void);

/* TSC ticks that devices' handlers took, since boot. */
uint64_t irq_ticks(void);

/* What trap.c calls for every vector from VECTOR_IRQ on. */
void irq_dispatch(unsigned vector);

/*
 * The local APIC's timer, for time.c: one shot that ends after `ticks` in an
 * interrupt without a handler, which wakes whoever is in hlt; 0 stops it.
 */
void irq_timer_start(uint32_t ticks);
uint32_t irq_timer_left(void);

static inline void irq_enable(void)
{
	__asm__ volatile("sti" : : : "memory");
}

static inline void irq_disable(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static inline unsigned long irq_save(void)
{
	unsigned long flags;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
	return flags;
}

static inline void irq_restore(unsigned long flags)
{
	if (flags & 0x200) /* RFLAGS.IF */
		irq_enable();
}

#endif
