/*
 * Stock git as a child: in this repository and no other, with no replace
 * refs, no quarantine of a hook around it, and no questions.
 */
#ifndef HOOKS_GIT_H
#define HOOKS_GIT_H

#include <stddef.h>

#include "hooks/host-config.h"

/*
 * Runs `git ARGV...`; argv is NULL-terminated and lacks "git". stdin is the
 * bytes in; stdout goes to the descriptor, or nowhere if it is 0. ERR_INTERNAL
 * with git's first line of complaint when it fails.
 */
int git_run(const struct host_config *host, const char *const *argv,
	    const void *in, size_t in_len, int out_fd, struct err *err);

/*
 * The same for one whose end is not an error by itself: its exit status, and
 * what it says on stderr, appended to diag. Its stdout goes nowhere. It is
 * killed, with all that it started, after so long (proc.h).
 */
int git_try(const struct host_config *host, const char *const *argv,
	    int timeout_ms, struct buf *diag, int *ret_status,
	    struct err *err);

#endif
