/*
 * The cache of one channel: a bare Git repository in the state directory
 * with the bundles that are at hand. No alternates, no replace refs, no
 * configuration but its own. It can be deleted at any time: what is read
 * from it is compared with a digest that comes from a signed commit.
 */
#ifndef ENGINE_CACHE_H
#define ENGINE_CACHE_H

#include <git2.h>
#include <stdbool.h>
#include <stddef.h>

#include "engine/packscan.h"
#include "schema/base/buf.h"
#include "schema/base/err.h"
#include "schema/bundle.h"

struct cache {
	char *path;
	git_repository *repo;
	git_odb *odb;
};

/*
 * Settings of libgit2 for a process that has caches: no system or user
 * configuration, no object cache, bounded maps. Once, before all else.
 */
int cache_setup(struct err *err);

/* Opens it, and makes it first when it is not there. What is there and is no
 * repository is removed and made anew. */
int cache_open(const char *path, struct cache *ret, struct err *err);
void cache_close(struct cache *c);
/* Removes all that is in it; c stays usable. */
int cache_reset(struct cache *c, struct err *err);
/* Lets it see packs that another process put in, or took out. */
int cache_refresh(struct cache *c, struct err *err);

/* Is this commit there? */
bool cache_has(const struct cache *c, const char *commit);
/* A packscan_base_fn; arg is the struct cache. */
int cache_base(void *arg, const uint8_t id[20], uint64_t *ret_size,
	       enum pack_type *ret_type);

/*
 * Appends an object, which must be of the type and fit the buffer. -1 with
 * ERR_TRANSIENT when it is not at hand, ERR_DENIED when it is something
 * else, ERR_INTERNAL when the cache is damaged.
 */
int cache_read(const struct cache *c, const git_oid *id, git_object_t type,
	       struct buf *ret, struct err *err);

#define CACHE_PACK_NAME_SIZE 72		/* "pack-<40 hex>" */

/*
 * Gives a scanned pack file to libgit2's indexer, which completes it if it
 * is thin, and puts it into the cache. *ret_name is its name without
 * suffix, "" if the cache had that pack already. ERR_DENIED when the indexer
 * refuses it.
 */
int cache_index(struct cache *c, const char *pack_file,
		char ret_name[CACHE_PACK_NAME_SIZE], struct err *err);
/* Takes a pack out again: what it brought was refused. */
void cache_drop(struct cache *c, const char *name);
/* Packs that are there, and their bytes. */
size_t cache_packs(const struct cache *c, uint64_t *ret_bytes);

/*
 * Points refs/windlass/<channel> at the bundle, for people who look into the
 * cache with git; nothing here reads it.
 */
int cache_set_ref(struct cache *c, const char *channel, const char *bundle,
		  struct err *err);

#endif
