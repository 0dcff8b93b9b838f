/*
 * Telling of drift, and of fights. See drift-told.h. Fields are named, never
 * their values: an object may be a Secret. Whose they are is what
 * managedFields says, which anybody who may write the object can forge; it is
 * for people, nothing is decided by it.
 */
#include "config.h"
#include "engine/drift-told.h"

#include <stdlib.h>
#include <string.h>

#include "engine/live-diff.h"
#include "engine/managed.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/limits.h"

/* repairs of one object in a minute before we take it for a fight, */
#define FIGHT_ROUNDS 5
#define FIGHT_WINDOW_MS 60000
/* ... and repairs in a row of somebody who takes his time */
#define FIGHT_STREAK 20
#define FIGHT_PAUSE_MS (10 * 60000)
/* then, and after a repair that changed nothing: the next one comes later */
#define BACKOFF_FIRST_MS 30000
#define BACKOFF_LAST_MS 600000
/* of a field's path in messages */
#define FIELD_MAX 200

/* ---- what was seen ---- */

void drift_forget(struct repair *r)
{
	free(r->manager);
	r->manager = NULL;
	strvec_release(&r->fields);
	arena_release(&r->arena);
	r->object = NULL;
	r->untold = false;
}

/* Of a metadata event only metadata is kept; a full one is copied whole. */
void drift_seen(struct repair *r, const struct node *object, bool full)
{
	arena_release(&r->arena);
	r->object = object ? node_copy(&r->arena, object) : NULL;
	r->full = full;
	r->cause = object ? DRIFT_CAUSE_CHANGED : DRIFT_CAUSE_DELETED;
	if (!tracked_is(r->tracked, TRACKED_UNENFORCEABLE))
		r->was_altered = tracked_is(r->tracked, TRACKED_ALTERED);
	r->untold = true;
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

/* ---- names ---- */

struct names {
	struct strvec fields;
	const char *manager;		/* of the object that was compared */
	const char *ours;
};

static void add_name(void *arg, const struct live_difference *d)
{
	struct names *n = arg;
	const char *manager = d->n_owners ?
		node_text(node_get(d->owners[0], "manager")) : NULL;

	if (n->fields.n < STATUS_DRIFT_FIELDS)
		strvec_pushf(&n->fields, "%.*s", FIELD_MAX, d->path);
	if (!n->manager && manager && strcmp(manager, n->ours))
		n->manager = manager;
}

void repair_named(struct channel *c, struct tracked *t,
		  const struct node *desired)
{
	struct repair *r = t->repair;
	struct arena scratch = ARENA_INIT;
	struct names n = { .ours = c->manager };

	if (!r || !r->untold)
		return;
	if (desired && r->object && r->full)
		live_diff(desired, r->object, c->manager, &scratch, add_name,
			  &n);
	else if (desired && r->object)
		live_lost(desired, r->object, c->manager, &scratch, add_name,
			  &n);
	if (!n.manager && r->object)
		n.manager = last_writer(r->object, c->manager);
	free(r->manager);
	r->manager = n.manager ? xstrdup(n.manager) : NULL;
	strvec_release(&r->fields);
	r->fields = n.fields;
	channel_drifted(c, t, r->cause, DRIFT_CORRECTED, r->manager,
			&r->fields);
	arena_release(&scratch);
	arena_release(&r->arena);
	r->object = NULL;
	r->untold = false;
}

/* "spec.replicas, data.a and more" */
static void add_fields(const struct strvec *fields, const char *otherwise,
		       struct buf *out)
{
	for (size_t i = 0; i < fields->n; i++)
		buf_addf(out, "%s%s", i ? ", " : "", fields->v[i]);
	if (fields->n == STATUS_DRIFT_FIELDS)
		buf_adds(out, " and perhaps more");
	if (!fields->n)
		buf_adds(out, otherwise);
}

/* ---- drift that stays ---- */

static void note_drift(struct channel *c, struct tracked *t,
		       const struct names *n, enum drift_cause cause)
{
	struct buf text = BUF_INIT(8192), what = BUF_INIT(4096);

	if (cause == DRIFT_CAUSE_DELETED) {
		buf_adds(&text, "it was deleted, or its label taken off");
	} else {
		add_fields(&n->fields, "something", &text);
		buf_addf(&text, " changed by %s", n->manager ? n->manager :
			 "somebody unnamed");
	}
	if (!tracked_is(t, TRACKED_DRIFTED) || !t->note ||
	    strcmp(t->note->message, text.data)) {
		tracked_describe(t, &what);
		tracked_note(t, "DriftReported", "%s", text.data);
		event_post(c, EVENT_WARNING, "DriftReported",
			   "%s: %s; it stays so", what.data, t->note->message);
		channel_drifted(c, t, cause, DRIFT_REPORTED, n->manager,
				&n->fields);
	}
	t->flags |= TRACKED_DRIFTED;
	channel_object_changed(c, t);
	buf_release(&text);
	buf_release(&what);
}

void drift_report(struct channel *c, struct tracked *t,
		  const struct node *want, const struct node *live)
{
	struct arena scratch = ARENA_INIT;
	struct names n = { .ours = c->manager };
	size_t found = 1;

	if (live) {
		found = live_diff(want, live, c->manager, &scratch, add_name,
				  &n);
		if (baseline_take(&t->baseline, live, c->manager, true,
				  &scratch) < 0)
			t->baseline = (struct baseline){ 0 };
		if (!n.manager)
			n.manager = last_writer(live, c->manager);
	}
	if (found)
		note_drift(c, t, &n, live ? DRIFT_CAUSE_CHANGED :
			   DRIFT_CAUSE_DELETED);
	else
		drift_is_over(c, t);
	if (live)
		await_event(c, t, live);
	strvec_release(&n.fields);
	arena_release(&scratch);
}

void drift_is_over(struct channel *c, struct tracked *t)
{
	if (!tracked_is(t, TRACKED_DRIFTED) ||
	    tracked_is(t, TRACKED_UNENFORCEABLE))
		return;
	t->flags &= (uint16_t)~TRACKED_DRIFTED;
	tracked_clear_note(t);
	channel_object_changed(c, t);
}

/* ---- fights ---- */

bool fight_goes_on(struct repair *r)
{
	int64_t now = loop_now(r->channel->engine->loop);
	bool again = r->last && now - r->last < r->backoff_ms +
						FIGHT_WINDOW_MS;

	if (now - r->window > FIGHT_WINDOW_MS) {
		r->window = now;
		r->rounds = 0;
	}
	if (now - r->last > FIGHT_PAUSE_MS + r->backoff_ms)
		r->streak = 0;
	r->last = now;
	r->rounds++;
	r->streak++;
	/* after a pause the first round shows that it goes on */
	return r->rounds > FIGHT_ROUNDS || r->streak > FIGHT_STREAK ||
	       (r->backoff_ms && again);
}

bool fight_is_over(const struct repair *r)
{
	int64_t now = loop_now(r->channel->engine->loop);

	return now - r->last > (r->streak > FIGHT_ROUNDS ?
				FIGHT_PAUSE_MS : FIGHT_WINDOW_MS) +
			       r->backoff_ms;
}

void fight_put_off(struct repair *r, const char *reason)
{
	struct tracked *t = r->tracked;
	struct channel *c = r->channel;
	struct buf what = BUF_INIT(1024), fields = BUF_INIT(4096);
	bool first = !tracked_is(t, TRACKED_UNENFORCEABLE);

	r->backoff_ms = r->backoff_ms ? r->backoff_ms * 2 : BACKOFF_FIRST_MS;
	if (r->backoff_ms > BACKOFF_LAST_MS)
		r->backoff_ms = BACKOFF_LAST_MS;
	r->repair_due = true;
	c->counts.fights++;
	timer_set(&r->timer, r->backoff_ms);
	t->flags |= TRACKED_UNENFORCEABLE;
	tracked_describe(t, &what);
	add_fields(&r->fields, strcmp(reason, "DriftFight") ? "value" : "it",
		   &fields);
	if (strcmp(reason, "DriftFight"))
		tracked_note(t, reason, "the API server stores another %s than "
			     "what is applied (a mutating webhook or policy?); "
			     "next try in %lld s", fields.data,
			     (long long)r->backoff_ms / 1000);
	else
		tracked_note(t, reason, "%s keeps changing %s back; next try "
			     "in %lld s", r->manager ? r->manager :
			     "somebody unnamed", fields.data,
			     (long long)r->backoff_ms / 1000);
	if (first)
		event_post(c, EVENT_WARNING, reason, "%s: %s", what.data,
			   t->note->message);
	channel_drifted(c, t, r->cause, DRIFT_PUT_OFF, r->manager,
			&r->fields);
	log_warn("drift-unenforceable", LOG_S("channel", c->name),
		 LOG_S("object", what.data), LOG_S("reason", reason),
		 LOG_S("manager", r->manager), LOG_S("fields", fields.data),
		 LOG_N("backoff_ms", r->backoff_ms));
	buf_release(&what);
	buf_release(&fields);
	channel_object_changed(c, t);
}
