/* SPDX-License-Identifier: MIT */
/*
 * PCI: enumeration by configuration mechanism #1 (PCI 3.0, section 3.2.2.3.2),
 * bridges, BARs, capabilities, interrupts.
 *
 * Firmware has assigned addresses and bus numbers; they are read, and checked,
 * not made anew. Bus mastering is switched on by the driver, off when it goes.
 */
#ifndef DRIVERS_PCI_H
#define DRIVERS_PCI_H

#include "drivers/device.h"
#include "kernel/irq.h"

#define PCI_BARS 6

enum pci_bar_kind { PCI_BAR_NONE, PCI_BAR_IO, PCI_BAR_MEM32, PCI_BAR_MEM64 };

struct pci_bar {
	enum pci_bar_kind kind;
	bool prefetchable;
	uint64_t addr; /* bus address; 0: firmware gave it none */
	uint64_t size; /* bytes */
};

struct pci_device {
	struct device dev; /* first: container_of by cast is checked in pci.c */
	uint8_t bus, slot, function;
	uint16_t vendor, device;
	uint32_t class_code; /* class, subclass, programming interface */
	uint8_t header_type;
	uint8_t secondary_bus; /* of a bridge */
	uint8_t irq_line, irq_pin;
	struct pci_bar bar[PCI_BARS];
	struct irq_message message;
	irq_handler handler;
	void *handler_arg;
	enum { PCI_IRQ_NONE, PCI_IRQ_INTX, PCI_IRQ_MSI } irq_mode;
};

static inline struct pci_device *to_pci(struct device *dev)
{
	return (struct pci_device *)dev;
}

/* Walk all buses; each function found is handed to `found` (which keeps the pointer). */
void pci_scan(void (*found)(struct pci_device *));

uint8_t pci_read8(const struct pci_device *, unsigned reg);
uint16_t pci_read16(const struct pci_device *, unsigned reg);
uint32_t pci_read32(const struct pci_device *, unsigned reg);
void pci_write8(const struct pci_device *, unsigned reg, uint8_t value);
void pci_write16(const struct pci_device *, unsigned reg, uint16_t value);
void pci_write32(const struct pci_device *, unsigned reg, uint32_t value);

/* Offset of a capability, 0 where there is none. A list that loops ends. */
unsigned pci_find_capability(const struct pci_device *, uint8_t id);

/* Map a memory BAR whole, uncached; NULL where it has none, no address, or less than `min_size` bytes. */
void *pci_map_bar(struct pci_device *, unsigned bar, uint64_t min_size);

/* Memory decoding and bus mastering on or off. */
void pci_enable(struct pci_device *);
void pci_disable(struct pci_device *);

/*
 * Connect the device's interrupt: MSI where it has it and `want` allows, else
 * its line. `want` is "msi", "intx", "none" or NULL for the best. 0, or an error after which
 * no interrupt will come. dev->irq_mode says which it is.
 */
int pci_connect_irq(struct pci_device *, const char *want, irq_handler handler, void *arg);
void pci_disconnect_irq(struct pci_device *);

#endif
