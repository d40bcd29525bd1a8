/* SPDX-License-Identifier: MIT */
/*
 * The job `copy` between disks, a sample a MiB of it: drivers, requests, mappings
 * and the copies to and from the pool, which are taken out. While only the disks
 * are at work nothing counts.
 */
#include "kernel/jobs/disk.h"
#include "kernel/printf.h"
#include "tests/bench/bed.h"
#include "tests/bench/bench.h"

#define SAMPLES	   3
#define BYTES	   MIB(64) /* of a run, which begins and ends once */
#define PER_MIB(x) ((x) / (BYTES / MIB(1)))

/* What was bounced, in both directions and by all devices; the job's segments are pages. */
static uint64_t bounced(void)
{
	uint64_t bytes = 0;

	for (struct device *dev = devices; dev; dev = dev->next)
		bytes += dev->dma.count.bytes_in + dev->dma.count.bytes_out;
	return bytes;
}

static void between(const char *what, const char *from, const char *to)
{
	struct block_device *a = block_find(from), *b = block_find(to);
	struct bench_row row = {
		.name = "disk_copy", .what = what, .size = MIB(1), .piece = PAGE_SIZE};
	uint64_t ticks, before = bounced();

	bench_reset();
	for (unsigned i = 0; a && b && i < SAMPLES; i++)
		if (disk_copy(a, b, BYTES, &ticks) == 0)
			bench_note(BENCH_TAKE, PER_MIB(ticks));
	row.copies = (unsigned)(PER_MIB(bounced() - before) / SAMPLES / PAGE_SIZE);
	row.path = row.copies ? "bounced" : "direct";
	if (bench_count(BENCH_TAKE) == SAMPLES)
		bench_print(&row, BENCH_TAKE);
	else
		printf("bench: disk_copy wants disks %s and %s\n", from, to);
}

void bench_disk_copy(void)
{
	between("lsi0 to nvme0", "lsi0", "nvme0");
	between("nvme0 to lsi0", "nvme0", "lsi0");
	between("nvme0 to nvme1", "nvme0", "nvme1");
}
