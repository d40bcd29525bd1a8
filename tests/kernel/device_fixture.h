/* SPDX-License-Identifier: MIT */
/*
 * What every suite on a device's transfers begins and ends with: two buffers where
 * `place=` puts them, and proof that all was given back. After a case no mapping
 * lives, no slot of the pool is lent, the free memory is as before, and no misuse
 * was counted but what the case asked for.
 */
#ifndef TESTS_KERNEL_DEVICE_FIXTURE_H
#define TESTS_KERNEL_DEVICE_FIXTURE_H

#include "drivers/device.h"
#include "tests/ktest.h"

struct device_fixture {
	struct device *dev; /* NULL: begin() wasn't called, and nothing is checked */
	uint64_t timeout_ns, free_bytes;
	uint64_t misuse; /* expected at the end */
	unsigned order;
	phys_addr_t page[2]; /* buffers of 2^order pages */
	uint8_t *buf[2];
};

/* Skips the case if there is no memory for buffers. */
void device_fixture_begin(struct ktest *t, struct device_fixture *f, struct device *dev,
			  unsigned order);
void device_fixture_end(struct ktest *t, struct device_fixture *f);

/* What is free now, and the buffers, is to be free at the end: till here it changed for good. */
void device_fixture_recount(struct device_fixture *f);

/* The host holds the devices' own words against the last of these lines. */
void device_fixture_say_clamps(void);

#endif
