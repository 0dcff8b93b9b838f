/*
 * Deleting what a channel's bundle no longer names: the TRACKED_DELETING
 * objects of its inventory, in reverse order, each only if it carries our
 * label and our managedFields entry, and with its uid as precondition. Custom
 * resources go first and are awaited, so that their controllers can run their
 * finalizers; Namespaces and CRDs go last, after a look at what is in them.
 */
#ifndef ENGINE_PRUNE_H
#define ENGINE_PRUNE_H

#include "engine/channel.h"

/* c->prune */
void prune_new(struct channel *c);
void prune_free(struct channel *c);

/* Deletes every TRACKED_DELETING object. Called again when there are others. */
void prune_begin(struct channel *c);
/* Something may be deleted now that could not before. */
void prune_wake(struct channel *c);
/* An object of the channel fails no more: what stays only because it did is
 * tried soon. */
void prune_unblock(struct channel *c);
/* What stopped a delete may have gone where nothing tells of it: all that was
 * stopped is tried. */
void prune_retry_all(struct channel *c);
/* For people: what stops deletes, up to 20 names; false if nothing does. */
bool prune_blocked(const struct channel *c, struct buf *out);

/* May it delete now? As channel_may_write, and prune is wanted, the head is
 * fresh and verified. Of engine/channel.c. */
bool channel_may_prune(const struct channel *c);

#endif
