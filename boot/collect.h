/* SPDX-License-Identifier: MIT */
/*
 * How a parser fills struct boot_info: the rules that both have in common.
 *
 * Tables that are full drop what comes, and count it. A reserved range is never
 * lost without a trace: it lowers reserved_above, so that want of room can't
 * turn reserved memory into RAM.
 */
#ifndef BOOT_COLLECT_H
#define BOOT_COLLECT_H

#include "boot/parse.h"
#include "kernel/string.h"
#include "mm/errno.h"

/* An entry of the memory map, which both protocols have from BIOS (ACPI 6.4, table 15-4). */
struct map_entry {
	uint64_t base, length;
	uint32_t type, reserved;
};

_Static_assert(sizeof(struct map_entry) == 24, "Multiboot2, section 3.6.8; start_info.h");

#define MEMORY_USABLE 1 /* table 15-5; all other types are reserved */

static inline void boot_info_clear(struct boot_info *info, const char *protocol)
{
	memset(info, 0, sizeof(*info));
	info->protocol = protocol;
	info->reserved_above = UINT64_MAX;
}

/* NULL also where the end wraps. */
static inline const void *boot_read(const struct boot_reader *reader, uint64_t addr, uint64_t size)
{
	return size <= UINT64_MAX - addr ? reader->read(reader->context, addr, size) : NULL;
}

/* The first complaint stays: what follows may be its consequence. */
static inline void boot_complain(struct boot_info *info, const char *what)
{
	if (info->complaint[0] == '\0')
		string_copy(info->complaint, sizeof(info->complaint), what);
}

/* The end of a parser that found nothing to parse. */
static inline int boot_refuse(struct boot_info *info, const char *what)
{
	boot_complain(info, what);
	return -EINVAL;
}

static inline void boot_add_range(struct boot_info *info, const struct map_entry *e)
{
	bool usable = e->type == MEMORY_USABLE;

	if (e->length == 0)
		return;
	if (info->range_count < BOOT_RANGES) {
		info->range[info->range_count++] = (struct boot_range){e->base, e->length, usable};
		return;
	}
	info->ranges_dropped++;
	if (!usable && e->base < info->reserved_above)
		info->reserved_above = e->base;
}

/* A module's entry, for the caller to name it; NULL: it was dropped. */
static inline struct boot_module *boot_add_module(struct boot_info *info, uint64_t start,
						  uint64_t end)
{
	struct boot_module *module;

	if (end < start) {
		boot_complain(info, "a module ends before it starts");
		return NULL;
	}
	if (info->module_count == BOOT_MODULES) {
		info->modules_dropped++;
		return NULL;
	}
	module = &info->module[info->module_count++];
	module->start = start;
	module->end = end;
	return module;
}

#endif
