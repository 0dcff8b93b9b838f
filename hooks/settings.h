/*
 * The settings that decide what the source of a channel means: when one of
 * them differs from what the current bundle was made by, every file is read
 * again, not only those that changed.
 */
#ifndef HOOKS_SETTINGS_H
#define HOOKS_SETTINGS_H

#include <git2.h>
#include <stdbool.h>

#include "hooks/host-config.h"
#include "schema/base/digest.h"

/*
 * Over the channel's settings, the renderer, this version of windlass, and
 * what `crds` names (files of the host by size and time, those of the tip's
 * tree by id).
 */
int settings_digest(git_repository *repo, const struct channel_config *ch,
		    const git_oid *tree, struct sha256 *ret, struct err *err);

/*
 * The file <channel>/settings: "<bundle> <digest>". True only if it says
 * that this bundle was made by these settings; a missing or torn file says
 * no, which costs time and nothing else.
 */
bool settings_match(const struct host_config *host,
		    const struct channel_config *ch, const char *bundle,
		    const struct sha256 *digest);
int settings_keep(const struct host_config *host,
		  const struct channel_config *ch, const char *bundle,
		  const struct sha256 *digest, struct err *err);

#endif
