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
	uint64_t addr; /* bus address; 0: firmware gave it none */
	uint64_t size; /* bytes */
	bool prefetchable;
	void *mapped; /* by pci_map_bar() */
};

enum pci_irq { PCI_IRQ_NONE, PCI_IRQ_INTX, PCI_IRQ_MSI, PCI_IRQ_BEST };

/* By enum pci_irq, then NULL; for the option `<dev>.irq` and for reports. */
extern const char *const pci_irq_names[];

struct pci_device {
	struct device dev; /* first, so that to_pci() is a cast; asserted in pci.c */
	uint8_t bus, slot, function;
	uint16_t vendor, device;
	uint32_t class_code;   /* class, subclass, programming interface */
	uint8_t header_type;   /* 0: a function, 1: a bridge */
	uint8_t secondary_bus; /* of a bridge; 0 where its bus numbers are not to be believed */
	uint8_t irq_line, irq_pin;
	struct pci_bar bar[PCI_BARS];
	struct irq_message message; /* where irq_mode is PCI_IRQ_MSI */
	irq_handler handler;
	void *handler_arg;
	enum pci_irq irq_mode; /* what is connected */
};

static inline struct pci_device *to_pci(struct device *dev)
{
	return (struct pci_device *)dev;
}

/*
 * Walk all buses, depth first: a bridge, then what is behind it, then the next
 * slot. Each function found is handed to `found`, which keeps the pointer;
 * dev.parent is set and was handed over before.
 */
void pci_scan(void (*found)(struct pci_device *));

uint8_t pci_read8(const struct pci_device *, unsigned reg);
uint16_t pci_read16(const struct pci_device *, unsigned reg);
uint32_t pci_read32(const struct pci_device *, unsigned reg);
void pci_write16(const struct pci_device *, unsigned reg, uint16_t value);
void pci_write32(const struct pci_device *, unsigned reg, uint32_t value);
void pci_update16(const struct pci_device *, unsigned reg, uint16_t clear, uint16_t set);

/* Offset of a capability, 0 where there is none. A list that loops ends. */
unsigned pci_find_capability(const struct pci_device *, uint8_t id);

/*
 * Map a memory BAR whole, uncached, once. NULL where it has none, no address,
 * one that can't be device memory, or less than `min_size` bytes.
 */
void *pci_map_bar(struct pci_device *, unsigned bar, uint64_t min_size);

/*
 * Declare a memory BAR, whole, as memory of `owner` (dma/declared.h), which has it
 * at the address that the bus has. It isn't to be mapped by pci_map_bar() as well.
 * As dma_declare_coherent_memory(); -ENXIO: no such BAR, said in a line.
 */
int pci_declare_bar(struct pci_device *, unsigned bar, struct dma_device *owner, int flags);

/* Memory decoding and bus mastering: on, of the bridges above it too, or off. */
void pci_enable(struct pci_device *);
void pci_disable(struct pci_device *);

/* Bus mastering alone: off, the device can't touch memory, nor send an MSI. */
void pci_set_master(struct pci_device *, bool on);

/*
 * Connect the device's interrupt as wanted; PCI_IRQ_BEST: MSI where it has it,
 * else its line. 0, or an error after which no interrupt will come. irq_mode
 * says which it is.
 */
int pci_connect_irq(struct pci_device *, enum pci_irq want, irq_handler handler, void *arg);
void pci_disconnect_irq(struct pci_device *);

/* The same as `<dev>.irq` says; where none will come, that is said, and what it means. */
void pci_connect_irq_option(struct pci_device *, irq_handler handler, void *arg,
			    const char *meaning);

#endif
