/*
 * The queue of a channel's writes. See apply.h. Repairs go first, then what
 * is tried again, then the rollout in its order. One object has at most one
 * write on its way. A request without an answer is sent again as soon as the
 * API server can be reached; it counts as no failure of the object. What failed
 * waits in apply-later.c.
 */
#include "config.h"
#include "engine/apply.h"

#include <stdlib.h>
#include <string.h>

#include "engine/apply-later.h"
#include "engine/apply-one.h"
#include "engine/channel-private.h"
#include "engine/compare.h"
#include "engine/controller.h"
#include "engine/dependency.h"
#include "engine/managed.h"
#include "engine/prune.h"
#include "engine/prune-order.h"
#include "engine/release.h"
#include "engine/rollout.h"
#include "engine/writes.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"

struct apply {
	struct channel *channel;
	struct writer writer;
	struct rollout rollout;
	struct tracked *first, *last;	/* repairs and retries, held */
	struct op *running;		/* with a place, or reading */
	struct op *paused;		/* to be sent again */
	struct later later;
};

/* ---- the queue ---- */

static void enqueue(struct apply *a, struct tracked *t, enum apply_why why)
{
	if (t->queued || tracked_is(t, TRACKED_DENIED))
		return;
	t->queued = true;
	t->why = (uint8_t)why;
	t->state = TRACKED_QUEUED;
	t->queue_next = NULL;
	tracked_hold(t);
	if (a->last)
		a->last->queue_next = t;
	else
		a->first = t;
	a->last = t;
	writer_wake(&a->writer);
}

/* The next that still wants to be written; NULL if there is none. */
static struct tracked *dequeue(struct apply *a)
{
	while (a->first) {
		struct tracked *t = a->first;
		bool wanted = t->state == TRACKED_QUEUED && !t->busy &&
			      !tracked_is(t, TRACKED_DEAD);

		a->first = t->queue_next;
		if (!a->first)
			a->last = NULL;
		t->queue_next = NULL;
		t->queued = false;
		tracked_put(t);
		if (wanted)
			return t;
	}
	return NULL;
}

void apply_object(struct channel *c, struct tracked *t, enum apply_why why)
{
	struct apply *a = c->apply;

	if (!a || tracked_is(t, TRACKED_DEAD | TRACKED_DENIED) ||
	    !channel_may_write(c) || dependency_failed(t))
		return;
	switch ((enum tracked_state)t->state) {
	case TRACKED_APPLYING:
		t->flags |= TRACKED_AGAIN;
		t->why = (uint8_t)why;
		return;
	case TRACKED_QUEUED:
	case TRACKED_DELETING:
		return;
	case TRACKED_WAITING:
	case TRACKED_FAILED:
		/* what failed has its own time, unless the reason is gone */
		if (why != APPLY_GONE && why != APPLY_SCHEMA &&
		    why != APPLY_RETRY)
			return;
		break;
	case TRACKED_UNSEEN:
	case TRACKED_APPLIED:
		break;
	}
	enqueue(a, t, why);
}

/* ---- later ---- */

static void again(void *arg, struct tracked *t)
{
	enqueue(arg, t, APPLY_RETRY);
}

static bool let_in(struct channel *c, void *arg)
{
	if (c->apply)
		later_let_in(&c->apply->later, *(const char **)arg);
	return false;
}

void apply_gate_moved(struct engine *e, const char *namespace)
{
	controller_find(e, let_in, &namespace);
}

void apply_kinds_changed(struct channel *c)
{
	if (!c->apply)
		return;
	later_kinds_changed(&c->apply->later);
	apply_recheck(c, NULL);
}

/* ---- one after the other ---- */

void op_enters(struct channel *c)
{
	writes_begin(&c->apply->writer);
}

void op_leaves(struct channel *c, const struct kube_status *s, int64_t ms)
{
	writes_end(&c->apply->writer, s, ms);
}

static void link_op(struct op **list, struct op *op)
{
	op->prev = NULL;
	op->next = *list;
	if (op->next)
		op->next->prev = op;
	*list = op;
}

static void unlink_op(struct op **list, struct op *op)
{
	if (op->next)
		op->next->prev = op->prev;
	if (op->prev)
		op->prev->next = op->next;
	else
		*list = op->next;
}

static void start(struct apply *a, struct tracked *t, enum apply_why why)
{
	struct op *op;

	await_drop(a->channel, t);
	t->state = TRACKED_APPLYING;
	t->busy = true;
	op = op_new(a->channel, t, why);
	op->rollout = why == APPLY_ROLLOUT;
	link_op(&a->running, op);
}

/* It was to be sent again, and a newer bundle has come: what it says is not
 * written any more. */
static bool is_outdated(const struct op *op)
{
	const struct tracked *t = op->t;

	return t->state != TRACKED_APPLYING || tracked_is(t, TRACKED_DEAD) ||
	       !sha256_equal(&op->content, &t->content);
}

static void withdraw(struct apply *a, struct op *op)
{
	struct tracked *t = tracked_hold(op->t);

	unlink_op(&a->paused, op);
	t->busy = false;
	t->flags &= (uint16_t)~TRACKED_AGAIN;
	if (op->rollout)
		rollout_tried(&a->rollout);
	op_free(op);
	/* the rollout that brought the newer content has it in its order */
	if (t->state == TRACKED_APPLYING)
		t->state = TRACKED_QUEUED;
	else if (t->state == TRACKED_DELETING)
		prune_wake(a->channel);
	rollout_moved(&a->rollout, t);
	channel_object_changed(a->channel, t);
	tracked_put(t);
}

static bool next(void *arg)
{
	struct apply *a = arg;
	struct tracked *t;
	struct op *op;

	if (!channel_may_write(a->channel))
		return false;
	while ((op = a->paused) && is_outdated(op))
		withdraw(a, op);
	if (op) {
		unlink_op(&a->paused, op);
		link_op(&a->running, op);
		op_again(op);
		return true;
	}
	t = dequeue(a);
	if (t) {
		start(a, t, (enum apply_why)t->why);
		return true;
	}
	t = rollout_next(&a->rollout);
	if (t) {
		start(a, t, APPLY_ROLLOUT);
		return true;
	}
	return false;
}

/* ---- what came of it ---- */

/* Writes that other objects stand on. */
static void look_at_kind(struct apply *a, const struct op *op, bool moved)
{
	struct engine *e = a->channel->engine;
	const struct kind *k = op->t->kind;
	const char *group, *name;
	struct kind *made;

	if (kind_is(k, "", "Namespace") && op->created)
		later_namespace_came(&a->later, op->t->name);
	if (!strcmp(k->group, "rbac.authorization.k8s.io") && moved) {
		e->roles_changed = loop_now(e->loop);
		apply_gate_moved(e, op->t->namespace);
	}
	if (prune_is_gate(k) && moved)
		apply_gate_moved(e, op->t->namespace);
	if (!kind_is(k, "apiextensions.k8s.io", "CustomResourceDefinition") ||
	    !op->full)
		return;
	kinds_learn_crd(&e->kinds, op->answer, true);
	group = node_path_str(op->answer, "spec", "group", NULL);
	name = node_path_str(op->answer, "spec", "names", "kind", NULL);
	if (!moved || !group || !name)
		return;
	made = kinds_get(&e->kinds, group, name);
	made->schema_changed = loop_now(e->loop);
}

/* Did the API server store what was sent? If not, somebody changes it at the
 * door: that is no drift, but people want to know. */
static void look_at_values(struct apply *a, struct op *op)
{
	const struct node *fields =
		managed_fields(managed_entry(op->answer,
					     a->channel->manager));
	struct buf what = BUF_INIT(4096);

	if (!op->full || !fields ||
	    live_matches(op->wanted, op->answer, fields, &op->arena)) {
		op->t->flags &= (uint16_t)~TRACKED_ALTERED;
		return;
	}
	op->t->flags |= TRACKED_ALTERED;
	tracked_describe(op->t, &what);
	log_debug("object-altered", LOG_S("channel", a->channel->name),
		 LOG_S("object", what.data));
	buf_release(&what);
}

static void take_baseline(struct apply *a, struct op *op)
{
	struct tracked *t = op->t;

	if (baseline_take(&t->baseline, op->answer, a->channel->manager,
			  op->full, &op->arena) < 0)
		t->baseline = (struct baseline){ 0 };
	if (node_path(op->answer, "metadata", "deletionTimestamp", NULL))
		t->flags |= TRACKED_TERMINATING;
	else
		t->flags &= (uint16_t)~TRACKED_TERMINATING;
}

static void applied(struct apply *a, struct op *op, bool *ret_moved)
{
	struct tracked *t = op->t;
	uint64_t version = t->baseline.version;

	a->channel->counts.applies++;
	take_baseline(a, op);
	*ret_moved = !version || version != t->baseline.version;
	look_at_kind(a, op, *ret_moved);
	look_at_values(a, op);
	later_went_well(&a->later, t);
	if (t->tries)
		prune_unblock(a->channel);
	t->tries = 0;
	tracked_clear_note(t);
	t->flags &= (uint16_t)~(TRACKED_NEW | TRACKED_DRIFTED);
	if (sha256_equal(&op->content, &t->content))
		t->flags &= (uint16_t)~(TRACKED_CHANGED |
					TRACKED_UNENFORCEABLE);
	t->state = TRACKED_APPLIED;
}

static void log_failure(const struct op *op, const struct outcome *o)
{
	struct buf what = BUF_INIT(4096);

	tracked_describe(op->t, &what);
	log_warn("apply-failed", LOG_S("channel", op->channel->name),
		 LOG_S("object", what.data), LOG_S("reason", o->reason),
		 LOG_S("error", o->message), LOG_N("status", o->status),
		 LOG_N("tries", op->t->tries));
	buf_release(&what);
}

static enum apply_error error_of(const struct outcome *o)
{
	if (o->verdict == VERDICT_CONFLICT || !strcmp(o->reason, OTHER_CHANNEL))
		return APPLY_ERROR_CONFLICT;
	if (o->status == 403)
		return APPLY_ERROR_FORBIDDEN;
	return o->verdict == VERDICT_FAILED ? APPLY_ERROR_PERMANENT :
	       APPLY_ERROR_TRANSIENT;
}

static void failed(struct apply *a, struct op *op, const struct outcome *o)
{
	struct tracked *t = op->t;

	a->channel->counts.apply_errors[error_of(o)]++;
	if (o->verdict == VERDICT_NO_KIND)
		kinds_refresh(&a->channel->engine->kinds);
	later_add(&a->later, t, o);
	if (!strcmp(o->reason, OTHER_CHANNEL))
		release_wanted(a->channel, t);
	if (later_is_news(&a->later, o))
		log_failure(op, o);
}

/* Another bundle or a repair asked for it while it was written. */
static void settle(struct apply *a, struct op *op)
{
	struct tracked *t = op->t;
	bool newer = !sha256_equal(&op->content, &t->content);

	if (newer && tracked_is(t, TRACKED_CHANGED)) {
		/* the rollout that brought it has it in its order */
		t->state = TRACKED_QUEUED;
		t->tries = 0;
	} else if (tracked_is(t, TRACKED_AGAIN) &&
		   t->state == TRACKED_APPLIED) {
		t->state = TRACKED_QUEUED;
		enqueue(a, t, (enum apply_why)t->why);
	}
	t->flags &= (uint16_t)~TRACKED_AGAIN;
}

void op_done(struct op *op, const struct outcome *o)
{
	struct channel *c = op->channel;
	struct apply *a = c->apply;
	struct tracked *t = op->t;
	struct apply_result r = {
		.why = op->why, .ok = o->ok, .created = op->created,
		.status = o->status, .object = op->answer, .full = op->full,
	};
	bool wanted = t->state == TRACKED_APPLYING &&
		      !tracked_is(t, TRACKED_DEAD);

	unlink_op(&a->running, op);
	if (wanted && !o->ok && o->verdict == VERDICT_AGAIN &&
	    sha256_equal(&op->content, &t->content)) {
		link_op(&a->paused, op);
		writer_wake(&a->writer);
		return;
	}
	t->busy = false;
	if (op->rollout)
		rollout_tried(&a->rollout);
	if (wanted) {
		if (o->ok)
			applied(a, op, &r.moved);
		else
			failed(a, op, o);
		settle(a, op);
		if (t->state == TRACKED_APPLIED)
			await_object(c, t);
		repair_applied(c, t, &r);
	} else if (t->state == TRACKED_DELETING) {
		/* a list that began before this does not name it */
		if (o->ok)
			t->flags |= TRACKED_NAMED;
		prune_wake(c);
	}
	tracked_hold(t);
	op_free(op);
	rollout_moved(&a->rollout, t);
	writer_wake(&a->writer);
	channel_object_changed(c, t);
	tracked_put(t);
}

/* ---- the channel's side ---- */

void apply_new(struct channel *c)
{
	struct apply *a = xcalloc(1, sizeof(*a));

	a->channel = c;
	c->apply = a;
	writer_init(&a->writer, c->engine->writes, next, a);
	rollout_init(&a->rollout, c);
	later_init(&a->later, c, again, a);
}

static void free_ops(struct op **list)
{
	while (*list) {
		struct op *op = *list;

		unlink_op(list, op);
		op->t->busy = false;
		op_free(op);
	}
}

void apply_free(struct channel *c)
{
	struct apply *a = c->apply;

	if (!a)
		return;
	free_ops(&a->running);
	free_ops(&a->paused);
	while (a->first)
		dequeue(a);
	later_release(&a->later);
	rollout_release(&a->rollout);
	writer_stop(&a->writer);
	c->apply = NULL;
	free(a);
}

void apply_rollout(struct channel *c)
{
	rollout_begin(&c->apply->rollout);
	writer_wake(&c->apply->writer);
}

void apply_recheck(struct channel *c, const struct tracked *t)
{
	rollout_moved(&c->apply->rollout, t);
	writer_wake(&c->apply->writer);
}

bool apply_rolled_out(const struct channel *c)
{
	const struct apply *a = c->apply;

	return rollout_done(&a->rollout) && !a->paused;
}

bool apply_waits_for(const struct channel *c, struct buf *out)
{
	return rollout_waits_for(&c->apply->rollout, out);
}

void apply_wake(struct channel *c)
{
	if (c->apply)
		writer_wake(&c->apply->writer);
}

void apply_retry_all(struct channel *c)
{
	struct apply *a = c->apply;

	if (!a)
		return;
	later_all(&a->later);
	writer_wake(&a->writer);
}
