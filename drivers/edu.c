/* SPDX-License-Identifier: MIT */
/*
 * The driver of QEMU's educational device, used as a copy engine: its 4 KiB
 * buffer is filled from memory, and emptied to memory.
 *
 * The device takes the start address modulo its reach and says so on the host,
 * not to the guest. Nothing on it tells how far it reaches, so that is probed
 * (drivers/reach.h) when it is first prepared.
 *
 * How a transfer ends, all within dev->timeout_ns:
 *  - with an interrupt connected, when the handler has seen it; with none, at
 *    the deadline;
 *  - at the deadline the command's run bit decides. Clear: the data is there,
 *    0 is returned, and an interrupt that should have come is warned about. Set:
 *    -ETIMEDOUT, and bus mastering goes off, so that what comes late finds
 *    nobody's memory. It goes on again with the next transfer that finds the
 *    run bit clear.
 *
 * One transfer at a time, by one thread; `done` alone is shared with the handler.
 */
#include "drivers/edu_reg.h"
#include "drivers/pci.h"
#include "drivers/reach.h"
#include "kernel/io.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/time.h"

#define EDU_TIMEOUT_NS (250 * NSEC_PER_MSEC)

struct edu {
	struct pci_device *pci;
	uint8_t *regs;
	volatile bool done;
	uint64_t lost; /* interrupts that should have come */
};

/* --- transfers --- */

static bool is_done(void *arg)
{
	const struct edu *edu = arg;

	return edu->done;
}

static bool is_running(const struct edu *edu)
{
	return readq(edu->regs + EDU_DMA_CMD) & EDU_CMD_RUN;
}

/* True where the device had raised anything. */
static bool acknowledge(struct edu *edu)
{
	uint32_t status = readl(edu->regs + EDU_IRQ_STATUS);

	if (status)
		writel(status, edu->regs + EDU_IRQ_ACK);
	if (status & EDU_IRQ_DMA)
		edu->done = true;
	return status;
}

static bool interrupt(void *arg)
{
	return acknowledge(arg);
}

static void start(struct edu *edu, uint64_t bus, size_t len, enum dma_data_direction dir)
{
	uint64_t command = EDU_CMD_RUN;

	if (dir == DMA_FROM_DEVICE)
		command |= EDU_CMD_TO_MEMORY;
	if (edu->pci->irq_mode != PCI_IRQ_NONE)
		command |= EDU_CMD_IRQ;
	acknowledge(edu); /* what a transfer that was given up left */
	edu->done = false;
	pci_set_master(edu->pci, true);
	writeq(dir == DMA_TO_DEVICE ? bus : EDU_BUFFER, edu->regs + EDU_DMA_SRC);
	writeq(dir == DMA_TO_DEVICE ? EDU_BUFFER : bus, edu->regs + EDU_DMA_DST);
	writeq(len, edu->regs + EDU_DMA_COUNT);
	writeq(command, edu->regs + EDU_DMA_CMD);
}

/* It's done, and nobody said so. */
static void lost_interrupt(struct edu *edu)
{
	const struct device *dev = &edu->pci->dev;
	bool msi = edu->pci->irq_mode == PCI_IRQ_MSI;

	acknowledge(edu);
	if (dma_worth_saying(++edu->lost))
		log_warning("%s: transfer done, but no interrupt (%s) came in %llu ms; the data is "
			    "kept. Try %s.irq=%s",
			    dev->name, pci_irq_names[edu->pci->irq_mode],
			    dev->timeout_ns / NSEC_PER_MSEC, dev->name, msi ? "intx" : "msi");
}

static int finish(struct edu *edu)
{
	struct device *dev = &edu->pci->dev;
	bool has_irq = edu->pci->irq_mode != PCI_IRQ_NONE;

	if (!has_irq)
		time_sleep(dev->timeout_ns);
	else if (time_wait(is_done, edu, dev->timeout_ns))
		return 0;
	if (is_running(edu)) {
		pci_set_master(edu->pci, false);
		log_error("%s: transfer not done after %llu ms; given up, and cut off from memory",
			  dev->name, dev->timeout_ns / NSEC_PER_MSEC);
		return -ETIMEDOUT;
	}
	if (has_irq)
		lost_interrupt(edu);
	return 0;
}

static bool can_do(size_t len, enum dma_data_direction dir)
{
	return len && len <= EDU_MAX_BYTES && (dir == DMA_TO_DEVICE || dir == DMA_FROM_DEVICE);
}

static int transfer_around_the_gate(struct device *dev, uint64_t bus, size_t len,
				    enum dma_data_direction dir)
{
	struct edu *edu = dev->priv;

	if (!can_do(len, dir))
		return -EINVAL;
	if (is_running(edu)) {
		log_error("%s: still busy with a transfer that was given up; try again later",
			  dev->name);
		return -EBUSY;
	}
	start(edu, bus, len, dir);
	return finish(edu);
}

static int transfer(struct device *dev, dma_addr_t addr, size_t len, enum dma_data_direction dir)
{
	uint64_t bus;

	if (!can_do(len, dir) || !dma_gate(&dev->dma, addr, len, &bus))
		return -EINVAL;
	return transfer_around_the_gate(dev, bus, len, dir);
}

static const struct copy_engine edu_engine = {
	.max_bytes = EDU_MAX_BYTES,
	.transfer = transfer,
	.transfer_around_the_gate = transfer_around_the_gate,
	.tells = true,
};

static int prepare(struct device *dev)
{
	return reach_claim(dev, EDU_DEFAULT_BITS);
}

/* --- binding --- */

/* Is it what its id says, and does it answer? */
static bool is_alive(uint8_t *regs)
{
	const uint32_t word = 0x5a17c0de;

	if ((readl(regs + EDU_ID) & EDU_ID_MASK) != EDU_ID_EDU)
		return false;
	writel(word, regs + EDU_LIVENESS);
	return readl(regs + EDU_LIVENESS) == ~word;
}

/* A new edu for a device that answers; NULL was said. */
static struct edu *edu_new(struct pci_device *pci, uint8_t *regs)
{
	struct edu *edu = NULL;

	if (!is_alive(regs))
		log_error("%s: does not answer as an edu device does", pci->dev.name);
	else if (!(edu = kmalloc(&machine.kmem, sizeof(*edu))))
		log_error("%s: no memory for its driver; give the machine more", pci->dev.name);
	return edu;
}

static int probe(struct pci_device *pci)
{
	uint8_t *regs = pci_map_bar(pci, EDU_BAR, EDU_BAR_SIZE);
	struct edu *edu;

	if (!regs) {
		log_error("%s: BAR %d is no device memory of %d KiB (%#llx bytes at %#llx)",
			  pci->dev.name, EDU_BAR, EDU_BAR_SIZE >> 10,
			  (unsigned long long)pci->bar[EDU_BAR].size,
			  (unsigned long long)pci->bar[EDU_BAR].addr);
		return -ENXIO;
	}
	pci_enable(pci);
	edu = edu_new(pci, regs);
	if (!edu) {
		pci_disable(pci);
		return -EIO;
	}
	edu->pci = pci;
	edu->regs = regs;
	pci->dev.timeout_ns = EDU_TIMEOUT_NS;
	pci->dev.priv = edu;
	pci->dev.engine = &edu_engine;
	reach_read_options(&pci->dev, 64);
	pci_connect_irq_option(pci, interrupt, edu, "each transfer takes its whole deadline");
	return 0;
}

static void remove(struct pci_device *pci)
{
	pci_disconnect_irq(pci);
	pci_disable(pci);
	kfree(&machine.kmem, pci->dev.priv);
	pci->dev.engine = NULL;
	pci->dev.priv = NULL;
}

static const struct pci_id ids[] = {{EDU_VENDOR_ID, EDU_DEVICE_ID}, {0, 0}};

/* `direct` is read by the job that shows what goes wrong without mapping. */
static const char *const options[] = {"mask", "probe", "irq", "direct", NULL};

const struct driver edu_driver = {
	.name = "edu",
	.ids = ids,
	.options = options,
	.probe = probe,
	.prepare = prepare,
	.remove = remove,
};
