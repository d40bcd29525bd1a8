// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * The same work on Linux: a module that measures the running kernel's DMA layer
 * and page allocator, and prints rows with the keys and names of tests/bench.
 * Nothing of Linux is copied here; exported functions are called.
 *
 * It binds to QEMU's edu device with a mask of 32 bits, and runs once, in
 * probe(). Ticks are TSC, less what an empty pair of time stamps costs; under
 * -icount shift=0 a tick is an instruction.
 *
 * The pool's allocator goes round: where it stands makes the cost. So in a pool
 * that is filled, a series covers whole rounds, from one wrap to another.
 */
#define pr_fmt(fmt) fmt
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/swiotlb.h>
#include <linux/vmalloc.h>
#include <asm/msr.h>

static bool all = true;
module_param(all, bool, 0);
MODULE_PARM_DESC(all, "measure everything; else what depends on the size of the pool");

#define SAMPLES	     2001
#define MOST_SAMPLES 80000u /* of one round through the pool */
#define MOST_BYTES   SZ_256K
#define RING	     256
#define REFUSALS     64
#define ENTRIES	     16 /* of a list; every other page of a buffer */

enum series { TAKE, GIVE, BOTH, REFUSED, SERIES };

static struct device *dev;
static void *high, *low; /* buffers above and below 4 GiB */
static u32 *samples[SERIES], counts[SERIES];
static u32 empty; /* a pair of time stamps */
static u32 pool_slots;
static u64 random = 0x9e3779b97f4a7c15;

struct direction {
	const char *name;
	int dir;
	u32 copies; /* at unmap; at map it is always one */
};

static const struct direction directions[] = {
	{"to", DMA_TO_DEVICE, 0}, {"from", DMA_FROM_DEVICE, 1}, {"bidi", DMA_BIDIRECTIONAL, 1}};

static const u32 sizes[] = {64, 512, 2048, SZ_4K, SZ_16K, SZ_64K, SZ_256K};

/* As struct bench_row in tests/bench/bench.h; `pool`: fill and pool_mib are known. */
struct row {
	const char *name, *what, *dir, *path, *pattern;
	u32 size, copies, zeroings, fill;
	bool pool;
};

/* --- the engine --- */

static u32 samples_for(u32 size)
{
	return size > SZ_64K ? SAMPLES / 20 : size > SZ_4K ? SAMPLES / 5 : SAMPLES;
}

static void reset(void)
{
	memset(counts, 0, sizeof(counts));
	cond_resched();
}

static void note(enum series series, u64 ticks)
{
	if (counts[series] < MOST_SAMPLES)
		samples[series][counts[series]++] = ticks;
}

#define TIME(ticks, call)                                                                          \
	do {                                                                                       \
		u64 start_ = rdtsc_ordered();                                                      \
		call;                                                                              \
		ticks = rdtsc_ordered() - start_;                                                  \
		ticks -= min_t(u64, ticks, empty);                                                 \
	} while (0)

#define TIME_IRQ_OFF(ticks, call)                                                                  \
	do {                                                                                       \
		unsigned long flags_;                                                              \
                                                                                                   \
		local_irq_save(flags_);                                                            \
		TIME(ticks, call);                                                                 \
		local_irq_restore(flags_);                                                         \
	} while (0)

#define REPEAT(n, call)                                                                            \
	do {                                                                                       \
		u64 ticks_;                                                                        \
                                                                                                   \
		reset();                                                                           \
		while (counts[TAKE] < (n)) {                                                       \
			TIME_IRQ_OFF(ticks_, call);                                                \
			note(TAKE, ticks_);                                                        \
		}                                                                                  \
	} while (0)

static int by_value(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

/* The kernel's own functions: gcc would inline memcpy() and memset(). */
static u64 contained(const struct row *row)
{
	u64 copy = 0, zeroing = 0;

	if (row->copies)
		TIME_IRQ_OFF(copy, __memcpy(low, high, row->size));
	if (row->zeroings)
		TIME_IRQ_OFF(zeroing, __memset(low, 0, row->size));
	return row->copies * copy + row->zeroings * zeroing;
}

static const char *text(char *buf, size_t size, const char *value)
{
	snprintf(buf, size, value ? "\"%s\"" : "null", value);
	return buf;
}

static const char *number(char *buf, size_t size, u32 value, bool known)
{
	snprintf(buf, size, known ? "%u" : "null", value);
	return buf;
}

static void print(const struct row *row, enum series series)
{
	u32 *value = samples[series], count = counts[series], i;
	char what[24], size[12], dir[12], path[12], pattern[24], fill[12], pool[12];
	s64 overhead;
	u64 sum = 0;

	if (!count)
		return;
	for (i = 0; i < count; i++)
		sum += value[i];
	sum = div_u64(sum * 10 + count / 2, count);
	overhead = sum - 10 * contained(row);
	sort(value, count, sizeof(*value), by_value, NULL);
	pr_info("bench: {\"name\": \"%s\", \"case\": %s, \"size\": %s, \"dir\": %s, \"path\": %s, "
		"\"fill\": %s, \"pattern\": %s, \"cache\": null, \"pool_mib\": %s, "
		"\"mem_gib\": %lu, \"min\": %u, \"median\": %u, \"p99\": %u, \"max\": %u, "
		"\"mean\": %llu.%llu, \"overhead\": %s%lld.%lld}\n",
		row->name, text(what, sizeof(what), row->what),
		number(size, sizeof(size), row->size, row->size), text(dir, sizeof(dir), row->dir),
		text(path, sizeof(path), row->path),
		number(fill, sizeof(fill), row->fill, row->pool),
		text(pattern, sizeof(pattern), row->pattern),
		number(pool, sizeof(pool), pool_slots >> (20 - IO_TLB_SHIFT), row->pool),
		DIV_ROUND_UP(totalram_pages(), SZ_1G >> PAGE_SHIFT), value[0], value[count / 2],
		value[(u64)count * 99 / 100], value[count - 1], sum / 10, sum % 10,
		overhead < 0 ? "-" : "", abs(overhead) / 10, abs(overhead) % 10);
}

/* map, unmap, both; or refusals. */
static void print_pair(struct row row, u32 in, u32 out)
{
	row.name = "map_unmap";
	row.copies = in + out;
	print(&row, BOTH);
	row.name = "map";
	row.copies = in;
	print(&row, TAKE);
	row.name = "unmap";
	row.copies = out;
	print(&row, GIVE);
	row.name = "refusal";
	row.what = row.fill == 100 ? "exhausted" : "fragmented";
	row.copies = 0;
	print(&row, REFUSED);
}

/* --- mappings --- */

static __always_inline dma_addr_t map(void *buffer, u32 size, int dir)
{
	return dma_map_single_attrs(dev, buffer, size, dir, DMA_ATTR_NO_WARN);
}

/* A pair, noted; false: it was refused. */
static __always_inline bool map_unmap(void *buffer, u32 size, int dir, dma_addr_t *addr)
{
	u64 take, give;

	TIME_IRQ_OFF(take, *addr = map(buffer, size, dir));
	if (dma_mapping_error(dev, *addr)) {
		note(REFUSED, take);
		return false;
	}
	TIME_IRQ_OFF(give, dma_unmap_single(dev, *addr, size, dir));
	note(TAKE, take);
	note(GIVE, give);
	note(BOTH, take + give);
	return true;
}

static void mapping(const struct direction *d, u32 size, bool bounced)
{
	struct row row = {.size = size,
			  .dir = d->name,
			  .path = bounced ? "bounced" : "direct",
			  .pattern = bounced ? "contiguous" : NULL,
			  .pool = bounced};
	dma_addr_t addr;

	reset();
	while (counts[BOTH] < samples_for(size))
		map_unmap(bounced ? high : low, size, d->dir, &addr);
	if (is_swiotlb_buffer(dev, dma_to_phys(dev, addr)) != bounced)
		pr_err("bench: bounced where it should be direct, or the other way round\n");
	print_pair(row, bounced, bounced ? d->copies : 0);
}

static void mappings(void)
{
	u32 d, i;

	for (d = 0; d < ARRAY_SIZE(directions); d++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			mapping(&directions[d], sizes[i], false);
			mapping(&directions[d], sizes[i], true);
		}
	}
}

static void copies(void)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		REPEAT(samples_for(sizes[i]), __memcpy(low, high, sizes[i]));
		print(&(struct row){.name = "copy", .size = sizes[i], .copies = 1}, TAKE);
	}
}

static void ring(const struct direction *d, u32 size)
{
	static dma_addr_t flying[RING];
	struct row row = {.name = "ring",
			  .size = size,
			  .dir = d->name,
			  .path = "bounced",
			  .pattern = "contiguous",
			  .pool = true,
			  .copies = 1 + d->copies};
	u64 give, take;
	u32 i;

	for (i = 0; i < RING; i++)
		flying[i] = map(high, size, d->dir);
	reset();
	for (i = 0; i < SAMPLES; i++) {
		dma_addr_t *oldest = &flying[i % RING];

		TIME_IRQ_OFF(give, dma_unmap_single(dev, *oldest, size, d->dir));
		TIME_IRQ_OFF(take, *oldest = map(high, size, d->dir));
		note(BOTH, give + take);
	}
	for (i = 0; i < RING; i++)
		dma_unmap_single(dev, flying[i], size, d->dir);
	print(&row, BOTH);
}

static void rings(void)
{
	u32 d, i;

	for (d = 0; d < 2; d++)
		for (i = 2; i < 6; i++)
			ring(&directions[d], sizes[i]);
}

static void sync(const struct direction *d, u32 size)
{
	struct row row = {.name = "sync",
			  .size = size,
			  .dir = d->name,
			  .path = "bounced",
			  .pattern = "contiguous",
			  .pool = true};
	dma_addr_t addr = map(high, size, d->dir);

	REPEAT(samples_for(size), dma_sync_single_for_cpu(dev, addr, size, d->dir));
	row.what = "for_cpu";
	row.copies = d->dir != DMA_TO_DEVICE;
	print(&row, TAKE);
	REPEAT(samples_for(size), dma_sync_single_for_device(dev, addr, size, d->dir));
	row.what = "for_device";
	row.copies = d->dir != DMA_FROM_DEVICE;
	print(&row, TAKE);
	dma_unmap_single(dev, addr, size, d->dir);
}

static void syncs(void)
{
	u32 d;

	for (d = 0; d < ARRAY_SIZE(directions); d++) {
		sync(&directions[d], SZ_4K);
		sync(&directions[d], SZ_64K);
	}
}

static void list(const struct direction *d, bool bounced)
{
	struct row row = {.what = "16 entries",
			  .size = SZ_4K,
			  .dir = d->name,
			  .path = bounced ? "bounced" : "direct",
			  .pattern = bounced ? "contiguous" : NULL,
			  .pool = bounced};
	struct scatterlist sg[ENTRIES];
	u64 take, give;
	u32 i;

	sg_init_table(sg, ENTRIES);
	for (i = 0; i < ENTRIES; i++)
		sg_set_buf(&sg[i], (bounced ? high : low) + i * 2 * SZ_4K, SZ_4K);
	reset();
	while (counts[TAKE] < samples_for(SZ_64K)) {
		TIME_IRQ_OFF(take, i = dma_map_sg(dev, sg, ENTRIES, d->dir));
		if (!i)
			break;
		TIME_IRQ_OFF(give, dma_unmap_sg(dev, sg, ENTRIES, d->dir));
		note(TAKE, take);
		note(GIVE, give);
	}
	row.name = "map_sg";
	row.copies = bounced ? ENTRIES : 0;
	print(&row, TAKE);
	row.name = "unmap_sg";
	row.copies = bounced ? ENTRIES * d->copies : 0;
	print(&row, GIVE);
}

static void lists(void)
{
	u32 d;

	for (d = 0; d < ARRAY_SIZE(directions); d++) {
		list(&directions[d], false);
		list(&directions[d], true);
	}
}

static void largest(void)
{
	struct row row = {.name = "largest",
			  .size = min_t(size_t, dma_max_mapping_size(dev), MOST_BYTES),
			  .dir = "to",
			  .path = "bounced",
			  .pattern = "contiguous",
			  .copies = 1,
			  .pool = true};
	dma_addr_t addr;

	REPEAT(1, addr = map(high, row.size, DMA_TO_DEVICE));
	print(&row, TAKE);
	dma_unmap_single(dev, addr, row.size, DMA_TO_DEVICE);
}

static void too_big(void)
{
	struct row row = {.name = "refusal",
			  .what = "too big",
			  .size = (pool_slots << IO_TLB_SHIFT) + 1,
			  .dir = "to",
			  .path = "bounced",
			  .pattern = "contiguous",
			  .pool = true};
	dma_addr_t addr;

	REPEAT(REFUSALS, addr = map(high, row.size, DMA_TO_DEVICE));
	if (dma_mapping_error(dev, addr))
		print(&row, TAKE);
}

/* --- a pool that others fill --- */

static dma_addr_t *held;
static u32 units;

/* Mappings as long as one slot take 64 bytes of it: nothing depends on the rest. */
static u32 unit_bytes(u32 slots)
{
	return slots == 1 ? 64 : slots << IO_TLB_SHIFT;
}

static void take_units(u32 slots, u32 percent)
{
	u32 most = (u64)pool_slots * percent / 100;
	dma_addr_t addr;

	while ((units + 1) * slots <= most) {
		addr = map(high, unit_bytes(slots), DMA_TO_DEVICE);
		if (dma_mapping_error(dev, addr))
			break;
		held[units++] = addr;
		if (!(units & 1023))
			cond_resched();
	}
}

static void drop_units(u32 slots, u32 percent)
{
	u32 most = (u64)pool_slots * percent / 100;

	while (units * slots > most) {
		dma_unmap_single(dev, held[--units], unit_bytes(slots), DMA_TO_DEVICE);
		if (!(units & 1023))
			cond_resched();
	}
}

/* xorshift64, Marsaglia 2003. */
static u32 random_below(u32 bound)
{
	random ^= random << 13;
	random ^= random >> 7;
	random ^= random << 17;
	return ((random >> 32) * bound) >> 32;
}

static void shuffle_units(void)
{
	u32 i, other;

	for (i = units; i > 1; i--) {
		other = random_below(i);
		swap(held[i - 1], held[other]);
	}
}

/* Until the addresses wrap, or for so many pairs; at least `least`. */
static void one_round(void *buffer, u32 size, u32 least, u32 most)
{
	dma_addr_t addr, last = 0;

	reset();
	while (counts[BOTH] < most && counts[REFUSED] < REFUSALS) {
		if (!map_unmap(buffer, size, DMA_TO_DEVICE, &addr))
			continue;
		if (last && addr <= last && counts[BOTH] >= least)
			break;
		last = addr;
		if (!(counts[BOTH] & 255))
			cond_resched();
	}
}

static void filled(const char *pattern, u32 percent)
{
	static const u32 of[] = {SZ_4K, SZ_64K};
	struct row row = {
		.dir = "to", .path = "bounced", .pattern = pattern, .fill = percent, .pool = true};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(of); i++) {
		row.size = of[i];
		one_round(high, of[i], 1,
			  MOST_SAMPLES); /* to a wrap, from which on it is measured */
		one_round(high, of[i], 512, percent ? MOST_SAMPLES : 4000);
		print_pair(row, 1, 0);
	}
}

static void aligned(const char *what, const char *pattern, u32 percent, u32 size, u32 offset)
{
	struct row row = {.what = what,
			  .size = size,
			  .dir = "to",
			  .path = "bounced",
			  .pattern = pattern,
			  .fill = percent,
			  .pool = true};

	one_round(high + offset, size, 1, MOST_SAMPLES);
	one_round(high + offset, size, 512, percent ? MOST_SAMPLES : 4000);
	row.name = "map_aligned";
	row.copies = 1;
	print(&row, TAKE);
	row.name = "refusal";
	row.copies = 0;
	print(&row, REFUSED);
}

static void aligned_to_a_page(const char *pattern, u32 percent)
{
	dma_set_min_align_mask(dev, SZ_4K - 1);
	aligned("min_align_mask", pattern, percent, SZ_4K, 0x123);
	dma_set_min_align_mask(dev, 0);
}

static void within_a_boundary(const char *pattern, u32 percent)
{
	dma_set_seg_boundary(dev, SZ_64K - 1);
	aligned("boundary", pattern, percent, SZ_4K, 0);
	aligned("boundary", pattern, percent, SZ_64K, 0);
	dma_set_seg_boundary(dev, U32_MAX);
}

/* Of a pool full of single slots keep every fourth. */
static void misaligned(void)
{
	phys_addr_t base = dev->dma_io_tlb_mem->start;
	u32 i, kept = 0;

	take_units(1, 100);
	for (i = 0; i < units; i++) {
		if ((dma_to_phys(dev, held[i]) - base) >> IO_TLB_SHIFT & 3)
			dma_unmap_single(dev, held[i], unit_bytes(1), DMA_TO_DEVICE);
		else
			held[kept++] = held[i];
		if (!(i & 1023))
			cond_resched();
	}
	units = kept;
	aligned_to_a_page("misaligned", 25);
	drop_units(1, 0);
}

static void fills(void)
{
	static const struct {
		u32 slots;
		const char *name;
	} patterns[] = {{1, "scattered2k"}, {2, "scattered4k"}, {32, "scattered64k"}};
	static const u32 percents[] = {0, 50, 90, 95, 99, 100};
	u32 i, p;

	for (i = 0; i < ARRAY_SIZE(percents); i++) {
		take_units(1, percents[i]);
		filled("contiguous", percents[i]);
	}
	drop_units(1, 0);
	misaligned();
	for (p = 0; p < ARRAY_SIZE(patterns); p++) {
		take_units(patterns[p].slots, 100);
		shuffle_units();
		for (i = ARRAY_SIZE(percents) - 2; i > 0; i--) {
			drop_units(patterns[p].slots, percents[i]);
			filled(patterns[p].name, percents[i]);
			if (all && p == 0) {
				aligned_to_a_page(patterns[p].name, percents[i]);
				within_a_boundary(patterns[p].name, percents[i]);
			}
		}
		drop_units(patterns[p].slots, 0);
	}
}

/* --- allocators --- */

/* `time` is TIME, with interrupts on, for what may sleep. */
#define PAIRS(time, alloc, free)                                                                   \
	do {                                                                                       \
		u64 take_, give_;                                                                  \
                                                                                                   \
		reset();                                                                           \
		while (counts[BOTH] < SAMPLES) {                                                   \
			time(take_, alloc);                                                        \
			time(give_, free);                                                         \
			note(BOTH, take_ + give_);                                                 \
		}                                                                                  \
	} while (0)

static void coherent(u32 size)
{
	dma_addr_t handle;
	void *cpu;

	PAIRS(TIME, cpu = dma_alloc_coherent(dev, size, &handle, GFP_KERNEL),
	      dma_free_coherent(dev, size, cpu, handle));
	print(&(struct row){.name = "coherent", .size = size, .zeroings = 1}, BOTH);
}

/* One block stays, and with it the page. */
static void blocks_of_pool(u32 size)
{
	struct dma_pool *pool = dma_pool_create("bench", dev, size, size, 0);
	dma_addr_t handle, first;
	void *block, *stays;

	if (!pool)
		return;
	stays = dma_pool_alloc(pool, GFP_KERNEL, &first);
	PAIRS(TIME_IRQ_OFF, block = dma_pool_alloc(pool, GFP_ATOMIC, &handle),
	      dma_pool_free(pool, block, handle));
	print(&(struct row){.name = "pool", .size = size}, BOTH);
	if (stays)
		dma_pool_free(pool, stays, first);
	dma_pool_destroy(pool);
}

/* Many in flight, the oldest replaced by a new one. */
static void ring_of_blocks(u32 size)
{
	struct dma_pool *pool = dma_pool_create("bench", dev, size, size, 0);
	static dma_addr_t handle[RING];
	static void *block[RING];
	u64 give, take;
	u32 i, at;

	if (!pool)
		return;
	for (i = 0; i < RING; i++)
		block[i] = dma_pool_alloc(pool, GFP_KERNEL, &handle[i]);
	reset();
	for (i = 0; i < SAMPLES; i++) {
		at = i % RING;
		TIME_IRQ_OFF(give, dma_pool_free(pool, block[at], handle[at]));
		TIME_IRQ_OFF(take, block[at] = dma_pool_alloc(pool, GFP_ATOMIC, &handle[at]));
		note(BOTH, give + take);
	}
	print(&(struct row){.name = "pool", .what = "ring", .size = size}, BOTH);
	for (i = 0; i < RING; i++)
		dma_pool_free(pool, block[i], handle[i]);
	dma_pool_destroy(pool);
}

static void objects(u32 size)
{
	void *object;

	PAIRS(TIME_IRQ_OFF, object = kzalloc(size, GFP_ATOMIC), kfree(object));
	print(&(struct row){.name = "kmalloc", .size = size, .zeroings = 1}, BOTH);
}

/* Bits, not ticks. */
static void metadata(void)
{
	reset();
	note(TAKE, sizeof(struct page) * 8);
	print(&(struct row){.name = "metadata", .what = "page", .size = PAGE_SIZE}, TAKE);
}

static void pages(u32 order)
{
	struct page *page;

	PAIRS(TIME, page = alloc_pages(GFP_KERNEL, order), __free_pages(page, order));
	print(&(struct row){.name = "pages", .size = PAGE_SIZE << order}, BOTH);
}

/* --- the module --- */

static void calibrate(void)
{
	empty = 0;
	REPEAT(SAMPLES, );
	sort(samples[TAKE], SAMPLES, sizeof(u32), by_value, NULL);
	empty = samples[TAKE][SAMPLES / 2];
}

static void everything(void)
{
	copies();
	mappings();
	rings();
	syncs();
	lists();
	largest();
	too_big();
	aligned_to_a_page("contiguous", 0);
	within_a_boundary("contiguous", 0);
	coherent(SZ_4K);
	coherent(SZ_64K);
	blocks_of_pool(64);
	ring_of_blocks(64);
	objects(64);
	objects(1024);
	metadata();
	pages(0);
	pages(4);
	pages(9);
}

/* A buffer on the wanted side of 4 GiB. */
static void *buffer(bool above)
{
	struct page *wrong[64], *page = NULL;
	u32 n = 0;

	while (n < ARRAY_SIZE(wrong)) {
		page = alloc_pages(above ? GFP_KERNEL : GFP_KERNEL | GFP_DMA32,
				   get_order(MOST_BYTES));
		if (!page || (page_to_phys(page) >= SZ_4G) == above)
			break;
		wrong[n++] = page;
		page = NULL;
	}
	while (n)
		__free_pages(wrong[--n], get_order(MOST_BYTES));
	return page ? page_address(page) : NULL;
}

/* What is allocated here stays: the machine is switched off afterwards. */
static int probe(struct pci_dev *pci, const struct pci_device_id *id)
{
	u32 i;

	dev = &pci->dev;
	if (pcim_enable_device(pci) || dma_set_mask_and_coherent(dev, DMA_BIT_MASK(32)))
		return -EIO;
	high = buffer(true);
	low = buffer(false);
	pool_slots = dev->dma_io_tlb_mem ? dev->dma_io_tlb_mem->nslabs : 0;
	held = vzalloc(array_size(pool_slots, sizeof(*held)));
	for (i = 0; i < SERIES; i++)
		samples[i] = vzalloc(array_size(MOST_SAMPLES, sizeof(u32)));
	if (!high || !low || !held || !samples[TAKE] || !samples[GIVE] || !samples[BOTH] ||
	    !samples[REFUSED]) {
		pr_err("bench: not enough memory on both sides of 4 GiB\n");
		return -ENOMEM;
	}
	memset(high, 1, MOST_BYTES);
	memset(low, 2, MOST_BYTES);
	calibrate();
	if (all)
		everything();
	fills();
	pr_info("bench: done\n");
	return 0;
}

static const struct pci_device_id ids[] = {{PCI_DEVICE(0x1234, 0x11e8)}, {0}};
MODULE_DEVICE_TABLE(pci, ids);

static struct pci_driver bench_driver = {.name = "bench", .id_table = ids, .probe = probe};
module_pci_driver(bench_driver);
MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("What DMA mappings and pages cost");
