/* SPDX-License-Identifier: MIT */
/*
 * QEMU's educational device: registers in BAR 0 (QEMU, docs/specs/edu.rst).
 * Below 0x80 they are 4 bytes wide and accessed so; from 0x80 on 8 bytes.
 */
#ifndef DRIVERS_EDU_REG_H
#define DRIVERS_EDU_REG_H

#define EDU_VENDOR_ID	  0x1234
#define EDU_DEVICE_ID	  0x11e8
#define EDU_BAR		  0
#define EDU_BAR_SIZE	  0x100000

#define EDU_ID		  0x00 /* 0xRRrr00ed: version RR.rr */
#define EDU_LIVENESS	  0x04 /* reads as the complement of what was written */
#define EDU_IRQ_STATUS	  0x24 /* what raised the interrupt */
#define EDU_IRQ_ACK	  0x64 /* bits written are cleared in the status */
#define EDU_DMA_SRC	  0x80
#define EDU_DMA_DST	  0x88
#define EDU_DMA_COUNT	  0x90 /* bytes */
#define EDU_DMA_CMD	  0x98

#define EDU_ID_MASK	  0xffffu
#define EDU_ID_EDU	  0x00edu

#define EDU_IRQ_DMA	  0x100u /* a transfer is done */

#define EDU_CMD_RUN	  (1u << 0) /* reads as 1 until the transfer is done */
#define EDU_CMD_TO_MEMORY (1u << 1) /* from the device's buffer to memory; 0: the other way */
#define EDU_CMD_IRQ	  (1u << 2) /* interrupt when it is done */

/* The device's buffer, where SRC and DST see it. Its last byte can't be used in QEMU 7.2. */
#define EDU_BUFFER	0x40000
#define EDU_BUFFER_SIZE 4096
#define EDU_MAX_BYTES	(EDU_BUFFER_SIZE - 1)

/* The transfer starts, and ends, this long after the command. */
#define EDU_TRANSFER_MS 100

/* What the device reaches unless QEMU is told otherwise (property dma_mask). */
#define EDU_DEFAULT_BITS 28

#endif
