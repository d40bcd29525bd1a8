/* SPDX-License-Identifier: MIT */
/*
 * Commands and lists are written by whole words, since they may lie on the
 * device. Of a completion the last word, which has its phase, is read first.
 */
#include "drivers/nvme_ring.h"

#include "kernel/io.h"
#include "kernel/string.h"

void nvme_ring_init(struct nvme_ring *ring, void *sq, void *cq, unsigned entries)
{
	*ring = (struct nvme_ring){.sq = sq,
				   .cq = cq,
				   .entries = entries,
				   .phase = NVME_PHASE,
				   .strays = ring->strays};
	memset(cq, 0, entries * sizeof(*ring->cq));
}

void nvme_ring_put(struct nvme_ring *ring, unsigned id, const struct nvme_sqe *command)
{
	union {
		struct nvme_sqe sqe;
		uint64_t word[sizeof(struct nvme_sqe) / 8];
	} entry = {.sqe = *command};

	entry.sqe.id = (uint16_t)id;
	for (unsigned i = 0; i < ARRAY_SIZE(entry.word); i++)
		writeq(entry.word[i], (uint64_t *)&ring->sq[ring->tail] + i);
	ring->tail = (ring->tail + 1) % ring->entries;
	ring->in_flight |= 1ULL << id;
}

enum nvme_news nvme_ring_take(struct nvme_ring *ring, struct nvme_cqe *cqe)
{
	const struct nvme_cqe *next = &ring->cq[ring->head];
	uint64_t last = readq(&next->sq_head);

	memcpy(&cqe->sq_head, &last, sizeof(last));
	if ((cqe->status & NVME_PHASE) != ring->phase)
		return NVME_NOTHING;
	ring->head = (ring->head + 1) % ring->entries;
	ring->phase ^= ring->head ? 0 : NVME_PHASE;
	if (cqe->id >= ring->entries - 1 || !(ring->in_flight >> cqe->id & 1)) {
		ring->strays++;
		return NVME_STRAY;
	}
	ring->in_flight &= ~(1ULL << cqe->id);
	return NVME_DONE;
}

bool nvme_is_paged(const struct scatterlist *sg, unsigned nents)
{
	for (unsigned i = 1; i < nents; i++)
		if ((sg[i].addr.value | (sg[i - 1].addr.value + sg[i - 1].length)) % NVME_PAGE)
			return false;
	return sg[0].addr.value % 4 == 0;
}

bool nvme_prps_add(struct nvme_prps *prps, uint64_t bus, size_t len)
{
	if (prps->ended || bus % (prps->pages ? NVME_PAGE : 4))
		return false;
	for (size_t n; len; bus += n, len -= n) {
		unsigned i = prps->pages++;

		n = NVME_PAGE - bus % NVME_PAGE;
		n = n < len ? n : len;
		if (i < 2)
			prps->prp[i] = bus;
		else if (i > NVME_LIST_MOST || !prps->list)
			return false;
		if (i && prps->list)
			writeq(bus, &prps->list[i - 1]);
	}
	prps->ended = bus % NVME_PAGE;
	if (prps->pages > 2)
		prps->prp[1] = prps->list_bus;
	return true;
}
