/* SPDX-License-Identifier: MIT */
/*
 * PVH start information (Xen public/arch-x86/hvm/start_info.h):
 *
 *	struct start_info ──> memory map, of memmap_entries
 *	                  ──> modules, of nr_modules, each ──> its command line
 *	                  ──> command line, RSDP
 *
 * The parts lie anywhere; an address of 0 means that there is none. Each part
 * is asked of the reader by itself, as one piece of all its entries, and is
 * believed whole or not at all: half a memory map may lack just the reserved
 * half. Fields are copied out: no alignment of the bytes is relied on.
 *
 * Version 0 has no memory map, which is nothing to begin with.
 */
#include "boot/collect.h"

struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist_paddr, cmdline_paddr, rsdp_paddr;
	/* From version 1 on: */
	uint64_t memmap_paddr;
	uint32_t memmap_entries, reserved;
};

struct modlist_entry {
	uint64_t paddr, size, cmdline_paddr, reserved;
};

_Static_assert(offsetof(struct start_info, modlist_paddr) == 16, "start_info.h");
_Static_assert(offsetof(struct start_info, memmap_paddr) == 40, "start_info.h");
_Static_assert(sizeof(struct start_info) == 56, "start_info.h, version 1");
_Static_assert(sizeof(struct modlist_entry) == 32, "start_info.h");

/* Firmware gives tens. A table with more than this is none. */
#define ENTRIES_MAX 4096

/* How long it is nobody says: byte by byte, so that one at memory's end is read too. */
static bool take_text(char *dst, size_t size, const struct boot_reader *reader, uint64_t addr,
		      bool *cut)
{
	const char *byte;
	size_t i;

	for (i = 0; i < size; i++) {
		byte = boot_read(reader, addr + i, 1);
		dst[i] = byte ? *byte : '\0';
		if (dst[i] == '\0')
			return byte != NULL;
	}
	dst[size - 1] = '\0';
	*cut = true;
	return true;
}

static void take_cmdline(struct boot_info *info, const struct boot_reader *reader, uint64_t addr)
{
	if (addr &&
	    !take_text(info->cmdline, sizeof(info->cmdline), reader, addr, &info->cmdline_cut))
		boot_complain(info, "the command line reaches beyond memory");
}

/* NULL: it isn't there, not whole, or can't be one. */
static const char *read_table(const struct boot_reader *reader, uint64_t addr, uint32_t count,
			      size_t entry_size)
{
	return addr && count <= ENTRIES_MAX ? boot_read(reader, addr, count * entry_size) : NULL;
}

static void take_memmap(struct boot_info *info, const struct boot_reader *reader, uint64_t addr,
			uint32_t count)
{
	const char *table = read_table(reader, addr, count, sizeof(struct map_entry));
	struct map_entry entry;

	if (addr == 0 || count == 0) {
		boot_complain(info, "the loader gave no memory map");
		return;
	}
	if (!table) {
		boot_complain(info, "the memory map is too long, or reaches beyond memory");
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		memcpy(&entry, table + i * sizeof(entry), sizeof(entry));
		boot_add_range(info, &entry);
	}
}

static void take_module(struct boot_info *info, const struct boot_reader *reader,
			const struct modlist_entry *entry)
{
	struct boot_module *module;
	bool cut;

	if (entry->paddr == 0) {
		boot_complain(info, "a module has no address");
		return;
	}
	module = boot_add_module(info, entry->paddr, entry->paddr + entry->size);
	if (module && entry->cmdline_paddr &&
	    !take_text(module->name, sizeof(module->name), reader, entry->cmdline_paddr, &cut))
		boot_complain(info, "a module's command line reaches beyond memory");
}

static void take_modules(struct boot_info *info, const struct boot_reader *reader, uint64_t addr,
			 uint32_t count)
{
	const char *table = read_table(reader, addr, count, sizeof(struct modlist_entry));
	struct modlist_entry entry;

	if (count && !table)
		boot_complain(info, "the list of modules is too long, or reaches beyond memory");
	for (uint32_t i = 0; table && i < count; i++) {
		memcpy(&entry, table + i * sizeof(entry), sizeof(entry));
		take_module(info, reader, &entry);
	}
}

int pvh_parse(struct boot_info *info, const struct boot_reader *reader, uint64_t addr)
{
	const void *bytes = boot_read(reader, addr, sizeof(struct start_info));
	struct start_info start;

	boot_info_clear(info, "pvh");
	if (!bytes)
		return boot_refuse(info, "there is no start information where the loader says");
	memcpy(&start, bytes, sizeof(start));
	if (start.magic != PVH_START_MAGIC)
		return boot_refuse(info, "the start information's magic is wrong");
	if (start.version == 0)
		return boot_refuse(info,
				   "the start information is of version 0: without a memory map");
	info->info_start = addr;
	info->info_end = addr + sizeof(start);
	info->rsdp = start.rsdp_paddr;
	take_cmdline(info, reader, start.cmdline_paddr);
	take_memmap(info, reader, start.memmap_paddr, start.memmap_entries);
	take_modules(info, reader, start.modlist_paddr, start.nr_modules);
	return 0;
}
