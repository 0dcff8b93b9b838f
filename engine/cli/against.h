/*
 * The objects that are there now, for `windlass check --against`: manifests,
 * as they were or as a bundle has them. Only kinds in which something cannot
 * be changed are kept, and custom ones.
 */
#ifndef ENGINE_CLI_AGAINST_H
#define ENGINE_CLI_AGAINST_H

#include "schema/base/arena.h"
#include "schema/base/map.h"
#include "schema/object.h"
#include "schema/problem.h"
#include "schema/rules.h"

struct against {
	struct map objects;	/* by their path in a bundle: the trees */
	struct arena arena;
};

/*
 * Reads a file or a directory. What is wrong with its manifests is nobody's
 * concern now, but that there are none is a problem of ps. -1 if something
 * cannot be read.
 */
int against_read(struct against *g, const char *path, const struct rules *r,
		 struct problems *ps, struct err *err);
/* The object as it is there, or NULL: rules.h's `before`. */
const struct node *against_find(void *against, const struct object_id *id,
				struct arena *a);
/* An error at each value that cannot become what it would. */
int against_check(const struct against *g, const char *path,
		  const struct object *o, struct problems *ps);
void against_release(struct against *g);

#endif
