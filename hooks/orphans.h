/*
 * Objects that stay when their definition goes: a push that removes or
 * changes a CustomResourceDefinition must not leave objects behind that the
 * API server would delete with it, or not read any more.
 */
#ifndef HOOKS_ORPHANS_H
#define HOOKS_ORPHANS_H

#include "hooks/crds.h"
#include "hooks/plan.h"

/*
 * Looks at each CRD that the plan deletes or changes. An object of its kind
 * that stays (it is in the bundle, and not among `held` of crds without
 * being in `made`) must still be of a known kind, scope and version; each
 * that is not is a problem of its place. Costs nothing for other plans.
 */
int orphans_check(git_repository *repo, const git_oid *bundle,
		  const struct plan *plan, struct crds *crds,
		  const struct map *made, struct problems *ps,
		  struct err *err);

#endif
