/* SPDX-License-Identifier: MIT */
/*
 * What the firmware or loader said, in one neutral form: the end of boot/ and
 * the beginning of the kernel.
 *
 * Whatever way the machine came up (multiboot2 from GRUB on BIOS or UEFI, PVH
 * from qemu -kernel), the parsers end here. They are pure: bytes in, this out,
 * nothing outside the given bytes is read. All in it is still unproven: ranges
 * may overlap, modules may lie outside RAM.
 */
#ifndef BOOT_BOOT_INFO_H
#define BOOT_BOOT_INFO_H

#include "mm/types.h"

#define BOOT_RANGES    256
#define BOOT_MODULES   8
#define BOOT_CMDLINE   2048 /* bytes with the final 0 */
#define BOOT_COMPLAINT 96

struct boot_range {
	uint64_t base, length; /* bytes */
	bool usable;	       /* type 1; every other type, known or not, is reserved */
};

struct boot_module {
	uint64_t start, end; /* physical, [start, end) */
	char name[48];	     /* its command line, cut */
};

/* How the power goes off: write `value` to the port PM1a_CNT. Port 0: not known. */
struct boot_soft_off {
	uint16_t port, value;
};

struct boot_info {
	const char *protocol; /* "multiboot2" or "pvh" */
	char cmdline[BOOT_CMDLINE];
	bool cmdline_cut; /* it was longer */
	uint64_t rsdp;	  /* physical address of ACPI's root pointer, 0: unknown */
	struct boot_soft_off soft_off;
	size_t range_count;
	struct boot_range range[BOOT_RANGES];
	unsigned ranges_dropped; /* for want of room */
	uint64_t reserved_above; /* a reserved range was dropped: nothing from here on is RAM */
	size_t module_count;
	struct boot_module module[BOOT_MODULES];
	unsigned modules_dropped;
	/* Where the loader's own structures lie (to keep until they are parsed). */
	uint64_t info_start, info_end;
	/* What a parser found wrong, in words; empty if nothing. Not fatal by itself. */
	char complaint[BOOT_COMPLAINT];
};

#endif
