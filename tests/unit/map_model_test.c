/* SPDX-License-Identifier: MIT */
/*
 * Random operations over the whole mapping API, right ones and wrong ones, on
 * the small machine of map_model.h, each held against its model.
 */
#include "tests/unit/map_model.h"

#include "kernel/printf.h"

static phys_addr_t phys_of(const struct machine *m, const struct piece *p)
{
	return phys(m->base + p->mem);
}

/* --- mapping --- */

static dma_addr_t map_one(struct machine *m, const struct model_op *op, struct model_device *d,
			  const struct piece *p)
{
	phys_addr_t addr = phys_of(m, p);
	unsigned attrs = op_attrs(op);

	if (op->word[HOW] >> 12 & 1 && p->len)
		return dma_map_single_attrs(&d->dev, port_phys_to_virt(addr), p->len, p->dir,
					    attrs);
	if (attrs == 0)
		return dma_map_page(&d->dev, phys(ALIGN_DOWN(addr.value, PAGE_SIZE)),
				    addr.value % PAGE_SIZE, p->len, p->dir);
	return dma_map_phys(&d->dev, addr, p->len, p->dir, attrs);
}

static const char *map_single(struct machine *m, const struct model_op *op)
{
	struct piece piece = {.len = op_length(op), .dir = op_direction(op)};
	struct object *o = new_object(m, op, piece.len, &piece.mem);
	const char *complaint;

	if (!o)
		return NULL;
	piece.at = map_one(m, op, o->d, &piece);
	if (dma_mapping_error(&o->d->dev, piece.at)) {
		regions_give(m, o);
		return piece_refused(m, o->d, &piece);
	}
	complaint = piece_mapped(m, o->d, &piece, op_attrs(op));
	o->kind = SINGLE;
	o->pieces = 1;
	o->piece[0] = piece;
	return complaint;
}

/* --- unmapping --- */

static void unmap(struct machine *m, struct object *o, unsigned attrs)
{
	struct dma_device *dev = &o->d->dev;
	struct piece *p = o->piece;

	if (o->kind == LIST)
		dma_unmap_sg_attrs(dev, o->sg, o->pieces, p->dir, attrs);
	else
		dma_unmap_single_attrs(dev, p->at, p->len, p->dir, attrs);
	for (unsigned i = 0; i < o->pieces; i++)
		piece_unmapped(m, o->d, &p[i], attrs);
}

/* Slots that were unmapped just now hold no mapping any more, whatever is asked of it. */
static const char *use_again(struct machine *m, const struct model_op *op, struct model_device *d,
			     const struct piece *p)
{
	if (m->served_count)
		return NULL;
	switch (op->word[LENGTH] % 4) {
	case 0:
		dma_unmap_phys(&d->dev, p->at, p->len, p->dir, 0);
		break;
	case 1:
		dma_sync_single_for_cpu(&d->dev, p->at, p->len, p->dir);
		break;
	case 2:
		dma_sync_single_for_device(&d->dev, dma_addr_add(p->at, p->len - 1), 1, p->dir);
		break;
	default:
		return expect_gate(m, d, p->at, p->len, DMA_MISUSE_GATE_POOL);
	}
	m->misuse[DMA_MISUSE_UNMAP_INVALID]++;
	return NULL;
}

static const char *unmap_any(struct machine *m, const struct model_op *op)
{
	struct object *o = op_object(m, op, MAPPED);
	const char *complaint;
	struct piece was;

	if (!o)
		return NULL;
	was = *op_piece(o, op);
	unmap(m, o, op->word[HOW] % 8 ? 0 : DMA_ATTR_SKIP_CPU_SYNC);
	o->pieces = 0;
	complaint = object_check(m, o);
	regions_give(m, o);
	if (!complaint && op->word[HOW] / 8 % 4 == 0 && was.place == IN_SLOTS)
		complaint = use_again(m, op, o->d, &was);
	return complaint;
}

/* --- while mapped --- */

static const char *sync(struct machine *m, const struct model_op *op)
{
	struct object *o = op_object(m, op, MAPPED);
	enum dma_data_direction dir = op_direction(op);
	bool for_cpu = op->word[HOW] >> 9 & 1;
	struct piece *p;
	size_t from, len;

	if (!o)
		return NULL;
	p = op_piece(o, op);
	if (p->dir != DMA_BIDIRECTIONAL)
		dir = p->dir;
	len = op_part(p, op, &from);
	if (for_cpu)
		dma_sync_single_range_for_cpu(&o->d->dev, p->at, from, len, dir);
	else
		dma_sync_single_range_for_device(&o->d->dev, p->at, from, len, dir);
	piece_synced(m, o->d, p, from, len, dir, for_cpu);
	return object_check(m, o);
}

static void scribble(uint8_t *at, uint8_t *model, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(seed + i * 5 + (i >> 7));
	memcpy(model, at, len);
}

/* By the CPU, or by the device, into some part of the mapping. */
static const char *write(struct machine *m, const struct model_op *op)
{
	struct object *o = op_object(m, op, MAPPED);
	struct piece *p;
	size_t from, len;

	if (!o)
		return NULL;
	p = op_piece(o, op);
	len = op_part(p, op, &from);
	if (len > 2000)
		len = 2000;
	if (op->word[HOW] & 1 || p->place == DIRECT)
		scribble(machine_memory(m, p->mem + from), piece_cpu(m, p) + from, len,
			 op->word[HOW]);
	else
		scribble(piece_view(m, p) + from, piece_seen(m, p) + from, len, op->word[HOW]);
	return NULL;
}

static const char *written(struct machine *m, const struct model_op *op)
{
	struct object *o = op_object(m, op, MAPPED);
	struct piece *p;
	size_t len;

	if (!o)
		return NULL;
	p = op_piece(o, op);
	len = op->word[LENGTH] % (p->len + 1);
	if (p->dir == DMA_TO_DEVICE && p->place != DIRECT) {
		dma_set_written(&o->d->dev, p->at, len);
		m->misuse[DMA_MISUSE_DIRECTION]++;
		return NULL;
	}
	dma_set_written(&o->d->dev, p->at, len);
	piece_written(m, o->d, p, len);
	return object_check(m, o);
}

static const char *need_sync(struct machine *m, const struct model_op *op)
{
	struct object *o = op_object(m, op, MAPPED);
	struct piece *p = o ? op_piece(o, op) : NULL;

	if (p && dma_need_sync(&o->d->dev, p->at) != (p->place != DIRECT))
		return "it is wrong about whether a sync is needed";
	return NULL;
}

/* --- the gate --- */

/* What is bounced for one is not for another, even where he reaches it. */
static const char *gate_of_other(struct machine *m, const struct model_device *owner,
				 struct model_device *d, const struct piece *p)
{
	uint64_t bus = m->base + p->start + (uint64_t)d->dev.limits.bus_offset;
	enum dma_misuse_kind kind = DMA_MISUSE_GATE_REACH;

	if (d == owner || p->place == DIRECT)
		return NULL;
	if (bus + p->len < bus)
		kind = DMA_MISUSE_GATE_LENGTH;
	else if (p->start >= d->first && p->start + p->len - 1 <= d->last)
		kind = DMA_MISUSE_GATE_POOL;
	return expect_gate(m, d, (dma_addr_t){bus}, p->len, kind);
}

/* The buffer by its physical address, where that is none for the device. */
static const char *gate_of_buffer(struct machine *m, struct model_device *d, const struct piece *p)
{
	if (!d->force && d->dev.limits.bus_offset <= 0)
		return NULL;
	return expect_gate(m, d, (dma_addr_t){m->base + p->mem}, p->len,
			   d->force ? DMA_MISUSE_GATE_POOL : DMA_MISUSE_GATE_REACH);
}

static const char *gate(struct machine *m, const struct model_op *op)
{
	struct object *o = op_object(m, op, MAPPED);
	size_t from, len, left;
	struct piece *p;
	dma_addr_t at;

	if (!o)
		return NULL;
	p = op_piece(o, op);
	len = op_part(p, op, &from);
	at = dma_addr_add(p->at, from);
	left = p->len - from;
	switch (op->word[HOW] % 8) {
	case 0:
		return expect_gate(m, o->d, at, 0, DMA_MISUSE_GATE_LENGTH);
	case 1:
		return expect_gate(m, o->d, DMA_MAPPING_ERROR, len, DMA_MISUSE_MAPPING_ERROR);
	case 2:
		if (at.bus < 2)
			return NULL;
		return expect_gate(m, o->d, at, SIZE_MAX, DMA_MISUSE_GATE_LENGTH);
	case 3:
		if (p->place != DIRECT && p->start + p->len + 1 < o->d->last)
			return expect_gate(m, o->d, at, left + 1, DMA_MISUSE_GATE_POOL);
		return NULL;
	case 4:
		return gate_of_other(m, o->d, op_device(m, op), p);
	case 5:
		return gate_of_buffer(m, o->d, p);
	default:
		return expect_gate(m, o->d, at, len, DMA_MISUSE_KINDS);
	}
}

/* --- misuse: told, and without effect --- */

/* False: it isn't another. */
static bool unmap_by_other(struct machine *m, const struct model_device *owner,
			   struct model_device *d, const struct piece *p)
{
	uint64_t bus = m->base + p->start + (uint64_t)d->dev.limits.bus_offset;

	if (d != owner)
		dma_unmap_phys(&d->dev, (dma_addr_t){bus}, p->len, p->dir, 0);
	return d != owner;
}

/* The wrong ways to unmap what is bounced. */
static const char *misuse_unmap(struct machine *m, const struct model_op *op)
{
	struct object *o = op_object(m, op, MAPPED);
	enum dma_misuse_kind kind = DMA_MISUSE_UNMAP_INVALID;
	struct piece *p = o ? op_piece(o, op) : NULL;
	struct dma_device *dev;

	if (!o || p->place == DIRECT)
		return NULL;
	dev = &o->d->dev;
	switch (op->word[HOW] / 16 % 6) {
	case 0:
		kind = DMA_MISUSE_SIZE;
		dma_unmap_phys(dev, p->at, p->len + 1, p->dir, 0);
		break;
	case 1:
		kind = DMA_MISUSE_SIZE;
		dma_unmap_phys(dev, p->at, p->len - 1, p->dir, 0);
		break;
	case 2:
		kind = DMA_MISUSE_DIRECTION;
		dma_unmap_phys(dev, p->at, p->len, (p->dir + 1 + op->word[LENGTH] % 2) % 3, 0);
		break;
	case 3:
		if (p->len == 1)
			return NULL;
		dma_unmap_phys(dev, dma_addr_add(p->at, 1), p->len - 1, p->dir, 0);
		break;
	case 4:
		kind = DMA_MISUSE_MAPPING_ERROR;
		dma_unmap_phys(dev, DMA_MAPPING_ERROR, p->len, p->dir, 0);
		break;
	default:
		kind = DMA_MISUSE_DEVICE;
		if (!unmap_by_other(m, o->d, op_device(m, op), p))
			return NULL;
	}
	m->misuse[kind]++;
	return object_check(m, o);
}

/* The wrong ways to sync what is bounced; of these an overrun is done, as far as the mapping goes.
 */
static const char *misuse_sync(struct machine *m, const struct model_op *op)
{
	struct object *o = op_object(m, op, MAPPED);
	enum dma_misuse_kind kind = DMA_MISUSE_SYNC_RANGE;
	struct piece *p = o ? op_piece(o, op) : NULL;
	enum dma_data_direction dir;
	size_t from, len;

	if (!o || p->place == DIRECT)
		return NULL;
	dir = p->dir;
	len = op_part(p, op, &from);
	if (op->word[HOW] & 1 && dir != DMA_BIDIRECTIONAL) {
		kind = DMA_MISUSE_DIRECTION;
		dir = (dir + 1 + op->word[HOW] / 2 % 2) % 3;
	} else {
		len = p->len - from + 1 + op->word[LENGTH] % 100;
	}
	if (op->word[HOW] >> 4 & 1)
		dma_sync_single_for_cpu(&o->d->dev, dma_addr_add(p->at, from), len, dir);
	else
		dma_sync_single_for_device(&o->d->dev, dma_addr_add(p->at, from), len, dir);
	m->misuse[kind]++;
	if (kind == DMA_MISUSE_SYNC_RANGE)
		piece_synced(m, o->d, p, from, p->len - from, dir, op->word[HOW] >> 4 & 1);
	return object_check(m, o);
}

/* Another's registers, far from all RAM; or RAM, which is a misuse. */
static const char *resource(struct machine *m, const struct model_op *op)
{
	struct model_device *d = op_device(m, op);
	bool ram = op->word[HOW] & 1;
	uint64_t at = ram ? op->word[WHERE] % MODEL_NEAR : GIB(48) + op->word[WHERE];
	size_t len = 1 + op->word[LENGTH] % 5000;
	struct piece p = {.mem = at, .len = len, .place = DIRECT};
	dma_addr_t addr = dma_map_resource(&d->dev, phys(m->base + at), len, DMA_TO_DEVICE, 0);

	if (ram) {
		m->misuse[DMA_MISUSE_RESOURCE]++;
		return dma_mapping_error(&d->dev, addr) ? NULL : "RAM is a resource";
	}
	if (dma_mapping_error(&d->dev, addr) != (d->last != UINT64_MAX))
		return "a resource is judged wrongly";
	if (dma_mapping_error(&d->dev, addr)) {
		bool length = len > d->dev.limits.max_segment;

		count_failure(d, length ? DMA_FAIL_LENGTH : DMA_FAIL_OUT_OF_MASK);
		return NULL;
	}
	count_mapped(m, d, &p, 0);
	d->want.live--;
	dma_unmap_resource(&d->dev, addr, len, DMA_TO_DEVICE, 0);
	return NULL;
}

/* --- waiting --- */

static struct machine *waiting_in; /* for the callback */

static void served(struct dma_device *dev, dma_addr_t addr, void *arg)
{
	struct object *o = arg;

	o->served = addr;
	waiting_in->served[waiting_in->served_count++] = o;
}

static struct object *first_waiting(struct machine *m)
{
	struct object *first = NULL;

	for (struct object *o = m->object; o < m->object + MODEL_OBJECTS; o++)
		if (o->kind == WAITING && (!first || o->ticket < first->ticket))
			first = o;
	return first;
}

/* One was called back: in its turn, and rightly; with nothing, if none can be had any more. */
static const char *look_at(struct machine *m, struct object *o, const struct model_device *gone)
{
	bool hope = o->d != gone && piece_has_hope(m, o->d, &o->piece[0]);

	if (o->kind != WAITING)
		return "one is called back that doesn't wait";
	if (dma_mapping_error(&o->d->dev, o->served) != !hope)
		return "one that waits is refused, or served though its device is gone";
	if (!hope) {
		model_tally.cancelled++;
		count_failure(o->d, DMA_FAIL_OUT_OF_MASK);
		regions_give(m, o);
		return NULL;
	}
	if (o != first_waiting(m))
		return "one that waits is served before its turn";
	model_tally.served++;
	m->waited = true;
	o->kind = SINGLE;
	o->piece[0].at = o->served;
	return piece_mapped(m, o->d, &o->piece[0], 0);
}

/* All that were called back during the operation. */
static const char *look_at_served(struct machine *m, const struct model_device *gone)
{
	const char *complaint = NULL;

	for (unsigned i = 0; i < m->served_count && !complaint; i++)
		complaint = look_at(m, m->served[i], gone);
	m->served_count = 0;
	return complaint;
}

/* Nobody is left to wait for what is free. */
static const char *check_waiting(struct machine *m)
{
	struct object *first = first_waiting(m);
	enum dma_failure why;

	if (first && piece_fits(m, first->d, &first->piece[0], &why))
		return wrong("%s waits for slots that are free", first->d->dev.name);
	for (struct object *o = m->object; o < m->object + MODEL_OBJECTS; o++)
		if (o->kind == WAITING && !piece_has_hope(m, o->d, &o->piece[0]))
			return wrong("%s waits for slots that are lost", o->d->dev.name);
	return NULL;
}

static const char *map_waiting(struct machine *m, const struct model_op *op)
{
	struct piece piece = {.len = op_length(op), .dir = op_direction(op)};
	struct object *o = new_object(m, op, piece.len, &piece.mem), *first = first_waiting(m);
	enum dma_failure why;
	enum place place;
	bool waits, hope;
	int err;

	if (!o)
		return NULL;
	place = piece_place(m, o->d, &piece, &why);
	hope = place != IN_SLOTS || piece_has_hope(m, o->d, &piece);
	waits = place == IN_SLOTS && hope && (first || !piece_fits(m, o->d, &piece, &why));
	err = dma_map_single_wait(&o->d->dev, machine_memory(m, piece.mem), piece.len, piece.dir,
				  &piece.at, &o->wait, served, o);
	if (waits != (err == -EINPROGRESS))
		return wrong("waiting gives %d", err);
	o->piece[0] = piece;
	o->pieces = 1;
	if (waits) {
		o->kind = WAITING;
		o->ticket = m->tickets++;
		o->d->want.waited++;
		return NULL;
	}
	if (err) {
		regions_give(m, o);
		if (hope)
			return piece_refused(m, o->d, &piece);
		count_failure(o->d, DMA_FAIL_TOO_BIG);
		return dma_last_failure(&o->d->dev) == DMA_FAIL_TOO_BIG ? NULL : "not too big";
	}
	o->kind = SINGLE;
	return piece_mapped(m, o->d, &o->piece[0], 0);
}

/* --- the machine --- */

static const char *toggle(struct machine *m, const struct model_op *op)
{
	switch (op->word[HOW] % 8) {
	case 0:
		swiotlb_cache(&m->pool, op->word[HOW] >> 4 & 1);
		break;
	case 1:
		pages_cache(&m->zones, op->word[HOW] >> 4 & 1);
		break;
	default:
		test_cpu((op->word[HOW] >> 4) % PORT_CPUS);
	}
	return NULL;
}

/* What the device that is gone has mapped still is nobody's; for good. */
static void lose_mappings(struct machine *m, struct model_device *d)
{
	for (struct object *o = m->object; o < m->object + MODEL_OBJECTS; o++) {
		if (o->d != d || !(MAPPED >> o->kind & 1))
			continue;
		for (unsigned i = 0; i < o->pieces; i++) {
			leak(m, &o->piece[i]);
			m->forgotten += o->piece[i].place == IN_PAGES;
		}
		regions_give(m, o);
	}
}

/* It maps nothing any more, and gets through no gate. */
static const char *check_gone(struct machine *m, struct model_device *d)
{
	dma_addr_t addr = dma_map_phys(&d->dev, phys(m->base + MODEL_NEAR), 1, DMA_TO_DEVICE, 0);

	if (!dma_mapping_error(&d->dev, addr))
		return "a device maps that is gone";
	count_failure(d, dma_last_failure(&d->dev));
	return expect_gate(m, d, (dma_addr_t){m->base}, 1, DMA_MISUSE_GATE_REACH);
}

/* The device is removed, and added anew; its pools too. */
static const char *remove_device(struct machine *m, struct model_device *d)
{
	const char *complaint;

	lent_leave(m, d);
	complaint = look_at_served(m, NULL); /* by what its pools gave back */
	dma_device_remove(&d->dev);
	m->misuse[DMA_MISUSE_LEAK] += d->want.live + d->want.lent != 0;
	lose_mappings(m, d);
	if (!complaint)
		complaint = look_at_served(m, d);
	if (!complaint)
		complaint = check_gone(m, d);
	if (!complaint)
		complaint = machine_check(m);
	machine_add_device(m, d);
	for (unsigned i = 0; i < MODEL_POOLS && !complaint; i++)
		if (m->pools[i].d == d)
			complaint = pool_begin(m, &m->pools[i]);
	return complaint;
}

/* Seldom, rather one that waits, and not with what it has once that has cost much of the memory. */
static const char *remove_any(struct machine *m, const struct model_op *op)
{
	struct object *first = first_waiting(m);
	struct model_device *d = first ? first->d : op_device(m, op);
	const char *complaint = NULL;

	if (op->word[HOW] % 4 && !first)
		return NULL;
	if (count_slots(m->lost) > MODEL_HELD + 8 || m->leaks > MODEL_LEAKS / 2) {
		if (d->want.live)
			return NULL;
		complaint = lent_return(m, d);
		if (!complaint) /* others may be served by that, or itself */
			complaint = look_at_served(m, NULL);
	}
	return complaint ? complaint : remove_device(m, d);
}

static struct object *first_mapped(struct machine *m)
{
	for (struct object *o = m->object; o < m->object + MODEL_OBJECTS; o++)
		if (MAPPED >> o->kind & 1)
			return o;
	return NULL;
}

static const char *unmap_all(struct machine *m)
{
	const char *complaint = NULL;
	struct object *o;

	while (!complaint && (o = first_mapped(m))) {
		unmap(m, o, 0);
		o->pieces = 0;
		complaint = object_check(m, o);
		regions_give(m, o);
		if (!complaint)
			complaint = look_at_served(m, NULL);
	}
	return complaint;
}

/* Nothing is left but what devices had that are gone. */
static const char *check_empty(struct machine *m)
{
	bool lost = count_slots(m->lost) > MODEL_HELD || m->leaks || m->forgotten;

	if (dma_level_now(&m->pool.used) != count_slots(m->lost))
		return wrong("%zu slots are left", dma_level_now(&m->pool.used) - MODEL_HELD);
	if (m->sys.transients.count != m->forgotten || m->kmem.objects != 0)
		return wrong("%zu transient slots, %zu objects are left", m->sys.transients.count,
			     m->kmem.objects);
	if (!lost && free_bytes(m) != m->free_bytes)
		return wrong("%llu bytes are free, of %llu", (unsigned long long)free_bytes(m),
			     (unsigned long long)m->free_bytes);
	return NULL;
}

/* All devices give back what they have, and their pools. */
static const char *return_all(struct machine *m)
{
	const char *complaint = NULL;

	for (unsigned i = 0; i < MODEL_DEVICES && !complaint; i++)
		complaint = lent_return(m, &m->device[i]);
	if (!complaint)
		complaint = look_at_served(m, NULL);
	return complaint ? complaint : unmap_all(m);
}

/* Give all back, and begin anew. */
static const char *drain(struct machine *m, const struct model_op *op)
{
	const char *complaint;

	if (op->word[HOW] % 4)
		return NULL;
	complaint = return_all(m);
	if (!complaint && first_waiting(m))
		complaint = "one waits though all is free that ever will be";
	if (!complaint)
		complaint = check_empty(m);
	for (unsigned i = 0; i < MODEL_POOLS && !complaint; i++)
		complaint = pool_begin(m, &m->pools[i]);
	return complaint;
}

/* --- all of it --- */

static const struct {
	const char *name;
	const char *(*run)(struct machine *m, const struct model_op *op);
	unsigned weight;
} operations[] = {
	{"map", map_single, 24},
	{"map a list", map_list, 12},
	{"unmap", unmap_any, 26},
	{"sync", sync, 16},
	{"sync a list", sync_list, 3},
	{"write", write, 14},
	{"set written", written, 4},
	{"need sync", need_sync, 1},
	{"gate", gate, 8},
	{"misuse: unmap", misuse_unmap, 4},
	{"misuse: sync", misuse_sync, 3},
	{"misuse: a list", misuse_list, 2},
	{"resource", resource, 2},
	{"map, or wait", map_waiting, 8},
	{"lend", lend, 8},
	{"give back", give_back, 8},
	{"misuse: lent", misuse_lent, 3},
	{"take a block", take_block, 5},
	{"give a block", give_block, 5},
	{"remove the device", remove_any, 1},
	{"CPU, or caches", toggle, 4},
	{"give all back", drain, 1},
};

static unsigned operation_of(const struct model_op *op)
{
	unsigned sum = 0, n, i = 0;

	for (size_t k = 0; k < ARRAY_SIZE(operations); k++)
		sum += operations[k].weight;
	for (n = op->word[WHAT] % sum; n >= operations[i].weight; i++)
		n -= operations[i].weight;
	return i;
}

static void *begin(uint64_t seed)
{
	waiting_in = machine_begin(seed);
	return waiting_in;
}

static const char *step(void *state, const struct model_op *op)
{
	struct machine *m = state;
	const char *complaint = m->complaint;

	if (complaint)
		return complaint;
	complaint = operations[operation_of(op)].run(m, op);
	if (!complaint)
		complaint = look_at_served(m, NULL);
	if (!complaint)
		complaint = check_waiting(m);
	return complaint ? complaint : machine_check(m);
}

static void describe(void *state, const struct model_op *op, char *line, size_t size)
{
	struct machine *m = state;

	snprintf(line, size, "%s: %s, object %u, length %zu, where %#x, how %#x",
		 operations[operation_of(op)].name, op_device(m, op)->dev.name,
		 op->word[WHICH] % MODEL_OBJECTS, op_length(op), op->word[WHERE], op->word[HOW]);
}

static void end(void *state)
{
	machine_end(state);
}

static const struct model model = {begin, step, describe, end};

#define STEPS  10000
#define PLENTY 100000 /* with so many everything happens */

static void expect_tally(struct ktest *t, const struct model_tally *tally)
{
	ktest_say("%llu direct, %llu in slots, %llu in pages; %llu lists merged, %llu waited and "
		  "were served; refused: %llu too big, %llu out of mask, %llu exhausted, %llu "
		  "fragmented; %llu times misuse",
		  (unsigned long long)tally->placed[DIRECT],
		  (unsigned long long)tally->placed[IN_SLOTS],
		  (unsigned long long)tally->placed[IN_PAGES], (unsigned long long)tally->merged,
		  (unsigned long long)tally->served,
		  (unsigned long long)tally->failed[DMA_FAIL_TOO_BIG],
		  (unsigned long long)tally->failed[DMA_FAIL_OUT_OF_MASK],
		  (unsigned long long)tally->failed[DMA_FAIL_EXHAUSTED],
		  (unsigned long long)tally->failed[DMA_FAIL_FRAGMENTED],
		  (unsigned long long)tally->misuse);
	for (enum dma_failure why = DMA_FAIL_LENGTH; why < DMA_FAILURES; why++)
		EXPECT(t, tally->failed[why]);
	EXPECT(t, tally->placed[DIRECT] && tally->placed[IN_SLOTS] && tally->placed[IN_PAGES]);
	EXPECT(t, tally->merged && tally->served && tally->cancelled && tally->misuse);
}

static void random_operations(struct ktest *t)
{
	model_tally = (struct model_tally){0};
	model_check(t, &model, ktest_steps(STEPS));
	if (ktest_steps(STEPS) >= PLENTY && !t->failed && !t->skip[0])
		expect_tally(t, &model_tally);
}

static const struct ktest_case cases[] = {
	{"random_operations", random_operations},
	{NULL, NULL},
};

extern const struct ktest_suite map_model_suite;
const struct ktest_suite map_model_suite = {"map_model", NULL, NULL, cases};
