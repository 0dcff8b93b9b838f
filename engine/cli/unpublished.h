/*
 * That a channel's ref is further than its newest bundle since it waits for
 * another channel (`after` of windlass-hook(8)): as far as the repository's
 * own settings say so, which a clone does not have.
 */
#ifndef ENGINE_CLI_UNPUBLISHED_H
#define ENGINE_CLI_UNPUBLISHED_H

#include <git2.h>

#include "schema/bundle.h"

struct unpublished {
	char commit[GIT_HEX_SIZE];	/* the tip that waits; "": none does */
	char *ref;
	char *after;			/* "staging for 10m" */
};

#define UNPUBLISHED_INIT { .commit = "" }

/* `source` is the commit of the newest bundle. A tip that changes nothing at
 * the channel's paths does not wait. What cannot be read does not either. */
void unpublished_read(git_repository *repo, const char *channel,
		  const char *source, struct unpublished *ret);
void unpublished_release(struct unpublished *w);

#endif
