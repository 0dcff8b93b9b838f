/*
 * One object that is to go. See prune.h and prune-private.h. It trusts nothing
 * that is remembered: the object is read again before its DELETE, which bears
 * its uid, and what does not carry our label and our entry is left alone.
 */
#include "config.h"
#include "engine/prune-private.h"

#include <stdlib.h>
#include <string.h>

#include "engine/apply.h"
#include "engine/managed.h"
#include "engine/prune-look.h"
#include "engine/prune-order.h"
#include "engine/release.h"
#include "engine/verdict.h"
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

/* One object on its way. */
struct deletion {
	struct deletion *prev, *next;
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

static void look_at(struct deletion *d);

/* ---- the end ---- */

void deletion_end(struct deletion *d, const struct kube_status *s)
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

void deletion_told_gone(struct prune *p, const struct tracked *t)
{
	/* its own answer says more, but will not say this again */
	for (struct deletion *d = p->running; d; d = d->next)
		if (d->t == t)
			d->gone = true;
}

static void finish_gone(struct deletion *d, const struct kube_status *s)
{
	struct tracked *t = tracked_hold(d->t);
	struct channel *c = d->prune->channel;

	deletion_end(d, s);
	if (prune_is_left(t))
		prune_finished(c, t);
	tracked_put(t);
}

/* Not ours to delete: left as it is, and no longer tracked. */
static void skip(struct deletion *d, const struct kube_status *s,
		 const char *why)
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
	deletion_end(d, s);
	prune_leave(c, t);
	writer_wake(&c->prune->writer);
	tracked_put(t);
}

static void fail(struct deletion *d, const struct kube_status *s,
		 const char *reason, const char *message)
{
	struct prune *p = d->prune;
	struct channel *c = p->channel;
	struct tracked *t = d->t;

	if (prune_is_left(t)) {
		tracked_note(t, reason, "%s", message);
		prune_later(p, t, PRUNE_BLOCKED_MIN_MS, PRUNE_BLOCKED_MAX_MS);
	}
	channel_object_changed(c, t);
	deletion_end(d, s);
}

/* A newer bundle wants it again, or nothing may be pruned just now. */
static bool is_void(const struct deletion *d)
{
	return !prune_is_left(d->t) || !channel_may_prune(d->prune->channel);
}

static void drop(struct deletion *d, const struct kube_status *s)
{
	channel_object_changed(d->prune->channel, d->t);
	deletion_end(d, s);
}

static bool is_gone(struct deletion *d, const struct kube_status *s)
{
	return s->why == KUBE_NOT_FOUND ||
	       (s->why == KUBE_NO_RESOURCE &&
		prune_kind_is_gone(d->prune, d->t->kind));
}

static void refused(struct deletion *d, const struct kube_status *s)
{
	struct tracked *t = d->t;

	if (s->why == KUBE_NO_ANSWER || s->why == KUBE_BUSY ||
	    s->why == KUBE_STALE || s->why == KUBE_NO_RESOURCE) {
		prune_later(d->prune, t, 100, PRUNE_BLOCKED_MAX_MS);
		deletion_end(d, s);
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
	struct deletion *d = arg;
	struct tracked *t = d->t;

	d->call = NULL;
	if (is_gone(d, a->status)) {
		finish_gone(d, a->status);
		return;
	}
	/* it was wanted again while the DELETE ran: it is made again */
	if (!prune_is_left(t)) {
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
	prune_later(d->prune, t, GONE_MIN_MS, GONE_MAX_MS);
	deletion_end(d, a->status);
}

static void send(struct deletion *d, struct kube_request *r)
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

static void send_delete(struct deletion *d)
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
	struct deletion *d = arg;
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

static void say_released(struct deletion *d)
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
	struct deletion *d = arg;
	struct tracked *t = tracked_hold(d->t), *theirs;
	struct channel *c = d->prune->channel, *heir;

	d->call = NULL;
	if (a->err) {
		refused(d, a->status);
	} else {
		say_released(d);
		deletion_end(d, a->status);
		heir = release_heir(c, t, &theirs);
		if (prune_is_left(t))
			prune_leave(c, t);
		writer_wake(&c->prune->writer);
		/* it was refused while it was ours */
		if (heir)
			apply_object(heir, theirs, APPLY_RETRY);
	}
	tracked_put(t);
}

/* True if it is let go instead of deleted. */
static bool release(struct deletion *d, const struct node *object)
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
		fail(d, NULL, "BadAnswer", "the object has no version, or "
		     "managedFields that cannot be sent back");
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
static void hangs(struct deletion *d, const struct kube_status *s,
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
	prune_later(p, d->t, GONE_MIN_MS, GONE_MAX_MS);
	channel_object_changed(p->channel, d->t);
	deletion_end(d, s);
	buf_release(&names);
}

static void judge(struct deletion *d, const struct kube_status *s,
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
	struct deletion *d = arg;
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

static void look_at(struct deletion *d)
{
	struct kube_request r = {
		.method = "GET", .as = KUBE_AS_METADATA,
		.account = d->prune->channel->account, .on_done = on_read,
	};

	send(d, &r);
}

void deletion_start(struct prune *p, struct tracked *t)
{
	struct deletion *d = xcalloc(1, sizeof(*d));

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
