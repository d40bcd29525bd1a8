/* SPDX-License-Identifier: MIT */
/*
 * The way to soft off through ACPI's tables:
 *
 *	RSDP -> XSDT (64-bit) or RSDT (32-bit) -> FADT: ports -> DSDT: \_S5
 *
 * All of it is firmware's word: each table is mapped by the length its header
 * claims, within bounds, and counts only if its signature is the expected one
 * and its bytes add up to 0. AML isn't interpreted; what \_S5 looks like in
 * every machine's is searched for.
 *
 * Sources: ACPI 6.4, sections 5.2.5.3 (RSDP), 5.2.6 (header), 5.2.7, 5.2.8
 * (RSDT, XSDT), 5.2.9 (FADT), 20.2 (AML grammar), 7.4.2 (\_Sx).
 */
#include "kernel/acpi.h"

#include "kernel/mmu.h"
#include "mm/errno.h"
#include "mm/port.h"

#define TABLE_MOST MIB(1)

enum { RSDP_SIZE = 20, RSDP_SIZE_2 = 36, RSDP_REVISION = 15, RSDP_RSDT = 16, RSDP_XSDT = 24 };
enum { HEADER_SIZE = 36, HEADER_LENGTH = 4 };
enum {
	FADT_DSDT = 40,
	FADT_SMI_COMMAND = 48,
	FADT_ACPI_ENABLE = 52,
	FADT_PM1A_CONTROL = 64,
	FADT_PM1B_CONTROL = 68,
	FADT_SIZE_1 = 116, /* of ACPI 1.0: all of the above */
};

enum { AML_ZERO = 0x00, AML_ONE = 0x01, AML_NAME = 0x08, AML_BYTE = 0x0a, AML_PACKAGE = 0x12 };

struct table {
	const uint8_t *byte; /* NULL: not there */
	uint64_t length;
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

static struct table map(uint64_t addr, uint64_t length)
{
	return (struct table){mmu_map_device(phys(addr), length, MMU_READ), length};
}

static void unmap(struct table t)
{
	if (t.byte)
		mmu_unmap_device((void *)(uintptr_t)t.byte, t.length);
}

/* The table at `addr`, whole, if it is one of that name. */
static struct table table_open(uint64_t addr, const char *signature)
{
	struct table t = map(addr, HEADER_SIZE);
	uint64_t length = 0;

	if (t.byte && !memcmp(t.byte, signature, 4))
		length = number(t.byte + HEADER_LENGTH, 4);
	unmap(t);
	if (length < HEADER_SIZE || length > TABLE_MOST)
		return (struct table){0};
	t = map(addr, length);
	if (t.byte && !adds_up(t.byte, length)) {
		unmap(t);
		t.byte = NULL;
	}
	return t;
}

/* PkgLength: the top two bits of its first byte count the bytes that follow. */
static size_t package_header(uint8_t lead)
{
	return 1 + (lead >> 6) + 1; /* and NumElements */
}

/* An integer of one byte's worth at *at, which moves on. */
static bool aml_byte(const uint8_t *aml, size_t n, size_t *at, uint8_t *value)
{
	if (*at < n && (aml[*at] == AML_ZERO || aml[*at] == AML_ONE)) {
		*value = aml[(*at)++];
		return true;
	}
	if (n - *at < 2 || *at > n || aml[*at] != AML_BYTE)
		return false;
	*value = aml[*at + 1];
	*at += 2;
	return true;
}

bool acpi_find_s5(const uint8_t *aml, size_t n, uint8_t *type_a, uint8_t *type_b)
{
	for (size_t i = 0; i + 7 <= n; i++) {
		size_t name = i + 1, at;

		if (aml[i] != AML_NAME)
			continue;
		if (aml[name] == '\\')
			name++;
		at = name + 4;
		if (n - i < 8 || memcmp(aml + name, "_S5_", 4) || aml[at] != AML_PACKAGE)
			continue;
		at++;
		if (at >= n)
			continue;
		at += package_header(aml[at]);
		if (aml_byte(aml, n, &at, type_a) && aml_byte(aml, n, &at, type_b))
			return true;
	}
	return false;
}

static int read_fadt(struct table fadt, struct acpi_off *off)
{
	struct table dsdt;
	bool found;

	if (fadt.length < FADT_SIZE_1)
		return -EINVAL;
	off->pm1a_control = (uint16_t)number(fadt.byte + FADT_PM1A_CONTROL, 4);
	off->pm1b_control = (uint16_t)number(fadt.byte + FADT_PM1B_CONTROL, 4);
	off->smi_command = (uint16_t)number(fadt.byte + FADT_SMI_COMMAND, 4);
	off->enable = fadt.byte[FADT_ACPI_ENABLE];
	dsdt = table_open(number(fadt.byte + FADT_DSDT, 4), "DSDT");
	if (!dsdt.byte)
		return -EINVAL;
	found = acpi_find_s5(dsdt.byte + HEADER_SIZE, dsdt.length - HEADER_SIZE, &off->type_a,
			     &off->type_b);
	unmap(dsdt);
	return found && off->pm1a_control ? 0 : -ENOENT;
}

/* Of the tables that the root lists the FADT, whose signature is FACP. */
static int read_root(struct table root, size_t entry_size, struct acpi_off *off)
{
	for (size_t at = HEADER_SIZE; at + entry_size <= root.length; at += entry_size) {
		struct table fadt = table_open(number(root.byte + at, entry_size), "FACP");
		int error;

		if (!fadt.byte)
			continue;
		error = read_fadt(fadt, off);
		unmap(fadt);
		return error;
	}
	return -ENOENT;
}

/* The root table's address, and whether it is the one with 64-bit entries; 0: damaged. */
static uint64_t root_of(uint64_t rsdp, bool *is_wide)
{
	struct table t = map(rsdp, RSDP_SIZE_2);
	uint64_t addr = 0;

	if (t.byte && !memcmp(t.byte, "RSD PTR ", 8) && adds_up(t.byte, RSDP_SIZE)) {
		*is_wide = t.byte[RSDP_REVISION] >= 2 && adds_up(t.byte, RSDP_SIZE_2);
		addr = *is_wide ? number(t.byte + RSDP_XSDT, 8) : number(t.byte + RSDP_RSDT, 4);
	}
	unmap(t);
	return addr;
}

int acpi_find_off(uint64_t rsdp, struct acpi_off *off)
{
	struct table root;
	bool is_wide;
	uint64_t addr;
	int error;

	if (!rsdp)
		return -ENOENT;
	addr = root_of(rsdp, &is_wide);
	if (!addr)
		return -EINVAL;
	root = table_open(addr, is_wide ? "XSDT" : "RSDT");
	if (!root.byte)
		return -EINVAL;
	error = read_root(root, is_wide ? 8 : 4, off);
	unmap(root);
	return error;
}
