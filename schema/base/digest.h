/*
 * Digests and the two text encodings of bytes. Every digest in windlass is
 * a SHA-256 in lower-case hex; Git's SHA-1 ids are names, never authority.
 */
#ifndef SCHEMA_BASE_DIGEST_H
#define SCHEMA_BASE_DIGEST_H

#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/buf.h"

#define SHA256_SIZE 32
#define SHA256_HEX_SIZE 65	/* with its NUL */
#define SHA1_SIZE 20

struct sha256 {
	uint8_t b[SHA256_SIZE];
};

void sha256_of(const void *data, size_t len, struct sha256 *ret);
/* The same of what comes in parts: start, add each, end. */
void sha256_start(struct sha256_ctx *s);
void sha256_add(struct sha256_ctx *s, const void *data, size_t len);
void sha256_end(struct sha256_ctx *s, struct sha256 *ret);
void sha256_hex(const struct sha256 *d, char ret_hex[SHA256_HEX_SIZE]);
/* Exactly 64 lower-case hex digits. 0 or -1. */
int sha256_parse(const char *hex, size_t len, struct sha256 *ret)
	__attribute__((warn_unused_result));
bool sha256_equal(const struct sha256 *a, const struct sha256 *b);

/*
 * SHA-1, for the checksums that files of Git's pack format end in, and for
 * the ids of objects that are made here. It finds no collisions: what
 * strangers choose the bytes of is libgit2's to name.
 */
void sha1_start(struct sha1_ctx *s);
void sha1_add(struct sha1_ctx *s, const void *data, size_t len);
void sha1_end(struct sha1_ctx *s, uint8_t ret[SHA1_SIZE]);

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
