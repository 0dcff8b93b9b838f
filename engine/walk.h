/*
 * Two bundle trees, old and new, walked side by side: what was created,
 * changed, deleted. Only subtrees that differ are read. Every directory that
 * is entered is checked on the way (DESIGN.md 2.1, 2.3):
 *
 *   - its SHA256SUMS has the digest that the directory above states, or the
 *     signed commit for the root, and names exactly what the tree names
 *   - plain files and folders only, names that a bundle may have, in order
 *   - the layout: objects/<ns>/<group>/<Kind>/<file>, origins/<ns>/<group>/
 *     <file>, nothing else
 *   - an entry with the same Git id on both sides has the same digest
 *
 * The blobs themselves are left to the caller, who gets the digest that each
 * must have. Files are reported one a call, so that the caller can stop
 * between any two and go on later.
 */
#ifndef ENGINE_WALK_H
#define ENGINE_WALK_H

#include <stdbool.h>

#include "engine/cache.h"
#include "engine/source-types.h"
#include "schema/base/digest.h"

struct walk;

/* A bundle's tree, and the digest of its root SHA256SUMS. */
struct walk_tree {
	git_oid id;
	struct sha256 content;
};

struct walk_item {
	enum source_op op;
	const char *path;	/* valid until the next call */
	bool object;		/* under objects/ */
	git_oid id;		/* of the blob; the old one for DELETE */
	struct sha256 digest;	/* likewise */
};

/* old may be NULL: everything is created. Both are copied. */
struct walk *walk_new(const struct cache *c, const struct walk_tree *old,
		      const struct walk_tree *new);
/*
 * 1 and the next file that differs, 0 at the end, or -1: ERR_DENIED when a
 * tree is not as it must be, ERR_TRANSIENT when a part is not at hand.
 */
int walk_next(struct walk *w, struct walk_item *ret, struct err *err);
void walk_free(struct walk *w);

/* ---- one tree object, strictly ---- */

struct tree_entry {
	const char *name;	/* inside the tree's bytes */
	bool dir;
	git_oid id;
};

struct tree {
	struct buf raw;
	struct tree_entry *v;	/* in Git's order, SHA256SUMS among them */
	size_t n, alloc;
};

#define TREE_INIT { .raw = BUF_INIT(LIMIT_SUMS_BYTES) }

/* Modes 100644 and 40000 only, names by bundle_name_ok or SHA256SUMS. */
int tree_read(const struct cache *c, const git_oid *id, struct tree *ret,
	      struct err *err);
const struct tree_entry *tree_find(const struct tree *t, const char *name);
void tree_release(struct tree *t);

#endif
