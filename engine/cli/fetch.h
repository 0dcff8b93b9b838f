/*
 * Bringing what a Git host has of one channel into somebody's clone, by their
 * own git: never more than was asked for, however much the host has. Nothing
 * is verified here.
 */
#ifndef ENGINE_CLI_FETCH_H
#define ENGINE_CLI_FETCH_H

#include "schema/bundle.h"
#include "schema/repo.h"
#include "schema/trust.h"

struct fetch {
	const char *dir;		/* of the clone; NULL: here */
	const char *remote;
	const char *channel;
};

/* The bundles of the channel's current epoch. */
int fetch_bundles(const struct fetch *f, struct err *err);
/* Those of a closed one, unless they are here: closed epochs do not change. */
int fetch_epoch(const struct fetch *f, git_repository *repo, uint64_t epoch,
		struct err *err);
/*
 * What others have said about a bundle: LIMIT_APPROVALS of the tags that the
 * host has, in the names of approvers if these are given, or NULL. *ret_all is
 * how many of them it has.
 */
int fetch_approvals(const struct fetch *f, const struct bundle *b,
		    const struct trust *approvers, size_t *ret_all,
		    struct err *err);

#endif
