/*
 * What clusters said last of a channel: told to who looks at a change before
 * it is merged, since a plan is made against what was published, and what is
 * live may be older, failing, or edited by hand.
 */
#ifndef HOOKS_LIVE_H
#define HOOKS_LIVE_H

#include "hooks/current.h"
#include "hooks/feedback.h"
#include "hooks/plan.h"

/*
 * Tells of each cluster of ch in a few lines: what is live there, what fails,
 * has drifted or waits for consent, and which of that the plan changes. Those
 * that are not well come first, and of many not all are told. Nothing where
 * the channel takes no reports; what cannot be read is told as that.
 */
void live_tell(git_repository *repo, const struct host_config *host,
	       const struct channel_config *ch, const struct current *current,
	       const struct plan *plan, struct feedback *fb);

#endif
