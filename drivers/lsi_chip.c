/* SPDX-License-Identifier: MIT */
/*
 * The LSI53C895A itself: commands into its SCRIPTS, what they and the bus have
 * to say, and the way out of trouble.
 *
 * A command is handed over through the mailbox, one at a time. SCRIPTS mark it
 * done and interrupt on the fly; they stop only at what they don't expect. Then
 * the CPU looks: a target that went to its status early is let on, all else
 * ends in a reset of the bus. The chip itself is never reset once disks are in
 * use: with a failed read behind it, QEMU's model doesn't survive that.
 */
#include "drivers/lsi.h"
#include "kernel/io.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/time.h"

#define RESET_HOLD_NS (30 * NSEC_PER_USEC) /* SCSI-2, 5.2.4: 25 us at least */

struct events {
	uint8_t istat, dstat;
	uint16_t sist;
};

/* --- commands --- */

/* SCRIPTS begin, or go on, here. */
static void go(struct lsi *lsi, uint32_t where)
{
	writel(where, lsi->regs + LSI_DSP);
}

/* With nothing to take from the mailbox; reading CTEST2 takes the signal back. */
static void go_idle(struct lsi *lsi)
{
	lsi->common->mailbox = lsi->program.nobody;
	readb(lsi->regs + LSI_CTEST2);
	go(lsi, lsi->program.idle);
}

struct block_request *lsi_take_off(struct lsi *lsi, struct lsi_command *cmd)
{
	struct block_request *request = cmd->request;

	if (cmd->mapped)
		dma_unmap_sg(&lsi->pci->dev.dma, request->sg, request->nents,
			     block_direction(request));
	cmd->table->target = LSI_NOBODY;
	cmd->request = NULL;
	return request;
}

void lsi_post(struct lsi *lsi, struct lsi_command *cmd)
{
	if (!lsi_load(lsi, cmd)) {
		block_fail(lsi_take_off(lsi, cmd), -EINVAL, "the gate refused");
		return;
	}
	lsi->common->mailbox = cmd->bus;
	writeb(LSI_ISTAT_SIGP, lsi->regs + LSI_ISTAT);
}

static struct lsi_command *first(struct lsi *lsi, bool is_free)
{
	struct lsi_command *cmd = lsi->command;

	while (!cmd->request != is_free)
		cmd++;
	return cmd;
}

/* The depth sees to it that there is a place. */
static bool start(struct block_queue *queue, struct block_request *r)
{
	struct lsi *lsi = queue->dev->priv;
	bool alone = r->op != BLOCK_READ || r->tries, others = queue->in_flight > 1;
	struct lsi_command *cmd = first(lsi, true);
	unsigned mapped = 0;

	if (lsi->common->mailbox != lsi->program.nobody || (others && (alone || lsi->alone)))
		return false;
	if (r->nents) {
		mapped = dma_map_sg_attrs(&queue->dev->dma, r->sg, r->nents, block_direction(r),
					  block_is_alone() ? 0 : DMA_ATTR_NO_WARN);
		if (!mapped && !block_is_alone())
			return false;
		if (!mapped) {
			block_fail(r, -ENOMEM, "it can't be mapped");
			return true;
		}
	}
	cmd->request = r;
	cmd->mapped = mapped;
	cmd->sensing = false;
	cmd->left = 0;
	lsi->alone = alone;
	lsi_post(lsi, cmd);
	return true;
}

/* --- what SCRIPTS and the bus have to say --- */

static struct events take_events(struct lsi *lsi)
{
	struct events e = {.istat = readb(lsi->regs + LSI_ISTAT)};

	if (e.istat & LSI_ISTAT_INTF)
		writeb(LSI_ISTAT_INTF | (e.istat & LSI_ISTAT_SIGP), lsi->regs + LSI_ISTAT);
	if (e.istat & LSI_ISTAT_SIP)
		e.sist = readw(lsi->regs + LSI_SIST);
	if (e.istat & LSI_ISTAT_DIP)
		e.dstat = readb(lsi->regs + LSI_DSTAT) & ~LSI_DSTAT_DFE;
	e.istat &= LSI_ISTAT_INTF | LSI_ISTAT_SIP | LSI_ISTAT_DIP;
	return e;
}

/*
 * A failure among several may be another's, and its sense be gone with the next
 * command: that is trouble.
 */
static const char *collect(struct lsi *lsi)
{
	const char *trouble = NULL;

	for (unsigned i = 0; i < LSI_COMMANDS; i++) {
		struct lsi_command *cmd = &lsi->command[i];

		if (!cmd->request || !cmd->table->done)
			continue;
		if (cmd->table->status[0] == SCSI_GOOD || lsi->queue.in_flight == 1)
			lsi_conclude(lsi, cmd);
		else
			trouble = "a command failed among others";
	}
	return trouble;
}

/* It stopped in the middle of its data. If that's the end of them, what is left is known. */
static const char *stopped_early(struct lsi *lsi, struct lsi_command *cmd)
{
	uint32_t left = readl(lsi->regs + LSI_DBC) & LSI_COUNT_MAX;

	if (!lsi_table_residual(cmd->table, cmd->segments, readl(lsi->regs + LSI_DSP), left, &left))
		return "a phase mismatch out of place";
	if (cmd->mapped && !cmd->sensing)
		cmd->left = left;
	go(lsi, lsi->program.after_data);
	return NULL;
}

/*
 * To its status, that is. QEMU's model: a disconnected command that fails doesn't
 * reselect, but is in its status phase all of a sudden.
 */
static const char *mismatch(struct lsi *lsi, struct lsi_command *cmd)
{
	if ((readb(lsi->regs + LSI_SSTAT1) & LSI_SSTAT1_PHASE) != LSI_STATUS)
		return "a target left its phase";
	if (readb(lsi->regs + LSI_SCNTL1) & LSI_SCNTL1_CON)
		return stopped_early(lsi, cmd);
	writel(cmd->bus, lsi->regs + LSI_DSA);
	go(lsi, lsi->program.status);
	return NULL;
}

/* Some are no trouble for a command alone. */
static const char *judge(struct lsi *lsi, const struct events *e)
{
	static const char *const codes[] = {
		[LSI_CODE_PARKED] = "SCRIPTS were stopped",
		[LSI_CODE_PHASE] = "a phase out of place",
		[LSI_CODE_MESSAGE] = "a message out of place",
		[LSI_CODE_TAG] = "reselection with a tag that is none",
		[LSI_CODE_TARGET] = "reselection by a target that has no such command",
	};
	uint32_t code = e->dstat & LSI_DSTAT_SIR ? readl(lsi->regs + LSI_DSPS) : 0;
	bool alone = lsi->queue.in_flight == 1;

	if (alone && e->sist & LSI_SIST_STO) {
		go_idle(lsi);
		block_fail(lsi_take_off(lsi, first(lsi, false)), -ENXIO, "nobody answered");
		return NULL;
	}
	if (alone && e->sist == LSI_SIST_MA)
		return mismatch(lsi, first(lsi, false));
	if (code && code < ARRAY_SIZE(codes))
		return codes[code];
	if (e->dstat)
		return "a fault on the PCI bus, or in SCRIPTS";
	return e->sist ? "an error on the SCSI bus" : NULL;
}

/* --- getting out of trouble --- */

static void discard_events(struct lsi *lsi)
{
	for (unsigned i = 0; i < 4 && take_events(lsi).istat; i++)
		;
}

/*
 * From whatever state to a stop. QEMU's model lets a target reselect as long as
 * it believes that SCRIPTS wait for that, stopped or not; the signal ends it.
 */
static void park(struct lsi *lsi)
{
	writeb(LSI_ISTAT_ABRT, lsi->regs + LSI_ISTAT);
	writel(lsi->program.park, lsi->regs + LSI_DNAD);
	writeb(LSI_ISTAT_SIGP, lsi->regs + LSI_ISTAT);
	go(lsi, lsi->program.park);
	discard_events(lsi);
}

static void reset_bus(struct lsi *lsi)
{
	park(lsi);
	writeb(LSI_SCNTL1_RST, lsi->regs + LSI_SCNTL1);
	time_spin(RESET_HOLD_NS);
	writeb(0, lsi->regs + LSI_SCNTL1);
	discard_events(lsi);
	go_idle(lsi);
}

/* Back to where nothing is in flight. Each of what was is tried again, or has failed. */
static void recover(struct lsi *lsi, int err, const char *why)
{
	log_warning("%s: %s; bus reset with %u in flight", lsi->pci->dev.name, why,
		    lsi->queue.in_flight);
	reset_bus(lsi);
	for (unsigned i = 0; i < LSI_COMMANDS; i++)
		if (lsi->command[i].request)
			block_retry(lsi_take_off(lsi, &lsi->command[i]), err, why);
}

/* Before it is set up, whoever shares the line raised it. */
bool lsi_service(void *arg)
{
	struct lsi *lsi = arg;
	struct events e = {0};
	const char *trouble;

	if (lsi->common)
		e = take_events(lsi);
	if (!e.istat)
		return false;
	lsi->queue.held = true;
	trouble = collect(lsi);
	if (!trouble)
		trouble = judge(lsi, &e);
	if (trouble)
		recover(lsi, -EIO, trouble);
	lsi->queue.held = false;
	block_queue_run(&lsi->queue);
	return true;
}

static void expire(struct block_queue *queue)
{
	queue->held = true;
	recover(queue->dev->priv, -ETIMEDOUT, "no answer in time");
	queue->held = false;
	block_queue_run(queue);
}

/* --- beginning and end --- */

void lsi_begin(struct lsi *lsi)
{
	uint8_t *regs = lsi->regs;

	writeb(LSI_ISTAT_SRST, regs + LSI_ISTAT);
	time_spin(RESET_HOLD_NS);
	writeb(0, regs + LSI_ISTAT);
	writeb(LSI_SCNTL0_ARB_FULL, regs + LSI_SCNTL0);
	writeb(LSI_SCID_RRE | LSI_ID, regs + LSI_SCID);
	writeb(1 << LSI_ID, regs + LSI_RESPID0);
	writeb(LSI_STIME0_250MS, regs + LSI_STIME0);
	writel(lsi->program.nobody, regs + LSI_SCRATCHB); /* what the program stores: nobody, */
	writel(1, regs + LSI_SCRATCHC);			  /* and that something is done */
	writeb(LSI_DSTAT_SIR | LSI_DSTAT_ERRORS, regs + LSI_DIEN);
	writew(LSI_SIST_MA | LSI_SIST_STO | LSI_SIST_ERRORS, regs + LSI_SIEN);
	go_idle(lsi);
	lsi->queue.dev = &lsi->pci->dev;
	lsi->queue.start = start;
	lsi->queue.expire = expire;
	lsi->chip.queue = &lsi->queue;
	block_queue_init(&lsi->queue);
}

void lsi_stop(struct lsi *lsi)
{
	park(lsi);
	block_queue_remove(&lsi->queue);
}
