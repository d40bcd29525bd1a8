/* SPDX-License-Identifier: MIT */
/*
 * NVMe's pure parts: what controllers say of themselves, rings with controllers
 * that lie, and PRPs held against a naive model.
 */
#include "drivers/nvme_parse.h"
#include "drivers/nvme_ring.h"
#include "kernel/string.h"
#include "tests/arena.h"
#include "tests/ktest.h"

static struct device_memory {
	struct nvme_sqe sq[NVME_ENTRIES];
	struct nvme_cqe cq[NVME_ENTRIES];
	uint64_t list[NVME_LIST_MOST + 1]; /* and who writes beyond */
	uint8_t page[NVME_PAGE];
} * m; /* in the arena */

static struct arena arena;

static void begin(struct ktest *t)
{
	if (arena_get(&arena, MIB(64), sizeof(*m), PAGE_SIZE))
		m = port_phys_to_virt(arena.base);
	else
		ktest_skip(t, "no memory for a device");
}

static void end(struct ktest *t)
{
	arena_put(&arena);
}

/* --- what is said --- */

static void capability(struct ktest *t)
{
	const uint64_t good = 0x4008200f0107ff; /* QEMU's */
	struct nvme_capability c;

	EXPECT(t, !nvme_parse_capability(good, &c));
	EXPECT_EQ(t, c.entries, 2048);
	EXPECT_EQ(t, c.stride, 4);
	EXPECT_EQ(t, c.ready_ns, 8000000000);
	EXPECT(t, !c.has_cmbmsc);
	EXPECT(t, !nvme_parse_capability(good | 1ULL << 57 | 15ULL << 32 | 0xffULL << 24, &c));
	EXPECT_EQ(t, c.stride, 4 << 15);
	EXPECT_EQ(t, c.ready_ns, 128000000000);
	EXPECT(t, c.has_cmbmsc);
	EXPECT(t, nvme_parse_capability(good & ~(1ULL << 37), &c)); /* no NVM commands */
	EXPECT(t, nvme_parse_capability(good | 1ULL << 48, &c));    /* pages of 8 KiB */
	EXPECT(t, nvme_parse_capability(good & ~0xffffULL, &c));    /* one entry: none in flight */
	EXPECT(t, nvme_parse_capability(UINT64_MAX, &c));	    /* nobody there */
	EXPECT(t, !nvme_parse_capability((good & ~0xffffULL) | 1, &c));
	EXPECT_EQ(t, c.entries, 2);
}

static void memory_buffer(struct ktest *t)
{
	struct nvme_cmb cmb;

	EXPECT(t, nvme_parse_cmb(2, 4 << 12 | 2 << 8 | 0x1d, &cmb)); /* 4 MiB in BAR 2: QEMU's */
	EXPECT(t, cmb.bar == 2 && cmb.offset == 0 && cmb.size == MIB(4));
	EXPECT(t, nvme_parse_cmb(3 << 12 | 4, 1 << 12 | 0x1f, &cmb));
	EXPECT(t, cmb.bar == 4 && cmb.offset == 3 * 4096 && cmb.size == 4096);
	EXPECT(t, nvme_parse_cmb(0xfffff000, 0xfffff61d, &cmb)); /* nothing wraps */
	EXPECT(t, cmb.offset == 0xfffffULL << 36 && cmb.size == 0xfffffULL << 36);
	EXPECT(t, !nvme_parse_cmb(2, 0, &cmb));
	EXPECT(t, !nvme_parse_cmb(2, 2 << 8 | 0x1d, &cmb));	      /* no bytes */
	EXPECT(t, !nvme_parse_cmb(2, 4 << 12 | 7 << 8 | 0x1d, &cmb)); /* no such unit */
	EXPECT(t, !nvme_parse_cmb(6, 4 << 12 | 2 << 8 | 0x1d, &cmb)); /* no such BAR */
	EXPECT(t, !nvme_parse_cmb(2, 4 << 12 | 2 << 8 | 0x1c, &cmb)); /* no submission queues */
	EXPECT(t, !nvme_parse_cmb(2, 4 << 12 | 2 << 8 | 0x19, &cmb)); /* no lists */
	EXPECT(t, !nvme_parse_cmb(2, 4 << 12 | 2 << 8 | 0x0d, &cmb)); /* no data to write */
	EXPECT(t, !nvme_parse_cmb(UINT32_MAX, UINT32_MAX, &cmb));
}

static void longest_command(struct ktest *t)
{
	memset(m->page, 0, NVME_PAGE);
	EXPECT_EQ(t, nvme_parse_most_bytes(m->page), SIZE_MAX);
	for (unsigned shift = 1; shift < 256; shift++) {
		m->page[77] = (uint8_t)shift;
		EXPECT_EQ(t, nvme_parse_most_bytes(m->page),
			  shift < 32 ? 4096ULL << shift : SIZE_MAX);
	}
}

/* A namespace of so many sectors, in the format of this number. */
static const char *namespace(uint64_t sectors, unsigned format, unsigned formats, unsigned shift,
			     unsigned metadata, uint64_t *got, uint32_t *size)
{
	memset(m->page, 0, NVME_PAGE);
	memcpy(m->page, &sectors, 8);
	m->page[25] = (uint8_t)(formats - 1);
	m->page[26] = (uint8_t)(format | 0x10); /* beyond the format: where metadata would be */
	m->page[128 + 4 * format] = (uint8_t)metadata;
	m->page[128 + 4 * format + 1] = (uint8_t)(metadata >> 8);
	m->page[128 + 4 * format + 2] = (uint8_t)shift;
	return nvme_parse_namespace(m->page, got, size);
}

static void namespaces(struct ktest *t)
{
	uint64_t n = 0;
	uint32_t size = 0;

	EXPECT(t, !namespace(5860, 0, 1, 9, 0, &n, &size) && n == 5860 && size == 512);
	EXPECT(t, !namespace(7, 15, 16, 12, 0, &n, &size) && n == 7 && size == 4096);
	EXPECT(t, !namespace(UINT64_MAX >> 12, 3, 4, 12, 0, &n, &size));
	EXPECT(t, namespace((UINT64_MAX >> 12) + 1, 3, 4, 12, 0, &n, &size)); /* its bytes wrap */
	EXPECT(t, namespace(0, 0, 1, 9, 0, &n, &size));			      /* none there */
	EXPECT(t, namespace(5860, 4, 4, 9, 0, &n, &size));		      /* no such format */
	EXPECT(t, namespace(5860, 0, 1, 9, 8, &n, &size));
	EXPECT(t, namespace(5860, 0, 1, 9, 256, &n, &size));
	for (unsigned shift = 0; shift < 256; shift++)
		EXPECT_EQ(t, !namespace(1, 1, 2, shift, 0, &n, &size), shift >= 9 && shift <= 12);
}

static void statuses(struct ktest *t)
{
	EXPECT(t, !strcmp(nvme_status_name(0x280 << 1 | 1), "write fault"));
	EXPECT(t, !strcmp(nvme_status_name(0x281 << 1 | 0xf000), "unrecovered read error"));
	EXPECT(t, !strcmp(nvme_status_name(0x2ff << 1), "the medium failed"));
	EXPECT(t, !strcmp(nvme_status_name(0x006 << 1), "the device failed"));
}

/* --- rings --- */

/* The device takes the nth command ever sent, and completes it as this id, in its nth entry. */
static void complete(struct nvme_ring *r, uint64_t nth, unsigned id, unsigned status)
{
	m->cq[nth % r->entries] = (struct nvme_cqe){
		.sq_head = 0xdead, /* nobody believes it */
		.sq_id = 0xbeef,
		.id = (uint16_t)id,
		.status = (uint16_t)(status << 1 | (~(nth / r->entries) & 1)),
	};
}

/* Random orders over many rounds: each id comes back once, and commands lie where they should. */
static void round_and_round(struct ktest *t)
{
	static const unsigned sizes[] = {2, 3, 17, NVME_ENTRIES};

	for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++) {
		unsigned entries = sizes[s], flying[NVME_ENTRIES], n = 0;
		uint64_t sent = 0, done = 0;
		struct nvme_ring r = {.tail = 9};
		struct nvme_cqe cqe;

		memset(m->cq, 0xff, sizeof(m->cq)); /* of a life before */
		nvme_ring_init(&r, m->sq, m->cq, entries);
		while (done < 5 * entries) {
			unsigned id = 0, i;

			if (n < entries - 1 && ktest_random(t, 2)) {
				while (r.in_flight >> id & 1)
					id++;
				nvme_ring_put(&r, id, &(struct nvme_sqe){.nsid = (uint32_t)sent});
				EXPECT_EQ(t, m->sq[sent % entries].nsid, sent);
				EXPECT_EQ(t, m->sq[sent % entries].id, id);
				flying[n++] = id;
				EXPECT_EQ(t, r.tail, ++sent % entries);
			} else if (n) {
				i = (unsigned)ktest_random(t, n);
				EXPECT_EQ(t, nvme_ring_take(&r, &cqe), NVME_NOTHING);
				complete(&r, done++, flying[i], 0x281);
				EXPECT_EQ(t, nvme_ring_take(&r, &cqe), NVME_DONE);
				EXPECT_EQ(t, cqe.id, flying[i]);
				EXPECT_EQ(t, NVME_STATUS(cqe.status), 0x281);
				EXPECT_EQ(t, r.head, done % entries);
				flying[i] = flying[--n];
			}
		}
		while (n)
			r.in_flight ^= 1ULL << flying[--n];
		EXPECT_EQ(t, r.in_flight, 0);
		EXPECT_EQ(t, r.strays, 0);
	}
}

/* Every id that is not in flight, and one that was, is a stray; the rest goes on. */
static void strays(struct ktest *t)
{
	struct nvme_ring r = {.head = 9};
	struct nvme_cqe cqe;
	uint64_t nth = 0;

	nvme_ring_init(&r, m->sq, m->cq, 8);
	for (unsigned id = 0; id < 7; id += 2)
		nvme_ring_put(&r, id, &(struct nvme_sqe){.opcode = NVME_READ});
	for (unsigned id = 0; id < 0x10000; id += id < 200 ? 1 : 97) {
		if (id < 7 && id % 2 == 0)
			continue;
		complete(&r, nth++, id, 0);
		EXPECT_EQ(t, nvme_ring_take(&r, &cqe), NVME_STRAY);
		EXPECT_EQ(t, r.strays, nth);
		EXPECT_EQ(t, r.in_flight, 0x55);
	}
	complete(&r, nth++, 4, 0);
	EXPECT_EQ(t, nvme_ring_take(&r, &cqe), NVME_DONE);
	complete(&r, nth++, 4, 0);
	EXPECT_EQ(t, nvme_ring_take(&r, &cqe), NVME_STRAY);
	EXPECT_EQ(t, r.in_flight, 0x45);
	EXPECT_EQ(t, nvme_ring_take(&r, &cqe), NVME_NOTHING);
}

/* --- PRPs --- */

/* All pages that [bus, bus + len) touches, the first as it begins: what must be named. */
static void expect_pages(struct ktest *t, const struct nvme_prps *prps, uint64_t bus, size_t len)
{
	unsigned pages = (unsigned)((bus + len + 4095) / 4096 - bus / 4096);

	EXPECT_EQ(t, prps->pages, pages);
	EXPECT_EQ(t, prps->prp[0], bus);
	if (pages == 2)
		EXPECT_EQ(t, prps->prp[1], (bus & ~4095ULL) + 4096);
	else
		EXPECT_EQ(t, prps->prp[1], pages < 2 ? 0 : 0x777000);
	for (unsigned i = 1; pages > 2 && i < pages; i++)
		EXPECT_EQ(t, m->list[i - 1], (bus & ~4095ULL) + i * 4096);
}

static void lengths(struct ktest *t)
{
	static const uint64_t begins[] = {0, 4, 512, 2048, 4092};
	static const size_t bytes[] = {4,    512,  3584,   4096,   4100,   8188,
				       8192, 8196, 131072, 524288, 2093056};

	for (unsigned b = 0; b < ARRAY_SIZE(begins); b++)
		for (unsigned i = 0; i < ARRAY_SIZE(bytes); i++) {
			struct nvme_prps prps = {.list = m->list, .list_bus = 0x777000};
			uint64_t bus = 0x123456789000 + begins[b];

			EXPECT(t, nvme_prps_add(&prps, bus, bytes[i]));
			expect_pages(t, &prps, bus, bytes[i]);
		}
}

/* As many as there is room for, and not one more. */
static void room(struct ktest *t)
{
	struct nvme_prps prps = {.list = m->list, .list_bus = 0x777000}, none = {.list = NULL};

	m->list[NVME_LIST_MOST] = 0x5a5a;
	EXPECT(t, nvme_prps_add(&prps, 0x1000 + 4092, 4 + 512 * 4096));
	expect_pages(t, &prps, 0x1000 + 4092, 4 + 512 * 4096);
	prps = (struct nvme_prps){.list = m->list, .list_bus = 0x777000};
	EXPECT(t, !nvme_prps_add(&prps, 0x1000 + 4092, 4 + 512 * 4096 + 4));
	EXPECT_EQ(t, m->list[NVME_LIST_MOST], 0x5a5a);
	EXPECT(t, nvme_prps_add(&none, 0x1000 + 4092, 4 + 4096));
	expect_pages(t, &none, 0x1000 + 4092, 4 + 4096);
	EXPECT(t, !nvme_prps_add(&none, 0x3000, 4));
}

/* A list of pieces is paged where its PRPs can be made, and nowhere else. */
static void shapes(struct ktest *t)
{
	static const size_t cuts[] = {0, 0, 0, 4, 512, 4092, 1};
	unsigned paged = 0;

	for (unsigned n = 0; n < 5000; n++) {
		struct nvme_prps prps = {.list = m->list};
		unsigned count = 1 + (unsigned)ktest_random(t, 4);
		struct scatterlist sg[4];
		bool added = true;

		for (unsigned i = 0; i < count; i++) {
			size_t begin = cuts[ktest_random(t, i ? 9 : 7) % 7];
			size_t end = cuts[ktest_random(t, i + 1 < count ? 9 : 7) % 7];

			sg[i].addr = phys((1 + ktest_random(t, 1000)) * 4096 + begin);
			sg[i].length = (2 + ktest_random(t, 3)) * 4096 - begin - end;
			added = added && nvme_prps_add(&prps, sg[i].addr.value, sg[i].length);
		}
		EXPECT_EQ(t, nvme_is_paged(sg, count), added);
		paged += added;
	}
	EXPECT(t, paged > 500 && paged < 4500);
}

static const struct ktest_case cases[] = {
	{"capability", capability},
	{"memory_buffer", memory_buffer},
	{"longest_command", longest_command},
	{"namespaces", namespaces},
	{"statuses", statuses},
	{"round_and_round", round_and_round},
	{"strays", strays},
	{"lengths", lengths},
	{"room", room},
	{"shapes", shapes},
	{NULL, NULL},
};

const struct ktest_suite nvme_ring_suite = {
	.name = "nvme_ring", .begin = begin, .end = end, .cases = cases};
