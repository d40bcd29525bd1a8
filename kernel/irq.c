/* SPDX-License-Identifier: MIT */
/*
 * Interrupts: the 8259 pair for lines, the local APIC for messages and timer.
 *
 *	ISA and PCI lines -> 8259s -> INTR -> LINT0 (ExtINT) -> VECTOR_IRQ + line
 *	message: a device's write to 0xfee00000 | APIC id << 12 -> its vector
 *
 * Lines are shared: each handler of a line is called, and says whether its
 * device was the one. A line is masked unless it has a handler. Whether lines
 * are level- or edge-triggered (ELCR) stays as firmware set it: it knows how
 * PCI's pins are routed.
 *
 * Fixed tables, changed with interrupts off; boot CPU only.
 *
 * Sources: Intel 8259A data sheet (ICW, OCW); Intel SDM vol. 3A, chapter
 * "Advanced Programmable Interrupt Controller (APIC)".
 */
#include "kernel/irq.h"

#include "kernel/cpu.h"
#include "kernel/exit.h"
#include "kernel/io.h"
#include "kernel/log.h"
#include "kernel/mmu.h"
#include "kernel/panic.h"
#include "kernel/time.h"
#include "kernel/trap.h"
#include "mm/errno.h"

#define LINE_SHARERS   8
#define CASCADE_LINE   2
#define UNCLAIMED_MOST 1000
#define MESSAGES       (VECTOR_SPURIOUS - VECTOR_MESSAGE)

/* 8259A: ports, and the command words that are used. */
enum { PIC_MASTER = 0x20, PIC_SLAVE = 0xa0, PIC_DATA = 1 };
enum { ICW1_INIT_ICW4 = 0x11, ICW4_8086 = 0x01, OCW2_SPECIFIC_EOI = 0x60, OCW3_READ_ISR = 0x0b };
enum { ICW3_MASTER_SLAVE_ON_2 = 1 << CASCADE_LINE, ICW3_SLAVE_ID = CASCADE_LINE };

/* Local APIC: register offsets, and the bits that are used. */
enum { APIC_ID = 0x020, APIC_TPR = 0x080, APIC_EOI = 0x0b0, APIC_SVR = 0x0f0 };
enum { APIC_LVT_TIMER = 0x320, APIC_LVT_LINT0 = 0x350, APIC_LVT_LINT1 = 0x360 };
enum { APIC_LVT_ERROR = 0x370 };
enum { APIC_TIMER_INITIAL = 0x380, APIC_TIMER_CURRENT = 0x390, APIC_TIMER_DIVIDE = 0x3e0 };
enum { SVR_ENABLE = 1 << 8, DIVIDE_BY_16 = 3 };
enum { LVT_NMI = 4 << 8, LVT_EXTINT = 7 << 8, LVT_MASKED = 1 << 16 };
#define APIC_ID_SHIFT	24
#define MESSAGE_ADDRESS 0xfee00000ULL

struct action {
	irq_handler handler; /* NULL: free */
	void *arg;
};

struct line {
	struct action action[LINE_SHARERS];
	unsigned sharers;
	unsigned unclaimed; /* times in a row */
};

static struct line lines[IRQ_LINES];
static struct action messages[MESSAGES];
static uint64_t spurious, handler_ticks;
static uint8_t *apic;

static uint16_t pic_of(unsigned line)
{
	return line < 8 ? PIC_MASTER : PIC_SLAVE;
}

static void pic_init(uint16_t port, uint8_t vector, uint8_t icw3, uint8_t mask)
{
	outb(port, ICW1_INIT_ICW4);
	outb(port + PIC_DATA, vector);
	outb(port + PIC_DATA, icw3);
	outb(port + PIC_DATA, ICW4_8086);
	outb(port + PIC_DATA, mask);
}

static void pic_mask(unsigned line, bool masked)
{
	uint16_t port = pic_of(line) + PIC_DATA;
	uint8_t bit = 1 << line % 8, old = inb(port);

	outb(port, masked ? old | bit : old & ~bit);
}

/* A line that went away again shows as 7 of its chip, which is then not in service. */
static bool pic_in_service(unsigned line)
{
	outb(pic_of(line), OCW3_READ_ISR);
	return inb(pic_of(line)) & 1 << line % 8;
}

static void pic_eoi(unsigned line)
{
	if (line >= 8) {
		outb(PIC_SLAVE, OCW2_SPECIFIC_EOI | line % 8);
		line = CASCADE_LINE;
	}
	outb(PIC_MASTER, OCW2_SPECIFIC_EOI | line);
}

static void apic_write(unsigned reg, uint32_t value)
{
	writel(value, apic + reg);
}

static uint32_t apic_read(unsigned reg)
{
	return readl(apic + reg);
}

/* Every x86-64 CPU has one, but for what an emulator may leave out. */
static void apic_find(void)
{
	uint64_t base;

	if (!(cpuid(CPUID_FEATURES).edx & CPUID_1_EDX_APIC)) {
		log_error("irq: this CPU has no local APIC, and so no alarm to wait by");
		machine_exit(EXIT_FAIL);
	}
	base = rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE;
	wrmsr(MSR_APIC_BASE, base);
	apic = mmu_map_device(phys(base & APIC_BASE_ADDRESS), PAGE_SIZE, MMU_WRITE);
	if (!apic)
		panic("the local APIC at %#lx can't be mapped", base & APIC_BASE_ADDRESS);
}

/* Software-enabled first: while it is not, every LVT entry stays masked. */
static void apic_init(void)
{
	apic_write(APIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
	apic_write(APIC_TPR, 0);
	apic_write(APIC_LVT_ERROR, LVT_MASKED | VECTOR_SPURIOUS);
	apic_write(APIC_LVT_LINT0, LVT_EXTINT);
	apic_write(APIC_LVT_LINT1, LVT_NMI);
	apic_write(APIC_TIMER_INITIAL, 0);
	apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_16);
	apic_write(APIC_LVT_TIMER, VECTOR_TIMER); /* mode 00: one shot */
}

void irq_init(void)
{
	pic_init(PIC_MASTER, VECTOR_IRQ, ICW3_MASTER_SLAVE_ON_2, 0xff & ~(1 << CASCADE_LINE));
	pic_init(PIC_SLAVE, VECTOR_IRQ + 8, ICW3_SLAVE_ID, 0xff);
	apic_find();
	apic_init();
}

/* Of `n` at `a`; the handler NULL finds a free one. */
static struct action *action_find(struct action *a, unsigned n, irq_handler handler,
				  const void *arg)
{
	for (struct action *end = a + n; a < end; a++)
		if (a->handler == handler && a->arg == arg)
			return a;
	return NULL;
}

int irq_add(unsigned line, irq_handler handler, void *arg)
{
	struct action *slot;
	unsigned long flags;

	if (line >= IRQ_LINES || line == CASCADE_LINE)
		return -EINVAL;
	flags = irq_save();
	slot = action_find(lines[line].action, LINE_SHARERS, NULL, NULL);
	if (slot) {
		*slot = (struct action){handler, arg};
		lines[line].sharers++;
		lines[line].unclaimed = 0;
		pic_mask(line, false);
	}
	irq_restore(flags);
	return slot ? 0 : -ENOSPC;
}

void irq_remove(unsigned line, irq_handler handler, void *arg)
{
	unsigned long flags = irq_save();
	struct action *slot = NULL;

	if (line < IRQ_LINES)
		slot = action_find(lines[line].action, LINE_SHARERS, handler, arg);
	if (slot) {
		*slot = (struct action){0};
		if (--lines[line].sharers == 0)
			pic_mask(line, true);
	}
	irq_restore(flags);
}

int irq_add_message(irq_handler handler, void *arg, struct irq_message *message)
{
	unsigned long flags = irq_save();
	struct action *slot = action_find(messages, MESSAGES, NULL, NULL);

	if (slot)
		*slot = (struct action){handler, arg};
	irq_restore(flags);
	if (!slot)
		return -ENOSPC;
	/* Physical destination, fixed delivery, edge (SDM vol. 3A, "Message Signalled Interrupts").
	 */
	message->addr = MESSAGE_ADDRESS | (apic_read(APIC_ID) >> APIC_ID_SHIFT) << 12;
	message->data = VECTOR_MESSAGE + (uint32_t)(slot - messages);
	return 0;
}

void irq_remove_message(const struct irq_message *message)
{
	unsigned long flags = irq_save();

	ASSERT(message->data >= VECTOR_MESSAGE && message->data < VECTOR_SPURIOUS);
	messages[message->data - VECTOR_MESSAGE] = (struct action){0};
	irq_restore(flags);
}

uint64_t irq_spurious(void)
{
	return spurious;
}

uint64_t irq_ticks(void)
{
	return handler_ticks;
}

void irq_timer_start(uint32_t ticks)
{
	apic_write(APIC_TIMER_INITIAL, ticks);
}

uint32_t irq_timer_left(void)
{
	return apic_read(APIC_TIMER_CURRENT);
}

/* A line that stays asserted and that nobody can quieten would be all the machine does. */
static void line_unclaimed(unsigned line)
{
	spurious++;
	if (++lines[line].unclaimed < UNCLAIMED_MOST)
		return;
	pic_mask(line, true);
	lines[line].unclaimed = 0;
	log_error(
		"irq: nobody claimed line %u %d times in a row; it is masked, and its devices are "
		"without interrupts",
		line, UNCLAIMED_MOST);
}

static void line_dispatch(unsigned line)
{
	bool claimed = false;

	if (line % 8 == 7 && !pic_in_service(line)) {
		spurious++;
		if (line >= 8) /* the slave's phantom was a real one to the master */
			pic_eoi(CASCADE_LINE);
		return;
	}
	for (unsigned i = 0; i < LINE_SHARERS; i++) {
		const struct action *a = &lines[line].action[i];

		if (a->handler && a->handler(a->arg))
			claimed = true;
	}
	pic_eoi(line);
	if (claimed)
		lines[line].unclaimed = 0;
	else
		line_unclaimed(line);
}

static void message_dispatch(unsigned vector)
{
	const struct action *a = &messages[vector - VECTOR_MESSAGE];

	if (!a->handler || !a->handler(a->arg))
		spurious++;
	apic_write(APIC_EOI, 0);
}

void irq_dispatch(unsigned vector)
{
	uint64_t start = time_ticks();

	if (vector < VECTOR_IRQ + IRQ_LINES)
		line_dispatch(vector - VECTOR_IRQ);
	else if (vector == VECTOR_TIMER)
		apic_write(APIC_EOI, 0);
	else if (vector == VECTOR_SPURIOUS)
		spurious++; /* is not in service: no EOI (SDM vol. 3A, "Spurious Interrupt") */
	else
		message_dispatch(vector);
	if (vector != VECTOR_TIMER)
		handler_ticks += time_ticks() - start;
}
