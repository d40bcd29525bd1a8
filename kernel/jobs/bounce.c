/* SPDX-License-Identifier: MIT */
/*
 * What DMA without an IOMMU is about, shown on a file: the boot module goes
 * through a device that can't reach it, to the device and back to memory.
 *
 * 1. Directly, with a physical address and no mapping:
 *
 *	off                    16M            reach             2^k + off
 *	[somebody else's]-------|---------------|---------------[piece]
 *	        ^________ the bits that the device drops ___________|
 *
 *    A device of n bits takes 2^k + off for off, whatever n from 24 to k is.
 *    Both pages are ours, so that nothing else is harmed.
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
#include "dma/port.h"
#include "drivers/device.h"
#include "kernel/cmdline.h"
#include "kernel/jobs/job.h"
#include "kernel/machine.h"
#include "kernel/mmu.h"
#include "kernel/printf.h"
#include "kernel/jobs/report.h"
#include "kernel/jobs/sha256.h"
#include "kernel/string.h"
#include "kernel/time.h"

#define MANY_PIECES 64 /* from here on there is a progress line */
#define EVERY_MS    2000

typedef unsigned long long ull;

struct demo {
	struct device *dev;
	const struct module *file;
	phys_addr_t low;    /* our page that every device reaches */
	uint64_t seen;	    /* the highest bus address that the device is known to drive */
	size_t piece;	    /* bytes, at most a page */
	uint64_t tick_cost; /* of reading the clock */
	uint64_t bare_copy; /* ticks of a copy of bare_length bytes */
	size_t bare_length;
	int64_t cost; /* ticks in map and unmap beyond the copies */
	struct sha256 in, out;
	struct report report;
};

static const uint8_t *file_bytes(const struct demo *demo)
{
	return phys_to_virt(demo->file->addr);
}

static size_t bytes_wrong(const uint8_t *a, const uint8_t *b, size_t n)
{
	size_t wrong = 0;

	for (size_t i = 0; i < n; i++)
		wrong += a[i] != b[i];
	return wrong;
}

/* `len` bytes of a page that the device reaches, through the API. */
static int transfer_mapped(struct device *dev, phys_addr_t addr, size_t len,
			   enum dma_data_direction dir)
{
	dma_addr_t bus = dma_map_phys(&dev->dma, addr, len, dir);
	int err;

	if (dma_mapping_error(&dev->dma, bus))
		return -ENOMEM;
	err = dev->engine->transfer(dev, bus, len, dir);
	dma_unmap_single(&dev->dma, bus, len, dir);
	return err;
}

/* --- step 1: directly --- */

/*
 * The bug that this kernel is about, made on purpose: a physical address for a
 * bus address, and no question whether the device reaches it. Nothing else in
 * this job goes around the gate.
 */
static int transfer_without_mapping(struct device *dev, phys_addr_t addr, size_t len,
				    enum dma_data_direction dir)
{
	return dev->engine->transfer_around_the_gate(dev, addr.value, len, dir);
}

/* Words that can be told from the file's at the first byte. */
static void fill_with_words(uint8_t *page, uint8_t not_first)
{
	static const char words[] = "This page belongs to somebody else. ";
	size_t shift = (uint8_t)words[0] == not_first;

	for (size_t i = 0; i < PAGE_SIZE; i++)
		page[i] = words[(i + shift) % (sizeof(words) - 1)];
}

/* The device is told to read the piece at `asked`; what it got is looked at in the low page. */
static int read_directly(struct demo *demo, phys_addr_t asked, const uint8_t *alias)
{
	struct report_direct *d = &demo->report.direct;
	uint8_t *low = phys_to_virt(demo->low);
	int err = transfer_without_mapping(demo->dev, asked, d->length, DMA_TO_DEVICE);

	memset(low, 0, PAGE_SIZE);
	if (!err)
		err = transfer_mapped(demo->dev, demo->low, d->length, DMA_FROM_DEVICE);
	if (err)
		return err;
	d->wrong = bytes_wrong(low, file_bytes(demo), d->length);
	d->read_at = UINT64_MAX;
	if (!d->wrong)
		d->read_at = d->asked;
	else if (memcmp(low, alias, d->length) == 0)
		d->read_at = d->alias;
	if (d->read_at == d->alias)
		demo->dev->engine->saw_clamp(demo->dev);
	return 0;
}

/* The device gets the piece in a lawful way, and is told to write it to `asked`. */
static int write_directly(struct demo *demo, phys_addr_t asked, const uint8_t *alias)
{
	struct report_direct *d = &demo->report.direct;
	const uint8_t *piece = file_bytes(demo);
	uint8_t *low = phys_to_virt(demo->low);
	int err;

	memcpy(low, piece, d->length);
	memset(phys_to_virt(asked), 0, PAGE_SIZE);
	err = transfer_mapped(demo->dev, demo->low, d->length, DMA_TO_DEVICE);
	memcpy(low, alias, PAGE_SIZE);
	if (!err)
		err = transfer_without_mapping(demo->dev, asked, d->length, DMA_FROM_DEVICE);
	if (err)
		return err;
	d->overwritten = bytes_wrong(low, alias, PAGE_SIZE);
	d->wrote_at = UINT64_MAX;
	if (d->overwritten)
		d->wrote_at = d->alias;
	else if (memcmp(phys_to_virt(asked), piece, d->length) == 0)
		d->wrote_at = d->asked;
	if (d->wrote_at == d->alias)
		demo->dev->engine->saw_clamp(demo->dev);
	return 0;
}

/* Two free pages, 2^k apart, the one under 16 MiB and the other out of reach; highest k first. */
static bool take_pair(const struct demo *demo, phys_addr_t *asked, phys_addr_t *alias)
{
	uint64_t base = 1ULL << (63 - __builtin_clzll(memmap_top(&machine.memmap)));

	for (; base > demo->report.device.reach; base >>= 1) {
		for (uint64_t off = ZONE_DMA_END - PAGE_SIZE; off; off -= PAGE_SIZE) {
			*asked = phys(base + off);
			*alias = phys(off);
			if (pages_take(&machine.zones, *asked, 1))
				continue;
			if (pages_take(&machine.zones, *alias, 1) == 0)
				return true;
			pages_give(&machine.zones, *asked, 1);
		}
	}
	return false;
}

static int go_directly(struct demo *demo)
{
	struct report_direct *d = &demo->report.direct;
	phys_addr_t asked, alias;
	int err;

	d->result = DIRECT_OFF;
	if (!device_option_flag(demo->dev, "direct", true))
		return 0;
	d->result = DIRECT_NOTHING_OUT;
	if (demo->report.memory.ram_in_reach == demo->report.memory.ram)
		return 0;
	d->result = DIRECT_NO_PAGES;
	if (!take_pair(demo, &asked, &alias))
		return 0;
	d->asked = asked.value;
	d->alias = alias.value;
	d->length = demo->file->size < demo->piece ? demo->file->size : demo->piece;
	memcpy(phys_to_virt(asked), file_bytes(demo), d->length);
	fill_with_words(phys_to_virt(alias), file_bytes(demo)[0]);
	err = read_directly(demo, asked, phys_to_virt(alias));
	if (!err)
		err = write_directly(demo, asked, phys_to_virt(alias));
	d->result = err ? DIRECT_FAILED : DIRECT_DONE;
	pages_give(&machine.zones, asked, 1);
	pages_give(&machine.zones, alias, 1);
	return err;
}

/* --- what mapping costs --- */

static void measure_clock(struct demo *demo)
{
	uint64_t start = time_ticks();

	demo->tick_cost = time_ticks() - start;
}

/* A copy as the bounce makes it, and nothing else. */
static void measure_copy(struct demo *demo, size_t len)
{
	uint64_t start;

	if (len == demo->bare_length)
		return;
	start = time_ticks();
	port_copy(demo->low, demo->file->addr, len);
	demo->bare_copy = time_ticks() - start - demo->tick_cost;
	demo->bare_length = len;
}

static uint64_t bytes_copied(const struct demo *demo)
{
	return demo->dev->dma.count.bytes_in + demo->dev->dma.count.bytes_out;
}

/* Account one call that began at `start`, when `copied` bytes had been copied. */
static void account(struct demo *demo, uint64_t start, uint64_t copied, size_t len)
{
	uint64_t ticks = time_ticks() - start - demo->tick_cost;
	uint64_t copies = (bytes_copied(demo) - copied) / len;

	demo->cost += (int64_t)(ticks - copies * demo->bare_copy);
}

static dma_addr_t map(struct demo *demo, void *ptr, size_t len, enum dma_data_direction dir)
{
	struct dma_device *dma = &demo->dev->dma;
	struct report_bounced *b = &demo->report.bounced;
	uint64_t copied = bytes_copied(demo), start = time_ticks();
	dma_addr_t addr = dma_map_single(dma, ptr, len, dir);

	account(demo, start, copied, len);
	if (dma_mapping_error(dma, addr))
		snprintf(b->stopped, sizeof(b->stopped), "no room to bounce %zu bytes", len);
	else if (bytes_copied(demo) != copied)
		b->bytes_bounced += len;
	return addr;
}

static void unmap(struct demo *demo, dma_addr_t addr, size_t len, enum dma_data_direction dir)
{
	uint64_t copied = bytes_copied(demo), start = time_ticks();

	dma_unmap_single(&demo->dev->dma, addr, len, dir);
	account(demo, start, copied, len);
}

/* --- step 2: through the API --- */

static int stop(struct demo *demo, const char *what, uint64_t offset, int err)
{
	struct report_bounced *b = &demo->report.bounced;

	if (!b->stopped[0])
		snprintf(b->stopped, sizeof(b->stopped), "%s %s at byte %llu (error %d)",
			 demo->dev->name, what, (ull)offset, -err);
	return err;
}

/* No two pieces, and no two pages, are filled alike. */
static void fill_for_piece(phys_addr_t page, uint64_t offset)
{
	uint64_t *word = phys_to_virt(page);

	for (size_t i = 0; i < PAGE_SIZE / sizeof(*word); i++)
		word[i] = (page.value + (offset << 20) + i + machine.seed) * 0x9e3779b97f4a7c15;
}

/* Does the device read at `addr` what is in `page`, which is mapped there? Else it won't write. */
static int see_reach(struct demo *demo, dma_addr_t addr, phys_addr_t page, size_t len)
{
	struct report_bounced *b = &demo->report.bounced;
	uint8_t *low = phys_to_virt(demo->low);
	uint64_t bus, last;
	int err;

	if (!dma_gate(&demo->dev->dma, addr, len, &bus))
		return -EINVAL;
	last = bus + len - 1;
	if (last <= demo->seen)
		return 0;
	err = demo->dev->engine->transfer(demo->dev, addr, len, DMA_TO_DEVICE);
	memset(low, 0, len);
	if (!err)
		err = transfer_mapped(demo->dev, demo->low, len, DMA_FROM_DEVICE);
	if (err)
		return err;
	if (memcmp(low, phys_to_virt(page), len)) {
		snprintf(b->stopped, sizeof(b->stopped), "told to read %#llx, %s read elsewhere",
			 (ull)bus, demo->dev->name);
		return -EIO;
	}
	demo->seen = DMA_BIT_MASK(64 - __builtin_clzll(last));
	return 0;
}

static int to_device(struct demo *demo, uint64_t offset, size_t len)
{
	dma_addr_t addr =
		map(demo, phys_to_virt(phys_add(demo->file->addr, offset)), len, DMA_TO_DEVICE);
	int err;

	if (dma_mapping_error(&demo->dev->dma, addr))
		return -ENOMEM;
	err = demo->dev->engine->transfer(demo->dev, addr, len, DMA_TO_DEVICE);
	unmap(demo, addr, len, DMA_TO_DEVICE);
	return err;
}

/*
 * One piece out of the file and into `page`. The page is mapped for both
 * directions, since see_reach() may have the device read it first.
 */
static int there_and_back(struct demo *demo, phys_addr_t page, uint64_t offset, size_t len)
{
	dma_addr_t back = map(demo, phys_to_virt(page), len, DMA_BIDIRECTIONAL);
	int err;

	if (dma_mapping_error(&demo->dev->dma, back))
		return -ENOMEM;
	err = see_reach(demo, back, page, len);
	if (!err)
		err = to_device(demo, offset, len);
	if (!err)
		err = demo->dev->engine->transfer(demo->dev, back, len, DMA_FROM_DEVICE);
	unmap(demo, back, len, DMA_BIDIRECTIONAL);
	return err;
}

static void compare(struct demo *demo, const uint8_t *got, uint64_t offset, size_t len)
{
	struct report_bounced *b = &demo->report.bounced;
	const uint8_t *sent = file_bytes(demo) + offset;
	size_t same = 0;

	sha256_update(&demo->in, sent, len);
	sha256_update(&demo->out, got, len);
	while (same < len && got[same] == sent[same])
		same++;
	if (same < len && b->wrong_pieces++ == 0)
		b->first_wrong = offset + same;
	b->pieces++;
	b->bytes += 2 * len;
}

static int send_piece(struct demo *demo, uint64_t offset, size_t len)
{
	phys_addr_t page = device_place_pages(demo->dev, 0);
	int err;

	if (phys_is_none(page))
		return stop(demo, "got no page to write to", offset, -ENOMEM);
	fill_for_piece(page, offset);
	measure_copy(demo, len);
	err = there_and_back(demo, page, offset, len);
	if (!err)
		compare(demo, phys_to_virt(page), offset, len);
	else
		stop(demo, "gave up", offset, err);
	pages_free(&machine.zones, page, 0);
	return err;
}

/* A line that overwrites itself, for a person who waits. */
static void show_progress(const struct demo *demo, uint64_t done, uint64_t started_ms)
{
	uint64_t size = demo->file->size, spent = time_ns() / NSEC_PER_MSEC - started_ms;
	uint64_t left = spent * ((size - done) >> PAGE_SHIFT) / ((done >> PAGE_SHIFT) + 1) / 1000;

	printf("\r%s: %llu %% of %llu KiB, about %llu min %02llu s left ", demo->dev->name,
	       (ull)(done * 100 / size), (ull)size >> 10, (ull)left / 60, (ull)left % 60);
}

static int send_file(struct demo *demo)
{
	uint64_t started = time_ns() / NSEC_PER_MSEC, shown = started, size = demo->file->size;
	bool many = size > MANY_PIECES * demo->piece;
	size_t len;
	int err = 0;

	for (uint64_t offset = 0; offset < size && !err; offset += len) {
		len = size - offset < demo->piece ? size - offset : demo->piece;
		err = send_piece(demo, offset, len);
		if (many && time_ns() / NSEC_PER_MSEC - shown >= EVERY_MS) {
			shown = time_ns() / NSEC_PER_MSEC;
			show_progress(demo, offset + len, started);
		}
	}
	if (many)
		printf("\n");
	return err;
}

static int go_bounced(struct demo *demo)
{
	struct report_bounced *b = &demo->report.bounced;
	const struct dma_counters before = demo->dev->dma.count;
	const struct dma_counters *after = &demo->dev->dma.count;
	int err;

	sha256_init(&demo->in);
	sha256_init(&demo->out);
	measure_clock(demo);
	err = send_file(demo);
	b->transient = after->transient - before.transient;
	b->slots = after->slots - before.slots;
	b->cost = demo->cost > 0 && b->pieces ? (uint64_t)demo->cost / b->pieces : 0;
	b->cost_is_instructions = time_ticks_per_instruction();
	if (b->cost_is_instructions)
		b->cost /= time_ticks_per_instruction();
	if (err)
		return err;
	sha256_final(&demo->in, demo->report.sha256_in);
	sha256_final(&demo->out, demo->report.sha256_out);
	return b->wrong_pieces || strcmp(demo->report.sha256_in, demo->report.sha256_out) ? -EIO
											  : 0;
}

/* --- the job --- */

/* Where RAM lies: its end below 4 GiB, and what there is from there on. */
static void describe_memory(struct report_memory *m, uint64_t reach)
{
	const struct range_list *ram = &machine.memmap.ram;
	uint64_t pool_end = machine.pool.base.value + machine.pool.slots * SWIOTLB_SLOT;

	for (size_t i = 0; i < ram->count; i++) {
		const struct mem_range *range = &ram->range[i];

		if (range->start < GIB(4))
			m->low_end = range->end < GIB(4) ? range->end : GIB(4);
		if (range->end > GIB(4) && !m->high_start)
			m->high_start = range->start > GIB(4) ? range->start : GIB(4);
		if (range->end > GIB(4))
			m->high_end = range->end;
	}
	m->kernel = machine.image;
	m->pool = (struct mem_range){machine.pool.base.value, pool_end};
	m->ram = memmap_bytes(&machine.memmap);
	m->ram_in_reach = m->ram;
	if (reach != UINT64_MAX)
		m->ram_in_reach -= memmap_bytes_above(&machine.memmap, reach + 1);
}

static void describe(struct demo *demo)
{
	struct report *r = &demo->report;
	const struct device *dev = demo->dev;
	const struct dma_limits *limits = &dev->dma.limits;
	uint64_t mask = dma_limits_reach(limits, limits->streaming_mask);

	r->device.name = dev->name;
	r->device.mask = mask;
	if (!dma_limits_phys_reach(limits, mask, &r->device.reach))
		r->device.reach = 0;
	r->device.seen = dev->reach.bits && mask == DMA_BIT_MASK(dev->reach.bits);
	r->device.at_least = r->device.seen && !dev->reach.exact;
	describe_memory(&r->memory, r->device.reach);
	r->file_addr = demo->file->addr.value;
	r->file_size = demo->file->size;
	demo->seen = dev->reach.bits ? DMA_BIT_MASK(dev->reach.bits) : DMA_MIN_MASK;
	demo->piece = dev->engine->max_bytes < PAGE_SIZE ? dev->engine->max_bytes : PAGE_SIZE;
}

static void say_where(const struct demo *demo)
{
	const struct report *r = &demo->report;
	const char *where = r->memory.ram_in_reach == r->memory.ram ? "nothing is out of reach"
			    : r->file_addr <= r->device.reach	    ? "it begins within reach"
			    : r->file_addr >= GIB(4)		    ? "above 4 GiB, out of reach"
								    : "out of reach";

	printf("%s: the file is %llu bytes at %#llx: %s\n", r->device.name, (ull)r->file_size,
	       (ull)r->file_addr, where);
}

static const struct module *find_file(const char *driver)
{
	const struct module *file = machine.module;

	if (!machine.module_count)
		printf("%s: no file to send: there is no boot module. Give one by "
		       "`make run FILE=<path>`, or to QEMU by `-initrd <path>`.\n",
		       driver);
	else if (!file->size)
		printf("%s: nothing to send: the boot module '%s' is empty. Give another.\n",
		       driver, file->name);
	return machine.module_count && file->size ? file : NULL;
}

static struct device *find_device(const char *driver, const char *model, const char *name)
{
	struct device *dev = *name ? device_find(name) : device_first(driver);

	if (dev && dev->engine && dev->driver && strcmp(dev->driver->name, driver) == 0)
		return dev;
	if (*name)
		printf("%s: no device '%s' of that driver here. `devices` in the shell lists what "
		       "there is.\n",
		       driver, name);
	else
		printf("%s: no %s device in this machine. Add one: QEMU's `-device %s`.\n", driver,
		       driver, model);
	return NULL;
}

static void print_line(void *context, const char *line)
{
	printf("%s\n", line);
}

/* For the host, which counts what the device model tells it. */
static void say_clamps(void)
{
	printf("clamps %llu\n", (ull)device_clamps());
}

static int demonstrate(struct demo *demo)
{
	int err;

	describe(demo);
	say_where(demo);
	err = go_directly(demo);
	if (go_bounced(demo) == 0)
		demo->report.whole = true;
	else
		err = -EIO;
	say_clamps();
	report_print(&demo->report, print_line, NULL);
	return err;
}

int job_bounce(const char *driver, const char *model, const char *name)
{
	struct demo demo = {.file = find_file(driver)};
	int err;

	demo.dev = find_device(driver, model, name);
	if (!demo.file)
		return -ENOENT;
	if (!demo.dev)
		return -ENODEV;
	err = device_prepare(demo.dev);
	if (err) {
		say_clamps();
		return err;
	}
	demo.low = pages_alloc(&machine.zones,
			       &(struct page_request){.zone = ZONE_DMA, .limit = NO_LIMIT});
	if (phys_is_none(demo.low)) {
		printf("%s: no free page below 16 MiB\n", driver);
		return -ENOMEM;
	}
	demo.report.job = cmdline_flag("exit", false) ? NULL : driver;
	err = demonstrate(&demo);
	pages_free(&machine.zones, demo.low, 0);
	return err;
}
