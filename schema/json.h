/*
 * JSON: reading any, writing ours.
 *
 * Reading is by jansson, strictly: UTF-8, no duplicate keys, no trailing
 * bytes, bounded depth and size. Our own walk over the accepted text adds
 * what jansson does not keep: where each value stands, and numbers as
 * Kubernetes holds them (int64, else float64; jansson refuses larger
 * integers). jansson appears in no header.
 */
#ifndef SCHEMA_JSON_H
#define SCHEMA_JSON_H

#include "schema/base/arena.h"
#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/node.h"

/*
 * Reads exactly one value. -1 with ERR_INVALID "line L column C: ...".
 * The tree is in the arena; the text is not needed afterwards.
 */
int json_read(const char *text, size_t len, struct arena *a,
	      struct node **ret, struct err *err);

/* As json_read, of a text that may have so many levels more than an object. */
int json_read_around(const char *text, size_t len, size_t levels,
		     struct arena *a, struct node **ret, struct err *err);

/*
 * Reads the first value of a text in which more may follow (a watch, a JSON
 * stream of manifests). `from` is the mark of text[0]. *ret_used counts the
 * bytes read and *ret_mark is where the rest begins.
 */
int json_read_first(const char *text, size_t len, struct mark from,
		    struct arena *a, struct node **ret, size_t *ret_used,
		    struct mark *ret_mark, struct err *err);

/* What kind of fault made json_read_part refuse a text. */
enum json_fault {
	JSON_FAULT_SYNTAX,
	JSON_FAULT_DUPLICATE,	/* a key stands twice in one map */
	JSON_FAULT_NUMBER,	/* beyond float64 */
	JSON_FAULT_LIMIT,	/* too deep, or too many values */
};

struct json_part {
	/* in: the text, the mark of its first byte, and limits of values and
	   of levels (0: LIMIT_DEPTH) */
	const char *text;
	size_t len;
	struct mark from;
	size_t max_nodes;
	size_t max_depth;

	/* out: bytes read, and the mark of what follows; on failure the
	   place of the fault, and its kind */
	size_t used;
	struct mark mark;
	enum json_fault fault;
};

/*
 * As json_read_first, for who reports faults by place and kind; the error's
 * message then names no place.
 */
int json_read_part(struct json_part *part, struct arena *a, struct node **ret,
		   struct err *err);

/*
 * The canonical form of DESIGN.md 2.2: UTF-8, keys sorted by bytes, two
 * spaces a level, one key or item a line, LF, final LF; empty maps and lists
 * as {} and []. Escapes are those that the API server's YAML reader takes.
 * Read and written again it is the same text, so -0 is written as 0.
 */
void json_write_canonical(const struct node *n, struct buf *out);

/* No less than the bytes of that, without a look at what the texts say. */
size_t json_canonical_most(const struct node *n);

/* The same value on one line, keys sorted, no spaces, no final LF. */
void json_write_compact(const struct node *n, struct buf *out);

/* A quoted JSON string, escaped as above. */
void json_write_string(const char *s, size_t len, struct buf *out);

/* A float64 as Go's encoding/json prints it: shortest, 1e21, 1e-7. */
void json_write_float(double v, struct buf *out);

#endif
