/* SPDX-License-Identifier: MIT */
/*
 * What the machine was given: the loader's words through boot/'s parsers, and
 * what the host adds by fw_cfg. Boot CPU, once.
 */
#ifndef KERNEL_FIRMWARE_H
#define KERNEL_FIRMWARE_H

#include <stdint.h>

#include "boot/boot_info.h"

/*
 * Parse what entry.S was handed, and put the command lines (the loader's, then
 * fw_cfg opt/bounce/cmdline) in place. Ends the run with a clear line where the
 * loader is unknown or its information is no such thing.
 */
void firmware_init(uint32_t magic, uint64_t info_addr, struct boot_info *info);

#endif
