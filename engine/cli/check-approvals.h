/*
 * The approvals of one bundle, for `windlass verify`: each tag a line, and
 * whether enough people consent. They are read from a repository's refs, or
 * are the text that a head names.
 */
#ifndef ENGINE_CLI_CHECK_APPROVALS_H
#define ENGINE_CLI_CHECK_APPROVALS_H

#include "engine/cli/results.h"
#include "schema/approval.h"

struct approvals_check {
	struct results *results;
	const struct trust *approvers;
	uint64_t needed;		/* people; 0: as many as there are */
	bool touch;			/* only by security keys */
	bool not_by_pusher;		/* and by nobody whom the bundle names
					   as who pushed */
	int64_t now;
};

/* Those of a bundle in the repository's refs/windlass-approvals. */
int check_approvals_repo(const struct approvals_check *c,
			 git_repository *repo, const char *id,
			 const struct bundle *b, struct err *err);
/* Those in a published text; NULL: the head names none. */
void check_approvals_text(const struct approvals_check *c, const char *text,
			  size_t len, const char *id, const struct bundle *b);

#endif
