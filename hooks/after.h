/*
 * The setting `after`: one channel waits for another one.
 *
 *   windlass.prod.after = staging for 10m
 */
#ifndef HOOKS_AFTER_H
#define HOOKS_AFTER_H

#include "hooks/host-config.h"

/* a week of being healthy is proof enough */
#define LIMIT_AFTER_SECONDS (7 * 24 * 3600)

/* "CHANNEL for DURATION". ERR_INVALID saying what it must be. */
int after_parse(const char *v, char **ret_channel, int64_t *ret_seconds,
		struct err *err);
/* When all settings were read: that each waits for what can be. */
int after_complete(const struct host_config *c, struct err *err);
/* How many channels are before it, of settings that are complete. */
unsigned after_depth(const struct host_config *c,
		     const struct channel_config *ch);
/* True if another one waits for it. */
bool after_is_awaited(const struct host_config *c,
		      const struct channel_config *ch);
/* "10m", as people write it. */
void after_duration(int64_t seconds, struct buf *out);

#endif
