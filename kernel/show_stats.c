/* SPDX-License-Identifier: MIT */
/*
 * All counters as one line for a program to read:
 *
 *	stats: {"pool": {...}, "zones": {...}, "devices": {...}, "misuse": {...}}
 *
 *	pool      slots, used, high_water, largest_run: in slots of 2 KiB; mappings
 *	          bounced there; bytes_in, bytes_out; refused: {reason: times}; of all
 *	          mappings, bounced or not: bytes_direct, bytes_skipped (copies that
 *	          were avoided), size
 *	zones     by name: free, watermark: bytes; refused: {reason: times}
 *	devices   by name, those that have a driver: mappings, live, bounced,
 *	          transient, waited; lent: pieces of coherent memory and of
 *	          dma_alloc_for() that it has; bytes_in, bytes_out, bytes_direct,
 *	          bytes_skipped; slots, slots_high; gate_refused; size: {bytes, a
 *	          power of two: mappings of so much and less than twice}; failed:
 *	          {reason: times}
 *	misuse    kind: times
 *
 * What was never counted is left out of `refused`, `failed`, `size` and `misuse`;
 * reasons and kinds are in the words of page_refusal_name(), dma_failure_name()
 * and dma_misuse_name(). The other counters are those of struct swiotlb
 * and struct dma_counters.
 */
#include "kernel/show.h"

#include "drivers/device.h"
#include "kernel/machine.h"
#include "kernel/printf.h"

static const char *separator; /* what comes before the next key */

static void put(const char *key, uint64_t value)
{
	printf("%s\"%s\": %lu", separator, key, value);
	separator = ", ";
}

static void open(const char *key)
{
	printf("%s\"%s\": {", separator, key);
	separator = "";
}

static void close(void)
{
	printf("}");
	separator = ", ";
}

static void put_counts(const char *key, const uint64_t *count, unsigned kinds,
		       const char *(*name)(unsigned))
{
	open(key);
	for (unsigned i = 0; i < kinds; i++)
		if (count[i])
			put(name(i), count[i]);
	close();
}

static const char *size_name(unsigned n)
{
	static char text[12];

	snprintf(text, sizeof(text), "%lu", 1UL << n);
	return text;
}

static void put_pool(struct swiotlb *pool)
{
	struct dma_counters n;

	dma_count_all(&machine.dma, &n);
	open("pool");
	put("slots", pool->slots);
	put("used", dma_level_now(&pool->used));
	put("high_water", pool->used.high);
	put("largest_run", pool->slots ? swiotlb_largest_run(pool) : 0);
	put("mappings", n.bounced);
	put("bytes_in", n.bytes_in);
	put("bytes_out", n.bytes_out);
	put("bytes_direct", n.bytes_direct);
	put("bytes_skipped", n.bytes_skipped);
	put_counts("size", n.size, DMA_SIZES, size_name);
	put_counts("refused", pool->refused, DMA_FAILURES, dma_failure_name);
	close();
}

static void put_zones(struct zones *zones)
{
	open("zones");
	for (unsigned id = 0; id < ZONE_COUNT; id++) {
		open(zones->zone[id].name);
		put("free", pages_free_bytes(zones, id));
		put("watermark", id == ZONE_DMA ? zones->watermark << PAGE_SHIFT : 0);
		put_counts("refused", zones->zone[id].refused, REFUSED_KINDS, page_refusal_name);
		close();
	}
	close();
}

static void put_device(const struct device *dev)
{
	const struct dma_counters *n = &dev->dma.count;

	open(dev->name);
	put("mappings", dma_count_mappings(&dev->dma));
	put("live", n->live);
	put("bounced", n->bounced);
	put("transient", n->transient);
	put("waited", n->waited);
	put("lent", n->lent);
	put("bytes_in", n->bytes_in);
	put("bytes_out", n->bytes_out);
	put("bytes_direct", n->bytes_direct);
	put("bytes_skipped", n->bytes_skipped);
	put("slots", dma_level_now(&n->slots));
	put("slots_high", n->slots.high);
	put("gate_refused", n->refused);
	put_counts("size", n->size, DMA_SIZES, size_name);
	put_counts("failed", n->failed, DMA_FAILURES, dma_failure_name);
	close();
}

void show_stats(void)
{
	separator = "";
	printf("stats: {");
	put_pool(&machine.pool);
	put_zones(&machine.zones);
	open("devices");
	for (const struct device *dev = devices; dev; dev = dev->next)
		if (dev->driver)
			put_device(dev);
	close();
	put_counts("misuse", machine.dma.misuse, DMA_MISUSE_KINDS, dma_misuse_name);
	close();
	printf("\n");
}
