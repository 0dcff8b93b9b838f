/*
 * What this machine must be like before anything is written or signed on it:
 * an owner, modes that keep strangers out, room, and a clock. `init` asks
 * first, `pre-receive` asks what publishing would need, `doctor` always.
 */
#ifndef HOOKS_HOST_CHECK_H
#define HOOKS_HOST_CHECK_H

#include <stdint.h>

#include "hooks/host-config.h"

/* a push needs room for its objects, a pack and a head */
#define HOST_SPACE_BYTES (64ull * 1024 * 1024)
#define HOST_SPACE_FILES 100

/*
 * Each: 0, or -1 with ERR_INVALID saying what is wrong and what to do.
 *
 * owner: whoever runs this owns the repository; what another user wrote
 * there, root too, the hooks could not replace.
 */
int host_check_owner(const char *git_dir, struct err *err);
/*
 * modes: nobody but owner and group can write what decides who signs: the
 * repository's folder, its settings and hooks, ours, the published one. A
 * name that does not exist is passed over.
 */
int host_check_modes(const char *git_dir, const char *publish_dir,
		     struct err *err);
/* writable: the file system of the folder, or of the one above it where it is
 * not made yet, takes files. */
int host_check_writable(const char *dir, struct err *err);
/* space: that, and room. */
int host_check_space(const char *dir, struct err *err);
/* clock: not before windlass was written. */
int host_check_clock(struct err *err);

#endif
