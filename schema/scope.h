/*
 * Which kinds are namespaced. Built-in kinds come from a table made from a
 * real API server's discovery (schema/kinds.inc, remade by
 * contrib/cluster/kinds), all others from CustomResourceDefinitions.
 * windlass's own Channel is known too: its CRD cannot come with a push.
 */
#ifndef SCHEMA_SCOPE_H
#define SCHEMA_SCOPE_H

#include <stdbool.h>

#include "schema/base/err.h"
#include "schema/base/map.h"
#include "schema/object.h"
#include "schema/problem.h"

struct crd;

enum scope { SCOPE_UNKNOWN, SCOPE_NAMESPACED, SCOPE_CLUSTER };

/* One kind as its API serves it. */
struct kind_info {
	const char *group, *kind;
	const char *plural;		/* the resource in URLs */
	const char *versions;		/* served, preferred first, by spaces */
	enum scope scope;
	bool no_apply;			/* cannot be applied: Binding, the
					   *Review kinds */
	struct crd *definition;		/* of scope_define, or NULL */
};

struct scopes {
	struct map crds;	/* "group/Kind" to struct kind_info * */
};

#define SCOPES_INIT { { 0 } }

/* The kind, built in or learnt; NULL if unknown. Valid until release. */
const struct kind_info *scope_lookup(const struct scopes *s,
				     const char *group, const char *kind);

/*
 * What a kind that is unknown may have been meant to be: the same kind of
 * another built-in group, or one of that group that is spelt alike. NULL if
 * nothing is near.
 */
const struct kind_info *scope_suggest(const struct scopes *s,
				      const char *group, const char *kind);

/* True if the group is one of Kubernetes itself. */
bool scope_has_group(const char *group);

/* True if k is of the built-in table, false if it comes from a CRD. */
bool scope_is_builtin(const struct kind_info *k);

/* True if version is one of k->versions. */
bool kind_serves(const struct kind_info *k, const char *version);

/* The built-in table, sorted by group, then kind; *ret_n entries. */
const struct kind_info *builtin_kinds(size_t *ret_n);
/* The server that it was made from: "v1.36.3". */
extern const char *const scope_kubernetes;

/*
 * Learns a kind from a CustomResourceDefinition (apiextensions.k8s.io/v1);
 * what was learnt of that kind before is replaced.
 * ERR_INVALID if spec.group, spec.names.kind or plural, spec.scope or
 * spec.versions are missing or malformed, or a built-in kind is redefined.
 */
int scope_learn(struct scopes *s, const struct node *crd, struct err *err);
/* As scope_learn, and keeps what the kind's objects may be (crd/crd.h). */
int scope_define(struct scopes *s, const struct node *crd, struct err *err);
/* The error of these two about an object (crd-malformed), at the field that it
 * names or at what there is on the way to it. */
void scope_malformed(const struct object *crd, const struct err *why,
		     struct problems *ps);
void scopes_release(struct scopes *s);

#endif
