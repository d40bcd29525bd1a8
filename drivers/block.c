/* SPDX-License-Identifier: MIT */
/*
 * Queues of requests, and the list of disks.
 *
 * Time is the person's: the machine's own clock may pass over idle time in no
 * time (QEMU's -icount with sleep=off), while a disk's answers take the host's.
 */
#include "drivers/block.h"

#include "drivers/pci.h"
#include "drivers/rtc.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/printf.h"
#include "kernel/string.h"
#include "kernel/time.h"

#define SLICE_NS (100 * NSEC_PER_MSEC) /* of waiting, after which is looked what is new */

static struct block_queue *queues;

/* --- queues --- */

void block_queue_init(struct block_queue *queue)
{
	queue->next = queues;
	queues = queue;
}

void block_queue_remove(struct block_queue *queue)
{
	struct block_queue **q = &queues;

	while (*q != queue)
		q = &(*q)->next;
	*q = queue->next;
}

static void put_first(struct block_queue *queue, struct block_request *request)
{
	queue->in_flight--;
	request->next = queue->first;
	queue->first = request;
}

static bool start_first(struct block_queue *queue)
{
	struct block_request *request = queue->first;

	if (!request || queue->in_flight >= queue->depth)
		return false;
	queue->first = request->next;
	queue->news |= !queue->in_flight++;
	if (!queue->start(queue, request)) {
		put_first(queue, request);
		return false;
	}
	if (queue->in_flight > queue->most)
		queue->most = queue->in_flight;
	return true;
}

static unsigned in_flight(void)
{
	unsigned n = 0;

	for (struct block_queue *queue = queues; queue; queue = queue->next)
		n += queue->in_flight;
	return n;
}

bool block_is_alone(void)
{
	return in_flight() == 1;
}

/* What is submitted from a callback in here is started by the loop, not by a deeper one. */
void block_queue_run(struct block_queue *queue)
{
	if (queue->held)
		return;
	queue->held = true;
	while (start_first(queue))
		;
	queue->held = false;
}

/* --- requests --- */

static bool fits(const struct block_request *r)
{
	const struct block_device *disk = r->disk;
	uint64_t bytes = 0;

	if (r->op == BLOCK_DRIVER)
		return true;
	if (r->op == BLOCK_FLUSH)
		return !r->sectors && !r->nents;
	if (r->nents > disk->max_segments)
		return false;
	for (unsigned i = 0; i < r->nents; i++) {
		if (!r->sg[i].length || r->sg[i].length > disk->max_bytes)
			return false;
		bytes += r->sg[i].length;
	}
	return r->sectors && r->sectors <= disk->sectors &&
	       r->sector <= disk->sectors - r->sectors && bytes <= disk->max_bytes &&
	       bytes == (uint64_t)r->sectors * disk->sector_size;
}

static void finish(struct block_request *request, int status)
{
	request->status = status;
	request->finished = true;
	if (request->done)
		request->done(request);
}

void block_submit(struct block_request *request)
{
	struct block_queue *queue = request->disk->queue;
	struct block_request **last = &queue->first;
	unsigned long flags = irq_save();

	request->finished = false;
	request->tries = 0;
	request->next = NULL;
	if (fits(request)) {
		while (*last)
			last = &(*last)->next;
		*last = request;
		block_queue_run(queue);
	} else {
		finish(request, -EINVAL);
	}
	irq_restore(flags);
}

/* What it held others may have waited for, of whom nothing is in flight. */
static void run_all(void)
{
	for (struct block_queue *queue = queues; queue; queue = queue->next)
		if (queue->first && !queue->in_flight)
			block_queue_run(queue);
}

void block_complete(struct block_request *request, int status)
{
	struct block_queue *queue = request->disk->queue;

	queue->in_flight--;
	queue->news = true;
	finish(request, status);
	block_queue_run(queue);
	run_all();
}

/* What a driver asks for itself it also judges. */
void block_fail(struct block_request *request, int err, const char *why)
{
	const char *disk = request->disk->name;

	if (request->op == BLOCK_FLUSH)
		log_error("%s: flush failed: %s", disk, why);
	else if (request->op == BLOCK_DRIVER)
		string_copy(request->why, sizeof(request->why), why);
	else
		log_error("%s: %s of %u sectors at %llu failed: %s", disk,
			  request->op == BLOCK_READ ? "read" : "write", request->sectors,
			  (ull)request->sector, why);
	block_complete(request, err);
}

void block_retry(struct block_request *request, int err, const char *why)
{
	if (++request->tries == BLOCK_TRIES)
		block_fail(request, err, why);
	else
		put_first(request->disk->queue, request);
}

/* --- waiting --- */

static bool is_late(const struct block_queue *queue)
{
	return rtc_seconds_since(queue->heard) * NSEC_PER_SEC > queue->dev->timeout_ns;
}

/* Where no interrupt comes, or one should have, its handler is asked. */
static void look_at(struct block_queue *queue)
{
	const struct pci_device *pci = to_pci(queue->dev);
	unsigned long flags = irq_save();
	bool news;

	if (queue->in_flight && pci->irq_mode == PCI_IRQ_NONE)
		pci->handler(pci->handler_arg);
	news = queue->news || !queue->in_flight;
	queue->news = false;
	if (news)
		queue->heard = rtc_seconds();
	else if (is_late(queue) && pci->handler(pci->handler_arg))
		log_warning("%s: there was an interrupt that didn't come", queue->dev->name);
	else if (is_late(queue))
		queue->expire(queue);
	irq_restore(flags);
}

void block_wait(bool (*done)(void *arg), void *arg)
{
	while (!time_wait(done, arg, SLICE_NS))
		for (struct block_queue *queue = queues; queue; queue = queue->next)
			look_at(queue);
}

static bool is_finished(void *arg)
{
	const struct block_request *request = arg;

	return request->finished;
}

int block_execute(struct block_request *request)
{
	block_submit(request);
	block_wait(is_finished, request);
	return request->status;
}

int block_flush(struct block_device *disk)
{
	struct block_request request = {.disk = disk, .op = BLOCK_FLUSH};

	return block_execute(&request);
}

/* --- disks by name --- */

static bool is_of(const char *name, const char *driver)
{
	return strncmp(name, driver, strlen(driver)) == 0;
}

void block_add(struct block_device *disk, const char *driver)
{
	struct block_device **last;
	unsigned n = 0;

	for (struct block_queue *queue = queues; queue; queue = queue->next)
		for (struct block_device *other = queue->disks; other; other = other->next)
			n += is_of(other->name, driver);
	snprintf(disk->name, sizeof(disk->name), "%s%u", driver, n);
	for (last = &disk->queue->disks; *last; last = &(*last)->next)
		;
	*last = disk;
}

struct block_device *block_find(const char *name)
{
	for (struct device *dev = devices; dev; dev = dev->next)
		if (dev->driver && is_of(name, dev->driver->name))
			device_prepare(dev);
	for (struct block_queue *queue = queues; queue; queue = queue->next)
		for (struct block_device *disk = queue->disks; disk; disk = disk->next)
			if (strcmp(disk->name, name) == 0)
				return disk;
	return NULL;
}
