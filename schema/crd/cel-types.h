/*
 * How the values of a custom resource are read by its rules: cel/cel.h's
 * types, over the schemas of a definition.
 */
#ifndef SCHEMA_CRD_CEL_TYPES_H
#define SCHEMA_CRD_CEL_TYPES_H

#include "schema/cel/cel.h"
#include "schema/crd/crd.h"

/* Schemas are struct crd_schema. */
extern const struct cel_types crd_cel_types;

/* The schema of a whole object: *copy, made of s. It has apiVersion, kind and
 * metadata whatever s says, and cannot be compared as a whole. */
const struct crd_schema *crd_cel_root(const struct crd_schema *s,
				      struct crd_schema *copy);

#endif
