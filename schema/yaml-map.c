/*
 * The maps of a YAML document: keys become JSON keys, none stands twice,
 * and << merges as in go-yaml v2, refused where that library breaks YAML's
 * own rule or picks a winner at random. See yaml-build.h. Keys are
 * strangers' text; a map may have a hundred thousand of them.
 */
#include "config.h"
#include "schema/yaml-build.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/base/utf8.h"

/* Above this many pairs keys are found by hash. */
#define SMALL_MAP 32
/* Bytes of a key that a message shows. */
#define SHOWN_MAX 100

int yaml_shown(const char *s, size_t len)
{
	size_t n = 0, next;

	while (n < len && s[n] != ':' && (next = utf8_length(s + n, len - n)) &&
	       n + next <= SHOWN_MAX)
		n += next;
	return (int)n;
}

void yaml_push(struct yaml_builder *b, const struct yaml_slot *slot)
{
	struct yaml_stream *s = b->s;

	if (s->n_slots == s->alloc) {
		s->alloc = s->alloc ? 2 * s->alloc : 16;
		s->slots = xreallocarray(s->slots, s->alloc, sizeof(*s->slots));
	}
	s->slots[s->n_slots++] = *slot;
}

/* The slot of f, the innermost collection, that has the key, or NO_SLOT. */
static size_t find_key(struct yaml_builder *b, struct yaml_frame *f,
		       const char *key, size_t len)
{
	const struct yaml_stream *s = b->s;

	if (s->n_slots - f->first <= SMALL_MAP) {
		for (size_t i = f->first; i < s->n_slots; i++) {
			const struct node_pair *p = &s->slots[i].pair;

			if (p->key_len == len && !memcmp(p->key, key, len))
				return i;
		}
		return NO_SLOT;
	}
	for (; f->indexed < s->n_slots - f->first; f->indexed++) {
		size_t i = f->first + f->indexed;

		map_putn(&f->index, s->slots[i].pair.key,
			 s->slots[i].pair.key_len, (void *)(uintptr_t)(i + 1));
	}
	/* 0, no slot, becomes NO_SLOT */
	return (size_t)(uintptr_t)map_getn(&f->index, key, len) - 1;
}

static void take_key(struct yaml_builder *b, struct yaml_frame *f,
		     const char *key, size_t len, uint32_t key_type,
		     struct mark mark)
{
	size_t found = find_key(b, f, key, len);

	if (found != NO_SLOT) {
		const struct yaml_slot *slot = &b->s->slots[found];

		if (!slot->merged || slot->pair.key_type != key_type) {
			yaml_complain(b, mark, "yaml-duplicate-key",
				      "duplicate key \"%.*s\", first at line "
				      "%u column %u: remove one of the two",
				      yaml_shown(key, len), key,
				      slot->pair.mark.line,
				      slot->pair.mark.column);
			f->drop = true;
			return;
		}
	}
	if (memchr(key, '\0', len)) {
		/* json_read could not read the bundle */
		yaml_complain(b, mark, "yaml-key-type", "key \"%.*s\" holds a "
			      "NUL character: remove it",
			      yaml_shown(key, len), key);
		f->drop = true;
		return;
	}
	f->replaces = found;
	f->key = (struct node_pair){
		.key = arena_strndup(b->s->arena, key, len),
		.key_len = (uint32_t)len,
		.mark = mark,
		.key_type = (uint8_t)key_type,
	};
}

/* A number: the text of its key is not always the text that was written. */
static void number_key(struct yaml_builder *b, struct yaml_frame *f,
		       const struct yaml_scalar *s, const char *text,
		       size_t len, struct mark mark)
{
	char key[YAML_KEY_SIZE];

	if (yaml_scalar_key(s, key)) {
		yaml_complain(b, mark, "yaml-key-type", "key \"%.*s\" is a "
			      "number beyond 64 bits: put it in quotes",
			      yaml_shown(text, len), text);
		f->drop = true;
		return;
	}
	if (strcmp(key, text))
		problem_warning(b->s->ps, b->s->path, mark,
				"yaml-surprising-key", "key %.*s is read as "
				"the number %s: put it in quotes if it is text",
				yaml_shown(text, len), text, key);
	take_key(b, f, key, strlen(key), s->type, mark);
}

void yaml_key(struct yaml_builder *b, struct yaml_frame *f,
	      const struct yaml_scalar *s, const char *text, size_t len,
	      struct mark mark)
{
	f->expect = EXPECT_VALUE;
	f->drop = false;
	switch (s->type) {
	case NODE_STR:
		take_key(b, f, text, len, 0, mark);
		break;
	case NODE_INT:
	case NODE_FLOAT:
		number_key(b, f, s, text, len, mark);
		break;
	case NODE_BOOL:
		yaml_complain(b, mark, "yaml-surprising-key", "key %.*s is "
			      "read as the boolean %s: put it in quotes",
			      yaml_shown(text, len), text,
			      s->boolean ? "true" : "false");
		f->drop = true;
		break;
	default:
		yaml_complain(b, mark, "yaml-key-type", "a key cannot be "
			      "null: write the key, or put it in quotes");
		f->drop = true;
		break;
	}
}

void yaml_key_node(struct yaml_builder *b, struct yaml_frame *f,
		   const struct node *n, struct mark mark)
{
	struct yaml_scalar s = { .type = n->type };
	const char *text = n->source ? n->source : "";
	size_t len = strlen(text);

	switch (n->type) {
	case NODE_STR:
		text = n->str;
		len = n->n;
		break;
	case NODE_SEQ:
	case NODE_MAP:
		f->expect = EXPECT_VALUE;
		f->drop = true;
		yaml_complain(b, mark, "yaml-key-type", "%s cannot be a key%s",
			      node_type_name(n->type), n->type == NODE_MAP ?
			      ": render templates such as {{ x }} first" : "");
		return;
	case NODE_BOOL:
		s.boolean = n->boolean;
		break;
	case NODE_INT:
		s.integer = n->integer;
		break;
	default:
		s.real = n->real;
		break;
	}
	/* the text tells 1e6 and 1000000 apart, which the node does not */
	if (n->source && yaml_scalar_read(text, len, YAML_TAG_NONE, &s))
		BUG("a plain scalar without a tag is refused");
	yaml_key(b, f, &s, text, len, mark);
}

/* ---- merges ---- */

static void merge_pair(struct yaml_builder *b, struct yaml_frame *f,
		       const struct node_pair *p, size_t from,
		       struct mark mark)
{
	size_t found = find_key(b, f, p->key, p->key_len);
	struct yaml_slot *slot;

	if (found == NO_SLOT) {
		yaml_push(b, &(struct yaml_slot){ *p, true });
		return;
	}
	slot = &b->s->slots[found];
	if (found < from || slot->pair.key_type != p->key_type) {
		yaml_complain(b, mark, "yaml-merge", "<< overrides key "
			      "\"%.*s\" above it in Kubernetes, against the "
			      "rules of YAML: remove one of the two",
			      yaml_shown(p->key, p->key_len), p->key);
		return;
	}
	slot->pair = *p;
}

static void merge_map(struct yaml_builder *b, struct yaml_frame *f,
		      const struct node *map, size_t from, struct mark mark)
{
	for (uint32_t i = 0; i < map->n; i++)
		merge_pair(b, f, &map->pairs[i], from, mark);
}

/* A map, an alias of one, or a list of these, of which earlier ones win. */
static void merge(struct yaml_builder *b, struct yaml_frame *f,
		  const struct node *value, bool is_alias)
{
	size_t from = b->s->n_slots;
	bool good = value->type == NODE_MAP ||
		    (value->type == NODE_SEQ && !is_alias);

	if (value->type == NODE_SEQ)
		for (uint32_t i = 0; i < value->n; i++)
			good = good && value->items[i]->type == NODE_MAP;
	if (!good) {
		yaml_complain(b, value->mark, "yaml-merge", "<< takes a map, "
			      "an alias of a map, or a list of these");
		return;
	}
	if (value->type == NODE_MAP)
		merge_map(b, f, value, from, value->mark);
	else
		for (uint32_t i = value->n; i-- > 0;)
			merge_map(b, f, value->items[i], from, value->mark);
}

void yaml_value(struct yaml_builder *b, struct yaml_frame *f,
		struct node *value, bool is_alias)
{
	enum yaml_expect expect = f->expect;

	f->expect = EXPECT_KEY;
	if (expect == EXPECT_MERGE) {
		merge(b, f, value, is_alias);
		return;
	}
	if (f->drop)
		return;
	f->key.value = value;
	if (f->replaces == NO_SLOT)
		yaml_push(b, &(struct yaml_slot){ f->key, false });
	else
		b->s->slots[f->replaces] =
			(struct yaml_slot){ f->key, false };
}
