/* SPDX-License-Identifier: MIT */
/* Lists: right ones and wrong ones. */
#include "tests/unit/map_model.h"

/* Pieces in a row, some of them neighbours. */
static struct object *new_list(struct machine *m, const struct model_op *op)
{
	unsigned n = 1 + op->word[HOW] / 16 % MODEL_ENTRIES;
	size_t gap = op->word[HOW] >> 16 & 1 ? 0 : 1 + op->word[HOW] % 5000, len = op_length(op);
	struct object *o;
	uint64_t mem;

	if (len > 9000)
		n = 1;
	o = new_object(m, op, n * (len + gap), &mem);
	if (!o)
		return NULL;
	o->pieces = n;
	for (unsigned i = 0; i < n; i++) {
		o->piece[i] = (struct piece){.mem = mem, .len = len, .dir = op_direction(op)};
		o->sg[i] = (struct scatterlist){.addr = phys(m->base + mem), .length = len};
		o->sg[i].entries = 77; /* not looked at yet */
		mem += len + (op->word[HOW] >> (17 + i) & 1 ? gap : 0);
	}
	return o;
}

/* The segments that the pieces make, one after the other. */
static const char *check_segments(const struct object *o, unsigned n)
{
	const struct dma_limits *limits = &o->d->dev.limits;
	unsigned segments = 0;
	uint64_t reg;

	for (unsigned i = 0, next; i < o->pieces; i = next) {
		uint64_t start = o->piece[i].at.bus, len = o->piece[i].len;

		for (next = i + 1; next < o->pieces; next++) {
			const struct piece *p = &o->piece[next];

			if (o->piece[i].place != DIRECT || p->place != DIRECT ||
			    start + len != p->at.bus || len + p->len > limits->max_segment ||
			    (start | limits->boundary_mask) !=
				    ((start + len + p->len - 1) | limits->boundary_mask))
				break;
			len += p->len;
		}
		if (segments >= n || sg_dma_address(&o->sg[segments]).bus != start ||
		    sg_dma_len(&o->sg[segments]) != len)
			return wrong("segment %u is not %#llx+%llu", segments,
				     (unsigned long long)start, (unsigned long long)len);
		if (!dma_gate(&o->d->dev, sg_dma_address(&o->sg[segments]), len, &reg))
			return "a segment doesn't get through the gate";
		segments++;
	}
	model_tally.merged += n < o->pieces;
	if (segments != n || n > limits->max_segments)
		return wrong("%u segments, not %u", n, segments);
	return NULL;
}

static const char *list_mapped(struct machine *m, struct object *o, unsigned n, unsigned attrs)
{
	const char *complaint = NULL;

	o->kind = LIST;
	for (unsigned i = 0; i < o->pieces; i++)
		o->piece[i].at = o->sg[i].mapped;
	for (unsigned i = 0; i < o->pieces && !complaint; i++)
		complaint = piece_mapped(m, o->d, &o->piece[i], attrs);
	return complaint ? complaint : check_segments(o, n);
}

/* Entry `bad` of the list could not be mapped, and those before it might have any slots. */
static const char *check_reason(struct machine *m, struct object *o, unsigned bad, unsigned before)
{
	enum dma_failure want, got = dma_last_failure(&o->d->dev);
	enum place place = piece_place(m, o->d, &o->piece[bad], &want);
	unsigned available, need = piece_need(m, o->d, &o->piece[bad], &available);

	if (place == DIRECT)
		return "a list is refused for an entry that needs no bouncing";
	if (place == IN_PAGES)
		want = why_no_pages(m, o->d, &o->piece[bad]);
	/* With pages that those before it had, which are free again. */
	if (place == IN_PAGES && bad && want != DMA_FAIL_OUT_OF_MASK && got != DMA_FAIL_OUT_OF_MASK)
		return NULL;
	if (place != IN_SLOTS)
		return got == want ? NULL : wrong("a list is refused as %s", dma_failure_name(got));
	if (before == 0 && piece_fits(m, o->d, &o->piece[bad], &want))
		return "a list is refused, though slots are free";
	if (got == DMA_FAIL_EXHAUSTED && available < need + before)
		return NULL;
	if (got == DMA_FAIL_FRAGMENTED && available >= need)
		return NULL;
	return wrong("a list is refused as %s", dma_failure_name(got));
}

/* Nothing of the list may be left; of the counters, what was done and undone. */
static const char *list_refused(struct machine *m, struct object *o, unsigned attrs)
{
	enum dma_failure why, got = dma_last_failure(&o->d->dev);
	unsigned looked_at = 0, available, before = 0, slots = 0;
	bool whole;

	while (looked_at < o->pieces && o->sg[looked_at].entries == 0)
		looked_at++;
	if (looked_at == 0)
		return "a list is refused, and not looked at";
	piece_place(m, o->d, &o->piece[looked_at - 1], &why);
	whole = looked_at == o->pieces && got == DMA_FAIL_LENGTH && why != DMA_FAIL_LENGTH;
	for (unsigned i = 0; i + !whole < looked_at; i++) {
		struct piece *p = &o->piece[i];

		p->place = piece_place(m, o->d, p, &why);
		count_mapped(m, o->d, p, attrs);
		o->d->want.live--;
		if (p->place == IN_SLOTS)
			slots = piece_need(m, o->d, p, &available), before += slots;
		if (p->place != DIRECT && p->dir != DMA_TO_DEVICE)
			o->d->want.bytes_skipped += p->len;
	}
	o->d->slots -= before;
	count_failure(o->d, got);
	if (!whole)
		return check_reason(m, o, looked_at - 1, before);
	return NULL;
}

const char *map_list(struct machine *m, const struct model_op *op)
{
	struct object *o = new_list(m, op);
	const char *complaint;
	unsigned n;

	if (!o)
		return NULL;
	n = dma_map_sg_attrs(&o->d->dev, o->sg, o->pieces, op_direction(op), op_attrs(op));
	if (n)
		return list_mapped(m, o, n, op_attrs(op));
	complaint = list_refused(m, o, op_attrs(op));
	regions_give(m, o);
	return complaint;
}

const char *sync_list(struct machine *m, const struct model_op *op)
{
	struct object *o = op_object(m, op, 1U << LIST);
	enum dma_data_direction dir = op_direction(op);
	bool for_cpu = op->word[HOW] >> 9 & 1;

	if (!o)
		return NULL;
	if (o->piece[0].dir != DMA_BIDIRECTIONAL)
		dir = o->piece[0].dir;
	if (for_cpu)
		dma_sync_sg_for_cpu(&o->d->dev, o->sg, o->pieces, dir);
	else
		dma_sync_sg_for_device(&o->d->dev, o->sg, o->pieces, dir);
	for (unsigned i = 0; i < o->pieces; i++)
		piece_synced(m, o->d, &o->piece[i], 0, o->piece[i].len, dir, for_cpu);
	return object_check(m, o);
}

const char *misuse_list(struct machine *m, const struct model_op *op)
{
	struct object *o = op_object(m, op, 1U << LIST);
	enum dma_misuse_kind kind = DMA_MISUSE_SG_COUNT;
	struct model_device *other = op_device(m, op);
	unsigned n;

	if (!o)
		return NULL;
	n = op->word[LENGTH] % (MODEL_ENTRIES + 2);
	switch (op->word[HOW] & 3) {
	case 0:
		if (n == o->pieces)
			return NULL;
		dma_unmap_sg(&o->d->dev, o->sg, n, o->piece[0].dir);
		break;
	case 1:
		if (n == o->pieces)
			return NULL;
		dma_sync_sg_for_cpu(&o->d->dev, o->sg, n, o->piece[0].dir);
		break;
	case 2:
		kind = DMA_MISUSE_DIRECTION;
		dma_unmap_sg(&o->d->dev, o->sg, o->pieces, (o->piece[0].dir + 1 + n % 2) % 3);
		break;
	default:
		if (other == o->d)
			return NULL;
		kind = DMA_MISUSE_DEVICE;
		dma_unmap_sg(&other->dev, o->sg, o->pieces, o->piece[0].dir);
	}
	m->misuse[kind]++;
	return object_check(m, o);
}
