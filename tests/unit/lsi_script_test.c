/* SPDX-License-Identifier: MIT */
/*
 * The SCRIPTS program, run by an interpreter that was written from the manual's
 * tables alone, against targets that behave, and targets that don't.
 *
 * A target is a list of steps: a phase with the bytes that it gives (or wants)
 * in it, a disconnection, a reselection. Where the program stops, and what it
 * left in the tables, is held against what must be.
 */
#include "drivers/lsi_script.h"

#include "drivers/scsi.h"
#include "kernel/string.h"
#include "tests/arena.h"
#include "tests/ktest.h"

#define COMMON	   0xfeb00040u /* as the device sees it: no multiple of 256 */
#define TABLE(i)   (0x10000u + (i)*0x1000u)
#define DATA	   0x80000u
#define DATA_BYTES 4096
#define MOST_STEPS 1000 /* instructions */

#define DISCONNECT 0x10 /* beyond the phases */
#define RESELECT   0x11

/* Where it stopped, beyond INT's codes. */
#define WAITING	    0x100
#define MISMATCH    0x101
#define RAN_AWAY    0x102
#define ILLEGAL	    0x103
#define BAD_ADDRESS 0x104

struct step {
	int what;	  /* a phase, DISCONNECT or RESELECT; -1: the end */
	unsigned n;	  /* bytes */
	uint8_t byte[16]; /* what it gives; of RESELECT: the target */
};

static struct machine {
	struct lsi_common common;
	struct lsi_table table[LSI_COMMANDS];
	uint8_t data[DATA_BYTES];
	struct lsi_program program;
	uint8_t reg[256];
	uint8_t sfbr;
	uint32_t dsp, stopped;
	bool connected, signalled, out_of_memory;
	const struct step *step;
	unsigned at; /* bytes of the step that were moved */
	uint8_t sent[64];
	unsigned sent_bytes, flies;
} * m; /* in the arena */

static struct arena arena;

/* --- the device's view of memory and registers --- */

static uint8_t *memory(uint32_t bus, uint32_t n)
{
	if (bus - COMMON <= sizeof(m->common) - n)
		return (uint8_t *)&m->common + (bus - COMMON);
	if (bus - DATA <= DATA_BYTES - n)
		return m->data + (bus - DATA);
	for (unsigned i = 0; i < LSI_COMMANDS; i++)
		if (bus - TABLE(i) <= sizeof(m->table[i]) - n)
			return (uint8_t *)&m->table[i] + (bus - TABLE(i));
	m->out_of_memory = true;
	return m->data;
}

static uint32_t word(uint32_t bus)
{
	uint32_t value;

	memcpy(&value, memory(bus, 4), 4);
	return value;
}

static uint32_t reg32(unsigned reg)
{
	return m->reg[reg] | m->reg[reg + 1] << 8 | m->reg[reg + 2] << 16 |
	       (uint32_t)m->reg[reg + 3] << 24;
}

static uint8_t read_reg(unsigned reg)
{
	if (reg == LSI_CTEST2)
		m->signalled = false;
	return m->reg[reg];
}

/* --- the interpreter --- */

static void connect(void)
{
	m->connected = true;
	m->reg[LSI_SCNTL2] |= LSI_SCNTL2_SDU;
}

static bool in_phase(uint32_t phase)
{
	return m->connected && m->step->what == (int)phase;
}

/* One byte of the step, and the next step after the last. */
static void move_byte(uint32_t bus)
{
	if (m->step->what & 1)
		*memory(bus, 1) = m->step->byte[m->at % sizeof(m->step->byte)];
	else if (m->sent_bytes < sizeof(m->sent))
		m->sent[m->sent_bytes++] = *memory(bus, 1);
	if (++m->at == m->step->n) {
		m->step++;
		m->at = 0;
	}
}

static void block_move(uint32_t insn, uint32_t operand)
{
	uint32_t phase = insn >> 24 & 7, count = insn & 0xffffff, bus = operand;
	uint32_t moved = 0;

	if (insn >> 28 & 1) {
		count = word(reg32(LSI_DSA) + operand) & 0xffffff;
		bus = word(reg32(LSI_DSA) + operand + 4);
	}
	for (; moved < count && in_phase(phase); moved++) {
		move_byte(bus + moved);
		m->sfbr = moved ? m->sfbr : *memory(bus, 1);
	}
	if (moved < count || !count) {
		memcpy(m->reg + LSI_DBC, &(uint32_t){count - moved}, 3);
		m->stopped = MISMATCH;
	}
}

static void io(uint32_t insn, uint32_t operand)
{
	switch (insn >> 27 & 7) {
	case 0: /* select, with attention, by the table */
		if ((insn & 0x3000000) != 0x3000000)
			m->stopped = ILLEGAL;
		else if (m->step->what == RESELECT || m->connected)
			m->dsp = operand;
		else
			connect();
		m->reg[0x06] = word(reg32(LSI_DSA) + (insn & 0xffffff)) >> 16 & 0xf;
		break;
	case 1: /* wait for disconnection */
		if (m->step->what != DISCONNECT || m->reg[LSI_SCNTL2] & LSI_SCNTL2_SDU)
			m->stopped = ILLEGAL;
		m->step++;
		m->connected = false;
		break;
	case 2: /* wait for reselection */
		if (m->signalled)
			m->dsp = operand;
		else if (m->step->what != RESELECT)
			m->stopped = WAITING;
		break;
	case 4: /* clear */
		if ((insn & 0xffffff) != 1 << 6)
			m->stopped = ILLEGAL;
		break;
	default:
		m->stopped = ILLEGAL;
	}
	if (m->dsp == m->program.reselected && m->step->what == RESELECT && !m->stopped) {
		m->reg[LSI_SSID] = LSI_SSID_VAL | m->step->byte[0];
		connect();
		m->step++;
	}
}

static void registers(uint32_t insn)
{
	unsigned operation = insn >> 27 & 7, op = insn >> 24 & 7, reg = insn >> 16 & 0x7f;
	uint8_t operand = insn >> 23 & 1 ? m->sfbr : insn >> 8 & 0xff;
	uint8_t from = operation == 5 ? m->sfbr : op ? read_reg(reg) : 0, result = operand;

	if (op == 2)
		result = from | operand;
	else if (op == 3)
		result = from ^ operand;
	else if (op == 4)
		result = from & operand;
	else if (op != 0)
		m->stopped = ILLEGAL;
	if (operation == 6)
		m->sfbr = result;
	else
		m->reg[reg] = result;
}

static void transfer_control(uint32_t insn, uint32_t operand)
{
	bool wanted = insn >> 19 & 1, holds = true;

	if (insn >> 17 & 1)
		holds = in_phase(insn >> 24 & 7);
	if (insn >> 18 & 1)
		holds = holds && ((m->sfbr ^ insn) & ~(insn >> 8) & 0xff) == 0;
	if (holds != wanted)
		return;
	switch (insn >> 27 & 7) {
	case 0:
		m->dsp = operand;
		break;
	case 2:
		m->dsp = reg32(LSI_TEMP);
		break;
	case 3:
		if (insn >> 20 & 1)
			m->flies++;
		else
			m->stopped = operand;
		break;
	default:
		m->stopped = ILLEGAL;
	}
}

static void memory_move(uint32_t insn, uint32_t from)
{
	uint32_t count = insn & 0xffffff, to = word(m->dsp);

	m->dsp += 4;
	if ((from ^ to) & 3)
		m->stopped = ILLEGAL;
	else
		memmove(memory(to, count), memory(from, count), count);
}

static void load_store(uint32_t insn, uint32_t operand)
{
	uint32_t bus = insn >> 28 & 1 ? reg32(LSI_DSA) + operand : operand;
	unsigned reg = insn >> 16 & 0xff, n = insn & 7;

	if (n != 4 || (bus ^ reg) & 3)
		m->stopped = ILLEGAL;
	else if (insn >> 24 & 1)
		memcpy(m->reg + reg, memory(bus, n), n);
	else
		memcpy(memory(bus, n), m->reg + reg, n);
}

static uint32_t run(uint32_t from)
{
	m->dsp = from;
	m->stopped = 0;
	for (unsigned i = 0; i < MOST_STEPS && !m->stopped; i++) {
		uint32_t insn = word(m->dsp), operand = word(m->dsp + 4);

		m->dsp += 8;
		if (insn >> 30 == 0)
			block_move(insn, operand);
		else if (insn >> 30 == 1 && (insn >> 27 & 7) < 5)
			io(insn, operand);
		else if (insn >> 30 == 1)
			registers(insn);
		else if (insn >> 30 == 2)
			transfer_control(insn, operand);
		else if (insn >> 29 & 1)
			load_store(insn, operand);
		else
			memory_move(insn, operand);
		if (m->out_of_memory)
			m->stopped = BAD_ADDRESS;
	}
	return m->stopped ? m->stopped : RAN_AWAY;
}

/* --- commands --- */

static void reset(struct ktest *t)
{
	memset(m, 0, sizeof(*m));
	m->reg[LSI_SCRATCHC] = 1;
	EXPECT(t, lsi_program_build(&m->program, &m->common, COMMON) <= sizeof(m->common.script));
	memcpy(m->reg + LSI_SCRATCHB, &m->program.nobody, 4);
	for (unsigned i = 0; i < LSI_COMMANDS; i++) {
		struct lsi_table *table = &m->table[i];

#define MOVE_OF(n, field)                                                                          \
	((struct lsi_move){n, TABLE(i) + (uint32_t)offsetof(struct lsi_table, field)})
		table->message_out = MOVE_OF(3, message);
		table->status_move = MOVE_OF(1, status);
		table->message_in = MOVE_OF(1, message[3]);
		table->cdb_move = MOVE_OF(6, cdb);
#undef MOVE_OF
		table->message[0] = SCSI_IDENTIFY;
		table->message[1] = SCSI_SIMPLE_TAG;
		table->message[2] = LSI_TAG(i);
		table->target = LSI_NOBODY;
		table->begin = m->program.start;
		table->status[0] = 0xee;
		m->common.table[i] = TABLE(i);
	}
}

static void begin(struct ktest *t)
{
	if (arena_get(&arena, MIB(64), sizeof(*m), PAGE_SIZE)) {
		m = port_phys_to_virt(arena.base);
		reset(t);
	} else {
		ktest_skip(t, "no memory for a machine");
	}
}

static void end(struct ktest *t)
{
	arena_put(&arena);
}

/* Segments of `each` bytes, one after the other from DATA on. */
static void command(unsigned i, unsigned target, enum lsi_phase phase, unsigned segments,
		    unsigned each)
{
	struct lsi_table *table = &m->table[i];

	table->select = target << 16;
	table->target = LSI_SSID_VAL | target;
	table->data = lsi_program_data(&m->program, phase, segments);
	for (unsigned s = 0; s < segments; s++)
		table->segment[LSI_SEGMENTS - segments + s] =
			(struct lsi_move){each, DATA + s * each};
	memcpy(table->cdb, "\x28reads", 6);
}

static uint32_t start(unsigned i, const struct step *steps)
{
	m->common.mailbox = TABLE(i);
	m->signalled = true;
	m->step = steps;
	return run(m->program.idle);
}

static void expect_done(struct ktest *t, unsigned i, unsigned moved, unsigned status)
{
	EXPECT_EQ(t, m->table[i].done, 1);
	EXPECT_EQ(t, m->table[i].moved, moved);
	EXPECT_EQ(t, m->table[i].status[0], status);
	EXPECT_EQ(t, m->flies, 1);
	EXPECT(t, !m->connected);
}

#define SELECTED                                                                                   \
	{LSI_MESSAGE_OUT, 3, {0}},                                                                 \
	{                                                                                          \
		LSI_COMMAND, 6,                                                                    \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}
#define LEAVES                                                                                     \
	{LSI_MESSAGE_IN, 2, {2, 4}},                                                               \
	{                                                                                          \
		DISCONNECT, 0,                                                                     \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}
#define COMPLETES                                                                                  \
	{LSI_STATUS, 1, {0}}, {LSI_MESSAGE_IN, 1, {0}},                                            \
	{                                                                                          \
		DISCONNECT, 0,                                                                     \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}
#define END                                                                                        \
	{                                                                                          \
		-1, 0,                                                                             \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}
#define RETURNS(target, tag)                                                                       \
	{RESELECT, 0, {target}},                                                                   \
	{                                                                                          \
		LSI_MESSAGE_IN, 3,                                                                 \
		{                                                                                  \
			SCSI_IDENTIFIED, SCSI_SIMPLE_TAG, tag                                      \
		}                                                                                  \
	}

static void read_at_once(struct ktest *t)
{
	static const struct step steps[] = {SELECTED, {LSI_DATA_IN, 96, {1, 2, 3}}, COMPLETES, END};

	command(2, 5, LSI_DATA_IN, 2, 48);
	EXPECT_EQ(t, start(2, steps), WAITING);
	expect_done(t, 2, 1, 0);
	EXPECT_EQ(t, m->reg[0x06], 5);
	EXPECT_EQ(t, m->common.mailbox, m->program.nobody);
	EXPECT(t, !m->signalled);
	EXPECT_EQ(t, m->sent_bytes, 9);
	EXPECT(t, memcmp(m->sent, "\xc0\x20\x08\x28reads", 9) == 0);
	EXPECT(t, memcmp(m->data, "\1\2\3\0", 4) == 0 && memcmp(m->data + 80, "\1\2\3\0", 4) == 0);
	EXPECT_EQ(t, m->step->what, -1);
}

static void write_at_once(struct ktest *t)
{
	static const struct step steps[] = {SELECTED, {LSI_DATA_OUT, 20, {0}}, COMPLETES, END};

	command(0, 1, LSI_DATA_OUT, 4, 5);
	memcpy(m->data, "twenty bytes of data", 20);
	EXPECT_EQ(t, start(0, steps), WAITING);
	expect_done(t, 0, 1, 0);
	EXPECT_EQ(t, m->sent_bytes, 29);
	EXPECT(t, memcmp(m->sent + 9, "twenty bytes of data", 20) == 0);
}

static void no_data(struct ktest *t)
{
	static const struct step steps[] = {SELECTED,
					    {LSI_STATUS, 1, {2}},
					    {LSI_MESSAGE_IN, 1, {0}},
					    {DISCONNECT, 0, {0}},
					    END};

	command(0, 1, LSI_DATA_IN, 1, 4);
	EXPECT_EQ(t, start(0, steps), WAITING);
	expect_done(t, 0, 0, 2);
}

static void every_number_of_segments(struct ktest *t)
{
	for (unsigned n = 1; n <= LSI_SEGMENTS; n++) {
		struct step steps[] = {SELECTED, {LSI_DATA_IN, 3 * n, {n, 1}}, COMPLETES, END};

		reset(t);
		command(1, 0, LSI_DATA_IN, n, 3);
		EXPECT_EQ(t, start(1, steps), WAITING);
		expect_done(t, 1, 1, 0);
		EXPECT_EQ(t, m->data[0], n);
		EXPECT_EQ(t, m->data[3 * n], 0);
	}
}

/* Two leave, the second comes back first. */
static void two_in_flight(struct ktest *t)
{
	static const struct step away[] = {SELECTED, LEAVES, END};
	static const struct step back[] = {RETURNS(6, LSI_TAG(15)),
					   {LSI_DATA_IN, 8, {15}},
					   COMPLETES,
					   RETURNS(3, LSI_TAG(0)),
					   {LSI_DATA_IN, 8, {30}},
					   LEAVES,
					   RETURNS(3, LSI_TAG(0)),
					   COMPLETES,
					   END};

	command(0, 3, LSI_DATA_IN, 1, 8);
	command(15, 6, LSI_DATA_IN, 1, 8);
	m->table[15].segment[LSI_SEGMENTS - 1].addr = DATA + 8;
	EXPECT_EQ(t, start(0, away), WAITING);
	EXPECT_EQ(t, start(15, away), WAITING);
	EXPECT_EQ(t, m->flies, 0);
	m->step = back;
	EXPECT_EQ(t, run(m->program.idle), WAITING);
	EXPECT_EQ(t, m->table[0].done + m->table[15].done, 2);
	EXPECT_EQ(t, m->data[0], 30);
	EXPECT_EQ(t, m->data[8], 15);
	EXPECT_EQ(t, m->flies, 2);
}

/* Reselected in the middle of selecting: the mailbox and the signal wait. */
static void selection_lost(struct ktest *t)
{
	static const struct step away[] = {SELECTED, LEAVES, END};
	static const struct step back[] = {RETURNS(3, LSI_TAG(0)),
					   {LSI_DATA_IN, 8, {30}},
					   COMPLETES,
					   SELECTED,
					   {LSI_DATA_IN, 8, {15}},
					   COMPLETES,
					   END};

	command(0, 3, LSI_DATA_IN, 1, 8);
	command(1, 6, LSI_DATA_IN, 1, 8);
	EXPECT_EQ(t, start(0, away), WAITING);
	EXPECT_EQ(t, start(1, back), WAITING);
	EXPECT_EQ(t, m->table[0].done + m->table[1].done, 2);
	EXPECT_EQ(t, m->common.mailbox, m->program.nobody);
}

/* The signal comes, late or twice, when what it was for has been taken. */
static void signal_for_nothing(struct ktest *t)
{
	static const struct step steps[] = {SELECTED, {LSI_DATA_IN, 8, {30}}, COMPLETES, END};

	m->signalled = true;
	m->step = (const struct step[]){END};
	EXPECT_EQ(t, run(m->program.idle), WAITING);
	EXPECT(t, !m->signalled);
	command(0, 3, LSI_DATA_IN, 1, 8);
	EXPECT_EQ(t, start(0, steps), WAITING);
	expect_done(t, 0, 1, 0);
}

static void copies(struct ktest *t)
{
	m->table[3].begin = m->program.copy;
	memcpy(m->data + 100, "moved", 5);
	lsi_program_copy(&m->program, &m->common, 5, DATA + 100, DATA + 1000);
	EXPECT_EQ(t, start(3, (const struct step[]){END}), WAITING);
	EXPECT_EQ(t, m->table[3].done, 1);
	EXPECT(t, memcmp(m->data + 1000, "moved", 6) == 0);
	EXPECT_EQ(t, m->common.mailbox, m->program.nobody);
}

/* --- targets that don't behave --- */

/* It comes back as `target` with this tag; only command 1 of target 2 is away. */
static uint32_t comes_back(uint8_t target, uint8_t tag)
{
	static const struct step away[] = {SELECTED, LEAVES, END};
	struct step back[] = {RETURNS(target, tag), {LSI_DATA_IN, 8, {1}}, COMPLETES, END};

	command(1, 2, LSI_DATA_IN, 1, 8);
	if (start(1, away) != WAITING)
		return ILLEGAL;
	m->step = back;
	return run(m->program.idle);
}

static void tags(struct ktest *t)
{
	for (unsigned tag = 0; tag < 256; tag++)
		for (uint8_t target = 0; target < 7; target++) {
			bool known = tag % 4 == 0 && tag / 4 < LSI_COMMANDS;
			bool right = tag == LSI_TAG(1) && target == 2;

			reset(t);
			EXPECT_EQ(t, comes_back(target, (uint8_t)tag),
				  right	  ? WAITING
				  : known ? LSI_CODE_TARGET
					  : LSI_CODE_TAG);
			EXPECT_EQ(t, m->data[0], right);
		}
}

/* There was memory for one command only. */
static void tags_of_no_table(struct ktest *t)
{
	for (unsigned i = 0; i < LSI_COMMANDS; i++)
		for (uint8_t target = 0; target < 7; target++) {
			reset(t);
			lsi_program_build(&m->program, &m->common, COMMON);
			m->common.table[1] = TABLE(1);
			if (i != 1)
				EXPECT_EQ(t, comes_back(target, LSI_TAG(i)), LSI_CODE_TARGET);
		}
}

static void messages(struct ktest *t)
{
	static const struct step untagged[] = {{RESELECT, 0, {2}},
					       {LSI_MESSAGE_IN, 1, {SCSI_IDENTIFIED}},
					       {LSI_DATA_IN, 8, {0}},
					       END};
	static const struct step not_identified[] = {
		{RESELECT, 0, {2}}, {LSI_MESSAGE_IN, 1, {0x07}}, END};

	for (unsigned byte = 0; byte < 256; byte++) {
		struct step steps[] = {
			SELECTED, {LSI_MESSAGE_IN, 1, {(uint8_t)byte}}, {DISCONNECT, 0, {0}}, END};
		uint32_t want = byte == SCSI_DISCONNECT		 ? WAITING
				: byte == SCSI_SAVE_DATA_POINTER ? LSI_CODE_PHASE
								 : LSI_CODE_MESSAGE;

		reset(t);
		command(0, 1, LSI_DATA_IN, 1, 8);
		EXPECT_EQ(t, start(0, steps), want);
		EXPECT_EQ(t, m->table[0].done, 0);
	}
	m->step = untagged;
	m->connected = false;
	EXPECT_EQ(t, run(m->program.idle), MISMATCH);
	m->step = not_identified;
	m->connected = false;
	EXPECT_EQ(t, run(m->program.idle), LSI_CODE_MESSAGE);
}

/* More than it was asked for: the segments are all that it gets to. */
static void overrun(struct ktest *t)
{
	static const struct step steps[] = {SELECTED, {LSI_DATA_IN, 100, {7}}, COMPLETES, END};

	command(0, 1, LSI_DATA_IN, 3, 32);
	EXPECT_EQ(t, start(0, steps), LSI_CODE_PHASE);
	EXPECT_EQ(t, m->table[0].done, 0);
	EXPECT_EQ(t, m->data[96], 0);
}

static void wrong_direction(struct ktest *t)
{
	static const struct step out[] = {SELECTED, {LSI_DATA_OUT, 8, {0}}, END};
	static const struct step in[] = {SELECTED, {LSI_DATA_IN, 8, {9}}, END};

	command(0, 1, LSI_DATA_IN, 1, 8);
	EXPECT_EQ(t, start(0, out), MISMATCH);
	EXPECT_EQ(t, m->sent_bytes, 9);
	reset(t);
	command(0, 1, LSI_DATA_OUT, 1, 8);
	EXPECT_EQ(t, start(0, in), MISMATCH);
	EXPECT_EQ(t, m->data[0], 0);
}

/* Less: how much less is known, at every byte. */
static void residuals(struct ktest *t)
{
	uint32_t left;

	for (unsigned n = 1; n < 96; n++) {
		struct step steps[] = {SELECTED, {LSI_DATA_IN, n, {7}}, COMPLETES, END};

		reset(t);
		command(0, 1, LSI_DATA_IN, 3, 32);
		EXPECT_EQ(t, start(0, steps), MISMATCH);
		memcpy(&left, m->reg + LSI_DBC, 4);
		EXPECT(t, lsi_table_residual(&m->table[0], 3, m->dsp, left, &left));
		EXPECT_EQ(t, left, 96 - n);
		EXPECT_EQ(t, run(m->program.after_data), WAITING);
		expect_done(t, 0, 0, 0);
	}
}

/* Registers that say what can't be. */
static void residuals_that_are_none(struct ktest *t)
{
	struct lsi_table *table = &m->table[0];
	uint32_t end_in = m->program.data_in + 8 * LSI_SEGMENTS;
	uint32_t end_out = m->program.data_out + 8 * LSI_SEGMENTS;
	uint32_t residual;

#define RESIDUAL(dsp, left) lsi_table_residual(table, 2, dsp, left, &residual)
	command(0, 1, LSI_DATA_IN, 2, 32);
	table->segment[LSI_SEGMENTS - 1].count = 8;
	EXPECT(t, RESIDUAL(end_in, 8) && residual == 8);
	EXPECT(t, RESIDUAL(end_in - 8, 32) && residual == 40);
	EXPECT(t, !RESIDUAL(end_in, 9));
	EXPECT(t, !RESIDUAL(end_in - 8, 33));
	EXPECT(t, !RESIDUAL(end_in - 8, LSI_COUNT_MAX));
	EXPECT(t, !RESIDUAL(end_in - 16, 0)); /* before its first segment */
	EXPECT(t, !RESIDUAL(end_in + 8, 0));
	EXPECT(t, !RESIDUAL(end_in - 4, 0));
	EXPECT(t, !RESIDUAL(end_out, 0)); /* the other direction's */
	EXPECT(t, !RESIDUAL(0, 0));
	EXPECT(t, !RESIDUAL(UINT32_MAX - 7, 0));
	table->data = lsi_program_data(&m->program, LSI_DATA_OUT, 2);
	EXPECT(t, RESIDUAL(end_out, 0) && residual == 0);
	EXPECT(t, RESIDUAL(end_out - 8, 1) && residual == 9);
	EXPECT(t, !RESIDUAL(end_out + 8, 0));
	EXPECT(t, !RESIDUAL(end_in, 0));
}

static const struct ktest_case cases[] = {
	{"read_at_once", read_at_once},
	{"write_at_once", write_at_once},
	{"no_data", no_data},
	{"every_number_of_segments", every_number_of_segments},
	{"two_in_flight", two_in_flight},
	{"selection_lost", selection_lost},
	{"signal_for_nothing", signal_for_nothing},
	{"copies", copies},
	{"tags", tags},
	{"tags_of_no_table", tags_of_no_table},
	{"messages", messages},
	{"overrun", overrun},
	{"wrong_direction", wrong_direction},
	{"residuals", residuals},
	{"residuals_that_are_none", residuals_that_are_none},
	{NULL, NULL},
};

const struct ktest_suite lsi_script_suite = {
	.name = "lsi_script", .begin = begin, .end = end, .cases = cases};
