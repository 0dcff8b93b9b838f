/*
 * The state of reading one YAML document, shared by yaml-document.c (events
 * and nodes) and yaml-map.c (keys, duplicates, merges). For these two only.
 */
#ifndef SCHEMA_YAML_BUILD_H
#define SCHEMA_YAML_BUILD_H

#include <yaml.h>

#include "schema/base/map.h"
#include "schema/limits.h"
#include "schema/yaml-scalar.h"
#include "schema/yaml-stream.h"

#define NO_SLOT SIZE_MAX

/*
 * Pairs and items of the collections that are open lie on one stack of
 * slots; a collection that closes moves its own into the arena. So there is
 * no allocation per node, and no waste in the arena.
 */
struct yaml_slot {
	struct node_pair pair;	/* of an item only the value */
	bool merged;		/* came by << */
};

struct yaml_anchor {
	struct node *node;	/* NULL while it is open */
	size_t nodes, steps;	/* in it */
	size_t bytes;		/* of a copy; 0 until there is one */
	unsigned int height;	/* levels; 0 for a scalar */
};

enum yaml_expect { EXPECT_KEY, EXPECT_VALUE, EXPECT_MERGE };

/* An open collection. */
struct yaml_frame {
	struct node *node;
	struct yaml_anchor *anchor;
	size_t first;		/* its slots begin here */
	size_t nodes, steps;	/* counted before it */
	unsigned int height;	/* of what is in it so far, and itself */
	bool flow;

	/* of a map */
	enum yaml_expect expect;
	struct node_pair key;	/* waits for its value */
	size_t replaces;	/* the merged slot whose value it takes */
	bool drop;		/* the key is at fault: forget its value */
	struct map index;	/* of a large map: key to slot number + 1 */
	size_t indexed;		/* slots that are in it */
};

struct yaml_builder {
	struct yaml_stream *s;
	const struct yaml_chunk *c;
	yaml_parser_t parser;
	struct node *root;
	struct map anchors;
	size_t depth;
	size_t nodes;			/* made, those by aliases counted */
	size_t steps, alias_steps;	/* as go-yaml counts decoding */
	size_t fed;			/* bytes that libyaml was given */
	unsigned int documents;
	/* the place that was looked for last */
	size_t seen_index, seen_offset;
	struct mark seen_mark;
	struct yaml_frame frames[LIMIT_DEPTH];
};

#define yaml_complain(b, mark, rule, ...) \
	problem_error((b)->s->ps, (b)->s->path, (mark), (rule), __VA_ARGS__)

/*
 * Bytes of a key that a message shows; "%.*s" takes it. Nothing from a ':' on:
 * where the space behind it was forgotten the value is part of the key.
 */
int yaml_shown(const char *s, size_t len);

void yaml_push(struct yaml_builder *b, const struct yaml_slot *slot);

/*
 * f waits for a key: this scalar is it. Reading goes on whatever the key is;
 * the value of a faulty one is dropped.
 */
void yaml_key(struct yaml_builder *b, struct yaml_frame *f,
	      const struct yaml_scalar *s, const char *text, size_t len,
	      struct mark mark);
/* The same for a node, as an alias or a collection makes it. */
void yaml_key_node(struct yaml_builder *b, struct yaml_frame *f,
		   const struct node *n, struct mark mark);

/* f waits for the value of a key, or of <<. */
void yaml_value(struct yaml_builder *b, struct yaml_frame *f,
		struct node *value, bool is_alias);

#endif
