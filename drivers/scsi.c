/* SPDX-License-Identifier: MIT */
#include "drivers/scsi.h"

#include "kernel/printf.h"
#include "mm/errno.h"

#define READ_10		 0x28
#define WRITE_10	 0x2a
#define READ_16		 0x88
#define WRITE_16	 0x8a

#define INQUIRY_BYTES	 36
#define CAPACITY10_BYTES 8
#define CAPACITY16_BYTES 32

/* SPC-3, table 27. */
#define KEY_RECOVERED_ERROR 0x1
#define KEY_NOT_READY	    0x2
#define KEY_UNIT_ATTENTION  0x6
#define KEY_ABORTED	    0xb

const struct scsi_cdb scsi_test_unit_ready = {.byte = {0x00}, .length = 6};
const struct scsi_cdb scsi_request_sense = {
	.byte = {0x03, [4] = SCSI_SENSE_BYTES}, .length = 6, .data_in = SCSI_SENSE_BYTES};
const struct scsi_cdb scsi_inquiry = {
	.byte = {0x12, [4] = INQUIRY_BYTES}, .length = 6, .data_in = INQUIRY_BYTES};
const struct scsi_cdb scsi_read_capacity10 = {
	.byte = {0x25}, .length = 10, .data_in = CAPACITY10_BYTES};
const struct scsi_cdb scsi_read_capacity16 = {
	.byte = {0x9e, 0x10, [13] = CAPACITY16_BYTES}, .length = 16, .data_in = CAPACITY16_BYTES};
const struct scsi_cdb scsi_synchronize_cache = {.byte = {0x35}, .length = 10};

static void put_big(uint8_t *to, unsigned bytes, uint64_t value)
{
	while (bytes--) {
		to[bytes] = (uint8_t)value;
		value >>= 8;
	}
}

static uint64_t get_big(const uint8_t *from, unsigned bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | *from++;
	return value;
}

struct scsi_cdb scsi_transfer(bool write, uint64_t block, uint32_t count)
{
	struct scsi_cdb cdb = {.length = 10};

	if (block <= UINT32_MAX && count <= UINT16_MAX) {
		cdb.byte[0] = write ? WRITE_10 : READ_10;
		put_big(cdb.byte + 2, 4, block);
		put_big(cdb.byte + 7, 2, count);
	} else {
		cdb.length = 16;
		cdb.byte[0] = write ? WRITE_16 : READ_16;
		put_big(cdb.byte + 2, 8, block);
		put_big(cdb.byte + 10, 4, count);
	}
	return cdb;
}

bool scsi_parse_sense(const uint8_t *data, size_t n, struct scsi_sense *sense)
{
	uint8_t format = n ? data[0] & 0x7f : 0;

	*sense = (struct scsi_sense){0};
	if ((format == 0x70 || format == 0x71) && n >= 3) {
		sense->key = data[2] & 0x0f;
		sense->code = n >= 14 ? data[12] : 0;
		sense->qualifier = n >= 14 ? data[13] : 0;
		return true;
	}
	if ((format == 0x72 || format == 0x73) && n >= 4) {
		*sense = (struct scsi_sense){data[1] & 0x0f, data[2], data[3]};
		return true;
	}
	return false;
}

enum scsi_verdict scsi_judge(const struct scsi_sense *sense)
{
	switch (sense->key) {
	case KEY_RECOVERED_ERROR:
		return SCSI_DONE;
	case KEY_UNIT_ATTENTION:
	case KEY_ABORTED:
		return SCSI_AGAIN;
	case KEY_NOT_READY: /* becoming so is 4/1; SPC-3, table 28 */
		return sense->code == 0x04 && sense->qualifier == 0x01 ? SCSI_AGAIN : SCSI_FAILED;
	default:
		return SCSI_FAILED;
	}
}

const char *scsi_sense_name(const struct scsi_sense *sense)
{
	static const char *const names[] = {
		"no sense",	  "recovered error", "not ready",      "medium error",
		"hardware error", "illegal request", "unit attention", "data protect",
		"blank check",	  "vendor specific", "copy aborted",   "aborted command",
		"obsolete (0xc)", "volume overflow", "miscompare",     "reserved (0xf)",
	};

	return names[sense->key & 0x0f];
}

enum scsi_verdict scsi_judge_sense(const uint8_t *data, size_t n, char why[SCSI_WHY])
{
	struct scsi_sense sense;

	if (!scsi_parse_sense(data, n, &sense)) {
		snprintf(why, SCSI_WHY, "it can't say why");
		return SCSI_AGAIN;
	}
	snprintf(why, SCSI_WHY, "%s (sense %x/%02x/%02x)", scsi_sense_name(&sense), sense.key,
		 sense.code, sense.qualifier);
	return scsi_judge(&sense);
}

/* Not connected, and what can't be, are no disk either: they are in the type's other bits. */
bool scsi_is_disk(const uint8_t *data, size_t n, char name[25])
{
	if (n < INQUIRY_BYTES || data[0])
		return false;
	for (unsigned i = 0; i < 24; i++)
		name[i] = data[8 + i] >= ' ' && data[8 + i] < 0x7f ? (char)data[8 + i] : '?';
	name[24] = '\0';
	return true;
}

int scsi_parse_capacity(const uint8_t *data, size_t n, bool is_16, struct scsi_capacity *capacity)
{
	unsigned width = is_16 ? 8 : 4;
	uint64_t last, size;

	if (n < width + 4)
		return -EINVAL;
	last = get_big(data, width);
	size = get_big(data + width, 4);
	if (!is_16 && last == UINT32_MAX)
		return -ENOSPC;
	if (size < 512 || size > 4096 || size & (size - 1) || last >= INT64_MAX / size)
		return -EINVAL;
	*capacity = (struct scsi_capacity){.blocks = last + 1, .block_size = (uint32_t)size};
	return 0;
}

int scsi_identify(int (*ask)(void *arg, const struct scsi_cdb *cdb, uint8_t *answer), void *arg,
		  char name[25], struct scsi_capacity *capacity)
{
	uint8_t answer[SCSI_ANSWER_MAX];
	int n = ask(arg, &scsi_inquiry, answer);

	if (n < 0 || !scsi_is_disk(answer, (size_t)n, name))
		return -ENODEV;
	n = ask(arg, &scsi_test_unit_ready, answer);
	if (n < 0)
		return n;
	n = ask(arg, &scsi_read_capacity10, answer);
	if (n >= 0)
		n = scsi_parse_capacity(answer, (size_t)n, false, capacity);
	if (n != -ENOSPC)
		return n;
	n = ask(arg, &scsi_read_capacity16, answer);
	return n < 0 ? n : scsi_parse_capacity(answer, (size_t)n, true, capacity);
}
