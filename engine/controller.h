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
	/* The Channels of the cluster are known: for the first time, and
	 * after each controller_look_again. */
	void (*on_synced)(void *arg);
	void *arg;
};

int controller_new(const struct controller_options *o,
		   struct controller **ret, struct err *err);
/* Cancels what runs. NULL is fine. */
void controller_free(struct controller *ctl);

/* We lead now, or do not any more. */
void controller_lead(struct controller *ctl, bool lead);
/* The key of reports is known, or why it is not. */
void controller_reporter_changed(struct controller *ctl);
/*
 * Lists the Channels anew, while we do not lead: what a watch told may be
 * older than what another engine wrote as long as it led.
 */
int controller_look_again(struct controller *ctl, struct err *err);
/* Since then they were listed. */
bool controller_current(const struct controller *ctl);
/* The Channels were listed once. */
bool controller_synced(const struct controller *ctl);
size_t controller_count(const struct controller *ctl);

#endif
