/*
 * Which channels there are: a watch of all Channel objects, one struct
 * channel for each. Channels work only while we lead.
 */
#ifndef ENGINE_CONTROLLER_H
#define ENGINE_CONTROLLER_H

#include "engine/channel.h"

struct metrics;

struct controller_options {
	struct engine *engine;
	/* The Channels of the cluster are known for the first time. */
	void (*on_synced)(void *arg);
	void *arg;
};

int controller_new(const struct controller_options *o,
		   struct controller **ret, struct err *err);
/* Cancels what runs. NULL is fine. */
void controller_free(struct controller *ctl);

/* We lead now, or do not any more. */
void controller_lead(struct controller *ctl, bool lead);
/* The Channels were listed once. */
bool controller_synced(const struct controller *ctl);
size_t controller_count(const struct controller *ctl);

#endif
