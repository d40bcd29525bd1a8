/* SPDX-License-Identifier: MIT */
#include "tests/unit/map_model.h"

#include <stdarg.h>

#include "kernel/printf.h"
#include "mm/random.h"
#include "tests/unit/buddy_validate.h"

#define SIZE MIB(2)
#define OWN  MIB(1)

static struct arena arena;

struct model_tally model_tally;

const char *wrong(const char *fmt, ...)
{
	static char text[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return text;
}

uint8_t *machine_memory(const struct machine *m, uint64_t at)
{
	return port_phys_to_virt(phys(m->base + at));
}

uint8_t *piece_view(const struct machine *m, const struct piece *p)
{
	return machine_memory(m, p->start);
}

uint8_t *piece_cpu(struct machine *m, const struct piece *p)
{
	return m->cpu + (p->mem - MODEL_NEAR);
}

uint8_t *piece_seen(struct machine *m, const struct piece *p)
{
	return m->seen + (p->mem - MODEL_NEAR);
}

unsigned count_slots(slots_t slots)
{
	unsigned n = 0;

	for (; slots; slots &= slots - 1)
		n++;
	return n;
}

/* --- the machine --- */

#define EVERYTHING UINT64_MAX
#define SLOT(n)	   (MODEL_POOL + (n)*SWIOTLB_SLOT)

static const struct description {
	const char *name;
	uint64_t first, last;
	uint64_t boundary;
	size_t max_segment;
	unsigned max_segments;
	bool aligned, moved, force; /* aligned: to a mask that the seed says; moved: on the bus */
} descriptions[MODEL_DEVICES] = {
	{"wide", 0, EVERYTHING, .max_segments = 8},
	{"near", 0, MODEL_FAR - 1, .max_segments = 4},
	{"forced", 0, EVERYTHING, .max_segments = 8, .force = true},
	{"tight", 0, KIB(300) - 1, .max_segments = 8, .aligned = true},
	{"part", 0, SLOT(69) + 700, .max_segments = 3},
	{"aligned", 0, MODEL_FAR - 1, .max_segments = 8, .aligned = true, .moved = true},
	{"window", SLOT(62) + KIB(1), MODEL_FAR - 1, .max_segments = 8, .aligned = true},
	{"odd", 0, MODEL_FAR - 1, .boundary = 0x1fff, .max_segment = 7000, .max_segments = 4,
	 .aligned = true, .moved = true},
	{"above", KIB(204), KIB(400) - 1, .max_segments = 4, .aligned = true},
	{"between", KIB(150) + KIB(1), KIB(420) + 700, .boundary = 0x3fff, .max_segments = 4,
	 .aligned = true},
};

static bool build_zones(struct machine *m, uint64_t seed)
{
	memmap_init(&m->map, UINT64_MAX);
	memmap_add(&m->map, m->base, MODEL_END, true);
	if (memmap_seal(&m->map) ||
	    memmap_reserve(&m->map, m->base + MODEL_POOL, m->base + MODEL_END) ||
	    pages_init(&m->zones, &m->map, seed))
		return false;
	kmem_init(&m->kmem, &m->zones);
	return true;
}

void machine_add_device(struct machine *m, struct model_device *d)
{
	static const uint32_t masks[] = {0, 0x1ff, 0x7ff, 0xfff, 0xfff, 0x3fff};
	const struct description *is = &descriptions[d - m->device];
	struct dma_device *dev = &d->dev;
	int64_t offset = is->first ? -(int64_t)(m->base + is->first) : 0;

	*d = (struct model_device){.first = is->first, .last = is->last, .force = is->force};
	dma_device_add(&m->sys, dev, is->name, NULL);
	dma_set_mask_and_coherent(dev, UINT64_MAX);
	if (is->moved)
		offset = (int64_t)(GIB(64) + random_next(&m->random) % 3 * KIB(2));
	dma_set_bus_offset(dev, offset);
	if (is->last != EVERYTHING)
		dma_set_bus_limit(dev, m->base + is->last + (uint64_t)offset);
	if (is->boundary)
		dma_set_seg_boundary(dev, is->boundary);
	if (is->max_segment)
		dma_set_max_seg_size(dev, is->max_segment);
	dma_set_max_segments(dev, is->max_segments);
	if (is->aligned)
		dma_set_min_align_mask(dev, masks[random_next(&m->random) % ARRAY_SIZE(masks)]);
	dma_set_force(dev, is->force);
}

uint64_t free_bytes(struct machine *m)
{
	return pages_free_bytes(&m->zones, ZONE_DMA) + pages_free_bytes(&m->zones, ZONE_NORMAL);
}

/* A tight device had the lowest slots, and is gone. */
static void lose_slots(struct machine *m)
{
	size_t bytes = MODEL_HELD * SWIOTLB_SLOT;

	dma_device_add(&m->sys, &m->holder, "holder", NULL);
	dma_set_mask(&m->holder, UINT64_MAX);
	dma_set_bus_limit(&m->holder, m->base + SLOT(MODEL_HELD) - 1);
	dma_map_phys(&m->holder, phys(m->base + MODEL_NEAR), bytes, DMA_TO_DEVICE, 0);
	dma_device_remove(&m->holder);
	m->misuse[DMA_MISUSE_LEAK]++;
	m->taken = m->lost = ((slots_t)1 << MODEL_HELD) - 1;
}

/*
 * Just above 16 MiB, where bookkeeping that reaches from there to it is small, and
 * quickly walked; or else no higher than where it is free on most machines.
 */
static bool get_arena(void)
{
	static const uint64_t wishes[] = {MIB(16), MIB(160)};

	for (size_t i = 0; i < ARRAY_SIZE(wishes); i++) {
		if (!arena_get(&arena, wishes[i], SIZE, KIB(64)))
			return false;
		if (arena.base.value <= MIB(160))
			return true;
		arena_put(&arena);
	}
	return false;
}

struct machine *machine_begin(uint64_t seed)
{
	struct machine *m;

	if (!get_arena())
		return NULL;
	m = port_phys_to_virt(phys_add(arena.base, OWN));
	memset(m, 0, sizeof(*m));
	m->base = arena.base.value;
	m->random = seed;
	test_cpu(0);
	if (sizeof(*m) > SIZE - OWN || swiotlb_metadata_size(MODEL_SLOTS) > sizeof(m->metadata) ||
	    !build_zones(m, seed)) {
		machine_end(m);
		return NULL;
	}
	m->free_bytes = free_bytes(m);
	memset(machine_memory(m, MODEL_POOL), 0xee, MODEL_NEAR - MODEL_POOL);
	swiotlb_init(&m->pool, phys(m->base + MODEL_POOL), MODEL_SLOTS, m->metadata);
	dma_system_init(&m->sys, &m->zones, &m->kmem, &m->pool);
	lose_slots(m);
	for (unsigned i = 0; i < MODEL_DEVICES; i++)
		machine_add_device(m, &m->device[i]);
	for (unsigned i = 0; i < MODEL_POOLS; i++)
		if (!m->complaint)
			m->complaint = pool_begin(m, &m->pools[i]);
	return m;
}

void machine_end(struct machine *m)
{
	test_cpu(0);
	for (unsigned kind = 0; kind < DMA_MISUSE_KINDS; kind++)
		model_tally.misuse += m->misuse[kind];
	arena_put(&arena);
}

/* --- what an operation's words mean --- */

struct model_device *op_device(struct machine *m, const struct model_op *op)
{
	return &m->device[op->word[WHO] % MODEL_DEVICES];
}

enum dma_data_direction op_direction(const struct model_op *op)
{
	return (enum dma_data_direction)(op->word[HOW] % 3);
}

unsigned op_attrs(const struct model_op *op)
{
	unsigned attrs = op->word[HOW] >> 4 & 7;

	return op->word[HOW] >> 8 & 1 ? attrs : attrs & DMA_ATTR_NO_WARN;
}

size_t op_length(const struct model_op *op)
{
	size_t n = op->word[LENGTH] >> 4;

	switch (op->word[LENGTH] % 16) {
	case 0:
		return n % 64;
	case 1:
		return SWIOTLB_SLOT * (1 + n % 4) - 1 + (n >> 8) % 3;
	case 2:
	case 3:
		return 1 + n % 6000;
	case 4:
		return 1 + n % 20000;
	case 5:
		return 1 + n % (n & 1 << 20 ? 70000 : 9000);
	default:
		return 1 + n % 700;
	}
}

struct object *op_object(struct machine *m, const struct model_op *op, unsigned kinds)
{
	uint32_t which = op->word[WHICH];

	for (unsigned i = 0; i < 5; i++, which /= MODEL_OBJECTS)
		if (kinds >> m->object[which % MODEL_OBJECTS].kind & 1)
			return &m->object[which % MODEL_OBJECTS];
	return NULL;
}

struct piece *op_piece(struct object *o, const struct model_op *op)
{
	return &o->piece[op->word[WHO] / 16 % o->pieces];
}

size_t op_part(const struct piece *p, const struct model_op *op, size_t *from)
{
	*from = op->word[WHERE] % p->len;
	if (op->word[WHERE] >> 20 & 1)
		*from = 0;
	return op->word[LENGTH] & 1 ? p->len - *from
				    : 1 + (op->word[LENGTH] >> 1) % (p->len - *from);
}

/* --- regions --- */

bool regions_take(struct machine *m, struct object *o, size_t bytes)
{
	unsigned n = (unsigned)((bytes + MODEL_REGION - 1) / MODEL_REGION);
	uint32_t run;

	n += n == 0;
	o->region = (unsigned)(o - m->object);
	o->regions = n;
	if (n > MODEL_REGIONS - o->region)
		return false;
	run = ((1U << n) - 1) << o->region;
	if (m->regions & run)
		return false;
	m->regions |= run;
	return true;
}

void regions_give(struct machine *m, struct object *o)
{
	m->regions &= ~(((1U << o->regions) - 1) << o->region);
	o->kind = FREE;
}

struct object *new_object(struct machine *m, const struct model_op *op, size_t bytes, uint64_t *mem)
{
	struct object *o = op_object(m, op, 1U << FREE);
	size_t room;

	if (!o || !regions_take(m, o, bytes))
		return NULL;
	o->d = op_device(m, op);
	room = o->regions * MODEL_REGION - bytes;
	*mem = MODEL_NEAR + o->region * MODEL_REGION;
	if (op->word[WHERE] >> 30 != 0)
		*mem += (op->word[WHERE] >> 8) % (room + 1);
	return o;
}

/* --- where --- */

/* Slots that [start, start + len) is in. */
static slots_t slots_of(uint64_t start, size_t len)
{
	uint64_t first = (start - MODEL_POOL) >> SWIOTLB_SHIFT;
	uint64_t last = (start + len - 1 - MODEL_POOL) >> SWIOTLB_SHIFT;

	return (slot_bit(last) << 1) - slot_bit(first);
}

/* Are the low bits right, and is no boundary crossed, at this place? */
static bool suits(const struct machine *m, const struct model_device *d, const struct piece *p,
		  uint64_t start)
{
	const struct dma_limits *limits = &d->dev.limits;
	uint64_t bus = m->base + start + (uint64_t)limits->bus_offset;

	if ((bus ^ (m->base + p->mem)) & limits->min_align_mask)
		return false;
	return bus / (limits->boundary_mask / 2 + 1) / 2 ==
	       (bus + p->len - 1) / (limits->boundary_mask / 2 + 1) / 2;
}

/*
 * Is there a place in the pool, within [first, last], with those slots taken?
 * In *any the slots in which it could be, whether they suit or not.
 */
static bool look(const struct machine *m, const struct model_device *d, const struct piece *p,
		 uint64_t first, uint64_t last, slots_t taken, slots_t *any)
{
	uint64_t shifted = m->base + p->mem - (uint64_t)d->dev.limits.bus_offset;
	uint64_t offset = shifted & d->dev.limits.min_align_mask & (SWIOTLB_SLOT - 1);
	bool found = false;

	*any = 0;
	if (p->len - 1 >= MODEL_SLOTS * SWIOTLB_SLOT)
		return false;
	for (unsigned i = 0; i < MODEL_SLOTS; i++) {
		uint64_t start = MODEL_POOL + i * SWIOTLB_SLOT + offset, end = start + p->len - 1;

		if (start < first || end > last || end >= MODEL_NEAR)
			continue;
		*any |= slots_of(start, p->len);
		found |= !(slots_of(start, p->len) & taken) && suits(m, d, p, start);
	}
	return found;
}

enum place piece_place(const struct machine *m, const struct model_device *d, const struct piece *p,
		       enum dma_failure *why)
{
	const struct dma_limits *limits = &d->dev.limits;
	uint64_t bus = m->base + p->mem + (uint64_t)limits->bus_offset;
	slots_t any;

	*why = DMA_FAIL_LENGTH;
	if (p->len == 0 || p->len > limits->max_segment || p->mem + p->len < p->mem)
		return NOWHERE;
	*why = DMA_FAIL_NONE;
	if (!d->force && p->mem >= d->first && p->mem + p->len - 1 <= d->last &&
	    (bus | limits->boundary_mask) == ((bus + p->len - 1) | limits->boundary_mask))
		return DIRECT;
	*why = DMA_FAIL_OUT_OF_MASK;
	if (d->last < MODEL_POOL)
		return IN_PAGES;
	*why = DMA_FAIL_TOO_BIG;
	if (!look(m, d, p, 0, EVERYTHING, 0, &any))
		return NOWHERE;
	*why = DMA_FAIL_OUT_OF_MASK;
	return look(m, d, p, d->first, d->last, 0, &any) ? IN_SLOTS : IN_PAGES;
}

unsigned piece_need(const struct machine *m, const struct model_device *d, const struct piece *p,
		    unsigned *available)
{
	uint64_t shifted = m->base + p->mem - (uint64_t)d->dev.limits.bus_offset;
	uint64_t offset = shifted & d->dev.limits.min_align_mask & (SWIOTLB_SLOT - 1);
	slots_t any;

	look(m, d, p, d->first, d->last, 0, &any);
	*available = count_slots(any & ~m->taken);
	return (unsigned)((offset + p->len + SWIOTLB_SLOT - 1) >> SWIOTLB_SHIFT);
}

bool piece_fits(const struct machine *m, const struct model_device *d, const struct piece *p,
		enum dma_failure *why)
{
	unsigned available, need = piece_need(m, d, p, &available);
	slots_t any;

	*why = available < need ? DMA_FAIL_EXHAUSTED : DMA_FAIL_FRAGMENTED;
	return look(m, d, p, d->first, d->last, m->taken, &any);
}

bool piece_has_hope(const struct machine *m, const struct model_device *d, const struct piece *p)
{
	slots_t any;

	return look(m, d, p, d->first, d->last, m->lost, &any);
}

/* It is never handed out again; mappings too, of devices that are gone. */
void leak(struct machine *m, const struct piece *p)
{
	m->lost |= p->slots;
	if (p->place == IN_PAGES && m->leaks < MODEL_LEAKS)
		m->leaked[m->leaks++] = *p;
}

/* --- what was counted --- */

void count_taken(struct model_device *d, unsigned n)
{
	d->slots += n;
	if (d->slots > d->slots_high)
		d->slots_high = d->slots;
}

static bool is_zeroed(const struct piece *p, unsigned attrs)
{
	return attrs & DMA_ATTR_SKIP_CPU_SYNC ||
	       (attrs & DMA_ATTR_OVERWRITE && p->dir == DMA_FROM_DEVICE);
}

void count_mapped(const struct machine *m, struct model_device *d, const struct piece *p,
		  unsigned attrs)
{
	unsigned available, log = 0;

	while (p->len >> log > 1)
		log++;
	d->want.size[log]++;
	d->want.live++;
	if (p->place == DIRECT)
		d->want.bytes_direct += p->len;
	else if (is_zeroed(p, attrs))
		d->want.bytes_skipped += p->len;
	else
		d->want.bytes_in += p->len;
	d->want.bounced += p->place == IN_SLOTS;
	d->want.transient += p->place == IN_PAGES;
	if (p->place == IN_SLOTS)
		count_taken(d, piece_need(m, d, p, &available));
}

void count_failure(struct model_device *d, enum dma_failure why)
{
	d->want.failed[why]++;
	model_tally.failed[why]++;
}

/* --- what was done --- */

bool is_zero(const uint8_t *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (at[i])
			return false;
	return true;
}

/* Of what it was given, in whole slots or pages, the bytes before and behind it are nobody's. */
static const char *check_slack(const struct machine *m, const struct piece *p)
{
	uint64_t granule = p->place == IN_SLOTS ? SWIOTLB_SLOT : PAGE_SIZE;
	uint64_t before = p->start & (granule - 1), behind = -(p->start + p->len) & (granule - 1);

	if (!is_zero(piece_view(m, p) - before, before))
		return "the device sees old bytes before its mapping";
	if (!is_zero(piece_view(m, p) + p->len, behind))
		return "the device sees old bytes behind its mapping";
	return NULL;
}

static bool share_pages(const struct piece *a, const struct piece *b)
{
	return a != b && b->place == IN_PAGES &&
	       a->start >> PAGE_SHIFT <= (b->start + b->len - 1) >> PAGE_SHIFT &&
	       b->start >> PAGE_SHIFT <= (a->start + a->len - 1) >> PAGE_SHIFT;
}

static bool is_shared(const struct piece *p, const struct piece *others, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (share_pages(p, &others[i]))
			return true;
	return false;
}

/* Blocks of a pool lie in the pool's pages, and are not looked at here. */
static const char *check_pages(struct machine *m, const struct piece *p)
{
	bool shared = is_shared(p, m->leaked, m->leaks);

	if (p->start + p->len > MODEL_POOL)
		return "the pages are no pages";
	for (struct object *o = m->object; o < m->object + MODEL_OBJECTS; o++)
		if (o->kind != FREE && o->kind != BLOCK)
			shared |= is_shared(p, o->piece, o->pieces);
	for (struct model_pool *pool = m->pools; pool < m->pools + MODEL_POOLS; pool++)
		shared |= is_shared(p, pool->page, pool->pages);
	return shared ? "the pages are another's" : NULL;
}

static const char *check_slots(struct machine *m, struct piece *p)
{
	if (p->start < MODEL_POOL || p->start + p->len > MODEL_NEAR)
		return wrong("%#llx is not in the pool", (unsigned long long)p->start);
	p->slots = slots_of(p->start, p->len);
	if (m->taken & p->slots)
		return wrong("%#llx: slots are another's already", (unsigned long long)p->start);
	return NULL;
}

const char *check_reached(struct machine *m, struct model_device *d, struct piece *p)
{
	if (p->start < d->first || p->start + p->len - 1 > d->last)
		return wrong("%#llx is out of reach", (unsigned long long)p->start);
	return p->place == IN_SLOTS ? check_slots(m, p) : check_pages(m, p);
}

/* Is it where it may be? */
static const char *check_place(struct machine *m, struct model_device *d, struct piece *p)
{
	const char *why;

	if (p->place == DIRECT)
		return p->start == p->mem ? NULL : "bounced without a need";
	if (!suits(m, d, p, p->start))
		return wrong("%#llx doesn't suit the limits", (unsigned long long)p->start);
	why = check_reached(m, d, p);
	if (!why && (d->force || p->place == IN_PAGES))
		why = check_slack(m, p);
	return why;
}

const char *piece_mapped(struct machine *m, struct model_device *d, struct piece *p, unsigned attrs)
{
	enum dma_failure why;
	const char *complaint;

	p->start = dma_to_phys(&d->dev.limits, p->at).value - m->base;
	p->place = piece_place(m, d, p, &why);
	p->settled = false;
	p->slots = 0;
	if (p->place == NOWHERE)
		return wrong("mapped, in spite of '%s'", dma_failure_name(why));
	complaint = check_place(m, d, p);
	if (complaint)
		return complaint;
	m->taken |= p->slots;
	model_tally.placed[p->place]++;
	count_mapped(m, d, p, attrs);
	if (p->place == DIRECT)
		return NULL;
	if (is_zeroed(p, attrs))
		memset(piece_seen(m, p), 0, p->len);
	else
		memcpy(piece_seen(m, p), piece_cpu(m, p), p->len);
	return NULL;
}

void piece_unmapped(struct machine *m, struct model_device *d, struct piece *p, unsigned attrs)
{
	d->want.live--;
	if (p->place == DIRECT)
		return;
	d->slots -= count_slots(p->slots);
	m->taken &= ~p->slots;
	if (p->dir == DMA_TO_DEVICE || p->settled)
		return;
	if (attrs & DMA_ATTR_SKIP_CPU_SYNC) {
		d->want.bytes_skipped += p->len;
		return;
	}
	d->want.bytes_out += p->len;
	memcpy(piece_cpu(m, p), piece_seen(m, p), p->len);
}

phys_addr_t hold_page(struct machine *m)
{
	struct page_request request = {.zone = ZONE_NORMAL, .dma_reserve = true, .limit = NO_LIMIT};

	return pages_alloc(&m->zones, &request);
}

bool block_is_free(struct machine *m, uint64_t block, uint64_t size)
{
	phys_addr_t addr = phys(m->base + block);

	if (pages_take(&m->zones, addr, size >> PAGE_SHIFT) != 0)
		return false;
	pages_give(&m->zones, addr, size >> PAGE_SHIFT);
	return true;
}

/* Is a page free where the device reaches? */
static bool page_is_free(struct machine *m, const struct model_device *d)
{
	for (uint64_t page = 0; page < MODEL_POOL; page += PAGE_SIZE)
		if (page >= d->first && page + PAGE_SIZE - 1 <= d->last &&
		    block_is_free(m, page, PAGE_SIZE))
			return true;
	return false;
}

/*
 * Why is there no block of pages for it? Each that would fit is tried, by taking it,
 * and one page more, which what is known of it may take. All RAM might be free once.
 */
enum dma_failure why_no_pages(struct machine *m, struct model_device *d, const struct piece *p)
{
	uint32_t mask = d->dev.limits.min_align_mask;
	uint64_t offset = (m->base + p->mem - (uint64_t)d->dev.limits.bus_offset) & mask;
	uint64_t size = PAGE_SIZE, start;
	phys_addr_t held = hold_page(m);
	bool possible = false, found = false;

	while (size < offset + p->len || size <= mask)
		size *= 2;
	for (uint64_t block = 0; block + size <= MODEL_END; block += size) {
		start = block + offset;
		if (start < d->first || block + size - 1 > d->last || !suits(m, d, p, start))
			continue;
		possible = true;
		found |= !phys_is_none(held) && block + size <= MODEL_POOL &&
			 block_is_free(m, block, size);
	}
	if (!phys_is_none(held))
		pages_free(&m->zones, held, 0);
	if (found || !possible)
		return found ? DMA_FAIL_NONE : DMA_FAIL_OUT_OF_MASK;
	return page_is_free(m, d) ? DMA_FAIL_FRAGMENTED : DMA_FAIL_EXHAUSTED;
}

const char *piece_refused(struct machine *m, struct model_device *d, const struct piece *p)
{
	enum dma_failure want, got = dma_last_failure(&d->dev);
	enum place place = piece_place(m, d, p, &want);

	count_failure(d, got);
	if (place == DIRECT)
		return "refused, though it needs no bouncing";
	if ((place == IN_SLOTS && piece_fits(m, d, p, &want)) ||
	    (place == IN_PAGES && !(want = why_no_pages(m, d, p))))
		return wrong("refused as %s, though slots or pages are free",
			     dma_failure_name(got));
	if (got != want)
		return wrong("refused as %s, not %s", dma_failure_name(got),
			     dma_failure_name(want));
	return NULL;
}

void piece_synced(struct machine *m, struct model_device *d, struct piece *p, size_t from,
		  size_t len, enum dma_data_direction dir, bool for_cpu)
{
	if (p->place == DIRECT || len == 0)
		return;
	if (for_cpu && dir != DMA_TO_DEVICE && !p->settled) {
		memcpy(piece_cpu(m, p) + from, piece_seen(m, p) + from, len);
		d->want.bytes_out += len;
	}
	if (!for_cpu && dir != DMA_FROM_DEVICE) {
		memcpy(piece_seen(m, p) + from, piece_cpu(m, p) + from, len);
		d->want.bytes_in += len;
	}
	if (!for_cpu)
		p->settled = false;
}

void piece_written(struct machine *m, struct model_device *d, struct piece *p, size_t len)
{
	if (p->place == DIRECT || p->settled)
		return;
	memcpy(piece_cpu(m, p), piece_seen(m, p), len);
	d->want.bytes_out += len;
	d->want.bytes_skipped += p->len - len;
	p->settled = true;
}

const char *expect_gate(struct machine *m, struct model_device *d, dma_addr_t addr, size_t len,
			enum dma_misuse_kind kind)
{
	uint64_t reg = 1;
	bool through = dma_gate(&d->dev, addr, len, &reg);

	if (through != (kind == DMA_MISUSE_KINDS) || reg != (through ? addr.bus : 0))
		return wrong("the gate lets %s through %#llx+%zu: %d", d->dev.name,
			     (unsigned long long)addr.bus, len, through);
	if (!through) {
		d->want.refused++;
		m->misuse[kind]++;
	}
	return NULL;
}

/* --- is all as it must be? --- */

const char *object_check(struct machine *m, struct object *o)
{
	uint64_t at = o->region * MODEL_REGION, bytes = o->regions * MODEL_REGION;

	if (o->kind >= COHERENT)
		return lent_check(m, o);
	if (o->kind == FREE)
		return NULL;
	if (memcmp(machine_memory(m, MODEL_NEAR + at), m->cpu + at, bytes) != 0)
		return wrong("the CPU sees other bytes than it must, of %s", o->d->dev.name);
	for (unsigned i = 0; o->kind != WAITING && i < o->pieces; i++) {
		struct piece *p = &o->piece[i];

		if (p->place != DIRECT && memcmp(piece_view(m, p), piece_seen(m, p), p->len) != 0)
			return wrong("%s sees other bytes than it must", o->d->dev.name);
	}
	return NULL;
}

static const char *check_device(struct machine *m, struct model_device *d)
{
	const uint64_t *got = (const uint64_t *)&d->dev.count, *want = (const uint64_t *)&d->want;

	if (m->waited && d->dev.count.slots.high > d->slots_high)
		d->slots_high = d->dev.count.slots.high;
	d->want.slots.high = d->slots_high;
	d->want.slots.spare = (int64_t)(d->slots_high - d->slots);
	for (size_t i = 0; i < sizeof(d->want) / sizeof(*got); i++)
		if (got[i] != want[i])
			return wrong("%s: counter %zu is %llu, not %llu", d->dev.name, i,
				     (unsigned long long)got[i], (unsigned long long)want[i]);
	return NULL;
}

static const char *check_counters(struct machine *m)
{
	const char *complaint = NULL;

	for (unsigned i = 0; i < MODEL_DEVICES && !complaint; i++)
		complaint = check_device(m, &m->device[i]);
	for (unsigned kind = 0; kind < DMA_MISUSE_KINDS && !complaint; kind++)
		if (m->misuse[kind] != m->sys.misuse[kind])
			complaint = wrong(
				"%llu of '%s', not %llu", (unsigned long long)m->sys.misuse[kind],
				dma_misuse_name(kind), (unsigned long long)m->misuse[kind]);
	m->waited = false;
	return complaint;
}

static const char *check_zones(const struct machine *m)
{
	const char *complaint = buddy_validate(&m->zones.zone[ZONE_DMA].buddy);

	return complaint ? complaint : buddy_validate(&m->zones.zone[ZONE_NORMAL].buddy);
}

const char *machine_check(struct machine *m)
{
	const char *complaint = check_counters(m);

	if (!complaint && m->steps++ % 16 == 0)
		complaint = check_zones(m);
	if (complaint)
		return complaint;
	swiotlb_validate(&m->pool);
	if (dma_level_now(&m->pool.used) != count_slots(m->taken))
		return wrong("%zu slots are in use, not %u", dma_level_now(&m->pool.used),
			     count_slots(m->taken));
	return NULL;
}
