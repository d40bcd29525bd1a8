/* SPDX-License-Identifier: MIT */
/*
 * QEMU's firmware configuration device (QEMU docs/specs/fw_cfg.rst): named
 * files that the host gives to the guest. Absent on other machines; then
 * nothing is found. Boot CPU only.
 */
#ifndef BOOT_FW_CFG_H
#define BOOT_FW_CFG_H

#include "mm/types.h"

/* Is there such a file? Its key and size in bytes. */
bool fw_cfg_find(const char *name, uint16_t *key, uint32_t *size);

/* Read the first `size` bytes of a file by the device's DMA, as all have it. 0, -EIO. */
int fw_cfg_read(uint16_t key, void *dst, uint32_t size);

#endif
