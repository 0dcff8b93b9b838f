/*
 * The order of a rollout (DESIGN.md 4.3): which of the objects that wait to
 * be applied may go now. Objects go in groups of one order; a group begins
 * when every object of the one before was tried once, whatever came of it.
 * Beyond that an object waits only for what it depends on:
 *
 *   - a custom resource for its CRD to be established, and webhook
 *     configurations for such custom resources to be tried
 *   - one with depends-on for those objects to be healthy
 *   - one with a wave number for all of lower numbers to be healthy
 */
#ifndef ENGINE_ROLLOUT_H
#define ENGINE_ROLLOUT_H

#include "engine/inventory.h"

struct rollout {
	struct channel *channel;
	struct tracked **v;		/* held, by order */
	size_t n, at, start, end;	/* the group, and the next in it */
	struct tracked **blocked;	/* they wait; those of v, not held */
	size_t n_blocked;
	struct tracked **ready;		/* they waited, and may go now */
	size_t n_ready;
	unsigned running;		/* of the group at hand: first tries */
	bool recheck;			/* something moved: look at blocked */
	bool busy;			/* some wait for a write of themselves,
					   begun for another reason */
	bool depends;			/* some have depends-on */
	bool crossing;			/* waits for lower wave numbers */
	int64_t began;			/* loop_now() */
};

void rollout_init(struct rollout *r, struct channel *c);
void rollout_release(struct rollout *r);

/* Begins anew with everything in the inventory that is to be applied. */
void rollout_begin(struct rollout *r);
/*
 * The next object to be applied, or NULL if there is none now. Its first try
 * counts as running until rollout_tried.
 */
struct tracked *rollout_next(struct rollout *r);
void rollout_tried(struct rollout *r);
/* t was tried or its health moved, or (NULL) a kind was learnt: what may wait
 * for that is looked at when rollout_next is called. */
void rollout_moved(struct rollout *r, const struct tracked *t);
/* All were tried, and none waits. */
bool rollout_done(const struct rollout *r);
/* For people: the first that waits, and for what; false if none does. */
bool rollout_waits_for(struct rollout *r, struct buf *out);

#endif
