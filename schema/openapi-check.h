/*
 * Does an object fit its kind? Fields, types, enums, formats and lists, as
 * the API server of one Kubernetes minor would judge them: no stricter, but
 * for numbers beyond int32, of which it would silently keep the low bits.
 */
#ifndef SCHEMA_OPENAPI_CHECK_H
#define SCHEMA_OPENAPI_CHECK_H

#include "schema/object.h"
#include "schema/openapi.h"
#include "schema/place.h"
#include "schema/problem.h"

/*
 * Adds every fault to ps, each at its place:
 *
 *   field-unknown     not a field of that kind; the nearest one is named, or
 *                     where above it belongs
 *   field-type        a map for a list, text for a number, ...
 *   string-unquoted   a YAML scalar that is read as a boolean or a number
 *                     where text belongs: yes, 010, 1.10
 *   field-required    without which the API server refuses it
 *   field-enum        none of the values that it may have
 *   field-format      no quantity, no time, no base64, beyond int32
 *   list-duplicate    two items of a list with the same keys, or value
 *   list-null         an empty item where each has keys
 *
 * What rendering drops (status, metadata.uid ...) is not looked at, nor what
 * other rules judge: names, labels and annotations of the object itself, and
 * the data of Secrets and ConfigMaps. null is as good as not there, as for
 * the API server. A kind that the table does not have fits.
 *
 * Values are not shown where they may be secret: in a Secret, and the value
 * of an environment variable.
 *
 * 0, or -1 with errors added.
 */
int openapi_check(const struct openapi *s, const struct object *o,
		  struct problems *ps);

/*
 * The same of a value p in an object that the table does not have, or does
 * not look into: as what the field at the end of a path from a kind has to
 * be, a NULL behind it; lenient: unknown fields are passed over, and
 * items that are the same. 0, or -1.
 * What the table lacks fits.
 */
int openapi_check_as(const struct openapi *s, struct judge *j,
		     const struct place *p, bool lenient, const char *group,
		     const char *version, const char *kind, ...)
	__attribute__((sentinel));
/* As the metadata of any object. */
int openapi_check_metadata(const struct openapi *s, struct judge *j,
			   const struct place *p);

#endif
