/* SPDX-License-Identifier: MIT */
/*
 * Random operations on what is tested and on a naive model of it, compared after
 * each; a sequence that fails is shrunk to what is needed for it.
 *
 *	sequence = seed -> begin(seed), step(op 0), step(op 1), ... end()
 *
 * An operation is a few random numbers, drawn without a look at the state: what
 * they mean is the step's business, modulo what there is at that time (the n-th
 * of what is held). So any operation may be dropped, and the rest still means
 * something. begin() makes the same state of the same seed, each time anew.
 *
 * One search at a time.
 */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include "tests/ktest.h"

#define MODEL_LENGTH 2000 /* operations in a sequence, at most */
#define MODEL_WORDS  6

struct model_op {
	uint32_t word[MODEL_WORDS];
};

struct model {
	/* A state to begin with; NULL: it can't be had here. */
	void *(*begin)(uint64_t seed);
	/* Do it to both and compare. NULL: they agree; otherwise what is wrong, in words. */
	const char *(*step)(void *state, const struct model_op *op);
	/* What the step would do next, for a person. */
	void (*describe)(void *state, const struct model_op *op, char *line, size_t size);
	void (*end)(void *state); /* may be NULL */
};

/* A sequence that fails at its last operation: which of those that the seed gives are left. */
struct model_trace {
	uint64_t seed;
	const char *why;
	size_t count;
	struct {
		uint16_t number;
		uint16_t zero; /* a bit a word */
	} left[MODEL_LENGTH];
};

/* Its i-th operation, below count. */
struct model_op model_op(const struct model_trace *trace, size_t i);

/* Memory for a case's searches. False: none, and the case is skipped. */
bool model_room(struct ktest *t);

/*
 * Run sequences, drawn from `seed`, of `steps` operations altogether. NULL: none
 * failed; otherwise the first that did, shrunk: without any one of its
 * operations it would not fail.
 */
const struct model_trace *model_search(const struct model *model, uint64_t seed,
				       unsigned long steps);

/* The same as a case of a suite: it fails with the shrunk sequence in words. */
void model_check(struct ktest *t, const struct model *model, unsigned long steps);

#endif
