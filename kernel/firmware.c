/* SPDX-License-Identifier: MIT */
/*
 * What the machine was given: the loader's words through boot/'s parsers, and
 * what the host adds by fw_cfg. Boot CPU, once.
 */
#include "kernel/machine.h"

#include "boot/fw_cfg.h"
#include "boot/parse.h"
#include "kernel/cmdline.h"
#include "kernel/exit.h"
#include "kernel/log.h"
#include "kernel/mmu.h"

/* The boot tables map this much; loaders put nothing of ours above it. */
#define BOOT_MAPPED GIB(4)

static const void *read_boot_memory(void *context, uint64_t addr, uint64_t size)
{
	if (addr == 0 || size > BOOT_MAPPED || addr > BOOT_MAPPED - size)
		return NULL;
	return phys_to_virt(phys(addr));
}

static void add_host_cmdline(void)
{
	static char text[CMDLINE_MAX];
	uint16_t key;
	uint32_t size;

	if (!fw_cfg_find("opt/bounce/cmdline", &key, &size))
		return;
	if (size > sizeof(text) - 1) {
		log_warning("fw_cfg: opt/bounce/cmdline is %u bytes long, cut at %zu", size,
			    sizeof(text) - 1);
		size = sizeof(text) - 1;
	}
	if (fw_cfg_read(key, text, size)) {
		log_warning("fw_cfg: opt/bounce/cmdline can't be read, and is left out");
		return;
	}
	text[size] = '\0';
	cmdline_add(text);
}

static void complain(const struct boot_info *info)
{
	if (info->complaint[0])
		log_warning("%s: %s", info->protocol, info->complaint);
	if (info->cmdline_cut)
		log_warning("%s: the command line is longer than %d bytes, the rest is lost",
			    info->protocol, BOOT_CMDLINE - 1);
	if (info->ranges_dropped)
		log_warning("%s: %u memory ranges more than the %d that fit", info->protocol,
			    info->ranges_dropped, BOOT_RANGES);
	if (info->modules_dropped)
		log_warning("%s: %u modules more than the %d that fit", info->protocol,
			    info->modules_dropped, BOOT_MODULES);
}

void firmware_init(uint32_t magic, uint64_t info_addr, struct boot_info *info)
{
	const struct boot_reader reader = {.read = read_boot_memory};
	int error = -1;

	if (magic == MULTIBOOT2_BOOTLOADER_MAGIC)
		error = multiboot2_parse(info, &reader, info_addr);
	else if (magic == PVH_START_MAGIC)
		error = pvh_parse(info, &reader, info_addr);
	else
		log_error("boot: loader's magic %#x is neither multiboot2 nor PVH", magic);
	if (error) {
		if (info->complaint[0])
			log_error("boot: %s", info->complaint);
		log_error("boot: load this image with GRUB's multiboot2 or with qemu -kernel");
		machine_exit(EXIT_FAIL);
	}
	info->soft_off = acpi_find_soft_off(&reader, info->rsdp);
	cmdline_add(info->cmdline);
	add_host_cmdline();
	complain(info);
}
