/* SPDX-License-Identifier: MIT */
/*
 * As much of ACPI as it takes to switch the power off:
 *
 *	RSDP -> XSDT (64-bit) or RSDT (32-bit) -> FADT: a port -> DSDT: \_S5
 *
 * All of it is firmware's word: each table is asked of the reader by the length
 * its header claims, and counts only if its signature is the expected one and
 * its bytes add up to 0. AML isn't interpreted; what \_S5 looks like in every
 * machine's is searched for.
 *
 * Sources: ACPI 6.4, sections 5.2.5.3 (RSDP), 5.2.6 (header), 5.2.7, 5.2.8
 * (RSDT, XSDT), 5.2.9 (FADT), 20.2 (AML grammar), 7.4.2 (\_Sx), 4.8.3.2 (PM1
 * control registers).
 */
#include "boot/collect.h"

#define TABLE_MOST (1U << 20)

enum { RSDP_SIZE = 20, RSDP_SIZE_2 = 36, RSDP_REVISION = 15, RSDP_RSDT = 16, RSDP_XSDT = 24 };
enum { HEADER_SIZE = 36, HEADER_LENGTH = 4 };
enum { FADT_DSDT = 40, FADT_PM1A_CONTROL = 64, FADT_SIZE_1 = 116 /* of ACPI 1.0 */ };
enum { AML_NAME = 0x08, AML_BYTE = 0x0a, AML_PACKAGE = 0x12 };
enum { PM1_SLEEP_TYPE_SHIFT = 10, PM1_SLEEP_ENABLE = 1 << 13 };

struct table {
	const uint8_t *byte; /* NULL: not there */
	uint32_t length;
};

static uint64_t number(const uint8_t *byte, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, byte, n);
	return v;
}

static bool adds_up(const uint8_t *byte, size_t n)
{
	uint8_t sum = 0;

	while (n--)
		sum += *byte++;
	return sum == 0;
}

/* The table at `addr`, whole, if it is one of that name. */
static struct table table_at(const struct boot_reader *reader, uint64_t addr, const char *name)
{
	struct table t = {boot_read(reader, addr, HEADER_SIZE), 0};

	if (!t.byte || memcmp(t.byte, name, 4))
		return (struct table){0};
	t.length = number(t.byte + HEADER_LENGTH, 4);
	if (t.length >= HEADER_SIZE && t.length <= TABLE_MOST)
		t.byte = boot_read(reader, addr, t.length);
	else
		t.byte = NULL;
	return t.byte && adds_up(t.byte, t.length) ? t : (struct table){0};
}

/*
 * \_S5 is a package of integers, the first of which is SLP_TYP for PM1a:
 *
 *	Name '\'? "_S5_" Package PkgLength NumElements, then Zero, One or ByteConst and a byte
 *
 * The top two bits of PkgLength count the bytes that follow its first. -1: not there.
 */
static int find_sleep_type(const uint8_t *aml, size_t n)
{
	for (size_t i = 0; i + 9 < n; i++) {
		size_t at = i + 1 + (aml[i + 1] == '\\');

		if (aml[i] != AML_NAME || memcmp(aml + at, "_S5_", 4) ||
		    aml[at + 4] != AML_PACKAGE || at + 5 >= n)
			continue;
		at += 5 + (aml[at + 5] >> 6) + 2;
		if (at < n && aml[at] <= 1)
			return aml[at];
		if (at + 1 < n && aml[at] == AML_BYTE)
			return aml[at + 1];
	}
	return -1;
}

/* The FADT, whose signature is FACP, of the tables that the root lists. */
static struct table find_fadt(const struct boot_reader *reader, uint64_t rsdp)
{
	const uint8_t *root_pointer = boot_read(reader, rsdp, RSDP_SIZE);
	struct table root, fadt = {0};
	bool wide;

	if (!root_pointer || memcmp(root_pointer, "RSD PTR ", 8) ||
	    !adds_up(root_pointer, RSDP_SIZE))
		return fadt;
	wide = root_pointer[RSDP_REVISION] >= 2 && boot_read(reader, rsdp, RSDP_SIZE_2) &&
	       adds_up(root_pointer, RSDP_SIZE_2);
	root = wide ? table_at(reader, number(root_pointer + RSDP_XSDT, 8), "XSDT")
		    : table_at(reader, number(root_pointer + RSDP_RSDT, 4), "RSDT");
	for (size_t at = HEADER_SIZE, n = wide ? 8 : 4; at + n <= root.length && !fadt.byte;
	     at += n)
		fadt = table_at(reader, number(root.byte + at, n), "FACP");
	return fadt;
}

struct boot_soft_off acpi_find_soft_off(const struct boot_reader *reader, uint64_t rsdp)
{
	struct table fadt = find_fadt(reader, rsdp), dsdt = {0};
	int type = -1;

	if (fadt.length >= FADT_SIZE_1)
		dsdt = table_at(reader, number(fadt.byte + FADT_DSDT, 4), "DSDT");
	if (dsdt.byte)
		type = find_sleep_type(dsdt.byte + HEADER_SIZE, dsdt.length - HEADER_SIZE);
	if (type < 0)
		return (struct boot_soft_off){0};
	return (struct boot_soft_off){
		.port = (uint16_t)number(fadt.byte + FADT_PM1A_CONTROL, 4),
		.value = (uint16_t)((type & 7) << PM1_SLEEP_TYPE_SHIFT | PM1_SLEEP_ENABLE),
	};
}
