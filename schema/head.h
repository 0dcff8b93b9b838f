/*
 * The head: the short, signed, fresh statement of which bundle is current
 * (DESIGN.md 2.5). One field a line, fixed order, ASCII, at most
 * LIMIT_HEAD_BYTES with its signature.
 */
#ifndef SCHEMA_HEAD_H
#define SCHEMA_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/bundle.h"

#define HEAD_NAMESPACE "head-v1@windlass.dev"

/* A published file: its digest is its name, its length is known before. */
struct pack_ref {
	struct sha256 digest;
	uint64_t bytes;
};

struct head {
	char channel[LIMIT_CHANNEL_BYTES + 1];
	char channel_id[CHANNEL_ID_SIZE];
	uint64_t epoch, sequence;
	char bundle[GIT_HEX_SIZE];
	struct sha256 content;
	int64_t issued, expires;
	struct pack_ref index;
	bool has_delta;
	char delta_from[GIT_HEX_SIZE];
	struct pack_ref delta;
	bool has_approvals;
	struct pack_ref approvals;
};

/* Do both name the same approvals, or none? */
bool head_same_approvals(const struct head *a, const struct head *b);

/* The signed text, up to and including its last LF; no signature. */
void head_write(const struct head *h, struct buf *out);
/*
 * Splits a head file at its first armour line: the text and the armour as
 * offsets into data. Does no more than find the frame, so that nothing else
 * is parsed before the signature is known to be good. ERR_DENIED.
 */
int head_split(const char *data, size_t len, size_t *ret_text_len,
	       struct err *err);
/*
 * Reads the signed text, strictly, its life (LIMIT_HEAD_LIFE) included; what
 * the clock says about it is the caller's. ERR_DENIED naming the line.
 */
int head_parse(const char *text, size_t len, struct head *ret,
	       struct err *err);

/*
 * "sha256:<64 hex> <bytes>" as it ends a line of a head or an index; bytes
 * is from 1 to max. Errors name the current line of l.
 */
int pack_ref_parse(const struct lines *l, const char *text, size_t len,
		   uint64_t max, struct pack_ref *ret, struct err *err);

#endif
