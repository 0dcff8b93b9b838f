/*
 * What differs between two bundles, object by object, on stdout: for people
 * who look before they push, approve or go back.
 */
#ifndef ENGINE_CLI_BUNDLE_DIFF_H
#define ENGINE_CLI_BUNDLE_DIFF_H

#include "engine/cli/bundles.h"

struct bundle_diff {
	git_repository *repo;
	bool name_only;		/* just the list of objects */
	bool color;
	size_t changes;		/* objects that differ, counted here */
};

/* `from` NULL: all of `to` is new. */
int bundle_diff(struct bundle_diff *d, const struct bundle_at *from,
		const struct bundle_at *to, struct err *err);

#endif
