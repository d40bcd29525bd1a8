/* SPDX-License-Identifier: MIT */
/*
 * The words of the DMA API, in Linux's spelling.
 */
#ifndef DMA_TYPES_H
#define DMA_TYPES_H

#include "mm/types.h"

/*
 * An address as a device would use it. Only dma/ opens the struct: the number
 * for a register or a descriptor comes out of dma_gate() and nowhere else.
 */
typedef struct {
	uint64_t bus;
} dma_addr_t;

#define DMA_MAPPING_ERROR ((dma_addr_t){UINT64_MAX})

/* A mask of n address bits, 1 to 64. */
#define DMA_BIT_MASK(n) (UINT64_MAX >> (64 - (n)))

/* The tightest mask that is ever granted. */
#define DMA_MIN_MASK DMA_BIT_MASK(24)

enum dma_data_direction {
	DMA_BIDIRECTIONAL,
	DMA_TO_DEVICE,	 /* the device reads */
	DMA_FROM_DEVICE, /* the device writes */
};

/*
 * What a caller may ask beyond; an `attrs` argument is any of them together.
 *
 * Where map doesn't copy in, a bounced mapping is zeroed instead, in whatever
 * direction: neither the device nor, by a later sync, the buffer gets to see
 * what others left there.
 */
enum dma_attrs {
	/* Map (and unmap, if it is said there too) copy nothing: the caller syncs. */
	DMA_ATTR_SKIP_CPU_SYNC = 1 << 0,
	/* A failure is counted, but not said. */
	DMA_ATTR_NO_WARN = 1 << 1,
	/*
	 * What was in the buffer isn't wanted: map copies nothing in. Only of a
	 * mapping FROM_DEVICE; of others, whose bytes the device reads, it means
	 * nothing. All is copied out that dma_set_written() doesn't leave out, so
	 * what the device didn't write is zero then.
	 */
	DMA_ATTR_OVERWRITE = 1 << 2,
	/* Coherent memory that a dma_pool has, which it alone gives back. */
	DMA_ATTR_POOL = 1 << 3,
	/*
	 * Coherent memory of the system, never of a device: what the device writes, and
	 * the CPU looks for again and again.
	 */
	DMA_ATTR_SYSTEM_MEMORY = 1 << 4,
};

/* Why a mapping could not be made. */
enum dma_failure {
	DMA_FAIL_NONE,
	DMA_FAIL_LENGTH, /* no bytes, an end that wraps, more than a segment, or too many of them */
	DMA_FAIL_TOO_BIG,     /* not even in an empty pool */
	DMA_FAIL_OUT_OF_MASK, /* nor in what the device reaches of an empty one, or by any pages */
	DMA_FAIL_EXHAUSTED,   /* fewer slots are free, within the device's reach, than it takes;
				 or, where only pages can do it, no page is */
	DMA_FAIL_FRAGMENTED,  /* enough are, but no run of them that fits; or pages */
	DMA_FAILURES
};

/* In words, as in the log. */
const char *dma_failure_name(enum dma_failure why);

/*
 * How many of something are in use, and were at most. Exact, in any context: whoever
 * takes some sees in the same step whether there were never so many.
 */
struct dma_level {
	uint64_t high;
	int64_t spare; /* `high` less what is in use; below 0 until `high` is raised */
};

static inline void dma_level_raise(struct dma_level *level, uint64_t n)
{
	int64_t spare;

	if (__builtin_expect(__atomic_sub_fetch(&level->spare, n, __ATOMIC_RELAXED) >= 0, 1))
		return;
	spare = __atomic_load_n(&level->spare, __ATOMIC_RELAXED);
	while (spare < 0)
		if (__atomic_compare_exchange_n(&level->spare, &spare, 0, true, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED)) {
			__atomic_fetch_sub(&level->high, spare, __ATOMIC_RELAXED);
			break;
		}
}

/* A full barrier: whoever looks at something else after it looks later (dma/wait.c). */
static inline void dma_level_lower(struct dma_level *level, uint64_t n)
{
	__atomic_fetch_add(&level->spare, (int64_t)n, __ATOMIC_SEQ_CST);
}

static inline uint64_t dma_level_now(const struct dma_level *level)
{
	int64_t spare = __atomic_load_n(&level->spare, __ATOMIC_RELAXED);

	return __atomic_load_n(&level->high, __ATOMIC_RELAXED) - (uint64_t)spare;
}

#endif
