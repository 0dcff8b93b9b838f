/*
 * SSH's data encoding (RFC 4251 section 5), as far as keys, signatures and
 * the agent need it: u8, u32 big endian, and strings of a u32 length and
 * that many bytes. A reader never looks beyond its end and fails for good at
 * the first fault, so that one check at the end of a read is enough.
 */
#ifndef SCHEMA_SSHWIRE_H
#define SCHEMA_SSHWIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/buf.h"

struct sshr {
	const uint8_t *p;
	size_t len;		/* what is left */
	bool bad;
};

#define SSHR_INIT(p_, len_) { .p = (p_), .len = (len_) }

uint8_t sshr_u8(struct sshr *r);	/* 0 when bad */
uint32_t sshr_u32(struct sshr *r);	/* 0 when bad */
/* n raw bytes; NULL when bad. */
const uint8_t *sshr_bytes(struct sshr *r, size_t n);
/* The bytes of a string, in place; an empty one when bad. */
struct sshr sshr_string(struct sshr *r);
/* A string of exactly these bytes, or false and the reader is bad. */
bool sshr_expect(struct sshr *r, const char *text);
/* A string of exactly n bytes; NULL when bad. */
const uint8_t *sshr_fixed(struct sshr *r, size_t n);
/* Nothing was bad and nothing is left. */
bool sshr_done(const struct sshr *r);

/* True if what is left is exactly this text. */
bool sshr_is(const struct sshr *r, const char *text);

void sshw_u32(struct buf *out, uint32_t v);
void sshw_string(struct buf *out, const void *data, size_t len);
void sshw_text(struct buf *out, const char *text);

#endif
