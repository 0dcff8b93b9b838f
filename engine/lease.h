/*
 * Leader election by a Lease (kubernetes.md section 7; client-go's
 * leaderelection): of several engines one writes. Clocks of other machines
 * are never compared: a lease is over when its record has not changed for
 * its own duration as measured here.
 */
#ifndef ENGINE_LEASE_H
#define ENGINE_LEASE_H

#include <stdbool.h>

#include "engine/kube.h"

struct lease;

struct lease_options {
	const char *namespace, *name;
	const char *identity;		/* unique: the pod's name and a suffix */
	/* seconds; 0: 15, 10, 2. lease > renew > 1.2 * retry */
	int lease_s, renew_s, retry_s;
	/* The lease must not be freed in these. */
	void (*on_lead)(void *arg);
	/* We do not lead any more, or cannot know. Writes that run are not
	 * ours to stop any more; nothing new is begun. */
	void (*on_lost)(void *arg);
	void *arg;
};

/*
 * Begins at once. Strings are copied. As long as there is a lease, requests
 * of k that change something are sent only while lease_can_write.
 */
int lease_new(struct kube *k, const struct lease_options *o,
	      struct lease **ret, struct err *err);
/*
 * May a write begin now? False from the renew deadline on, counted from when
 * the last renewal was sent: five seconds before another engine may lead.
 */
bool lease_can_write(const struct lease *l);
/* Who leads, as far as we know; "" for nobody. */
const char *lease_holder(const struct lease *l);
/*
 * Gives the lease back, if we have it, so that another engine need not wait;
 * then calls done (also if that failed, after 5 s at most).
 */
void lease_release(struct lease *l, void (*done)(void *arg), void *arg);
/* Without giving it back; also in lease_release's done. NULL is fine. */
void lease_free(struct lease *l);

#endif
