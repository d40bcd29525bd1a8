/* SPDX-License-Identifier: MIT */
/*
 * Real transfers by edu, through the API: every byte held against what was
 * sent, every end of a transfer (interrupt, deadline, none) reached once.
 *
 * Buffers lie where place= says. After each case mappings, slots and pages are
 * as before, and no misuse was counted but what the case asked for. A transfer
 * takes 100 ms of the machine's time: the suite makes about 40.
 */
#include "drivers/edu_reg.h"
#include "drivers/pci.h"
#include "drivers/pci_reg.h"
#include "kernel/io.h"
#include "kernel/machine.h"
#include "kernel/mmu.h"
#include "kernel/string.h"
#include "kernel/time.h"
#include "tests/kernel/device_fixture.h"

#define BUFFER_ORDER 1
#define BUFFER_BYTES (PAGE_SIZE << BUFFER_ORDER)
#define PATTERN	     0xa5

static struct device_fixture f;

static void begin(struct ktest *t)
{
	struct device *dev = device_first("edu");

	f.dev = NULL;
	if (!dev) {
		ktest_skip(t, "no edu device");
		return;
	}
	EXPECT_EQ(t, device_prepare(dev), 0);
	device_fixture_say_clamps();
	device_fixture_begin(t, &f, dev, BUFFER_ORDER);
}

static void end(struct ktest *t)
{
	device_fixture_end(t, &f);
	device_fixture_say_clamps();
}

/* --- moving bytes --- */

static void fill(struct ktest *t, uint8_t *buf, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = (uint8_t)ktest_random(t, 256);
}

static bool all_are(const uint8_t *buf, size_t len, uint8_t byte)
{
	while (len--)
		if (*buf++ != byte)
			return false;
	return true;
}

/* Map, transfer, unmap. */
static int move(struct device *dev, void *buf, size_t len, enum dma_data_direction dir)
{
	dma_addr_t addr = dma_map_single(&dev->dma, buf, len, dir);
	int err;

	if (dma_mapping_error(&dev->dma, addr))
		return -ENOMEM;
	err = dev->engine->transfer(dev, addr, len, dir);
	dma_unmap_single(&dev->dma, addr, len, dir);
	return err;
}

/* `len` bytes at buf[0] + offset go out and come back to buf[1] + offset, and nowhere else. */
static void round_trip(struct ktest *t, size_t len, size_t offset)
{
	fill(t, f.buf[0], BUFFER_BYTES);
	memset(f.buf[1], PATTERN, BUFFER_BYTES);
	EXPECT_EQ(t, move(f.dev, f.buf[0] + offset, len, DMA_TO_DEVICE), 0);
	EXPECT_EQ(t, move(f.dev, f.buf[1] + offset, len, DMA_FROM_DEVICE), 0);
	EXPECT(t, !memcmp(f.buf[0] + offset, f.buf[1] + offset, len));
	EXPECT(t, all_are(f.buf[1], offset, PATTERN));
	EXPECT(t, all_are(f.buf[1] + offset + len, BUFFER_BYTES - offset - len, PATTERN));
}

static void sizes(struct ktest *t)
{
	round_trip(t, 1, 0);
	round_trip(t, 2, 4095);
	round_trip(t, 511, 3);
	round_trip(t, 2048, 2047);
	round_trip(t, EDU_MAX_BYTES, 0);
	round_trip(t, EDU_MAX_BYTES, 4095);
}

/* A buffer is bounced where the device doesn't reach its last byte, or by force; else not. */
static void bounce_count(struct ktest *t)
{
	const struct dma_limits *limits = &f.dev->dma.limits;
	const struct dma_counters *count = &f.dev->dma.count;
	uint64_t reach = dma_limits_reach(limits, limits->streaming_mask);
	bool forced = f.dev->dma.slow & DMA_SLOW_FORCE;
	bool bounces = forced || !dma_range_within(f.page[0].value, 100, reach);
	uint64_t bounced = count->bounced + count->transient, in = count->bytes_in;

	EXPECT_EQ(t, move(f.dev, f.buf[0], 100, DMA_TO_DEVICE), 0);
	EXPECT_EQ(t, count->bounced + count->transient - bounced, bounces ? 1 : 0);
	EXPECT_EQ(t, count->bytes_in - in, bounces ? 100 : 0);
}

static void forced(struct ktest *t)
{
	const struct dma_counters *count = &f.dev->dma.count;
	uint64_t bounced = count->bounced + count->transient;
	bool was = f.dev->dma.slow & DMA_SLOW_FORCE;

	dma_set_force(&f.dev->dma, true);
	round_trip(t, 700, 5);
	dma_set_force(&f.dev->dma, was);
	EXPECT_EQ(t, count->bounced + count->transient - bounced, 2);
}

/*
 * Of the slots of a forced device's mapping a device, told to read all of them,
 * gets the mapping and zeroes: nothing that was there before, and nothing that
 * lies around the buffer.
 *
 *	|  zeroed: 1000  |  the mapping: 2500  |  zeroed  |  of two slots
 */
static void forced_sees_nothing_else(struct ktest *t)
{
	struct dma_device forced;
	uint64_t bus = 0;
	dma_addr_t addr;

	memset(f.buf[0], PATTERN, BUFFER_BYTES);
	EXPECT_EQ(t, dma_device_add(&machine.dma, &forced, "forced", NULL), 0);
	EXPECT_EQ(t, dma_set_mask(&forced, f.dev->dma.limits.streaming_mask), 0);
	EXPECT_EQ(t, dma_set_min_align_mask(&forced, SWIOTLB_SLOT - 1), 0);
	dma_set_force(&forced, true);
	addr = dma_map_single(&forced, f.buf[0], EDU_MAX_BYTES, DMA_TO_DEVICE);
	dma_unmap_single(&forced, addr, EDU_MAX_BYTES, DMA_TO_DEVICE);
	addr = dma_map_single(&forced, f.buf[0] + 1000, 2500, DMA_TO_DEVICE);
	EXPECT(t, dma_gate(&forced, addr, 2500, &bus));
	EXPECT_EQ(t, bus % SWIOTLB_SLOT, 1000);
	EXPECT_EQ(t,
		  f.dev->engine->transfer_around_the_gate(f.dev, bus - 1000, EDU_MAX_BYTES,
							  DMA_TO_DEVICE),
		  0);
	dma_unmap_single(&forced, addr, 2500, DMA_TO_DEVICE);
	dma_device_remove(&forced);
	EXPECT_EQ(t, move(f.dev, f.buf[1], EDU_MAX_BYTES, DMA_FROM_DEVICE), 0);
	EXPECT(t, all_are(f.buf[1], 1000, 0));
	EXPECT(t, all_are(f.buf[1] + 1000, 2500, PATTERN));
	EXPECT(t, all_are(f.buf[1] + 3500, EDU_MAX_BYTES - 3500, 0));
}

/* The last pages that the claimed mask covers are reached, with no bounce. */
static void at_the_edge(struct ktest *t)
{
	const struct dma_limits *limits = &f.dev->dma.limits;
	uint64_t reach = dma_limits_reach(limits, limits->streaming_mask);
	enum place was = place_option;
	phys_addr_t page[2];
	unsigned i;

	place_option = PLACE_OPTION_EDGE;
	for (i = 0; i < 2; i++) {
		page[i] = device_place_pages(f.dev, 0);
		EXPECT(t, dma_range_within(page[i].value, PAGE_SIZE, reach));
	}
	place_option = was;
	REQUIRE(t, !phys_is_none(page[0]) && !phys_is_none(page[1]));
	fill(t, phys_to_virt(page[0]), 64);
	memset(phys_to_virt(page[1]), PATTERN, 64);
	EXPECT_EQ(t, move(f.dev, phys_to_virt(page[0]), 64, DMA_TO_DEVICE), 0);
	EXPECT_EQ(t, move(f.dev, phys_to_virt(page[1]), 64, DMA_FROM_DEVICE), 0);
	EXPECT(t, !memcmp(phys_to_virt(page[0]), phys_to_virt(page[1]), 64));
	for (i = 0; i < 2; i++)
		pages_free(&machine.zones, page[i], 0);
}

/* With place=high no free page lies above, though one alone far below is the smallest block. */
static void placed_high(struct ktest *t)
{
	struct page_request request = {
		.order = 5, .zone = ZONE_NORMAL, .place = PLACE_LOW, .limit = NO_LIMIT};
	phys_addr_t block = pages_alloc(&machine.zones, &request), page[8], other;
	enum place was = place_option;
	unsigned i;

	REQUIRE(t, !phys_is_none(block));
	pages_give(&machine.zones, block, 1);
	place_option = PLACE_OPTION_HIGH;
	for (i = 0; i < ARRAY_SIZE(page); i++) {
		page[i] = device_place_pages(f.dev, 0);
		EXPECT(t, i == 0 || page[i].value < page[i - 1].value);
	}
	place_option = was;
	request.place = PLACE_HIGH;
	for (request.order = 0; request.order <= BUDDY_MAX_ORDER; request.order++) {
		other = pages_alloc(&machine.zones, &request);
		if (phys_is_none(other))
			continue;
		EXPECT(t, other.value < page[ARRAY_SIZE(page) - 1].value);
		pages_free(&machine.zones, other, request.order);
	}
	for (i = 0; i < ARRAY_SIZE(page); i++)
		pages_free(&machine.zones, page[i], 0);
	pages_give(&machine.zones, phys_add(block, PAGE_SIZE), 31);
}

/* What the device doesn't write keeps what it had. */
static void unwritten_bytes_stay(struct ktest *t)
{
	struct dma_device *dma = &f.dev->dma;
	dma_addr_t addr;

	fill(t, f.buf[0], 100);
	EXPECT_EQ(t, move(f.dev, f.buf[0], 100, DMA_TO_DEVICE), 0);
	memset(f.buf[1], PATTERN, BUFFER_BYTES);
	addr = dma_map_single(dma, f.buf[1] + 9, 3000, DMA_FROM_DEVICE);
	REQUIRE(t, !dma_mapping_error(dma, addr));
	EXPECT_EQ(t, f.dev->engine->transfer(f.dev, addr, 100, DMA_FROM_DEVICE), 0);
	dma_unmap_single(dma, addr, 3000, DMA_FROM_DEVICE);
	EXPECT(t, all_are(f.buf[1], 9, PATTERN));
	EXPECT(t, !memcmp(f.buf[0], f.buf[1] + 9, 100));
	EXPECT(t, all_are(f.buf[1] + 109, BUFFER_BYTES - 109, PATTERN));
}

/* The middle of a mapping, handed over and looked at without unmapping. */
static void part_of_a_mapping(struct ktest *t)
{
	struct dma_device *dma = &f.dev->dma;
	dma_addr_t addr = dma_map_single(dma, f.buf[0], EDU_MAX_BYTES, DMA_BIDIRECTIONAL), part;
	const struct copy_engine *engine = f.dev->engine;
	uint8_t sent[500];

	REQUIRE(t, !dma_mapping_error(dma, addr));
	part = dma_addr_add(addr, 1001);
	dma_sync_single_for_cpu(dma, part, sizeof(sent), DMA_BIDIRECTIONAL);
	fill(t, sent, sizeof(sent));
	memcpy(f.buf[0] + 1001, sent, sizeof(sent));
	dma_sync_single_for_device(dma, part, sizeof(sent), DMA_BIDIRECTIONAL);
	EXPECT_EQ(t, engine->transfer(f.dev, part, sizeof(sent), DMA_TO_DEVICE), 0);
	part = dma_addr_add(addr, 3000);
	EXPECT_EQ(t, engine->transfer(f.dev, part, sizeof(sent), DMA_FROM_DEVICE), 0);
	dma_sync_single_for_cpu(dma, part, sizeof(sent), DMA_BIDIRECTIONAL);
	EXPECT(t, !memcmp(f.buf[0] + 3000, sent, sizeof(sent)));
	dma_unmap_single(dma, addr, EDU_MAX_BYTES, DMA_BIDIRECTIONAL);
	EXPECT(t, !memcmp(f.buf[0] + 1001, sent, sizeof(sent)));
}

static void two_devices(struct ktest *t)
{
	struct device *other = device_find("edu1");
	uint8_t *a = f.buf[0], *b = f.buf[0] + 2000;

	if (!other) {
		ktest_skip(t, "no second edu device");
		return;
	}
	EXPECT_EQ(t, device_prepare(other), 0);
	fill(t, f.buf[0], BUFFER_BYTES);
	EXPECT_EQ(t, move(f.dev, a, 1500, DMA_TO_DEVICE), 0);
	EXPECT_EQ(t, move(other, b, 1500, DMA_TO_DEVICE), 0);
	EXPECT_EQ(t, move(f.dev, f.buf[1], 1500, DMA_FROM_DEVICE), 0);
	EXPECT_EQ(t, move(other, f.buf[1] + 2000, 1500, DMA_FROM_DEVICE), 0);
	EXPECT(t, !memcmp(f.buf[1], a, 1500));
	EXPECT(t, !memcmp(f.buf[1] + 2000, b, 1500));
}

/* --- what is refused --- */

static void bad_arguments(struct ktest *t)
{
	struct dma_device *dma = &f.dev->dma;
	dma_addr_t addr = dma_map_single(dma, f.buf[0], BUFFER_BYTES, DMA_BIDIRECTIONAL);
	const struct copy_engine *engine = f.dev->engine;

	REQUIRE(t, !dma_mapping_error(dma, addr));
	EXPECT_EQ(t, engine->transfer(f.dev, addr, 0, DMA_TO_DEVICE), -EINVAL);
	EXPECT_EQ(t, engine->transfer(f.dev, addr, EDU_MAX_BYTES + 1, DMA_TO_DEVICE), -EINVAL);
	EXPECT_EQ(t, engine->transfer(f.dev, addr, 8, DMA_BIDIRECTIONAL), -EINVAL);
	dma_unmap_single(dma, addr, BUFFER_BYTES, DMA_BIDIRECTIONAL);
}

/* The gate holds: nothing is started, and the host sees no clamp that isn't counted. */
static void out_of_reach(struct ktest *t)
{
	struct dma_device *dma = &f.dev->dma;
	uint64_t mask = dma->limits.streaming_mask, refused = dma->count.refused;
	dma_addr_t addr = dma_map_single(dma, f.buf[0], 64, DMA_TO_DEVICE), beyond;
	const uint8_t *regs = pci_map_bar(to_pci(f.dev), EDU_BAR, EDU_BAR_SIZE);

	REQUIRE(t, !dma_mapping_error(dma, addr));
	beyond = dma_addr_add(addr, mask + 1);
	EXPECT_EQ(t, f.dev->engine->transfer(f.dev, beyond, 64, DMA_TO_DEVICE), -EINVAL);
	EXPECT(t, !(readq(regs + EDU_DMA_CMD) & EDU_CMD_RUN));
	EXPECT_EQ(t, dma->count.refused - refused, 1);
	f.misuse++;
	dma_unmap_single(dma, addr, 64, DMA_TO_DEVICE);
}

/* What was claimed is no more than what was proven. */
static void claimed_mask(struct ktest *t)
{
	const struct dma_limits *limits = &f.dev->dma.limits;

	if (!f.dev->reach.bits) {
		ktest_skip(t, "edu.probe=off");
		return;
	}
	EXPECT(t, limits->streaming_mask >= DMA_MIN_MASK);
	EXPECT(t, limits->streaming_mask <= DMA_BIT_MASK(f.dev->reach.bits));
	EXPECT(t, limits->coherent_mask <= DMA_BIT_MASK(f.dev->reach.bits));
	EXPECT(t, !f.dev->reach.exact || f.dev->clamps);
}

/* --- how a transfer ends --- */

/* A round trip; returns the longer time of its two transfers. */
static uint64_t timed_round_trip(struct ktest *t)
{
	uint64_t start = time_ns(), middle;

	memset(f.buf[1], PATTERN, 64);
	fill(t, f.buf[0], 64);
	EXPECT_EQ(t, move(f.dev, f.buf[0], 64, DMA_TO_DEVICE), 0);
	middle = time_ns();
	EXPECT_EQ(t, move(f.dev, f.buf[1], 64, DMA_FROM_DEVICE), 0);
	EXPECT(t, !memcmp(f.buf[0], f.buf[1], 64));
	return middle - start > time_ns() - middle ? middle - start : time_ns() - middle;
}

static int reconnect(enum pci_irq mode)
{
	struct pci_device *pci = to_pci(f.dev);

	return pci_connect_irq(pci, mode, pci->handler, pci->handler_arg);
}

/* With an interrupt it ends long before the deadline; without, at it. */
static void with_irq_mode(struct ktest *t, enum pci_irq mode)
{
	enum pci_irq was = to_pci(f.dev)->irq_mode;

	if (reconnect(mode)) {
		ktest_say("%s has no %s", f.dev->name, pci_irq_names[mode]);
		ktest_skip(t, "no such interrupt");
	} else if (mode == PCI_IRQ_NONE) {
		f.dev->timeout_ns = 2 * EDU_TRANSFER_MS * NSEC_PER_MSEC;
		EXPECT(t, timed_round_trip(t) >= f.dev->timeout_ns);
	} else {
		f.dev->timeout_ns = 10 * NSEC_PER_SEC;
		EXPECT(t, timed_round_trip(t) < f.dev->timeout_ns);
	}
	EXPECT_EQ(t, reconnect(was), 0);
}

static void irq_msi(struct ktest *t)
{
	with_irq_mode(t, PCI_IRQ_MSI);
}

static void irq_intx(struct ktest *t)
{
	with_irq_mode(t, PCI_IRQ_INTX);
}

static void irq_none(struct ktest *t)
{
	with_irq_mode(t, PCI_IRQ_NONE);
}

/* Keep the device from raising what the driver waits for. */
static void cut_interrupt(const struct pci_device *pci)
{
	unsigned at = pci_find_capability(pci, PCI_CAP_ID_MSI);

	if (at)
		pci_write16(pci, at + PCI_MSI_CONTROL, 0);
	pci_write16(pci, PCI_COMMAND, pci_read16(pci, PCI_COMMAND) | PCI_COMMAND_INTX_DISABLE);
}

/* The interrupt is lost, the data isn't. */
static void lost_interrupt(struct ktest *t)
{
	enum pci_irq was = to_pci(f.dev)->irq_mode;

	if (was == PCI_IRQ_NONE) {
		ktest_skip(t, "no interrupt to lose");
		return;
	}
	cut_interrupt(to_pci(f.dev));
	f.dev->timeout_ns = 2 * EDU_TRANSFER_MS * NSEC_PER_MSEC;
	EXPECT(t, timed_round_trip(t) >= f.dev->timeout_ns);
	EXPECT_EQ(t, reconnect(was), 0);
	f.dev->timeout_ns = 10 * NSEC_PER_SEC;
	EXPECT(t, timed_round_trip(t) < f.dev->timeout_ns);
}

/*
 * A transfer that outlasts the deadline is given up, and can't touch memory
 * then. (The case lets it, with its mapping still made, or the device would run
 * into nothing, which QEMU logs.) Until it ends the device is busy, then usable.
 */
static void deadline(struct ktest *t)
{
	struct dma_device *dma = &f.dev->dma;
	struct pci_device *pci = to_pci(f.dev);
	dma_addr_t addr = dma_map_single(dma, f.buf[0], 64, DMA_TO_DEVICE);

	REQUIRE(t, !dma_mapping_error(dma, addr));
	f.dev->timeout_ns = EDU_TRANSFER_MS * NSEC_PER_MSEC / 10;
	EXPECT_EQ(t, f.dev->engine->transfer(f.dev, addr, 64, DMA_TO_DEVICE), -ETIMEDOUT);
	EXPECT(t, !(pci_read16(pci, PCI_COMMAND) & PCI_COMMAND_MASTER));
	pci_set_master(pci, true);
	EXPECT_EQ(t, f.dev->engine->transfer(f.dev, addr, 64, DMA_TO_DEVICE), -EBUSY);
	time_sleep(EDU_TRANSFER_MS * NSEC_PER_MSEC);
	pci_set_master(pci, false);
	dma_unmap_single(dma, addr, 64, DMA_TO_DEVICE);
	f.dev->timeout_ns = f.timeout_ns;
	timed_round_trip(t);
}

static const struct ktest_case cases[] = {
	{"sizes", sizes},
	{"bounce_count", bounce_count},
	{"forced", forced},
	{"forced_sees_nothing_else", forced_sees_nothing_else},
	{"at_the_edge", at_the_edge},
	{"placed_high", placed_high},
	{"unwritten_bytes_stay", unwritten_bytes_stay},
	{"part_of_a_mapping", part_of_a_mapping},
	{"two_devices", two_devices},
	{"bad_arguments", bad_arguments},
	{"out_of_reach", out_of_reach},
	{"claimed_mask", claimed_mask},
	{"irq_msi", irq_msi},
	{"irq_intx", irq_intx},
	{"irq_none", irq_none},
	{"lost_interrupt", lost_interrupt},
	{"deadline", deadline},
	{NULL, NULL},
};

const struct ktest_suite edu_suite = {.name = "edu", .begin = begin, .end = end, .cases = cases};
