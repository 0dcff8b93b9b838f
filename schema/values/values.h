/*
 * Values that fit their types and still are refused: what the API server
 * checks in Go, of which OpenAPI says nothing. A port of 70000, a mount of a
 * volume that is not there, a selector that its own template does not match.
 * As k8s.io/kubernetes/pkg/apis has it, after its defaults; no stricter.
 *
 *   value-range         a number or quantity that is too small or too large
 *   value-format        a text of another form: no name, port, path, key ...
 *   value-enum          none of the words that it may be
 *   value-required      what is missing, or empty, where it must not be
 *   value-forbidden     what may not be set here, or beside another value
 *   value-conflict      two values that exclude or contradict each other
 *   value-duplicate     one that may be there only once
 *   value-reference     a name of something that the object does not have
 *   selector-mismatch   a selector that does not match its own template
 *
 * What may not change (value-immutable) is in immutable.h.
 */
#ifndef SCHEMA_VALUES_VALUES_H
#define SCHEMA_VALUES_VALUES_H

#include "schema/object.h"
#include "schema/problem.h"

/*
 * Judges the values of an object of a built-in kind, for Kubernetes
 * 1.<minor>. Of problems in ps, those from `first` on are about this object:
 * where one of them found a value wrong, that is enough.
 *
 * 0, or -1 with errors added.
 */
int values_check(const struct object *o, unsigned minor, size_t first,
		 struct problems *ps);

#endif
