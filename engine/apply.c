/*
 * The queue of a channel's writes. See apply.h. Repairs go first, then what
 * is tried again, then the rollout in its order. One object has at most one
 * write on its way. A request without an answer is sent again as soon as the
 * API server can be reached; it counts as no failure of the object. While the
 * API server, or a webhook that it asks, fails for everybody (5xx), what failed
 * is tried one by one until one goes well: then all of it is.
 */
#include "config.h"
#include "engine/apply.h"

#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/apply-one.h"
#include "engine/channel-private.h"
#include "engine/compare.h"
#include "engine/controller.h"
#include "engine/dependency.h"
#include "engine/managed.h"
#include "engine/namespaces.h"
#include "engine/prune.h"
#include "engine/prune-order.h"
#include "engine/release.h"
#include "engine/rollout.h"
#include "engine/writes.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/limits.h"

/* pauses after failures: doubling, with jitter. What an author must change
 * is tried again too, seldom: an admin may change the cluster instead. */
#define LATER_MIN_MS 250
#define LATER_MAX_MS 60000
#define BUSY_MAX_MS 15000
#define FORBIDDEN_MIN_MS 1000
#define FORBIDDEN_MAX_MS 300000
#define FAILED_MIN_MS 10000
#define FAILED_MAX_MS 3600000
/* what few objects cost is little, so they need not wait so long: the most for
 * one, and what each one that waits adds to it */
#define FORBIDDEN_FEW_MS 15000
#define FORBIDDEN_EACH_MS 100
#define FAILED_FEW_MS 30000
#define FAILED_EACH_MS 1000
/* until the API server judges by a policy or a role that was just changed */
#define GATE_MS 1000
/* how exactly the next try is timed */
#define RETRY_STEP_MS 50
/* when to try again: at once, without anybody asking for others first */
#define RETRY_ALL 0
/* so many answers 5xx while nothing that failed goes well at last: trouble.
 * Pauses between the single tries then, and until all come back after it */
#define TROUBLE 16
#define PROBE_MIN_MS 250
#define PROBE_MAX_MS 5000
#define AFTER_MS 1000

struct apply {
	struct channel *channel;
	struct writer writer;
	struct rollout rollout;
	struct tracked *first, *last;	/* repairs and retries, held */
	struct op *running;		/* with a place, or reading */
	struct op *paused;		/* to be sent again */
	struct tracked **later;		/* WAITING and FAILED, held */
	size_t n_later, alloc_later;
	struct timer retry;
	struct namespaces namespaces;
	unsigned busy;			/* answers 5xx: see TROUBLE */
	int64_t probe_at, probe_ms;	/* while there is trouble */
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

static bool is_later(const struct tracked *t)
{
	return !tracked_is(t, TRACKED_DEAD) &&
	       (t->state == TRACKED_WAITING || t->state == TRACKED_FAILED);
}

static bool in_trouble(const struct apply *a)
{
	return a->busy >= TROUBLE;
}

static void arm_retry(struct apply *a)
{
	int64_t now = loop_now(a->channel->engine->loop), first = INT64_MAX;

	for (size_t i = 0; i < a->n_later; i++)
		if (a->later[i]->retry_at < first)
			first = a->later[i]->retry_at;
	if (first < a->probe_at && in_trouble(a))
		first = a->probe_at;
	if (first == INT64_MAX)
		timer_stop(&a->retry);
	else
		timer_set(&a->retry, first > now + RETRY_STEP_MS ?
			  first - now : RETRY_STEP_MS);
}

/* Was it refused for nothing but its namespace, which is missing? */
static bool lacks_namespace(const struct tracked *t)
{
	char said[LIMIT_NAME_BYTES + 32];

	if (!t->note)
		return false;
	snprintf(said, sizeof(said), "namespaces \"%s\" not found",
		 t->namespace);
	return !strcmp(t->note->message, said);
}

/* One asks for all that lack its namespace. The others are told to fail as
 * soon as if each had asked. */
static bool waits_for_namespace(struct apply *a, struct tracked *t,
				int64_t now)
{
	int64_t at;

	if (t->state != TRACKED_WAITING || t->retry_at == RETRY_ALL ||
	    !lacks_namespace(t))
		return false;
	at = namespaces_ask(&a->namespaces, t->namespace, now);
	if (!at)
		return false;
	t->retry_at = at;
	if (t->tries < UINT8_MAX)
		t->tries++;
	if (t->tries == FAILING_TRIES)
		settle_touch(a->channel);
	return true;
}

static void on_retry(void *arg)
{
	struct apply *a = arg;
	int64_t now = loop_now(a->channel->engine->loop);
	size_t kept = 0, most = in_trouble(a) ? 1 : SIZE_MAX;

	for (size_t i = 0; i < a->n_later; i++) {
		struct tracked *t = a->later[i];

		if (is_later(t) && (t->retry_at > now || !most ||
				    waits_for_namespace(a, t, now))) {
			a->later[kept++] = t;
			continue;
		}
		t->listed = false;
		if (is_later(t)) {
			enqueue(a, t, APPLY_RETRY);
			most--;
		}
		tracked_put(t);
	}
	if (!most) {
		a->probe_at = now + a->probe_ms;
		a->probe_ms = a->probe_ms < PROBE_MAX_MS / 2 ?
			      a->probe_ms * 2 : PROBE_MAX_MS;
	}
	a->n_later = kept;
	if (!kept)
		/* names of years would add up */
		namespaces_release(&a->namespaces);
	arm_retry(a);
}

static int64_t backoff(const struct tracked *t, int64_t least, int64_t most)
{
	unsigned shift = t->tries > 20 ? 20 : t->tries ? t->tries - 1u : 0;
	int64_t ms = least << shift;

	if (ms > most)
		ms = most;
	/* jitter, so that thousands do not come back together */
	return ms - ms / 4 + (int64_t)randombytes_uniform((uint32_t)ms / 2 + 1);
}

/* It fails for everybody, as far as we know; so it does without credentials. */
static bool is_busy(const struct outcome *o)
{
	return o->verdict == VERDICT_LATER &&
	       (o->status >= 500 || o->status == 401);
}

static int64_t between(int64_t least, int64_t ms, int64_t most)
{
	return ms < least ? least : ms > most ? most : ms;
}

static int64_t pause_of(const struct apply *a, const struct tracked *t,
			const struct outcome *o)
{
	int64_t n = (int64_t)a->n_later;

	if (is_busy(o))
		return backoff(t, LATER_MIN_MS, BUSY_MAX_MS);
	if (t->state == TRACKED_WAITING)
		return backoff(t, LATER_MIN_MS, LATER_MAX_MS);
	if (o->status == 403)
		return backoff(t, FORBIDDEN_MIN_MS,
			       between(FORBIDDEN_FEW_MS, n * FORBIDDEN_EACH_MS,
				       FORBIDDEN_MAX_MS));
	return backoff(t, FAILED_MIN_MS,
		       between(FAILED_FEW_MS, n * FAILED_EACH_MS,
			       FAILED_MAX_MS));
}

static void try_later(struct apply *a, struct tracked *t,
		      const struct outcome *o)
{
	int64_t now = loop_now(a->channel->engine->loop);

	if (t->tries < UINT8_MAX)
		t->tries++;
	if (in_trouble(a) && is_busy(o) && t->tries < FAILING_TRIES)
		t->tries = FAILING_TRIES;
	t->state = o->verdict == VERDICT_FAILED ? TRACKED_FAILED :
		   TRACKED_WAITING;
	t->retry_at = now + pause_of(a, t, o);
	if (!t->listed) {
		if (a->n_later == a->alloc_later) {
			a->alloc_later = a->alloc_later * 2 + 16;
			a->later = xreallocarray(a->later, a->alloc_later,
						 sizeof(*a->later));
		}
		a->later[a->n_later++] = tracked_hold(t);
		t->listed = true;
	}
	if (!timer_armed(&a->retry) || a->retry.due > t->retry_at)
		arm_retry(a);
}

/* Who waits for a try of its own may wait long: it is called failing now. */
static void call_failing(struct apply *a)
{
	for (size_t i = 0; i < a->n_later; i++) {
		struct tracked *t = a->later[i];

		if (t->state == TRACKED_WAITING && t->tries < FAILING_TRIES)
			t->tries = FAILING_TRIES;
	}
	settle_touch(a->channel);
}

/* One of many refusals that say the same: the first ones are told. */
static void note_busy(struct apply *a, const struct outcome *o)
{
	a->busy += a->busy < UINT_MAX;
	if (a->busy == TROUBLE) {
		log_warn("writes-fail", LOG_S("channel", a->channel->name),
			 LOG_N("status", o->status),
			 LOG_S("error", o->message));
		a->probe_ms = PROBE_MIN_MS;
		call_failing(a);
	}
}

/* Something that failed went well: so may all that waits. */
static void end_trouble(struct apply *a)
{
	int64_t now = loop_now(a->channel->engine->loop);

	if (in_trouble(a)) {
		log_info("writes-go-on", LOG_S("channel", a->channel->name));
		for (size_t i = 0; i < a->n_later; i++)
			if (a->later[i]->state == TRACKED_WAITING)
				a->later[i]->retry_at = now +
					randombytes_uniform(AFTER_MS);
	}
	a->busy = 0;
	arm_retry(a);
}

/* What failed only for want of this namespace need not wait any longer. */
static void namespace_came(struct apply *a, const char *name)
{
	namespaces_came(&a->namespaces, name);
	for (size_t i = 0; i < a->n_later; i++) {
		struct tracked *t = a->later[i];

		if (t->state == TRACKED_WAITING && !strcmp(t->namespace, name))
			t->retry_at = RETRY_ALL;
	}
	arm_retry(a);
}

/* An object of it was stored, or refused for something else than before. */
static void namespace_is_there(struct apply *a, const char *name)
{
	if (namespaces_came(&a->namespaces, name))
		namespace_came(a, name);
}

static bool let_in(struct channel *c, void *arg)
{
	struct apply *a = c->apply;
	const char *namespace = *(const char **)arg;
	int64_t soon;

	if (!a)
		return false;
	soon = loop_now(c->engine->loop) + GATE_MS;
	namespaces_ask_soon(&a->namespaces);
	for (size_t i = 0; i < a->n_later; i++) {
		struct tracked *t = a->later[i];

		if (*namespace && strcmp(t->namespace, namespace))
			continue;
		t->tries = 1;
		if (t->retry_at > soon)
			t->retry_at = soon;
	}
	arm_retry(a);
	return false;
}

void apply_gate_moved(struct engine *e, const char *namespace)
{
	controller_find(e, let_in, &namespace);
}

void apply_kinds_changed(struct channel *c)
{
	struct apply *a = c->apply;

	if (!a)
		return;
	for (size_t i = 0; i < a->n_later; i++) {
		struct tracked *t = a->later[i];

		if (t->state == TRACKED_WAITING && t->kind->news && t->note &&
		    !strcmp(t->note->reason, KIND_NOT_SERVED))
			t->retry_at = RETRY_ALL;
	}
	arm_retry(a);
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
		namespace_came(a, op->t->name);
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
	if (t->tries && a->busy)
		end_trouble(a);
	if (t->tries)
		prune_unblock(a->channel);
	namespace_is_there(a, t->namespace);
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
	bool lacked = lacks_namespace(t);

	a->channel->counts.apply_errors[error_of(o)]++;
	if (o->verdict == VERDICT_NO_KIND)
		kinds_refresh(&a->channel->engine->kinds);
	tracked_note(t, o->reason, "%s", o->message);
	if (!strcmp(o->reason, OTHER_CHANNEL))
		release_wanted(a->channel, t);
	if (is_busy(o))
		note_busy(a, o);
	try_later(a, t, o);
	if (lacked && !lacks_namespace(t) &&
	    verdict_tells_of_namespace(o->verdict, o->status, o->message))
		namespace_is_there(a, t->namespace);
	if (!in_trouble(a) || !is_busy(o))
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
	timer_init(&a->retry, c->engine->loop, on_retry, a);
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
	for (size_t i = 0; i < a->n_later; i++) {
		a->later[i]->listed = false;
		tracked_put(a->later[i]);
	}
	free(a->later);
	namespaces_release(&a->namespaces);
	rollout_release(&a->rollout);
	timer_stop(&a->retry);
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
	for (size_t i = 0; i < a->n_later; i++)
		a->later[i]->retry_at = loop_now(c->engine->loop);
	namespaces_ask_soon(&a->namespaces);
	arm_retry(a);
	writer_wake(&a->writer);
}
