/* SPDX-License-Identifier: MIT */
/*
 * The reach probe: how many address bits a copy engine really drives, where
 * neither the device nor its data sheet can be asked.
 *
 * For each bit k from 24 on the device reads 2^k + off, where `off` is a page
 * of ours under 16 MiB that holds a random marker, and 2^k + off is RAM of
 * whomever. A device that drops bit k reads the marker; one that doesn't reads
 * what the CPU sees up there. Whatever the mask, a read ends at one of the two:
 * nothing but RAM is touched. What was read is written back to a page of ours
 * under 16 MiB; first of all the device must show that it reaches that one.
 * Bits are dropped from some bit on upwards: the first that is ends it.
 *
 * A bit k with no RAM at 2^k + off (a hole, the end of memory) can't be told;
 * what is not proven is not claimed. For a bus whose addresses are the CPU's.
 */
#ifndef DRIVERS_REACH_H
#define DRIVERS_REACH_H

#include "drivers/device.h"

/*
 * At binding: `<dev>.mask`, `<dev>.probe` and `<dev>.direct`, so that a malformed
 * one is named also where the device is never used. A mask has up to `most` bits: as
 * many as the registers.
 */
void reach_read_options(struct device *dev, unsigned most);

/*
 * Before the first use: probe unless told not to, and claim both masks as wide
 * as was seen, or as is asked for if that is less; what isn't probed is trusted
 * to be of so many bits.
 *
 * Two transfers a bit, all around the gate; at most one bit's goes elsewhere,
 * which dev->clamps counts. `dev` has an engine. 0; -EIO: fewer
 * than 24 bits; -EBUSY, -EINVAL: the page for it is not to be had; or the
 * engine's error. Each was said in a line, and nothing is claimed.
 */
int reach_claim(struct device *dev, unsigned trusted);

#endif
