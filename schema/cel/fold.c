/*
 * Macros over lists and maps. Go walks a map in a random order: what cannot
 * be told from one order is the same in all of them, or it is unknown.
 */
#include "config.h"
#include "schema/cel/ast.h"

#include <math.h>
#include <stdlib.h>

/* What is walked, and where in it we are. */
struct walk {
	struct cel_run *r;
	const struct cel_expr *e;
	struct cel_value over;
	uint32_t n;
	bool unordered;
	struct cel_scope first, second;
};

static int begin(struct walk *w, struct cel_value *ret)
{
	w->over = cel_run(w->r, w->e->args[0]);
	*ret = w->over;
	if (cel_failed(w->over))
		return -1;
	if (w->over.tag == VAL_LIST) {
		w->n = w->over.list->n;
		w->unordered = w->over.list->unordered;
		*ret = cel_unknown_order();
		return w->unordered && w->e->var[1] ? -1 : 0;
	}
	if (w->over.tag == VAL_MAP &&
	    w->over.map->type.form != CEL_FORM_OBJECT) {
		w->n = w->over.map->n;
		w->unordered = w->n > 1;
		return 0;
	}
	*ret = w->over.tag == VAL_MAP || w->over.tag == VAL_OPAQUE ?
	       cel_unknown("the fields of an object are walked") :
	       cel_error("expected iterable type");
	return -1;
}

static void values_at(const struct walk *w, uint32_t i,
		      struct cel_value *first, struct cel_value *second)
{
	struct cel_value v;

	if (w->over.tag == VAL_LIST) {
		v = cel_list_get(w->r, w->over.list, i);
		*first = w->e->var[1] ? cel_int(i) : v;
		*second = v;
		return;
	}
	*first = cel_map_key(w->over.map, i);
	if (w->e->var[1] && !cel_map_find(w->r, w->over.map, *first, second))
		*second = cel_unknown("a map without its own key");
}

/* Evaluates an argument with the variables of the i-th item. */
static struct cel_value each(struct walk *w, uint32_t i, uint32_t arg)
{
	struct cel_scope *outer = w->r->scope;
	struct cel_value v;

	w->first = (struct cel_scope){ .name = w->e->var[0], .up = outer };
	w->second = (struct cel_scope){ .name = w->e->var[1],
					.up = &w->first };
	values_at(w, i, &w->first.value, &w->second.value);
	w->r->scope = w->e->var[1] ? &w->second : &w->first;
	v = cel_run(w->r, w->e->args[arg]);
	w->r->scope = outer;
	return v;
}

static struct cel_value no_bool(struct cel_value v)
{
	return cel_failed(v) ? v : cel_no_overload();
}

/* all() with absorbing = false, exists() with true. */
static struct cel_value quantify(struct walk *w, bool absorbing)
{
	struct cel_value failed = cel_bool(!absorbing);

	for (uint32_t i = 0; i < w->n; i++) {
		struct cel_value v = each(w, i, 1);

		if (cel_is(v, absorbing))
			return v;
		if (v.tag != VAL_BOOL && failed.tag == VAL_BOOL)
			failed = no_bool(v);
		if (!cel_work(w->r, 1))
			return cel_too_much();
	}
	return failed;
}

static struct cel_value exists_one(struct walk *w)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->n; i++) {
		struct cel_value v = each(w, i, 1);

		if (v.tag != VAL_BOOL)
			return no_bool(v);
		n += v.boolean;
	}
	return cel_bool(n == 1);
}

/* ---- to lists ---- */

/* Is the i-th item wanted? 1, 0, or -1 with *ret failed. */
static int wanted(struct walk *w, uint32_t i, bool filtered,
		  struct cel_value *ret)
{
	struct cel_value v;

	if (!filtered)
		return 1;
	v = each(w, i, 1);
	if (v.tag == VAL_BOOL)
		return v.boolean;
	*ret = no_bool(v);
	return -1;
}

/* map(), filter() and transformList(). */
static struct cel_value to_list(struct walk *w)
{
	bool filter = w->e->fold == FOLD_FILTER;
	bool filtered = filter || w->e->n == 3;
	struct cel_value *items, second, ret = { 0 };
	uint32_t n = 0;

	items = cel_room(w->r, ((size_t)w->n + 1) * sizeof(*items));
	if (!items)
		return cel_too_much();
	for (uint32_t i = 0; i < w->n; i++) {
		int rc = wanted(w, i, filtered, &ret);

		if (rc < 0)
			return ret;
		if (!rc)
			continue;
		if (filter)
			values_at(w, i, &items[n], &second);
		else
			items[n] = each(w, i, filtered ? 2 : 1);
		if (cel_failed(items[n]))
			return items[n];
		n++;
	}
	return w->unordered ? cel_unordered_of(w->r, items, n) :
	       cel_list_of(w->r, items, n);
}

/* ---- to maps ---- */

static bool insert(struct cel_run *r, struct cel_map *m, struct cel_value key,
		   struct cel_value v, struct cel_value *ret)
{
	struct cel_value *keys = (struct cel_value *)m->keys;
	struct cel_value *values = (struct cel_value *)m->values;

	if (cel_map_find(r, m, key, ret)) {
		if (!cel_failed(*ret))
			*ret = cel_error("insert failed: key already exists");
		return false;
	}
	keys[m->n] = key;
	values[m->n++] = v;
	return true;
}

/* transformMapEntry(): the argument is a map itself, of one pair mostly. */
static bool insert_all(struct cel_run *r, struct cel_map *m, uint32_t room,
		       const struct cel_map *from, struct cel_value *ret)
{
	for (uint32_t i = 0; i < from->n; i++) {
		struct cel_value key = cel_map_key(from, i), v;

		if (m->n == room || !cel_map_find(r, from, key, &v)) {
			*ret = cel_unknown("entries of more than one pair");
			return false;
		}
		if (!insert(r, m, key, v, ret))
			return false;
	}
	return true;
}

static struct cel_value to_map(struct walk *w)
{
	struct cel_map *m = cel_room(w->r, sizeof(*m));
	size_t size = ((size_t)w->n + 1) * sizeof(*m->keys);
	bool filtered = w->e->n == 3;
	struct cel_value first, second, ret = { 0 };

	if (!m)
		return cel_too_much();
	m->keys = cel_room(w->r, size);
	m->values = cel_room(w->r, size);
	if (!m->keys || !m->values)
		return cel_too_much();
	for (uint32_t i = 0; i < w->n; i++) {
		int rc = wanted(w, i, filtered, &ret);
		struct cel_value v;

		if (rc < 0)
			return ret;
		if (!rc)
			continue;
		v = each(w, i, filtered ? 2 : 1);
		if (cel_failed(v))
			return v;
		values_at(w, i, &first, &second);
		if (w->e->fold == FOLD_TRANSFORM_MAP ?
		    !insert(w->r, m, first, v, &ret) :
		    v.tag != VAL_MAP ||
		    !insert_all(w->r, m, w->n, v.map, &ret))
			return v.tag == VAL_MAP || cel_failed(ret) ? ret :
			       cel_no_overload();
	}
	return (struct cel_value){ .tag = VAL_MAP, .map = m };
}

/* ---- sorting ---- */

/* Go's sort is stable up to 12 items; beyond that equal keys can come in any
 * order, and are unknown. */
#define STABLE_MAX 12

static struct cel_value sorted(struct cel_run *r, const struct cel_list *l,
			       const struct cel_value *keys)
{
	struct cel_value *items = cel_room(r, (l->n + 1u) * sizeof(*items));
	struct cel_value *order = cel_room(r, (l->n + 1u) * sizeof(*order));

	if (!items || !order || !cel_work(r, (uint64_t)l->n * l->n))
		return cel_too_much();
	for (uint32_t i = 0; i < l->n; i++) {
		uint32_t at = i;
		struct cel_value c = cel_int(0);

		if (keys[i].tag != keys[0].tag)
			return cel_error("list elements must have the same "
					 "type");
		for (; at > 0; at--) {
			c = cel_compare(keys[i], order[at - 1]);
			if (c.tag != VAL_INT)
				return cel_unknown("what cannot be sorted");
			if (c.integer >= 0)
				break;
			order[at] = order[at - 1];
			items[at] = items[at - 1];
		}
		if (at && !c.integer && l->n > STABLE_MAX)
			return cel_unknown("equal keys are sorted");
		order[at] = keys[i];
		items[at] = cel_list_get(r, l, i);
	}
	return cel_list_of(r, items, l->n);
}

struct cel_value cel_sort(struct cel_run *r, const struct cel_list *l)
{
	struct cel_value *keys = cel_room(r, (l->n + 1u) * sizeof(*keys));

	if (!keys)
		return cel_too_much();
	for (uint32_t i = 0; i < l->n; i++) {
		keys[i] = cel_list_get(r, l, i);
		if (cel_failed(keys[i]))
			return keys[i];
	}
	return sorted(r, l, keys);
}

static struct cel_value sort_by(struct walk *w)
{
	struct cel_value *keys;

	if (w->over.tag != VAL_LIST || w->unordered)
		return cel_unknown("something is sorted that is no list");
	keys = cel_room(w->r, ((size_t)w->n + 1) * sizeof(*keys));
	if (!keys)
		return cel_too_much();
	for (uint32_t i = 0; i < w->n; i++) {
		keys[i] = each(w, i, 1);
		if (cel_failed(keys[i]))
			return keys[i];
	}
	return sorted(w->r, w->over.list, keys);
}

/* ---- optional values ---- */

static struct cel_value opt_map(struct cel_run *r, const struct cel_expr *e)
{
	struct cel_value of = cel_run(r, e->args[0]), v;
	struct cel_scope scope = { .name = e->var[0], .up = r->scope };

	if (cel_failed(of))
		return of;
	if (of.tag != VAL_OPTIONAL)
		return cel_no_overload();
	if (!of.some)
		return of;
	scope.value = *of.some;
	r->scope = &scope;
	v = cel_run(r, e->args[1]);
	r->scope = scope.up;
	return e->fold == FOLD_OPT_MAP ? cel_some(r, v) : v;
}

struct cel_value cel_run_fold(struct cel_run *r, const struct cel_expr *e)
{
	struct walk w = { .r = r, .e = e };
	struct cel_value v;

	if (e->fold == FOLD_OPT_MAP || e->fold == FOLD_OPT_FLAT_MAP)
		return opt_map(r, e);
	if (begin(&w, &v) < 0)
		return v;
	switch ((enum cel_fold)e->fold) {
	case FOLD_ALL:
	case FOLD_EXISTS:
		return quantify(&w, e->fold == FOLD_EXISTS);
	case FOLD_EXISTS_ONE:
		return exists_one(&w);
	case FOLD_MAP:
	case FOLD_FILTER:
		return to_list(&w);
	case FOLD_SORT_BY:
		return sort_by(&w);
	default:
		return to_map(&w);
	}
}
