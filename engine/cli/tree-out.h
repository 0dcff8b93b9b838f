/*
 * A bundle's tree as files (DESIGN.md 2.1): objects, origins, SHA256SUMS.
 */
#ifndef ENGINE_CLI_TREE_OUT_H
#define ENGINE_CLI_TREE_OUT_H

#include <stddef.h>
#include <stdint.h>

#include "schema/base/buf.h"
#include "schema/base/digest.h"
#include "schema/base/err.h"
#include "schema/object.h"

/* One object as it is signed. */
struct rendered {
	char *path;		/* in the bundle */
	char *bytes;
	size_t len;
	struct object object;	/* its identity and place; no tree */
};

/* Those of a review, each as it comes. */
struct renderings {
	struct rendered *v;
	size_t n, alloc;
};

/* A review's `take`: arg is struct renderings, whose strings live as long as
 * the review. */
void renderings_take(void *arg, const struct object *o, const char *path,
		     const struct buf *bytes);
/* Wipes them: there may be Secrets. */
void renderings_release(struct renderings *r);

/* By the bytes of their paths. */
void rendered_sort(struct rendered *v, size_t n);

/*
 * Writes the tree of these, which are sorted, into dir, which is made, or
 * is there and empty; NULL: nowhere. *ret_content is what a bundle calls
 * Content-SHA256.
 */
int tree_write(const char *dir, const struct rendered *v, size_t n,
	       struct sha256 *ret_content, struct err *err);

#endif
