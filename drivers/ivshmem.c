/* SPDX-License-Identifier: MIT */
/*
 * QEMU's ivshmem (docs/specs/ivshmem-spec.txt): memory on the bus, BAR 2, which
 * the host sees as a file or a RAM of its own. It does no DMA itself. Its bridge
 * has it, for the devices behind the bridge: what they allocate as coherent
 * memory lies in there, as far as they reach it.
 *
 * On the root bus there is no bridge to have it; then it is left alone.
 */
#include "dma/declared.h"
#include "drivers/pci.h"
#include "kernel/log.h"

#define IVSHMEM_VENDOR_ID 0x1af4
#define IVSHMEM_DEVICE_ID 0x1110
#define IVSHMEM_MEMORY	  2

static int probe(struct pci_device *pci)
{
	struct device *bridge = pci->dev.parent;
	int mode;

	if (!bridge) {
		log_info("%s: no bridge above it, so its memory is nobody's", pci->dev.name);
		return 0;
	}
	pci_enable(pci);
	mode = pci_declare_bar(pci, IVSHMEM_MEMORY, &bridge->dma,
			       DMA_MEMORY_MAP | DMA_MEMORY_INCLUDES_CHILDREN);
	if (mode < 0)
		pci_disable(pci);
	return mode < 0 ? mode : 0;
}

/* What others still have of it stays decoded. */
static void remove(struct pci_device *pci)
{
	struct device *bridge = pci->dev.parent;

	if (!bridge || dma_release_declared_memory(&bridge->dma) == 0)
		pci_disable(pci);
}

static const struct pci_id ids[] = {{IVSHMEM_VENDOR_ID, IVSHMEM_DEVICE_ID}, {0, 0}};
static const char *const options[] = {NULL};

const struct driver ivshmem_driver = {
	.name = "ivshmem",
	.ids = ids,
	.options = options,
	.probe = probe,
	.remove = remove,
};
