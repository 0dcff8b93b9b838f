/*
 * Answers to the parent's questions about bundles that are at hand: what
 * differs, what is in it, one body, where objects came from. Worked through
 * in slices, in turn, so that a long list delays neither another channel's
 * body nor a poll; and only as fast as the parent reads.
 */
#ifndef ENGINE_ANSWER_H
#define ENGINE_ANSWER_H

#include "engine/ipc.h"
#include "engine/pull.h"

struct answers;

struct answers *answers_new(struct child *child);
void answers_free(struct answers *a);

/*
 * Takes a DIFF, OBJECT or ORIGINS for the channel. -1 with ERR_INVALID for a
 * malformed frame; every other fault is answered with FAILED.
 */
int answers_take(struct answers *a, struct pull *p, const struct ipc_frame *f,
		 struct err *err);
void answers_cancel(struct answers *a, const struct pull *p,
		    uint32_t request);
/* The channel is going: drops all that is under way for it. */
void answers_forget(struct answers *a, const struct pull *p);
/* The connection has room again. */
void answers_go_on(struct answers *a);

#endif
