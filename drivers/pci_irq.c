/* SPDX-License-Identifier: MIT */
/*
 * A PCI function's interrupt: a message, a line, or none.
 *
 * A message (MSI or MSI-X, PCI 3.0, section 6.8) is a write by the device to the
 * local APIC: it is nobody else's, comes after the data that the device wrote
 * before, and needs bus mastering on. Of many that a device may have it gets
 * one, the first. A line (section 6.2.4) is shared and level-
 * triggered; firmware left its 8259 number in the Interrupt Line register.
 * What isn't used is switched off on the device, by their Enable and INTx Disable,
 * so that it can't raise what nobody would answer.
 */
#include "drivers/pci.h"
#include "drivers/pci_reg.h"
#include "kernel/io.h"
#include "kernel/log.h"

const char *const pci_irq_names[] = {"none", "intx", "msi", "best", NULL};

#define MSI_SWITCHES  (PCI_MSI_ENABLE | PCI_MSI_MULTIPLE_MASK)
#define MSIX_SWITCHES (PCI_MSIX_ENABLE | PCI_MSIX_MASK_ALL)

/* Offset of a capability; 0 where there is none, or a part of it would lie outside. */
static unsigned capability(const struct pci_device *pci, uint8_t id, unsigned size)
{
	unsigned at = pci_find_capability(pci, id);

	return at <= PCI_CONFIG_SIZE - size ? at : 0;
}

static unsigned msi_capability(const struct pci_device *pci)
{
	return capability(pci, PCI_CAP_ID_MSI, PCI_MSI_SIZE);
}

static unsigned msix_capability(const struct pci_device *pci)
{
	return capability(pci, PCI_CAP_ID_MSIX, PCI_MSIX_SIZE);
}

static void msi_write_message(const struct pci_device *pci, unsigned at)
{
	uint16_t control = pci_read16(pci, at + PCI_MSI_CONTROL);
	bool wide = control & PCI_MSI_64BIT;

	pci_write32(pci, at + PCI_MSI_ADDRESS, (uint32_t)pci->message.addr);
	if (wide)
		pci_write32(pci, at + PCI_MSI_ADDRESS_HIGH, pci->message.addr >> 32);
	pci_write16(pci, at + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32),
		    (uint16_t)pci->message.data);
	if (control & PCI_MSI_MASKING)
		pci_write32(pci, at + (wide ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32), 0);
}

/* The first entry of the table; NULL where its BAR can't be used. */
static uint8_t *msix_entry(struct pci_device *pci, unsigned at)
{
	uint32_t table = pci_read32(pci, at + PCI_MSIX_TABLE), offset = table & ~PCI_MSIX_BAR;
	unsigned bar = table & PCI_MSIX_BAR;
	uint8_t *mapped = NULL;

	if (bar < PCI_BARS)
		mapped = pci_map_bar(pci, bar, (uint64_t)offset + PCI_MSIX_ENTRY);
	return mapped ? mapped + offset : NULL;
}

static void msix_write_message(const struct pci_device *pci, uint8_t *entry)
{
	writel((uint32_t)pci->message.addr, entry + PCI_MSIX_ADDRESS);
	writel(pci->message.addr >> 32, entry + PCI_MSIX_ADDRESS_HIGH);
	writel(pci->message.data, entry + PCI_MSIX_DATA);
	writel(0, entry + PCI_MSIX_MASKED);
}

static int connect_msi(struct pci_device *pci)
{
	unsigned at = msi_capability(pci), table_at = at ? 0 : msix_capability(pci);
	uint8_t *entry = table_at ? msix_entry(pci, table_at) : NULL;
	int err;

	if (!at && !entry)
		return -ENODEV;
	err = irq_add_message(pci->handler, pci->handler_arg, &pci->message);
	if (err)
		return err;
	if (entry) {
		msix_write_message(pci, entry);
		pci_update16(pci, table_at + PCI_MSI_CONTROL, MSIX_SWITCHES, PCI_MSIX_ENABLE);
	} else {
		msi_write_message(pci, at);
		pci_update16(pci, at + PCI_MSI_CONTROL, MSI_SWITCHES, PCI_MSI_ENABLE);
	}
	return 0;
}

/* Line 0 is the timer's: a device that has it was given none. */
static int connect_intx(struct pci_device *pci)
{
	int err;

	if (!pci->irq_pin || !pci->irq_line || pci->irq_line >= IRQ_LINES)
		return -ENODEV;
	err = irq_add(pci->irq_line, pci->handler, pci->handler_arg);
	if (err)
		return err;
	pci_update16(pci, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, 0);
	return 0;
}

int pci_connect_irq(struct pci_device *pci, enum pci_irq want, irq_handler handler, void *arg)
{
	int err = 0;

	pci_disconnect_irq(pci);
	pci->handler = handler;
	pci->handler_arg = arg;
	if (want == PCI_IRQ_MSI || want == PCI_IRQ_BEST) {
		err = connect_msi(pci);
		if (!err)
			pci->irq_mode = PCI_IRQ_MSI;
	}
	if (want == PCI_IRQ_INTX || (want == PCI_IRQ_BEST && err)) {
		err = connect_intx(pci);
		if (!err)
			pci->irq_mode = PCI_IRQ_INTX;
	}
	return err;
}

void pci_disconnect_irq(struct pci_device *pci)
{
	unsigned at = msi_capability(pci), table_at = msix_capability(pci);

	if (at)
		pci_update16(pci, at + PCI_MSI_CONTROL, MSI_SWITCHES, 0);
	if (table_at)
		pci_update16(pci, table_at + PCI_MSI_CONTROL, MSIX_SWITCHES, 0);
	pci_update16(pci, PCI_COMMAND, 0, PCI_COMMAND_INTX_DISABLE);
	if (pci->irq_mode == PCI_IRQ_MSI)
		irq_remove_message(&pci->message);
	if (pci->irq_mode == PCI_IRQ_INTX)
		irq_remove(pci->irq_line, pci->handler, pci->handler_arg);
	pci->irq_mode = PCI_IRQ_NONE;
}

void pci_connect_irq_option(struct pci_device *pci, irq_handler handler, void *arg,
			    const char *meaning)
{
	int want = device_option_choice(&pci->dev, "irq", PCI_IRQ_BEST, pci_irq_names);
	int err = pci_connect_irq(pci, (enum pci_irq)want, handler, arg);

	if (pci->irq_mode == PCI_IRQ_NONE)
		log_warning("%s: no interrupt (%s): %s", pci->dev.name,
			    err ? "it could not be connected" : "as asked", meaning);
}
