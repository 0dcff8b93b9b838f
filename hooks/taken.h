/*
 * The tip that was published last, where no bundle says so: one whose commits
 * changed no object. What it and the current bundle's source lead to was
 * accepted once and is not judged again, whatever the rules for new commits
 * have become.
 */
#ifndef HOOKS_TAKEN_H
#define HOOKS_TAKEN_H

#include "hooks/current.h"

/* of what a channel has accepted: the bundle's source, and the note */
#define TAKEN_MAX 2

struct taken {
	char v[TAKEN_MAX][GIT_HEX_SIZE];
	size_t n;			/* 0: nothing was ever published */
	bool noted;			/* the last of them is the note, */
	struct pushers pushers;		/* and who pushed up to there since
					   the bundle */
};

/*
 * Both. A note by anybody but the owner of the repository says nothing: who
 * may push to a shared one may write beside it.
 */
int taken_read(const struct host_config *host,
	       const struct channel_config *ch, const struct current *current,
	       struct taken *ret, struct err *err);
bool taken_has(const struct taken *t, const char *commit);
/* Notes the tip, durably; removes the note where the current bundle's source
 * is that tip. Writes nothing that is there. */
int taken_keep(const struct host_config *host,
	       const struct channel_config *ch, const struct current *current,
	       const char *tip, const struct pushers *pushers,
	       struct err *err);

#endif
