/*
 * What keeps a channel and its repository fast, and that no push should wait
 * for: the next base pack, files that nothing names any more, Git's own
 * packs.
 */
#ifndef HOOKS_TIDY_H
#define HOOKS_TIDY_H

#include "hooks/host-config.h"

/* True if there is something to do; a look at three folders. */
bool tidy_due(const struct host_config *host, const struct channel_config *ch);
/*
 * Starts `windlass-hook publish --tidy` in the background, with none of our
 * descriptors, and does not wait for it. What cannot be started now will be
 * due the next time.
 */
void tidy_start(const struct host_config *host,
		const struct channel_config *ch);
/* Does it. One at a time; 0 when another one is at it. */
int tidy_channel(git_repository *repo, const struct host_config *host,
		 const struct channel_config *ch, struct err *err);

#endif
