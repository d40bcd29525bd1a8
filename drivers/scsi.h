/* SPDX-License-Identifier: MIT */
/*
 * SCSI: command blocks, and what disks answer (SPC-3, SBC-2; SCSI-2 for what is
 * older). Answers come from outside: each parser is told how many bytes came,
 * and believes no length that is in them.
 *
 * Pure; any context.
 */
#ifndef DRIVERS_SCSI_H
#define DRIVERS_SCSI_H

#include "mm/types.h"

#define SCSI_CDB_MAX	 16
#define SCSI_SENSE_BYTES 18
#define SCSI_ANSWER_MAX	 36 /* bytes of data_in */

/* A command, and the data that it may bring at most. */
struct scsi_cdb {
	uint8_t byte[SCSI_CDB_MAX];
	uint8_t length;	 /* bytes of it */
	uint8_t data_in; /* bytes that a short answer may have; 0 for reads and writes too */
};

/* Message bytes: SCSI-2, table 10. */
#define SCSI_COMMAND_COMPLETE  0x00
#define SCSI_SAVE_DATA_POINTER 0x02
#define SCSI_DISCONNECT	       0x04
#define SCSI_SIMPLE_TAG	       0x20
#define SCSI_IDENTIFY	       0xc0 /* unit 0; the target may disconnect */
#define SCSI_IDENTIFIED	       0x80 /* of the target's: this bit */

enum scsi_status { SCSI_GOOD = 0x00, SCSI_CHECK_CONDITION = 0x02 /* there is sense data */ };

extern const struct scsi_cdb scsi_test_unit_ready, scsi_inquiry, scsi_request_sense,
	scsi_read_capacity10, scsi_read_capacity16, scsi_synchronize_cache;

/* READ or WRITE of `count` blocks: of 10 bytes where that can say it, else of 16. */
struct scsi_cdb scsi_transfer(bool write, uint64_t block, uint32_t count);

struct scsi_sense {
	uint8_t key, code, qualifier; /* additional sense code and its qualifier */
};

/* Fixed (0x70, 0x71) or by descriptors (0x72, 0x73). False: it is neither, or too short. */
bool scsi_parse_sense(const uint8_t *data, size_t n, struct scsi_sense *sense);

enum scsi_verdict {
	SCSI_DONE,  /* it was done all the same */
	SCSI_AGAIN, /* not this time, but perhaps the next */
	SCSI_FAILED
};
enum scsi_verdict scsi_judge(const struct scsi_sense *sense);
const char *scsi_sense_name(const struct scsi_sense *sense);

/* What to do about n bytes of sense, and why, in words. What isn't any is worth another try. */
#define SCSI_WHY 48
enum scsi_verdict scsi_judge_sense(const uint8_t *data, size_t n, char why[SCSI_WHY]);

/* Is it a disk? `name`: vendor and product, printable. */
bool scsi_is_disk(const uint8_t *data, size_t n, char name[25]);

struct scsi_capacity {
	uint64_t blocks;
	uint32_t block_size; /* bytes, 2^n, from 512 to 4096 */
};

/*
 * READ CAPACITY's answer: (16), or (10). 0; -EINVAL: too short, or a size that
 * can't be worked with; -ENOSPC ((10) only): more than its 32 bits can say.
 */
int scsi_parse_capacity(const uint8_t *data, size_t n, bool is_16, struct scsi_capacity *capacity);

/*
 * Is there a disk, ready, and how large? All by `ask`, which sends a command and returns
 * how many bytes of `answer` (SCSI_ANSWER_MAX) came, or an error. 0; -ENODEV: there is none;
 * its error, or scsi_parse_capacity()'s: there is one, `name` says which, but it is of no use.
 */
int scsi_identify(int (*ask)(void *arg, const struct scsi_cdb *cdb, uint8_t *answer), void *arg,
		  char name[25], struct scsi_capacity *capacity);

#endif
