/*
 * Places in an object, and what is said of them: shared by all that walk one.
 */
#ifndef SCHEMA_PLACE_H
#define SCHEMA_PLACE_H

#include <stdbool.h>

#include "schema/base/buf.h"
#include "schema/base/map.h"
#include "schema/object.h"
#include "schema/openapi.h"
#include "schema/problem.h"

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
	/* an item that is null: an empty map stands for it */
	bool null;
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

/* An error about a value that is of another form than that, and what to do.
 * A scalar is shown as YAML read it, unless it may be secret. */
void place_wrong_form(struct judge *j, const struct place *p,
		      enum openapi_form form, bool secret);

/* An error about a field that its map does not have: what may have been
 * meant, or the map above that has such a field, or NULL. */
void place_unknown_field(struct judge *j, const struct place *p,
			 const struct node_pair *pair, const char *near,
			 const struct place *home);

/* An error about an item of a list whose keys, or value, another item in
 * `seen` has, too; else it is put there. */
void place_again(struct judge *j, const struct place *item,
		 const struct buf *keys, bool secret, struct map *seen);
/* An error about null in a list whose items are told apart. */
void place_null_item(struct judge *j, const struct place *item);

#endif
