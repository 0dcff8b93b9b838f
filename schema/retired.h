/*
 * Versions of built-in kinds that Kubernetes does not serve any more, or will
 * not for long, and what to write instead.
 */
#ifndef SCHEMA_RETIRED_H
#define SCHEMA_RETIRED_H

#include "schema/object.h"

struct retired {
	const char *group, *version, *kind;
	unsigned deprecated, removed;	/* minors of 1.x; 0: not yet */
	/* "apps/v1 Deployment", or words; "": see the kind's other versions */
	const char *replacement;
};

/* NULL if this version of the kind was never given up. */
const struct retired *retired_lookup(const struct object_id *id);

#endif
