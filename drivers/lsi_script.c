/* SPDX-License-Identifier: MIT */
#include "drivers/lsi_script.h"

#include "drivers/scsi.h"

/*
 * --- the builder ---
 *
 * An instruction is two dwords: what to do, by one of the names below, and an
 * operand, which is an address (of memory, of an instruction, or as a distance
 * from the data structure address) or, of INT, a code. Figures are bits of the
 * first dword.
 */

#define TYPE(type, operation) ((uint32_t)(type) << 30 | (uint32_t)(operation) << 27)

/* 5.4: block moves, of so many bytes at an address, or as an entry of the table says. */
#define MOVE(count, phase) (TYPE(0, 1) | (uint32_t)(phase) << 24 | (count))
#define MOVE_TABLE(phase)  (MOVE(0, phase) | 1u << 28)

/* 5.5: I/O. To select, or to wait, they may be told where to go on should it end otherwise. */
#define SELECT_ATN_TABLE(at) (TYPE(1, 0) | 1u << 25 | 1u << 24 | (at))
#define WAIT_DISCONNECT	     TYPE(1, 1)
#define WAIT_RESELECT	     TYPE(1, 2)
#define CLEAR_ACK	     (TYPE(1, 4) | 1u << 6)

/* 5.6: registers, and SFBR, which has the byte that came in last. */
#define REGISTER(type, operator, reg, byte)                                                        \
	((type) | (uint32_t)(operator) << 24 | (uint32_t)(reg) << 16 | (uint32_t)(byte) << 8)
#define SFBR_OR(byte, reg) REGISTER(TYPE(1, 5), 2, reg, byte) /* to the register */
#define SFBR_IS(reg, mask) REGISTER(TYPE(1, 6), 4, reg, mask)
#define SET(reg, byte)	   REGISTER(TYPE(1, 7), 0, reg, byte)
#define XOR_SFBR(reg)	   (REGISTER(TYPE(1, 7), 3, reg, 0) | 1u << 23)

/* 5.7: transfer control. WHEN waits for the target to ask, IF takes what it asked last. */
#define ALWAYS			   (1u << 19)
#define IF(phase)		   (1u << 19 | 1u << 17 | (uint32_t)(phase) << 24)
#define WHEN(phase)		   (IF(phase) | 1u << 16)
#define IF_BYTE(value)		   (1u << 19 | 1u << 18 | (value))
#define UNLESS_BYTE(value, ignore) (1u << 18 | (uint32_t)(ignore) << 8 | (value))
#define JUMP			   TYPE(2, 0)
#define RETURN			   TYPE(2, 2)
#define INT			   TYPE(2, 3)
#define INTFLY			   (INT | 1u << 20)

/* 5.8 and 5.9: memory move (a third dword is where to); four bytes to a register, or from it. */
#define MEMORY_MOVE(count) (TYPE(3, 0) | (count))
#define STORE(reg)	   (TYPE(3, 4) | (uint32_t)(reg) << 16 | 4)
#define LOAD(reg)	   (STORE(reg) | 1u << 24)
#define IN_DSA		   (1u << 28) /* the operand is relative to the data structure address */

struct script {
	uint32_t *word;	      /* what is built */
	unsigned words, room; /* so many; what is beyond the room is not written */
	uint32_t bus;	      /* where the device will find the first */
};

static uint32_t here(const struct script *s)
{
	return s->bus + s->words * 4;
}

static void emit_word(struct script *s, uint32_t word)
{
	if (s->words < s->room)
		s->word[s->words] = word;
	s->words++;
}

static void emit(struct script *s, uint32_t instruction, uint32_t operand)
{
	emit_word(s, instruction);
	emit_word(s, operand);
}

/* --- our program --- */

#define IN_TABLE(field)	 offsetof(struct lsi_table, field)
#define IN_COMMON(field) offsetof(struct lsi_common, field)

/* One message byte at reselection, which must be this one but for some bits. It stays in SFBR. */
static void message_byte(struct script *s, uint32_t common, uint8_t value, uint8_t ignore,
			 enum lsi_code code)
{
	emit(s, MOVE(1, LSI_MESSAGE_IN), common + IN_COMMON(message));
	emit(s, INT | UNLESS_BYTE(value, ignore), code);
	emit(s, CLEAR_ACK, 0);
}

/* Identify, simple tag, tag: the tag leads to the table, which knows the right target. */
static void build_reselected(struct script *s, struct lsi_program *p)
{
	uint32_t common = p->common;

	p->reselected = here(s);
	message_byte(s, common, SCSI_IDENTIFIED, 0x7f, LSI_CODE_MESSAGE);
	message_byte(s, common, SCSI_SIMPLE_TAG, 0, LSI_CODE_MESSAGE);
	message_byte(s, common, 0, LSI_TAG(LSI_COMMANDS - 1), LSI_CODE_TAG);
	emit(s, SFBR_OR((uint8_t)common, LSI_DSA), 0);
	for (unsigned i = 1; i < 4; i++)
		emit(s, SET(LSI_DSA + i, (uint8_t)(common >> 8 * i)), 0);
	emit(s, LOAD(LSI_DSA) | IN_DSA, 0);
	emit(s, LOAD(LSI_SCRATCHA) | IN_DSA, IN_TABLE(target));
	emit(s, SFBR_IS(LSI_SSID, LSI_SSID_VAL | LSI_SSID_ID), 0);
	emit(s, XOR_SFBR(LSI_SCRATCHA), 0);
	emit(s, SFBR_IS(LSI_SCRATCHA, 0xff), 0);
	emit(s, INT | UNLESS_BYTE(0, 0), LSI_CODE_TARGET);
}

/* Whatever the target wants next. Data in the wrong direction ends in a phase mismatch. */
static void build_dispatch(struct script *s, struct lsi_program *p)
{
	p->dispatch = here(s);
	emit(s, LOAD(LSI_TEMP) | IN_DSA, IN_TABLE(data));
	emit(s, RETURN | WHEN(LSI_DATA_IN), 0);
	emit(s, RETURN | IF(LSI_DATA_OUT), 0);
	p->after_data = here(s);
	emit(s, JUMP | WHEN(LSI_STATUS), p->status);
	emit(s, JUMP | IF(LSI_MESSAGE_IN), p->message);
	emit(s, INT | ALWAYS, LSI_CODE_PHASE);
	emit(s, JUMP | ALWAYS, p->park);
}

/* The target will let go of the bus, as it may. */
static void build_disconnect(struct script *s)
{
	emit(s, SET(LSI_SCNTL2, 0), 0); /* SDU */
	emit(s, CLEAR_ACK, 0);
	emit(s, WAIT_DISCONNECT, 0);
}

static void build_status(struct script *s, struct lsi_program *p)
{
	p->status = here(s);
	emit(s, MOVE_TABLE(LSI_STATUS), IN_TABLE(status_move));
	emit(s, MOVE_TABLE(LSI_MESSAGE_IN), IN_TABLE(message_in));
	emit(s, INT | UNLESS_BYTE(SCSI_COMMAND_COMPLETE, 0), LSI_CODE_MESSAGE);
	build_disconnect(s);
	p->finished = here(s);
	emit(s, STORE(LSI_SCRATCHC) | IN_DSA, IN_TABLE(done));
	emit(s, INTFLY | ALWAYS, 0);
	emit(s, JUMP | ALWAYS, p->idle);
}

static void build_message(struct script *s, struct lsi_program *p)
{
	uint32_t save = here(s);

	emit(s, CLEAR_ACK, 0);
	emit(s, JUMP | ALWAYS, p->dispatch);
	p->message = here(s);
	emit(s, MOVE_TABLE(LSI_MESSAGE_IN), IN_TABLE(message_in));
	emit(s, JUMP | IF_BYTE(SCSI_SAVE_DATA_POINTER), save);
	emit(s, INT | UNLESS_BYTE(SCSI_DISCONNECT, 0), LSI_CODE_MESSAGE);
	build_disconnect(s);
	emit(s, JUMP | ALWAYS, p->idle);
}

static void build_idle(struct script *s, struct lsi_program *p)
{
	p->woken = here(s);
	emit(s, SFBR_IS(LSI_CTEST2, 0), 0); /* takes the signal back */
	p->idle = here(s);
	emit(s, LOAD(LSI_DSA), p->common + IN_COMMON(mailbox));
	emit(s, LOAD(LSI_TEMP) | IN_DSA, IN_TABLE(begin));
	emit(s, RETURN | ALWAYS, 0);
	p->wait = here(s);
	emit(s, WAIT_RESELECT, p->woken);
}

/* It stays in the mailbox until it's under way: instead of selecting it may be reselected. */
static void build_start(struct script *s, struct lsi_program *p)
{
	p->start = here(s);
	emit(s, SELECT_ATN_TABLE(IN_TABLE(select)), p->reselected);
	emit(s, STORE(LSI_SCRATCHB), p->common + IN_COMMON(mailbox));
	emit(s, MOVE_TABLE(LSI_MESSAGE_OUT), IN_TABLE(message_out));
	emit(s, MOVE_TABLE(LSI_COMMAND), IN_TABLE(cdb_move));
	emit(s, JUMP | ALWAYS, p->dispatch);
	p->copy = here(s);
	emit(s, MEMORY_MOVE(0), 0); /* lsi_program_copy() fills it in */
	emit_word(s, 0);
	emit(s, STORE(LSI_SCRATCHB), p->common + IN_COMMON(mailbox));
	emit(s, JUMP | ALWAYS, p->finished);
}

static void build_data(struct script *s, struct lsi_program *p)
{
	p->data_in = here(s);
	for (unsigned i = 0; i < LSI_SEGMENTS; i++)
		emit(s, MOVE_TABLE(LSI_DATA_IN), IN_TABLE(segment[i]));
	emit(s, JUMP | ALWAYS, p->data_end);
	p->data_out = here(s);
	for (unsigned i = 0; i < LSI_SEGMENTS; i++)
		emit(s, MOVE_TABLE(LSI_DATA_OUT), IN_TABLE(segment[i]));
	p->data_end = here(s);
	emit(s, STORE(LSI_SCRATCHC) | IN_DSA, IN_TABLE(moved));
	emit(s, JUMP | ALWAYS, p->after_data);
}

static void build(struct script *s, struct lsi_program *p)
{
	build_idle(s, p);
	build_reselected(s, p);
	build_dispatch(s, p);
	build_status(s, p);
	build_message(s, p);
	build_start(s, p);
	build_data(s, p);
	p->park = here(s);
	emit(s, INT | ALWAYS, LSI_CODE_PARKED);
	emit(s, JUMP | ALWAYS, p->park);
}

_Static_assert(IN_TABLE(target) < sizeof(((struct lsi_common *)0)->nobody), "up to its target");

/* Twice: the first time finds out where everything is, for the jumps forward of the second. */
size_t lsi_program_build(struct lsi_program *program, struct lsi_common *common, uint32_t bus)
{
	struct script s;

	program->common = bus;
	for (unsigned pass = 0; pass < 2; pass++) {
		s = (struct script){.word = common->script,
				    .room = ARRAY_SIZE(common->script),
				    .bus = bus + IN_COMMON(script)};
		build(&s, program);
	}
	program->nobody = bus + IN_COMMON(nobody);
	common->nobody[IN_TABLE(begin) / 4] = program->wait;
	common->nobody[IN_TABLE(target) / 4] = LSI_NOBODY;
	common->mailbox = program->nobody;
	for (unsigned i = 0; i < LSI_COMMANDS; i++)
		common->table[i] = program->nobody;
	return s.words * 4;
}

void lsi_program_copy(const struct lsi_program *program, struct lsi_common *common, uint32_t count,
		      uint32_t from, uint32_t to)
{
	uint32_t *move = &common->script[(program->copy - program->common - IN_COMMON(script)) / 4];

	move[0] = MEMORY_MOVE(count);
	move[1] = from;
	move[2] = to;
}

#define MOVE_BYTES 8 /* of an instruction */

uint32_t lsi_program_data(const struct lsi_program *program, enum lsi_phase phase, unsigned n)
{
	uint32_t moves = phase == LSI_DATA_IN ? program->data_in : program->data_out;

	return moves + (LSI_SEGMENTS - n) * MOVE_BYTES;
}

bool lsi_table_residual(const struct lsi_table *table, unsigned n, uint32_t dsp, uint32_t left,
			uint32_t *residual)
{
	const struct lsi_move *segment = &table->segment[LSI_SEGMENTS - n];
	uint32_t passed = dsp - table->data, at = passed / MOVE_BYTES - 1;

	if (!passed || passed % MOVE_BYTES || at >= n || left > segment[at].count)
		return false;
	*residual = left;
	while (++at < n)
		*residual += segment[at].count;
	return true;
}
