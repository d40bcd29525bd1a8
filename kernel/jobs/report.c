/* SPDX-License-Identifier: MIT */
#include "kernel/jobs/report.h"

#include "kernel/printf.h"
#include "kernel/string.h"

#define BAR_COLUMN  9 /* where the bar begins */
#define MARGIN	    5 /* columns kept free behind it, for a reach that goes on: "→ 1024G" */
#define SMALL_GAP   MIB(2)
#define STRETCH_MAX 26 /* columns */
#define TEXT_COLUMN "            "

/* --- words --- */

struct words {
	char text[96];
};

static struct words PRINTF_LIKE(1, 2) words(const char *fmt, ...)
{
	struct words w = {""};
	va_list args;

	va_start(args, fmt);
	vsnprintf(w.text, sizeof(w.text), fmt, args);
	va_end(args);
	return w;
}

/* A number as people write it: 47,112. */
static struct words grouped(uint64_t n)
{
	struct words digits = words("%lu", n), w = {""};
	size_t count = strlen(digits.text), at = 0;

	for (size_t i = 0; i < count; i++) {
		if (i && (count - i) % 3 == 0)
			w.text[at++] = ',';
		w.text[at++] = digits.text[i];
	}
	w.text[at] = 0;
	return w;
}

/* "1 piece", "6 pieces" */
static struct words counted(uint64_t n, const char *thing)
{
	return words("%s %s%s", grouped(n).text, thing, n == 1 ? "" : "s");
}

/* Three digits and a unit: 16.8M, 145M, 2G, or, with blank and tail, 23.4 KiB. */
static struct words scaled(uint64_t n, const char *blank, const char *tail)
{
	unsigned unit = (63 - __builtin_clzll(n | KIB(1))) / 10;
	uint64_t value = n >> 10 * (unit - 1); /* in 1/1024 */
	uint64_t whole = (value + 512) >> 10, tenths = (value * 10 + 512) >> 10;
	uint64_t hundredths = (value * 100 + 512) >> 10;
	struct words w = words("%lu", whole);

	if (tenths < 1000 && hundredths != whole * 100)
		w = words("%lu.%lu", tenths / 10, tenths % 10);
	if (hundredths < 1000 && hundredths != tenths * 10)
		w = words("%lu.%02lu", hundredths / 100, hundredths % 100);
	return words("%s%s%c%s", w.text, blank, "?KMGTPE"[unit], tail);
}

/* An address on the bar: 16.8M, 145M, 2G. */
static struct words landmark(uint64_t addr)
{
	return addr ? scaled(addr, "", "") : words("0");
}

/* A part of a whole in percent, never rounded to nothing or to all. */
static struct words percent(uint64_t part, uint64_t all)
{
	uint64_t milli = (part >> PAGE_SHIFT) * 100000 / (all >> PAGE_SHIFT);

	if (milli >= 99500)
		return words("%lu.%lu", milli / 1000, milli / 100 % 10);
	if (milli >= 950)
		return words("%lu", (milli + 500) / 1000);
	if (milli >= 5)
		return words("0.%02lu", (milli + 5) / 10);
	return words("less than 0.01");
}

/* "28 bits", or the mask where it is no 2^n - 1 */
static struct words mask_words(const struct report_device *device)
{
	uint64_t mask = device->mask;

	if (mask == UINT64_MAX - 1) /* the topmost address is no address */
		mask = UINT64_MAX;
	if (!mask || mask & (mask + 1))
		return words("%#lx", mask);
	return words("%s%d bits", device->known == REACH_AT_LEAST ? ">=" : "",
		     64 - __builtin_clzll(mask));
}

/* "edu0 <reaches> 28 bits", "a device that <reaches> 4 % of memory" */
static const char *reaches(const struct report_device *device)
{
	static const char *const verbs[] = {[REACH_SEEN] = "reaches",
					    [REACH_AT_LEAST] = "reaches",
					    [REACH_HELD] = "is held to",
					    [REACH_CLAIMED] = "claims to reach"};

	return verbs[device->known];
}

/* --- lines --- */

/* One part of memory, drawn on `width` columns from `from` on; its start's label stands before. */
struct span {
	uint64_t start, end;
	struct words label;
	const char *name; /* NULL: a plain stretch */
	unsigned from, width;
};

struct printer {
	report_line *emit;
	void *context;
	char cell[REPORT_COLUMNS]; /* the line that is drawn on */
	size_t count;
	struct span span[10]; /* DMA; kernel, pool and hole, each after a gap; the rest; the end */
};

static void PRINTF_LIKE(2, 3) say(struct printer *p, const char *fmt, ...)
{
	char text[2 * REPORT_COLUMNS];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	p->emit(p->context, text);
}

/* What a cell holds: ASCII, and these. */
enum { DASH = 1, STOP, MARK, ARROW, HEAD, TURN };
static const char *const drawn[] = {"", "─", "┤", "▲", "→", "◄", "┘"};

static void fill(struct printer *p, unsigned from, unsigned to, char cell)
{
	for (; from < to && from < REPORT_COLUMNS; from++)
		p->cell[from] = cell;
}

static void put(struct printer *p, unsigned column, const char *text)
{
	for (; *text && column < REPORT_COLUMNS; column++)
		p->cell[column] = *text++;
}

/* The line is done; a blank one is next. */
static void print_cells(struct printer *p)
{
	char text[3 * REPORT_COLUMNS + 1];
	size_t at = 0, end = REPORT_COLUMNS;

	while (end && p->cell[end - 1] == ' ')
		end--;
	for (size_t i = 0; i < end; i++) {
		unsigned char cell = p->cell[i];
		size_t n = cell < ARRAY_SIZE(drawn) ? strlen(drawn[cell]) : 1;

		memcpy(text + at, cell < ARRAY_SIZE(drawn) ? drawn[cell] : &p->cell[i], n);
		at += n;
	}
	text[at] = 0;
	p->emit(p->context, text);
	fill(p, 0, REPORT_COLUMNS, ' ');
}

/* --- the bar --- */

static void append(struct printer *p, uint64_t start, uint64_t end, const char *name)
{
	p->span[p->count++] =
		(struct span){start, end, landmark(start), name, 0, name ? strlen(name) + 2 : 0};
}

/* Add a part behind what is there: a small gap before it isn't shown, a large one is a stretch. */
static void add(struct printer *p, uint64_t start, uint64_t end, const char *name)
{
	struct span *last = &p->span[p->count - 1];

	if (start < last->end)
		start = last->end;
	if (start >= end)
		return;
	if (start - last->end > SMALL_GAP)
		append(p, last->end, start, NULL);
	else
		last->end = start;
	append(p, start, end, name);
}

/* The parts of memory, lowest first. A huge pool finds room only above the hole. */
static void bar_cut(struct printer *p, const struct report_memory *m)
{
	bool high = m->high_end > m->high_start;
	uint64_t top = high ? m->high_end : m->low_end;

	append(p, 0, MIB(16), "DMA");
	add(p, m->kernel.start, m->kernel.end, "kernel");
	if (m->pool.start < m->low_end)
		add(p, m->pool.start, m->pool.end, "swiotlb");
	if (high)
		add(p, m->low_end, m->high_start, "hole");
	if (m->pool.start >= m->low_end)
		add(p, m->pool.start, m->pool.end, "swiotlb");
	if (p->span[p->count - 1].end < top)
		append(p, p->span[p->count - 1].end, top, NULL);
	append(p, top, top, "");
}

/* Columns for each part: what names and labels leave is shared by the stretches. */
static void bar_measure(struct printer *p)
{
	unsigned used = BAR_COLUMN + MARGIN, stretches = 0, wide, column = BAR_COLUMN;
	struct span *span, *end = p->span + p->count;

	end[-1].width = 0;
	for (span = p->span; span < end; span++) {
		used += strlen(span->label.text) + 2 + span->width;
		stretches += !span->name;
	}
	wide = stretches && used < REPORT_COLUMNS ? (REPORT_COLUMNS - used) / stretches : 0;
	for (span = p->span; span < end; span++) {
		if (!span->name)
			span->width = wide < STRETCH_MAX ? wide : STRETCH_MAX;
		span->from = column + strlen(span->label.text) + 1;
		column = span->from + span->width + 1;
	}
}

/* The logarithm to base 2, times 256; straight between powers of two. */
static unsigned log2_256(uint64_t n)
{
	unsigned bit = 63 - __builtin_clzll(n | 1);

	return bit << 8 | (n << (63 - bit) >> 55 & 0xff);
}

/* Where an address lies on the bar: under its label if it has one, at the end beyond it. */
static unsigned column_of(const struct printer *p, uint64_t addr)
{
	const struct span *span = p->span, *last = &p->span[p->count - 1];
	unsigned low, high, offset, label;

	while (span < last && addr >= span->end)
		span++;
	label = strlen(span->label.text);
	if (addr <= span->start || span == last)
		return span->from - 1 - label + label / 2;
	low = log2_256(span->start);
	high = log2_256(span->end);
	offset = high > low ? (log2_256(addr) - low) * span->width / (high - low) : 0;
	return span->from + (offset < span->width ? offset : span->width - 1);
}

static void bar_print(struct printer *p)
{
	put(p, 0, "memory");
	for (const struct span *span = p->span; span < p->span + p->count; span++) {
		bool hole = span->name && strcmp(span->name, "hole") == 0;

		put(p, span->from - 1 - strlen(span->label.text), span->label.text);
		fill(p, span->from, span->from + span->width, hole ? ' ' : DASH);
		if (span->name)
			put(p, span->from + 1, span->name);
	}
	print_cells(p);
}

/* A dash for all that is in reach, and a stop where it ends, or an arrow if it may go on. */
static void reach_print(struct printer *p, const struct report_device *d)
{
	const struct span *last = &p->span[p->count - 1];
	uint64_t end = d->reach + 1;
	bool beyond = end == 0 || end > last->end;
	unsigned column = beyond ? last->from - 1 : column_of(p, end), from = BAR_COLUMN;
	struct words where = landmark(end ? end : UINT64_MAX);
	struct words text = words("%s %s %s", d->name, reaches(d), mask_words(d).text);

	put(p, column + 2, where.text);
	if (strlen(text.text) + 3 < column) {
		put(p, 0, text.text);
		from = strlen(text.text) + 1;
	} else {
		put(p, column + 2 + strlen(where.text) + 2, text.text);
	}
	fill(p, from, column, DASH);
	p->cell[column] = beyond || d->known == REACH_AT_LEAST ? ARROW : STOP;
	print_cells(p);
}

static void file_print(struct printer *p, const struct report *r)
{
	struct words size = r->file_size < KIB(1) ? counted(r->file_size, "byte")
						  : scaled(r->file_size, " ", "iB");
	struct words text = words("your file: %#lx, %s", r->file_addr, size.text);
	unsigned column = column_of(p, r->file_addr), n = strlen(text.text);

	p->cell[column] = MARK;
	put(p, column > n ? column - 1 - n : column + 2, text.text);
	print_cells(p);
}

/* What the device made of the address in step 1. */
static void alias_print(struct printer *p, const char *name, const struct report_direct *d)
{
	struct words text = words(" %#lx is %#lx to %s ", d->asked, d->alias, name);
	unsigned from = column_of(p, d->alias), to = column_of(p, d->asked);
	unsigned n = strlen(text.text);

	if (d->result != DIRECT_DONE || d->read_at != d->alias || to < from + n + 4)
		return;
	fill(p, from, to, DASH);
	p->cell[from] = HEAD;
	p->cell[to] = TURN;
	put(p, (from + to - n) / 2, text.text);
	print_cells(p);
}

/* --- the steps --- */

static void direct_done(struct printer *p, const struct report_direct *d)
{
	struct words alias = words("%#lx", d->alias);

	if (d->read_at == d->asked)
		say(p, "1 direct    asked for %#lx, the device read there: it reaches farther",
		    d->asked);
	else
		say(p, "1 direct    asked for %#lx, the device read %s: %s of %s wrong", d->asked,
		    d->read_at == d->alias ? alias.text : "elsewhere", grouped(d->wrong).text,
		    counted(d->length, "byte").text);
	if (d->wrote_at == d->alias)
		say(p, TEXT_COLUMN "told to write there, it wrote %s: %s of somebody else's gone",
		    alias.text, counted(d->overwritten, "byte").text);
	else
		say(p, TEXT_COLUMN "told to write there, it %s",
		    d->wrote_at == d->asked ? "did" : "wrote elsewhere");
}

static void direct_print(struct printer *p, const struct report_direct *d)
{
	static const char *const why_not[] = {
		[DIRECT_OFF] = "left out, as asked",
		[DIRECT_NOTHING_OUT] = "left out: nothing is out of reach",
		[DIRECT_NO_PAGES] = "left out: no free page out of reach has an alias that is free",
		[DIRECT_FAILED] = "the device did not do it",
	};

	if (d->result == DIRECT_DONE)
		direct_done(p, d);
	else
		say(p, "1 direct    %s", why_not[d->result]);
}

/* "24 slots", "12 transient slots", "24 slots and 2 transient" */
static struct words slot_words(const struct report_bounced *b)
{
	if (!b->slots)
		return counted(b->transient, "transient slot");
	if (!b->transient)
		return counted(b->slots, "slot");
	return words("%s and %s transient", counted(b->slots, "slot").text,
		     grouped(b->transient).text);
}

static void bounced_print(struct printer *p, const struct report_bounced *b)
{
	struct words bytes = counted(b->bytes, "byte"), pieces = counted(b->pieces, "piece");
	struct words cost =
		words(", %s instructions a piece beyond the copy", grouped(b->cost).text);

	if (!b->pieces) {
		say(p, "2 bounced   nothing came through");
	} else if (!b->bytes_bounced) {
		say(p, "2 mapped    %s, %s where they lie, 0 bounced", pieces.text, bytes.text);
	} else {
		if (b->bytes_bounced < b->bytes)
			bytes = words("%s of %s", grouped(b->bytes_bounced).text, bytes.text);
		say(p, "2 bounced   %s, %s", pieces.text, bytes.text);
		say(p, TEXT_COLUMN "through %s%s", slot_words(b).text, b->cost ? cost.text : "");
	}
}

/* --- the end --- */

static void failure_print(struct printer *p, const struct report *r)
{
	const struct report_bounced *b = &r->bounced;

	if (b->stopped[0])
		say(p, "The file did NOT come back: %s.", b->stopped);
	else
		say(p, "The file did NOT come back whole: %s of %s differ, the first at byte %s.",
		    grouped(b->wrong_pieces).text, counted(b->pieces, "piece").text,
		    grouped(b->first_wrong).text);
	if (r->device.known == REACH_CLAIMED)
		say(p, "Nobody saw %s reach the %s that it claims: the claim is probably too wide.",
		    r->device.name, mask_words(&r->device).text);
}

static void verdict_print(struct printer *p, const struct report *r)
{
	const struct report_memory *m = &r->memory;

	if (!r->whole)
		failure_print(p, r);
	else if (m->ram_in_reach >= m->ram)
		say(p, "The file came back whole. %s %s all of memory: nothing is out of reach.",
		    r->device.name, reaches(&r->device));
	else
		say(p, "The file came back whole through a device that %s %s %% of memory.",
		    reaches(&r->device), percent(m->ram_in_reach, m->ram).text);
}

void report_print(const struct report *r, report_line *emit, void *context)
{
	struct printer p = {.emit = emit, .context = context};

	fill(&p, 0, REPORT_COLUMNS, ' ');
	bar_cut(&p, &r->memory);
	bar_measure(&p);
	say(&p, "%s", "");
	bar_print(&p);
	reach_print(&p, &r->device);
	file_print(&p, r);
	alias_print(&p, r->device.name, &r->direct);
	direct_print(&p, &r->direct);
	bounced_print(&p, &r->bounced);
	if (r->sha256_out[0]) {
		say(&p, TEXT_COLUMN "sha256 %s  in", r->sha256_in);
		say(&p, TEXT_COLUMN "sha256 %s  out", r->sha256_out);
	}
	verdict_print(&p, r);
	if (r->job)
		say(&p, "try: run %s | zones | swiotlb | help          leave: off", r->job);
}
