/*
 * Which channels a push is about. Where many follow one ref, nearly all of
 * them find the same manifests as before, and are not to cost a publishing
 * each.
 */
#ifndef HOOKS_CONCERN_H
#define HOOKS_CONCERN_H

#include <git2.h>
#include <stdbool.h>

#include "hooks/host-config.h"
#include "schema/base/digest.h"

/* with so many channels or fewer each is judged and reported by itself */
#define CONCERN_FEW 20

/*
 * True if there is nothing to do for the channel at this tip: its current
 * bundle is announced, was made by the settings of now, and of a commit that
 * has the same at all of the channel's paths. False where that is not so or
 * cannot be told, and always for a channel that looks at who made the
 * commits and pushes. No signature is verified, so nothing may be built on
 * it.
 *
 * Who publishes nothing because of it holds the channel's lock (job_lock), or
 * another push that is just being published may make the answer another. Who
 * only judges a push needs none: the same manifests were judged before.
 */
bool concern_none(git_repository *repo, const struct host_config *host,
		  const struct channel_config *ch, const char *tip);

/*
 * The same for what the channel's ref is now, under its lock; false where
 * somebody else has that, and where clones are told that something waits: what
 * changes nothing takes back what did.
 */
bool concern_nothing_now(git_repository *repo, const struct host_config *host,
			 const struct channel_config *ch);

/*
 * A digest of what the channel reads of a commit's tree: what stands at its
 * paths, and at those of its definitions that are in the tree. Two commits of
 * one digest are the same to it, settings apart.
 */
int concern_content(git_repository *repo, const struct channel_config *ch,
		    const char *commit, struct sha256 *ret, struct err *err);

#endif
