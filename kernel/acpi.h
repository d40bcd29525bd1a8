/* SPDX-License-Identifier: MIT */
/*
 * As much of ACPI as it takes to switch the power off.
 */
#ifndef KERNEL_ACPI_H
#define KERNEL_ACPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How this machine enters S5, soft off. Ports; 0: not there. */
struct acpi_off {
	uint16_t pm1a_control, pm1b_control, smi_command;
	uint8_t enable;		/* what smi_command takes to leave legacy mode */
	uint8_t type_a, type_b; /* SLP_TYP for the two */
};

/* Read the tables that begin at `rsdp`. -ENOENT: none, or no S5 in them; -EINVAL: damaged. */
int acpi_find_off(uint64_t rsdp, struct acpi_off *off);

/* The sleep types of \_S5 in `n` bytes of AML. Pure; nothing outside is read. */
bool acpi_find_s5(const uint8_t *aml, size_t n, uint8_t *type_a, uint8_t *type_b);

#endif
