/* SPDX-License-Identifier: MIT */
/*
 * Command blocks byte by byte, and answers of every length: right ones, cut
 * ones, and ones that no disk should give.
 */
#include "drivers/scsi.h"

#include "kernel/string.h"
#include "mm/errno.h"
#include "tests/ktest.h"

static void expect_cdb(struct ktest *t, struct scsi_cdb cdb, const uint8_t *want, unsigned length)
{
	EXPECT_EQ(t, cdb.length, length);
	EXPECT(t, memcmp(cdb.byte, want, length) == 0);
}

static void transfers(struct ktest *t)
{
	static const uint8_t read10[] = {0x28, 0, 0x12, 0x34, 0x56, 0x78, 0, 0x9a, 0xbc, 0};
	static const uint8_t write10[] = {0x2a, 0, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff, 0};
	static const uint8_t read16[] = {0x88, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0};
	static const uint8_t write16[] = {0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 1, 0, 0, 0, 0};

	expect_cdb(t, scsi_transfer(false, 0x12345678, 0x9abc), read10, 10);
	expect_cdb(t, scsi_transfer(true, UINT32_MAX, UINT16_MAX), write10, 10);
	expect_cdb(t, scsi_transfer(false, 1UL << 32, 1), read16, 16);
	expect_cdb(t, scsi_transfer(true, 7, 0x10000), write16, 16);
}

static void short_commands(struct ktest *t)
{
	static const uint8_t capacity16[] = {0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0};

	expect_cdb(t, scsi_test_unit_ready, (const uint8_t[6]){0}, 6);
	expect_cdb(t, scsi_inquiry, (const uint8_t[]){0x12, 0, 0, 0, 36, 0}, 6);
	expect_cdb(t, scsi_request_sense, (const uint8_t[]){0x03, 0, 0, 0, 18, 0}, 6);
	expect_cdb(t, scsi_read_capacity10, (const uint8_t[10]){0x25}, 10);
	expect_cdb(t, scsi_read_capacity16, capacity16, 16);
	expect_cdb(t, scsi_synchronize_cache, (const uint8_t[10]){0x35}, 10);
	EXPECT_EQ(t, scsi_inquiry.data_in, 36);
	EXPECT_EQ(t, scsi_test_unit_ready.data_in, 0);
}

/* --- sense --- */

static const uint8_t fixed[18] = {0xf0, 0, 0x23, 0,    0,    0, 0, 10, 0,
				  0,	0, 0,	 0x11, 0x04, 0, 0, 0,  0}; /* medium error */
static const uint8_t described[8] = {0x72, 0x06, 0x29, 0x02, 0, 0, 0, 0};

static void sense_fixed(struct ktest *t)
{
	struct scsi_sense sense;

	EXPECT(t, scsi_parse_sense(fixed, sizeof(fixed), &sense));
	EXPECT_EQ(t, sense.key, 3);
	EXPECT_EQ(t, sense.code, 0x11);
	EXPECT_EQ(t, sense.qualifier, 4);
	EXPECT(t, strcmp(scsi_sense_name(&sense), "medium error") == 0);
}

static void sense_described(struct ktest *t)
{
	struct scsi_sense sense;

	EXPECT(t, scsi_parse_sense(described, sizeof(described), &sense));
	EXPECT_EQ(t, sense.key, 6);
	EXPECT_EQ(t, sense.code, 0x29);
	EXPECT_EQ(t, sense.qualifier, 2);
}

/* What didn't come is not looked at: behind it lies what must not be read. */
static void sense_cut(struct ktest *t)
{
	struct scsi_sense sense;

	for (size_t n = 0; n <= sizeof(fixed); n++) {
		EXPECT_EQ(t, scsi_parse_sense(fixed + sizeof(fixed) - n, 0, &sense), false);
		EXPECT_EQ(t, scsi_parse_sense(fixed, n, &sense), n >= 3);
		EXPECT_EQ(t, sense.key, n >= 3 ? 3 : 0);
		EXPECT_EQ(t, sense.code, n >= 14 ? 0x11 : 0);
		EXPECT_EQ(t, sense.qualifier, n >= 14 ? 4 : 0);
	}
	for (size_t n = 0; n <= sizeof(described); n++)
		EXPECT_EQ(t, scsi_parse_sense(described, n, &sense), n >= 4);
}

static void sense_of_no_format(struct ktest *t)
{
	uint8_t data[18] = {0};
	struct scsi_sense sense;

	for (unsigned format = 0; format < 256; format++) {
		bool is_one = (format & 0x7f) >= 0x70 && (format & 0x7f) <= 0x73;

		data[0] = (uint8_t)format;
		EXPECT_EQ(t, scsi_parse_sense(data, sizeof(data), &sense), is_one);
	}
}

static void verdicts(struct ktest *t)
{
	static const struct {
		struct scsi_sense sense;
		enum scsi_verdict verdict;
	} cases[] = {
		{{0x1, 0x17, 0x01}, SCSI_DONE},	  {{0x6, 0x29, 0x00}, SCSI_AGAIN},
		{{0xb, 0x00, 0x06}, SCSI_AGAIN},  {{0x2, 0x04, 0x01}, SCSI_AGAIN},
		{{0x2, 0x3a, 0x00}, SCSI_FAILED}, {{0x3, 0x11, 0x00}, SCSI_FAILED},
		{{0x5, 0x21, 0x00}, SCSI_FAILED}, {{0x7, 0x27, 0x00}, SCSI_FAILED},
		{{0x0, 0x00, 0x00}, SCSI_FAILED}, {{0xf, 0xff, 0xff}, SCSI_FAILED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		EXPECT_EQ(t, scsi_judge(&cases[i].sense), cases[i].verdict);
	for (unsigned key = 0; key < 256; key++)
		EXPECT(t, *scsi_sense_name(&(struct scsi_sense){.key = (uint8_t)key}));
}

static void sense_in_words(struct ktest *t)
{
	char why[SCSI_WHY];

	EXPECT_EQ(t, scsi_judge_sense(fixed, sizeof(fixed), why), SCSI_FAILED);
	EXPECT(t, strcmp(why, "medium error (sense 3/11/04)") == 0);
	EXPECT_EQ(t, scsi_judge_sense(described, sizeof(described), why), SCSI_AGAIN);
	EXPECT(t, strcmp(why, "unit attention (sense 6/29/02)") == 0);
	EXPECT_EQ(t, scsi_judge_sense(fixed, 2, why), SCSI_AGAIN);
	EXPECT(t, strcmp(why, "it can't say why") == 0);
}

/* --- inquiry --- */

static void is_disk(struct ktest *t)
{
	uint8_t data[36] = {0x00, 0, 5, 2, 31, 0, 0, 0, 'Q', 'E', 'M', 'U', ' ', ' ', ' ', ' '};
	char name[25];

	memset(data + 16, 'x', 16);
	data[17] = 0;
	data[18] = 0x1b;
	data[19] = 0xff;
	EXPECT(t, scsi_is_disk(data, sizeof(data), name));
	EXPECT(t, strcmp(name, "QEMU    x???xxxxxxxxxxxx") == 0);
	for (size_t n = 0; n < sizeof(data); n++)
		EXPECT(t, !scsi_is_disk(data, n, name));
	for (unsigned type = 1; type < 256; type++) { /* other devices; not connected; impossible */
		data[0] = (uint8_t)type;
		EXPECT(t, !scsi_is_disk(data, sizeof(data), name));
	}
}

/* --- capacity --- */

static int capacity16(uint64_t last, uint32_t size, struct scsi_capacity *capacity)
{
	uint8_t data[32] = {0};

	for (unsigned i = 0; i < 8; i++)
		data[i] = (uint8_t)(last >> (56 - 8 * i));
	for (unsigned i = 0; i < 4; i++)
		data[8 + i] = (uint8_t)(size >> (24 - 8 * i));
	for (size_t n = 0; n < 12; n++)
		if (scsi_parse_capacity(data, n, true, capacity) != -EINVAL)
			return -EIO;
	return scsi_parse_capacity(data, sizeof(data), true, capacity);
}

static void capacity_of_10(struct ktest *t)
{
	uint8_t data[8] = {0, 0, 0x12, 0x33, 0, 0, 0x02, 0};
	struct scsi_capacity capacity;

	EXPECT_EQ(t, scsi_parse_capacity(data, 8, false, &capacity), 0);
	EXPECT_EQ(t, capacity.blocks, 0x1234);
	EXPECT_EQ(t, capacity.block_size, 512);
	for (size_t n = 0; n < 8; n++)
		EXPECT_EQ(t, scsi_parse_capacity(data, n, false, &capacity), -EINVAL);
	data[6] = 0; /* blocks of no bytes */
	EXPECT_EQ(t, scsi_parse_capacity(data, 8, false, &capacity), -EINVAL);
	memset(data, 0xff, 4);
	EXPECT_EQ(t, scsi_parse_capacity(data, 8, false, &capacity), -ENOSPC);
}

static void capacity_of_16(struct ktest *t)
{
	struct scsi_capacity capacity;

	EXPECT_EQ(t, capacity16(1UL << 33, 4096, &capacity), 0);
	EXPECT_EQ(t, capacity.blocks, (1UL << 33) + 1);
	EXPECT_EQ(t, capacity.block_size, 4096);
	EXPECT_EQ(t, capacity16(0, 512, &capacity), 0);
	EXPECT_EQ(t, capacity16(INT64_MAX / 512 - 1, 512, &capacity), 0);
	EXPECT_EQ(t, capacity16(INT64_MAX / 512, 512, &capacity), -EINVAL); /* bytes overflow */
	EXPECT_EQ(t, capacity16(UINT64_MAX, 512, &capacity), -EINVAL);
	EXPECT_EQ(t, capacity16(100, 0, &capacity), -EINVAL);
	EXPECT_EQ(t, capacity16(100, 256, &capacity), -EINVAL);
	EXPECT_EQ(t, capacity16(100, 520, &capacity), -EINVAL);
	EXPECT_EQ(t, capacity16(100, 8192, &capacity), -EINVAL);
	EXPECT_EQ(t, capacity16(100, 1U << 31, &capacity), -EINVAL);
}

/* --- who is there --- */

/* Answers as many bytes as it is told to, or fails, and notes what it was asked. */
static struct {
	int inquiry, ready, capacity10, capacity16; /* bytes that come, or an error */
	bool is_large;
	char asked[8]; /* a letter a command */
} target;

static int answer(void *arg, const struct scsi_cdb *cdb, uint8_t *data)
{
	size_t n = strlen(target.asked);

	memset(data, 0, SCSI_ANSWER_MAX);
	target.asked[n + 1] = '\0';
	switch (cdb->byte[0]) {
	case 0x12:
		target.asked[n] = 'i';
		return target.inquiry;
	case 0x00:
		target.asked[n] = 'r';
		return target.ready;
	case 0x25:
		target.asked[n] = 'c';
		memset(data, target.is_large ? 0xff : 0, 4);
		data[3] |= 0x7f;
		data[6] = 0x02;
		return target.capacity10;
	default:
		target.asked[n] = 'C';
		data[3] = 1;
		data[10] = 0x10;
		return target.capacity16;
	}
}

static int identify(struct ktest *t, const char *want, uint64_t blocks)
{
	struct scsi_capacity capacity = {0};
	char name[25];
	int err;

	target.asked[0] = '\0';
	err = scsi_identify(answer, NULL, name, &capacity);
	EXPECT(t, strcmp(target.asked, want) == 0);
	EXPECT_EQ(t, capacity.blocks, blocks);
	return err;
}

static void identified(struct ktest *t)
{
	target.inquiry = 36;
	target.ready = 0;
	target.capacity10 = 8;
	target.capacity16 = 32;
	target.is_large = false;
	EXPECT_EQ(t, identify(t, "irc", 0x80), 0);
	target.is_large = true;
	EXPECT_EQ(t, identify(t, "ircC", (1UL << 32) + 1), 0);
	target.capacity16 = 11;
	EXPECT_EQ(t, identify(t, "ircC", 0), -EINVAL);
	target.capacity16 = -EIO;
	EXPECT_EQ(t, identify(t, "ircC", 0), -EIO);
	target.capacity10 = 7;
	EXPECT_EQ(t, identify(t, "irc", 0), -EINVAL);
	target.capacity10 = -ETIMEDOUT;
	EXPECT_EQ(t, identify(t, "irc", 0), -ETIMEDOUT);
	target.ready = -EIO;
	EXPECT_EQ(t, identify(t, "ir", 0), -EIO);
	target.inquiry = 35;
	EXPECT_EQ(t, identify(t, "i", 0), -ENODEV);
	target.inquiry = -ENXIO;
	EXPECT_EQ(t, identify(t, "i", 0), -ENODEV);
}

static const struct ktest_case cases[] = {
	{"transfers", transfers},
	{"short_commands", short_commands},
	{"sense_fixed", sense_fixed},
	{"sense_described", sense_described},
	{"sense_cut", sense_cut},
	{"sense_of_no_format", sense_of_no_format},
	{"verdicts", verdicts},
	{"sense_in_words", sense_in_words},
	{"is_disk", is_disk},
	{"capacity_of_10", capacity_of_10},
	{"capacity_of_16", capacity_of_16},
	{"identified", identified},
	{NULL, NULL},
};

const struct ktest_suite scsi_suite = {.name = "scsi", .cases = cases};
