/* SPDX-License-Identifier: MIT */
#include "kernel/jobs/progress.h"

#include "kernel/io.h"
#include "kernel/printf.h"

#define EVERY	      3 /* seconds */
#define SECONDS_A_DAY 86400

enum { RTC_INDEX = 0x70, RTC_DATA = 0x71 };

/*
 * Seconds since `start`, less than a day, by the Motorola MC146818 ("Address map"), in BCD as
 * firmware sets it up. A wrong figure makes a wrong estimate, and no more.
 */
static unsigned seconds_since(unsigned start)
{
	static const uint8_t hours_minutes_seconds[] = {4, 2, 0};
	unsigned now = 0;

	for (unsigned i = 0; i < 3; i++) {
		uint8_t bcd;

		outb(RTC_INDEX, hours_minutes_seconds[i]);
		bcd = inb(RTC_DATA);
		now = now * 60 + bcd - bcd / 16 * 6;
	}
	return (now + SECONDS_A_DAY - start) % SECONDS_A_DAY;
}

void progress_begin(struct progress *progress, const char *name, uint64_t total, bool person)
{
	*progress = (struct progress){.name = name, .total = total, .person = person};
	progress->started = seconds_since(0);
}

void progress_show(struct progress *progress, uint64_t done)
{
	unsigned spent = seconds_since(progress->started);
	unsigned left = done ? spent * (progress->total - done) / done : 0;

	/* Read in the middle of a carry, the clock may seem to be before the start. */
	if (spent < progress->shown + EVERY || spent > SECONDS_A_DAY / 2)
		return;
	progress->shown = spent;
	printf("%s: %u %% of %u KiB, about %u min %02u s left %c", progress->name,
	       (unsigned)(done * 100 / progress->total), (unsigned)(progress->total >> 10),
	       left / 60, left % 60, progress->person ? '\r' : '\n');
}

void progress_end(struct progress *progress)
{
	if (progress->person && progress->shown)
		printf("\n");
}
