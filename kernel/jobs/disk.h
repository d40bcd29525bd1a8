/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_JOBS_DISK_H
#define KERNEL_JOBS_DISK_H

#include "drivers/block.h"

/*
 * The job `copy`, of a disk's first `bytes`: whole sectors of both disks. *ticks
 * is what it took without the time in which only the disks were at work.
 * -EINVAL: they don't fit; -ENOMEM; what block_execute() returns.
 */
int disk_copy(struct block_device *from, struct block_device *to, uint64_t bytes, uint64_t *ticks);

#endif
