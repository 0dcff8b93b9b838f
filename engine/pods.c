/*
 * The reason behind a rollout that does not finish. See pods.h. It is read
 * with the rights of the channel; where those are not enough, and where the
 * answer is too large, there is no reason. What pods and events say is shown
 * to people: bounded by pod-said.c, scrubbed where it is noted.
 */
#include "config.h"
#include "engine/pods.h"

#include <stdlib.h>
#include <string.h>

#include "engine/kube.h"
#include "engine/pod-said.h"
#include "schema/base/mem.h"

#define PODS_LOOKED_AT "50"
#define EVENTS_LOOKED_AT "200"
#define WHY_BYTES 2048

struct pods {
	struct channel *channel;
	const struct tracked *tracked;	/* outlives us: see await.c */
	char *uid;			/* of the workload; or "" */
	struct arena arena;		/* of the pod at hand */
	const struct node *pod;		/* the worst one, or NULL */
	char *newest;			/* when its last pod was made, or "" */
	struct buf why;
	struct kube_call *call;
	void (*on_said)(void *arg, const char *why);
	void *arg;
};

static void pods_free(struct pods *p)
{
	arena_release(&p->arena);
	buf_release(&p->why);
	free(p->newest);
	free(p->uid);
	free(p);
}

static void finish(struct pods *p)
{
	const bool said = p->why.len > 0;

	p->on_said(p->arg, said ? p->why.data : NULL);
	pods_free(p);
}

static int list(struct pods *p, const char *plural, const char *query,
		void (*on_done)(void *arg, const struct kube_answer *a))
{
	struct err err = ERR_INIT;
	const struct kube_request get = {
		.method = "GET",
		.target = {
			.group = "", .version = "v1", .plural = plural,
			.namespace = p->tracked->namespace,
		},
		.query = query,
		.account = p->channel->account,
		.on_done = on_done,
		.arg = p,
	};

	return kube_send(p->channel->engine->kube, &get, &p->call, &err);
}

/* ---- events ---- */

static void on_events(void *arg, const struct kube_answer *a)
{
	struct pods *p = arg;
	struct arena arena = ARENA_INIT;
	struct err err = ERR_INIT;
	struct buf event = BUF_INIT(WHY_BYTES);
	struct node *answer;

	p->call = NULL;
	if (!a->err && kube_answer_object(a, &arena, &answer, &err) == 0 &&
	    event_said(node_get(answer, "items"), p->pod,
		       p->pod ? "" : p->newest, &event))
		buf_addf(&p->why, "%s%s", p->why.len ? "; " : "", event.data);
	buf_release(&event);
	arena_release(&arena);
	finish(p);
}

static int list_events(struct pods *p, const char *uid)
{
	struct buf query = BUF_INIT(1024);
	char *fields = xasprintf("involvedObject.uid=%s,type=Warning", uid);
	int rc;

	kube_query(&query, "fieldSelector", fields);
	kube_query(&query, "limit", EVENTS_LOOKED_AT);
	rc = *uid ? list(p, "events", query.data, on_events) : -1;
	buf_release(&query);
	free(fields);
	return rc;
}

static void ask_events(struct pods *p, const char *uid)
{
	if (list_events(p, uid) < 0)
		finish(p);
}

/* ---- pods ---- */

static const char *uid_of(const struct node *object)
{
	const char *uid = node_path_str(object, "metadata", "uid", NULL);

	return uid ? uid : "";
}

static void ask_pod(struct pods *p)
{
	if (pod_said(p->pod, &p->why))
		finish(p);
	else
		ask_events(p, uid_of(p->pod));
}

static void note_newest(struct pods *p, const struct node *items)
{
	const char *newest = "";

	for (uint32_t i = 0; items && items->type == NODE_SEQ && i < items->n;
	     i++) {
		const char *at = node_path_str(items->items[i], "metadata",
					       "creationTimestamp", NULL);

		if (at && strcmp(at, newest) > 0)
			newest = at;
	}
	free(p->newest);
	p->newest = xstrdup(newest);
}

static void on_listed(void *arg, const struct kube_answer *a)
{
	struct pods *p = arg;
	struct err err = ERR_INIT;
	struct node *answer;

	p->call = NULL;
	if (a->err || kube_answer_object(a, &p->arena, &answer, &err) < 0) {
		finish(p);
		return;
	}
	note_newest(p, node_get(answer, "items"));
	p->pod = pod_worst(node_get(answer, "items"));
	if (p->pod)
		ask_pod(p);
	else
		/* there are none, or too few: who makes them may say why */
		ask_events(p, p->uid);
}

/* "app=web,tier=front" from spec.selector.matchLabels (or a plain map). */
static bool write_selector(const struct node *workload, struct buf *out)
{
	const struct node *labels = node_path(workload, "spec", "selector",
					      "matchLabels", NULL);

	if (!node_path(workload, "spec", "template", NULL))
		return false;
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

bool pods_can_say(const struct tracked *t, const struct node *workload)
{
	struct buf selector = BUF_INIT(4096);
	bool can = *t->namespace && (kind_is(t->kind, "", "Pod") ||
				     write_selector(workload, &selector));

	buf_release(&selector);
	return can;
}

static int list_pods(struct pods *p, const struct node *workload)
{
	struct buf selector = BUF_INIT(4096);
	struct buf query = BUF_INIT(16384);
	int rc = -1;

	if (write_selector(workload, &selector)) {
		kube_query(&query, "labelSelector", selector.data);
		kube_query(&query, "limit", PODS_LOOKED_AT);
		rc = list(p, "pods", query.data, on_listed);
	}
	buf_release(&query);
	buf_release(&selector);
	return rc;
}

/* What it says itself was read before. */
static int list_own_events(struct pods *p, const struct node *pod)
{
	p->pod = node_copy(&p->arena, pod);
	return list_events(p, p->uid);
}

void pods_ask(struct channel *c, const struct tracked *t,
	      const struct node *workload,
	      void (*on_said)(void *arg, const char *why), void *arg,
	      struct pods **ret)
{
	struct pods *p = xcalloc(1, sizeof(*p));
	int rc;

	p->channel = c;
	p->tracked = t;
	p->uid = xstrdup(uid_of(workload));
	p->newest = xstrdup("");
	p->on_said = on_said;
	p->arg = arg;
	buf_init(&p->why, WHY_BYTES);
	rc = kind_is(t->kind, "", "Pod") ? list_own_events(p, workload)
					 : list_pods(p, workload);
	if (rc < 0)
		pods_free(p);
	else
		*ret = p;
}

void pods_cancel(struct pods *p)
{
	if (!p)
		return;
	kube_cancel(p->call);
	pods_free(p);
}
