/*
 * What is in a Namespace, or of which objects a CRD is the kind, before it
 * is deleted: whatever is not the channel's, nor owned by something that is,
 * nor made by Kubernetes for every namespace, stops the delete.
 */
#ifndef ENGINE_PRUNE_LOOK_H
#define ENGINE_PRUNE_LOOK_H

#include "engine/channel.h"

#define LOOK_NAMES 20

struct look;

/*
 * done is called once from the loop: err if it could not be told; else what
 * is foreign, up to LOOK_NAMES names and how many there are in all.
 */
struct look *look_into(struct channel *c, struct tracked *t,
		       void (*done)(void *arg, const struct err *err,
				    const struct strvec *foreign, size_t n),
		       void *arg);
/* Without done. NULL is fine. */
void look_free(struct look *l);

#endif
