/*
 * Made anew. See recreate.h. An object is only deleted that bears our label
 * and our managedFields entry, by the uid that was read; and only when every
 * cause that the API server names is a field that is fixed: what it would not
 * take anew either stays as it is.
 */
#include "config.h"
#include "engine/recreate.h"

#include <stdlib.h>
#include <string.h>

#include "engine/managed.h"
#include "engine/prune-order.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/render.h"

/* What Validate*Update of Kubernetes says of fields that are fixed, and what
 * authors of definitions write in their rules. */
static bool says_fixed(const char *message)
{
	static const char *const words[] = {
		"immutable", "may not change", "may not be changed",
		"cannot be changed", "cannot change", "can't be changed",
		"can not be changed", "updates to ", "may not be updated",
		"field is not allowed to change", "cannot be updated",
		"may not be unset", "must not be changed",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasestr(message, words[i]))
			return true;
	return false;
}

bool recreate_would_help(const struct kube_status *s)
{
	if (s->code != 422)
		return false;
	for (size_t i = 0; i < s->n_causes; i++)
		if (!says_fixed(s->causes[i].message))
			return false;
	return s->n_causes || says_fixed(s->message);
}

/* ---- waiting ---- */

static void wait_for_finalizers(struct op *op, const struct kube_status *s,
				const struct node *object)
{
	struct buf text = BUF_INIT(2000);

	buf_adds(&text, "it was deleted to be made again, and is still there: "
		 "finalizers ");
	prune_finalizers(object, &text);
	op_fail(op, s, VERDICT_LATER, "Recreating", text.data);
	buf_release(&text);
}

static bool is_going(const struct node *object)
{
	return node_path(object, "metadata", "deletionTimestamp", NULL);
}

/* ---- the delete ---- */

static void on_deleted(void *arg, const struct kube_answer *a)
{
	struct op *op = arg;
	struct err err = ERR_INIT;
	struct node *answer;
	struct buf what = BUF_INIT(4096);

	op->call = NULL;
	if (a->err && a->status->why != KUBE_NOT_FOUND) {
		op_refuse(op, a->status);
		return;
	}
	tracked_describe(op->t, &what);
	log_info("object-recreated", LOG_S("channel", op->channel->name),
		 LOG_S("object", what.data));
	event_post(op->channel, EVENT_NORMAL, "Recreated", "%s was deleted to "
		   "be made again", what.data);
	buf_release(&what);
	/* a Status says that it is gone already */
	if (!a->err && kube_answer_object(a, &op->arena, &answer, &err) == 0 &&
	    is_going(answer))
		wait_for_finalizers(op, a->status, answer);
	else
		op_apply(op);
}

static void send_delete(struct op *op, const char *uid)
{
	struct buf body = BUF_INIT(1000);
	struct kube_request r = {
		.method = "DELETE", .account = op->channel->account,
		.on_done = on_deleted,
	};

	buf_adds(&body, "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\","
		 "\"propagationPolicy\":\"Background\","
		 "\"preconditions\":{\"uid\":");
	json_write_string(uid, strlen(uid), &body);
	buf_adds(&body, "}}");
	r.body = body.data;
	r.body_len = body.len;
	op_send(op, &r);
	buf_release(&body);
}

static void judge(struct op *op, const struct kube_status *s,
		  const struct node *object)
{
	struct channel *c = op->channel;
	const char *uid = node_path_str(object, "metadata", "uid", NULL);
	const char *label = node_path_str(object, "metadata", "labels",
					  APPLYSET_PART_OF, NULL);

	if (is_going(object))
		wait_for_finalizers(op, s, object);
	else if (!uid || !label || strcmp(label, c->applyset) ||
		 !managed_entry(object, c->manager))
		op_fail(op, s, VERDICT_FAILED, "NotOurs", "it cannot be "
			"changed in place, and is not deleted to be made "
			"again, because this channel did not make it: delete "
			"it by hand");
	else
		send_delete(op, uid);
}

static void on_old(void *arg, const struct kube_answer *a)
{
	struct op *op = arg;
	struct err err = ERR_INIT;
	struct node *object;

	op->call = NULL;
	if (a->status->why == KUBE_NOT_FOUND)
		op_apply(op);
	else if (a->err)
		op_refuse(op, a->status);
	else if (kube_answer_object(a, &op->arena, &object, &err) < 0)
		op_fail(op, a->status, VERDICT_LATER, "BadAnswer", err.msg);
	else
		judge(op, a->status, object);
}

void recreate_begin(struct op *op, const struct kube_status *s)
{
	struct kube_request r = {
		.method = "GET", .as = KUBE_AS_METADATA,
		.account = op->channel->account, .on_done = on_old,
	};

	op->remade = true;
	op_send(op, &r);
}
