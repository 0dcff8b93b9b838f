/*
 * SHA-1, only for the checksums that files of Git's pack format end in. It
 * finds no collisions and is no authority for anything: ids of objects are
 * libgit2's to compute, and what windlass trusts is SHA-256.
 */
#ifndef SCHEMA_BASE_SHA1_H
#define SCHEMA_BASE_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define SHA1_SIZE 20

struct sha1 {
	uint32_t h[5];
	uint64_t len;		/* bytes so far */
	uint8_t block[64];
};

void sha1_init(struct sha1 *s);
void sha1_add(struct sha1 *s, const void *data, size_t len);
void sha1_end(struct sha1 *s, uint8_t ret[SHA1_SIZE]);

#endif
