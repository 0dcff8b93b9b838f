/*
 * What an event means for an object, and what to do about it: DESIGN.md 4.4,
 * drift-matrix.md section 7. Certain drift costs one apply; a suspicion one
 * GET; a fight with another writer, or with a mutator, is noticed and named
 * instead of fought for ever (drift-told.c). Where drift is to be left as it
 * is, or some fields belong to others, a GET and the bundle's body tell which
 * fields differ.
 *
 * Trusts events to come from the API server, in order for one object; bounds
 * what one object can cost: one request at a time, five repairs a minute; and
 * what all of them can: a watch that was cut may tell of thousands in a moment.
 */
#include "config.h"
#include "engine/repair.h"

#include <stdlib.h>
#include <string.h>

#include "engine/drift-told.h"
#include "engine/kube.h"
#include "engine/live-diff.h"
#include "engine/look.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/json.h"

/* a GET that failed for a passing reason */
#define LOOK_AGAIN_MS 1000
/* GETs of suspicions at a time, of all channels */
#define LOOKS_MAX 32

static void deliver_held(struct channel *c, struct tracked *t);
static void on_timer(void *arg);
static void next_looks(struct engine *e);

static struct repair *repair_of(struct channel *c, struct tracked *t)
{
	struct repair *r = t->repair;

	if (!r) {
		r = t->repair = xcalloc(1, sizeof(*r));
		r->channel = c;
		r->tracked = tracked_hold(t);
		timer_init(&r->timer, c->engine->loop, on_timer, r);
	}
	return r;
}

static void drop_held(struct repair *r)
{
	free(r->held);
	r->held = NULL;
	r->held_len = 0;
	r->held_gone = false;
}

/* ---- the queue of looks ---- */

static void wait_for_look(struct engine *e, struct repair *r)
{
	r->waits = true;
	r->wait_next = NULL;
	r->wait_prev = e->looks_last;
	if (e->looks_last)
		e->looks_last->wait_next = r;
	else
		e->looks_first = r;
	e->looks_last = r;
}

static void wait_no_more(struct engine *e, struct repair *r)
{
	if (!r->waits)
		return;
	r->waits = false;
	if (r->wait_next)
		r->wait_next->wait_prev = r->wait_prev;
	else
		e->looks_last = r->wait_prev;
	if (r->wait_prev)
		r->wait_prev->wait_next = r->wait_next;
	else
		e->looks_first = r->wait_next;
}

void repair_forget(struct channel *c, struct tracked *t)
{
	struct repair *r = t->repair;
	bool looked = r && r->look;

	if (!r)
		return;
	t->repair = NULL;
	wait_no_more(c->engine, r);
	c->engine->looks -= looked;
	kube_cancel(r->look);
	timer_stop(&r->timer);
	drop_held(r);
	drift_forget(r);
	free(r);
	tracked_put(t);
	if (looked)
		next_looks(c->engine);
}

/* Nothing is going on any more: give the memory back. */
static void settle(struct repair *r)
{
	if (!r->look && !r->waits && !r->held && !r->held_gone &&
	    !timer_armed(&r->timer) && !r->untold && fight_is_over(r))
		repair_forget(r->channel, r->tracked);
}

/* ---- repairing ---- */

static void repair_now(struct repair *r, enum apply_why why)
{
	/* suspended: all is compared again when it goes on */
	if (!channel_may_write(r->channel) || r->repair_due)
		return;		/* or backing off */
	if (fight_goes_on(r)) {
		fight_put_off(r, "DriftFight");
		return;
	}
	r->tracked->flags |= TRACKED_DRIFTED;
	/* what differs is named when the body is at hand, in a moment */
	if (r->cause == DRIFT_CAUSE_DELETED)
		repair_named(r->channel, r->tracked, NULL);
	apply_object(r->channel, r->tracked, why);
}

static void drifted(struct channel *c, struct tracked *t,
		    const struct node *object, bool full)
{
	struct repair *r = repair_of(c, t);

	drift_seen(r, object, full);
	repair_now(r, object ? APPLY_DRIFT : APPLY_GONE);
}

/* It is there no more, or bears another label: of one that is ignored it is
 * known that it is there no more. */
static void absent(struct channel *c, struct tracked *t)
{
	t->flags &= (uint16_t)~TRACKED_TERMINATING;
	t->baseline = (struct baseline){ 0 };
	switch (drift_mode(c, t)) {
	case WISH_DRIFT_IGNORE:
		await_gone(c, t);
		channel_object_changed(c, t);
		break;
	case WISH_DRIFT_REPORT:
		drift_report(c, t, NULL, NULL);
		break;
	default:
		drifted(c, t, NULL, false);
	}
}

void repair_applied(struct channel *c, struct tracked *t,
		    const struct apply_result *result)
{
	struct repair *r = t->repair;

	if (result->ok) {
		t->flags |= TRACKED_NAMED;
		observe_cover(c, t);
	}
	if (!r)
		return;
	if (result->ok && result->why == APPLY_DRIFT) {
		bool same = r->drifted_values &&
			    r->drifted_values == t->baseline.values;
		/* a mutator at the door, that was not there before */
		bool altered = tracked_is(t, TRACKED_ALTERED) &&
			       !r->was_altered;

		if (!result->moved || (result->full && (same || altered)))
			fight_put_off(r, "Unenforceable");
	}
	if (result->ok && !timer_armed(&r->timer)) {
		/* the backoff stays until it has been quiet for a while */
		t->flags &= ~(TRACKED_DRIFTED | TRACKED_UNENFORCEABLE);
		r->drifted_values = 0;
		channel_object_changed(c, t);
	}
	deliver_held(c, t);
}

/* ---- a suspicion ---- */

static void look(struct repair *r);

static void look_later(struct repair *r)
{
	if (!timer_armed(&r->timer))
		timer_set(&r->timer, LOOK_AGAIN_MS);
}

struct compared {
	struct channel *channel;
	struct tracked *tracked;	/* held */
	struct arena arena;
	struct node *live;
};

static void found_equal(struct channel *c, struct tracked *t,
			const struct node *live, struct arena *scratch)
{
	if (baseline_take(&t->baseline, live, c->manager, true, scratch) < 0)
		t->baseline = (struct baseline){ 0 };
	drift_is_over(c, t);
	await_event(c, t, live);
}

static void found_different(struct channel *c, struct tracked *t,
			    const struct node *live, struct arena *scratch)
{
	const struct node *entry = managed_entry(live, c->manager);
	struct repair *r = repair_of(c, t);

	r->drifted_values = entry ? managed_values_hash(live,
		managed_fields(entry), scratch) : 0;
	/* a repair that leaves it at this version has changed nothing */
	if (baseline_known(&t->baseline))
		t->baseline.version = object_version(live);
	drifted(c, t, live, true);
}

static void no_difference(void *arg, const struct live_difference *d)
{
}

/* A mutator may have stripped our entry even from what we wrote: then only
 * the values can be compared, and writing again would change nothing. */
static bool is_as_wanted(struct compared *x, const struct node *want)
{
	const struct channel *c = x->channel;
	const struct baseline *b = &x->tracked->baseline;

	if (!baseline_known(b) && !managed_entry(x->live, c->manager))
		return !live_diff(want, x->live, c->manager, &x->arena,
				  no_difference, NULL);
	return drift_unchanged(b, x->live, c->manager, want, &x->arena);
}

static void on_body(void *arg, const char *json, size_t len,
		    const struct err *err)
{
	struct compared *x = arg;
	struct tracked *t = x->tracked;
	struct channel *c = x->channel;
	struct err bad = ERR_INIT;
	const struct node *want;
	struct node *desired;

	if (tracked_is(t, TRACKED_DEAD) || t->state != TRACKED_APPLIED) {
		;
	} else if (err) {
		/* it is still suspect */
		look_later(repair_of(c, t));
	} else if (json_read(json, len, &x->arena, &desired, &bad) == 0) {
		want = wish_reduced(desired, &x->arena);
		if (drift_mode(c, t) == WISH_DRIFT_REPORT)
			drift_report(c, t, want, x->live);
		else if (is_as_wanted(x, want))
			found_equal(c, t, x->live, &x->arena);
		else
			found_different(c, t, x->live, &x->arena);
	}
	arena_release(&x->arena);
	free(x);
	tracked_put(t);
}

/* Its values were never seen, or are to be told: the bundle's body decides. */
static void compare_with_body(struct channel *c, struct tracked *t,
			      const struct node *live)
{
	struct compared *x = xcalloc(1, sizeof(*x));

	x->channel = c;
	x->tracked = tracked_hold(t);
	x->live = node_copy(&x->arena, live);
	channel_read_body(c, t, on_body, x);
}

static void judge_whole(struct repair *r, const struct node *live,
			struct arena *scratch)
{
	struct channel *c = r->channel;
	struct tracked *t = r->tracked;
	enum drift d = drift_judge(&t->baseline, live, c->manager,
				   t->kind->generation_trusted, scratch);
	bool certain = d == DRIFT_RECREATED || d == DRIFT_CERTAIN;

	if (d == DRIFT_TERMINATING) {
		t->flags |= TRACKED_TERMINATING;
		channel_object_changed(c, t);
	} else if (drift_mode(c, t) == WISH_DRIFT_IGNORE) {
		found_equal(c, t, live, scratch);
	} else if (drift_mode(c, t) == WISH_DRIFT_REPORT ||
		   !baseline_known(&t->baseline) ||
		   (d == DRIFT_CERTAIN && t->ignores)) {
		compare_with_body(c, t, live);
	} else if (certain) {
		found_different(c, t, live, scratch);
	} else if (!t->baseline.values) {
		compare_with_body(c, t, live);
	} else if (drift_unchanged(&t->baseline, live, c->manager, NULL,
				   scratch)) {
		found_equal(c, t, live, scratch);
	} else {
		found_different(c, t, live, scratch);
	}
}

static void on_looked(void *arg, const struct kube_answer *a)
{
	struct repair *r = arg;
	struct tracked *t = r->tracked;
	struct engine *e = r->channel->engine;
	struct arena scratch = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *live;

	r->look = NULL;
	e->looks--;
	/* an apply that began meanwhile knows better */
	if (t->state != TRACKED_APPLIED)
		goto out;
	if (a->status->why == KUBE_NOT_FOUND)
		absent(r->channel, t);
	else if (a->err || kube_answer_object(a, &scratch, &live, &err) < 0)
		look_later(r);
	else
		judge_whole(r, live, &scratch);
out:
	arena_release(&scratch);
	if (t->repair == r) {
		if (r->look_again) {
			r->look_again = false;
			look(r);
		}
		settle(r);
	}
	next_looks(e);
}

static void look(struct repair *r)
{
	struct tracked *t = r->tracked;
	struct channel *c = r->channel;
	struct err err = ERR_INIT;

	if (r->look) {
		r->look_again = true;
		return;
	}
	if (r->waits || t->state != TRACKED_APPLIED || !channel_may_write(c))
		return;
	if (c->engine->looks >= LOOKS_MAX)
		wait_for_look(c->engine, r);
	else if (look_at_live(c, t, on_looked, r, &r->look, &err) < 0)
		look_later(r);
	else
		c->engine->looks++;
}

static void next_looks(struct engine *e)
{
	while (e->looks < LOOKS_MAX && e->looks_first) {
		struct repair *r = e->looks_first;

		wait_no_more(e, r);
		look(r);
		settle(r);
	}
}

static void on_timer(void *arg)
{
	struct repair *r = arg;
	bool repair = r->repair_due;

	r->repair_due = false;
	if (r->tracked->state != TRACKED_APPLIED) {
		settle(r);
		return;
	}
	if (repair)
		apply_object(r->channel, r->tracked, APPLY_DRIFT);
	else
		look(r);
}

void repair_suspect(struct channel *c, struct tracked *t)
{
	look(repair_of(c, t));
}

/* ---- events ---- */

static void gone(struct channel *c, struct tracked *t,
		 const struct node *object)
{
	switch ((enum tracked_state)t->state) {
	case TRACKED_DELETING:
		/* an older one of that name, which we had made again */
		if (object && version_is_before(object_version(object),
						t->baseline.version))
			return;
		prune_gone(c, t);
		return;
	case TRACKED_APPLIED:
		/* we have made it again since */
		if (object && version_is_before(object_version(object),
						t->baseline.version))
			return;
		/* that it lost our label is to be ignored, too */
		if (drift_mode(c, t) == WISH_DRIFT_IGNORE)
			repair_suspect(c, t);
		else
			absent(c, t);
		return;
	case TRACKED_WAITING:
	case TRACKED_FAILED:
		/* the old object is what may have stood in the way of the new
		 * one (an immutable field): somebody made room */
		t->tries = 0;
		apply_object(c, t, APPLY_GONE);
		return;
	default:
		return;		/* it is applied anyway */
	}
}

/* What others do to it is nobody's business here. */
static void set_ignored(struct channel *c, struct tracked *t,
			const struct node *object, struct arena *scratch)
{
	if (node_path_str(object, "metadata", "deletionTimestamp", NULL)) {
		t->flags |= TRACKED_TERMINATING;
		channel_object_changed(c, t);
		return;
	}
	if (baseline_take(&t->baseline, object, c->manager, false,
			  scratch) < 0)
		t->baseline = (struct baseline){ 0 };
	await_event(c, t, object);
}

static void set(struct channel *c, struct tracked *t,
		const struct node *object, struct arena *scratch)
{
	enum wish_drift mode = drift_mode(c, t);
	enum drift d;

	if (t->state != TRACKED_APPLIED)
		return;
	if (mode == WISH_DRIFT_IGNORE) {
		set_ignored(c, t, object, scratch);
		return;
	}
	if (!baseline_known(&t->baseline)) {
		/* a mutator strips managedFields: only a look can tell */
		repair_suspect(c, t);
		return;
	}
	d = drift_judge(&t->baseline, object, c->manager,
			t->kind->generation_trusted, scratch);
	switch (d) {
	case DRIFT_ECHO:
		break;
	case DRIFT_NONE:
		baseline_take(&t->baseline, object, c->manager, false,
			      scratch);
		break;
	case DRIFT_STATUS:
		baseline_take(&t->baseline, object, c->manager, false,
			      scratch);
		await_event(c, t, object);
		break;
	case DRIFT_SUSPECT:
		repair_suspect(c, t);
		break;
	case DRIFT_TERMINATING:
		if (tracked_is(t, TRACKED_TERMINATING))
			break;
		t->flags |= TRACKED_TERMINATING;
		channel_object_changed(c, t);
		break;
	case DRIFT_RECREATED:
	case DRIFT_CERTAIN:
		/* it may be that what we lost is what we ignore */
		if (mode == WISH_DRIFT_REPORT ||
		    (d == DRIFT_CERTAIN && t->ignores))
			repair_suspect(c, t);
		else
			drifted(c, t, object, false);
		break;
	}
}

static void hold(struct channel *c, struct tracked *t, enum observed what,
		 const struct node *object)
{
	struct repair *r = repair_of(c, t);
	struct buf text = BUF_INIT(LIMIT_OBJECT_BYTES * 2);

	drop_held(r);
	r->held_gone = what == OBSERVED_GONE;
	if (r->held_gone)
		return;
	json_write_compact(object, &text);
	r->held = buf_detach(&text, &r->held_len);
}

/* Judges the event that was held back while an apply ran, if there is one. */
static void deliver_held(struct channel *c, struct tracked *t)
{
	struct repair *r = t->repair;
	struct arena scratch = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *object;
	bool was_gone;
	size_t len;
	char *json;

	if (!r || t->state == TRACKED_APPLYING)
		return;
	json = r->held;
	len = r->held_len;
	was_gone = r->held_gone;
	r->held = NULL;
	drop_held(r);
	if (was_gone && t->state == TRACKED_APPLIED)
		/* the apply may have made it again: ask, do not guess */
		repair_suspect(c, t);
	else if (was_gone)
		gone(c, t, NULL);
	else if (json && json_read(json, len, &scratch, &object, &err) == 0)
		set(c, t, object, &scratch);
	free(json);
	arena_release(&scratch);
	if (t->repair)
		settle(t->repair);
}

void repair_event(struct channel *c, struct tracked *t, enum observed what,
		  const struct node *object)
{
	struct arena scratch = ARENA_INIT;

	if (t->state == TRACKED_UNSEEN)
		reconcile_event(t, what, object);
	else if (t->state == TRACKED_APPLYING)
		hold(c, t, what, object);
	else if (what == OBSERVED_GONE)
		gone(c, t, object);
	else
		set(c, t, object, &scratch);
	arena_release(&scratch);
}

void repair_stop(struct channel *c)
{
	reconcile_stop(c);
	for (struct tracked *t = c->inventory.first; t; t = t->next)
		repair_forget(c, t);
}
