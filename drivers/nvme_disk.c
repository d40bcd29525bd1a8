/* SPDX-License-Identifier: MIT */
/*
 * Namespaces as disks: which there are, and what a request is in commands.
 *
 * A controller takes data in pages: a list with pieces that begin or end within
 * pages has no words in PRPs (beside its first beginning and last end). Such a
 * list is gathered in memory of its own, which has.
 */
#include "drivers/nvme.h"
#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/string.h"

static enum dma_data_direction direction(const struct block_request *request)
{
	return request->op == BLOCK_WRITE ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
}

static size_t bytes_of(const struct block_request *request)
{
	return (size_t)request->sectors * request->disk->sector_size;
}

/* --- buffers --- */

/* Between the request's list and where it is gathered. */
static void copy_gathered(const struct nvme_slot *slot, bool in)
{
	const struct block_request *r = slot->request;
	uint8_t *at = slot->gathered;

	for (unsigned i = 0; i < r->nents; at += r->sg[i++].length) {
		void *piece = port_phys_to_virt(r->sg[i].addr);

		memcpy(in ? at : piece, in ? piece : at, r->sg[i].length);
	}
}

static bool gather(struct nvme *nvme, struct nvme_slot *slot)
{
	const struct block_request *r = slot->request;

	slot->gathered = dma_alloc_for(&nvme->pci->dev.dma, bytes_of(r));
	if (!slot->gathered)
		return false;
	if (r->op == BLOCK_WRITE)
		copy_gathered(slot, true);
	slot->whole.addr = port_virt_to_phys(slot->gathered);
	slot->whole.length = bytes_of(r);
	slot->sg = &slot->whole;
	slot->nents = 1;
	return true;
}

/* What has no more than two pages needs none. */
static bool take_list(struct nvme *nvme, struct nvme_slot *slot)
{
	if (slot->sg[0].addr.value % NVME_PAGE + bytes_of(slot->request) <= 2 * NVME_PAGE)
		return true;
	slot->prps.list = dma_pool_alloc(nvme->lists, &slot->list);
	return slot->prps.list &&
	       dma_gate(&nvme->pci->dev.dma, slot->list, NVME_PAGE, &slot->prps.list_bus);
}

/* Of what wasn't read as a whole the request's buffers get nothing that was gathered. */
static void unmap(struct nvme *nvme, struct nvme_slot *slot, bool done)
{
	struct dma_device *dma = &nvme->pci->dev.dma;

	if (slot->mapped)
		dma_unmap_sg(dma, slot->sg, slot->nents, direction(slot->request));
	if (slot->prps.list)
		dma_pool_free(nvme->lists, slot->prps.list, slot->list);
	if (slot->gathered && slot->request->op == BLOCK_READ && done)
		copy_gathered(slot, false);
	if (slot->gathered)
		dma_free_for(dma, slot->gathered, bytes_of(slot->request));
}

bool nvme_map(struct nvme *nvme, struct nvme_slot *slot)
{
	struct block_request *r = slot->request;

	if (!r->sectors)
		return true;
	slot->sg = r->sg;
	slot->nents = r->nents;
	if ((nvme_is_paged(r->sg, r->nents) || gather(nvme, slot)) && take_list(nvme, slot))
		slot->mapped =
			dma_map_sg_attrs(&nvme->pci->dev.dma, slot->sg, slot->nents, direction(r),
					 block_is_alone() ? 0 : DMA_ATTR_NO_WARN);
	if (!slot->mapped)
		unmap(nvme, slot, false);
	return slot->mapped;
}

/* --- commands --- */

/* The PRPs of `bytes` of its data, after so many. */
static bool add_data(struct nvme *nvme, struct nvme_slot *slot, size_t skip, size_t bytes)
{
	uint64_t bus;

	slot->prps = (struct nvme_prps){.list = slot->prps.list, .list_bus = slot->prps.list_bus};
	for (unsigned i = 0; bytes && i < slot->mapped; i++) {
		dma_addr_t addr = dma_addr_add(sg_dma_address(&slot->sg[i]), skip);
		size_t len = sg_dma_len(&slot->sg[i]);

		if (skip >= len) {
			skip -= len;
			continue;
		}
		len = len - skip < bytes ? len - skip : bytes;
		if (!dma_gate(&nvme->pci->dev.dma, addr, len, &bus) ||
		    !nvme_prps_add(&slot->prps, bus, len))
			return false;
		skip = 0;
		bytes -= len;
	}
	return !bytes;
}

bool nvme_shape(struct nvme *nvme, struct nvme_slot *slot, struct nvme_sqe *command)
{
	const struct block_request *r = slot->request;
	uint32_t size = r->disk->sector_size;
	uint64_t sector = r->sector + slot->done;

	if (r->op == BLOCK_DRIVER) {
		*command = *(const struct nvme_sqe *)r->arg;
		return true;
	}
	*command = (struct nvme_sqe){.opcode = NVME_FLUSH,
				     .nsid = ((const struct nvme_disk *)r->disk)->nsid};
	if (r->op == BLOCK_FLUSH)
		return true;
	slot->part = r->sectors - slot->done;
	if (slot->part > nvme->command_bytes / size)
		slot->part = (uint32_t)(nvme->command_bytes / size);
	if (!add_data(nvme, slot, (size_t)slot->done * size, (size_t)slot->part * size))
		return false;
	command->opcode = r->op == BLOCK_WRITE ? NVME_WRITE : NVME_READ;
	command->dword10 = (uint32_t)sector;
	command->dword11 = (uint32_t)(sector >> 32);
	command->dword12 = slot->part - 1;
	command->prp1 = slot->prps.prp[0];
	command->prp2 = slot->prps.prp[1];
	return true;
}

struct block_request *nvme_take_off(struct nvme *nvme, struct nvme_slot *slot, bool done)
{
	struct block_request *request = slot->request;
	struct nvme_queue *q = (struct nvme_queue *)request->disk->queue;

	unmap(nvme, slot, done);
	q->slot[slot->id] = NULL;
	kfree(&machine.kmem, slot);
	return request;
}

/* --- which disks there are --- */

/* The answer is in its page of memory. */
static int identify(struct nvme *nvme, uint32_t what, uint32_t nsid)
{
	struct nvme_sqe command = {.opcode = NVME_IDENTIFY,
				   .nsid = nsid,
				   .prp1 = nvme->memory[NVME_ANSWER].bus,
				   .dword10 = what};
	struct block_request request = {.disk = &nvme->chip, .op = BLOCK_DRIVER, .arg = &command};
	int err = block_execute(&request);

	if (err)
		log_error("%s: identify failed: %s", nvme->chip.name, request.why);
	return err;
}

/* NULL, or why it is of no use. */
static const char *add_disk(struct nvme *nvme, uint32_t nsid)
{
	struct block_device *block;
	const char *why;

	if (nvme->disks == NVME_DISKS)
		return "there are too many";
	block = &nvme->disk[nvme->disks].block;
	if (identify(nvme, NVME_CNS_NAMESPACE, nsid))
		return "it can't be identified";
	why = nvme_parse_namespace(nvme->memory[NVME_ANSWER].cpu, &block->sectors,
				   &block->sector_size);
	if (why)
		return why;
	nvme->disk[nvme->disks++].nsid = nsid;
	block->queue = &nvme->io.block;
	block->max_bytes = NVME_MAX_BYTES;
	block->max_segments = NVME_SEGMENTS;
	block_add(block, nvme->pci->dev.driver->name);
	printf("%s: %llu sectors of %u bytes, namespace %u of %s\n", block->name,
	       (ull)block->sectors, block->sector_size, nsid, nvme->pci->dev.name);
	return NULL;
}

int nvme_scan(struct nvme *nvme)
{
	const void *answer = nvme->memory[NVME_ANSWER].cpu;
	uint32_t nsid[NVME_DISKS + 1];
	int err = identify(nvme, NVME_CNS_CONTROLLER, 0);

	if (err)
		return err;
	if (nvme_parse_most_bytes(answer) < nvme->command_bytes)
		nvme->command_bytes = nvme_parse_most_bytes(answer);
	err = identify(nvme, NVME_CNS_NAMESPACES, 0);
	if (err)
		return err;
	memcpy(nsid, answer, sizeof(nsid));
	for (unsigned i = 0; i < ARRAY_SIZE(nsid) && nsid[i]; i++) {
		const char *why = add_disk(nvme, nsid[i]);

		if (why)
			log_error("%s: namespace %u: %s", nvme->pci->dev.name, nsid[i], why);
	}
	return 0;
}
