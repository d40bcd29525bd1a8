/* SPDX-License-Identifier: MIT */
/*
 * NVMe controllers that fail, or are silent, and their interrupts. The beginning of
 * the first disk is overwritten.
 *
 * Buffers lie where place= says. After each case mappings, slots and pages are as
 * before, and no misuse was counted.
 */
#include "dma/declared.h"
#include "drivers/nvme.h"
#include "drivers/pci.h"
#include "drivers/rtc.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/string.h"
#include "kernel/time.h"
#include "tests/kernel/disk_fixture.h"

#define BUFFER_ORDER DISK_ORDER

static struct disk_fixture *f;

static void begin(struct ktest *t)
{
	f = disk_fixture_begin(t, "nvme0", BUFFER_ORDER);
}

/* --- the controller's own memory --- */

static const struct dma_region *own_memory(const struct device *dev)
{
	const struct dma_region *region = machine.dma.declared;

	while (region && region->owner != &dev->dma)
		region = region->next;
	return region;
}

#define ENOUGH 8 /* pages of it: more than are asked for */

/* Bind the controller anew, before its first use with so many pages left of its memory. */
static void bind_with_left(struct ktest *t, size_t pages)
{
	struct device *dev = f->of.dev;
	struct pci_device *pci = to_pci(dev);
	const struct dma_region *region;
	void *cpu = NULL;
	size_t taken;

	dev->driver->remove(pci);
	EXPECT(t, !own_memory(dev));
	EXPECT_EQ(t, dev->driver->probe(pci), 0);
	dev->prepared = false;
	region = own_memory(dev);
	EXPECT(t, !region || !region->used); /* completions are elsewhere */
	taken = region ? region->size - pages * PAGE_SIZE : 0;
	if (region && pages < ENOUGH)
		cpu = dma_mark_declared_memory_occupied(&dev->dma, region->device, taken);
	EXPECT_EQ(t, !cpu, !region || pages >= ENOUGH);
	EXPECT_EQ(t, device_prepare(dev), 0);
	if (cpu)
		dma_free_coherent(&dev->dma, taken, cpu, region->device);
	f->disk = &((struct nvme *)dev->priv)->disk[0].block;
	string_copy(f->disk->name, sizeof(f->disk->name),
		    "nvme0"); /* and not the number that is next */
}

/* None, full, of one page, of some: what is in it is as much as there is room for. */
static void own_memory_is_short(struct ktest *t)
{
	static const unsigned pages[] = {0, 1, 3, 4, 5, ENOUGH};
	struct device *dev = f->of.dev;
	const struct dma_region *region;

	if (((struct nvme *)dev->priv)->disks != 1) {
		ktest_skip(t, "a controller with one disk is wanted");
		return;
	}
	bind_with_left(t, ENOUGH);
	device_fixture_recount(&f->of); /* its tables are as small as they begin */
	for (unsigned i = 0; i < ARRAY_SIZE(pages); i++) {
		bind_with_left(t, pages[i]);
		region = own_memory(dev);
		REQUIRE(t, dev->prepared);
		if (region)
			EXPECT_EQ(t, region->used / PAGE_SIZE, pages[i] < 4 ? pages[i] : 4);
		disk_many_there_and_back(t);
		disk_there_and_back(t, (struct disk_shape){8, 4096 * 200, 1, PAGE_SIZE},
				    (struct disk_shape){4, 4096 * 200, 1, PAGE_SIZE});
	}
}

/* Asynchronous Event Request [NVM Express 1.4, 5.2]: there is none to tell of, so no answer. */
static const struct nvme_sqe unanswered = {.opcode = 0x0c};

/* What the block layer does when the device's time is over. */
static void expire(struct block_device *which)
{
	unsigned long flags = irq_save();

	which->queue->expire(which->queue);
	irq_restore(flags);
}

/* It is begun anew. */
static void no_answer(struct ktest *t)
{
	struct nvme *nvme = f->of.dev->priv;
	struct block_request r = {
		.disk = &nvme->chip, .op = BLOCK_DRIVER, .arg = (void *)&unanswered};

	log_hold();
	block_submit(&r);
	EXPECT(t, !r.finished);
	expire(&nvme->chip);
	EXPECT(t, r.finished);
	EXPECT_EQ(t, r.status, -ETIMEDOUT);
	log_release(t->failed);
	disk_many_there_and_back(t);
}

/* A completion that the device never made, and its doorbell isn't told of. */
static void stray(struct ktest *t)
{
	struct nvme *nvme = f->of.dev->priv;
	struct nvme_ring *ring = &nvme->io.ring, was = *ring;
	struct nvme_cqe *next = (struct nvme_cqe *)&ring->cq[ring->head], old = *next;
	uint8_t *regs = nvme->regs;

	log_hold();
	nvme->regs = f->of.buf[0];
	for (unsigned id = 0; id < 0x10000; id += 0xfff) {
		*next = (struct nvme_cqe){.id = (uint16_t)id, .status = ring->phase};
		EXPECT(t, nvme_service(nvme));
		EXPECT_EQ(t, ++was.strays, ring->strays);
		*next = old;
		*ring = was;
	}
	nvme->regs = regs;
	log_release(t->failed);
	disk_many_there_and_back(t);
}

/* Its registers are no more: all in flight fails, and what is asked for later at once. */
static void gone(struct ktest *t)
{
	struct nvme *nvme = f->of.dev->priv;
	uint8_t *regs = nvme->regs, *nothing[2] = {f->of.buf[0], f->of.buf[1]};

	memset(nothing[0], 0, 2 * PAGE_SIZE);
	memset(nothing[1], 0xff, 2 * PAGE_SIZE);
	for (unsigned i = 0; i < 2; i++) {
		log_hold();
		nvme->regs = nothing[i];
		disk_submit_many(t, BLOCK_FLUSH, 0);
		expire(f->disk);
		EXPECT(t, disk_many_finished(f));
		EXPECT_EQ(t, f->many[0].status, -ENXIO);
		EXPECT_EQ(t, f->many[DISK_MANY - 1].status, -ENXIO);
		nvme->regs = regs;
		EXPECT_EQ(t, block_flush(f->disk), -ENXIO);
		log_release(t->failed);
		f->of.dev->prepared = false;
		EXPECT_EQ(t, device_prepare(f->of.dev), 0);
	}
	disk_many_there_and_back(t);
}

static bool has_answered(const struct nvme *nvme)
{
	const volatile struct nvme_cqe *next = &nvme->io.ring.cq[nvme->io.ring.head];

	return (next->status & NVME_PHASE) == nvme->io.ring.phase;
}

static bool is_finished(void *request)
{
	return ((struct block_request *)request)->finished;
}

/* QEMU's looks only when a queue is made whether there are messages. */
static void reconnect(struct ktest *t, enum pci_irq mode)
{
	struct pci_device *pci = to_pci(f->of.dev);

	EXPECT_EQ(t, pci_connect_irq(pci, mode, pci->handler, pci->handler_arg), 0);
	f->of.dev->prepared = false;
	EXPECT_EQ(t, device_prepare(f->of.dev), 0);
}

/* Who waits for one that doesn't come looks in the end. */
static void lost_interrupt(struct ktest *t)
{
	struct pci_device *pci = to_pci(f->of.dev);
	struct block_request r = {.disk = f->disk, .op = BLOCK_FLUSH};
	enum pci_irq was = pci->irq_mode;
	unsigned start = rtc_seconds();

	EXPECT_EQ(t, pci_connect_irq(pci, PCI_IRQ_NONE, pci->handler, pci->handler_arg), 0);
	pci->irq_mode = PCI_IRQ_MSI;
	log_hold();
	block_submit(&r);
	while (!has_answered(f->of.dev->priv) && rtc_seconds_since(start) < 100)
		time_sleep(NSEC_PER_MSEC);
	f->of.dev->timeout_ns = NSEC_PER_MSEC;
	block_wait(is_finished, &r);
	EXPECT_EQ(t, r.status, 0);
	log_release(t->failed);
	f->of.dev->timeout_ns = f->of.timeout_ns;
	pci->irq_mode = PCI_IRQ_NONE;
	reconnect(t, was);
}

static void interrupts(struct ktest *t)
{
	static const enum pci_irq modes[] = {PCI_IRQ_NONE, PCI_IRQ_INTX, PCI_IRQ_MSI};
	struct pci_device *pci = to_pci(f->of.dev);
	enum pci_irq was = pci->irq_mode;

	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
		reconnect(t, modes[i]);
		EXPECT_EQ(t, pci->irq_mode, modes[i]);
		disk_many_there_and_back(t);
	}
	reconnect(t, was);
}

static const struct ktest_case cases[] = {
	{"own_memory_is_short", own_memory_is_short},
	{"no_answer", no_answer},
	{"stray", stray},
	{"gone", gone},
	{"lost_interrupt", lost_interrupt},
	{"interrupts", interrupts},
	{NULL, NULL},
};

const struct ktest_suite nvme_suite = {
	.name = "nvme", .begin = begin, .end = disk_fixture_end, .cases = cases};
