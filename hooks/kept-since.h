/*
 * Since when, by the clock of this machine, a cluster has been saying the same
 * of a channel without a break: the file <cluster>.since beside its kept
 * report. What a cluster says of times is by a clock of its own, which may lie
 * or jump; so `since` of a report only tells one time from another in which it
 * was so, and is not counted by.
 */
#ifndef HOOKS_KEPT_SINCE_H
#define HOOKS_KEPT_SINCE_H

#include "hooks/host-config.h"
#include "schema/cluster-report.h"

/* behind the path of the report */
#define KEPT_SINCE_SUFFIX ".since"

/*
 * What is to be written into it where the cluster says so now, to be freed:
 * another bundle, phase or `since` than the time before begins anew. NULL: the
 * same goes on, as it was begun, through lost reports and while nobody
 * listened.
 */
char *kept_since_news(const struct host_config *host,
		      const struct channel_config *ch,
		      const struct cluster_report *r);
/* When it was heard first; 0: of that nothing was noted by the owner of the
 * repository. */
int64_t kept_since_read(const struct host_config *host,
			const struct channel_config *ch,
			const struct cluster_report *r);

#endif
