/* SPDX-License-Identifier: MIT */
/*
 * What the kernel says of the machine under it, held against the machine:
 * guarded reads, page tables, time, messages to the CPU itself, symbols.
 *
 * Rights are shown by trying: a write or a jump that must fault, with a fix-up
 * behind it as read_guarded() has one.
 */
#include "kernel/cpu.h"
#include "kernel/io.h"
#include "kernel/irq.h"
#include "kernel/machine.h"
#include "kernel/mmu.h"
#include "kernel/panic.h"
#include "kernel/string.h"
#include "kernel/time.h"
#include "kernel/trap.h"
#include "mm/errno.h"
#include "tests/ktest.h"

extern const char __image_start[], __image_end[], __text_start[], __text_end[];
extern const char __rodata_start[], __rodata_end[];
extern const struct ktest_suite machine_suite;

#define NOT_CANONICAL 0x0000800000000000ULL

/* A block of 2 MiB that large pages can map, and a place in the window's upper end to map it at. */
#define SCRATCH_ORDER 9
#define SCRATCH_SIZE  MIB(2)
#define SCRATCH_VIRT  0xffffe00000000000ULL

static bool cpu_has_nx(void)
{
	return cpuid(CPUID_EXT_FEATURES).edx & CPUID_EXT_1_EDX_NX;
}

static phys_addr_t scratch_alloc(struct ktest *t)
{
	const struct page_request request = {
		.order = SCRATCH_ORDER, .zone = ZONE_NORMAL, .limit = NO_LIMIT};
	phys_addr_t block = pages_alloc(&machine.zones, &request);

	if (phys_is_none(block))
		ktest_skip(t, "no free block of 2 MiB");
	return block;
}

static void scratch_free(phys_addr_t block)
{
	pages_free(&machine.zones, block, SCRATCH_ORDER);
}

static bool is_readable(uint64_t virt)
{
	uint64_t value;

	return read_guarded((const void *)virt, 1, &value);
}

/* Write a byte back that was read; false where that faults. */
static bool is_writable(uint64_t virt)
{
	uint64_t value;
	int done = 0;

	if (!read_guarded((const void *)virt, 1, &value))
		return false;
	__asm__ volatile("1:	movb %b2, (%1)\n"
			 "	movl $1, %0\n"
			 "2:\n"
			 "	.pushsection .fixups, \"a\"\n"
			 "	.quad 1b, 2b\n"
			 "	.popsection"
			 : "+r"(done)
			 : "r"(virt), "r"(value)
			 : "memory");
	return done;
}

static void guarded_reads_good(struct ktest *t)
{
	static const uint64_t sample = 0x8877665544332211;
	uint64_t value = 1;

	EXPECT(t, read_guarded(&sample, 1, &value));
	EXPECT_EQ(t, value, 0x11);
	EXPECT(t, read_guarded(&sample, 2, &value));
	EXPECT_EQ(t, value, 0x2211);
	EXPECT(t, read_guarded(&sample, 4, &value));
	EXPECT_EQ(t, value, 0x44332211);
	EXPECT(t, read_guarded(&sample, 8, &value));
	EXPECT_EQ(t, value, sample);
	EXPECT(t, read_guarded(&sample, 3, &value));
	EXPECT_EQ(t, value, 0x332211);
}

static void guarded_reads_fault(struct ktest *t)
{
	static const uint64_t nowhere[] = {0,
					   8,
					   PAGE_SIZE - 1,
					   MIB(16),
					   NOT_CANONICAL,
					   ~NOT_CANONICAL,
					   DIRECT_BASE,
					   DIRECT_BASE + PAGE_SIZE - 1,
					   MMIO_BASE - PAGE_SIZE,
					   SCRATCH_VIRT,
					   UINT64_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(nowhere); i++) {
		uint64_t value = 0x5a5a;

		for (size_t size = 1; size <= 8; size *= 2)
			if (read_guarded((const void *)nowhere[i], size, &value))
				ktest_fail(t, __FILE__, __LINE__, "%#lx could be read", nowhere[i]);
		EXPECT_EQ(t, value, 0x5a5a);
	}
}

static void stacks_have_guards(struct ktest *t)
{
	for (size_t i = 0; i < STACK_GUARDS; i++) {
		uint64_t page = (uint64_t)stack_guards[i].page;

		EXPECT(t, !is_readable(page));
		EXPECT(t, !is_readable(page + PAGE_SIZE - 1));
		EXPECT(t, is_writable(page + PAGE_SIZE));
		EXPECT(t, phys_is_none(mmu_translate(page)));
	}
}

/* Call `walk` on each mapped page of [from, to). */
static void each_page(struct ktest *t, uint64_t from, uint64_t to,
		      void (*walk)(struct ktest *t, uint64_t virt, unsigned flags))
{
	uint64_t size;

	for (; from < to; from += size - from % size) {
		unsigned flags;

		size = mmu_page(from, &flags);
		if (size)
			walk(t, from, flags);
		else
			size = PAGE_SIZE;
	}
}

static void expect_one_right(struct ktest *t, uint64_t virt, unsigned flags)
{
	if (cpu_has_nx() && (flags & MMU_WRITE) && (flags & MMU_EXEC))
		ktest_fail(t, __FILE__, __LINE__, "%#lx is writable and executable", virt);
}

static void expect_no_exec(struct ktest *t, uint64_t virt, unsigned flags)
{
	if (cpu_has_nx() && (flags & MMU_EXEC))
		ktest_fail(t, __FILE__, __LINE__, "%#lx is executable", virt);
}

static void no_page_writable_and_executable(struct ktest *t)
{
	each_page(t, (uint64_t)__image_start, (uint64_t)__image_end, expect_one_right);
	each_page(t, (uint64_t)__rodata_start, (uint64_t)__image_end, expect_no_exec);
	for (size_t i = 0; i < machine.memmap.ram.count; i++) {
		const struct mem_range *r = &machine.memmap.ram.range[i];

		each_page(t, r->start + DIRECT_BASE, r->end + DIRECT_BASE, expect_no_exec);
	}
	EXPECT_EQ(t, mmu_map(SCRATCH_VIRT, phys(PAGE_SIZE), PAGE_SIZE, MMU_WRITE | MMU_EXEC),
		  -EINVAL);
}

static void text_and_rodata_hold_still(struct ktest *t)
{
	const uint64_t places[] = {(uint64_t)__text_start, (uint64_t)__text_end - 1,
				   (uint64_t)__rodata_start, (uint64_t)__rodata_end - 1,
				   (uint64_t)each_page};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		uint64_t alias = places[i] - KERNEL_BASE + DIRECT_BASE;

		EXPECT(t, !is_writable(places[i]));
		EXPECT(t, !is_writable(alias));
		EXPECT(t, is_readable(alias));
	}
	EXPECT(t, is_writable((uint64_t)&machine));
	EXPECT(t, is_writable((uint64_t)phys_to_virt(virt_to_phys(&machine))));
}

/* Where it can be executed, it comes back to the address in rdx: jmp *%rdx. */
static uint8_t code_in_data[] __attribute__((used)) = {0xff, 0xe2};

static void data_is_not_executed(struct ktest *t)
{
	int executed = 0;

	if (!cpu_has_nx()) {
		ktest_skip(t, "this CPU has no NX");
		return;
	}
	__asm__ volatile("	leaq 1f(%%rip), %%rdx\n"
			 "	jmp *%1\n"
			 "1:	movl $1, %0\n"
			 "2:\n"
			 "	.pushsection .fixups, \"a\"\n"
			 "	.quad code_in_data, 2b\n"
			 "	.popsection"
			 : "+r"(executed)
			 : "r"(code_in_data)
			 : "rdx");
	EXPECT(t, !executed);
}

static void all_ram_is_mapped_where_it_belongs(struct ktest *t)
{
	for (size_t i = 0; i < machine.memmap.ram.count; i++) {
		uint64_t start = machine.memmap.ram.range[i].start, size;
		uint64_t end = machine.memmap.ram.range[i].end;

		for (uint64_t at = start ? start : PAGE_SIZE; at < end; at += size) {
			uint64_t virt = (uint64_t)phys_to_virt(phys(at));
			unsigned flags;

			size = mmu_page(virt, &flags);
			REQUIRE(t, size);
			EXPECT_EQ(t, mmu_translate(virt).value, at);
			EXPECT_EQ(t, mmu_translate(virt + size - 1).value, at + size - 1);
			EXPECT(t, !(flags & MMU_UNCACHED));
		}
		EXPECT(t, is_readable((uint64_t)phys_to_virt(phys(end - 1))));
	}
}

/* The block's pages carry their number; seen through another address they still do. */
static void number_pages(phys_addr_t block)
{
	for (uint64_t i = 0; i < SCRATCH_SIZE; i += PAGE_SIZE)
		*(volatile uint64_t *)phys_to_virt(phys_add(block, i)) = i;
}

static unsigned wrong_pages(uint64_t virt)
{
	unsigned wrong = 0;
	uint64_t value;

	for (uint64_t i = 0; i < SCRATCH_SIZE; i += PAGE_SIZE)
		if (!read_guarded((const void *)(virt + i), 8, &value) || value != i)
			wrong++;
	return wrong;
}

static void map_and_unmap(struct ktest *t)
{
	phys_addr_t block = scratch_alloc(t);
	unsigned flags;

	if (phys_is_none(block))
		return;
	number_pages(block);
	EXPECT_EQ(t, mmu_map(SCRATCH_VIRT, block, SCRATCH_SIZE, MMU_READ), 0);
	EXPECT_EQ(t, mmu_page(SCRATCH_VIRT, &flags), SCRATCH_SIZE);
	EXPECT_EQ(t, wrong_pages(SCRATCH_VIRT), 0);
	EXPECT(t, !is_writable(SCRATCH_VIRT));
	EXPECT_EQ(t, mmu_unmap(SCRATCH_VIRT, SCRATCH_SIZE), 0);
	EXPECT(t, !is_readable(SCRATCH_VIRT));
	EXPECT(t, !is_readable(SCRATCH_VIRT + SCRATCH_SIZE - 1));

	/* One page off 2 MiB: small pages, and each leads where it should. */
	EXPECT_EQ(t, mmu_map(SCRATCH_VIRT + PAGE_SIZE, block, SCRATCH_SIZE, MMU_WRITE), 0);
	EXPECT_EQ(t, mmu_page(SCRATCH_VIRT + PAGE_SIZE, &flags), PAGE_SIZE);
	EXPECT_EQ(t, wrong_pages(SCRATCH_VIRT + PAGE_SIZE), 0);
	EXPECT(t, is_writable(SCRATCH_VIRT + SCRATCH_SIZE));
	EXPECT_EQ(t, mmu_unmap(SCRATCH_VIRT, 2 * SCRATCH_SIZE), 0); /* and what isn't mapped */
	EXPECT(t, !is_readable(SCRATCH_VIRT + SCRATCH_SIZE));
	scratch_free(block);
}

static void protect_splits_large_pages(struct ktest *t)
{
	phys_addr_t block = scratch_alloc(t);
	uint64_t virt, one;

	if (phys_is_none(block))
		return;
	number_pages(block);
	virt = (uint64_t)phys_to_virt(block);
	one = virt + SCRATCH_SIZE / 2;
	EXPECT_EQ(t, mmu_protect(one, PAGE_SIZE, MMU_READ), 0);
	EXPECT(t, !is_writable(one) && !is_writable(one + PAGE_SIZE - 1));
	EXPECT(t, is_writable(one - 1) && is_writable(one + PAGE_SIZE));
	EXPECT_EQ(t, mmu_unmap(one, PAGE_SIZE), 0);
	EXPECT(t, !is_readable(one) && !is_readable(one + PAGE_SIZE - 1));
	EXPECT(t, is_writable(one - 1) && is_writable(one + PAGE_SIZE));
	EXPECT_EQ(t, wrong_pages(virt), 1);
	EXPECT_EQ(t, mmu_protect(virt, SCRATCH_SIZE, MMU_WRITE), -EINVAL);
	EXPECT_EQ(t, mmu_map(one, phys_add(block, SCRATCH_SIZE / 2), PAGE_SIZE, MMU_WRITE), 0);
	EXPECT_EQ(t, mmu_protect(virt, SCRATCH_SIZE, MMU_WRITE), 0);
	EXPECT_EQ(t, wrong_pages(virt), 0);
	scratch_free(block);
}

static void map_refuses(struct ktest *t)
{
	EXPECT_EQ(t, mmu_map(SCRATCH_VIRT + 1, phys(0), PAGE_SIZE, MMU_READ), -EINVAL);
	EXPECT_EQ(t, mmu_map(SCRATCH_VIRT, phys(1), PAGE_SIZE, MMU_READ), -EINVAL);
	EXPECT_EQ(t, mmu_map(SCRATCH_VIRT, phys(0), PAGE_SIZE - 1, MMU_READ), -EINVAL);
	EXPECT_EQ(t, mmu_map(SCRATCH_VIRT, phys(0), 0, MMU_READ), -EINVAL);
	EXPECT_EQ(t, mmu_map(NOT_CANONICAL, phys(0), PAGE_SIZE, MMU_READ), -EINVAL);
	EXPECT_EQ(t, mmu_map(NOT_CANONICAL - PAGE_SIZE, phys(0), 2 * PAGE_SIZE, MMU_READ), -EINVAL);
	EXPECT_EQ(t, mmu_map(SCRATCH_VIRT, phys(1ULL << 52), PAGE_SIZE, MMU_READ), -EINVAL);
	EXPECT_EQ(t, mmu_protect(SCRATCH_VIRT, PAGE_SIZE, MMU_READ), -EINVAL);
	EXPECT(t, !mmu_map_device(phys(UINT64_MAX), 2, MMU_READ));
	EXPECT(t, !mmu_map_device(phys(0), UINT64_MAX, MMU_READ));
	EXPECT(t, !mmu_map_device(phys(0), 0, MMU_READ));
}

static void device_memory_is_mapped(struct ktest *t)
{
	phys_addr_t block = scratch_alloc(t);
	char *first, *second;
	unsigned flags;

	if (phys_is_none(block))
		return;
	number_pages(block);
	first = mmu_map_device(phys_add(block, 8), PAGE_SIZE, MMU_WRITE); /* lies in two pages */
	second = mmu_map_device(block, SCRATCH_SIZE, MMU_READ);
	REQUIRE(t, first && second);
	EXPECT_EQ(t, (uint64_t)first % PAGE_SIZE, 8);
	EXPECT_EQ(t, *(uint64_t *)(first + PAGE_SIZE - 8), PAGE_SIZE);
	EXPECT_EQ(t, wrong_pages((uint64_t)second), 0);
	EXPECT(t, mmu_page((uint64_t)first, &flags) && (flags & MMU_UNCACHED) == MMU_UNCACHED);
	EXPECT(t, mmu_page((uint64_t)second, &flags) == SCRATCH_SIZE && !(flags & MMU_WRITE));
	EXPECT(t, !is_readable((uint64_t)first + 2 * PAGE_SIZE));
	EXPECT(t, !is_readable((uint64_t)second + SCRATCH_SIZE));
	mmu_unmap_device(first, PAGE_SIZE);
	mmu_unmap_device(second, SCRATCH_SIZE);
	EXPECT(t, !is_readable((uint64_t)first) && !is_readable((uint64_t)first + PAGE_SIZE));
	EXPECT(t,
	       !is_readable((uint64_t)second) && !is_readable((uint64_t)second + SCRATCH_SIZE - 1));
	scratch_free(block);
}

/* Write-combining by entry 1 of the PAT; uncached on a CPU that has none. */
static void device_memory_combines_writes(struct ktest *t)
{
	bool has_pat = cpuid(CPUID_FEATURES).edx & CPUID_1_EDX_PAT;
	phys_addr_t block = scratch_alloc(t);
	unsigned flags = 0;
	char *mapped;

	if (phys_is_none(block))
		return;
	mapped = mmu_map_device(block, SCRATCH_SIZE, MMU_WRITE | MMU_COMBINING);
	REQUIRE(t, mapped);
	EXPECT_EQ(t, mmu_page((uint64_t)mapped, &flags), SCRATCH_SIZE);
	EXPECT_EQ(t, flags & MMU_UNCACHED, has_pat ? MMU_COMBINING : MMU_UNCACHED);
	EXPECT(t, !has_pat || (rdmsr(MSR_PAT) >> 8 & 7) == 1);
	mmu_unmap_device(mapped, SCRATCH_SIZE);
	scratch_free(block);
}

/* What is unmapped leaves a gap, which the next that fits is put in; nothing is used up. */
static void device_windows_are_used_again(struct ktest *t)
{
	static const uint64_t sizes[] = {PAGE_SIZE, 3 * PAGE_SIZE, PAGE_SIZE, SCRATCH_SIZE};
	phys_addr_t block = scratch_alloc(t);
	uint64_t free_bytes;
	char *at[4], *again;

	if (phys_is_none(block))
		return;
	for (unsigned i = 0; i < 4; i++)
		at[i] = mmu_map_device(block, sizes[i], MMU_WRITE);
	REQUIRE(t, at[0] && at[1] && at[2] && at[3]);
	free_bytes = pages_free_bytes(&machine.zones, ZONE_NORMAL);
	for (unsigned i = 0; i < 1000; i++) {
		mmu_unmap_device(at[1], sizes[1]);
		again = mmu_map_device(block, 4 * PAGE_SIZE, MMU_WRITE);
		EXPECT(t, again && again != at[1]);
		mmu_unmap_device(again, 4 * PAGE_SIZE);
		again = mmu_map_device(block, sizes[1], MMU_WRITE);
		EXPECT(t, again == at[1]);
	}
	EXPECT_EQ(t, pages_free_bytes(&machine.zones, ZONE_NORMAL), free_bytes);
	for (unsigned i = 0; i < 4; i++) {
		EXPECT(t, !is_readable((uint64_t)at[i] - 1));
		EXPECT(t, !is_readable((uint64_t)at[i] + sizes[i]));
		EXPECT(t, is_writable((uint64_t)at[i] + sizes[i] - 1));
	}
	for (unsigned i = 0; i < 4; i++)
		mmu_unmap_device(at[i], sizes[i]);
	scratch_free(block);
}

static bool is_set(void *arg)
{
	return *(volatile bool *)arg;
}

/* A busy host may add to any time, but not under -icount. */
static uint64_t tolerance(void)
{
	return time_ticks_per_instruction() ? 100 * NSEC_PER_USEC : 2 * NSEC_PER_SEC;
}

static void time_advances(struct ktest *t)
{
	uint64_t ticks = time_ticks(), ns = time_ns(), passed;

	time_spin(200 * NSEC_PER_USEC);
	passed = time_ns() - ns;
	EXPECT(t, passed >= 200 * NSEC_PER_USEC && passed < 200 * NSEC_PER_USEC + tolerance());
	EXPECT(t, time_ticks() > ticks);
}

static void waiting_meets_its_deadline(struct ktest *t)
{
	static const uint64_t waits[] = {0, 1, 1000, 50000, 5000000, 20000000};
	bool flag = false;

	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		uint64_t start = time_ns(), passed;

		EXPECT(t, !time_wait(is_set, &flag, waits[i]));
		passed = time_ns() - start;
		EXPECT(t, passed >= waits[i] && passed < waits[i] + tolerance());
	}
}

static void waiting_ends_when_done(struct ktest *t)
{
	uint64_t start = time_ns();
	bool flag = true;

	EXPECT(t, time_wait(is_set, &flag, 0));
	EXPECT(t, time_wait(is_set, &flag, UINT64_MAX));
	EXPECT(t, time_ns() - start < tolerance());
}

static bool set_flag(void *arg)
{
	*(volatile bool *)arg = true;
	return true;
}

/* As its device would, but for the way: by the local APIC's ICR, to the CPU itself. */
static void raise_message(const struct irq_message *message)
{
	enum { ICR_LOW = 0x300, ASSERT_LEVEL = 1 << 14, SELF = 1 << 18 };
	phys_addr_t apic = phys(rdmsr(MSR_APIC_BASE) & APIC_BASE_ADDRESS);
	uint8_t *mapped = mmu_map_device(apic, PAGE_SIZE, MMU_WRITE);

	if (!mapped)
		port_panic("the local APIC can't be mapped twice");
	writel(SELF | ASSERT_LEVEL | message->data, mapped + ICR_LOW);
	mmu_unmap_device(mapped, PAGE_SIZE);
}

static void message_reaches_its_handler(struct ktest *t)
{
	struct irq_message message, other;
	uint64_t spurious = irq_spurious();
	bool flag = false, stranger = false;

	REQUIRE(t, irq_add_message(set_flag, &flag, &message) == 0);
	REQUIRE(t, irq_add_message(set_flag, &stranger, &other) == 0);
	EXPECT(t, message.data != other.data);
	EXPECT_EQ(t, message.addr & ~0xff000ULL, 0xfee00000);
	raise_message(&message);
	EXPECT(t, time_wait(is_set, &flag, NSEC_PER_SEC));
	EXPECT(t, !stranger);
	EXPECT_EQ(t, irq_spurious(), spurious);
	irq_remove_message(&message);
	irq_remove_message(&other);
}

static void message_without_handler_is_counted(struct ktest *t)
{
	struct irq_message message;
	uint64_t spurious = irq_spurious();
	bool flag = false;

	REQUIRE(t, irq_add_message(set_flag, &flag, &message) == 0);
	irq_remove_message(&message);
	raise_message(&message);
	time_sleep(NSEC_PER_MSEC);
	EXPECT(t, !flag);
	EXPECT_EQ(t, irq_spurious(), spurious + 1);
}

/* While interrupts are off a message waits; and the state that time_wait() found is given back. */
static void interrupts_are_as_they_were(struct ktest *t)
{
	struct irq_message message;
	unsigned long flags;
	bool flag = false;

	REQUIRE(t, irq_add_message(set_flag, &flag, &message) == 0);
	flags = irq_save();
	raise_message(&message);
	time_spin(10 * NSEC_PER_USEC);
	EXPECT(t, !is_set(&flag));
	EXPECT(t, time_wait(is_set, &flag, NSEC_PER_SEC));
	EXPECT(t, !(irq_save() & 0x200));
	irq_restore(flags);
	EXPECT_EQ(t, flags & 0x200, 0x200);
	irq_remove_message(&message);
}

static void lines_refuse(struct ktest *t)
{
	static bool flags[32];
	int added = 0;

	EXPECT_EQ(t, irq_add(IRQ_LINES, set_flag, NULL), -EINVAL);
	EXPECT_EQ(t, irq_add(2, set_flag, NULL), -EINVAL); /* the cascade */
	while (added < 32 && !irq_add(13, set_flag, &flags[added]))
		added++;
	EXPECT(t, added > 0 && added < 32);
	EXPECT_EQ(t, irq_add(13, set_flag, &flags[added]), -ENOSPC);
	irq_remove(13, set_flag, &flags[added]); /* never was: nothing happens */
	while (added)
		irq_remove(13, set_flag, &flags[--added]);
	EXPECT_EQ(t, irq_add(13, set_flag, &flags[0]), 0);
	irq_remove(13, set_flag, &flags[0]);
}

static bool count_call(void *arg)
{
	++*(volatile unsigned *)arg;
	return false;
}

/* The 8254's channel 0, once, 50 us from now: the only line that every machine has a source for. */
static void raise_line_0(void)
{
	outb(0x43, 0x30);
	outb(0x40, 60);
	outb(0x40, 0);
	time_sleep(NSEC_PER_MSEC);
}

static void line_reaches_its_sharers(struct ktest *t)
{
	volatile unsigned calls = 0;
	bool flag = false;
	uint64_t spurious;

	/* The one that claims comes first, and doesn't keep it from the other. */
	REQUIRE(t, !irq_add(0, set_flag, &flag) && !irq_add(0, count_call, (void *)&calls));
	time_sleep(NSEC_PER_MSEC); /* what the chip had latched while it was masked */
	calls = 0;
	flag = false;
	spurious = irq_spurious();
	raise_line_0();
	EXPECT(t, calls == 1 && is_set(&flag));
	EXPECT_EQ(t, irq_spurious(), spurious);
	irq_remove(0, set_flag, &flag);
	raise_line_0();
	EXPECT_EQ(t, calls, 2);
	EXPECT_EQ(t, irq_spurious(), spurious + 1);
	irq_remove(0, count_call, (void *)&calls);
	raise_line_0();
	EXPECT_EQ(t, calls, 2);
	EXPECT_EQ(t, irq_spurious(), spurious + 1); /* it is masked */
}

static void symbols_are_found(struct ktest *t)
{
	size_t offset = 1;
	const char *name = port_symbol((const void *)symbols_are_found, &offset);

	REQUIRE(t, name);
	EXPECT(t, !strcmp(name, "symbols_are_found"));
	EXPECT_EQ(t, offset, 0);
	name = port_symbol((const char *)symbols_are_found + 5, &offset);
	REQUIRE(t, name);
	EXPECT(t, !strcmp(name, "symbols_are_found"));
	EXPECT_EQ(t, offset, 5);
	EXPECT(t, !port_symbol(NULL, &offset));
	EXPECT(t, !port_symbol(__text_end, &offset));
}

static const struct ktest_case cases[] = {
	{"guarded_reads_good", guarded_reads_good},
	{"guarded_reads_fault", guarded_reads_fault},
	{"stacks_have_guards", stacks_have_guards},
	{"no_page_writable_and_executable", no_page_writable_and_executable},
	{"text_and_rodata_hold_still", text_and_rodata_hold_still},
	{"data_is_not_executed", data_is_not_executed},
	{"all_ram_is_mapped_where_it_belongs", all_ram_is_mapped_where_it_belongs},
	{"map_and_unmap", map_and_unmap},
	{"protect_splits_large_pages", protect_splits_large_pages},
	{"map_refuses", map_refuses},
	{"device_memory_is_mapped", device_memory_is_mapped},
	{"device_memory_combines_writes", device_memory_combines_writes},
	{"device_windows_are_used_again", device_windows_are_used_again},
	{"time_advances", time_advances},
	{"waiting_meets_its_deadline", waiting_meets_its_deadline},
	{"waiting_ends_when_done", waiting_ends_when_done},
	{"message_reaches_its_handler", message_reaches_its_handler},
	{"message_without_handler_is_counted", message_without_handler_is_counted},
	{"interrupts_are_as_they_were", interrupts_are_as_they_were},
	{"line_reaches_its_sharers", line_reaches_its_sharers},
	{"lines_refuse", lines_refuse},
	{"symbols_are_found", symbols_are_found},
	{0},
};

const struct ktest_suite machine_suite = {.name = "machine", .cases = cases};
