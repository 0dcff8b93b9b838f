/*
 * Getting about in an object. See at.h. Trusts the tree's shape in nothing:
 * whatever is of another type than expected is passed over.
 */
#include "config.h"
#include "schema/values/at.h"

#include <string.h>

#include "schema/near.h"
#include "schema/values/values.h"

/* Up to so many items are compared with each other. */
#define FEW 16

/* ---- down ---- */

static bool set(const struct place *up, const char *key, uint32_t index,
		const struct node *node, struct place *ret)
{
	if (node && node->type == NODE_NULL)
		node = NULL;
	*ret = (struct place){
		.up = up, .key = key, .index = index, .node = node,
	};
	return node != NULL;
}

bool at(const struct place *map, const char *key, struct place *ret)
{
	return set(map, key, 0, node_get(map->node, key), ret);
}

bool at_is_list(const struct place *p)
{
	return p->node && p->node->type == NODE_SEQ;
}

bool at_is_map(const struct place *p)
{
	return p->node && p->node->type == NODE_MAP;
}

bool at_item(const struct place *list, uint32_t index, struct place *ret)
{
	return set(list, NULL, index, list->node->items[index], ret);
}

uint32_t at_count(const struct place *p)
{
	return at_is_list(p) || at_is_map(p) ? p->node->n : 0;
}

static const struct field *find(const struct field *fields, size_t n,
				const char *name)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(name, fields[mid].name);

		if (!order)
			return &fields[mid];
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

static bool is_empty(const struct node *n)
{
	return (n->type == NODE_STR || n->type == NODE_SEQ ||
		n->type == NODE_MAP) && !n->n;
}

static void judge_field(struct judge *j, const struct place *p,
			const struct field *f)
{
	if (f->empty == ANY || !is_empty(p->node)) {
		if (f->judge)
			f->judge(j, p);
		return;
	}
	if (f->empty != OR_EMPTY)
		at_error(j, p, "value-required", "must not be empty");
}

void at_fields(struct judge *j, const struct place *map,
	       const struct field *fields, size_t n)
{
	if (!at_is_map(map))
		return;
	for (uint32_t i = 0; i < map->node->n; i++) {
		const struct node_pair *pair = &map->node->pairs[i];
		const struct field *f = find(fields, n, pair->key);
		struct place down;

		if (f && set(map, pair->key, 0, pair->value, &down))
			judge_field(j, &down, f);
	}
	for (size_t i = 0; i < n; i++)
		if ((fields[i].empty == MUST ||
		     (fields[i].empty == FILLED && map->null)) &&
		    !at_has(map, fields[i].name))
			at_missing(j, map, fields[i].name, "");
}

static void each_item(struct judge *j, const struct place *list,
		      judge_fn *judge, struct node *empty)
{
	struct place down;

	for (uint32_t i = 0; at_is_list(list) && i < list->node->n; i++) {
		if (!at_item(list, i, &down)) {
			empty->mark = list->node->items[i]->mark;
			down.node = empty;
			down.null = true;
		}
		judge(j, &down);
	}
}

void at_items(struct judge *j, const struct place *list, judge_fn *judge)
{
	each_item(j, list, judge, &(struct node){ .type = NODE_MAP });
}

void at_texts(struct judge *j, const struct place *list, judge_fn *judge)
{
	each_item(j, list, judge,
		  &(struct node){ .type = NODE_STR, .str = "" });
}

void at_values(struct judge *j, const struct place *map, judge_fn *judge)
{
	struct place down;

	for (uint32_t i = 0; at_is_map(map) && i < map->node->n; i++)
		if (set(map, map->node->pairs[i].key, 0,
			map->node->pairs[i].value, &down))
			judge(j, &down);
}

/* ---- look-ups ---- */

static const struct node *key_of(const struct node *item, const char *key)
{
	const struct node *n = key && item ? node_get(item, key) : item;

	return n && n->type == NODE_STR && n->n ? n : NULL;
}

static const struct node *text_of(const struct lookup *l,
				  const struct node *item)
{
	return key_of(l->outer ? node_get(item, l->outer) : item, l->key);
}

void lookup_init(struct lookup *l, const struct place *list, const char *key)
{
	lookup_init_within(l, list, NULL, key);
}

void lookup_init_within(struct lookup *l, const struct place *list,
			const char *outer, const char *key)
{
	uint32_t n = at_is_list(list) ? list->node->n : 0;

	*l = (struct lookup){ .list = *list, .outer = outer, .key = key };
	if (n <= FEW)
		return;
	for (uint32_t i = n; i-- > 0; ) {
		struct node *item = list->node->items[i];
		const struct node *text = text_of(l, item);

		if (text)
			map_putn(&l->map, text->str, text->n, item);
	}
}

void lookup_release(struct lookup *l)
{
	map_release(&l->map, NULL);
}

const struct node *lookup_find(const struct lookup *l, const char *text)
{
	const struct place *list = &l->list;

	if (!at_is_list(list))
		return NULL;
	if (list->node->n > FEW)
		return map_get(&l->map, text);
	for (uint32_t i = 0; i < list->node->n; i++) {
		const struct node *n = text_of(l, list->node->items[i]);

		if (n && !strcmp(n->str, text))
			return list->node->items[i];
	}
	return NULL;
}

const struct node *lookup_near(struct judge *j, const struct lookup *l,
			       const char *text)
{
	const struct place *list = &l->list;
	size_t least = near_limit(strlen(text)) + 1;
	const struct node *best = NULL;

	if (!at_is_list(list) || !problems_compare(j->ps, list->node->n))
		return NULL;
	for (uint32_t i = 0; i < list->node->n; i++) {
		const struct node *n = text_of(l, list->node->items[i]);
		size_t d = n ? near_distance(text, n->str, least) : least;

		if (d < least) {
			least = d;
			best = n;
		}
	}
	return best;
}

/* ---- values ---- */

const char *at_text(const struct place *p)
{
	const char *s = node_text(p->node);

	return s && strlen(s) == p->node->n ? s : NULL;
}

const char *at_key_text(const struct place *map, const char *key,
			const char *fallback)
{
	const char *s = node_text(node_get(map->node, key));

	return s && *s ? s : fallback;
}

bool at_int(const struct place *p, int64_t *ret)
{
	if (!p->node || p->node->type != NODE_INT)
		return false;
	*ret = p->node->integer;
	return true;
}

int64_t at_key_int(const struct place *map, const char *key, int64_t fallback)
{
	return node_path_int(map->node, fallback, key, NULL);
}

bool at_key_true(const struct place *map, const char *key)
{
	const struct node *n = node_get(map->node, key);

	return n && n->type == NODE_BOOL && n->boolean;
}

bool at_has(const struct place *map, const char *key)
{
	const struct node *n = node_get(map->node, key);

	return n && n->type != NODE_NULL;
}

bool at_filled(const struct place *map, const char *key)
{
	const struct node *n = node_get(map->node, key);

	return n && n->type != NODE_NULL && !is_empty(n);
}

/* ---- errors ---- */

struct mark at_key_mark(const struct place *p)
{
	const struct node_pair *pair = p->key && p->up ?
		node_pair(p->up->node, p->key) : NULL;

	return pair && pair->mark.line ? pair->mark : p->node->mark;
}

void at_missing(struct judge *j, const struct place *map, const char *key,
		const char *why)
{
	at_error(j, map, "value-required", "has no '%s', which is required%s",
		 key, why);
}

void at_forbid(struct judge *j, const struct place *map,
	       const char *const *keys, const char *why)
{
	struct place p;

	for (; *keys; keys++)
		if (at(map, *keys, &p))
			at_key_error(j, &p, "value-forbidden",
				     "cannot be set %s", why);
}

void at_forbid_filled(struct judge *j, const struct place *map,
		      const char *const *keys, const char *why)
{
	struct place p;

	for (; *keys; keys++)
		if (at(map, *keys, &p) && !is_empty(p.node))
			at_key_error(j, &p, "value-forbidden",
				     "cannot be set %s", why);
}

/* The first item with that text, before `end`. */
static const struct node *earlier(const struct place *list, const char *key,
				  uint32_t end, const struct node *text)
{
	for (uint32_t i = 0; i < end; i++) {
		const struct node *n = key_of(list->node->items[i], key);

		if (n && n->n == text->n && !memcmp(n->str, text->str, n->n))
			return n;
	}
	return NULL;
}

static void say_twice(struct judge *j, const struct place *list, uint32_t i,
		      const char *key, const struct node *first)
{
	struct place item, p;

	at_item(list, i, &item);
	if (key)
		at(&item, key, &p);
	else
		p = item;
	at_error(j, &p, "value-duplicate", "'%s' is there twice: the first is "
		 "in line %u", p.node->str, first->mark.line);
}

void at_unique(struct judge *j, const struct place *list, const char *key)
{
	struct map seen = MAP_INIT;
	uint32_t n = at_is_list(list) ? list->node->n : 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct node *text = key_of(list->node->items[i], key);
		const struct node *first = NULL;

		if (!text)
			continue;
		if (n <= FEW)
			first = earlier(list, key, i, text);
		else
			first = map_getn(&seen, text->str, text->n);
		if (first)
			say_twice(j, list, i, key, first);
		else if (n > FEW)
			map_putn(&seen, text->str, text->n, (void *)text);
	}
	map_release(&seen, NULL);
}

static void none_of(struct judge *j, const struct place *map,
		    const char *const *keys)
{
	struct buf all = BUF_INIT(1024);

	for (; *keys; keys++)
		buf_addf(&all, "%s%s", all.len ? ", " : "", *keys);
	at_error(j, map, "value-required", "must have one of %s", all.data);
	buf_release(&all);
}

void at_one_of(struct judge *j, const struct place *map,
	       const char *const *keys, bool none, struct place *ret_one)
{
	struct place p;

	*ret_one = (struct place){ 0 };
	for (const char *const *key = keys; *key; key++) {
		if (!at(map, *key, &p))
			continue;
		if (!ret_one->node)
			*ret_one = p;
		else
			at_key_error(j, &p, "value-conflict", "cannot be set "
				     "beside '%s': only one of the two can be",
				     ret_one->key);
	}
	if (!ret_one->node && !none && at_is_map(map))
		none_of(j, map, keys);
}
