/*
 * What is fixed for the life of an object, against what the object is now.
 * No file by itself can show this: it is what a push is for.
 *
 *   value-immutable     the API server refuses the change, or (a warning) all
 *                       but always does
 */
#ifndef SCHEMA_VALUES_IMMUTABLE_H
#define SCHEMA_VALUES_IMMUTABLE_H

#include "schema/object.h"
#include "schema/problem.h"

/* False of kinds in which everything can be changed: then the old object
 * need not be looked up. */
bool immutable_has(const struct object_id *id);

/*
 * Compares an object, as it will be signed (render.h), with the one of the
 * same identity that is there. Adds an error at each value that cannot become
 * what it would; both values are shown, but never those of a Secret.
 *
 * 0, or -1 with errors added. Warnings alone give 0.
 */
int immutable_check(const struct node *old, const struct object *o,
		    struct problems *ps);

#endif
