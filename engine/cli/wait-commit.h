/*
 * Whether the Git host has published a certain commit of a channel's source,
 * for `windlass wait --commit`: by stock git, which knows what is missing in
 * a shallow clone, and by what was fetched of the Git host's own word.
 */
#ifndef ENGINE_CLI_WAIT_COMMIT_H
#define ENGINE_CLI_WAIT_COMMIT_H

#include "engine/cli/records.h"

/* Where it is looked up. */
struct wait_place {
	const char *repo;		/* for git_line */
	const char *remote;		/* of which more may be fetched, or NULL */
	struct strvec *had;		/* for wait_commit_reach, from one call
					   to the next */
	bool away;			/* the remote does not answer just now */
};

enum wait_reach {
	WAIT_NOT_YET,
	WAIT_PUBLISHED,		/* the newest bundle is of it, or of what came
				   after it */
	WAIT_UNCHANGED,		/* it was no reason for a bundle */
};

/* The commit that somebody names. ERR_INVALID if there is none. */
int wait_commit_find(const struct wait_place *p, const char *rev,
		     char ret[GIT_HEX_SIZE], struct err *err);
/* May fetch commits, none twice; moves no ref. What cannot be told is not yet,
 * and where the remote does not answer it is asked no more in this call. */
enum wait_reach wait_commit_reach(struct wait_place *p,
				  const struct channel_shown *s,
				  const char *commit);

#endif
