/*
 * Does a custom resource fit its definition? Fields, types, values, as the
 * API server judges an apply: no stricter.
 */
#ifndef SCHEMA_CRD_CHECK_CUSTOM_H
#define SCHEMA_CRD_CHECK_CUSTOM_H

#include "schema/crd/crd.h"
#include "schema/object.h"
#include "schema/problem.h"

/*
 * Adds every fault to ps: those of openapi-check.h, and
 *
 *   field-pattern     a text that its regular expression does not match
 *   field-length      a text that is too short or too long
 *   field-range       a number that is too small or too large, or no multiple
 *   field-count       too few or too many items or fields
 *   field-form        none, or too many, of anyOf and oneOf; or one of not
 *
 * status is not looked at: rendering drops it. `old` is the object as it is
 * in the current bundle, or NULL: what was wrong before and is not touched is
 * a warning, as the API server leaves it. What could not be judged is counted
 * in ps->unchecked. `table` knows of metadata; it may be NULL.
 *
 * 0, or -1 with errors added.
 */
int crd_check(const struct crd_version *v, const struct openapi *table,
	      const struct object *o, const struct node *old,
	      struct problems *ps);

#endif
