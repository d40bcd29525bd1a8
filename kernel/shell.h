/* SPDX-License-Identifier: MIT */
/*
 * The shell on the serial console: line editing (left, right, home, end,
 * delete, ^A ^E ^K ^U ^W ^C ^L), history by arrow up and down.
 */
#ifndef KERNEL_SHELL_H
#define KERNEL_SHELL_H

__attribute__((noreturn)) void shell(void);

/* Run one line as if it was typed. 0, or an error that was printed. */
int shell_execute(char *line);

#endif
