/*
 * Between openapi-check.c, which walks an object, and openapi-value.c, which
 * judges its scalars. Nobody else includes this.
 */
#ifndef SCHEMA_OPENAPI_WALK_H
#define SCHEMA_OPENAPI_WALK_H

#include "schema/base/buf.h"
#include "schema/openapi-check.h"

/* Where the walk is: a chain on the stack, from a value up to the root. */
struct place {
	const struct place *up;		/* NULL: the root */
	const char *key;		/* NULL: an item of a list */
	uint32_t index;
	const struct node *node;
	const struct openapi_type *type;
	bool required;
};

struct openapi_walk {
	const struct openapi *s;
	const struct object *o;
	struct problems *ps;
	bool secret;		/* values are never shown */
	int rc;
};

/* Appends "spec.containers[0].image". */
void place_path(const struct place *p, struct buf *out);

/* An error about p; the message goes on behind its path. */
void place_error(struct openapi_walk *w, const struct place *p,
		 struct mark mark, const char *rule, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* Any form but maps and lists. */
void check_scalar(struct openapi_walk *w, const struct place *p);
/* A value that is not what its type wants, and what may be meant. */
void wrong_form(struct openapi_walk *w, const struct place *p);

#endif
