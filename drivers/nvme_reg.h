/* SPDX-License-Identifier: MIT */
/*
 * NVM Express: registers in BAR 0, and what lies in queues.
 *
 * Source: NVM Express Base Specification 1.4, sections in brackets; names are
 * the specification's.
 */
#ifndef DRIVERS_NVME_REG_H
#define DRIVERS_NVME_REG_H

#include "mm/types.h"

#define NVME_VENDOR_ID	     0x1b36 /* Red Hat: QEMU's */
#define NVME_DEVICE_ID	     0x0010
#define NVME_INTEL_VENDOR_ID 0x8086
#define NVME_INTEL_DEVICE_ID 0x5845 /* QEMU's of old */

#define NVME_BAR	     0
#define NVME_PAGE	     4096 /* what CC.MPS = 0 means */

#define NVME_CAP	     0x00 /* 64 bits */
#define NVME_CC		     0x14
#define NVME_CSTS	     0x1c
#define NVME_AQA	     0x24
#define NVME_ASQ	     0x28 /* 64 bits */
#define NVME_ACQ	     0x30 /* 64 bits */
#define NVME_CMBLOC	     0x38
#define NVME_CMBSZ	     0x3c
#define NVME_CMBMSC	     0x50 /* 64 bits */
#define NVME_CMBSTS	     0x58
#define NVME_DOORBELLS	     0x1000 /* of queue n: its tail, its head, CAP.DSTRD apart [3.1.24] */

/* Controller capabilities [3.1.1] */
#define NVME_CAP_MQES(cap)   ((unsigned)(cap)&0xffff)	      /* most entries of a queue, less 1 */
#define NVME_CAP_TO(cap)     ((unsigned)((cap) >> 24) & 0xff) /* until it is ready, 500 ms each */
#define NVME_CAP_DSTRD(cap)  ((unsigned)((cap) >> 32) & 0xf)  /* 4 << this is a doorbell's size */
#define NVME_CAP_CSS_NVM     (1ULL << 37)		      /* has the NVM command set */
#define NVME_CAP_MPSMIN(cap) ((unsigned)((cap) >> 48) & 0xf)  /* smallest page, 4 KiB << this */
#define NVME_CAP_CMBS	     (1ULL << 57)		      /* CMBMSC is there */

/* Controller configuration, status [3.1.5, 3.1.6] */
#define NVME_CC_EN	    (1u << 0)
#define NVME_CC_SHN_NORMAL  (1u << 14)
#define NVME_CC_IOSQES	    (6u << 16) /* 64 bytes */
#define NVME_CC_IOCQES	    (4u << 20) /* 16 bytes */
#define NVME_CSTS_RDY	    (1u << 0)
#define NVME_CSTS_CFS	    (1u << 1) /* fatal */
#define NVME_CSTS_SHST_MASK (3u << 2)
#define NVME_CSTS_SHST_DONE (2u << 2)

/* Controller memory buffer [3.1.11, 3.1.12, 3.1.16, 3.1.17] */
#define NVME_CMBLOC_BIR(loc)  ((loc)&7)
#define NVME_CMBLOC_BIR_MOST  5
#define NVME_CMBLOC_OFST(loc) ((loc) >> 12)	  /* in units of CMBSZ.SZU */
#define NVME_CMBSZ_USES	      0x1d		  /* submission queues, PRP lists, data both ways */
#define NVME_CMBSZ_SZU(size)  ((size) >> 8 & 0xf) /* 4 KiB << 4 * this */
#define NVME_CMBSZ_SZU_MOST   6
#define NVME_CMBSZ_SZ(size)   ((size) >> 12)
#define NVME_CMBMSC_CRE	      (1u << 0) /* CMBLOC and CMBSZ say something */
#define NVME_CMBMSC_CMSE      (1u << 1) /* it is at CBA, which is the rest of the register */
#define NVME_CMBSTS_CBAI      (1u << 0) /* CBA can't be that */

/* Commands [5, 6] */
enum nvme_admin_opcode { NVME_CREATE_SQ = 0x01, NVME_CREATE_CQ = 0x05, NVME_IDENTIFY = 0x06 };
enum nvme_opcode { NVME_FLUSH = 0x00, NVME_WRITE = 0x01, NVME_READ = 0x02 };

/* What is identified [5.15.1] */
enum nvme_cns { NVME_CNS_NAMESPACE, NVME_CNS_CONTROLLER, NVME_CNS_NAMESPACES };

/* Of queues that are created [5.3, 5.4] */
#define NVME_QUEUE_CONTIGUOUS (1u << 0)
#define NVME_QUEUE_INTERRUPTS (1u << 1)

/* A submission queue's entry [4.2]. Little-endian, as all of it. */
struct nvme_sqe {
	uint8_t opcode, flags;
	uint16_t id;
	uint32_t nsid;
	uint64_t reserved, metadata;
	uint64_t prp1, prp2;
	uint32_t dword10, dword11, dword12, dword13, dword14, dword15;
};

/* A completion queue's entry [4.6]. */
struct nvme_cqe {
	uint32_t result, reserved;
	uint16_t sq_head, sq_id;
	uint16_t id;
	uint16_t status; /* and the phase, in bit 0 */
};

#define NVME_PHASE	  0x0001
#define NVME_STATUS(s)	  ((s) >> 1 & 0x7ff) /* type and code [4.6.1] */
#define NVME_DO_NOT_RETRY 0x8000

_Static_assert(sizeof(struct nvme_sqe) == 64, "[4.2]");
_Static_assert(offsetof(struct nvme_sqe, prp1) == 24, "[4.2]");
_Static_assert(sizeof(struct nvme_cqe) == 16, "[4.6]");

#endif
