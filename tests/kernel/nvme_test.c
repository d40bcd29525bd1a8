/* SPDX-License-Identifier: MIT */
/*
 * NVMe disks, in requests of every shape, and controllers that fail. The beginning
 * of the first disk is overwritten.
 *
 * Buffers lie where place= says. After each case mappings, slots and pages are as
 * before, and no misuse was counted.
 */
#include "drivers/block.h"
#include "drivers/nvme.h"
#include "drivers/pci.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/string.h"
#include "kernel/time.h"
#include "tests/arena.h"
#include "tests/kernel/device_fixture.h"

#define BUFFER_ORDER 10
#define BUFFER_BYTES (PAGE_SIZE << BUFFER_ORDER)
#define ENTRIES	     128
#define MANY	     80
#define PATTERN	     0xa5

static struct device_fixture f;
static struct block_device *disk;

static struct {
	struct scatterlist sg[MANY > ENTRIES ? MANY : ENTRIES];
	struct block_request many[MANY];
} * l; /* in the arena */

static struct arena arena;

static void begin(struct ktest *t)
{
	f.dev = NULL;
	disk = block_find("nvme0");
	if (!disk) {
		ktest_skip(t, "no nvme device with a disk");
	} else if (!arena_get(&arena, 0, sizeof(*l), PAGE_SIZE)) {
		disk = NULL;
		ktest_skip(t, "no memory for lists");
	} else {
		l = port_phys_to_virt(arena.base);
		device_fixture_begin(t, &f, disk->queue->dev, BUFFER_ORDER);
	}
}

static void end(struct ktest *t)
{
	if (!disk)
		return;
	EXPECT_EQ(t, disk->queue->in_flight, 0);
	device_fixture_end(t, &f);
	arena_put(&arena);
}

static void fill(struct ktest *t, uint8_t *buf, size_t len)
{
	for (size_t i = 0; i + 8 <= len; i += 8)
		*(uint64_t *)(buf + i) = ktest_random(t, UINT64_MAX);
}

static bool all_are(const uint8_t *buf, size_t len, uint8_t byte)
{
	while (len--)
		if (*buf++ != byte)
			return false;
	return true;
}

/* --- requests --- */

/* `bytes` at `offset` in buffer i, in n pieces, cut at multiples of `unit` within the buffer. */
static int transfer(struct ktest *t, enum block_op op, unsigned i, size_t offset, size_t bytes,
		    unsigned n, size_t unit)
{
	struct block_request r = {.disk = disk,
				  .op = op,
				  .sectors = (uint32_t)(bytes / disk->sector_size),
				  .sg = l->sg};
	size_t at = offset, end = offset + bytes;

	while (at < end) {
		size_t left = (end - at) / unit, cut = end;

		if (++r.nents < n && left > n - r.nents)
			cut = ALIGN_DOWN(at, unit) + unit +
			      ktest_random(t, left / (n - r.nents)) * unit;
		cut = cut < end ? cut : end;
		l->sg[r.nents - 1] =
			(struct scatterlist){.addr = phys_add(f.page[i], at), .length = cut - at};
		at = cut;
	}
	return block_execute(&r);
}

/* Written from one place, read to another, in as many pieces. Nothing is touched beside. */
static void there_and_back(struct ktest *t, size_t bytes, size_t from, size_t to, unsigned n,
			   size_t unit)
{
	fill(t, f.buf[0] + (from & ~7UL), bytes + 8);
	memset(f.buf[1], PATTERN, to + bytes + 16);
	EXPECT_EQ(t, transfer(t, BLOCK_WRITE, 0, from, bytes, n, unit), 0);
	EXPECT_EQ(t, transfer(t, BLOCK_READ, 1, to, bytes, n, unit), 0);
	EXPECT(t, !memcmp(f.buf[0] + from, f.buf[1] + to, bytes));
	EXPECT(t, all_are(f.buf[1], to, PATTERN));
	EXPECT(t, all_are(f.buf[1] + to + bytes, 16, PATTERN));
}

/* One piece: of no page, of one, of two, of a list, of several commands. */
static void sizes(struct ktest *t)
{
	static const size_t bytes[] = {4096,	   4096 * 2,   4096 * 3,
				       4096 * 31,  4096 * 127, 4096 * 128,
				       4096 * 129, 4096 * 513, BUFFER_BYTES - 4096};

	for (unsigned i = 0; i < ARRAY_SIZE(bytes); i++) {
		there_and_back(t, bytes[i], 0, 0, 1, PAGE_SIZE);
		there_and_back(t, bytes[i] - 4096 + disk->sector_size, 4 * ktest_random(t, 1000),
			       4 * ktest_random(t, 1000), 1, PAGE_SIZE);
		there_and_back(t, disk->sector_size, 4096 - 4 * i, 4095 - i, 1, PAGE_SIZE);
	}
	fill(t, f.buf[0], BUFFER_BYTES);
	EXPECT_EQ(t, transfer(t, BLOCK_WRITE, 0, 0, BUFFER_BYTES, 1, PAGE_SIZE), 0);
	EXPECT_EQ(t, transfer(t, BLOCK_READ, 1, 0, BUFFER_BYTES, 1, PAGE_SIZE), 0);
	EXPECT(t, !memcmp(f.buf[0], f.buf[1], BUFFER_BYTES));
}

/* Many pieces: in pages, and in what has to be gathered into pages. */
static void scatter(struct ktest *t)
{
	static const unsigned pieces[] = {2, 3, 31, 32, 33, 64, 127, ENTRIES};

	for (unsigned i = 0; i < ARRAY_SIZE(pieces); i++) {
		size_t bytes = 4096 * (pieces[i] + ktest_random(t, 700));

		there_and_back(t, bytes, 4 * ktest_random(t, 1000), 4 * ktest_random(t, 1000),
			       pieces[i], PAGE_SIZE);
		there_and_back(t, 4096 * (1 + ktest_random(t, 300)), ktest_random(t, 5000),
			       ktest_random(t, 5000), pieces[i], 1);
	}
}

/* Pieces that don't follow each other: commands have many, and begin and end within one. */
static void shuffled(struct ktest *t)
{
	const size_t piece = 7 * PAGE_SIZE, bytes = ENTRIES * piece;
	struct block_request r = {.disk = disk,
				  .op = BLOCK_WRITE,
				  .sectors = (uint32_t)(bytes / disk->sector_size),
				  .sg = l->sg,
				  .nents = ENTRIES};

	fill(t, f.buf[0], bytes);
	for (unsigned i = 0; i < ENTRIES; i++)
		l->sg[i] = (struct scatterlist){
			.addr = phys_add(f.page[0], i * 37 % ENTRIES * piece), .length = piece};
	EXPECT_EQ(t, block_execute(&r), 0);
	EXPECT_EQ(t, transfer(t, BLOCK_READ, 1, 0, bytes, 1, PAGE_SIZE), 0);
	for (unsigned i = 0; i < ENTRIES; i++)
		EXPECT(t,
		       !memcmp(f.buf[0] + i * 37 % ENTRIES * piece, f.buf[1] + i * piece, piece));
}

/* Forced to bounce it keeps each buffer's place in its page, or the PRPs would be wrong. */
static void bounced(struct ktest *t)
{
	uint64_t before = f.dev->dma.count.bytes_in;

	if (!machine.pool.slots) {
		ktest_skip(t, "no pool");
		return;
	}
	dma_set_force(&f.dev->dma, true);
	for (unsigned n = 1; n < ENTRIES; n += 9)
		there_and_back(t, 4096 * (n + 1), 4 * ktest_random(t, 1000),
			       4 * ktest_random(t, 1000), n, PAGE_SIZE);
	dma_set_force(&f.dev->dma, false);
	EXPECT(t, f.dev->dma.count.bytes_in > before);
}

static bool all_finished(void *arg)
{
	for (unsigned n = 0; n < MANY; n++)
		if (!l->many[n].finished)
			return false;
	return true;
}

/* A page of the buffer each, or flushes. Nobody hears of one before all are submitted. */
static void submit_all(enum block_op op, phys_addr_t buffer)
{
	unsigned long flags = irq_save();

	for (unsigned n = 0; n < MANY; n++) {
		l->sg[n] = (struct scatterlist){.addr = phys_add(buffer, n * 4096), .length = 4096};
		l->many[n] = (struct block_request){.disk = disk, .op = op};
		if (op != BLOCK_FLUSH) {
			l->many[n].sectors = 4096 / disk->sector_size;
			l->many[n].sector = n * l->many[n].sectors;
			l->many[n].sg = &l->sg[n];
			l->many[n].nents = 1;
		}
		block_submit(&l->many[n]);
	}
	irq_restore(flags);
}

static void many_there_and_back(struct ktest *t)
{
	fill(t, f.buf[0], MANY * 4096);
	submit_all(BLOCK_WRITE, f.page[0]);
	block_wait(all_finished, NULL);
	submit_all(BLOCK_READ, f.page[1]);
	block_wait(all_finished, NULL);
	for (unsigned n = 0; n < MANY; n++)
		EXPECT_EQ(t, l->many[n].status, 0);
	EXPECT(t, !memcmp(f.buf[0], f.buf[1], MANY * 4096));
}

static void depths(struct ktest *t)
{
	unsigned was = disk->queue->depth;

	for (unsigned depth = was; depth; depth /= 3) {
		disk->queue->depth = depth;
		disk->queue->most = 0;
		many_there_and_back(t);
		EXPECT_EQ(t, disk->queue->most, depth);
	}
	disk->queue->depth = was;
	EXPECT_EQ(t, block_flush(disk), 0);
}

/* What the disk itself refuses. */
static void beyond_the_end(struct ktest *t)
{
	struct scatterlist sg = {.addr = f.page[0], .length = disk->sector_size};
	struct block_request r = {.disk = disk,
				  .op = BLOCK_READ,
				  .sector = disk->sectors - 1,
				  .sectors = 1,
				  .sg = &sg,
				  .nents = 1};

	EXPECT_EQ(t, block_execute(&r), 0);
	EXPECT_EQ(t, block_execute(&r), 0);
	disk->sectors++;
	r.sector++;
	log_hold();
	EXPECT_EQ(t, block_execute(&r), -EIO);
	log_release(t->failed);
	disk->sectors--;
}

/* --- controllers that fail --- */

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
	struct nvme *nvme = f.dev->priv;
	struct block_request r = {
		.disk = &nvme->chip, .op = BLOCK_DRIVER, .arg = (void *)&unanswered};

	log_hold();
	block_submit(&r);
	EXPECT(t, !r.finished);
	expire(&nvme->chip);
	EXPECT(t, r.finished);
	EXPECT_EQ(t, r.status, -ETIMEDOUT);
	log_release(t->failed);
	many_there_and_back(t);
}

/* A completion that the device never made, and its doorbell isn't told of. */
static void stray(struct ktest *t)
{
	struct nvme *nvme = f.dev->priv;
	struct nvme_ring *ring = &nvme->io.ring, was = *ring;
	struct nvme_cqe *next = (struct nvme_cqe *)&ring->cq[ring->head], old = *next;
	uint8_t *regs = nvme->regs;

	log_hold();
	nvme->regs = f.buf[0];
	for (unsigned id = 0; id < 0x10000; id += 0xfff) {
		*next = (struct nvme_cqe){.id = (uint16_t)id, .status = ring->phase};
		EXPECT(t, nvme_service(nvme));
		EXPECT_EQ(t, ++was.strays, ring->strays);
		*next = old;
		*ring = was;
	}
	nvme->regs = regs;
	log_release(t->failed);
	many_there_and_back(t);
}

/* Its registers are no more: all in flight fails, and what is asked for later at once. */
static void gone(struct ktest *t)
{
	struct nvme *nvme = f.dev->priv;
	uint8_t *regs = nvme->regs, *nothing[2] = {f.buf[0], f.buf[1]};

	memset(nothing[0], 0, 2 * PAGE_SIZE);
	memset(nothing[1], 0xff, 2 * PAGE_SIZE);
	for (unsigned i = 0; i < 2; i++) {
		log_hold();
		nvme->regs = nothing[i];
		submit_all(BLOCK_FLUSH, PHYS_NONE);
		expire(disk);
		EXPECT(t, all_finished(NULL));
		EXPECT_EQ(t, l->many[0].status, -ENXIO);
		EXPECT_EQ(t, l->many[MANY - 1].status, -ENXIO);
		nvme->regs = regs;
		EXPECT_EQ(t, block_flush(disk), -ENXIO);
		log_release(t->failed);
		f.dev->prepared = false;
		EXPECT_EQ(t, device_prepare(f.dev), 0);
	}
	many_there_and_back(t);
}

/* Who waits for one that doesn't come looks in the end. */
static void lost_interrupt(struct ktest *t)
{
	struct pci_device *pci = to_pci(f.dev);
	enum pci_irq was = pci->irq_mode;

	EXPECT_EQ(t, pci_connect_irq(pci, PCI_IRQ_NONE, pci->handler, pci->handler_arg), 0);
	pci->irq_mode = PCI_IRQ_MSI;
	log_hold();
	f.dev->timeout_ns = 1500 * NSEC_PER_MSEC; /* or the flush itself might take as long */
	EXPECT_EQ(t, block_flush(disk), 0);
	log_release(t->failed);
	f.dev->timeout_ns = f.timeout_ns;
	pci->irq_mode = PCI_IRQ_NONE;
	EXPECT_EQ(t, pci_connect_irq(pci, was, pci->handler, pci->handler_arg), 0);
}

static void interrupts(struct ktest *t)
{
	static const enum pci_irq modes[] = {PCI_IRQ_NONE, PCI_IRQ_INTX, PCI_IRQ_MSI};
	struct pci_device *pci = to_pci(f.dev);
	enum pci_irq was = pci->irq_mode;

	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
		EXPECT_EQ(t, pci_connect_irq(pci, modes[i], pci->handler, pci->handler_arg), 0);
		EXPECT_EQ(t, pci->irq_mode, modes[i]);
		many_there_and_back(t);
	}
	EXPECT_EQ(t, pci_connect_irq(pci, was, pci->handler, pci->handler_arg), 0);
}

static const struct ktest_case cases[] = {
	{"sizes", sizes},
	{"scatter", scatter},
	{"shuffled", shuffled},
	{"bounced", bounced},
	{"depths", depths},
	{"beyond_the_end", beyond_the_end},
	{"no_answer", no_answer},
	{"stray", stray},
	{"gone", gone},
	{"lost_interrupt", lost_interrupt},
	{"interrupts", interrupts},
	{NULL, NULL},
};

const struct ktest_suite nvme_suite = {.name = "nvme", .begin = begin, .end = end, .cases = cases};
