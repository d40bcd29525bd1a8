/* SPDX-License-Identifier: MIT */
/*
 * A small machine for tests of dma/: one stretch of memory, zones over its
 * bottom, a pool above them, and two devices of each reach. All addresses are
 * reckoned from `base`.
 *
 *	0          256K         768K           1M                2M
 *	|  zones   |  pool      |  low buffers |  high buffers   |
 *	           ^ tight: last byte before   ^ near: last byte before
 */
#ifndef TESTS_UNIT_DMA_FIXTURE_H
#define TESTS_UNIT_DMA_FIXTURE_H

#include "dma/dma.h"
#include "dma/swiotlb.h"
#include "tests/arena.h"
#include "tests/ktest.h"

#define FIXTURE_POOL  KIB(256)
#define FIXTURE_SLOTS 256
#define FIXTURE_LOW   KIB(768)
#define FIXTURE_HIGH  MIB(1)
#define FIXTURE_SIZE  MIB(2)

struct dma_fixture {
	struct arena arena;
	uint64_t base;
	struct zones zones;
	struct kmem kmem;
	struct swiotlb pool;
	struct dma_system sys;
	struct dma_device near, near2;	   /* reach the pool, and low buffers directly */
	struct dma_device tight, tight2;   /* reach nothing but the zones */
	uint64_t misuse[DMA_MISUSE_KINDS]; /* reports that the case has accounted for */
};

/* A suite's begin() and end(). The latter proves that all is given back, and no misuse unexpected.
 */
void dma_fixture_begin(struct ktest *t);
void dma_fixture_end(struct ktest *t);

/* A device's window: what its bus addresses are more than physical ones, and the last of them. */
void fixture_window(struct dma_device *dev, int64_t bus_offset, uint64_t last);

/* Map a buffer at an offset in the stretch. */
dma_addr_t fixture_map(struct ktest *t, struct dma_device *dev, uint64_t offset, size_t len,
		       enum dma_data_direction dir);

/* Old data of others (0xee), all over what a device can be sent to. */
void fixture_litter(struct dma_fixture *f);

/* In the zones. */
uint64_t fixture_free_bytes(struct dma_fixture *f);

/* Mappings of the device that could not be made, and other memory that it could not have. */
uint64_t fixture_failures(const struct dma_device *dev);

/* Bytes at an offset in the stretch, as the CPU sees them. */
uint8_t *fixture_memory(const struct dma_fixture *f, uint64_t offset);

/* What a device sees at a DMA address. */
uint8_t *fixture_device_view(const struct dma_device *dev, dma_addr_t addr);

/* Since the last call there was one more report, of this kind, and none else. */
void fixture_expect_misuse(struct ktest *t, enum dma_misuse_kind kind);

/* Every byte of a pattern from `seed` is there. */
void fixture_fill(uint8_t *at, size_t len, uint8_t seed);
bool fixture_is(const uint8_t *at, size_t len, uint8_t seed);
bool fixture_is_zero(const uint8_t *at, size_t len);

#endif
