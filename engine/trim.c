/*
 * Giving memory back. See trim.h. It takes some milliseconds, so it is done
 * when it is quiet for some seconds.
 */
#include "config.h"
#include "engine/trim.h"

#include <malloc.h>

#define QUIET_MS 10000

static void on_quiet(void *arg)
{
	malloc_trim(0);
}

void trim_init(struct trim *t, struct loop *l)
{
	timer_init(&t->timer, l, on_quiet, t);
}

void trim_later(struct trim *t)
{
	timer_set(&t->timer, QUIET_MS);
}

void trim_stop(struct trim *t)
{
	timer_stop(&t->timer);
}
