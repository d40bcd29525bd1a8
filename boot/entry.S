/* SPDX-License-Identifier: MIT */
/*
 * From the loader to kmain(magic, info), in 64-bit mode at KERNEL_BASE.
 *
 * Two ways in, both in 32-bit protected mode, flat segments, paging and
 * interrupts off; nothing else is taken as given (no stack, no GDT, CR4 as the
 * firmware left it):
 *
 *	multiboot2_entry   %eax magic, %ebx boot information   Multiboot2 2.0, section 3.3
 *	pvh_entry          %ebx struct hvm_start_info          Xen docs/misc/pvh.pandoc
 *
 * The tables made here map the first 4 GiB three times over, with 2 MiB pages
 * (kvm64 has no others): at 0, so that the next instruction is still there, at
 * DIRECT_BASE, and of it the first 1 GiB at KERNEL_BASE. mmu_init() replaces them.
 *
 *	PML4 [0] [256] [511] ──> PDPT [0..3] ──> 4 page directories, 2,048 pages of 2 MiB
 *	                              [510] ───> the first of them
 *
 * Until 64-bit mode %ebp keeps the magic, %esi the address. The GDT has what it takes to
 * get there; trap_init() makes the kernel's, and loads the segments that 64-bit mode ignores.
 */
#include "kernel/mmu.h"

#define PHYS(symbol) (symbol - KERNEL_BASE)

#define PML4_SLOT(address) (((address) >> 39) & 511)
#define PDPT_SLOT(address) (((address) >> 30) & 511)

/* Intel SDM vol. 3A, table 4-14 and following. */
#define PTE_TABLE 0x003 /* present, writable */
#define PTE_LARGE 0x083 /* and a 2 MiB page */

/* Intel SDM vol. 3A, section 2.5. EM: in here nothing uses the FPU, what does is to trap. */
#define CR0_PE (1 << 0)
#define CR0_EM (1 << 2)
#define CR0_ET (1 << 4)
#define CR0_NE (1 << 5)
#define CR0_WP (1 << 16)
#define CR0_PG (1 << 31)
#define CR4_PAE (1 << 5)

#define MSR_EFER 0xc0000080 /* Intel SDM vol. 3A, section 2.2.1 */
#define EFER_LME (1 << 8)

#define CPUID_EXTENDED 0x80000001 /* Intel SDM vol. 2A, CPUID */
#define CPUID_LM       (1 << 29)

#define CODE_SELECTOR 0x08

#define BOOT_STACK_SIZE 0x4000

/* --- what loaders look for --------------------------------------------------------------------- */

	.section .boot, "ax", @progbits

/* Multiboot2 2.0, section 3.1. Each tag: u16 type, u16 flags (1: optional), u32 size. */
#define HEADER_MAGIC 0xe85250d6

	.balign 8
multiboot2_header:
	.long HEADER_MAGIC, 0, header_end - multiboot2_header
	.long -(HEADER_MAGIC + (header_end - multiboot2_header))

	.balign 8 /* 3.1.6: entry address. The ELF header's own is virtual, and 64 bits wide. */
	.short 3, 0
	.long 12, PHYS(multiboot2_entry)

	.balign 8 /* the end */
	.short 0, 0
	.long 8
header_end:

/* Xen public/elfnote.h: XEN_ELFNOTE_PHYS32_ENTRY. QEMU reads 8 bytes of it from an ELF64. */
	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 8, 18
	.asciz "Xen"
	.quad PHYS(pvh_entry)

/* --- 32 bits, at physical addresses ------------------------------------------------------------ */

	.section .boot, "ax", @progbits
	.code32

	.globl pvh_entry
	.type pvh_entry, @function
pvh_entry:
	mov (%ebx), %eax /* the structure's own magic */

	.globl multiboot2_entry
	.type multiboot2_entry, @function
multiboot2_entry:
	cli
	cld
	mov %eax, %ebp
	mov %ebx, %esi
	mov $PHYS(boot_stack_top), %esp

	/* All that can be lost is in registers: the stack is not in .bss, the tables are. */
	mov $PHYS(__bss_start), %edi
	mov $PHYS(__bss_end), %ecx
	sub %edi, %ecx
	shr $2, %ecx
	xor %eax, %eax
	rep stosl

	call require_long_mode
	call make_tables

	/* CR4 first, whole: whatever else the firmware had set is off. */
	mov $CR4_PAE, %eax
	mov %eax, %cr4
	mov $PHYS(boot_pml4), %eax
	mov %eax, %cr3

	mov $EFER_LME, %eax
	xor %edx, %edx
	mov $MSR_EFER, %ecx
	wrmsr

	mov $(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_EM | CR0_PE), %eax
	mov %eax, %cr0
	lgdt PHYS(gdt_pointer)
	ljmp $CODE_SELECTOR, $PHYS(entry64_low)

/* Returns, or not at all. Keeps %ebp, %esi. */
require_long_mode:
	mov $(CPUID_EXTENDED & ~1), %eax /* the highest leaf there is */
	cpuid
	cmp $CPUID_EXTENDED, %eax
	jb refuse
	mov $CPUID_EXTENDED, %eax
	cpuid
	test $CPUID_LM, %edx
	jz refuse
	ret

/* Keeps %ebp, %esi. The tables are zero. */
make_tables:
	mov $PHYS(boot_directories), %edi
	mov $PTE_LARGE, %eax
1:	mov %eax, (%edi)
	add $8, %edi
	add $0x200000, %eax
	jnc 1b /* until 4 GiB are done */

	mov $(PHYS(boot_directories) + PTE_TABLE), %eax
	mov %eax, PHYS(boot_pdpt) + 8 * PDPT_SLOT(KERNEL_BASE)
	mov $PHYS(boot_pdpt), %edi
	mov $4, %ecx
2:	mov %eax, (%edi)
	add $8, %edi
	add $0x1000, %eax
	loop 2b

	mov $(PHYS(boot_pdpt) + PTE_TABLE), %eax
	mov %eax, PHYS(boot_pml4)
	mov %eax, PHYS(boot_pml4) + 8 * PML4_SLOT(DIRECT_BASE)
	mov %eax, PHYS(boot_pml4) + 8 * PML4_SLOT(KERNEL_BASE)
	ret

/* Say so on COM1, as fast as whoever came before set it to, and leave as a panic does. */
refuse:
	mov $PHYS(refusal), %esi
1:	lodsb
	test %al, %al
	jz 3f
	mov %al, %bl
	mov $0x3fd, %edx /* line status: PC16550D data sheet, section 8.4 */
	mov $100000, %ecx
2:	in (%dx), %al
	test $0x20, %al /* transmitter holding register empty */
	loopz 2b
	mov %bl, %al
	mov $0x3f8, %edx
	out %al, (%dx)
	jmp 1b
3:	mov $2, %al
	out %al, $0xf4 /* isa-debug-exit */
4:	cli
	hlt
	jmp 4b

/* --- 64 bits ----------------------------------------------------------------------------------- */

	.code64

/* Still where the loader put us: a far jump from 32 bits reaches no higher. */
entry64_low:
	mov $entry64, %rax
	jmp *%rax

	.section .text.entry64, "ax", @progbits
	.globl entry64
	.type entry64, @function
entry64:
	mov $boot_stack_top, %rsp
	push $0 /* where a debugger looks for this code's caller */
	push $0
	mov %ebp, %edi
	mov %esi, %esi /* the upper half is undefined until written */
	xor %ebp, %ebp /* the end of every backtrace */
	call kmain /* for good */
	.size entry64, . - entry64

	.section .rodata.entry, "a", @progbits
	/* "Accessed" is set, so that the CPU has nothing to write here. */
	.balign 8
gdt:
	.quad 0
	.quad 0x00209b0000000000 /* code, 64-bit */
gdt_end:

gdt_pointer:
	.short gdt_end - gdt - 1
	.long PHYS(gdt)

refusal:
	.asciz "bounce: this CPU has no 64-bit mode\r\nbounce: exit 2\r\n"

	.section .bss.boot_tables, "aw", @nobits
	.balign 0x1000
boot_pml4:	  .skip 0x1000
boot_pdpt:	  .skip 0x1000
boot_directories: .skip 4 * 0x1000

	.section .stacks, "aw", @nobits
	.balign 0x1000
	.globl boot_stack_guard, boot_stack_top
boot_stack_guard: .skip 0x1000 + BOOT_STACK_SIZE
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
