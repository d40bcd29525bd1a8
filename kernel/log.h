/* SPDX-License-Identifier: MIT */
/*
 * The log: lines with a level and a time, on the console and in a ring.
 *
 * A line goes to the console when its level is at or below the one chosen
 * (loglevel=error|warning|info|debug), always to the ring, which a panic and
 * the shell's `log` print. Any context. A line is printed as
 *
 *	[    0.123456] pci: 00:04.0 1234:11e8 edu
 *
 * with "warning: " or "error: " before the text where the level says so. No
 * line begins with "ok" or "not ok".
 */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include "kernel/printf.h"
#include "mm/port.h"

#define log_error(...)	 port_log(PORT_LOG_ERROR, __VA_ARGS__)
#define log_warning(...) port_log(PORT_LOG_WARNING, __VA_ARGS__)
#define log_info(...)	 port_log(PORT_LOG_INFO, __VA_ARGS__)
#define log_debug(...)	 port_log(PORT_LOG_DEBUG, __VA_ARGS__)

/* What the console shows from now on (the ring keeps all). Default PORT_LOG_WARNING. */
void log_set_level(enum port_log_level level);

/* Print the last `lines` lines of the ring (0: all there are) to the console. */
void log_print_ring(uint64_t lines);

/*
 * From log_hold() to log_release() lines go to the ring alone; then, if they are
 * wanted, to the console. For a test that provokes what is logged; not nested.
 */
void log_hold(void);
void log_release(bool show);

#endif
