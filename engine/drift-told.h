/*
 * What is known of an object that differs: which fields, by whom, and how
 * often; what is told of that; and when to give up for a while. Of repair.c.
 */
#ifndef ENGINE_DRIFT_TOLD_H
#define ENGINE_DRIFT_TOLD_H

#include "engine/channel.h"
#include "engine/kube.h"

/* What hangs off an object while something is going on. */
struct repair {
	struct channel *channel;
	struct tracked *tracked;	/* held */
	struct kube_call *look;		/* the GET of a suspicion */
	bool look_again;		/* another event came meanwhile */
	bool waits;			/* for its turn to look: */
	struct repair *wait_prev, *wait_next;
	struct timer timer;		/* the next look, or repair */
	bool repair_due;		/* ... the timer is for a repair */

	char *held;			/* the last event while applying, JSON */
	size_t held_len;
	bool held_gone;

	int64_t window;			/* loop_now() of the first round */
	int64_t last;			/* ... and of the last one */
	uint32_t rounds;		/* repairs in the window */
	uint32_t streak;		/* repairs without a long pause */
	int64_t backoff_ms;
	uint64_t drifted_values;	/* hash of the values that were wrong */

	/* what was seen, until it is told */
	bool untold;
	bool was_altered;		/* the API server stored other values
					   already when it was made */
	bool full;			/* the object is whole */
	enum drift_cause cause;
	struct arena arena;
	const struct node *object;	/* NULL: it is gone */
	/* of the last one that was told */
	char *manager;			/* who did it; NULL: nobody is named */
	struct strvec fields;
};

/* It was seen to differ: an event's object (metadata), a full one, or NULL if
 * it is gone. repair_named tells it. */
void drift_seen(struct repair *r, const struct node *object, bool full);
void drift_forget(struct repair *r);

/*
 * Drift that stays: `want` is compared with the full live object, field by
 * field; both NULL: the object is gone. Told when it is news. The baseline
 * is that of the live object, so that only what happens next is looked at.
 */
void drift_report(struct channel *c, struct tracked *t,
		  const struct node *want, const struct node *live);
/* It was found to be as wanted: one that was reported is so no more. */
void drift_is_over(struct channel *c, struct tracked *t);

/* One more round begins: is it one too many? */
bool fight_goes_on(struct repair *r);
/* Nothing happened for long: what is known of a fight may be forgotten. */
bool fight_is_over(const struct repair *r);
/* The next repair comes later, and people are told who and what it is. */
void fight_put_off(struct repair *r, const char *reason);

#endif
