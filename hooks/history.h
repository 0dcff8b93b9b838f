/*
 * The commits that a tip brings: all that it leads to, merged sides too, and
 * that none of those leads to which were accepted before. What it costs
 * follows the new commits, not the history.
 */
#ifndef HOOKS_HISTORY_H
#define HOOKS_HISTORY_H

#include <git2.h>
#include <stdbool.h>
#include <stddef.h>

#include "schema/base/err.h"

/* commits that one push may bring to a channel: 50 us each to verify */
#define LIMIT_HISTORY_NEW 100000
/* that are looked at on the way, old ones too: 200 bytes each */
#define LIMIT_HISTORY_COMMITS 1000000
/* the bytes of one commit: a message of a megabyte is no message */
#define LIMIT_HISTORY_COMMIT_BYTES (1024u * 1024)
/* and its parents: octopus merges have a dozen */
#define LIMIT_HISTORY_PARENTS 1000

struct history;

/*
 * Walks from `tip`; accepted commits that are not in the repository, or are
 * "", are passed over. ERR_INVALID beyond a limit or where a new commit
 * cannot be read.
 */
int history_open(git_repository *repo, const char *tip,
		 const char *const *accepted, size_t n, struct history **ret,
		 struct err *err);
/*
 * The new commits, the newest first by their own dates. Where dates lie, old
 * commits may be among them; history_exact looks on until that is settled.
 */
size_t history_count(const struct history *h);
/* NULL if that one turned out to be no new commit. */
const git_oid *history_at(const struct history *h, size_t i);
int history_exact(struct history *h, struct err *err);
void history_free(struct history *h);

#endif
