/*
 * Asking for the heads of many channels at once, so that an engine that has a
 * thousand of one Git host waits with one request for all (`windlass-hook
 * serve`, POST <url>/heads). The question names what the asker has:
 *
 *   windlass-heads 1
 *   <channel> <SHA-256 of its head file, 64 hex | none>
 *   ...
 *
 * sorted by the bytes of the channel, none twice. The answer has what is
 * another one, in the same order, and nothing of the rest:
 *
 *   windlass-heads 1
 *   head <channel> <bytes>         and then so many bytes, as they are
 *   none <channel>                 there is no such head
 *   ...
 *
 * Neither is signed: a head is judged by itself, whoever it came from.
 */
#ifndef SCHEMA_HEADS_H
#define SCHEMA_HEADS_H

#include <stdbool.h>

#include "schema/base/buf.h"
#include "schema/base/digest.h"
#include "schema/base/lines.h"
#include "schema/limits.h"

/* The header by which a server says that it can be asked so, and its value. */
#define HEADS_HEADER "Windlass-Heads"
#define HEADS_VERSION "1"
/* Where, below the URL of its channels. */
#define HEADS_PATH "heads"

/* ---- the question ---- */

struct heads_line {
	char channel[LIMIT_CHANNEL_BYTES + 1];
	bool has;
	struct sha256 known;		/* if it has one */
};

void heads_ask_begin(struct buf *out);
/* known: NULL if there is none. In the order of their names. */
void heads_ask_add(struct buf *out, const char *channel,
		   const struct sha256 *known);

/* Reads the first line of one. ERR_INVALID. */
int heads_ask_open(struct lines *ret, const char *text, size_t len,
		   struct err *err);
/* 1 with the next line, 0 at the end, -1 with ERR_INVALID. *ret is what was
 * read before, or zeroed: the order is looked at. */
int heads_ask_next(struct lines *l, struct heads_line *ret, struct err *err);

/* ---- the answer ---- */

void heads_answer_begin(struct buf *out);
void heads_answer_head(struct buf *out, const char *channel, const void *head,
		       size_t len);
void heads_answer_none(struct buf *out, const char *channel);

struct heads_reader {
	const char *next, *end;
};

struct heads_item {
	char channel[LIMIT_CHANNEL_BYTES + 1];
	const char *head;		/* in the text; NULL: none is there */
	size_t len;
};

/* ERR_TRANSIENT: it is a server's fault, and may be another one's next time. */
int heads_answer_open(struct heads_reader *ret, const char *text, size_t len,
		      struct err *err);
/* 1, 0 at the end, -1. As of the question, for the order. */
int heads_answer_next(struct heads_reader *r, struct heads_item *ret,
		      struct err *err);

#endif
