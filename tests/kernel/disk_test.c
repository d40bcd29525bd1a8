/* SPDX-License-Identifier: MIT */
/*
 * Disks, in requests of every shape: the same cases once for each driver's first
 * disk, as a suite that is named for it. All of the disk is overwritten.
 *
 * Buffers lie where place= says. After each case mappings, slots and pages are
 * as before, and no misuse was counted.
 */
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/string.h"
#include "tests/kernel/disk_fixture.h"

#define BUFFER_ORDER 10

static struct disk_fixture *f;

static void begin_lsi(struct ktest *t)
{
	f = disk_fixture_begin(t, "lsi0", BUFFER_ORDER);
}

static void begin_nvme(struct ktest *t)
{
	f = disk_fixture_begin(t, "nvme0", BUFFER_ORDER);
}

/* Of each buffer. */
static size_t pages(void)
{
	return (size_t)1 << f->of.order;
}

/* Somewhere in the first pages: at any byte, or at any dword. */
static size_t anywhere(struct ktest *t)
{
	return ktest_random(t, 5000);
}

static size_t at_a_dword(struct ktest *t)
{
	return 4 * ktest_random(t, 1000);
}

static void in_one_piece(struct ktest *t, size_t bytes, size_t from, size_t to)
{
	disk_there_and_back(t, (struct disk_shape){from, bytes, 1, 1},
			    (struct disk_shape){to, bytes, 1, 1});
}

/* Of less than a page, of one, of two, of a list of them, of several commands, and all it takes. */
static void sizes(struct ktest *t)
{
	static const size_t bytes[] = {512,	   1024,       4096,	4096 * 2,   4096 * 3,
				       65536,	   4096 * 31,  131072,	132096,	    4096 * 127,
				       4096 * 128, 4096 * 129, 1000448, 4096 * 513, 4096 * 1023};
	size_t room = pages() * PAGE_SIZE;
	const struct disk_shape all = {0, room, 1, 1};
	size_t sector = f->disk->sector_size;

	for (unsigned i = 0; i < ARRAY_SIZE(bytes); i++) {
		size_t aligned = ALIGN_DOWN(bytes[i], PAGE_SIZE);

		in_one_piece(t, sector, 4096 - 4 * i, 4095 - i);
		if (bytes[i] % sector || bytes[i] + PAGE_SIZE > room)
			continue;
		in_one_piece(t, bytes[i], 0, 0);
		if (bytes[i] + 3 * PAGE_SIZE > room)
			continue;
		in_one_piece(t, bytes[i], anywhere(t), anywhere(t));
		if (aligned)
			in_one_piece(t, aligned - PAGE_SIZE + sector, at_a_dword(t), at_a_dword(t));
	}
	disk_fill(t, f->of.buf[0], room);
	EXPECT_EQ(t, disk_transfer(t, BLOCK_WRITE, 0, 0, all), 0);
	EXPECT_EQ(t, disk_transfer(t, BLOCK_READ, 0, 1, all), 0);
	EXPECT(t, !memcmp(f->of.buf[0], f->of.buf[1], room));
}

/* Many pieces: cut at pages, and at any bytes, which may have to be gathered. */
static void scatter(struct ktest *t)
{
	static const unsigned pieces[] = {1, 2, 3, 31, 32, 33, 63, 64, 65, 127, DISK_ENTRIES};

	for (unsigned i = 0; i < ARRAY_SIZE(pieces); i++) {
		unsigned out = pieces[i], in = pieces[ARRAY_SIZE(pieces) - 1 - i];
		size_t bytes =
			PAGE_SIZE * (DISK_ENTRIES + ktest_random(t, pages() - DISK_ENTRIES - 2));

		disk_there_and_back(t, (struct disk_shape){at_a_dword(t), bytes, out, PAGE_SIZE},
				    (struct disk_shape){at_a_dword(t), bytes, out, PAGE_SIZE});
		bytes = PAGE_SIZE * (1 + ktest_random(t, pages() / 2));
		disk_there_and_back(t, (struct disk_shape){anywhere(t), bytes, out, 1},
				    (struct disk_shape){anywhere(t), bytes, in, 1});
	}
}

/* Pieces that don't follow each other: commands have many, and begin and end within one. */
static void shuffled(struct ktest *t)
{
	const size_t piece = (pages() / DISK_ENTRIES - 1) * PAGE_SIZE, bytes = DISK_ENTRIES * piece;
	struct block_request r = {.disk = f->disk,
				  .op = BLOCK_WRITE,
				  .sectors = (uint32_t)(bytes / f->disk->sector_size),
				  .sg = f->sg,
				  .nents = DISK_ENTRIES};

	disk_fill(t, f->of.buf[0], bytes);
	for (unsigned i = 0; i < DISK_ENTRIES; i++)
		f->sg[i] = (struct scatterlist){
			.addr = phys_add(f->of.page[0], i * 37 % DISK_ENTRIES * piece),
			.length = piece};
	EXPECT_EQ(t, block_execute(&r), 0);
	EXPECT_EQ(t, disk_transfer(t, BLOCK_READ, 0, 1, (struct disk_shape){0, bytes, 1, 1}), 0);
	for (unsigned i = 0; i < DISK_ENTRIES; i++)
		EXPECT(t, !memcmp(f->of.buf[0] + i * 37 % DISK_ENTRIES * piece,
				  f->of.buf[1] + i * piece, piece));
}

/* Forced to bounce it keeps each buffer's place in its page, where the chip needs that. */
static void bounced(struct ktest *t)
{
	struct dma_device *dma = &f->of.dev->dma;
	bool was = dma->slow & DMA_SLOW_FORCE;
	uint64_t before = dma->count.bytes_in;

	if (!machine.pool.slots) {
		ktest_skip(t, "no pool");
		return;
	}
	dma_set_force(dma, true);
	for (unsigned n = 1; n < DISK_ENTRIES; n += 9)
		disk_there_and_back(
			t, (struct disk_shape){at_a_dword(t), PAGE_SIZE * (n + 1), n, PAGE_SIZE},
			(struct disk_shape){at_a_dword(t), PAGE_SIZE * (n + 1), n, PAGE_SIZE});
	dma_set_force(dma, was);
	EXPECT(t, dma->count.bytes_in > before);
}

static void ends_of_the_disk(struct ktest *t)
{
	uint32_t size = f->disk->sector_size;
	const struct disk_shape first = {0, size, 1, 1}, second = {size, size, 1, 1};
	uint64_t last = f->disk->sectors - 1;

	disk_fill(t, f->of.buf[0], 2 * size);
	EXPECT_EQ(t, disk_transfer(t, BLOCK_WRITE, 0, 0, first), 0);
	EXPECT_EQ(t, disk_transfer(t, BLOCK_WRITE, last, 0, second), 0);
	EXPECT_EQ(t, disk_transfer(t, BLOCK_READ, last, 1, first), 0);
	EXPECT_EQ(t, disk_transfer(t, BLOCK_READ, 0, 1, second), 0);
	EXPECT(t, !memcmp(f->of.buf[0], f->of.buf[1] + size, size));
	EXPECT(t, !memcmp(f->of.buf[0] + size, f->of.buf[1], size));
	EXPECT_EQ(t, block_flush(f->disk), 0);
}

/* What the disk itself refuses, when it isn't refused before. */
static void beyond_the_end(struct ktest *t)
{
	const struct disk_shape one = {0, f->disk->sector_size, 1, 1};
	uint64_t end = f->disk->sectors;

	EXPECT_EQ(t, disk_transfer(t, BLOCK_READ, end - 1, 0, one), 0);
	f->disk->sectors++;
	log_hold();
	EXPECT_EQ(t, disk_transfer(t, BLOCK_READ, end, 0, one), -EIO);
	log_release(t->failed);
	f->disk->sectors--;
	EXPECT_EQ(t, disk_transfer(t, BLOCK_READ, end - 1, 0, one), 0);
}

/* As many in flight as there may be, and no more. */
static void depths(struct ktest *t)
{
	struct block_queue *queue = f->disk->queue;
	unsigned was = queue->depth;

	for (unsigned depth = was; depth; depth /= 2) {
		queue->depth = depth;
		queue->most = 0;
		disk_many_there_and_back(t);
		EXPECT_EQ(t, queue->most, depth);
	}
	queue->depth = was;
	EXPECT_EQ(t, block_flush(f->disk), 0);
}

static void refused(struct ktest *t)
{
	uint32_t size = f->disk->sector_size;
	const struct {
		enum block_op op;
		uint64_t sector;
		uint32_t sectors;
		unsigned nents;
		size_t length[2];
	} table[] = {
		{BLOCK_READ, f->disk->sectors, 1, 1, {size}},
		{BLOCK_READ, UINT64_MAX, 1, 1, {size}},
		{BLOCK_READ, 0, 0, 1, {size}},
		{BLOCK_READ, 0, 2, 1, {size}},
		{BLOCK_READ, 0, 1, 2, {2 * size, -(size_t)size}}, /* they wrap to the right sum */
		{BLOCK_READ, 0, 1, 2, {size, 0}},
		{BLOCK_READ, 0, 1, f->disk->max_segments + 1, {size}},
		{BLOCK_FLUSH, 0, 0, 1, {size}},
	};
	struct block_request r = {.disk = f->disk, .sg = f->sg};

	for (unsigned i = 0; i < ARRAY_SIZE(table); i++) {
		for (unsigned e = 0; e < 2; e++)
			f->sg[e] = (struct scatterlist){.addr = f->of.page[0],
							.length = table[i].length[e]};
		r.op = table[i].op;
		r.sector = table[i].sector;
		r.sectors = table[i].sectors;
		r.nents = table[i].nents;
		if (block_execute(&r) != -EINVAL)
			ktest_fail(t, __FILE__, __LINE__, "row %u: %d", i, r.status);
	}
	EXPECT_EQ(t, f->disk->queue->in_flight, 0);
}

static const struct ktest_case cases[] = {
	{"sizes", sizes},
	{"scatter", scatter},
	{"shuffled", shuffled},
	{"bounced", bounced},
	{"ends_of_the_disk", ends_of_the_disk},
	{"beyond_the_end", beyond_the_end},
	{"depths", depths},
	{"refused", refused},
	{NULL, NULL},
};

const struct ktest_suite disk_lsi_suite = {"disk_lsi", begin_lsi, disk_fixture_end, cases};
const struct ktest_suite disk_nvme_suite = {"disk_nvme", begin_nvme, disk_fixture_end, cases};
