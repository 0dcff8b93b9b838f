/*
 * The plan of a push: what the next bundle has that the current one has not.
 * Made by validate, shown to the pusher, and what the tree is rendered from:
 * the same list for all three.
 */
#ifndef HOOKS_PLAN_H
#define HOOKS_PLAN_H

#include <git2.h>
#include <stdbool.h>
#include <stdint.h>

#include "hooks/feedback.h"
#include "schema/base/arena.h"
#include "schema/base/digest.h"
#include "schema/base/map.h"
#include "schema/object.h"
#include "schema/origins.h"

enum plan_op {
	PLAN_CREATE = '+',
	PLAN_CHANGE = '~',
	PLAN_DELETE = '-',
};

struct plan_item {
	enum plan_op op;
	const char *path;	/* in the bundle: "objects/..." */
	struct object_id id;
	git_oid blob;		/* not of PLAN_DELETE */
	struct sha256 digest;	/* of the same bytes */
};

/* Lines to set, and to remove (no path), in one origins file. */
struct plan_origins {
	const char *path;	/* in the bundle: "origins/..." */
	struct origin *v;
	size_t n, alloc;
};

struct plan {
	struct plan_item *v;	/* by path, after plan_finish */
	size_t n, alloc;
	struct map origins;	/* path to struct plan_origins * */
	uint64_t created, changed, deleted;
	uint64_t objects;	/* of the next bundle */
	struct arena arena;	/* holds all strings but names of files */
};

#define PLAN_INIT { 0 }

/* The path and the strings of id must be in the plan's arena. */
void plan_add(struct plan *p, const struct plan_item *item);
/* The place of an object in the source; file is borrowed, NULL: no more. */
int plan_origin(struct plan *p, const struct object_id *id, const char *file,
		uint32_t line, struct err *err);
void plan_sort(struct plan *p);
void plan_release(struct plan *p);

/* "+2 ~1 -0" */
void plan_counts(const struct plan *p, struct buf *out);
/*
 * Shows it, deletions first, by the objects' names; past a screenful of one
 * sort only how many more there are.
 */
void plan_show(const struct plan *p, struct feedback *fb);
/* Its counts, and it, of this channel: "windlass: prod: +2 ~1 -0". */
void plan_tell(const struct plan *p, const char *channel,
	       struct feedback *fb);
void plan_show_deleted(const struct plan *p, struct feedback *fb);

#endif
