/*
 * What an event means for an object, and what to do about it: DESIGN.md 4.4,
 * drift-matrix.md section 7. Certain drift costs one apply; a suspicion one
 * GET; a fight with another writer, or with a mutator, is noticed and named
 * instead of fought for ever.
 *
 * Trusts events to come from the API server, in order for one object; bounds
 * what one object can cost: one request at a time, five repairs a minute.
 */
#include "config.h"
#include "engine/repair.h"

#include <stdlib.h>
#include <string.h>

#include "engine/kube.h"
#include "engine/look.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/json.h"

/* repairs of one object in a minute before we take it for a fight */
#define FIGHT_ROUNDS 5
#define FIGHT_WINDOW_MS 60000
/* then, and after a repair that changed nothing: the next one comes later */
#define BACKOFF_FIRST_MS 30000
#define BACKOFF_LAST_MS 600000
/* a GET that failed for a passing reason */
#define LOOK_AGAIN_MS 1000

static void deliver_held(struct channel *c, struct tracked *t);

/* What hangs off an object while something is going on. */
struct repair {
	struct channel *channel;
	struct tracked *tracked;	/* held */
	struct kube_call *look;		/* the GET of a suspicion */
	bool look_again;		/* another event came meanwhile */
	struct timer timer;		/* the next look, or repair */
	bool repair_due;		/* ... the timer is for a repair */

	char *held;			/* the last event while applying, JSON */
	size_t held_len;
	bool held_gone;

	int64_t window;			/* loop_now() of the first round */
	uint32_t rounds;		/* repairs since */
	int64_t backoff_ms;
	uint64_t drifted_values;	/* hash of the values that were wrong */
	char *manager;			/* who wrote them, as far as known */
};

static void on_timer(void *arg);

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

void repair_forget(struct channel *c, struct tracked *t)
{
	struct repair *r = t->repair;

	if (!r)
		return;
	t->repair = NULL;
	kube_cancel(r->look);
	timer_stop(&r->timer);
	drop_held(r);
	free(r->manager);
	free(r);
	tracked_put(t);
}

/* Nothing is going on any more: give the memory back. */
static void settle(struct repair *r)
{
	if (!r->look && !r->held && !r->held_gone && !timer_armed(&r->timer) &&
	    loop_now(r->channel->engine->loop) - r->window > FIGHT_WINDOW_MS)
		repair_forget(r->channel, r->tracked);
}

/*
 * Who wrote last, besides us: for people, so the newest entry of the main
 * resource is good enough. NULL if nobody is named.
 */
static const char *last_writer(const struct node *object, const char *ours)
{
	const struct node *list = node_path(object, "metadata",
					    "managedFields", NULL);
	const char *name = NULL, *newest = "";

	for (uint32_t i = 0; list && list->type == NODE_SEQ && i < list->n;
	     i++) {
		const struct node *e = list->items[i];
		const char *manager = node_text(node_get(e, "manager"));
		const char *time = node_text(node_get(e, "time"));
		const char *sub = node_text(node_get(e, "subresource"));

		if (!manager || !strcmp(manager, ours) || (sub && *sub))
			continue;
		/* RFC 3339 in UTC sorts as text */
		if (!name || strcmp(time ? time : "", newest) >= 0) {
			name = manager;
			newest = time ? time : "";
		}
	}
	return name;
}

/* ---- repairing ---- */

static void give_up_for_now(struct repair *r, const char *reason)
{
	struct tracked *t = r->tracked;
	struct buf what = BUF_INIT(1024);
	bool first = !tracked_is(t, TRACKED_UNENFORCEABLE);

	r->backoff_ms = r->backoff_ms ? r->backoff_ms * 2 : BACKOFF_FIRST_MS;
	if (r->backoff_ms > BACKOFF_LAST_MS)
		r->backoff_ms = BACKOFF_LAST_MS;
	r->repair_due = true;
	r->channel->counts.fights++;
	timer_set(&r->timer, r->backoff_ms);
	t->flags |= TRACKED_UNENFORCEABLE;
	tracked_describe(t, &what);
	tracked_note(t, reason, "%s keeps changing it back; next try in %lld s",
		     r->manager ? r->manager : "somebody unnamed",
		     (long long)r->backoff_ms / 1000);
	if (first)
		event_post(r->channel, EVENT_WARNING, reason, "%s: %s",
			   what.data, t->note->message);
	log_warn("drift-unenforceable", LOG_S("channel", r->channel->name),
		 LOG_S("object", what.data), LOG_S("reason", reason),
		 LOG_S("manager", r->manager),
		 LOG_N("backoff_ms", r->backoff_ms));
	buf_release(&what);
	channel_object_changed(r->channel, t);
}

static void repair_now(struct repair *r, enum apply_why why)
{
	int64_t now = loop_now(r->channel->engine->loop);

	/* suspended: all is compared again when it goes on */
	if (!channel_may_write(r->channel))
		return;
	if (now - r->window > FIGHT_WINDOW_MS) {
		r->window = now;
		r->rounds = 0;
	}
	if (r->repair_due)
		return;		/* backing off */
	if (++r->rounds > FIGHT_ROUNDS) {
		give_up_for_now(r, "DriftFight");
		return;
	}
	r->tracked->flags |= TRACKED_DRIFTED;
	channel_drifted(r->channel, r->tracked, why == APPLY_GONE ?
			DRIFT_CAUSE_DELETED : DRIFT_CAUSE_CHANGED, r->manager);
	apply_object(r->channel, r->tracked, why);
}

static void drifted(struct channel *c, struct tracked *t,
		    const struct node *object, enum apply_why why)
{
	struct repair *r = repair_of(c, t);
	const char *manager = object ? last_writer(object, c->manager) : NULL;

	free(r->manager);
	r->manager = manager ? xstrdup(manager) : NULL;
	repair_now(r, why);
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

		if (!result->moved || (result->full && same))
			give_up_for_now(r, "Unenforceable");
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
	baseline_take(&t->baseline, live, c->manager, true, scratch);
	await_event(c, t, live);
}

static void found_different(struct channel *c, struct tracked *t,
			    const struct node *live, struct arena *scratch)
{
	const struct node *entry = managed_entry(live, c->manager);
	struct repair *r = repair_of(c, t);

	r->drifted_values = entry ? managed_values_hash(live,
		managed_fields(entry), scratch) : 0;
	drifted(c, t, live, APPLY_DRIFT);
}

static void on_body(void *arg, const char *json, size_t len,
		    const struct err *err)
{
	struct compared *x = arg;
	struct tracked *t = x->tracked;
	struct err bad = ERR_INIT;
	struct node *desired;

	if (!tracked_is(t, TRACKED_DEAD) && t->state == TRACKED_APPLIED &&
	    !err && json_read(json, len, &x->arena, &desired, &bad) == 0) {
		if (drift_unchanged(&t->baseline, x->live,
				    x->channel->manager, desired, &x->arena))
			found_equal(x->channel, t, x->live, &x->arena);
		else
			found_different(x->channel, t, x->live, &x->arena);
	}
	arena_release(&x->arena);
	free(x);
	tracked_put(t);
}

/* The values were never seen: the bundle's body decides. */
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

	if (d == DRIFT_TERMINATING) {
		t->flags |= TRACKED_TERMINATING;
		channel_object_changed(c, t);
	} else if (d == DRIFT_RECREATED || d == DRIFT_CERTAIN) {
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
	struct arena scratch = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *live;

	r->look = NULL;
	/* an apply that began meanwhile knows better */
	if (t->state != TRACKED_APPLIED)
		goto out;
	if (a->status->why == KUBE_NOT_FOUND)
		drifted(r->channel, t, NULL, APPLY_GONE);
	else if (a->err || kube_answer_object(a, &scratch, &live, &err) < 0)
		look_later(r);
	else
		judge_whole(r, live, &scratch);
out:
	arena_release(&scratch);
	if (t->repair != r)
		return;
	if (r->look_again) {
		r->look_again = false;
		look(r);
	}
	settle(r);
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
	if (t->state == TRACKED_APPLIED && channel_may_write(c) &&
	    look_at_live(c, t, on_looked, r, &r->look, &err) < 0)
		look_later(r);
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
		t->flags &= ~TRACKED_TERMINATING;
		t->baseline = (struct baseline){ 0 };
		drifted(c, t, NULL, APPLY_GONE);
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

static void set(struct channel *c, struct tracked *t,
		const struct node *object, struct arena *scratch)
{
	if (t->state != TRACKED_APPLIED)
		return;
	if (!baseline_known(&t->baseline)) {
		/* a mutator strips managedFields: only a look can tell */
		repair_suspect(c, t);
		return;
	}
	switch (drift_judge(&t->baseline, object, c->manager,
			    t->kind->generation_trusted, scratch)) {
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
		drifted(c, t, object, APPLY_DRIFT);
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
	if (was_gone)
		/* the apply may have made it again: ask, do not guess */
		repair_suspect(c, t);
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
