/*
 * Requests that are waited for. See cluster.h. The loop is the engine's own;
 * a command simply runs it until its one answer is there.
 */
#include "config.h"
#include "engine/cli/cluster.h"

struct waiting {
	struct loop *loop;
	struct arena *arena;
	struct node *object;
	enum kube_why why;
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
	if (kube_config_load(&o, &config, err) < 0 ||
	    kube_new(c->loop, config, &c->kube, err) < 0) {
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

static void on_done(void *arg, const struct kube_answer *a)
{
	struct waiting *w = arg;

	w->why = a->status->why;
	w->rc = 0;
	if (a->err) {
		w->err = *a->err;
		w->rc = -1;
	} else if (w->wanted) {
		w->rc = kube_answer_object(a, w->arena, &w->object, &w->err);
	}
	loop_stop(w->loop);
}

int cluster_call(struct cluster *c, const struct kube_request *r,
		 struct arena *a, struct node **ret, enum kube_why *ret_why,
		 struct err *err)
{
	struct waiting w = {
		.loop = c->loop, .arena = a, .wanted = ret != NULL,
		.err = ERR_INIT, .rc = -1,
	};
	struct kube_request request = *r;
	struct kube_call *call;

	request.on_done = on_done;
	request.arg = &w;
	if (kube_send(c->kube, &request, &call, err) < 0 ||
	    loop_run(c->loop, err) < 0)
		return -1;
	if (ret_why)
		*ret_why = w.why;
	if (w.rc < 0) {
		*err = w.err;
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
