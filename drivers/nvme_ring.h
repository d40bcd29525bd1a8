/* SPDX-License-Identifier: MIT */
/*
 * A pair of NVMe queues [NVM Express 1.4, 4.1], and PRPs [4.3].
 *
 *	submission   ... | sent, not yet taken ... |  free ...
 *	                                           ^ tail
 *	completion   ... | old phase ...  | new phase: news | old phase ...
 *	                                  ^ head
 *
 * A command has an id, and is in flight from nvme_ring_put() until its id comes
 * back. One less than there are entries may be in flight, so neither queue ever
 * overflows, whatever the device says of its heads. An id that isn't in flight is
 * a stray, counted and not believed.
 *
 * PRPs name pages: a command's data begins anywhere (in dwords) in its first and
 * ends anywhere in its last; in between there are whole pages. The second PRP is
 * the second page, or the list of all but the first.
 *
 * Pure; the caller sees to it that one at a time uses a ring.
 */
#ifndef DRIVERS_NVME_RING_H
#define DRIVERS_NVME_RING_H

#include "dma/sg.h"
#include "drivers/nvme_reg.h"

#define NVME_ENTRIES 64 /* of a queue, at most: a page of commands, a word of ids */

struct nvme_ring {
	struct nvme_sqe *sq;
	const struct nvme_cqe *cq;
	unsigned entries; /* of either */
	unsigned tail, head;
	uint16_t phase;	    /* of news */
	uint64_t in_flight; /* a bit an id */
	uint64_t strays;    /* since ever */
};

/* Empty; so are the queues in memory. */
void nvme_ring_init(struct nvme_ring *ring, void *sq, void *cq, unsigned entries);

/*
 * Send a command by an id below `entries` - 1 that is not in flight, up to `tail`,
 * which its doorbell is to say.
 */
void nvme_ring_put(struct nvme_ring *ring, unsigned id, const struct nvme_sqe *command);

enum nvme_news { NVME_NOTHING, NVME_DONE, NVME_STRAY };

/* What came next: its id and status. DONE: the id was in flight, and is no more. */
enum nvme_news nvme_ring_take(struct nvme_ring *ring, struct nvme_cqe *cqe);

#define NVME_LIST_MOST	  (NVME_PAGE / 8)		       /* entries of a list in one page */
#define NVME_COMMAND_MOST ((size_t)NVME_LIST_MOST * NVME_PAGE) /* bytes that it has room for */

struct nvme_prps {
	uint64_t *list;	   /* the caller's, a page for all pages but the first; NULL: two at most */
	uint64_t list_bus; /* where it is for the device */
	unsigned pages;	   /* that were added */
	uint64_t prp[2];   /* what the command says */
	bool ended;	   /* in the middle of a page */
};

/* Has the list the shape of PRPs? */
bool nvme_is_paged(const struct scatterlist *sg, unsigned nents);

/* What follows on the bus. False: that is no shape of PRPs, or there is no room. */
bool nvme_prps_add(struct nvme_prps *prps, uint64_t bus, size_t len);

#endif
