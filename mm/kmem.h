/* SPDX-License-Identifier: MIT */
/*
 * Small objects: size classes on pages, O(1) both ways.
 *
 * A class is a list of pages that have room. A page begins with its header
 * (class, bitmap of what is free), found from any object in it by masking; so
 * kfree() needs no size, and nothing is kept in free memory that a late write
 * could break. Memory is poisoned when it is freed and zeroed when it is
 * allocated. What a device may write does not belong here: use the dma API.
 *
 * Any context, interrupts on or off.
 */
#ifndef MM_KMEM_H
#define MM_KMEM_H

#include "mm/pages.h"
#include "mm/port.h"

#define KMEM_MAX     2032 /* bytes; more is pages_alloc()'s business */
#define KMEM_CLASSES 8
#define KMEM_POISON  0xdb /* a pointer made of it faults */

struct kmem_page;

struct kmem {
	struct zones *zones;
	struct port_lock lock;
	/* under lock: */
	struct kmem_page *partial[KMEM_CLASSES]; /* pages with room, by class */
	size_t objects;				 /* allocated now */
	size_t pages;				 /* held now: an empty one goes back at once */
};

void kmem_init(struct kmem *kmem, struct zones *zones);

/* `size` zeroed bytes, aligned to 16; NULL for 0, above KMEM_MAX, or no memory. */
void *kmalloc(struct kmem *kmem, size_t size);

/*
 * NULL is fine. What isn't a live object of this kmem is a misuse, reported
 * through port_page_misuse() with the object's address, and without effect.
 */
void kfree(struct kmem *kmem, void *object);

#endif
