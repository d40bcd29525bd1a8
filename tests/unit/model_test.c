/* SPDX-License-Identifier: MIT */
/*
 * The engine of the model tests, on a toy that is broken on purpose: switches,
 * of which 3 and 5 must not be on while 7 is off.
 */
#include "tests/model.h"
#include "mm/port.h"

struct toy {
	unsigned on; /* a bit a switch */
};

static struct toy toy;
static bool whole; /* the toy isn't broken */
static unsigned long begun, ended, stepped;

static void *begin(uint64_t seed)
{
	toy = (struct toy){.on = 1U << 7};
	begun++;
	return &toy;
}

static const char *step(void *state, const struct model_op *op)
{
	struct toy *the = state;

	stepped++;
	if (op->word[1] % 2)
		the->on |= 1U << op->word[0] % 16;
	else
		the->on &= ~(1U << op->word[0] % 16);
	return !whole && (the->on & 0xa8) == 0x28 ? "3 and 5 without 7" : NULL;
}

static void describe(void *state, const struct model_op *op, char *line, size_t size)
{
}

static void end(void *state)
{
	ended++;
}

static const struct model model = {begin, step, describe, end};

static void room(struct ktest *t)
{
	model_room(t);
}

/* Three switches it takes, whatever the order, and nothing that doesn't count is left. */
static void shrinks_to_the_cause(struct ktest *t)
{
	for (unsigned round = 0; round < 20; round++) {
		const struct model_trace *found = model_search(&model, ktest_random(t, 0), 10000);
		unsigned touched = 0;

		REQUIRE(t, found);
		REQUIRE(t, found->count == 3);
		for (size_t i = 0; i < found->count; i++) {
			struct model_op op = model_op(found, i);

			touched |= 1U << op.word[0] % 16;
			for (unsigned w = 2; w < MODEL_WORDS; w++)
				EXPECT_EQ(t, op.word[w], 0);
		}
		EXPECT_EQ(t, touched, 0xa8);
		EXPECT(t, found->why != NULL);
	}
	EXPECT_EQ(t, begun, ended);
}

/* What is right passes, in exactly as many steps as were asked for; none are not run. */
static void runs_all_steps(struct ktest *t)
{
	static const unsigned long steps[] = {0, 1, MODEL_LENGTH, MODEL_LENGTH + 1, 7777};

	whole = true;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		stepped = 0;
		EXPECT(t, !model_search(&model, ktest_random(t, 0), steps[i]));
		EXPECT_EQ(t, stepped, steps[i]);
	}
	whole = false;
}

/* The same seed finds the same. */
static void replays(struct ktest *t)
{
	uint64_t seed = ktest_random(t, 0);
	const struct model_trace *found = model_search(&model, seed, 10000);
	struct model_op first[3], again;

	REQUIRE(t, found && found->count == 3);
	for (size_t i = 0; i < 3; i++)
		first[i] = model_op(found, i);
	found = model_search(&model, seed, 10000);
	REQUIRE(t, found && found->count == 3);
	for (size_t i = 0; i < 3; i++) {
		again = model_op(found, i);
		EXPECT(t, memcmp(&first[i], &again, sizeof(again)) == 0);
	}
}

static const struct ktest_case cases[] = {
	{"shrinks_to_the_cause", shrinks_to_the_cause},
	{"runs_all_steps", runs_all_steps},
	{"replays", replays},
	{0},
};

const struct ktest_suite model_suite = {.name = "model", .begin = room, .cases = cases};
