/* SPDX-License-Identifier: MIT */
/*
 * How far a long job is, for a person who waits: so in the person's time. The
 * machine's own clock may run a thousand times faster (QEMU's -icount passes
 * over idle time); its real-time clock doesn't.
 */
#ifndef KERNEL_JOBS_PROGRESS_H
#define KERNEL_JOBS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *name;
	uint64_t total;		 /* bytes, more than 0 */
	bool person;		 /* a line that overwrites itself; else a line each time */
	unsigned started, shown; /* seconds since then, as the real-time clock has them */
};

void progress_begin(struct progress *progress, const char *name, uint64_t total, bool person);

/* `done` of it is. Prints now and then, but nothing about what takes a few seconds. */
void progress_show(struct progress *progress, uint64_t done);

void progress_end(struct progress *progress);

#endif
