/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the LSI53C895A's driver share: lsi.c, how it is bound, its
 * memory and copy engine; lsi_chip.c, the commands that it runs; lsi_disk.c,
 * what they say to disks. Inside them only.
 *
 * All that is done goes through one queue of block requests: disks' reads,
 * writes and flushes, and as BLOCK_DRIVER what has a struct lsi_task, a SCSI
 * command with a short answer, or a memory move.
 *
 * Reads fly together. All else has the bus to itself, and so has what is tried
 * again, so that of a failure it is known whose it is. (QEMU's model forgets
 * who is connected when a disconnected read fails meanwhile, and says not which
 * of several has failed.) A failure among several in flight, and whatever makes
 * no sense, resets the bus; what was in flight is tried again, one by one.
 *
 * State is changed with interrupts off.
 */
#ifndef DRIVERS_LSI_H
#define DRIVERS_LSI_H

#include "drivers/block.h"
#include "drivers/lsi_script.h"
#include "drivers/pci.h"
#include "drivers/scsi.h"

#define LSI_TARGETS   7 /* ids 0 to 6; the chip's own is the highest priority's */
#define LSI_ID	      7
#define LSI_MAX_BYTES MIB(4) /* of a request */

/* A place for a command. */
struct lsi_command {
	struct lsi_table *table;       /* coherent memory */
	dma_addr_t handle;	       /* its */
	uint32_t bus;		       /* where the device has it */
	struct block_request *request; /* NULL: free */
	bool sensing;		       /* a REQUEST SENSE is in place of what it is to do */
	unsigned mapped;	       /* segments of the request's list */
	unsigned segments;	       /* of what is on the bus */
	uint32_t left;		       /* bytes of the request's data that were not moved */
};

/* The driver's own requests; `request.arg` leads here. */
struct lsi_task {
	struct block_request request;
	const struct scsi_cdb *cdb; /* NULL: the memory move that the program has */
	uint32_t left;		    /* bytes of the answer that didn't come */
};

struct lsi_disk {
	struct block_device block; /* first, so that it is found by a cast */
	uint8_t target;
	char why[32]; /* it is of no use */
};

struct lsi {
	struct pci_device *pci;
	uint8_t *regs;
	struct lsi_common *common; /* coherent memory; NULL: not set up yet */
	dma_addr_t handle;	   /* its */
	struct lsi_program program;
	unsigned skew; /* the copy engine's bytes begin so far into the buffer */
	struct block_queue queue;
	struct block_device chip; /* whose memory moves are */
	unsigned disks;
	struct lsi_disk disk[LSI_TARGETS];
	/* with interrupts off: */
	struct lsi_command command[LSI_COMMANDS]; /* as many as the queue is deep */
	bool alone;				  /* what is in flight wants nobody beside it */
};

/* --- lsi_disk.c --- */

/* Find the disks behind the chip, and make them known. */
void lsi_scan(struct lsi *lsi);

/* Fill in the table of what it does next. False: the gate refused. */
bool lsi_load(struct lsi *lsi, struct lsi_command *cmd);

/* It came to its status: it ends, is to be tried again, or says more. */
void lsi_conclude(struct lsi *lsi, struct lsi_command *cmd);

/* --- lsi_chip.c --- */

/* From reset to the program's idle loop; and to a stop, with nothing in flight. */
void lsi_begin(struct lsi *lsi);
void lsi_stop(struct lsi *lsi);

/* Hand it to SCRIPTS. The mailbox is empty. */
void lsi_post(struct lsi *lsi, struct lsi_command *cmd);

/* Its place is free, its buffers are unmapped; the request is to be given back. */
struct block_request *lsi_take_off(struct lsi *lsi, struct lsi_command *cmd);

/* The interrupt handler: what the chip has to say is heard. Returns whether there was anything. */
bool lsi_service(void *lsi);

#endif
