/*
 * What of a channel's source may be published where the channel waits for
 * another one (after.h). Not the tip of its ref as soon as it is there, but
 * the newest commit that the other channel had, and all its clusters called
 * healthy for long enough.
 *
 * The channel before has a commit when what it reads of it (concern_content)
 * is what its bundle was made of: so a commit that changes nothing there is
 * as good as the one before. The bundle that counts for a commit is the last
 * one that was made on the way to it.
 */
#ifndef HOOKS_PROMOTION_H
#define HOOKS_PROMOTION_H

#include "hooks/current.h"

#define PROMOTION_TEXT 512
/* commits of the source that are looked at, the newest first: 50 us each */
#define LIMIT_PROMOTION_COMMITS 10000

struct promotion {
	char commit[GIT_HEX_SIZE];	/* to publish; "": none yet */
	/* what the tip waits for, where it is not that commit, or "" */
	char waits[PROMOTION_TEXT];
};

/*
 * For a channel with `after`; tip "" is a ref that is not there yet. Never
 * goes back: what is published already is the least it gives, as long as that
 * is on the way to the tip. With `keep` what was proven is written down; then
 * the caller holds the channel's lock.
 */
int promotion_choose(git_repository *repo, const struct host_config *host,
		     const struct channel_config *ch,
		     const struct current *current, const char *tip, bool keep,
		     struct promotion *ret, struct err *err);

struct promotion_wait {
	char tip[GIT_HEX_SIZE];		/* of the ref: what waits */
	char why[PROMOTION_TEXT];	/* for what */
};

/* Does what was pushed wait for another channel? 1: *ret says what does; 0:
 * no; -1: it cannot be told, which is no reason to say either. */
int promotion_waits(git_repository *repo, const struct host_config *host,
		    const struct channel_config *ch,
		    struct promotion_wait *ret, struct err *err);

/* That somebody can say that the channel before is healthy: its list of
 * reporters can be read, and has one. ERR_INVALID. */
int promotion_check(const struct host_config *host,
		    const struct channel_config *ch, struct err *err);

#endif
