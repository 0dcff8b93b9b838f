/*
 * Children of windlassd: the same binary, run again in another role with
 * nothing of the parent's but one descriptor. There are two:
 *
 *   fetch-child   fetches and verifies (engine/fetch-child.h); one for each
 *                 windlassd, speaks to it over a socketpair
 *   pack-child    gives one pack to libgit2's indexer, or writes the cache
 *                 anew (engine/pack-child.h); of the fetch-child, short-lived
 *
 * A child has no environment but a short list (no KUBECONFIG, nothing that
 * names a credential), no descriptors but stdin (/dev/null), stdout and
 * stderr (our stderr) and ROLE_FD, no way to gain privileges, and limits on
 * memory, processor time, descriptors and file size. It dies with its parent.
 * engine/confine.h is what each does to itself once it knows its folder.
 */
#ifndef ENGINE_ROLE_H
#define ENGINE_ROLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "schema/base/err.h"

#define ROLE_FD 3

/* The address sanitizer reserves terabytes of address space, and reads how
 * its process is laid out. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ROLE_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ROLE_SANITIZED
#endif

#define ROLE_FETCH "fetch-child"
#define ROLE_PACK "pack-child"

/*
 * The first thing in main of a program that has such children: if argv[1]
 * names a role it is played to its end, *ret_status is the exit status, and
 * the answer is true.
 */
bool role_play(int argc, char **argv, int *ret_status);

struct role_limits {
	uint64_t memory;	/* bytes of address space; 0: none */
	uint64_t cpu;		/* seconds; 0: none */
	uint64_t file;		/* bytes of one file */
	uint64_t files;		/* open descriptors */
};

/*
 * Starts /proc/self/exe with argv { program, role, args... }, args ending in
 * NULL. fd becomes its ROLE_FD and is closed here, also on failure.
 */
int role_spawn(const char *role, const char *const *args, int fd,
	       const struct role_limits *limits, pid_t *ret_pid,
	       struct err *err);

#endif
