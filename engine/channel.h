/*
 * One channel as its parts see it, and the calls between the parts. All of
 * it runs in the one thread of the loop; a call that takes time is begun here
 * and ends in a callback.
 *
 *   controller.c  which channels there are
 *   channel.c     the state machine of one: events of the fetching child and
 *                 of the Channel object in; fetch, accept, plan, apply, prune
 *   plan.c        a diff of two bundles becomes work
 *   apply.c       the queue of a channel's writes, and their answers
 *   adopt.c       what other tools left in managedFields
 *   prune.c       deleting what a bundle no longer names
 *   definitions.c one metadata watch for all CRDs
 *   observe.c     one metadata watch for each kind, shared by all channels
 *   repair.c      what an event means for an object, and what to do
 *   await.c       health
 *   events.c      Kubernetes Events on the Channel
 *   reporter.c    signed reports to the Git host
 */
#ifndef ENGINE_CHANNEL_H
#define ENGINE_CHANNEL_H

#include "engine/channel-spec.h"
#include "engine/inventory.h"
#include "engine/loop.h"
#include "engine/status.h"
#include "engine/trim.h"

struct kube;
struct kube_account;
struct observe;
struct source;
struct sources;
struct reporter_key;
struct lease;
struct apply;
struct prune;
struct plan;
struct writes;

/* What all channels share. */
struct engine {
	struct loop *loop;
	struct kube *kube;
	struct kinds kinds;
	struct observe *observe;
	struct definitions *definitions;
	struct controller *controller;
	struct sources *sources;	/* the fetching child */
	struct writes *writes;		/* places for writes, shared */
	int64_t roles_changed;		/* loop_now() when we last wrote a
					   role or a binding; 0: never */
	const char *namespace;		/* our own: Lease, Events, Secrets */
	const char *instance;		/* our name in Leases and Events */
	bool leading;			/* may write; always true without
					   leader election */
	const struct lease *lease;	/* NULL without leader election */
	bool stopping;
	struct trim trim;
	size_t reports_due;		/* statuses that are to be written */
	struct reporter_key *reporter;	/* who signs reports; NULL: nobody */
	size_t reporters_due;		/* channels that will be looked at for
					   what to report */
	unsigned looks;			/* of engine/repair.c: that run, */
	struct repair *looks_first, *looks_last;	/* that wait */
	struct event_try *events;	/* Events that are on their way */
	size_t n_events;
};

/* What it takes until an apply that failed can work. */
enum apply_error {
	APPLY_ERROR_TRANSIENT,	/* time */
	APPLY_ERROR_CONFLICT,	/* another one lets go of it */
	APPLY_ERROR_FORBIDDEN,	/* an admin */
	APPLY_ERROR_PERMANENT,	/* its author */
	APPLY_ERRORS
};

/* What others did to an object. */
enum drift_cause {
	DRIFT_CAUSE_CHANGED,
	DRIFT_CAUSE_DELETED,	/* or its label was taken off */
	DRIFT_CAUSES
};

/* Why a report was not taken. */
enum report_failure {
	REPORT_UNSENT,		/* the host did not answer, or is busy */
	REPORT_REFUSED,		/* it takes none, or not ours */
	REPORT_FAILURES
};

struct channel_counts {
	uint64_t applies, apply_errors[APPLY_ERRORS], prunes;
	uint64_t repairs[DRIFT_CAUSES];
	uint64_t reports[DRIFT_CAUSES];	/* drift that was left as it is */
	uint64_t fights;		/* times that repairing one was put off
					   because somebody changes it back */
	uint64_t reports_sent, report_failures[REPORT_FAILURES];
};

struct channel {
	struct engine *engine;
	char *name;
	char *uid;			/* of the Channel object */
	char *manager;			/* "windlass-<name>" */
	char *applyset;			/* value of the part-of label */
	struct channel_spec spec;	/* valid while spec_ok */
	bool spec_ok;
	bool deleting;			/* the Channel object is going */
	bool listed;			/* of engine/controller.c, */
	struct channel *next, *prev;	/* ... and all that there are */
	struct inventory inventory;
	struct channel_status status;
	struct channel_counts counts;
	struct kube_account *account;	/* every write is made as this */
	struct source *source;		/* the bundles, in the fetching child */
	struct apply *apply;		/* of engine/apply.c */
	struct prune *prune;		/* of engine/prune.c */
	struct plan *plan;		/* of engine/plan.c */
	void *events;			/* of engine/events.c */
	void *repair;			/* of engine/repair.c: reconcile */
	void *await;			/* of engine/await.c */
	struct channel_private *private;	/* of engine/channel.c */
};

/*
 * May it write now? Leading, not stopping, a good spec, not suspended, and a
 * bundle accepted. Every part asks before it begins a write; what it leaves
 * undone is found again when the channel starts over.
 */
bool channel_may_write(const struct channel *c);

/* What becomes of changes by others: what the object says, or the channel. */
static inline enum wish_drift drift_mode(const struct channel *c,
					 const struct tracked *t)
{
	return t->wish ? (enum wish_drift)t->wish : c->spec.drift;
}

/* ---- apply.c ---- */

enum apply_why {
	APPLY_ROLLOUT,		/* a new bundle */
	APPLY_RETRY,		/* it failed before */
	APPLY_DRIFT,		/* it was changed: before any rollout */
	APPLY_GONE,		/* it was deleted, or its label was taken off */
	APPLY_COMPARED,		/* a comparison with the live object failed */
	APPLY_SCHEMA,		/* the schema of its CRD changed */
};

/* Makes the object as the bundle wants it, now (repairs go before rollouts);
 * if a request for it runs, once more after that. repair_applied is called
 * when it is done. Does nothing if the channel may not write. */
void apply_object(struct channel *c, struct tracked *t, enum apply_why why);

/* How an apply ended. */
struct apply_result {
	enum apply_why why;
	bool ok;			/* the baseline is that of the answer */
	bool created;			/* 201 */
	bool moved;			/* another resourceVersion than in the
					   baseline before, or there was none */
	long status;			/* HTTP; 0: no answer */
	const struct node *object;	/* the answer; NULL if not ok */
	bool full;			/* ... is the whole object */
};

/*
 * The body that the bundle has for the object: canonical JSON, its digest
 * checked. fn is called once, from the loop; on failure with err and without
 * json. The object is held until then.
 */
void channel_read_body(struct channel *c, struct tracked *t,
		       void (*fn)(void *arg, const char *json, size_t len,
				  const struct err *err), void *arg);

/* ---- what channel.c is told ---- */

enum observed {
	OBSERVED_SET,		/* ADDED or MODIFIED */
	OBSERVED_GONE,		/* DELETED: gone, or the label taken off */
};

/* t->health moved (from old). */
void channel_health_changed(struct channel *c, struct tracked *t,
			    enum health old);
/* Drift was found: for the status, metrics, the log. manager: who did it, or
 * NULL. fields: those that differ, as far as known. Once for each repair, when
 * it is begun, and for each drift that stays. */
void channel_drifted(struct channel *c, struct tracked *t,
		     enum drift_cause cause, enum drift_action action,
		     const char *manager, const struct strvec *fields);
/* t's flags, state or note changed in a way that status shows. */
void channel_object_changed(struct channel *c, struct tracked *t);
/*
 * The watch or a list saw an object with c's label that c does not track.
 * Called for each event of it; what is not really ours (no entry of c's
 * manager: a controller copied the label) is ignored here.
 */
void channel_untracked(struct channel *c, struct kind *k, enum observed what,
		       const struct node *object);
/* The channel of a part-of label; NULL if it is none of ours. */
struct channel *controller_by_applyset(struct engine *e, const char *label);
/* The Channel of this name; NULL if the cluster has none. */
struct channel *controller_get(struct engine *e, const char *name);
/* The first channel, and the one after c; NULL at the end. */
struct channel *controller_next(struct engine *e, const struct channel *c);

/* The first channel that fn says yes to; NULL if it does for none. */
struct channel *controller_find(struct engine *e,
				bool (*fn)(struct channel *c, void *arg),
				void *arg);

/* It leaves the inventory: it is gone, or no longer ours. */
void channel_untrack(struct channel *c, struct tracked *t);

/* ---- prune.c ---- */

/* A watch saw that a TRACKED_DELETING object is gone. */
void prune_gone(struct channel *c, struct tracked *t);

/* ---- observe.c ---- */

int observe_new(struct engine *e, struct observe **ret, struct err *err);
void observe_free(struct observe *o);

/*
 * The channel has objects of this kind from now on: one metadata watch for
 * the kind runs while any channel uses it, but perhaps not before the end of
 * a channel's first rollout. The kind is resolved. Once for each pair;
 * observe_drop once for each observe_use.
 */
void observe_use(struct channel *c, struct kind *k);
/* It lives elsewhere than its watch looks, which begins anew. */
void observe_moved(struct kind *k);
/* A rollout is done: a watch that was put off till then begins. */
void observe_begin(struct kind *k);
void observe_drop(struct channel *c, struct kind *k);
/* Where only single namespaces may be watched: this object's one, too. */
void observe_cover(struct channel *c, const struct tracked *t);

/* ---- repair.c ---- */

/* An event of the watch for a tracked object; held back here while
 * TRACKED_APPLYING. */
void repair_event(struct channel *c, struct tracked *t, enum observed what,
		  const struct node *object);
/* Called by apply.c after every apply, whatever came of it; the state is
 * what it is now, the baseline that of the answer. The last event that was
 * held back is judged then. */
void repair_applied(struct channel *c, struct tracked *t,
		    const struct apply_result *r);
/*
 * The bundle's body is at hand for the object, which is to be applied: what
 * was found to differ is named and told. desired NULL: it could not be read.
 */
void repair_named(struct channel *c, struct tracked *t,
		  const struct node *desired);
/*
 * After a start: compares every object that is TRACKED_UNSEEN with the
 * cluster, by full lists of the kinds in use. Equal ones get a baseline and
 * become TRACKED_APPLIED (and await_object is called for them), all others go
 * to apply_object, or, if they are TRACKED_CHANGED, wait for the rollout as
 * TRACKED_QUEUED. done is called once, also when lists failed (what could
 * not be compared is applied).
 */
void repair_reconcile(struct channel *c,
		      void (*done)(struct channel *c));
/* Stops what runs for the channel: it is suspended, reopened or going. */
void repair_stop(struct channel *c);
/* Frees what hangs on t->repair: the object leaves the inventory. */
void repair_forget(struct channel *c, struct tracked *t);

/* ---- await.c ---- */

/* Health is wanted for this object, whose content was just applied or
 * compared; t->health is set, perhaps at once, and channel_health_changed
 * called. Kinds without a health rule are HEALTHY at once. */
void await_object(struct channel *c, struct tracked *t);
/* No longer: it leaves the bundle, or is applied again. */
void await_drop(struct channel *c, struct tracked *t);
/* The watch saw that something of it moved (called by repair.c). */
void await_event(struct channel *c, struct tracked *t,
		 const struct node *object);
/* It was deleted, and nobody is to make it again: it is well, unless the last
 * that was seen of it is that it failed. */
void await_gone(struct channel *c, struct tracked *t);
void await_stop(struct channel *c);

/* ---- events.c ---- */

enum event_type { EVENT_NORMAL, EVENT_WARNING };

/* A Kubernetes Event on the Channel, coalesced and rate-limited. */
void event_post(struct channel *c, enum event_type type, const char *reason,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void events_stop(struct channel *c);
/* Those that are on their way are given up. */
void events_end(struct engine *e);

#endif
