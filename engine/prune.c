/*
 * Deleting. See prune.h. It trusts nothing it remembers: each object is read
 * again before its DELETE, and what does not carry our label and our entry is
 * left alone. An object is not deleted while another one of its namespace
 * fails to be applied, because the two may be an old and a new name of one
 * thing.
 */
#include "config.h"
#include "engine/prune.h"

#include <stdlib.h>
#include <string.h>

#include "engine/apply.h"
#include "engine/managed.h"
#include "engine/prune-look.h"
#include "engine/prune-order.h"
#include "engine/release.h"
#include "engine/verdict.h"
#include "engine/wave.h"
#include "engine/writes.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/render.h"
#include "schema/wishes.h"

/* until it is asked whether a deleted object is gone, if no watch told */
#define GONE_MIN_MS 1000
#define GONE_MAX_MS 30000
/* ... and so many times before it is said that it hangs: 3 s */
#define HANGS_TRIES 2
/* until what blocks a Namespace or CRD is looked at again */
#define BLOCKED_MIN_MS 1000
#define BLOCKED_MAX_MS 60000
#define NAMES 20
/* until what left this channel is taken for gone where another channel of the
 * same host might name it */
#define INHERIT_MS 2000

/* reason of one that another channel is to have */
#define AWAITED "AwaitsChannel"

/* One object on its way. */
struct del {
	struct del *prev, *next;
	struct prune *prune;
	struct tracked *t;		/* held */
	char uid[40];
	char heir[64];		/* the channel that gets it; "": nobody */
	struct kube_call *call;
	struct look *look;
	int64_t began;
	bool looked;
	bool gone;		/* the watch said so, while the DELETE ran */
};

/* a kind that nobody serves for so long has no objects */
#define MISSED_MS 10000

struct prune {
	struct channel *channel;
	struct writer writer;
	struct tracked **v;		/* held; by class */
	size_t n, start, end, at;
	struct del *running;
	struct timer retry;
	int64_t began;			/* loop_now() */
};

static void look_at(struct del *d);

static bool is_left(const struct tracked *t)
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

void prune_begin(struct channel *c)
{
	struct prune *p = c->prune;
	size_t n = 0;

	forget_all(p);
	p->began = loop_now(c->engine->loop);
	for (struct tracked *t = c->inventory.first; t; t = t->next)
		n += is_left(t);
	if (!n)
		return;
	p->v = xcalloc(n, sizeof(struct tracked *));
	for (struct tracked *t = c->inventory.first; t; t = t->next)
		if (is_left(t))
			p->v[p->n++] = tracked_hold(t);
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

static void later(struct prune *p, struct tracked *t, int64_t least,
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

		if (is_left(t) && !t->busy && t->retry_at > now &&
		    t->retry_at < first)
			first = t->retry_at;
	}
	if (first != INT64_MAX)
		timer_set(&p->retry, first - now);
}

/* ---- the end of one ---- */

static void del_free(struct del *d, const struct kube_status *s)
{
	struct prune *p = d->prune;
	struct loop *l = p->channel->engine->loop;

	if (d->next)
		d->next->prev = d->prev;
	if (d->prev)
		d->prev->next = d->next;
	else
		p->running = d->next;
	kube_cancel(d->call);
	look_free(d->look);
	d->t->busy = false;
	/* a newer bundle wants it again */
	if (d->t->state == TRACKED_QUEUED)
		apply_recheck(p->channel, d->t);
	tracked_put(d->t);
	writes_end(&p->writer, s, loop_now(l) - d->began);
	free(d);
}

static void leave_inventory(struct channel *c, struct tracked *t)
{
	tracked_hold(t);
	channel_untrack(c, t);
	channel_object_changed(c, t);
	tracked_put(t);
}

static void gone(struct channel *c, struct tracked *t)
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
	leave_inventory(c, t);
	writer_wake(&c->prune->writer);
}

void prune_gone(struct channel *c, struct tracked *t)
{
	if (!is_left(t))
		return;
	if (!t->busy) {
		gone(c, t);
		return;
	}
	/* its own answer says more, but will not say this again */
	for (struct del *d = c->prune ? c->prune->running : NULL; d;
	     d = d->next)
		if (d->t == t)
			d->gone = true;
}

static void finish_gone(struct del *d, const struct kube_status *s)
{
	struct tracked *t = tracked_hold(d->t);
	struct channel *c = d->prune->channel;

	del_free(d, s);
	if (is_left(t))
		gone(c, t);
	tracked_put(t);
}

/* Not ours to delete: left as it is, and no longer tracked. */
static void skip(struct del *d, const struct kube_status *s, const char *why)
{
	struct tracked *t = tracked_hold(d->t);
	struct channel *c = d->prune->channel;
	struct buf what = BUF_INIT(4096);

	tracked_describe(t, &what);
	log_warn("prune-skipped", LOG_S("channel", c->name),
		 LOG_S("object", what.data), LOG_S("why", why));
	event_post(c, EVENT_WARNING, "PruneSkipped", "%s is not deleted: %s",
		   what.data, why);
	buf_release(&what);
	del_free(d, s);
	leave_inventory(c, t);
	writer_wake(&c->prune->writer);
	tracked_put(t);
}

static void fail(struct del *d, const struct kube_status *s,
		 const char *reason, const char *message)
{
	struct prune *p = d->prune;
	struct channel *c = p->channel;
	struct tracked *t = d->t;

	if (is_left(t)) {
		tracked_note(t, reason, "%s", message);
		later(p, t, BLOCKED_MIN_MS, BLOCKED_MAX_MS);
	}
	channel_object_changed(c, t);
	del_free(d, s);
}

/* A newer bundle wants it again, or nothing may be pruned just now. */
static bool is_void(const struct del *d)
{
	return !is_left(d->t) || !channel_may_prune(d->prune->channel);
}

static void drop(struct del *d, const struct kube_status *s)
{
	channel_object_changed(d->prune->channel, d->t);
	del_free(d, s);
}

/* A kind that the API server does not have has no objects. One that has just
 * come back, or whose server has, may not know all of its kinds yet. */
static bool kind_is_gone(struct prune *p, const struct kind *k)
{
	struct kinds *ks = &p->channel->engine->kinds;

	if (k->missed && ks->refreshed > p->began &&
	    ks->refreshed - k->missed >= MISSED_MS)
		return true;
	kinds_refresh(ks);
	return false;
}

static bool is_gone(struct del *d, const struct kube_status *s)
{
	return s->why == KUBE_NOT_FOUND ||
	       (s->why == KUBE_NO_RESOURCE &&
		kind_is_gone(d->prune, d->t->kind));
}

static void refused(struct del *d, const struct kube_status *s)
{
	struct tracked *t = d->t;

	if (s->why == KUBE_NO_ANSWER || s->why == KUBE_BUSY ||
	    s->why == KUBE_STALE || s->why == KUBE_NO_RESOURCE) {
		later(d->prune, t, 100, BLOCKED_MAX_MS);
		del_free(d, s);
		return;
	}
	fail(d, s, verdict_reason(s), s->message);
}

/* ---- the delete ---- */

/* A Status says that it is gone already; else the object comes back, with
 * what still holds it. */
static bool is_gone_already(const struct kube_answer *a)
{
	struct arena scratch = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *answer;
	const char *kind = NULL;
	bool gone;

	if (kube_answer_object(a, &scratch, &answer, &err) == 0)
		kind = node_text(node_get(answer, "kind"));
	gone = kind && !strcmp(kind, "Status");
	arena_release(&scratch);
	return gone;
}

static void on_deleted(void *arg, const struct kube_answer *a)
{
	struct del *d = arg;
	struct tracked *t = d->t;

	d->call = NULL;
	if (is_gone(d, a->status)) {
		finish_gone(d, a->status);
		return;
	}
	/* it was wanted again while the DELETE ran: it is made again */
	if (!is_left(t)) {
		drop(d, a->status);
		return;
	}
	if (a->err) {
		refused(d, a->status);
		return;
	}
	t->flags |= TRACKED_DELETED;
	if (d->gone || is_gone_already(a)) {
		finish_gone(d, a->status);
		return;
	}
	/* a watch will tell that it is gone; if none does, we ask */
	t->tries = 0;
	tracked_clear_note(t);
	later(d->prune, t, GONE_MIN_MS, GONE_MAX_MS);
	del_free(d, a->status);
}

static void send(struct del *d, struct kube_request *r)
{
	const struct tracked *t = d->t;
	struct err err = ERR_INIT;

	r->target = (struct kube_target){
		.group = t->kind->group, .version = t->kind->version,
		.plural = t->kind->plural, .namespace = t->namespace,
		.name = t->name,
	};
	r->arg = d;
	if (kube_send(d->prune->channel->engine->kube, r, &d->call, &err) < 0)
		fail(d, NULL, "RequestFailed", err.msg);
}

static void send_delete(struct del *d)
{
	struct buf body = BUF_INIT(1000);
	struct kube_request r = {
		.method = "DELETE", .account = d->prune->channel->account,
		.on_done = on_deleted,
	};

	d->gone = false;
	/* the uid is the API server's own: hex and dashes */
	buf_addf(&body, "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\","
		 "\"propagationPolicy\":\"Background\","
		 "\"preconditions\":{\"uid\":\"%s\"}}", d->uid);
	r.body = body.data;
	r.body_len = body.len;
	send(d, &r);
	buf_release(&body);
}

/* ---- may it go? ---- */

static void on_looked(void *arg, const struct err *err,
		      const struct strvec *foreign, size_t n)
{
	struct del *d = arg;
	struct buf names = BUF_INIT(64 * 1024);

	d->look = NULL;
	if (is_void(d)) {
		drop(d, NULL);
		return;
	}
	if (err) {
		fail(d, NULL, "PruneBlocked", err->msg);
		return;
	}
	if (!n) {
		/* it took a while: is it still the same object? */
		d->looked = true;
		look_at(d);
		return;
	}
	for (size_t i = 0; i < foreign->n; i++)
		buf_addf(&names, "%s%s", i ? ", " : "", foreign->v[i]);
	if (n > foreign->n)
		buf_addf(&names, " and %zu more", n - foreign->n);
	buf_addf(&names, "; they are not this channel's (annotate the object "
		 "with " WISH_PRUNE ": cascade to delete them too)");
	fail(d, NULL, "PruneBlocked", names.data);
	buf_release(&names);
}

/* ---- or may it stay? ---- */

static void say_released(struct del *d)
{
	struct channel *c = d->prune->channel;
	struct buf what = BUF_INIT(4096);

	tracked_describe(d->t, &what);
	if (*d->heir) {
		log_info("object-handed-over", LOG_S("channel", c->name),
			 LOG_S("object", what.data), LOG_S("to", d->heir));
		event_post(c, EVENT_NORMAL, "HandedOver", "%s belongs to "
			   "channel '%s' now", what.data, d->heir);
	} else {
		log_info("object-released", LOG_S("channel", c->name),
			 LOG_S("object", what.data));
		event_post(c, EVENT_NORMAL, "Released", "%s stays (" WISH_PRUNE
			   "), and is nobody's", what.data);
	}
	buf_release(&what);
}

static void on_released(void *arg, const struct kube_answer *a)
{
	struct del *d = arg;
	struct tracked *t = tracked_hold(d->t), *theirs;
	struct channel *c = d->prune->channel, *heir;

	d->call = NULL;
	if (a->err) {
		refused(d, a->status);
	} else {
		say_released(d);
		del_free(d, a->status);
		heir = release_heir(c, t, &theirs);
		if (is_left(t))
			leave_inventory(c, t);
		writer_wake(&c->prune->writer);
		/* it was refused while it was ours */
		if (heir)
			apply_object(heir, theirs, APPLY_RETRY);
	}
	tracked_put(t);
}

/* True if it is let go instead of deleted. */
static bool release(struct del *d, const struct node *object)
{
	struct channel *c = d->prune->channel;
	struct tracked *theirs;
	struct channel *heir = release_heir(c, d->t, &theirs);
	struct arena scratch = ARENA_INIT;
	struct buf body = BUF_INIT(LIMIT_KUBE_OBJECT_BYTES);
	struct buf query = BUF_INIT(1000);
	struct kube_request r = {
		.method = "PATCH", .content_type = KUBE_JSON_PATCH,
		.as = KUBE_AS_METADATA, .account = c->account,
		.on_done = on_released,
	};
	struct node *patch;

	if (!heir && wish_prune(object) != WISH_PRUNE_NEVER)
		return false;
	snprintf(d->heir, sizeof(d->heir), "%s", heir ? heir->name : "");
	patch = release_patch(c, heir, object, &scratch);
	if (patch) {
		json_write_compact(patch, &body);
		kube_query(&query, "fieldManager", c->manager);
		r.body = body.data;
		r.body_len = body.len;
		r.query = query.data;
		send(d, &r);
	} else {
		fail(d, NULL, "BadAnswer", "the object has no version");
	}
	buf_release(&query);
	buf_release(&body);
	arena_release(&scratch);
	return true;
}

static bool holds_others(const struct tracked *t)
{
	return kind_is(t->kind, "", "Namespace") || kind_is_crd(t->kind);
}

/* It was deleted, by us or somebody else, and is not gone yet. */
static void hangs(struct del *d, const struct kube_status *s,
		  const struct node *object)
{
	struct prune *p = d->prune;
	struct buf names = BUF_INIT(2000);

	prune_finalizers(object, &names);
	d->t->flags |= TRACKED_DELETED;
	/* most finalizers are done sooner than it is worth telling */
	if (names.len && d->t->tries >= HANGS_TRIES)
		tracked_note(d->t, "Terminating", "it is being deleted, and "
			     "waits for its finalizers: %s", names.data);
	later(p, d->t, GONE_MIN_MS, GONE_MAX_MS);
	channel_object_changed(p->channel, d->t);
	del_free(d, s);
	buf_release(&names);
}

static void judge(struct del *d, const struct kube_status *s,
		  const struct node *object)
{
	struct channel *c = d->prune->channel;
	const char *uid = node_path_str(object, "metadata", "uid", NULL);
	const char *label = node_path_str(object, "metadata", "labels",
					  APPLYSET_PART_OF, NULL);

	if (!uid || strlen(uid) >= sizeof(d->uid) ||
	    strspn(uid, "0123456789abcdefABCDEF-") != strlen(uid)) {
		fail(d, s, "BadAnswer", "the object has no uid");
		return;
	}
	if (node_path_str(object, "metadata", "deletionTimestamp", NULL)) {
		hangs(d, s, object);
		return;
	}
	if (!label || strcmp(label, c->applyset)) {
		skip(d, s, "it does not carry this channel's label any more");
		return;
	}
	if (!managed_entry(object, c->manager)) {
		skip(d, s, "no field of it was applied by this channel");
		return;
	}
	if (release(d, object))
		return;
	snprintf(d->uid, sizeof(d->uid), "%s", uid);
	if (holds_others(d->t) && !d->looked &&
	    wish_prune(object) != WISH_PRUNE_CASCADE) {
		d->look = look_into(c, d->t, on_looked, d);
		return;
	}
	send_delete(d);
}

static void on_read(void *arg, const struct kube_answer *a)
{
	struct del *d = arg;
	struct arena scratch = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *object;

	d->call = NULL;
	if (is_void(d))
		drop(d, a->status);
	else if (is_gone(d, a->status))
		finish_gone(d, a->status);
	else if (a->err)
		refused(d, a->status);
	else if (kube_answer_object(a, &scratch, &object, &err) < 0)
		fail(d, a->status, "BadAnswer", err.msg);
	else
		judge(d, a->status, object);
	arena_release(&scratch);
}

static void look_at(struct del *d)
{
	struct kube_request r = {
		.method = "GET", .as = KUBE_AS_METADATA,
		.account = d->prune->channel->account, .on_done = on_read,
	};

	send(d, &r);
}

/* ---- whose turn it is ---- */

static bool stays_for_another(const struct tracked *t)
{
	return t->note && !strcmp(t->note->reason, AWAITED);
}

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
		if (is_left(p->v[i]) &&
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

static void start(struct prune *p, struct tracked *t)
{
	struct del *d = xcalloc(1, sizeof(*d));

	d->prune = p;
	d->t = tracked_hold(t);
	d->began = loop_now(p->channel->engine->loop);
	d->next = p->running;
	if (d->next)
		d->next->prev = d;
	p->running = d;
	t->busy = true;
	writes_begin(&p->writer);
	look_at(d);
}

static void kind_is_unknown(struct prune *p, struct tracked *t)
{
	if (kind_is_gone(p, t->kind))
		gone(p->channel, t);
	else
		later(p, t, BLOCKED_MIN_MS, BLOCKED_MAX_MS);
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
	later(p, t, BLOCKED_MIN_MS, BLOCKED_MAX_MS);
	channel_object_changed(c, t);
	return true;
}

static bool may_start(struct prune *p, struct tracked *t)
{
	int64_t now = loop_now(p->channel->engine->loop);
	const struct tracked *by;
	struct tracked *theirs;
	struct buf what = BUF_INIT(4096);

	if (!is_left(t) || t->busy || t->retry_at > now)
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
	tracked_note(t, "PruneBlocked", "it stays while %s cannot be applied",
		     what.data);
	later(p, t, BLOCKED_MIN_MS, BLOCKED_MAX_MS);
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
				start(p, t);
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

void prune_new(struct channel *c)
{
	struct prune *p = xcalloc(1, sizeof(*p));

	p->channel = c;
	c->prune = p;
	writer_init(&p->writer, c->engine->writes, next, p);
	timer_init(&p->retry, c->engine->loop, on_retry, p);
}

void prune_free(struct channel *c)
{
	struct prune *p = c->prune;

	if (!p)
		return;
	while (p->running)
		del_free(p->running, NULL);
	forget_all(p);
	timer_stop(&p->retry);
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

bool prune_blocked(const struct channel *c, struct buf *out)
{
	const struct prune *p = c->prune;
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct tracked *t = p->v[i];

		if (!is_left(t) || !t->note)
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
