/* SPDX-License-Identifier: MIT */
/*
 * The picture: its marks stand where they belong, no machine makes a line too
 * wide, and its words say what the numbers say.
 */
#include "kernel/jobs/report.h"

#include "kernel/printf.h"
#include "kernel/string.h"
#include "tests/ktest.h"

#define LINES 16

struct page {
	size_t count;
	char line[LINES][3 * REPORT_COLUMNS + 1];
};

static void keep_line(void *context, const char *line)
{
	struct page *page = context;

	if (page->count < LINES)
		string_copy(page->line[page->count++], sizeof(page->line[0]), line);
}

/* 6 GiB on q35, a device of 28 bits, a file at the top. */
static const struct report usual = {
	.memory = {.low_end = GIB(2),
		   .high_start = GIB(4),
		   .high_end = GIB(8),
		   .kernel = {MIB(16), MIB(17)},
		   .pool = {MIB(17), MIB(145)},
		   .ram = GIB(6),
		   .ram_in_reach = MIB(256)},
	.device = {.name = "edu0", .mask = 0xfffffff, .reach = 0xfffffff, .known = REACH_SEEN},
	.direct = {.result = DIRECT_DONE,
		   .asked = 0x100fff000,
		   .alias = 0xfff000,
		   .read_at = 0xfff000,
		   .wrote_at = 0xfff000,
		   .length = 4095,
		   .wrong = 4093,
		   .overwritten = 4090},
	.bounced = {.pieces = 6, .bytes = 47112, .bytes_bounced = 47112, .slots = 24, .cost = 2345},
	.file_addr = 0x1ffffa000,
	.file_size = 23556,
	.sha256_in = "ab",
	.sha256_out = "cd",
	.whole = true,
	.job = "edu",
};

static const char *const usual_lines[] = {
	"",
	"memory   0 ─DMA─ 16M ─kernel─ 17M ─swiotlb─ 145M ───────────── 2G  hole  4G "
	"───────────── 8G",
	"edu0 reaches 28 bits ──────────────────────────────┤ 256M",
	"                                                         your file: 0x1ffffa000, 23 KiB "
	"▲",
	"               ◄───────────── 0x100fff000 is 0xfff000 to edu0 ──────────────┘",
	"1 direct    asked for 0x100fff000, the device read 0xfff000: 4,093 of 4,095 bytes wrong",
	"            told to write there, it wrote 0xfff000: 4,090 bytes of somebody else's gone",
	"2 bounced   6 pieces, 47,112 bytes",
	"            through 24 slots, 2,345 instructions a piece beyond the copy",
	"            sha256 ab  in",
	"            sha256 cd  out",
	"The file came back whole through a device that reaches 4 % of memory.",
	"try: run edu | zones | swiotlb | help          leave: off",
};

static void the_usual_picture(struct ktest *t)
{
	struct page page = {0};
	struct report r = usual;

	report_print(&r, keep_line, &page);
	REQUIRE(t, page.count == ARRAY_SIZE(usual_lines));
	for (size_t i = 0; i < page.count; i++)
		if (strcmp(page.line[i], usual_lines[i]))
			ktest_fail(t, __FILE__, __LINE__, "line %zu is '%s'", i, page.line[i]);
}

static bool page_has(const struct page *page, const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < page->count; i++)
		for (const char *at = page->line[i]; *at; at++)
			if (strncmp(at, text, n) == 0)
				return true;
	return false;
}

static size_t columns(const char *line)
{
	size_t n = 0;

	for (; *line; line++)
		n += ((unsigned char)*line & 0xc0) != 0x80; /* a UTF-8 character's first byte */
	return n;
}

/* Columns before the first `mark`; the line's width where there is none. */
static size_t column_of_mark(const char *line, const char *mark)
{
	size_t n = 0;

	for (; *line && strncmp(line, mark, strlen(mark)); line++)
		n += ((unsigned char)*line & 0xc0) != 0x80;
	return n;
}

/* Print `r`, and expect `text` in it. */
#define EXPECT_SAYS(t, r, text)                                                                    \
	do {                                                                                       \
		struct page page_ = {0};                                                           \
                                                                                                   \
		report_print(&(r), keep_line, &page_);                                             \
		if (!page_has(&page_, text))                                                       \
			ktest_fail(t, __FILE__, __LINE__, "nowhere: %s", text);                    \
	} while (0)

#define EXPECT_SAYS_NOT(t, r, text)                                                                \
	do {                                                                                       \
		struct page page_ = {0};                                                           \
                                                                                                   \
		report_print(&(r), keep_line, &page_);                                             \
		if (page_has(&page_, text))                                                        \
			ktest_fail(t, __FILE__, __LINE__, "somewhere: %s", text);                  \
	} while (0)

/* What lies at a label is marked under it, what lies before one is marked before it. */
static void marks(struct ktest *t)
{
	struct report r = usual;
	struct page page = {0};

	r.device.mask = r.device.reach = 0xffffff;
	EXPECT_SAYS(t, r, "         ─────────┤ 16M  edu0 reaches 24 bits");
	r.device.mask = r.device.reach = 0xffffffff;
	EXPECT_SAYS(
		t, r,
		"edu0 reaches 32 bits ─────────────────────────────────────────────────────┤ 4G");
	r.device.mask = r.device.reach = 0x1ffffffffff;
	EXPECT_SAYS(t, r, "─→ 2T");
	r.device.mask = r.device.reach = 0x1234567;
	EXPECT_SAYS(t, r, "edu0 reaches 0x1234567 ");
	r.device.mask = r.device.reach = 0x1ffffffff;
	EXPECT_SAYS(t, r, "─┤ 8G");
	r.memory.high_end = GIB(7) + KIB(256);
	r.file_addr = r.memory.high_end - PAGE_SIZE;
	report_print(&r, keep_line, &page);
	EXPECT(t, column_of_mark(page.line[3], "▲") == column_of_mark(page.line[1], " 7G") - 1);
}

static void neither_here_nor_there(struct ktest *t)
{
	struct report r = usual;

	r.direct.read_at = r.direct.wrote_at = UINT64_MAX;
	EXPECT_SAYS(t, r, "the device read elsewhere: 4,093 of 4,095 bytes wrong");
	EXPECT_SAYS(t, r, "told to write there, it wrote elsewhere");
	EXPECT_SAYS_NOT(t, r, "◄");
}

static void a_device_that_reaches_farther(struct ktest *t)
{
	struct report r = usual;

	r.device.known = REACH_CLAIMED;
	r.direct.read_at = r.direct.wrote_at = r.direct.asked;
	EXPECT_SAYS(t, r, "edu0 claims to reach 28 bits ─");
	EXPECT_SAYS(t, r, "asked for 0x100fff000, the device read there: it reaches farther");
	EXPECT_SAYS(t, r, "told to write there, it did");
	EXPECT_SAYS_NOT(t, r, "◄");
	EXPECT_SAYS(t, r, "through a device that claims to reach 4 % of memory.");
}

static void a_device_held_to_less(struct ktest *t)
{
	struct report r = usual;

	r.device.known = REACH_HELD;
	EXPECT_SAYS(t, r, "edu0 is held to 28 bits ─");
	EXPECT_SAYS(t, r, "through a device that is held to 4 % of memory.");
	r.whole = false;
	EXPECT_SAYS_NOT(t, r, "Nobody saw");
}

/* The topmost address of a 64-bit mask is no address. */
static void all_bits(struct ktest *t)
{
	struct report r = usual;

	r.device.mask = r.device.reach = UINT64_MAX - 1;
	EXPECT_SAYS(t, r, "edu0 reaches 64 bits ─");
	EXPECT_SAYS(t, r, "─→ 16E");
	r.device.reach = UINT64_MAX;
	EXPECT_SAYS(t, r, "─→ 16E");
}

static void nothing_out_of_reach(struct ktest *t)
{
	struct report r = usual;

	r.device.mask = r.device.reach = (1ULL << 33) - 1;
	r.device.known = REACH_AT_LEAST;
	r.memory.ram_in_reach = r.memory.ram;
	r.direct.result = DIRECT_NOTHING_OUT;
	r.bounced.bytes_bounced = r.bounced.slots = 0;
	EXPECT_SAYS(t, r, "edu0 reaches >=33 bits ─");
	EXPECT_SAYS(t, r, "─→ 8G");
	EXPECT_SAYS(t, r, "1 direct    left out: nothing is out of reach");
	EXPECT_SAYS(t, r, "2 mapped    6 pieces, 47,112 bytes where they lie, 0 bounced");
	EXPECT_SAYS_NOT(t, r, "beyond the copy");
	EXPECT_SAYS(t, r, "edu0 reaches all of memory: nothing is out of reach.");
}

static void failures(struct ktest *t)
{
	struct report r = usual;

	r.whole = false;
	r.device.known = REACH_CLAIMED;
	r.bounced.wrong_pieces = 1;
	r.bounced.first_wrong = 4095;
	EXPECT_SAYS(t, r, "NOT come back whole: 1 of 6 pieces differ, the first at byte 4,095.");
	EXPECT_SAYS(t, r, "the claim is probably too wide");
	snprintf(r.bounced.stopped, sizeof(r.bounced.stopped), "because");
	EXPECT_SAYS(t, r, "The file did NOT come back: because.");
	r.bounced.pieces = 0;
	EXPECT_SAYS(t, r, "2 bounced   nothing came through");
}

static void ways(struct ktest *t)
{
	struct report r = usual;

	r.bounced.bytes_bounced = 23556;
	EXPECT_SAYS(t, r, "2 bounced   6 pieces, 23,556 of 47,112 bytes");
	r.bounced.transient = 3;
	EXPECT_SAYS(t, r, "through 24 slots and 3 transient, 2,345");
	r.bounced.slots = 0;
	EXPECT_SAYS(t, r, "through 3 transient slots, 2,345");
	r.bounced.cost = 0;
	EXPECT_SAYS_NOT(t, r, "a piece");
}

static const struct {
	uint64_t bytes;
	const char *text;
} sizes[] = {
	{1, " 1 byte "},
	{1023, " 1,023 bytes "},
	{KIB(1), " 1 KiB "},
	{9999, " 9.76 KiB "},
	{KIB(10) - 1, " 10 KiB "},
	{23990, " 23.4 KiB "},
	{KIB(100) + 512, " 101 KiB "},
	{MIB(1), " 1 MiB "},
	{MIB(1) + KIB(10), " 1.01 MiB "},
	{GIB(1024) + GIB(512), " 1.5 TiB "},
};

static void sizes_of_files(struct ktest *t)
{
	struct report r = usual;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		r.file_size = sizes[i].bytes;
		EXPECT_SAYS(t, r, sizes[i].text);
	}
}

static const struct {
	uint64_t in_reach, ram;
	const char *text;
} shares[] = {
	{MIB(256), GIB(6), " 4 % of"},	  {MIB(256), GIB(64), " 0.39 % of"},
	{MIB(16), GIB(64), " 0.02 % of"}, {MIB(16), GIB(1024), " less than 0.01 % of"},
	{MIB(16), MIB(24), " 67 % of"},	  {GIB(64) - MIB(1), GIB(64), " 99.9 % of"},
	{1000, 100000, " 1 % of"},	  {996, 100000, " 1 % of"},
	{944, 100000, " 0.94 % of"},	  {94, 100000, " 0.09 % of"},
};

static void shares_of_memory(struct ktest *t)
{
	struct report r = usual;

	for (size_t i = 0; i < ARRAY_SIZE(shares); i++) {
		uint64_t unit = shares[i].ram < MIB(1) ? PAGE_SIZE : 1;

		r.memory.ram_in_reach = shares[i].in_reach * unit;
		r.memory.ram = shares[i].ram * unit;
		EXPECT_SAYS(t, r, shares[i].text);
	}
}

static struct report any_machine(struct ktest *t)
{
	struct report r = usual;
	struct report_memory *m = &r.memory;

	m->low_end = MIB(24) + ktest_random(t, GIB(3)) / PAGE_SIZE * PAGE_SIZE;
	m->high_start = GIB(4) + (ktest_random(t, 2) ? 0 : ktest_random(t, GIB(4)));
	m->high_end = m->high_start;
	if (ktest_random(t, 2))
		m->high_end += ktest_random(t, 1ULL << (21 + ktest_random(t, 25)));
	m->kernel.end = MIB(16) + ktest_random(t, MIB(3));
	m->pool.start = m->kernel.end + ktest_random(t, MIB(4));
	m->pool.end = m->pool.start + ktest_random(t, m->low_end - m->pool.start);
	r.file_addr = ktest_random(t, m->high_end > m->high_start ? m->high_end : m->low_end);
	r.file_size = 1 + ktest_random(t, 1ULL << ktest_random(t, 32));
	r.bounced.pieces = r.file_size / 4095 + 1;
	r.bounced.bytes = 2 * r.file_size;
	r.bounced.bytes_bounced = 2 * r.file_size - ktest_random(t, 2);
	r.bounced.slots = r.bounced.transient = r.bounced.pieces;
	r.direct.asked = (1ULL << 40) + 0xfff000;
	return r;
}

static void check_lines(struct ktest *t, const struct page *page)
{
	for (size_t i = 0; i < page->count; i++)
		if (columns(page->line[i]) > REPORT_COLUMNS)
			ktest_fail(t, __FILE__, __LINE__, "too wide: %s", page->line[i]);
	EXPECT(t, column_of_mark(page->line[3], "▲") < columns(page->line[1]));
}

/* On any machine: every line fits, the file's mark is on the bar, more reach is no shorter a line.
 */
static void any_machine_fits(struct ktest *t)
{
	for (unsigned round = 0; round < 25; round++) {
		struct report r = any_machine(t);
		size_t before = 0, now;

		for (unsigned bits = 24; bits < 64; bits++) {
			struct page page = {0};

			r.device.mask = r.device.reach = (1ULL << bits) - 1;
			report_print(&r, keep_line, &page);
			check_lines(t, &page);
			now = column_of_mark(page.line[2], "┤");
			if (now == columns(page.line[2]))
				now = column_of_mark(page.line[2], "→");
			EXPECT(t, now >= before);
			before = now;
		}
	}
}

static const struct ktest_case cases[] = {
	{"the_usual_picture", the_usual_picture},
	{"marks", marks},
	{"neither_here_nor_there", neither_here_nor_there},
	{"a_device_that_reaches_farther", a_device_that_reaches_farther},
	{"a_device_held_to_less", a_device_held_to_less},
	{"all_bits", all_bits},
	{"nothing_out_of_reach", nothing_out_of_reach},
	{"failures", failures},
	{"ways", ways},
	{"sizes_of_files", sizes_of_files},
	{"shares_of_memory", shares_of_memory},
	{"any_machine_fits", any_machine_fits},
	{NULL, NULL},
};

extern const struct ktest_suite report_suite;
const struct ktest_suite report_suite = {"report", NULL, NULL, cases};
