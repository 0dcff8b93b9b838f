/*
 * Reading managedFields. See managed.h. The bytes come from the API server,
 * which is trusted to be what it is, not to be free of faults: anything that
 * does not look as documented is treated as absent.
 */
#include "config.h"
#include "engine/managed.h"

#include <sodium.h>
#include <string.h>

#include "schema/base/buf.h"
#include "schema/base/map.h"
#include "schema/base/num.h"
#include "schema/json.h"

/* what one hash may cover: an object is at most 3 MiB, as text twice that */
#define HASH_TEXT_MAX (8u * 1024 * 1024)

const struct node *managed_entry(const struct node *object,
				 const char *manager)
{
	const struct node *list = node_path(object, "metadata",
					    "managedFields", NULL);

	if (!list || list->type != NODE_SEQ)
		return NULL;
	for (uint32_t i = 0; i < list->n; i++) {
		const struct node *e = list->items[i];
		const char *name = node_text(node_get(e, "manager"));
		const char *op = node_text(node_get(e, "operation"));
		const char *sub = node_text(node_get(e, "subresource"));

		if (name && op && !strcmp(name, manager) &&
		    !strcmp(op, "Apply") && (!sub || !*sub))
			return e;
	}
	return NULL;
}

const struct node *managed_fields(const struct node *entry)
{
	return node_get(entry, "fieldsV1");
}

bool managed_is_leftover(const struct node *entry)
{
	const char *name = node_text(node_get(entry, "manager"));
	const char *op = node_text(node_get(entry, "operation"));
	const char *sub = node_text(node_get(entry, "subresource"));

	return name && op && !strcmp(op, "Update") && (!sub || !*sub) &&
	       (!strncmp(name, "kubectl-", 8) || !strcmp(name, "kubectl") ||
		!strcmp(name, "before-first-apply"));
}

/* ---- items of a list ---- */

static bool item_has_keys(const struct node *item, const struct node *keys,
			  bool lenient)
{
	for (uint32_t i = 0; i < keys->n; i++) {
		const struct node_pair *want = &keys->pairs[i];
		const struct node *got = node_getn(item, want->key,
						   want->key_len);

		if (!got && lenient)
			continue;
		if (!got || !node_equal(got, want->value))
			return false;
	}
	return true;
}

/* Items in chains: by the value of one of their keys, or as a whole. */
struct chains {
	uint32_t *first;		/* index + 1; 0: none */
	uint32_t *next;
	uint32_t mask;
	uint32_t without;		/* the first that lacks the key */
};

struct managed_list {
	const struct node *items;
	struct arena *arena;
	const char *key;		/* of by_key; NULL: not made yet */
	struct chains by_key, by_value;
};

struct managed_list *managed_list(const struct node *items,
				  struct arena *arena)
{
	struct managed_list *l = arena_array(arena, 1, sizeof(*l));

	l->items = items && items->type == NODE_SEQ ? items : NULL;
	l->arena = arena;
	return l;
}

static uint32_t chain_of(const struct chains *c, const struct node *value)
{
	struct buf text = BUF_INIT(HASH_TEXT_MAX);
	uint32_t chain;

	json_write_compact(value, &text);
	chain = (uint32_t)map_hash(text.data, text.len) & c->mask;
	buf_release(&text);
	return chain;
}

/* key NULL: by the items themselves. */
static void make_chains(struct managed_list *l, const char *key,
			struct chains *c)
{
	uint32_t n = l->items->n, size = 4;

	while (size < n)
		size *= 2;
	c->mask = size - 1;
	c->first = arena_array(l->arena, size, sizeof(*c->first));
	c->next = arena_array(l->arena, n, sizeof(*c->next));
	/* from the end, so that each chain begins with its first */
	for (uint32_t i = n; i-- > 0;) {
		const struct node *item = l->items->items[i];
		const struct node *value = key ? node_get(item, key) : item;
		uint32_t *at = value ? &c->first[chain_of(c, value)] :
				       &c->without;

		c->next[i] = *at;
		*at = i + 1;
	}
}

/* One that items are not likely to lack. */
static const char *choose_key(const struct managed_list *l,
			      const struct node *key)
{
	for (uint32_t i = 0; i < key->n; i++)
		if (node_get(l->items->items[0], key->pairs[i].key))
			return key->pairs[i].key;
	return key->pairs[0].key;
}

static bool is_named(const struct node *item, const struct node *key,
		     bool by_key, bool lenient)
{
	if (!by_key)
		return node_equal(item, key);
	return item->type == NODE_MAP && item_has_keys(item, key, lenient);
}

/* Of two chains the first item that it is. */
static int64_t find_in(const struct managed_list *l, const struct chains *c,
		       uint32_t a, uint32_t b, const struct node *key,
		       bool by_key, bool lenient)
{
	while (a || b) {
		uint32_t *at = !b || (a && a < b) ? &a : &b;
		uint32_t i = *at - 1;

		if (is_named(l->items->items[i], key, by_key, lenient))
			return i;
		*at = c->next[i];
	}
	return -1;
}

static int64_t find_by_key(struct managed_list *l, const struct node *key,
			   bool lenient)
{
	const struct node *value;

	if (key->type != NODE_MAP || !key->n)
		return -1;
	if (!l->key) {
		l->key = choose_key(l, key);
		make_chains(l, l->key, &l->by_key);
	}
	value = node_get(key, l->key);
	/* keys of one list have the same names */
	if (!value)
		return -1;
	return find_in(l, &l->by_key, l->by_key.first[chain_of(&l->by_key,
							       value)],
		       lenient ? l->by_key.without : 0, key, true, lenient);
}

static int64_t find_by_value(struct managed_list *l, const struct node *value)
{
	struct chains *c = &l->by_value;

	if (!c->first)
		make_chains(l, NULL, c);
	return find_in(l, c, c->first[chain_of(c, value)], 0, value, false,
		       false);
}

int64_t managed_list_find(struct managed_list *l, const char *element,
			  size_t len, bool lenient)
{
	struct node *key;
	struct err err;
	uint64_t index;

	if (!l->items || !l->items->n || len < 3 || element[1] != ':')
		return -1;
	if (element[0] == 'i')
		return parse_u64n(element + 2, len - 2, 0, l->items->n - 1,
				  &index) ? -1 : (int64_t)index;
	if (json_read(element + 2, len - 2, l->arena, &key, &err) < 0)
		return -1;
	if (element[0] == 'k')
		return find_by_key(l, key, lenient);
	return element[0] == 'v' ? find_by_value(l, key) : -1;
}

void managed_list_owners(struct managed_list *l, const struct node *fields,
			 bool lenient, const struct node_pair **owners)
{
	for (uint32_t i = 0; fields && i < fields->n; i++) {
		const struct node_pair *p = &fields->pairs[i];
		int64_t at = managed_list_find(l, p->key, p->key_len,
					       lenient);

		if (at >= 0 && !owners[at])
			owners[at] = p;
	}
}

/* ---- hashes ---- */

static uint64_t hash_text(const struct buf *b)
{
	static unsigned char key[crypto_shorthash_KEYBYTES];
	static bool seeded;
	uint64_t h;

	if (!seeded) {
		randombytes_buf(key, sizeof(key));
		seeded = true;
	}
	crypto_shorthash((unsigned char *)&h, (unsigned char *)b->data,
			 b->len, key);
	return h ? h : 1;
}

uint64_t node_hash(const struct node *n)
{
	struct buf text = BUF_INIT(HASH_TEXT_MAX);
	uint64_t h;

	if (n)
		json_write_compact(n, &text);
	h = hash_text(&text);
	buf_release(&text);
	return h;
}

static void add_text(struct buf *b, const char *s)
{
	buf_adds(b, s ? s : "");
	buf_addc(b, '\n');
}

uint64_t managed_entry_hash(const struct node *entry)
{
	struct buf text = BUF_INIT(HASH_TEXT_MAX);
	const struct node *fields = managed_fields(entry);
	uint64_t h;

	add_text(&text, node_text(node_get(entry, "apiVersion")));
	/* an entry that changed nothing has no time: absent is a value too */
	add_text(&text, node_text(node_get(entry, "time")));
	if (fields)
		json_write_compact(fields, &text);
	h = hash_text(&text);
	buf_release(&text);
	return h;
}

/* An element owns just what it names when nothing but "." is below it. */
static bool is_leaf(const struct node *fields)
{
	return fields->type != NODE_MAP || fields->n == 0 ||
	       (fields->n == 1 && !strcmp(fields->pairs[0].key, "."));
}

/* Where an owned element stands in the live list, and what it is. */
struct place {
	const struct node_pair *element;
	const struct node *child;	/* NULL: not there */
	uint32_t index, rank;
};

static struct place *find_places(const struct node *value,
				 const struct node *fields,
				 struct arena *scratch)
{
	struct place *places = arena_array(scratch, fields->n + 1,
					   sizeof(*places));
	struct managed_list *list = managed_list(value, scratch);

	for (uint32_t i = 0; i < fields->n; i++) {
		const struct node_pair *p = &fields->pairs[i];
		struct place *at = &places[i];
		int64_t found;

		at->element = p;
		if (p->key_len < 2 || p->key[1] != ':')
			continue;
		if (p->key[0] == 'f') {
			at->child = node_getn(value, p->key + 2,
					      p->key_len - 2);
			continue;
		}
		found = managed_list_find(list, p->key, p->key_len, false);
		if (found < 0)
			continue;
		at->index = (uint32_t)found;
		at->child = value->items[found];
	}
	return places;
}

/* The order of our items among themselves; items of others do not count. */
static void rank_places(struct place *places, uint32_t n, uint32_t n_items,
			struct arena *scratch)
{
	uint32_t *before = arena_array(scratch, n_items + 1,
				       sizeof(*before));

	for (uint32_t i = 0; i < n; i++)
		if (places[i].child)
			before[places[i].index + 1]++;
	for (uint32_t i = 0; i < n_items; i++)
		before[i + 1] += before[i];
	for (uint32_t i = 0; i < n; i++)
		places[i].rank = before[places[i].index];
}

/*
 * A sum of hashes, so that the order in which the server writes the keys of
 * fieldsV1 does not matter.
 */
static uint64_t hash_values(const struct node *value,
			    const struct node *fields, struct arena *scratch)
{
	struct place *places = find_places(value, fields, scratch);
	struct buf text = BUF_INIT(HASH_TEXT_MAX);
	uint64_t sum = 0;

	if (value && value->type == NODE_SEQ)
		rank_places(places, fields->n, value->n, scratch);
	for (uint32_t i = 0; i < fields->n; i++) {
		const struct place *at = &places[i];
		const struct node_pair *p = at->element;

		buf_reset(&text);
		buf_add(&text, p->key, p->key_len);
		buf_addf(&text, "%c%u", at->child ? '=' : '!', at->rank);
		/* an owned list item with no owned field of its own says only
		 * that the item is there */
		if (!is_leaf(p->value))
			buf_addf(&text, ":%llx", (unsigned long long)
				 hash_values(at->child, p->value, scratch));
		else if (at->child && (p->key[0] == 'f' || p->key[0] == 'i'))
			json_write_compact(at->child, &text);
		sum += hash_text(&text);
	}
	buf_release(&text);
	return sum;
}

uint64_t managed_values_hash(const struct node *object,
			     const struct node *fields, struct arena *scratch)
{
	uint64_t h = 0;

	if (fields && fields->type == NODE_MAP)
		h = hash_values(object, fields, scratch);
	return h ? h : 1;
}
