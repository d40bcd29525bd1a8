/* SPDX-License-Identifier: MIT */
#include "kernel/jobs/progress.h"

#include "drivers/rtc.h"
#include "kernel/printf.h"

#define EVERY 3 /* seconds */

void progress_begin(struct progress *progress, const char *name, uint64_t total, bool person)
{
	*progress = (struct progress){.name = name, .total = total, .person = person};
	progress->started = rtc_seconds();
}

void progress_show(struct progress *progress, uint64_t done)
{
	unsigned spent = rtc_seconds_since(progress->started);
	unsigned left = done ? spent * (progress->total - done) / done : 0;

	if (spent < progress->shown + EVERY)
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
