/* SPDX-License-Identifier: MIT */
#include "kernel/jobs/sha256.h"

#include "kernel/string.h"

/* FIPS 180-4, section 4.2.2: the fractions of the cube roots of the first 64 primes. */
static const uint32_t K[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static uint32_t rotr(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

/* Section 6.2.2, step 1. */
static void schedule(uint32_t w[64], const uint8_t *block)
{
	for (unsigned t = 0; t < 16; t++, block += 4)
		w[t] = (uint32_t)block[0] << 24 | block[1] << 16 | block[2] << 8 | block[3];
	for (unsigned t = 16; t < 64; t++) {
		uint32_t s0 = rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
		uint32_t s1 = rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ w[t - 2] >> 10;

		w[t] = s1 + w[t - 7] + s0 + w[t - 16];
	}
}

/* Section 6.2.2, steps 2 to 4, in its own names. */
static void compress(uint32_t hash[8], const uint8_t *block)
{
	uint32_t a = hash[0], b = hash[1], c = hash[2], d = hash[3];
	uint32_t e = hash[4], f = hash[5], g = hash[6], h = hash[7], w[64];

	schedule(w, block);
	for (unsigned t = 0; t < 64; t++) {
		uint32_t sum1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25);
		uint32_t t1 = h + sum1 + ((e & f) ^ (~e & g)) + K[t] + w[t];
		uint32_t sum0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22);
		uint32_t t2 = sum0 + ((a & b) ^ (a & c) ^ (b & c));

		h = g, g = f, f = e, e = d + t1;
		d = c, c = b, b = a, a = t1 + t2;
	}
	hash[0] += a, hash[1] += b, hash[2] += c, hash[3] += d;
	hash[4] += e, hash[5] += f, hash[6] += g, hash[7] += h;
}

void sha256_init(struct sha256 *sha)
{
	/* Section 5.3.3: the fractions of the square roots of the first 8 primes. */
	static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

	memcpy(sha->hash, initial, sizeof(initial));
	sha->bytes = 0;
}

void sha256_update(struct sha256 *sha, const void *data, size_t n)
{
	const uint8_t *from = data;

	while (n) {
		size_t have = sha->bytes % SHA256_BLOCK;
		size_t take = SHA256_BLOCK - have < n ? SHA256_BLOCK - have : n;

		memcpy(sha->block + have, from, take);
		if (have + take == SHA256_BLOCK)
			compress(sha->hash, sha->block);
		sha->bytes += take;
		from += take;
		n -= take;
	}
}

/* Section 5.1.1: a one, zeroes, and the length in bits as the last 64. */
static void pad(struct sha256 *sha)
{
	static const uint8_t one_and_zeroes[SHA256_BLOCK] = {0x80};
	uint64_t bits = sha->bytes * 8;
	size_t have = sha->bytes % SHA256_BLOCK;
	uint8_t length[8];

	for (unsigned i = 0; i < 8; i++)
		length[i] = bits >> (56 - 8 * i);
	sha256_update(sha, one_and_zeroes, have < 56 ? 56 - have : 120 - have);
	sha256_update(sha, length, sizeof(length));
}

void sha256_final(struct sha256 *sha, char text[SHA256_TEXT])
{
	static const char digits[] = "0123456789abcdef";

	pad(sha);
	for (unsigned i = 0; i < 2 * SHA256_SIZE; i++)
		text[i] = digits[sha->hash[i / 8] >> (28 - 4 * (i % 8)) & 0xf];
	text[2 * SHA256_SIZE] = 0;
}
