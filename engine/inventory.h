/*
 * What a channel has in the cluster: one struct tracked for each object that
 * its bundle names, and for each that is still to be pruned. A few hundred
 * bytes an object, whatever the object's own size: bodies stay in the
 * repository and are read when they are needed.
 */
#ifndef ENGINE_INVENTORY_H
#define ENGINE_INVENTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/drift.h"
#include "engine/health.h"
#include "engine/kinds.h"
#include "schema/base/digest.h"
#include "schema/object.h"

struct channel;

enum tracked_state {
	TRACKED_UNSEEN,		/* nothing is known of the live object: after
				   a start, until it was compared */
	TRACKED_QUEUED,		/* to be applied */
	TRACKED_APPLYING,	/* the request runs: hold its events */
	TRACKED_APPLIED,	/* live as wanted, as far as we know */
	TRACKED_WAITING,	/* the last try failed; another one is due */
	TRACKED_FAILED,		/* permanent until its content or its kind
				   changes; `note` says why */
	TRACKED_DELETING,	/* prune: no longer wanted */
};

enum tracked_flags {
	/* kept by engine/apply.c and engine/plan.c */
	TRACKED_NEW = 1 << 0,		/* no earlier bundle named it: apply
					   without force first */
	TRACKED_CHANGED = 1 << 1,	/* content not applied yet: ask for the
					   full object in the answer */
	TRACKED_ALTERED = 1 << 2,	/* at the door the API server stored
					   other values than were sent */
	TRACKED_AGAIN = 1 << 3,		/* apply once more when the one that
					   runs is done */
	/* kept by engine/repair.c, cleared when new content is applied */
	TRACKED_DRIFTED = 1 << 4,	/* differs now: a repair is under way,
					   or it is to stay so */
	TRACKED_UNENFORCEABLE = 1 << 5,	/* somebody keeps changing it */
	TRACKED_TERMINATING = 1 << 6,	/* has a deletionTimestamp */
	/* kept by engine/await.c */
	TRACKED_AWAITED = 1 << 7,	/* health is wanted */
	/* removed from the inventory: whoever still holds it drops it */
	TRACKED_DEAD = 1 << 8,
	/* kept by engine/observe.c: named since the watch began anew */
	TRACKED_NAMED = 1 << 11,
	/* kept by engine/prune-one.c */
	TRACKED_DELETED = 1 << 9,	/* DELETE was answered: wait for GONE */
	/* kept by engine/leftover.c */
	TRACKED_CONFIRMED = 1 << 10,	/* a leftover that an admin lets go */
	/* kept by engine/policy.c: the Channel does not allow it any more */
	TRACKED_DENIED = 1 << 12,
	/* kept by engine/await.c: what it waits for may have been shown before
	 * it began to wait */
	TRACKED_MISSED = 1 << 13,
	/* it is known why it does not come up; its time is not over */
	TRACKED_HELD_UP = 1 << 14,
};

/* Why it failed, or is not healthy: only while there is something to say. */
struct note {
	char *reason;		/* CamelCase, for conditions */
	char *message;		/* for people; no secret in it */
	char *source;		/* "path:line" in the developer's tree; NULL
				   until it was looked up */
};

struct tracked {
	struct tracked *hash_next;
	struct tracked *prev, *next;	/* all of an inventory, by path */
	struct tracked *queue_next;	/* of engine/apply.c */
	struct kind *kind;
	const char *namespace;		/* "" for a cluster-scoped object */
	struct note *note;		/* NULL: nothing to say */
	void *repair;			/* of engine/repair.c */
	void *await;			/* of engine/await.c */
	char *depends;			/* value of the depends-on annotation;
					   NULL: none */
	int64_t retry_at;		/* loop_now(); WAITING, FAILED */
	struct sha256 content;		/* of the body that is wanted */
	struct baseline baseline;
	uint32_t hash;
	uint32_t refs;
	uint16_t flags;			/* enum tracked_flags */
	uint16_t order;			/* wave_order */
	uint8_t state;			/* enum tracked_state */
	uint8_t health;			/* enum health */
	uint8_t tries;			/* failed ones since the last success */
	uint8_t why;			/* enum apply_why, while queued */
	uint8_t wish : 2;		/* enum wish_drift, of its author */
	bool ignores : 1;		/* some of its fields belong to others
					   once it is there */
	bool queued;			/* is in the queue of engine/apply.c */
	bool listed;			/* is in its list of later tries */
	bool busy;			/* a write of it runs */
	char name[];			/* its namespace is behind it */
};

struct inventory {
	struct channel *channel;
	struct tracked **buckets;
	size_t n_buckets, count;
	struct tracked *first, *last;
};

void inventory_init(struct inventory *inv, struct channel *c);
void inventory_release(struct inventory *inv);

/* NULL if it is not tracked. */
struct tracked *inventory_find(const struct inventory *inv,
			       const struct kind *kind, const char *namespace,
			       const char *name);
/* Makes it if it is new (state UNSEEN, all else zero). */
struct tracked *inventory_add(struct inventory *inv, struct kind *kind,
			      const char *namespace, const char *name);
/* It becomes TRACKED_DEAD and is freed when nobody holds it. */
void inventory_remove(struct inventory *inv, struct tracked *t);

/*
 * Whoever keeps a tracked object across a turn of the loop (a request, a
 * timer) holds it, and looks at TRACKED_DEAD before using it.
 */
struct tracked *tracked_hold(struct tracked *t);
void tracked_put(struct tracked *t);

static inline bool tracked_is(const struct tracked *t, unsigned flags)
{
	return (t->flags & flags) != 0;
}

/* for (struct tracked *t = inv->first; t; t = t->next); removing the one at
 * hand is allowed if its next was taken before. */

/* Its identity as messages and paths need it; strings are t's. version "". */
struct object_id tracked_id(const struct tracked *t);
/* "Deployment.apps demo/web" */
void tracked_describe(const struct tracked *t, struct buf *out);

void tracked_note(struct tracked *t, const char *reason, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void tracked_clear_note(struct tracked *t);

#endif
