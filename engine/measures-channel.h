/*
 * The metrics of channels: a fixed number of series for each channel there
 * is, none that names an object.
 */
#ifndef ENGINE_MEASURES_CHANNEL_H
#define ENGINE_MEASURES_CHANNEL_H

#include "engine/channel.h"
#include "engine/metrics.h"

struct measures_channel;

struct measures_channel *measures_channel_new(struct engine *e,
					      struct metrics *m);
void measures_channel_free(struct measures_channel *m);
/* Sets all of them; those of channels that are gone are dropped. Returns how
 * many channels there are. */
size_t measures_channel_write(struct measures_channel *m);

#endif
