/* SPDX-License-Identifier: MIT */
/*
 * QEMU's firmware configuration device (QEMU docs/specs/fw_cfg.rst).
 *
 * An item is selected by its key, then read from its beginning: what is small a
 * byte at a time through the data port, a file in one go by the device's own DMA,
 * which the feature bitmap has since QEMU 2.5. Item 0x19 is a directory of files:
 *
 *	u32 count, then count times { u32 size; u16 key; u16 reserved; char name[56] }
 *
 * All big-endian, but for the bitmap. Each call begins with the signature: on
 * other machines nobody answers these ports.
 */
#include "boot/fw_cfg.h"

#include "kernel/io.h"
#include "kernel/mmu.h"
#include "mm/errno.h"

/* Section "Register Locations", x86. */
#define FW_CFG_SELECT 0x510
#define FW_CFG_DATA   0x511
#define FW_CFG_DMA    0x514 /* upper half of the address; the lower one's write starts */

/* Section "Firmware Configuration Items". */
#define KEY_SIGNATURE 0x0000
#define KEY_FEATURES  0x0001
#define KEY_DIRECTORY 0x0019
#define FEATURE_DMA   (1 << 1)
#define FILES_MAX     0x4000 /* section "Ranges" */

/* Section "Guest-side DMA Interface". */
#define DMA_ERROR  (1 << 0)
#define DMA_READ   (1 << 1)
#define DMA_SELECT (1 << 3)

/* The device has done it before the port's write returns; a later one may take this many reads. */
#define DMA_PATIENCE 10000000

struct fw_cfg_file {
	uint32_t size;
	uint16_t key, reserved;
	char name[56];
};

struct fw_cfg_dma {
	uint32_t control, length;
	uint64_t address;
};

_Static_assert(sizeof(struct fw_cfg_file) == 64, "section \"File Directory\"");
_Static_assert(sizeof(struct fw_cfg_dma) == 16, "section \"Guest-side DMA Interface\"");

static void read_bytes(void *dst, size_t n)
{
	for (uint8_t *byte = dst; n > 0; n--)
		*byte++ = inb(FW_CFG_DATA);
}

static uint32_t select_u32(uint16_t key)
{
	uint32_t value;

	outw(FW_CFG_SELECT, key);
	read_bytes(&value, sizeof(value));
	return value;
}

static bool present(void)
{
	return select_u32(KEY_SIGNATURE) == ('Q' | 'E' << 8 | 'M' << 16 | (uint32_t)'U' << 24);
}

bool fw_cfg_find(const char *name, uint16_t *key, uint32_t *size)
{
	struct fw_cfg_file file;
	uint32_t count;

	if (!present())
		return false;
	count = __builtin_bswap32(select_u32(KEY_DIRECTORY));
	for (uint32_t i = 0; i < count && i < FILES_MAX; i++) {
		read_bytes(&file, sizeof(file));
		if (__builtin_strncmp(file.name, name, sizeof(file.name)) != 0)
			continue;
		*key = __builtin_bswap16(file.key);
		*size = __builtin_bswap32(file.size);
		return true;
	}
	return false;
}

int fw_cfg_read(uint16_t key, void *dst, uint32_t size)
{
	/* Not on the stack: after a timeout the device may still write to it. */
	static volatile struct fw_cfg_dma dma;
	uint64_t addr = virt_to_phys((const void *)&dma).value;
	uint32_t control = DMA_SELECT | DMA_READ | (uint32_t)key << 16;

	if (!present() || !(select_u32(KEY_FEATURES) & FEATURE_DMA))
		return -EIO;
	dma.address = __builtin_bswap64(virt_to_phys(dst).value);
	dma.length = __builtin_bswap32(size);
	dma.control = __builtin_bswap32(control);
	outl(FW_CFG_DMA, __builtin_bswap32(addr >> 32));
	outl(FW_CFG_DMA + 4, __builtin_bswap32((uint32_t)addr));
	for (unsigned i = 0; control && !(control & DMA_ERROR) && i < DMA_PATIENCE; i++)
		control = __builtin_bswap32(dma.control);
	return control ? -EIO : 0;
}
