/*
 * One write. See apply-one.h. The body's digest was checked by whoever read
 * it; what is sent are exactly those bytes. Answers of the API server are
 * believed, and kept no longer than it takes to note a baseline.
 */
#include "config.h"
#include "engine/apply-one.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "engine/adopt.h"
#include "engine/compare.h"
#include "engine/managed.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/limits.h"

/* tries to change managedFields while others write the object */
#define TAKES_MAX 4

static void send_apply(struct op *op);
static void send_look(struct op *op);

/* ---- ends ---- */

static void leave_place(struct op *op, const struct kube_status *s)
{
	struct channel *c = op->channel;

	if (!op->holds_place)
		return;
	op->holds_place = false;
	op_leaves(c, s, loop_now(c->engine->loop) - op->began);
}

static void fail(struct op *op, const struct kube_status *s,
		 enum verdict verdict, const char *reason,
		 const char *message)
{
	struct outcome o = {
		.verdict = verdict, .status = s ? s->code : 0,
		.reason = reason, .message = message,
	};

	leave_place(op, s);
	op_done(op, &o);
}

static void fail_err(struct op *op, const struct err *err, const char *reason)
{
	fail(op, NULL, err->class == ERR_TRANSIENT ? VERDICT_LATER :
	     VERDICT_FAILED, reason, err->msg);
}

static void refuse(struct op *op, const struct kube_status *s)
{
	struct channel *c = op->channel;
	struct verdict_context ctx = {
		.kind = op->t->kind,
		.now = loop_now(c->engine->loop),
		.roles_changed = c->engine->roles_changed,
		.tries = op->t->tries,
	};

	fail(op, s, verdict_of(s, &ctx), verdict_reason(s), s->message);
}

static void succeed(struct op *op, const struct kube_status *s)
{
	struct outcome o = { .ok = true, .status = s->code };

	leave_place(op, s);
	op_done(op, &o);
}

/* ---- requests ---- */

static struct kube_target target_of(const struct op *op)
{
	const struct tracked *t = op->t;

	return (struct kube_target){
		.group = t->kind->group, .version = op->version,
		.plural = t->kind->plural, .namespace = t->namespace,
		.name = t->name,
	};
}

/* It began when the channel might write, and a body or an answer took its
 * time: it waits until that is so again, or is dropped with the channel. */
static void put_off(struct op *op)
{
	fail(op, NULL, VERDICT_AGAIN, "NotNow", "the channel may not write");
}

static void send(struct op *op, struct kube_request *r)
{
	struct err err = ERR_INIT;

	if (!channel_may_write(op->channel)) {
		put_off(op);
		return;
	}

	r->target = target_of(op);
	r->arg = op;
	op->began = loop_now(op->channel->engine->loop);
	if (kube_send(op->channel->engine->kube, r, &op->call, &err) < 0)
		fail_err(op, &err, "RequestFailed");
}

/* ---- managedFields of others ---- */

static bool channel_exists(void *arg, const char *name)
{
	return controller_has(arg, name);
}

static struct adopter adopter_of(const struct op *op)
{
	return (struct adopter){
		.manager = op->channel->manager,
		.channel_exists = channel_exists,
		.arg = op->channel->engine,
	};
}

static void send_patch(struct op *op, const struct node *patch,
		       void (*on_done)(void *arg, const struct kube_answer *a))
{
	struct buf body = BUF_INIT(2 * LIMIT_OBJECT_BYTES);
	struct buf query = BUF_INIT(1000);
	struct kube_request r = {
		.method = "PATCH", .content_type = KUBE_JSON_PATCH,
		.as = KUBE_AS_METADATA, .account = op->channel->account,
		.on_done = on_done,
	};

	json_write_compact(patch, &body);
	kube_query(&query, "fieldManager", op->channel->manager);
	r.body = body.data;
	r.body_len = body.len;
	r.query = query.data;
	send(op, &r);
	buf_release(&query);
	buf_release(&body);
}

/* It is ours now, or somebody wrote it in between: look again. */
static void on_taken(void *arg, const struct kube_answer *a)
{
	struct op *op = arg;

	op->call = NULL;
	if (!a->err) {
		log_info("object-adopted",
			 LOG_S("channel", op->channel->name),
			 LOG_S("kind", op->t->kind->name),
			 LOG_S("namespace", op->t->namespace),
			 LOG_S("name", op->t->name));
		op->force = true;
		send_apply(op);
	} else if (op->takes < TAKES_MAX &&
		   (a->status->why == KUBE_STALE ||
		    a->status->why == KUBE_NOT_FOUND ||
		    a->status->why == KUBE_INVALID)) {
		send_look(op);
	} else {
		refuse(op, a->status);
	}
}

/* An object that other managers have: whose is it? */
static void judge_owner(struct op *op, const struct kube_status *s,
			const struct node *object)
{
	struct adopter a = adopter_of(op);
	const char *rival = adopt_rival(&a, object);
	struct node *patch;
	char *message;

	if (rival) {
		message = xasprintf("it belongs to channel '%s'; channel '%s' "
				    "does not take it: let one of the two "
				    "bundles drop it", rival,
				    op->channel->name);
		fail(op, s, VERDICT_FAILED, OTHER_CHANNEL, message);
		free(message);
		return;
	}
	op->takes++;
	patch = adopt_take_over(&a, object, &op->arena);
	if (patch) {
		send_patch(op, patch, on_taken);
		return;
	}
	op->force = true;
	send_apply(op);
}

static void on_look(void *arg, const struct kube_answer *a)
{
	struct op *op = arg;
	struct err err = ERR_INIT;
	struct node *object;

	op->call = NULL;
	if (a->status->why == KUBE_NOT_FOUND)
		send_apply(op);
	else if (a->err)
		refuse(op, a->status);
	else if (kube_answer_object(a, &op->arena, &object, &err) < 0)
		fail_err(op, &err, "BadAnswer");
	else
		judge_owner(op, a->status, object);
}

static void send_look(struct op *op)
{
	struct kube_request r = {
		.method = "GET", .as = KUBE_AS_METADATA,
		.account = op->channel->account, .on_done = on_look,
	};

	send(op, &r);
}

/* ---- the apply ---- */

/* The leftovers are without our fields, or were written in between: then
 * the next apply finds them again. */
static void on_disowned(void *arg, const struct kube_answer *a)
{
	struct op *op = arg;
	struct err err = ERR_INIT;
	struct node *object;

	op->call = NULL;
	if (!a->err && kube_answer_object(a, &op->arena, &object, &err) == 0) {
		op->answer = object;
		op->full = false;
	}
	succeed(op, a->status);
}

/* True if the write goes on with a patch. */
static bool tidy(struct op *op)
{
	struct adopter a = adopter_of(op);
	struct node *patch;

	/* nobody objected, yet it was there before us */
	if (!op->force && !op->created) {
		patch = adopt_take_over(&a, op->answer, &op->arena);
		if (patch && op->takes++ < TAKES_MAX) {
			send_patch(op, patch, on_taken);
			return true;
		}
	}
	patch = adopt_disown(&a, op->answer, &op->arena);
	if (patch)
		send_patch(op, patch, on_disowned);
	return patch != NULL;
}

static void on_applied(void *arg, const struct kube_answer *a)
{
	struct op *op = arg;
	struct err err = ERR_INIT;

	op->call = NULL;
	if (a->status->why == KUBE_CONFLICT && !op->force) {
		send_look(op);
		return;
	}
	if (a->err) {
		refuse(op, a->status);
		return;
	}
	op->created = op->created || a->code == 201;
	if (kube_answer_object(a, &op->arena, &op->answer, &err) < 0) {
		fail_err(op, &err, "BadAnswer");
		return;
	}
	if (!tidy(op))
		succeed(op, a->status);
}

static void send_apply(struct op *op)
{
	struct buf query = BUF_INIT(1000);
	struct kube_request r = {
		.method = "PATCH", .content_type = KUBE_APPLY,
		.as = op->full ? KUBE_AS_IS : KUBE_AS_METADATA,
		.body = op->body, .body_len = op->len, .body_keep = true,
		.account = op->channel->account, .on_done = on_applied,
	};

	kube_query(&query, "fieldManager", op->channel->manager);
	if (op->force)
		kube_query(&query, "force", "true");
	kube_query(&query, "fieldValidation", "Strict");
	r.query = query.data;
	send(op, &r);
	buf_release(&query);
}

/* ---- the body ---- */

static int read_body(struct op *op, struct err *err)
{
	struct node *root;
	struct object_id id;
	const struct tracked *t = op->t;

	if (json_read(op->body, op->len, &op->arena, &root, err) < 0 ||
	    object_id_of(root, &op->arena, &id, err) < 0)
		return -1;
	/* the path said who may have it: the body must be of the same */
	if (strcmp(id.group, t->kind->group) ||
	    strcmp(id.kind, t->kind->name) ||
	    strcmp(id.namespace, t->namespace) || strcmp(id.name, t->name))
		return err_set(err, ERR_DENIED, "the body in the bundle is of "
			       "another object than its path says");
	if (t->kind->namespaced != (*t->namespace != '\0'))
		return err_set(err, ERR_INVALID, t->kind->namespaced ?
			       "kind '%s' is namespaced, but the bundle has "
			       "it without a namespace" :
			       "kind '%s' is not namespaced, but the bundle "
			       "has it in a namespace", t->kind->name);
	op->desired = root;
	op->version = id.version;
	return 0;
}

static void on_body(void *arg, const char *json, size_t len,
		    const struct err *failed)
{
	struct op *op = arg;
	struct err err = ERR_INIT;

	op->reading = false;
	if (!op->channel) {
		op_free(op);
		return;
	}
	if (failed) {
		fail_err(op, failed, "BodyNotAtHand");
		return;
	}
	op->body = xmemdup(json, len);
	op->len = len;
	if (read_body(op, &err) < 0)
		fail_err(op, &err, "InvalidObject");
	else
		send_apply(op);
}

static void take_place(struct op *op)
{
	op_enters(op->channel);
	op->holds_place = true;
	op->began = loop_now(op->channel->engine->loop);
}

struct op *op_new(struct channel *c, struct tracked *t, enum apply_why why)
{
	struct op *op = xcalloc(1, sizeof(*op));

	op->channel = c;
	op->t = tracked_hold(t);
	op->why = why;
	op->content = t->content;
	op->full = tracked_is(t, TRACKED_CHANGED) || kind_is_crd(t->kind);
	op->force = !tracked_is(t, TRACKED_NEW);
	op->reading = true;
	take_place(op);
	channel_read_body(c, t, on_body, op);
	return op;
}

void op_again(struct op *op)
{
	take_place(op);
	send_apply(op);
}

void op_free(struct op *op)
{
	if (!op)
		return;
	kube_cancel(op->call);
	op->call = NULL;
	if (op->holds_place)
		leave_place(op, NULL);
	/* its body still comes: on_body frees it */
	if (op->reading) {
		op->channel = NULL;
		return;
	}
	tracked_put(op->t);
	arena_release(&op->arena);
	if (op->body)
		sodium_memzero(op->body, op->len);
	free(op->body);
	free(op);
}
