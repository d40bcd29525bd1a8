/* SPDX-License-Identifier: MIT */
/*
 * Small objects in an arena: a private kmem on private zones that hold nothing
 * but the arena, so that all that is taken can be seen to come back.
 */
#include "mm/kmem.h"
#include "tests/arena.h"
#include "tests/ktest.h"

#define ARENA_PAGES 64
#define BOOKKEEPING 4096
#define OBJECTS	    512
#define MODEL_STEPS 8000

static struct arena arena;
static struct zones *zones;
static struct kmem kmem;
static uint64_t misuse_before[PAGE_MISUSE_KINDS];
static void **objects; /* OBJECTS of them */

static uint64_t free_bytes(void)
{
	return pages_free_bytes(zones, ZONE_DMA) + pages_free_bytes(zones, ZONE_NORMAL);
}

/* Zones whose bookkeeping ends with the arena would be too large for it; so NORMAL is built here.
 */
static void begin(struct ktest *t)
{
	char *bookkeeping = ktest_zalloc(t, BOOKKEEPING);
	struct buddy *normal, *dma;
	size_t of_normal;

	zones = ktest_zalloc(t, sizeof(*zones));
	objects = ktest_zalloc(t, OBJECTS * sizeof(*objects));
	if (!bookkeeping || !zones || !objects)
		return;
	normal = &zones->zone[ZONE_NORMAL].buddy;
	dma = &zones->zone[ZONE_DMA].buddy;
	if (!arena_get(&arena, MIB(64), ARENA_PAGES * PAGE_SIZE, PAGE_SIZE)) {
		ktest_skip(t, "no memory for an arena");
		return;
	}
	of_normal = buddy_bookkeeping(arena.base, ARENA_PAGES);
	buddy_init(normal, arena.base, ARENA_PAGES, t->seed, bookkeeping);
	buddy_init(dma, phys(0), 0, t->seed, bookkeeping + of_normal);
	buddy_add(normal, arena.base, ARENA_PAGES);
	pages_cache(zones, true);
	kmem_init(&kmem, zones);
	for (enum page_misuse kind = 0; kind < PAGE_MISUSE_KINDS; kind++)
		misuse_before[kind] = test_page_misuse(kind);
}

/* All is back. */
static void end(struct ktest *t)
{
	EXPECT_EQ(t, kmem.objects, 0);
	EXPECT_EQ(t, kmem.pages, 0);
	for (unsigned class = 0; class < KMEM_CLASSES; class ++)
		EXPECT(t, !kmem.partial[class]);
	EXPECT_EQ(t, free_bytes(), ARENA_PAGES * PAGE_SIZE);
	arena_put(&arena);
}

static uint64_t misuse(enum page_misuse kind)
{
	return test_page_misuse(kind) - misuse_before[kind];
}

static bool all_bytes(const void *object, size_t size, unsigned char want)
{
	const unsigned char *bytes = object;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != want)
			return false;
	return true;
}

/* Each size is aligned, zeroed, and wholly the caller's; none beyond the largest. */
static void every_size(struct ktest *t)
{
	for (size_t size = 1; size <= KMEM_MAX; size++) {
		void *a = kmalloc(&kmem, size), *b = kmalloc(&kmem, size);

		REQUIRE(t, a && b && a != b);
		EXPECT_EQ(t, (uintptr_t)a % 16, 0);
		EXPECT(t, all_bytes(a, size, 0) && all_bytes(b, size, 0));
		memset(a, 0x11, size);
		memset(b, 0x22, size);
		EXPECT(t, all_bytes(a, size, 0x11));
		kfree(&kmem, a);
		EXPECT(t, all_bytes(b, size, 0x22));
		kfree(&kmem, b);
	}
	EXPECT(t, !kmalloc(&kmem, 0));
	EXPECT(t, !kmalloc(&kmem, KMEM_MAX + 1));
	EXPECT(t, !kmalloc(&kmem, SIZE_MAX));
	kfree(&kmem, NULL);
}

/* How many objects a page holds, by its class. */
static void pages_are_filled(struct ktest *t)
{
	static const struct {
		size_t size, count;
	} table[] = {{16, 252}, {32, 126}, {64, 63},  {128, 31},
		     {256, 15}, {512, 7},  {1024, 3}, {KMEM_MAX, 2}};

	for (size_t c = 0; c < ARRAY_SIZE(table); c++) {
		for (size_t i = 0; i < table[c].count; i++)
			objects[i] = kmalloc(&kmem, table[c].size);
		EXPECT_EQ(t, kmem.pages, 1);
		kfree(&kmem, objects[0]); /* a page that was full has room again */
		EXPECT(t, kmalloc(&kmem, table[c].size) == objects[0]);
		objects[table[c].count] = kmalloc(&kmem, table[c].size);
		EXPECT_EQ(t, kmem.pages, 2);
		for (size_t i = 0; i <= table[c].count; i++) {
			memset(objects[i], 0xff, table[c].size); /* the headers stay whole */
			kfree(&kmem, objects[i]);
		}
		EXPECT_EQ(t, kmem.pages, 0);
	}
}

static void poison(struct ktest *t)
{
	unsigned char *kept = kmalloc(&kmem, 100), *freed = kmalloc(&kmem, 100);

	memset(freed, 0x77, 100);
	kfree(&kmem, freed);
	EXPECT(t, all_bytes(freed, 100, KMEM_POISON));
	EXPECT(t, kmalloc(&kmem, 100) == freed);
	EXPECT(t, all_bytes(freed, 100, 0));
	kfree(&kmem, freed);
	kfree(&kmem, kept);
}

static void exhaustion(struct ktest *t)
{
	size_t count = 0;

	while (count < OBJECTS && (objects[count] = kmalloc(&kmem, KMEM_MAX)))
		count++;
	EXPECT_EQ(t, count, 2 * ARENA_PAGES);
	EXPECT(t, !kmalloc(&kmem, 16));
	kfree(&kmem, objects[--count]);
	EXPECT(t, !kmalloc(&kmem, 16)); /* half a page isn't one */
	kfree(&kmem, objects[--count]);
	objects[count] = kmalloc(&kmem, 16);
	EXPECT(t, objects[count]);
	kfree(&kmem, objects[count]);
	while (count)
		kfree(&kmem, objects[--count]);
}

static void double_free(struct ktest *t)
{
	void *kept = kmalloc(&kmem, 64), *a = kmalloc(&kmem, 64);

	kfree(&kmem, a);
	kfree(&kmem, a);
	EXPECT_EQ(t, misuse(PAGE_DOUBLE_FREE), 1);
	EXPECT_EQ(t, kmem.objects, 1);
	kfree(&kmem, kept);
	kfree(&kmem, kept); /* its page is gone too */
	EXPECT_EQ(t, misuse(PAGE_DOUBLE_FREE), 2);
}

/* What is no object: inside one, in the header, in the rest of a page, in a page of another kind.
 */
static void garbage(struct ktest *t)
{
	const struct page_request one = {.zone = ZONE_NORMAL, .limit = NO_LIMIT};
	const struct page_request two = {.order = 1, .zone = ZONE_NORMAL, .limit = NO_LIMIT};
	char *a = kmalloc(&kmem, 1024), *large = kmalloc(&kmem, KMEM_MAX);
	char *page = (char *)((uintptr_t)a & ~(PAGE_SIZE - 1));
	phys_addr_t other = pages_alloc(zones, &one), pair = pages_alloc(zones, &two);

	kfree(&kmem, a + 1);
	kfree(&kmem, a + 16);
	kfree(&kmem, large + 2031);
	kfree(&kmem, page);
	kfree(&kmem, page + 16);
	kfree(&kmem, page + PAGE_SIZE - 16); /* behind the last object */
	EXPECT_EQ(t, misuse(PAGE_UNALIGNED), 6);
	kfree(&kmem, page + ((a - page + 1024) & (PAGE_SIZE - 1))); /* never given out */
	EXPECT_EQ(t, misuse(PAGE_DOUBLE_FREE), 1);
	memset(port_phys_to_virt(other), 0, PAGE_SIZE);
	kfree(&kmem, port_phys_to_virt(phys_add(other, 64)));
	EXPECT_EQ(t, misuse(PAGE_RESERVED), 1);
	kfree(&kmem, port_phys_to_virt(phys_add(pair, 64)));
	EXPECT_EQ(t, misuse(PAGE_WRONG_ORDER), 1);
	EXPECT_EQ(t, kmem.objects, 2);
	pages_free(zones, other, 0);
	pages_free(zones, pair, 1);
	kfree(&kmem, a);
	kfree(&kmem, large);
}

/* Another kmem's object isn't this one's to free. */
static void foreign(struct ktest *t)
{
	struct kmem second;
	void *a;

	kmem_init(&second, zones);
	a = kmalloc(&second, 200);
	kfree(&kmem, a);
	EXPECT_EQ(t, misuse(PAGE_RESERVED), 1);
	EXPECT_EQ(t, second.objects, 1);
	kfree(&second, a);
	EXPECT_EQ(t, second.pages, 0);
}

/* Random sizes; each object keeps its own byte until it is freed. */
static void against_a_model(struct ktest *t)
{
	uint16_t sizes[OBJECTS];
	size_t live = 0;

	for (unsigned step = 0; step < MODEL_STEPS && !t->failed; step++) {
		size_t i = ktest_random(t, OBJECTS);
		size_t size = 1 + ktest_random(t, KMEM_MAX >> ktest_random(t, 8));
		unsigned char mark = (unsigned char)(i * 7 + 1);

		if (objects[i]) {
			EXPECT(t, all_bytes(objects[i], sizes[i], mark));
			kfree(&kmem, objects[i]);
			objects[i] = NULL;
			live--;
		} else if ((objects[i] = kmalloc(&kmem, size))) {
			EXPECT(t, all_bytes(objects[i], size, 0));
			memset(objects[i], mark, size);
			sizes[i] = (uint16_t)size;
			live++;
		}
		EXPECT_EQ(t, kmem.objects, live);
		EXPECT_EQ(t, free_bytes(), (ARENA_PAGES - kmem.pages) * PAGE_SIZE);
	}
	for (size_t i = 0; i < OBJECTS; i++)
		kfree(&kmem, objects[i]);
}

static const struct ktest_case cases[] = {
	{"every_size", every_size}, {"pages_are_filled", pages_are_filled}, {"poison", poison},
	{"exhaustion", exhaustion}, {"double_free", double_free},	    {"garbage", garbage},
	{"foreign", foreign},	    {"against_a_model", against_a_model},   {0},
};

const struct ktest_suite kmem_suite = {.name = "kmem", .begin = begin, .end = end, .cases = cases};
