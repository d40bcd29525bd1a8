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
	uint32_t buffer, skew = bus % 4;

	if (!len || len > LSI_COPY_BYTES || !lsi->common ||
	    (dir != DMA_TO_DEVICE && dir != DMA_FROM_DEVICE))
		return -EINVAL;
	if (dir == DMA_FROM_DEVICE && skew != lsi->skew)
		memmove(lsi->common->buffer + skew, lsi->common->buffer + lsi->skew,
			LSI_COPY_BYTES);
	lsi->skew = skew;
	buffer = lsi->program.common + offsetof(struct lsi_common, buffer) + skew;
	if (dir == DMA_TO_DEVICE)
		lsi_program_copy(&lsi->program, lsi->common, len, (uint32_t)bus, buffer);
	else
		lsi_program_copy(&lsi->program, lsi->common, len, buffer, (uint32_t)bus);
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

/* On the chip while there is room, as that is declared; then of the system's. Its address; 0. */
static uint32_t take_memory(struct lsi *lsi, struct lsi_memory *memory, size_t size)
{
	struct dma_device *dma = &lsi->pci->dev.dma;
	uint64_t bus = 0;

	memory->size = size;
	memory->cpu = dma_alloc_coherent(dma, size, &memory->handle);
	if (memory->cpu)
		dma_gate(dma, memory->handle, size, &bus);
	return (uint32_t)bus;
}

static void give_memory(struct lsi *lsi)
{
	for (struct lsi_memory *m = lsi->memory; m <= lsi->memory + LSI_COMMANDS; m++) {
		dma_free_coherent(&lsi->pci->dev.dma, m->size, m->cpu, m->handle);
		m->cpu = NULL;
	}
}

/* The part of a table that never changes. */
static void init_table(struct lsi_command *cmd, unsigned index)
{
	uint32_t bus = cmd->bus;

	*cmd->table = (struct lsi_table){
		.target = LSI_NOBODY,
		.message_out = {3, bus + offsetof(struct lsi_table, message)},
		.cdb_move = {0, bus + offsetof(struct lsi_table, cdb)},
		.status_move = {1, bus + offsetof(struct lsi_table, status)},
		.message_in = {1, bus + offsetof(struct lsi_table, message[3])},
		.message = {SCSI_IDENTIFY, SCSI_SIMPLE_TAG, LSI_TAG(index)},
	};
}

/* The program, as many commands as there is memory for, and the chip in its idle loop. */
static int set_up(struct lsi *lsi)
{
	struct lsi_memory *memory = lsi->memory;
	uint32_t bus = take_memory(lsi, memory, sizeof(*lsi->common));
	struct lsi_common *common = memory->cpu;

	if (bus)
		lsi_program_build(&lsi->program, common, bus);
	for (unsigned i = 0; bus && i < LSI_COMMANDS; i++) {
		struct lsi_command *cmd = &lsi->command[i];

		cmd->bus = take_memory(lsi, ++memory, sizeof(*cmd->table));
		if (!cmd->bus)
			break;
		cmd->table = memory->cpu;
		common->table[i] = cmd->bus;
		init_table(cmd, i);
		lsi->queue.depth++;
	}
	if (!lsi->queue.depth) {
		give_memory(lsi);
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

	pci_disconnect_irq(pci);
	if (lsi->common)
		lsi_stop(lsi);
	pci_disable(pci);
	give_memory(lsi);
	dma_release_declared_memory(&pci->dev.dma);
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
