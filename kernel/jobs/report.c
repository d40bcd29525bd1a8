/* SPDX-License-Identifier: MIT */
#include "kernel/jobs/report.h"

#include "kernel/printf.h"
#include "kernel/string.h"

#define BAR_COLUMN  9 /* where the bar begins */
#define MARGIN	    5 /* columns kept free behind it, for the mark of a reach that goes on */
#define SMALL_GAP   MIB(2)
#define STRETCH_MAX 26 /* columns */
#define TEXT_COLUMN "            "

typedef unsigned long long ull;

/* --- words --- */

struct words {
	char text[96];
};

static struct words PRINTF_LIKE(1, 2) words(const char *fmt, ...)
{
	struct words w;
	va_list args;

	va_start(args, fmt);
	vsnprintf(w.text, sizeof(w.text), fmt, args);
	va_end(args);
	return w;
}

/* A number as people write it: 47,112. */
static struct words grouped(uint64_t n)
{
	struct words digits = words("%llu", (ull)n), w = {""};
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

/* n in units of 2^shift, to the nearest tenth. */
static struct words tenths(uint64_t n, unsigned shift, const char *unit)
{
	uint64_t one = 1ULL << shift,
		 t = (n >> shift) * 10 + (((n & (one - 1)) * 10 + one / 2) >> shift);

	return t % 10 ? words("%llu.%llu%s", (ull)t / 10, (ull)t % 10, unit)
		      : words("%llu%s", (ull)t / 10, unit);
}

/* n in units of 2^shift, to the nearest whole one. */
static struct words whole(uint64_t n, unsigned shift, const char *unit)
{
	return words("%llu%s", (ull)((n >> shift) + (n >> (shift - 1) & 1)), unit);
}

/* An address on the bar: 16.8M, 145M, 2G. */
static struct words landmark(uint64_t addr)
{
	uint64_t mib = (addr + MIB(1) / 2) >> 20;

	if (addr == 0)
		return words("0");
	if (addr < MIB(64))
		return tenths(addr, 20, "M");
	if (mib >= MIB(1))
		return tenths(addr, 40, "T");
	if (mib >= KIB(10) || mib % 1024 == 0)
		return tenths(addr, 30, "G");
	return whole(addr, 20, "M");
}

static struct words size_words(uint64_t bytes)
{
	if (bytes < KIB(1))
		return counted(bytes, "byte");
	if (bytes < MIB(1))
		return bytes < KIB(10) ? tenths(bytes, 10, " KiB") : whole(bytes, 10, " KiB");
	if (bytes < GIB(1))
		return bytes < MIB(10) ? tenths(bytes, 20, " MiB") : whole(bytes, 20, " MiB");
	return tenths(bytes, 30, " GiB");
}

/* A part of a whole in percent, never rounded to nothing or to all. */
static struct words percent(uint64_t part, uint64_t all)
{
	uint64_t milli = (part >> PAGE_SHIFT) * 100000 / (all >> PAGE_SHIFT);

	if (milli >= 99500)
		return words("%llu.%llu", (ull)milli / 1000, (ull)milli / 100 % 10);
	if (milli >= 950)
		return words("%llu", (ull)(milli + 500) / 1000);
	if (milli >= 95)
		return words("0.%llu", (ull)(milli + 50) / 100);
	if (milli >= 5)
		return words("0.%02llu", (ull)(milli + 5) / 10);
	return words("less than 0.01");
}

/* "28 bits", or the mask where it is no 2^n - 1 */
static struct words mask_words(const struct report_device *device)
{
	uint64_t mask = device->mask;

	if (!mask || mask & (mask + 1))
		return words("%#llx", (ull)mask);
	return words("%s%d bits", device->at_least ? ">=" : "", 64 - __builtin_clzll(mask));
}

static const char *reaches(const struct report_device *device)
{
	return device->seen ? "reaches" : "claims";
}

/* --- lines --- */

struct printer {
	report_line *emit;
	void *context;
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

/* A line to draw on: ASCII, and these. */
enum { DASH = 1, STOP, MARK, ARROW };
static const char *const drawn[] = {"", "─", "┤", "▲", "→"};

struct canvas {
	char cell[REPORT_COLUMNS + 1];
};

static void canvas_clear(struct canvas *canvas)
{
	memset(canvas->cell, ' ', REPORT_COLUMNS);
	canvas->cell[REPORT_COLUMNS] = 0;
}

static void fill(struct canvas *canvas, unsigned from, unsigned to, char cell)
{
	for (; from < to && from < REPORT_COLUMNS; from++)
		canvas->cell[from] = cell;
}

static void put(struct canvas *canvas, unsigned column, const char *text)
{
	for (; *text && column < REPORT_COLUMNS; column++)
		canvas->cell[column] = *text++;
}

static void canvas_print(struct printer *p, struct canvas *canvas)
{
	char text[3 * REPORT_COLUMNS + 1];
	size_t at = 0, end = REPORT_COLUMNS;

	while (end && canvas->cell[end - 1] == ' ')
		end--;
	for (size_t i = 0; i < end; i++) {
		unsigned char cell = canvas->cell[i];
		size_t n = cell < ARRAY_SIZE(drawn) ? strlen(drawn[cell]) : 1;

		memcpy(text + at, cell < ARRAY_SIZE(drawn) ? drawn[cell] : &canvas->cell[i], n);
		at += n;
	}
	text[at] = 0;
	p->emit(p->context, text);
}

/* --- the bar --- */

/* One part of memory, drawn on `width` columns from `from` on; its start's label stands before. */
struct span {
	uint64_t start, end;
	const char *name; /* NULL: a plain stretch */
	unsigned from, width;
};

struct bar {
	size_t count;
	struct span span[10]; /* DMA; kernel, pool and hole, each after a gap; the rest */
};

static void append(struct bar *bar, uint64_t start, uint64_t end, const char *name)
{
	if (start < end)
		bar->span[bar->count++] = (struct span){start, end, name, 0, 0};
}

/* Add a part behind what is there: a small gap before it isn't shown, a large one is a stretch. */
static void add(struct bar *bar, struct mem_range range, const char *name)
{
	struct span *last = &bar->span[bar->count - 1];
	uint64_t start = range.start > last->end ? range.start : last->end;

	if (start >= range.end)
		return;
	if (start - last->end > SMALL_GAP)
		append(bar, last->end, start, NULL);
	else
		last->end = start;
	append(bar, start, range.end, name);
}

static uint64_t memory_top(const struct report_memory *m)
{
	return m->high_end > m->high_start ? m->high_end : m->low_end;
}

/* The parts of memory, lowest first. A huge pool finds room only above the hole. */
static void bar_cut(struct bar *bar, const struct report_memory *m)
{
	bar->count = 0;
	append(bar, 0, MIB(16), "DMA");
	add(bar, m->kernel, "kernel");
	if (m->pool.start < m->low_end)
		add(bar, m->pool, "swiotlb");
	if (m->high_end > m->high_start)
		add(bar, (struct mem_range){m->low_end, m->high_start}, "hole");
	if (m->pool.start >= m->low_end)
		add(bar, m->pool, "swiotlb");
	append(bar, bar->span[bar->count - 1].end, memory_top(m), NULL);
}

/* Columns for each part: what names and labels leave is shared by the stretches. */
static void bar_measure(struct bar *bar)
{
	unsigned used = BAR_COLUMN + MARGIN, stretches = 0, wide, column = BAR_COLUMN;

	for (size_t i = 0; i < bar->count; i++) {
		struct span *span = &bar->span[i];

		used += strlen(landmark(span->start).text) + 2;
		stretches += !span->name;
		span->width = span->name ? strlen(span->name) + 2 : 0;
		used += span->width;
	}
	used += strlen(landmark(bar->span[bar->count - 1].end).text);
	wide = stretches && used < REPORT_COLUMNS ? (REPORT_COLUMNS - used) / stretches : 0;
	for (size_t i = 0; i < bar->count; i++) {
		struct span *span = &bar->span[i];

		if (!span->name)
			span->width = wide < STRETCH_MAX ? wide : STRETCH_MAX;
		span->from = column + strlen(landmark(span->start).text) + 1;
		column = span->from + span->width + 1;
	}
}

static unsigned bar_end(const struct bar *bar)
{
	const struct span *last = &bar->span[bar->count - 1];

	return last->from + last->width + 1 + strlen(landmark(last->end).text);
}

/* The logarithm to base 2, times 256; straight between powers of two. */
static unsigned log2_256(uint64_t n)
{
	unsigned bit = 63 - __builtin_clzll(n | 1);

	return bit << 8 | (n << (63 - bit) >> 55 & 0xff);
}

/* Where an address lies on the bar: under its label if it has one. */
static unsigned column_of(const struct bar *bar, uint64_t addr)
{
	for (size_t i = 0; i < bar->count; i++) {
		const struct span *span = &bar->span[i];
		unsigned low = log2_256(span->start), high = log2_256(span->end), offset;
		unsigned label = strlen(landmark(span->start).text);

		if (addr <= span->start)
			return span->from - 1 - label + label / 2;
		if (addr >= span->end)
			continue;
		offset = high > low ? (log2_256(addr) - low) * span->width / (high - low) : 0;
		return span->from + (offset < span->width ? offset : span->width - 1);
	}
	return bar_end(bar) - (strlen(landmark(bar->span[bar->count - 1].end).text) + 1) / 2;
}

static void bar_print(struct printer *p, const struct bar *bar)
{
	struct canvas canvas;
	const struct span *span;

	canvas_clear(&canvas);
	put(&canvas, 0, "memory");
	for (span = bar->span; span < bar->span + bar->count; span++) {
		struct words label = landmark(span->start);
		bool hole = span->name && strcmp(span->name, "hole") == 0;

		put(&canvas, span->from - 1 - strlen(label.text), label.text);
		fill(&canvas, span->from, span->from + span->width, hole ? ' ' : DASH);
		if (span->name)
			put(&canvas, span->from + 1, span->name);
	}
	span--;
	put(&canvas, span->from + span->width + 1, landmark(span->end).text);
	canvas_print(p, &canvas);
}

/* A dash for all that is in reach, and a stop where it ends, or an arrow if it may go on. */
static void reach_print(struct printer *p, const struct bar *bar, const struct report *r)
{
	uint64_t end = r->device.reach + 1;
	bool beyond = end == 0 || end > memory_top(&r->memory);
	unsigned column = beyond ? bar_end(bar) : column_of(bar, end), from = BAR_COLUMN;
	struct words where = end ? landmark(end) : words("all");
	struct words text =
		words("%s %s %s", r->device.name, reaches(&r->device), mask_words(&r->device).text);
	struct canvas canvas;

	canvas_clear(&canvas);
	put(&canvas, column + 2, where.text);
	if (strlen(text.text) + 3 < column) {
		put(&canvas, 0, text.text);
		from = strlen(text.text) + 1;
	} else {
		put(&canvas, column + 2 + strlen(where.text) + 2, text.text);
	}
	fill(&canvas, from, column, DASH);
	canvas.cell[column] = beyond || r->device.at_least ? ARROW : STOP;
	canvas_print(p, &canvas);
}

static void file_print(struct printer *p, const struct bar *bar, const struct report *r)
{
	struct words text =
		words("your file: %#llx, %s", (ull)r->file_addr, size_words(r->file_size).text);
	unsigned column = column_of(bar, r->file_addr), n = strlen(text.text);
	struct canvas canvas;

	canvas_clear(&canvas);
	canvas.cell[column] = MARK;
	put(&canvas, column > n ? column - 1 - n : column + 2, text.text);
	canvas_print(p, &canvas);
}

/* --- the steps --- */

static void direct_done(struct printer *p, const struct report_direct *d)
{
	if (d->read_at == d->asked)
		say(p,
		    "1 direct    asked for %#llx, the device read there: it reaches farther than "
		    "said",
		    (ull)d->asked);
	else if (d->read_at == d->alias)
		say(p, "1 direct    asked for %#llx, the device read %#llx: %s of %s bytes wrong",
		    (ull)d->asked, (ull)d->alias, grouped(d->wrong).text, grouped(d->length).text);
	else
		say(p,
		    "1 direct    asked for %#llx, the device read neither it nor %#llx: %s bytes "
		    "wrong",
		    (ull)d->asked, (ull)d->alias, grouped(d->wrong).text);
	if (d->wrote_at == d->asked)
		say(p, TEXT_COLUMN "told to write there, it did");
	else if (d->wrote_at == d->alias)
		say(p,
		    TEXT_COLUMN "told to write there, it wrote %#llx: %s of somebody else's gone",
		    (ull)d->alias, counted(d->overwritten, "byte").text);
	else
		say(p, TEXT_COLUMN "told to write there, it wrote neither there nor to %#llx",
		    (ull)d->alias);
}

static void direct_print(struct printer *p, const struct report *r)
{
	switch (r->direct.result) {
	case DIRECT_OFF:
		say(p, "1 direct    left out, as asked");
		break;
	case DIRECT_NOTHING_OUT:
		say(p, "1 direct    left out: nothing is out of %s's reach", r->device.name);
		break;
	case DIRECT_NO_PAGES:
		say(p, "1 direct    left out: no free page out of reach has an alias that is free");
		break;
	case DIRECT_FAILED:
		say(p, "1 direct    %s did not do it", r->device.name);
		break;
	case DIRECT_DONE:
		direct_done(p, &r->direct);
		break;
	}
}

/* "12 slots", "12 transient slots", "10 slots and 2 transient" */
static struct words slot_words(const struct report_bounced *b)
{
	if (!b->transient)
		return counted(b->slots, "slot");
	if (!b->slots)
		return counted(b->transient, "transient slot");
	return words("%s and %s transient", counted(b->slots, "slot").text,
		     grouped(b->transient).text);
}

/* Parts of a sentence, on as many lines as they take. Each but the first begins with a blank. */
static void say_parts(struct printer *p, const struct words *part, size_t count)
{
	char line[2 * REPORT_COLUMNS] = "";
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		bool fits = at + strlen(part[i].text) <= REPORT_COLUMNS;

		if (!fits)
			say(p, "%s", line);
		at = fits ? at : 0;
		at += snprintf(line + at, sizeof(line) - at, "%s%s", fits ? "" : TEXT_COLUMN,
			       part[i].text + !fits);
	}
	say(p, "%s", line);
}

static void bounced_print(struct printer *p, const struct report_bounced *b)
{
	struct words pieces = counted(b->pieces, "piece"), bytes = counted(b->bytes, "byte");
	struct words part[3];

	if (!b->pieces) {
		say(p, "2 bounced   nothing came through");
		return;
	}
	if (!b->bytes_bounced) {
		part[0] = words("2 mapped    %s, %s", pieces.text, bytes.text);
		part[1] = words(" where they lie, 0 bounced,");
	} else {
		bool all = b->bytes_bounced == b->bytes;

		part[0] = words("2 bounced   %s, %s%s%s", pieces.text,
				all ? "" : grouped(b->bytes_bounced).text, all ? "" : " of ",
				bytes.text);
		part[1] = words(" through %s,", slot_words(b).text);
	}
	part[2] = words(" %s %s a piece%s", grouped(b->cost).text,
			b->cost_is_instructions ? "instructions" : "TSC ticks",
			b->bytes_bounced ? " beyond the copy" : "");
	say_parts(p, part, ARRAY_SIZE(part));
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
	if (!r->device.seen)
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
	struct printer p = {emit, context};
	struct bar bar;

	bar_cut(&bar, &r->memory);
	bar_measure(&bar);
	say(&p, "%s", "");
	bar_print(&p, &bar);
	reach_print(&p, &bar, r);
	file_print(&p, &bar, r);
	direct_print(&p, r);
	bounced_print(&p, &r->bounced);
	if (r->sha256_out[0]) {
		say(&p, TEXT_COLUMN "sha256 %s  in", r->sha256_in);
		say(&p, TEXT_COLUMN "sha256 %s  out", r->sha256_out);
	}
	verdict_print(&p, r);
	if (r->job)
		say(&p, "try: run %s | zones | swiotlb | help          leave: off", r->job);
}
