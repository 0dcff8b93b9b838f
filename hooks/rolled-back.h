/*
 * The commits by which a channel was rolled back, here and by whom the
 * repository is: the file <channel>/rolled-back. What a commit says of itself
 * is its author's to say; this is not.
 */
#ifndef HOOKS_ROLLED_BACK_H
#define HOOKS_ROLLED_BACK_H

#include "hooks/host-config.h"
#include "schema/bundle.h"

/* of the newest; what comes into one bundle is a handful */
#define ROLLED_BACK_MAX 100

struct rolled_back {
	char v[ROLLED_BACK_MAX][GIT_HEX_SIZE];	/* the newest last */
	size_t n;
};

/*
 * As taken.h, a file by anybody but the owner of the repository, or what is
 * no such file, says nothing: then it is gone back from once more, and that
 * is written down.
 */
int rolled_back_read(const struct host_config *host,
		     const struct channel_config *ch, struct rolled_back *ret,
		     struct err *err);
bool rolled_back_has(const struct rolled_back *r, const char *commit);
/* Durably, and before anything refers to the commit. Where a group shares the
 * repository nothing is written for who is not its owner. */
int rolled_back_add(const struct host_config *host,
		    const struct channel_config *ch, const char *commit,
		    struct err *err);

#endif
