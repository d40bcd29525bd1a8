/* SPDX-License-Identifier: MIT */
/*
 * The bitmaps, over memory full of garbage, against an array with a byte a bit.
 */
#include "mm/hbitmap.h"
#include "mm/port.h"
#include "tests/ktest.h"
#include "tests/unit/buddy_validate.h"

#define BITS	4200		      /* three levels, and an end inside a word */
#define FAR	(64UL * 64 * 64 + 70) /* four levels: marks far apart */
#define GARBAGE 0xa5

#define SIZE	KIB(36)

static uint64_t *memory;     /* of SIZE bytes */
static unsigned char *model; /* of BITS */
static struct hbitmap map;
static size_t bits_of_map;

static void begin(struct ktest *t)
{
	memory = ktest_zalloc(t, SIZE);
	model = ktest_zalloc(t, BITS);
}

static void make(struct ktest *t, size_t bits)
{
	REQUIRE(t, hbitmap_size(bits) <= SIZE);
	memset(memory, GARBAGE, SIZE);
	memset(model, 0, BITS);
	hbitmap_init(&map, bits, memory);
	bits_of_map = bits;
}

static size_t model_last(size_t i)
{
	for (i++; i > 0; i--)
		if (model[i - 1])
			return i - 1;
	return HBITMAP_NONE;
}

static size_t model_first(size_t i, size_t bits)
{
	for (; i < bits; i++)
		if (model[i])
			return i;
	return HBITMAP_NONE;
}

static void garbage_is_no_bit(struct ktest *t)
{
	static const size_t sizes[] = {0, 1, 63, 64, 65, 4095, 4096, 4097, BITS, FAR};

	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		make(t, sizes[s]);
		EXPECT(t, hbitmap_valid(&map, bits_of_map));
		EXPECT_EQ(t, hbitmap_first(&map, 0), HBITMAP_NONE);
		EXPECT_EQ(t, hbitmap_top(&map), HBITMAP_NONE);
		for (size_t i = 0; i < sizes[s]; i += 61) {
			EXPECT(t, !hbitmap_test(&map, i));
			EXPECT_EQ(t, hbitmap_last(&map, i), HBITMAP_NONE);
		}
	}
}

/* Nothing is written behind what hbitmap_size() said. */
static void size_is_enough(struct ktest *t)
{
	static const size_t sizes[] = {1, 64, 65, 4096, 4097, FAR};
	const unsigned char *bytes = (const unsigned char *)memory;

	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		make(t, sizes[s]);
		hbitmap_set_range(&map, 0, sizes[s]);
		EXPECT(t, hbitmap_valid(&map, bits_of_map));
		EXPECT_EQ(t, hbitmap_last(&map, sizes[s] - 1), sizes[s] - 1);
		for (size_t i = hbitmap_size(sizes[s]); i < SIZE; i++)
			EXPECT_EQ(t, bytes[i], GARBAGE);
	}
}

/* One or two bits at the edges of words of every level, seen from all around. */
static void edges(struct ktest *t)
{
	static const size_t at[] = {0,	  1,	63,   64,	 65,	  4095,
				    4096, 4097, 8191, 64 * 4096, FAR - 2, FAR - 1};

	for (size_t a = 0; a < ARRAY_SIZE(at); a++) {
		make(t, FAR);
		hbitmap_set(&map, at[a]);
		for (size_t b = 0; b < ARRAY_SIZE(at); b++) {
			EXPECT_EQ(t, hbitmap_first(&map, at[b]), b <= a ? at[a] : HBITMAP_NONE);
			EXPECT_EQ(t, hbitmap_last(&map, at[b]), b >= a ? at[a] : HBITMAP_NONE);
			EXPECT_EQ(t, hbitmap_test(&map, at[b]), a == b);
		}
		EXPECT_EQ(t, hbitmap_top(&map), at[a]);
		EXPECT(t, hbitmap_valid(&map, bits_of_map));
		hbitmap_clear(&map, at[a]);
		EXPECT_EQ(t, hbitmap_first(&map, 0), HBITMAP_NONE);
		EXPECT(t, hbitmap_valid(&map, bits_of_map));
	}
}

static void ranges(struct ktest *t)
{
	static const size_t at[] = {0, 1, 63, 64, 65, 127, 128, 4095, 4096, 4097, BITS - 1, BITS};

	for (size_t a = 0; a < ARRAY_SIZE(at); a++) {
		for (size_t b = a; b < ARRAY_SIZE(at); b++) {
			make(t, BITS);
			hbitmap_set_range(&map, at[a], at[b] - at[a]);
			EXPECT(t, hbitmap_valid(&map, bits_of_map));
			for (size_t i = 0; i < BITS; i++)
				EXPECT_EQ(t, hbitmap_test(&map, i), i >= at[a] && i < at[b]);
		}
	}
}

/* One change, in the map and in the model. */
static void change(struct ktest *t, size_t bits)
{
	size_t i = ktest_random(t, bits), n = ktest_random(t, bits - i < 200 ? bits - i + 1 : 200);

	if (ktest_random(t, 32) == 0) {
		hbitmap_set_range(&map, i, n);
		memset(model + i, 1, n);
	} else if (model[i]) {
		hbitmap_clear(&map, i);
		model[i] = 0;
	} else if (ktest_random(t, 3) == 0) {
		hbitmap_set(&map, i);
		model[i] = 1;
	}
}

/* One leaf may be empty and not known to be so; a search, or the next one, makes it known. */
static void hollow(struct ktest *t)
{
	make(t, FAR);
	hbitmap_set(&map, 5);
	hbitmap_set(&map, 70000);
	hbitmap_clear(&map, 70000);
	EXPECT_EQ(t, map.hollow, 70000 / 64);
	EXPECT(t, hbitmap_leaf_live(&map, 70000 / 64) && !hbitmap_test(&map, 70000));
	EXPECT(t, hbitmap_valid(&map, bits_of_map));
	EXPECT_EQ(t, hbitmap_set(&map, 70001), 1UL << 70001 % 64); /* its old bit is gone */
	EXPECT_EQ(t, map.hollow, HBITMAP_NONE);
	hbitmap_clear(&map, 70001);
	hbitmap_set_range(&map, 70000, 2);
	EXPECT_EQ(t, map.hollow, HBITMAP_NONE);
	hbitmap_clear(&map, 70000);
	EXPECT_EQ(t, map.hollow, HBITMAP_NONE);
	hbitmap_clear(&map, 70001);
	hbitmap_clear(&map, 5);
	EXPECT_EQ(t, map.hollow, 0);
	EXPECT(t, !hbitmap_leaf_live(&map, 70000 / 64));
	EXPECT(t, hbitmap_valid(&map, bits_of_map));
	for (unsigned search = 0; search < 3; search++) {
		hbitmap_set(&map, 300);
		hbitmap_clear(&map, 300);
		EXPECT_EQ(t, map.hollow, 4);
		EXPECT_EQ(t,
			  search == 0	? hbitmap_top(&map)
			  : search == 1 ? hbitmap_last(&map, FAR - 1)
					: hbitmap_first(&map, 0),
			  HBITMAP_NONE);
		EXPECT_EQ(t, map.hollow, HBITMAP_NONE);
		EXPECT(t, !map.level[map.levels - 1][0]);
	}
}

static void against_a_model(struct ktest *t)
{
	static const size_t sizes[] = {1, 64, 100, 4096, BITS};

	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		size_t bits = sizes[s];

		make(t, bits);
		for (unsigned step = 0; step < 3000 && !t->failed; step++) {
			size_t i = ktest_random(t, bits);

			change(t, bits);
			EXPECT_EQ(t, hbitmap_test(&map, i), model[i]);
			if (step % 16 == 0)
				EXPECT(t, hbitmap_valid(&map, bits_of_map));
			if (ktest_random(t, 4)) /* a search leaves nothing hollow */
				continue;
			EXPECT_EQ(t, hbitmap_last(&map, i), model_last(i));
			EXPECT_EQ(t, hbitmap_first(&map, i), model_first(i, bits));
			EXPECT_EQ(t, hbitmap_top(&map), model_last(bits - 1));
		}
	}
}

static void valid_sees(struct ktest *t)
{
	make(t, BITS);
	hbitmap_set(&map, 100);
	map.level[0][1] = 0; /* a leaf that the parent says isn't empty */
	EXPECT(t, !hbitmap_valid(&map, bits_of_map));

	make(t, BITS);
	hbitmap_set(&map, 100);
	map.level[2][0] = 0; /* a root that misses it */
	EXPECT(t, !hbitmap_valid(&map, bits_of_map));

	make(t, BITS);
	hbitmap_set(&map, BITS - 1);
	map.level[0][BITS / 64] |= 1ULL << 63; /* beyond the end */
	EXPECT(t, !hbitmap_valid(&map, bits_of_map));

	make(t, BITS);
	hbitmap_set(&map, 100);
	map.hollow = 1; /* it isn't */
	EXPECT(t, !hbitmap_valid(&map, bits_of_map));
	make(t, BITS);
	hbitmap_set(&map, 100);
	hbitmap_clear(&map, 100);
	map.hollow = HBITMAP_NONE; /* it is */
	EXPECT(t, !hbitmap_valid(&map, bits_of_map));
}

static const struct ktest_case cases[] = {
	{"garbage_is_no_bit", garbage_is_no_bit},
	{"size_is_enough", size_is_enough},
	{"edges", edges},
	{"ranges", ranges},
	{"hollow", hollow},
	{"against_a_model", against_a_model},
	{"valid_sees", valid_sees},
	{0},
};

const struct ktest_suite hbitmap_suite = {.name = "hbitmap", .begin = begin, .cases = cases};
