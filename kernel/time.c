/* SPDX-License-Identifier: MIT */
/*
 * Time: the TSC as the clock, the local APIC's timer as the alarm.
 *
 * Both are measured once against channel 2 of the 8254, the only one whose
 * output can be polled. A delay of the host between two of our instructions
 * makes an interval look longer, never shorter: so of some rounds the shortest
 * is the true one.
 *
 * Where instructions make the time (QEMU with -icount shift=n: 2^n ns each), a
 * tick is one nanosecond by definition, and 1 GHz is taken instead of what was
 * measured.
 *
 * Channel 0, which firmware leaves running, is stopped: an idle machine has no
 * timer pending but those that somebody waits for.
 *
 * Sources: Intel 8254 data sheet; port 0x61 as in Intel ICH9 data sheet, "NMI
 * Status and Control".
 */
#include "kernel/time.h"

#include "kernel/io.h"
#include "kernel/irq.h"
#include "kernel/log.h"

#define PIT_HZ		  1193182
#define PIT_COUNT	  (PIT_HZ / 500) /* 2 ms */
#define PIT_POLLS	  100000	 /* many times as long as 2 ms on any machine */
#define ROUNDS		  4
#define FALLBACK_HZ	  2000000000ULL
#define FALLBACK_TICKS	  2000000ULL
#define SHOT_NS		  NSEC_PER_SEC /* the longest that the alarm is set for at once */
#define ALARM_HZ_MOST	  1000000000ULL
#define INSTRUCTIONS_RUN  64
#define ICOUNT_SHIFT_MOST 10

enum { PIT_CHANNEL0 = 0x40, PIT_CHANNEL2 = 0x42, PIT_CONTROL = 0x43, NMI_SC = 0x61 };
enum { PIT_CHANNEL0_MODE0 = 0x30, PIT_CHANNEL2_MODE0 = 0xb0 }; /* low byte, then high byte */
/* Bit 1 is the speaker; what is kept switches NMI sources. */
enum { NMI_SC_GATE2 = 1 << 0, NMI_SC_KEPT = 3 << 2, NMI_SC_OUT2 = 1 << 5 };

struct interval {
	uint64_t tsc;
	uint32_t alarm;
};

static uint64_t tsc_hz = FALLBACK_HZ, alarm_hz;
static uint64_t tsc_zero; /* 0: there is no time yet */
/* Nanoseconds in 32.32; as of 4 GHz until the TSC is measured, so that no spin is too short. */
static uint64_t ns_per_tick = 1ULL << 30;
static unsigned ticks_per_instruction;

static uint64_t ticks_to_ns(uint64_t ticks)
{
	return (uint64_t)((unsigned __int128)ticks * ns_per_tick >> 32);
}

/* Ticks from one rdtsc to the next with 64 nops between. */
static uint32_t ticks_of_run(void)
{
	uint32_t first, ticks;

	__asm__ volatile("rdtsc\n\t"
			 "movl %%eax, %1\n\t"
			 ".rept %c2\n\t"
			 "nop\n\t"
			 ".endr\n\t"
			 "rdtsc\n\t"
			 "subl %1, %%eax"
			 : "=&a"(ticks), "=&r"(first)
			 : "i"(INSTRUCTIONS_RUN)
			 : "edx");
	return ticks;
}

/* The nops, the move, and one rdtsc: 2^n ticks each, to the tick, and not by chance. 0: not so. */
static unsigned measure_instruction(void)
{
	uint32_t ticks = ticks_of_run(), per = ticks / (INSTRUCTIONS_RUN + 2);

	if (per == 0 || (per & (per - 1)) || per >> ICOUNT_SHIFT_MOST > 1)
		return 0;
	for (int i = 0; i < 4; i++)
		if (ticks_of_run() != per * (INSTRUCTIONS_RUN + 2))
			return 0;
	return per;
}

/* It counts down once from 1, and its output then stays high. */
static void stop_periodic_timer(void)
{
	outb(PIT_CONTROL, PIT_CHANNEL0_MODE0);
	outb(PIT_CHANNEL0, 1);
	outb(PIT_CHANNEL0, 0);
}

/*
 * In mode 0 the output falls with the control word, and rises when the count is through. Port
 * accesses are slow in an emulator: between two polls, some 100 ns of plain instructions.
 */
static bool pit_wait(void)
{
	for (unsigned polls = 0; polls < PIT_POLLS; polls++) {
		if (inb(NMI_SC) & NMI_SC_OUT2)
			return polls > 0;
		for (int i = 0; i < 100; i++)
			__asm__ volatile("");
	}
	return false;
}

/*
 * Both clocks over one count of the 8254; false, and over any interval, where
 * it doesn't count. The alarm runs within the TSC's interval: its error is to
 * go off early, and then it is set again.
 */
static bool measure(struct interval *interval)
{
	uint64_t start;
	bool counted;

	outb(NMI_SC, (inb(NMI_SC) & NMI_SC_KEPT) | NMI_SC_GATE2);
	outb(PIT_CONTROL, PIT_CHANNEL2_MODE0);
	outb(PIT_CHANNEL2, PIT_COUNT & 0xff);
	start = time_ticks();
	outb(PIT_CHANNEL2, PIT_COUNT >> 8);
	irq_timer_start(UINT32_MAX);
	counted = pit_wait();
	while (!counted && time_ticks() - start < FALLBACK_TICKS)
		;
	interval->alarm = UINT32_MAX - irq_timer_left();
	interval->tsc = time_ticks() - start;
	irq_timer_start(0);
	return counted;
}

/* A round whose output is up at once was seen late, and counts for nothing. */
static void calibrate(void)
{
	struct interval best = {0}, interval;
	bool counted = false;

	for (int i = 0; i < ROUNDS; i++) {
		if (!measure(&interval))
			continue;
		if (!counted || interval.tsc < best.tsc)
			best = interval;
		counted = true;
	}
	if (!counted)
		best = interval;
	if (ticks_per_instruction)
		tsc_hz = NSEC_PER_SEC;
	else if (counted)
		tsc_hz = best.tsc * PIT_HZ / PIT_COUNT;
	else
		log_warning("time: the 8254 does not count; 2 GHz are assumed for the TSC");
	/* Against the TSC, so that an alarm is right in the clock's own terms whatever that is. */
	alarm_hz = best.alarm * (tsc_hz / 1000) / best.tsc * 1000;
	if (alarm_hz > ALARM_HZ_MOST)
		alarm_hz = ALARM_HZ_MOST;
}

void time_init(void)
{
	stop_periodic_timer();
	ticks_per_instruction = measure_instruction();
	calibrate();
	ns_per_tick = (NSEC_PER_SEC << 32) / tsc_hz;
	tsc_zero = time_ticks();
	log_info("time: TSC at %lu kHz (%u ticks an instruction, 0: not so), local APIC timer at "
		 "%lu kHz",
		 tsc_hz / 1000, ticks_per_instruction, alarm_hz / 1000);
}

uint64_t time_ns(void)
{
	return tsc_zero ? ticks_to_ns(time_ticks() - tsc_zero) : 0;
}

unsigned time_ticks_per_instruction(void)
{
	return ticks_per_instruction;
}

/* One tick more than the time takes: an alarm that comes early only has to be set again. */
static void set_alarm(uint64_t ns)
{
	if (ns > SHOT_NS)
		ns = SHOT_NS;
	irq_timer_start((uint32_t)(ns * alarm_hz / NSEC_PER_SEC + 1));
}

bool time_wait(bool (*done)(void *arg), void *arg, uint64_t timeout_ns)
{
	uint64_t start = time_ns(), passed;
	unsigned long flags = irq_save();
	bool is_done;

	for (;;) {
		/* Looked at before done(): which is so asked once more after the deadline. */
		passed = time_ns() - start;
		is_done = done(arg);
		if (is_done || passed >= timeout_ns)
			break;
		set_alarm(timeout_ns - passed);
		/* An interrupt since done() isn't lost: sti takes effect after hlt began. */
		__asm__ volatile("sti; hlt; cli" : : : "memory");
	}
	irq_timer_start(0);
	irq_restore(flags);
	return is_done;
}

static bool never(void *arg)
{
	return false;
}

void time_sleep(uint64_t ns)
{
	time_wait(never, NULL, ns);
}

void time_spin(uint64_t ns)
{
	uint64_t start = time_ticks();

	while (ticks_to_ns(time_ticks() - start) < ns)
		__asm__ volatile("pause");
}
