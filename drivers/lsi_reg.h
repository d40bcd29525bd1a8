/* SPDX-License-Identifier: MIT */
/*
 * LSI53C895A PCI to Ultra2 SCSI controller: registers in BAR 1, a byte at a
 * time or as dwords, and 8 KiB of SCRIPTS RAM in BAR 2.
 *
 * Source: LSI53C895A Technical Manual (DB14-000124), chapter 4; names are the
 * manual's.
 */
#ifndef DRIVERS_LSI_REG_H
#define DRIVERS_LSI_REG_H

#define LSI_VENDOR_ID	   0x1000
#define LSI_DEVICE_ID	   0x0012

#define LSI_BAR_REGISTERS  1
#define LSI_BAR_RAM	   2
#define LSI_REGISTERS_SIZE 0x400

/* All its addresses but those of block moves in modes that are not used here: DSP, DSA, tables. */
#define LSI_ADDRESS_BITS    32
#define LSI_COUNT_MAX	    0xffffffu /* 24 bits of byte count, in block and memory moves */

#define LSI_SCNTL0	    0x00
#define LSI_SCNTL1	    0x01
#define LSI_SCNTL2	    0x02
#define LSI_SCID	    0x04 /* the chip's own id */
#define LSI_SSID	    0x0a /* who reselected */
#define LSI_DSTAT	    0x0c /* why SCRIPTS stopped; reading clears */
#define LSI_SSTAT1	    0x0e
#define LSI_DSA		    0x10 /* data structure address: what tables are relative to */
#define LSI_ISTAT	    0x14 /* the one register that may be used while SCRIPTS run */
#define LSI_CTEST2	    0x1a /* reading takes SIGP back */
#define LSI_TEMP	    0x1c /* where RETURN goes */
#define LSI_DBC		    0x24 /* 24 bits: bytes that a block move has left */
#define LSI_DNAD	    0x28 /* the address that it works with */
#define LSI_DSP		    0x2c /* SCRIPTS pointer; writing starts them */
#define LSI_DSPS	    0x30 /* what INT says */
#define LSI_SCRATCHA	    0x34
#define LSI_DIEN	    0x39 /* what of DSTAT interrupts */
#define LSI_SIEN	    0x40 /* 16 bits: what of SIST interrupts */
#define LSI_SIST	    0x42 /* 16 bits: what happened on the SCSI bus; reading clears */
#define LSI_STIME0	    0x48
#define LSI_RESPID0	    0x4a /* which ids it answers to, a bit each */
#define LSI_SCRATCHB	    0x5c
#define LSI_SCRATCHC	    0x60

#define LSI_SCNTL0_ARB_FULL 0xc0 /* arbitrate, then select */
#define LSI_SCNTL1_RST	    0x08 /* hold the bus's reset */
#define LSI_SCNTL1_CON	    0x10 /* connected to a target */
#define LSI_SCNTL2_SDU	    0x80 /* a disconnect is unexpected */
#define LSI_SCID_RRE	    0x40 /* answer reselection */
#define LSI_SSID_VAL	    0x80
#define LSI_SSID_ID	    0x0f
#define LSI_SSTAT1_PHASE    0x07

#define LSI_ISTAT_DIP	    0x01 /* look at DSTAT */
#define LSI_ISTAT_SIP	    0x02 /* look at SIST */
#define LSI_ISTAT_INTF	    0x04 /* INTFLY was met; writing 1 clears */
#define LSI_ISTAT_SIGP	    0x20 /* the processor has work */
#define LSI_ISTAT_SRST	    0x40
#define LSI_ISTAT_ABRT	    0x80

#define LSI_DSTAT_SIR	    0x04 /* INT was met */
#define LSI_DSTAT_ERRORS    0x61 /* IID, BF, MDPE: a wrong instruction, or one on the PCI bus */
#define LSI_DSTAT_DFE	    0x80 /* no event: the FIFO is empty */

#define LSI_SIST_ERRORS	    0x0f  /* PAR, RST, UDC, SGE */
#define LSI_SIST_MA	    0x80  /* the target went to another phase */
#define LSI_SIST_STO	    0x400 /* nobody answered the selection */

#define LSI_STIME0_250MS    0x0c

/* SCSI-2, table 8: MSG, C/D, I/O. */
enum lsi_phase {
	LSI_DATA_OUT = 0,
	LSI_DATA_IN = 1,
	LSI_COMMAND = 2,
	LSI_STATUS = 3,
	LSI_MESSAGE_OUT = 6,
	LSI_MESSAGE_IN = 7
};

#endif
