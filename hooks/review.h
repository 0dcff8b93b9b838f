/*
 * Looking before the merge: a push to refs/for-review/<channel> is checked and
 * planned as if it were merged into the channel's ref, shows what that would
 * change, and is forgotten: nothing is signed, and the ref does not stay.
 */
#ifndef HOOKS_REVIEW_H
#define HOOKS_REVIEW_H

#include <stdbool.h>

#include "hooks/commands.h"
#include "hooks/feedback.h"
#include "hooks/receive.h"

/* Is the update one of a ref for review? */
bool review_is(const struct host_config *c, const struct update *u);
/*
 * Judges it, in the quarantine of a pre-receive (host_open with from_env), and
 * says all. False: the push is to be refused.
 */
bool review_push(const struct host *host, const struct update *u,
		 struct feedback *fb);
/* After a push that had one: removes the refs for review, those that a killed
 * hook left, too. */
void review_forget(const struct host *host, const struct updates *us,
		   struct feedback *fb);

#endif
