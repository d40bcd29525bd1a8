/* SPDX-License-Identifier: MIT */
/*
 * The end of a run that can't go on.
 *
 *	panic: <what>
 *	rip ...                    registers, for a trap
 *	#  function+0x1c           callers, the innermost first
 *	<the log's last lines>
 *	bounce: exit 2
 *
 * Whatever of that is broken itself doesn't keep the machine from ending: a
 * panic within a panic is one line, and one within that not even a line.
 */
#include "kernel/panic.h"

#include "kernel/exit.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/printf.h"

#define LAST_LINES 20

static int depth;

static void print_registers(const struct trap_frame *f)
{
	printf("rip %016lx  rsp %016lx  rflags %lx  vector %lu  error %lx\n", f->rip, f->rsp,
	       f->rflags, f->vector, f->error);
	printf("rax %016lx  rbx %016lx  rcx %016lx  rdx %016lx\n", f->rax, f->rbx, f->rcx, f->rdx);
	printf("rsi %016lx  rdi %016lx  rbp %016lx\n", f->rsi, f->rdi, f->rbp);
	printf("r8  %016lx  r9  %016lx  r10 %016lx  r11 %016lx\n", f->r8, f->r9, f->r10, f->r11);
	printf("r12 %016lx  r13 %016lx  r14 %016lx  r15 %016lx\n", f->r12, f->r13, f->r14, f->r15);
}

/* How deep this panic is in others. Without a word where even a second one failed. */
static int enter(void)
{
	irq_disable();
	if (++depth > 2)
		machine_stop(EXIT_PANIC);
	printf(depth == 1 ? "\npanic: " : "\npanic within that: ");
	return depth;
}

static __attribute__((noreturn)) void leave(void)
{
	printf("last events:\n");
	log_print_ring(LAST_LINES);
	machine_exit(EXIT_PANIC);
}

void port_panic(const char *fmt, ...)
{
	int level = enter();
	va_list args;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
	if (level > 1)
		machine_exit(EXIT_PANIC);
	backtrace_print(__builtin_frame_address(0), NULL);
	leave();
}

/* Where it jumped to nowhere, whence is what the call left on the stack. */
static void print_jump(const struct trap_frame *frame)
{
	uint64_t from;
	size_t offset;

	backtrace_print(NULL, (const void *)frame->rip);
	if (!port_symbol((const void *)frame->rip, &offset) &&
	    read_guarded((const void *)frame->rsp, sizeof(from), &from))
		backtrace_print(NULL, (const void *)from);
}

void panic_trap(const struct trap_frame *frame, const char *what)
{
	int level = enter();

	printf("%s\n", what);
	if (level > 1)
		machine_exit(EXIT_PANIC);
	print_registers(frame);
	print_jump(frame);
	backtrace_print((const void *)frame->rbp, NULL);
	leave();
}
