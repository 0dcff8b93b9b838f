/*
 * Which objects are deleted, and when. See prune.h. An object is not deleted
 * while another one of its namespace fails to be applied, because the two may
 * be an old and a new name of one thing.
 */
#include "config.h"
#include "engine/prune-private.h"

#include <stdlib.h>
#include <string.h>

#include "engine/apply.h"
#include "engine/prune-order.h"
#include "engine/release.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"

#define NAMES 20
/* until what left this channel is taken for gone where another channel of the
 * same host might name it */
#define INHERIT_MS 2000

/* the message of one that stays because of another one begins so */
#define STAYS "it stays while "
/* reason of one that another channel is to have */
#define AWAITED "AwaitsChannel"

/* a kind that nobody serves for so long has no objects */
#define MISSED_MS 10000

bool prune_is_left(const struct tracked *t)
{
	return !tracked_is(t, TRACKED_DEAD) && t->state == TRACKED_DELETING;
}

static void forget_all(struct prune *p)
{
	for (size_t i = 0; i < p->n; i++)
		tracked_put(p->v[i]);
	free(p->v);
	p->v = NULL;
	p->n = p->start = p->end = p->at = 0;
}

/* Not one that is deleted, and waited for. */
static bool is_stopped(const struct tracked *t)
{
	return prune_is_left(t) && t->note && !tracked_is(t, TRACKED_DELETED);
}

static bool stays_for_another(const struct tracked *t)
{
	return t->note && !strcmp(t->note->reason, AWAITED);
}

/* What other objects block is looked at again, which costs no request. */
static void retry_blocked(struct prune *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct tracked *t = p->v[i];

		if (!is_stopped(t) || (!stays_for_another(t) &&
		    strncmp(t->note->message, STAYS, strlen(STAYS))))
			continue;
		t->tries = 0;
		t->retry_at = 0;
	}
}

void prune_begin(struct channel *c)
{
	struct prune *p = c->prune;
	size_t n = 0;

	forget_all(p);
	p->began = loop_now(c->engine->loop);
	for (struct tracked *t = c->inventory.first; t; t = t->next)
		n += prune_is_left(t);
	if (!n)
		return;
	p->v = xcalloc(n, sizeof(struct tracked *));
	for (struct tracked *t = c->inventory.first; t; t = t->next)
		if (prune_is_left(t))
			p->v[p->n++] = tracked_hold(t);
	/* what the API server refused it refuses still: no bundle asks it
	 * again before its time */
	retry_blocked(p);
	qsort(p->v, p->n, sizeof(struct tracked *), prune_by_class);
	writer_wake(&p->writer);
}

/* ---- later ---- */

static void on_retry(void *arg)
{
	struct prune *p = arg;

	/* also those of earlier classes, whose end no watch has told yet */
	p->at = 0;
	writer_wake(&p->writer);
}

void prune_later(struct prune *p, struct tracked *t, int64_t least,
		  int64_t most)
{
	struct loop *l = p->channel->engine->loop;
	int64_t ms = least << (t->tries > 10 ? 10 : t->tries);

	if (ms > most)
		ms = most;
	if (t->tries < UINT8_MAX)
		t->tries++;
	t->retry_at = loop_now(l) + ms;
	if (!timer_armed(&p->retry) || p->retry.due > t->retry_at)
		timer_set(&p->retry, ms);
}

/* The next of those that wait; the timer was for the first. */
static void arm(struct prune *p)
{
	int64_t now = loop_now(p->channel->engine->loop), first = INT64_MAX;

	for (size_t i = 0; i < p->end; i++) {
		const struct tracked *t = p->v[i];

		if (prune_is_left(t) && !t->busy && t->retry_at > now &&
		    t->retry_at < first)
			first = t->retry_at;
	}
	if (first != INT64_MAX)
		timer_set(&p->retry, first - now);
}

/* ---- leaving the list ---- */

void prune_leave(struct channel *c, struct tracked *t)
{
	tracked_hold(t);
	channel_untrack(c, t);
	channel_object_changed(c, t);
	tracked_put(t);
}

void prune_finished(struct channel *c, struct tracked *t)
{
	struct buf what = BUF_INIT(4096);

	/* one that was never made, or that somebody else deleted, only leaves
	 * the list */
	if (tracked_is(t, TRACKED_DELETED)) {
		tracked_describe(t, &what);
		log_info("object-pruned", LOG_S("channel", c->name),
			 LOG_S("object", what.data));
		c->counts.prunes++;
	}
	buf_release(&what);
	if (prune_is_gate(t->kind))
		apply_gate_moved(c->engine, t->namespace);
	else if (prune_makes_room(t->kind))
		apply_gate_moved(c->engine, "");
	prune_leave(c, t);
	writer_wake(&c->prune->writer);
}

void prune_gone(struct channel *c, struct tracked *t)
{
	if (!prune_is_left(t))
		return;
	if (!t->busy) {
		prune_finished(c, t);
		return;
	}
	if (c->prune)
		deletion_told_gone(c->prune, t);
}

bool prune_kind_is_gone(struct prune *p, const struct kind *k)
{
	struct kinds *ks = &p->channel->engine->kinds;

	if (k->missed && ks->refreshed > p->began &&
	    ks->refreshed - k->missed >= MISSED_MS)
		return true;
	kinds_refresh(ks);
	return false;
}

/* ---- whose turn it is ---- */

/* Does any of its class still have to go before the next class may? */
static bool class_is_done(const struct prune *p)
{
	bool await;

	if (p->start == p->end)
		return true;
	await = prune_class(p->v[p->start]) == PRUNE_CUSTOM ||
		(p->end < p->n &&
		 prune_class(p->v[p->end]) == PRUNE_NAMESPACE);
	/* Namespaces wait for all that was before them, not just one class */
	for (size_t i = await ? 0 : p->start; i < p->end; i++)
		if (prune_is_left(p->v[i]) &&
		    (await || !(tracked_is(p->v[i], TRACKED_DELETED) ||
				stays_for_another(p->v[i]))))
			return false;
	return true;
}

static void open_class(struct prune *p)
{
	p->start = p->at = p->end;
	while (p->end < p->n &&
	       prune_class(p->v[p->end]) == prune_class(p->v[p->start]))
		p->end++;
}

static void kind_is_unknown(struct prune *p, struct tracked *t)
{
	if (prune_kind_is_gone(p, t->kind))
		prune_finished(p->channel, t);
	else
		prune_later(p, t, PRUNE_BLOCKED_MIN_MS, PRUNE_BLOCKED_MAX_MS);
}

/* One push may move an object from here to another channel, whose bundle comes
 * a moment later: then it is handed over, not deleted. */
static bool may_be_inherited(struct prune *p, struct tracked *t)
{
	struct tracked *theirs;
	struct channel *c = p->channel;
	int64_t now = loop_now(c->engine->loop);

	if (c->deleting || now - p->began >= INHERIT_MS ||
	    release_heir(c, t, &theirs) || !release_may_come(c, t))
		return false;
	t->retry_at = p->began + INHERIT_MS;
	return true;
}

/* The channel that it moves to may be suspended, or wait for approval. */
static bool is_awaited(struct prune *p, struct tracked *t)
{
	struct tracked *theirs;
	struct channel *c = p->channel, *by;

	if (c->deleting || release_heir(c, t, &theirs))
		return false;
	by = release_awaited(c, t);
	if (!by)
		return false;
	tracked_note(t, AWAITED, "it stays for channel '%s', whose "
		     "next bundle names it but is not accepted yet", by->name);
	prune_later(p, t, PRUNE_BLOCKED_MIN_MS, PRUNE_BLOCKED_MAX_MS);
	channel_object_changed(c, t);
	return true;
}

static bool may_start(struct prune *p, struct tracked *t)
{
	int64_t now = loop_now(p->channel->engine->loop);
	const struct tracked *by;
	struct tracked *theirs;
	struct buf what = BUF_INIT(4096);

	if (!prune_is_left(t) || t->busy || t->retry_at > now)
		return false;
	if (!t->kind->resolved) {
		kind_is_unknown(p, t);
		return false;
	}
	if (may_be_inherited(p, t) || is_awaited(p, t))
		return false;
	/* it goes on living with another one */
	by = release_heir(p->channel, t, &theirs) ? NULL :
	     prune_neighbour(p->channel, t);
	if (!by)
		return true;
	tracked_describe(by, &what);
	tracked_note(t, "PruneBlocked", STAYS "%s cannot be applied",
		     what.data);
	prune_later(p, t, PRUNE_BLOCKED_MIN_MS, PRUNE_BLOCKED_MAX_MS);
	buf_release(&what);
	return false;
}

static bool next(void *arg)
{
	struct prune *p = arg;

	if (!channel_may_prune(p->channel))
		return false;
	for (;;) {
		while (p->at < p->end) {
			struct tracked *t = p->v[p->at++];

			if (may_start(p, t)) {
				deletion_start(p, t);
				return true;
			}
		}
		if (p->end == p->n || !class_is_done(p)) {
			arm(p);
			return false;
		}
		open_class(p);
	}
}

/* ---- the channel's side ---- */

static void on_unblock(void *arg)
{
	struct prune *p = arg;

	retry_blocked(p);
	prune_wake(p->channel);
}

void prune_new(struct channel *c)
{
	struct prune *p = xcalloc(1, sizeof(*p));

	p->channel = c;
	c->prune = p;
	writer_init(&p->writer, c->engine->writes, next, p);
	timer_init(&p->retry, c->engine->loop, on_retry, p);
	timer_init(&p->unblock, c->engine->loop, on_unblock, p);
}

void prune_free(struct channel *c)
{
	struct prune *p = c->prune;

	if (!p)
		return;
	while (p->running)
		deletion_end(p->running, NULL);
	forget_all(p);
	timer_stop(&p->retry);
	timer_stop(&p->unblock);
	writer_stop(&p->writer);
	c->prune = NULL;
	free(p);
}

void prune_wake(struct channel *c)
{
	if (!c->prune)
		return;
	c->prune->at = 0;
	writer_wake(&c->prune->writer);
}

void prune_unblock(struct channel *c)
{
	struct prune *p = c->prune;

	if (p && p->n && !timer_armed(&p->unblock))
		timer_set(&p->unblock, PRUNE_UNBLOCK_MS);
}

void prune_retry_all(struct channel *c)
{
	struct prune *p = c->prune;

	for (size_t i = 0; p && i < p->n; i++)
		if (is_stopped(p->v[i])) {
			p->v[i]->tries = 0;
			p->v[i]->retry_at = 0;
		}
	prune_wake(c);
}

bool prune_blocked(const struct channel *c, struct buf *out)
{
	const struct prune *p = c->prune;
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct tracked *t = p->v[i];

		if (!prune_is_left(t) || !t->note)
			continue;
		if (n++ >= NAMES)
			continue;
		if (n > 1)
			buf_adds(out, "; ");
		tracked_describe(t, out);
		buf_addf(out, ": %s", t->note->message);
	}
	return n > 0;
}
