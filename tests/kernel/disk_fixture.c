/* SPDX-License-Identifier: MIT */
#include "tests/kernel/disk_fixture.h"

#include "kernel/irq.h"
#include "kernel/string.h"

#define PATTERN 0xa5
#define BESIDE	16 /* bytes behind a buffer that are looked at */

struct disk_fixture *disk_fixture_begin(struct ktest *t, const char *name, unsigned order)
{
	struct disk_fixture *f = ktest_zalloc(t, sizeof(*f));
	struct block_device *disk = block_find(name);
	size_t entries;

	t->fixture = f;
	if (!f)
		return NULL;
	if (!disk) {
		ktest_skip(t, "no disk %s", name);
		return NULL;
	}
	f->disk = disk;
	entries = 1 + (disk->max_segments > DISK_ENTRIES ? disk->max_segments : DISK_ENTRIES);
	f->sg = ktest_zalloc(t, entries * sizeof(*f->sg));
	f->many = ktest_zalloc(t, DISK_MANY * sizeof(*f->many));
	if (!f->sg || !f->many)
		return NULL;
	device_fixture_begin(t, &f->of, disk->queue->dev, order);
	if (t->skip[0] && order > DISK_ORDER) {
		t->skip[0] = '\0';
		device_fixture_begin(t, &f->of, disk->queue->dev, DISK_ORDER);
	}
	return f;
}

void disk_fixture_end(struct ktest *t)
{
	struct disk_fixture *f = t->fixture;

	EXPECT(t, f->disk->queue && !f->disk->queue->in_flight);
	device_fixture_end(t, &f->of);
}

void disk_fill(struct ktest *t, uint8_t *buf, size_t len)
{
	for (size_t i = 0; i + 8 <= len; i += 8)
		*(uint64_t *)(buf + i) = ktest_random(t, UINT64_MAX);
}

bool disk_all_are(const uint8_t *buf, size_t len, uint8_t byte)
{
	while (len--)
		if (*buf++ != byte)
			return false;
	return true;
}

/* The end of an entry that begins at `at`, when `rest` more are to follow up to `end`. */
static size_t cut(struct ktest *t, size_t at, size_t end, unsigned rest, size_t unit)
{
	size_t places = (end - 1) / unit - at / unit, most = 2 * places / (rest + 1);

	if (!rest || !places)
		return end;
	if (rest > places)
		rest = (unsigned)places;
	if (most > places - rest + 1)
		most = places - rest + 1;
	return ALIGN_DOWN(at, unit) + unit * (1 + ktest_random(t, most ? most : 1));
}

int disk_transfer(struct ktest *t, enum block_op op, uint64_t sector, unsigned i,
		  struct disk_shape shape)
{
	struct disk_fixture *f = t->fixture;
	struct block_request r = {.disk = f->disk,
				  .op = op,
				  .sector = sector,
				  .sectors = (uint32_t)(shape.bytes / f->disk->sector_size),
				  .sg = f->sg};
	size_t at = shape.offset, end = shape.offset + shape.bytes, next;

	for (; at < end; at = next) {
		next = cut(t, at, end, shape.entries - r.nents - 1, shape.unit);
		f->sg[r.nents++] = (struct scatterlist){.addr = phys_add(f->of.page[i], at),
							.length = next - at};
	}
	return block_execute(&r);
}

void disk_there_and_back(struct ktest *t, struct disk_shape from, struct disk_shape to)
{
	struct disk_fixture *f = t->fixture;
	uint64_t sectors = from.bytes / f->disk->sector_size;
	uint64_t sector = ktest_random(t, f->disk->sectors - sectors + 1);
	uint8_t *out = f->of.buf[0] + from.offset, *in = f->of.buf[1];
	unsigned failures = t->failures;

	REQUIRE(t, from.offset + from.bytes + BESIDE <= PAGE_SIZE << f->of.order);
	REQUIRE(t, to.offset + to.bytes + BESIDE <= PAGE_SIZE << f->of.order);
	disk_fill(t, f->of.buf[0] + (from.offset & ~7UL), from.bytes + 8);
	memset(in, PATTERN, to.offset + to.bytes + BESIDE);
	EXPECT_EQ(t, disk_transfer(t, BLOCK_WRITE, sector, 0, from), 0);
	EXPECT_EQ(t, disk_transfer(t, BLOCK_READ, sector, 1, to), 0);
	EXPECT(t, !memcmp(out, in + to.offset, from.bytes));
	EXPECT(t, disk_all_are(in, to.offset, PATTERN));
	EXPECT(t, disk_all_are(in + to.offset + to.bytes, BESIDE, PATTERN));
	if (t->failures > failures && failures < KTEST_SHOWN)
		ktest_say("%zu bytes at %zu in %u entries, back to %zu in %u", from.bytes,
			  from.offset, from.entries, to.offset, to.entries);
}

void disk_submit_many(struct ktest *t, enum block_op op, unsigned i)
{
	struct disk_fixture *f = t->fixture;
	unsigned long flags = irq_save();

	for (unsigned n = 0; n < DISK_MANY; n++) {
		struct block_device *to = n % 2 && f->disk->next ? f->disk->next : f->disk;
		struct block_request *r = &f->many[n];

		f->sg[n] = (struct scatterlist){.addr = phys_add(f->of.page[i], n * PAGE_SIZE),
						.length = PAGE_SIZE};
		*r = (struct block_request){.disk = to, .op = op};
		if (op != BLOCK_FLUSH) {
			r->sectors = PAGE_SIZE / to->sector_size;
			r->sector = n * r->sectors;
			r->sg = &f->sg[n];
			r->nents = 1;
		}
		block_submit(r);
	}
	irq_restore(flags);
}

bool disk_many_finished(void *fixture)
{
	struct disk_fixture *f = fixture;

	for (unsigned n = 0; n < DISK_MANY; n++)
		if (!f->many[n].finished)
			return false;
	return true;
}

void disk_many(struct ktest *t, enum block_op op, unsigned i)
{
	struct disk_fixture *f = t->fixture;

	disk_submit_many(t, op, i);
	block_wait(disk_many_finished, f);
	for (unsigned n = 0; n < DISK_MANY; n++)
		EXPECT_EQ(t, f->many[n].status, 0);
}

void disk_many_there_and_back(struct ktest *t)
{
	struct disk_fixture *f = t->fixture;

	disk_fill(t, f->of.buf[0], DISK_MANY * PAGE_SIZE);
	disk_many(t, BLOCK_WRITE, 0);
	disk_many(t, BLOCK_READ, 1);
	EXPECT(t, !memcmp(f->of.buf[0], f->of.buf[1], DISK_MANY * PAGE_SIZE));
}
