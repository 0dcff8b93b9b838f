/*
 * References of what a push brings, against the channel as it will be: the
 * objects of the push, and the names in the current bundle's tree. So the
 * cost follows the change. What that leaves out: an object that the push did
 * not touch, and whose other end it took away.
 */
#ifndef HOOKS_REFERENCES_H
#define HOOKS_REFERENCES_H

#include <git2.h>

#include "hooks/plan.h"
#include "schema/references/index.h"

struct push_objects {
	git_repository *repo;
	const git_oid *bundle;	/* tree of the current one; NULL: none, or the
				   index has all that will be there */
	const struct map *held;	/* path to struct held *: what is made again
				   or goes */
	struct object_index *index;	/* all that the push read */
	struct push_facts *read;	/* set by push_check_references, */
	struct problems *ps;		/* as is this */
};

/* Judges what the plan creates and changes. 0, with findings added, or -1 if
 * the bundle cannot be read. */
int push_check_references(struct push_objects *po,
			  const struct plan *plan, const struct rules *rules,
			  struct problems *ps, struct err *err);

#endif
