/*
 * Types of values, for rules. See cel-types.h. Definitions come from a push,
 * but are compiled: what makes no sense is not in them.
 */
#include "config.h"
#include "schema/crd/cel-types.h"

#include <string.h>

static const struct crd_schema text_schema = { .type = CRD_STRING };
static const struct crd_field meta_fields[] = {
	{ "generateName", 12, &text_schema },
	{ "name", 4, &text_schema },
};
static const struct crd_schema meta_schema = {
	.type = CRD_OBJECT, .fields = meta_fields, .n_fields = 2,
};

/* The default of a schema that crd_cel_root() made, and of the metadata in
 * it: a default means nothing here. */
static const struct node live_mark;
static const struct crd_schema live_meta_schema = {
	.type = CRD_OBJECT, .fields = meta_fields, .n_fields = 2,
	.fallback = &live_mark,
};

const struct crd_schema *crd_cel_root(const struct crd_schema *s,
				      struct crd_schema *copy)
{
	*copy = *s;
	copy->embedded = true;
	copy->fallback = &live_mark;
	return copy;
}

static enum cel_form string_form(const struct crd_schema *s)
{
	switch (s->odd_format ? STR_NONE : s->format) {
	case STR_BYTE:
		return CEL_FORM_BYTES;
	case STR_DATE:
		return CEL_FORM_DATE;
	case STR_DATE_TIME:
		return CEL_FORM_DATE_TIME;
	case STR_DURATION:
		return CEL_FORM_DURATION;
	default:
		return CEL_FORM_STRING;
	}
}

static enum cel_form form(const struct crd_schema *s)
{
	switch (s->type) {
	case CRD_OBJECT:
		return !s->embedded && !s->n_fields &&
		       s->extra == EXTRA_SCHEMA ? CEL_FORM_MAP :
		       CEL_FORM_OBJECT;
	case CRD_ARRAY:
		return s->items ? CEL_FORM_LIST : CEL_FORM_OPAQUE;
	case CRD_STRING:
		return string_form(s);
	case CRD_INTEGER:
		return CEL_FORM_INTEGER;
	case CRD_NUMBER:
		return CEL_FORM_NUMBER;
	case CRD_BOOLEAN:
		return CEL_FORM_BOOLEAN;
	case CRD_INT_OR_STRING:
		return CEL_FORM_INT_OR_STRING;
	default:
		return CEL_FORM_OPAQUE;
	}
}

static void type(const void *schema, struct cel_type *ret)
{
	const struct crd_schema *s = schema;

	*ret = (struct cel_type){ .form = form(s), .nullable = s->nullable };
	ret->live = s->fallback == &live_mark;
	ret->item = s->type == CRD_ARRAY ? s->items : s->additional;
	if (s->list == LIST_SET)
		ret->list = CEL_LIST_SET;
	else if (s->list == LIST_MAP)
		ret->list = CEL_LIST_MAP;
}

static bool is_text(const struct crd_schema *s, const char *name)
{
	const struct crd_schema *f = crd_field(s, name, strlen(name));

	return f && f->type == CRD_STRING;
}

/* Does the definition say all of it itself? */
static bool says_meta(const struct crd_schema *s)
{
	const struct crd_schema *meta = crd_field(s, "metadata", 8);

	return is_text(s, "kind") && is_text(s, "apiVersion") && meta &&
	       meta->type == CRD_OBJECT && is_text(meta, "name") &&
	       is_text(meta, "generateName");
}

static const void *meta_field(const struct crd_schema *s, const char *name,
			      size_t len)
{
	if ((len == 4 && !memcmp(name, "kind", 4)) ||
	    (len == 10 && !memcmp(name, "apiVersion", 10)))
		return &text_schema;
	if (len == 8 && !memcmp(name, "metadata", 8))
		return s->fallback == &live_mark ? &live_meta_schema :
		       &meta_schema;
	return NULL;
}

static const void *field(const void *schema, const char *name, size_t len)
{
	const struct crd_schema *s = schema;
	const void *own = NULL;

	if (s->embedded && !says_meta(s))
		own = meta_field(s, name, len);
	return own ? own : crd_field(s, name, len);
}

static const char *key(const void *schema, size_t i)
{
	const struct crd_schema *s = schema;

	return i < s->n_keys ? s->keys[i] : NULL;
}

const struct cel_types crd_cel_types = { type, field, key };
