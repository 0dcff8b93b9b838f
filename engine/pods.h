/*
 * Why a workload does not come up: its pods know, and if they do not, the
 * events about them. One list of pods by the workload's own selector, and one
 * of events if that is not enough; of a pod, one of its events.
 */
#ifndef ENGINE_PODS_H
#define ENGINE_PODS_H

#include "engine/channel.h"

struct pods;

/* Is this whole object a pod, or has it a template of its pods? */
bool pods_can_say(const struct tracked *t, const struct node *workload);
/*
 * Asks, of one that can say it. on_said is called once, later, with one line,
 * or with NULL if nothing says why; what is at *ret is gone then. *ret stays
 * NULL, and nothing is called, if it cannot be asked. Not to be used when it
 * is cancelled.
 */
void pods_ask(struct channel *c, const struct tracked *t,
	      const struct node *workload,
	      void (*on_said)(void *arg, const char *why), void *arg,
	      struct pods **ret);
void pods_cancel(struct pods *p);	/* NULL is fine */

#endif
