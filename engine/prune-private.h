/*
 * What the two files that delete share:
 *
 *   prune.c       which objects go, in which order, and whose turn it is
 *   prune-one.c   one of them: read, judged, deleted or let go, and gone
 */
#ifndef ENGINE_PRUNE_PRIVATE_H
#define ENGINE_PRUNE_PRIVATE_H

#include "engine/prune.h"
#include "engine/writes.h"

/* until what blocks an object is looked at again */
#define PRUNE_BLOCKED_MIN_MS 1000
#define PRUNE_BLOCKED_MAX_MS 60000
/* ... and what failed objects blocked, when one fails no more: thousands may
 * come back one after the other */
#define PRUNE_UNBLOCK_MS 250

struct deletion;

struct prune {
	struct channel *channel;
	struct writer writer;
	struct tracked **v;		/* held; by class */
	size_t n, start, end, at;
	struct deletion *running;
	struct timer retry, unblock;
	int64_t began;			/* loop_now() */
};

/* ---- prune.c ---- */

/* It is still to go: no newer bundle wants it. */
bool prune_is_left(const struct tracked *t);
/* Its next turn is in `least` milliseconds, twice that the next time, and so
 * on up to `most`. */
void prune_later(struct prune *p, struct tracked *t, int64_t least,
		 int64_t most);
/* Tracked no longer, whatever became of it. */
void prune_leave(struct channel *c, struct tracked *t);
/* It is gone, which is said, and leaves. */
void prune_finished(struct channel *c, struct tracked *t);
/* A kind that the API server does not have has no objects. One that has just
 * come back, or whose server has, may not know all of its kinds yet. */
bool prune_kind_is_gone(struct prune *p, const struct kind *k);

/* ---- prune-one.c ---- */

/* Begins with an object whose turn it is: a write of p->writer. */
void deletion_start(struct prune *p, struct tracked *t);
/* Ends it, wherever it is: d is freed. s: the last answer, NULL without. */
void deletion_end(struct deletion *d, const struct kube_status *s);
/* A watch tells that the object is gone, while one may be on its way. */
void deletion_told_gone(struct prune *p, const struct tracked *t);

#endif
