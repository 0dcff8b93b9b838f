/*
 * Why a workload does not progress: its pods know. Asked once, when its time
 * is up, by the workload's own selector.
 */
#ifndef ENGINE_PODS_H
#define ENGINE_PODS_H

#include "engine/channel.h"

struct pods;

/*
 * Lists the pods of a whole workload object and notes the worst one's message
 * on the tracked object (channel_object_changed). *ret stays NULL if the
 * object selects no pods. *ret is valid until pods_cancel, which its owner
 * calls in any case.
 */
void pods_ask(struct channel *c, struct tracked *t,
	      const struct node *workload, struct pods **ret);
void pods_cancel(struct pods *p);	/* NULL is fine */

#endif
