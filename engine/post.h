/*
 * Reports on their way to the Git host, or to whoever takes them in its
 * place. They were signed in the parent: the child that speaks with the
 * world can hold one back, and make none.
 *
 * Few begin at a time, so that those of a thousand channels of one host
 * share its connections; one that takes its time does not count any more, so
 * that a host that does not answer holds up no other.
 */
#ifndef ENGINE_POST_H
#define ENGINE_POST_H

#include "engine/ipc.h"
#include "engine/pull.h"

struct posts;

struct posts *posts_new(struct child *child);
/* Without a word about those that are under way. NULL is fine. */
void posts_free(struct posts *all);

/*
 * Takes a REPORT for the channel, answered with REPLY, or FAILED if nobody
 * answered. -1 with ERR_INVALID for a malformed frame.
 */
int posts_take(struct posts *all, struct pull *p, const struct ipc_frame *f,
	       struct err *err);
void posts_cancel(struct posts *all, const struct pull *p, uint32_t request);
/* The channel's settings change: those under way end with FAILED. */
void posts_stop(struct posts *all, const struct pull *p);
/* The channel is going: they end without an answer. */
void posts_forget(struct posts *all, const struct pull *p);

#endif
