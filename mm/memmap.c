/* SPDX-License-Identifier: MIT */
/*
 * The memory map: three lists of ranges and two operations on a list, add and
 * subtract, that keep it sorted, disjoint and merged at every step.
 *
 *	ram      ####....############..........######    before seal: as firmware gave it
 *	reserved ..##............##......                before seal only
 *	free     .#........######..##..........#####.    after seal: ram less what is taken
 *
 * A list has room for MEMMAP_RANGES. Where a split needs one more, the part
 * above the hole is lost and counted in map->dropped: memory may be lost so,
 * but what is reserved or taken never becomes free.
 */
#include "mm/memmap.h"
#include "mm/errno.h"
#include "mm/port.h"

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Saturates: the very last page of the address space is never used. */
static uint64_t page_up(uint64_t addr)
{
	return addr > UINT64_MAX - (PAGE_SIZE - 1) ? UINT64_MAX : ALIGN_UP(addr, PAGE_SIZE);
}

static uint64_t page_down(uint64_t addr)
{
	return ALIGN_DOWN(addr, PAGE_SIZE);
}

/* --- lists --- */

/* Replace `old` ranges at `at` by `new` others, whose contents are the caller's to fill. */
static void list_resize(struct range_list *list, size_t at, size_t old, size_t new)
{
	memmove(&list->range[at + new], &list->range[at + old],
		(list->count - at - old) * sizeof(list->range[0]));
	list->count += new - old;
}

/* The first range that ends at or after `start`; list->count: none does. */
static size_t list_find(const struct range_list *list, uint64_t start)
{
	size_t i = 0;

	while (i < list->count && list->range[i].end < start)
		i++;
	return i;
}

/* Add [start, end), which isn't empty, merged with all it overlaps or touches. -ENOSPC. */
static int list_add(struct range_list *list, uint64_t start, uint64_t end)
{
	size_t first = list_find(list, start), last = first;

	while (last < list->count && list->range[last].start <= end) {
		start = lesser(start, list->range[last].start);
		end = greater(end, list->range[last].end);
		last++;
	}
	if (first == last && list->count == MEMMAP_RANGES)
		return -ENOSPC;
	list_resize(list, first, last - first, 1);
	list->range[first] = (struct mem_range){start, end};
	return 0;
}

/* Remove [start, end), which isn't empty. -ENOSPC: it is removed, and so is what was above it. */
static int list_subtract(struct range_list *list, uint64_t start, uint64_t end)
{
	size_t first = list_find(list, start), last = first, parts = 0;
	struct mem_range part[2];
	int error = 0;

	while (last < list->count && list->range[last].start < end)
		last++;
	if (first == last)
		return 0;
	if (list->range[first].start < start)
		part[parts++] = (struct mem_range){list->range[first].start, start};
	if (list->range[last - 1].end > end)
		part[parts++] = (struct mem_range){end, list->range[last - 1].end};
	if (list->count - (last - first) + parts > MEMMAP_RANGES) {
		parts = 1;
		error = -ENOSPC;
	}
	list_resize(list, first, last - first, parts);
	memcpy(&list->range[first], part, parts * sizeof(part[0]));
	return error;
}

/* Subtract, and count what is lost. */
static int take_out(struct memmap *map, struct range_list *list, uint64_t start, uint64_t end)
{
	int error = start < end ? list_subtract(list, start, end) : 0;

	map->dropped += error != 0;
	return error;
}

/* --- firmware's ranges --- */

void memmap_init(struct memmap *map, uint64_t limit)
{
	*map = (struct memmap){.limit = limit};
}

void memmap_add(struct memmap *map, uint64_t base, uint64_t length, bool usable)
{
	uint64_t end = base + length;

	if (length == 0)
		return;
	if (end < base) {
		map->dropped += end != 0; /* one that ends with the address space is in order */
		end = UINT64_MAX;
	}
	end = lesser(end, map->limit);
	if (base >= end || list_add(usable ? &map->ram : &map->reserved, base, end) == 0)
		return;
	map->dropped++;
	if (!usable)
		map->limit = base;
}

/* What firmware called usable, in whole pages below the limit. */
static void align_ram(struct memmap *map)
{
	size_t kept = 0;

	for (size_t i = 0; i < map->ram.count; i++) {
		struct mem_range r = map->ram.range[i];

		r.start = page_up(r.start);
		r.end = page_down(lesser(r.end, map->limit));
		if (r.start < r.end)
			map->ram.range[kept++] = r;
	}
	map->ram.count = kept;
}

int memmap_seal(struct memmap *map)
{
	align_ram(map);
	for (size_t i = 0; i < map->reserved.count; i++) {
		struct mem_range r = map->reserved.range[i];

		take_out(map, &map->ram, page_down(r.start), page_up(r.end));
	}
	map->free = map->ram;
	take_out(map, &map->free, 0, PAGE_SIZE);
	return map->ram.count ? 0 : -ENOMEM;
}

/* --- taking and giving back --- */

int memmap_reserve(struct memmap *map, uint64_t start, uint64_t end)
{
	if (start >= end)
		return start == end ? 0 : -EINVAL;
	return take_out(map, &map->free, page_down(start), page_up(end));
}

int memmap_release(struct memmap *map, uint64_t start, uint64_t end)
{
	int error = 0;

	if (start > end)
		return -EINVAL;
	start = greater(page_up(start), PAGE_SIZE);
	end = page_down(end);
	for (size_t i = 0; i < map->ram.count && !error; i++) {
		uint64_t from = greater(start, map->ram.range[i].start);
		uint64_t to = lesser(end, map->ram.range[i].end);

		if (from < to)
			error = list_add(&map->free, from, to);
	}
	return error;
}

/* Where `size` bytes go in [start, end); PHYS_NONE: they don't. `align` is a power of two. */
static phys_addr_t place(uint64_t start, uint64_t end, uint64_t size, uint64_t align,
			 enum memmap_end from)
{
	uint64_t at;

	if (start >= end || end - start < size)
		return PHYS_NONE;
	/* Upwards it wraps to 0 where there is no such address. */
	at = from == MEMMAP_HIGHEST ? ALIGN_DOWN(end - size, align) : ALIGN_UP(start, align);
	return at >= start && at <= end - size ? phys(at) : PHYS_NONE;
}

phys_addr_t memmap_carve(struct memmap *map, uint64_t size, uint64_t align, uint64_t min,
			 uint64_t max, enum memmap_end end)
{
	size_t count = map->free.count;

	if (size == 0 || align < PAGE_SIZE || (align & (align - 1)))
		return PHYS_NONE;
	size = page_up(size);
	for (size_t i = 0; i < count; i++) {
		struct mem_range r = map->free.range[end == MEMMAP_LOWEST ? i : count - 1 - i];
		phys_addr_t at = place(greater(r.start, min), lesser(r.end, max), size, align, end);

		if (phys_is_none(at))
			continue;
		take_out(map, &map->free, at.value, at.value + size);
		return at;
	}
	return PHYS_NONE;
}

/* --- questions --- */

bool memmap_is_ram(const struct memmap *map, uint64_t start, uint64_t end)
{
	/* Ranges that touch are one, so it is one range or none. */
	size_t i = list_find(&map->ram, end);

	return start < end && i < map->ram.count && map->ram.range[i].start <= start;
}

bool memmap_has_ram(const struct memmap *map, uint64_t first, uint64_t last)
{
	for (size_t i = 0; i < map->ram.count; i++)
		if (first < map->ram.range[i].end && map->ram.range[i].start <= last)
			return true;
	return false;
}

uint64_t memmap_top(const struct memmap *map)
{
	return map->ram.count ? map->ram.range[map->ram.count - 1].end : 0;
}

uint64_t memmap_bytes(const struct memmap *map, uint64_t from)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < map->ram.count; i++) {
		const struct mem_range *r = &map->ram.range[i];

		if (r->end > from)
			bytes += r->end - greater(r->start, from);
	}
	return bytes;
}
