/* SPDX-License-Identifier: MIT */
/* How the machine stands, for a person at the console: the shell's commands of these names. */
#ifndef KERNEL_SHOW_H
#define KERNEL_SHOW_H

#include "mm/types.h"

void show_mem(void);
void show_zones(void);
void show_devices(void);
void show_swiotlb(void); /* in show_dma.c: */
void show_device_memory(void);
void show_dma(void);
void show_stats(void); /* in show_stats.c, which documents the keys */

/*
 * A line of what happened how often, "3 exhausted, 1 fragmented", behind the
 * words `before`. False, and not a word, where nothing did.
 */
bool show_counts(const char *before, const uint64_t *count, unsigned kinds,
		 const char *(*name)(unsigned kind));

#endif
