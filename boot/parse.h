/* SPDX-License-Identifier: MIT */
/*
 * The two ways in, as parsers, and what is read of ACPI. All are pure and
 * bounded, and run on the host too.
 */
#ifndef BOOT_PARSE_H
#define BOOT_PARSE_H

#include "boot/boot_info.h"

/* What entry.S hands over in %eax. */
#define MULTIBOOT2_BOOTLOADER_MAGIC 0x36d76289 /* Multiboot2 specification 2.0, section 3.3 */
#define PVH_START_MAGIC		    0x336ec578 /* Xen public/arch-x86/hvm/start_info.h */

/*
 * How a parser reaches memory: `size` bytes at a physical address, or NULL if
 * they aren't there to be read. A test's reader knows a few buffers only.
 */
struct boot_reader {
	const void *(*read)(void *context, uint64_t addr, uint64_t size);
	void *context;
};

/*
 * Multiboot2 boot information at `addr`. 0; -EINVAL where it isn't one (then
 * the complaint says why). Malformed tags are skipped with a complaint.
 */
int multiboot2_parse(struct boot_info *info, const struct boot_reader *reader, uint64_t addr);

/* struct hvm_start_info at `addr`. The same. */
int pvh_parse(struct boot_info *info, const struct boot_reader *reader, uint64_t addr);

/* How ACPI's tables, which begin at `rsdp`, would have the power go off; port 0: they don't say. */
struct boot_soft_off acpi_find_soft_off(const struct boot_reader *reader, uint64_t rsdp);

#endif
