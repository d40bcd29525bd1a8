/* SPDX-License-Identifier: MIT */
/*
 * All counters as one line for a program to read:
 *
 *	stats: {"pool": {...}, "zones": {...}, "devices": {...}, "misuse": {...}}
 *
 *	pool      slots, used, high_water, largest_run: in slots of 2 KiB; mappings;
 *	          bytes_in, bytes_out; refused: {reason: times}
 *	zones     by name: free, watermark: bytes; refused: {reason: times}
 *	devices   by name, those that have a driver: mappings, live, bounced,
 *	          transient, waited; bytes_in, bytes_out, bytes_direct,
 *	          bytes_skipped; slots, slots_high; gate_refused; size: {bytes, a
 *	          power of two: mappings of so much and less than twice}; failed:
 *	          {reason: times}
 *	misuse    kind: times
 *
 * What was never counted is left out of `refused`, `failed`, `size` and `misuse`;
 * reasons and kinds are in the words of page_refusal_name(), dma_failure_name()
 * and dma_misuse_name(). The other counters are those of struct swiotlb_stats
 * and struct dma_counters.
 */
#ifndef KERNEL_STATS_H
#define KERNEL_STATS_H

void stats_print(void);

#endif
