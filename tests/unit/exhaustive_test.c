/* SPDX-License-Identifier: MIT */
/*
 * Every sequence of map, unmap and sync, up to a depth, on a pool of 8 slots,
 * under every mask and alignment, against a model that knows of each slot
 * whether it is taken and of each mapping which bytes are where.
 *
 *	0           16K         64K            256K      512K       1M
 *	|  pool     |           |  buffers     |  ours   |  zones   |
 *	^ window of the device ^
 *
 * At each step: map any of the sizes in the next direction; unmap, or sync any
 * mapping (for the CPU, for the device; all of it, or its middle). A sync, or a
 * map that fails, is found to leave all bookkeeping as it was, byte for byte; so
 * what may follow is what may follow without it, and is counted, not run again.
 * The zones lie out of reach, so that there are no transient slots.
 */
#include "dma/dma.h"
#include "tests/arena.h"
#include "tests/ktest.h"

#define SLOTS	   8
#define POOL_BYTES (SLOTS * SWIOTLB_SLOT)
#define BUFFERS	   KIB(64)
#define BUFFER	   KIB(16)
#define OURS	   KIB(256)
#define ZONES	   KIB(512)
#define SIZE	   MIB(1)
#define WISH	   MIB(160) /* above 16 MiB, and low, as kmem and bookkeeping like it */
#define DEEPEST	   6

/* Buffers by where they begin, in their 16 KiB, and length. */
static const struct {
	uint32_t at, len;
} sizes[] = {{0x2fff, 1}, {0x1000, 2048}, {0x0a34, 2049}, {0x17c0, 5000}};

#define KINDS	ARRAY_SIZE(sizes)
#define LONGEST 5000

static const uint32_t aligns[] = {0, 0x1ff, 0x3ff, 0x7ff, 0xfff, 0x1fff, 0x3fff, 0x7fff};

/* The device's window, as bytes of the pool. */
struct window {
	uint64_t first, last;
};

struct mapping {
	dma_addr_t addr;
	uint64_t start; /* of its bounce memory, in the pool */
	unsigned kind, buffer;
	enum dma_data_direction dir;
};

/* What a step may change, but for the memory itself. */
struct state {
	struct swiotlb pool;
	uint64_t metadata[2 * SLOTS + 4];
	struct dma_device dev;
	uint8_t taken; /* the model: a bit a slot */
	unsigned live, maps;
	struct mapping mapping[DEEPEST];
};

static struct arena arena;

/* In the arena, since it is large. */
static struct {
	struct ktest *t;
	struct memmap map;
	struct zones zones;
	struct kmem kmem;
	struct dma_system sys;
	struct window window;
	uint32_t align;
	uint64_t run; /* sequences that were run */
	struct state now;
	struct state before[DEEPEST + 1]; /* of a step, by the depth that is left */
	/* Bytes that say where they belong: those of a buffer, and those that a device writes. */
	uint8_t plain[DEEPEST * 64 + LONGEST], written[DEEPEST * 64 + LONGEST];
} * x;

/* How many sequences of up to so many steps there are from a state. */
struct tally {
	uint64_t n[DEEPEST + 1];
};

static bool build_zones(uint64_t seed)
{
	memmap_init(&x->map, UINT64_MAX);
	memmap_add(&x->map, arena.base.value + ZONES, SIZE - ZONES, true);
	if (memmap_seal(&x->map) || pages_init(&x->zones, &x->map, seed))
		return false;
	kmem_init(&x->kmem, &x->zones);
	return true;
}

static void begin(struct ktest *t)
{
	if (!arena_get(&arena, WISH, SIZE, KIB(64))) {
		ktest_skip(t, "no %llu KiB of memory", (unsigned long long)SIZE >> 10);
		return;
	}
	x = port_phys_to_virt(phys_add(arena.base, OURS));
	x->t = t;
	if (!build_zones(t->seed)) {
		arena_put(&arena);
		ktest_skip(t, "no low memory for private zones");
		return;
	}
	for (size_t i = 0; i < sizeof(x->plain); i++) {
		x->plain[i] = (uint8_t)(i * 7 + (i >> 8) * 13);
		x->written[i] = (uint8_t)~x->plain[i];
	}
}

static void end(struct ktest *t)
{
	arena_put(&arena);
}

static uint8_t *memory(uint64_t at)
{
	return port_phys_to_virt(phys_add(arena.base, at));
}

static uint64_t buffer_of(const struct mapping *m)
{
	return BUFFERS + m->buffer * BUFFER + sizes[m->kind].at;
}

static size_t length_of(const struct mapping *m)
{
	return sizes[m->kind].len;
}

/* Between steps the buffer has its plain bytes, and the device has written all of its own. */
static void settle(const struct mapping *m)
{
	memcpy(memory(buffer_of(m)), x->plain + m->buffer * 64, length_of(m));
	memcpy(memory(m->start), x->written + m->buffer * 64, length_of(m));
}

static bool has(uint64_t at, const uint8_t *bytes, const struct mapping *m, size_t from, size_t len)
{
	return memcmp(memory(at) + from, bytes + m->buffer * 64 + from, len) == 0;
}

/* No step has touched what isn't its own. */
static void expect_all_settled(void)
{
	for (unsigned i = 0; i < x->now.live; i++) {
		const struct mapping *m = &x->now.mapping[i];

		EXPECT(x->t, has(buffer_of(m), x->plain, m, 0, length_of(m)));
		EXPECT(x->t, has(m->start, x->written, m, 0, length_of(m)));
	}
}

static uint8_t slots_of(uint64_t start, size_t len)
{
	unsigned first = (unsigned)(start >> SWIOTLB_SHIFT);
	unsigned last = (unsigned)((start + len - 1) >> SWIOTLB_SHIFT);

	return (uint8_t)((2U << last) - (1U << first));
}

/* A place for a mapping, were it to begin in slot i. */
struct place {
	uint8_t slots;
	bool reached; /* all of it is in the window, and in the pool */
	bool aligned;
};

static struct place place_at(unsigned i, const struct mapping *m, const struct window *window)
{
	uint64_t shift = -(arena.base.value + x->window.first); /* from physical to bus */
	uint64_t original = arena.base.value + buffer_of(m), length = length_of(m);
	uint64_t offset = (original - shift) & x->align & (SWIOTLB_SLOT - 1);
	uint64_t start = i * SWIOTLB_SLOT + offset;

	return (struct place){
		.slots = slots_of(start, length),
		.reached = start >= window->first && start + length - 1 <= window->last &&
			   start + length <= POOL_BYTES,
		.aligned = !((arena.base.value + start + shift - original) & x->align),
	};
}

/* With the slots in `taken` taken, is there a place? In *any the slots it could be in, aligned or
 * not. */
static bool fits(const struct mapping *m, const struct window *window, uint8_t taken, uint8_t *any)
{
	bool found = false;

	*any = 0;
	for (unsigned i = 0; i < SLOTS; i++) {
		struct place place = place_at(i, m, window);

		if (!place.reached)
			continue;
		*any |= place.slots;
		found |= place.aligned && !(place.slots & taken);
	}
	return found;
}

static unsigned count(unsigned slots)
{
	unsigned n = 0;

	for (; slots; slots &= slots - 1)
		n++;
	return n;
}

static enum dma_failure why_not(const struct mapping *m)
{
	static const struct window all = {0, POOL_BYTES - 1};
	unsigned need = count(place_at(0, m, &all).slots);
	uint8_t any;

	if (!fits(m, &all, 0, &any))
		return DMA_FAIL_TOO_BIG;
	if (!fits(m, &x->window, 0, &any))
		return DMA_FAIL_OUT_OF_MASK;
	if (fits(m, &x->window, x->now.taken, &any))
		return DMA_FAIL_NONE;
	any &= (uint8_t)~x->now.taken;
	return count(any) < need ? DMA_FAIL_EXHAUSTED : DMA_FAIL_FRAGMENTED;
}

static void expect_failure(const struct mapping *m)
{
	enum dma_failure want = why_not(m), got = dma_last_failure(&x->now.dev);

	if (want != got)
		ktest_fail(x->t, __FILE__, __LINE__, "kind %u, slots %#x taken: %s, not %s",
			   m->kind, x->now.taken, dma_failure_name(got), dma_failure_name(want));
}

/* The mapping is where it may be, and what it holds is copied in. */
static void expect_mapped(struct mapping *m)
{
	uint64_t bits = (m->addr.bus - arena.base.value - buffer_of(m)) & x->align;
	struct place place;

	m->start = dma_to_phys(&x->now.dev.limits, m->addr).value - arena.base.value;
	place = place_at((unsigned)(m->start >> SWIOTLB_SHIFT), m, &x->window);
	EXPECT_EQ(x->t, bits, 0);
	EXPECT(x->t, place.reached);
	EXPECT(x->t, m->start + length_of(m) <= POOL_BYTES);
	EXPECT_EQ(x->t, place.slots, slots_of(m->start, length_of(m)));
	EXPECT_EQ(x->t, x->now.taken & place.slots, 0);
	EXPECT(x->t, has(m->start, x->plain, m, 0, length_of(m)));
	EXPECT(x->t, has(buffer_of(m), x->plain, m, 0, length_of(m)));
	x->now.taken |= place.slots;
}

static bool step_map(unsigned kind)
{
	struct mapping *m = &x->now.mapping[x->now.live];

	*m = (struct mapping){
		.kind = kind, .buffer = x->now.maps, .dir = (kind + x->now.maps + x->now.live) % 3};
	memcpy(memory(buffer_of(m)), x->plain + m->buffer * 64, length_of(m));
	m->addr = dma_map_phys(&x->now.dev, phys_add(arena.base, buffer_of(m)), length_of(m),
			       m->dir, DMA_ATTR_NO_WARN);
	if (dma_mapping_error(&x->now.dev, m->addr)) {
		expect_failure(m);
		expect_all_settled();
		return false;
	}
	expect_mapped(m);
	x->now.maps++;
	x->now.live++;
	settle(m);
	return true;
}

static void step_unmap(unsigned i)
{
	struct mapping m = x->now.mapping[i];

	dma_unmap_phys(&x->now.dev, m.addr, length_of(&m), m.dir, 0);
	EXPECT(x->t, has(buffer_of(&m), m.dir == DMA_TO_DEVICE ? x->plain : x->written, &m, 0,
			 length_of(&m)));
	x->now.mapping[i] = x->now.mapping[--x->now.live];
	x->now.taken &= (uint8_t)~slots_of(m.start, length_of(&m));
}

/* Of the mapping [from, from + len) is synced: those bytes follow, and none else. */
static void expect_sync(struct mapping *m, size_t from, size_t len, bool for_cpu)
{
	dma_addr_t at = dma_addr_add(m->addr, from);
	size_t behind = from + len, rest = length_of(m) - behind;
	bool copies = m->dir != (for_cpu ? DMA_TO_DEVICE : DMA_FROM_DEVICE);
	bool out = for_cpu && copies, in = !for_cpu && copies;

	if (for_cpu)
		dma_sync_single_for_cpu(&x->now.dev, at, len, m->dir);
	else
		dma_sync_single_for_device(&x->now.dev, at, len, m->dir);
	EXPECT(x->t, has(buffer_of(m), x->plain, m, 0, from));
	EXPECT(x->t, has(buffer_of(m), out ? x->written : x->plain, m, from, len));
	EXPECT(x->t, has(buffer_of(m), x->plain, m, behind, rest));
	EXPECT(x->t, has(m->start, x->written, m, 0, from));
	EXPECT(x->t, has(m->start, in ? x->plain : x->written, m, from, len));
	EXPECT(x->t, has(m->start, x->written, m, behind, rest));
	settle(m);
}

/* Is the pool as it was, but for what was counted? */
static bool same_pool(struct state *before)
{
	before->pool.used = x->now.pool.used;
	memcpy(before->pool.refused, x->now.pool.refused, sizeof(before->pool.refused));
	return memcmp(&before->pool, &x->now.pool, sizeof(before->pool)) == 0 &&
	       memcmp(before->metadata, x->now.metadata, sizeof(before->metadata)) == 0;
}

/* All syncs there are; returns how many. */
static unsigned sync_all(struct state *before)
{
	for (unsigned i = 0; i < x->now.live; i++) {
		struct mapping *m = &x->now.mapping[i];
		size_t third = length_of(m) / 3;

		for (unsigned for_cpu = 0; for_cpu < 2; for_cpu++) {
			expect_sync(m, 0, length_of(m), for_cpu);
			expect_sync(m, third, length_of(m) - 2 * third, for_cpu);
		}
	}
	expect_all_settled();
	EXPECT(x->t, same_pool(before));
	return 4 * x->now.live;
}

static struct tally explore(unsigned depth);

/* One step was done from `before`: what follows it, counted, and back. */
static void follow(struct tally *sum, const struct state *before, unsigned depth)
{
	struct tally tally;

	swiotlb_validate(&x->now.pool);
	EXPECT_EQ(x->t, dma_level_now(&x->now.pool.used), count(x->now.taken));
	EXPECT_EQ(x->t, x->now.dev.count.live, x->now.live);
	tally = explore(depth - 1);
	expect_all_settled();
	for (unsigned d = 1; d <= depth; d++)
		sum->n[d] += tally.n[d - 1];
	x->now = *before;
	for (unsigned i = 0; i < x->now.live; i++)
		settle(&x->now.mapping[i]);
}

/* From x->now, which it leaves as it was, all that may follow in `depth` steps. */
static struct tally explore(unsigned depth)
{
	struct tally sum = {{1, 1, 1, 1, 1, 1, 1}};
	struct state *before = &x->before[depth];
	unsigned same;

	x->run++;
	if (depth == 0 || x->t->failed)
		return sum;
	*before = x->now;
	same = sync_all(before);
	for (unsigned kind = 0; kind < KINDS; kind++) {
		if (step_map(kind) || !same_pool(before))
			follow(&sum, before, depth);
		else
			same++;
	}
	for (unsigned i = 0; i < before->live; i++) {
		step_unmap(i);
		follow(&sum, before, depth);
	}
	for (unsigned d = 1; d <= depth; d++)
		sum.n[d] += same * sum.n[d - 1];
	return sum;
}

static uint64_t explore_device(const struct window *window, uint32_t align, bool magazines,
			       unsigned depth)
{
	struct dma_device *dev = &x->now.dev;
	uint64_t base = arena.base.value;
	struct tally tally;

	x->window = *window;
	x->align = align;
	x->now = (struct state){0};
	swiotlb_init(&x->now.pool, arena.base, SLOTS, x->now.metadata);
	swiotlb_cache(&x->now.pool, magazines);
	dma_system_init(&x->sys, &x->zones, &x->kmem, &x->now.pool);
	EXPECT_EQ(x->t, dma_device_add(&x->sys, dev, "small0", NULL), 0);
	dma_set_bus_offset(dev, -(int64_t)(base + window->first));
	dma_set_bus_limit(dev, window->last - window->first);
	if (align)
		EXPECT_EQ(x->t, dma_set_min_align_mask(dev, align), 0);
	tally = explore(depth);
	dma_device_remove(dev);
	return tally.n[depth];
}

/*
 * Each window from `first` on that ends at a multiple of `granule`, with each
 * alignment. Returns how many devices those are.
 */
static unsigned explore_windows(uint64_t first, uint64_t granule, bool magazines, unsigned depth,
				uint64_t *all)
{
	unsigned devices = 0;

	for (uint64_t last = first + granule; last <= POOL_BYTES; last += granule) {
		for (size_t a = 0; a < ARRAY_SIZE(aligns) && !x->t->failed; a++) {
			struct window window = {first, last - 1};

			*all += explore_device(&window, aligns[a], magazines, depth);
			devices++;
		}
	}
	return devices;
}

/* To the full depth only where there is time: on the host. */
static void every_sequence(struct ktest *t)
{
	bool all_of_them = ktest_steps(0) >= 1000000;
	unsigned depth = all_of_them ? DEEPEST : DEEPEST / 2, devices;
	uint64_t granule = all_of_them ? KIB(1) : KIB(3), all = 0;

	EXPECT(t, swiotlb_metadata_size(SLOTS) <= sizeof(x->now.metadata));
	devices = explore_windows(0, granule, true, depth, &all);
	devices += explore_windows(0, granule, false, depth, &all);
	devices += explore_windows(KIB(5), granule, true, depth, &all);
	ktest_say("%llu sequences of up to %u steps, for %u devices; %llu of them were run, the "
		  "others are these with syncs and refusals between",
		  (unsigned long long)all, depth, devices, (unsigned long long)x->run);
}

static const struct ktest_case cases[] = {
	{"every_sequence", every_sequence},
	{NULL, NULL},
};

extern const struct ktest_suite exhaustive_suite;
const struct ktest_suite exhaustive_suite = {"exhaustive", begin, end, cases};
