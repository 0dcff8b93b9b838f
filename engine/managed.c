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

struct node *managed_item(const struct node *items, const char *element,
			  size_t len, bool lenient, struct arena *scratch)
{
	struct node *key;
	struct err err;
	uint64_t index;

	if (!items || items->type != NODE_SEQ || len < 3 || element[1] != ':')
		return NULL;
	if (element[0] == 'i') {
		if (parse_u64n(element + 2, len - 2, 0, UINT32_MAX, &index))
			return NULL;
		return index < items->n ? items->items[index] : NULL;
	}
	if (json_read(element + 2, len - 2, scratch, &key, &err) < 0)
		return NULL;
	for (uint32_t i = 0; i < items->n; i++) {
		struct node *item = items->items[i];

		if (element[0] == 'k' && item->type == NODE_MAP &&
		    key->type == NODE_MAP && item_has_keys(item, key, lenient))
			return item;
		if (element[0] == 'v' && node_equal(item, key))
			return item;
	}
	return NULL;
}

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

	for (uint32_t i = 0; i < fields->n; i++) {
		const struct node_pair *p = &fields->pairs[i];
		struct place *at = &places[i];

		at->element = p;
		if (p->key_len < 2 || p->key[1] != ':')
			continue;
		if (p->key[0] == 'f') {
			at->child = node_getn(value, p->key + 2,
					      p->key_len - 2);
			continue;
		}
		at->child = managed_item(value, p->key, p->key_len, false,
					 scratch);
		while (at->child && value->items[at->index] != at->child)
			at->index++;
	}
	return places;
}

/* The order of our items among themselves; items of others do not count. */
static void rank_places(struct place *places, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < n; j++)
			if (places[j].child && places[j].index < places[i].index)
				places[i].rank++;
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
		rank_places(places, fields->n);
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
