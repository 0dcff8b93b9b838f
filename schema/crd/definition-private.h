/* Between the files of definition.h. */
#ifndef SCHEMA_CRD_DEFINITION_PRIVATE_H
#define SCHEMA_CRD_DEFINITION_PRIVATE_H

#include "schema/openapi.h"
#include "schema/place.h"

/* One definition under judgement. */
struct defining {
	struct judge judge;
	const struct openapi *table;	/* or NULL */
};

/* The place of a key's value below p, and of an item; false if there is no
 * such thing, or null. */
bool place_child(const struct place *p, const char *key, struct place *ret);
bool place_item(const struct place *p, uint32_t i, struct place *ret);

/* An error about what is at a key, or about p itself if nothing is. */
void place_about(struct defining *d, const struct place *p, const char *key,
		 const char *rule, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

bool definition_flag(const struct node *n, const char *key);

/* spec.versions[].schema.openAPIV3Schema; with_status: the version has the
 * status subresource, which allows less at the root. */
void definition_schema(struct defining *d, const struct place *p,
		       bool with_status);
/* The schemas of allOf, anyOf, oneOf and not in a schema: only what values
 * are, of fields that the schema itself has. */
void definition_nested(struct defining *d, const struct place *p);
/* x-kubernetes-validations of a schema. */
void definition_rules(struct defining *d, const struct place *p);
/* What the table does not look into: items and additionalProperties. */
void definition_types(struct defining *d, const struct place *p);
/* The default of a schema, by that schema. */
void definition_default(struct defining *d, const struct place *p);

#endif
