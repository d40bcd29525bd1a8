/* SPDX-License-Identifier: MIT */
/*
 * Devices, drivers, and how they find each other: by a table.
 *
 * A device is named `<driver><n>` in bus order when it is bound. What a driver
 * offers beyond DMA (a copy engine, a disk, a network card) it hangs on the
 * device as an interface; who wants one asks device_find().
 */
#ifndef DRIVERS_DEVICE_H
#define DRIVERS_DEVICE_H

#include "dma/dma.h"

struct driver;
struct copy_engine;

struct device {
	char name[16];		     /* "edu0"; before binding its address on the bus */
	struct device *parent;	     /* a bridge; NULL on the root bus */
	struct device *next;	     /* in bus order */
	const struct driver *driver; /* NULL: nobody wants it */
	struct dma_device dma;
	void *priv;			  /* the driver's own */
	const struct copy_engine *engine; /* NULL: has none */
};

/* A device moves bytes between memory and itself: edu, LSI's SCRIPTS. */
struct copy_engine {
	size_t max_bytes; /* in one transfer */
	/*
	 * To the device's own memory (to_device) or from it, `len` bytes at `addr`,
	 * through the gate. Waits until it is done. 0, -ETIMEDOUT, -EINVAL (refused).
	 */
	int (*transfer)(struct device *dev, dma_addr_t addr, size_t len,
			enum dma_data_direction dir);
	/* The same with a number that no gate has seen: for probing and demonstration only. */
	int (*transfer_around_the_gate)(struct device *dev, uint64_t bus, size_t len,
					enum dma_data_direction dir);
	/* Called when a transfer around the gate was seen to go elsewhere. */
	void (*saw_clamp)(struct device *dev);
};

struct pci_device;

struct pci_id {
	uint16_t vendor, device;
};

struct driver {
	const char *name;
	const struct pci_id *ids;	  /* ends with {0, 0} */
	const char *const *options;	  /* names after the dot, NULL-terminated */
	int (*probe)(struct pci_device *); /* 0: bound */
	void (*remove)(struct pci_device *);
};

extern const struct driver *const drivers[]; /* NULL-terminated; in device.c, one line a driver */

/* Find the buses' devices, bind drivers. */
void devices_init(void);

/* Quiet all devices (remove each, children first): before exit, reboot, or a panic's end. */
void devices_shutdown(void);

/* In bus order. */
extern struct device *devices;
struct device *device_find(const char *name);
struct device *device_first(const char *driver); /* the first that this driver bound */

/* Where test and job buffers lie: place=high|low|shuffle|edge. */
enum place { PLACE_OPTION_HIGH, PLACE_OPTION_LOW, PLACE_OPTION_SHUFFLE, PLACE_OPTION_EDGE };
extern enum place place_option;

/* 2^order pages for a buffer of `dev`'s, as place_option says; `edge`: just below the claimed mask. */
phys_addr_t device_place_pages(struct device *dev, unsigned order);

#endif
