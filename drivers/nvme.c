/* SPDX-License-Identifier: MIT */
/*
 * The NVMe driver: how it is bound, and its memory (how it works is in nvme.h).
 *
 * A controller reaches 64 bits. It may have memory of its own, the controller
 * memory buffer, which is where the CPU finds it (its BAR), and for the device
 * where it was told: here above all that an x86 can address, so that it lies over
 * nothing else. It is declared, so what the device reads is in there while there
 * is room. Completions are in system memory.
 */
#include "drivers/nvme.h"

#include "dma/declared.h"

#include "kernel/io.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/string.h"
#include "kernel/time.h"

#define TIMEOUT_MS   5000
#define ADDRESS_BITS 64
#define CMB_ADDRESS  (1ULL << 52)

_Static_assert(sizeof(struct nvme) <= KMEM_MAX, "one object");

/* --- memory --- */

/* What an earlier try has got it keeps. */
static bool take_memory(struct nvme *nvme)
{
	struct dma_device *dma = &nvme->pci->dev.dma;

	for (unsigned i = 0; i < NVME_MEMORY; i++) {
		struct nvme_memory *memory = &nvme->memory[i];

		if (!memory->cpu)
			memory->cpu = dma_alloc_attrs(dma, NVME_PAGE, &memory->handle,
						      i < NVME_SQ ? DMA_ATTR_SYSTEM_MEMORY : 0);
		if (!memory->cpu || !dma_gate(dma, memory->handle, NVME_PAGE, &memory->bus))
			return false;
	}
	return true;
}

/*
 * Where its memory is for the device. One that doesn't know CMBMSC, or ignores
 * it (and so says what it has, though nobody ever asked), has it at the bus address.
 * What can't be declared is said, and then nobody uses it.
 */
static void declare_cmb(struct nvme *nvme)
{
	bool placed = nvme->capability.has_cmbmsc &&
		      (readq(nvme->regs + NVME_CMBMSC) || !readl(nvme->regs + NVME_CMBSZ));
	struct pci_bar *bar;
	struct nvme_cmb cmb;
	uint64_t bus, at;

	if (placed)
		writeq(NVME_CMBMSC_CRE, nvme->regs + NVME_CMBMSC);
	if (!nvme_parse_cmb(readl(nvme->regs + NVME_CMBLOC), readl(nvme->regs + NVME_CMBSZ), &cmb))
		return;
	bar = &nvme->pci->bar[cmb.bar];
	if (!bar->addr || cmb.offset + cmb.size > bar->size)
		return;
	bus = bar->addr + cmb.offset;
	at = placed ? CMB_ADDRESS : bus;
	if (placed)
		writeq(at | NVME_CMBMSC_CRE | NVME_CMBMSC_CMSE, nvme->regs + NVME_CMBMSC);
	if (placed && readl(nvme->regs + NVME_CMBSTS) & NVME_CMBSTS_CBAI)
		return;
	dma_declare_coherent_memory(
		&nvme->pci->dev.dma, dma_addr_of(bus), dma_addr_of(at), cmb.size,
		DMA_MEMORY_MAP | (bar->prefetchable ? DMA_MEMORY_PREFETCHABLE : 0));
}

static int take_the_rest(struct nvme *nvme)
{
	if (!take_memory(nvme))
		return -ENOMEM;
	nvme->lists = dma_pool_create("PRPs", &nvme->pci->dev.dma, NVME_PAGE, NVME_PAGE, 0);
	if (!nvme->lists)
		return -ENOMEM;
	nvme_queue_init(nvme, &nvme->admin);
	nvme_queue_init(nvme, &nvme->io);
	return 0;
}

static void give_all_memory(struct nvme *nvme)
{
	struct dma_device *dma = &nvme->pci->dev.dma;

	dma_pool_destroy(nvme->lists);
	for (unsigned i = 0; i < NVME_MEMORY; i++)
		dma_free_coherent(dma, NVME_PAGE, nvme->memory[i].cpu, nvme->memory[i].handle);
	dma_release_declared_memory(dma);
}

/* --- the first use --- */

/*
 * PRPs take a buffer's place in its page as it is: so must bouncing. What is said of
 * its mask holds for buffers; of its own memory it reaches all.
 */
static int set_limits(struct nvme *nvme)
{
	struct dma_device *dma = &nvme->pci->dev.dma;
	int err = dma_set_mask(dma, DMA_BIT_MASK(nvme->pci->dev.mask));

	if (!err)
		err = dma_set_min_align_mask(dma, NVME_PAGE - 1);
	if (!err)
		err = dma_set_max_segments(dma, NVME_SEGMENTS);
	return err;
}

static bool is_settled(void *arg)
{
	const struct nvme *nvme = arg;

	return nvme->state != NVME_STARTING;
}

static int prepare(struct device *dev)
{
	struct nvme *nvme = dev->priv;
	int err = set_limits(nvme);

	if (!err && !nvme->lists)
		err = take_the_rest(nvme);
	if (!err) {
		nvme_begin(nvme);
		block_wait(is_settled, nvme);
		err = nvme->state != NVME_UP ? -EIO : nvme->disks ? 0 : nvme_scan(nvme);
	}
	if (err)
		log_error("%s: can't be made ready: error %d", dev->name, -err);
	return err;
}

/* --- binding --- */

/* NULL, or why it can't be worked with. */
static const char *look_at(struct nvme *nvme)
{
	struct pci_device *pci = nvme->pci;
	const char *why;

	nvme->regs = pci_map_bar(pci, NVME_BAR, NVME_DOORBELLS);
	if (!nvme->regs)
		return "its registers aren't there";
	pci_enable(pci);
	why = nvme_parse_capability(readq(nvme->regs + NVME_CAP), &nvme->capability);
	if (!why && NVME_DOORBELLS + 4 * nvme->capability.stride > pci->bar[NVME_BAR].size)
		why = "its doorbells aren't there";
	if (!why && dma_set_coherent_mask(&pci->dev.dma, DMA_BIT_MASK(ADDRESS_BITS)))
		why = "no memory that it reaches";
	return why;
}

static int probe(struct pci_device *pci)
{
	struct nvme *nvme = kmalloc(&machine.kmem, sizeof(*nvme));
	struct device *dev = &pci->dev;
	const char *why = "no memory for its driver";

	if (nvme) {
		nvme->pci = pci;
		nvme->io.id = 1;
		nvme->chip.queue = &nvme->admin.block;
		string_copy(nvme->chip.name, sizeof(nvme->chip.name), dev->name);
		nvme->command_bytes = NVME_COMMAND_MOST;
		why = look_at(nvme);
	}
	if (why) {
		log_error("%s: %s", dev->name, why);
		pci_disable(pci);
		if (nvme)
			give_all_memory(nvme);
		kfree(&machine.kmem, nvme);
		return -ENXIO;
	}
	declare_cmb(nvme);
	dev->priv = nvme;
	dev->mask = (unsigned)device_option_number(dev, "mask", ADDRESS_BITS, 24, ADDRESS_BITS);
	dev->timeout_ns = device_option_number(dev, "timeout", TIMEOUT_MS, 1, 1000000);
	dev->timeout_ns *= NSEC_PER_MSEC;
	pci_connect_irq_option(pci, nvme_service, nvme, "it is looked at ten times a second");
	return 0;
}

static void remove(struct pci_device *pci)
{
	struct nvme *nvme = pci->dev.priv;

	pci_disconnect_irq(pci);
	if (nvme->lists) {
		nvme_end(nvme);
		block_queue_remove(&nvme->io.block);
		block_queue_remove(&nvme->admin.block);
	}
	pci_disable(pci);
	give_all_memory(nvme);
	kfree(&machine.kmem, nvme);
	pci->dev.priv = NULL;
}

static const struct pci_id ids[] = {
	{NVME_VENDOR_ID, NVME_DEVICE_ID},
	{NVME_INTEL_VENDOR_ID, NVME_INTEL_DEVICE_ID}, /* use-intel-id=on */
	{0, 0}};

static const char *const options[] = {"mask", "irq", "timeout", NULL};

const struct driver nvme_driver = {
	.name = "nvme",
	.ids = ids,
	.options = options,
	.probe = probe,
	.prepare = prepare,
	.remove = remove,
};
