/*
 * The channel's current bundle: what refs/windlass/<channel> points at. Every
 * plan is made against it, and the next bundle is its child.
 */
#ifndef HOOKS_CURRENT_H
#define HOOKS_CURRENT_H

#include <git2.h>

#include "hooks/host-config.h"
#include "schema/bundle.h"
#include "schema/sshkey.h"

struct current {
	char id[GIT_HEX_SIZE];	/* "": nothing was ever published */
	struct bundle_commit commit;
	git_oid tree;
	struct sshkey key;	/* made its signature */
};

#define CURRENT_INIT { .id = "" }

/* "refs/windlass/<channel>", to be freed. */
char *current_ref(const struct channel_config *ch);
/* "refs/windlass/_epochs/<channel>/<epoch>", to be freed. */
char *current_epoch_ref(const struct channel_config *ch, uint64_t epoch);

/*
 * Reads it and verifies its signature, by whatever key: a bundle of another
 * channel or id, of a later epoch than the configured one, or without a good
 * signature is ERR_DENIED, because nothing may be built on it.
 */
int current_read(git_repository *repo, const struct channel_config *ch,
		 struct current *ret, struct err *err);
/*
 * The same for who has no settings for the channel yet: whatever id and epoch
 * it has. ret->id is "" where there is none.
 */
int current_read_any(git_repository *repo, const char *channel,
		     struct current *ret, struct err *err);
/* The same for any bundle of the channel, by its id; epochs are not judged. */
int current_read_id(git_repository *repo, const struct channel_config *ch,
		    const char *id, struct current *ret, struct err *err);

#endif
