/*
 * Where a kind has its pods: for rules about what runs.
 */
#ifndef SCHEMA_POD_TEMPLATE_H
#define SCHEMA_POD_TEMPLATE_H

#include "schema/object.h"

/*
 * The map with metadata and spec of the pods that an object makes: a Pod
 * itself, or the template of a built-in workload or of a Rollout. NULL for
 * other kinds, or if it is missing; it may be of any type.
 */
const struct node *pod_template_of(const struct object *o);

#endif
