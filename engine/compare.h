/*
 * Does a live object hold what a bundle wants? Compares the values at the
 * paths that we own (fieldsV1 of our managedFields entry), so that fields of
 * others, defaults and status do not count. Used where there is no baseline:
 * after a start, and for the slow check of everything.
 */
#ifndef ENGINE_COMPARE_H
#define ENGINE_COMPARE_H

#include <stdbool.h>

#include "schema/base/arena.h"
#include "schema/base/buf.h"
#include "schema/node.h"

/*
 * True if every leaf of `desired` is owned by `fields` and has an equal
 * value in `live`, list items of ours are in the same order, and `fields`
 * owns nothing else. Values are equal too where the API server only writes
 * them differently (quantities; an empty value that it leaves out; a null
 * label as ""), so
 * "true" may be believed; "false" may be a mere difference of spelling, and
 * costs one apply that changes nothing.
 */
bool live_matches(const struct node *desired, const struct node *live,
		  const struct node *fields, struct arena *scratch);

/*
 * One value with another, all of it: equal, or written differently by the API
 * server as above. got may be NULL: then true if it may be left out.
 */
bool live_equal(const struct node *want, const struct node *got);

/* What an apply of the object would own, in the arena: all but apiVersion,
 * kind, name and namespace. */
struct node *live_wanted(const struct node *desired, struct arena *a);

/* "1000m" and "1", "1Gi" and "1024Mi": the same amount
 * (k8s.io/apimachinery resource.Quantity). */
bool quantity_equal(const char *a, const char *b);

#endif
