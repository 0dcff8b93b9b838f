/*
 * A growing byte buffer that cannot exist without a maximum. Going past it
 * sets a sticky flag and drops what was added; check once, at the end, with
 * buf_ok() or buf_check(). data is always NUL-terminated (and "" when empty),
 * len does not count that NUL.
 */
#ifndef SCHEMA_BASE_BUF_H
#define SCHEMA_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "schema/base/err.h"

struct buf {
	char *data;
	size_t len;
	size_t alloc;
	size_t max;	/* bytes, without the NUL */
	bool toobig;
};

extern char buf_empty[];
#define BUF_INIT(limit) { .data = buf_empty, .max = (limit) }

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);	/* frees; ready for use again */
void buf_reset(struct buf *b);		/* empties; keeps memory and max */

static inline void buf_add(struct buf *b, const void *data, size_t len);
static inline void buf_addc(struct buf *b, char c);
static inline void buf_adds(struct buf *b, const char *s);
void buf_addf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* A word that sh reads as exactly s: always in quotes, or if it needs some. */
void buf_add_quoted(struct buf *b, const char *s);
void buf_add_word(struct buf *b, const char *s);
/* Text of strangers for a terminal or a log: the bytes of what is no UTF-8
 * or not printable (utf8.h) become \xNN. */
void buf_add_scrubbed(struct buf *b, const char *s, size_t len);

/* Room for n more bytes, to be filled by the caller; NULL past the maximum. */
char *buf_reserve(struct buf *b, size_t n);
/* Says that n of the reserved bytes were filled. */
void buf_commit(struct buf *b, size_t n);
void buf_truncate(struct buf *b, size_t len);

static inline bool buf_ok(const struct buf *b)
{
	return !b->toobig;
}
/* 0, or -1 with ERR_INVALID "<what> is larger than <max> bytes". */
int buf_check(const struct buf *b, const char *what, struct err *err);
/* Hands the bytes to the caller (free with free()); the buffer is empty. */
char *buf_detach(struct buf *b, size_t *ret_len);
/* Wipes before freeing, for key material. */
void buf_wipe(struct buf *b);

/* ---- inline: texts grow by a few bytes at a time ---- */

/* Where there is no room for them yet. */
void buf_add_growing(struct buf *b, const void *data, size_t len);

static inline void buf_add(struct buf *b, const void *data, size_t len)
{
	/* room never goes beyond max */
	if (b->toobig || len >= b->alloc - b->len) {
		buf_add_growing(b, data, len);
		return;
	}
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

static inline void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

static inline void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

#endif
