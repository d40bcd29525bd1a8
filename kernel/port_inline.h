/* SPDX-License-Identifier: MIT */
/*
 * The part of mm/port.h that is on every short path, inline (PORT_INLINE). This
 * kernel runs on the boot CPU alone; its locks are real all the same.
 */
#ifndef KERNEL_PORT_INLINE_H
#define KERNEL_PORT_INLINE_H

#include "kernel/irq.h"
#include "kernel/mmu.h"
#include "kernel/string.h"

#define PORT_CPUS 1

static inline unsigned long port_lock(struct port_lock *lock)
{
	unsigned long flags = irq_save();

	/* In place, not in a function: around a call registers would have to be saved. */
	if (__builtin_expect(__atomic_exchange_n(&lock->word, 1, __ATOMIC_ACQUIRE), 0)) {
		do
			while (__atomic_load_n(&lock->word, __ATOMIC_RELAXED))
				__builtin_ia32_pause();
		while (__atomic_exchange_n(&lock->word, 1, __ATOMIC_ACQUIRE));
	}
	return flags;
}

static inline void port_unlock(struct port_lock *lock, unsigned long flags)
{
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
	irq_restore(flags);
}

static inline unsigned port_cpu(void)
{
	return 0;
}

static inline void *port_phys_to_virt(phys_addr_t addr)
{
	return phys_to_virt(addr);
}

static inline phys_addr_t port_virt_to_phys(const void *ptr)
{
	return virt_to_phys(ptr);
}

static inline void port_copy(phys_addr_t dst, phys_addr_t src, size_t n)
{
	memory_copy(phys_to_virt(dst), phys_to_virt(src), n);
}

#endif
