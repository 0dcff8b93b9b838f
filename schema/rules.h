/*
 * What may be in a channel: the rules that look at one object, and at the
 * set of objects that one push brings. Pure: no Git, no cluster, no clock.
 * The hook, `windlass check` and `windlass render` all judge by these. They
 * are no stricter than an API server, but where windlass itself must be:
 * names that a bundle cannot hold, Secrets, windlass's own objects.
 */
#ifndef SCHEMA_RULES_H
#define SCHEMA_RULES_H

#include <stdbool.h>

#include "schema/object.h"
#include "schema/openapi.h"
#include "schema/policy.h"
#include "schema/problem.h"
#include "schema/scope.h"

/* A channel's settings that decide what is valid and how it is rendered. */
struct rules {
	const char *channel;		/* its name */
	const char *default_namespace;	/* "" if there is none */
	bool allow_secrets;
	const struct scopes *scopes;
	/* what its cluster knows; NULL: nobody looks into the objects */
	const struct openapi *openapi;
	/*
	 * Kinds of which nothing is known are taken as they are: namespaced
	 * if the object names a namespace, else cluster-scoped.
	 */
	bool unknown_kinds;
	bool strict;			/* a dangling reference is an error */
	const struct policy *policy;	/* of the admin; NULL: none */
	/*
	 * The object as it is in the current bundle, in the arena; NULL if it
	 * is not there. For what may not change, and for what was wrong
	 * before; may be NULL itself.
	 */
	const struct node *(*before)(void *arg, const struct object_id *id,
				     struct arena *a);
	void *arg;
};

/*
 * Judges one object and completes its identity: fills a missing namespace
 * from default_namespace into o->id (not into the tree).
 *
 *   scope-unknown        a kind of which nothing says where it lives
 *   kind-not-applied     Binding and the *Review kinds: requests, no state
 *   crd-*                schema/crd/definition.h
 *   api-removed          a version that this Kubernetes has no more
 *   api-deprecated       one that it will not have for long: a warning
 *   api-version          a version that is not served: an error for kinds
 *                        learnt from CRDs, a warning for built-in ones
 *   namespace-forbidden  a cluster-scoped object with a namespace
 *   namespace-missing    a namespaced one without, and no default
 *   namespace-malformed  no DNS label, or no string
 *   name-malformed       not the kind's grammar, or no name for a bundle
 *   policy-*             what the admin allows: policy.h
 *   secret-refused       a Secret where the channel does not allow them
 *   applyset-label       a label that windlass or another tool must set
 *   own-channel          the channel's own Channel, or the CRD of Channels
 *   own-namespace        in, or the namespace of windlass itself
 *   own-object           windlass's own beyond that (schema/own.h)
 *   label-malformed, annotation-malformed
 *                        not a map of strings, or a key or value that the
 *                        API server refuses
 *   wish-*               annotations of windlass: schema/wishes.h
 *   data-malformed       data of a Secret or ConfigMap: no map of strings, a
 *                        key that is refused, no base64, more than 1 MiB
 *   field-*, list-*, string-unquoted
 *                        schema/openapi-check.h, and of custom resources
 *                        schema/crd/check-custom.h
 *   value-*, selector-mismatch
 *                        schema/values/values.h
 *
 * 0, or -1 with errors added to ps. Warnings alone give 0.
 */
int rules_check(const struct rules *r, struct object *o, struct problems *ps);

/*
 * Objects that stand twice in os ("duplicate"): an error at the second,
 * naming the first. Namespaces are filled in before. 0 if there are none,
 * else -1.
 */
int rules_check_duplicates(const struct objects *os, struct problems *ps);

/* ---- parts of rules_check, in rules-meta.c and rules-data.c ---- */

/* The name, by its kind's grammar and by what a bundle can hold. */
int rules_check_name(const struct object *o, struct problems *ps);
/* Labels and annotations. */
int rules_check_metadata(const struct object *o, struct problems *ps);
/* What a Secret or a ConfigMap holds. */
int rules_check_data(const struct object *o, struct problems *ps);
/* Where a finding about metadata.<key> is shown; "" for metadata itself. */
struct mark rules_mark(const struct object *o, const char *key);

#endif
