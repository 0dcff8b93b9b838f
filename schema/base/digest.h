/*
 * SHA-256 and the two text encodings of bytes. Every digest in windlass is
 * a SHA-256 in lower-case hex; Git's SHA-1 ids are names, never authority.
 */
#ifndef SCHEMA_BASE_DIGEST_H
#define SCHEMA_BASE_DIGEST_H

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/buf.h"

#define SHA256_SIZE 32
#define SHA256_HEX_SIZE 65	/* with its NUL */

struct sha256 {
	uint8_t b[SHA256_SIZE];
};

void sha256_of(const void *data, size_t len, struct sha256 *ret);
void sha256_hex(const struct sha256 *d, char ret_hex[SHA256_HEX_SIZE]);
/* Exactly 64 lower-case hex digits. 0 or -1. */
int sha256_parse(const char *hex, size_t len, struct sha256 *ret)
	__attribute__((warn_unused_result));
bool sha256_equal(const struct sha256 *a, const struct sha256 *b);

/* True if s is exactly n lower-case hex digits. */
bool is_hex(const char *s, size_t len, size_t n);

/* Standard base64 with padding, no line breaks. */
void base64_encode(struct buf *out, const void *data, size_t len);
/*
 * Strict: standard alphabet, padding, canonical, nothing else. Appends to
 * out. 0, or -1 when it is not base64 or does not fit.
 */
int base64_decode(struct buf *out, const char *text, size_t len)
	__attribute__((warn_unused_result));

#endif
