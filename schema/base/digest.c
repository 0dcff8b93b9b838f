/*
 * Digests by nettle, encodings by libsodium. See digest.h. libsodium has
 * SHA-256 too, but not by the instructions that processors have for it: a
 * push to a directory of ten thousand objects hashes some megabytes, and
 * nettle takes a fifth of the time.
 */
#include "config.h"
#include "schema/base/digest.h"

#include <nettle/version.h>
#include <string.h>

/* From nettle 4 on the size of a whole digest is not an argument. */
#if NETTLE_VERSION_MAJOR >= 4
#define digest_end(name, s, size, ret) name##_digest((s), (ret))
#else
#define digest_end(name, s, size, ret) name##_digest((s), (size), (ret))
#endif

void sha256_start(struct sha256_ctx *s)
{
	sha256_init(s);
}

void sha256_add(struct sha256_ctx *s, const void *data, size_t len)
{
	sha256_update(s, len, data);
}

void sha256_end(struct sha256_ctx *s, struct sha256 *ret)
{
	digest_end(sha256, s, SHA256_SIZE, ret->b);
}

void sha256_of(const void *data, size_t len, struct sha256 *ret)
{
	struct sha256_ctx s;

	sha256_start(&s);
	sha256_add(&s, data, len);
	sha256_end(&s, ret);
}

void sha1_start(struct sha1_ctx *s)
{
	sha1_init(s);
}

void sha1_add(struct sha1_ctx *s, const void *data, size_t len)
{
	sha1_update(s, len, data);
}

void sha1_end(struct sha1_ctx *s, uint8_t ret[SHA1_SIZE])
{
	digest_end(sha1, s, SHA1_SIZE, ret);
}

void sha256_hex(const struct sha256 *d, char ret_hex[SHA256_HEX_SIZE])
{
	sodium_bin2hex(ret_hex, SHA256_HEX_SIZE, d->b, SHA256_SIZE);
}

bool is_hex(const char *s, size_t len, size_t n)
{
	if (len != n)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!((s[i] >= '0' && s[i] <= '9') ||
		      (s[i] >= 'a' && s[i] <= 'f')))
			return false;
	return true;
}

int sha256_parse(const char *hex, size_t len, struct sha256 *ret)
{
	size_t got;

	if (!is_hex(hex, len, SHA256_SIZE * 2))
		return -1;
	return sodium_hex2bin(ret->b, SHA256_SIZE, hex, len, NULL, &got, NULL);
}

bool sha256_equal(const struct sha256 *a, const struct sha256 *b)
{
	return !memcmp(a->b, b->b, SHA256_SIZE);
}

void base64_encode(struct buf *out, const void *data, size_t len)
{
	size_t size = sodium_base64_ENCODED_LEN(
		len, sodium_base64_VARIANT_ORIGINAL);
	char *p = buf_reserve(out, size);

	if (!p)
		return;
	sodium_bin2base64(p, size, data, len, sodium_base64_VARIANT_ORIGINAL);
	buf_commit(out, size - 1);
}

/*
 * libsodium 1.0.18 takes the byte 0xaf for '/': its comparison of a negative
 * char overflows. So it is shown ASCII only.
 */
static bool is_base64_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		      (c >= '0' && c <= '9') || c == '+' || c == '/' ||
		      c == '='))
			return false;
	}
	return true;
}

int base64_decode(struct buf *out, const char *text, size_t len)
{
	size_t max = len / 4 * 3, got;
	char *p;

	if (len % 4 || !is_base64_text(text, len))
		return -1;
	p = buf_reserve(out, max);
	if (!p || sodium_base642bin((unsigned char *)p, max, text, len, NULL,
				    &got, NULL,
				    sodium_base64_VARIANT_ORIGINAL))
		return -1;
	buf_commit(out, got);
	return 0;
}
