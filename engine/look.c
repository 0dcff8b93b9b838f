/*
 * One look at a live object. See look.h. It is read with the rights of the
 * channel, so that a channel learns nothing that its account may not see.
 */
#include "config.h"
#include "engine/look.h"

int look_at_live(struct channel *c, const struct tracked *t,
		 void (*on_done)(void *arg, const struct kube_answer *a),
		 void *arg, struct kube_call **ret, struct err *err)
{
	const struct kube_request get = {
		.method = "GET",
		.target = {
			.group = t->kind->group,
			.version = t->kind->version,
			.plural = t->kind->plural,
			.namespace = t->namespace,
			.name = t->name,
		},
		.account = c->account,
		.on_done = on_done,
		.arg = arg,
	};

	return kube_send(c->engine->kube, &get, ret, err);
}
