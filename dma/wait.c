/* SPDX-License-Identifier: MIT */
/*
 * Mappings that wait for slots of the pool, in a queue: the first is served
 * first, and whoever is behind it waits, even where there would be room for him. So
 * a large request is not starved by small ones that wait too.
 *
 * sys->lock guards the queue, and is held while slots are taken for its first:
 * so nobody who waits overtakes another. No slots are lost between the two:
 *
 *	who waits                     who frees
 *	1 enters the queue            1 frees the slots
 *	2 tries to take               2 looks whether somebody is in the queue
 *
 * each in that order, so that one of them sees the other. Callbacks run with no
 * lock held, one server at a time: a callback that unmaps comes here again,
 * finds the server at work and leaves the rest to it.
 */
#include "dma/bounce.h"

/* Is it only that others have the slots? */
static bool may_pass(enum dma_failure why)
{
	return why == DMA_FAIL_EXHAUSTED || why == DMA_FAIL_FRAGMENTED;
}

static void append_locked(struct dma_system *sys, struct dma_wait *wait)
{
	wait->next = NULL;
	__atomic_store_n(sys->waiting_end, wait, __ATOMIC_SEQ_CST);
	sys->waiting_end = &wait->next;
}

/* Take the one that *link points to out of the queue. */
static struct dma_wait *unlink_locked(struct dma_system *sys, struct dma_wait **link)
{
	struct dma_wait *wait = *link;

	*link = wait->next;
	if (sys->waiting_end == &wait->next)
		sys->waiting_end = link;
	return wait;
}

static enum dma_failure take(const struct dma_wait *wait, bool behind, struct bounce *bounce)
{
	return bounce_slots(wait->dev, wait->addr, wait->len, wait->dir, behind, bounce);
}

/* It is out of the queue, with slots or without hope: but perhaps pages can do it. */
static dma_addr_t finish(const struct dma_wait *wait, struct bounce *bounce, enum dma_failure why)
{
	struct dma_device *dev = wait->dev;

	if (why == DMA_FAIL_OUT_OF_MASK)
		why = bounce_map(dev, wait->addr, wait->len, wait->dir, 0, bounce);
	else if (!why)
		bounce_begin(dev, bounce, 0);
	if (!why)
		return dma_from_phys(&dev->limits, bounce->start);
	dma_fail(dev, wait->addr, wait->len, why, 0);
	return DMA_MAPPING_ERROR;
}

static void call_back(const struct dma_wait *wait, dma_addr_t addr)
{
	wait->callback(wait->dev, addr, wait->arg);
}

void wait_serve(struct dma_system *sys)
{
	unsigned long flags = port_lock(&sys->lock);
	bool serving = sys->serving;

	sys->serving = true;
	while (!serving && sys->waiting) {
		struct dma_wait *wait;
		struct bounce bounce;
		enum dma_failure why = take(sys->waiting, false, &bounce);

		if (may_pass(why))
			break;
		wait = unlink_locked(sys, &sys->waiting);
		port_unlock(&sys->lock, flags);
		call_back(wait, finish(wait, &bounce, why));
		flags = port_lock(&sys->lock);
	}
	sys->serving = serving;
	port_unlock(&sys->lock, flags);
}

/* Take the first that has no hope out of the queue; NULL. */
static struct dma_wait *unlink_hopeless(struct dma_system *sys)
{
	unsigned long flags = port_lock(&sys->lock);
	struct dma_wait **link = &sys->waiting, *wait;
	struct bounce bounce;

	while (*link && may_pass(take(*link, true, &bounce)))
		link = &(*link)->next;
	wait = *link ? unlink_locked(sys, link) : NULL;
	port_unlock(&sys->lock, flags);
	return wait;
}

void wait_cancel(struct dma_system *sys)
{
	struct dma_wait *wait;

	while ((wait = unlink_hopeless(sys))) {
		dma_fail(wait->dev, wait->addr, wait->len, DMA_FAIL_OUT_OF_MASK, DMA_ATTR_NO_WARN);
		call_back(wait, DMA_MAPPING_ERROR);
	}
	wait_serve(sys); /* what was behind it may fit */
}

/* In the queue, or with slots, or without hope: as take() says. */
static enum dma_failure enqueue(struct dma_wait *wait, struct bounce *bounce)
{
	struct dma_system *sys = wait->dev->sys;
	unsigned long flags = port_lock(&sys->lock);
	struct dma_wait **link = sys->waiting_end;
	enum dma_failure why;

	append_locked(sys, wait);
	why = take(wait, true, bounce);
	if (may_pass(why) && link == &sys->waiting)
		why = take(wait, false, bounce);
	if (!may_pass(why))
		unlink_locked(sys, link);
	port_unlock(&sys->lock, flags);
	return why;
}

int dma_map_single_wait(struct dma_device *dev, void *ptr, size_t len, enum dma_data_direction dir,
			dma_addr_t *addr, struct dma_wait *wait,
			void (*callback)(struct dma_device *dev, dma_addr_t addr, void *arg),
			void *arg)
{
	phys_addr_t at = port_virt_to_phys(ptr);
	struct bounce bounce;
	enum dma_failure why;

	*addr = map_direct(dev, at, len);
	if (!dma_mapping_error(dev, *addr))
		return 0;
	*wait = (struct dma_wait){NULL, dev, at, len, dir, callback, arg};
	why = enqueue(wait, &bounce);
	if (may_pass(why)) {
		dma_count(&dev->count.waited, 1);
		return -EINPROGRESS;
	}
	*addr = finish(wait, &bounce, why);
	return dma_mapping_error(dev, *addr) ? -ENOMEM : 0;
}
