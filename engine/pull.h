/*
 * One channel in the fetching child: from a head that moved to a bundle that
 * is verified and at hand. Its files:
 *
 *   pull.c         the channel: its settings, pins, state on disk, jobs
 *   pull-head.c    judging the newest head
 *   pull-tell.c    what the parent is told
 *   pull-job.c     getting bundles: which packs, fetch, scan, index
 *   pull-chain.c   judging a new bundle: its history back to the accepted
 *                  one, and every tree on the way
 *   pull-votes.c   what approvers say about it
 *   compact.c      keeping the cache small
 *
 * A channel has at most one job. It works in slices of PULL_SLICE_MS and
 * gives the loop back between them, so that channels share the child fairly.
 */
#ifndef ENGINE_PULL_H
#define ENGINE_PULL_H

#include <stdbool.h>

#include "engine/cache.h"
#include "engine/confine.h"
#include "engine/fetch.h"
#include "engine/http.h"
#include "engine/ipc.h"
#include "engine/loop.h"
#include "engine/source-msg.h"
#include "engine/state.h"
#include "engine/trim.h"
#include "engine/verify.h"
#include "schema/base/map.h"
#include "schema/trust.h"

#define PULL_SLICE_MS 15
/*
 * A slice that takes so many seconds is stuck (a fault of ours or of a
 * library): SIGALRM ends the child, and its parent starts another.
 */
#define PULL_STUCK_S 120

/* What all channels of the child share. */
struct child {
	struct loop *loop;
	struct http *http;
	struct pollers *pollers;
	struct downloads *downloads;
	struct ipc *ipc;
	struct trim trim;
	char *state_root;
	struct confined walls;
	bool ending;
};

/*
 * Something failed: if that is because a file that the child may reach was
 * replaced by one that it may not, the child ends, and its parent starts
 * another. engine/fetch-child.c.
 */
void child_look(struct child *c);

/* A bundle whose whole tree was verified in this process. */
struct known {
	struct bundle_commit commit;
	char id[GIT_HEX_SIZE];
};

/* What a job is to get. */
struct job_wants {
	bool accepted, applied, head;
	bool votes;		/* on the accepted bundle, which the head names */
};

struct job;

struct pull {
	struct child *child;
	uint32_t handle;
	struct source_config config;
	struct trust trust, approvers;
	bool usable;			/* settings make sense */
	struct state state;
	struct cache cache;
	bool open;			/* state and cache are */
	struct source_pin accepted, applied;
	int64_t clock_seen;
	struct poller *poller;

	bool answered;			/* head_raw is what a server said */
	struct buf head_raw;		/* the newest head file, good or not */
	struct buf good_raw;		/* the newest good one */
	struct verified_head head;	/* of it; valid if has_head */
	bool has_head;
	struct source_finding fetching;	/* what the poller says */
	struct source_finding getting;	/* what the last job says: Fetched */
	struct source_finding judged;	/* what the head says: Verified */
	struct source_finding bundled;	/* what the last job says: Verified */
	struct source_state now, shown;	/* to be shown, and shown last */
	bool ever_shown;

	struct map known;		/* id -> struct known */
	char candidate[GIT_HEX_SIZE];	/* the last one that was told */
	char refused[GIT_HEX_SIZE];	/* a head's bundle that was refused */
	/* who pushed what the head's bundle has that the accepted one has
	 * not: the last chain found that out. Not known: not of all */
	struct pushers pushers;
	bool pushers_known;
	bool votes_due;			/* what was told of approvals is not
					   what the head says now */
	struct job *job;
	/* what a job tried since something last changed, so that what cannot
	 * be had is not asked for in a loop */
	struct job_wants tried;
	unsigned failures;		/* jobs in a row, for the backoff */
	bool record_due;		/* accepted is not on disk yet */
	int64_t doubted;		/* clock_mono_ms(): pull_doubt was
					   called; 0: never */

	struct work tell;		/* sends `now` */
	struct work doubt;		/* looks whether the cache is there */
	struct timer retry;		/* opens or plans again */
	struct timer expiry;		/* of the head */
	struct timer votes_end;		/* of an approval */
	struct compaction *compaction;	/* of engine/compact.c, while it runs */
};

/* Takes config. Answers with OPENED, now or when the state directory works. */
struct pull *pull_new(struct child *child, uint32_t handle,
		      struct source_config *config);
/* Takes config. ERR_INVALID if name or channel id are others. */
int pull_update(struct pull *p, struct source_config *config,
		struct err *err);
void pull_accept(struct pull *p, const struct source_pin *pin);
void pull_applied(struct pull *p, const struct source_pin *pin);
void pull_poll(struct pull *p);
void pull_free(struct pull *p);

/* The bundle if it is verified and at hand, else NULL. */
const struct known *pull_known(const struct pull *p, const char *bundle);

/* ---- between its files ---- */

void pull_rules(const struct pull *p, struct verify_rules *ret);

/* ---- pull-tell.c ---- */

/* Sends p->now if it is news: the work of p->tell. */
void pull_tell(void *arg);
/* Shows it in a condition, soon. Message as in err_set. */
void pull_find(struct pull *p, struct source_finding *f,
	       enum source_reason reason, const char *message);
/* Puts a refusal where it belongs: Fetched, Verified, Forked or Clock. */
void pull_refuse(struct pull *p, const struct verdict *v,
		 const struct err *err, bool of_bundle);
/* AT_HAND, LOST or ACCEPTED to the parent. */
void pull_tell_bundle(struct pull *p, enum source_msg type, const char *id);

/* ---- pull-head.c ---- */

/* Judges the newest head file, as settings and pins are now. */
void pull_judge(struct pull *p);
/*
 * The head names what is accepted and at hand. Its commit need not be judged
 * again, but a publisher who was taken out of the spec must show.
 */
void pull_judge_current(struct pull *p);
/* Says whether the head is stale, and sets the timer for when it will be. */
void pull_look_at_expiry(struct pull *p);

/* ---- pull.c ---- */

void pull_add_known(struct pull *p, const char *id,
		    const struct bundle_commit *commit);
/* The cache is damaged or incomplete: forget all of it. */
int pull_reset_cache(struct pull *p, struct err *err);
/* What was verified cannot be read: soon all is verified once more, and got
 * anew if it is damaged or gone. */
void pull_doubt(struct pull *p);
/* The job is over: err says why it failed, NULL that it did not. */
void pull_job_ended(struct pull *p, const struct err *err);

/* engine/compact.c: writes the cache anew when it has become many packs. */
void compact_begin(struct pull *p);
void compact_cancel(struct pull *p);

/* pull-job.c */
struct job *job_new(struct pull *p, const struct job_wants *wants);
void job_free(struct job *j);
/* A pack child of the job writes into the cache right now. */
bool job_is_packing(const struct job *j);

/* pull-votes.c */

/*
 * Judges the approvals of a bundle, which is known: text NULL where the head
 * names none. Tells the parent whose consent counts. Sets the timer that
 * tells the candidate again when a consent ends.
 */
void votes_judge(struct pull *p, const char *bundle, const char *text,
		 size_t len, struct source_votes *ret);

/* pull-chain.c */
struct chain;

/* Judges the head's bundle, whose packs are in the cache. */
struct chain *chain_new(struct pull *p, const struct verified_head *head);
/*
 * As verify_tree_step. 0: it is known now, and *ret is filled but for what
 * only the head says.
 */
int chain_step(struct chain *ch, int64_t deadline,
	       struct source_candidate *ret, struct verdict *ret_verdict,
	       struct err *err) __attribute__((warn_unused_result));
void chain_free(struct chain *ch);

#endif
