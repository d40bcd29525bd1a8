/* SPDX-License-Identifier: MIT */
/*
 * A small machine, and a naive model of what dma/ does on it: of every mapping
 * which slots it has, what the CPU and what the device must see of each byte,
 * and what is counted. tests/unit/map_model_test.c does random things to both.
 *
 *	0          512K         632K          688K     784K    880K    1M
 *	|  zones   |  pool: lost | free slots |  near  |  far  |       |  the model's own
 *
 * All positions are bytes from `base`. The model looks at each slot, one by one;
 * it knows nothing of indexes, magazines or caches.
 */
#ifndef TESTS_UNIT_MAP_MODEL_H
#define TESTS_UNIT_MAP_MODEL_H

#include "dma/dma.h"
#include "dma/pool.h"
#include "dma/sg.h"
#include "tests/arena.h"
#include "tests/model.h"

#define MODEL_SLOTS   88
#define MODEL_HELD    60 /* of these, the lowest, which are lost; so few are left */
#define MODEL_POOL    KIB(512)
#define MODEL_NEAR    (MODEL_POOL + MODEL_SLOTS * SWIOTLB_SLOT)
#define MODEL_FAR     (MODEL_NEAR + KIB(96))
#define MODEL_END     (MODEL_FAR + KIB(96))
#define MODEL_REGION  KIB(8) /* buffers lie in one or more of these, and share none */
#define MODEL_DEVICES 10
#define MODEL_OBJECTS 24
#define MODEL_REGIONS MODEL_OBJECTS
#define MODEL_ENTRIES 5 /* of a list */

typedef unsigned __int128 slots_t; /* a bit a slot */

/* clang's -Oz leaves the shift of an __int128 to a library. */
static inline slots_t slot_bit(uint64_t slot)
{
	slots_t bit = 1ULL << (slot % 64);

	return slot < 64 ? bit : bit << 64;
}

enum place { NOWHERE, DIRECT, IN_SLOTS, IN_PAGES };

/* One mapping, or one entry of a list. */
struct piece {
	uint64_t mem; /* the buffer */
	size_t len;
	enum dma_data_direction dir;
	dma_addr_t at;
	uint64_t start; /* where the device sees it */
	enum place place;
	slots_t slots;
	bool settled; /* dma_set_written() was called */
};

struct model_device {
	struct dma_device dev;
	uint64_t first, last; /* its window */
	bool force;
	struct dma_counters want; /* but for: */
	uint64_t slots, slots_high;
};

/* Of the last three nothing is mapped; they have no regions. */
enum object_kind { FREE, SINGLE, LIST, WAITING, COHERENT, BUFFER, BLOCK };

#define MAPPED (1U << SINGLE | 1U << LIST)
#define LENT   (1U << COHERENT | 1U << BUFFER)

struct object {
	enum object_kind kind;
	struct model_device *d;
	unsigned region, regions;
	unsigned pieces; /* entries */
	struct piece piece[MODEL_ENTRIES];
	struct scatterlist sg[MODEL_ENTRIES];
	struct dma_wait wait;
	uint64_t ticket; /* of those that wait, the lowest is the first */
	dma_addr_t served;
	uint8_t *cpu;
	struct model_pool *pool;
};

#define MODEL_POOLS	 3
#define MODEL_POOL_PAGES 12
#define MODEL_LEAKS	 32

struct model_pool {
	struct dma_pool *pool;
	struct model_device *d;
	unsigned live, pages;
	struct piece page[MODEL_POOL_PAGES];
};

struct machine {
	uint64_t base;
	struct memmap map;
	struct zones zones;
	struct kmem kmem;
	struct dma_system sys;
	struct dma_device holder;
	struct swiotlb pool;
	uint64_t metadata[2048];
	struct model_device device[MODEL_DEVICES];
	struct object object[MODEL_OBJECTS];
	/* the model: */
	slots_t taken, lost;		  /* slots; of these, those of devices that are gone */
	size_t forgotten;		  /* transient mappings of such */
	struct piece leaked[MODEL_LEAKS]; /* memory that such devices had */
	unsigned leaks;
	struct model_pool pools[MODEL_POOLS];
	uint32_t regions; /* in use, a bit each */
	uint64_t misuse[DMA_MISUSE_KINDS];
	uint64_t tickets, steps, random;
	uint64_t free_bytes;   /* of pages, at the beginning */
	const char *complaint; /* about the beginning */
	bool waited; /* since the last look somebody was served: it isn't known when he had slots */
	struct object *served[MODEL_OBJECTS]; /* called back, and not yet looked at */
	unsigned served_count;
	uint8_t cpu[MODEL_REGIONS * MODEL_REGION];  /* what the CPU must see of the regions, */
	uint8_t seen[MODEL_REGIONS * MODEL_REGION]; /* and a device of what is bounced of them */
};

/* What happened, in all sequences: so that a test can tell that it tests something. */
extern struct model_tally {
	uint64_t placed[4]; /* by enum place */
	uint64_t failed[DMA_FAILURES];
	uint64_t merged;    /* lists of which some entries became one segment */
	uint64_t served;    /* that had waited */
	uint64_t cancelled; /* that waited as their device went */
	uint64_t misuse;
} model_tally;

/* Words for what is wrong. */
const char *wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A machine made of the seed, in the arena; NULL: it can't be had. One at a time. */
struct machine *machine_begin(uint64_t seed);
void machine_end(struct machine *m);

/* The device anew, as it was at the beginning. */
void machine_add_device(struct machine *m, struct model_device *d);

uint8_t *machine_memory(const struct machine *m, uint64_t at);
uint8_t *piece_view(const struct machine *m, const struct piece *p);
uint8_t *piece_cpu(struct machine *m, const struct piece *p);
uint8_t *piece_seen(struct machine *m, const struct piece *p);

/* --- what an operation's words mean --- */

enum { WHAT, WHO, WHICH, LENGTH, WHERE, HOW };

struct model_device *op_device(struct machine *m, const struct model_op *op);
enum dma_data_direction op_direction(const struct model_op *op);
unsigned op_attrs(const struct model_op *op);

/* Mostly short; now and then at a slot's edge, or too long for anything. */
size_t op_length(const struct model_op *op);

/*
 * One of a few objects that is of these kinds (a bit each); NULL: none of them
 * is. Which is asked for depends on no other, so that what shrinking takes away
 * changes little else.
 */
struct object *op_object(struct machine *m, const struct model_op *op, unsigned kinds);

/* One of its pieces, and some part of a piece. */
struct piece *op_piece(struct object *o, const struct model_op *op);
size_t op_part(const struct piece *p, const struct model_op *op, size_t *from);

/* --- mappings --- */

/* Regions in a row for `bytes`, from the object's own number on; false: one is in use. */
bool regions_take(struct machine *m, struct object *o, size_t bytes);
void regions_give(struct machine *m, struct object *o);

/* A buffer somewhere in regions of its own. NULL: there is no room. */
struct object *new_object(struct machine *m, const struct model_op *op, size_t bytes,
			  uint64_t *mem);

unsigned count_slots(slots_t slots);

/* Where the piece must be bounced to, or not, whatever else is mapped; or why it can never be. */
enum place piece_place(const struct machine *m, const struct model_device *d, const struct piece *p,
		       enum dma_failure *why);

/* Would it find slots now? Otherwise *why. */
bool piece_fits(const struct machine *m, const struct model_device *d, const struct piece *p,
		enum dma_failure *why);

/* Would it, if all gave back what isn't lost? */
bool piece_has_hope(const struct machine *m, const struct model_device *d, const struct piece *p);

/* Would it find pages now? DMA_FAIL_NONE; or why not. */
enum dma_failure why_no_pages(struct machine *m, struct model_device *d, const struct piece *p);

/* What it must have, in slots, and how many of those that it could have are free. */
unsigned piece_need(const struct machine *m, const struct model_device *d, const struct piece *p,
		    unsigned *available);

/* What happened to the real thing, done to the model. NULL, or what is wrong with it. */
const char *piece_mapped(struct machine *m, struct model_device *d, struct piece *p,
			 unsigned attrs);
void piece_unmapped(struct machine *m, struct model_device *d, struct piece *p, unsigned attrs);
const char *piece_refused(struct machine *m, struct model_device *d, const struct piece *p);
void piece_synced(struct machine *m, struct model_device *d, struct piece *p, size_t from,
		  size_t len, enum dma_data_direction dir, bool for_cpu);
void piece_written(struct machine *m, struct model_device *d, struct piece *p, size_t len);
void count_failure(struct model_device *d, enum dma_failure why);
void count_mapped(const struct machine *m, struct model_device *d, const struct piece *p,
		  unsigned attrs);

/* The gate lets this through (DMA_MISUSE_KINDS), or names this. */
const char *expect_gate(struct machine *m, struct model_device *d, dma_addr_t addr, size_t len,
			enum dma_misuse_kind kind);

/* --- lists: map_model_list.c --- */

const char *map_list(struct machine *m, const struct model_op *op);
const char *sync_list(struct machine *m, const struct model_op *op);
const char *misuse_list(struct machine *m, const struct model_op *op);

/* --- memory that is lent for long: map_model_lent.c --- */

const char *lend(struct machine *m, const struct model_op *op);
const char *give_back(struct machine *m, const struct model_op *op);
const char *misuse_lent(struct machine *m, const struct model_op *op);
const char *take_block(struct machine *m, const struct model_op *op);
const char *give_block(struct machine *m, const struct model_op *op);
const char *lent_check(struct machine *m, struct object *o);
const char *pool_begin(struct machine *m, struct model_pool *pool);

/* All of a device's pools and what is lent to it: given back, or left behind as it goes. */
const char *lent_return(struct machine *m, struct model_device *d);
void lent_leave(struct machine *m, struct model_device *d);

/* --- for it --- */

void count_taken(struct model_device *d, unsigned slots);
bool is_zero(const uint8_t *at, size_t len);
void leak(struct machine *m, const struct piece *p);
uint64_t free_bytes(struct machine *m);
phys_addr_t hold_page(struct machine *m);
bool block_is_free(struct machine *m, uint64_t block, uint64_t size);

/* In the device's window, in memory of that place, and nobody else's; of slots, which. */
const char *check_reached(struct machine *m, struct model_device *d, struct piece *p);

/* --- is all as it must be? --- */

/* Of one object, or of all. */
const char *object_check(struct machine *m, struct object *o);
const char *machine_check(struct machine *m);

#endif
