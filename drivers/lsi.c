/* SPDX-License-Identifier: MIT */
/*
 * The driver of the LSI53C895A: its memory, its memory move as a copy engine,
 * and how it is bound (how it works is in lsi.h and lsi_script.h).
 *
 * All its addresses are 32 bits wide, and it drops what is above without a word.
 * The copy engine's buffer is on the chip.
 */
#include "drivers/lsi.h"

#include "dma/declared.h"
#include "drivers/reach.h"
#include "kernel/io.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/string.h"
#include "kernel/time.h"

#define LSI_TIMEOUT_MS 5000

_Static_assert(sizeof(struct lsi) <= KMEM_MAX, "one object");

/* --- the copy engine --- */

/*
 * The chip wants both ends of a memory move at the same place in a dword
 * (Technical Manual, 5.8): the CPU moves what the buffer holds to there.
 */
static int transfer_around_the_gate(struct device *dev, uint64_t bus, size_t len,
				    enum dma_data_direction dir)
{
	struct lsi *lsi = dev->priv;
	struct lsi_task task = {.request = {.disk = &lsi->chip, .op = BLOCK_DRIVER, .arg = &task}};
	uint32_t buffer, skew = bus % 4, at = (uint32_t)bus;
	bool in = dir == DMA_TO_DEVICE;

	if (!len || len > LSI_COPY_BYTES || !lsi->common ||
	    (dir != DMA_TO_DEVICE && dir != DMA_FROM_DEVICE))
		return -EINVAL;
	if (dir == DMA_FROM_DEVICE && skew != lsi->skew)
		memmove(lsi->common->buffer + skew, lsi->common->buffer + lsi->skew,
			LSI_COPY_BYTES);
	lsi->skew = skew;
	buffer = lsi->program.common + offsetof(struct lsi_common, buffer) + skew;
	lsi_program_copy(&lsi->program, lsi->common, len, in ? at : buffer, in ? buffer : at);
	return block_execute(&task.request);
}

static int transfer(struct device *dev, dma_addr_t addr, size_t len, enum dma_data_direction dir)
{
	uint64_t bus;

	if (!len || len > LSI_COPY_BYTES || !dma_gate(&dev->dma, addr, len, &bus))
		return -EINVAL;
	return transfer_around_the_gate(dev, bus, len, dir);
}

static const struct copy_engine lsi_engine = {
	.max_bytes = LSI_COPY_BYTES,
	.transfer = transfer,
	.transfer_around_the_gate = transfer_around_the_gate,
};

/* --- memory, and the first use --- */

/* On the chip while there is room, as that is declared; then of the system's. Or NULL. */
static void *take_memory(struct lsi *lsi, size_t size, dma_addr_t *handle, uint32_t *bus)
{
	struct dma_device *dma = &lsi->pci->dev.dma;
	void *memory = dma_alloc_coherent(dma, size, handle);
	uint64_t at;

	if (memory && dma_gate(dma, *handle, size, &at)) {
		*bus = (uint32_t)at;
		return memory;
	}
	dma_free_coherent(dma, size, memory, *handle);
	return NULL;
}

/* One more command, and of its table what never changes. False: no memory. */
static bool add_command(struct lsi *lsi, struct lsi_common *common, unsigned index)
{
	struct lsi_command *cmd = &lsi->command[index];
	uint32_t bus;

	cmd->table = take_memory(lsi, sizeof(*cmd->table), &cmd->handle, &bus);
	if (!cmd->table)
		return false;
	*cmd->table = (struct lsi_table){
		.target = LSI_NOBODY,
		.message_out = {3, bus + offsetof(struct lsi_table, message)},
		.cdb_move = {0, bus + offsetof(struct lsi_table, cdb)},
		.status_move = {1, bus + offsetof(struct lsi_table, status)},
		.message_in = {1, bus + offsetof(struct lsi_table, message[3])},
		.message = {SCSI_IDENTIFY, SCSI_SIMPLE_TAG, LSI_TAG(index)},
	};
	common->table[index] = cmd->bus = bus;
	return true;
}

/* The program, as many commands as there is memory for, and the chip in its idle loop. */
static int set_up(struct lsi *lsi)
{
	unsigned *commands = &lsi->queue.depth;
	struct lsi_common *common;
	uint32_t bus;

	common = take_memory(lsi, sizeof(*common), &lsi->handle, &bus);
	if (!common)
		return -ENOMEM;
	lsi_program_build(&lsi->program, common, bus);
	while (*commands < LSI_COMMANDS && add_command(lsi, common, *commands))
		++*commands;
	if (!*commands) {
		dma_free_coherent(&lsi->pci->dev.dma, sizeof(*common), common, lsi->handle);
		return -ENOMEM;
	}
	lsi->common = common;
	lsi_begin(lsi);
	return 0;
}

static int prepare(struct device *dev)
{
	struct lsi *lsi = dev->priv;
	struct dma_device *dma = &dev->dma;
	int err = dma_set_max_segments(dma, LSI_SEGMENTS);

	if (!err)
		err = dma_set_max_seg_size(dma, LSI_COUNT_MAX);
	if (!err && !lsi->common)
		err = set_up(lsi);
	if (!err)
		err = reach_claim(dev, LSI_ADDRESS_BITS);
	if (!err)
		err = dma_set_coherent_mask(dma, DMA_BIT_MASK(LSI_ADDRESS_BITS));
	if (err)
		log_error("%s: can't be made ready: error %d", dev->name, -err);
	else
		lsi_scan(lsi);
	return err;
}

/* --- binding --- */

static int probe(struct pci_device *pci)
{
	struct device *dev = &pci->dev;
	uint8_t *regs = pci_map_bar(pci, LSI_BAR_REGISTERS, LSI_REGISTERS_SIZE);
	struct lsi *lsi = regs ? kmalloc(&machine.kmem, sizeof(*lsi)) : NULL;

	if (!lsi) {
		log_error("%s: %s", dev->name,
			  regs ? "no memory for its driver; give the machine more"
			       : "its registers are not there");
		return -ENXIO;
	}
	lsi->pci = pci;
	lsi->regs = regs;
	dev->priv = lsi;
	dev->engine = &lsi_engine;
	pci_enable(pci);
	/* What can't be declared is said; then all of it is the system's. */
	if (!dma_set_coherent_mask(&dev->dma, DMA_BIT_MASK(LSI_ADDRESS_BITS)))
		pci_declare_bar(pci, LSI_BAR_RAM, &dev->dma, DMA_MEMORY_MAP);
	reach_read_options(dev, LSI_ADDRESS_BITS);
	dev->timeout_ns = device_option_number(dev, "timeout", LSI_TIMEOUT_MS, 1, 1000000);
	dev->timeout_ns *= NSEC_PER_MSEC;
	pci_connect_irq_option(pci, lsi_service, lsi, "it is looked at ten times a second");
	return 0;
}

static void remove(struct pci_device *pci)
{
	struct lsi *lsi = pci->dev.priv;
	struct dma_device *dma = &pci->dev.dma;

	pci_disconnect_irq(pci);
	if (lsi->common)
		lsi_stop(lsi);
	pci_disable(pci);
	for (struct lsi_command *c = lsi->command; c < lsi->command + LSI_COMMANDS; c++)
		dma_free_coherent(dma, sizeof(*c->table), c->table, c->handle);
	dma_free_coherent(dma, sizeof(*lsi->common), lsi->common, lsi->handle);
	dma_release_declared_memory(dma);
	kfree(&machine.kmem, lsi);
	pci->dev.engine = NULL;
	pci->dev.priv = NULL;
}

static const struct pci_id ids[] = {{LSI_VENDOR_ID, LSI_DEVICE_ID}, {0, 0}};

static const char *const options[] = {"mask", "probe", "irq", "direct", "timeout", NULL};

const struct driver lsi_driver = {
	.name = "lsi",
	.ids = ids,
	.options = options,
	.probe = probe,
	.prepare = prepare,
	.remove = remove,
};
