/* SPDX-License-Identifier: MIT */
/* The ledger against a plain list of what it should hold. */
#include "dma/ledger.h"
#include "tests/arena.h"
#include "tests/ktest.h"

#define PAGES 64 /* of the zones; enough for a table of 2048 entries beside the one of 512 */
#define MOST  900
#define SPAN  (2 * MOST) /* of page numbers */

static struct arena arena;
static struct zones *zones;
static struct ledger ledger;
static uint64_t free_bytes;

/* What the ledger should hold: model[i] of the page with number i, or 0. */
static uint64_t *model;

static void begin(struct ktest *t)
{
	struct memmap *map = ktest_zalloc(t, sizeof(*map));

	zones = ktest_zalloc(t, sizeof(*zones));
	model = ktest_zalloc(t, SPAN * sizeof(*model));
	if (!map || !zones || !model)
		return;
	if (!arena_get(&arena, MIB(160), PAGES << PAGE_SHIFT, PAGES << PAGE_SHIFT)) {
		ktest_skip(t, "no memory");
		return;
	}
	memmap_init(map, UINT64_MAX);
	memmap_add(map, arena.base.value, arena.size, true);
	if (memmap_seal(map) || pages_init(zones, map, t->seed)) {
		ktest_skip(t, "no low memory for private zones");
		arena_put(&arena);
		return;
	}
	free_bytes = pages_free_bytes(zones, ZONE_NORMAL);
	ledger_init(&ledger);
}

static void end(struct ktest *t)
{
	EXPECT_EQ(t, ledger.count, 0);
	EXPECT_EQ(t, ledger.mask, LEDGER_FIRST - 1);
	EXPECT_EQ(t, pages_free_bytes(zones, ZONE_NORMAL), free_bytes);
	arena_put(&arena);
}

static bool add(size_t page, uint64_t value)
{
	struct ledger_entry *e = ledger_add(&ledger, zones, page << PAGE_SHIFT, 1 + page % 7);

	if (e)
		e->value = model[page] = value;
	return e;
}

static void drop(size_t page)
{
	ledger_drop(&ledger, zones, ledger_find(&ledger, page << PAGE_SHIFT));
	model[page] = 0;
}

/* All that is in the model, and no more. */
static void check(struct ktest *t)
{
	size_t count = 0, seen = 0;

	for (size_t page = 0; page < SPAN; page++) {
		struct ledger_entry *e = ledger_find(&ledger, (page << PAGE_SHIFT) + page % 4096);

		count += model[page] != 0;
		if ((e ? e->value : 0) != model[page])
			ktest_fail(t, __FILE__, __LINE__, "page %zu", page);
		if (e)
			EXPECT(t, ledger_addr(e) == page << PAGE_SHIFT &&
					  ledger_kind(e) == 1 + page % 7);
	}
	EXPECT_EQ(t, ledger.count, count);
	for (struct ledger_entry *e = NULL; (e = ledger_next(&ledger, e));)
		seen++;
	EXPECT_EQ(t, seen, count);
}

static void drop_all(struct ktest *t)
{
	for (size_t page = 0; page < SPAN; page++)
		if (model[page])
			drop(page);
	check(t);
}

/* Random pages come and go, more and more of them: from none to four times a page of entries. */
static void comes_and_goes(struct ktest *t)
{
	static const size_t sizes[] = {12, 13, 16, 100, 200, MOST};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (unsigned step = 0; step < 4 * sizes[i]; step++) {
			size_t page = ktest_random(t, 2 * sizes[i]);

			if (model[page])
				drop(page);
			else
				EXPECT(t, ledger.count >= sizes[i] || add(page, step + 1));
			if (step % 64 == 0 || sizes[i] <= 16)
				check(t);
		}
		check(t);
		if (i % 2)
			drop_all(t);
	}
	drop_all(t);
}

/* Pages that are all at home in the same place, around the table's end too. */
static void one_home(struct ktest *t)
{
	for (size_t home = 0; home < LEDGER_FIRST; home++) {
		size_t pages[8], n = 0;

		for (size_t page = 0; n < 8; page++)
			if (ledger_home(&ledger, page << PAGE_SHIFT) == home)
				pages[n++] = page;
		for (size_t gone = 0; gone < 8; gone++) {
			for (size_t i = 0; i < 8; i++)
				EXPECT(t, add(pages[i], i + 1));
			drop(pages[gone]);
			check(t);
			drop_all(t);
		}
	}
}

/* Without memory it holds what it can, and loses nothing. */
static void no_memory(struct ktest *t)
{
	struct page_request request = {.zone = ZONE_NORMAL, .limit = NO_LIMIT};
	phys_addr_t taken[PAGES];
	size_t n = 0, page = 0;

	while (!phys_is_none(taken[n] = pages_alloc(zones, &request)))
		n++;
	while (page < 100 && add(page, page + 1))
		page++;
	EXPECT_EQ(t, page, LEDGER_FIRST - 1);
	check(t);
	pages_free(zones, taken[--n], 0);
	EXPECT(t, add(page, 1));
	EXPECT_EQ(t, ledger.mask, PAGE_SIZE / sizeof(struct ledger_entry) - 1);
	check(t);
	drop_all(t);
	while (n)
		pages_free(zones, taken[--n], 0);
}

static const struct ktest_case cases[] = {
	{"comes_and_goes", comes_and_goes},
	{"one_home", one_home},
	{"no_memory", no_memory},
	{NULL, NULL},
};

extern const struct ktest_suite ledger_suite;
const struct ktest_suite ledger_suite = {"ledger", begin, end, cases};
