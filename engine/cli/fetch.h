/*
 * Bringing what a Git host has of one channel into somebody's clone, by their
 * own git: never more than was asked for, however much the host has. Nothing
 * is verified here.
 */
#ifndef ENGINE_CLI_FETCH_H
#define ENGINE_CLI_FETCH_H

#include "schema/base/strvec.h"
#include "schema/bundle.h"
#include "schema/repo.h"
#include "schema/trust.h"

/* what a host may list: more than 100,000 refs */
#define FETCH_LIST_BYTES (16u << 20)

struct fetch {
	const char *dir;		/* of the clone; NULL: here */
	const char *remote;
	const char *channel;
};

/*
 * `git fetch` from a remote, with more options or NULL: no tags, no FETCH_HEAD,
 * and of refs what was asked for. aloud: git, and what it calls, says on our
 * stderr what it has to say; otherwise it is the error's. Either may ask at
 * the terminal.
 */
int fetch_from(const char *dir, const char *remote, const char *const *options,
	       const struct strvec *refspecs, bool aloud, struct err *err);
/* What it has of these refs or patterns: lines "<id>TAB<ref>", sorted by ref
 * as the host does. */
int fetch_list(const char *dir, const char *remote, const struct strvec *refs,
	       struct buf *ret, struct err *err);

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
