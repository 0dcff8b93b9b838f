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
#include "engine/discovery.h"
#include "engine/managed.h"
#include "engine/mend.h"
#include "engine/recreate.h"
#include "engine/release.h"
#include "engine/share.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "schema/wishes.h"

/* tries to change managedFields while others write the object */
#define TAKES_MAX 4
/* of giving up fields: a controller's writes of status come in between, a
 * handful in a row where it is busy with our change */
#define TIDIES_MAX 20

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

void op_fail(struct op *op, const struct kube_status *s,
	     enum verdict verdict, const char *reason, const char *message)
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
	op_fail(op, NULL, err->class == ERR_TRANSIENT ? VERDICT_LATER :
		VERDICT_FAILED, reason, err->msg);
}

/* An object that is there cannot be made so, but another one can. */
static bool recreates(struct op *op, const struct kube_status *s)
{
	char *message;

	if (op->created || op->remade || !recreate_would_help(s))
		return false;
	if (wish_recreate(op->desired)) {
		recreate_begin(op, s);
		return true;
	}
	message = xasprintf("%s (this cannot be changed in place; to have it "
			    "deleted and made again, annotate it with "
			    WISH_RECREATE ": \"true\")", s->message);
	op_fail(op, s, VERDICT_FAILED, verdict_reason(s), message);
	free(message);
	return true;
}

void op_refuse(struct op *op, const struct kube_status *s)
{
	struct channel *c = op->channel;
	struct verdict_context ctx = {
		.kind = op->t->kind,
		.now = loop_now(c->engine->loop),
		.roles_changed = c->engine->roles_changed,
		.tries = op->t->tries,
	};

	/* what was live before can be so again, but for what somebody made
	 * of it since */
	if (s->code == 422 && !op->mended && !op->created && op->wanted &&
	    !tracked_is(op->t, TRACKED_NEW | TRACKED_CHANGED) &&
	    !recreate_would_help(s))
		mend_begin(op);
	else if (!recreates(op, s))
		op_fail(op, s, verdict_of(s, &ctx), verdict_reason(s),
			s->message);
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
	op_fail(op, NULL, VERDICT_AGAIN, "NotNow", "the channel may not write");
}

void op_send(struct op *op, struct kube_request *r)
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

/* Somebody wrote or deleted it between a look and a patch. */
static bool may_look_again(const struct kube_status *s)
{
	return s->why == KUBE_STALE || s->why == KUBE_NOT_FOUND ||
	       s->why == KUBE_INVALID;
}

/* ---- managedFields of others ---- */

/* What a channel has that is gone, or does not name the object any more, may
 * be taken. */
static bool has_it(void *arg, const char *name)
{
	const struct op *op = arg;
	struct channel *other = controller_get(op->channel->engine, name);

	return other && !release_was_dropped(other, op->t);
}

static struct adopter adopter_of(const struct op *op)
{
	return (struct adopter){
		.manager = op->channel->manager,
		.channel_exists = has_it,
		.arg = (void *)op,
	};
}

void op_patch(struct op *op, const struct node *patch,
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
	op_send(op, &r);
	buf_release(&query);
	buf_release(&body);
}

/* ---- fields that belong to others ---- */

static void wipe(char *body, size_t len)
{
	if (body)
		sodium_memzero(body, len);
	free(body);
}

/* The body without them, and only for the object that was looked at: made
 * anew it would lack what only the whole body has. */
static int reduce(struct op *op, const struct node *object, struct err *err)
{
	const char *uid = node_path_str(object, "metadata", "uid", NULL);
	struct node *body = node_copy(&op->arena, wish_reduced(op->desired,
							       &op->arena));
	struct buf text = BUF_INIT(LIMIT_OBJECT_BYTES);

	if (!uid)
		return err_set(err, ERR_INTERNAL, "the object has no uid");
	op->wanted = node_copy(&op->arena, body);
	node_set(&op->arena, node_get(body, "metadata"), "uid",
		 node_str(&op->arena, uid));
	json_write_canonical(body, &text);
	if (buf_check(&text, "the body", err) < 0) {
		buf_wipe(&text);
		return -1;
	}
	wipe(op->rest, op->rest_len);
	op->rest = buf_detach(&text, &op->rest_len);
	op->reduced = true;
	return 0;
}

static void share(struct op *op, const struct node *object);

static void on_shared(void *arg, const struct kube_answer *a)
{
	struct op *op = arg;
	struct err err = ERR_INIT;
	struct node *object;

	op->call = NULL;
	if (!a->err && kube_answer_object(a, &op->arena, &object, &err) == 0)
		share(op, object);
	else if (op->takes < TAKES_MAX && may_look_again(a->status))
		send_look(op);
	else
		op_refuse(op, a->status);
}

static void share(struct op *op, const struct node *object)
{
	struct err err = ERR_INIT;
	struct node *patch;

	if (share_disown(op->desired, object, op->channel->manager,
			 &op->arena, &patch, &err) < 0) {
		fail_err(op, &err, "IgnoredPart");
	} else if (patch && op->takes++ == TAKES_MAX) {
		op_fail(op, NULL, VERDICT_LATER, "Contended",
			"others write it all the time");
	} else if (patch) {
		op_patch(op, patch, on_shared);
	} else if (reduce(op, object, &err) < 0) {
		fail_err(op, &err, "BadAnswer");
	} else {
		send_apply(op);
	}
}

/* It is as it was looked at, and nobody else's. */
static void go_on(struct op *op, const struct node *object)
{
	if (op->ignores)
		share(op, object);
	else
		send_apply(op);
}

/* It is ours now, or somebody wrote it in between: look again. */
static void on_taken(void *arg, const struct kube_answer *a)
{
	struct op *op = arg;
	struct err err = ERR_INIT;
	struct node *object;

	op->call = NULL;
	if (!a->err && kube_answer_object(a, &op->arena, &object, &err) == 0) {
		log_info("object-adopted",
			 LOG_S("channel", op->channel->name),
			 LOG_S("kind", op->t->kind->name),
			 LOG_S("namespace", op->t->namespace),
			 LOG_S("name", op->t->name));
		release_done(op->channel, op->t);
		op->force = true;
		go_on(op, object);
	} else if (op->takes < TAKES_MAX && may_look_again(a->status)) {
		send_look(op);
	} else {
		op_refuse(op, a->status);
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
		op_fail(op, s, VERDICT_FAILED, OTHER_CHANNEL, message);
		free(message);
		return;
	}
	op->takes++;
	patch = adopt_take_over(&a, object, &op->arena);
	if (patch) {
		op_patch(op, patch, on_taken);
		return;
	}
	op->force = true;
	go_on(op, object);
}

static void on_look(void *arg, const struct kube_answer *a)
{
	struct op *op = arg;
	struct err err = ERR_INIT;
	struct node *object;

	op->call = NULL;
	op->reduced = false;
	op->wanted = op->desired;
	if (a->status->why == KUBE_NOT_FOUND)
		send_apply(op);
	else if (a->err)
		op_refuse(op, a->status);
	else if (kube_answer_object(a, &op->arena, &object, &err) < 0)
		fail_err(op, &err, "BadAnswer");
	else if (op->force)
		go_on(op, object);
	else
		judge_owner(op, a->status, object);
}

static void send_look(struct op *op)
{
	struct kube_request r = {
		.method = "GET", .as = KUBE_AS_METADATA,
		.account = op->channel->account, .on_done = on_look,
	};

	op_send(op, &r);
}

/* ---- the apply ---- */

static bool tidy(struct op *op);
static void on_disowned(void *arg, const struct kube_answer *a);

static void read_again(struct op *op)
{
	struct kube_request r = {
		.method = "GET", .as = KUBE_AS_METADATA,
		.account = op->channel->account, .on_done = on_disowned,
	};

	op_send(op, &r);
}

/* The leftovers are without our fields; or it was written in between, by its
 * controller mostly: once more, from what it is now. */
static void on_disowned(void *arg, const struct kube_answer *a)
{
	struct op *op = arg;
	struct err err = ERR_INIT;
	struct node *object;

	op->call = NULL;
	if (a->err && op->tidies++ < TIDIES_MAX && may_look_again(a->status) &&
	    a->status->why != KUBE_NOT_FOUND) {
		read_again(op);
		return;
	}
	if (!a->err && kube_answer_object(a, &op->arena, &object, &err) == 0) {
		op->answer = object;
		op->full = false;
		if (op->tidies < TIDIES_MAX && tidy(op))
			return;
	}
	succeed(op, a->status);
}

/* True if the write goes on with a patch. */
static bool tidy(struct op *op)
{
	struct adopter a = adopter_of(op);
	struct err err = ERR_INIT;
	struct node *patch;

	/* nobody objected, yet it was there before us */
	if (!op->force && !op->created) {
		patch = adopt_take_over(&a, op->answer, &op->arena);
		if (patch && op->takes++ < TAKES_MAX) {
			op_patch(op, patch, on_taken);
			return true;
		}
	}
	patch = adopt_disown(&a, op->answer, &op->arena);
	/* it is there now: others may have what is theirs */
	if (!patch && op->ignores &&
	    share_disown(op->desired, op->answer, a.manager, &op->arena,
			 &patch, &err) < 0) {
		fail_err(op, &err, "IgnoredPart");
		return true;
	}
	if (!patch)
		return false;
	op->tidies++;
	op_patch(op, patch, on_disowned);
	return true;
}

/* Deleted, or made anew, since it was looked at. */
static bool was_replaced(const struct kube_answer *a)
{
	if (a->status->why == KUBE_STALE)
		return true;
	for (size_t i = 0; i < a->status->n_causes; i++)
		if (!strcmp(a->status->causes[i].field, "metadata.uid"))
			return true;
	return false;
}

static void on_applied(void *arg, const struct kube_answer *a)
{
	struct op *op = arg;
	struct err err = ERR_INIT;

	op->call = NULL;
	if ((a->status->why == KUBE_CONFLICT && !op->force) ||
	    (op->reduced && op->takes++ < TAKES_MAX && was_replaced(a))) {
		send_look(op);
		return;
	}
	if (a->err) {
		op_refuse(op, a->status);
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
		.body = op->reduced ? op->rest : op->body,
		.body_len = op->reduced ? op->rest_len : op->len,
		.body_keep = true,
		.account = op->channel->account, .on_done = on_applied,
	};

	kube_query(&query, "fieldManager", op->channel->manager);
	if (op->force)
		kube_query(&query, "force", "true");
	kube_query(&query, "fieldValidation", "Strict");
	r.query = query.data;
	op_send(op, &r);
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
	op->desired = op->wanted = root;
	op->version = arena_strdup(&op->arena, id.version);
	op->ignores = wish_ignores(root);
	return 0;
}

/* Nobody knows where it lives: not in the API server, or the server behind it
 * that has the group does not answer. */
static void fail_unknown(struct op *op)
{
	const struct kind *k = op->t->kind;
	struct kinds *ks = &op->channel->engine->kinds;
	bool stale = discovery_group_stale(ks->discovery, k->group);
	char *message = stale ?
		xasprintf("the server behind the API server that has group "
			  "'%s' does not answer", k->group) :
		xasprintf("the API server has no kind '%s' of group '%s': is "
			  "its CustomResourceDefinition there?", k->name,
			  k->group);

	op_fail(op, NULL, VERDICT_NO_KIND, KIND_NOT_SERVED, message);
	free(message);
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
		repair_named(op->channel, op->t, NULL);
		fail_err(op, failed, "BodyNotAtHand");
		return;
	}
	if (!op->t->kind->resolved) {
		fail_unknown(op);
		return;
	}
	op->body = xmemdup(json, len);
	op->len = len;
	if (read_body(op, &err) < 0) {
		fail_err(op, &err, "InvalidObject");
		return;
	}
	repair_named(op->channel, op->t, wish_reduced(op->desired,
						      &op->arena));
	op_apply(op);
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
	/* after a repair the values tell whether it was one */
	op->full = tracked_is(t, TRACKED_CHANGED) || kind_is_crd(t->kind) ||
		   why == APPLY_DRIFT;
	op->force = !tracked_is(t, TRACKED_NEW);
	op->reading = true;
	take_place(op);
	channel_read_body(c, t, on_body, op);
	return op;
}

/* From the beginning: with a look where that is needed. */
void op_apply(struct op *op)
{
	if (op->ignores)
		send_look(op);
	else
		send_apply(op);
}

void op_again(struct op *op)
{
	take_place(op);
	op_apply(op);
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
	wipe(op->body, op->len);
	wipe(op->rest, op->rest_len);
	free(op);
}
