/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 (FIPS 180-4), fed in pieces of any size: what lets the host compare a
 * file that went through a device with its own. Pure; any context.
 */
#ifndef KERNEL_SHA256_H
#define KERNEL_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BLOCK 64			   /* bytes */
#define SHA256_SIZE  32			   /* bytes of a digest */
#define SHA256_TEXT  (2 * SHA256_SIZE + 1) /* its hexadecimal digits and the final 0 */

struct sha256 {
	uint32_t hash[8];
	uint64_t bytes;		     /* fed so far */
	uint8_t block[SHA256_BLOCK]; /* the first `bytes` modulo 64 of it wait for the rest */
};

void sha256_init(struct sha256 *sha);
void sha256_update(struct sha256 *sha, const void *data, size_t n);

/* The digest in hexadecimal. Afterwards *sha wants sha256_init() before it is used again. */
void sha256_final(struct sha256 *sha, char text[SHA256_TEXT]);

#endif
