/* SPDX-License-Identifier: MIT */
/*
 * Memory that a device has for long: coherent memory, buffers that are born
 * reachable, blocks of pools. The model remembers where each is and what is in it.
 */
#include "tests/unit/map_model.h"

/* Pools, of a device each. Of what follows the test must know how many are in a page. */
static const struct {
	unsigned device;
	size_t size, align, boundary;
	size_t stride, blocks;
} pools[MODEL_POOLS] = {
	{1, 40, 0, 0, 64, 64},
	{5, 300, 128, 4096, 384, 10},
	{3, 5000, 0, 0, 5000, 1},
};

static unsigned number_of(const struct machine *m, const struct model_pool *pool)
{
	return (unsigned)(pool - m->pools);
}

/* --- what is in it --- */

static uint8_t content(const struct object *o, size_t i)
{
	return (uint8_t)(o->ticket + i * 3 + (i >> 8));
}

static void fill(struct object *o)
{
	for (size_t i = 0; i < o->piece[0].len; i++)
		o->cpu[i] = content(o, i);
}

const char *lent_check(struct machine *m, struct object *o)
{
	for (size_t i = 0; i < o->piece[0].len; i++)
		if (o->cpu[i] != content(o, i))
			return wrong("byte %zu of what %s has was changed", i, o->d->dev.name);
	return NULL;
}

static bool overlap(const struct piece *a, const struct piece *b)
{
	return a->start < b->start + b->len && b->start < a->start + a->len;
}

/* --- coherent memory, buffers --- */

/* The power of two of pages that holds it. */
static uint64_t alignment_of(size_t size)
{
	uint64_t align = PAGE_SIZE;

	while (align < size)
		align *= 2;
	return align;
}

/* Is there a block, under the device's window, of which it could have a part that is so aligned? */
static bool pages_would_do(struct machine *m, const struct model_device *d, size_t size,
			   uint64_t align)
{
	uint64_t astray = (uint64_t)d->dev.limits.bus_offset & (align - 1);
	uint64_t bytes = alignment_of(size) << (astray != 0);
	phys_addr_t held = hold_page(m);
	bool found = false;

	if (phys_is_none(held))
		return false;
	for (uint64_t block = 0; !found && block + bytes <= MODEL_POOL; block += bytes)
		found = !(astray % PAGE_SIZE) && block >= d->first &&
			block + bytes - 1 <= d->last && block_is_free(m, block, bytes);
	pages_free(&m->zones, held, 0);
	return found;
}

/* Would the pool do? Slots for `size` bytes that begin at a multiple of `align` on the bus. */
static bool slots_would_do(const struct machine *m, const struct model_device *d, size_t size,
			   uint64_t align)
{
	for (uint64_t at = MODEL_POOL; at + size <= MODEL_NEAR; at++) {
		uint64_t bus = m->base + at + (uint64_t)d->dev.limits.bus_offset;
		slots_t run = 0;

		at += -bus & (align - 1);
		if (at + size > MODEL_NEAR)
			break;
		for (uint64_t slot = (at - MODEL_POOL) >> SWIOTLB_SHIFT;
		     MODEL_POOL + (slot << SWIOTLB_SHIFT) < at + size; slot++)
			run |= slot_bit(slot);
		if (!(run & m->taken) && at >= d->first && at + size - 1 <= d->last)
			return true;
	}
	return false;
}

static const char *refused(struct machine *m, struct model_device *d, size_t size)
{
	enum dma_failure got = dma_last_failure(&d->dev);

	count_failure(d, got);
	if (size == 0)
		return got == DMA_FAIL_LENGTH ? NULL : "no bytes are refused for another reason";
	if (pages_would_do(m, d, size, alignment_of(size)))
		return "coherent memory is refused, though pages are free";
	if (slots_would_do(m, d, size, alignment_of(size)))
		return "coherent memory is refused, though slots are free";
	return NULL;
}

/* Where it is; and the slots or pages that it is in are its own, and all zero. */
static const char *lent_to(struct machine *m, struct model_device *d, struct piece *p,
			   const void *cpu, size_t size)
{
	uint64_t granule, behind;
	const char *complaint;

	p->start = port_virt_to_phys(cpu).value - m->base;
	p->place = p->start >= MODEL_POOL ? IN_SLOTS : IN_PAGES;
	p->len = size;
	complaint = check_reached(m, d, p);
	if (complaint)
		return complaint;
	granule = p->place == IN_SLOTS ? SWIOTLB_SLOT : PAGE_SIZE;
	behind = -(p->start + size) & (granule - 1);
	if (!is_zero((const uint8_t *)cpu - (p->start & (granule - 1)), p->start & (granule - 1)) ||
	    !is_zero(cpu, size + behind))
		return "coherent memory isn't zeroed";
	m->taken |= p->slots;
	count_taken(d, count_slots(p->slots));
	d->want.lent++;
	return NULL;
}

static const char *lend_coherent(struct machine *m, struct model_device *d, struct object *o,
				 size_t size)
{
	uint64_t align = alignment_of(size);
	struct piece p = {0};
	const char *complaint;

	o->cpu = dma_alloc_attrs(&d->dev, size, &p.at, DMA_ATTR_NO_WARN);
	if (!o->cpu)
		return dma_mapping_error(&d->dev, p.at) ? refused(m, d, size)
							: "no memory, a handle";
	complaint = lent_to(m, d, &p, o->cpu, size);
	if (complaint)
		return complaint;
	if (p.at.bus & (align - 1))
		return "coherent memory isn't aligned";
	if (dma_to_phys(&d->dev.limits, p.at).value != m->base + p.start)
		return "pointer and handle are of different memory";
	if (p.place == IN_SLOTS && pages_would_do(m, d, size, align))
		return "coherent memory of the pool, though pages are free";
	o->kind = COHERENT;
	o->piece[0] = p;
	return expect_gate(m, d, p.at, size, DMA_MISUSE_KINDS);
}

/* To be mapped where it is: so it is. */
static const char *map_buffer(struct machine *m, struct model_device *d, const struct piece *p)
{
	dma_addr_t at = dma_map_phys(&d->dev, phys(m->base + p->start), p->len, DMA_TO_DEVICE, 0);
	struct piece direct = {.place = DIRECT, .len = p->len};

	if (at.bus != m->base + p->start + (uint64_t)d->dev.limits.bus_offset)
		return "a buffer of the device's own is bounced";
	count_mapped(m, d, &direct, 0);
	dma_unmap_phys(&d->dev, at, p->len, DMA_TO_DEVICE, 0);
	d->want.live--;
	return NULL;
}

static const char *lend_buffer(struct machine *m, struct model_device *d, struct object *o,
			       size_t size)
{
	bool bounded = d->dev.limits.boundary_mask != UINT64_MAX;
	struct piece p = {.len = size};
	const char *complaint;

	o->cpu = dma_alloc_for(&d->dev, size);
	if (!o->cpu) {
		if (size == 0 || size > d->dev.limits.max_segment ||
		    size - 1 > d->dev.limits.boundary_mask)
			return NULL;
		return pages_would_do(m, d, size, bounded ? alignment_of(size) : 1)
			       ? "no buffer, though pages are free"
			       : NULL;
	}
	p.start = port_virt_to_phys(o->cpu).value - m->base;
	p.place = IN_PAGES;
	complaint = check_reached(m, d, &p);
	if (!complaint && !d->force)
		complaint = map_buffer(m, d, &p);
	d->want.lent++;
	o->kind = BUFFER;
	o->piece[0] = p;
	return complaint;
}

const char *lend(struct machine *m, const struct model_op *op)
{
	struct object *o = op_object(m, op, 1U << FREE);
	size_t size = op_length(op);
	const char *complaint;

	if (!o)
		return NULL;
	*o = (struct object){.d = op_device(m, op), .ticket = op->word[WHERE], .pieces = 1};
	if (op->word[HOW] % 3)
		complaint = lend_coherent(m, o->d, o, size);
	else
		complaint = lend_buffer(m, o->d, o, size);
	if (o->kind != FREE)
		fill(o);
	return complaint;
}

static void returned(struct machine *m, struct model_device *d, struct piece *p)
{
	m->taken &= ~p->slots;
	d->slots -= count_slots(p->slots);
	d->want.lent--;
}

static void free_object(struct machine *m, struct object *o)
{
	if (o->kind == COHERENT)
		dma_free_coherent(&o->d->dev, o->piece[0].len, o->cpu, o->piece[0].at);
	else
		dma_free_for(&o->d->dev, o->cpu, o->piece[0].len);
	returned(m, o->d, &o->piece[0]);
	o->kind = FREE;
}

const char *give_back(struct machine *m, const struct model_op *op)
{
	struct object *o = op_object(m, op, LENT), was;
	const char *complaint;

	if (!o)
		return NULL;
	complaint = lent_check(m, o);
	was = *o;
	free_object(m, o);
	if (op->word[HOW] % 8 || m->served_count)
		return complaint;
	/* And once more, which is a mistake; nobody has got it meanwhile. */
	if (was.kind == COHERENT)
		dma_free_coherent(&was.d->dev, was.piece[0].len, was.cpu, was.piece[0].at);
	else
		dma_free_for(&was.d->dev, was.cpu, was.piece[0].len);
	m->misuse[DMA_MISUSE_UNMAP_INVALID]++;
	return complaint;
}

static enum dma_misuse_kind free_wrongly(struct machine *m, const struct model_op *op,
					 struct object *o)
{
	struct model_device *other = op_device(m, op);
	struct dma_device *dev = &o->d->dev;
	struct piece *p = &o->piece[0];
	uint64_t bus = m->base + p->start + (uint64_t)other->dev.limits.bus_offset;

	switch (op->word[HOW] % 5) {
	case 0:
		dma_free_coherent(dev, p->len + 1, o->cpu, p->at);
		return DMA_MISUSE_SIZE;
	case 1:
		dma_free_coherent(dev, p->len, o->cpu + 1, p->at);
		return DMA_MISUSE_CPU_ADDRESS;
	case 2:
		dma_free_coherent(dev, p->len, o->cpu, DMA_MAPPING_ERROR);
		return DMA_MISUSE_MAPPING_ERROR;
	case 3:
		if (other == o->d)
			return DMA_MISUSE_KINDS;
		dma_free_coherent(&other->dev, p->len, o->cpu, (dma_addr_t){bus});
		return DMA_MISUSE_DEVICE;
	default:
		if (p->place == IN_PAGES) {
			dma_free_for(dev, o->cpu, p->len);
			return DMA_MISUSE_FUNCTION;
		}
		dma_unmap_phys(dev, p->at, p->len, DMA_BIDIRECTIONAL, 0);
		return DMA_MISUSE_FUNCTION;
	}
}

/* Coherent memory given back in a wrong way; and what is mapped, as if it were coherent. */
const char *misuse_lent(struct machine *m, const struct model_op *op)
{
	struct object *o = op_object(m, op, 1U << COHERENT | MAPPED);
	enum dma_misuse_kind kind = DMA_MISUSE_FUNCTION;
	struct piece *p;

	if (!o)
		return NULL;
	p = op_piece(o, op);
	if (o->kind == COHERENT)
		kind = free_wrongly(m, op, o);
	else if (p->place != DIRECT)
		dma_free_coherent(&o->d->dev, p->len, machine_memory(m, p->start), p->at);
	else
		return NULL;
	if (kind != DMA_MISUSE_KINDS)
		m->misuse[kind]++;
	return object_check(m, o);
}

/* --- pools --- */

/* A page more of the pool's, which begins where its first block is. */
static const char *page_added(struct machine *m, struct model_pool *pool, void *block,
			      dma_addr_t handle)
{
	unsigned is = number_of(m, pool);
	struct piece *page = &pool->page[pool->pages];
	const char *complaint;

	*page = (struct piece){.at = handle};
	complaint = lent_to(m, pool->d, page, block, pools[is].stride * pools[is].blocks);
	pool->pages++;
	return complaint;
}

/* So that the model learns where the first page is. */
static const char *first_page(struct machine *m, struct model_pool *pool)
{
	const char *complaint;
	dma_addr_t handle;
	void *block;

	block = dma_pool_alloc(pool->pool, &handle);
	if (!block)
		return "a new pool has no block";
	complaint = page_added(m, pool, block, handle);
	dma_pool_free(pool->pool, block, handle);
	return complaint;
}

/* Of what a page for the pool may fail for, the model knows nothing. */
static void adopt_failures(struct model_device *d)
{
	memcpy(d->want.failed, d->dev.count.failed, sizeof(d->want.failed));
}

const char *pool_begin(struct machine *m, struct model_pool *pool)
{
	unsigned is = number_of(m, pool);

	*pool = (struct model_pool){.d = &m->device[pools[is].device]};
	pool->pool = dma_pool_create("model", &pool->d->dev, pools[is].size, pools[is].align,
				     pools[is].boundary);
	adopt_failures(pool->d);
	return pool->pool ? first_page(m, pool) : NULL;
}

static bool is_in(const struct piece *p, const struct piece *page)
{
	return p->start >= page->start && p->start + p->len <= page->start + page->len + 1;
}

/* A block: in a page of the pool, as it must be, and nobody else's. */
static const char *check_block(struct machine *m, struct model_pool *pool, struct object *block)
{
	unsigned is = number_of(m, pool), in = 0;
	struct piece *p = &block->piece[0];
	uint64_t bus = p->at.bus, boundary = pools[is].boundary;

	if (dma_to_phys(&pool->d->dev.limits, p->at).value != m->base + p->start)
		return "a block's pointer and handle are of different memory";
	if (pools[is].align && bus % pools[is].align)
		return "a block isn't aligned";
	if (boundary && bus / boundary != (bus + p->len - 1) / boundary)
		return "a block crosses the boundary";
	for (unsigned i = 0; i < pool->pages; i++)
		in += is_in(p, &pool->page[i]);
	if (in != 1)
		return "a block isn't in a page of the pool";
	for (struct object *o = m->object; o < m->object + MODEL_OBJECTS; o++)
		if (o != block && o->kind == BLOCK && overlap(p, &o->piece[0]))
			return "a block is handed out twice";
	return NULL;
}

static const char *block_taken(struct machine *m, struct model_pool *pool, struct object *o,
			       bool zeroed)
{
	unsigned is = number_of(m, pool);
	bool full = pool->live == pool->pages * pools[is].blocks;
	const char *complaint = NULL;

	if (full != (pool->d->dev.count.lent > pool->d->want.lent))
		return "a pool takes a page, or none, without a reason";
	if (full)
		complaint = page_added(m, pool, o->cpu, o->piece[0].at);
	pool->live++;
	o->kind = BLOCK;
	o->piece[0].start = port_virt_to_phys(o->cpu).value - m->base;
	o->piece[0].place = NOWHERE; /* of its own */
	if (!complaint && zeroed && !is_zero(o->cpu, o->piece[0].len))
		complaint = "a zeroed block isn't";
	return complaint ? complaint : check_block(m, pool, o);
}

const char *take_block(struct machine *m, const struct model_op *op)
{
	struct model_pool *pool = &m->pools[op->word[WHO] % MODEL_POOLS];
	struct object *o = op_object(m, op, 1U << FREE);
	unsigned is = number_of(m, pool);
	bool zeroed = op->word[HOW] & 1;
	const char *complaint;

	if (!o || !pool->pool || pool->pages == MODEL_POOL_PAGES)
		return NULL;
	*o = (struct object){.d = pool->d, .pool = pool, .ticket = op->word[WHERE], .pieces = 1};
	o->piece[0].len = pools[is].size;
	if (zeroed)
		o->cpu = dma_pool_zalloc(pool->pool, &o->piece[0].at);
	else
		o->cpu = dma_pool_alloc(pool->pool, &o->piece[0].at);
	adopt_failures(pool->d);
	if (!o->cpu)
		return pool->live < pool->pages * pools[is].blocks
			       ? "no block, though some are free"
			       : NULL;
	complaint = block_taken(m, pool, o, zeroed);
	fill(o);
	return complaint;
}

static void free_block(struct object *o)
{
	dma_pool_free(o->pool->pool, o->cpu, o->piece[0].at);
	o->pool->live--;
	o->kind = FREE;
}

const char *give_block(struct machine *m, const struct model_op *op)
{
	struct object *o = op_object(m, op, 1U << BLOCK);
	enum dma_misuse_kind kind = DMA_MISUSE_POOL_BLOCK;
	struct dma_pool *pool;
	const char *complaint;
	struct piece *p;

	if (!o)
		return NULL;
	p = &o->piece[0];
	pool = o->pool->pool;
	complaint = lent_check(m, o);
	switch (op->word[HOW] % 8) {
	case 0: /* twice */
		free_block(o);
		dma_pool_free(pool, o->cpu, p->at);
		break;
	case 1: /* not where it begins */
		dma_pool_free(pool, o->cpu + 8, dma_addr_add(p->at, 8));
		break;
	case 2:
		kind = DMA_MISUSE_CPU_ADDRESS;
		dma_pool_free(pool, o->cpu + 8, p->at);
		break;
	default:
		free_block(o);
		return complaint;
	}
	m->misuse[kind]++;
	return complaint;
}

/* The pool is destroyed; its pages with live blocks stay the device's for good. */
static void destroy_pool(struct machine *m, struct model_pool *pool)
{
	bool used[MODEL_POOL_PAGES] = {false};

	if (!pool->pool)
		return;
	dma_pool_destroy(pool->pool);
	m->misuse[DMA_MISUSE_POOL_LEFT] += pool->live != 0;
	for (struct object *o = m->object; o < m->object + MODEL_OBJECTS; o++) {
		if (o->kind != BLOCK || o->pool != pool)
			continue;
		for (unsigned i = 0; i < pool->pages; i++)
			used[i] |= is_in(&o->piece[0], &pool->page[i]);
		o->kind = FREE;
	}
	for (unsigned i = 0; i < pool->pages; i++) {
		if (used[i])
			leak(m, &pool->page[i]);
		else
			returned(m, pool->d, &pool->page[i]);
	}
	pool->pool = NULL;
	pool->pages = 0;
}

static void destroy_pools(struct machine *m, struct model_device *d)
{
	for (struct model_pool *pool = m->pools; pool < m->pools + MODEL_POOLS; pool++)
		if (pool->d == d)
			destroy_pool(m, pool);
}

void lent_leave(struct machine *m, struct model_device *d)
{
	destroy_pools(m, d);
	for (struct object *o = m->object; o < m->object + MODEL_OBJECTS; o++) {
		if (o->d != d || !(LENT >> o->kind & 1))
			continue;
		leak(m, &o->piece[0]);
		o->kind = FREE;
	}
}

const char *lent_return(struct machine *m, struct model_device *d)
{
	const char *complaint = NULL;

	for (struct object *o = m->object; o < m->object + MODEL_OBJECTS && !complaint; o++) {
		if (o->d != d || o->kind < COHERENT)
			continue;
		complaint = lent_check(m, o);
		if (o->kind == BLOCK)
			free_block(o);
		else
			free_object(m, o);
	}
	destroy_pools(m, d);
	return complaint;
}
