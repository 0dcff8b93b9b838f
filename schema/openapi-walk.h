/*
 * Between openapi-check.c, which walks an object, and openapi-value.c, which
 * judges its scalars. Nobody else includes this.
 */
#ifndef SCHEMA_OPENAPI_WALK_H
#define SCHEMA_OPENAPI_WALK_H

#include "schema/openapi-check.h"

struct openapi_walk {
	struct judge judge;
	const struct openapi *s;
	bool secret;		/* values are never shown */
	bool lenient;		/* unknown fields are passed over, and
				   items that are the same */
};

/* Any form but maps and lists. */
void check_scalar(struct openapi_walk *w, const struct place *p);
/* A value that is not what its type wants, and what may be meant. */
void wrong_form(struct openapi_walk *w, const struct place *p);

#endif
