/*
 * What a channel that waits (after.h) has seen of the one before it: which of
 * its bundles were healthy, and for how long. The file <channel>/proven, so
 * that a bundle counts for good once it was healthy for long enough, also
 * where the commit comes to the waiting channel's ref only later, or where a
 * newer bundle takes its place in the same moment.
 */
#ifndef HOOKS_PROVEN_H
#define HOOKS_PROVEN_H

#include "hooks/current.h"

/* of the newest; more than a day of pushes that each rested for minutes */
#define PROVEN_MAX 100

struct proof {
	char bundle[GIT_HEX_SIZE];
	int64_t seconds;		/* it was healthy for so long */
};

struct proven {
	struct proof v[PROVEN_MAX];	/* the newest last */
	size_t n;
};

/* As taken.h, a file by anybody but the owner of the repository, or what is
 * no such file, says nothing: then it is waited for once more. */
int proven_read(const struct host_config *host,
		const struct channel_config *ch, struct proven *ret,
		struct err *err);
/* Adds one, or lengthens it; true if that is news. */
bool proven_add(struct proven *p, const char *bundle, int64_t seconds);
/* Durably. The caller holds the channel's lock. */
int proven_write(const struct host_config *host,
		 const struct channel_config *ch, const struct proven *p,
		 struct err *err);

#endif
