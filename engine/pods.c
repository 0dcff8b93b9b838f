/*
 * The reason behind a rollout that does not finish. See pods.h. What pods
 * say (image names, messages of the kubelet) is shown to people: bounded and
 * scrubbed where it is noted.
 */
#include "config.h"
#include "engine/pods.h"

#include <stdlib.h>
#include <string.h>

#include "engine/kube.h"
#include "schema/base/mem.h"

#define PODS_LOOKED_AT "50"

struct pods {
	struct channel *channel;
	struct tracked *tracked;	/* held */
	struct kube_call *call;
};

/* "app=web,tier=front" from spec.selector.matchLabels (or a plain map). */
static bool write_selector(const struct node *workload, struct buf *out)
{
	const struct node *labels = node_path(workload, "spec", "selector",
					      "matchLabels", NULL);

	if (!labels)
		labels = node_path(workload, "spec", "selector", NULL);
	for (uint32_t i = 0; labels && labels->type == NODE_MAP &&
	     i < labels->n; i++) {
		const char *value = node_text(labels->pairs[i].value);

		if (value)
			buf_addf(out, "%s%s=%s", out->len ? "," : "",
				 labels->pairs[i].key, value);
	}
	return out->len > 0 && buf_ok(out);
}

/* The message of the first container that waits, with its reason. */
static bool waiting_message(const struct node *pod, struct buf *out)
{
	static const char *const lists[] = {
		"initContainerStatuses", "containerStatuses",
	};

	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		const struct node *list = node_path(pod, "status", lists[l],
						    NULL);

		for (uint32_t i = 0; list && list->type == NODE_SEQ &&
		     i < list->n; i++) {
			const char *reason = node_path_str(list->items[i],
				"state", "waiting", "reason", NULL);
			const char *message = node_path_str(list->items[i],
				"state", "waiting", "message", NULL);
			const char *name = node_text(node_get(list->items[i],
							      "name"));

			if (!reason || (!message &&
					!strcmp(reason, "ContainerCreating")))
				continue;
			buf_addf(out, "container %s: %s%s%s", name ? name : "",
				 reason, message ? ": " : "",
				 message ? message : "");
			return true;
		}
	}
	return false;
}

/* How bad a pod looks; the worst one is shown. */
static int badness(const struct node *pod, char reason[HEALTH_REASON_MAX])
{
	switch (health_judge("", "Pod", pod, false, reason)) {
	case HEALTH_FAILED:
		return 3;
	case HEALTH_PROGRESSING:
		return 2;
	default:
		return 0;
	}
}

static void note_worst(struct pods *p, const struct node *items)
{
	char reason[HEALTH_REASON_MAX], worst_reason[HEALTH_REASON_MAX] = "";
	struct buf message = BUF_INIT(1024);
	const struct node *worst = NULL;
	int worst_badness = 0;

	for (uint32_t i = 0; items && items->type == NODE_SEQ && i < items->n;
	     i++) {
		int bad = badness(items->items[i], reason);

		if (bad > worst_badness) {
			worst_badness = bad;
			worst = items->items[i];
			memcpy(worst_reason, reason, sizeof(reason));
		}
	}
	if (!worst)
		return;
	buf_addf(&message, "pod %s: ",
		 node_path_str(worst, "metadata", "name", NULL));
	if (!waiting_message(worst, &message))
		buf_adds(&message, worst_reason);
	tracked_note(p->tracked, "HealthTimeout", "%s", message.data);
	channel_object_changed(p->channel, p->tracked);
	buf_release(&message);
}

static void on_listed(void *arg, const struct kube_answer *a)
{
	struct pods *p = arg;
	struct arena arena = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *list;

	p->call = NULL;
	if (!a->err && kube_answer_object(a, &arena, &list, &err) == 0)
		note_worst(p, node_get(list, "items"));
	arena_release(&arena);
}

void pods_ask(struct channel *c, struct tracked *t,
	      const struct node *workload, struct pods **ret)
{
	struct buf selector = BUF_INIT(4096), query = BUF_INIT(16384);
	struct err err = ERR_INIT;
	struct pods *p;
	struct kube_request get = {
		.method = "GET",
		.target = {
			.group = "", .version = "v1", .plural = "pods",
			.namespace = t->namespace,
		},
		.account = c->account,
		.on_done = on_listed,
	};

	if (!*t->namespace || !write_selector(workload, &selector))
		goto out;
	p = xcalloc(1, sizeof(*p));
	p->channel = c;
	p->tracked = tracked_hold(t);
	kube_query(&query, "labelSelector", selector.data);
	kube_query(&query, "limit", PODS_LOOKED_AT);
	get.query = query.data;
	get.arg = p;
	if (kube_send(c->engine->kube, &get, &p->call, &err) < 0)
		p->call = NULL;
	*ret = p;
out:
	buf_release(&selector);
	buf_release(&query);
}

void pods_cancel(struct pods *p)
{
	if (!p)
		return;
	kube_cancel(p->call);
	tracked_put(p->tracked);
	free(p);
}
