/* SPDX-License-Identifier: MIT */
/*
 * What the walk of the buses found, held against the hardware and against
 * itself; and what PCI code must not believe.
 */
#include "drivers/pci.h"

#include "drivers/pci_reg.h"
#include "kernel/machine.h"
#include "kernel/mmu.h"
#include "kernel/printf.h"
#include "kernel/string.h"
#include "tests/ktest.h"

static void begin(struct ktest *t)
{
	if (!devices)
		ktest_skip(t, "no PCI");
}

static void expect_bar(struct ktest *t, const struct pci_device *pci, unsigned i)
{
	const struct pci_bar *bar = &pci->bar[i];
	uint32_t now = pci_read32(pci, PCI_BASE_ADDRESS_0 + 4 * i);

	EXPECT(t, bar->size && !(bar->size & (bar->size - 1)));
	EXPECT_EQ(t, bar->addr & (bar->size - 1), 0);
	now &= bar->kind == PCI_BAR_IO ? PCI_BAR_IO_MASK : PCI_BAR_MEMORY_MASK;
	EXPECT_EQ(t, now, (uint32_t)bar->addr);
	if (bar->kind == PCI_BAR_MEM64)
		EXPECT_EQ(t, pci_read32(pci, PCI_BASE_ADDRESS_0 + 4 * i + 4), bar->addr >> 32);
}

/* Sizing left every address as it was, and what it found makes sense. */
static void bars(struct ktest *t)
{
	struct device *dev;
	unsigned i;

	for (dev = devices; dev; dev = dev->next)
		for (i = 0; i < PCI_BARS; i++)
			if (to_pci(dev)->bar[i].kind != PCI_BAR_NONE)
				expect_bar(t, to_pci(dev), i);
}

/* Who is behind a bridge has it as parent, for the bus and for DMA, and comes after it. */
static void parents(struct ktest *t)
{
	struct device *dev, *before;

	for (dev = devices; dev; dev = dev->next) {
		const struct pci_device *pci = to_pci(dev);

		if (!dev->parent) {
			EXPECT_EQ(t, pci->bus, 0);
			continue;
		}
		EXPECT_EQ(t, to_pci(dev->parent)->secondary_bus, pci->bus);
		EXPECT(t, dev->dma.parent == &dev->parent->dma);
		for (before = dev->prev; before && before != dev->parent; before = before->prev)
			;
		EXPECT(t, before == dev->parent);
	}
}

/* A bus's functions in their order; no name twice. */
static void order(struct ktest *t)
{
	struct device *dev, *later;

	for (dev = devices; dev; dev = dev->next) {
		EXPECT(t, device_find(dev->name) == dev);
		for (later = dev->next; later; later = later->next) {
			const struct pci_device *a = to_pci(dev), *b = to_pci(later);

			EXPECT(t, a->bus != b->bus || a->slot < b->slot ||
					  (a->slot == b->slot && a->function < b->function));
		}
	}
}

static void expect_numbered(struct ktest *t, const struct driver *driver)
{
	struct device *dev;
	unsigned number = 0;
	char name[24];

	for (dev = devices; dev; dev = dev->next) {
		if (dev->driver != driver)
			continue;
		snprintf(name, sizeof(name), "%s%u", driver->name, number++);
		EXPECT(t, !strcmp(dev->name, name));
	}
}

static void names(struct ktest *t)
{
	const struct driver *const *driver;

	for (driver = drivers; *driver; driver++)
		expect_numbered(t, *driver);
}

/* One register in bytes, words and whole. */
static void config_widths(struct ktest *t)
{
	const struct pci_device *pci = to_pci(devices);
	uint32_t whole = pci_read32(pci, PCI_VENDOR_ID);

	EXPECT_EQ(t, pci_read16(pci, PCI_VENDOR_ID), whole & 0xffff);
	EXPECT_EQ(t, pci_read16(pci, PCI_DEVICE_ID), whole >> 16);
	EXPECT_EQ(t, pci_read8(pci, PCI_VENDOR_ID + 3), whole >> 24);
}

static void capabilities(struct ktest *t)
{
	struct device *dev;

	for (dev = devices; dev; dev = dev->next) {
		unsigned at = pci_find_capability(to_pci(dev), PCI_CAP_ID_MSI);

		EXPECT(t, !at || (at >= PCI_CAP_FIRST && at < PCI_CONFIG_SIZE));
		if (at)
			EXPECT_EQ(t, pci_read8(to_pci(dev), at), PCI_CAP_ID_MSI);
		EXPECT_EQ(t, pci_find_capability(to_pci(dev), 0xee), 0);
	}
}

/* A BAR over RAM, or where the CPU has no addresses, is firmware's mistake: not mapped. */
static void wild_bars(struct ktest *t)
{
	struct pci_device *pci = ktest_zalloc(t, sizeof(*pci));
	struct pci_bar *bar;

	if (!pci)
		return;
	bar = &pci->bar[0];
	*bar = (struct pci_bar){.kind = PCI_BAR_MEM64, .size = 4096};
	EXPECT(t, !pci_map_bar(pci, 0, 1)); /* no address */
	bar->addr = memmap_top(&machine.memmap) - 4096;
	EXPECT(t, !pci_map_bar(pci, 0, 1));
	bar->addr = mmu_phys_limit();
	EXPECT(t, !pci_map_bar(pci, 0, 1));
	bar->addr = -(uint64_t)4096;
	EXPECT(t, !pci_map_bar(pci, 0, 1));
	bar->addr = mmu_phys_limit() - 4096;
	EXPECT(t, !pci_map_bar(pci, 0, 4097));
	EXPECT(t, !pci_map_bar(pci, 1, 1)); /* no such BAR */
	bar->kind = PCI_BAR_IO;
	EXPECT(t, !pci_map_bar(pci, 0, 1));
}

/* DMA from behind a bridge needs the bridge to be a master, too. */
static void bridges_pass_dma(struct ktest *t)
{
	struct device *dev, *bridge;

	for (dev = devices; dev; dev = dev->next)
		for (bridge = dev->parent; dev->driver && bridge; bridge = bridge->parent)
			EXPECT(t, pci_read16(to_pci(bridge), PCI_COMMAND) & PCI_COMMAND_MASTER);
}

static struct pci_device *scanned[DMA_MAX_DEVICES];
static size_t scanned_count;

static void keep_scanned(struct pci_device *pci)
{
	if (scanned_count < DMA_MAX_DEVICES)
		scanned[scanned_count++] = pci;
}

/* Walk the buses once more. How many functions are on `bus`? */
static size_t scan_and_count(uint8_t bus)
{
	size_t on_bus = 0;

	scanned_count = 0;
	pci_scan(keep_scanned);
	for (size_t i = 0; i < scanned_count; i++) {
		on_bus += scanned[i]->bus == bus;
		kfree(&machine.kmem, scanned[i]);
	}
	return on_bus;
}

/* A bridge whose bus numbers firmware left at 0, or that make a loop: nothing behind it, no end. */
static void bridges_that_lie(struct ktest *t)
{
	/* Subordinate, secondary, primary bus. */
	static const uint32_t lies[] = {0, 0xff0000, 0x000100};
	const struct pci_device *bridge = NULL;
	struct device *dev;
	uint32_t truth;

	for (dev = devices; dev && !bridge; dev = dev->next)
		if (dev->parent && !dev->parent->parent)
			bridge = to_pci(dev->parent);
	if (!bridge)
		return;
	truth = pci_read32(bridge, PCI_PRIMARY_BUS);
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		pci_write32(bridge, PCI_PRIMARY_BUS, lies[i]);
		EXPECT_EQ(t, scan_and_count(bridge->secondary_bus), 0);
	}
	pci_write32(bridge, PCI_PRIMARY_BUS, truth);
	EXPECT(t, scan_and_count(bridge->secondary_bus) > 0);
}

static const struct ktest_case cases[] = {
	{"bars", bars},
	{"parents", parents},
	{"order", order},
	{"names", names},
	{"config_widths", config_widths},
	{"capabilities", capabilities},
	{"wild_bars", wild_bars},
	{"bridges_pass_dma", bridges_pass_dma},
	{"bridges_that_lie", bridges_that_lie},
	{NULL, NULL},
};

const struct ktest_suite pci_suite = {.name = "pci", .begin = begin, .cases = cases};
