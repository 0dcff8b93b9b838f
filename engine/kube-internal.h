/*
 * What kube.c, kube-status.c, list.c and watch.c share.
 */
#ifndef ENGINE_KUBE_INTERNAL_H
#define ENGINE_KUBE_INTERNAL_H

#include "engine/kube.h"

/*
 * Judges an answer that is no success. `secret`: it is about a
 * Secret, so texts that may quote its values are left out of err and ret. `fresh_token`: for a 401.
 */
void kube_judge(long code, const char *body, size_t len, bool secret,
		bool fresh_token, struct arena *a, struct kube_status *ret,
		struct err *err);

/* One arena for all objects that are shown and forgotten: reset before each.
 * Streams do not nest, so one is enough. */
struct arena *kube_scratch(struct kube *k);

/* For those who count what is theirs. */
struct kube_stats *kube_counts(struct kube *k);

/* A stream or a call was silent for too long: its connection may be dead, and
 * others with it. What begins from now on gets a new one; at most once in half
 * a minute. */
void kube_stuck(struct kube *k);

/*
 * Runs fn once, from the loop, when the API server has answered anything:
 * for those that wait longer and longer between tries, so that all are back
 * as soon as one is. A member of its owner, as a timer is.
 */
struct kube_waiter {
	struct kube_waiter *next, **link;	/* link NULL: not waiting */
	void (*fn)(void *arg);
	void *arg;
};

void kube_wait(struct kube *k, struct kube_waiter *w);
void kube_unwait(struct kube_waiter *w);

#endif
