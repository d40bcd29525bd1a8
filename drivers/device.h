/* SPDX-License-Identifier: MIT */
/*
 * Devices, drivers, and how they find each other: by a table.
 *
 * A device is named `<driver><n>` in bus order when it is bound; n counts what
 * the driver's ids match, so that one that can't be bound renames no other.
 * What a driver offers beyond DMA (a copy engine, a disk, a network card) it
 * hangs on the device as an interface; who wants one asks device_find(), and
 * calls device_prepare() before the first use.
 *
 * All of it by one thread, with interrupts on; only drivers' interrupt handlers
 * run beside it.
 */
#ifndef DRIVERS_DEVICE_H
#define DRIVERS_DEVICE_H

#include "dma/dma.h"

struct driver;
struct copy_engine;

/* How many address bits a device was seen to drive. 0: not probed. */
struct reach {
	unsigned bits;
	bool exact; /* false: at least that many; the RAM there is can't tell more */
};

struct device {
	char name[16];		     /* "edu0"; before binding its address on the bus */
	struct device *parent;	     /* a bridge; NULL on the root bus */
	struct device *next, *prev;  /* in bus order */
	const struct driver *driver; /* NULL: nobody wants it */
	struct dma_device dma;
	void *priv;			  /* the driver's own */
	const struct copy_engine *engine; /* NULL: has none */
	uint64_t timeout_ns;		  /* longest wait for one operation; tests shorten it */
	bool prepared;			  /* device_prepare() was done */
	bool direct;			  /* the main job may show what happens without a mapping */
	unsigned mask;			  /* bits to claim; 0: as many as it has */
	bool probe;			  /* see how many that are */
	struct reach reach;
	uint64_t clamps; /* transfers that the host was told went elsewhere, all made on purpose */
};

/* A device moves bytes between memory and itself: edu, LSI's SCRIPTS. */
struct copy_engine {
	size_t max_bytes; /* in one transfer */
	/*
	 * To the device's own memory (to_device) or from it, `len` bytes at `addr`,
	 * through the gate. Waits until it is done. 0, -EINVAL (no such length or
	 * direction, or refused: nothing was started), -EBUSY (an earlier transfer
	 * that timed out still runs), -ETIMEDOUT (said in a line).
	 */
	int (*transfer)(struct device *dev, dma_addr_t addr, size_t len,
			enum dma_data_direction dir);
	/* The same with a number that no gate has seen: for probing and demonstration only. */
	int (*transfer_around_the_gate)(struct device *dev, uint64_t bus, size_t len,
					enum dma_data_direction dir);
	bool tells; /* the host is told of each transfer that goes elsewhere: dev->clamps counts */
};

struct pci_device;

struct pci_id {
	uint16_t vendor, device;
};

struct driver {
	const char *name;
	const struct pci_id *ids;	   /* ends with {0, 0} */
	const char *const *options;	   /* names after the dot, NULL-terminated */
	int (*probe)(struct pci_device *); /* 0: bound; starts no transfer */
	int (*prepare)(struct device *);   /* before the first use; may be NULL */
	void (*remove)(struct pci_device *);
};

/* In the order of binding, NULL-terminated; in device.c, one line a driver. */
extern const struct driver *const drivers[];
extern const struct driver edu_driver, ivshmem_driver, lsi_driver, nvme_driver;

/* Find the buses' devices, bind drivers. */
void devices_init(void);

/*
 * Quiet all devices, in the opposite order of binding: before exit and reboot,
 * not from a panic.
 */
void devices_shutdown(void);

/* In bus order. */
extern struct device *devices;
struct device *device_find(const char *name);
struct device *device_first(const char *driver); /* the first that this driver bound */

/*
 * What a driver puts off until the device is used, because it takes time or
 * transfers: edu probes its reach here and claims its mask. Once; later calls
 * return 0 at once. Until then the device's masks are 24 bits. 0, or an error
 * that was said in a line; then the next call tries again.
 */
int device_prepare(struct device *dev);

/* All devices' clamps. */
uint64_t device_clamps(void);

/* `<device>.<name>`, else `<driver>.<name>`, read as kernel/cmdline.h does. */
uint64_t device_option_number(const struct device *dev, const char *name, uint64_t fallback,
			      uint64_t min, uint64_t max);
int device_option_choice(const struct device *dev, const char *name, int fallback,
			 const char *const *names);
bool device_option_flag(const struct device *dev, const char *name, bool fallback);

/* Where test and job buffers lie: place=high|low|shuffle|edge. */
enum place { PLACE_OPTION_HIGH, PLACE_OPTION_LOW, PLACE_OPTION_SHUFFLE, PLACE_OPTION_EDGE };
extern enum place place_option;

/*
 * 2^order pages for a buffer of `dev`'s, as place_option says; `edge`: just
 * below the claimed streaming mask. PHYS_NONE. Freed with pages_free().
 */
phys_addr_t device_place_pages(struct device *dev, unsigned order);

#endif
