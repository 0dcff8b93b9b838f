/*
 * Reading the live object behind a tracked one: for whoever wants to know
 * what it is like now, in full (repair.c, await.c).
 */
#ifndef ENGINE_LOOK_H
#define ENGINE_LOOK_H

#include "engine/channel.h"
#include "engine/kube.h"

/*
 * One GET, as the channel's account. Its kind is resolved. on_done is called
 * once, unless *ret is cancelled; the caller holds what arg needs. -1 if it
 * cannot even be sent.
 */
int look_at_live(struct channel *c, const struct tracked *t,
		 void (*on_done)(void *arg, const struct kube_answer *a),
		 void *arg, struct kube_call **ret, struct err *err);

#endif
