/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the NVMe driver share: nvme.c, how it is bound, and its
 * memory; nvme_queue.c, commands in flight, and the controller's way up and down;
 * nvme_disk.c, what is said to it. Inside them only.
 *
 * Two pairs of queues, each behind a queue of block requests: administration's,
 * whose requests are BLOCK_DRIVER with a command as `arg`, and the disks'. The
 * controller is
 *
 *	DOWN ──nvme_begin()──> STARTING ──its queues are made──> UP
 *	  ^   all requests fail    │  disks' queue is held   ^    │
 *	  └──────no answer─────────┘<────────reset───────────┴────┘ no answer
 *
 * Whoever was in flight fails, and is told when the controller has stopped, or
 * can't get at memory any more.
 *
 * A request has one command in flight at a time: one that is longer than a
 * command may be goes in parts, one after the other.
 *
 * State is changed with interrupts off.
 */
#ifndef DRIVERS_NVME_H
#define DRIVERS_NVME_H

#include "dma/pool.h"
#include "drivers/block.h"
#include "drivers/nvme_parse.h"
#include "drivers/nvme_ring.h"
#include "drivers/pci.h"

#define NVME_DISKS     2
#define NVME_MAX_BYTES MIB(4) /* of a request */
#define NVME_SEGMENTS  1025   /* of one: that many bytes in pages */

/* Pages that the device and the CPU use together; completion queues come first. */
enum { NVME_CQ, NVME_IO_CQ, NVME_SQ, NVME_IO_SQ, NVME_ANSWER, NVME_MEMORY };

struct nvme_memory {
	void *cpu;
	uint64_t bus;
	dma_addr_t handle;
};

/* A request that was started. */
struct nvme_slot {
	struct block_request *request;
	unsigned id;		/* of its commands */
	uint32_t done, part;	/* its sectors, and those of the command in flight */
	unsigned nents, mapped; /* entries, and segments, of */
	struct scatterlist *sg; /* the request's list, or `whole` */
	struct scatterlist whole;
	void *gathered; /* its data in pages, where they were in none */
	struct nvme_prps prps;
	dma_addr_t list;
};

struct nvme_queue {
	struct block_queue block; /* first, so that it is found by a cast */
	struct nvme_ring ring;
	unsigned id; /* 0: administration's */
	struct nvme_slot *slot[NVME_ENTRIES - 1];
};

struct nvme_disk {
	struct block_device block; /* first, so that it is found by a cast */
	uint32_t nsid;
};

enum nvme_state { NVME_DOWN, NVME_STARTING, NVME_UP };

struct nvme {
	struct pci_device *pci;
	uint8_t *regs;
	struct nvme_capability capability;
	size_t command_bytes; /* that a command may move */
	struct nvme_memory memory[NVME_MEMORY];
	struct dma_pool *lists; /* of PRPs, a page each */
	/* with interrupts off: */
	enum nvme_state state;
	struct block_request maker; /* of queues, while it is STARTING */
	struct nvme_sqe making;
	struct nvme_queue admin, io;
	struct block_device chip; /* whose administration's requests are */
	unsigned disks;
	struct nvme_disk disk[NVME_DISKS];
};

/* --- nvme_disk.c --- */

/* Find the disks, and make them known. 0, or an error. */
int nvme_scan(struct nvme *nvme);

/* Map its request's buffers. False, and nothing is mapped: no memory. */
bool nvme_map(struct nvme *nvme, struct nvme_slot *slot);

/* The command for what its request has left, as much as goes in one. False: the gate refused. */
bool nvme_shape(struct nvme *nvme, struct nvme_slot *slot, struct nvme_sqe *command);

/* It's done, or won't be: its buffers are unmapped, and the slot is no more. */
struct block_request *nvme_take_off(struct nvme *nvme, struct nvme_slot *slot, bool done);

/* --- nvme_queue.c --- */

void nvme_queue_init(struct nvme *nvme, struct nvme_queue *queue);

/* From whatever state to STARTING, from where it goes to UP, or DOWN, by itself. */
void nvme_begin(struct nvme *nvme);

/* In order, so that all is on the medium, to DOWN. Nothing is in flight. */
void nvme_end(struct nvme *nvme);

/* The interrupt handler: what completed is heard. Returns whether anything did. Interrupts off. */
bool nvme_service(void *nvme);

#endif
