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
	size_t copied;		/* bytes of memory that aliases took */
};

/*
 * Reads a whole stream. 0, or -1 with at least one error added to ps under
 * `path`; *ret holds the documents without a fault in both cases. Every root
 * is a map. Bounded by schema/limits.h. Messages quote keys, tags and
 * anchors, never values: they may be secret. Rules:
 *
 *   yaml-syntax           not YAML as Kubernetes reads it
 *   yaml-encoding         no UTF-8, a byte order mark inside, a control byte
 *   yaml-separator        text on a line ---, a separator that is hidden
 *   yaml-directive        %YAML, %TAG
 *   yaml-root             a document that is no map
 *   yaml-duplicate-key    a key twice, also as a number and as its text
 *   yaml-key-type         a key that is null, a list, a map or has a NUL
 *   yaml-surprising-key   a key that is read as a boolean (error), or as
 *                         another number than is written (warning)
 *   yaml-merge            << of no map, or one that overrides a key above it
 *   yaml-alias            unknown, in its own anchor, or far too many
 *   yaml-tag              a tag that Kubernetes ignores, or that does not fit
 *   yaml-number           infinity, NaN, a JSON number beyond float64
 *   yaml-limit            a limit of schema/limits.h
 *   json-syntax           in a stream that starts with `{`
 */
int yaml_read(const char *path, const char *data, size_t len,
	      struct arena *a, struct documents *ret, struct problems *ps);

#endif
