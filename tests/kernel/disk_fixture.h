/* SPDX-License-Identifier: MIT */
/*
 * What suites on a disk have in common: a disk, its device's fixture, and requests
 * from the fixture's two buffers, of any shape and many at a time. What is on the
 * disk is lost.
 */
#ifndef TESTS_KERNEL_DISK_FIXTURE_H
#define TESTS_KERNEL_DISK_FIXTURE_H

#include "drivers/block.h"
#include "tests/kernel/device_fixture.h"

#define DISK_MANY    80	 /* requests of a page each */
#define DISK_ENTRIES 128 /* of a list that is cut */
#define DISK_ORDER   8	 /* of buffers on a small machine: 2^8 pages */

struct disk_fixture {
	struct device_fixture of; /* the disk's device */
	struct block_device *disk;
	struct scatterlist *sg; /* more entries than a request may have, and than DISK_MANY */
	struct block_request *many;
};

/* How a stretch of a buffer is cut: at multiples of `unit` in the buffer, 2^n bytes. */
struct disk_shape {
	size_t offset, bytes;
	unsigned entries; /* fewer where there are fewer units */
	size_t unit;
};

/* NULL: skipped, for there is no such disk or no memory. Buffers have 2^order pages, or
 * 2^DISK_ORDER. */
struct disk_fixture *disk_fixture_begin(struct ktest *t, const char *disk, unsigned order);
void disk_fixture_end(struct ktest *t);

void disk_fill(struct ktest *t, uint8_t *buf, size_t len);
bool disk_all_are(const uint8_t *buf, size_t len, uint8_t byte);

/* Between the sectors from `sector` on and buffer i. Returns the request's status. */
int disk_transfer(struct ktest *t, enum block_op op, uint64_t sector, unsigned i,
		  struct disk_shape shape);

/* Written from one buffer, anywhere, and read to the other, where nothing is touched beside. */
void disk_there_and_back(struct ktest *t, struct disk_shape from, struct disk_shape to);

/*
 * DISK_MANY at once, each of a page of buffer i, to the disk and the queue's other
 * one, if any, by turns; or flushes. None completes before all are submitted.
 */
void disk_submit_many(struct ktest *t, enum block_op op, unsigned i);
bool disk_many_finished(void *fixture);
void disk_many(struct ktest *t, enum block_op op, unsigned i); /* until all are done, well */
void disk_many_there_and_back(struct ktest *t);

#endif
