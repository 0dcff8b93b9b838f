/*
 * Deleting an object and making it again, where a change cannot be made in
 * place and its author allows that (windlass.dev/recreate: "true"). Of
 * apply-one.c.
 */
#ifndef ENGINE_RECREATE_H
#define ENGINE_RECREATE_H

#include "engine/apply-one.h"

/* Does the API server refuse the change only because it never makes it in an
 * object that is there? */
bool recreate_would_help(const struct kube_status *s);
/*
 * Deletes what is there, if it is ours, and applies again; if finalizers keep
 * it, the op ends with VERDICT_LATER, and is tried again when it is gone.
 */
void recreate_begin(struct op *op, const struct kube_status *s);

#endif
