/* SPDX-License-Identifier: MIT */
/*
 * Disks, and what is asked of them.
 *
 *	request ──block_submit()──> queue ──start()──> the driver ──block_complete()──> done
 *	                              ^───────────block_retry()──────────┘
 *
 * A driver has a queue for each way to its hardware; disks behind the same way
 * share one. Requests are started in order, as many at a time as the queue's
 * depth and the driver take, and complete in any order. Each does, in the end:
 * where nothing completes for the device's timeout, the driver is told, and
 * makes them complete, well or not.
 *
 * Any context, interrupts on or off; callbacks run in the driver's, which may be
 * its interrupt handler. block_wait(), and what is synchronous, only where one
 * may wait.
 */
#ifndef DRIVERS_BLOCK_H
#define DRIVERS_BLOCK_H

#include "dma/sg.h"
#include "drivers/device.h"

#define BLOCK_TRIES 5 /* of a request */

struct block_request;

struct block_queue {
	struct device *dev; /* a PCI device, whose timeout_ns counts; its handler hears of news */
	unsigned depth;	    /* requests in flight at most; may be lowered */
	/*
	 * Start this one, which is counted in flight already. False: not now, ask
	 * again when another has completed, of this queue or of any. One that can't
	 * be done at all is completed with its error, and is started.
	 */
	bool (*start)(struct block_queue *queue, struct block_request *request);
	/* Nothing has completed for the timeout, nor is there news: see that all in flight does. */
	void (*expire)(struct block_queue *queue);
	/* with interrupts off: */
	bool held;		  /* nothing is started: what is in flight is being put in order */
	unsigned in_flight, most; /* now; at most, since somebody made it 0 */
	/* block.c's: */
	struct block_queue *next;
	struct block_device *disks;
	struct block_request *first;
	bool news;	/* since somebody last looked: something completed, or a first one began */
	unsigned heard; /* when that was, in rtc_seconds() */
};

struct block_device {
	char name[16]; /* "lsi0" */
	struct block_queue *queue;
	uint64_t sectors;
	uint32_t sector_size;  /* bytes, 2^n */
	size_t max_bytes;      /* of a request */
	unsigned max_segments; /* entries of a request */
	struct block_device *next;
};

enum block_op {
	BLOCK_READ,
	BLOCK_WRITE,
	BLOCK_FLUSH, /* what was written is to be on the medium */
	BLOCK_DRIVER /* the driver's own business, in order with the others */
};

struct block_request {
	/* the submitter's: */
	struct block_device *disk;
	enum block_op op;
	uint64_t sector;
	uint32_t sectors; /* 0 but for reads and writes */
	struct scatterlist *sg;
	unsigned nents;			      /* its lengths add up to the sectors */
	void (*done)(struct block_request *); /* may be NULL, and may submit */
	void *arg;
	/* the outcome: */
	volatile bool finished;
	/*
	 * 0; -EIO: the disk failed; -ETIMEDOUT; -ENXIO: it's gone; -ENOMEM: it couldn't
	 * be mapped; -EINVAL: disk or lengths don't fit.
	 */
	int status;
	char why[32]; /* of a driver's own request that failed; the others' are said */
	/* block.c's: */
	unsigned tries; /* that failed */
	struct block_request *next;
};

static inline enum dma_data_direction block_direction(const struct block_request *request)
{
	return request->op == BLOCK_WRITE ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
}

/* It completes, once; maybe in here. */
void block_submit(struct block_request *request);

/*
 * Wait until done(arg), which is called with interrupts off. Requests that take
 * longer than their device's timeout are made to complete; so what waits for
 * requests comes to an end.
 */
void block_wait(bool (*done)(void *arg), void *arg);

/* Submit, wait, and return its status. */
int block_execute(struct block_request *request);

/* What was written is on the medium when this returns 0. */
int block_flush(struct block_device *disk);

/*
 * The disk of this name: a driver's, and a number. Drivers look for disks when
 * somebody asks for the first of theirs. NULL: no such disk.
 */
struct block_device *block_find(const char *name);

/* --- for drivers; with interrupts off, but for the first three --- */

/* The driver has filled in the first part. */
void block_queue_init(struct block_queue *queue);
void block_queue_remove(struct block_queue *queue); /* with its disks; nothing is in flight */

/* Name it `<driver><n>`, and make it known; `next` is NULL. */
void block_add(struct block_device *disk, const char *driver);

/*
 * Nothing is in flight but what is being started: what there is no memory for now,
 * there never is. Else it is to wait, since what others have mapped comes back.
 */
bool block_is_alone(void);

/* Start what can be, now that something has changed. */
void block_queue_run(struct block_queue *queue);

/* What was started comes to an end by one of these: it's done, or has this error; */
void block_complete(struct block_request *request, int status);
/* ... it has, and the log says why; */
void block_fail(struct block_request *request, int err, const char *why);
/* ... it's to be started once more, before all others; after too many tries it has failed. */
void block_retry(struct block_request *request, int err, const char *why);

#endif
