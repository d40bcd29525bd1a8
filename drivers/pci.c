/* SPDX-License-Identifier: MIT */
/*
 * PCI functions: who is there, what they decode, and access to their registers.
 *
 * Configuration space is outside data: a bus number is walked only if it is
 * above its bridge's and was not walked before, so that no garbage makes a
 * loop; a BAR counts only with a size that is a power of two and an address
 * that is a multiple of it; a capability list is left after as many steps as
 * there is room for entries.
 *
 * Objects are kmalloc'ed and live for ever; the list of them is device.c's.
 * One thread; the two ports of mechanism #1 are a pair, used with interrupts off.
 */
#include "drivers/pci.h"

#include "dma/declared.h"
#include "drivers/pci_reg.h"
#include "kernel/io.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/mmu.h"

_Static_assert(offsetof(struct pci_device, dev) == 0, "to_pci() is a cast");

#define MAX_DEPTH 8 /* bridges behind bridges */

struct walk {
	void (*found)(struct pci_device *);
	uint32_t walked[256 / 32]; /* a bit a bus */
	unsigned depth;
};

static void scan_bus(struct walk *walk, unsigned bus, struct device *parent);

/* --- configuration space --- */

/* Bus, slot and function as CONFIG_ADDRESS has them. */
static uint32_t config_where(unsigned bus, unsigned slot, unsigned function)
{
	return PCI_CONFIG_ENABLE | bus << 16 | slot << 11 | function << 8;
}

static uint32_t config_read(uint32_t where, unsigned reg)
{
	unsigned long flags = irq_save();
	uint32_t value;

	outl(PCI_CONFIG_ADDRESS, where | (reg & 0xfc));
	value = inl(PCI_CONFIG_DATA);
	irq_restore(flags);
	return value >> (reg & 3) * 8;
}

static uint32_t where_is(const struct pci_device *pci)
{
	return config_where(pci->bus, pci->slot, pci->function);
}

uint8_t pci_read8(const struct pci_device *pci, unsigned reg)
{
	return (uint8_t)config_read(where_is(pci), reg);
}

uint16_t pci_read16(const struct pci_device *pci, unsigned reg)
{
	return (uint16_t)config_read(where_is(pci), reg);
}

uint32_t pci_read32(const struct pci_device *pci, unsigned reg)
{
	return config_read(where_is(pci), reg);
}

void pci_write16(const struct pci_device *pci, unsigned reg, uint16_t value)
{
	unsigned long flags = irq_save();

	outl(PCI_CONFIG_ADDRESS, where_is(pci) | (reg & 0xfc));
	outw(PCI_CONFIG_DATA + (reg & 2), value);
	irq_restore(flags);
}

void pci_write32(const struct pci_device *pci, unsigned reg, uint32_t value)
{
	unsigned long flags = irq_save();

	outl(PCI_CONFIG_ADDRESS, where_is(pci) | (reg & 0xfc));
	outl(PCI_CONFIG_DATA, value);
	irq_restore(flags);
}

unsigned pci_find_capability(const struct pci_device *pci, uint8_t id)
{
	unsigned at, left = (PCI_CONFIG_SIZE - PCI_CAP_FIRST) / 4;

	if (!(pci_read16(pci, PCI_STATUS) & PCI_STATUS_CAP_LIST))
		return 0;
	at = pci_read8(pci, PCI_CAPABILITY_LIST) & ~3u;
	for (; at >= PCI_CAP_FIRST && left; left--) {
		if (pci_read8(pci, at) == id)
			return at;
		at = pci_read8(pci, at + PCI_CAP_NEXT) & ~3u;
	}
	return 0;
}

void pci_update16(const struct pci_device *pci, unsigned reg, uint16_t clear, uint16_t set)
{
	pci_write16(pci, reg, (pci_read16(pci, reg) & ~clear) | set);
}

#define MEMORY_AND_MASTER (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER)

/* A bridge passes its children's DMA up only as a master (PCI-to-PCI Bridge 1.2, section 3.2.5.3).
 */
void pci_enable(struct pci_device *pci)
{
	for (struct device *dev = &pci->dev; dev; dev = dev->parent)
		pci_update16(to_pci(dev), PCI_COMMAND, 0, MEMORY_AND_MASTER);
}

void pci_disable(struct pci_device *pci)
{
	pci_update16(pci, PCI_COMMAND, MEMORY_AND_MASTER, 0);
}

void pci_set_master(struct pci_device *pci, bool on)
{
	pci_update16(pci, PCI_COMMAND, PCI_COMMAND_MASTER, on ? PCI_COMMAND_MASTER : 0);
}

/* --- base addresses --- */

/* Which bits of the register can be set: all but those that the size makes constant. */
static uint32_t probe_bits(const struct pci_device *pci, unsigned reg)
{
	uint32_t old = pci_read32(pci, reg), bits;

	pci_write32(pci, reg, UINT32_MAX);
	bits = pci_read32(pci, reg);
	pci_write32(pci, reg, old);
	return bits;
}

static void size_io(struct pci_bar *bar, uint32_t value, uint32_t bits)
{
	/* The upper 16 bits may be hard-wired to 0, x86 has no more ports. */
	bits &= PCI_BAR_IO_MASK & 0xffff;
	bar->kind = bits ? PCI_BAR_IO : PCI_BAR_NONE;
	bar->size = bits & -bits;
	bar->addr = value & PCI_BAR_IO_MASK;
}

static void size_memory(const struct pci_device *pci, struct pci_bar *bar, unsigned reg,
			uint32_t value, uint32_t bits)
{
	uint64_t all = bits & PCI_BAR_MEMORY_MASK;

	bar->addr = value & PCI_BAR_MEMORY_MASK;
	bar->kind = PCI_BAR_MEM32;
	bar->prefetchable = value & PCI_BAR_PREFETCH;
	if ((value & PCI_BAR_TYPE_MASK) == PCI_BAR_TYPE_64) {
		bar->kind = PCI_BAR_MEM64;
		bar->addr |= (uint64_t)pci_read32(pci, reg + 4) << 32;
		all |= (uint64_t)probe_bits(pci, reg + 4) << 32;
	}
	if (!all)
		bar->kind = PCI_BAR_NONE;
	bar->size = all & -all;
}

static void size_bar(struct pci_device *pci, unsigned i, bool has_next)
{
	unsigned reg = PCI_BASE_ADDRESS_0 + 4 * i;
	uint32_t value = pci_read32(pci, reg), bits = probe_bits(pci, reg);
	struct pci_bar *bar = &pci->bar[i];
	bool wide = !(value & PCI_BAR_SPACE_IO) && (value & PCI_BAR_TYPE_MASK) == PCI_BAR_TYPE_64;

	if (!bits || bits == UINT32_MAX || (wide && !has_next))
		return;
	if (bits & PCI_BAR_SPACE_IO)
		size_io(bar, value, bits);
	else
		size_memory(pci, bar, reg, value, bits);
	if (bar->addr & (bar->size - 1)) {
		log_warning("pci: %s: BAR %u at %#llx is no multiple of its size %#llx; ignored",
			    pci->dev.name, i, (unsigned long long)bar->addr,
			    (unsigned long long)bar->size);
		bar->addr = 0;
	}
}

/*
 * With decoding off, so that the device answers nowhere while its BARs are all
 * ones. A host bridge's can't be switched off, and its BARs are of no use.
 */
static void size_bars(struct pci_device *pci)
{
	unsigned i, count = pci->header_type == PCI_HEADER_NORMAL   ? PCI_BARS
			    : pci->header_type == PCI_HEADER_BRIDGE ? 2
								    : 0;
	uint16_t command = pci_read16(pci, PCI_COMMAND);

	if (pci->class_code >> 8 == PCI_CLASS_HOST_BRIDGE)
		return;
	pci_write16(pci, PCI_COMMAND, command & ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
	for (i = 0; i < count; i++) {
		size_bar(pci, i, i + 1 < count);
		if (pci->bar[i].kind == PCI_BAR_MEM64)
			i++;
	}
	pci_write16(pci, PCI_COMMAND, command);
}

/* Device memory lies where the CPU has addresses, and no RAM. */
static bool can_be_device_memory(const struct pci_bar *bar)
{
	uint64_t limit = mmu_phys_limit();

	if (bar->kind != PCI_BAR_MEM32 && bar->kind != PCI_BAR_MEM64)
		return false;
	return bar->addr && bar->size <= limit && bar->addr <= limit - bar->size &&
	       !memmap_has_ram(&machine.memmap, bar->addr, bar->addr + bar->size - 1);
}

void *pci_map_bar(struct pci_device *pci, unsigned i, uint64_t min_size)
{
	struct pci_bar *bar = &pci->bar[i];

	if (bar->size < min_size || !can_be_device_memory(bar))
		return NULL;
	if (!bar->mapped)
		bar->mapped = mmu_map_device(phys(bar->addr), bar->size, MMU_WRITE | MMU_UNCACHED);
	return bar->mapped;
}

int pci_declare_bar(struct pci_device *pci, unsigned i, struct dma_device *owner, int flags)
{
	const struct pci_bar *bar = &pci->bar[i];
	dma_addr_t addr = dma_addr_of(bar->addr);

	if (!can_be_device_memory(bar)) {
		log_error("%s: BAR %u is no device memory (%#lx bytes at %#lx)", pci->dev.name, i,
			  bar->size, bar->addr);
		return -ENXIO;
	}
	if (bar->prefetchable)
		flags |= DMA_MEMORY_PREFETCHABLE;
	return dma_declare_coherent_memory(owner, addr, addr, bar->size, flags);
}

/* --- the walk --- */

static void read_header(struct pci_device *pci)
{
	pci->vendor = pci_read16(pci, PCI_VENDOR_ID);
	pci->device = pci_read16(pci, PCI_DEVICE_ID);
	pci->class_code = pci_read32(pci, PCI_CLASS_REVISION) >> 8;
	pci->header_type = pci_read8(pci, PCI_HEADER_TYPE) & PCI_HEADER_TYPE_MASK;
	pci->irq_line = pci_read8(pci, PCI_INTERRUPT_LINE);
	pci->irq_pin = pci_read8(pci, PCI_INTERRUPT_PIN);
	log_debug("pci: %s %04x:%04x class %06x, bus mastering %s", pci->dev.name, pci->vendor,
		  pci->device, pci->class_code,
		  pci_read16(pci, PCI_COMMAND) & PCI_COMMAND_MASTER ? "on" : "off");
}

static struct pci_device *new_device(unsigned bus, unsigned slot, unsigned function,
				     struct device *parent)
{
	struct pci_device *pci = kmalloc(&machine.kmem, sizeof(*pci));

	if (!pci) {
		log_error("pci: no memory for the device at %02x:%02x.%x", bus, slot, function);
		return NULL;
	}
	pci->bus = (uint8_t)bus;
	pci->slot = (uint8_t)slot;
	pci->function = (uint8_t)function;
	pci->dev.parent = parent;
	snprintf(pci->dev.name, sizeof(pci->dev.name), "%02x:%02x.%x", bus, slot, function);
	read_header(pci);
	size_bars(pci);
	return pci;
}

static bool was_walked(const struct walk *walk, unsigned bus)
{
	return walk->walked[bus / 32] >> bus % 32 & 1;
}

/* The bus behind a bridge; 0 where its numbers make no tree. */
static uint8_t bus_behind(const struct walk *walk, const struct pci_device *bridge)
{
	uint8_t secondary = pci_read8(bridge, PCI_SECONDARY_BUS);
	uint8_t subordinate = pci_read8(bridge, PCI_SUBORDINATE_BUS);

	if (secondary > bridge->bus && subordinate >= secondary && !was_walked(walk, secondary) &&
	    walk->depth < MAX_DEPTH)
		return secondary;
	log_warning("pci: bridge %s: firmware's bus numbers %u to %u make no tree; what is "
		    "behind it is not seen",
		    bridge->dev.name, secondary, subordinate);
	return 0;
}

static void scan_function(struct walk *walk, unsigned bus, unsigned slot, unsigned function,
			  struct device *parent)
{
	struct pci_device *pci;

	if ((uint16_t)config_read(config_where(bus, slot, function), PCI_VENDOR_ID) == 0xffff)
		return;
	pci = new_device(bus, slot, function, parent);
	if (!pci)
		return;
	if (pci->header_type == PCI_HEADER_BRIDGE)
		pci->secondary_bus = bus_behind(walk, pci);
	walk->found(pci);
	if (pci->secondary_bus) {
		walk->depth++;
		scan_bus(walk, pci->secondary_bus, &pci->dev);
		walk->depth--;
	}
}

static void scan_bus(struct walk *walk, unsigned bus, struct device *parent)
{
	unsigned slot, function, functions;

	walk->walked[bus / 32] |= 1u << bus % 32;
	for (slot = 0; slot < PCI_SLOTS; slot++) {
		uint32_t type = config_read(config_where(bus, slot, 0), PCI_HEADER_TYPE);

		/* All ones, which is what nobody answers, would have the bit as well. */
		functions = (uint8_t)type != 0xff && type & PCI_HEADER_MULTI ? PCI_FUNCTIONS : 1;
		for (function = 0; function < functions; function++)
			scan_function(walk, bus, slot, function, parent);
	}
}

void pci_scan(void (*found)(struct pci_device *))
{
	struct walk walk = {.found = found};

	scan_bus(&walk, 0, NULL);
}
