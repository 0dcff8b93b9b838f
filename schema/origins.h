/*
 * Origins: which line of the source an object came from (DESIGN.md 2.1). A
 * bundle has one such text for each kind of a namespace, with a line
 * "<name> <path>:<line>" for each object, sorted by name. It is inside the
 * signed bytes, so the hook, the engine and a person name the same place.
 */
#ifndef SCHEMA_ORIGINS_H
#define SCHEMA_ORIGINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/arena.h"
#include "schema/base/buf.h"
#include "schema/base/err.h"

struct origin {
	const char *name;	/* of the object: printable, no space */
	const char *path;	/* of the file; NULL in an edit: remove */
	uint32_t line;		/* from 1 */
};

struct origins {
	struct origin *v;	/* sorted by name */
	size_t n, alloc;
	struct arena arena;	/* holds the strings */
};

#define ORIGINS_INIT { 0 }

/*
 * A path that such a line can hold: UTF-8 without control characters, not
 * empty, at most LIMIT_PATH_BYTES.
 */
bool origin_path_ok(const char *path);

/* Strict; -1 with ERR_INVALID naming the line. */
int origins_parse(const char *text, size_t len, struct origins *ret,
		  struct err *err);
const struct origin *origins_find(const struct origins *o, const char *name);
void origins_release(struct origins *o);

/*
 * Appends the text of `old` (NULL: there was none) with edits applied. They
 * are sorted in place by name, each name at most once; strings are borrowed.
 */
void origins_edit(const struct origins *old, struct origin *edits, size_t n,
		  struct buf *out);

#endif
