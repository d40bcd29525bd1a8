/* SPDX-License-Identifier: MIT */
/* Pools of small blocks: layout, exhaustion, every wrong free, and blocks that come and go. */
#include "dma/pool.h"
#include "tests/unit/dma_fixture.h"

#define BLOCKS 1024

static struct block {
	uint8_t *cpu;
	dma_addr_t handle;
} * blocks; /* so many, in the arena */

static struct arena arena;

static uint64_t free_bytes;

static void begin(struct ktest *t)
{
	if (!arena_get(&arena, GIB(8), BLOCKS * sizeof(*blocks), PAGE_SIZE)) {
		ktest_skip(t, "no memory for the list of blocks");
		return;
	}
	blocks = port_phys_to_virt(arena.base);
	dma_fixture_begin(t);
	if (t->skip[0])
		arena_put(&arena);
	else
		free_bytes = fixture_free_bytes(t->fixture);
}

static void end(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;

	if (!t->failed)
		EXPECT_EQ(t, fixture_free_bytes(f), free_bytes);
	dma_fixture_end(t);
	arena_put(&arena);
}

static bool get(struct ktest *t, struct dma_pool *pool, struct dma_device *dev, struct block *b)
{
	b->cpu = dma_pool_alloc(pool, &b->handle);
	if (b->cpu)
		EXPECT(t, fixture_device_view(dev, b->handle) == b->cpu);
	else
		EXPECT_EQ(t, b->handle.bus, UINT64_MAX);
	return b->cpu;
}

static void put(struct dma_pool *pool, const struct block *b)
{
	dma_pool_free(pool, b->cpu, b->handle);
}

/* Each block is where it was asked to be, and its bytes are nobody else's. */
static void layout(struct ktest *t)
{
	static const struct {
		size_t size, align, boundary, page, in_page; /* bytes of memory, blocks in it */
	} table[] = {
		{64, 0, 0, 4096, 64},	    {1, 0, 0, 4096, 64},	 {4, 4, 4, 4096, 64},
		{65, 0, 0, 4096, 56},	    {96, 32, 0, 4096, 42},	 {100, 64, 0, 4096, 32},
		{96, 0, 512, 4096, 32},	    {96, 32, 4096, 4096, 42},	 {96, 32, 128, 4096, 32},
		{640, 128, 1024, 4096, 4},  {2048, 2048, 2048, 4096, 2}, {1500, 0, 0, 4096, 2},
		{2049, 0, 0, 4096, 1},	    {4096, 0, 4096, 4096, 1},	 {4097, 0, 0, 8192, 1},
		{4104, 8192, 0, 8192, 1},   {9000, 16, 16384, 12288, 1}, {8, 256, 0, 4096, 16},
		{16384, 4096, 0, 16384, 1}, {20000, 8192, 0, 24576, 1},
	};
	struct dma_fixture *f = t->fixture;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		size_t size = table[i].size, n = table[i].in_page + 1;
		struct dma_pool *pool = dma_pool_create("layout", &f->tight, size, table[i].align,
							table[i].boundary);

		REQUIRE(t, pool);
		for (size_t k = 0; k < n; k++) {
			uint64_t bus;

			REQUIRE(t, get(t, pool, &f->tight, &blocks[k]));
			bus = blocks[k].handle.bus;
			EXPECT(t, table[i].align == 0 || bus % table[i].align == 0);
			EXPECT(t, table[i].boundary == 0 ||
					  !dma_range_crosses(bus, size, table[i].boundary - 1));
			EXPECT(t, dma_range_within(bus, size, f->base + FIXTURE_POOL - 1));
			fixture_fill(blocks[k].cpu, size, (uint8_t)k);
			/* its memory, and the next with the last block */
			if (fixture_free_bytes(f) + f->kmem.pages * PAGE_SIZE !=
			    free_bytes - table[i].page * (1 + (k == n - 1)))
				ktest_fail(t, __FILE__, __LINE__, "row %zu, block %zu", i, k);
		}
		for (size_t k = 0; k < n; k++)
			EXPECT(t, fixture_is(blocks[k].cpu, size, (uint8_t)k));
		for (size_t k = 0; k < n; k++)
			put(pool, &blocks[k]);
		dma_pool_destroy(pool);
	}
}

static void contradictions(struct ktest *t)
{
	static const struct {
		size_t size, align, boundary;
	} table[] = {{0, 0, 0},		 {64, 3, 0},	   {64, 0, 96},	       {65, 0, 64},
		     {64, 128, 64},	 {SIZE_MAX, 0, 0}, {MIB(4) + 1, 0, 0}, {64, MIB(8), 0},
		     {64, 1UL << 63, 0}, {4097, 0, 4096}};
	struct dma_fixture *f = t->fixture;

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		EXPECT(t, !dma_pool_create("no", &f->near, table[i].size, table[i].align,
					   table[i].boundary));
	EXPECT(t, !dma_pool_create("no", NULL, 64, 0, 0));
	dma_pool_destroy(NULL);
}

static void zeroed(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_pool *pool = dma_pool_create("zeroed", &f->tight, 100, 0, 0);

	REQUIRE(t, pool && get(t, pool, &f->tight, &blocks[0]));
	memset(blocks[0].cpu, 0xee, 104);
	put(pool, &blocks[0]);
	blocks[0].cpu = dma_pool_zalloc(pool, &blocks[0].handle);
	REQUIRE(t, blocks[0].cpu);
	EXPECT(t, fixture_is_zero(blocks[0].cpu, 100));
	put(pool, &blocks[0]);
	dma_pool_destroy(pool);
}

/* As many as there is memory for, then none; after one came back, one. */
static void exhaustion(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_pool *pool = dma_pool_create("exhaustion", &f->tight, 256, 0, 0);
	size_t n = 0;

	REQUIRE(t, pool);
	while (n < BLOCKS && get(t, pool, &f->tight, &blocks[n]))
		n++;
	EXPECT(t, n > 800 && n < BLOCKS && n % 16 == 0);
	EXPECT_EQ(t, dma_last_failure(&f->tight), DMA_FAIL_EXHAUSTED);
	for (size_t i = 0; i < n; i += 97) {
		put(pool, &blocks[i]);
		EXPECT(t, get(t, pool, &f->tight, &blocks[i]));
		EXPECT(t, !dma_pool_alloc(pool, &blocks[n].handle));
	}
	while (n)
		put(pool, &blocks[--n]);
	dma_pool_destroy(pool);
	/* not even the first page, or the pool itself */
	while (n < BLOCKS &&
	       (blocks[n].cpu = dma_alloc_coherent(&f->tight, 4096, &blocks[n].handle)))
		n++;
	EXPECT(t, !dma_pool_create("no", &f->tight, 64, 0, 0));
	while (n--)
		dma_free_coherent(&f->tight, 4096, blocks[n].cpu, blocks[n].handle);
}

/* Slots of the swiotlb serve as pages do. */
static void of_slots(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_pool *pages = dma_pool_create("pages", &f->tight, 4096, 0, 0);
	struct dma_pool *pool = dma_pool_create("slots", &f->near, 2048, 0, 0);
	size_t n = 0;

	REQUIRE(t, pages && pool);
	while (n < 900 && get(t, pages, &f->tight, &blocks[n]))
		n++;
	for (size_t i = 900; i < 910; i++)
		EXPECT(t, get(t, pool, &f->near, &blocks[i]));
	EXPECT(t, dma_level_now(&f->pool.used) >= 8);
	for (size_t i = 900; i < 910; i++)
		put(pool, &blocks[i]);
	while (n)
		put(pages, &blocks[--n]);
	dma_pool_destroy(pool);
	dma_pool_destroy(pages);
}

static void expect_misuse(struct ktest *t, struct dma_pool *pool, const struct block *b,
			  int64_t cpu, int64_t bus, enum dma_misuse_kind kind)
{
	dma_pool_free(pool, b->cpu + cpu, dma_addr_add(b->handle, (uint64_t)bus));
	fixture_expect_misuse(t, kind);
}

/* Of the page that a block was last given back to, and of another. */
static void wrong_frees(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_pool *pool = dma_pool_create("mine", &f->near, 1000, 0, 0);
	struct dma_pool *other = dma_pool_create("other", &f->near, 1000, 0, 0);
	struct dma_pool *stranger = dma_pool_create("stranger", &f->near2, 1000, 0, 0);

	REQUIRE(t, pool && other && stranger);
	for (size_t i = 0; i < 9; i++) /* of pages of 4 */
		REQUIRE(t, get(t, pool, &f->near, &blocks[i]));
	REQUIRE(t, get(t, other, &f->near, &blocks[9]) && get(t, stranger, &f->near2, &blocks[10]));
	for (size_t i = 0; i < 9; i += 4) {
		const struct block *b = &blocks[i];
		int64_t to_other = (int64_t)(blocks[i ? i - 1 : 1].handle.bus - b->handle.bus);

		expect_misuse(t, pool, b, 1, 1, DMA_MISUSE_POOL_BLOCK);
		expect_misuse(t, pool, b, 8, 8, DMA_MISUSE_POOL_BLOCK);
		expect_misuse(t, pool, b, 1, 0, DMA_MISUSE_CPU_ADDRESS);
		expect_misuse(t, pool, b, 0, 1, DMA_MISUSE_CPU_ADDRESS);
		expect_misuse(t, pool, b, 0, to_other, DMA_MISUSE_CPU_ADDRESS);
		expect_misuse(t, pool, b, 0, (int64_t)GIB(1), DMA_MISUSE_POOL_BLOCK);
		expect_misuse(t, pool, b, 0, (int64_t)(UINT64_MAX - b->handle.bus),
			      DMA_MISUSE_POOL_BLOCK);
		expect_misuse(t, other, b, 0, 0, DMA_MISUSE_POOL_BLOCK);
		expect_misuse(t, stranger, b, 0, 0, DMA_MISUSE_POOL_BLOCK);
		dma_free_coherent(&f->near, 1000, b->cpu, b->handle);
		fixture_expect_misuse(t, b->handle.bus % PAGE_SIZE ? DMA_MISUSE_UNMAP_INVALID
								   : DMA_MISUSE_SIZE);
	}
	for (size_t i = 0; i < 9; i++) {
		put(pool, &blocks[i]);
		expect_misuse(t, pool, &blocks[i], 0, 0, DMA_MISUSE_POOL_BLOCK); /* once more */
	}
	/* what is behind the last block of a page, and a page of exactly one block */
	blocks[0].cpu = (uint8_t *)((uintptr_t)blocks[0].cpu & ~(PAGE_SIZE - 1)) + 4000;
	blocks[0].handle.bus = ALIGN_DOWN(blocks[0].handle.bus, PAGE_SIZE) + 4000;
	expect_misuse(t, pool, &blocks[0], 0, 0, DMA_MISUSE_POOL_BLOCK);
	put(other, &blocks[9]);
	put(stranger, &blocks[10]);
	dma_pool_destroy(pool);
	dma_pool_destroy(other);
	dma_pool_destroy(stranger);
}

/* A block that is all of a page isn't that page. */
static void whole_page(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_pool *pool = dma_pool_create("whole", &f->near, 4096, 0, 0);
	uint64_t out;

	REQUIRE(t, pool && get(t, pool, &f->near, &blocks[0]));
	/* all of it is the device's to use, whatever its mappings reach */
	EXPECT_EQ(t, dma_set_mask(&f->near, f->base + PAGE_SIZE - 1), 0);
	EXPECT(t, blocks[0].handle.bus > f->near.reach);
	EXPECT(t, dma_gate(&f->near, blocks[0].handle, 4096, &out));
	EXPECT(t, dma_gate(&f->near, dma_addr_add(blocks[0].handle, 4095), 1, &out));
	dma_free_coherent(&f->near, 4096, blocks[0].cpu, blocks[0].handle);
	fixture_expect_misuse(t, DMA_MISUSE_FUNCTION);
	dma_free_coherent(&f->near, 4095, blocks[0].cpu, blocks[0].handle);
	fixture_expect_misuse(t, DMA_MISUSE_SIZE);
	put(pool, &blocks[0]);
	dma_pool_destroy(pool);
}

/* Pages with blocks that are out stay where they are, and with the device. */
static void left_blocks(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_pool *pool = dma_pool_create("left", &f->near, 2048, 0, 0);

	REQUIRE(t, pool);
	for (size_t i = 0; i < 6; i++)
		REQUIRE(t, get(t, pool, &f->near, &blocks[i]));
	for (size_t i = 1; i < 5; i++)
		put(pool, &blocks[i]);
	dma_pool_destroy(pool);
	fixture_expect_misuse(t, DMA_MISUSE_POOL_LEFT);
	EXPECT_EQ(t, f->near.count.lent, 2);
	EXPECT_EQ(t, fixture_free_bytes(f), free_bytes - 2 * PAGE_SIZE);
	for (size_t i = 0; i < 6; i += 5) {
		uint64_t page = ALIGN_DOWN(blocks[i].handle.bus, PAGE_SIZE);

		dma_free_attrs(&f->near, PAGE_SIZE, port_phys_to_virt(phys(page)),
			       (dma_addr_t){page}, DMA_ATTR_POOL);
	}
}

/* A device that is gone keeps its pages, also after its pools. */
static void removed_device(struct ktest *t)
{
	struct dma_fixture *f = t->fixture;
	struct dma_device gone;
	struct dma_pool *pool;
	uint64_t page;

	EXPECT_EQ(t, dma_device_add(&f->sys, &gone, "gone0", NULL), 0);
	pool = dma_pool_create("gone", &gone, 4096, 0, 0);
	REQUIRE(t, pool && get(t, pool, &f->near, &blocks[0]));
	page = blocks[0].handle.bus;
	dma_device_remove(&gone);
	fixture_expect_misuse(t, DMA_MISUSE_LEAK);
	put(pool, &blocks[0]);
	REQUIRE(t, get(t, pool, &f->near, &blocks[0]));
	EXPECT(t, !dma_pool_alloc(pool, &blocks[1].handle));
	put(pool, &blocks[0]);
	dma_pool_destroy(pool);
	EXPECT_EQ(t, fixture_free_bytes(f), free_bytes - PAGE_SIZE);
	/* A machine would keep it; the fixture is to end clean. */
	ledger_drop(&f->sys.lent, &f->zones, ledger_find(&f->sys.lent, page));
	pages_free(&f->zones, phys(page), 0);
}

/* Random blocks come and go; no two that are out overlap, which their bytes tell. */
static void comes_and_goes(struct ktest *t)
{
	static const size_t sizes[] = {64, 72, 500, 1024, 4096};
	struct dma_fixture *f = t->fixture;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i], most = size < 160 ? BLOCKS : KIB(160) / size;
		struct dma_pool *pool = dma_pool_create("random", &f->tight, size, 0, 0);

		REQUIRE(t, pool);
		memset(blocks, 0, BLOCKS * sizeof(*blocks));
		for (unsigned step = 0; step < 8 * most; step++) {
			size_t k = ktest_random(t, most);
			struct block *b = &blocks[k];

			if (!b->cpu) {
				REQUIRE(t, get(t, pool, &f->tight, b));
				fixture_fill(b->cpu, size, (uint8_t)(k * 3));
				continue;
			}
			EXPECT(t, fixture_is(b->cpu, size, (uint8_t)(k * 3)));
			put(pool, b);
			b->cpu = NULL;
		}
		for (size_t k = 0; k < most; k++)
			if (blocks[k].cpu)
				put(pool, &blocks[k]);
		dma_pool_destroy(pool);
	}
}

static const struct ktest_case cases[] = {
	{"layout", layout},
	{"contradictions", contradictions},
	{"zeroed", zeroed},
	{"exhaustion", exhaustion},
	{"of_slots", of_slots},
	{"wrong_frees", wrong_frees},
	{"whole_page", whole_page},
	{"left_blocks", left_blocks},
	{"removed_device", removed_device},
	{"comes_and_goes", comes_and_goes},
	{NULL, NULL},
};

extern const struct ktest_suite pool_suite;
const struct ktest_suite pool_suite = {"pool", begin, end, cases};
