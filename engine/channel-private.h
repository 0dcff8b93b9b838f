/*
 * What the files of the state machine of one channel share:
 *
 *   channel.c   its life: the Channel object, its settings, its source
 *   intake.c    from a candidate to an inventory that wants it
 *   intake-votes.c   what approvers say about it
 *   settle.c    how far it is: applied, pruned, healthy; conditions
 *   policy.c    a spec that allows less than what is live
 *   body.c      reading bodies and places in the source
 */
#ifndef ENGINE_CHANNEL_PRIVATE_H
#define ENGINE_CHANNEL_PRIVATE_H

#include "engine/channel.h"
#include "engine/git-secret.h"
#include "engine/parent.h"
#include "engine/plan.h"
#include "engine/report.h"
#include "engine/reporter.h"
#include "engine/source.h"

/* A kind that the channel has objects of. */
struct kind_use {
	struct kind *kind;
	size_t n;
	bool watched;
	bool kept;		/* also without objects: for leftovers */
};

enum intake {
	INTAKE_IDLE,
	INTAKE_READING,		/* the difference to the candidate */
	INTAKE_ACCEPTING,	/* status.accepted is on its way */
	INTAKE_RECORDING,	/* the status has it; now the disk */
	INTAKE_LOADING,		/* the accepted bundle's list */
	INTAKE_MERGING,
	INTAKE_PENDING,		/* from the applied bundle to this one */
};

struct channel_private {
	struct report *report;
	struct reporter *reporter;
	struct parent *parent;

	/* the source */
	struct git_secret secret;
	bool twin;			/* another Channel has the same id */
	struct timer twin_timer;
	bool opened;			/* what is accepted is settled */
	struct source_state state;

	/* intake.c */
	enum intake intake;
	struct plan *plan;
	struct plan *vetted;		/* of a candidate that is not accepted,
					   or not yet; NULL: none */
	int64_t void_at;		/* loop_now() when it was void last */
	struct source_candidate candidate;
	bool has_candidate;
	bool crossing;			/* ... it begins a new epoch */
	struct source_candidate *next;	/* told while that one was being
					   written down; NULL: none */
	bool at_hand;			/* the accepted bundle is */
	char loaded[GIT_HEX_SIZE];	/* whose objects the inventory has */
	bool pending;			/* the applied bundle, which says what
					   is still to be pruned, was not read:
					   it is on its way, */
	bool applied_at_hand;		/* or has come since */
	char lost[GIT_HEX_SIZE];	/* a bundle that cannot be had */
	int64_t pending_since;		/* loop_now(): of the first question */
	struct err refused;		/* why the candidate is not taken */
	/* who consented to `consented`, which is a candidate */
	struct consents consents;
	char consented[GIT_HEX_SIZE];
	struct err disowned;		/* who approved the accepted bundle is
					   not in the list any more */
	const char *refused_why;	/* its reason; NULL: it is */
	struct err stuck;		/* why the last step failed */
	struct timer retry;
	unsigned failures;

	/* settle.c */
	struct work look;
	bool settling;			/* applied is behind accepted */
	bool pruning;			/* prune_begin was called for it */
	bool letting_go;		/* of leftovers that were confirmed */
	bool emptying;			/* the Channel is being deleted, and
					   all that it has */
	bool reconciling;
	bool wished;			/* RECONCILE_ANNOTATION was seen */
	bool forked;			/* latched */
	char forked_reason[CONDITION_REASON_MAX];
	struct err forked_why;
	bool overtaken;			/* another engine wrote our status */
	struct kube_call *reread_call;
	struct timer reread;
	bool status_known;		/* c->status was read back once */
	struct err spec_fault;
	struct kind_use *kinds;
	size_t n_kinds, last_kind;
	struct map leftovers;		/* "Kind.group ns/name" to struct leftover */
	struct map unjudged;		/* the same, seen while a bundle was read */

	/* body.c */
	struct body_read *reads;
	struct source_request *places;
	struct tracked **asked;		/* whose places are asked for, held */
	size_t n_asked;
};

/* ---- channel.c ---- */
void channel_use_kind(struct channel *c, struct kind *k);
/* Begins the watches that observe_use put off. */
void channel_begin_watches(struct channel *c);
/* Watches a kind that it had objects of before, for leftovers. */
void channel_keep_kind(struct channel *c, struct kind *k);
void channel_keep_no_kinds(struct channel *c);
/* Ends the watches of kinds without objects; never inside one of them. */
void channel_drop_unused(struct channel *c);
/* Stops, and begins again with what the cluster has by then. */
void channel_restart(struct channel *c);

/* ---- intake.c ---- */
void intake_init(struct channel *c);
/* Does a bundle name the object that was verified, and is not in the inventory
 * yet: the channel is suspended, or it waits for approval, or is on its way? */
bool intake_names(const struct channel *c, const struct object_id *id);
void intake_stop(struct channel *c);
void intake_candidate(struct channel *c, const struct source_candidate *cand);
void intake_at_hand(struct channel *c, const char *bundle);
void intake_lost(struct channel *c, const char *bundle);
/* The state directory has it as accepted. */
void intake_recorded(struct channel *c, const char *bundle);
/* The source has other settings: a candidate of before is none any more. */
void intake_forget(struct channel *c);
/* The spec or a condition moved: what was refused may be taken now. */
void intake_kick(struct channel *c);
/* The inventory is that of the accepted bundle. */
bool intake_is_done(const struct channel *c);

/* ---- intake-votes.c ---- */
/* May the candidate be accepted, which deletes so many objects? 0; -1 with
 * ERR_DENIED, and why in one word. */
int intake_judge_votes(const struct channel *c, size_t deletes,
		       const char **ret_why, struct err *err);
void intake_note_reject(struct channel *c,
			const struct source_candidate *cand);
/* Whose consent to this bundle counts just now. */
void intake_consents(struct channel *c, const char *bundle,
		     const struct consents *cs);
/* What was told so of a candidate. */
const struct consents *intake_consents_of(const struct channel *c,
					  const char *bundle);
/* The list of approvers, or who consented, may be another. */
void intake_check_consents(struct channel *c);

/* ---- settle.c ---- */
void settle_init(struct channel *c);
void settle_stop(struct channel *c);
/* Something moved: look how far it is, soon. */
void settle_touch(struct channel *c);
/* The inventory wants another bundle now. */
void settle_begin(struct channel *c);
/* What is still to be deleted becomes a leftover instead. */
void settle_leave_rest(struct channel *c);
/* What was live is to be compared again. */
void settle_reconcile(struct channel *c);
/* The same, and a look for a new head, if an annotation asks for it. */
void settle_asked(struct channel *c);
/* Conditions and counts into c->status: of report.h. */
void settle_fill(struct channel *c);

/* How many objects it has, in which state. */
struct settle_counts {
	size_t total, applied, ready, failing, progressing, drifted, deleting;
	size_t unhealthy, fighting;
	const struct tracked *first_failing, *first_refused, *first_unready;
};

struct settle_counts settle_count(const struct channel *c);

/* tries until an object that may work by itself is called failing */
#define FAILING_TRIES 3
/* For the status: it failed, more than just now. */
bool tracked_is_failing(const struct tracked *t);
/* Applied, not up, and it is known why (TRACKED_HELD_UP). */
bool tracked_is_held_up(const struct tracked *t);

/* ---- policy.c ---- */
/* What the inventory has is held against the spec as it is now: what is not
 * allowed is left as it is in the cluster and says so. */
void policy_check(struct channel *c);

/* ---- leftovers: live, ours, and not in the bundle ---- */
void channel_leave(struct channel *c, struct kind *k, const char *namespace,
		   const char *name);
/* It is tracked again. */
void channel_leave_not(struct channel *c, const struct tracked *t);
void leftovers_release(struct channel *c);
/* What was seen meanwhile is left over unless the bundle named it. */
void leftovers_judge(struct channel *c);
/* Deletes them, if the number that an admin confirmed is right. */
void leftovers_confirmed(struct channel *c);

/* ---- body.c ---- */
/* Every reader is told that it will not come. */
void bodies_cancel(struct channel *c);
/* Asks where the objects with notes come from, for the status. */
void places_ask(struct channel *c);
void places_cancel(struct channel *c);

#endif
