/*
 * One YAML document to one tree: the half of schema/yaml.h that is above
 * libyaml's events. Only yaml.c uses this.
 */
#ifndef SCHEMA_YAML_TREE_H
#define SCHEMA_YAML_TREE_H

#include "schema/base/arena.h"
#include "schema/node.h"
#include "schema/problem.h"

/* A piece of a stream between two separator lines. */
struct yaml_chunk {
	const char *path;	/* for problems */
	const char *data;	/* ends with LF */
	size_t len;
	uint32_t line;		/* of its first line, 1-based */
	uint32_t column;	/* before its first character: 0, but behind a
				   JSON value on the same line */
};

/*
 * The document, or NULL in *ret_root for one that is empty or null. -1 with
 * errors in ps.
 */
int yaml_tree_read(const struct yaml_chunk *chunk, struct arena *a,
		   struct node **ret_root, struct problems *ps);

#endif
