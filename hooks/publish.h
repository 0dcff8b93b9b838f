/*
 * From the tip of a channel's ref to a published bundle: the whole gate
 * again, render, commit, sign, pack, index, head (DESIGN.md section 3).
 * Idempotent: whatever killed the last run, the next one finishes its work.
 */
#ifndef HOOKS_PUBLISH_H
#define HOOKS_PUBLISH_H

#include "hooks/host-config.h"
#include "hooks/feedback.h"
#include "hooks/promotion.h"
#include "schema/head.h"

struct publish_options {
	uint64_t allow_deletes;		/* by hand: publish --allow-deletes=N */
	bool has_allow_deletes;
	bool rerender;			/* with today's renderer, every file */
	bool push;			/* one just came: what only rules that
					   may come later need is not noted */
	int lock_ms;			/* how long to wait for the lock; -1: ever */
};

enum publish_outcome {
	PUBLISH_NEW,		/* a new bundle is live at head */
	PUBLISH_CURRENT,	/* the tip was published before; all is there */
	PUBLISH_REFRESHED,	/* same bundle, a fresh head */
	PUBLISH_APPROVALS,	/* same bundle, other approvals */
	PUBLISH_EMPTY,		/* nothing was ever published, nothing to */
	PUBLISH_NOTHING_YET,	/* the same, though the ref is there */
	PUBLISH_WAITS,		/* the same, since another channel is first */
};

struct publish_result {
	enum publish_outcome outcome;
	struct head head;	/* but of EMPTY, NOTHING_YET and WAITS */
	/* what the tip still waits for, whatever became of what came before
	 * it; or "" (promotion.h) */
	char waits[PROMOTION_TEXT];
};

/*
 * Publishes the tip of the channel's ref, or with `after` what may be of its
 * history, taking and releasing its lock.
 * Problems of the tip go to `fb` as a push would show them. -1 with
 * ERR_INVALID when the tip fails the gate, ERR_TRANSIENT when the lock
 * could not be had, ERR_DENIED when signing would fork the channel.
 */
int publish_channel(git_repository *repo, const struct host_config *host,
		    const struct channel_config *ch,
		    const struct publish_options *opts, struct feedback *fb,
		    struct publish_result *ret, struct err *err);

/*
 * Re-signs the head with new times when less than two thirds of its life are
 * left, or always with `force`. Catches up with publish_channel first where
 * the ref's bundle is newer than the published head. Takes the lock.
 */
int refresh_channel(git_repository *repo, const struct host_config *host,
		    const struct channel_config *ch, bool force,
		    struct publish_result *ret, struct err *err);

#endif
