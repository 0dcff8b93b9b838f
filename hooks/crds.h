/*
 * Which kinds a push may use, and their scope: built-in ones, the CRDs of
 * the push, those of the current bundle, and what `crds = PATH` names, in
 * this order (DESIGN.md 2.2). Only what is asked for is read: the bundle's
 * CRDs of one API group when a kind of that group is met.
 */
#ifndef HOOKS_CRDS_H
#define HOOKS_CRDS_H

#include <git2.h>
#include <stdbool.h>

#include "hooks/host-config.h"
#include "schema/base/map.h"
#include "schema/crd/crd.h"
#include "schema/object.h"
#include "schema/problem.h"
#include "schema/scope.h"

#define CRD_DIR "objects/_cluster/" CRD_GROUP "/" CRD_KIND

struct crds {
	struct scopes scopes;
	git_repository *repo;
	const struct channel_config *ch;
	const git_oid *source;		/* the tip's tree */
	const git_oid *bundle;		/* the current one's, or NULL */
	/*
	 * Paths of the bundle's objects that files of this push held before:
	 * these are not what the bundle will have, so their CRDs are not
	 * learnt from it.
	 */
	const struct map *held;
	struct map groups;		/* read from the bundle */
	bool paths_read;
};

void crds_init(struct crds *c, git_repository *repo,
	       const struct channel_config *ch, const git_oid *source,
	       const git_oid *bundle, const struct map *held);
void crds_release(struct crds *c);

/* Learns a CRD of the push; a malformed one is a problem of its place. */
void crds_learn(struct crds *c, const struct object *crd,
		struct problems *ps);
/* True if the kind is known, after a look into the bundle's CRDs. */
int crds_know(struct crds *c, const char *group, const char *kind,
	      bool *ret_known, struct err *err);
/*
 * Learns what `crds = PATH` names, once, for kinds not known otherwise. A
 * path that is not there or no manifest is a problem.
 */
int crds_read_paths(struct crds *c, struct problems *ps, struct err *err);

/*
 * Learns one CRD of the current bundle by its path there, and says whose
 * kind it is: group and kind in the arena.
 */
int crds_of_bundle(git_repository *repo, const git_oid *bundle,
		   const char *path, struct scopes *s, struct arena *a,
		   struct object_id *ret, struct err *err);

#endif
