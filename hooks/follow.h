/*
 * `git push -o wait`: after publishing, what clusters report of it, line by
 * line, and the verdict of each. Holds no lock and changes nothing; the push
 * is in, whatever becomes of who waits.
 */
#ifndef HOOKS_FOLLOW_H
#define HOOKS_FOLLOW_H

#include "hooks/feedback.h"
#include "hooks/host-config.h"

#define WAIT_OPTION "wait"
/* seconds: the most, and of a bare `-o wait`, which is longer than an engine
 * by default gives an object to come up (spec.healthTimeout) */
#define LIMIT_FOLLOW 600
#define FOLLOW_DEFAULT 360

/*
 * How long the pusher wants to wait, in seconds; 0: not at all. ERR_INVALID
 * for what is no such time.
 */
int follow_option(int *ret_seconds, struct err *err);

/*
 * Tells of the current bundle of each channel, of all at once, until each of
 * its reporters has come to an end with it, until a later bundle took its
 * place, until `deadline` (monotonic ms), or until nobody listens.
 */
void follow_rollouts(git_repository *repo, const struct host_config *host,
		     const struct channel_config *const *channels, size_t n,
		     int64_t deadline, struct feedback *fb);

#endif
