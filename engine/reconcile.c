/*
 * Comparing a whole channel with the cluster: once after a start, when there
 * are no baselines, and then every few hours, for the changes that no
 * metadata shows (drift-matrix.md section 1). Full lists, a page at a time,
 * one kind after the other: 10,000 objects cost about 50 requests.
 *
 * Memory is bounded by one page; time in the loop by one page, or one item, a
 * turn.
 */
#include "config.h"
#include "engine/repair.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "engine/channel-private.h"
#include "engine/compare.h"
#include "engine/drift-told.h"
#include "engine/kube.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/base/clock.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/render.h"

#define PAGE_OBJECTS 200
/* of a page, which is read in one turn of the loop: where that is not enough
 * its objects are large, and fewer are asked for; of a single one at most */
#define PAGE_BYTES (4u * 1024 * 1024)
#define PAGE_FEWER 8
#define ONE_BYTES (LIMIT_KUBE_OBJECT_BYTES + 64u * 1024)
#define LIST_TRIES 5
#define LIST_RETRY_MS 1000
/* the slow comparison: every six hours, plus up to one */
#define AUDIT_MS (6 * 3600 * 1000LL)
#define AUDIT_JITTER_MS (3600 * 1000)

struct reconcile {
	struct channel *channel;
	void (*done)(struct channel *c);	/* NULL: a slow comparison */
	struct kind **kinds;
	size_t n_kinds, at;
	size_t n_put_off;		/* of these, the last ones */
	/* of this kind, after the whole cluster was forbidden: see
	 * by_namespace(); listed is the next one of them */
	struct strvec namespaces;
	size_t listed;
	struct kube_call *call;
	char *next_page;		/* continue token; NULL: the first */
	unsigned tries;
	unsigned page_objects;
	struct arena page, scratch;
	struct node *items;
	uint32_t item;			/* the next one to look at */
	struct item_read *reading;	/* its body is on the way */
	struct work step;
	struct timer timer;
};

/* A body that was asked for; outlives the reconciliation if that stops. */
struct item_read {
	struct reconcile *of;		/* NULL: stopped meanwhile */
	struct tracked *tracked;	/* held */
	const struct node *live;
};

static void list_kind(struct reconcile *r);
static void start_audit_timer(struct reconcile *r);

/*
 * Until it was compared an object has no baseline; this field of it then
 * remembers what version events have named.
 */
#define SEEN_GONE 1


static uint64_t *seen_version(struct tracked *t)
{
	return &t->baseline.status;
}

void reconcile_event(struct tracked *t, enum observed what,
		     const struct node *object)
{
	*seen_version(t) = what == OBSERVED_GONE ? SEEN_GONE :
			   object_version(object);
}

/* ---- one object ---- */

/* Drift that nobody undoes; but while it is not known what was applied, what
 * differs may be what was not. */
static bool stays_as_it_is(const struct channel *c, const struct tracked *t)
{
	return drift_mode(c, t) != WISH_DRIFT_CORRECT && t->kind->resolved &&
	       !c->private->pending;
}

static void apply_unseen(struct channel *c, struct tracked *t)
{
	t->baseline = (struct baseline){ 0 };
	/* what a rollout had not come to yet keeps its place in the order */
	if (tracked_is(t, TRACKED_CHANGED)) {
		t->state = TRACKED_QUEUED;
	} else if (stays_as_it_is(c, t)) {
		t->state = TRACKED_APPLIED;
		channel_object_changed(c, t);
		await_object(c, t);
		repair_suspect(c, t);
	} else {
		apply_object(c, t, APPLY_COMPARED);
	}
}

static void equal(struct reconcile *r, struct tracked *t,
		  const struct node *live)
{
	struct channel *c = r->channel;
	uint64_t seen = *seen_version(t);

	baseline_take(&t->baseline, live, c->manager, true, &r->scratch);
	t->state = TRACKED_APPLIED;
	t->flags |= TRACKED_NAMED;
	t->flags &= ~(TRACKED_NEW | TRACKED_CHANGED);
	if (node_path_str(live, "metadata", "deletionTimestamp", NULL))
		t->flags |= TRACKED_TERMINATING;
	else
		t->flags &= (uint16_t)~TRACKED_TERMINATING;
	/* it may have been undone by hand while nobody looked */
	drift_is_over(c, t);
	channel_object_changed(c, t);
	await_object(c, t);
	if (seen && seen != t->baseline.version &&
	    (seen == SEEN_GONE ||
	     !version_is_before(seen, t->baseline.version)))
		repair_suspect(c, t);
}

static void on_item_body(void *arg, const char *json, size_t len,
			 const struct err *err)
{
	struct item_read *read = arg;
	struct reconcile *r = read->of;
	struct tracked *t = read->tracked;
	struct err bad = ERR_INIT;
	struct node *desired;

	if (r) {
		const struct node *fields = managed_fields(
			managed_entry(read->live, r->channel->manager));

		r->reading = NULL;
		if (tracked_is(t, TRACKED_DEAD) || t->state != TRACKED_UNSEEN)
			;
		else if (!err &&
			 json_read(json, len, &r->scratch, &desired,
				   &bad) == 0 &&
			 live_matches(wish_reduced(desired, &r->scratch),
				      read->live, fields, &r->scratch))
			equal(r, t, read->live);
		else
			apply_unseen(r->channel, t);
		loop_defer(r->channel->engine->loop, &r->step);
	}
	tracked_put(t);
	free(read);
}

/* False if the next item has to wait for this one. */
static bool look_at(struct reconcile *r, struct tracked *t,
		    const struct node *live)
{
	struct channel *c = r->channel;

	if (t->state == TRACKED_APPLIED) {
		if (!r->done && !drift_unchanged(&t->baseline, live,
						 c->manager, NULL,
						 &r->scratch))
			repair_suspect(c, t);
		return true;
	}
	if (t->state != TRACKED_UNSEEN)
		return true;
	if (!managed_entry(live, c->manager)) {
		apply_unseen(c, t);
		return true;
	}
	r->reading = xcalloc(1, sizeof(*r->reading));
	*r->reading = (struct item_read){ r, tracked_hold(t), live };
	channel_read_body(c, t, on_item_body, r->reading);
	return false;
}

/* ---- one page, one kind ---- */

/* What the list did not name is not there, or could not be listed. */
static void end_of_kind(struct reconcile *r)
{
	struct tracked *t = r->channel->inventory.first, *next;

	for (; t; t = next) {
		next = t->next;
		if (t->kind == r->kinds[r->at] && t->state == TRACKED_UNSEEN)
			apply_unseen(r->channel, t);
	}
	free(r->next_page);
	r->next_page = NULL;
	strvec_release(&r->namespaces);
	r->listed = 0;
	r->tries = 0;
	r->page_objects = PAGE_OBJECTS;
	r->at++;
	list_kind(r);
}

/* One list is at its end, or cannot be had: of the kind, or of a namespace. */
static void end_of_list(struct reconcile *r)
{
	if (r->listed + 1 < r->namespaces.n) {
		r->listed++;
		free(r->next_page);
		r->next_page = NULL;
		r->tries = 0;
		list_kind(r);
	} else {
		end_of_kind(r);
	}
}

/* The engine's account may not list the whole cluster: one list for each
 * namespace that the channel has an object of this kind in. False if that is
 * how it was done already, or no namespace has any. */
static bool by_namespace(struct reconcile *r)
{
	const struct kind *kind = r->kinds[r->at];
	struct map seen = MAP_INIT;

	if (r->namespaces.n || !kind->namespaced)
		return false;
	for (struct tracked *t = r->channel->inventory.first; t; t = t->next)
		if (t->kind == kind && !map_put(&seen, t->namespace, t))
			strvec_push(&r->namespaces, t->namespace);
	map_release(&seen, NULL);
	r->listed = 0;
	return r->namespaces.n > 0;
}

/* The others need not wait for a kind whose list fails: its turn comes again
 * after theirs, once. */
static bool put_off(struct reconcile *r)
{
	struct kind *kind = r->kinds[r->at];
	size_t rest = r->n_kinds - r->at - 1;

	if (!rest || r->at + r->n_put_off >= r->n_kinds)
		return false;
	memmove(&r->kinds[r->at], &r->kinds[r->at + 1],
		rest * sizeof(struct kind *));
	r->kinds[r->n_kinds - 1] = kind;
	r->n_put_off++;
	free(r->next_page);
	r->next_page = NULL;
	strvec_release(&r->namespaces);
	r->listed = 0;
	r->tries = 0;
	r->page_objects = PAGE_OBJECTS;
	list_kind(r);
	return true;
}

static void end_of_page(struct reconcile *r)
{
	r->items = NULL;
	arena_reset(&r->page);
	if (r->next_page)
		list_kind(r);
	else
		end_of_list(r);
}

static void step(void *arg)
{
	struct reconcile *r = arg;
	struct channel *c = r->channel;
	int64_t began = loop_now(c->engine->loop);

	while (r->items && r->item < r->items->n) {
		const struct node *live = r->items->items[r->item++];
		const char *ns = node_path_str(live, "metadata", "namespace",
					       NULL);
		const char *name = node_path_str(live, "metadata", "name",
						 NULL);
		struct tracked *t = name ? inventory_find(&c->inventory,
			r->kinds[r->at], ns ? ns : "", name) : NULL;

		arena_reset(&r->scratch);
		if (t && !look_at(r, t, live))
			return;
		if (clock_mono_ms() - began > LOOP_SLICE_MS / 2) {
			loop_defer(c->engine->loop, &r->step);
			return;
		}
	}
	end_of_page(r);
}

static void on_listed(void *arg, const struct kube_answer *a)
{
	struct reconcile *r = arg;
	struct err err = ERR_INIT;
	const char *token;
	struct node *list;

	r->call = NULL;
	if (!a->err && kube_answer_object(a, &r->page, &list, &err) == 0) {
		token = node_path_str(list, "metadata", "continue", NULL);
		free(r->next_page);
		r->next_page = token && *token ? xstrdup(token) : NULL;
		r->items = node_get(list, "items");
		if (r->items && r->items->type != NODE_SEQ)
			r->items = NULL;
		r->item = 0;
		r->tries = 0;
		loop_defer(r->channel->engine->loop, &r->step);
		return;
	}
	if (a->status->why == KUBE_FORBIDDEN && by_namespace(r)) {
		list_kind(r);
		return;
	}
	/* larger than we take: the same again, in smaller parts */
	if (a->code == 200 && a->err && a->err->class == ERR_INVALID &&
	    r->page_objects > 1) {
		r->page_objects = r->page_objects > PAGE_FEWER ?
				  r->page_objects / PAGE_FEWER : 1;
		list_kind(r);
		return;
	}
	log_warn("compare-list-failed", LOG_S("channel", r->channel->name),
		 LOG_S("kind", r->kinds[r->at]->name),
		 LOG_S("error", a->err ? a->err->msg : err.msg));
	if (a->status->why == KUBE_EXPIRED) {
		/* the rest of the list at another version, or all again */
		free(r->next_page);
		r->next_page = a->status->continue_token ?
			       xstrdup(a->status->continue_token) : NULL;
	}
	if (!a->err || a->err->class != ERR_TRANSIENT)
		end_of_list(r);
	else if (put_off(r))
		return;
	else if (++r->tries < LIST_TRIES)
		timer_set(&r->timer, LIST_RETRY_MS << r->tries);
	else
		end_of_list(r);
}

static int send_list(struct reconcile *r, const struct kind *kind,
		     struct err *err)
{
	struct buf query = BUF_INIT(65536);
	char *selector = xasprintf("%s=%s", APPLYSET_PART_OF,
				   r->channel->applyset);
	char *limit = xasprintf("%u", r->page_objects);
	struct kube_request get = {
		.method = "GET",
		.target = {
			.group = kind->group,
			.version = kind->version,
			.plural = kind->plural,
			.namespace = r->namespaces.n ?
				     r->namespaces.v[r->listed] : NULL,
		},
		.max_bytes = r->page_objects > 1 ? PAGE_BYTES : ONE_BYTES,
		.on_done = on_listed,
		.arg = r,
	};
	int rc;

	kube_query(&query, "limit", limit);
	kube_query(&query, "labelSelector", selector);
	if (r->next_page)
		kube_query(&query, "continue", r->next_page);
	get.query = query.data;
	rc = kube_send(r->channel->engine->kube, &get, &r->call, err);
	buf_release(&query);
	free(selector);
	free(limit);
	return rc;
}

static void finish(struct reconcile *r)
{
	struct channel *c = r->channel;
	void (*done)(struct channel *) = r->done;
	struct tracked *t = c->inventory.first, *next;

	free(r->kinds);
	r->kinds = NULL;
	r->n_kinds = r->at = r->n_put_off = 0;
	r->done = NULL;
	start_audit_timer(r);
	if (!done)
		return;
	/* kinds that could not be resolved when we began */
	for (; t; t = next) {
		next = t->next;
		if (t->state == TRACKED_UNSEEN)
			apply_unseen(c, t);
	}
	done(c);
}

static void list_kind(struct reconcile *r)
{
	struct err err = ERR_INIT;

	if (r->at == r->n_kinds) {
		finish(r);
	} else if (send_list(r, r->kinds[r->at], &err) < 0) {
		log_warn("compare-list-failed",
			 LOG_S("channel", r->channel->name),
			 LOG_S("error", err.msg));
		end_of_list(r);
	}
}

/* ---- the whole ---- */

static void collect_kinds(struct reconcile *r)
{
	struct map seen = MAP_INIT;

	for (struct tracked *t = r->channel->inventory.first; t; t = t->next)
		if (t->kind->resolved)
			map_putn(&seen, (const char *)&t->kind,
				 sizeof(t->kind), t->kind);
	r->kinds = xcalloc(seen.count, sizeof(struct kind *));
	r->n_kinds = 0;
	for (map_each(&seen, e))
		r->kinds[r->n_kinds++] = e->value;
	r->at = r->n_put_off = 0;
	map_release(&seen, NULL);
}

static void on_timer(void *arg)
{
	struct reconcile *r = arg;

	/* either a list is to be tried again, or the slow comparison is due */
	if (!r->kinds)
		collect_kinds(r);
	list_kind(r);
}

static void start_audit_timer(struct reconcile *r)
{
	timer_set(&r->timer, AUDIT_MS + randombytes_uniform(AUDIT_JITTER_MS));
}

void repair_reconcile(struct channel *c, void (*done)(struct channel *c))
{
	struct reconcile *r;

	reconcile_stop(c);
	r = c->repair = xcalloc(1, sizeof(*r));
	r->channel = c;
	r->done = done;
	r->page_objects = PAGE_OBJECTS;
	work_init(&r->step, step, r);
	timer_init(&r->timer, c->engine->loop, on_timer, r);
	collect_kinds(r);
	list_kind(r);
}

void reconcile_stop(struct channel *c)
{
	struct reconcile *r = c->repair;

	if (!r)
		return;
	c->repair = NULL;
	kube_cancel(r->call);
	timer_stop(&r->timer);
	loop_undefer(c->engine->loop, &r->step);
	if (r->reading)
		r->reading->of = NULL;
	arena_release(&r->page);
	arena_release(&r->scratch);
	free(r->next_page);
	strvec_release(&r->namespaces);
	free(r->kinds);
	free(r);
}
