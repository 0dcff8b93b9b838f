/*
 * From the current bundle's tree and a plan to the next tree. Only the
 * directories on the paths of changes are read and written, with their
 * SHA256SUMS; all others are taken over by id, so the cost follows the
 * change, not the repository.
 */
#ifndef HOOKS_RENDER_H
#define HOOKS_RENDER_H

#include "hooks/current.h"
#include "hooks/plan.h"
#include "hooks/store.h"
#include "schema/base/digest.h"

struct rendered {
	git_oid tree;
	struct sha256 content;	/* of the root SHA256SUMS */
};

/*
 * The plan's new blobs are in the store already; what comes to them goes
 * there too. A current tree whose SHA256SUMS do not agree with its signed
 * Content-SHA256 is ERR_DENIED: nothing is built on it.
 */
int render_tree(git_repository *repo, struct store *store,
		const struct current *current, struct plan *plan,
		struct rendered *ret, struct err *err);

#endif
