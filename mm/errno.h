/* SPDX-License-Identifier: MIT */
/*
 * The error numbers that mm/, dma/, drivers/ and kernel/ return, negated.
 * The values are Linux's, so that a host's <errno.h> agrees.
 */
#ifndef MM_ERRNO_H
#define MM_ERRNO_H

#ifndef EIO
#define ENOENT	    2	/* what was named is not there */
#define EIO	    5	/* the device failed, or can't be served */
#define ENXIO	    6	/* no such device or address */
#define ENOMEM	    12	/* memory, slots or entries are used up */
#define EBUSY	    16	/* in use by somebody else */
#define ENODEV	    19	/* no such device */
#define EINVAL	    22	/* an argument that means nothing */
#define ENOSPC	    28	/* a fixed table is full */
#define ETIMEDOUT   110 /* the deadline passed */
#define EINPROGRESS 115 /* not yet: a callback will say */
#endif

#endif
