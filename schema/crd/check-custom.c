/*
 * Walking a custom resource along its schema. See check-custom.h. Object and
 * definition come from a push. Both are as deep as their readers allow; what
 * a large object and a large definition could make of each other is bounded
 * by LIMIT_CRD_STEPS: beyond that nothing more is said.
 */
#include "config.h"
#include "schema/crd/check-custom.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/crd/crd-walk.h"
#include "schema/crd/settle.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/near.h"
#include "schema/openapi-check.h"

#define SAID_MAX 1536
/* the keys of one item, as JSON */
#define ITEM_KEYS_MAX (64u * 1024)
/* of an old list: so many are looked at one by one */
#define FEW_ITEMS 16

/* ---- faults ---- */

/* A default has no mark: the map that lacks it has. */
static struct mark mark_of(const struct spot *p)
{
	while (p->up && !p->place.node->mark.line)
		p = p->up;
	return p->place.node->mark;
}

bool crd_may_say(struct crd_walk *w, const struct spot *p)
{
	w->faults++;
	return !w->silent && !p->same;
}

static void add_place(const struct spot *p, struct buf *out)
{
	place_path(&p->place, out);
	if (!out->len)
		buf_adds(out, "the object");
}

static bool blocks(const char *rule)
{
	return !strcmp(rule, "field-required") ||
	       !strcmp(rule, "field-type") || !strcmp(rule, "field-enum") ||
	       !strcmp(rule, "field-count") || !strcmp(rule, "field-length");
}

void crd_fault(struct crd_walk *w, const struct spot *p, const char *rule,
	       const char *fmt, ...)
{
	char said[SAID_MAX];
	struct buf path = BUF_INIT(SAID_MAX);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	w->faults++;
	if (w->silent) {
		if (w->first && !w->first->len) {
			add_place(p, w->first);
			buf_addf(w->first, " %s", said);
		}
		return;
	}
	w->blocked |= blocks(rule);
	if (p->same) {
		add_place(p, &path);
		problem_warning(w->judge.ps, w->judge.o->path, mark_of(p),
				rule, "%s %s (it was so before)", path.data,
				said);
	} else {
		place_error(&w->judge, &p->place, mark_of(p), rule, "%s",
			    said);
	}
	buf_release(&path);
}

/* ---- down ---- */

struct spot crd_spot_pair(const struct spot *p, const struct node_pair *pair,
			  const struct crd_schema *schema)
{
	struct spot down = {
		.place = { .up = &p->place, .key = pair->key,
			   .node = pair->value },
		.up = p, .schema = schema, .quiet = p->quiet,
		.old = p->old ? node_getn(p->old, pair->key, pair->key_len) :
				NULL,
	};

	down.same = down.old && (p->same || node_equal(down.old, pair->value));
	return down;
}

static bool same_keys(const struct crd_schema *s, const struct node *x,
		      const struct node *y)
{
	for (uint32_t k = 0; k < s->n_keys; k++) {
		const struct node *a = node_get(x, s->keys[k]);
		const struct node *b = node_get(y, s->keys[k]);

		if (!a || !b || !node_equal(a, b))
			return false;
	}
	return true;
}

/* All keys of an item, as one text; false if it lacks one. */
static bool keys_text(const struct crd_schema *s, const struct node *item,
		      struct buf *out)
{
	buf_reset(out);
	for (uint32_t k = 0; k < s->n_keys; k++) {
		const struct node *v = node_get(item, s->keys[k]);

		if (!v)
			return false;
		json_write_compact(v, out);
		buf_addc(out, '\n');
	}
	return buf_ok(out);
}

static void free_index(void *arg)
{
	map_release(arg, NULL);
	free(arg);
}

/* The items of an old list by their keys, made once for a list as a schema
 * sees it. */
static struct map *index_of(struct crd_walk *w, const struct spot *list)
{
	const void *which[] = { list->old, list->schema };
	struct map *m = map_getn(&w->old_items, (const char *)which,
				 sizeof(which));
	struct buf keys = BUF_INIT(ITEM_KEYS_MAX);

	if (m)
		return m;
	m = xcalloc(1, sizeof(*m));
	map_putn(&w->old_items, (const char *)which, sizeof(which), m);
	for (uint32_t i = 0; i < list->old->n; i++)
		if (keys_text(list->schema, list->old->items[i], &keys) &&
		    !map_getn(m, keys.data, keys.len))
			map_putn(m, keys.data, keys.len, list->old->items[i]);
	buf_release(&keys);
	return m;
}

/* The item of the old list with the same keys. */
static const struct node *old_item(struct crd_walk *w, const struct spot *list,
				   const struct node *item)
{
	const struct crd_schema *s = list->schema;
	const struct node *old = list->old, *found = NULL;
	struct buf keys = BUF_INIT(ITEM_KEYS_MAX);

	if (!old || old->type != NODE_SEQ || s->list != LIST_MAP ||
	    item->type != NODE_MAP)
		return NULL;
	if (old->n > FEW_ITEMS && keys_text(s, item, &keys))
		found = map_getn(index_of(w, list), keys.data, keys.len);
	for (uint32_t i = 0; old->n <= FEW_ITEMS && !found && i < old->n; i++)
		if (same_keys(s, old->items[i], item))
			found = old->items[i];
	buf_release(&keys);
	return found;
}

struct spot crd_spot_item(struct crd_walk *w, const struct spot *p, uint32_t i,
			  const struct crd_schema *schema)
{
	struct spot down = {
		.place = { .up = &p->place, .index = i,
			   .node = p->place.node->items[i] },
		.up = p, .schema = schema, .keep = p->keep,
		.quiet = p->quiet,
		.old = old_item(w, p, p->place.node->items[i]),
	};

	down.same = down.old && node_equal(down.old, down.place.node);
	return down;
}

/* ---- fields that are unknown ---- */

/* What a field of that name has to be, known to every object. */
static bool is_known_meta(const struct spot *p, const char *key)
{
	return (p->schema->embedded || !p->up) && crd_is_meta(key);
}

static const struct place *belongs(const struct spot *p,
				   const struct node_pair *pair)
{
	for (p = p->up; p && p->up; p = p->up)
		if (crd_field(p->schema, pair->key, pair->key_len))
			return &p->place;
	return NULL;
}

static void unknown_field(struct crd_walk *w, const struct spot *p,
			  const struct node_pair *pair)
{
	const struct crd_schema *s = p->schema;
	struct nearest near = nearest_to(pair->key);

	if (w->silent) {
		crd_fault(w, p, "field-unknown", "has no field '%s'",
			  pair->key);
		return;
	}
	w->faults++;
	if (problems_compare(w->judge.ps, s->n_fields))
		for (uint32_t i = 0; i < s->n_fields; i++)
			nearest_try(&near, s->fields[i].name);
	place_unknown_field(&w->judge, &p->place, pair, near.best,
			    near.best ? NULL : belongs(p, pair));
}

/* A pair that the schema says nothing of. */
static void check_extra(struct crd_walk *w, const struct spot *p,
			const struct node_pair *pair, bool own)
{
	const struct crd_schema *s = p->schema;

	if (s->extra == EXTRA_NONE)
		crd_fault(w, p, "field-unknown", "must not have the field "
			  "'%s'", pair->key);
	else if (own && s->n_fields && s->extra == EXTRA_UNSAID && !p->keep &&
		 !p->quiet && !is_known_meta(p, pair->key))
		unknown_field(w, p, pair);
}

/* ---- maps ---- */

static void check_required(struct crd_walk *w, const struct spot *p)
{
	const struct crd_schema *s = p->schema;

	for (uint32_t i = 0; i < s->n_required; i++)
		if (!node_get(p->place.node, s->required[i]))
			crd_fault(w, p, "field-required", "has no '%s', "
				  "which is required", s->required[i]);
}

static void walk_map(struct crd_walk *w, const struct spot *p, bool own)
{
	const struct node *n = p->place.node;

	for (uint32_t i = 0; i < n->n; i++) {
		const struct node_pair *pair = &n->pairs[i];
		const struct crd_schema *f = crd_value(p->schema, pair->key,
						       pair->key_len);
		struct spot down;

		if (!f) {
			check_extra(w, p, pair, own);
			continue;
		}
		down = crd_spot_pair(p, pair, f);
		crd_walk_value(w, &down, own && !is_known_meta(p, pair->key));
	}
	check_required(w, p);
}

/* ---- lists ---- */

/* "name "web", port 80": what tells the item from others; false if it has
 * none of the keys. */
static bool item_keys(const struct crd_schema *s, const struct node *item,
		      struct buf *out)
{
	for (uint32_t i = 0; i < s->n_keys; i++) {
		const struct node *v = node_get(item, s->keys[i]);

		if (!v)
			continue;
		buf_addf(out, "%s%s ", out->len ? ", " : "", s->keys[i]);
		json_write_compact(v, out);
	}
	return out->len && buf_ok(out);
}

static void check_identity(struct crd_walk *w, const struct spot *list,
			   const struct spot *item, struct map *seen)
{
	const struct node *v = item->place.node;
	struct buf keys = BUF_INIT(ITEM_KEYS_MAX);
	bool known = false;

	if (v->type == NODE_NULL) {
		w->faults++;
		if (!w->silent)
			place_null_item(&w->judge, &item->place);
	} else if (list->schema->list == LIST_MAP) {
		known = v->type == NODE_MAP &&
			item_keys(list->schema, v, &keys);
		if (v->type == NODE_MAP && !known && buf_ok(&keys) &&
		    list->schema->n_keys)
			crd_fault(w, item, "field-required", "has none of "
				  "the fields that tell the items of this "
				  "list apart, as '%s'",
				  list->schema->keys[0]);
	} else if (v->type == NODE_MAP || v->type == NODE_SEQ) {
		crd_fault(w, item, "list-duplicate", "cannot be an item of "
			  "this list: the API server does not apply sets of "
			  "maps or of lists");
	} else {
		json_write_compact(v, &keys);
		known = buf_ok(&keys);
	}
	if (known && w->silent && map_getn(seen, keys.data, keys.len))
		crd_fault(w, item, "list-duplicate", "is a second one of %s",
			  keys.data);
	else if (known)
		place_again(&w->judge, &item->place, &keys, false, seen);
	buf_release(&keys);
}

static void walk_list(struct crd_walk *w, const struct spot *p, bool own)
{
	const struct crd_schema *s = p->schema;
	const struct node *n = p->place.node;
	struct map seen = MAP_INIT;

	for (uint32_t i = 0; s->items && i < n->n; i++) {
		struct spot item = crd_spot_item(w, p, i, s->items);
		bool told = own && s->list != LIST_ATOMIC;

		if (told)
			check_identity(w, p, &item, &seen);
		if (!told || item.place.node->type != NODE_NULL)
			crd_walk_value(w, &item, own);
	}
	map_release(&seen, NULL);
}

/* ---- a value ---- */

bool crd_steps(struct crd_walk *w, uint64_t n)
{
	bool good = problems_steps(w->judge.ps, n);

	w->steps += n;
	if (good && w->steps <= LIMIT_CRD_STEPS)
		return true;
	w->unknown += !w->exhausted;
	w->exhausted = true;
	return false;
}

/* Itself, and what its schema has a list of for it to be compared with; a
 * text is counted and compared. */
static uint64_t steps_of(const struct spot *p)
{
	const struct crd_schema *s = p->schema;

	return 1 + (s->words ? s->words->n : 0) +
	       (p->place.node->type == NODE_STR ? p->place.node->n / 16 :
						     0) +
	       (p->place.node->type == NODE_MAP ? s->n_required : 0);
}

void crd_walk_value(struct crd_walk *w, const struct spot *from, bool own)
{
	struct spot p = *from;
	const struct node *n = p.place.node;

	if (!crd_steps(w, steps_of(&p)))
		return;
	p.keep |= p.schema->preserve;
	p.quiet |= p.schema->preserve;
	if (own && p.up && p.schema->embedded && n->type == NODE_MAP)
		crd_check_embedded(w, &p);
	if (!crd_check_value(w, &p))
		return;
	crd_check_forms(w, &p);
	if (n->type == NODE_MAP)
		walk_map(w, &p, own);
	else if (n->type == NODE_SEQ)
		walk_list(w, &p, own);
}

/* ---- rules, when the rest is right ---- */

static void walk_rules(struct crd_walk *w, const struct spot *p)
{
	const struct crd_schema *s = p->schema;
	const struct node *n = p->place.node;

	if (s->n_rules || s->all_of.n)
		crd_check_rules(w, p);
	for (uint32_t i = 0; n->type == NODE_MAP && i < n->n; i++) {
		const struct crd_schema *f = crd_value(s, n->pairs[i].key,
						       n->pairs[i].key_len);
		struct spot down;

		if (!f)
			continue;
		down = crd_spot_pair(p, &n->pairs[i], f);
		walk_rules(w, &down);
	}
	for (uint32_t i = 0; n->type == NODE_SEQ && s->items && i < n->n;
	     i++) {
		struct spot item = crd_spot_item(w, p, i, s->items);

		walk_rules(w, &item);
	}
}

/* ---- the object ---- */

/* spec.replicas of a scale: a number that can be one. */
static void check_scale(struct crd_walk *w, const struct spot *root)
{
	const char *at = w->version->replicas;
	const struct node *n = root->place.node;
	struct spot p = *root;

	for (at += *at == '.'; *at && n; ) {
		size_t len = strcspn(at, ".");

		if (n->type != NODE_MAP)
			return;		/* of another type than it says */
		n = node_getn(n, at, len);
		at += len + (at[len] == '.');
	}
	if (!n)
		return;
	p.place.node = n;
	if (n->type != NODE_INT)
		crd_fault(w, &p, "field-type", "has %s at %s, where its "
			  "scale has an integer", node_type_name(n->type),
			  w->version->replicas);
	else if (n->integer < 0 || n->integer > INT32_MAX)
		crd_fault(w, &p, "field-range", "must have a number of at "
			  "least 0 and below 2^31 at %s",
			  w->version->replicas);
}

static void check_metadata(struct crd_walk *w, const struct spot *root)
{
	const struct node_pair *pair = node_pair(root->place.node,
						 "metadata");
	struct place p = { .up = &root->place, .key = "metadata" };

	if (!pair || !w->table)
		return;
	p.node = pair->value;
	openapi_check_metadata(w->table, &w->judge, &p);
}

/* Without what rendering drops, and as it would be stored. */
static const struct node *stored(const struct crd_version *v,
				 const struct node *root, struct arena *a)
{
	struct node *bare = arena_alloc(a, sizeof(*bare));

	*bare = *root;
	if (node_get(root, "status")) {
		bare->pairs = arena_array(a, root->n, sizeof(*root->pairs));
		memcpy(bare->pairs, root->pairs,
		       root->n * sizeof(*root->pairs));
		node_del(bare, "status");
	}
	root = crd_settle(v->schema, bare, a);
	if (root && v->status && node_get(root, "status")) {
		*bare = *root;	/* a default made it: it is not stored */
		bare->pairs = arena_array(a, root->n, sizeof(*root->pairs));
		memcpy(bare->pairs, root->pairs,
		       root->n * sizeof(*root->pairs));
		node_del(bare, "status");
		root = bare;
	}
	return root;
}

int crd_check(const struct crd_version *v, const struct openapi *table,
	      const struct object *o, const struct node *old,
	      struct problems *ps)
{
	struct crd_walk w = { .judge = { .o = o, .ps = ps }, .version = v,
			      .table = table };
	struct arena a = ARENA_INIT;
	struct spot root = { .schema = v->schema };

	if (!v->schema)
		return 0;	/* the definition itself is refused */
	root.place.node = stored(v, o->root, &a);
	root.old = old && root.place.node ? stored(v, old, &a) : NULL;
	root.same = root.old && node_equal(root.old, root.place.node);
	if (root.place.node && (!old || root.old)) {
		check_metadata(&w, &root);
		crd_walk_value(&w, &root, true);
		if (v->replicas)
			check_scale(&w, &root);
		if (!w.blocked && !w.exhausted)
			walk_rules(&w, &root);
	} else {
		root.place.node = o->root;
		check_metadata(&w, &root);
		w.unknown++;
	}
	ps->unchecked += w.unknown;
	map_release(&w.old_items, free_index);
	arena_release(&a);
	return w.judge.rc;
}
