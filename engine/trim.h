/*
 * Memory that goes back to the system after much was done: what was needed
 * for a rollout lies between what stays, and the allocator keeps it.
 */
#ifndef ENGINE_TRIM_H
#define ENGINE_TRIM_H

#include "engine/loop.h"

struct trim {
	struct timer timer;
};

void trim_init(struct trim *t, struct loop *l);
/* Much was done: some seconds after the last call. */
void trim_later(struct trim *t);
void trim_stop(struct trim *t);

#endif
