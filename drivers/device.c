/* SPDX-License-Identifier: MIT */
/*
 * The list of devices, and which driver has which.
 *
 * Every function that PCI finds becomes a device and is made known to dma/
 * under its parent, before anything is bound: so a child's limits are right
 * from the start. Until a driver claims more, a device's masks are the tightest
 * there is, 24 bits: nothing is taken for reachable that nobody has looked at.
 */
#include "drivers/device.h"

#include "drivers/pci.h"
#include "drivers/pci_reg.h"
#include "kernel/cmdline.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/string.h"

const struct driver *const drivers[] = {
	&ivshmem_driver, /* first: others may live in its memory */
	&edu_driver,	 &lsi_driver, &nvme_driver, NULL,
};

#define EDGE_TRIES 4096 /* blocks that are in use, from the edge down, before any will do */

struct device *devices;
enum place place_option;

static struct device *last_device;

/* --- finding --- */

struct device *device_find(const char *name)
{
	struct device *dev;

	for (dev = devices; dev; dev = dev->next)
		if (!strcmp(dev->name, name))
			return dev;
	return NULL;
}

struct device *device_first(const char *driver)
{
	struct device *dev;

	for (dev = devices; dev; dev = dev->next)
		if (dev->driver && !strcmp(dev->driver->name, driver))
			return dev;
	return NULL;
}

uint64_t device_clamps(void)
{
	uint64_t sum = 0;
	struct device *dev;

	for (dev = devices; dev; dev = dev->next)
		sum += dev->clamps;
	return sum;
}

/* --- options --- */

struct key {
	char text[40];
};

/* The key under which the command line has the option: the device's own, else the driver's. */
static struct key option_key(const struct device *dev, const char *name)
{
	struct key key = {""};

	snprintf(key.text, sizeof(key.text), "%s.%s", dev->name, name);
	if (!cmdline_get(key.text))
		snprintf(key.text, sizeof(key.text), "%s.%s", dev->driver->name, name);
	return key;
}

uint64_t device_option_number(const struct device *dev, const char *name, uint64_t fallback,
			      uint64_t min, uint64_t max)
{
	return cmdline_number(option_key(dev, name).text, fallback, min, max);
}

int device_option_choice(const struct device *dev, const char *name, int fallback,
			 const char *const *names)
{
	return cmdline_choice(option_key(dev, name).text, fallback, names);
}

bool device_option_flag(const struct device *dev, const char *name, bool fallback)
{
	return cmdline_flag(option_key(dev, name).text, fallback);
}

/*
 * Asked for once, an option is known. In a machine without the driver's devices
 * those of all numbers are, else those of the devices that are there.
 */
static void know_option(const struct driver *driver, const char *name, unsigned count)
{
	char key[40];

	if (!count)
		cmdline_know_device(driver->name, name);
	snprintf(key, sizeof(key), "%s.%s", driver->name, name);
	cmdline_get(key);
	while (count--) {
		snprintf(key, sizeof(key), "%s%u.%s", driver->name, count, name);
		cmdline_get(key);
	}
}

/* --- finding buses' devices, and binding them --- */

static void list_append(struct device *dev)
{
	dev->prev = last_device;
	if (last_device)
		last_device->next = dev;
	else
		devices = dev;
	last_device = dev;
}

/*
 * A bridge masters nothing of its own and passes every address and any list: it
 * must not hold its children to a mask, nor to one segment.
 */
static void found(struct pci_device *pci)
{
	struct device *dev = &pci->dev;
	bool bridge = pci->header_type == PCI_HEADER_BRIDGE;
	struct dma_device *parent = dev->parent ? &dev->parent->dma : NULL;
	int err = dma_device_add(&machine.dma, &dev->dma, dev->name, parent);

	list_append(dev);
	if (!err)
		err = dma_set_mask_and_coherent(&dev->dma, bridge ? UINT64_MAX : DMA_MIN_MASK);
	if (!err && bridge)
		err = dma_set_max_segments(&dev->dma, UINT32_MAX);
	if (err)
		log_warning("%s: no DMA for it: error %d", dev->name, -err);
}

static bool matches(const struct driver *driver, struct device *dev)
{
	const struct pci_device *pci = to_pci(dev);
	const struct pci_id *id;

	for (id = driver->ids; id->vendor; id++)
		if (id->vendor == pci->vendor && id->device == pci->device)
			return true;
	return false;
}

static void bind(struct device *dev, const struct driver *driver, unsigned number)
{
	static const char *const bounce[] = {"auto", "force", NULL};
	char address[sizeof(dev->name)];
	int err;

	string_copy(address, sizeof(address), dev->name);
	snprintf(dev->name, sizeof(dev->name), "%s%u", driver->name, number);
	dev->driver = driver;
	if (device_option_choice(dev, "bounce", 0, bounce))
		dma_set_force(&dev->dma, true);
	err = driver->probe(to_pci(dev));
	if (!err) {
		log_info("%s: at %s, interrupt %s", dev->name, address,
			 pci_irq_names[to_pci(dev)->irq_mode]);
		return;
	}
	log_error("%s at %s can't be used: error %d", dev->name, address, -err);
	dev->driver = NULL;
	string_copy(dev->name, sizeof(dev->name), address);
}

static void bind_all(const struct driver *driver)
{
	const char *const *option;
	unsigned number = 0;
	struct device *dev;

	for (dev = devices; dev; dev = dev->next)
		if (matches(driver, dev) && dev->dma.id != DMA_ID_GONE)
			bind(dev, driver, number++);
	know_option(driver, "bounce", number);
	for (option = driver->options; *option; option++)
		know_option(driver, *option, number);
}

void devices_init(void)
{
	static const char *const places[] = {"high", "low", "shuffle", "edge", NULL};
	const struct driver *const *driver;

	place_option = (enum place)cmdline_choice("place", PLACE_OPTION_HIGH, places);
	pci_scan(found);
	for (driver = drivers; *driver; driver++)
		bind_all(*driver);
}

void devices_shutdown(void)
{
	const struct driver *const *driver = drivers + ARRAY_SIZE(drivers) - 1;
	struct device *dev;

	while (driver-- > drivers) {
		for (dev = last_device; dev; dev = dev->prev) {
			if (dev->driver != *driver)
				continue;
			dev->driver->remove(to_pci(dev));
			dma_device_remove(&dev->dma);
		}
	}
}

/* --- using --- */

int device_prepare(struct device *dev)
{
	int err = 0;

	if (!dev->prepared && dev->driver && dev->driver->prepare)
		err = dev->driver->prepare(dev);
	dev->prepared = !err;
	return err;
}

/* Step down from the end of a range of RAM, or from `last`, to the first block that is free. */
static phys_addr_t take_from_end(const struct mem_range *ram, uint64_t last, uint64_t size)
{
	uint64_t end = ram->end - 1 < last ? ram->end : last + 1;
	unsigned tries;

	for (tries = 0; tries < EDGE_TRIES && end >= size; tries++) {
		end = ALIGN_DOWN(end, size) - size;
		if (end < ram->start)
			break;
		if (!pages_take(&machine.zones, phys(end), size >> PAGE_SHIFT))
			return phys(end);
	}
	return PHYS_NONE;
}

/*
 * The highest block at or below `last`, as far as that can be had: pages_alloc()
 * would rather break up a low small block than a high large one.
 */
static phys_addr_t take_at_edge(uint64_t last, unsigned order)
{
	const struct range_list *ram = &machine.memmap.ram;
	phys_addr_t addr = PHYS_NONE;
	size_t i;

	for (i = ram->count; i-- && phys_is_none(addr);)
		if (ram->range[i].start <= last)
			addr = take_from_end(&ram->range[i], last, PAGE_SIZE << order);
	return addr;
}

/*
 * The highest free pages there are, in a block of whatever size: pages_alloc()
 * takes the highest of the smallest blocks that do, which may lie anywhere.
 */
static phys_addr_t take_highest(unsigned order)
{
	const struct buddy *buddy = &machine.zones.zone[ZONE_NORMAL].buddy;
	struct page_request request = {.zone = ZONE_NORMAL, .place = PLACE_HIGH, .limit = NO_LIMIT};
	phys_addr_t best = PHYS_NONE;

	/* or a block that a CPU freed would be had, wherever it lies */
	pages_drain(&machine.zones);
	for (request.order = order; request.order <= BUDDY_MAX_ORDER; request.order++) {
		size_t rest = (1UL << request.order) - (1UL << order);
		phys_addr_t page, lower;

		if (!buddy->free_blocks[request.order])
			continue;
		page = pages_alloc(&machine.zones, &request);
		if (rest)
			pages_give(&machine.zones, page, rest);
		page = phys_add(page, rest << PAGE_SHIFT);
		lower = page;
		if (phys_is_none(best) || page.value > best.value) {
			lower = best;
			best = page;
		}
		if (!phys_is_none(lower))
			pages_free(&machine.zones, lower, order);
	}
	return best;
}

static phys_addr_t take_as_placed(struct device *dev, struct page_request *request)
{
	const struct dma_limits *limits = &dev->dma.limits;
	uint64_t reach = dma_limits_reach(limits, limits->streaming_mask), first;

	switch (place_option) {
	case PLACE_OPTION_HIGH:
		return take_highest(request->order);
	case PLACE_OPTION_LOW:
		request->place = PLACE_LOW;
		break;
	case PLACE_OPTION_SHUFFLE:
		request->place = PLACE_SHUFFLE;
		break;
	case PLACE_OPTION_EDGE:
		request->dma_reserve = true; /* the edge of 24 bits is in there */
		if (!dma_limits_window(limits, reach, &first, &request->limit))
			request->limit = 0; /* nothing is in reach */
		return take_at_edge(request->limit, request->order);
	}
	return PHYS_NONE;
}

phys_addr_t device_place_pages(struct device *dev, unsigned order)
{
	struct page_request request = {
		.order = order, .zone = ZONE_NORMAL, .place = PLACE_HIGH, .limit = NO_LIMIT};
	phys_addr_t addr = take_as_placed(dev, &request);

	return phys_is_none(addr) ? pages_alloc(&machine.zones, &request) : addr;
}
