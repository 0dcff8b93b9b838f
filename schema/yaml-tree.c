/*
 * From libyaml's events to a tree, by the rules of go-yaml v2's decoder: how
 * scalars resolve, keys become strings, aliases copy and merges override
 * (kubernetes.md section 2, rows 19 to 36). What that decoder does silently
 * (a key twice, an unknown tag, text behind the root) is an error here.
 *
 * The text is a stranger's: nodes, depth and what aliases multiply are
 * counted, and the first structural fault ends the document. Faults of
 * single keys are collected, so that one push shows them all.
 */
#include "config.h"
#include "schema/yaml-tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/yaml-scalar.h"

/* maps with more keys than this look for duplicates by hash */
#define LINEAR_KEYS 16

struct reader {
	const struct yaml_chunk *chunk;
	struct arena *arena;
	struct problems *ps;
	yaml_parser_t parser;
	yaml_event_t event;
	bool has_event;
	struct map anchors;	/* name to struct anchor * */
	size_t nodes;		/* made so far, by aliases too */
	size_t copied;		/* of them by aliases */
	unsigned depth;
	bool faulty;		/* a problem was added, reading goes on */
	unsigned flow;		/* flow collections that are open */
	/* where in the text the last event was looked up: libyaml counts
	   characters, so bytes are found by walking along */
	bool has_slash_escape;
	size_t seen_chars, seen_bytes;
};

struct anchor {
	struct node *node;	/* NULL while its own value is read */
};

static struct node *read_node(struct reader *r);

/* ---- places and problems ---- */

static struct mark mark_of(const struct reader *r, const yaml_mark_t *m)
{
	struct mark mark = {
		.line = r->chunk->line + (uint32_t)m->line,
		.column = (uint32_t)m->column + 1,
	};

	if (m->line == 0)
		mark.column += r->chunk->column;
	return mark;
}

#define fault(r, mark, rule, ...) do { \
	problem_error((r)->ps, (r)->chunk->path, (mark), (rule), __VA_ARGS__); \
	(r)->faulty = true; \
} while (0)

static void syntax_fault(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	yaml_mark_t at = p->problem_mark;
	const char *what = p->problem ? p->problem : "not YAML";

	if (p->error == YAML_READER_ERROR) {
		struct mark nowhere = { 0, 0 };

		fault(r, nowhere, "yaml-encoding", "%s (byte %zu)", what,
		      p->problem_offset);
	} else if (p->context) {
		fault(r, mark_of(r, &at), "yaml-syntax", "%s, %s", what,
		      p->context);
	} else {
		fault(r, mark_of(r, &at), "yaml-syntax", "%s", what);
	}
}

/* ---- events ---- */

static void drop_event(struct reader *r)
{
	if (r->has_event)
		yaml_event_delete(&r->event);
	r->has_event = false;
}

static int next_event(struct reader *r)
{
	drop_event(r);
	if (!yaml_parser_parse(&r->parser, &r->event)) {
		syntax_fault(r);
		return -1;
	}
	r->has_event = true;
	return 0;
}

static struct mark event_mark(const struct reader *r)
{
	return mark_of(r, &r->event.start_mark);
}

/* ---- what is bounded ---- */

static bool count_nodes(struct reader *r, size_t n, struct mark at)
{
	r->nodes += n;
	if (r->nodes <= LIMIT_DOCUMENT_NODES)
		return true;
	fault(r, at, "yaml-limit", "the document has more than %d values; "
	      "split it", LIMIT_DOCUMENT_NODES);
	return false;
}

static size_t tree_size(const struct node *n)
{
	size_t size = 1;

	if (n->type == NODE_SEQ)
		for (uint32_t i = 0; i < n->n; i++)
			size += tree_size(n->items[i]);
	else if (n->type == NODE_MAP)
		for (uint32_t i = 0; i < n->n; i++)
			size += tree_size(n->pairs[i].value) + 1;
	return size;
}

/* go-yaml's guard: 99% of a small document may come from aliases, 10% of a
 * large one (decode.go, allowedAliasRatio). */
static bool too_many_copies(const struct reader *r)
{
	double ratio = 0.99;

	if (r->copied <= 100 || r->nodes <= 1000)
		return false;
	if (r->nodes >= 4000000)
		ratio = 0.10;
	else if (r->nodes > 400000)
		ratio = 0.99 - 0.89 * ((double)r->nodes - 400000) / 3600000;
	return (double)r->copied / (double)r->nodes > ratio;
}

/* ---- anchors ---- */

static struct anchor *set_anchor(struct reader *r, const yaml_char_t *name)
{
	struct anchor *anchor;

	if (!name)
		return NULL;
	anchor = arena_alloc(r->arena, sizeof(*anchor));
	map_put(&r->anchors, (const char *)name, anchor);
	return anchor;
}

static struct node *read_alias(struct reader *r)
{
	const char *name = (const char *)r->event.data.alias.anchor;
	struct anchor *anchor = map_get(&r->anchors, name);
	struct mark at = event_mark(r);
	struct node *copy;
	size_t size;

	if (!anchor) {
		fault(r, at, "yaml-alias", "alias '*%s' has no anchor before "
		      "it", name);
		return NULL;
	}
	if (!anchor->node) {
		fault(r, at, "yaml-alias", "alias '*%s' stands inside its own "
		      "anchor", name);
		return NULL;
	}
	size = tree_size(anchor->node);
	if (!count_nodes(r, size, at))
		return NULL;
	r->copied += size;
	if (too_many_copies(r)) {
		fault(r, at, "yaml-alias", "aliases multiply this document too "
		      "much; write the values out");
		return NULL;
	}
	copy = node_copy(r->arena, anchor->node);
	copy->mark = at;
	return copy;
}

/* ---- scalars ---- */

static bool is_plain(const yaml_event_t *e)
{
	return e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static struct node *number_node(struct reader *r, const struct yaml_scalar *s,
				struct mark at)
{
	int64_t whole;

	if (!isfinite(s->real)) {
		fault(r, at, "yaml-number", "'%s' is no number that JSON can "
		      "hold; quote it if it is text",
		      (const char *)r->event.data.scalar.value);
		return NULL;
	}
	if (yaml_float_is_int(s->real, &whole))
		return node_int(r->arena, whole);
	return node_float(r->arena, s->real);
}

/* False if the tag is one that Kubernetes would silently ignore or decode. */
static bool check_tag(struct reader *r, enum yaml_tag tag, const char *name,
		      enum yaml_tag fits, struct mark at)
{
	/* the non-specific tag ! says nothing about a map or a list */
	if (tag == YAML_TAG_NONE || tag == fits || (name && !strcmp(name, "!")))
		return true;
	if (tag == YAML_TAG_BINARY)
		fault(r, at, "yaml-tag", "!!binary would be decoded to raw "
		      "bytes; write the base64 text as a string");
	else if (tag == YAML_TAG_OTHER)
		fault(r, at, "yaml-tag", "tag '%s' means nothing to "
		      "Kubernetes; remove it", name);
	else
		fault(r, at, "yaml-tag", "tag '%s' does not fit what it "
		      "stands before; remove it", name);
	return false;
}

/* The byte at a mark; marks are asked for in rising order. */
static size_t byte_at(struct reader *r, const yaml_mark_t *m)
{
	const char *data = r->chunk->data;

	while (r->seen_chars < m->index && r->seen_bytes < r->chunk->len) {
		r->seen_bytes++;
		while (r->seen_bytes < r->chunk->len &&
		       ((unsigned char)data[r->seen_bytes] & 0xc0) == 0x80)
			r->seen_bytes++;
		r->seen_chars++;
	}
	return r->seen_bytes;
}

/* What libyaml takes and go-yaml v2, which the API server uses, does not. */
static bool differs_from_go(struct reader *r)
{
	const yaml_event_t *e = &r->event;
	const char *text = (const char *)e->data.scalar.value;
	size_t begin, end;

	if (r->flow && is_plain(e) && strchr(text, '?')) {
		fault(r, event_mark(r), "yaml-syntax", "a text with '?' must "
		      "be quoted inside [] and {}");
		return true;
	}
	if (!r->has_slash_escape ||
	    e->data.scalar.style != YAML_DOUBLE_QUOTED_SCALAR_STYLE)
		return false;
	begin = byte_at(r, &e->start_mark);
	end = byte_at(r, &e->end_mark);
	for (; begin + 1 < end; begin++) {
		if (r->chunk->data[begin] != '\\')
			continue;
		if (r->chunk->data[++begin] != '/')
			continue;
		fault(r, event_mark(r), "yaml-syntax", "the API server's YAML "
		      "reader does not know the escape \\/; write / alone");
		return true;
	}
	return false;
}

static int read_scalar_value(struct reader *r, struct yaml_scalar *ret)
{
	const yaml_event_t *e = &r->event;
	const char *name = (const char *)e->data.scalar.tag;
	enum yaml_tag tag = yaml_tag_of(name);
	struct mark at = event_mark(r);

	if (differs_from_go(r))
		return -1;
	if (tag >= YAML_TAG_MERGE &&
	    !check_tag(r, tag, name, YAML_TAG_NONE, at))
		return -1;
	if (tag == YAML_TAG_NONE && !is_plain(e))
		tag = YAML_TAG_STR;
	if (yaml_scalar_read((const char *)e->data.scalar.value,
			     e->data.scalar.length, tag, ret) == 0)
		return 0;
	fault(r, at, "yaml-tag", "'%s' is not what its tag '%s' says",
	      (const char *)e->data.scalar.value, name);
	return -1;
}

static struct node *read_scalar(struct reader *r)
{
	const char *text = (const char *)r->event.data.scalar.value;
	size_t len = r->event.data.scalar.length;
	struct anchor *anchor = set_anchor(r, r->event.data.scalar.anchor);
	struct mark at = event_mark(r);
	struct yaml_scalar s;
	struct node *n = NULL;

	if (read_scalar_value(r, &s) < 0)
		return NULL;
	switch (s.type) {
	case NODE_NULL:
		n = node_null(r->arena);
		break;
	case NODE_BOOL:
		n = node_bool(r->arena, s.boolean);
		break;
	case NODE_INT:
		n = node_int(r->arena, s.integer);
		break;
	case NODE_FLOAT:
		n = number_node(r, &s, at);
		break;
	default:
		n = node_strn(r->arena, text, len);
	}
	if (!n)
		return NULL;
	if (s.type != NODE_STR && is_plain(&r->event))
		n->source = arena_strndup(r->arena, text, len);
	n->mark = at;
	if (anchor)
		anchor->node = n;
	return n;
}

/* ---- keys ---- */

struct key {
	const char *text;
	size_t len;
	struct mark mark;
	enum node_type type;	/* NODE_INT, NODE_FLOAT: it was a number */
	bool merge;		/* a plain << */
};

static bool is_merge(const yaml_event_t *e)
{
	enum yaml_tag tag = yaml_tag_of((const char *)e->data.scalar.tag);

	return !strcmp((const char *)e->data.scalar.value, "<<") &&
	       ((tag == YAML_TAG_NONE && is_plain(e)) ||
		tag == YAML_TAG_MERGE);
}

static int key_from_node(struct reader *r, const struct node *n,
			 struct key *ret)
{
	const struct yaml_scalar s = {
		.type = n->type, .integer = n->integer, .real = n->real,
	};

	if (n->type == NODE_STR) {
		ret->text = n->str;
		ret->len = n->n;
	} else if (n->type == NODE_INT) {
		char text[YAML_KEY_SIZE];

		if (yaml_scalar_key(&s, text) < 0)
			return -1;
		ret->text = arena_strdup(r->arena, text);
		ret->len = strlen(ret->text);
		ret->type = NODE_INT;
	} else {
		fault(r, ret->mark, "yaml-key-type", "a key must be a string; "
		      "this alias is %s", node_type_name(n->type));
		return -1;
	}
	return 0;
}

static int key_from_scalar(struct reader *r, struct key *ret)
{
	const yaml_event_t *e = &r->event;
	const char *text = (const char *)e->data.scalar.value;
	struct anchor *anchor = set_anchor(r, e->data.scalar.anchor);
	struct yaml_scalar s;
	char number[YAML_KEY_SIZE];

	ret->merge = is_merge(e);
	if (ret->merge)
		return 0;
	if (read_scalar_value(r, &s) < 0)
		return -1;
	ret->text = arena_strndup(r->arena, text, e->data.scalar.length);
	ret->len = e->data.scalar.length;
	if (anchor)
		anchor->node = node_strn(r->arena, ret->text, ret->len);
	switch (s.type) {
	case NODE_STR:
		return 0;
	case NODE_BOOL:
		fault(r, ret->mark, "yaml-surprising-key", "the key '%s' is "
		      "read as %s; quote it: \"%s\"", text,
		      s.boolean ? "true" : "false", text);
		return -1;
	case NODE_NULL:
		fault(r, ret->mark, "yaml-key-type", "a key must be a string; "
		      "this one is null");
		return -1;
	default:
		if (yaml_scalar_key(&s, number) < 0) {
			fault(r, ret->mark, "yaml-key-type", "the number '%s' "
			      "cannot be a key; quote it", text);
			return -1;
		}
		ret->text = arena_strdup(r->arena, number);
		ret->len = strlen(number);
		ret->type = s.type;
		if (anchor && s.type == NODE_INT)
			anchor->node = node_int(r->arena, s.integer);
		return 0;
	}
}

/* Faults of a key do not end the document; *ret_ok says whether to keep it. */
static int read_key(struct reader *r, struct key *ret, bool *ret_ok)
{
	*ret = (struct key){ .mark = event_mark(r) };
	if (!count_nodes(r, 1, ret->mark))
		return -1;
	if (r->event.type == YAML_SCALAR_EVENT) {
		*ret_ok = key_from_scalar(r, ret) == 0;
		return 0;
	}
	if (r->event.type == YAML_ALIAS_EVENT) {
		const struct node *n = read_alias(r);

		*ret_ok = n && key_from_node(r, n, ret) == 0;
		return n ? 0 : -1;
	}
	fault(r, ret->mark, "yaml-key-type",
	      "a key must be a string, not a map or a list");
	return -1;
}

/* ---- maps ---- */

/* A map while it is read: who set a key, and how to find it. */
struct filling {
	struct node *map;
	struct map index;	/* key to 1-based pair, beyond LINEAR_KEYS */
	bool merge_seen;
};

static uint32_t find_pair(struct filling *f, const char *key, size_t len)
{
	if (f->index.count)
		return (uint32_t)(uintptr_t)map_getn(&f->index, key, len);
	for (uint32_t i = 0; i < f->map->n; i++)
		if (f->map->pairs[i].key_len == len &&
		    !memcmp(f->map->pairs[i].key, key, len))
			return i + 1;
	return 0;
}

static void add_pair(struct reader *r, struct filling *f,
		     const struct key *key, struct node *value)
{
	struct node_pair *p = node_append_pair(r->arena, f->map, key->text,
					       key->len, value);

	p->mark = key->mark;
	p->key_type = (uint8_t)key->type;
	if (f->map->n <= LINEAR_KEYS)
		return;
	for (uint32_t i = f->index.count ? f->map->n - 1 : 0; i < f->map->n;
	     i++)
		map_putn(&f->index, f->map->pairs[i].key,
			 f->map->pairs[i].key_len, (void *)(uintptr_t)(i + 1));
}

static void put_pair(struct reader *r, struct filling *f,
		     const struct key *key, struct node *value)
{
	uint32_t at = find_pair(f, key->text, key->len);
	struct node_pair *p;

	if (!at) {
		add_pair(r, f, key, value);
		return;
	}
	p = &f->map->pairs[at - 1];
	if (p->merged && p->key_type == key->type) {
		/* an explicit key wins over a merged one */
		p->mark = key->mark;
		p->key_type = (uint8_t)key->type;
		p->value = value;
		p->merged = false;
	} else if (p->key_type || key->type) {
		fault(r, key->mark, "yaml-duplicate-key", "this key and the "
		      "one in line %u are both \"%s\" in JSON", p->mark.line,
		      p->key);
	} else {
		fault(r, key->mark, "yaml-duplicate-key", "the key \"%s\" "
		      "stands in line %u already", p->key, p->mark.line);
	}
}

static void merge_map(struct reader *r, struct filling *f,
		      const struct node *from, struct mark at)
{
	for (uint32_t i = 0; i < from->n; i++) {
		const struct node_pair *p = &from->pairs[i];
		const struct key key = {
			.text = p->key, .len = p->key_len, .mark = p->mark,
			.type = (enum node_type)p->key_type,
		};
		uint32_t there = find_pair(f, p->key, p->key_len);

		if (!there) {
			add_pair(r, f, &key, p->value);
			f->map->pairs[f->map->n - 1].merged = true;
		} else if (!f->map->pairs[there - 1].merged) {
			fault(r, at, "yaml-merge", "the merge would override "
			      "the key \"%s\" of line %u; put the merge first",
			      p->key, f->map->pairs[there - 1].mark.line);
		}
	}
}

static void merge_value(struct reader *r, struct filling *f,
			const struct node *from, bool alias, struct mark at)
{
	bool good = from->type == NODE_MAP ||
		    (from->type == NODE_SEQ && !alias);

	if (f->merge_seen) {
		fault(r, at, "yaml-duplicate-key", "a second merge in one map; "
		      "write <<: [*a, *b]");
		return;
	}
	f->merge_seen = true;
	for (uint32_t i = 0; from->type == NODE_SEQ && i < from->n; i++)
		good &= from->items[i]->type == NODE_MAP;
	if (!good) {
		fault(r, at, "yaml-merge", "only a map, or a list of maps, can "
		      "be merged");
	} else if (from->type == NODE_MAP) {
		merge_map(r, f, from, at);
	} else {
		/* the first one wins */
		for (uint32_t i = 0; i < from->n; i++)
			merge_map(r, f, from->items[i], at);
	}
}

static int read_pairs(struct reader *r, struct filling *f)
{
	for (;;) {
		struct key key;
		struct node *value;
		bool keep, alias;

		if (next_event(r) < 0)
			return -1;
		if (r->event.type == YAML_MAPPING_END_EVENT)
			return 0;
		if (read_key(r, &key, &keep) < 0 || next_event(r) < 0)
			return -1;
		alias = r->event.type == YAML_ALIAS_EVENT;
		value = read_node(r);
		if (!value)
			return -1;
		if (!keep)
			continue;
		if (key.merge)
			merge_value(r, f, value, alias, key.mark);
		else
			put_pair(r, f, &key, value);
	}
}

static struct node *read_map(struct reader *r)
{
	const char *tag = (const char *)r->event.data.mapping_start.tag;
	struct anchor *anchor = set_anchor(r,
		r->event.data.mapping_start.anchor);
	bool flow = r->event.data.mapping_start.style ==
		    YAML_FLOW_MAPPING_STYLE;
	struct filling f = { .map = node_map(r->arena) };
	int rc;

	f.map->mark = event_mark(r);
	if (!check_tag(r, yaml_tag_of(tag), tag, YAML_TAG_MAP, f.map->mark))
		return NULL;
	r->flow += flow;
	rc = read_pairs(r, &f);
	r->flow -= flow;
	map_release(&f.index, NULL);
	if (rc < 0)
		return NULL;
	for (uint32_t i = 0; i < f.map->n; i++)
		f.map->pairs[i].merged = false;
	if (anchor)
		anchor->node = f.map;
	return f.map;
}

static struct node *read_list(struct reader *r)
{
	const char *tag = (const char *)r->event.data.sequence_start.tag;
	struct anchor *anchor = set_anchor(r,
		r->event.data.sequence_start.anchor);
	bool flow = r->event.data.sequence_start.style ==
		    YAML_FLOW_SEQUENCE_STYLE;
	struct node *list = node_seq(r->arena);

	list->mark = event_mark(r);
	if (!check_tag(r, yaml_tag_of(tag), tag, YAML_TAG_SEQ, list->mark))
		return NULL;
	r->flow += flow;
	for (;;) {
		struct node *item;

		if (next_event(r) < 0)
			return NULL;
		if (r->event.type == YAML_SEQUENCE_END_EVENT)
			break;
		item = read_node(r);
		if (!item)
			return NULL;
		node_append(r->arena, list, item);
	}
	r->flow -= flow;
	if (anchor)
		anchor->node = list;
	return list;
}

/* The node that begins with the event at hand; NULL ends the document. */
static struct node *read_node(struct reader *r)
{
	struct node *n = NULL;
	struct mark at = event_mark(r);

	if (!count_nodes(r, 1, at))
		return NULL;
	if (r->depth == LIMIT_DEPTH) {
		fault(r, at, "yaml-limit", "more than %d levels deep",
		      LIMIT_DEPTH);
		return NULL;
	}
	r->depth++;
	switch (r->event.type) {
	case YAML_ALIAS_EVENT:
		n = read_alias(r);
		break;
	case YAML_SCALAR_EVENT:
		n = read_scalar(r);
		break;
	case YAML_SEQUENCE_START_EVENT:
		n = read_list(r);
		break;
	case YAML_MAPPING_START_EVENT:
		n = read_map(r);
		break;
	default:
		BUG("an event that begins no node");
	}
	r->depth--;
	return n;
}

/* ---- the document ---- */

/* Behind the root nothing may follow: the reader would drop it silently. */
static int read_end(struct reader *r)
{
	if (next_event(r) < 0)
		return -1;
	if (!r->event.data.document_end.implicit) {
		struct mark at = event_mark(r);

		if (next_event(r) < 0)
			return -1;
		if (r->event.type != YAML_STREAM_END_EVENT)
			fault(r, at, "yaml-separator", "everything behind "
			      "'...' would be dropped; begin a document with "
			      "'---'");
		return 0;
	}
	if (next_event(r) < 0)
		return -1;
	if (r->event.type != YAML_STREAM_END_EVENT)
		fault(r, event_mark(r), "yaml-separator", "everything from "
		      "here on would be dropped; begin a document with a line "
		      "'---'");
	return 0;
}

static int read_document(struct reader *r, struct node **ret_root)
{
	struct node *root;

	if (next_event(r) < 0 || next_event(r) < 0)
		return -1;
	if (r->event.type == YAML_STREAM_END_EVENT)
		return 0;
	if (r->event.data.document_start.version_directive ||
	    r->event.data.document_start.tag_directives.start !=
	    r->event.data.document_start.tag_directives.end ||
	    !r->event.data.document_start.implicit) {
		fault(r, event_mark(r), "yaml-directive", "directives and "
		      "hidden document markers do not survive Kubernetes' "
		      "reader; remove them");
		return -1;
	}
	if (next_event(r) < 0)
		return -1;
	root = read_node(r);
	if (!root || read_end(r) < 0 || r->faulty)
		return -1;
	*ret_root = root->type == NODE_NULL ? NULL : root;
	return 0;
}

int yaml_tree_read(const struct yaml_chunk *chunk, struct arena *a,
		   struct node **ret_root, struct problems *ps)
{
	struct reader r = {
		.chunk = chunk, .arena = a, .ps = ps,
		.has_slash_escape = memmem(chunk->data, chunk->len, "\\/", 2),
	};
	struct node *root = NULL;
	int rc;

	if (!yaml_parser_initialize(&r.parser))
		BUG("libyaml is out of memory");
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser,
		(const unsigned char *)chunk->data, chunk->len);
	rc = read_document(&r, &root);
	drop_event(&r);
	yaml_parser_delete(&r.parser);
	map_release(&r.anchors, NULL);
	if (rc == 0)
		*ret_root = root;
	return rc;
}
