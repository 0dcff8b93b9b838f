/*
 * What the admin of a Git host allows in a channel, beyond what is valid: a
 * few settings of its section in `git config`, no language. Each that is not
 * set allows everything.
 *
 *   namespaces      (repeatable) names, or a beginning and *: team-a-*
 *   kinds           (repeatable) of namespaced objects: Deployment.apps,
 *                   Service, *.cert-manager.io, *
 *   clusterScoped   (repeatable) likewise, of cluster-scoped ones, or none
 *   imagePolicy     any; tag: a tag other than latest, or a digest; digest
 *   requiredLabels  (repeatable) keys that each object has
 */
#ifndef SCHEMA_POLICY_H
#define SCHEMA_POLICY_H

#include "schema/base/buf.h"
#include "schema/base/strvec.h"
#include "schema/object.h"
#include "schema/problem.h"
#include "schema/scope.h"

enum image_policy { IMAGES_ANY, IMAGES_TAG, IMAGES_DIGEST };

struct policy {
	struct strvec namespaces;
	struct strvec kinds;
	struct strvec cluster_scoped;
	struct strvec labels;
	enum image_policy images;
	bool no_cluster_scoped;		/* clusterScoped = none */
};

#define POLICY_INIT { .images = IMAGES_ANY }

/* Takes one setting; keys are compared without case. 0, 1 if it is none of
 * these, or -1 with what the value must be. */
int policy_set(struct policy *p, const char *key, const char *value,
	       struct err *err);
/*
 * Judges one object, whose namespace is filled in:
 *
 *   policy-namespace  it stands in a namespace that is not allowed, or is
 *                     that Namespace
 *   policy-kind       a kind that is not allowed
 *   policy-image      an image of its pods without a tag, or a digest
 *   policy-label      a label that is missing
 *
 * 0, or -1 with errors added.
 */
int policy_judge(const struct policy *p, const struct object *o,
		 enum scope scope, struct problems *ps);
/* All of it, for comparing: equal policies are equal texts. */
void policy_text(const struct policy *p, struct buf *out);
void policy_release(struct policy *p);

#endif
