/*
 * The index of packs (DESIGN.md 2.5): which packs can be had, and the
 * cheapest way from the bundle an engine has to the one it wants.
 *
 * What it names are packs of version 2 as `git pack-objects
 * --delta-base-offset` makes them: inside a pack a delta names its base by
 * offset; by id only a base that the receiver has (the `from` of a delta).
 * libgit2's packbuilder writes ids everywhere, so it cannot make them;
 * engines refuse such packs (engine/packscan.h).
 */
#ifndef SCHEMA_INDEX_H
#define SCHEMA_INDEX_H

#include "schema/head.h"

struct index_entry {
	char from[GIT_HEX_SIZE];	/* "" for a base */
	char to[GIT_HEX_SIZE];
	struct pack_ref pack;
};

struct pack_index {
	struct index_entry *v;		/* malloced */
	size_t n, alloc;
};

#define PACK_INDEX_INIT { 0 }

void pack_index_add(struct pack_index *ix, const struct index_entry *e);
void pack_index_write(const struct pack_index *ix, struct buf *out);
/* Strict. ERR_DENIED naming the line; nothing twice, at least one line. */
int pack_index_parse(const char *text, size_t len, struct pack_index *ret,
		     struct err *err);
void pack_index_release(struct pack_index *ix);

/*
 * The path of fewest bytes from `have` ("" for nothing) to `want`: indexes
 * into ix->v in the order in which to fetch them, malloced. A base may start
 * a path whatever is had. -1 with ERR_TRANSIENT if there is none.
 */
int pack_index_path(const struct pack_index *ix, const char *have,
		    const char *want, size_t **ret_path, size_t *ret_n,
		    struct err *err);

#endif
