/*
 * From a CustomResourceDefinition's tree to a struct crd. See crd.h. The
 * tree comes from a push: any of it may be missing or of another type, and
 * it is as deep as its reader allows (LIMIT_DEPTH).
 */
#include "config.h"
#include "schema/crd/crd.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/limits.h"

bool crd_is(const struct object_id *id)
{
	return !strcmp(id->kind, CRD_KIND) && !strcmp(id->group, CRD_GROUP);
}

static const char *copy_text(struct crd *c, const struct node *n)
{
	const char *s = node_text(n);

	return arena_strdup(&c->arena, s ? s : "");
}

static bool is_true(const struct node *n)
{
	return n && n->type == NODE_BOOL && n->boolean;
}

/* ---- parts of a schema ---- */

static struct crd_limit limit_of(const struct node *s, const char *key)
{
	const struct node *n = node_get(s, key);

	if (!n || n->type != NODE_INT)
		return (struct crd_limit){ .set = false };
	return (struct crd_limit){ .set = true, .n = n->integer };
}

static struct crd_bound bound_of(const struct node *s, const char *key,
				 const char *exclusive)
{
	const struct node *n = node_get(s, key);
	struct crd_bound b = { .set = true };

	if (n && n->type == NODE_INT)
		b.value = (double)n->integer;
	else if (n && n->type == NODE_FLOAT)
		b.value = n->real;
	else
		b.set = false;
	b.exclusive = exclusive && is_true(node_get(s, exclusive));
	return b;
}

static enum crd_type type_of(const struct node *s)
{
	static const char *const names[CRD_TYPES] = {
		[CRD_OBJECT] = "object", [CRD_ARRAY] = "array",
		[CRD_STRING] = "string", [CRD_INTEGER] = "integer",
		[CRD_NUMBER] = "number", [CRD_BOOLEAN] = "boolean",
	};
	const char *type = node_text(node_get(s, "type"));

	if (is_true(node_get(s, "x-kubernetes-int-or-string")))
		return CRD_INT_OR_STRING;
	for (size_t i = 0; type && i < ARRAY_SIZE(names); i++)
		if (names[i] && !strcmp(names[i], type))
			return (enum crd_type)i;
	return CRD_ANY;
}

/* Rules know times and such only by these names; all else is a text. */
static bool is_usual_format(const char *name)
{
	static const char *const usual[] = {
		"byte", "date", "date-time", "duration",
	};

	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		if (!strcmp(usual[i], name))
			return true;
	return false;
}

/* A format has a meaning for some types only, and is dropped elsewhere. */
static void set_format(struct crd_schema *s, const char *format)
{
	if (!format)
		return;
	switch (s->type) {
	case CRD_ANY:
	case CRD_STRING:
	case CRD_INT_OR_STRING:
		s->format = str_format_of(format);
		s->odd_format = !is_usual_format(format);
		break;
	case CRD_INTEGER:
		if (!strcmp(format, "int32"))
			s->width = WIDTH_INT32;
		if (!strcmp(format, "int64"))
			s->width = WIDTH_INT64;
		break;
	case CRD_NUMBER:
		if (!strcmp(format, "float"))
			s->width = WIDTH_FLOAT;
		if (!strcmp(format, "double"))
			s->width = WIDTH_DOUBLE;
		break;
	default:
		break;
	}
}

static enum openapi_list list_of(const struct node *s)
{
	const char *type = node_text(node_get(s, "x-kubernetes-list-type"));

	if (type && !strcmp(type, "set"))
		return LIST_SET;
	return type && !strcmp(type, "map") ? LIST_MAP : LIST_ATOMIC;
}

/* The texts of a list, those that are none left out. */
static const char *const *texts_of(struct crd *c, const struct node *list,
				   uint32_t *ret_n)
{
	const char **v;
	uint32_t n = 0;

	*ret_n = 0;
	if (!list || list->type != NODE_SEQ || !list->n)
		return NULL;
	v = arena_array(&c->arena, list->n, sizeof(*v));
	for (uint32_t i = 0; i < list->n; i++)
		if (list->items[i]->type == NODE_STR)
			v[n++] = copy_text(c, list->items[i]);
	*ret_n = n;
	return v;
}

static struct crd_pattern *pattern_of(struct crd *c, const struct node *n)
{
	struct crd_pattern *p;

	if (!n || n->type != NODE_STR || !n->n)
		return NULL;
	p = map_getn(&c->patterns, n->str, n->n);
	if (p)
		return p;
	p = arena_alloc(&c->arena, sizeof(*p));
	p->text = arena_strndup(&c->arena, n->str, n->n);
	p->len = n->n;
	map_putn(&c->patterns, n->str, n->n, p);
	return p;
}

/* A list or any value, as it is; NULL for null. */
static const struct node *value_of(struct crd *c, const struct node *n)
{
	return n && n->type != NODE_NULL ? node_copy(&c->arena, n) : NULL;
}

static const struct node *list_value_of(struct crd *c, const struct node *n)
{
	return n && n->type == NODE_SEQ && n->n ? node_copy(&c->arena, n) :
						  NULL;
}

/* ---- schemas in a schema ---- */

static struct crd_list schemas_of(struct crd *c, const struct node *list)
{
	struct crd_list l = { 0 };

	if (!list || list->type != NODE_SEQ || !list->n)
		return l;
	l.v = arena_array(&c->arena, list->n, sizeof(*l.v));
	for (uint32_t i = 0; i < list->n; i++)
		l.v[l.n++] = crd_compile(c, list->items[i]);
	return l;
}

static const struct crd_schema *schema_of(struct crd *c, const struct node *n)
{
	return n && n->type == NODE_MAP ? crd_compile(c, n) : NULL;
}

static int by_name(const void *a, const void *b)
{
	const struct crd_field *x = a, *y = b;
	size_t len = x->len < y->len ? x->len : y->len;
	int order = memcmp(x->name, y->name, len);

	if (order)
		return order;
	return (x->len > y->len) - (x->len < y->len);
}

static void add_fields(struct crd *c, struct crd_schema *s,
		       const struct node *map)
{
	struct crd_field *v;

	if (!map || map->type != NODE_MAP || !map->n)
		return;
	v = arena_array(&c->arena, map->n, sizeof(*v));
	for (uint32_t i = 0; i < map->n; i++) {
		const struct node_pair *p = &map->pairs[i];

		v[i] = (struct crd_field){
			.name = arena_strndup(&c->arena, p->key, p->key_len),
			.len = p->key_len,
			.schema = crd_compile(c, p->value),
		};
	}
	qsort(v, map->n, sizeof(*v), by_name);
	s->fields = v;
	s->n_fields = map->n;
}

static void add_extra(struct crd *c, struct crd_schema *s,
		      const struct node *n)
{
	if (!n || (n->type != NODE_BOOL && n->type != NODE_MAP))
		return;
	if (n->type == NODE_BOOL) {
		s->extra = n->boolean ? EXTRA_ANY : EXTRA_NONE;
		return;
	}
	s->extra = EXTRA_SCHEMA;
	s->additional = crd_compile(c, n);
}

static void add_limits(struct crd_schema *s, const struct node *n)
{
	s->min_length = limit_of(n, "minLength");
	s->max_length = limit_of(n, "maxLength");
	s->min_items = limit_of(n, "minItems");
	s->max_items = limit_of(n, "maxItems");
	s->min_fields = limit_of(n, "minProperties");
	s->max_fields = limit_of(n, "maxProperties");
	s->minimum = bound_of(n, "minimum", "exclusiveMinimum");
	s->maximum = bound_of(n, "maximum", "exclusiveMaximum");
	s->multiple = bound_of(n, "multipleOf", NULL);
}

const struct crd_schema *crd_compile(struct crd *c, const struct node *n)
{
	struct crd_schema *s = arena_alloc(&c->arena, sizeof(*s));
	const char *map = node_text(node_get(n, "x-kubernetes-map-type"));

	/* beyond the limit nothing is kept; crd_read says so at the end */
	if (++c->schemas > LIMIT_CRD_SCHEMAS)
		return s;
	s->type = type_of(n);
	set_format(s, node_text(node_get(n, "format")));
	s->list = list_of(n);
	s->nullable = is_true(node_get(n, "nullable"));
	s->preserve = is_true(node_get(n,
				"x-kubernetes-preserve-unknown-fields"));
	s->embedded = is_true(node_get(n, "x-kubernetes-embedded-resource"));
	s->map_atomic = map && !strcmp(map, "atomic");
	s->items = schema_of(c, node_get(n, "items"));
	add_extra(c, s, node_get(n, "additionalProperties"));
	add_fields(c, s, node_get(n, "properties"));
	s->required = texts_of(c, node_get(n, "required"), &s->n_required);
	s->keys = texts_of(c, node_get(n, "x-kubernetes-list-map-keys"),
			   &s->n_keys);
	s->fallback = value_of(c, node_get(n, "default"));
	s->words = list_value_of(c, node_get(n, "enum"));
	s->rules = crd_rules_read(&c->arena,
				  node_get(n, "x-kubernetes-validations"),
				  &s->n_rules, &c->rules);
	add_limits(s, n);
	s->pattern = pattern_of(c, node_get(n, "pattern"));
	s->all_of = schemas_of(c, node_get(n, "allOf"));
	s->any_of = schemas_of(c, node_get(n, "anyOf"));
	s->one_of = schemas_of(c, node_get(n, "oneOf"));
	s->not = schema_of(c, node_get(n, "not"));
	return s;
}

/* ---- the definition ---- */

static void read_version(struct crd *c, const struct node *n,
			 struct crd_version *v)
{
	const struct node *sub = node_get(n, "subresources");
	const struct node *status = node_get(sub, "status");
	const struct node *replicas = node_path(sub, "scale",
						"specReplicasPath", NULL);

	v->name = copy_text(c, node_get(n, "name"));
	v->served = is_true(node_get(n, "served"));
	v->storage = is_true(node_get(n, "storage"));
	v->status = status && status->type == NODE_MAP;
	if (node_text(replicas) && replicas->n)
		v->replicas = copy_text(c, replicas);
	v->schema = schema_of(c, node_path(n, "schema", "openAPIV3Schema",
					   NULL));
}

int crd_read(const struct node *definition, struct crd **ret,
	     struct err *err)
{
	const struct node *spec = node_get(definition, "spec");
	const struct node *list = node_get(spec, "versions");
	const char *scope = node_path_str(spec, "scope", NULL);
	struct crd *c = xcalloc(1, sizeof(*c));

	c->group = copy_text(c, node_get(spec, "group"));
	c->kind = copy_text(c, node_path(spec, "names", "kind", NULL));
	c->plural = copy_text(c, node_path(spec, "names", "plural", NULL));
	c->namespaced = scope && !strcmp(scope, "Namespaced");
	if (list && list->type == NODE_SEQ && list->n) {
		c->n = list->n;
		c->versions = arena_array(&c->arena, c->n,
					  sizeof(*c->versions));
		for (size_t i = 0; i < c->n; i++)
			read_version(c, list->items[i], &c->versions[i]);
	}
	if (c->schemas > LIMIT_CRD_SCHEMAS) {
		crd_free(c);
		return err_set(err, ERR_INVALID, "it has more than %d "
			       "schemas, those in others counted",
			       LIMIT_CRD_SCHEMAS);
	}
	*ret = c;
	return 0;
}

void crd_free(struct crd *c)
{
	if (!c)
		return;
	for (map_each(&c->patterns, e)) {
		struct crd_pattern *p = e->value;

		pattern_free(p->compiled);
	}
	map_release(&c->patterns, NULL);
	crd_rules_free(c->rules);
	arena_release(&c->arena);
	free(c);
}

/* ---- looking ---- */

const struct crd_version *crd_version(const struct crd *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->versions[i].name, name))
			return &c->versions[i];
	return NULL;
}

const struct crd_schema *crd_field(const struct crd_schema *s,
				   const char *name, size_t len)
{
	struct crd_field key = { .name = name, .len = (uint32_t)len };
	const struct crd_field *f;

	if (!s->n_fields)
		return NULL;
	f = bsearch(&key, s->fields, s->n_fields, sizeof(key), by_name);
	return f ? f->schema : NULL;
}

const struct crd_schema *crd_value(const struct crd_schema *s,
				   const char *name, size_t len)
{
	const struct crd_schema *f = crd_field(s, name, len);

	return f ? f : s->additional;
}

const struct pattern *crd_pattern(struct crd_pattern *p)
{
	struct err refused = ERR_INIT;

	if (!p->tried && pattern_compile(p->text, p->len, &p->compiled,
					 &refused) < 0)
		p->compiled = NULL;
	p->tried = true;
	return p->compiled;
}
