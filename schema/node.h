/*
 * The document tree: what a YAML or JSON text says, as Kubernetes sees it.
 * One type for manifests, bundle objects and answers of the API server.
 *
 * Nodes live in an arena and are plain data: read them freely, change them
 * by the functions below. Strings are UTF-8, may hold NUL bytes, and have a
 * NUL behind them. Numbers are int64, or else float64, as
 * apimachinery's unstructured objects hold them.
 */
#ifndef SCHEMA_NODE_H
#define SCHEMA_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/arena.h"

/* Where in the text: 1-based; columns count characters. {0, 0}: nowhere. */
struct mark {
	uint32_t line;
	uint32_t column;
};

enum node_type {
	NODE_NULL,
	NODE_BOOL,
	NODE_INT,
	NODE_FLOAT,
	NODE_STR,
	NODE_SEQ,
	NODE_MAP,
};

struct node {
	enum node_type type;
	uint32_t n;		/* STR: bytes; SEQ: items; MAP: pairs */
	uint32_t alloc;		/* SEQ, MAP: room for */
	struct mark mark;	/* of the first character of the value */
	const char *source;	/* BOOL, INT, FLOAT, NULL from a plain YAML
				   scalar: its text ("yes", "010"); else NULL */
	union {
		bool boolean;
		int64_t integer;
		double real;
		const char *str;
		struct node **items;
		struct node_pair *pairs;
	};
	const uint32_t *index;	/* MAP: see node_index; or NULL */
};

struct node_pair {
	const char *key;
	uint32_t key_len;
	struct mark mark;	/* of the key */
	struct node *value;	/* never NULL */
	uint8_t key_type;	/* NODE_INT or NODE_FLOAT where a YAML key was
				   a number and became text; else 0 */
};

struct node *node_null(struct arena *a);
struct node *node_bool(struct arena *a, bool v);
struct node *node_int(struct arena *a, int64_t v);
struct node *node_float(struct arena *a, double v);
struct node *node_str(struct arena *a, const char *s);		/* copies */
struct node *node_strn(struct arena *a, const char *s, size_t len);
/* Text of unknown making (a message that was cut, a stranger's words): what
 * is not UTF-8 becomes U+FFFD, as no tree may hold anything else. */
struct node *node_str_clean(struct arena *a, const char *s);
struct node *node_seq(struct arena *a);
struct node *node_map(struct arena *a);

void node_append(struct arena *a, struct node *seq, struct node *item);
/* Adds a pair behind the others, for readers: the key is not copied, and
 * must not be there yet. Returns the pair, for its mark. */
struct node_pair *node_append_pair(struct arena *a, struct node *map,
				   const char *key, size_t len,
				   struct node *value);

/* The value under key, or NULL; NULL too if map is NULL or no map. */
struct node *node_get(const struct node *map, const char *key);
struct node *node_getn(const struct node *map, const char *key, size_t len);
/* The pair, for its mark; NULL as node_get. */
struct node_pair *node_pair(const struct node *map, const char *key);
/* Follows keys down, NULL-terminated: node_path(o, "metadata", "name", NULL) */
struct node *node_path(const struct node *map, ...) __attribute__((sentinel));
/* The string at the end of a path, or NULL if it is missing or no string. */
const char *node_path_str(const struct node *map, ...)
	__attribute__((sentinel));
/* The string under key, as much of it as there is room for; "" for none. */
void node_copy_str(const struct node *map, const char *key, char *ret,
		   size_t size);
/* The integer at the end of a path, or fallback. */
int64_t node_path_int(const struct node *map, int64_t fallback, ...)
	__attribute__((sentinel));

/* Sets or replaces; the key is copied. */
void node_set(struct arena *a, struct node *map, const char *key,
	      struct node *value);
/*
 * To be called when a map is complete: one of many pairs gets an index, so
 * that looking up each of its keys, or those of another, is not quadratic.
 * node_append_pair, node_set and node_del drop it.
 */
void node_index(struct arena *a, struct node *map);
/* Removes if there. True if it was. */
bool node_del(struct node *map, const char *key);

/* NODE_STR's text, or NULL for any other type and for NULL. */
const char *node_text(const struct node *n);
/* A deep copy into another arena, marks included. */
struct node *node_copy(struct arena *a, const struct node *n);
/* What node_copy takes of an arena, about. */
size_t node_copy_bytes(const struct node *n);
/*
 * Same type and value all the way down; maps in any order, lists in order.
 * An integer equals a float of the same value.
 */
bool node_equal(const struct node *a, const struct node *b);
/* "a map", "a list", "a string": for messages. */
const char *node_type_name(enum node_type type);

#endif
