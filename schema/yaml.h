/*
 * YAML exactly as Kubernetes reads it (kubernetes.md section 2): the stream
 * splitter of apimachinery, go-yaml v2's scalars, merges and aliases, the
 * JSON that sigs.k8s.io/yaml makes of it; and refused where that would be
 * lossy, random or surprising. A stream that starts with `{` is JSON.
 * Syntax is libyaml's; everything above events is ours.
 */
#ifndef SCHEMA_YAML_H
#define SCHEMA_YAML_H

#include "schema/base/arena.h"
#include "schema/node.h"
#include "schema/problem.h"

struct documents {
	struct node **v;	/* in the arena; empty documents are left out */
	size_t n;
};

/*
 * Reads a whole stream. 0 and the documents, or -1 with at least one error
 * added to ps under `path` (rules: yaml-*). Bounded by schema/limits.h.
 */
int yaml_read(const char *path, const char *data, size_t len,
	      struct arena *a, struct documents *ret, struct problems *ps);

#endif
