/*
 * allOf, anyOf, oneOf and not of a definition's schema: see
 * definition-private.h. Types, defaults and the like stand outside of them,
 * so that what a field is does not depend on its value.
 */
#include "config.h"
#include "schema/crd/definition-private.h"

#include <string.h>

#include "schema/base/mem.h"
#include "schema/crd/pattern.h"

#define RULE "crd-schema"

static bool is_map(const struct node *n)
{
	return n && n->type == NODE_MAP;
}

/* Something that is not its type's nothing. */
static bool is_said(const struct node *n)
{
	if (!n)
		return false;
	switch (n->type) {
	case NODE_NULL:
		return false;
	case NODE_BOOL:
		return n->boolean;
	case NODE_STR:
	case NODE_SEQ:
	case NODE_MAP:
		return n->n > 0;
	default:
		return true;
	}
}

static void check_forbidden(struct defining *d, const struct place *p)
{
	static const char *const keys[] = {
		"type", "title", "description", "nullable",
		"x-kubernetes-preserve-unknown-fields",
		"x-kubernetes-embedded-resource",
		"x-kubernetes-int-or-string", "x-kubernetes-list-map-keys",
		"x-kubernetes-list-type", "x-kubernetes-map-type",
		"x-kubernetes-validations",
	};
	const struct node *n = p->node;
	const struct node *more = node_get(n, "additionalProperties");
	const struct node *fallback = node_get(n, "default");

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (is_said(node_get(n, keys[i])))
			place_about(d, p, keys[i], RULE, "cannot be in allOf, "
				    "anyOf, oneOf or not: say it outside of "
				    "them");
	if (more && (more->type == NODE_MAP ||
		     (more->type == NODE_BOOL && more->boolean)))
		place_about(d, p, "additionalProperties", RULE, "cannot be "
			    "in allOf, anyOf, oneOf or not");
	if (fallback && fallback->type != NODE_NULL)
		place_about(d, p, "default", RULE, "cannot be in allOf, "
			    "anyOf, oneOf or not: say it outside of them");
	if (definition_flag(n, "uniqueItems"))
		place_about(d, p, "uniqueItems", RULE, "cannot be true");
}

/* One schema of them; `outer` is the schema that says what the value is. */
static void check_one(struct defining *d, const struct place *p,
		      const struct node *outer, bool skip_any);

/* Words that say something of a value; others are dropped, or refused. */
static bool is_keyword(const char *key)
{
	static const char *const keys[] = {
		"additionalProperties", "allOf", "anyOf", "default",
		"description", "enum", "example", "exclusiveMaximum",
		"exclusiveMinimum", "externalDocs", "format", "items",
		"maxItems", "maxLength", "maxProperties", "maximum",
		"minItems", "minLength", "minProperties", "minimum",
		"multipleOf", "not", "nullable", "oneOf", "pattern",
		"properties", "required", "title", "uniqueItems",
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i], key))
			return true;
	return !strncmp(key, "x-kubernetes-", strlen("x-kubernetes-"));
}

static bool is_type_alone(const struct node *n, const char *want)
{
	const char *type = node_text(node_get(n, "type"));

	if (!type || strcmp(type, want))
		return false;
	for (uint32_t i = 0; i < n->n; i++)
		if (is_keyword(n->pairs[i].key) &&
		    is_said(n->pairs[i].value))
			return false;
	return true;
}

/* The two types in their order, and no more: int-or-string. */
static bool is_int_or_string(const struct node *list)
{
	static const char *const types[] = { "integer", "string" };

	if (!list || list->type != NODE_SEQ || list->n != 2)
		return false;
	for (uint32_t i = 0; i < 2; i++)
		if (!is_type_alone(list->items[i], types[i]))
			return false;
	return true;
}

/* skip_any: the types of its anyOf, or of its first allOf's, are fine. */
static void check_lists(struct defining *d, const struct place *p,
			const struct node *outer, bool top, bool skip_any)
{
	static const char *const keys[] = { "anyOf", "allOf", "oneOf" };
	struct place list, item, not;

	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		bool any = k == 0, all = k == 1;

		if (!place_child(p, keys[k], &list))
			continue;
		if (any && (top || skip_any) && is_int_or_string(list.node))
			continue;
		for (uint32_t i = 0; place_item(&list, i, &item); i++)
			if (is_map(item.node))
				check_one(d, &item, outer,
					  top && all && i == 0);
	}
	if (place_child(p, "not", &not) && is_map(not.node))
		check_one(d, &not, outer, false);
}

static void check_fields(struct defining *d, const struct place *p,
			 const struct node *outer)
{
	const struct node *known = node_get(outer, "properties");
	struct place fields;

	if (!place_child(p, "properties", &fields) || !is_map(fields.node))
		return;
	for (uint32_t i = 0; i < fields.node->n; i++) {
		const struct node_pair *pair = &fields.node->pairs[i];
		struct place f = { .up = &fields, .key = pair->key,
				   .node = pair->value };
		const struct node *there = node_getn(known, pair->key,
						     pair->key_len);

		if (!strcmp(pair->key, "metadata"))
			place_error(&d->judge, &f, pair->mark, RULE, "cannot be "
				    "restricted in allOf, anyOf, oneOf or "
				    "not");
		if (!there)
			place_error(&d->judge, &f, pair->mark, RULE, "is no field "
				    "outside of allOf, anyOf, oneOf and not: "
				    "define it there first");
		else if (is_map(f.node))
			check_one(d, &f, there, false);
	}
}

static void check_one(struct defining *d, const struct place *p,
		      const struct node *outer, bool skip_any)
{
	const struct node *n = node_get(p->node, "pattern");
	const struct node *items = node_get(outer, "items");
	struct err err = ERR_INIT;
	struct place child;

	check_forbidden(d, p);
	if (n && n->type == NODE_STR && pattern_check(n->str, n->n, &err) < 0)
		place_about(d, p, "pattern", RULE, "is no regular expression "
			    "of Go (RE2): %s", err.msg);
	check_lists(d, p, outer, false, skip_any);
	check_fields(d, p, outer);
	definition_types(d, p);
	if (!place_child(p, "items", &child) || !is_map(child.node))
		return;
	if (!is_map(items))
		place_error(&d->judge, &child, child.node->mark, RULE, "is not there "
			    "outside of allOf, anyOf, oneOf and not: define "
			    "it there first");
	else
		check_one(d, &child, items, false);
}

void definition_nested(struct defining *d, const struct place *p)
{
	check_lists(d, p, p->node, true, false);
}
