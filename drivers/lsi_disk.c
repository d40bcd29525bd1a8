/* SPDX-License-Identifier: MIT */
/*
 * Disks behind an LSI53C895A: which there are, what a request is in SCSI, and
 * what to think of how it ended.
 */
#include "drivers/lsi.h"
#include "kernel/log.h"
#include "kernel/mmu.h"
#include "kernel/string.h"

/* --- from a request to a command --- */

static struct scsi_cdb cdb_of(const struct lsi_command *cmd)
{
	const struct block_request *r = cmd->request;

	if (cmd->sensing)
		return scsi_request_sense;
	if (r->op == BLOCK_FLUSH)
		return scsi_synchronize_cache;
	if (r->op == BLOCK_DRIVER)
		return *((const struct lsi_task *)r->arg)->cdb;
	return scsi_transfer(r->op == BLOCK_WRITE, r->sector, r->sectors);
}

/* The request's data. */
static bool load_segments(struct lsi *lsi, struct lsi_command *cmd)
{
	struct lsi_move *segment = &cmd->table->segment[LSI_SEGMENTS - cmd->segments];
	uint64_t bus;

	for (unsigned i = 0; i < cmd->segments; i++) {
		const struct scatterlist *sg = &cmd->request->sg[i];

		if (!dma_gate(&lsi->pci->dev.dma, sg_dma_address(sg), sg_dma_len(sg), &bus))
			return false;
		segment[i].count = (uint32_t)sg_dma_len(sg);
		segment[i].addr = (uint32_t)bus;
		cmd->left += (uint32_t)sg_dma_len(sg);
	}
	return true;
}

/*
 * Sense; or what commands without data don't move. A block move waits for that
 * too: QEMU's model shows a data phase until a command without data is done.
 */
static void load_small(struct lsi_command *cmd)
{
	struct lsi_move *segment = &cmd->table->segment[LSI_SEGMENTS - 1];

	segment->count = SCSI_SENSE_BYTES;
	segment->addr = cmd->bus + offsetof(struct lsi_table, sense);
	memset(cmd->table->sense, 0, SCSI_SENSE_BYTES);
}

static void load_command(struct lsi *lsi, struct lsi_command *cmd)
{
	uint8_t target = ((const struct lsi_disk *)cmd->request->disk)->target;
	struct lsi_table *t = cmd->table;
	struct scsi_cdb cdb = cdb_of(cmd);
	bool is_write = cmd->request->op == BLOCK_WRITE && !cmd->sensing;

	t->begin = lsi->program.start;
	t->select = (uint32_t)target << 16;
	t->target = LSI_SSID_VAL | target;
	t->data = lsi_program_data(&lsi->program, is_write ? LSI_DATA_OUT : LSI_DATA_IN,
				   cmd->segments);
	t->cdb_move.count = cdb.length;
	memcpy(t->cdb, cdb.byte, sizeof(t->cdb));
}

bool lsi_load(struct lsi *lsi, struct lsi_command *cmd)
{
	const struct block_request *r = cmd->request;
	bool is_small = cmd->sensing || !cmd->mapped;

	cmd->table->moved = 0;
	cmd->table->done = 0;
	if (r->op == BLOCK_DRIVER && !((const struct lsi_task *)r->arg)->cdb) {
		cmd->table->begin = lsi->program.copy;
		cmd->table->status[0] = SCSI_GOOD;
		return true;
	}
	cmd->segments = is_small ? 1 : cmd->mapped;
	load_command(lsi, cmd);
	if (is_small)
		load_small(cmd);
	return is_small || load_segments(lsi, cmd);
}

/* --- how it ended --- */

static void end_well(struct lsi *lsi, struct lsi_command *cmd)
{
	uint32_t left = cmd->left;
	struct block_request *r = lsi_take_off(lsi, cmd);
	char why[40];

	if (r->op == BLOCK_DRIVER)
		((struct lsi_task *)r->arg)->left = left;
	snprintf(why, sizeof(why), "%u bytes were not moved", left);
	if (left && r->op != BLOCK_DRIVER)
		block_fail(r, -EIO, why);
	else
		block_complete(r, 0);
}

/* What didn't come of the sense is 0. */
static void conclude_sense(struct lsi *lsi, struct lsi_command *cmd)
{
	char why[SCSI_WHY];

	enum scsi_verdict verdict = scsi_judge_sense(cmd->table->sense, SCSI_SENSE_BYTES, why);

	if (verdict == SCSI_DONE)
		end_well(lsi, cmd);
	else if (verdict == SCSI_AGAIN)
		block_retry(lsi_take_off(lsi, cmd), -EIO, why);
	else
		block_fail(lsi_take_off(lsi, cmd), -EIO, why);
}

void lsi_conclude(struct lsi *lsi, struct lsi_command *cmd)
{
	uint8_t status = cmd->table->status[0];
	char why[16];

	if (cmd->table->moved && !cmd->sensing)
		cmd->left = 0;
	if (status == SCSI_CHECK_CONDITION && !cmd->sensing) {
		cmd->sensing = true;
		lsi_post(lsi, cmd);
	} else if (status != SCSI_GOOD) {
		snprintf(why, sizeof(why), "status %#x", status);
		block_retry(lsi_take_off(lsi, cmd), -EIO, why);
	} else if (cmd->sensing) {
		conclude_sense(lsi, cmd);
	} else {
		end_well(lsi, cmd);
	}
}

/* --- which disks there are --- */

static int ask(void *disk, const struct scsi_cdb *cdb, uint8_t *answer)
{
	struct scatterlist sg = {.addr = virt_to_phys(answer), .length = cdb->data_in};
	struct lsi_task task = {.request = {.disk = disk,
					    .op = BLOCK_DRIVER,
					    .sg = &sg,
					    .nents = cdb->data_in != 0,
					    .arg = &task},
				.cdb = cdb};
	int err = block_execute(&task.request);

	if (err)
		string_copy(((struct lsi_disk *)disk)->why, sizeof(task.request.why),
			    task.request.why);
	return err ? err : cdb->data_in - (int)task.left;
}

static void look_at_target(struct lsi *lsi, uint8_t target)
{
	const char *chip = lsi->pci->dev.name;
	struct lsi_disk *disk = &lsi->disk[lsi->disks];
	struct scsi_capacity capacity;
	char name[25];
	int err;

	*disk = (struct lsi_disk){.block = {.queue = &lsi->queue,
					    .max_bytes = LSI_MAX_BYTES,
					    .max_segments = LSI_SEGMENTS},
				  .target = target,
				  .why = "there is no sense in its size"};
	err = scsi_identify(ask, disk, name, &capacity);
	if (err && err != -ENODEV)
		log_error("%s: target %u, %s: not usable: %s", chip, target, name, disk->why);
	if (err)
		return;
	lsi->disks++;
	disk->block.sectors = capacity.blocks;
	disk->block.sector_size = capacity.block_size;
	block_add(&disk->block, lsi->pci->dev.driver->name);
	printf("%s: %s, %llu sectors of %u bytes, target %u of %s\n", disk->block.name, name,
	       (ull)capacity.blocks, capacity.block_size, target, chip);
}

void lsi_scan(struct lsi *lsi)
{
	for (uint8_t target = 0; target < LSI_TARGETS; target++)
		look_at_target(lsi, target);
}
