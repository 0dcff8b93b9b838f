/*
 * Objects that config.kubernetes.io/depends-on names: they are of the same
 * channel, and healthy before the one that names them is applied. How they
 * are named is in schema/depends.h.
 */
#ifndef ENGINE_DEPENDENCY_H
#define ENGINE_DEPENDENCY_H

#include "engine/inventory.h"

struct dependency {
	const char *item;	/* as it is written, in t->depends */
	size_t len;
	struct tracked *on;	/* NULL: the channel has no such object */
};

/* Applied and healthy. */
bool tracked_is_settled(const struct tracked *t);
/* The first dependency of t that is not settled; false if all are. */
bool dependency_first(struct channel *c, const struct tracked *t,
		      struct dependency *ret);
/*
 * Does t, which waits, wait for ever: for an object that the channel has not,
 * for itself, or for one of which that was found? True: t->note says so, with
 * the objects of the circle. steps is how many dependencies may be followed to
 * find one; at 0 none is found.
 */
bool dependency_never(struct channel *c, struct tracked *t, unsigned *steps);
/* Did t fail for that? Another bundle may heal it, no other try can. */
bool dependency_failed(const struct tracked *t);

#endif
