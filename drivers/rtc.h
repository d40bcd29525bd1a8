/* SPDX-License-Identifier: MIT */
/*
 * The real-time clock, which keeps the person's time also where the machine's
 * own clock passes over idle time (QEMU's -icount with sleep=off). Motorola
 * MC146818, "Address map"; in BCD, as firmware sets it up.
 *
 * With interrupts off, or where nobody else reads it.
 */
#ifndef DRIVERS_RTC_H
#define DRIVERS_RTC_H

/* Seconds of the day. */
unsigned rtc_seconds(void);

/* Seconds from `start` to now, less than a day. */
unsigned rtc_seconds_since(unsigned start);

#endif
