/* SPDX-License-Identifier: MIT */
/*
 * Exceptions and interrupts: one frame, one table, one dispatcher.
 *
 * All 256 gates are interrupt gates: a handler runs with interrupts off. NMI,
 * double fault and machine check can come at any instruction, also one with a
 * broken stack, and so have stacks of their own:
 *
 *	trap_stacks  | guard | NMI | guard | double fault | guard | machine check |
 *
 * An exception at an instruction that the `.fixups` section lists is expected
 * (a guarded access): it goes on at the address listed with it. Every other
 * exception is the end, in words.
 *
 * Sources: Intel SDM vol. 3A, "Interrupt and Exception Handling" (IDT, error
 * codes, stack table), "Task Management in 64-bit Mode" (TSS), "Segment
 * Descriptors".
 */
#include "kernel/trap.h"

#include "kernel/cpu.h"
#include "kernel/irq.h"
#include "kernel/mmu.h"
#include "kernel/panic.h"
#include "kernel/printf.h"

#define VECTORS		 256
#define STUB_SIZE	 16
#define TRAP_STACK_SIZE	 8192
#define TRAP_STACK_PITCH (PAGE_SIZE + TRAP_STACK_SIZE)

enum { TRAP_NMI = 2, TRAP_DOUBLE_FAULT = 8, TRAP_STACK = 12, TRAP_PROTECTION, TRAP_MACHINE = 18 };
enum { IST_NMI = 1, IST_DOUBLE_FAULT, IST_MACHINE, IST_COUNT = IST_MACHINE };

#define FRAME_AT(field, word)                                                                      \
	_Static_assert(offsetof(struct trap_frame, field) == 8 * (word), "see trap_entry.S")
FRAME_AT(r15, 0);
FRAME_AT(rax, 14);
FRAME_AT(vector, 15);
FRAME_AT(rip, 17);
_Static_assert(sizeof(struct trap_frame) == 22 * 8, "see trap_entry.S");

extern char trap_stubs[], trap_stacks[], boot_stack_guard[];

struct fixup {
	uint64_t fault, resume; /* instruction addresses */
};
extern const struct fixup __fixups_start[], __fixups_end[];

const struct stack_guard stack_guards[STACK_GUARDS] = {
	{boot_stack_guard, "boot"},
	{trap_stacks, "NMI"},
	{trap_stacks + TRAP_STACK_PITCH, "double fault"},
	{trap_stacks + 2 * TRAP_STACK_PITCH, "machine check"},
};

struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
};
_Static_assert(sizeof(struct gate) == 16, "Intel SDM vol. 3A, 64-Bit Mode IDT");

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3], reserved1, ist[7], reserved2;
	uint16_t reserved3, io_map;
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "Intel SDM vol. 3A, 64-Bit TSS Format");

struct table_register {
	uint16_t limit;
	const void *base;
} __attribute__((packed));

enum { SELECTOR_CODE = 0x08, SELECTOR_DATA = 0x10, SELECTOR_TSS = 0x18 };
enum { GATE_INTERRUPT = 0x8e }; /* present, ring 0, 64-bit interrupt gate */

#define SEGMENT_CODE64	0x00af9b000000ffffULL /* present, ring 0, execute and read, L */
#define SEGMENT_DATA	0x00cf93000000ffffULL /* present, ring 0, read and write */
#define SEGMENT_TSS_LOW 0x0000890000000000ULL /* present, available 64-bit TSS */

static struct gate idt[VECTORS];
static struct tss tss;
static uint64_t gdt[] = {0, SEGMENT_CODE64, SEGMENT_DATA, 0, 0};

static void load_segments(void)
{
	const struct table_register gdtr = {sizeof(gdt) - 1, gdt};
	uint64_t base = (uint64_t)&tss;

	gdt[3] = SEGMENT_TSS_LOW | (sizeof(tss) - 1) | (base & 0xffffff) << 16 |
		 (base >> 24 & 0xff) << 56;
	gdt[4] = base >> 32;
	__asm__ volatile("lgdt %0\n\t"
			 "pushq %1\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\n\t"
			 "movl %2, %%ds\n\t"
			 "movl %2, %%es\n\t"
			 "movl %2, %%ss\n\t"
			 "movl %3, %%fs\n\t"
			 "movl %3, %%gs\n\t"
			 "ltr %w4"
			 :
			 : "m"(gdtr), "i"(SELECTOR_CODE), "r"(SELECTOR_DATA), "r"(0),
			   "r"(SELECTOR_TSS)
			 : "rax", "memory");
}

static void load_gates(void)
{
	/* Of the three in the TSS; 0: the interrupted one. */
	static const uint8_t stack_of[VECTORS] = {[TRAP_NMI] = IST_NMI,
						  [TRAP_DOUBLE_FAULT] = IST_DOUBLE_FAULT,
						  [TRAP_MACHINE] = IST_MACHINE};
	const struct table_register idtr = {sizeof(idt) - 1, idt};

	for (unsigned i = 0; i < VECTORS; i++) {
		uint64_t stub = (uint64_t)trap_stubs + i * STUB_SIZE;

		idt[i] = (struct gate){
			.offset_low = (uint16_t)stub,
			.selector = SELECTOR_CODE,
			.ist = stack_of[i],
			.type = GATE_INTERRUPT,
			.offset_middle = (uint16_t)(stub >> 16),
			.offset_high = (uint32_t)(stub >> 32),
		};
	}
	__asm__ volatile("lidt %0" : : "m"(idtr));
}

void trap_init(void)
{
	for (unsigned i = 0; i < IST_COUNT; i++)
		tss.ist[i] = (uint64_t)trap_stacks + (i + 1) * TRAP_STACK_PITCH;
	tss.io_map = sizeof(tss);
	load_segments();
	load_gates();
	/* Without it a machine check shuts the CPU down before anybody can name it. */
	if (cpuid(CPUID_FEATURES).edx & CPUID_1_EDX_MCE)
		write_cr4(read_cr4() | CR4_MCE);
}

bool read_guarded(const void *addr, size_t size, uint64_t *out)
{
	uint64_t value = 0;
	void *to = &value;
	int done = 0;

	ASSERT(size <= sizeof(value));
	__asm__ volatile("1:	rep movsb\n"
			 "	movl $1, %0\n"
			 "2:\n"
			 "	.pushsection .fixups, \"a\"\n"
			 "	.quad 1b, 2b\n"
			 "	.popsection"
			 : "+r"(done), "+D"(to), "+S"(addr), "+c"(size)
			 :
			 : "memory");
	if (done)
		*out = value;
	return done;
}

/* A page fault, or what an address that isn't canonical raises: #GP, through rsp and rbp #SS. */
static bool fix_up(struct trap_frame *frame)
{
	if (frame->vector != TRAP_PAGE_FAULT && frame->vector != TRAP_PROTECTION &&
	    frame->vector != TRAP_STACK)
		return false;
	/* cppcheck-suppress comparePointers */
	for (const struct fixup *f = __fixups_start; f < __fixups_end; f++) {
		if (f->fault == frame->rip) {
			frame->rip = f->resume;
			return true;
		}
	}
	return false;
}

static const char *exception_name(uint64_t vector)
{
	/* clang-format off */
	static const char *const names[] = {
		"divide error", "debug exception", "NMI", "breakpoint", "overflow", "bound exceeded",
		"invalid opcode", "device not available", "double fault", "coprocessor overrun",
		"invalid TSS", "segment not present", "stack fault", "general protection fault",
		"page fault", "exception 15", "floating-point error", "alignment check",
		"machine check", "SIMD error", "virtualization exception",
		"control protection exception",
	};
	/* clang-format on */

	return vector < ARRAY_SIZE(names) ? names[vector] : "reserved exception";
}

/* Whose stack's guard page `addr` is in; NULL. */
static const char *guarded_stack(uint64_t addr)
{
	for (unsigned i = 0; i < STACK_GUARDS; i++)
		if (ALIGN_DOWN(addr, PAGE_SIZE) == (uint64_t)stack_guards[i].page)
			return stack_guards[i].stack;
	return NULL;
}

/* What the page fault's error code says (SDM vol. 3A, "Page-Fault Exceptions"). */
static void describe_page_fault(const struct trap_frame *frame, char *text, size_t size)
{
	enum { PRESENT = 1, WRITE = 2, RESERVED = 8, FETCH = 16 };
	uint64_t addr = read_cr2(), e = frame->error;
	const char *stack = guarded_stack(addr);
	const char *access = e & FETCH ? "execution of" : e & WRITE ? "write to" : "read of";
	bool is_null = addr < PAGE_SIZE || addr - DIRECT_BASE < PAGE_SIZE;
	const char *why = is_null	 ? "in page 0: a null pointer"
			  : e & RESERVED ? "its page table entry is malformed"
			  : e & PRESENT	 ? "its page forbids that"
					 : "nothing is mapped there";

	if (stack)
		snprintf(text, size,
			 "page fault: %s 0x%lx, the guard page of the %s stack: it overflowed",
			 access, addr, stack);
	else
		snprintf(text, size, "page fault: %s 0x%lx, %s", access, addr, why);
}

static __attribute__((noreturn)) void unexpected(const struct trap_frame *frame)
{
	const char *name = exception_name(frame->vector);
	const char *stack = guarded_stack(read_cr2());
	char text[128];

	if (frame->vector == TRAP_PAGE_FAULT)
		describe_page_fault(frame, text, sizeof(text));
	else if (frame->vector == TRAP_DOUBLE_FAULT && stack)
		snprintf(text, sizeof(text), "%s: the %s stack overflowed into its guard page %#lx",
			 name, stack, ALIGN_DOWN(read_cr2(), PAGE_SIZE));
	else
		snprintf(text, sizeof(text), "%s, error code %#lx", name, frame->error);
	panic_trap(frame, text);
}

void trap_dispatch(struct trap_frame *frame);

void trap_dispatch(struct trap_frame *frame)
{
	if (frame->vector >= VECTOR_IRQ)
		irq_dispatch((unsigned)frame->vector);
	else if (!fix_up(frame))
		unexpected(frame);
}
