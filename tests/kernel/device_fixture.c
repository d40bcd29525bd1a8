/* SPDX-License-Identifier: MIT */
#include "tests/kernel/device_fixture.h"

#include "kernel/machine.h"
#include "kernel/mmu.h"

/* A page that a dma_pool or the kmem caches keep isn't lost. */
static uint64_t free_bytes(void)
{
	return pages_free_bytes(&machine.zones, ZONE_DMA) +
	       pages_free_bytes(&machine.zones, ZONE_NORMAL) + machine.kmem.pages * PAGE_SIZE +
	       machine.dma.lent.count * PAGE_SIZE;
}

static uint64_t misuse_so_far(void)
{
	uint64_t sum = 0;

	for (unsigned kind = 0; kind < DMA_MISUSE_KINDS; kind++)
		sum += machine.dma.misuse[kind];
	return sum;
}

static void free_buffers(struct device_fixture *f)
{
	for (unsigned i = 0; i < 2; i++)
		if (f->buf[i])
			pages_free(&machine.zones, f->page[i], f->order);
}

void device_fixture_begin(struct ktest *t, struct device_fixture *f, struct device *dev,
			  unsigned order)
{
	*f = (struct device_fixture){.dev = dev,
				     .timeout_ns = dev->timeout_ns,
				     .free_bytes = free_bytes(),
				     .misuse = misuse_so_far(),
				     .order = order};
	for (unsigned i = 0; i < 2; i++) {
		f->page[i] = device_place_pages(dev, order);
		if (phys_is_none(f->page[i]))
			ktest_skip(t, "no memory for buffers");
		else
			f->buf[i] = phys_to_virt(f->page[i]);
	}
	if (t->skip[0])
		free_buffers(f);
}

void device_fixture_recount(struct device_fixture *f)
{
	f->free_bytes = free_bytes() + 2 * (PAGE_SIZE << f->order);
}

void device_fixture_end(struct ktest *t, struct device_fixture *f)
{
	if (!f->dev)
		return;
	free_buffers(f);
	f->dev->timeout_ns = f->timeout_ns;
	for (struct device *dev = devices; dev; dev = dev->next)
		EXPECT_EQ(t, dev->dma.count.live, 0);
	EXPECT_EQ(t, dma_level_now(&machine.pool.used), 0);
	EXPECT_EQ(t, free_bytes(), f->free_bytes);
	EXPECT_EQ(t, misuse_so_far(), f->misuse);
}

void device_fixture_say_clamps(void)
{
	static uint64_t said;

	if (device_clamps() != said)
		ktest_say("clamps %llu", (unsigned long long)device_clamps());
	said = device_clamps();
}
