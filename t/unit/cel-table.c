/*
 * Reads tables of rules. See cel-table.h.
 */
#include "config.h"
#include "t/unit/cel-table.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/fs.h"
#include "schema/limits.h"

const char *const cel_verdict_words[4] = {
	[CEL_TRUE] = "true", [CEL_FALSE] = "false", [CEL_ERROR] = "error",
	[CEL_UNKNOWN] = "unknown",
};

/* ---- schemas that are trees ---- */

static bool flag(const struct node *schema, const char *key)
{
	const struct node *v = node_get(schema, key);

	return v && v->type == NODE_BOOL && v->boolean;
}

static enum cel_form string_form(const char *format)
{
	static const struct {
		const char *name;
		enum cel_form form;
	} formats[] = {
		{ "byte", CEL_FORM_BYTES }, { "date", CEL_FORM_DATE },
		{ "date-time", CEL_FORM_DATE_TIME },
		{ "duration", CEL_FORM_DURATION },
	};

	for (size_t i = 0; format && i < 4; i++)
		if (!strcmp(formats[i].name, format))
			return formats[i].form;
	return CEL_FORM_STRING;
}

static bool is(const struct node *schema, const char *type)
{
	const char *t = node_text(node_get(schema, "type"));

	return t && !strcmp(t, type);
}

static enum cel_form form(const struct node *schema)
{
	if (flag(schema, "x-kubernetes-int-or-string"))
		return CEL_FORM_INT_OR_STRING;
	if (is(schema, "object"))
		return node_get(node_get(schema, "additionalProperties"),
				"type") ? CEL_FORM_MAP : CEL_FORM_OBJECT;
	if (is(schema, "array"))
		return CEL_FORM_LIST;
	if (is(schema, "string"))
		return string_form(node_text(node_get(schema, "format")));
	if (is(schema, "integer"))
		return CEL_FORM_INTEGER;
	if (is(schema, "number"))
		return CEL_FORM_NUMBER;
	if (is(schema, "boolean"))
		return CEL_FORM_BOOLEAN;
	return CEL_FORM_OPAQUE;
}

static void type(const void *schema, struct cel_type *ret)
{
	const char *list = node_text(node_get(schema,
					      "x-kubernetes-list-type"));

	*ret = (struct cel_type){ .form = form(schema) };
	ret->nullable = flag(schema, "nullable");
	ret->live = flag(schema, "live");
	ret->item = node_get(schema, ret->form == CEL_FORM_LIST ? "items" :
				     "additionalProperties");
	if (list && !strcmp(list, "set"))
		ret->list = CEL_LIST_SET;
	else if (list && !strcmp(list, "map"))
		ret->list = CEL_LIST_MAP;
}

static const void *field(const void *schema, const char *name, size_t len)
{
	return node_getn(node_get(schema, "properties"), name, len);
}

static const char *key(const void *schema, size_t i)
{
	const struct node *keys = node_get(schema,
					   "x-kubernetes-list-map-keys");

	return keys && keys->type == NODE_SEQ && i < keys->n ?
	       node_text(keys->items[i]) : NULL;
}

const struct cel_types cel_table_types = { type, field, key };

/* ---- what every object has ---- */

static struct node *string_schema(struct arena *a)
{
	struct node *s = node_map(a);

	node_set(a, s, "type", node_str(a, "string"));
	return s;
}

static void add_meta(struct arena *a, struct node *schema)
{
	struct node *fields = node_get(schema, "properties");
	struct node *meta = node_map(a), *names = node_map(a);

	if (!fields) {
		fields = node_map(a);
		node_set(a, schema, "properties", fields);
	}
	node_set(a, names, "name", string_schema(a));
	node_set(a, names, "generateName", string_schema(a));
	node_set(a, meta, "type", node_str(a, "object"));
	node_set(a, meta, "live", node_bool(a, true));
	node_set(a, meta, "properties", names);
	node_set(a, fields, "apiVersion", string_schema(a));
	node_set(a, fields, "kind", string_schema(a));
	node_set(a, fields, "metadata", meta);
}

void cel_table_prepare(struct arena *a, struct node *schema)
{
	struct node *fields;

	if (!schema || schema->type != NODE_MAP)
		return;
	if (flag(schema, "x-kubernetes-embedded-resource"))
		add_meta(a, schema);
	fields = node_get(schema, "properties");
	for (uint32_t i = 0; fields && fields->type == NODE_MAP &&
			     i < fields->n; i++)
		cel_table_prepare(a, fields->pairs[i].value);
	cel_table_prepare(a, node_get(schema, "items"));
	cel_table_prepare(a, node_get(schema, "additionalProperties"));
}

/* Defaults, as deep as the tables have them. */
static void fill(struct arena *a, const struct node *schema, struct node *v)
{
	const struct node *fields = node_get(schema, "properties");

	for (uint32_t i = 0; fields && v->type == NODE_MAP && i < fields->n;
	     i++) {
		const struct node_pair *f = &fields->pairs[i];
		const struct node *fallback = node_get(f->value, "default");

		if (fallback && !node_get(v, f->key))
			node_set(a, v, f->key, node_copy(a, fallback));
		if (node_get(v, f->key))
			fill(a, f->value, node_get(v, f->key));
	}
}

/* ---- tables ---- */

static void read_object(struct arena *a, const struct cel_group *g,
			const struct node *doc, const char *what,
			struct node **ret_plain, struct node **ret)
{
	const struct node *v = node_get(doc, what);
	struct node *names;

	if (!v)
		return;
	*ret_plain = node_copy(a, v);
	*ret = node_copy(a, v);
	if (g->root) {
		names = node_map(a);
		node_set(a, names, "name", node_str(a, "rules"));
		node_set(a, *ret, "apiVersion", node_str(a, "cel.test/v1"));
		node_set(a, *ret, "kind", node_str(a, "Cel"));
		node_set(a, *ret, "metadata", names);
	}
	fill(a, g->read, *ret);
}

static void read_group(struct arena *a, const struct node *doc,
		       struct cel_group *g)
{
	const char *at = node_text(node_get(doc, "at"));

	g->name = node_text(node_get(doc, "name"));
	g->root = at && !strcmp(at, "root");
	g->schema = node_get(doc, "schema");
	g->read = node_copy(a, g->schema);
	cel_table_prepare(a, g->read);
	if (g->root) {
		add_meta(a, g->read);
		node_set(a, g->read, "live", node_bool(a, true));
	}
	read_object(a, g, doc, "self", &g->plain, &g->self);
	read_object(a, g, doc, "old", &g->plain_old, &g->old);
	for (size_t i = 0; i < 4; i++)
		g->rules[i] = node_get(doc, cel_verdict_words[i]);
}

void cel_table_read(const char *path, struct cel_table *ret)
{
	struct buf text = BUF_INIT(LIMIT_FILE_BYTES);
	struct problems ps = PROBLEMS_INIT;
	struct documents docs = { 0 };
	struct err err = ERR_INIT;

	*ret = (struct cel_table){ .arena = ARENA_INIT };
	if (fs_read_follow(path, &text, &err) < 0 ||
	    yaml_read(path, text.data, text.len, &ret->arena, &docs,
		      &ps) < 0) {
		fprintf(stderr, "cannot read '%s': %s%s\n", path, err.msg,
			ps.n ? ps.v[0].message : "");
		exit(2);
	}
	ret->v = arena_array(&ret->arena, docs.n, sizeof(*ret->v));
	ret->n = docs.n;
	for (size_t i = 0; i < docs.n; i++)
		read_group(&ret->arena, docs.v[i], &ret->v[i]);
	buf_release(&text);
	problems_release(&ps);
}

void cel_table_release(struct cel_table *t)
{
	arena_release(&t->arena);
}
