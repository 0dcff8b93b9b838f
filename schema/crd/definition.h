/*
 * Is a CustomResourceDefinition one that an API server takes? Its names,
 * versions and schemas, as apiextensions' validation has it; no stricter.
 *
 *   crd-spec      names, scope, versions, columns, conversion, subresources
 *   crd-schema    a schema that is not structural, or says what none may say
 *   crd-default   a default that its own schema refuses
 *   crd-change    what may not change once the definition is there
 *   crd-stored    a version goes in which objects may be stored: a warning
 */
#ifndef SCHEMA_CRD_DEFINITION_H
#define SCHEMA_CRD_DEFINITION_H

#include "schema/object.h"
#include "schema/openapi.h"
#include "schema/problem.h"

/*
 * Of problems in ps, those from `first` on are about this object: where one
 * of them found a value wrong, that is enough. `old` is the definition in the
 * current bundle, or NULL: if that has faults of this kind too, the API server
 * is lenient, and all of them are warnings.
 *
 * The table may be NULL; then types are not looked at where openapi_check()
 * does not look. 0, or -1 with errors added.
 */
int definition_check(const struct openapi *table, const struct object *o,
		     const struct node *old, size_t first,
		     struct problems *ps);

#endif
