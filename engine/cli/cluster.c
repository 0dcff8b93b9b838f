/*
 * Requests that are waited for. See cluster.h. The loop is the engine's own;
 * a command simply runs it until its one answer is there.
 */
#include "config.h"
#include "engine/cli/cluster.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "engine/discovery.h"
#include "engine/watch.h"

struct waiting {
	struct loop *loop;
	const struct kube *kube;
	bool typed;			/* an object is asked for */
	struct arena *arena;
	struct node *object;
	enum kube_why why;
	int64_t date;
	struct err err;
	bool wanted;			/* the caller wants the body */
	int rc;
};

int cluster_open(struct cluster *c, const char *kubeconfig,
		 const char *context, struct err *err)
{
	const struct kube_config_options o = { kubeconfig, context };
	struct kube_config *config;

	if (loop_new(&c->loop, err) < 0)
		return -1;
	if (kube_config_load(&o, &config, err) < 0) {
		/* nothing was looked at yet, so nothing was found wrong */
		err->class = ERR_INTERNAL;
		cluster_close(c);
		return -1;
	}
	c->insecure = config->peer.insecure;
	if (c->insecure)
		fprintf(stderr, "windlass: warning: '%s' says "
			"insecure-skip-tls-verify: anybody could answer for "
			"%s, and would get your credentials\n", config->source,
			config->server);
	if (kube_new(c->loop, config, &c->kube, err) < 0) {
		cluster_close(c);
		return -1;
	}
	return 0;
}

void cluster_close(struct cluster *c)
{
	kube_free(c->kube);
	loop_free(c->loop);
	*c = (struct cluster)CLUSTER_INIT;
}

/* A web server, a login page or a proxy may answer anything with a 200. */
static int read_object(struct waiting *w, const struct kube_answer *a)
{
	int rc = kube_answer_object(a, w->arena, &w->object, &w->err);

	if (!rc && w->typed && !node_text(node_get(w->object, "kind")))
		rc = err_set(&w->err, ERR_INTERNAL, "the answer is no object "
			     "of Kubernetes");
	if (!rc)
		return 0;
	err_wrap(&w->err, "what answers as '%s' seems to be something else",
		 kube_server(w->kube));
	/* nobody said anything of what was asked */
	w->err.class = ERR_INTERNAL;
	return -1;
}

static void on_done(void *arg, const struct kube_answer *a)
{
	struct waiting *w = arg;
	const char *date = a->http ? http_header(a->http, "date") : NULL;

	w->date = date ? curl_getdate(date, NULL) : 0;
	w->why = a->status->why;
	w->rc = 0;
	if (a->err) {
		w->err = *a->err;
		w->rc = -1;
	} else if (w->wanted) {
		w->rc = read_object(w, a);
	}
	loop_stop(w->loop);
}

int cluster_call(struct cluster *c, const struct kube_request *r,
		 struct arena *a, struct node **ret, enum kube_why *ret_why,
		 struct err *err)
{
	struct waiting w = {
		.loop = c->loop, .kube = c->kube, .typed = !r->path,
		.arena = a, .wanted = ret != NULL,
		.err = ERR_INIT, .rc = -1,
	};
	struct kube_request request = *r;
	struct kube_call *call;

	request.on_done = on_done;
	request.arg = &w;
	if (kube_send(c->kube, &request, &call, err) < 0 ||
	    loop_run(c->loop, err) < 0)
		return -1;
	c->date = w.date > 0 ? w.date : 0;
	if (ret_why)
		*ret_why = w.why;
	if (w.rc < 0) {
		*err = w.err;
		/* we were not let in: nobody said anything of the request */
		if (w.why == KUBE_NO_ANSWER || w.why == KUBE_UNAUTHORIZED)
			err->class = ERR_INTERNAL;
		return -1;
	}
	if (ret)
		*ret = w.object;
	return 0;
}

struct kube_target cluster_channels(const char *name)
{
	return (struct kube_target){
		.group = "windlass.dev", .version = "v1alpha1",
		.plural = "channels", .name = name,
	};
}

int cluster_channel_call(struct cluster *c, const struct kube_request *r,
			 struct arena *a, struct node **ret, struct err *err)
{
	enum kube_why why = KUBE_DONE;
	struct err mine = ERR_INIT;

	if (cluster_call(c, r, a, ret, &why, &mine) == 0)
		return 0;
	if (why == KUBE_NO_RESOURCE)
		return err_set(err, ERR_INVALID, "the cluster does not know "
			       "the kind Channel; `windlass install` brings "
			       "it");
	if (why == KUBE_NOT_FOUND)
		return err_set(err, ERR_INVALID, "the cluster has no Channel "
			       "'%s'; `windlass status` lists them",
			       r->target.name);
	*err = mine;
	return -1;
}

int cluster_channel(struct cluster *c, const char *name, struct arena *a,
		    struct node **ret, struct err *err)
{
	const struct kube_request get = {
		.method = "GET", .target = cluster_channels(name),
	};

	return cluster_channel_call(c, &get, a, ret, err);
}

int cluster_channel_patch(struct cluster *c, const char *name,
			  const char *patch, struct arena *a,
			  struct node **ret, struct err *err)
{
	const struct kube_request r = {
		.method = "PATCH", .target = cluster_channels(name),
		.query = "fieldManager=windlass-cli&fieldValidation=Strict",
		.content_type = KUBE_MERGE_PATCH,
		.body = patch, .body_len = strlen(patch),
	};

	return cluster_channel_call(c, &r, a, ret, err);
}

static const char *text(const struct node *map, const char *field)
{
	const char *s = node_text(node_get(map, field));

	return s ? s : "";
}

const char *cluster_condition(const struct node *channel, const char *type,
			      const char **ret_reason,
			      const char **ret_message)
{
	const struct node *status = node_get(channel, "status");
	const struct node *list = node_get(status, "conditions"), *c = NULL;
	int64_t seen = node_path_int(status, 0, "observedGeneration", NULL);
	int64_t newest = node_path_int(channel, 0, "metadata", "generation",
				       NULL);

	for (uint32_t i = 0; seen >= newest && list &&
	     list->type == NODE_SEQ && i < list->n; i++)
		if (!strcmp(text(list->items[i], "type"), type))
			c = list->items[i];
	if (ret_reason)
		*ret_reason = text(c, "reason");
	if (ret_message)
		*ret_message = text(c, "message");
	return text(c, "status");
}

/* ---- following ---- */

struct following {
	struct loop *loop;
	void (*fn)(void *arg, const struct node *object, bool gone,
		   bool again);
	void *arg;
	bool again;
	struct err *err;
	int rc;
};

static void on_begin(void *arg)
{
	struct following *f = arg;

	f->again = true;
}

static void on_synced(void *arg)
{
	struct following *f = arg;

	f->again = false;
}

static void on_event(void *arg, enum watch_event what, struct node *object)
{
	struct following *f = arg;

	f->fn(f->arg, object, what == WATCH_DELETED, f->again);
	if (fflush(stdout) || ferror(stdout))
		loop_stop(f->loop);
}

static void on_error(void *arg, const struct err *err,
		     const struct kube_status *status, int64_t retry_ms)
{
	struct following *f = arg;

	if (err->class == ERR_TRANSIENT) {
		fprintf(stderr, "%s; again in %d s\n", err->msg,
			(int)(retry_ms / 1000) + 1);
		return;
	}
	*f->err = *err;
	/* whoever asks was told before what is there and what is not */
	f->err->class = ERR_INTERNAL;
	f->rc = -1;
	loop_stop(f->loop);
}

int cluster_watch(struct cluster *c, const struct kube_target *target,
		  const char *field_selector,
		  void (*fn)(void *arg, const struct node *object, bool gone,
			     bool again),
		  void *arg, struct err *err)
{
	struct following f = {
		.loop = c->loop, .fn = fn, .arg = arg, .err = err,
	};
	const struct watch_options o = {
		.target = *target, .field_selector = field_selector,
		.on_begin = on_begin, .on_event = on_event,
		.on_synced = on_synced, .on_error = on_error, .arg = &f,
	};
	struct watch *w;

	if (watch_new(c->kube, &o, &w, err) < 0)
		return -1;
	if (loop_run(c->loop, err) < 0)
		f.rc = -1;
	watch_free(w);
	return f.rc;
}

/* ---- kinds ---- */

static void on_discovered(void *arg, const struct err *err)
{
	struct following *f = arg;

	if (err)
		*f->err = *err;
	else
		f->rc = 0;
	loop_stop(f->loop);
}

int cluster_discover(struct cluster *c, struct discovery **ret,
		     struct err *err)
{
	struct following f = { .loop = c->loop, .err = err, .rc = -1 };
	struct discovery *d;

	discovery_new(c->kube, &d);
	discovery_refresh(d, on_discovered, &f);
	if (loop_run(c->loop, err) < 0)
		f.rc = -1;
	if (f.rc < 0)
		discovery_free(d);
	else
		*ret = d;
	return f.rc;
}
