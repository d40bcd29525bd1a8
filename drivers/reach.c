/* SPDX-License-Identifier: MIT */
/*
 * The reach probe; the idea is in reach.h.
 *
 *	0       8M      off    16M                 2^k      2^k + off
 *	|------[out]-[marker]---|-------- ... ------|------[anybody's]---
 *	                ^______ bit k is dropped ___________|   or passes
 */
#include "drivers/reach.h"

#include "kernel/log.h"
#include "kernel/machine.h"
#include "kernel/mmu.h"
#include "kernel/printf.h"
#include "kernel/string.h"
#include "mm/random.h"

#define SAMPLE_WORDS 8
#define SAMPLE_BYTES (SAMPLE_WORDS * sizeof(uint64_t))

enum verdict { BIT_PASSES, BIT_DROPPED, BIT_UNCLEAR, BIT_UNTESTABLE };

struct probe {
	struct device *dev;
	phys_addr_t out; /* where the device's buffer comes back to */
	uint64_t random;
};

/*
 * With one address bit set, 2^23: a device that can't drive it ends at 0, which
 * is RAM, and writes there what it read there.
 */
#define OUT_PAGE MIB(8)

/* A page under 16 MiB that lies as far above 0 as some page of `ram` above `base`. */
static phys_addr_t page_opposite(const struct mem_range *ram, uint64_t base)
{
	uint64_t first = ram->start > base ? ram->start - base : 0;
	struct page_request request = {
		.zone = ZONE_DMA, .place = PLACE_HIGH, .limit = ram->end - base - 1};
	phys_addr_t page;

	if (ram->end <= base || first >= ZONE_DMA_END)
		return PHYS_NONE;
	page = pages_alloc(&machine.zones, &request);
	if (phys_is_none(page) || page.value >= first)
		return page;
	pages_free(&machine.zones, page, 0);
	return PHYS_NONE;
}

static phys_addr_t take_marker_page(uint64_t base)
{
	const struct range_list *ram = &machine.memmap.ram;
	phys_addr_t page = PHYS_NONE;
	size_t i;

	for (i = 0; i < ram->count && phys_is_none(page); i++)
		page = page_opposite(&ram->range[i], base);
	return page;
}

/* What the device reads at `from`; it comes back through its buffer and probe->out. */
static int device_read(struct probe *probe, phys_addr_t from, uint64_t *got)
{
	const struct copy_engine *engine = probe->dev->engine;
	void *out = phys_to_virt(probe->out);
	int err;

	err = engine->transfer_around_the_gate(probe->dev, from.value, SAMPLE_BYTES, DMA_TO_DEVICE);
	if (err)
		return err;
	memset(out, 0, SAMPLE_BYTES);
	err = engine->transfer_around_the_gate(probe->dev, probe->out.value, SAMPLE_BYTES,
					       DMA_FROM_DEVICE);
	memcpy(got, out, SAMPLE_BYTES);
	return err;
}

static void draw_marker(struct probe *probe, uint64_t *marker)
{
	unsigned i;

	for (i = 0; i < SAMPLE_WORDS; i++)
		marker[i] = random_next(&probe->random);
}

/* Which of the two the device read; UNCLEAR too where what lies up there is not still. */
static enum verdict judge(const uint64_t *got, const uint64_t *marker, const uint64_t *high)
{
	bool is_marker = !memcmp(got, marker, SAMPLE_BYTES);
	bool is_high = !memcmp(got, high, SAMPLE_BYTES);

	if (is_marker == is_high)
		return BIT_UNCLEAR;
	return is_marker ? BIT_DROPPED : BIT_PASSES;
}

static int try_with_marker(struct probe *probe, uint64_t base, phys_addr_t page,
			   enum verdict *verdict)
{
	uint64_t marker[SAMPLE_WORDS], high[SAMPLE_WORDS], got[SAMPLE_WORDS];
	phys_addr_t above = phys_add(page, base);
	int err;

	draw_marker(probe, marker);
	memcpy(phys_to_virt(page), marker, SAMPLE_BYTES);
	memcpy(high, phys_to_virt(above), SAMPLE_BYTES);
	err = device_read(probe, above, got);
	if (!err)
		*verdict = judge(got, marker, high);
	return err;
}

/*
 * Does it drive 24 bits, as everything after this takes for granted? The marker
 * is written over before it comes back, so that it comes from the device.
 */
static int try_least(struct probe *probe)
{
	uint64_t marker[SAMPLE_WORDS], got[SAMPLE_WORDS];
	int err;

	draw_marker(probe, marker);
	memcpy(phys_to_virt(probe->out), marker, SAMPLE_BYTES);
	err = device_read(probe, probe->out, got);
	if (err || !memcmp(got, marker, SAMPLE_BYTES))
		return err;
	probe->dev->clamps += 2 * probe->dev->engine->tells; /* there and back */
	log_error("%s: reaches less than 24 bits, which no memory is kept for", probe->dev->name);
	return -EIO;
}

static int try_bit(struct probe *probe, unsigned bit, enum verdict *verdict)
{
	phys_addr_t page = take_marker_page(1ULL << bit);
	int err;

	*verdict = BIT_UNTESTABLE;
	if (phys_is_none(page))
		return 0;
	err = try_with_marker(probe, 1ULL << bit, page, verdict);
	pages_free(&machine.zones, page, 0);
	return err;
}

static int try_bits(struct probe *probe, struct reach *reach)
{
	uint64_t top = memmap_top(&machine.memmap);
	enum verdict verdict = BIT_UNTESTABLE;
	unsigned bit, next = 24; /* the lowest bit that nothing is known of */
	int err;

	for (bit = 24; bit < 64 && 1ULL << bit < top; bit++) {
		err = try_bit(probe, bit, &verdict);
		if (err)
			return err;
		if (verdict == BIT_PASSES)
			next = bit + 1;
		if (verdict == BIT_DROPPED)
			probe->dev->clamps += probe->dev->engine->tells;
		if (verdict == BIT_UNCLEAR)
			log_warning("%s: can't tell whether it drives address bit %u",
				    probe->dev->name, bit);
		if (verdict == BIT_DROPPED || verdict == BIT_UNCLEAR)
			break;
	}
	*reach = (struct reach){.bits = next, .exact = verdict == BIT_DROPPED && bit == next};
	return 0;
}

static int probe_reach(struct device *dev)
{
	struct probe probe = {.dev = dev, .out = phys(OUT_PAGE), .random = machine.seed};
	int err = pages_take(&machine.zones, probe.out, 1);

	if (err) {
		log_error("%s: can't probe its reach, the page at %#x is in use; try %s.probe=off",
			  dev->name, (unsigned)OUT_PAGE, dev->name);
		return err;
	}
	err = try_least(&probe);
	if (!err)
		err = try_bits(&probe, &dev->reach);
	pages_give(&machine.zones, probe.out, 1);
	return err;
}

/* --- which mask to claim --- */

void reach_read_options(struct device *dev, unsigned most)
{
	dev->mask = (unsigned)device_option_number(dev, "mask", 0, 24, most);
	dev->probe = device_option_flag(dev, "probe", true);
	dev->direct = device_option_flag(dev, "direct", true);
}

static unsigned choose_bits(const struct device *dev, unsigned trusted)
{
	const struct reach *reach = &dev->reach;
	unsigned seen = reach->bits ? reach->bits : trusted;
	unsigned wanted = dev->mask ? dev->mask : seen;
	const char *at_least = reach->exact ? "" : ">=";

	if (!reach->bits) {
		printf("%s: reach not probed, %u bits taken on trust\n", dev->name, wanted);
		return wanted;
	}
	printf("%s: reach %s%u bits\n", dev->name, at_least, seen);
	if (wanted != seen)
		log_warning("%s: %s.mask is %u bits, the device reaches %s%u; using %u", dev->name,
			    dev->driver->name, wanted, at_least, seen,
			    wanted < seen ? wanted : seen);
	return wanted < seen ? wanted : seen;
}

int reach_claim(struct device *dev, unsigned trusted)
{
	unsigned bits;
	int err = dev->probe ? probe_reach(dev) : 0;

	if (err)
		return err;
	bits = choose_bits(dev, trusted);
	err = dma_set_mask_and_coherent(&dev->dma, DMA_BIT_MASK(bits));
	if (err)
		log_error("%s: no memory for %u-bit DMA: error %d", dev->name, bits, -err);
	return err;
}
