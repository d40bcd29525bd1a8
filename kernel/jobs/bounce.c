/* SPDX-License-Identifier: MIT */
/*
 * The main job, what DMA without an IOMMU is about, shown on a file: the boot
 * module goes through a device that can't reach it, to the device and back to
 * memory.
 *
 * 1. Directly, with a physical address and no mapping: direct.c.
 * 2. Through the API, in pieces of what the device takes at once, each back
 *    into a page of its own, which is compared and hashed.
 *
 * A mask may be claimed wider than the device's reach. So before the device
 * writes to an address with more bits than it was seen to drive, it reads
 * there: what it got is looked at in a page under 16 MiB, which all devices
 * reach. A false claim ends the job, and costs nobody's memory.
 *
 * One job at a time, in a thread's context, with interrupts on.
 */
#include "kernel/jobs/bounce.h"

#include "dma/port.h"
#include "kernel/cmdline.h"
#include "kernel/jobs/job.h"
#include "kernel/jobs/progress.h"
#include "kernel/mmu.h"
#include "kernel/printf.h"
#include "kernel/string.h"
#include "kernel/time.h"

/* --- one transfer --- */

static dma_addr_t map(struct demo *demo, phys_addr_t addr, size_t len, enum dma_data_direction dir)
{
	struct dma_device *dma = &demo->dev->dma;
	uint64_t slots = dma_level_now(&dma->count.slots);
	dma_addr_t mapped;

	demo->ticks -= time_ticks();
	mapped = dma_map_single(dma, phys_to_virt(addr), len, dir);
	demo->ticks += time_ticks();
	demo->slots += dma_level_now(&dma->count.slots) - slots;
	return mapped;
}

static void unmap(struct demo *demo, dma_addr_t mapped, size_t len, enum dma_data_direction dir)
{
	demo->ticks -= time_ticks();
	dma_unmap_single(&demo->dev->dma, mapped, len, dir);
	demo->ticks += time_ticks();
}

int demo_move(struct demo *demo, phys_addr_t addr, size_t len, enum dma_data_direction dir)
{
	struct device *dev = demo->dev;
	dma_addr_t mapped = map(demo, addr, len, dir);
	int err;

	if (dma_mapping_error(&dev->dma, mapped))
		return -ENOMEM;
	err = dev->engine->transfer(dev, mapped, len, dir);
	unmap(demo, mapped, len, dir);
	return err;
}

/* Around the gate, or a forced bounce would have it write where its reach is in question. */
int demo_fetch(struct demo *demo, size_t len)
{
	memset(phys_to_virt(demo->low), 0, PAGE_SIZE);
	return demo->dev->engine->transfer_around_the_gate(demo->dev, demo->low.value, len,
							   DMA_FROM_DEVICE);
}

/* --- step 2: through the API --- */

/* No two pieces, and no two pages, are filled alike. */
static void fill_for_piece(phys_addr_t page, uint64_t offset)
{
	uint64_t *word = phys_to_virt(page);

	for (size_t i = 0; i < PAGE_SIZE / sizeof(*word); i++)
		word[i] = (page.value + (offset << 20) + i + machine.seed) * 0x9e3779b97f4a7c15;
}

/* Does the device read at `addr` what is in `page`, which is mapped there? Else it won't write. */
static int prove_reach(struct demo *demo, dma_addr_t addr, phys_addr_t page, size_t len)
{
	struct report_bounced *b = &demo->report.bounced;
	struct device *dev = demo->dev;
	uint64_t bus;
	int err;

	if (!dma_gate(&dev->dma, addr, len, &bus))
		return -EINVAL;
	if (bus + len - 1 <= demo->seen)
		return 0;
	err = dev->engine->transfer(dev, addr, len, DMA_TO_DEVICE);
	if (!err)
		err = demo_fetch(demo, len);
	if (err)
		return err;
	if (memcmp(phys_to_virt(demo->low), phys_to_virt(page), len)) {
		snprintf(b->stopped, sizeof(b->stopped), "told to read %#lx, %s read elsewhere",
			 bus, dev->name);
		return -EIO;
	}
	demo->seen = DMA_BIT_MASK(64 - __builtin_clzll(bus + len - 1));
	return 0;
}

/* What a piece's mappings took, without what copying and reading the clock take by themselves. */
static void account(struct demo *demo, const struct dma_counters *before, size_t len)
{
	const struct dma_counters *now = &demo->dev->dma.count;
	struct report_bounced *b = &demo->report.bounced;
	uint64_t in = now->bytes_in - before->bytes_in, out = now->bytes_out - before->bytes_out;
	uint64_t start = time_ticks(), clock = time_ticks() - start, bare;

	start = time_ticks();
	port_copy(demo->low, demo->file->addr, len);
	bare = (in + out) / len * (time_ticks() - start - clock) + 4 * clock;
	demo->cost += demo->ticks > bare ? demo->ticks - bare : 0;
	b->bytes_bounced += in;
	b->slots += demo->slots;
	b->transient += now->transient - before->transient;
}

static void compare(struct demo *demo, const uint8_t *sent, const uint8_t *got, size_t len)
{
	struct report_bounced *b = &demo->report.bounced;
	size_t same = 0;

	sha256_update(&demo->in, sent, len);
	sha256_update(&demo->out, got, len);
	while (same < len && got[same] == sent[same])
		same++;
	if (same < len && b->wrong_pieces++ == 0)
		b->first_wrong = b->bytes / 2 + same;
	b->pieces++;
	b->bytes += 2 * len;
}

/*
 * One piece out of the file and into the page `to`, both mapped at once; the
 * page both ways, since the device may have to read it first.
 */
static int send_piece(struct demo *demo, uint64_t offset, phys_addr_t to, size_t len)
{
	struct device *dev = demo->dev;
	const struct dma_counters before = dev->dma.count;
	phys_addr_t from = phys_add(demo->file->addr, offset);
	dma_addr_t back;
	int err;

	fill_for_piece(to, offset);
	demo->ticks = demo->slots = 0;
	back = map(demo, to, len, DMA_BIDIRECTIONAL);
	if (dma_mapping_error(&dev->dma, back))
		return -ENOMEM;
	err = prove_reach(demo, back, to, len);
	if (!err)
		err = demo_move(demo, from, len, DMA_TO_DEVICE);
	if (!err)
		err = dev->engine->transfer(dev, back, len, DMA_FROM_DEVICE);
	unmap(demo, back, len, DMA_BIDIRECTIONAL);
	if (err)
		return err;
	account(demo, &before, len);
	compare(demo, phys_to_virt(from), phys_to_virt(to), len);
	return 0;
}

static int send_file(struct demo *demo)
{
	uint64_t size = demo->file->size;
	struct progress progress;
	size_t len;
	int err = 0;

	progress_begin(&progress, demo->dev->name, size, demo->report.job);
	for (uint64_t offset = 0; offset < size && !err; offset += len) {
		phys_addr_t to = device_place_pages(demo->dev, 0);

		len = size - offset < demo->piece ? size - offset : demo->piece;
		err = phys_is_none(to) ? -ENOMEM : send_piece(demo, offset, to, len);
		if (!phys_is_none(to))
			pages_free(&machine.zones, to, 0);
		progress_show(&progress, offset + len);
	}
	progress_end(&progress);
	return err;
}

static int go_bounced(struct demo *demo)
{
	struct report_bounced *b = &demo->report.bounced;
	unsigned per_instruction = time_ticks_per_instruction();
	int err;

	sha256_init(&demo->in);
	sha256_init(&demo->out);
	err = send_file(demo);
	if (b->pieces && per_instruction)
		b->cost = demo->cost / b->pieces / per_instruction;
	if (err && !b->stopped[0])
		snprintf(b->stopped, sizeof(b->stopped), "%s at byte %lu",
			 err == -ENOMEM ? "out of memory to bounce" : "the transfer failed",
			 b->bytes / 2);
	if (err)
		return err;
	sha256_final(&demo->in, demo->report.sha256_in);
	sha256_final(&demo->out, demo->report.sha256_out);
	return b->wrong_pieces ? -EIO : 0;
}

/* --- the job --- */

/* Where RAM lies: its end below 4 GiB, and what there is from there on. */
static void describe_memory(struct report_memory *m, uint64_t reach)
{
	const struct range_list *ram = &machine.memmap.ram;
	uint64_t pool_end = machine.pool.base.value + swiotlb_bytes(&machine.pool);

	for (const struct mem_range *range = ram->range; range < ram->range + ram->count; range++) {
		if (range->start < GIB(4))
			m->low_end = range->end < GIB(4) ? range->end : GIB(4);
		if (range->end > GIB(4) && !m->high_start)
			m->high_start = range->start > GIB(4) ? range->start : GIB(4);
		if (range->end > GIB(4))
			m->high_end = range->end;
	}
	m->kernel = machine.image;
	m->pool = (struct mem_range){machine.pool.base.value, pool_end};
	m->ram = memmap_bytes(&machine.memmap, 0);
	m->ram_in_reach = m->ram;
	if (reach != UINT64_MAX)
		m->ram_in_reach -= memmap_bytes(&machine.memmap, reach + 1);
}

static void describe(struct demo *demo)
{
	const struct device *dev = demo->dev;
	const struct dma_limits *limits = &dev->dma.limits;
	struct report *r = &demo->report;
	uint64_t first;

	r->device.name = dev->name;
	r->device.mask = dma_limits_reach(limits, limits->streaming_mask);
	if (!dma_limits_window(limits, r->device.mask, &first, &r->device.reach))
		r->device.reach = 0;
	r->device.known = !dev->reach.bits				   ? REACH_CLAIMED
			  : r->device.mask < DMA_BIT_MASK(dev->reach.bits) ? REACH_HELD
			  : dev->reach.exact				   ? REACH_SEEN
									   : REACH_AT_LEAST;
	describe_memory(&r->memory, r->device.reach);
	r->file_addr = demo->file->addr.value;
	r->file_size = demo->file->size;
	r->job = cmdline_flag("exit", false) ? NULL : dev->driver->name;
	demo->seen = dev->reach.bits ? DMA_BIT_MASK(dev->reach.bits) : DMA_MIN_MASK;
	demo->piece = dev->engine->max_bytes < PAGE_SIZE ? dev->engine->max_bytes : PAGE_SIZE;
}

static void say_where(const struct report *r)
{
	const char *where = r->memory.ram_in_reach == r->memory.ram ? "nothing is out of reach"
			    : r->file_addr + r->file_size - 1 <= r->device.reach ? "within reach"
			    : r->file_addr <= r->device.reach ? "its end is out of reach"
							      : "out of reach";

	printf("%s: the file is %lu byte%s at %#lx: %s\n", r->device.name, r->file_size,
	       r->file_size == 1 ? "" : "s", r->file_addr, where);
}

static const struct module *find_file(const char *job)
{
	const struct module *file = machine.module;

	if (machine.module_count && file->size)
		return file;
	printf("%s: %s. Give one: `make run FILE=<path>`, or QEMU's `-initrd <path>`.\n", job,
	       machine.module_count ? "the boot module is empty" : "no boot module to send");
	return NULL;
}

static struct device *find_device(const char *driver, const char *model, const char *name)
{
	struct device *dev = *name ? device_find(name) : device_first(driver);

	if (dev && dev->engine && dev->driver && strcmp(dev->driver->name, driver) == 0)
		return dev;
	if (*name)
		printf("%s: no such device '%s'; the shell's `devices` lists them.\n", driver,
		       name);
	else
		printf("%s: no %s device that works. Add one: QEMU's `-device %s`.\n", driver,
		       driver, model);
	return NULL;
}

static void print_line(void *context, const char *line)
{
	printf("%s\n", line);
}

static int demonstrate(struct demo *demo)
{
	int err;

	describe(demo);
	say_where(&demo->report);
	err = demo_directly(demo);
	demo->report.whole = go_bounced(demo) == 0;
	return demo->report.whole ? err : -EIO;
}

int job_bounce(const char *driver, const char *model, const char *name)
{
	struct demo demo = {.file = find_file(driver), .dev = find_device(driver, model, name)};
	const struct page_request low = {.zone = ZONE_DMA, .limit = NO_LIMIT};
	int err;

	if (!demo.file || !demo.dev)
		return demo.file ? -ENODEV : -ENOENT;
	demo.low = pages_alloc(&machine.zones, &low);
	if (phys_is_none(demo.low)) {
		printf("%s: no free page below 16 MiB\n", driver);
		return -ENOMEM;
	}
	err = device_prepare(demo.dev);
	if (!err)
		err = demonstrate(&demo);
	/* For the host, which counts what the device model tells it. */
	printf("clamps %lu\n", device_clamps());
	if (demo.report.device.name)
		report_print(&demo.report, print_line, NULL);
	pages_free(&machine.zones, demo.low, 0);
	return err;
}
