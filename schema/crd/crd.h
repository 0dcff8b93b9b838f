/*
 * A CustomResourceDefinition, compiled: what its objects may be, one schema
 * for each version. It is read once, whatever number of objects there is.
 *
 * Reading is tolerant: what an API server would refuse in a definition is
 * crd-rules.h's to say. What makes no sense is left out of the schema.
 */
#ifndef SCHEMA_CRD_CRD_H
#define SCHEMA_CRD_CRD_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/arena.h"
#include "schema/base/err.h"
#include "schema/base/map.h"
#include "schema/crd/crd-rule.h"
#include "schema/crd/pattern.h"
#include "schema/crd/str-format.h"
#include "schema/node.h"
#include "schema/object.h"
#include "schema/openapi.h"

#define CRD_GROUP "apiextensions.k8s.io"
#define CRD_KIND "CustomResourceDefinition"

/* Is it one by its group and kind? */
bool crd_is(const struct object_id *id);

enum crd_type {
	CRD_ANY,		/* no type is said */
	CRD_OBJECT,
	CRD_ARRAY,
	CRD_STRING,
	CRD_INTEGER,
	CRD_NUMBER,
	CRD_BOOLEAN,
	CRD_INT_OR_STRING,	/* x-kubernetes-int-or-string */
	CRD_TYPES,
};

/* additionalProperties */
enum crd_extra {
	EXTRA_UNSAID,
	EXTRA_NONE,		/* false */
	EXTRA_ANY,		/* true */
	EXTRA_SCHEMA,
};

/* of integers and numbers: no other has a meaning */
enum crd_width { WIDTH_ANY, WIDTH_INT32, WIDTH_INT64, WIDTH_FLOAT,
		 WIDTH_DOUBLE };

/* A regular expression of a definition, compiled when it is first needed. */
struct crd_pattern {
	const char *text;
	uint32_t len;
	bool tried;
	struct pattern *compiled;	/* NULL: no such expression */
};

struct crd_limit {
	bool set;
	int64_t n;
};

struct crd_bound {
	bool set, exclusive;
	double value;
};

struct crd_schema;

struct crd_field {
	const char *name;
	uint32_t len;
	const struct crd_schema *schema;
};

struct crd_list {
	const struct crd_schema **v;
	uint32_t n;
};

/* All strings and nodes are the definition's own copies. */
struct crd_schema {
	enum crd_type type;
	enum crd_extra extra;
	enum crd_width width;
	enum str_format format;
	bool odd_format;	/* its name is not spelled as usual */
	enum openapi_list list;		/* x-kubernetes-list-type */
	bool nullable;
	bool preserve;		/* x-kubernetes-preserve-unknown-fields */
	bool embedded;		/* x-kubernetes-embedded-resource */
	bool map_atomic;	/* x-kubernetes-map-type */

	const struct crd_schema *items, *additional;
	const struct crd_field *fields;	/* sorted by the bytes of the names */
	uint32_t n_fields, n_required, n_keys;
	const char *const *required;
	const char *const *keys;	/* x-kubernetes-list-map-keys */

	const struct node *fallback;	/* the default, or NULL */
	const struct node *words;	/* the enum: a list, or NULL */
	struct crd_rule *rules;		/* x-kubernetes-validations */
	uint32_t n_rules;

	struct crd_limit min_length, max_length, min_items, max_items,
			 min_fields, max_fields;
	struct crd_bound minimum, maximum, multiple;
	struct crd_pattern *pattern;	/* or NULL */

	struct crd_list all_of, any_of, one_of;
	const struct crd_schema *not;
};

struct crd_version {
	const char *name;
	bool served, storage;
	bool status;			/* has the subresource */
	const char *replicas;		/* scale's specReplicasPath, or NULL */
	const struct crd_schema *schema;	/* NULL: none, so no field */
};

struct crd {
	struct arena arena;
	const char *group, *kind, *plural;
	bool namespaced;
	struct crd_version *versions;
	size_t n;
	size_t schemas;			/* of all versions, nested ones too */
	struct map patterns;		/* text to struct crd_pattern * */
	struct crd_rule *rules;		/* of all schemas */
};

/*
 * ERR_INVALID if it has more than LIMIT_CRD_SCHEMAS. The tree is not needed
 * afterwards.
 */
int crd_read(const struct node *definition, struct crd **ret,
	     struct err *err);
void crd_free(struct crd *c);

const struct crd_version *crd_version(const struct crd *c, const char *name);
/* The schema of a field by its name, or NULL. */
const struct crd_schema *crd_field(const struct crd_schema *s,
				   const char *name, size_t len);
/* What a field of that name has to be: by its name, or as any other; NULL if
 * nothing is said. */
const struct crd_schema *crd_value(const struct crd_schema *s,
				   const char *name, size_t len);
/* The expression of a schema; NULL if it is none. */
const struct pattern *crd_pattern(struct crd_pattern *p);

/* One schema by itself, for who has no definition: in the arena of c. */
const struct crd_schema *crd_compile(struct crd *c, const struct node *n);

#endif
