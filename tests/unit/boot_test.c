/* SPDX-License-Identifier: MIT */
/*
 * The boot parsers, on what SeaBIOS's and OVMF's GRUB and QEMU's PVH give, and
 * on what nobody should.
 *
 * The loader's memory is a few regions. The bytes of each lie at the very end
 * of an arena of its own, so that on the host one byte too far is no memory; whatever else is asked
 * for, the reader has not.
 */
#include "boot/parse.h"

#include "kernel/string.h"
#include "mm/errno.h"
#include "mm/types.h"
#include "tests/arena.h"
#include "tests/ktest.h"

#define REGIONS 5
#define WINDOW	KIB(8)
#define ROUNDS	4000 /* of random damage */

static struct arena window[REGIONS];

struct blob {
	uint8_t bytes[WINDOW];
	size_t size;
};

static struct region {
	uint64_t addr;
	size_t size;
	uint8_t *at;
} region[REGIONS];

static struct boot_info *info;
static struct blob *blob; /* of multiboot2's tags */

static const void *read_region(void *context, uint64_t addr, uint64_t size)
{
	for (const struct region *r = region; r < region + REGIONS; r++)
		if (addr >= r->addr && addr - r->addr <= r->size &&
		    size <= r->size - (addr - r->addr))
			return r->at + (addr - r->addr);
	return NULL;
}

static const struct boot_reader reader = {.read = read_region};

static void set_region(size_t i, uint64_t addr, const void *bytes, size_t size)
{
	uint8_t *at = port_phys_to_virt(window[i].base);

	region[i] = (struct region){addr, size, at + WINDOW - size};
	memcpy(region[i].at, bytes, size);
}

static void set_u32(size_t i, size_t offset, uint32_t value)
{
	memcpy(region[i].at + offset, &value, sizeof(value));
}

static void end(struct ktest *t)
{
	for (size_t i = 0; i < REGIONS; i++)
		if (window[i].size)
			arena_put(&window[i]);
	memset(window, 0, sizeof(window));
}

static void begin(struct ktest *t)
{
	info = ktest_zalloc(t, sizeof(*info));
	blob = ktest_zalloc(t, sizeof(*blob));
	if (!info || !blob)
		return;
	for (size_t i = 0; i < REGIONS; i++)
		if (!arena_get(&window[i], MIB(64 + i), WINDOW, PAGE_SIZE)) {
			window[i].size = 0;
			ktest_skip(t, "no memory for windows");
			end(t);
			return;
		}
	memset(region, 0, sizeof(region));
	memset(info, 0xa5, sizeof(*info));
}

/* What holds whatever the bytes are. */
static void expect_sane(struct ktest *t)
{
	EXPECT(t, info->range_count <= BOOT_RANGES && info->module_count <= BOOT_MODULES);
	EXPECT(t, strnlen(info->cmdline, BOOT_CMDLINE) < BOOT_CMDLINE);
	EXPECT(t, strnlen(info->complaint, BOOT_COMPLAINT) < BOOT_COMPLAINT);
	EXPECT(t, info->info_start <= info->info_end);
	for (size_t i = 0; i < info->range_count && i < BOOT_RANGES; i++)
		EXPECT(t, info->range[i].length > 0);
	for (size_t i = 0; i < info->module_count && i < BOOT_MODULES; i++) {
		EXPECT(t, info->module[i].start <= info->module[i].end);
		EXPECT(t, strnlen(info->module[i].name, 48) < 48);
	}
}

static void expect_range(struct ktest *t, size_t i, uint64_t base, uint64_t length, bool usable)
{
	EXPECT(t, i < info->range_count);
	EXPECT_EQ(t, info->range[i].base, base);
	EXPECT_EQ(t, info->range[i].length, length);
	EXPECT_EQ(t, info->range[i].usable, usable);
}

/* --- multiboot2: one region, made tag by tag --- */

#define INFO 0x100728 /* where GRUB happens to put it */

struct entry {
	uint64_t base, length;
	uint32_t type, reserved;
};

/* As the firmware's, and: unsorted, overlapping, zero-length, wrapping, of an unknown type. */
static const struct entry map[] = {
	{0x100000, 0x7edf000, 1, 0},	 {0, 0x9fc00, 1, 0}, {0x9fc00, 0x400, 2, 0},
	{0x90000, 0x20000, 20, 0},	 {0x5000, 0, 2, 0},  {0xfffffffffffff000, 0x2000, 2, 0},
	{0x100000000, 0x80000000, 1, 0},
};
#define MAP_KEPT (ARRAY_SIZE(map) - 1) /* without the empty one */

static void put(const void *bytes, size_t n)
{
	if (n)
		memcpy(blob->bytes + blob->size, bytes, n);
	blob->size += n;
}

static void begin_info(void)
{
	memset(blob, 0, sizeof(*blob));
	blob->size = 8;
}

/* A tag of a fixed part and a variable one. */
static void put_tag(uint32_t type, const void *head, size_t n, const void *tail, size_t m)
{
	uint32_t header[2] = {type, (uint32_t)(8 + n + m)};

	put(header, sizeof(header));
	put(head, n);
	put(tail, m);
	blob->size = ALIGN_UP(blob->size, 8);
}

static void put_text(uint32_t type, const char *text)
{
	put_tag(type, text, strlen(text) + 1, NULL, 0);
}

static void put_module(uint32_t start, uint32_t end, const char *name)
{
	uint32_t head[2] = {start, end};

	put_tag(3, head, sizeof(head), name, strlen(name) + 1);
}

static void put_meminfo(uint32_t lower, uint32_t upper)
{
	uint32_t head[2] = {lower, upper};

	put_tag(4, head, sizeof(head), NULL, 0);
}

static void put_map(const struct entry *entries, size_t count)
{
	uint32_t head[2] = {sizeof(*entries), 0};

	put_tag(6, head, sizeof(head), entries, count * sizeof(*entries));
}

/* Close it, and make it all the memory there is. */
static void end_info(void)
{
	uint32_t size;

	put_tag(0, NULL, 0, NULL, 0);
	size = (uint32_t)blob->size;
	memcpy(blob->bytes, &size, sizeof(size));
	set_region(0, INFO, blob->bytes, blob->size);
}

static const char rsdp_v1[20] = "RSD PTR 1", rsdp_v2[36] = "RSD PTR 2", filler[64] = "";

static void make_seabios(void)
{
	begin_info();
	put_text(1, "ktest=all seed=7");
	put_text(2, "GRUB 2.06");
	put_module(0x1100000, 0x1105000, "module");
	put_meminfo(639, 129916);
	put_tag(5, filler, 12, NULL, 0);
	put_map(map, ARRAY_SIZE(map));
	put_tag(8, filler, 24, NULL, 0);
	put_tag(9, filler, 64, NULL, 0);
	put_tag(10, filler, 20, NULL, 0);
	put_tag(14, rsdp_v1, sizeof(rsdp_v1), NULL, 0);
	put_tag(21, filler, 4, NULL, 0);
	end_info();
}

static void make_ovmf(void)
{
	begin_info();
	put_text(1, "");
	put_text(2, "GRUB 2.06");
	put_meminfo(640, 7192);
	put_map(map, ARRAY_SIZE(map));
	put_tag(9, filler, 64, NULL, 0);
	put_tag(12, filler, 8, NULL, 0);
	put_tag(15, rsdp_v2, sizeof(rsdp_v2), NULL, 0);
	put_tag(14, rsdp_v1, sizeof(rsdp_v1), NULL, 0);
	put_tag(17, filler, 56, NULL, 0);
	put_tag(21, filler, 4, NULL, 0);
	end_info();
}

/* Where the first tag of a type begins. */
static size_t find_tag(uint32_t type)
{
	uint32_t header[2];
	size_t at = 8;

	for (;;) {
		memcpy(header, blob->bytes + at, sizeof(header));
		if (header[0] == type || header[0] == 0)
			return at;
		at += ALIGN_UP(header[1], 8);
	}
}

static int parse_multiboot2(struct ktest *t)
{
	int error = multiboot2_parse(info, &reader, INFO);

	expect_sane(t);
	return error;
}

static void expect_map(struct ktest *t)
{
	size_t kept = 0;

	EXPECT_EQ(t, info->range_count, MAP_KEPT);
	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		if (map[i].length)
			expect_range(t, kept++, map[i].base, map[i].length, map[i].type == 1);
	EXPECT_EQ(t, info->ranges_dropped, 0);
	EXPECT_EQ(t, info->reserved_above, UINT64_MAX);
}

static void multiboot2_seabios(struct ktest *t)
{
	make_seabios();
	EXPECT_EQ(t, parse_multiboot2(t), 0);
	EXPECT(t, strcmp(info->complaint, "") == 0);
	EXPECT(t, strcmp(info->protocol, "multiboot2") == 0);
	EXPECT(t, strcmp(info->cmdline, "ktest=all seed=7") == 0 && !info->cmdline_cut);
	expect_map(t);
	EXPECT_EQ(t, info->module_count, 1);
	EXPECT_EQ(t, info->module[0].start, 0x1100000);
	EXPECT_EQ(t, info->module[0].end, 0x1105000);
	EXPECT(t, strcmp(info->module[0].name, "module") == 0);
	EXPECT_EQ(t, info->info_start, INFO);
	EXPECT_EQ(t, info->info_end, INFO + blob->size);
	EXPECT_EQ(t, info->rsdp, INFO + find_tag(14) + 8);
}

static void multiboot2_ovmf(struct ktest *t)
{
	make_ovmf();
	EXPECT_EQ(t, parse_multiboot2(t), 0);
	EXPECT(t, strcmp(info->complaint, "") == 0);
	expect_map(t);
	EXPECT_EQ(t, info->module_count, 0);
	EXPECT_EQ(t, info->rsdp, INFO + find_tag(15) + 8);
}

/* Memory ends after n bytes; or the information says that it does. */
static void multiboot2_truncated(struct ktest *t)
{
	make_seabios();
	for (size_t n = 0; n < blob->size; n++) {
		set_region(0, INFO, blob->bytes, n);
		EXPECT_EQ(t, parse_multiboot2(t), -EINVAL);
		EXPECT(t, info->complaint[0] && info->range_count == 0);
		if (n < 4)
			continue;
		set_u32(0, 0, (uint32_t)n);
		EXPECT_EQ(t, parse_multiboot2(t), n < 16 ? -EINVAL : 0);
		EXPECT(t, info->complaint[0]);
	}
}

/* One u32 of SeaBIOS's, `offset` bytes into a tag (type 0: into all), made `value`. */
static const struct damage {
	uint32_t type, offset, value;
	int error;
	size_t ranges, modules;
	bool rsdp;
} damages[] = {
	{0, 0, 0, -EINVAL, 0, 0, false},
	{0, 0, 15, -EINVAL, 0, 0, false},
	{0, 0, UINT32_MAX, -EINVAL, 0, 0, false},
	{1, 4, 0, 0, 0, 0, false}, /* no tag can be smaller than its header */
	{2, 4, 7, 0, 0, 0, false},
	{2, 4, UINT32_MAX, 0, 0, 0, false}, /* an end that wraps */
	{2, 4, 4096, 0, 0, 0, false},	    /* tags within another */
	{8, 4, 0, 0, MAP_KEPT, 1, false},   /* what came before stays */
	{3, 4, 12, 0, 0, 0, false},	    /* too small for a module; and behind it is no tag */
	{3, 12, 0x10fffff, 0, MAP_KEPT, 0, true},
	{6, 8, 0, 0, 0, 1, true},
	{6, 8, 23, 0, 0, 1, true},
	{6, 8, UINT32_MAX, 0, 1, 1, true},
	{14, 4, 27, 0, MAP_KEPT, 1, false},
};

static void multiboot2_malformed(struct ktest *t)
{
	for (const struct damage *d = damages; d < damages + ARRAY_SIZE(damages); d++) {
		make_seabios();
		set_u32(0, (d->type ? find_tag(d->type) : 0) + d->offset, d->value);
		EXPECT_EQ(t, parse_multiboot2(t), d->error);
		EXPECT(t, info->complaint[0]);
		EXPECT_EQ(t, info->range_count, d->ranges);
		EXPECT_EQ(t, info->module_count, d->modules);
		EXPECT_EQ(t, info->rsdp != 0, d->rsdp);
	}
}

static void multiboot2_elsewhere(struct ktest *t)
{
	make_seabios();
	EXPECT_EQ(t, multiboot2_parse(info, &reader, 0), -EINVAL);
	EXPECT_EQ(t, multiboot2_parse(info, &reader, UINT64_MAX - 6), -EINVAL);
	/* Its size is there to be read, but ends behind the last address. */
	region[0].addr = UINT64_MAX - 15;
	EXPECT_EQ(t, multiboot2_parse(info, &reader, UINT64_MAX - 15), -EINVAL);
	/* More than any loader makes, though it could be read. */
	make_seabios();
	set_u32(0, 0, MIB(1) + 8);
	region[0].size = MIB(2);
	EXPECT_EQ(t, parse_multiboot2(t), -EINVAL);
}

/* Basic memory information is no map: of reserved memory it says nothing. */
static void multiboot2_no_map(struct ktest *t)
{
	begin_info();
	put_meminfo(639, 0xffffffff);
	end_info();
	EXPECT_EQ(t, parse_multiboot2(t), 0);
	EXPECT(t, info->complaint[0] && info->range_count == 0);
}

/* An entry of a later version is longer, and begins as today's. */
static void multiboot2_long_entries(struct ktest *t)
{
	struct {
		struct entry entry;
		uint64_t more[2];
	} longer[2] = {{{0x1000, 0x2000, 1, 0}, {1, 2}}, {{0x8000, 0x1000, 3, 0}, {3, 4}}};
	uint32_t head[2] = {sizeof(longer[0]), 1};

	begin_info();
	put_tag(6, head, sizeof(head), longer, sizeof(longer));
	end_info();
	EXPECT_EQ(t, parse_multiboot2(t), 0);
	EXPECT(t, info->complaint[0] == 0);
	EXPECT_EQ(t, info->range_count, 2);
	expect_range(t, 0, 0x1000, 0x2000, true);
	expect_range(t, 1, 0x8000, 0x1000, false);
}

/* Just as long as what takes it, and longer. */
static void multiboot2_texts(struct ktest *t)
{
	char *text = ktest_zalloc(t, BOOT_CMDLINE);

	if (!text)
		return;
	memset(text, 'x', BOOT_CMDLINE);
	begin_info();
	put_tag(1, text, BOOT_CMDLINE - 1, NULL, 0);
	end_info();
	EXPECT_EQ(t, parse_multiboot2(t), 0);
	EXPECT_EQ(t, strlen(info->cmdline), BOOT_CMDLINE - 1);
	EXPECT(t, !info->cmdline_cut);

	begin_info();
	put_tag(1, text, BOOT_CMDLINE, NULL, 0);
	end_info();
	EXPECT_EQ(t, parse_multiboot2(t), 0);
	EXPECT_EQ(t, strlen(info->cmdline), BOOT_CMDLINE - 1);
	EXPECT(t, info->cmdline_cut);
}

/* Without its 0 a text ends with its tag, though the next one follows at once. */
static void multiboot2_unended_texts(struct ktest *t)
{
	uint32_t head[2] = {0x1000, 0x2000};

	begin_info();
	put_tag(1, "command.", 8, NULL, 0);
	put_tag(3, head, sizeof(head), "nameless", 8);
	put_meminfo(639, 1024);
	end_info();
	EXPECT_EQ(t, parse_multiboot2(t), 0);
	EXPECT(t, strcmp(info->cmdline, "command.") == 0);
	EXPECT(t, info->module_count == 1 && strcmp(info->module[0].name, "nameless") == 0);
}

static void multiboot2_many_modules(struct ktest *t)
{
	begin_info();
	for (uint32_t i = 0; i < BOOT_MODULES + 3; i++)
		put_module(0x1000 * i, 0x1000 * i,
			   "a name that is longer than any module ought to have");
	put_map(map, ARRAY_SIZE(map));
	end_info();
	EXPECT_EQ(t, parse_multiboot2(t), 0);
	EXPECT_EQ(t, info->module_count, BOOT_MODULES);
	EXPECT_EQ(t, info->modules_dropped, 3);
	EXPECT_EQ(t, info->module[BOOT_MODULES - 1].start, 0x1000 * (BOOT_MODULES - 1));
	EXPECT_EQ(t, strlen(info->module[0].name), 47);
}

/* More ranges than fit: a usable one is lost, a reserved one closes all above it. */
static void multiboot2_many_ranges(struct ktest *t)
{
	const size_t count = BOOT_RANGES + 5;
	struct entry *many = ktest_zalloc(t, count * sizeof(*many));

	if (!many)
		return;
	for (size_t i = 0; i < count; i++)
		many[i] = (struct entry){MIB(i), KIB(4), 1, 0};
	many[BOOT_RANGES + 1].type = many[BOOT_RANGES + 2].type = 2;
	many[BOOT_RANGES + 3].type = 2;
	many[BOOT_RANGES].base = MIB(2);
	many[BOOT_RANGES + 2].base = MIB(50);
	many[BOOT_RANGES + 3].length = many[BOOT_RANGES + 3].base = 0;
	begin_info();
	put_map(many, count);
	end_info();
	EXPECT_EQ(t, parse_multiboot2(t), 0);
	EXPECT_EQ(t, info->range_count, BOOT_RANGES);
	EXPECT_EQ(t, info->ranges_dropped, 4);
	EXPECT_EQ(t, info->reserved_above, MIB(50));
}

/* Flip a few bits anywhere in a region. */
static void damage_region(struct ktest *t, struct region *r)
{
	for (uint64_t n = 1 + ktest_random(t, 4); n > 0 && r->size > 0; n--)
		r->at[ktest_random(t, r->size)] ^= (uint8_t)(1 + ktest_random(t, 255));
}

static void multiboot2_hostile(struct ktest *t)
{
	for (int i = 0; i < ROUNDS && !t->failed; i++) {
		if (i % 2)
			make_seabios();
		else
			make_ovmf();
		damage_region(t, &region[0]);
		parse_multiboot2(t);
		if (info->rsdp)
			EXPECT(t, read_region(NULL, info->rsdp, sizeof(rsdp_v1)) != NULL);
	}
}

/* --- PVH: a region for each part --- */

enum pvh_region { START, MEMMAP, MODLIST, CMDLINE, MODULE_NAME };

struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist, cmdline, rsdp, memmap;
	uint32_t memmap_entries, reserved;
};

struct modlist_entry {
	uint64_t addr, size, cmdline, reserved;
};

#define START_ADDR 0x21e0

static const struct start_info good_start = {
	.magic = PVH_START_MAGIC,
	.version = 1,
	.nr_modules = 2,
	.modlist = 0x3000,
	.cmdline = 0x4000,
	.rsdp = 0xf59d0,
	.memmap = 0x6000,
	.memmap_entries = ARRAY_SIZE(map),
};

static const struct modlist_entry good_modules[] = {
	{0x17d7000, 0x1234, 0x5000, 0},
	{0x17e0000, 0, 0, 0},
};

static void set_start(const struct start_info *start)
{
	set_region(START, START_ADDR, start, sizeof(*start));
}

static void make_pvh(void)
{
	set_start(&good_start);
	set_region(MEMMAP, good_start.memmap, map, sizeof(map));
	set_region(MODLIST, good_start.modlist, good_modules, sizeof(good_modules));
	set_region(CMDLINE, good_start.cmdline, "run=edu", sizeof("run=edu"));
	set_region(MODULE_NAME, good_modules[0].cmdline, "initrd", sizeof("initrd"));
}

static int parse_pvh(struct ktest *t)
{
	int error = pvh_parse(info, &reader, START_ADDR);

	expect_sane(t);
	return error;
}

static void pvh_qemu(struct ktest *t)
{
	make_pvh();
	EXPECT_EQ(t, parse_pvh(t), 0);
	EXPECT(t, strcmp(info->complaint, "") == 0);
	EXPECT(t, strcmp(info->protocol, "pvh") == 0);
	EXPECT(t, strcmp(info->cmdline, "run=edu") == 0);
	expect_map(t);
	EXPECT_EQ(t, info->rsdp, 0xf59d0);
	EXPECT_EQ(t, info->module_count, 2);
	EXPECT_EQ(t, info->module[0].start, 0x17d7000);
	EXPECT_EQ(t, info->module[0].end, 0x17d7000 + 0x1234);
	EXPECT(t, strcmp(info->module[0].name, "initrd") == 0);
	EXPECT_EQ(t, info->module[1].start, info->module[1].end);
	EXPECT_EQ(t, info->info_start, START_ADDR);
	EXPECT_EQ(t, info->info_end, START_ADDR + sizeof(struct start_info));
}

/* It has no memory map. */
static void pvh_version_0(struct ktest *t)
{
	struct start_info start = good_start;

	make_pvh();
	start.version = 0;
	set_start(&start);
	EXPECT_EQ(t, parse_pvh(t), -EINVAL);
	EXPECT(t, info->complaint[0] && info->range_count == 0);
}

/* An address of 0: that part isn't there, whatever lies at 0. */
static void pvh_null(struct ktest *t)
{
	struct start_info start = {.magic = PVH_START_MAGIC, .version = 1, .nr_modules = 3};
	uint8_t zero_page[128];

	memset(zero_page, 'x', sizeof(zero_page));
	start.memmap_entries = 2;
	set_start(&start);
	set_region(MEMMAP, 0, zero_page, sizeof(zero_page));
	EXPECT_EQ(t, parse_pvh(t), 0);
	EXPECT(t, info->complaint[0]);
	EXPECT(t, info->range_count == 0 && info->module_count == 0 && info->rsdp == 0);
	EXPECT(t, info->cmdline[0] == '\0');
	EXPECT_EQ(t, info->modules_dropped, 0);
	EXPECT_EQ(t, pvh_parse(info, &reader, 0), -EINVAL);
}

/* Each part ends early, at every byte. Only without the first is there nothing. */
static void pvh_truncated(struct ktest *t)
{
	uint8_t *whole = blob->bytes;

	for (size_t i = 0; i < REGIONS; i++) {
		make_pvh();
		memcpy(whole, region[i].at, region[i].size);
		for (size_t n = region[i].size; n-- > 0;) {
			set_region(i, region[i].addr, whole, n);
			EXPECT_EQ(t, parse_pvh(t), i == START ? -EINVAL : 0);
			EXPECT(t, info->complaint[0]);
			EXPECT_EQ(t, info->range_count, i == START || i == MEMMAP ? 0 : MAP_KEPT);
			EXPECT_EQ(t, info->module_count, i == START || i == MODLIST ? 0 : 2);
		}
	}
}

/* One u32 of the start information made `value`. */
static const struct {
	size_t offset;
	uint32_t value;
	int error;
	size_t ranges, modules, dropped;
} pvh_damages[] = {
	{offsetof(struct start_info, magic), 0, -EINVAL, 0, 0, 0},
	{offsetof(struct start_info, nr_modules), UINT32_MAX, 0, MAP_KEPT, 0, 0},
	{offsetof(struct start_info, modlist) + 4, UINT32_MAX, 0, MAP_KEPT, 0, 0},
	{offsetof(struct start_info, cmdline) + 4, UINT32_MAX, 0, MAP_KEPT, 2, 0},
	{offsetof(struct start_info, memmap) + 4, UINT32_MAX, 0, 0, 2, 0},
	{offsetof(struct start_info, memmap_entries), UINT32_MAX, 0, 0, 2, 0},
	{offsetof(struct start_info, memmap_entries), ARRAY_SIZE(map) + 1, 0, 0, 2, 0},
	{offsetof(struct start_info, memmap_entries), 0, 0, 0, 2, 0},
};

static void pvh_malformed(struct ktest *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(pvh_damages); i++) {
		make_pvh();
		set_u32(START, pvh_damages[i].offset, pvh_damages[i].value);
		EXPECT_EQ(t, parse_pvh(t), pvh_damages[i].error);
		EXPECT(t, info->complaint[0]);
		EXPECT_EQ(t, info->range_count, pvh_damages[i].ranges);
		EXPECT_EQ(t, info->module_count, pvh_damages[i].modules);
		EXPECT_EQ(t, info->modules_dropped, pvh_damages[i].dropped);
	}
}

/* A table of more entries than anybody has is refused though it could be read. */
static void pvh_absurd_map(struct ktest *t)
{
	struct start_info start = good_start;

	make_pvh();
	start.memmap_entries = 4097;
	set_start(&start);
	region[MEMMAP].size = SIZE_MAX / 2;
	EXPECT_EQ(t, parse_pvh(t), 0);
	EXPECT(t, info->complaint[0] && info->range_count == 0);
}

static void pvh_bad_modules(struct ktest *t)
{
	static const struct modlist_entry bad[] = {
		{0, 0x1000, 0x5000, 0},
		{0x1000, UINT64_MAX, 0x5000, 0},
		{0x1000, 0x1000, UINT64_MAX, 0},
	};
	struct start_info start = good_start;

	make_pvh();
	start.nr_modules = ARRAY_SIZE(bad);
	set_start(&start);
	set_region(MODLIST, start.modlist, bad, sizeof(bad));
	EXPECT_EQ(t, parse_pvh(t), 0);
	EXPECT(t, info->complaint[0]);
	EXPECT_EQ(t, info->module_count, 1);
	EXPECT(t, info->module[0].start == 0x1000 && info->module[0].name[0] == '\0');
}

static void pvh_many_modules(struct ktest *t)
{
	struct modlist_entry many[BOOT_MODULES + 2];
	struct start_info start = good_start;

	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = good_modules[0];
	make_pvh();
	start.nr_modules = ARRAY_SIZE(many);
	set_start(&start);
	set_region(MODLIST, start.modlist, many, sizeof(many));
	EXPECT_EQ(t, parse_pvh(t), 0);
	EXPECT_EQ(t, info->module_count, BOOT_MODULES);
	EXPECT_EQ(t, info->modules_dropped, 2);
}

static void pvh_texts(struct ktest *t)
{
	char *text = ktest_zalloc(t, BOOT_CMDLINE + 1);

	if (!text)
		return;
	make_pvh();
	memset(text, 'x', BOOT_CMDLINE);
	set_region(CMDLINE, good_start.cmdline, text + 1, BOOT_CMDLINE);
	EXPECT_EQ(t, parse_pvh(t), 0);
	EXPECT(t, info->complaint[0] == 0 && !info->cmdline_cut);
	EXPECT_EQ(t, strlen(info->cmdline), BOOT_CMDLINE - 1);
	set_region(CMDLINE, good_start.cmdline, text, BOOT_CMDLINE + 1);
	set_region(MODULE_NAME, good_modules[0].cmdline, text, BOOT_CMDLINE + 1);
	EXPECT_EQ(t, parse_pvh(t), 0);
	EXPECT(t, info->complaint[0] == 0 && info->cmdline_cut);
	EXPECT_EQ(t, strlen(info->cmdline), BOOT_CMDLINE - 1);
	EXPECT_EQ(t, strlen(info->module[0].name), 47);
}

static void pvh_hostile(struct ktest *t)
{
	for (int i = 0; i < ROUNDS && !t->failed; i++) {
		make_pvh();
		damage_region(t, &region[ktest_random(t, REGIONS)]);
		damage_region(t, &region[ktest_random(t, REGIONS)]);
		parse_pvh(t);
	}
}

/* --- ACPI: RSDP, root, FADT and DSDT, a region each --- */

enum { ACPI_RSDP, ACPI_ROOT, ACPI_FADT, ACPI_DSDT };
#define ACPI_ADDR(i) (0x7fe0000ULL + 0x1000 * (i))

/* Make the bytes [0, n) add up, through the byte at `at`. */
static void add_up(size_t i, size_t at, size_t n)
{
	uint8_t sum = 0;

	region[i].at[at] = 0;
	for (size_t k = 0; k < n; k++)
		sum += region[i].at[k];
	region[i].at[at] = (uint8_t)(0 - sum);
}

static void set_table(size_t i, const char *name, const void *body, size_t n)
{
	uint8_t bytes[512];
	uint32_t length = (uint32_t)(36 + n);

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, name, 4);
	memcpy(bytes + 4, &length, 4);
	memcpy(bytes + 36, body, n);
	set_region(i, ACPI_ADDR(i), bytes, length);
	add_up(i, 9, length);
}

/* As QEMU's: revision 0 has a root of 32-bit entries; 2, one of 64-bit ones as well. */
static void make_acpi(uint8_t revision, const void *aml, size_t n)
{
	static const uint32_t pm1a = 0x604, dsdt = ACPI_ADDR(ACPI_DSDT);
	const uint64_t entries[] = {0xfee00000, ACPI_ADDR(ACPI_FADT)}, xsdt = ACPI_ADDR(ACPI_ROOT);
	const uint32_t narrow[] = {0xfee00000, ACPI_ADDR(ACPI_FADT)};
	uint8_t rsdp[36] = "RSD PTR ", fadt[80] = {0};

	memcpy(rsdp + 16, &(uint32_t){revision ? 0 : ACPI_ADDR(ACPI_ROOT)}, 4);
	memcpy(rsdp + 24, &xsdt, 8);
	rsdp[15] = revision;
	set_region(ACPI_RSDP, ACPI_ADDR(ACPI_RSDP), rsdp, revision ? 36 : 20);
	add_up(ACPI_RSDP, 8, 20);
	if (revision)
		add_up(ACPI_RSDP, 32, 36);
	if (revision)
		set_table(ACPI_ROOT, "XSDT", entries, sizeof(entries));
	else
		set_table(ACPI_ROOT, "RSDT", narrow, sizeof(narrow));
	memcpy(fadt + 40 - 36, &dsdt, 4);
	memcpy(fadt + 64 - 36, &pm1a, 4);
	set_table(ACPI_FADT, "FACP", fadt, sizeof(fadt));
	set_table(ACPI_DSDT, "DSDT", aml, n);
}

static const uint8_t plain_aml[] = {0x10, 0x08, 0x08, '_',  'S',  '5',	'_',  0x12,
				    0x08, 0x04, 0x0a, 0x07, 0x01, 0x00, 0x00, 0x5b};
static const uint8_t rooted_aml[] = {0x08, '\\', '_',  'S',  '5',  '_', 0x12,
				     0x46, 0x00, 0x02, 0x01, 0x0a, 0x05};

static void expect_soft_off(struct ktest *t, uint16_t port, uint16_t value)
{
	struct boot_soft_off off = acpi_find_soft_off(&reader, ACPI_ADDR(ACPI_RSDP));

	EXPECT_EQ(t, off.port, port);
	EXPECT_EQ(t, off.value, value);
}

static void acpi_soft_off(struct ktest *t)
{
	make_acpi(0, plain_aml, sizeof(plain_aml));
	expect_soft_off(t, 0x604, 0x3c00);
	make_acpi(2, rooted_aml, sizeof(rooted_aml));
	expect_soft_off(t, 0x604, 0x2400);
	EXPECT_EQ(t, acpi_find_soft_off(&reader, 0).port, 0);
	make_acpi(2, plain_aml, 11);
	expect_soft_off(t, 0, 0);
	for (size_t i = ACPI_RSDP; i <= ACPI_DSDT;
	     i++) { /* a byte of each that isn't as summed up */
		make_acpi(0, plain_aml, sizeof(plain_aml));
		region[i].at[9 + (i == ACPI_RSDP)] ^= 1;
		expect_soft_off(t, 0, 0);
	}
}

static void acpi_hostile(struct ktest *t)
{
	for (int i = 0; i < ROUNDS && !t->failed; i++) {
		make_acpi(i % 2 ? 2 : 0, plain_aml, sizeof(plain_aml));
		damage_region(t, &region[ktest_random(t, REGIONS)]);
		if (i % 3) { /* and yet it adds up */
			add_up(ACPI_ROOT, 9, region[ACPI_ROOT].size);
			add_up(ACPI_FADT, 9, region[ACPI_FADT].size);
			add_up(ACPI_DSDT, 9, region[ACPI_DSDT].size);
		}
		acpi_find_soft_off(&reader, ACPI_ADDR(ACPI_RSDP));
	}
}

static const struct ktest_case cases[] = {
	{"acpi_soft_off", acpi_soft_off},
	{"acpi_hostile", acpi_hostile},
	{"multiboot2_seabios", multiboot2_seabios},
	{"multiboot2_ovmf", multiboot2_ovmf},
	{"multiboot2_truncated", multiboot2_truncated},
	{"multiboot2_malformed", multiboot2_malformed},
	{"multiboot2_elsewhere", multiboot2_elsewhere},
	{"multiboot2_no_map", multiboot2_no_map},
	{"multiboot2_long_entries", multiboot2_long_entries},
	{"multiboot2_texts", multiboot2_texts},
	{"multiboot2_unended_texts", multiboot2_unended_texts},
	{"multiboot2_many_modules", multiboot2_many_modules},
	{"multiboot2_many_ranges", multiboot2_many_ranges},
	{"multiboot2_hostile", multiboot2_hostile},
	{"pvh_qemu", pvh_qemu},
	{"pvh_version_0", pvh_version_0},
	{"pvh_null", pvh_null},
	{"pvh_truncated", pvh_truncated},
	{"pvh_malformed", pvh_malformed},
	{"pvh_absurd_map", pvh_absurd_map},
	{"pvh_bad_modules", pvh_bad_modules},
	{"pvh_many_modules", pvh_many_modules},
	{"pvh_texts", pvh_texts},
	{"pvh_hostile", pvh_hostile},
	{NULL, NULL},
};

const struct ktest_suite boot_suite = {
	.name = "boot",
	.begin = begin,
	.end = end,
	.cases = cases,
};
