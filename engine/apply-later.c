/*
 * What failed, and when it is tried again. See apply-later.h. Pauses double,
 * with jitter. While the API server, or a webhook that it asks, fails for
 * everybody (5xx), what failed is tried one by one until one goes well: then
 * all of it is. Of those that lack a namespace one asks for all.
 */
#include "config.h"
#include "engine/apply-later.h"

#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/channel-private.h"
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

/* ---- the timer ---- */

static bool is_later(const struct tracked *t)
{
	return !tracked_is(t, TRACKED_DEAD) &&
	       (t->state == TRACKED_WAITING || t->state == TRACKED_FAILED);
}

static bool in_trouble(const struct later *l)
{
	return l->busy >= TROUBLE;
}

static void arm_retry(struct later *l)
{
	int64_t now = loop_now(l->channel->engine->loop), first = INT64_MAX;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i]->retry_at < first)
			first = l->v[i]->retry_at;
	if (first < l->probe_at && in_trouble(l))
		first = l->probe_at;
	if (first == INT64_MAX)
		timer_stop(&l->retry);
	else
		timer_set(&l->retry, first > now + RETRY_STEP_MS ?
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
static bool waits_for_namespace(struct later *l, struct tracked *t,
				int64_t now)
{
	int64_t at;

	if (t->state != TRACKED_WAITING || t->retry_at == RETRY_ALL ||
	    !lacks_namespace(t))
		return false;
	at = namespaces_ask(&l->namespaces, t->namespace, now);
	if (!at)
		return false;
	t->retry_at = at;
	if (t->tries < UINT8_MAX)
		t->tries++;
	if (t->tries == FAILING_TRIES)
		settle_touch(l->channel);
	return true;
}

static void on_retry(void *arg)
{
	struct later *l = arg;
	int64_t now = loop_now(l->channel->engine->loop);
	size_t kept = 0, most = in_trouble(l) ? 1 : SIZE_MAX;

	for (size_t i = 0; i < l->n; i++) {
		struct tracked *t = l->v[i];

		if (is_later(t) && (t->retry_at > now || !most ||
				    waits_for_namespace(l, t, now))) {
			l->v[kept++] = t;
			continue;
		}
		t->listed = false;
		if (is_later(t)) {
			l->again(l->arg, t);
			most--;
		}
		tracked_put(t);
	}
	if (!most) {
		l->probe_at = now + l->probe_ms;
		l->probe_ms = l->probe_ms < PROBE_MAX_MS / 2 ?
			      l->probe_ms * 2 : PROBE_MAX_MS;
	}
	l->n = kept;
	if (!kept)
		/* names of years would add up */
		namespaces_release(&l->namespaces);
	arm_retry(l);
}

/* ---- how long ---- */

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

static int64_t pause_of(const struct later *l, const struct tracked *t,
			const struct outcome *o)
{
	int64_t n = (int64_t)l->n;

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

static void try_later(struct later *l, struct tracked *t,
		      const struct outcome *o)
{
	int64_t now = loop_now(l->channel->engine->loop);

	if (t->tries < UINT8_MAX)
		t->tries++;
	if (in_trouble(l) && is_busy(o) && t->tries < FAILING_TRIES)
		t->tries = FAILING_TRIES;
	t->state = o->verdict == VERDICT_FAILED ? TRACKED_FAILED :
		   TRACKED_WAITING;
	t->retry_at = now + pause_of(l, t, o);
	if (!t->listed) {
		if (l->n == l->alloc) {
			l->alloc = l->alloc * 2 + 16;
			l->v = xreallocarray(l->v, l->alloc, sizeof(*l->v));
		}
		l->v[l->n++] = tracked_hold(t);
		t->listed = true;
	}
	if (!timer_armed(&l->retry) || l->retry.due > t->retry_at)
		arm_retry(l);
}

/* ---- trouble, and namespaces ---- */

/* Who waits for a try of its own may wait long: it is called failing now. */
static void call_failing(struct later *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct tracked *t = l->v[i];

		if (t->state == TRACKED_WAITING && t->tries < FAILING_TRIES)
			t->tries = FAILING_TRIES;
	}
	settle_touch(l->channel);
}

/* One of many refusals that say the same: the first ones are told. */
static void note_busy(struct later *l, const struct outcome *o)
{
	l->busy += l->busy < UINT_MAX;
	if (l->busy == TROUBLE) {
		log_warn("writes-fail", LOG_S("channel", l->channel->name),
			 LOG_N("status", o->status),
			 LOG_S("error", o->message));
		l->probe_ms = PROBE_MIN_MS;
		call_failing(l);
	}
}

/* Something that failed went well: so may all that waits. */
static void end_trouble(struct later *l)
{
	int64_t now = loop_now(l->channel->engine->loop);

	if (in_trouble(l)) {
		log_info("writes-go-on", LOG_S("channel", l->channel->name));
		for (size_t i = 0; i < l->n; i++)
			if (l->v[i]->state == TRACKED_WAITING)
				l->v[i]->retry_at = now +
					randombytes_uniform(AFTER_MS);
	}
	l->busy = 0;
	arm_retry(l);
}

void later_namespace_came(struct later *l, const char *name)
{
	namespaces_came(&l->namespaces, name);
	for (size_t i = 0; i < l->n; i++) {
		struct tracked *t = l->v[i];

		if (t->state == TRACKED_WAITING && !strcmp(t->namespace, name))
			t->retry_at = RETRY_ALL;
	}
	arm_retry(l);
}

/* An object of it was stored, or refused for something else than before. */
static void namespace_is_there(struct later *l, const char *name)
{
	if (namespaces_came(&l->namespaces, name))
		later_namespace_came(l, name);
}

/* ---- what came of a try ---- */

void later_add(struct later *l, struct tracked *t, const struct outcome *o)
{
	bool lacked = lacks_namespace(t);

	tracked_note(t, o->reason, "%s", o->message);
	if (is_busy(o))
		note_busy(l, o);
	try_later(l, t, o);
	if (lacked && !lacks_namespace(t) &&
	    verdict_tells_of_namespace(o->verdict, o->status, o->message))
		namespace_is_there(l, t->namespace);
}

bool later_is_news(const struct later *l, const struct outcome *o)
{
	return !in_trouble(l) || !is_busy(o);
}

void later_went_well(struct later *l, const struct tracked *t)
{
	if (t->tries && l->busy)
		end_trouble(l);
	namespace_is_there(l, t->namespace);
}

/* ---- what else says that it may go now ---- */

void later_let_in(struct later *l, const char *namespace)
{
	int64_t soon = loop_now(l->channel->engine->loop) + GATE_MS;

	namespaces_ask_soon(&l->namespaces);
	for (size_t i = 0; i < l->n; i++) {
		struct tracked *t = l->v[i];

		if (*namespace && strcmp(t->namespace, namespace))
			continue;
		t->tries = 1;
		if (t->retry_at > soon)
			t->retry_at = soon;
	}
	arm_retry(l);
}

void later_kinds_changed(struct later *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct tracked *t = l->v[i];

		if (t->state == TRACKED_WAITING && t->kind->news && t->note &&
		    !strcmp(t->note->reason, KIND_NOT_SERVED))
			t->retry_at = RETRY_ALL;
	}
	arm_retry(l);
}

void later_all(struct later *l)
{
	for (size_t i = 0; i < l->n; i++)
		l->v[i]->retry_at = loop_now(l->channel->engine->loop);
	namespaces_ask_soon(&l->namespaces);
	arm_retry(l);
}

/* ---- the list ---- */

void later_init(struct later *l, struct channel *c,
		void (*again)(void *arg, struct tracked *t), void *arg)
{
	*l = (struct later){ .channel = c, .again = again, .arg = arg };
	timer_init(&l->retry, c->engine->loop, on_retry, l);
}

void later_release(struct later *l)
{
	for (size_t i = 0; i < l->n; i++) {
		l->v[i]->listed = false;
		tracked_put(l->v[i]);
	}
	free(l->v);
	namespaces_release(&l->namespaces);
	timer_stop(&l->retry);
}
