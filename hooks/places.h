/*
 * Where the host keeps its files, and that no two of them share a folder:
 *
 *	<git_dir>/windlass/<channel>/	a channel's lock, settings, allowances
 *	<git_dir>/windlass/publish.sock, serve.start, tidy.lock
 *	<publish_dir>/<channel>/	what everybody may read
 *
 * A channel's name has no dot, so the files beside the channels' folders
 * cannot be taken for one. A published folder can: `public`, the default, is
 * a good name for a channel too. What is published is handed to everybody,
 * so it is never mixed with anything else.
 */
#ifndef HOOKS_PLACES_H
#define HOOKS_PLACES_H

#include "hooks/host-config.h"

/*
 * 0 if every folder of the configuration is one of its own. Symlinks are
 * followed, folders need not be there. ERR_INVALID names the two that meet
 * and what to change.
 */
int places_apart(const struct host_config *c, struct err *err);

#endif
