/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration space (PCI Local Bus 3.0, sections in brackets; bridges:
 * PCI-to-PCI Bridge Architecture 1.2, section 3.2).
 */
#ifndef DRIVERS_PCI_REG_H
#define DRIVERS_PCI_REG_H

/* Configuration mechanism #1 [3.2.2.3.2] */
#define PCI_CONFIG_ADDRESS 0xcf8
#define PCI_CONFIG_DATA	   0xcfc
#define PCI_CONFIG_ENABLE  0x80000000u
#define PCI_CONFIG_SIZE	   256

#define PCI_SLOTS	   32
#define PCI_FUNCTIONS	   8

/* The header [6.1] */
#define PCI_VENDOR_ID	      0x00 /* 16 bits; all ones: nobody */
#define PCI_DEVICE_ID	      0x02
#define PCI_COMMAND	      0x04
#define PCI_STATUS	      0x06
#define PCI_CLASS_REVISION    0x08
#define PCI_HEADER_TYPE	      0x0e
#define PCI_BASE_ADDRESS_0    0x10
#define PCI_PRIMARY_BUS	      0x18
#define PCI_SECONDARY_BUS     0x19
#define PCI_SUBORDINATE_BUS   0x1a
#define PCI_CAPABILITY_LIST   0x34
#define PCI_INTERRUPT_LINE    0x3c
#define PCI_INTERRUPT_PIN     0x3d

#define PCI_HEADER_TYPE_MASK  0x7f
#define PCI_HEADER_NORMAL     0
#define PCI_HEADER_BRIDGE     1
#define PCI_HEADER_MULTI      0x80

#define PCI_CLASS_HOST_BRIDGE 0x0600 /* class and subclass */

/* Command and status [6.2.2, 6.2.3] */
#define PCI_COMMAND_IO		 (1 << 0)
#define PCI_COMMAND_MEMORY	 (1 << 1)
#define PCI_COMMAND_MASTER	 (1 << 2)
#define PCI_COMMAND_INTX_DISABLE (1 << 10)
#define PCI_STATUS_CAP_LIST	 (1 << 4)

/* Base addresses [6.2.5.1] */
#define PCI_BAR_SPACE_IO    (1 << 0)
#define PCI_BAR_TYPE_MASK   (3 << 1)
#define PCI_BAR_TYPE_64	    (2 << 1)
#define PCI_BAR_PREFETCH    (1 << 3)
#define PCI_BAR_IO_MASK	    (~3u)
#define PCI_BAR_MEMORY_MASK (~15u)

/* Capabilities [6.7]: an id, and where the next one is */
#define PCI_CAP_FIRST	0x40
#define PCI_CAP_NEXT	1
#define PCI_CAP_ID_MSI	0x05
#define PCI_CAP_ID_MSIX 0x11

/* Message-signalled interrupts [6.8.1] */
#define PCI_MSI_CONTROL	      2 /* MSI-X too */
#define PCI_MSI_ADDRESS	      4
#define PCI_MSI_ADDRESS_HIGH  8 /* with 64 bits only */
#define PCI_MSI_DATA_32	      8
#define PCI_MSI_DATA_64	      12
#define PCI_MSI_MASK_32	      12 /* with masking only */
#define PCI_MSI_MASK_64	      16
#define PCI_MSI_SIZE	      24 /* the longest form */
#define PCI_MSI_ENABLE	      (1 << 0)
#define PCI_MSI_MULTIPLE_MASK (7 << 4) /* vectors granted, as a power of two */
#define PCI_MSI_64BIT	      (1 << 7)
#define PCI_MSI_MASKING	      (1 << 8)

/* The same by a table in a BAR [6.8.2]; of an entry, offsets in it */
#define PCI_MSIX_TABLE	      4 /* which BAR in bits 0 to 2, where in it */
#define PCI_MSIX_SIZE	      12
#define PCI_MSIX_MASK_ALL     (1 << 14)
#define PCI_MSIX_ENABLE	      (1 << 15)
#define PCI_MSIX_BAR	      7u
#define PCI_MSIX_ADDRESS      0
#define PCI_MSIX_ADDRESS_HIGH 4
#define PCI_MSIX_DATA	      8
#define PCI_MSIX_MASKED	      12
#define PCI_MSIX_ENTRY	      16

#endif
