/* SPDX-License-Identifier: MIT */
/*
 * Mappings that could not be made, and why. What the pool looks like and who
 * has it is found out only for a line that is printed.
 */
#include "dma/bounce.h"
#include "dma/port.h"

#define HOLDERS 3 /* named in the line */

struct holder {
	const char *name;
	uint64_t slots;
};

static void enter(struct holder top[HOLDERS], const struct dma_device *dev)
{
	struct holder one = {dev->name, dma_level_now(&dev->count.slots)};

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

struct text {
	char at[96];
	size_t length;
};

static void append(struct text *text, const char *s)
{
	while (*s && text->length < sizeof(text->at) - 1)
		text->at[text->length++] = *s++;
	text->at[text->length] = 0;
}

static void append_number(struct text *text, uint64_t n)
{
	char digits[21], *first = digits + sizeof(digits) - 1;

	*first = 0;
	do
		*--first = (char)('0' + n % 10);
	while (n /= 10);
	append(text, first);
}

/* ": edu0 120, nvme0 3"; nothing where nobody has any. */
static void append_holders(struct text *text, struct dma_system *sys)
{
	struct holder top[HOLDERS] = {{0}};

	find_holders(sys, top);
	for (unsigned i = 0; i < HOLDERS && top[i].slots; i++) {
		append(text, i ? ", " : ": ");
		append(text, top[i].name);
		append(text, " ");
		append_number(text, top[i].slots);
	}
}

static __attribute__((noinline)) void say(struct dma_device *dev, phys_addr_t addr, size_t len,
					  enum dma_failure why)
{
	struct swiotlb *pool = dev->sys->pool;
	struct text holders = {.length = 0};

	append_holders(&holders, dev->sys);
	port_log(PORT_LOG_WARNING,
		 "dma: %s: can't map %zu bytes at %#llx: %s (swiotlb: largest free run %zu, %zu of "
		 "%zu slots in use%s)",
		 dev->name, len, (unsigned long long)addr.value, dma_failure_name(why),
		 swiotlb_largest_run(pool), (size_t)dma_level_now(&pool->used), pool->slots,
		 holders.at);
}

void dma_fail(struct dma_device *dev, phys_addr_t addr, size_t len, enum dma_failure why,
	      unsigned attrs)
{
	uint64_t nth = __atomic_add_fetch(&dev->count.failed[why], 1, __ATOMIC_RELAXED);

	dev->last_failure = why;
	if (!(attrs & DMA_ATTR_NO_WARN) && dma_worth_saying(nth))
		say(dev, addr, len, why);
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
