/*
 * What a channel may ask of those who write its source: that every commit is
 * signed by one of windlass.<channel>.developers (requireSignedCommits). The
 * gate of a push and publishing apply the same rule; so a ref that was moved
 * without the hook is not published either.
 */
#ifndef HOOKS_DEVELOPERS_H
#define HOOKS_DEVELOPERS_H

#include "hooks/current.h"

/* The bytes of all commits that are judged for one tip. */
#define LIMIT_SIGNED_BYTES (512ull * 1024 * 1024)

/*
 * Judges each commit that the tip brings beyond what was published before
 * (taken.h), at this machine's time. 0 where all are signed, or none has to
 * be. ERR_INVALID names one that is not, the oldest by its own date, how many
 * more there are, and what to do; also where there is more than a push may
 * bring. -1 with another class when it cannot be judged.
 */
int developers_check(git_repository *repo, const struct host_config *host,
		     const struct channel_config *ch,
		     const struct current *current, const char *tip,
		     struct err *err);

#endif
