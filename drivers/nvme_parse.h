/* SPDX-License-Identifier: MIT */
/*
 * What an NVMe controller says of itself. It comes from outside: nothing in it
 * is used as a length or a shift before it was looked at.
 *
 * Pure; any context.
 */
#ifndef DRIVERS_NVME_PARSE_H
#define DRIVERS_NVME_PARSE_H

#include "drivers/nvme_reg.h"

struct nvme_capability {
	unsigned entries;  /* that a queue may have */
	unsigned stride;   /* bytes from one doorbell to the next */
	uint64_t ready_ns; /* longest until it is ready, or has stopped */
	bool has_cmbmsc;
};

/* NULL, or why it can't be worked with. */
const char *nvme_parse_capability(uint64_t cap, struct nvme_capability *capability);

/* The controller memory buffer in its BAR. */
struct nvme_cmb {
	unsigned bar;
	uint64_t offset, size; /* bytes */
};

/* CMBLOC and CMBSZ. False: there is none, or none that is good for queues, lists and data. */
bool nvme_parse_cmb(uint32_t location, uint32_t size, struct nvme_cmb *cmb);

/* The answers to Identify, a page each. Of a controller: bytes that a command may move. */
size_t nvme_parse_most_bytes(const uint8_t *data);

/* NULL, or why it can't be worked with. Sectors have 2^n bytes, from 512 to 4096. */
const char *nvme_parse_namespace(const uint8_t *data, uint64_t *sectors, uint32_t *sector_size);

/* A completion's status, without its type and code, in words. */
const char *nvme_status_name(uint16_t status);

#endif
