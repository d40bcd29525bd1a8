/* SPDX-License-Identifier: MIT */
/*
 * Multiboot2 boot information (Multiboot2 Specification 2.0, section 3.6):
 *
 *	u32 total_size, reserved
 *	tag, at multiples of 8:  u32 type, size (header included), payload
 *	...
 *	tag of type 0: the end
 *
 * It is read as one piece of total_size bytes; within it a tag has the bytes
 * that its size says, cut at the end of the piece, and nothing beyond. Fields
 * are copied out: no alignment of the bytes is relied on.
 *
 * What is malformed is left out, with a complaint. A tag whose size can't be
 * true hides where the next begins, so it ends the walk.
 */
#include "boot/collect.h"

/* Section 3.6.1 and following. */
enum { TAG_END = 0, TAG_CMDLINE = 1, TAG_MODULE = 3, TAG_MMAP = 6 };
enum { TAG_RSDP_V1 = 14, TAG_RSDP_V2 = 15 };

struct info_header {
	uint32_t total_size, reserved;
};

struct tag_header {
	uint32_t type, size;
};

struct module_tag {
	struct tag_header header;
	uint32_t start, end; /* then its command line */
};

struct mmap_tag {
	struct tag_header header;
	uint32_t entry_size, entry_version;
};

_Static_assert(sizeof(struct info_header) == 8, "section 3.6.2");
_Static_assert(sizeof(struct tag_header) == 8, "section 3.6.2");
_Static_assert(sizeof(struct module_tag) == 16, "section 3.6.6");
_Static_assert(sizeof(struct mmap_tag) == 16, "section 3.6.8");

/* Loaders make some KiB. What claims more is no boot information. */
#define INFO_MAX (1U << 20)

/* ACPI 6.4, section 5.2.5.3: of revision 0, and of 2. */
#define RSDP_V1_SIZE 20
#define RSDP_V2_SIZE 36

/* Bytes that may be read. */
struct piece {
	const char *at;
	size_t size;
};

static bool piece_get(struct piece piece, size_t offset, void *out, size_t n)
{
	if (offset > piece.size || n > piece.size - offset)
		return false;
	memcpy(out, piece.at + offset, n);
	return true;
}

static void take_cmdline(struct boot_info *info, struct piece tag)
{
	info->cmdline_cut = !string_copy_most(info->cmdline, sizeof(info->cmdline),
					      tag.at + sizeof(struct tag_header),
					      tag.size - sizeof(struct tag_header));
}

static void take_module(struct boot_info *info, struct piece tag)
{
	struct boot_module *module;
	struct module_tag head;

	if (!piece_get(tag, 0, &head, sizeof(head))) {
		boot_complain(info, "a module's tag is too small");
		return;
	}
	module = boot_add_module(info, head.start, head.end);
	if (module)
		string_copy_most(module->name, sizeof(module->name), tag.at + sizeof(head),
				 tag.size - sizeof(head));
}

/* Later versions only append to an entry: entry_size alone tells where the next begins. */
static void take_mmap(struct boot_info *info, struct piece tag)
{
	struct map_entry entry;
	struct mmap_tag head;
	size_t at = sizeof(head);

	if (!piece_get(tag, 0, &head, sizeof(head)) || head.entry_size < sizeof(entry)) {
		boot_complain(info, "the memory map, or an entry of it, is too small");
		return;
	}
	for (; piece_get(tag, at, &entry, sizeof(entry)); at += head.entry_size)
		boot_add_range(info, &entry);
	if (at != tag.size)
		boot_complain(info, "the memory map ends within an entry");
}

/* The tag holds a copy of the root pointer, not its address: what is known is where the copy lies.
 */
static void take_rsdp(struct boot_info *info, struct piece tag, uint64_t addr, size_t size)
{
	if (tag.size < sizeof(struct tag_header) + size) {
		boot_complain(info, "the tag of ACPI's root pointer is too small");
		return;
	}
	info->rsdp = addr + sizeof(struct tag_header);
}

static void take_tag(struct boot_info *info, uint32_t type, struct piece tag, uint64_t addr)
{
	switch (type) {
	case TAG_CMDLINE:
		take_cmdline(info, tag);
		break;
	case TAG_MODULE:
		take_module(info, tag);
		break;
	case TAG_MMAP:
		take_mmap(info, tag);
		break;
	case TAG_RSDP_V1:
		if (!info->rsdp) /* the other one is better */
			take_rsdp(info, tag, addr, RSDP_V1_SIZE);
		break;
	case TAG_RSDP_V2:
		take_rsdp(info, tag, addr, RSDP_V2_SIZE);
		break;
	}
}

/* Tags from the header on up to the end tag. `whole` lies at `addr`. */
static void walk_tags(struct boot_info *info, struct piece whole, uint64_t addr)
{
	size_t at = sizeof(struct info_header);
	struct tag_header head;

	while (piece_get(whole, at, &head, sizeof(head))) {
		if (head.type == TAG_END)
			return;
		if (head.size < sizeof(head) || head.size > whole.size - at) {
			boot_complain(info, "a tag's size is less than its header, or more than "
					    "there is");
			return;
		}
		take_tag(info, head.type, (struct piece){whole.at + at, head.size}, addr + at);
		at += ((size_t)head.size + 7) & ~(size_t)7;
	}
	boot_complain(info, "the tags have no end tag");
}

int multiboot2_parse(struct boot_info *info, const struct boot_reader *reader, uint64_t addr)
{
	struct info_header head;
	struct piece whole;

	boot_info_clear(info, "multiboot2");
	whole = (struct piece){boot_read(reader, addr, sizeof(head)), sizeof(head)};
	if (!whole.at)
		return boot_refuse(info, "there is no boot information where the loader says");
	piece_get(whole, 0, &head, sizeof(head));
	if (head.total_size < sizeof(head) + sizeof(struct tag_header) ||
	    head.total_size > INFO_MAX)
		return boot_refuse(info, "the boot information's size can't be true");
	whole = (struct piece){boot_read(reader, addr, head.total_size), head.total_size};
	if (!whole.at)
		return boot_refuse(info, "the boot information reaches beyond memory");
	info->info_start = addr;
	info->info_end = addr + head.total_size;
	walk_tags(info, whole, addr);
	if (!info->range_count)
		boot_complain(info, "the loader gave no memory map");
	return 0;
}
