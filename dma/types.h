/* SPDX-License-Identifier: MIT */
/*
 * The words of the DMA API, in Linux's spelling.
 */
#ifndef DMA_TYPES_H
#define DMA_TYPES_H

#include "mm/types.h"

/*
 * An address as a device would use it. Only dma/ opens the struct: the number
 * for a register or a descriptor comes out of dma_gate() and nowhere else.
 */
typedef struct {
	uint64_t bus;
} dma_addr_t;

#define DMA_MAPPING_ERROR ((dma_addr_t){UINT64_MAX})

/* A mask of n address bits, 1 to 64. */
#define DMA_BIT_MASK(n) (UINT64_MAX >> (64 - (n)))

/* The tightest mask that is ever granted. */
#define DMA_MIN_MASK DMA_BIT_MASK(24)

enum dma_data_direction {
	DMA_BIDIRECTIONAL,
	DMA_TO_DEVICE,	 /* the device reads */
	DMA_FROM_DEVICE, /* the device writes */
};

#endif
