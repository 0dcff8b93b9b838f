/*
 * `windlass.prod.rollback = on-failure`: where every cluster called the newest
 * bundle failed for long enough, and nobody has pushed anything else, the
 * source goes back to the bundle before it, once.
 */
#ifndef HOOKS_ROLLBACK_FAILED_H
#define HOOKS_ROLLBACK_FAILED_H

#include "hooks/rollback.h"

/* what an engine waits until it calls a rollout failed: spec.healthTimeout */
#define ROLLBACK_SECONDS_DEFAULT (5 * 60)
#define LIMIT_ROLLBACK_SECONDS (7 * 24 * 3600)
/* a bundle that a cluster was healthy with for so long is not what fails */
#define ROLLBACK_WELL_SECONDS 3600
/* what could not be done for so long is told, and still tried */
#define ROLLBACK_TROUBLE_SECONDS (15 * 60)

/*
 * 0 with a line in ret_said on what was done, or on why there is nothing to
 * do. -1 where it should have been and could not. Idempotent, and by one at a
 * time: another run waits for it and then finds nothing to do.
 */
int rollback_failed(const struct host *host, const struct channel_config *ch,
		    struct buf *ret_said, struct err *err);

/* Settings are complete: can it happen at all? */
int rollback_complete(const struct channel_config *ch, struct err *err);

#endif
