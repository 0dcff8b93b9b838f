/*
 * The writes of a channel: server-side apply of what its bundle names. Each
 * object is tried until it is as wanted; what fails says why, and when the
 * next try is due. See channel.h for apply_object.
 */
#ifndef ENGINE_APPLY_H
#define ENGINE_APPLY_H

#include "engine/channel.h"

/* c->apply */
void apply_new(struct channel *c);
/* Running requests are cancelled: their outcome is not known. */
void apply_free(struct channel *c);

/* The objects that are TRACKED_QUEUED are rolled out, in order. */
void apply_rollout(struct channel *c);
/* The health of t moved, or (NULL) a kind was learnt: what waits for that
 * may go now. */
void apply_recheck(struct channel *c, const struct tracked *t);
/* Everything was tried once, nothing runs and nothing waits for something
 * else. (Failed ones may be tried again later.) */
bool apply_rolled_out(const struct channel *c);
/* For people: what the rollout waits for; false if for nothing. */
bool apply_waits_for(const struct channel *c, struct buf *out);
/* Some kinds (their `news`) live elsewhere than before, or live again: what
 * was told that they do not may go, and what waits for a kind. */
void apply_kinds_changed(struct channel *c);
/* Something may be done now that could not before. */
void apply_wake(struct channel *c);
/* What was refused in this namespace ("": anywhere), of any channel, may be
 * let in now: it is tried soon, and then with short pauses again. */
void apply_gate_moved(struct engine *e, const char *namespace);
/* What failed is tried at once: the reason may be gone. */
void apply_retry_all(struct channel *c);

#endif
