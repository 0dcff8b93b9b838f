/*
 * Walks an object of a bundle, the live one and everybody's managedFields
 * side by side. See live-diff.h. Both objects were accepted by an API server;
 * sizes are bounded by LIMIT_OBJECT_BYTES and depth by LIMIT_DEPTH, so
 * recursion is safe. What managedFields says is believed as far as it can be
 * read; what cannot is nobody's.
 */
#include "config.h"
#include "engine/live-diff.h"

#include <stdlib.h>
#include <string.h>

#include "engine/compare.h"
#include "engine/managed.h"
#include "schema/base/buf.h"
#include "schema/json.h"
#include "schema/limits.h"

/* keys of one map have 250 bytes or so each; beyond it a path is cut */
#define PATH_MAX_BYTES (64u * 1024)

struct walk {
	struct arena *scratch;
	const struct node *entries[LIVE_OWNERS];
	size_t n, ours;			/* ours == n: we have no entry */
	struct buf path;
	size_t found;
	void (*fn)(void *arg, const struct live_difference *d);
	void *arg;
};

/* What each entry says at one path. */
struct at {
	const struct node *fields[LIVE_OWNERS];	/* NULL: nothing */
	bool above[LIVE_OWNERS];	/* it owns a whole that this is in */
};

/* ---- who owns what ---- */

static bool owns_whole(const struct node *fields)
{
	return fields && fields->n == 0;
}

static void step(const struct walk *w, const struct at *from,
		 const char *element, size_t len, struct at *ret)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct node *f = node_getn(from->fields[i], element,
						 len);

		ret->above[i] = from->above[i] || owns_whole(from->fields[i]);
		ret->fields[i] = f && f->type == NODE_MAP ? f : NULL;
	}
}

static void step_field(const struct walk *w, const struct at *from,
		       const struct node_pair *p, struct at *ret)
{
	const char *element = arena_printf(w->scratch, "f:%s", p->key);

	step(w, from, element, strlen(element), ret);
}

/* What is inside of a whole belongs to the owners of that. */
static void step_inside(const struct walk *w, const struct at *from,
			struct at *ret)
{
	for (size_t i = 0; i < w->n; i++) {
		ret->above[i] = from->above[i] || from->fields[i];
		ret->fields[i] = NULL;
	}
}

static bool owned_by(const struct at *at, size_t i)
{
	return at->above[i] || at->fields[i];
}

static bool owned_by_others(const struct walk *w, const struct at *at)
{
	for (size_t i = 0; i < w->n; i++)
		if (i != w->ours && owned_by(at, i))
			return true;
	return false;
}

/* RFC 3339 in UTC, so later is greater; an entry may have no time. */
static const char *time_of(const struct node *entry)
{
	const char *time = node_text(node_get(entry, "time"));

	return time ? time : "";
}

static int by_time(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;

	return strcmp(time_of(*y), time_of(*x));
}

/* ---- a difference ---- */

static void differ(struct walk *w, const struct node *want,
		   const struct node *live, const struct at *at, bool order)
{
	struct live_difference d = {
		.path = w->path.data, .want = want, .live = live,
		.order = order,
	};

	for (size_t i = 0; i < w->n; i++)
		if (i != w->ours && owned_by(at, i))
			d.owners[d.n_owners++] = w->entries[i];
	if (!d.n_owners && live && w->ours < w->n && owned_by(at, w->ours))
		d.owners[d.n_owners++] = w->entries[w->ours];
	qsort(d.owners, d.n_owners, sizeof(*d.owners), by_time);
	w->found++;
	w->fn(w->arg, &d);
}

/* "spec", ".spec" or ["example.com/key"]; returns the length before. */
static size_t enter_field(struct walk *w, const struct node_pair *p)
{
	size_t before = w->path.len;
	bool plain = p->key_len > 0;

	for (uint32_t i = 0; i < p->key_len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
			    "WXYZ0123456789_-", p->key[i]) || !p->key[i])
			plain = false;
	if (plain) {
		buf_addf(&w->path, "%s%s", before ? "." : "", p->key);
	} else {
		buf_addc(&w->path, '[');
		json_write_string(p->key, p->key_len, &w->path);
		buf_addc(&w->path, ']');
	}
	return before;
}

/* From k:{"name":"web"} to [name="web"], from v:"a" to ["a"], i:0 to [0]. */
static size_t enter_item(struct walk *w, const char *element, size_t len)
{
	size_t before = w->path.len;
	struct node *key;
	struct err err;

	buf_addc(&w->path, '[');
	if (element[0] != 'k' ||
	    json_read(element + 2, len - 2, w->scratch, &key, &err) < 0 ||
	    key->type != NODE_MAP) {
		buf_add(&w->path, element + 2, len - 2);
	} else {
		for (uint32_t i = 0; i < key->n; i++) {
			buf_addf(&w->path, "%s%s=", i ? "," : "",
				 key->pairs[i].key);
			json_write_compact(key->pairs[i].value, &w->path);
		}
	}
	buf_addc(&w->path, ']');
	return before;
}

static size_t enter_index(struct walk *w, uint32_t index)
{
	size_t before = w->path.len;

	buf_addf(&w->path, "[%u]", index);
	return before;
}

static void leave(struct walk *w, size_t before)
{
	buf_truncate(&w->path, before);
}

/* ---- what is compared as a whole: as far down as both sides agree ---- */

static void whole(struct walk *w, const struct node *want,
		  const struct node *live, const struct at *at);

static void whole_map(struct walk *w, const struct node *want,
		      const struct node *live, const struct at *at)
{
	struct at below;

	step_inside(w, at, &below);
	for (uint32_t i = 0; i < want->n; i++) {
		const struct node_pair *p = &want->pairs[i];
		size_t before = enter_field(w, p);

		whole(w, p->value, node_getn(live, p->key, p->key_len),
		      &below);
		leave(w, before);
	}
	for (uint32_t i = 0; i < live->n; i++) {
		const struct node_pair *p = &live->pairs[i];
		size_t before;

		if (node_getn(want, p->key, p->key_len) ||
		    live_equal(p->value, NULL))
			continue;
		before = enter_field(w, p);
		differ(w, NULL, p->value, &below, false);
		leave(w, before);
	}
}

static void whole(struct walk *w, const struct node *want,
		  const struct node *live, const struct at *at)
{
	struct at below;

	if (live_equal(want, live))
		return;
	if (live && want->type == NODE_MAP && live->type == NODE_MAP) {
		whole_map(w, want, live, at);
		return;
	}
	if (!live || want->type != NODE_SEQ || live->type != NODE_SEQ ||
	    want->n != live->n) {
		differ(w, want, live, at, false);
		return;
	}
	step_inside(w, at, &below);
	for (uint32_t i = 0; i < want->n; i++) {
		size_t before = enter_index(w, i);

		whole(w, want->items[i], live->items[i], &below);
		leave(w, before);
	}
}

/* ---- what we own and do not want any more ---- */

static void left_over(struct walk *w, const struct node *live,
		      const struct at *at);

/* list: the items of live, where that is one. */
static void left_over_in(struct walk *w, const struct node *live,
			 struct managed_list *list, const struct at *at,
			 const struct node_pair *p)
{
	const struct node_pair *field = NULL;
	const struct node *value = NULL;
	struct at below;
	size_t before;
	int64_t i;

	if (p->key[0] == 'f') {
		field = node_pair(live, p->key + 2);
		value = field ? field->value : NULL;
	} else {
		i = managed_list_find(list, p->key, p->key_len, false);
		value = i < 0 ? NULL : live->items[i];
	}
	if (!value)
		return;
	before = field ? enter_field(w, field)
		       : enter_item(w, p->key, p->key_len);
	step(w, at, p->key, p->key_len, &below);
	left_over(w, value, &below);
	leave(w, before);
}

static void left_over(struct walk *w, const struct node *live,
		      const struct at *at)
{
	const struct node *ours = at->fields[w->ours];
	/* one that the item is made of goes with it, not by itself */
	bool item = node_get(ours, ".") && w->path.data[w->path.len - 1] ==
		    ']' && !owned_by_others(w, at);
	struct managed_list *list;

	if (owns_whole(ours) || item) {
		if (!owned_by_others(w, at) && !live_equal(live, NULL))
			differ(w, NULL, live, at, false);
		return;
	}
	list = managed_list(live, w->scratch);
	for (uint32_t i = 0; i < ours->n; i++)
		if (ours->pairs[i].key_len > 2 &&
		    ours->pairs[i].key[1] == ':')
			left_over_in(w, live, list, at, &ours->pairs[i]);
}

/* ---- what is merged: maps by key, lists by what managedFields says ---- */

static void compare(struct walk *w, const struct node *want,
		    const struct node *live, const struct at *at);

static void compare_map(struct walk *w, const struct node *want,
			const struct node *live, const struct at *at)
{
	const struct node *ours = w->ours < w->n ? at->fields[w->ours] : NULL;
	struct at below;

	for (uint32_t i = 0; i < want->n; i++) {
		const struct node_pair *p = &want->pairs[i];
		size_t before = enter_field(w, p);

		step_field(w, at, p, &below);
		compare(w, p->value, node_getn(live, p->key, p->key_len),
			&below);
		leave(w, before);
	}
	for (uint32_t i = 0; ours && i < ours->n; i++) {
		const struct node_pair *p = &ours->pairs[i];

		if (p->key_len > 2 && p->key[0] == 'f' &&
		    !node_getn(want, p->key + 2, p->key_len - 2))
			left_over_in(w, live, NULL, at, p);
	}
}

/* For each item of the list the element of somebody's fields that names it. */
static const struct node_pair **elements_of(struct walk *w,
					    struct managed_list *list,
					    uint32_t n, const struct at *at)
{
	const struct node_pair **elements = arena_array(w->scratch, n,
							sizeof(*elements));

	for (size_t i = 0; i < w->n; i++)
		managed_list_owners(list, at->fields[i], true, elements);
	return elements;
}

/* For lists in which nobody owns anything, and items that are nowhere. */
static struct node_pair *element_by_name(struct walk *w,
					 const struct node *item)
{
	const struct node *name = node_get(item, "name");
	struct node_pair *p = arena_alloc(w->scratch, sizeof(*p));
	struct buf text = BUF_INIT(PATH_MAX_BYTES);

	if (!node_text(name))
		return NULL;
	buf_adds(&text, "k:{\"name\":");
	json_write_string(name->str, name->n, &text);
	buf_addc(&text, '}');
	p->key = arena_strndup(w->scratch, text.data, text.len);
	p->key_len = (uint32_t)text.len;
	buf_release(&text);
	return p;
}

static bool all_named(const struct node *list)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (!node_text(node_get(list->items[i], "name")))
			return false;
	return list->n > 0;
}

static bool is_anybodys(const struct walk *w, const struct at *at)
{
	for (size_t i = 0; i < w->n; i++)
		if (owned_by(at, i))
			return true;
	return false;
}

/* True if the items are known by what they are, not by where they stand. */
static bool is_merged(const struct walk *w, const struct node *want,
		      const struct node *live, const struct at *at)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct node *f = at->fields[i];

		for (uint32_t j = 0; f && j < f->n; j++)
			if (f->pairs[j].key_len > 2 &&
			    strchr("kv", f->pairs[j].key[0]))
				return true;
	}
	return !is_anybodys(w, at) && all_named(want) && all_named(live);
}

/* Ours that the bundle's list does not have. */
static void left_over_items(struct walk *w, struct managed_list *want,
			    const struct node *live,
			    struct managed_list *list, const struct at *at)
{
	const struct node *ours = w->ours < w->n ? at->fields[w->ours] : NULL;

	for (uint32_t i = 0; ours && i < ours->n; i++) {
		const struct node_pair *p = &ours->pairs[i];

		if (p->key_len > 2 && p->key[1] == ':' &&
		    managed_list_find(want, p->key, p->key_len, true) < 0)
			left_over_in(w, live, list, at, p);
	}
}

static void compare_list(struct walk *w, const struct node *want,
			 const struct node *live, const struct at *at)
{
	struct managed_list *wanted = managed_list(want, w->scratch);
	struct managed_list *list = managed_list(live, w->scratch);
	const struct node_pair **elements = elements_of(w, wanted, want->n,
							at);
	bool order = false;
	int64_t last = -1;

	for (uint32_t i = 0; i < want->n; i++) {
		const struct node *item = want->items[i];
		const struct node_pair *p = elements[i];
		struct at below = { 0 };
		int64_t here = -1;
		size_t before;

		if (!p)
			p = element_by_name(w, item);
		if (p)
			here = managed_list_find(list, p->key, p->key_len,
						 false);
		before = p ? enter_item(w, p->key, p->key_len)
			   : enter_index(w, i);
		if (p)
			step(w, at, p->key, p->key_len, &below);
		if (here >= 0) {
			order |= here < last;
			last = here;
			compare(w, item, live->items[here], &below);
		} else {
			differ(w, item, NULL, &below, false);
		}
		leave(w, before);
	}
	if (order)
		differ(w, want, live, at, true);
	left_over_items(w, wanted, live, list, at);
}

/* Nobody's, and without names: defaults inside of the items do not count. */
static void compare_by_index(struct walk *w, const struct node *want,
			     const struct node *live, const struct at *at)
{
	for (uint32_t i = 0; i < want->n; i++) {
		size_t before = enter_index(w, i);

		compare(w, want->items[i], live->items[i], at);
		leave(w, before);
	}
}

/* A map that is owned as a whole: ours says so, or whoever took it. */
static bool is_whole(const struct walk *w, const struct at *at)
{
	if (w->ours < w->n && at->fields[w->ours])
		return owns_whole(at->fields[w->ours]);
	for (size_t i = 0; i < w->n; i++)
		if (owns_whole(at->fields[i]))
			return true;
	return false;
}

static void compare(struct walk *w, const struct node *want,
		    const struct node *live, const struct at *at)
{
	bool maps = live && want->type == NODE_MAP && live->type == NODE_MAP;
	bool lists = live && want->type == NODE_SEQ && live->type == NODE_SEQ;

	if (maps && !(want->n && is_whole(w, at)))
		compare_map(w, want, live, at);
	else if (lists && is_merged(w, want, live, at))
		compare_list(w, want, live, at);
	else if (lists && want->n == live->n && !is_anybodys(w, at))
		compare_by_index(w, want, live, at);
	else
		whole(w, want, live, at);
}

/* ---- the whole object ---- */

static void take_entries(struct walk *w, const struct node *live,
			 const char *manager, struct at *ret)
{
	const struct node *list = node_path(live, "metadata", "managedFields",
					    NULL);
	const struct node *mine = managed_entry(live, manager);

	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n &&
	     w->n < LIVE_OWNERS; i++) {
		const struct node *fields = managed_fields(list->items[i]);

		/* ours is never the one too many */
		if (!fields || fields->type != NODE_MAP ||
		    (list->items[i] != mine && mine &&
		     w->n == LIVE_OWNERS - 1))
			continue;
		ret->fields[w->n] = fields;
		w->entries[w->n++] = list->items[i];
	}
	w->ours = 0;
	while (w->ours < w->n && w->entries[w->ours] != mine)
		w->ours++;
}

size_t live_diff(const struct node *want, const struct node *live,
		 const char *manager, struct arena *scratch,
		 void (*fn)(void *arg, const struct live_difference *d),
		 void *arg)
{
	struct walk w = {
		.scratch = scratch, .path = BUF_INIT(PATH_MAX_BYTES),
		.fn = fn, .arg = arg,
	};
	struct at root = { 0 };

	take_entries(&w, live, manager, &root);
	compare_map(&w, live_wanted(want, scratch), live, &root);
	buf_release(&w.path);
	return w.found;
}

/* ---- by metadata alone ---- */

static void lost(struct walk *w, const struct node *want, const struct at *at);

static void lost_in_map(struct walk *w, const struct node *want,
			const struct at *at)
{
	struct at below;

	for (uint32_t i = 0; i < want->n; i++) {
		size_t before = enter_field(w, &want->pairs[i]);

		step_field(w, at, &want->pairs[i], &below);
		lost(w, want->pairs[i].value, &below);
		leave(w, before);
	}
}

static void lost_in_list(struct walk *w, const struct node *want,
			 const struct at *at)
{
	struct managed_list *list = managed_list(want, w->scratch);
	const struct node_pair **elements = elements_of(w, list, want->n, at);

	for (uint32_t i = 0; i < want->n; i++) {
		const struct node *item = want->items[i];
		const struct node_pair *p = elements[i];
		struct at below = { 0 };
		size_t before;

		if (!p)
			p = element_by_name(w, item);
		before = p ? enter_item(w, p->key, p->key_len)
			   : enter_index(w, i);
		if (p)
			step(w, at, p->key, p->key_len, &below);
		lost(w, item, &below);
		leave(w, before);
	}
}

static void lost(struct walk *w, const struct node *want, const struct at *at)
{
	const struct node *ours = at->fields[w->ours];

	/* an empty value may be left out, and is then nobody's */
	if (!ours && !at->above[w->ours] && !live_equal(want, NULL))
		differ(w, want, NULL, at, false);
	else if (!ours || owns_whole(ours))
		return;
	else if (want->type == NODE_MAP)
		lost_in_map(w, want, at);
	else if (want->type == NODE_SEQ)
		lost_in_list(w, want, at);
}

size_t live_lost(const struct node *want, const struct node *object,
		 const char *manager, struct arena *scratch,
		 void (*fn)(void *arg, const struct live_difference *d),
		 void *arg)
{
	struct walk w = {
		.scratch = scratch, .path = BUF_INIT(PATH_MAX_BYTES),
		.fn = fn, .arg = arg,
	};
	struct at root = { 0 };

	take_entries(&w, object, manager, &root);
	if (w.ours < w.n)
		lost_in_map(&w, live_wanted(want, scratch), &root);
	buf_release(&w.path);
	return w.found;
}
