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

/* How device memory is mapped: PORT_MAP_IO for port_io_* alone, the others as memory. */
enum port_mapping { PORT_MAP_UNCACHED, PORT_MAP_COMBINING, PORT_MAP_IO };

/*
 * Map `size` bytes of device memory; NULL: it can't be done. Not from interrupt
 * handlers. Unmapping takes what mapping gave.
 */
void *port_map_device(phys_addr_t addr, size_t size, enum port_mapping how);
void port_unmap_device(void *mapped, size_t size);

/* One access each, to what was mapped as PORT_MAP_IO; a multiple of 4. */
uint32_t port_io_read32(const void *at);
void port_io_write32(void *at, uint32_t value);

/* The name of the function that `addr` is in and how far; NULL where unknown. */
const char *port_symbol(const void *addr, size_t *offset);

#endif
