/* SPDX-License-Identifier: MIT */
/*
 * Time, and waiting.
 *
 * The clock is the TSC, calibrated once against the 8254; deadlines are the
 * local APIC's timer in one-shot mode. Every wait has a deadline, and waits in
 * `hlt`, so that idle time costs no instructions.
 */
#ifndef KERNEL_TIME_H
#define KERNEL_TIME_H

#include "mm/types.h"

#define NSEC_PER_USEC 1000ULL
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_SEC  1000000000ULL

/* Calibrate TSC and local APIC timer. Interrupts are set up, and off. */
void time_init(void);

/* Nanoseconds since time_init(); before it 0. */
uint64_t time_ns(void);

/* TSC ticks; under `-icount shift=n` an instruction is 2^n of them. */
static inline uint64_t time_ticks(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

/*
 * How many ticks an instruction takes, where that is always the same and was
 * measured (QEMU with -icount); 0 where it isn't. Reports say which.
 */
unsigned time_ticks_per_instruction(void);

/*
 * Wait until done(arg), at most `timeout_ns`. done() is called with interrupts
 * off and changes by what an interrupt handler does. Returns whether it is
 * done; it is asked once more after the deadline. Interrupts are on while it
 * waits. Not from an interrupt handler.
 */
bool time_wait(bool (*done)(void *arg), void *arg, uint64_t timeout_ns);

/* Wait, in hlt. */
void time_sleep(uint64_t ns);

/* Spin, for what a data sheet wants before interrupts work or within microseconds. */
void time_spin(uint64_t ns);

#endif
