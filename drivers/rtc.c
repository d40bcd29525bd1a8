/* SPDX-License-Identifier: MIT */
#include "drivers/rtc.h"

#include "kernel/io.h"

#define RTC_INDEX     0x70
#define RTC_DATA      0x71
#define SECONDS_A_DAY 86400

static unsigned read_once(void)
{
	static const uint8_t hours_minutes_seconds[] = {4, 2, 0};
	unsigned now = 0;

	for (unsigned i = 0; i < 3; i++) {
		uint8_t bcd;

		outb(RTC_INDEX, hours_minutes_seconds[i]);
		bcd = inb(RTC_DATA);
		now = now * 60 + bcd - bcd / 16 * 6;
	}
	return now;
}

/* Twice the same: it wasn't read in the middle of a carry. */
unsigned rtc_seconds(void)
{
	unsigned now = read_once(), again;

	while ((again = read_once()) != now)
		now = again;
	return now;
}

unsigned rtc_seconds_since(unsigned start)
{
	return (rtc_seconds() + SECONDS_A_DAY - start) % SECONDS_A_DAY;
}
