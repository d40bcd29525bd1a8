/* SPDX-License-Identifier: MIT */
/*
 * What mm/ wants from the kernel it lives in: all of it, there is nothing
 * else. The kernel's own answers are in kernel/port.c, those of the host
 * tests in tests/host/port.c. (What dma/ wants beyond is in dma/port.h.)
 *
 * The five on the short paths may be inline: a build that defines PORT_INLINE
 * as the name of a header has them from there (and PORT_CPUS, if it likes).
 *
 * All of it can be called in any context, interrupts on or off.
 */
#ifndef MM_PORT_H
#define MM_PORT_H

#include "mm/types.h"

/* A spin lock; all zero is unlocked. Not recursive. */
struct port_lock {
	uint32_t word;
};

#ifdef PORT_INLINE
#include PORT_INLINE
#else

/* Take a lock with interrupts off; the result goes to port_unlock(). */
unsigned long port_lock(struct port_lock *lock);
void port_unlock(struct port_lock *lock, unsigned long flags);

/* The CPU this runs on, below PORT_CPUS. Moving to another meanwhile does no harm. */
unsigned port_cpu(void);

/* The pointer through which the kernel reaches a page of RAM, and back. */
void *port_phys_to_virt(phys_addr_t addr);
phys_addr_t port_virt_to_phys(const void *ptr);

#endif

#ifndef PORT_CPUS
#define PORT_CPUS 8
#endif

enum port_log_level { PORT_LOG_ERROR, PORT_LOG_WARNING, PORT_LOG_INFO, PORT_LOG_DEBUG };

/* One line for the log, without the newline. */
__attribute__((format(printf, 2, 3))) void port_log(enum port_log_level level, const char *fmt,
						    ...);

/* The state of mm or dma itself is broken: stop the machine. */
__attribute__((noreturn, format(printf, 1, 2))) void port_panic(const char *fmt, ...);

/* A caller's mistake with pages, judged by the block's first; the call has no effect. */
enum page_misuse {
	PAGE_DOUBLE_FREE, /* it is free already */
	PAGE_WRONG_ORDER, /* allocated, but not as one block of this order */
	PAGE_RESERVED,	  /* never was the allocator's to give */
	PAGE_UNALIGNED,	  /* not at a multiple of the block's size */
	PAGE_MISUSE_KINDS,
	PAGE_FINE = PAGE_MISUSE_KINDS /* no mistake */
};
void port_page_misuse(enum page_misuse kind, phys_addr_t addr, unsigned order, const void *caller);

/* As ISO C has them; a compiler may call these on its own. */
void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#endif
