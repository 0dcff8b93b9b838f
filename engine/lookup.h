/*
 * From a path to a blob, for many paths of few folders: the last tree
 * objects that were read are kept, bounded in number and bytes.
 */
#ifndef ENGINE_LOOKUP_H
#define ENGINE_LOOKUP_H

#include "engine/cache.h"
#include "engine/walk.h"

#define LOOKUP_TREES 16
/* of the raw trees; the last one is kept whatever its size */
#define LOOKUP_BYTES (16u * 1024 * 1024)

struct lookup {
	struct {
		git_oid id;
		struct tree tree;
		uint64_t used;		/* 0: free */
	} v[LOOKUP_TREES];
	uint64_t clock;
};

/*
 * The blob at a path below a root tree. ERR_INVALID when there is none,
 * ERR_TRANSIENT when a tree is not at hand.
 */
int lookup_blob(struct lookup *l, const struct cache *c, const git_oid *root,
		const char *path, git_oid *ret, struct err *err);
/* Forgets all trees; ready for use again. */
void lookup_release(struct lookup *l);

#endif
