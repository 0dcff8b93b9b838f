/*
 * Schemas of a definition: that they are structural, and what Kubernetes adds
 * to that. See definition.h. Depth is the reader's.
 */
#include "config.h"
#include "schema/crd/definition-private.h"

#include <string.h>

#include "schema/base/mem.h"
#include "schema/crd/crd.h"
#include "schema/openapi-check.h"

#define RULE "crd-schema"

enum level { LEVEL_ROOT, LEVEL_ITEM, LEVEL_FIELD };

/* What holds for a schema and all below it. */
struct context {
	bool no_default;	/* in apiVersion, kind and metadata */
	bool in_meta;
};

static void check_schema(struct defining *d, const struct place *p,
			 enum level level, struct context c);

static const char *text(const struct node *n, const char *key)
{
	const struct node *v = node_get(n, key);

	return v && v->type == NODE_STR && v->n ? v->str : NULL;
}

static bool is(const char *s, const char *want)
{
	return s && !strcmp(s, want);
}

static bool is_map(const struct node *n)
{
	return n && n->type == NODE_MAP;
}

/* A map or a list with something in it. */
static bool is_filled(const struct node *n)
{
	return n && (n->type == NODE_MAP || n->type == NODE_SEQ) && n->n;
}

static bool is_there(const struct node *n, const char *key)
{
	const struct node *v = node_get(n, key);

	return v && v->type != NODE_NULL;
}

/* ---- what no schema may say ---- */

static void check_unsupported(struct defining *d, const struct place *p)
{
	static const char *const keys[] = {
		"id", "$schema", "$ref", "patternProperties", "dependencies",
		"additionalItems", "definitions",
	};
	const struct node *n = p->node;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct node *v = node_get(n, keys[i]);

		if (!v || v->type == NODE_NULL ||
		    (v->type == NODE_STR && !v->n && *keys[i] != '$') ||
		    (v->type == NODE_MAP && !v->n &&
		     strcmp(keys[i], "additionalItems")))
			continue;
		place_about(d, p, keys[i], RULE, "is not supported in a "
			    "CustomResourceDefinition");
	}
	if (definition_flag(n, "uniqueItems"))
		place_about(d, p, "uniqueItems", RULE, "cannot be true: write "
			    "x-kubernetes-list-type: set");
	if (node_get(n, "items") && node_get(n, "items")->type == NODE_SEQ)
		place_about(d, p, "items", RULE, "must be one schema, not a "
			    "list of them");
	if (is_there(n, "x-kubernetes-preserve-unknown-fields") &&
	    !definition_flag(n, "x-kubernetes-preserve-unknown-fields"))
		place_about(d, p, "x-kubernetes-preserve-unknown-fields",
			    RULE, "must be true, or not there");
}

static void check_type_name(struct defining *d, const struct place *p)
{
	static const char *const types[] = {
		"string", "number", "integer", "boolean", "array", "object",
	};
	const char *type = text(p->node, "type");
	struct place child;

	if (!type)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i], type))
			return;
	if (place_child(p, "type", &child))
		place_no_word(&d->judge, &child, RULE, types, ARRAY_SIZE(types));
}

static void check_pattern(struct defining *d, const struct place *p)
{
	const struct node *n = node_get(p->node, "pattern");
	struct err err = ERR_INIT;

	if (n && n->type == NODE_STR &&
	    pattern_check(n->str, n->n, &err) < 0)
		place_about(d, p, "pattern", RULE, "is no regular expression "
			    "of Go (RE2): %s", err.msg);
}

/* ---- lists and maps ---- */

static void check_list_keys(struct defining *d, const struct place *p,
			    const struct node *keys)
{
	const struct node *items = node_get(p->node, "items");
	const struct node *fields = node_get(items, "properties");
	const struct node *required = node_get(items, "required");

	for (uint32_t i = 0; i < keys->n; i++) {
		const char *key = node_text(keys->items[i]);
		const struct node *f = key ? node_get(fields, key) : NULL;
		bool needed = false, again = false;

		if (!key)
			continue;
		for (uint32_t k = 0; required && required->type == NODE_SEQ &&
		     k < required->n; k++)
			needed |= is(node_text(required->items[k]), key);
		for (uint32_t k = 0; k < i; k++)
			again |= is(node_text(keys->items[k]), key);
		if (!f)
			place_about(d, p, "x-kubernetes-list-map-keys", RULE,
				    "has '%s', which is no field of the "
				    "items", key);
		else if (is(text(f, "type"), "array") ||
			 is(text(f, "type"), "object"))
			place_about(d, p, "x-kubernetes-list-map-keys", RULE,
				    "has '%s', which is no scalar", key);
		else if (!needed && !is_there(f, "default"))
			place_about(d, p, "x-kubernetes-list-map-keys", RULE,
				    "has '%s', which must be required, or "
				    "have a default", key);
		else if (definition_flag(f, "nullable"))
			place_about(d, p, "x-kubernetes-list-map-keys", RULE,
				    "has '%s', which must not be nullable",
				    key);
		if (again)
			place_about(d, p, "x-kubernetes-list-map-keys", RULE,
				    "has '%s' twice", key);
	}
}

static void check_map_list(struct defining *d, const struct place *p)
{
	const struct node *items = node_get(p->node, "items");
	const struct node *keys = node_get(p->node,
					   "x-kubernetes-list-map-keys");

	if (!is_filled(keys) || keys->type != NODE_SEQ)
		place_error(&d->judge, p, p->node->mark, RULE, "has no "
			    "x-kubernetes-list-map-keys, which "
			    "x-kubernetes-list-type: map needs");
	else if (is_map(items) && !is(text(items, "type"), "object"))
		place_about(d, p, "items", RULE, "must be of type object: "
			    "the list's type is map");
	else if (is_map(items))
		check_list_keys(d, p, keys);
}

/* The items of a set are scalars, or told apart as a whole. */
static void check_set(struct defining *d, const struct place *p)
{
	const struct node *items = node_get(p->node, "items");
	const char *type = text(items, "type");
	const char *list = text(items, "x-kubernetes-list-type");

	if (is(type, "array") && list && strcmp(list, "atomic"))
		place_about(d, p, "items", RULE, "must be atomic: the list is "
			    "a set");
	if (is(type, "object") &&
	    !is(text(items, "x-kubernetes-map-type"), "atomic"))
		place_about(d, p, "items", RULE, "must have x-kubernetes-map-"
			    "type: atomic: the list is a set");
}

static void check_list_type(struct defining *d, const struct place *p)
{
	const struct node *n = p->node, *items = node_get(n, "items");
	const char *list = node_text(node_get(n, "x-kubernetes-list-type"));

	if (is_there(n, "x-kubernetes-list-type") &&
	    !is(text(n, "type"), "array"))
		place_about(d, p, "x-kubernetes-list-type", RULE, "is for "
			    "type: array");
	if (list && strcmp(list, "atomic") && strcmp(list, "set") &&
	    strcmp(list, "map"))
		place_about(d, p, "x-kubernetes-list-type", RULE, "must be "
			    "atomic, set or map");
	if (is_filled(node_get(n, "x-kubernetes-list-map-keys")) &&
	    !is(list, "map"))
		place_about(d, p, "x-kubernetes-list-map-keys", RULE, "are "
			    "for x-kubernetes-list-type: map");
	if ((is(list, "set") || is(list, "map")) &&
	    definition_flag(items, "nullable"))
		place_about(d, p, "items", RULE, "must not be nullable: they "
			    "are told apart");
	if (is(list, "set"))
		check_set(d, p);
	if (is(list, "map"))
		check_map_list(d, p);
}

static void check_map_type(struct defining *d, const struct place *p)
{
	const struct node *n = p->node;
	const char *map = node_text(node_get(n, "x-kubernetes-map-type"));
	const struct node *more = node_get(n, "additionalProperties");

	if (is_there(n, "x-kubernetes-map-type") &&
	    !is(text(n, "type"), "object"))
		place_about(d, p, "x-kubernetes-map-type", RULE, "is for "
			    "type: object");
	if (map && strcmp(map, "atomic") && strcmp(map, "granular"))
		place_about(d, p, "x-kubernetes-map-type", RULE, "must be "
			    "atomic or granular");
	if (more && more->type != NODE_NULL &&
	    is_filled(node_get(n, "properties")) &&
	    !(more->type == NODE_BOOL && more->boolean))
		place_about(d, p, "additionalProperties", RULE, "cannot be "
			    "beside properties: a map has either known "
			    "fields, or any keys");
}

/* ---- types ---- */

static void check_root(struct defining *d, const struct place *p)
{
	if (text(p->node, "type") && !is(text(p->node, "type"), "object"))
		place_about(d, p, "type", RULE, "must be object at the root");
	if (is_there(p->node, "additionalProperties"))
		place_about(d, p, "additionalProperties", RULE, "cannot be "
			    "at the root");
	if (definition_flag(p->node, "nullable"))
		place_about(d, p, "nullable", RULE, "cannot be at the root");
}

static void check_embedded(struct defining *d, const struct place *p)
{
	const struct node *n = p->node;

	if (!is(text(n, "type"), "object"))
		place_error(&d->judge, p, n->mark, RULE, "must have type: object, as "
			    "x-kubernetes-embedded-resource says");
	if (is_there(n, "additionalProperties"))
		place_about(d, p, "additionalProperties", RULE, "cannot be "
			    "beside x-kubernetes-embedded-resource");
	if (!definition_flag(n, "x-kubernetes-preserve-unknown-fields") &&
	    !is_filled(node_get(n, "properties")))
		place_error(&d->judge, p, n->mark, RULE, "has no properties, which "
			    "x-kubernetes-embedded-resource needs without "
			    "x-kubernetes-preserve-unknown-fields");
}

static void check_type(struct defining *d, const struct place *p,
		       enum level level)
{
	const struct node *n = p->node;
	bool any = definition_flag(n, "x-kubernetes-int-or-string");
	bool preserve = definition_flag(n,
				"x-kubernetes-preserve-unknown-fields");
	bool embedded = definition_flag(n, "x-kubernetes-embedded-resource");

	if (any && (preserve || embedded))
		place_about(d, p, "x-kubernetes-int-or-string", RULE,
			    "cannot be beside %s", preserve ?
			    "x-kubernetes-preserve-unknown-fields" :
			    "x-kubernetes-embedded-resource");
	if (embedded)
		check_embedded(d, p);
	else if (!text(n, "type") && !any && !preserve)
		place_error(&d->judge, p, n->mark, RULE, "has no type, which every "
			    "%s needs", level == LEVEL_ROOT ? "schema" :
			    level == LEVEL_ITEM ? "item of a list" : "field");
	if (is(text(n, "type"), "array") && !is_map(node_get(n, "items")) &&
	    !(node_get(n, "items") && node_get(n, "items")->type == NODE_SEQ))
		place_error(&d->judge, p, n->mark, RULE, "has no items, which type: "
			    "array needs");
}

/* ---- metadata ---- */

/* At the root only name and generateName can be said something of. */
static void check_root_meta(struct defining *d, const struct place *meta)
{
	const struct node *n = meta->node;
	const struct node *fields = node_get(n, "properties");
	bool good = true;

	for (uint32_t i = 0; n->type == NODE_MAP && i < n->n; i++)
		good &= !strcmp(n->pairs[i].key, "type") ||
			!strcmp(n->pairs[i].key, "properties") ||
			!strcmp(n->pairs[i].key, "default") ||
			n->pairs[i].value->type == NODE_NULL;
	for (uint32_t i = 0; is_map(fields) && i < fields->n; i++)
		good &= !strcmp(fields->pairs[i].key, "name") ||
			!strcmp(fields->pairs[i].key, "generateName");
	if (!good)
		place_error(&d->judge, meta, n->mark, RULE, "can say something of "
			    "name and generateName only: the rest of "
			    "metadata is the same for all kinds");
}

static void check_meta(struct defining *d, const struct place *fields,
		       enum level level)
{
	static const char *const texts[] = { "apiVersion", "kind" };
	struct place child;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (place_child(fields, texts[i], &child) &&
		    is_map(child.node) &&
		    !is(text(child.node, "type"), "string"))
			place_error(&d->judge, &child, child.node->mark, RULE,
				    "must have type: string");
	if (!place_child(fields, "metadata", &child) || !is_map(child.node))
		return;
	if (!is(text(child.node, "type"), "object"))
		place_error(&d->judge, &child, child.node->mark, RULE, "must have "
			    "type: object");
	else if (level == LEVEL_ROOT)
		check_root_meta(d, &child);
}

static bool is_meta(const char *key)
{
	return !strcmp(key, "apiVersion") || !strcmp(key, "kind") ||
	       !strcmp(key, "metadata");
}

/* ---- down ---- */

static void check_fields(struct defining *d, const struct place *p,
			 enum level level, struct context c)
{
	bool root = level == LEVEL_ROOT;
	bool object = root || definition_flag(p->node,
					"x-kubernetes-embedded-resource");
	struct place fields;

	if (!place_child(p, "properties", &fields) || !is_map(fields.node))
		return;
	if (object)
		check_meta(d, &fields, level);
	for (uint32_t i = 0; i < fields.node->n; i++) {
		const struct node_pair *pair = &fields.node->pairs[i];
		struct place f = { .up = &fields, .key = pair->key,
				   .node = pair->value };
		struct context inner = c;

		if (object && is_meta(pair->key)) {
			inner.in_meta = true;
			inner.no_default |= root;
		}
		if (is_map(f.node))
			check_schema(d, &f, LEVEL_FIELD, inner);
	}
}

void definition_types(struct defining *d, const struct place *p)
{
	static const char *const keys[] = { "items", "additionalProperties" };
	struct place child;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (!place_child(p, keys[i], &child))
			continue;
		if (is_map(child.node) && d->table)
			/* the API server drops unknown keywords here */
			openapi_check_as(d->table, &d->judge, &child, true,
					 CRD_GROUP, "v1", CRD_KIND, "spec",
					 "versions", "schema",
					 "openAPIV3Schema", NULL);
		else if (!is_map(child.node) &&
			 child.node->type != (i ? NODE_BOOL : NODE_SEQ))
			place_error(&d->judge, &child, child.node->mark,
				    "field-type", "must be a schema%s, not %s",
				    i ? " or true or false" : "",
				    node_type_name(child.node->type));
	}
}

static void check_below(struct defining *d, const struct place *p,
			enum level level, struct context c)
{
	struct context more = c;
	struct place child;

	check_fields(d, p, level, c);
	definition_types(d, p);
	more.no_default |= c.in_meta;
	if (place_child(p, "additionalProperties", &child) &&
	    is_map(child.node))
		check_schema(d, &child, LEVEL_FIELD, more);
	if (place_child(p, "items", &child) && is_map(child.node))
		check_schema(d, &child, LEVEL_ITEM, c);
}

static void check_schema(struct defining *d, const struct place *p,
			 enum level level, struct context c)
{
	int before = d->judge.rc;

	d->judge.rc = 0;
	check_unsupported(d, p);
	check_type_name(d, p);
	check_pattern(d, p);
	definition_rules(d, p);
	check_list_type(d, p);
	check_map_type(d, p);
	if (level == LEVEL_ROOT)
		check_root(d, p);
	check_type(d, p, level);
	if (c.in_meta &&
	    definition_flag(p->node, "x-kubernetes-embedded-resource"))
		place_about(d, p, "x-kubernetes-embedded-resource", RULE,
			    "cannot be in metadata");
	if (c.no_default && is_there(p->node, "default"))
		place_about(d, p, "default", RULE, "cannot be in apiVersion, "
			    "kind or metadata");
	definition_nested(d, p);
	check_below(d, p, level, c);
	if (!d->judge.rc && !c.in_meta && is_there(p->node, "default"))
		definition_default(d, p);
	d->judge.rc |= before;
}

/* The schema of status is cut out of it, so nothing may reach across. */
static void check_status_root(struct defining *d, const struct place *p)
{
	static const char *const keys[] = {
		"allOf", "anyOf", "oneOf", "not", "enum", "default",
		"minProperties", "maxProperties",
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (is_there(p->node, keys[i]))
			place_about(d, p, keys[i], RULE, "cannot be at the "
				    "root of a version with the status "
				    "subresource");
}

void definition_schema(struct defining *d, const struct place *p,
		       bool with_status)
{
	if (with_status)
		check_status_root(d, p);
	check_schema(d, p, LEVEL_ROOT, (struct context){ 0 });
}
