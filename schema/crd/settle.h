/*
 * What an API server makes of a custom resource before it looks at it:
 * defaults are filled in, and fields are dropped that are unknown where nobody
 * would complain.
 */
#ifndef SCHEMA_CRD_SETTLE_H
#define SCHEMA_CRD_SETTLE_H

#include "schema/crd/crd.h"

/*
 * The value as it would be stored. What did not change is shared with n,
 * defaults with the schema; the rest is in the arena. A null that is refused
 * stays, and so does an unknown field that is.
 * NULL: it takes more than LIMIT_CRD_STEPS, each field of a schema at each
 * map being one, and what a default makes several.
 * Nodes of defaults have no mark.
 */
const struct node *crd_settle(const struct crd_schema *s,
			      const struct node *n, struct arena *a);

/* apiVersion, kind and metadata: there in every object, said or not. */
bool crd_is_meta(const char *key);

#endif
