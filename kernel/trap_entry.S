/* SPDX-License-Identifier: MIT */
/*
 * From the CPU to trap_dispatch() and back.
 *
 * Each vector has a stub of 16 bytes that makes the stack look alike (an error
 * code, a vector), then all meet in trap_common, which lays down the rest of
 * struct trap_frame. Below it a call frame is faked, as if the interrupted
 * instruction had called: so whoever walks frame pointers, gdb as well, gets
 * from a handler to what it interrupted.
 *
 * The CPU aligns the stack to 16 before it pushes (Intel SDM vol. 3A, "64-Bit
 * Mode Stack Frame"); frame and faked frame are 24 words, so it stays so.
 */
	.section .text.trap_entry, "ax", @progbits

	.globl trap_stubs
	.balign 16
trap_stubs:
	.set .Lvector, 0
	.rept 256
	.balign 16
	/* The exceptions that come with an error code of their own. */
	.if !(.Lvector == 8 || (.Lvector >= 10 && .Lvector <= 14) || .Lvector == 17 || \
	      .Lvector == 21 || .Lvector == 29 || .Lvector == 30)
	push $0
	.endif
	push $.Lvector
	jmp trap_common
	.set .Lvector, .Lvector + 1
	.endr

	.balign 16
trap_common:
	.irp register, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	push %\register
	.endr
	cld
	mov %rsp, %rdi
	push 17 * 8(%rdi)	/* trap_frame.rip */
	push %rbp
	mov %rsp, %rbp
	call trap_dispatch
	add $16, %rsp
	.irp register, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
	pop %\register
	.endr
	add $16, %rsp		/* error, vector */
	iretq

	/* As trap.c draws them. */
	.section .stacks, "aw", @nobits
	.globl trap_stacks
	.balign 4096
trap_stacks:
	.skip 3 * (4096 + 8192)

	.section .note.GNU-stack, "", @progbits
