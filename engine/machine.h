/*
 * The life of one channel, as the controller drives it. See channel.h for
 * what its parts call.
 */
#ifndef ENGINE_MACHINE_H
#define ENGINE_MACHINE_H

#include "engine/channel.h"

/* It does nothing before machine_update. */
struct channel *machine_new(struct engine *e, const char *name,
			    const char *uid);
/* Its Channel was deleted: says so, and what it leaves. machine_free is next. */
void machine_gone(struct channel *c);
/* Its Channel is gone, or we end: nothing in the cluster is changed. */
void machine_free(struct channel *c);

/* The Channel object as it is now. */
void machine_update(struct channel *c, const struct node *object);
/* engine->leading changed. */
void machine_lead(struct channel *c);
/* The key of reports is known, or why it is not. */
void machine_reporter_changed(struct channel *c);
void machine_kinds_changed(struct channel *c);
/* Its prune finalizer is to be on the Channel. */
bool machine_wants_finalizer(const struct channel *c);

#endif
