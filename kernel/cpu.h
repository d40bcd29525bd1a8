/* SPDX-License-Identifier: MIT */
/*
 * What only the CPU can tell: features, model-specific and control registers.
 * The floor is em64t: whatever came later is asked for here first.
 *
 * Sources: Intel SDM vol. 2A, CPUID; vol. 4 (MSRs); vol. 3A, "Control Registers".
 */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

#include "mm/types.h"

#define CPUID_FEATURES	       0x00000001
#define CPUID_EXT_FEATURES     0x80000001
#define CPUID_EXT_WIDTHS       0x80000008

#define CPUID_1_EDX_MCE	       (1U << 7)
#define CPUID_1_EDX_APIC       (1U << 9)
#define CPUID_1_EDX_PAT	       (1U << 16)
#define CPUID_EXT_1_EDX_NX     (1U << 20)
#define CPUID_EXT_1_EDX_PAGE1G (1U << 26)

#define MSR_APIC_BASE	       0x1b
#define MSR_PAT		       0x277
#define MSR_EFER	       0xc0000080

#define APIC_BASE_ENABLE       (1ULL << 11)
#define APIC_BASE_ADDRESS      0x000ffffffffff000UL
#define EFER_NXE	       (1ULL << 11)

#define CR4_MCE		       (1UL << 6)

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid_raw(uint32_t leaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(0));
	return r;
}

/* A leaf's answer; all zero where this CPU doesn't have the leaf (it would answer with another's).
 */
static inline struct cpuid cpuid(uint32_t leaf)
{
	if (cpuid_raw(leaf & 0x80000000).eax < leaf)
		return (struct cpuid){0};
	return cpuid_raw(leaf);
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))
			 : "memory");
}

#define CONTROL_REGISTER(name)                                                                     \
	static inline uint64_t read_##name(void)                                                   \
	{                                                                                          \
		uint64_t v;                                                                        \
		__asm__ volatile("mov %%" #name ", %0" : "=r"(v));                                 \
		return v;                                                                          \
	}                                                                                          \
	static inline void write_##name(uint64_t v)                                                \
	{                                                                                          \
		__asm__ volatile("mov %0, %%" #name : : "r"(v) : "memory");                        \
	}

CONTROL_REGISTER(cr2)
CONTROL_REGISTER(cr3)
CONTROL_REGISTER(cr4)

#endif
