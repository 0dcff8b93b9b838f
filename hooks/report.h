/*
 * One line on what a publish or refresh did, for a pusher or an admin.
 */
#ifndef HOOKS_REPORT_H
#define HOOKS_REPORT_H

#include "hooks/publish.h"

/* "prod 1.42 published (+2 ~1 -0), bundle 1a2b3c4d5e6f, 118 objects" */
void report_line(git_repository *repo, const struct channel_config *ch,
		 const struct publish_result *r, struct buf *out);
/* "prod waits: staging must be healthy for 10m with 1a2b3c4d5e6f"; false and
 * nothing where the tip waits for nobody. */
bool report_waits(const struct channel_config *ch,
		  const struct publish_result *r, struct buf *out);

#endif
