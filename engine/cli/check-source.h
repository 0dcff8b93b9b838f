/*
 * Is a bundle what its source commit says? For `windlass verify --source`:
 * the manifests of the commit are rendered once more, and must come to the
 * digest that the bundle's publisher signed.
 */
#ifndef ENGINE_CLI_CHECK_SOURCE_H
#define ENGINE_CLI_CHECK_SOURCE_H

#include "engine/cli/results.h"
#include "engine/cli/review.h"
#include "schema/bundle.h"

/*
 * Two lines at most: whether the source commit is at hand, and whether it
 * comes to the same. What rendering depends on is in `r`: paths and
 * definitions (r->commit, whose tree is found here) and the rules, by options
 * or from r->config; where neither says which paths, the settings of the
 * repository are taken, as a Git host's has them. r is of no use afterwards.
 * -1 with ERR_INVALID where nothing says what the channel reads.
 */
int check_source(struct results *results, struct review *r, const char *id,
		 const struct bundle_commit *commit, struct err *err);

#endif
