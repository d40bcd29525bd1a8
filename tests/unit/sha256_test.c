/* SPDX-License-Identifier: MIT */
/*
 * SHA-256 against digests that are known: FIPS 180-4's examples, and lengths
 * around the two edges of the padding, made with coreutils' sha256sum.
 */
#include "kernel/jobs/sha256.h"

#include "kernel/string.h"
#include "tests/ktest.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *digest(const void *data, size_t n)
{
	static char text[SHA256_TEXT];
	struct sha256 sha;

	sha256_init(&sha);
	sha256_update(&sha, data, n);
	sha256_final(&sha, text);
	return text;
}

#define EXPECT_DIGEST(t, data, n, want) EXPECT(t, strcmp(digest(data, n), want) == 0)

static void known_texts(struct ktest *t)
{
	static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

	EXPECT_DIGEST(t, "", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	EXPECT_DIGEST(t, "abc", 3,
		      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	EXPECT_DIGEST(t, two_blocks, strlen(two_blocks),
		      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* So many letters 'a'. */
static const struct {
	size_t length;
	const char *digest;
} lengths[] = {
	{55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
	{56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
	{63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
	{64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
	{65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"},
	{119, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"},
	{120, "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c"},
	{1000, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"},
};

static void padding_edges(struct ktest *t)
{
	char text[1000];

	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < COUNT(lengths); i++)
		EXPECT_DIGEST(t, text, lengths[i].length, lengths[i].digest);
}

static void a_million_letters(struct ktest *t)
{
	char text[SHA256_TEXT], piece[1000];
	struct sha256 sha;

	memset(piece, 'a', sizeof(piece));
	sha256_init(&sha);
	for (unsigned i = 0; i < 1000; i++)
		sha256_update(&sha, piece, sizeof(piece));
	sha256_final(&sha, text);
	EXPECT(t, strcmp(text, "cdc76e5c9914fb9281a1c7e284d73e67"
			       "f1809a48a497200e046d39ccc7112cd0") == 0);
}

/* However a text is cut into pieces, none of them included, its digest is the same. */
static void pieces_of_any_size(struct ktest *t)
{
	char text[SHA256_TEXT], whole[SHA256_TEXT];
	uint8_t data[1000];
	struct sha256 sha;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = ktest_random(t, 256);
	memcpy(whole, digest(data, sizeof(data)), sizeof(whole));
	for (unsigned round = 0; round < 50; round++) {
		uint64_t longest = 1 + ktest_random(t, 200);

		sha256_init(&sha);
		for (size_t done = 0, n; done < sizeof(data); done += n) {
			n = ktest_random(t, longest + 1);
			if (n > sizeof(data) - done)
				n = sizeof(data) - done;
			sha256_update(&sha, data + done, n);
		}
		sha256_final(&sha, text);
		EXPECT(t, strcmp(text, whole) == 0);
	}
}

static const struct ktest_case cases[] = {
	{"known_texts", known_texts},
	{"padding_edges", padding_edges},
	{"a_million_letters", a_million_letters},
	{"pieces_of_any_size", pieces_of_any_size},
	{NULL, NULL},
};

extern const struct ktest_suite sha256_suite;
const struct ktest_suite sha256_suite = {"sha256", NULL, NULL, cases};
