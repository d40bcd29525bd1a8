/* SPDX-License-Identifier: MIT */
/*
 * Step 1 of the main job: the bug that this kernel is about, made on purpose. A
 * device is handed a physical address that it can't drive, with no mapping.
 *
 *	off                    16M            reach             2^k + off
 *	[somebody else's]-------|---------------|---------------[piece]
 *	        ^________ the bits that the device drops ___________|
 *
 * A device of n bits takes 2^k + off for off, whatever n from 24 to k is. Both
 * pages are ours, so that nothing else is harmed.
 */
#include "kernel/jobs/bounce.h"
#include "kernel/mmu.h"
#include "kernel/string.h"

/* No gate has seen where this goes. */
static int transfer_without_mapping(struct demo *demo, enum dma_data_direction dir)
{
	const struct report_direct *d = &demo->report.direct;

	return demo->dev->engine->transfer_around_the_gate(demo->dev, d->asked, d->length, dir);
}

static size_t bytes_wrong(const uint8_t *a, const uint8_t *b, size_t n)
{
	size_t wrong = 0;

	for (size_t i = 0; i < n; i++)
		wrong += a[i] != b[i];
	return wrong;
}

/* Words that can be told from the piece at its first byte. */
static void fill_with_words(uint8_t *page, uint8_t not_first)
{
	static const char words[] = "This page belongs to somebody else. ";
	size_t shift = (uint8_t)words[0] == not_first;

	for (size_t i = 0; i < PAGE_SIZE; i++)
		page[i] = words[(i + shift) % (sizeof(words) - 1)];
}

static uint64_t where(struct demo *demo, bool at_asked, bool at_alias)
{
	const struct report_direct *d = &demo->report.direct;

	if (at_asked)
		return d->asked;
	if (!at_alias)
		return UINT64_MAX;
	demo->dev->clamps += demo->dev->engine->tells;
	return d->alias;
}

/* The device is told to read the piece at `asked`. What did it get? */
static int read_directly(struct demo *demo, uint8_t *asked, const uint8_t *alias)
{
	struct report_direct *d = &demo->report.direct;
	const uint8_t *low = phys_to_virt(demo->low), *piece = phys_to_virt(demo->file->addr);
	int err;

	memcpy(asked, piece, d->length);
	err = transfer_without_mapping(demo, DMA_TO_DEVICE);
	if (!err)
		err = demo_fetch(demo, d->length);
	if (err)
		return err;
	d->wrong = bytes_wrong(low, piece, d->length);
	d->read_at = where(demo, !d->wrong, memcmp(low, alias, d->length) == 0);
	return 0;
}

/* The device gets the piece in a lawful way, and is told to write it to `asked`. */
static int write_directly(struct demo *demo, uint8_t *asked, const uint8_t *alias)
{
	struct report_direct *d = &demo->report.direct;
	const uint8_t *piece = phys_to_virt(demo->file->addr);
	uint8_t *before = phys_to_virt(demo->low);
	int err = demo_move(demo, demo->file->addr, d->length, DMA_TO_DEVICE);

	memcpy(before, alias, PAGE_SIZE);
	fill_with_words(asked, piece[0]);
	if (!err)
		err = transfer_without_mapping(demo, DMA_FROM_DEVICE);
	if (err)
		return err;
	d->overwritten = bytes_wrong(before, alias, PAGE_SIZE);
	d->wrote_at = where(demo, memcmp(asked, piece, d->length) == 0, d->overwritten);
	return 0;
}

/* Two free pages, 2^k apart, the one under 16 MiB and the other out of reach; highest k first. */
static bool take_pair(uint64_t reach, phys_addr_t *asked, phys_addr_t *alias)
{
	uint64_t base = 1ULL << (63 - __builtin_clzll(memmap_top(&machine.memmap)));

	for (; base > reach; base >>= 1) {
		for (uint64_t off = ZONE_DMA_END - PAGE_SIZE; off; off -= PAGE_SIZE) {
			*asked = phys(base + off);
			*alias = phys(off);
			if (pages_take(&machine.zones, *asked, 1))
				continue;
			if (pages_take(&machine.zones, *alias, 1) == 0)
				return true;
			pages_give(&machine.zones, *asked, 1);
		}
	}
	return false;
}

int demo_directly(struct demo *demo)
{
	struct report_direct *d = &demo->report.direct;
	phys_addr_t asked, alias;
	int err;

	d->result = DIRECT_OFF;
	if (!demo->dev->direct)
		return 0;
	d->result = DIRECT_NOTHING_OUT;
	if (demo->report.memory.ram_in_reach == demo->report.memory.ram)
		return 0;
	d->result = DIRECT_NO_PAGES;
	if (!take_pair(demo->report.device.reach, &asked, &alias))
		return 0;
	d->asked = asked.value;
	d->alias = alias.value;
	d->length = demo->file->size < demo->piece ? demo->file->size : demo->piece;
	fill_with_words(phys_to_virt(alias), *(const uint8_t *)phys_to_virt(demo->file->addr));
	err = read_directly(demo, phys_to_virt(asked), phys_to_virt(alias));
	if (!err)
		err = write_directly(demo, phys_to_virt(asked), phys_to_virt(alias));
	d->result = err ? DIRECT_FAILED : DIRECT_DONE;
	pages_give(&machine.zones, asked, 1);
	pages_give(&machine.zones, alias, 1);
	return err;
}
