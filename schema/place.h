/*
 * Places in an object, and what is said of them: shared by all that walk one.
 */
#ifndef SCHEMA_PLACE_H
#define SCHEMA_PLACE_H

#include <stdbool.h>

#include "schema/base/buf.h"
#include "schema/object.h"
#include "schema/problem.h"

struct openapi_type;
struct pod;

/* Where a walk is: a chain on the stack, from a value up to the root. */
struct place {
	const struct place *up;		/* NULL: the root */
	const char *key;		/* NULL: an item of a list */
	uint32_t index;
	const struct node *node;
	/* of the schema; NULL and false where the walk has none */
	const struct openapi_type *type;
	bool required;
};

/* One object under judgement. */
struct judge {
	const struct object *o;
	struct problems *ps;
	int rc;			/* -1 as soon as something was wrong */
	unsigned minor;		/* of Kubernetes 1.x */
	/* The problems that others found in the object before: where they
	 * found a value wrong, nothing more is said of it. */
	size_t said, said_end;
	const struct pod *pod;	/* whose parts are judged, or NULL */
};

/* Appends "spec.containers[0].image". */
void place_path(const struct place *p, struct buf *out);

/* An error about p; the message goes on behind its path. */
void place_error(struct judge *j, const struct place *p, struct mark mark,
		 const char *rule, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* An error about a text that is none of the n words: they are listed, the
 * nearest first of all. "" among them is not named. */
void place_no_word(struct judge *j, const struct place *p, const char *rule,
		   const char *const *words, size_t n);

#endif
