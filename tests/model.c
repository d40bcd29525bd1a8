/* SPDX-License-Identifier: MIT */
/*
 * Shrinking is by removal: halves of the sequence, then quarters, down to single
 * operations, as long as what is left fails, be it in another way. Then numbers
 * become 0 where that changes nothing, which is easier to read.
 */
#include "tests/model.h"

#include "kernel/printf.h"
#include "mm/port.h"
#include "mm/random.h"

static struct model_trace *trace, *trial;

bool model_room(struct ktest *t)
{
	trace = ktest_zalloc(t, sizeof(*trace));
	trial = ktest_zalloc(t, sizeof(*trial));
	return trace && trial;
}

struct model_op model_op(const struct model_trace *run, size_t i)
{
	uint64_t state = run->seed + ((uint64_t)run->left[i].number << 32);
	struct model_op op;

	for (unsigned w = 0; w < MODEL_WORDS; w++) {
		op.word[w] = (uint32_t)(random_next(&state) >> 32);
		if (run->left[i].zero >> w & 1)
			op.word[w] = 0;
	}
	return op;
}

/* Replay; a sequence that fails is cut behind the operation that did it. */
static bool fails(const struct model *model, struct model_trace *run)
{
	void *state = model->begin(run->seed);

	run->why = NULL;
	for (size_t i = 0; state && i < run->count && !run->why; i++) {
		struct model_op op = model_op(run, i);

		run->why = model->step(state, &op);
		if (run->why)
			run->count = i + 1;
	}
	if (state && model->end)
		model->end(state);
	return run->why;
}

/* The trial is the better trace if it fails too. */
static bool adopt(const struct model *model)
{
	if (!fails(model, trial))
		return false;
	*trace = *trial;
	return true;
}

static bool shrink_without(const struct model *model, size_t first, size_t count)
{
	size_t behind;

	if (count > trace->count - first)
		count = trace->count - first;
	behind = trace->count - first - count;
	*trial = *trace;
	trial->count -= count;
	memmove(&trial->left[first], &trial->left[first + count], behind * sizeof(trial->left[0]));
	return adopt(model);
}

/* Does dropping some `count` operations in a row do? From the end: there the cause is nearer. */
static bool shrink_by(const struct model *model, size_t count)
{
	bool any = false;

	for (size_t end = trace->count; end > 0;) {
		size_t first = end > count ? end - count : 0;

		any |= shrink_without(model, first, end - first);
		end = first < trace->count ? first : trace->count;
	}
	return any;
}

static void simplify(const struct model *model)
{
	for (size_t i = 0; i < trace->count; i++) {
		for (unsigned w = 0; w < MODEL_WORDS; w++) {
			*trial = *trace;
			trial->left[i].zero |= 1U << w;
			adopt(model);
		}
	}
}

static void shrink(const struct model *model)
{
	for (size_t count = trace->count / 2; count > 1; count /= 2)
		shrink_by(model, count);
	simplify(model);
	while (shrink_by(model, 1)) {
	}
}

const struct model_trace *model_search(const struct model *model, uint64_t seed,
				       unsigned long steps)
{
	for (unsigned long left = steps; left > 0; left -= trace->count) {
		trace->seed = random_next(&seed);
		trace->count = left < MODEL_LENGTH ? left : MODEL_LENGTH;
		for (size_t i = 0; i < trace->count; i++) {
			trace->left[i].number = (uint16_t)i;
			trace->left[i].zero = 0;
		}
		if (!fails(model, trace))
			continue;
		shrink(model);
		return trace;
	}
	return NULL;
}

/* Replay it once more, with words. */
static void tell(const struct model *model, const struct model_trace *found)
{
	void *state = model->begin(found->seed);
	char line[120];

	for (size_t i = 0; i < found->count; i++) {
		struct model_op op = model_op(found, i);

		model->describe(state, &op, line, sizeof(line));
		ktest_say("%3zu. %s", i + 1, line);
		model->step(state, &op);
	}
	if (model->end)
		model->end(state);
}

void model_check(struct ktest *t, const struct model *model, unsigned long steps)
{
	const struct model_trace *found;
	void *state;

	if (!model_room(t))
		return;
	state = model->begin(0);
	if (!state) {
		ktest_skip(t, "its memory can't be had");
		return;
	}
	if (model->end)
		model->end(state);
	found = model_search(model, ktest_random(t, 0), steps);
	if (!found)
		return;
	ktest_fail(t, __FILE__, __LINE__,
		   "%s; seed %llu, of a sequence remain %zu operations:", found->why,
		   (unsigned long long)t->seed, found->count);
	tell(model, found);
}
