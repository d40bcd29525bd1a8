/* SPDX-License-Identifier: MIT */
/*
 * The LSI53C895A: memory moves into its RAM and out, and its disks, in requests
 * of every shape. All of the first disks is overwritten.
 *
 * Buffers lie where place= says. After each case mappings, slots and pages are
 * as before, and no misuse was counted but what the case asked for.
 */
#include "drivers/block.h"
#include "drivers/lsi_reg.h"
#include "drivers/pci.h"
#include "kernel/io.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/mmu.h"
#include "kernel/string.h"
#include "kernel/time.h"
#include "tests/kernel/device_fixture.h"

#define BUFFER_ORDER 8
#define BUFFER_BYTES (PAGE_SIZE << BUFFER_ORDER)
#define COPY_BYTES   1020
#define PATTERN	     0xa5
#define ENTRIES	     128

static struct device_fixture f;
static struct block_device *disk;
static struct scatterlist list[ENTRIES];

static void begin(struct ktest *t)
{
	f.dev = NULL;
	disk = block_find("lsi0");
	if (disk)
		device_fixture_begin(t, &f, disk->queue->dev, BUFFER_ORDER);
	else
		ktest_skip(t, "no lsi device with a disk");
}

static void end(struct ktest *t)
{
	if (disk)
		EXPECT_EQ(t, disk->queue->in_flight, 0);
	device_fixture_end(t, &f);
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

/* --- memory moves --- */

static int move(void *buf, size_t len, enum dma_data_direction dir)
{
	dma_addr_t addr = dma_map_single(&f.dev->dma, buf, len, dir);
	int err;

	if (dma_mapping_error(&f.dev->dma, addr))
		return -ENOMEM;
	err = f.dev->engine->transfer(f.dev, addr, len, dir);
	dma_unmap_single(&f.dev->dma, addr, len, dir);
	return err;
}

static void round_trip(struct ktest *t, size_t len, size_t from, size_t to)
{
	fill(t, f.buf[0], 2 * PAGE_SIZE);
	memset(f.buf[1], PATTERN, 2 * PAGE_SIZE);
	EXPECT_EQ(t, move(f.buf[0] + from, len, DMA_TO_DEVICE), 0);
	EXPECT_EQ(t, move(f.buf[1] + to, len, DMA_FROM_DEVICE), 0);
	EXPECT(t, !memcmp(f.buf[0] + from, f.buf[1] + to, len));
	EXPECT(t, all_are(f.buf[1], to, PATTERN));
	EXPECT(t, all_are(f.buf[1] + to + len, 2 * PAGE_SIZE - to - len, PATTERN));
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
	struct dma_device *dma = &f.dev->dma;
	const struct copy_engine *engine = f.dev->engine;
	dma_addr_t addr = dma_map_single(dma, f.buf[0], BUFFER_BYTES, DMA_BIDIRECTIONAL), beyond;

	REQUIRE(t, !dma_mapping_error(dma, addr));
	beyond = dma_addr_add(addr, dma->limits.streaming_mask + 1);
	EXPECT_EQ(t, engine->transfer(f.dev, addr, 0, DMA_TO_DEVICE), -EINVAL);
	EXPECT_EQ(t, engine->transfer(f.dev, addr, COPY_BYTES + 1, DMA_TO_DEVICE), -EINVAL);
	EXPECT_EQ(t, engine->transfer(f.dev, addr, 8, DMA_BIDIRECTIONAL), -EINVAL);
	EXPECT_EQ(t, engine->transfer(f.dev, beyond, 8, DMA_TO_DEVICE), -EINVAL);
	f.misuse++;
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
	uint8_t *regs = pci_map_bar(to_pci(f.dev), LSI_BAR_REGISTERS, LSI_REGISTERS_SIZE);
	size_t size = sizeof(circle.insn);
	uint64_t bus;

	circle.addr = dma_map_single(&f.dev->dma, circle.insn, size, DMA_BIDIRECTIONAL);
	REQUIRE(t, dma_gate(&f.dev->dma, circle.addr, size, &bus));
	circle.insn[0] = 0x80080000; /* JUMP */
	circle.insn[1] = (uint32_t)bus;
	dma_sync_single_for_device(&f.dev->dma, circle.addr, size, DMA_BIDIRECTIONAL);
	writel((uint32_t)bus, regs + LSI_DNAD);
	f.dev->timeout_ns = 10 * NSEC_PER_MSEC;
	log_hold();
}

static void hangs_no_more(struct ktest *t)
{
	log_release(t->failed);
	dma_unmap_single(&f.dev->dma, circle.addr, sizeof(circle.insn), DMA_BIDIRECTIONAL);
	f.dev->timeout_ns = f.timeout_ns;
}

/* At the deadline there is a reset, and another try. */
static void move_deadline(struct ktest *t)
{
	hang(t);
	EXPECT_EQ(t, move(f.buf[0], 64, DMA_TO_DEVICE), 0);
	hangs_no_more(t);
	round_trip(t, 64, 0, 0);
}

/* --- disks --- */

/* `bytes` at `offset` in buffer i, in n entries of sizes that are drawn. */
static struct block_request request(struct ktest *t, unsigned i, enum block_op op, size_t offset,
				    size_t bytes, unsigned n)
{
	for (unsigned e = 0; e < n; e++) {
		size_t most = (bytes - (n - 1 - e)) / (n - e) * 2, len = bytes;

		if (e + 1 < n)
			len = 1 + ktest_random(t, most < bytes - (n - 1 - e) ? most
									     : bytes - (n - 1 - e));
		list[e] = (struct scatterlist){.addr = phys_add(f.page[i], offset), .length = len};
		offset += len;
		bytes -= len;
	}
	return (struct block_request){.disk = disk, .op = op, .sg = list, .nents = n};
}

static void expect_sectors(struct ktest *t, enum block_op op, unsigned i, uint64_t sector,
			   size_t offset, size_t bytes, unsigned entries)
{
	struct block_request r = request(t, i, op, offset, bytes, entries);

	r.sector = sector;
	r.sectors = (uint32_t)(bytes / disk->sector_size);
	EXPECT_EQ(t, block_execute(&r), 0);
}

/* Written from one place in so many entries, read to another, in as many others. */
static void there_and_back(struct ktest *t, size_t bytes, unsigned out, unsigned in)
{
	uint64_t sector = ktest_random(t, disk->sectors - bytes / disk->sector_size + 1);
	size_t from = ktest_random(t, 5000), to = ktest_random(t, 5000);

	fill(t, f.buf[0] + (from & ~7UL), bytes + 8);
	memset(f.buf[1], PATTERN, to + bytes + 16);
	expect_sectors(t, BLOCK_WRITE, 0, sector, from, bytes, out);
	expect_sectors(t, BLOCK_READ, 1, sector, to, bytes, in);
	EXPECT(t, !memcmp(f.buf[0] + from, f.buf[1] + to, bytes));
	EXPECT(t, all_are(f.buf[1], to, PATTERN));
	EXPECT(t, all_are(f.buf[1] + to + bytes, 16, PATTERN));
}

static void sizes(struct ktest *t)
{
	static const size_t bytes[] = {512, 1024, 4096, 65536, 131072, 132096, 524288, 1000448};

	if (disk->sector_size != 512) {
		ktest_skip(t, "sectors of %u bytes", disk->sector_size);
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bytes); i++)
		there_and_back(t, bytes[i], 1, 1);
}

static void scatter(struct ktest *t)
{
	static const unsigned entries[] = {1, 2, 3, 31, 32, 33, 63, 64, 65, 127, 128};

	for (unsigned i = 0; i < ARRAY_SIZE(entries); i++)
		there_and_back(t, (1 + ktest_random(t, 100)) * 4096, entries[i],
			       entries[ARRAY_SIZE(entries) - 1 - i]);
}

static void ends_of_the_disk(struct ktest *t)
{
	uint32_t size = disk->sector_size;

	fill(t, f.buf[0], 2 * size);
	expect_sectors(t, BLOCK_WRITE, 0, 0, 0, size, 1);
	expect_sectors(t, BLOCK_WRITE, 0, disk->sectors - 1, size, size, 1);
	expect_sectors(t, BLOCK_READ, 1, disk->sectors - 1, 0, size, 1);
	expect_sectors(t, BLOCK_READ, 1, 0, size, size, 1);
	EXPECT(t, !memcmp(f.buf[0], f.buf[1] + size, size));
	EXPECT(t, !memcmp(f.buf[0] + size, f.buf[1], size));
	EXPECT_EQ(t, block_flush(disk), 0);
}

#define MANY 64

static bool all_finished(void *arg)
{
	const struct block_request *r = arg;

	for (unsigned i = 0; i < MANY; i++)
		if (!r[i].finished)
			return false;
	return true;
}

/* On both disks at once, where there are two; a page each. */
static void submit_many(struct ktest *t, enum block_op op, unsigned i)
{
	static struct block_request r[MANY];
	static struct scatterlist sg[MANY];
	struct block_device *other = block_find("lsi1");

	for (unsigned n = 0; n < MANY; n++) {
		struct block_device *to = n % 2 && other ? other : disk;

		sg[n] = (struct scatterlist){.addr = phys_add(f.page[i], n * 4096), .length = 4096};
		r[n] = (struct block_request){.disk = to,
					      .op = op,
					      .sector = n * 4096 / to->sector_size,
					      .sectors = 4096 / to->sector_size,
					      .sg = &sg[n],
					      .nents = 1};
		block_submit(&r[n]);
	}
	block_wait(all_finished, r);
	for (unsigned n = 0; n < MANY; n++)
		EXPECT_EQ(t, r[n].status, 0);
}

static void many_in_flight(struct ktest *t)
{
	static const unsigned depths[] = {16, 1, 3};
	unsigned was = disk->queue->depth;

	for (unsigned i = 0; i < ARRAY_SIZE(depths); i++) {
		disk->queue->depth = depths[i] < was ? depths[i] : was;
		fill(t, f.buf[0], MANY * 4096);
		submit_many(t, BLOCK_WRITE, 0);
		submit_many(t, BLOCK_READ, 1);
		EXPECT(t, !memcmp(f.buf[0], f.buf[1], MANY * 4096));
	}
	disk->queue->depth = was;
}

static void refused(struct ktest *t)
{
	struct scatterlist sg[2] = {{.addr = f.page[0]}, {.addr = f.page[0]}};
	struct block_request r = {.disk = disk, .sectors = 1, .sg = sg, .nents = 1};

	sg[0].length = disk->sector_size;
	r.sector = disk->sectors;
	EXPECT_EQ(t, block_execute(&r), -EINVAL);
	r.sector = UINT64_MAX;
	EXPECT_EQ(t, block_execute(&r), -EINVAL);
	r.sector = 0;
	r.sectors = 0;
	EXPECT_EQ(t, block_execute(&r), -EINVAL);
	r.sectors = 2;
	EXPECT_EQ(t, block_execute(&r), -EINVAL);
	r.sectors = 1;
	r.nents = 2; /* lengths that wrap to the right sum */
	sg[0].length = 2 * disk->sector_size;
	sg[1].length = -(size_t)disk->sector_size;
	EXPECT_EQ(t, block_execute(&r), -EINVAL);
	r.nents = ENTRIES + 1;
	r.sg = list;
	EXPECT_EQ(t, block_execute(&r), -EINVAL);
	EXPECT_EQ(t, disk->queue->in_flight, 0);
}

/* The bus is reset, all is tried again, and nobody notices. */
static void comes_through_a_reset(struct ktest *t)
{
	fill(t, f.buf[0], MANY * 4096);
	hang(t);
	submit_many(t, BLOCK_WRITE, 0);
	hangs_no_more(t);
	hang(t);
	submit_many(t, BLOCK_READ, 1);
	hangs_no_more(t);
	EXPECT(t, !memcmp(f.buf[0], f.buf[1], MANY * 4096));
}

static int reconnect(enum pci_irq mode)
{
	struct pci_device *pci = to_pci(f.dev);

	return pci_connect_irq(pci, mode, pci->handler, pci->handler_arg);
}

static void without_interrupts(struct ktest *t)
{
	enum pci_irq was = to_pci(f.dev)->irq_mode;

	reconnect(PCI_IRQ_NONE);
	there_and_back(t, 8192, 2, 3);
	round_trip(t, 77, 1, 2);
	EXPECT_EQ(t, reconnect(was), 0);
	there_and_back(t, 8192, 2, 3);
}

static const struct ktest_case cases[] = {
	{"moves", moves},
	{"moves_refused", moves_refused},
	{"move_deadline", move_deadline},
	{"sizes", sizes},
	{"scatter", scatter},
	{"ends_of_the_disk", ends_of_the_disk},
	{"many_in_flight", many_in_flight},
	{"refused", refused},
	{"comes_through_a_reset", comes_through_a_reset},
	{"without_interrupts", without_interrupts},
	{NULL, NULL},
};

const struct ktest_suite lsi_suite = {.name = "lsi", .begin = begin, .end = end, .cases = cases};
