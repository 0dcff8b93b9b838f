/*
 * SHA-1 as in FIPS 180-4. See sha1.h. libsodium has none, and libgit2 keeps
 * its own to itself.
 */
#include "config.h"
#include "schema/base/sha1.h"

#include <string.h>

static uint32_t rotate(uint32_t v, int n)
{
	return v << n | v >> (32 - n);
}

static uint32_t load(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static void store(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* One round; the caller names the five words in a new order each time. */
#define ROUND(a, b, c, d, e, f, k, w) do { \
	(e) += rotate((a), 5) + (f) + (k) + (w); \
	(b) = rotate((b), 30); \
} while (0)

/* Five rounds bring the words back to their names. */
#define ROUNDS(f, k, w) do { \
	ROUND(a, b, c, d, e, f(b, c, d), (k), (w)[0]); \
	ROUND(e, a, b, c, d, f(a, b, c), (k), (w)[1]); \
	ROUND(d, e, a, b, c, f(e, a, b), (k), (w)[2]); \
	ROUND(c, d, e, a, b, f(d, e, a), (k), (w)[3]); \
	ROUND(b, c, d, e, a, f(c, d, e), (k), (w)[4]); \
} while (0)

#define CHOOSE(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define PARITY(x, y, z) ((x) ^ (y) ^ (z))
#define MAJORITY(x, y, z) (((x) & (y)) | ((z) & ((x) | (y))))

static void add_block(uint32_t h[5], const uint8_t *p)
{
	uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], w[80];

	for (int i = 0; i < 16; i++)
		w[i] = load(p + 4 * i);
	for (int i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (int i = 0; i < 20; i += 5)
		ROUNDS(CHOOSE, 0x5a827999, w + i);
	for (int i = 20; i < 40; i += 5)
		ROUNDS(PARITY, 0x6ed9eba1, w + i);
	for (int i = 40; i < 60; i += 5)
		ROUNDS(MAJORITY, 0x8f1bbcdc, w + i);
	for (int i = 60; i < 80; i += 5)
		ROUNDS(PARITY, 0xca62c1d6, w + i);
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

void sha1_init(struct sha1 *s)
{
	*s = (struct sha1){ .h = { 0x67452301, 0xefcdab89, 0x98badcfe,
				   0x10325476, 0xc3d2e1f0 } };
}

void sha1_add(struct sha1 *s, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len) {
		size_t at = s->len % 64, n = 64 - at;

		if (at == 0 && len >= 64) {
			add_block(s->h, p);
			n = 64;
		} else {
			n = n < len ? n : len;
			memcpy(s->block + at, p, n);
			if (at + n == 64)
				add_block(s->h, s->block);
		}
		s->len += n;
		p += n;
		len -= n;
	}
}

void sha1_end(struct sha1 *s, uint8_t ret[SHA1_SIZE])
{
	static const uint8_t pad[64] = { 0x80 };
	uint64_t bits = s->len * 8;
	uint8_t tail[8];

	sha1_add(s, pad, 1 + (119 - s->len % 64) % 64);
	store(tail, (uint32_t)(bits >> 32));
	store(tail + 4, (uint32_t)bits);
	sha1_add(s, tail, 8);
	for (int i = 0; i < 5; i++)
		store(ret + 4 * i, s->h[i]);
}
