/* SPDX-License-Identifier: MIT */
/*
 * Mappings that could not be made, and why; and what is said of memory on devices.
 * What the pool looks like and who has it is found out only for a line that is
 * printed.
 */
#include "dma/bounce.h"
#include "dma/declared.h"

#define HOLDERS 3 /* named in the line */

typedef unsigned long long ull;

/* As it is printed by HOLDER: ", 26 by edu0"; or nothing. */
struct holder {
	const char *comma;
	ull slots;
	const char *by, *name;
};

#define HOLDER	   "%s%.0llu%s%s"
#define ARGS(held) (held).comma, (held).slots, (held).by, (held).name

static void enter(struct holder top[HOLDERS], const struct dma_device *dev)
{
	struct holder one = {", ", dma_level_now(&dev->count.slots), " by ", dev->name};

	for (unsigned i = 0; i < HOLDERS; i++) {
		if (one.slots > top[i].slots) {
			struct holder next = top[i];

			top[i] = one;
			one = next;
		}
	}
}

/* Who has most of the pool; `nobody` has what devices left that are gone. */
static void find_holders(struct dma_system *sys, struct holder top[HOLDERS])
{
	unsigned long flags = port_lock(&sys->lock);

	enter(top, &sys->nobody);
	for (unsigned i = 0; i < DMA_MAX_DEVICES; i++)
		if (sys->device[i])
			enter(top, sys->device[i]);
	port_unlock(&sys->lock, flags);
}

static NOINLINE void say(struct dma_device *dev, phys_addr_t addr, size_t len, enum dma_failure why,
			 uint64_t nth)
{
	struct swiotlb *pool = dev->pool;
	struct holder top[HOLDERS] = {{"", 0, "", ""}, {"", 0, "", ""}, {"", 0, "", ""}};

	if (!dma_worth_saying(nth))
		return;
	find_holders(dev->sys, top);
	port_log(
		PORT_LOG_WARNING,
		"dma: %s: can't map %zu bytes at %#llx: %s (swiotlb: largest free run %zu, %llu of "
		"%zu slots in use" HOLDER HOLDER HOLDER ")",
		dev->name, len, (ull)addr.value, dma_failure_name(why), swiotlb_largest_run(pool),
		(ull)dma_level_now(&pool->used), pool->slots, ARGS(top[0]), ARGS(top[1]),
		ARGS(top[2]));
}

static uint64_t count(struct dma_device *dev, enum dma_failure why)
{
	dev->last_failure = why;
	return __atomic_add_fetch(&dev->count.failed[why], 1, __ATOMIC_RELAXED);
}

bool dma_failed(struct dma_device *dev, enum dma_failure why, unsigned attrs)
{
	uint64_t nth = count(dev, why);

	return !(attrs & DMA_ATTR_NO_WARN) && dma_worth_saying(nth);
}

void dma_fail(struct dma_device *dev, phys_addr_t addr, size_t len, enum dma_failure why,
	      unsigned attrs)
{
	uint64_t nth = count(dev, why);

	if (!(attrs & DMA_ATTR_NO_WARN))
		say(dev, addr, len, why, nth);
}

const char *dma_failure_name(enum dma_failure why)
{
	static const char *const names[DMA_FAILURES] = {
		[DMA_FAIL_NONE] = "none",	    [DMA_FAIL_LENGTH] = "no such length",
		[DMA_FAIL_TOO_BIG] = "too big",	    [DMA_FAIL_OUT_OF_MASK] = "out of mask",
		[DMA_FAIL_EXHAUSTED] = "exhausted", [DMA_FAIL_FRAGMENTED] = "fragmented",
	};

	return names[why];
}

/* --- memory on devices --- */

static const char *name_of(const struct dma_device *dev)
{
	return dev ? dev->name : "nobody";
}

void dma_say_declared(const struct dma_region *region, const char *why)
{
	port_log(why ? PORT_LOG_ERROR : PORT_LOG_INFO,
		 "dma: %s: %s %zu bytes at bus %#llx, device %#llx%s%s", name_of(region->owner),
		 why ? "can't declare" : "has declared", region->size, (ull)region->bus.value,
		 (ull)region->device.bus, why ? ": " : "", why ? why : "");
}

void dma_say_unreached(struct dma_device *dev, const struct dma_region *region)
{
	const struct dma_limits *limits = &dev->limits;

	if (dev->told)
		return;
	dev->told = true;
	port_log(PORT_LOG_WARNING,
		 "dma: %s: can't reach the %zu bytes of %s at %#llx, its %s ends at %#llx: it does "
		 "without",
		 dev->name, region->size, name_of(region->owner),
		 (ull)dma_region_span(dev, region).base,
		 limits->coherent_mask <= limits->bus_limit ? "coherent mask" : "way there",
		 (ull)dma_limits_reach(limits, limits->coherent_mask));
}

static void say_piece(const struct dma_region *region, const struct dma_piece *piece)
{
	const struct dma_system *sys = region->owner->sys;

	port_log(PORT_LOG_ERROR, "dma: %s: its memory is in use: %zu bytes at %#llx by %s",
		 region->owner->name, piece->size, (ull)(region->device.bus + piece->offset),
		 piece->device ? sys->device[piece->device - 1]->name : "who is gone");
}

bool dma_say_users_locked(const struct dma_device *owner)
{
	uint64_t n = 0;

	for (const struct dma_region *r = owner->sys->declared; r; r = r->next)
		for (const struct dma_piece *p = r->pieces; p && r->owner == owner; p = p->next)
			if (dma_worth_saying(++n))
				say_piece(r, p);
	return n > 0;
}

void dma_say_not_free(const struct dma_device *dev, dma_addr_t addr, size_t size)
{
	port_log(PORT_LOG_ERROR, "dma: %s: has no %zu free bytes at its address %#llx to occupy",
		 name_of(dev), size, (ull)addr.bus);
}
