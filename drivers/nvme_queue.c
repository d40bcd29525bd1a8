/* SPDX-License-Identifier: MIT */
/*
 * Commands in flight, and the controller's way up and down [NVM Express 1.4,
 * 7.6.1, 7.6.2].
 *
 * Between CC.EN and CSTS.RDY the CPU spins, up to CAP.TO; all else is waited for
 * by interrupts, or looked at now and then, as block_wait() does.
 */
#include "drivers/nvme.h"
#include "kernel/io.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/time.h"

#define POLL_NS (100 * NSEC_PER_USEC)

/* --- commands --- */

static void ring_doorbell(struct nvme *nvme, unsigned index, unsigned value)
{
	writel(value, nvme->regs + NVME_DOORBELLS + (size_t)index * nvme->capability.stride);
}

static void send(struct nvme *nvme, struct nvme_queue *q, struct nvme_slot *slot)
{
	struct nvme_sqe command;

	if (!nvme_shape(nvme, slot, &command)) {
		block_fail(nvme_take_off(nvme, slot, false), -EINVAL, "the gate refused");
		return;
	}
	nvme_ring_put(&q->ring, slot->id, &command);
	ring_doorbell(nvme, 2 * q->id, q->ring.tail);
}

/* NULL: all are in use, or there is no memory, for the request's data too. */
static struct nvme_slot *take_slot(struct nvme *nvme, struct nvme_queue *q,
				   struct block_request *request)
{
	struct nvme_slot *slot;
	unsigned id = 0;

	while (id < q->ring.entries - 1 && q->slot[id])
		id++;
	if (id == q->ring.entries - 1)
		return NULL;
	slot = kmalloc(&machine.kmem, sizeof(*slot));
	if (slot)
		*slot = (struct nvme_slot){.request = request, .id = id};
	if (slot && nvme_map(nvme, slot))
		return q->slot[id] = slot;
	kfree(&machine.kmem, slot);
	return NULL;
}

/* What there is no memory for now may have some when others are done. */
static bool start(struct block_queue *queue, struct block_request *request)
{
	struct nvme *nvme = queue->dev->priv;
	struct nvme_queue *q = (struct nvme_queue *)queue;
	struct nvme_slot *slot;

	if (nvme->state == NVME_DOWN) {
		block_fail(request, -ENXIO, "the controller is down");
		return true;
	}
	slot = take_slot(nvme, q, request);
	if (slot)
		send(nvme, q, slot);
	else if (!block_is_alone())
		return false;
	else
		block_fail(request, -ENOMEM, "it can't be mapped");
	return true;
}

static void conclude(struct nvme *nvme, struct nvme_queue *q, const struct nvme_cqe *cqe)
{
	struct nvme_slot *slot = q->slot[cqe->id];
	const char *why = nvme_status_name(cqe->status);

	if (NVME_STATUS(cqe->status) && cqe->status & NVME_DO_NOT_RETRY)
		block_fail(nvme_take_off(nvme, slot, false), -EIO, why);
	else if (NVME_STATUS(cqe->status))
		block_retry(nvme_take_off(nvme, slot, false), -EIO, why);
	else if ((slot->done += slot->part) < slot->request->sectors)
		send(nvme, q, slot);
	else
		block_complete(nvme_take_off(nvme, slot, true), 0);
}

static bool service_queue(struct nvme *nvme, struct nvme_queue *q)
{
	enum nvme_news news;
	struct nvme_cqe cqe;
	bool any = false;

	while ((news = nvme_ring_take(&q->ring, &cqe)) != NVME_NOTHING) {
		any = true;
		if (news == NVME_DONE)
			conclude(nvme, q, &cqe);
		else if (dma_worth_saying(q->ring.strays))
			log_error("%s: queue %u: command %u completed, which is not in flight; "
				  "%llu so far",
				  nvme->chip.name, q->id, cqe.id, (ull)q->ring.strays);
	}
	if (any && nvme->state != NVME_DOWN)
		ring_doorbell(nvme, 2 * q->id + 1, q->ring.head);
	block_queue_run(&q->block);
	return any;
}

bool nvme_service(void *arg)
{
	struct nvme *nvme = arg;
	bool any = nvme->state != NVME_DOWN && service_queue(nvme, &nvme->admin);

	return (nvme->state == NVME_UP && service_queue(nvme, &nvme->io)) || any;
}

/* Disks' requests are started again. */
static void release(struct nvme *nvme)
{
	nvme->io.block.held = false;
	block_queue_run(&nvme->io.block);
}

/* --- the way down --- */

/* Who isn't reads as all ones, or zeros. */
static bool is_there(const struct nvme *nvme)
{
	return NVME_CAP_MQES(readq(nvme->regs + NVME_CAP)) + 1 == nvme->capability.entries;
}

/* Within CAP.TO. False also where nobody answers. */
static bool wait_for_status(struct nvme *nvme, uint32_t mask, uint32_t want)
{
	uint64_t end = time_ns() + nvme->capability.ready_ns;

	while ((readl(nvme->regs + NVME_CSTS) & mask) != want && is_there(nvme) && time_ns() < end)
		time_spin(POLL_NS);
	return (readl(nvme->regs + NVME_CSTS) & mask) == want && is_there(nvme);
}

static bool stop(struct nvme *nvme)
{
	writel(0, nvme->regs + NVME_CC);
	return wait_for_status(nvme, NVME_CSTS_RDY, 0);
}

static void fail_all(struct nvme *nvme, struct nvme_queue *q, int err, const char *why)
{
	for (unsigned i = 0; i < q->ring.entries - 1; i++)
		if (q->ring.in_flight >> i & 1) {
			q->ring.in_flight &= ~(1ULL << i);
			block_fail(nvme_take_off(nvme, q->slot[i], false), err, why);
		}
}

/* What was in flight has failed. It is begun anew, or not. */
static void reset(struct nvme *nvme, bool again, const char *why)
{
	int err = again ? -ETIMEDOUT : -ENXIO;

	if (nvme->state == NVME_DOWN)
		return;
	nvme->io.block.held = true;
	nvme->state = NVME_STARTING;
	if (!again || !stop(nvme)) {
		pci_set_master(nvme->pci, false);
		nvme->state = NVME_DOWN;
	}
	log_warning("%s: %s; %s with %u in flight", nvme->chip.name, why,
		    nvme->state == NVME_DOWN ? "given up" : "reset",
		    nvme->admin.block.in_flight + nvme->io.block.in_flight);
	fail_all(nvme, &nvme->admin, err, why);
	fail_all(nvme, &nvme->io, err, why);
	if (nvme->state == NVME_STARTING)
		nvme_begin(nvme);
	else
		release(nvme);
}

static void expire(struct block_queue *queue)
{
	struct nvme *nvme = queue->dev->priv;
	uint32_t status = readl(nvme->regs + NVME_CSTS);

	if (!is_there(nvme))
		reset(nvme, false, "nobody answers");
	else
		reset(nvme, nvme->state == NVME_UP,
		      status & NVME_CSTS_CFS ? "it failed" : "no answer in time");
}

void nvme_end(struct nvme *nvme)
{
	if (nvme->state == NVME_DOWN)
		return;
	nvme->state = NVME_DOWN;
	writel(readl(nvme->regs + NVME_CC) | NVME_CC_SHN_NORMAL, nvme->regs + NVME_CC);
	if (!wait_for_status(nvme, NVME_CSTS_SHST_MASK, NVME_CSTS_SHST_DONE) || !stop(nvme))
		log_warning("%s: it doesn't shut down", nvme->chip.name);
}

/* --- the way up --- */

static void made(struct block_request *request);

/* A disks' queue; one of each kind any controller has, so nobody is asked. */
static void make(struct nvme *nvme, enum nvme_admin_opcode what)
{
	bool cq = what == NVME_CREATE_CQ;

	nvme->making = (struct nvme_sqe){
		.opcode = what,
		.prp1 = nvme->memory[cq ? NVME_IO_CQ : NVME_IO_SQ].bus,
		.dword10 = (nvme->io.ring.entries - 1) << 16 | nvme->io.id,
		/* Whether its interrupts are heard is PCI's; else, where completions go. */
		.dword11 = NVME_QUEUE_CONTIGUOUS | (cq ? NVME_QUEUE_INTERRUPTS : nvme->io.id << 16),
	};
	nvme->maker = (struct block_request){
		.disk = &nvme->chip, .op = BLOCK_DRIVER, .done = made, .arg = &nvme->making};
	block_submit(&nvme->maker);
}

static void made(struct block_request *request)
{
	struct nvme *nvme = request->disk->queue->dev->priv;

	if (request->status) {
		reset(nvme, false, "its queues can't be made");
	} else if (nvme->making.opcode == NVME_CREATE_CQ) {
		make(nvme, NVME_CREATE_SQ);
	} else {
		nvme->state = NVME_UP;
		release(nvme);
	}
}

void nvme_begin(struct nvme *nvme)
{
	struct nvme_memory *memory = nvme->memory;
	unsigned last = nvme->admin.ring.entries - 1;
	unsigned long flags = irq_save();
	bool stopped = stop(nvme);

	nvme->state = NVME_STARTING;
	nvme->io.block.held = true;
	nvme_ring_init(&nvme->admin.ring, memory[NVME_SQ].cpu, memory[NVME_CQ].cpu, last + 1);
	nvme_ring_init(&nvme->io.ring, memory[NVME_IO_SQ].cpu, memory[NVME_IO_CQ].cpu, last + 1);
	pci_set_master(nvme->pci, true);
	writel(last << 16 | last, nvme->regs + NVME_AQA);
	writeq(memory[NVME_SQ].bus, nvme->regs + NVME_ASQ);
	writeq(memory[NVME_CQ].bus, nvme->regs + NVME_ACQ);
	writel(NVME_CC_EN | NVME_CC_IOSQES | NVME_CC_IOCQES, nvme->regs + NVME_CC);
	if (stopped && wait_for_status(nvme, NVME_CSTS_RDY, NVME_CSTS_RDY))
		make(nvme, NVME_CREATE_CQ);
	else
		reset(nvme, false, stopped ? "it doesn't get ready" : "it doesn't stop");
	irq_restore(flags);
}

void nvme_queue_init(struct nvme *nvme, struct nvme_queue *queue)
{
	queue->ring.entries =
		nvme->capability.entries < NVME_ENTRIES ? nvme->capability.entries : NVME_ENTRIES;
	queue->block.dev = &nvme->pci->dev;
	queue->block.depth = queue->ring.entries - 1;
	queue->block.start = start;
	queue->block.expire = expire;
	block_queue_init(&queue->block);
}
