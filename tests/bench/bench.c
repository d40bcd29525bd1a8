/* SPDX-License-Identifier: MIT */
#include "tests/bench/bench.h"

#include "drivers/device.h"
#include "kernel/machine.h"
#include "kernel/printf.h"
#include "kernel/string.h"
#include "kernel/time.h"
#include "mm/errno.h"
#include "tests/bench/bed.h"

static const struct bench {
	const char *name, *help;
	void (*run)(void);
} benches[] = {
	{"boot", "from the kernel's first line to here", bench_boot},
	{"copy", "the bare copy, by size", bench_copy},
	{"map_unmap", "map, unmap, and both as one; by size, direction, path", bench_map_unmap},
	{"fill", "the same and refusals in a pool that others fill", bench_fill},
	{"worst", "the dearest single map, at any fill", bench_worst},
	{"aligned", "with min_align_mask, with a boundary", bench_aligned},
	{"refusal", "what no pool could serve", bench_refusal},
	{"largest", "one mapping of the whole pool", bench_largest},
	{"ring", "256 mappings in flight, the oldest replaced by a new one", bench_ring},
	{"sync", "sync of a bounced mapping, where it copies and where not", bench_sync},
	{"gate", "the number for a register", bench_gate},
	{"sg", "lists of 16 pieces of 4 KiB", bench_sg},
	{"pages", "the page allocator, by order, in three states", bench_pages},
	{"coherent", "coherent memory, in the same states", bench_coherent},
	{"pool", "blocks of 64 bytes: one at a time, and 256 in flight", bench_pool},
	{"kmalloc", "small objects", bench_kmalloc},
	{"disk_copy", "a MiB of a disk to another, many requests in flight", bench_disk_copy},
	{"metadata", "bits that are kept beside each slot and page", bench_metadata},
};

#define SCRATCH_ORDER 8 /* holds what follows: */
#define BARE_MOST     KIB(256)

static struct {
	uint64_t sample[BENCH_SERIES][BENCH_SAMPLES];
	char source[BARE_MOST], copy[BARE_MOST]; /* for the bare copy */
	struct bed bed;
} * scratch;
_Static_assert(sizeof(*scratch) <= PAGE_SIZE << SCRATCH_ORDER, "");

static size_t counts[BENCH_SERIES];
uint64_t bench_empty;
static uint64_t started; /* when bench_run() was called */

void bench_reset(void)
{
	memset(counts, 0, sizeof(counts));
}

size_t bench_count(enum bench_series series)
{
	return counts[series];
}

void bench_note(enum bench_series series, uint64_t ticks)
{
	if (counts[series] < BENCH_SAMPLES)
		scratch->sample[series][counts[series]++] = ticks;
}

size_t bench_samples(size_t size)
{
	if (size > KIB(64))
		return BENCH_SAMPLES / 100;
	return size > KIB(4) ? BENCH_SAMPLES / 20 : BENCH_SAMPLES;
}

/* Shell sort, gaps by Ciura: small, and quick enough for some thousands. */
static void sort(uint64_t *value, size_t count)
{
	static const unsigned short gaps[] = {701, 301, 132, 57, 23, 10, 4, 1};

	for (size_t g = 0; g < ARRAY_SIZE(gaps); g++) {
		for (size_t i = gaps[g]; i < count; i++) {
			uint64_t one = value[i];
			size_t j = i;

			for (; j >= gaps[g] && value[j - gaps[g]] > one; j -= gaps[g])
				value[j] = value[j - gaps[g]];
			value[j] = one;
		}
	}
}

/* The least that it takes to copy, or to zero, so many bytes. */
static uint64_t bare_copy(size_t size)
{
	uint64_t ticks, least = UINT64_MAX;

	for (int i = 0; i < 3; i++) {
		BENCH_TIME(ticks, memcpy(scratch->copy, scratch->source, size));
		least = ticks < least ? ticks : least;
	}
	return least;
}

static uint64_t bare_zeroing(size_t size)
{
	uint64_t ticks, least = UINT64_MAX;

	for (int i = 0; i < 3; i++) {
		BENCH_TIME(ticks, memset(scratch->copy, 0, size));
		least = ticks < least ? ticks : least;
	}
	return least;
}

static void print_text(const char *key, const char *value)
{
	printf(value ? "\"%s\": \"%s\", " : "\"%s\": null, ", key, value);
}

static void print_number(const char *key, uint64_t value, bool known)
{
	printf(known ? "\"%s\": %llu, " : "\"%s\": null, ", key, (ull)value);
}

static void print_keys(const struct bench_row *row)
{
	const struct bed *bed = row->bed;

	print_text("name", row->name);
	print_text("case", row->what);
	print_number("size", row->size, row->size);
	print_text("dir", row->dir);
	print_text("path", row->path);
	print_number("fill", bed ? bed->fill : 0, bed && bed->fill != BED_ANY_FILL);
	print_text("pattern", bed ? bed->pattern : row->pattern);
	print_text("cache", row->cache);
	print_number("pool_mib", bed ? bed->pool.slots * SWIOTLB_SLOT >> 20 : 0, bed);
	print_number("mem_gib", (memmap_bytes(&machine.memmap, 0) + GIB(1) - 1) >> 30, true);
}

/* To a tenth. */
static void print_tenths(const char *key, int64_t tenths)
{
	uint64_t positive = tenths < 0 ? -tenths : tenths;

	printf("\"%s\": %s%llu.%llu", key, tenths < 0 ? "-" : "", (ull)(positive / 10),
	       (ull)(positive % 10));
}

/* What is no work of its own: the copies, the zeroing. */
static uint64_t contained(const struct bench_row *row)
{
	size_t piece = row->piece ? row->piece : row->size;
	uint64_t ticks = 0;

	if (row->copies)
		ticks += row->copies * bare_copy(piece);
	if (row->zeroings)
		ticks += row->zeroings * bare_zeroing(piece);
	return ticks;
}

void bench_print(const struct bench_row *row, enum bench_series series)
{
	uint64_t *value = scratch->sample[series], sum = 0;
	size_t count = counts[series];
	int64_t mean;

	if (!count)
		return;
	for (size_t i = 0; i < count; i++)
		sum += value[i];
	mean = (int64_t)((sum * 10 + count / 2) / count);
	sort(value, count);
	printf("bench: {");
	print_keys(row);
	print_number("min", value[0], true);
	print_number("median", value[count / 2], true);
	print_number("p99", value[count * 99 / 100], true);
	print_number("max", value[count - 1], true);
	print_tenths("mean", mean);
	printf(", ");
	print_tenths("overhead", mean - 10 * (int64_t)contained(row));
	printf("}\n");
}

void bench_boot(void)
{
	bench_reset();
	bench_note(BENCH_TAKE, started - machine.entered);
	bench_print(&(struct bench_row){.name = "boot"}, BENCH_TAKE);
}

void bench_copy(void)
{
	static const size_t sizes[] = {64, 512, KIB(2), KIB(4), KIB(16), KIB(64), KIB(256)};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		BENCH_REPEAT(bench_samples(sizes[i]),
			     memcpy(scratch->copy, scratch->source, sizes[i]));
		bench_print(&(struct bench_row){.name = "copy", .size = sizes[i], .copies = 1},
			    BENCH_TAKE);
	}
}

static bool is_named(const struct bench *b, const char *name, size_t length)
{
	return (strlen(b->name) == length && strncmp(b->name, name, length) == 0) ||
	       (length == 3 && strncmp(name, "all", length) == 0);
}

/* Call `each` with every bench of `names`, apart by commas. -ENOENT, said: one is unknown. */
static int for_names(const char *names, void (*each)(const struct bench *b))
{
	while (*names) {
		const char *comma = strchr(names, ',');
		size_t length = comma ? (size_t)(comma - names) : strlen(names);
		bool found = false;

		for (const struct bench *b = benches; b < benches + ARRAY_SIZE(benches); b++) {
			if (!is_named(b, names, length))
				continue;
			found = true;
			each(b);
		}
		if (!found) {
			printf("bench: there is no bench '%.*s'; bench=list names them all\n",
			       (int)length, names);
			return -ENOENT;
		}
		names += length + (comma ? 1 : 0);
	}
	return 0;
}

static void nothing(const struct bench *b)
{
}

static void run(const struct bench *b)
{
	b->run();
}

static void calibrate(void)
{
	bench_empty = 0;
	BENCH_REPEAT(BENCH_SAMPLES, );
	sort(scratch->sample[BENCH_TAKE], BENCH_SAMPLES);
	bench_empty = scratch->sample[BENCH_TAKE][BENCH_SAMPLES / 2];
}

/* With all that they need; after that the machine is as it was. */
static int run_names(const char *names)
{
	struct page_request request = {
		.order = SCRATCH_ORDER, .zone = ZONE_NORMAL, .limit = NO_LIMIT};
	phys_addr_t block = pages_alloc(&machine.zones, &request);
	int error = -ENOMEM;

	if (phys_is_none(block)) {
		printf("bench: no memory\n");
		return error;
	}
	scratch = port_phys_to_virt(block);
	if (bed_memory(&scratch->bed)) {
		calibrate();
		error = for_names(names, run);
	} else {
		printf("bench: not enough memory on both sides of 4 GiB; 6 GiB will do\n");
	}
	bed_memory_end();
	pages_free(&machine.zones, block, SCRATCH_ORDER);
	return error;
}

static uint64_t free_bytes(void)
{
	return pages_free_bytes(&machine.zones, ZONE_DMA) +
	       pages_free_bytes(&machine.zones, ZONE_NORMAL);
}

/* What drivers' pools took meanwhile, they keep. */
static uint64_t lent_pieces(void)
{
	uint64_t pieces = 0;

	for (struct device *dev = devices; dev; dev = dev->next)
		pieces += dev->dma.count.lent;
	return pieces;
}

static int list(void)
{
	for (const struct bench *b = benches; b < benches + ARRAY_SIZE(benches); b++)
		printf("%-12s %s\n", b->name, b->help);
	return 0;
}

int bench_run(const char *which)
{
	uint64_t before, lent;
	int error;

	started = time_ticks();
	if (strcmp(which, "list") == 0)
		return list();
	for (struct device *dev = devices; dev; dev = dev->next)
		device_prepare(dev); /* keeps memory from then on */
	before = free_bytes();
	lent = lent_pieces();
	error = for_names(which, nothing) ? -ENOENT : run_names(which);
	if (free_bytes() != before && lent_pieces() == lent)
		port_panic("bench: of %llu bytes that were free %llu are left", (ull)before,
			   (ull)free_bytes());
	return error;
}
