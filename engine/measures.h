/*
 * What the engine counts, as metrics: /metrics is made from the counters that
 * its parts keep anyway, at the time when somebody asks.
 */
#ifndef ENGINE_MEASURES_H
#define ENGINE_MEASURES_H

#include "engine/channel.h"
#include "engine/metrics.h"

struct measures;

struct measures *measures_new(struct engine *e, struct metrics *m);
void measures_free(struct measures *m);		/* before the metrics */

#endif
