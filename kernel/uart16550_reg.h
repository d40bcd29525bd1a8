/* SPDX-License-Identifier: MIT */
/*
 * Registers of the 16550: National Semiconductor PC16550D data sheet (June
 * 1995), section 8 and table II; names are the data sheet's.
 */
#ifndef KERNEL_UART16550_REG_H
#define KERNEL_UART16550_REG_H

#define UART_RBR	    0 /* receiver buffer, read */
#define UART_THR	    0 /* transmitter holding, write */
#define UART_DLL	    0 /* divisor latch, low; with LCR.DLAB */
#define UART_IER	    1 /* interrupt enable, 8.6 */
#define UART_DLM	    1 /* divisor latch, high; with LCR.DLAB */
#define UART_IIR	    2 /* interrupt identification, read, 8.5 */
#define UART_FCR	    2 /* FIFO control, write, 8.4 */
#define UART_LCR	    3 /* line control, 8.1 */
#define UART_MCR	    4 /* modem control, 8.7 */
#define UART_LSR	    5 /* line status, 8.2 */

#define UART_FIFO_SIZE	    16

#define UART_IER_ERBFI	    (1 << 0) /* received data available, and character timeout */

#define UART_IIR_NONE	    (1 << 0) /* no interrupt is pending */

#define UART_FCR_ENABLE	    (1 << 0)
#define UART_FCR_RCVR_RESET (1 << 1)
#define UART_FCR_XMIT_RESET (1 << 2)
#define UART_FCR_TRIGGER_8  (2 << 6) /* receiver's interrupt at 8 bytes */

#define UART_LCR_8N1	    3 /* 8 data bits, 1 stop bit, no parity */
#define UART_LCR_DLAB	    (1 << 7)

#define UART_MCR_DTR	    (1 << 0)
#define UART_MCR_RTS	    (1 << 1)
#define UART_MCR_OUT2	    (1 << 3) /* on a PC: lets the interrupt through to the 8259 */
#define UART_MCR_LOOP	    (1 << 4)

#define UART_LSR_DR	    (1 << 0) /* data ready */
#define UART_LSR_OE	    (1 << 1) /* overrun error; cleared by reading */
#define UART_LSR_THRE	    (1 << 5) /* transmitter holding register and FIFO empty */
#define UART_LSR_TEMT	    (1 << 6) /* shift register empty as well */

#endif
