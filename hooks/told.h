/*
 * What one receiver was told of the clusters of one channel, kept at
 * <state_dir>/<channel>/notified/<receiver>. What is to be told is found by
 * comparing this with what clusters report now (news.h), so that nothing is
 * told twice and, after a receiver was away, only what is so then.
 */
#ifndef HOOKS_TOLD_H
#define HOOKS_TOLD_H

#include "hooks/host-config.h"
#include "hooks/receiver.h"
#include "schema/base/digest.h"

/* of a commit status, in characters that are bytes here: GitHub's limit */
#define STATUS_STATE_BYTES 15

struct told_cluster {
	char name[LIMIT_CHANNEL_BYTES + 1];
	bool there;		/* it has a report now; not kept */

	/* messages: the bundle that failed, the one that waits; or "" */
	char failed[GIT_HEX_SIZE], waiting[GIT_HEX_SIZE];
	bool fighting, stale;
	/* a bit of each news_event that a post said which may have arrived or
	 * not: that it ended has to be told */
	unsigned perhaps;
	uint64_t events;	/* how many it was told, for their ids */

	/* commit statuses: on which, what, and its key (news.h) */
	char commit[GIT_HEX_SIZE];
	char state[STATUS_STATE_BYTES + 1];
	char key[SHA256_HEX_SIZE];
	bool sure;		/* the answer said so */

	char refused[SHA256_HEX_SIZE];	/* a post that is not tried again */
	int64_t until;		/* of its share of posts; see told_may */
};

struct told {
	int64_t until;		/* the same for all of the channel */
	int64_t retry_at;	/* nothing is posted before, or 0 */
	uint64_t failures;	/* in a row */
	/* of the channel: since when something waits for another one (0:
	 * nothing does), what of that was told, which rollback was */
	int64_t waits_since;
	char held[SHA256_HEX_SIZE], rolled[SHA256_HEX_SIZE];
	char trouble[512];	/* what was the matter last, or "" */
	struct told_cluster *v;	/* sorted by name */
	size_t n;
};

#define TOLD_INIT { 0 }

/*
 * One that is not there, that is of another channel id or that cannot be read
 * is as good as none: then what is so is told once more. 1 for the last of
 * these, with *err saying why. Release it.
 */
int told_read(const struct host_config *host, const struct channel_config *ch,
	      const struct receiver *r, struct told *ret, struct err *err);
/* Durably. */
int told_write(const struct host_config *host,
	       const struct channel_config *ch, const struct receiver *r,
	       const struct told *t, struct err *err);
/* The cluster's; a new one if there is none. Moves others. */
struct told_cluster *told_cluster(struct told *t, const char *name);
/* Forgets those that are not `there`. */
void told_sweep(struct told *t);
void told_release(struct told *t);

/*
 * A share of posts: `burst` at once, then one in `seconds`. *until is a time
 * on the clock, and the share is used up as far as that lies ahead. When the
 * next may be; `now` or earlier: now. Taking one moves *until.
 */
int64_t told_may(int64_t until, int burst, int seconds, int64_t now);
void told_take(int64_t *until, int burst, int seconds, int64_t now);

#endif
