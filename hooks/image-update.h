/*
 * Newer images in a channel's source: which marked values change, and the
 * commit that changes them.
 */
#ifndef HOOKS_IMAGE_UPDATE_H
#define HOOKS_IMAGE_UPDATE_H

#include "hooks/commands.h"
#include "hooks/doctor.h"
#include "hooks/image-history.h"
#include "hooks/tag-policy.h"

/* What a registry said of a policy, asked once in a run. */
struct latest;

struct latest *latest_new(const struct tag_policies *ps);
void latest_free(struct latest *l);

struct image_update {
	const struct host *host;
	const struct tag_policies *policies;
	struct latest *latest;
	struct image_history *history;	/* of the host's repository */
	bool dry_run;		/* says what it would do, and does nothing */
	int status;		/* the worst exit status of a policy that could
				   not be asked; said on stderr already */
};

/*
 * One channel, in one commit, or as many as its images need names in messages,
 * which go through all hooks. Done over
 * again when the ref moved meanwhile. Says on stdout what it changed, on
 * stderr what the hooks said. A policy whose registry does not answer keeps
 * no other from being followed: see struct registries.
 */
int image_update_channel(struct image_update *u,
			 const struct channel_config *ch, struct err *err);

/*
 * What doctor says of it, for all channels: each policy's registry is asked,
 * within a minute or so, and markers and policies that do not meet are named.
 * Changes nothing.
 */
void image_check(const struct host *host, const struct tag_policies *ps,
		 struct doctor *d);

#endif
