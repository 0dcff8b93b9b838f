/*
 * The document tree. See node.h. Trusts its callers with types; whatever a
 * tree holds (any string, any key, NUL bytes too) it takes. Depth is bounded
 * by the readers, so recursion here is.
 */
#include "config.h"
#include "schema/node.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/base/utf8.h"

static struct node *node_new(struct arena *a, enum node_type type)
{
	struct node *n = arena_alloc(a, sizeof(*n));

	n->type = type;
	return n;
}

struct node *node_null(struct arena *a)
{
	return node_new(a, NODE_NULL);
}

struct node *node_bool(struct arena *a, bool v)
{
	struct node *n = node_new(a, NODE_BOOL);

	n->boolean = v;
	return n;
}

struct node *node_int(struct arena *a, int64_t v)
{
	struct node *n = node_new(a, NODE_INT);

	n->integer = v;
	return n;
}

struct node *node_float(struct arena *a, double v)
{
	struct node *n = node_new(a, NODE_FLOAT);

	n->real = v;
	return n;
}

struct node *node_strn(struct arena *a, const char *s, size_t len)
{
	struct node *n = node_new(a, NODE_STR);

	if (len > UINT32_MAX)
		BUG("node string of 4 GiB");
	n->n = (uint32_t)len;
	n->str = arena_strndup(a, s, len);
	return n;
}

struct node *node_str(struct arena *a, const char *s)
{
	return node_strn(a, s, strlen(s));
}

struct node *node_str_clean(struct arena *a, const char *s)
{
	size_t len = strlen(s), out = 0;
	char *clean = arena_alloc(a, len * 3 + 1);
	struct node *n = node_new(a, NODE_STR);

	for (size_t i = 0; i < len; ) {
		size_t step = utf8_length(s + i, len - i);

		memcpy(clean + out, step ? s + i : "\xef\xbf\xbd",
		       step ? step : 3);
		out += step ? step : 3;
		i += step ? step : 1;
	}
	if (out > UINT32_MAX)
		BUG("node string of 4 GiB");
	n->n = (uint32_t)out;
	n->str = clean;
	return n;
}

struct node *node_seq(struct arena *a)
{
	return node_new(a, NODE_SEQ);
}

struct node *node_map(struct arena *a)
{
	return node_new(a, NODE_MAP);
}

/* Room for one more; old arrays stay in the arena until it goes. */
static void *grow(struct arena *a, struct node *n, void *old, size_t size)
{
	uint32_t alloc;
	void *v;

	if (n->n < n->alloc)
		return old;
	if (n->n > UINT32_MAX / 2)
		BUG("node of 2^31 children");
	alloc = n->n < 4 ? 4 : n->n * 2;
	v = arena_array(a, alloc, size);
	if (n->n)
		memcpy(v, old, n->n * size);
	n->alloc = alloc;
	return v;
}

void node_append(struct arena *a, struct node *seq, struct node *item)
{
	if (seq->type != NODE_SEQ)
		BUG("node_append to no list");
	seq->items = grow(a, seq, seq->items, sizeof(*seq->items));
	seq->items[seq->n++] = item;
}

/* ---- maps ---- */

/* A map of fewer pairs is looked through: most have ten. */
#define INDEX_FROM 64

/* Slots of the index: a power of two, at most half of it in use. */
static uint32_t index_size(const struct node *map)
{
	uint32_t size = 2 * INDEX_FROM;

	while (size / 2 < map->n)
		size *= 2;
	return size;
}

void node_index(struct arena *a, struct node *map)
{
	uint32_t mask, *slots;

	if (map->type != NODE_MAP || map->n < INDEX_FROM ||
	    map->n > UINT32_MAX / 4)
		return;
	mask = index_size(map) - 1;
	slots = arena_array(a, (size_t)mask + 1, sizeof(*slots));
	for (uint32_t i = 0; i < map->n; i++) {
		const struct node_pair *p = &map->pairs[i];
		uint32_t s = (uint32_t)map_hash(p->key, p->key_len) & mask;

		while (slots[s])
			s = (s + 1) & mask;
		slots[s] = i + 1;
	}
	map->index = slots;
}

static bool is_key(const struct node_pair *p, const char *key, size_t len)
{
	return p->key_len == len && !memcmp(p->key, key, len);
}

static struct node_pair *find_indexed(const struct node *map,
				      const char *key, size_t len)
{
	uint32_t mask = index_size(map) - 1;
	uint32_t s = (uint32_t)map_hash(key, len) & mask;

	for (; map->index[s]; s = (s + 1) & mask) {
		struct node_pair *p = &map->pairs[map->index[s] - 1];

		if (is_key(p, key, len))
			return p;
	}
	return NULL;
}

static struct node_pair *find(const struct node *map, const char *key,
			      size_t len)
{
	if (!map || map->type != NODE_MAP)
		return NULL;
	if (map->index)
		return find_indexed(map, key, len);
	for (uint32_t i = 0; i < map->n; i++) {
		struct node_pair *p = &map->pairs[i];

		if (is_key(p, key, len))
			return p;
	}
	return NULL;
}

struct node *node_getn(const struct node *map, const char *key, size_t len)
{
	struct node_pair *p = find(map, key, len);

	return p ? p->value : NULL;
}

struct node *node_get(const struct node *map, const char *key)
{
	return node_getn(map, key, strlen(key));
}

struct node_pair *node_pair(const struct node *map, const char *key)
{
	return find(map, key, strlen(key));
}

static struct node *follow(const struct node *map, va_list ap)
{
	const struct node *n = map;
	const char *key;

	while (n && (key = va_arg(ap, const char *)))
		n = node_get(n, key);
	return (struct node *)n;
}

struct node *node_path(const struct node *map, ...)
{
	struct node *n;
	va_list ap;

	va_start(ap, map);
	n = follow(map, ap);
	va_end(ap);
	return n;
}

const char *node_path_str(const struct node *map, ...)
{
	struct node *n;
	va_list ap;

	va_start(ap, map);
	n = follow(map, ap);
	va_end(ap);
	return node_text(n);
}

void node_copy_str(const struct node *map, const char *key, char *ret,
		   size_t size)
{
	const char *s = node_path_str(map, key, NULL);

	snprintf(ret, size, "%s", s ? s : "");
}

int64_t node_path_int(const struct node *map, int64_t fallback, ...)
{
	struct node *n;
	va_list ap;

	va_start(ap, fallback);
	n = follow(map, ap);
	va_end(ap);
	return n && n->type == NODE_INT ? n->integer : fallback;
}

struct node_pair *node_append_pair(struct arena *a, struct node *map,
				   const char *key, size_t len,
				   struct node *value)
{
	if (map->type != NODE_MAP || len > UINT32_MAX)
		BUG("a pair in no map");
	map->index = NULL;
	map->pairs = grow(a, map, map->pairs, sizeof(*map->pairs));
	map->pairs[map->n] = (struct node_pair){
		.key = key,
		.key_len = (uint32_t)len,
		.value = value,
	};
	return &map->pairs[map->n++];
}

void node_set(struct arena *a, struct node *map, const char *key,
	      struct node *value)
{
	struct node_pair *p = node_pair(map, key);
	size_t len = strlen(key);

	if (p)
		p->value = value;
	else
		node_append_pair(a, map, arena_strndup(a, key, len), len,
				 value);
}

bool node_del(struct node *map, const char *key)
{
	struct node_pair *p = node_pair(map, key);
	struct node_pair *end;

	if (!p)
		return false;
	map->index = NULL;
	end = map->pairs + map->n;
	memmove(p, p + 1, (size_t)(end - (p + 1)) * sizeof(*p));
	map->n--;
	return true;
}

const char *node_text(const struct node *n)
{
	return n && n->type == NODE_STR ? n->str : NULL;
}

size_t node_copy_bytes(const struct node *n)
{
	size_t bytes = sizeof(*n);

	if (n->source)
		bytes += strlen(n->source) + 1;
	switch (n->type) {
	case NODE_STR:
		bytes += (size_t)n->n + 1;
		break;
	case NODE_SEQ:
		for (uint32_t i = 0; i < n->n; i++)
			bytes += sizeof(*n->items) +
				 node_copy_bytes(n->items[i]);
		break;
	case NODE_MAP:
		for (uint32_t i = 0; i < n->n; i++)
			bytes += sizeof(*n->pairs) + n->pairs[i].key_len + 1 +
				 node_copy_bytes(n->pairs[i].value);
		break;
	default:
		break;
	}
	return bytes;
}

struct node *node_copy(struct arena *a, const struct node *n)
{
	struct node *copy = node_new(a, n->type);

	*copy = *n;
	copy->alloc = n->n;
	if (n->source)
		copy->source = arena_strdup(a, n->source);
	switch (n->type) {
	case NODE_STR:
		copy->alloc = 0;
		copy->str = arena_strndup(a, n->str, n->n);
		break;
	case NODE_SEQ:
		copy->items = arena_array(a, n->n, sizeof(*n->items));
		for (uint32_t i = 0; i < n->n; i++)
			copy->items[i] = node_copy(a, n->items[i]);
		break;
	case NODE_MAP:
		copy->pairs = arena_array(a, n->n, sizeof(*n->pairs));
		for (uint32_t i = 0; i < n->n; i++) {
			struct node_pair *p = &copy->pairs[i];

			*p = n->pairs[i];
			p->key = arena_strndup(a, p->key, p->key_len);
			p->value = node_copy(a, p->value);
		}
		copy->index = NULL;
		node_index(a, copy);
		break;
	default:
		break;
	}
	return copy;
}

/* Exact: 2^53 + 1 equals no float, though it converts to one. */
static bool int_is_real(int64_t i, double d)
{
	return d >= -0x1p63 && d < 0x1p63 && (int64_t)d == i &&
	       (double)(int64_t)d == d;
}

/* Above this many pairs a lookup by hash is worth its set-up. */
#define SMALL_MAP 32

static bool map_equal_unordered(const struct node *a, const struct node *b)
{
	struct map by_key = MAP_INIT;
	bool equal = true;

	if (b->n > SMALL_MAP)
		for (uint32_t i = 0; i < b->n; i++)
			map_putn(&by_key, b->pairs[i].key, b->pairs[i].key_len,
				 b->pairs[i].value);
	for (uint32_t i = 0; equal && i < a->n; i++) {
		const struct node_pair *p = &a->pairs[i];
		struct node *other = b->n > SMALL_MAP ?
			map_getn(&by_key, p->key, p->key_len) :
			node_getn(b, p->key, p->key_len);

		equal = other && node_equal(p->value, other);
	}
	map_release(&by_key, NULL);
	return equal;
}

static bool map_equal(const struct node *a, const struct node *b)
{
	if (a->n != b->n)
		return false;
	/* usually both are in the same order */
	for (uint32_t i = 0; i < a->n; i++) {
		const struct node_pair *p = &a->pairs[i], *q = &b->pairs[i];

		if (p->key_len != q->key_len ||
		    memcmp(p->key, q->key, p->key_len))
			return map_equal_unordered(a, b);
		if (!node_equal(p->value, q->value))
			return false;
	}
	return true;
}

bool node_equal(const struct node *a, const struct node *b)
{
	if (a->type == NODE_INT && b->type == NODE_FLOAT)
		return int_is_real(a->integer, b->real);
	if (a->type == NODE_FLOAT && b->type == NODE_INT)
		return int_is_real(b->integer, a->real);
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case NODE_NULL:
		return true;
	case NODE_BOOL:
		return a->boolean == b->boolean;
	case NODE_INT:
		return a->integer == b->integer;
	case NODE_FLOAT:
		return a->real == b->real;
	case NODE_STR:
		return a->n == b->n && !memcmp(a->str, b->str, a->n);
	case NODE_SEQ:
		if (a->n != b->n)
			return false;
		for (uint32_t i = 0; i < a->n; i++)
			if (!node_equal(a->items[i], b->items[i]))
				return false;
		return true;
	case NODE_MAP:
		return map_equal(a, b);
	}
	BUG("node type");
}

const char *node_type_name(enum node_type type)
{
	switch (type) {
	case NODE_NULL:
		return "null";
	case NODE_BOOL:
		return "a boolean";
	case NODE_INT:
		return "an integer";
	case NODE_FLOAT:
		return "a number";
	case NODE_STR:
		return "a string";
	case NODE_SEQ:
		return "a list";
	case NODE_MAP:
		return "a map";
	}
	BUG("node type");
}
