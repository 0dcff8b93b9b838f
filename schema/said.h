/*
 * Who said yes or no to a bundle, as the approvals in a repository have it: by
 * the names that the Git host put into their refs when it took them. Nothing
 * is verified here: engine/cli/check-approvals.h does that.
 */
#ifndef SCHEMA_SAID_H
#define SCHEMA_SAID_H

#include <git2.h>

#include "schema/base/strvec.h"
#include "schema/bundle.h"

struct said {
	/* scrubbed; each name once */
	struct strvec approved, rejected;
	/* tags that were looked at: at most LIMIT_APPROVALS, and true if
	 * there are more */
	size_t n;
	bool more;
};

void said_read(git_repository *repo, const struct bundle *b, struct said *ret);
void said_release(struct said *s);

#endif
