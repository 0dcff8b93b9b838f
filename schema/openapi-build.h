/*
 * Makes schema tables (openapi-layout.h) out of OpenAPI v3 documents, as an
 * API server answers them at /openapi/v3. The same documents, in whatever
 * order, make the same bytes.
 */
#ifndef SCHEMA_OPENAPI_BUILD_H
#define SCHEMA_OPENAPI_BUILD_H

#include "schema/base/arena.h"
#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/base/map.h"
#include "schema/node.h"

struct openapi_source {
	const char *kubernetes;		/* "v1.36.3" */
	/*
	 * Which of the fields that OpenAPI calls required are:
	 * "io.k8s.api.core.v1.Container.name", any value. Of many built-in
	 * ones the API server takes an object without. NULL: all are.
	 */
	const struct map *enforced;
	struct map schemas;		/* name to const struct node * */
};

#define OPENAPI_SOURCE_INIT { 0 }

/* Takes the components.schemas of a document; the tree must live on. */
int openapi_source_add(struct openapi_source *s, const struct node *document,
		       struct err *err);
void openapi_source_release(struct openapi_source *s);

/*
 * Appends the table. ERR_INVALID, naming the schema, for what no table can
 * hold: a reference to nowhere, a list without items, a type unheard of.
 */
int openapi_build(const struct openapi_source *s, struct buf *out,
		  struct err *err);

#endif
