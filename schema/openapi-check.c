/*
 * Walking an object along its kind's schema. See openapi-check.h. The object
 * comes from a push: it is as deep as its reader allows (LIMIT_DEPTH), and
 * may have any number of fields and items, so nothing here costs the square
 * of them. The schema cannot lead outside of itself, but in circles: each
 * step down takes one of the object, too.
 */
#include "config.h"
#include "schema/openapi-check.h"

#include <stdarg.h>
#include <string.h>

#include "schema/base/map.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/near.h"
#include "schema/openapi-walk.h"

#define CLAIM "io.k8s.api.core.v1.PersistentVolumeClaim"
/* the keys of one item, as JSON: four names of an object at most */
#define ITEM_KEYS_MAX (64u * 1024)

static void check_value(struct openapi_walk *w, const struct place *p);

/* ---- what is judged elsewhere ---- */

static bool listed(const char *const *list, const char *key)
{
	for (; *list; list++)
		if (!strcmp(*list, key))
			return true;
	return false;
}

/* Dropped by rendering, or judged by rules.h. */
static bool is_skipped(const struct openapi_walk *w, const struct place *p)
{
	static const char *const root[] = {
		"apiVersion", "kind", "status", NULL
	};
	static const char *const metadata[] = {
		"name", "namespace", "labels", "annotations", "managedFields",
		"uid", "resourceVersion", "generation", "creationTimestamp",
		"selfLink", NULL
	};
	static const char *const data[] = {
		"data", "stringData", "binaryData", NULL
	};
	const char *kind = w->judge.o->id.kind;

	/* of what a StatefulSet makes, too */
	if (!strcmp(p->up->type->name, CLAIM) && !strcmp(p->key, "status"))
		return true;
	if (!p->up->up)
		return listed(root, p->key) ||
		       (!*w->judge.o->id.group && listed(data, p->key) &&
			(!strcmp(kind, "Secret") ||
			 !strcmp(kind, "ConfigMap")));
	return !p->up->up->up && p->up->key &&
	       !strcmp(p->up->key, "metadata") && listed(metadata, p->key);
}

/* ---- maps of known fields ---- */

static const char *nearest_field(const struct openapi_walk *w,
				 const struct openapi_type *t,
				 const char *name)
{
	struct nearest near = nearest_to(name);

	for (uint32_t i = 0; i < t->n_fields; i++) {
		struct openapi_field f;

		openapi_field(w->s, t, i, &f);
		nearest_try(&near, f.name);
	}
	return near.best;
}

/* The nearest map around that has such a field: it was indented too far. */
static const struct place *belongs(const struct openapi_walk *w,
				   const struct place *p, const char *name)
{
	for (p = p->up; p && p->up; p = p->up)
		if (p->type && p->type->form == FORM_OBJECT &&
		    openapi_find(w->s, p->type, name, strlen(name)) >= 0)
			return p;
	return NULL;
}

static void unknown_field(struct openapi_walk *w, const struct place *p,
			  const struct node_pair *pair)
{
	const struct openapi_type *t = p->type;
	const struct place *home = NULL;
	const char *near = NULL;

	if (w->lenient)
		return;
	if (!problems_full(w->judge.ps, SEVERITY_ERROR)) {
		near = nearest_field(w, t, pair->key);
		home = near ? NULL : belongs(w, p, pair->key);
	}
	place_unknown_field(&w->judge, p, pair, near, home);
}

static void check_required(struct openapi_walk *w, const struct place *p)
{
	for (uint32_t i = 0; i < p->type->n_fields; i++) {
		struct openapi_field f;
		const struct node *v;

		openapi_field(w->s, p->type, i, &f);
		if (!f.required)
			continue;
		v = node_get(p->node, f.name);
		if (!v || v->type == NODE_NULL)
			place_error(&w->judge, p, p->node->mark,
				    "field-required", "has no '%s', which is "
				    "required", f.name);
	}
}

static void check_pair(struct openapi_walk *w, const struct place *p,
		       const struct node_pair *pair)
{
	struct openapi_field f;
	struct openapi_type t;
	struct place down = { .up = p, .key = pair->key, .node = pair->value,
			      .type = &t };
	int64_t i;

	if (is_skipped(w, &down))
		return;
	i = openapi_find(w->s, p->type, pair->key, pair->key_len);
	if (i < 0 && p->type->open)
		return;
	if (i < 0) {
		unknown_field(w, p, pair);
		return;
	}
	openapi_field(w->s, p->type, (uint32_t)i, &f);
	openapi_type(w->s, f.type, &t);
	down.required = f.required;
	check_value(w, &down);
}

static void check_object(struct openapi_walk *w, const struct place *p)
{
	if (p->node->type != NODE_MAP) {
		wrong_form(w, p);
		return;
	}
	for (uint32_t i = 0; i < p->node->n; i++)
		check_pair(w, p, &p->node->pairs[i]);
	check_required(w, p);
}

/* ---- maps of any keys, and lists ---- */

static void check_map(struct openapi_walk *w, const struct place *p)
{
	struct openapi_type t;

	if (p->node->type != NODE_MAP) {
		wrong_form(w, p);
		return;
	}
	openapi_type(w->s, p->type->item, &t);
	for (uint32_t i = 0; i < p->node->n; i++)
		check_value(w, &(struct place){
			.up = p, .key = p->node->pairs[i].key, .type = &t,
			.node = p->node->pairs[i].value });
}

/* One key of an item: its value, or the default of its field. False if it
 * has neither. */
static bool add_key(const struct openapi_walk *w, const struct place *item,
		    const char *key, struct buf *out)
{
	const struct node *v = node_get(item->node, key);
	struct openapi_field f = { .fallback = "" };
	int64_t i = openapi_find(w->s, item->type, key, strlen(key));

	if (i >= 0)
		openapi_field(w->s, item->type, (uint32_t)i, &f);
	buf_addf(out, "%s%s ", out->len ? ", " : "", key);
	if (v)
		json_write_compact(v, out);
	else
		buf_adds(out, f.fallback);
	return v || *f.fallback;
}

/* What tells the item from others; false if it lacks that, which is said
 * here unless the field is required anyway. */
static bool item_keys(struct openapi_walk *w, const struct place *list,
		      const struct place *item, struct buf *out)
{
	for (uint32_t i = 0; i < list->type->n_words; i++) {
		const char *key = openapi_word(w->s, list->type, i);
		struct openapi_field f = { 0 };
		int64_t at = openapi_find(w->s, item->type, key, strlen(key));

		if (add_key(w, item, key, out))
			continue;
		if (at >= 0)
			openapi_field(w->s, item->type, (uint32_t)at, &f);
		if (!f.required)
			place_error(&w->judge, item, item->node->mark,
				    "field-required", "has no '%s', which "
				    "tells the items of this list apart", key);
		return false;
	}
	return buf_ok(out);
}

/* An item of a list whose items have keys, or are a set. */
static void check_identity(struct openapi_walk *w, const struct place *list,
			   const struct place *item, struct map *seen)
{
	struct buf keys = BUF_INIT(ITEM_KEYS_MAX);
	bool known = false;

	if (item->node->type == NODE_NULL)
		place_null_item(&w->judge, item);
	else if (list->type->list == LIST_MAP && item->node->type == NODE_MAP)
		known = item_keys(w, list, item, &keys);
	else if (list->type->list == LIST_SET) {
		json_write_compact(item->node, &keys);
		known = buf_ok(&keys);
	}
	if (known)
		place_again(&w->judge, item, &keys, w->secret, seen);
	buf_release(&keys);
}

static void check_list(struct openapi_walk *w, const struct place *p)
{
	struct map seen = MAP_INIT;
	struct openapi_type t;

	if (p->node->type != NODE_SEQ) {
		wrong_form(w, p);
		return;
	}
	openapi_type(w->s, p->type->item, &t);
	for (uint32_t i = 0; i < p->node->n; i++) {
		struct place item = { .up = p, .index = i, .type = &t,
				      .node = p->node->items[i] };

		check_value(w, &item);
		/* what is passed over has no types where lists are merged */
		if (p->type->list != LIST_ATOMIC && !w->lenient)
			check_identity(w, p, &item, &seen);
	}
	map_release(&seen, NULL);
}

static void check_value(struct openapi_walk *w, const struct place *p)
{
	if (p->node->type == NODE_NULL)
		return;
	switch (p->type->form) {
	case FORM_OBJECT:
		check_object(w, p);
		return;
	case FORM_MAP:
		check_map(w, p);
		return;
	case FORM_LIST:
		check_list(w, p);
		return;
	default:
		check_scalar(w, p);
		return;
	}
}

int openapi_check(const struct openapi *s, const struct object *o,
		  struct problems *ps)
{
	struct openapi_walk w = { .s = s, .judge = { .o = o, .ps = ps } };
	struct openapi_type t;
	struct place root = { .node = o->root, .type = &t };
	uint32_t type;

	if (!openapi_kind(s, o->id.group, o->id.version, o->id.kind, &type))
		return 0;
	openapi_type(s, type, &t);
	w.secret = !strcmp(o->id.kind, "Secret") && !*o->id.group;
	check_value(&w, &root);
	return w.judge.rc;
}

/* The field, or the items of the list that it is. */
static bool step_down(const struct openapi *s, const char *name,
		      struct openapi_type *t)
{
	int64_t at = openapi_find(s, t, name, strlen(name));
	struct openapi_field f;

	if (at < 0)
		return false;
	openapi_field(s, t, (uint32_t)at, &f);
	openapi_type(s, f.type, t);
	while (t->form == FORM_LIST)
		openapi_type(s, t->item, t);
	return true;
}

int openapi_check_as(const struct openapi *s, struct judge *j,
		     const struct place *p, bool lenient, const char *group,
		     const char *version, const char *kind, ...)
{
	struct openapi_walk w = { .s = s, .judge = *j, .lenient = lenient };
	struct openapi_type t;
	struct place as = *p;
	const char *name;
	bool found;
	uint32_t type;
	va_list ap;

	found = openapi_kind(s, group, version, kind, &type);
	if (found)
		openapi_type(s, type, &t);
	va_start(ap, kind);
	while (found && (name = va_arg(ap, const char *)))
		found = step_down(s, name, &t);
	va_end(ap);
	if (!found)
		return 0;
	as.type = &t;
	w.judge.rc = 0;
	check_value(&w, &as);
	j->rc |= w.judge.rc;
	return w.judge.rc;
}

int openapi_check_metadata(const struct openapi *s, struct judge *j,
			   const struct place *p)
{
	return openapi_check_as(s, j, p, false, "", "v1", "ConfigMap",
				"metadata", NULL);
}
