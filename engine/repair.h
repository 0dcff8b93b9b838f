/*
 * What repair.c and reconcile.c share beyond engine/channel.h.
 */
#ifndef ENGINE_REPAIR_H
#define ENGINE_REPAIR_H

#include "engine/channel.h"
#include "engine/managed.h"

/* One GET will tell whether this object is as wanted. */
void repair_suspect(struct channel *c, struct tracked *t);

/* An event for an object that the reconciliation has not seen yet: it only
 * remembers which version was named, to look again if that is another one
 * than the list's. */
void reconcile_event(struct tracked *t, enum observed what,
		     const struct node *object);
void reconcile_stop(struct channel *c);

#endif
