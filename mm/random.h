/* SPDX-License-Identifier: MIT */
/*
 * Random numbers that replay: splitmix64 (Steele, Lea, Flood, "Fast Splittable
 * Pseudorandom Number Generators", OOPSLA 2014). The state is the caller's, and
 * so is its lock; any seed will do.
 */
#ifndef MM_RANDOM_H
#define MM_RANDOM_H

#include "mm/types.h"

static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

#endif
