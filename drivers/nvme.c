/* SPDX-License-Identifier: MIT */
/*
 * The NVMe driver: how it is bound, and its memory (how it works is in nvme.h).
 *
 * A controller reaches 64 bits. It may have memory of its own, the controller
 * memory buffer, which is where the CPU finds it (its BAR), and for the device
 * where it was told: here above all that an x86 can address, so that it lies over
 * nothing else. What the device reads is in there. Completions, which it writes
 * and the CPU looks for again and again, are in system memory.
 */
#include "drivers/nvme.h"

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

/* On the device while there is room, then of the system's. */
static bool take_memory(struct nvme *nvme, struct nvme_memory *memory)
{
	struct dma_device *dma = &nvme->pci->dev.dma;

	memory->on_device = nvme->cmb_left >= NVME_PAGE;
	if (memory->on_device) {
		memory->cpu = nvme->cmb;
		memory->bus = nvme->cmb_bus;
		nvme->cmb += NVME_PAGE;
		nvme->cmb_bus += NVME_PAGE;
		nvme->cmb_left -= NVME_PAGE;
		return true;
	}
	memory->cpu = dma_alloc_coherent(dma, NVME_PAGE, &memory->handle);
	return memory->cpu && dma_gate(dma, memory->handle, NVME_PAGE, &memory->bus);
}

/*
 * Where its memory is for the device. One that doesn't know CMBMSC, or ignores
 * it (and so says what it has without being asked), has it at the bus address.
 */
static void find_cmb(struct nvme *nvme)
{
	bool placed = nvme->capability.has_cmbmsc && !readl(nvme->regs + NVME_CMBSZ);
	struct nvme_cmb cmb;
	uint64_t bus, at;
	uint8_t *bar;

	if (placed)
		writeq(NVME_CMBMSC_CRE, nvme->regs + NVME_CMBMSC);
	if (!nvme_parse_cmb(readl(nvme->regs + NVME_CMBLOC), readl(nvme->regs + NVME_CMBSZ), &cmb))
		return;
	bar = pci_map_bar(nvme->pci, cmb.bar, cmb.offset + cmb.size);
	bus = nvme->pci->bar[cmb.bar].addr + cmb.offset;
	at = placed ? CMB_ADDRESS : bus;
	if (!bar || !dma_range_within(at, cmb.size, DMA_BIT_MASK(nvme->pci->dev.mask)))
		return;
	if (placed)
		writeq(at | NVME_CMBMSC_CRE | NVME_CMBMSC_CMSE, nvme->regs + NVME_CMBMSC);
	if (placed && readl(nvme->regs + NVME_CMBSTS) & NVME_CMBSTS_CBAI)
		return;
	nvme->cmb = bar + cmb.offset;
	nvme->cmb_bus = at;
	nvme->cmb_left = cmb.size;
	log_info("%s: %llu KiB of memory on it, at %#llx on the bus, %#llx for itself",
		 nvme->pci->dev.name, (ull)cmb.size >> 10, (ull)bus, (ull)at);
}

/*
 * Completion queues first: what is taken before the device's memory is known is
 * the system's. What an earlier try has got it keeps.
 */
static int take_all_memory(struct nvme *nvme)
{
	for (unsigned i = 0; i < NVME_MEMORY; i++) {
		if (nvme->memory[i].bus)
			continue;
		if (i == NVME_SQ)
			find_cmb(nvme);
		if (!take_memory(nvme, &nvme->memory[i]))
			return -ENOMEM;
	}
	nvme->lists = dma_pool_create("PRPs", &nvme->pci->dev.dma, NVME_PAGE, NVME_PAGE, 0);
	if (!nvme->lists)
		return -ENOMEM;
	nvme_queue_init(nvme, &nvme->admin);
	nvme_queue_init(nvme, &nvme->io);
	return 0;
}

static void give_all_memory(struct nvme *nvme)
{
	dma_pool_destroy(nvme->lists);
	for (unsigned i = 0; i < NVME_MEMORY; i++)
		if (!nvme->memory[i].on_device)
			dma_free_coherent(&nvme->pci->dev.dma, NVME_PAGE, nvme->memory[i].cpu,
					  nvme->memory[i].handle);
}

/* --- the first use --- */

/* PRPs take a buffer's place in its page as it is: so must bouncing. */
static int set_limits(struct nvme *nvme)
{
	struct dma_device *dma = &nvme->pci->dev.dma;
	int err = dma_set_mask_and_coherent(dma, DMA_BIT_MASK(nvme->pci->dev.mask));

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
		err = take_all_memory(nvme);
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
		kfree(&machine.kmem, nvme);
		return -ENXIO;
	}
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

static const struct pci_id ids[] = {{NVME_VENDOR_ID, NVME_DEVICE_ID}, {0, 0}};

static const char *const options[] = {"mask", "irq", "timeout", NULL};

const struct driver nvme_driver = {
	.name = "nvme",
	.ids = ids,
	.options = options,
	.probe = probe,
	.prepare = prepare,
	.remove = remove,
};
