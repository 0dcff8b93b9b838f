/*
 * Strict line texts: "prefix value" lines in a fixed order, each ended by
 * one LF, printable bytes only. Bundle messages, heads, indexes, reports and
 * approvals are such texts, and all of them are read by these functions, so
 * that they agree about what a line is. Errors begin with "line N: ".
 */
#ifndef SCHEMA_BASE_LINES_H
#define SCHEMA_BASE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/digest.h"
#include "schema/base/err.h"

struct lines {
	const char *next, *end;	/* what is left; belongs to the caller */
	const char *text;	/* the current line, without its LF */
	size_t len;
	unsigned n;		/* its number, from 1 */
	enum err_class class;	/* of every error made here */
};

#define LINES_INIT(text_, len_, class_) \
	{ .next = (text_), .end = (text_) + (len_), .class = (class_) }

/*
 * Moves to the next line: 1, or 0 at the end of the text, or -1 when the
 * last line has no LF or the line holds a control byte (CR and NUL too).
 */
int lines_next(struct lines *l, struct err *err);
/* True if there is a next line and it begins so. */
bool lines_begins(const struct lines *l, const char *prefix);
/* Sets "line N: ..." with the text's class. Returns -1. */
int lines_error(const struct lines *l, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Each of these reads one whole line that must be the prefix (with its
 * space) and then the value, nothing else. Outputs are untouched on failure.
 */

/* Exactly this line. */
int lines_literal(struct lines *l, const char *line, struct err *err);
/* A line that tells the version of the format: with another number there the
 * error says so, and what to do. */
int lines_format(struct lines *l, const char *prefix, const char *number,
		 struct err *err);
/* Any value but the empty one; it points into the text. */
int lines_value(struct lines *l, const char *prefix, const char **ret,
		size_t *ret_len, struct err *err);
/* Printable ASCII, not empty, at most size - 1 bytes; ret gets a NUL. */
int lines_ascii(struct lines *l, const char *prefix, char *ret, size_t size,
		struct err *err);
/* Exactly n lower-case hex digits; ret has room for n + 1. */
int lines_hex(struct lines *l, const char *prefix, size_t n, char *ret,
	      struct err *err);
int lines_u64(struct lines *l, const char *prefix, uint64_t min, uint64_t max,
	      uint64_t *ret, struct err *err);
/* 64 hex digits. */
int lines_sha256(struct lines *l, const char *prefix, struct sha256 *ret,
		 struct err *err);
/* "2026-11-23T10:00:00Z" */
int lines_time(struct lines *l, const char *prefix, int64_t *ret,
	       struct err *err);
/* There is no further line. */
int lines_end(struct lines *l, struct err *err);

#endif
