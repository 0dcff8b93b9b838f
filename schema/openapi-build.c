/*
 * From OpenAPI documents to a schema table. See openapi-build.h. Trusts the
 * documents no further than that they are JSON: whatever they say becomes a
 * table that openapi.c takes, or an error.
 *
 * Only what a kind leads to is kept. A named schema becomes one type; types
 * without a name that say the same become one, too.
 */
#include "config.h"
#include "schema/openapi-build.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/base/strvec.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/openapi-layout.h"
#include "schema/openapi.h"

#define REF_PREFIX "#/components/schemas/"
#define OBJECT_META "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
#define QUANTITY "io.k8s.apimachinery.pkg.api.resource.Quantity"
#define MICRO_TIME "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime"
#define GVK "x-kubernetes-group-version-kind"

struct builder {
	const struct openapi_source *source;
	struct buf kinds, types, fields, words, texts;
	struct map interned;	/* text to its offset */
	struct map named;	/* schema to its type */
	struct map same;	/* the bytes of a type to it */
	struct err *err;
};

/* A type while it is made. */
struct draft {
	unsigned char record[LAYOUT_TYPE];
	struct buf fields, words;	/* their records */
};

/* Numbers as values of a map, which may not be NULL. */
static void *boxed(uint32_t v)
{
	return (void *)((uintptr_t)v + 1);
}

static uint32_t unboxed(const void *p)
{
	return (uint32_t)((uintptr_t)p - 1);
}

static uint32_t intern(struct builder *b, const char *s)
{
	const void *known = map_get(&b->interned, s);
	uint32_t at = (uint32_t)b->texts.len;

	if (known)
		return unboxed(known);
	buf_add(&b->texts, s, strlen(s) + 1);
	map_put(&b->interned, s, boxed(at));
	return at;
}

static void add_number(struct buf *out, uint32_t v)
{
	unsigned char bytes[4];

	layout_put(bytes, v);
	buf_add(out, bytes, sizeof(bytes));
}

static uint32_t records(const struct buf *b, size_t record)
{
	return (uint32_t)(b->len / record);
}

static int refuse(struct builder *b, const char *name, const char *what)
{
	return err_set(b->err, ERR_INVALID, "schema '%s' %s", name, what);
}

/* ---- types ---- */

static int build_named(struct builder *b, const char *name, uint32_t *ret);
static int build_draft(struct builder *b, const char *name,
		       const struct node *schema, struct draft *d);

static void draft_init(struct draft *d)
{
	memset(d->record, 0, sizeof(d->record));
	buf_init(&d->fields, LIMIT_OPENAPI_BYTES);
	buf_init(&d->words, LIMIT_OPENAPI_BYTES);
}

static void draft_release(struct draft *d)
{
	buf_release(&d->fields);
	buf_release(&d->words);
}

/* Places the fields and words of a draft, and its record at index. */
static void place(struct builder *b, struct draft *d, uint32_t index)
{
	layout_put(d->record + TYPE_FIRST_FIELD,
		   records(&b->fields, LAYOUT_FIELD));
	layout_put(d->record + TYPE_FIELDS, records(&d->fields, LAYOUT_FIELD));
	layout_put(d->record + TYPE_FIRST_WORD,
		   records(&b->words, LAYOUT_WORD));
	layout_put(d->record + TYPE_WORDS, records(&d->words, LAYOUT_WORD));
	buf_add(&b->fields, d->fields.data, d->fields.len);
	buf_add(&b->words, d->words.data, d->words.len);
	memcpy(b->types.data + (size_t)index * LAYOUT_TYPE, d->record,
	       LAYOUT_TYPE);
}

static uint32_t reserve(struct builder *b)
{
	static const unsigned char nothing[LAYOUT_TYPE];
	uint32_t index = records(&b->types, LAYOUT_TYPE);

	buf_add(&b->types, nothing, sizeof(nothing));
	return index;
}

static int too_large(struct builder *b)
{
	return buf_check(&b->types, "the table's types", b->err) < 0 ||
	       buf_check(&b->fields, "the table's fields", b->err) < 0 ||
	       buf_check(&b->words, "the table's words", b->err) < 0 ||
	       buf_check(&b->texts, "the table's texts", b->err) < 0;
}

/* The type of a draft without a name: one like it, or a new one. */
static int share(struct builder *b, struct draft *d, uint32_t *ret)
{
	struct buf key = BUF_INIT(LIMIT_OPENAPI_BYTES);
	const void *known;
	int rc = -1;

	buf_add(&key, d->record, sizeof(d->record));
	add_number(&key, (uint32_t)d->fields.len);
	buf_add(&key, d->fields.data, d->fields.len);
	buf_add(&key, d->words.data, d->words.len);
	known = map_getn(&b->same, key.data, key.len);
	if (known) {
		*ret = unboxed(known);
		rc = 0;
	} else {
		uint32_t index = reserve(b);

		if (!too_large(b)) {
			place(b, d, index);
			map_putn(&b->same, key.data, key.len, boxed(index));
			*ret = index;
			rc = 0;
		}
	}
	buf_release(&key);
	return rc;
}

/* What a schema refers to, as `$ref` or as the only one of `allOf`. */
static const char *reference(const struct node *schema)
{
	const struct node *all = node_get(schema, "allOf");
	const char *ref = node_text(node_get(schema, "$ref"));

	if (!ref && all && all->type == NODE_SEQ && all->n == 1)
		ref = node_text(node_get(all->items[0], "$ref"));
	if (!ref || strncmp(ref, REF_PREFIX, strlen(REF_PREFIX)))
		return NULL;
	return ref + strlen(REF_PREFIX);
}

/* `name` is of the named schema around it, for messages. */
static int build_schema(struct builder *b, const char *name,
			const struct node *schema, uint32_t *ret)
{
	const char *ref = reference(schema);
	struct draft d;
	int rc;

	if (ref)
		return build_named(b, ref, ret);
	draft_init(&d);
	rc = build_draft(b, name, schema, &d);
	if (!rc)
		rc = share(b, &d, ret);
	draft_release(&d);
	return rc;
}

static int build_named(struct builder *b, const char *name, uint32_t *ret)
{
	const struct node *schema = map_get(&b->source->schemas, name);
	const void *known = map_get(&b->named, name);
	struct draft d;
	uint32_t index;
	int rc;

	if (known) {
		*ret = unboxed(known);
		return 0;
	}
	if (!schema)
		return refuse(b, name, "is referred to, but not there");
	index = reserve(b);
	if (too_large(b))
		return -1;
	map_put(&b->named, name, boxed(index));
	draft_init(&d);
	rc = build_draft(b, name, schema, &d);
	if (!rc) {
		layout_put(d.record + TYPE_NAME, intern(b, name));
		place(b, &d, index);
		*ret = index;
	}
	draft_release(&d);
	return rc ? rc : too_large(b) ? -1 : 0;
}

/* ---- what is in a type ---- */

static int add_words(struct builder *b, const char *name,
		     const struct node *list, struct draft *d)
{
	if (!list)
		return 0;
	if (list->type != NODE_SEQ)
		return refuse(b, name, "has an enum or keys that are no list");
	for (uint32_t i = 0; i < list->n; i++) {
		const char *word = node_text(list->items[i]);

		if (!word)
			return refuse(b, name, "has an enum or keys that are "
				      "no strings");
		add_number(&d->words, intern(b, word));
	}
	return 0;
}

static bool is_required(const struct builder *b, const char *name,
			const struct node *schema, const char *field)
{
	const struct node *list = node_get(schema, "required");
	char *full;
	bool found = false;

	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++) {
		const char *word = node_text(list->items[i]);

		found |= word && !strcmp(word, field);
	}
	if (!found || !b->source->enforced)
		return found;
	full = xasprintf("%s.%s", name, field);
	found = map_get(b->source->enforced, full) != NULL;
	free(full);
	return found;
}

static int add_field(struct builder *b, const char *name,
		     const struct node *schema, const struct node_pair *p,
		     struct draft *d)
{
	struct buf fallback = BUF_INIT(LIMIT_OPENAPI_BYTES);
	const struct node *value = node_get(p->value, "default");
	uint32_t type;

	if (strlen(p->key) != p->key_len)
		return refuse(b, name, "has a field with NUL in its name");
	if (build_schema(b, name, p->value, &type) < 0)
		return -1;
	if (value)
		json_write_compact(value, &fallback);
	add_number(&d->fields, intern(b, p->key));
	add_number(&d->fields, type);
	add_number(&d->fields,
		   is_required(b, name, schema, p->key) ? FIELD_REQUIRED : 0);
	add_number(&d->fields, intern(b, fallback.data));
	buf_release(&fallback);
	return 0;
}

static int pair_order(const void *a, const void *b)
{
	const struct node_pair *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

static int add_fields(struct builder *b, const char *name,
		      const struct node *schema, struct draft *d)
{
	const struct node *map = node_get(schema, "properties");
	const struct node_pair **sorted;
	int rc = 0;

	if (!map)
		return 0;
	if (map->type != NODE_MAP)
		return refuse(b, name, "has properties that are no map");
	sorted = xcalloc(map->n + 1, sizeof(*sorted));
	for (uint32_t i = 0; i < map->n; i++)
		sorted[i] = &map->pairs[i];
	qsort(sorted, map->n, sizeof(*sorted), pair_order);
	for (uint32_t i = 0; !rc && i < map->n; i++)
		rc = add_field(b, name, schema, sorted[i], d);
	free(sorted);
	return rc;
}

static bool is_true(const struct node *n)
{
	return n && n->type == NODE_BOOL && n->boolean;
}

static int add_item(struct builder *b, const char *name,
		    const struct node *schema, struct draft *d)
{
	uint32_t item;

	if (build_schema(b, name, schema, &item) < 0)
		return -1;
	layout_put(d->record + TYPE_ITEM, item);
	return 0;
}

static int draft_object(struct builder *b, const char *name,
			const struct node *schema, struct draft *d)
{
	const struct node *more = node_get(schema, "additionalProperties");

	if (more && more->type == NODE_MAP) {
		d->record[TYPE_FORM] = FORM_MAP;
		return add_item(b, name, more, d);
	}
	d->record[TYPE_FORM] = FORM_OBJECT;
	d->record[TYPE_OPEN] = is_true(more) ||
		!node_get(schema, "properties") ||
		is_true(node_get(schema,
				 "x-kubernetes-preserve-unknown-fields"));
	return add_fields(b, name, schema, d);
}

static int draft_list(struct builder *b, const char *name,
		      const struct node *schema, struct draft *d)
{
	const char *kind = node_text(node_get(schema,
					      "x-kubernetes-list-type"));
	const struct node *items = node_get(schema, "items");

	d->record[TYPE_FORM] = FORM_LIST;
	if (!items || items->type != NODE_MAP)
		return refuse(b, name, "has a list without items");
	if (kind && !strcmp(kind, "set"))
		d->record[TYPE_LIST] = LIST_SET;
	if (kind && !strcmp(kind, "map"))
		d->record[TYPE_LIST] = LIST_MAP;
	if (add_words(b, name, node_get(schema, "x-kubernetes-list-map-keys"),
		      d) < 0)
		return -1;
	return add_item(b, name, items, d);
}

static enum openapi_format format_of(const char *name, const char *format)
{
	static const char *const names[FORMATS] = {
		[FORMAT_INT32] = "int32", [FORMAT_INT64] = "int64",
		[FORMAT_BYTE] = "byte", [FORMAT_DATE_TIME] = "date-time",
	};

	if (!strcmp(name, MICRO_TIME))
		return FORMAT_MICRO_TIME;
	for (size_t i = 1; format && i < ARRAY_SIZE(names); i++)
		if (names[i] && !strcmp(names[i], format))
			return (enum openapi_format)i;
	return FORMAT_NONE;
}

static int build_draft(struct builder *b, const char *name,
		       const struct node *schema, struct draft *d)
{
	static const char *const scalars[FORMS] = {
		[FORM_STRING] = "string", [FORM_INTEGER] = "integer",
		[FORM_NUMBER] = "number", [FORM_BOOLEAN] = "boolean",
	};
	const char *type = node_text(node_get(schema, "type"));
	const char *format = node_text(node_get(schema, "format"));

	if (schema->type != NODE_MAP)
		return refuse(b, name, "is no map, or has one in it");
	if (!strcmp(name, QUANTITY)) {
		d->record[TYPE_FORM] = FORM_QUANTITY;
		return 0;
	}
	if (format && !strcmp(format, "int-or-string")) {
		d->record[TYPE_FORM] = FORM_INT_OR_STRING;
		return 0;
	}
	if (!type) {
		d->record[TYPE_FORM] = FORM_ANY;
		return 0;
	}
	if (!strcmp(type, "object"))
		return draft_object(b, name, schema, d);
	if (!strcmp(type, "array"))
		return draft_list(b, name, schema, d);
	for (size_t i = 0; i < ARRAY_SIZE(scalars); i++) {
		if (!scalars[i] || strcmp(scalars[i], type))
			continue;
		d->record[TYPE_FORM] = (unsigned char)i;
		d->record[TYPE_FORMAT] =
			(unsigned char)format_of(name, format);
		return add_words(b, name, node_get(schema, "enum"), d);
	}
	return refuse(b, name, "has a type that is unheard of");
}

/* ---- kinds ---- */

struct kind_source {
	const char *group, *version, *kind, *schema;
};

/* Objects have one kind and an ObjectMeta; options and lists have not. */
static bool is_kind(const char *name, const struct node *schema,
		    struct kind_source *ret)
{
	const struct node *list = node_get(schema, GVK);
	const char *meta = reference(node_path(schema, "properties",
					       "metadata", NULL));

	if (!list || list->type != NODE_SEQ || list->n != 1 || !meta ||
	    strcmp(meta, OBJECT_META))
		return false;
	*ret = (struct kind_source){
		.group = node_text(node_get(list->items[0], "group")),
		.version = node_text(node_get(list->items[0], "version")),
		.kind = node_text(node_get(list->items[0], "kind")),
		.schema = name,
	};
	return ret->group && ret->version && ret->kind;
}

static int kind_order(const void *a, const void *b)
{
	const struct kind_source *x = a, *y = b;
	int c = strcmp(x->group, y->group);

	if (!c)
		c = strcmp(x->kind, y->kind);
	if (!c)
		c = strcmp(x->version, y->version);
	return c ? c : strcmp(x->schema, y->schema);
}

static int add_kind(struct builder *b, const struct kind_source *k)
{
	uint32_t type;

	if (build_named(b, k->schema, &type) < 0)
		return -1;
	add_number(&b->kinds, intern(b, k->group));
	add_number(&b->kinds, intern(b, k->version));
	add_number(&b->kinds, intern(b, k->kind));
	add_number(&b->kinds, type);
	return 0;
}

static int add_kinds(struct builder *b)
{
	const struct map *schemas = &b->source->schemas;
	struct kind_source *v = xcalloc(schemas->count + 1, sizeof(*v));
	size_t n = 0;
	int rc = 0;

	for (map_each(schemas, e))
		if (is_kind(e->key, e->value, &v[n]))
			n++;
	qsort(v, n, sizeof(*v), kind_order);
	for (size_t i = 0; !rc && i < n; i++) {
		if (i && !strcmp(v[i].group, v[i - 1].group) &&
		    !strcmp(v[i].version, v[i - 1].version) &&
		    !strcmp(v[i].kind, v[i - 1].kind))
			rc = refuse(b, v[i].schema, "has the kind of another");
		else
			rc = add_kind(b, &v[i]);
	}
	free(v);
	return rc;
}

/* ---- the file ---- */

static void add_array(struct buf *out, size_t start, size_t at,
		      const struct buf *from, size_t record)
{
	unsigned char *header = (unsigned char *)out->data + start;

	layout_put(header + at, records(from, record));
	layout_put(header + at + 4, (uint32_t)(out->len - start));
	buf_add(out, from->data, from->len);
}

static int write_table(struct builder *b, struct buf *out)
{
	static const unsigned char nothing[LAYOUT_HEADER];
	size_t start = out->len;
	uint32_t kubernetes = intern(b, b->source->kubernetes);
	unsigned char *header;

	buf_add(out, nothing, sizeof(nothing));
	if (buf_check(out, "the table", b->err) < 0 || too_large(b))
		return -1;
	add_array(out, start, HEADER_KINDS, &b->kinds, LAYOUT_KIND);
	add_array(out, start, HEADER_TYPES, &b->types, LAYOUT_TYPE);
	add_array(out, start, HEADER_FIELDS, &b->fields, LAYOUT_FIELD);
	add_array(out, start, HEADER_WORDS, &b->words, LAYOUT_WORD);
	add_array(out, start, HEADER_TEXTS, &b->texts, 1);
	if (buf_check(out, "the table", b->err) < 0)
		return -1;
	header = (unsigned char *)out->data + start;
	memcpy(header, LAYOUT_MAGIC, LAYOUT_MAGIC_BYTES);
	layout_put(header + HEADER_VERSION, LAYOUT_VERSION);
	layout_put(header + HEADER_BYTES, (uint32_t)(out->len - start));
	layout_put(header + HEADER_KUBERNETES, kubernetes);
	return 0;
}

int openapi_build(const struct openapi_source *s, struct buf *out,
		  struct err *err)
{
	struct builder b = { .source = s, .err = err };
	struct buf *all[] = { &b.kinds, &b.types, &b.fields, &b.words,
			      &b.texts };
	int rc;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		buf_init(all[i], LIMIT_OPENAPI_BYTES);
	intern(&b, "");
	reserve(&b);		/* FORM_ANY: what types without items name */
	rc = add_kinds(&b);
	if (!rc)
		rc = write_table(&b, out);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		buf_release(all[i]);
	map_release(&b.interned, NULL);
	map_release(&b.named, NULL);
	map_release(&b.same, NULL);
	return rc;
}

/* ---- documents ---- */

int openapi_source_add(struct openapi_source *s, const struct node *document,
		       struct err *err)
{
	const struct node *schemas = node_path(document, "components",
					       "schemas", NULL);

	if (!schemas)
		return 0;	/* a document of paths alone */
	if (schemas->type != NODE_MAP)
		return err_set(err, ERR_INVALID,
			       "components.schemas is no map");
	for (uint32_t i = 0; i < schemas->n; i++) {
		const struct node_pair *p = &schemas->pairs[i];

		map_putn(&s->schemas, p->key, p->key_len, p->value);
	}
	return 0;
}

void openapi_source_release(struct openapi_source *s)
{
	map_release(&s->schemas, NULL);
}
