/* SPDX-License-Identifier: MIT */
/*
 * The shell on the serial console: line editing and history (kernel/line.h),
 * and the commands that `help` lists.
 */
#ifndef KERNEL_SHELL_H
#define KERNEL_SHELL_H

__attribute__((noreturn)) void shell(void);

#endif
