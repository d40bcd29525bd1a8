/* SPDX-License-Identifier: MIT */
/*
 * Memory on devices: who is given what of it, by which address; what can't be
 * declared; and what went wrong with it in Linux (2004 to 2017). The memory of
 * the card is an arena, which the fixture's system doesn't take for RAM.
 *
 *	bus         BAR ......... BAR + 2 MiB       card0's, and its children's
 *	card0's     CARD ........ CARD + 2 MiB      device addresses
 *	child0's    BAR + SHIFT .................   bus addresses by its own offset
 */
#include "dma/declared.h"
#include "dma/pool.h"
#include "tests/unit/dma_fixture.h"

#define BAR_WISH MIB(192)
#define BAR_SIZE MIB(2)
#define CARD	 0x7f00000000UL /* no RAM's */
#define SHIFT	 0x40000000UL
#define MAP	 DMA_MEMORY_MAP
#define IO	 DMA_MEMORY_IO
#define FAMILY	 DMA_MEMORY_INCLUDES_CHILDREN
#define ALONE	 DMA_MEMORY_EXCLUSIVE

struct got {
	uint8_t *cpu;
	dma_addr_t handle;
	size_t size;
};

static struct {
	struct dma_system *sys;
	struct arena bar;
	struct dma_device card, child, grandchild, other;
	struct got handlers; /* what the interrupt handler has */
	volatile unsigned interrupts, mixed;
} f;

enum who { CARD0, CHILD0, GRANDCHILD0, OTHER0 };
static struct dma_device *const devices[] = {&f.card, &f.child, &f.grandchild, &f.other};

/* --- fixture --- */

static void add(struct ktest *t, struct dma_device *dev, const char *name,
		struct dma_device *parent)
{
	EXPECT_EQ(t, dma_device_add(f.sys, dev, name, parent), 0);
	EXPECT_EQ(t, dma_set_mask_and_coherent(dev, UINT64_MAX), 0);
}

static void begin(struct ktest *t)
{
	/* First, for it is to lie above what is RAM: where there is little memory high goes first.
	 */
	if (!arena_get(&f.bar, BAR_WISH, BAR_SIZE, KIB(64))) {
		ktest_skip(t, "no memory to be a card's");
		return;
	}
	dma_fixture_begin(t);
	if (t->skip[0]) {
		arena_put(&f.bar);
		return;
	}
	f.sys = &((struct dma_fixture *)t->fixture)->sys;
	memset(port_phys_to_virt(f.bar.base), 0xee, BAR_SIZE);
	add(t, &f.card, "card0", NULL);
	add(t, &f.child, "child0", &f.card);
	dma_set_bus_offset(&f.child, SHIFT);
	add(t, &f.grandchild, "grandchild0", &f.child);
	add(t, &f.other, "other0", NULL);
}

static void end(struct ktest *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		EXPECT_EQ(t, devices[i]->count.lent, 0);
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		EXPECT_EQ(t, dma_release_declared_memory(devices[i]), 0);
	EXPECT(t, !f.sys->declared);
	arena_put(&f.bar);
	dma_fixture_end(t);
}

/* Declare bytes of the BAR; the device's address is as far into CARD. */
static int declare(struct dma_device *dev, uint64_t offset, size_t size, int flags)
{
	uint64_t bus = f.bar.base.value + offset + (uint64_t)dev->limits.bus_offset;

	return dma_declare_coherent_memory(dev, dma_addr_of(bus), dma_addr_of(CARD + offset), size,
					   flags);
}

/* What lies in the BAR, as the device itself sees it. */
static uint8_t *bar(uint64_t offset)
{
	return port_phys_to_virt(phys_add(f.bar.base, offset));
}

static struct got get(struct dma_device *dev, size_t size)
{
	struct got got = {.size = size};

	got.cpu = dma_alloc_attrs(dev, size, &got.handle, DMA_ATTR_NO_WARN);
	return got;
}

static void put(struct dma_device *dev, const struct got *got)
{
	dma_free_coherent(dev, got->size, got->cpu, got->handle);
}

/* How far into the BAR it is, by the address that this device is to have of it. */
static uint64_t offset_of(const struct dma_device *dev, const struct got *got)
{
	for (const struct dma_region *r = f.sys->declared; r; r = r->next)
		if (r->owner == dev && got->handle.bus - r->device.bus < r->size)
			return got->handle.bus - CARD;
	return got->handle.bus - f.bar.base.value - (uint64_t)dev->limits.bus_offset;
}

static bool is_bar(const struct dma_device *dev, const struct got *got)
{
	return got->cpu && offset_of(dev, got) <= BAR_SIZE - got->size;
}

/* A piece of the BAR, zeroed, in no other place than the handle says; false: said. */
static bool expect_bar(struct ktest *t, struct dma_device *dev, const struct got *got)
{
	if (!is_bar(dev, got)) {
		ktest_fail(t, __FILE__, __LINE__, "%s: %zu bytes at %#llx: not of the card",
			   dev->name, got->size, (unsigned long long)got->handle.bus);
		return false;
	}
	EXPECT(t, fixture_is_zero(got->cpu, got->size));
	fixture_fill(got->cpu, got->size, 7);
	EXPECT(t, fixture_is(bar(offset_of(dev, got)), got->size, 7));
	return true;
}

static void expect_system(struct ktest *t, struct dma_device *dev, size_t size)
{
	struct got got = get(dev, size);

	EXPECT(t, got.cpu && !is_bar(dev, &got));
	put(dev, &got);
}

static void expect_none(struct ktest *t, struct dma_device *dev, size_t size)
{
	struct got got = get(dev, size);

	EXPECT(t, !got.cpu);
	EXPECT_EQ(t, got.handle.bus, UINT64_MAX);
	EXPECT_EQ(t, dma_last_failure(dev), DMA_FAIL_EXHAUSTED);
}

/* --- regions and pieces, by tables --- */

struct region {
	enum who who;
	uint32_t offset, size;
	int flags;
};

#define SYSTEM (-1) /* not of the BAR */
#define NONE   (-2) /* nothing, and exhausted */
#define PUT    0, 0

/* Who gets so many bytes, and where in the BAR; or gives them back. */
struct step {
	enum who who;
	unsigned piece;
	uint32_t size;
	int32_t at;
};

#define PIECES 8

/* False: it isn't as it should be. What each has is filled with its own number. */
static bool take_step(const struct step *step, struct got *got)
{
	struct dma_device *dev = devices[step->who];
	uint8_t seed = (uint8_t)(step->piece + 1);
	struct got old = *got;

	if (!step->size) {
		got->cpu = NULL;
		if (is_bar(dev, &old) && !fixture_is(bar(offset_of(dev, &old)), old.size, seed))
			return false;
		put(dev, &old);
		return true;
	}
	*got = get(dev, step->size);
	if (step->at == NONE)
		return !got->cpu && got->handle.bus == UINT64_MAX &&
		       dma_last_failure(dev) == DMA_FAIL_EXHAUSTED;
	if (!got->cpu || !fixture_is_zero(got->cpu, step->size))
		return false;
	fixture_fill(got->cpu, step->size, seed);
	return step->at == SYSTEM ? !is_bar(dev, got)
				  : is_bar(dev, got) && offset_of(dev, got) == (uint32_t)step->at;
}

/* What is left is given back. */
static void run(struct ktest *t, const struct region *regions, size_t nregions,
		const struct step *steps, size_t nsteps)
{
	struct got got[PIECES] = {0};
	enum who holder[PIECES] = {0};

	for (const struct region *r = regions; r < regions + nregions; r++)
		EXPECT_EQ(t, declare(devices[r->who], r->offset, r->size, r->flags), MAP);
	for (size_t i = 0; i < nsteps; i++) {
		holder[steps[i].piece] = steps[i].who;
		if (!take_step(&steps[i], &got[steps[i].piece]))
			ktest_fail(t, __FILE__, __LINE__, "step %zu: %u bytes for %s: at %#llx", i,
				   steps[i].size, devices[steps[i].who]->name,
				   (unsigned long long)got[steps[i].piece].handle.bus);
	}
	for (unsigned i = 0; i < PIECES; i++)
		if (got[i].cpu)
			EXPECT(t, take_step(&(struct step){holder[i], i, PUT}, &got[i]));
}

#define RUN(t, regions, steps) run(t, regions, ARRAY_SIZE(regions), steps, ARRAY_SIZE(steps))

/* --- from interrupt handlers --- */

static void handler(void)
{
	if (++f.interrupts % 3) /* or it might always give back what it took there */
		return;
	if (f.handlers.cpu) {
		f.mixed += !fixture_is(f.handlers.cpu, 64, 3);
		put(&f.child, &f.handlers);
		f.handlers.cpu = NULL;
	} else if ((f.handlers = get(&f.child, 64)).cpu) {
		f.mixed += !fixture_is_zero(f.handlers.cpu, 64);
		fixture_fill(f.handlers.cpu, 64, 3);
	}
}

/* Linux had no lock: who came in between was given what another had found, too. */
static void interrupted(struct ktest *t)
{
	EXPECT_EQ(t, declare(&f.card, 0, 256, MAP | FAMILY | ALONE), MAP);
	f.interrupts = 0;
	f.mixed = 0;
	f.handlers.cpu = NULL;
	test_interrupts(handler);
	for (unsigned n = 0; n < 100 || (f.interrupts < 100 && n < 1000000); n++) {
		struct got got = get(&f.card, 64);

		EXPECT(t, expect_bar(t, &f.card, &got));
		put(&f.card, &got);
	}
	test_interrupts(NULL);
	if (f.handlers.cpu)
		put(&f.child, &f.handlers);
	EXPECT(t, f.interrupts >= 100);
	EXPECT_EQ(t, f.mixed, 0);
	EXPECT(t, !f.sys->declared->pieces && !f.sys->declared->used);
}

/* All is released, or nothing. */
static void interrupted_release(struct ktest *t)
{
	unsigned released = 0;

	f.interrupts = 0;
	f.mixed = 0;
	f.handlers.cpu = NULL;
	for (unsigned n = 0; n < 16 || (!released && n < 100000); n++) {
		if (!f.sys->declared) {
			EXPECT_EQ(t, declare(&f.card, 0, 256, MAP | FAMILY), MAP);
			EXPECT_EQ(t, declare(&f.card, 256, 64, MAP | FAMILY), MAP);
		}
		test_interrupts(handler);
		released += dma_release_declared_memory(&f.card) == 0;
		test_interrupts(NULL);
		EXPECT(t, !f.sys->declared || f.sys->declared->next);
	}
	if (f.handlers.cpu)
		put(&f.child, &f.handlers);
	EXPECT(t, released);
	EXPECT_EQ(t, f.mixed, 0);
}

/* --- which address --- */

static void granted_mode(struct ktest *t)
{
	EXPECT_EQ(t, declare(&f.card, 0, KIB(4), MAP), MAP);
	EXPECT_EQ(t, declare(&f.card, KIB(4), KIB(4), IO), IO);
	EXPECT_EQ(t, declare(&f.card, KIB(8), KIB(4), MAP | IO), MAP);
	EXPECT_EQ(t, declare(&f.card, KIB(12), 64, MAP | DMA_MEMORY_PREFETCHABLE), MAP);
}

/* The declarer has the device's address, a child the bus's by its own offset. */
static void handles(struct ktest *t)
{
	static const struct region regions[] = {{CARD0, KIB(64), KIB(64), MAP | FAMILY}};
	static const struct step steps[] = {{CARD0, 0, 1000, KIB(64)},
					    {CHILD0, 1, 1000, KIB(64) + 1024},
					    {GRANDCHILD0, 2, 1000, KIB(64) + 2048},
					    {OTHER0, 3, 1000, SYSTEM}};

	RUN(t, regions, steps);
}

/* A bus offset of the declarer's: its bus address is not where the CPU finds it. */
static void declarer_behind_an_offset(struct ktest *t)
{
	struct got got;

	dma_set_bus_offset(&f.other, SHIFT);
	EXPECT_EQ(t,
		  dma_declare_coherent_memory(&f.other, dma_addr_of(f.bar.base.value + SHIFT),
					      dma_addr_of(CARD), KIB(4), MAP),
		  MAP);
	got = get(&f.other, 64);
	EXPECT_EQ(t, got.handle.bus, CARD);
	REQUIRE(t, got.cpu);
	got.cpu[3] = 0x5a;
	EXPECT_EQ(t, bar(3)[0], 0x5a);
	put(&f.other, &got);
}

/* --- who is asked --- */

static void own_then_parents_then_system(struct ktest *t)
{
	static const struct region regions[] = {{CARD0, 0, 4096, MAP | FAMILY},
						{CHILD0, 4096, 4096, MAP | FAMILY},
						{GRANDCHILD0, 8192, 4096, MAP}};
	static const struct step steps[] = {
		{GRANDCHILD0, 0, 4096, 8192},
		{GRANDCHILD0, 1, 4096, 4096},
		{GRANDCHILD0, 2, 4096, 0},
		{GRANDCHILD0, 3, 64, SYSTEM},
		{CARD0, 4, 64, SYSTEM},
		/* Nearer is better than tighter. */
		{GRANDCHILD0, 0, PUT},
		{GRANDCHILD0, 0, 64, 8192},
		{GRANDCHILD0, 2, PUT},
		{GRANDCHILD0, 2, 64, 8192 + 64},
		{GRANDCHILD0, 1, PUT},
		{CHILD0, 1, 2048, 4096},
		{GRANDCHILD0, 5, 64, 8192 + 128},
	};

	RUN(t, regions, steps);
}

/* What doesn't include them is not for children, but what is above it may be. */
static void children_not_included(struct ktest *t)
{
	static const struct region near[] = {{CHILD0, 0, 4096, MAP}},
				   above[] = {{CARD0, 4096, 4096, MAP | FAMILY}};
	static const struct step steps[] = {{GRANDCHILD0, 0, 64, SYSTEM}, {CHILD0, 1, 64, 0}},
				 then[] = {{GRANDCHILD0, 0, 64, 4096}};

	RUN(t, near, steps);
	RUN(t, above, then);
}

/* Who is added later is a child too. */
static void children_that_come_later(struct ktest *t)
{
	struct dma_device late;
	struct got got;

	EXPECT_EQ(t, declare(&f.card, 0, 4096, MAP | FAMILY), MAP);
	add(t, &late, "late0", &f.card);
	got = get(&late, 100);
	expect_bar(t, &late, &got);
	put(&late, &got);
	dma_device_remove(&late);
}

static void tightest_first(struct ktest *t)
{
	static const struct region regions[] = {{CARD0, 0, KIB(64), MAP},
						{CARD0, KIB(64), KIB(4), MAP},
						{CARD0, KIB(128), KIB(16), MAP}};
	static const struct step steps[] = {
		{CARD0, 0, 4096, KIB(64)},
		{CARD0, 1, 64, KIB(128)},
		{CARD0, 2, KIB(16), 0},
		{CARD0, 3, KIB(8), KIB(136)}, /* of 15.9 KiB, aligned */
		{CARD0, 0, PUT},
		{CARD0, 1, PUT},
		{CARD0, 3, PUT},
		{CARD0, 4, KIB(16) - 64, KIB(128)}, /* leaves less than there is of 4 KiB */
		{CARD0, 5, 64, KIB(144) - 64},
	};

	RUN(t, regions, steps);
}

static void exclusive(struct ktest *t)
{
	static const struct region regions[] = {{CARD0, 0, 4096, MAP | FAMILY | ALONE}};
	static const struct step steps[] = {{CHILD0, 0, 4096, 0},    {CARD0, 1, 64, NONE},
					    {CHILD0, 1, 64, NONE},   {GRANDCHILD0, 1, 64, NONE},
					    {OTHER0, 2, 64, SYSTEM}, {CHILD0, 0, PUT},
					    {CARD0, 0, 4097, NONE}},
				 then[] = {{CHILD0, 0, 64, SYSTEM}};

	RUN(t, regions, steps);
	/* Who can't reach it isn't bound to it. */
	EXPECT_EQ(t, dma_set_coherent_mask(&f.child, f.bar.base.value + SHIFT - 1), 0);
	run(t, NULL, 0, then, 1);
}

/* --- as far as the child reaches --- */

static void reaches(struct ktest *t, uint64_t last, bool first_reached, bool second_reached)
{
	uint64_t top = f.bar.base.value + SHIFT + last;
	struct got got[2];

	EXPECT_EQ(t, dma_set_coherent_mask(&f.child, top), 0);
	for (unsigned i = 0; i < 2; i++)
		got[i] = get(&f.child, 4096);
	EXPECT_EQ(t, is_bar(&f.child, &got[0]), first_reached);
	EXPECT_EQ(t, is_bar(&f.child, &got[1]), second_reached);
	for (unsigned i = 0; i < 2; i++) {
		EXPECT(t, got[i].cpu && got[i].handle.bus + 4095 <= top);
		put(&f.child, &got[i]);
	}
}

static void by_the_childs_mask(struct ktest *t)
{
	EXPECT_EQ(t, declare(&f.card, 0, 8192, MAP | FAMILY), MAP);
	reaches(t, 8191, true, true);
	reaches(t, 8190, true, false);
	reaches(t, 4095, true, false);
	reaches(t, 4094, false, false);
	reaches(t, (uint64_t)-1, false, false);
}

static void by_the_bridges_window(struct ktest *t)
{
	struct got got;

	EXPECT_EQ(t, declare(&f.card, 0, 8192, MAP | FAMILY), MAP);
	dma_set_bus_limit(&f.child, f.bar.base.value + SHIFT + 4095);
	got = get(&f.child, 4096);
	EXPECT(t, is_bar(&f.child, &got));
	expect_system(t, &f.child, 4096);
	put(&f.child, &got);
	dma_set_bus_limit(&f.child, f.bar.base.value + SHIFT - 1);
	expect_system(t, &f.child, 64);
	EXPECT(t, f.child.told && !f.card.told);
	/* The device itself doesn't go over the bus. */
	dma_set_bus_limit(&f.card, f.bar.base.value - 1);
	got = get(&f.card, 8192);
	EXPECT(t, is_bar(&f.card, &got));
	put(&f.card, &got);
}

/* Through two bridges, which both move addresses and pass some: what is reached of 8 KiB. */
static void by_two_bridges(struct ktest *t)
{
	static const struct {
		uint64_t passed; /* by the upper one, up to this byte of it */
		uint64_t offset; /* of both */
		uint64_t mask;	 /* the device's, up to this byte */
		uint64_t to;
	} ways[] = {
		{8191, SHIFT, 8191, 8192},     {4095, SHIFT, 8191, 4096},
		{8191, SHIFT, 4095, 4096},     {8191, SHIFT - 4096, 99, 100},
		{8191, SHIFT + 8192, 8191, 0}, {8191, SHIFT + 4096, 8191, 4096},
	};
	uint64_t bus = f.bar.base.value;

	EXPECT_EQ(t, declare(&f.card, 0, 8192, MAP | FAMILY), MAP);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct dma_device late;
		struct dma_span span;
		struct got got;

		dma_set_bus_limit(&f.child, bus + SHIFT + ways[i].passed);
		add(t, &late, "late0", &f.child);
		EXPECT_EQ(t, late.limits.bus_offset, SHIFT);
		dma_set_bus_offset(&late, (int64_t)ways[i].offset);
		EXPECT_EQ(t, dma_set_coherent_mask(&late, bus + ways[i].offset + ways[i].mask), 0);
		span = dma_region_span(&late, f.sys->declared);
		EXPECT_EQ(t, span.up, 2);
		EXPECT_EQ(t, span.to, ways[i].to);
		got = get(&late, 100);
		EXPECT_EQ(t, is_bar(&late, &got), ways[i].to != 0);
		EXPECT(t, !ways[i].to || got.handle.bus == bus + ways[i].offset);
		put(&late, &got);
		dma_device_remove(&late);
	}
}

/* It is said of each device that there ever is. */
static void said_once_a_device(struct ktest *t)
{
	struct dma_device late;
	struct got got;

	EXPECT_EQ(t, declare(&f.card, 0, 8192, MAP | FAMILY), MAP);
	for (unsigned i = 0; i < 2; i++) {
		add(t, &late, "late0", &f.card);
		EXPECT_EQ(t, dma_set_coherent_mask(&late, f.bar.base.value - 1), 0);
		EXPECT(t, !late.told);
		got = get(&late, 64);
		EXPECT(t, late.told);
		put(&late, &got);
		dma_device_remove(&late);
	}
}

/* No address of it is as pieces are to be aligned. */
static void crooked_offset(struct ktest *t)
{
	EXPECT_EQ(t, declare(&f.card, 0, 8192, MAP | FAMILY), MAP);
	dma_set_bus_offset(&f.child, 0x10);
	EXPECT(t, !dma_region_span(&f.child, f.sys->declared).to);
	dma_set_bus_offset(&f.child, 0x40);
	EXPECT_EQ(t, dma_region_span(&f.child, f.sys->declared).to, 8192);
}

/* Who asks for the system's memory has it, whatever was declared. */
static void system_memory(struct ktest *t)
{
	struct got got = {.size = 4096};

	EXPECT_EQ(t, declare(&f.card, 0, 8192, MAP | FAMILY | ALONE), MAP);
	for (unsigned i = CARD0; i <= CHILD0; i++) {
		got.cpu = dma_alloc_attrs(devices[i], 4096, &got.handle, DMA_ATTR_SYSTEM_MEMORY);
		EXPECT(t, got.cpu && !is_bar(devices[i], &got));
		put(devices[i], &got);
	}
}

/* What lies below where the device's window begins has no address for it. */
static void below_the_childs_window(struct ktest *t)
{
	int64_t offset = -(int64_t)(f.bar.base.value + 4096);
	struct got got, above;

	EXPECT_EQ(t, declare(&f.card, 0, 8192, MAP | FAMILY), MAP);
	dma_set_bus_offset(&f.child, offset);
	above = get(&f.card, 64);
	got = get(&f.child, 2048);
	EXPECT_EQ(t, got.handle.bus, 0);
	EXPECT(t, fixture_is_zero(bar(4096), 2048));
	EXPECT_EQ(t, bar(4095)[0], 0xee);
	put(&f.child, &got);
	put(&f.card, &above);
	dma_set_bus_offset(&f.child, offset - 4096);
	expect_none(t, &f.child, 4096); /* nor is there RAM in its window */
}

/* --- fit --- */

/* Linux's bitmap was a quarter of what it needed: every unit is used, and only once. */
static void fills_to_the_last_unit(struct ktest *t)
{
	struct got got[8192 / 64];

	EXPECT_EQ(t, declare(&f.card, 4096, 8192, MAP), MAP);
	for (size_t i = 0; i < ARRAY_SIZE(got); i++) {
		got[i] = get(&f.card, 64);
		REQUIRE(t, expect_bar(t, &f.card, &got[i]));
		memset(got[i].cpu, (int)i, 64);
	}
	expect_system(t, &f.card, 1);
	for (size_t i = 0; i < 8192; i++)
		EXPECT_EQ(t, bar(4096)[i], i / 64);
	EXPECT_EQ(t, bar(4095)[0], 0xee);
	EXPECT_EQ(t, bar(4096 + 8192)[0], 0xee);
	for (size_t i = 0; i < ARRAY_SIZE(got); i++)
		put(&f.card, &got[(i * 37) % ARRAY_SIZE(got)]);
}

/* Linux took the order of a number of pages for that of as many bytes. */
static void bytes_are_bytes(struct ktest *t)
{
	static const struct region regions[] = {{CARD0, 0, 4 * 8192, MAP | ALONE}};
	static const struct step steps[] = {
		{CARD0, 0, 3 * 8192, 0}, {CARD0, 1, 8192, 3 * 8192}, {CARD0, 2, 1, NONE}};

	RUN(t, regions, steps);
}

/* Linux rounded 9 MiB to 16, so that of 30 two thirds were lost. Here in 64 KiB. */
static void nine_of_thirty(struct ktest *t)
{
	static const struct region regions[] = {{CARD0, 0, 30 * KIB(64), MAP | ALONE}};
	static const struct step steps[] = {{CARD0, 0, 9 * KIB(64), 0},
					    {CARD0, 1, 9 * KIB(64), 9 * KIB(64)},
					    {CARD0, 2, 9 * KIB(64), 18 * KIB(64)},
					    {CARD0, 3, 4 * KIB(64), NONE}};

	RUN(t, regions, steps);
}

/* For who uses it: to a power of two that holds it, up to 64 KiB. */
static void alignment(struct ktest *t)
{
	static const uint32_t sizes[] = {1,    64,    65,    130,   2048,  4095,
					 4096, 12000, 65000, 65536, 70000, 200000};

	EXPECT_EQ(t, declare(&f.card, 64, MIB(1), MAP | FAMILY | ALONE), MAP);
	dma_set_bus_offset(&f.child, 0x12340);
	for (size_t d = 0; d <= CHILD0; d++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			struct got first = get(devices[d], 1), got = get(devices[d], sizes[i]);
			uint64_t align = 64;

			while (align < sizes[i] && align < KIB(64))
				align *= 2;
			EXPECT(t, expect_bar(t, devices[d], &got));
			EXPECT_EQ(t, got.handle.bus % align, 0);
			put(devices[d], &got);
			put(devices[d], &first);
		}
	}
}

/* A gap is used again, by what fits, and by nothing else. */
static void gaps(struct ktest *t)
{
	static const struct region regions[] = {{CARD0, 0, 4 * 4096, MAP | ALONE}};
	static const struct step steps[] = {
		{CARD0, 0, 4096, 0},	 {CARD0, 1, 4096, 4096}, {CARD0, 2, 4096, 8192},
		{CARD0, 3, 4096, 12288}, {CARD0, 1, PUT},	 {CARD0, 1, 4097, NONE},
		{CARD0, 1, 4096, 4096},	 {CARD0, 2, PUT},	 {CARD0, 1, PUT},
		{CARD0, 1, 8193, NONE},	 {CARD0, 1, 2048, 4096}, {CARD0, 2, 4096, 8192}};

	RUN(t, regions, steps);
}

static void no_bytes(struct ktest *t)
{
	struct got got;

	EXPECT_EQ(t, declare(&f.card, 0, 4096, MAP), MAP);
	got = get(&f.card, 0);
	EXPECT(t, !got.cpu);
	EXPECT_EQ(t, dma_last_failure(&f.card), DMA_FAIL_LENGTH);
	got = get(&f.card, SIZE_MAX);
	EXPECT(t, !got.cpu);
}

/* Small blocks of a dma_pool, as a driver's descriptors are. */
static void pool_of_it(struct ktest *t)
{
	struct dma_pool *pool;
	dma_addr_t handle;
	uint8_t *block;

	EXPECT_EQ(t, declare(&f.card, 0, 8192, MAP | FAMILY | ALONE), MAP);
	pool = dma_pool_create("blocks", &f.child, 128, 128, 0);
	REQUIRE(t, pool);
	block = dma_pool_zalloc(pool, &handle);
	REQUIRE(t, block);
	memset(block, 0x21, 128);
	EXPECT_EQ(t, bar(handle.bus - SHIFT - f.bar.base.value)[127], 0x21);
	dma_pool_free(pool, block, handle);
	dma_pool_destroy(pool);
	/* A block that is all of a piece is still the pool's to give back. */
	pool = dma_pool_create("pages", &f.child, 4096, 4096, 0);
	REQUIRE(t, pool);
	block = dma_pool_alloc(pool, &handle);
	REQUIRE(t, block);
	dma_free_coherent(&f.child, 4096, block, handle);
	fixture_expect_misuse(t, DMA_MISUSE_FUNCTION);
	dma_pool_free(pool, block, handle);
	dma_pool_destroy(pool);
}

/* --- IO memory --- */

static void io_memory(struct ktest *t)
{
	struct dma_io io, none;
	dma_addr_t handle;

	EXPECT_EQ(t, declare(&f.card, 4096, 4096, IO | FAMILY), IO);
	expect_system(t, &f.card, 64); /* a pointer to it can't be had */
	io = dma_alloc_io(&f.child, 130, &handle);
	REQUIRE(t, !dma_io_is_none(io));
	EXPECT_EQ(t, handle.bus, f.bar.base.value + 4096 + SHIFT);
	for (size_t i = 0; i < 132; i += 4)
		EXPECT_EQ(t, dma_io_read32(io, i), 0);
	dma_io_write32(io, 4, 0x04030201);
	EXPECT_EQ(t, bar(4096)[6], 3);
	EXPECT_EQ(t, bar(4096)[192], 0xee);
	none = dma_alloc_io(&f.child, 4096, &handle);
	EXPECT(t, dma_io_is_none(none));
	EXPECT_EQ(t, handle.bus, UINT64_MAX);
	EXPECT_EQ(t, dma_last_failure(&f.child), DMA_FAIL_EXHAUSTED);
	handle.bus = f.bar.base.value + 4096 + SHIFT;
	dma_free_coherent(&f.child, 130, (void *)io.at, handle);
	fixture_expect_misuse(t, DMA_MISUSE_FUNCTION);
	dma_free_io(&f.child, 130, io, handle);
	dma_free_io(&f.child, 130, io, handle);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
	dma_free_io(&f.child, 130, none, handle);
}

static void io_exclusive(struct ktest *t)
{
	dma_addr_t handle;
	struct dma_io io;

	EXPECT_EQ(t, declare(&f.card, 0, 4096, IO | ALONE), IO);
	expect_none(t, &f.card, 64);
	io = dma_alloc_io(&f.card, 4096, &handle);
	EXPECT(t, !dma_io_is_none(io));
	dma_free_io(&f.card, 4096, io, handle);
}

/* --- what the device itself uses --- */

static void occupied(struct ktest *t)
{
	struct got got[3];
	uint8_t *firmware;

	EXPECT_EQ(t, declare(&f.card, 0, 4096, MAP | ALONE), MAP);
	bar(1000)[0] = 0x11;
	bar(1299)[0] = 0x22;
	firmware = dma_mark_declared_memory_occupied(&f.card, dma_addr_of(CARD + 1000), 300);
	REQUIRE(t, firmware);
	EXPECT_EQ(t, firmware[0], 0x11);
	EXPECT_EQ(t, firmware[299], 0x22);
	EXPECT(t, !dma_mark_declared_memory_occupied(&f.card, dma_addr_of(CARD + 1299), 1));
	EXPECT(t, !dma_mark_declared_memory_occupied(&f.card, dma_addr_of(CARD + 990), 5));
	got[0] = get(&f.card, 500);
	got[1] = get(&f.card, 2048);
	got[2] = get(&f.card, 480); /* the firmware's unit begins at 960 */
	EXPECT_EQ(t, offset_of(&f.card, &got[0]), 0);
	EXPECT_EQ(t, offset_of(&f.card, &got[1]), 2048);
	EXPECT_EQ(t, offset_of(&f.card, &got[2]), 1536);
	EXPECT(t, !dma_mark_declared_memory_occupied(&f.card, dma_addr_of(CARD + 499), 1));
	EXPECT(t, !dma_mark_declared_memory_occupied(&f.card, dma_addr_of(CARD + 505), 1));
	EXPECT_EQ(t, firmware[0], 0x11);
	EXPECT_EQ(t, firmware[299], 0x22);
	for (size_t i = 0; i < ARRAY_SIZE(got); i++)
		put(&f.card, &got[i]);
	dma_free_coherent(&f.card, 300, firmware, dma_addr_of(CARD + 1000));
	got[0] = get(&f.card, 4096);
	EXPECT(t, expect_bar(t, &f.card, &got[0]));
	put(&f.card, &got[0]);
}

static void occupied_wrongly(struct ktest *t)
{
	struct {
		struct dma_device *dev;
		uint64_t addr;
		size_t size;
	} wrong[] = {
		{NULL, CARD, 64},
		{&f.other, CARD, 64},
		{&f.card, f.bar.base.value, 64}, /* the bus's address */
		{&f.child, f.bar.base.value + SHIFT, 64},
		{&f.card, CARD, 0},
		{&f.card, CARD, 4097},
		{&f.card, CARD - 1, 2},
		{&f.card, CARD + 4095, 2},
		{&f.card, CARD + 4096, 1},
		{&f.card, CARD, SIZE_MAX},
		{&f.card, CARD + 8192, 64}, /* of IO memory there is no pointer */
	};

	EXPECT_EQ(t, declare(&f.card, 0, 4096, MAP | FAMILY), MAP);
	EXPECT_EQ(t, declare(&f.card, 8192, 4096, IO | FAMILY), IO);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		EXPECT(t, !dma_mark_declared_memory_occupied(
				  wrong[i].dev, dma_addr_of(wrong[i].addr), wrong[i].size));
}

/* --- what can't be declared --- */

static void expect_refused(struct ktest *t, struct dma_device *dev, uint64_t bus, uint64_t device,
			   size_t size, int flags, int err)
{
	int got = dma_declare_coherent_memory(dev, dma_addr_of(bus), dma_addr_of(device), size,
					      flags);

	if (got != err)
		ktest_fail(t, __FILE__, __LINE__,
			   "%s: bus %#llx device %#llx size %#zx: %d, not %d",
			   dev ? dev->name : "nobody", (unsigned long long)bus,
			   (unsigned long long)device, size, got, err);
}

static void bad_input(struct ktest *t)
{
	const struct dma_fixture *dma = t->fixture;
	uint64_t bus = f.bar.base.value, ram = dma->base, slots = dma->base + FIXTURE_POOL;

	expect_refused(t, NULL, bus, CARD, 4096, MAP, -EINVAL);
	expect_refused(t, &f.card, bus, CARD, 0, MAP, -EINVAL);
	expect_refused(t, &f.card, bus, CARD, 4096, 0, -EINVAL);
	expect_refused(t, &f.card, bus, CARD, 4096, FAMILY | ALONE, -EINVAL);
	expect_refused(t, &f.card, bus, CARD, 4096, MAP | 1 << 12, -EINVAL);
	expect_refused(t, &f.card, bus + 32, CARD, 4096, MAP, -EINVAL);
	expect_refused(t, &f.card, bus, CARD + 1, 4096, MAP, -EINVAL);
	expect_refused(t, &f.card, bus, CARD, 4000, MAP, -EINVAL);
	expect_refused(t, &f.card, -4096UL, CARD, 8192, MAP, -EINVAL);
	expect_refused(t, &f.card, bus, -4096UL, 8192, MAP, -EINVAL);
	expect_refused(t, &f.card, bus, CARD, -64UL, MAP, -EINVAL);
	expect_refused(t, &f.child, SHIFT - 4096, CARD, 8192, MAP, -EINVAL); /* for the CPU */
	expect_refused(t, &f.child, -4096UL, CARD, 8192, MAP, -EINVAL);
	expect_refused(t, &f.card, ram, CARD, 4096, MAP, -EINVAL);
	expect_refused(t, &f.card, ram - 4096, CARD, 4096 + 64, MAP, -EINVAL);
	expect_refused(t, &f.card, slots, CARD, 4096, MAP, -EINVAL);
	expect_refused(t, &f.card, bus, ram, 4096, MAP, -EINVAL);
	expect_refused(t, &f.card, bus, slots + 64, 4096, MAP, -EINVAL);
	expect_refused(t, &f.child, bus + SHIFT, ram + SHIFT, 4096, MAP, -EINVAL);
	EXPECT_EQ(t, dma_set_coherent_mask(&f.card, CARD + 4094), 0);
	expect_refused(t, &f.card, bus, CARD, 4096, MAP, -EINVAL);
	EXPECT_EQ(t, dma_set_coherent_mask(&f.card, CARD + 4095), 0);
	EXPECT_EQ(t, declare(&f.card, 0, 4096, MAP), MAP);
	EXPECT(t, !f.card.count.lent && !f.sys->declared->next);
}

/* Nothing that the CPU could map is there. */
static void cant_be_mapped(struct ktest *t)
{
	expect_refused(t, &f.card, 1UL << 60, CARD, 4096, MAP, -ENOMEM);
	expect_refused(t, &f.card, 1UL << 60, CARD, 4096, IO, -ENOMEM);
	EXPECT(t, !f.sys->declared);
}

static void overlaps(struct ktest *t)
{
	uint64_t bus = f.bar.base.value;

	EXPECT_EQ(t, declare(&f.card, KIB(64), KIB(64), MAP | FAMILY), MAP);
	EXPECT_EQ(t, declare(&f.card, 0, KIB(64), IO), IO);
	expect_refused(t, &f.card, bus, CARD + MIB(1), 64, MAP, -EBUSY);
	expect_refused(t, &f.other, bus + KIB(128) - 64, CARD, 128, MAP, -EBUSY);
	expect_refused(t, &f.other, bus, CARD, MIB(1), MAP, -EBUSY);
	EXPECT_EQ(t, declare(&f.other, KIB(128), 64, MAP), MAP); /* its device address is its own */
	/* At one address for the declarer. */
	expect_refused(t, &f.card, bus + MIB(1), CARD + KIB(128) - 64, 128, MAP, -EBUSY);
	EXPECT_EQ(t, declare(&f.card, KIB(192), 64, MAP), MAP);
	/* At one address for the child, of which one is its parent's. */
	expect_refused(t, &f.child, bus + MIB(1) + SHIFT, bus + KIB(64) + SHIFT, 64, MAP, -EBUSY);
	EXPECT_EQ(t,
		  dma_declare_coherent_memory(&f.child, dma_addr_of(bus + MIB(1) + SHIFT),
					      dma_addr_of(bus + KIB(256) + SHIFT), 64, MAP),
		  MAP);
	expect_refused(t, &f.card, bus + KIB(256), CARD + KIB(256), 64, MAP | FAMILY, -EBUSY);
	expect_refused(t, &f.card, bus + KIB(256), CARD + KIB(256), 64, MAP, MAP);
}

/* --- release --- */

static void release(struct ktest *t)
{
	struct got own, childs;

	EXPECT_EQ(t, declare(&f.card, 0, KIB(64), MAP | FAMILY), MAP);
	EXPECT_EQ(t, declare(&f.card, KIB(64), KIB(64), MAP | FAMILY), MAP);
	own = get(&f.card, 100);
	childs = get(&f.child, 100);
	EXPECT_EQ(t, dma_release_declared_memory(&f.card), -EBUSY);
	put(&f.card, &own);
	EXPECT_EQ(t, dma_release_declared_memory(&f.card), -EBUSY);
	EXPECT(t, test_is_mapped(childs.cpu));
	EXPECT(t, expect_bar(t, &f.child, &childs));
	EXPECT_EQ(t, dma_release_declared_memory(&f.child), 0); /* it has none */
	put(&f.child, &childs);
	EXPECT_EQ(t, dma_release_declared_memory(&f.card), 0);
	EXPECT(t, !test_is_mapped(childs.cpu));
	EXPECT(t, !test_is_mapped(own.cpu));
	expect_system(t, &f.card, 100);
	expect_system(t, &f.child, 100);
	EXPECT_EQ(t, declare(&f.card, KIB(64), KIB(64), MAP), MAP);
}

/* Each call that Linux died in. */
static void no_device(struct ktest *t)
{
	dma_addr_t handle = {1};

	EXPECT_EQ(t, dma_release_declared_memory(NULL), -EINVAL);
	EXPECT(t, !dma_alloc_coherent(NULL, 64, &handle));
	EXPECT_EQ(t, handle.bus, UINT64_MAX);
	EXPECT(t, dma_io_is_none(dma_alloc_io(NULL, 64, &handle)));
	EXPECT_EQ(t, handle.bus, UINT64_MAX);
	dma_free_coherent(NULL, 64, &handle, handle);
	dma_free_io(NULL, 64, (struct dma_io){64}, handle);
}

/* --- what is given back wrongly --- */

static void wrong_frees(struct ktest *t)
{
	dma_addr_t middle;
	struct got got;

	EXPECT_EQ(t, declare(&f.card, 0, KIB(64), MAP | FAMILY), MAP);
	got = get(&f.child, 300);
	middle = dma_addr_add(got.handle, 64);
	dma_free_coherent(&f.child, 301, got.cpu, got.handle);
	fixture_expect_misuse(t, DMA_MISUSE_SIZE);
	dma_free_coherent(&f.child, 300, got.cpu + 1, got.handle);
	fixture_expect_misuse(t, DMA_MISUSE_CPU_ADDRESS);
	dma_free_coherent(&f.child, 300, got.cpu + 64, middle);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
	dma_free_coherent(&f.grandchild, 300, got.cpu, got.handle);
	fixture_expect_misuse(t, DMA_MISUSE_DEVICE);
	dma_free_coherent(&f.card, 300, got.cpu, dma_addr_of(CARD));
	fixture_expect_misuse(t, DMA_MISUSE_DEVICE);
	dma_unmap_single(&f.child, got.handle, 300, DMA_BIDIRECTIONAL);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
	EXPECT(t, expect_bar(t, &f.child, &got));
	put(&f.child, &got);
	put(&f.child, &got);
	fixture_expect_misuse(t, DMA_MISUSE_UNMAP_INVALID);
}

/* --- the gate --- */

static bool opens(struct dma_device *dev, uint64_t addr, size_t len)
{
	uint64_t refused = dev->count.refused, out = 7;
	bool open = dma_gate(dev, dma_addr_of(addr), len, &out);

	return open && out == addr && dev->count.refused == refused;
}

static void shut(struct ktest *t, struct dma_device *dev, uint64_t addr, size_t len,
		 enum dma_misuse_kind kind)
{
	uint64_t out = 7;

	if (dma_gate(dev, dma_addr_of(addr), len, &out) || out)
		ktest_fail(t, __FILE__, __LINE__, "%s: %#llx+%zu was let through", dev->name,
			   (unsigned long long)addr, len);
	fixture_expect_misuse(t, kind);
}

static void gate_around(struct ktest *t, struct dma_device *dev, const struct got *got)
{
	uint64_t at = got->handle.bus;

	EXPECT(t, opens(dev, at, got->size));
	EXPECT(t, opens(dev, at, 1));
	EXPECT(t, opens(dev, at + got->size - 1, 1));
	EXPECT(t, opens(dev, at + 7, got->size - 7));
	shut(t, dev, at + 7, got->size - 6, DMA_MISUSE_GATE_DECLARED);
	shut(t, dev, at, got->size + 1, DMA_MISUSE_GATE_DECLARED);
	shut(t, dev, at - 1, 2, DMA_MISUSE_GATE_DECLARED);
	shut(t, dev, at + got->size, 1, DMA_MISUSE_GATE_DECLARED);
	shut(t, dev, at, 0, DMA_MISUSE_GATE_LENGTH);
	shut(t, dev, at, -1UL, DMA_MISUSE_GATE_LENGTH);
}

static void gate(struct ktest *t)
{
	uint64_t bus = f.bar.base.value;
	struct got got, childs, third;

	EXPECT_EQ(t, declare(&f.card, 4096, KIB(64), MAP | FAMILY), MAP);
	shut(t, &f.card, CARD + 4096, 64, DMA_MISUSE_GATE_DECLARED);
	shut(t, &f.card, CARD + 4096 - 64, 65, DMA_MISUSE_GATE_DECLARED);
	EXPECT(t, opens(&f.card, CARD + 4096 - 64, 64)); /* not of the region */
	got = get(&f.card, 200);
	childs = get(&f.child, 200);
	third = get(&f.card, 200);
	gate_around(t, &f.card, &third);
	gate_around(t, &f.child, &childs);
	shut(t, &f.card, CARD + 4096 + 256, 200, DMA_MISUSE_GATE_DECLARED); /* the child's */
	shut(t, &f.child, bus + SHIFT + 4096, 200, DMA_MISUSE_GATE_DECLARED);
	shut(t, &f.grandchild, childs.handle.bus, 200, DMA_MISUSE_GATE_DECLARED);
	EXPECT(t, opens(&f.card, got.handle.bus, 200));
	put(&f.card, &got);
	shut(t, &f.card, got.handle.bus, 200, DMA_MISUSE_GATE_DECLARED);
	put(&f.card, &third);
	put(&f.child, &childs);
}

/* Device memory is used by its handle also where streaming DMA doesn't reach. */
static void gate_by_the_coherent_mask(struct ktest *t)
{
	struct got got;

	EXPECT_EQ(t, declare(&f.card, 0, 4096, MAP), MAP);
	got = get(&f.card, 64);
	EXPECT_EQ(t, dma_set_mask(&f.card, CARD - 1), 0);
	EXPECT(t, opens(&f.card, CARD, 64));
	shut(t, &f.card, CARD + 4096, 64, DMA_MISUSE_GATE_REACH);
	put(&f.card, &got);
}

/* --- the short ways --- */

/* They go to where device memory begins, unless there is RAM above that; children's do, too. */
static void short_to_where_it_begins(struct ktest *t)
{
	const struct dma_fixture *dma = t->fixture;
	struct dma_device late;

	add(t, &late, "late0", &f.card);
	EXPECT(t, late.short_end > f.bar.base.value && late.short_bounce);
	EXPECT_EQ(t, declare(&f.card, 4096, 4096, MAP | FAMILY), MAP);
	EXPECT_EQ(t, declare(&f.card, 8192, 4096, MAP | FAMILY), MAP);
	EXPECT_EQ(t, f.card.short_end, CARD + 4096);
	dma_set_bus_limit(&f.other, UINT64_MAX - 1); /* reckoned anew: it is none of its */
	EXPECT_EQ(t, f.other.short_end, UINT64_MAX);
	if (f.bar.base.value > dma->base) {
		EXPECT_EQ(t, late.short_end, f.bar.base.value + 4096);
		EXPECT(t, late.short_bounce && !late.slow);
	}
	EXPECT_EQ(t,
		  dma_declare_coherent_memory(&late, dma_addr_of(f.bar.base.value),
					      dma_addr_of(dma->base - 4096), 4096, MAP),
		  MAP);
	EXPECT(t, !late.short_end && !late.short_bounce);
	dma_set_bus_limit(&late, dma->base - 1);
	EXPECT_EQ(t, late.short_end, dma->base - 4096);
	dma_device_remove(&late);
	EXPECT_EQ(t, dma_release_declared_memory(&f.card), 0);
	EXPECT(t, f.card.short_end > CARD + 4096);
}

/* --- what goes --- */

/* A child that is gone may still write: its pieces are never handed out again. */
static void child_gone(struct ktest *t)
{
	struct dma_device late;
	struct got got, next;

	EXPECT_EQ(t, declare(&f.card, 0, 8192, MAP | FAMILY | ALONE), MAP);
	add(t, &late, "late0", &f.card);
	got = get(&late, 4096);
	EXPECT(t, is_bar(&late, &got));
	dma_device_remove(&late);
	fixture_expect_misuse(t, DMA_MISUSE_LEAK);
	next = get(&f.card, 4096);
	EXPECT_EQ(t, offset_of(&f.card, &next), 4096);
	expect_none(t, &f.card, 64);
	EXPECT_EQ(t, dma_release_declared_memory(&f.card), -EBUSY);
	put(&f.card, &next);
	f.sys->declared->pieces->device = f.card.id; /* so that the case leaves nothing */
	dma_count(&f.card.count.lent, 1);
	dma_free_coherent(&f.card, 4096, got.cpu, dma_addr_of(CARD));
}

/* The device is gone, and its memory with it; what of it is in use stays mapped. */
static void card_gone(struct ktest *t)
{
	struct dma_device late, lates_child;
	struct dma_region *left;
	struct got got;

	add(t, &late, "late0", NULL);
	add(t, &lates_child, "late1", &late);
	EXPECT_EQ(t, declare(&late, 0, 8192, MAP | FAMILY), MAP);
	EXPECT_EQ(t, declare(&late, 8192, 8192, MAP | FAMILY), MAP);
	dma_device_remove(&late);
	EXPECT(t, !f.sys->declared && lates_child.memory == UINT64_MAX);
	add(t, &late, "late0", NULL);
	EXPECT_EQ(t, declare(&late, 0, 8192, MAP | FAMILY), MAP);
	got = get(&lates_child, 64);
	dma_device_remove(&late);
	EXPECT(t, test_is_mapped(got.cpu));
	EXPECT_EQ(t, lates_child.memory, UINT64_MAX);
	expect_system(t, &lates_child, 64);
	expect_refused(t, &f.card, f.bar.base.value, CARD, 4096, MAP, -EBUSY);
	dma_device_remove(&lates_child);
	fixture_expect_misuse(t, DMA_MISUSE_LEAK);
	left = f.sys->declared;
	kfree(f.sys->kmem, left->pieces); /* so that the case leaves nothing */
	left->pieces = NULL;
	left->owner = &f.card;
}

/* --- at random, against a list of what is out --- */

#define MODEL_PIECES 40

struct model {
	struct got got[MODEL_PIECES];
	struct dma_device *dev[MODEL_PIECES];
	uint64_t at[MODEL_PIECES]; /* where in the BAR */
};

/* Each is filled with its number; so who writes to another's is seen there, too. */
static void model_get(struct ktest *t, struct model *m, unsigned i)
{
	size_t size = 1 + ktest_random(t, 1UL << ktest_random(t, 14));

	m->dev[i] = devices[ktest_random(t, OTHER0)];
	m->got[i] = get(m->dev[i], size);
	if (!m->got[i].cpu)
		return;
	m->at[i] = offset_of(m->dev[i], &m->got[i]);
	EXPECT(t, m->at[i] <= KIB(64) - size);
	EXPECT(t, fixture_is_zero(m->got[i].cpu, size));
	for (unsigned n = 0; n < MODEL_PIECES; n++)
		EXPECT(t, n == i || !m->got[n].cpu ||
				  m->at[i] / 64 > (m->at[n] + m->got[n].size - 1) / 64 ||
				  m->at[n] / 64 > (m->at[i] + size - 1) / 64);
	memset(m->got[i].cpu, (int)(i + 1), size);
}

static void model_put(struct ktest *t, struct model *m, unsigned i)
{
	EXPECT(t, opens(m->dev[i], m->got[i].handle.bus, m->got[i].size));
	for (size_t n = 0; n < m->got[i].size; n++)
		EXPECT_EQ(t, bar(m->at[i])[n], i + 1);
	put(m->dev[i], &m->got[i]);
	m->got[i].cpu = NULL;
}

static void model(struct ktest *t)
{
	struct model m = {0};
	size_t bytes = 0;

	EXPECT_EQ(t, declare(&f.card, 0, KIB(64), MAP | FAMILY | ALONE), MAP);
	for (unsigned step = 0; step < 3000 && !t->failed; step++) {
		unsigned i = (unsigned)ktest_random(t, MODEL_PIECES);

		if (m.got[i].cpu)
			model_put(t, &m, i);
		else
			model_get(t, &m, i);
		bytes = 0;
		for (unsigned n = 0; n < MODEL_PIECES; n++)
			bytes += m.got[n].cpu ? m.got[n].size : 0;
		EXPECT_EQ(t, f.sys->declared->used, bytes);
	}
	for (unsigned i = 0; i < MODEL_PIECES; i++)
		if (m.got[i].cpu)
			model_put(t, &m, i);
}

static const struct ktest_case cases[] = {
	{"interrupted", interrupted},
	{"interrupted_release", interrupted_release},
	{"granted_mode", granted_mode},
	{"handles", handles},
	{"declarer_behind_an_offset", declarer_behind_an_offset},
	{"own_then_parents_then_system", own_then_parents_then_system},
	{"children_not_included", children_not_included},
	{"children_that_come_later", children_that_come_later},
	{"tightest_first", tightest_first},
	{"exclusive", exclusive},
	{"by_the_childs_mask", by_the_childs_mask},
	{"by_the_bridges_window", by_the_bridges_window},
	{"by_two_bridges", by_two_bridges},
	{"said_once_a_device", said_once_a_device},
	{"crooked_offset", crooked_offset},
	{"system_memory", system_memory},
	{"below_the_childs_window", below_the_childs_window},
	{"fills_to_the_last_unit", fills_to_the_last_unit},
	{"bytes_are_bytes", bytes_are_bytes},
	{"nine_of_thirty", nine_of_thirty},
	{"alignment", alignment},
	{"gaps", gaps},
	{"no_bytes", no_bytes},
	{"pool_of_it", pool_of_it},
	{"io_memory", io_memory},
	{"io_exclusive", io_exclusive},
	{"occupied", occupied},
	{"occupied_wrongly", occupied_wrongly},
	{"bad_input", bad_input},
	{"cant_be_mapped", cant_be_mapped},
	{"overlaps", overlaps},
	{"release", release},
	{"no_device", no_device},
	{"wrong_frees", wrong_frees},
	{"gate", gate},
	{"gate_by_the_coherent_mask", gate_by_the_coherent_mask},
	{"short_to_where_it_begins", short_to_where_it_begins},
	{"child_gone", child_gone},
	{"card_gone", card_gone},
	{"model", model},
	{NULL, NULL},
};

extern const struct ktest_suite declared_suite;
const struct ktest_suite declared_suite = {"declared", begin, end, cases};
