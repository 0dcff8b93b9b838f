/*
 * The short-lived child of the fetching child that works on whole packs: it
 * can take minutes, can be killed, and has limits of its own, so that one
 * channel's large or hostile pack delays no other.
 *
 *   pack-child index REPOSITORY PACK
 *       gives a scanned pack to libgit2's indexer (cache_index)
 *   pack-child compact REPOSITORY NEW BUNDLE...
 *       writes a repository with one pack: each bundle with its tree, and
 *       the commits between the first bundle and the last
 *
 * It answers on ROLE_FD with one line: "ok <pack name>", or
 * "<error class> <message>".
 */
#ifndef ENGINE_PACK_CHILD_H
#define ENGINE_PACK_CHILD_H

#include <stdbool.h>

#include "engine/loop.h"
#include "schema/base/err.h"

#define PACK_CHILD_LINE 1024

/* The role itself; argv begins with the verb. The exit status. */
int pack_child_main(int argc, char **argv, int fd);

/* ---- for the fetching child ---- */

struct pack_job;

/*
 * Starts one; args are verb and arguments, ending in NULL. done is called
 * once, from the loop: with the pack's name ("" if the cache had it), or
 * with err.
 */
int pack_job_start(struct loop *l, const char *const *args,
		   void (*done)(void *arg, const char *name,
				const struct err *err),
		   void *arg, struct pack_job **ret, struct err *err);
/* Kills it; done is not called. NULL is nothing. */
void pack_job_cancel(struct pack_job *j);

#endif
