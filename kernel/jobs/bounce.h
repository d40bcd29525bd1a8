/* SPDX-License-Identifier: MIT */
/*
 * What the two steps of the main job share. Inside kernel/jobs only.
 */
#ifndef KERNEL_JOBS_BOUNCE_H
#define KERNEL_JOBS_BOUNCE_H

#include "drivers/device.h"
#include "kernel/jobs/report.h"
#include "kernel/jobs/sha256.h"
#include "kernel/machine.h"

struct demo {
	struct device *dev;
	const struct module *file;
	phys_addr_t low; /* a page of ours that every device reaches */
	size_t piece;	 /* bytes that go at once: what the device takes, at most a page */
	uint64_t seen;	 /* the highest bus address that the device is known to drive */
	uint64_t ticks;	 /* in map and unmap, since it was set to 0 */
	uint64_t slots;	 /* mapped, the same */
	uint64_t cost;	 /* in all pieces', beyond the copies */
	struct sha256 in, out;
	struct report report;
};

/* Map `len` bytes (at most a piece), let the device move them, unmap. 0, or an error. */
int demo_move(struct demo *demo, phys_addr_t addr, size_t len, enum dma_data_direction dir);

/* What the device holds comes into the page `low`. */
int demo_fetch(struct demo *demo, size_t len);

/* Step 1, in direct.c: fills report.direct. 0 also where it was left out. */
int demo_directly(struct demo *demo);

#endif
