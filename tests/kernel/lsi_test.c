/* SPDX-License-Identifier: MIT */
/*
 * The LSI53C895A: memory moves into its RAM and out, and its disks, when
 * the chip hangs or has no interrupts. The first disks are overwritten.
 *
 * Buffers lie where place= says. After each case mappings, slots and pages are
 * as before, and no misuse was counted but what the case asked for.
 */
#include "drivers/lsi_reg.h"
#include "drivers/pci.h"
#include "kernel/io.h"
#include "kernel/log.h"
#include "kernel/string.h"
#include "kernel/time.h"
#include "tests/kernel/disk_fixture.h"

#define BUFFER_ORDER DISK_ORDER
#define BUFFER_BYTES (PAGE_SIZE << BUFFER_ORDER)
#define COPY_BYTES   1020
#define PATTERN	     0xa5

static struct disk_fixture *f;

static void begin(struct ktest *t)
{
	f = disk_fixture_begin(t, "lsi0", BUFFER_ORDER);
}

/* --- memory moves --- */

static int move(void *buf, size_t len, enum dma_data_direction dir)
{
	dma_addr_t addr = dma_map_single(&f->of.dev->dma, buf, len, dir);
	int err;

	if (dma_mapping_error(&f->of.dev->dma, addr))
		return -ENOMEM;
	err = f->of.dev->engine->transfer(f->of.dev, addr, len, dir);
	dma_unmap_single(&f->of.dev->dma, addr, len, dir);
	return err;
}

static void round_trip(struct ktest *t, size_t len, size_t from, size_t to)
{
	disk_fill(t, f->of.buf[0], 2 * PAGE_SIZE);
	memset(f->of.buf[1], PATTERN, 2 * PAGE_SIZE);
	EXPECT_EQ(t, move(f->of.buf[0] + from, len, DMA_TO_DEVICE), 0);
	EXPECT_EQ(t, move(f->of.buf[1] + to, len, DMA_FROM_DEVICE), 0);
	EXPECT(t, !memcmp(f->of.buf[0] + from, f->of.buf[1] + to, len));
	EXPECT(t, disk_all_are(f->of.buf[1], to, PATTERN));
	EXPECT(t, disk_all_are(f->of.buf[1] + to + len, 2 * PAGE_SIZE - to - len, PATTERN));
}

/* The chip wants both ends at the same place in a dword: all pairs of places. */
static void moves(struct ktest *t)
{
	for (unsigned from = 0; from < 4; from++)
		for (unsigned to = 0; to < 4; to++)
			round_trip(t, 1 + ktest_random(t, 100), 4000 + from, 4000 + to);
	round_trip(t, 1, 0, 0);
	round_trip(t, COPY_BYTES, 0, 0);
	round_trip(t, COPY_BYTES, 2049, 2050);
}

static void moves_refused(struct ktest *t)
{
	struct dma_device *dma = &f->of.dev->dma;
	const struct copy_engine *engine = f->of.dev->engine;
	dma_addr_t addr = dma_map_single(dma, f->of.buf[0], BUFFER_BYTES, DMA_BIDIRECTIONAL),
		   beyond;

	REQUIRE(t, !dma_mapping_error(dma, addr));
	beyond = dma_addr_add(addr, dma->limits.streaming_mask + 1);
	EXPECT_EQ(t, engine->transfer(f->of.dev, addr, 0, DMA_TO_DEVICE), -EINVAL);
	EXPECT_EQ(t, engine->transfer(f->of.dev, addr, COPY_BYTES + 1, DMA_TO_DEVICE), -EINVAL);
	EXPECT_EQ(t, engine->transfer(f->of.dev, addr, 8, DMA_BIDIRECTIONAL), -EINVAL);
	EXPECT_EQ(t, engine->transfer(f->of.dev, beyond, 8, DMA_TO_DEVICE), -EINVAL);
	f->of.misuse++;
	dma_unmap_single(dma, addr, BUFFER_BYTES, DMA_BIDIRECTIONAL);
}

/*
 * From its next command on the chip runs in a circle, until it is reset: it
 * waits for the signal to go to DNAD, which is made to be a jump to itself.
 */
static struct {
	uint32_t insn[2];
	dma_addr_t addr;
} circle;

static void hang(struct ktest *t)
{
	uint8_t *regs = pci_map_bar(to_pci(f->of.dev), LSI_BAR_REGISTERS, LSI_REGISTERS_SIZE);
	size_t size = sizeof(circle.insn);
	uint64_t bus;

	circle.addr = dma_map_single(&f->of.dev->dma, circle.insn, size, DMA_BIDIRECTIONAL);
	REQUIRE(t, dma_gate(&f->of.dev->dma, circle.addr, size, &bus));
	circle.insn[0] = 0x80080000; /* JUMP */
	circle.insn[1] = (uint32_t)bus;
	dma_sync_single_for_device(&f->of.dev->dma, circle.addr, size, DMA_BIDIRECTIONAL);
	writel((uint32_t)bus, regs + LSI_DNAD);
	f->of.dev->timeout_ns = 10 * NSEC_PER_MSEC;
	log_hold();
}

static void hangs_no_more(struct ktest *t)
{
	log_release(t->failed);
	dma_unmap_single(&f->of.dev->dma, circle.addr, sizeof(circle.insn), DMA_BIDIRECTIONAL);
	f->of.dev->timeout_ns = f->of.timeout_ns;
}

/* At the deadline there is a reset, and another try. */
static void move_deadline(struct ktest *t)
{
	hang(t);
	EXPECT_EQ(t, move(f->of.buf[0], 64, DMA_TO_DEVICE), 0);
	hangs_no_more(t);
	round_trip(t, 64, 0, 0);
}

/* --- its disks --- */

/* The bus is reset, all is tried again, and nobody notices. */
static void comes_through_a_reset(struct ktest *t)
{
	disk_fill(t, f->of.buf[0], DISK_MANY * PAGE_SIZE);
	for (unsigned i = 0; i < 2; i++) {
		hang(t);
		disk_many(t, i ? BLOCK_READ : BLOCK_WRITE, i);
		hangs_no_more(t);
	}
	EXPECT(t, !memcmp(f->of.buf[0], f->of.buf[1], DISK_MANY * PAGE_SIZE));
}

static int reconnect(enum pci_irq mode)
{
	struct pci_device *pci = to_pci(f->of.dev);

	return pci_connect_irq(pci, mode, pci->handler, pci->handler_arg);
}

static void without_interrupts(struct ktest *t)
{
	const struct disk_shape out = {ktest_random(t, 5000), 8192, 2, 1};
	const struct disk_shape in = {ktest_random(t, 5000), 8192, 3, 1};
	enum pci_irq was = to_pci(f->of.dev)->irq_mode;

	reconnect(PCI_IRQ_NONE);
	disk_there_and_back(t, out, in);
	round_trip(t, 77, 1, 2);
	EXPECT_EQ(t, reconnect(was), 0);
	disk_there_and_back(t, out, in);
}

static const struct ktest_case cases[] = {
	{"moves", moves},
	{"moves_refused", moves_refused},
	{"move_deadline", move_deadline},
	{"comes_through_a_reset", comes_through_a_reset},
	{"without_interrupts", without_interrupts},
	{NULL, NULL},
};

const struct ktest_suite lsi_suite = {
	.name = "lsi", .begin = begin, .end = disk_fixture_end, .cases = cases};
