/* SPDX-License-Identifier: MIT */
/*
 * What dma/ wants from its kernel beyond mm/port.h.
 */
#ifndef DMA_PORT_H
#define DMA_PORT_H

#include "mm/port.h"

/*
 * Copy `n` bytes of RAM by physical address; the two do not overlap. dma
 * touches buffers through this alone, so that a checker may take a buffer's
 * ordinary mapping away. A build that has PORT_INLINE may have it there.
 */
void port_copy(phys_addr_t dst, phys_addr_t src, size_t n);

/* Zero `n` bytes of RAM by physical address. */
void port_zero(phys_addr_t dst, size_t n);

/* The name of the function that `addr` is in and how far; NULL where unknown. */
const char *port_symbol(const void *addr, size_t *offset);

#endif
