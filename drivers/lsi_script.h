/* SPDX-License-Identifier: MIT */
/*
 * SCRIPTS, the program of the LSI53C895A's own processor (Technical Manual,
 * chapter 5). It runs one connection to a target after the other, and never waits
 * for the CPU while it is connected:
 *
 *	idle ──in the mailbox: a command──> select, take it ──> its data ──> status ──> done, idle
 *	  └──nobody──> wait ──reselected──> which command? ──────┘ └── disconnects ──> idle
 *	                └──signalled──> idle
 *
 * The signal says no more than: look into the mailbox. It may come too often, and
 * none is lost: it is taken back before the mailbox is looked at.
 *
 * A command is a table in memory (struct lsi_table), found by the data
 * structure address: in the mailbox, or by the tag that the target gives when
 * it reselects. The tag is an index, times 4; that it is one, and the right
 * target's, is checked here, so that no target gets at another's buffers.
 *
 * Data is moved by a block move a segment. All commands share one array of
 * them for each direction, and enter it as far from its end as they have
 * segments; so a table's segments lie at its end:
 *
 *	data_in:  MOVE segment 0, MOVE segment 1, .. MOVE segment 127, "all moved"
 *	                             ^ a command of 127 segments enters here
 *
 * Pure; any context.
 */
#ifndef DRIVERS_LSI_SCRIPT_H
#define DRIVERS_LSI_SCRIPT_H

#include "drivers/lsi_reg.h"
#include "mm/types.h"

#define LSI_COMMANDS   16  /* in flight at most */
#define LSI_SEGMENTS   128 /* of a command */
#define LSI_TAG(index) ((uint8_t)((index)*4))
#define LSI_NOBODY     UINT32_MAX
#define LSI_COPY_BYTES 1020 /* and 3 to begin where the other end does */

/* A block move's count (24 bits) and address. */
struct lsi_move {
	uint32_t count, addr;
};

/* What the program reads and writes of a command. Little-endian; the device's side of it too. */
struct lsi_table {
	uint32_t begin;	 /* where in the program it starts; first, as in struct lsi_common */
	uint32_t select; /* the target's id in bits 16 to 19 */
	uint32_t data;	 /* where its data phase does */
	uint32_t target; /* LSI_SSID_VAL | id; LSI_NOBODY: may not reselect */
	volatile uint32_t moved; /* by the program: all segments are */
	volatile uint32_t done;	 /* by the program: it's over */
	struct lsi_move message_out, cdb_move, status_move, message_in;
	uint8_t message[4];	    /* identify, simple queue tag, tag; the last: what came in */
	volatile uint8_t status[4]; /* the first */
	uint8_t cdb[16];
	uint8_t sense[20];
	struct lsi_move segment[LSI_SEGMENTS];
};

_Static_assert(sizeof(struct lsi_table) == 100 + 8 * LSI_SEGMENTS, "no holes");

/* What all commands share: how they are found, the program, and a buffer. */
struct lsi_common {
	uint32_t table[LSI_COMMANDS]; /* bus addresses of the tables, by index; else nobody's */
	volatile uint32_t mailbox;    /* a table's, to be started; else `nobody` */
	uint32_t nobody[4]; /* a table up to its target: it leads to waiting, and nobody reselects
			       it */
	uint32_t message;   /* bytes that come in at reselection */
	uint32_t script[4 * LSI_SEGMENTS + 140];
	uint8_t buffer[LSI_COPY_BYTES + 4]; /* the copy engine's */
};

/* INT's codes: why the program gives up. */
enum lsi_code {
	LSI_CODE_PARKED = 1,
	LSI_CODE_PHASE,	  /* a phase that makes no sense here */
	LSI_CODE_MESSAGE, /* a message that wasn't expected */
	LSI_CODE_TAG,	  /* reselection with a tag that is none */
	LSI_CODE_TARGET,  /* ... with a tag of another target's command, or of none in flight */
};

/* Bus addresses: where it all is, and places in the program. */
struct lsi_program {
	uint32_t common, nobody;
	uint32_t idle, wait, reselected, woken, start, dispatch, after_data, status, message,
		finished;
	uint32_t data_in, data_out, data_end, copy, park;
};

/*
 * Build it into common->script, for a device that sees `common` at `bus`, a
 * multiple of 64; there are no tables yet. Returns its length in bytes.
 */
size_t lsi_program_build(struct lsi_program *program, struct lsi_common *common, uint32_t bus);

/* Where a command of n segments enters the data phase: LSI_DATA_IN or LSI_DATA_OUT. */
uint32_t lsi_program_data(const struct lsi_program *program, enum lsi_phase phase, unsigned n);

/* Make the program's one memory move, at program->copy, this one. */
void lsi_program_copy(const struct lsi_program *program, struct lsi_common *common, uint32_t count,
		      uint32_t from, uint32_t to);

/*
 * What is left of a table's n segments when the block move before `dsp`
 * was stopped with `left` bytes left of its own. False: the two can't be.
 */
bool lsi_table_residual(const struct lsi_table *table, unsigned n, uint32_t dsp, uint32_t left,
			uint32_t *residual);

#endif
