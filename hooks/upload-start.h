/*
 * Uploads as others see them: started, perhaps waited for, tried again. The
 * work is done by `windlass-hook upload` (cmd-upload.c), a program of its
 * own. No store may fail a push or hold it up.
 */
#ifndef HOOKS_UPLOAD_START_H
#define HOOKS_UPLOAD_START_H

#include "hooks/bucket.h"
#include "hooks/feedback.h"

/* What a push waits at most, to tell the pusher how it went */
#define UPLOAD_PUSH_MS 5000
/* between two looks of serve for what is not uploaded */
#define UPLOAD_LOOK_MS (60 * 1000)

/* All of these do nothing where no bucket takes the channel. */

/* After a push: passes on what is said within that time. */
void upload_after_push(const struct host_config *host,
		       const struct channel_config *ch, struct feedback *fb);
/* To its end, its output to ours. Its exit status. */
int upload_now(const struct host_config *host,
	       const struct channel_config *ch);
/* Without waiting; NULL: of all channels. */
void upload_in_background(const struct host_config *host,
			  const struct channel_config *ch);

/*
 * Where something runs all the time: starts an upload if one is due, at most
 * every UPLOAD_LOOK_MS. *at is the monotonic time of the next look, 0 at
 * first; returned too.
 */
int64_t upload_retry(const struct host_config *host, int64_t *at,
		     int64_t now);

#endif
