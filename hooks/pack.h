/*
 * Published files of a channel: <publish>/<channel>/packs/<sha256>, each
 * named by its digest and never changed. Packs are what stock git's
 * `git pack-objects` gives, so anybody can make and check them.
 */
#ifndef HOOKS_PACK_H
#define HOOKS_PACK_H

#include <stdbool.h>

#include "hooks/current.h"
#include "hooks/store.h"
#include "schema/base/map.h"
#include "schema/head.h"

/*
 * How long a file stays after nothing names it any more: an engine that has
 * just read the old head or index can still fetch what they name.
 */
#define PACK_LINGER_SECONDS (15 * 60)

/* The folder of a channel's published files, made if missing, 0750. */
int pack_dir(const struct host_config *host, const struct channel_config *ch,
	     struct buf *ret_path, struct err *err);
/* "<folder>/packs/<sha256>" */
int pack_path(const struct host_config *host, const struct channel_config *ch,
	      const struct sha256 *digest, struct buf *ret_path,
	      struct err *err);

/*
 * Making files: their bytes are on the disk when these return, their names
 * after pack_sync, which comes before anything that refers to them.
 */
int pack_sync(const struct host_config *host, const struct channel_config *ch,
	      struct err *err);

/*
 * The thin pack of what `to` has and `from` has not. By the store that just
 * made `to` of `from`, which knows it; by stock git where that is NULL or
 * does not (too many objects, or another run made them).
 */
int pack_make_delta(const struct host_config *host,
		    const struct channel_config *ch, const struct store *store,
		    const char *from, const char *to, struct pack_ref *ret,
		    struct err *err);
/* A whole pack: the bundle's tree and the commits of its epoch. */
int pack_make_base(git_repository *repo, const struct host_config *host,
		   const struct channel_config *ch, const char *bundle,
		   struct pack_ref *ret, struct err *err);
/* A text (index, approvals) as such a file. */
int pack_keep_text(const struct host_config *host,
		   const struct channel_config *ch, const void *text,
		   size_t len, struct pack_ref *ret, struct err *err);

/* True if the file is there with this length. */
bool pack_there(const struct host_config *host,
		const struct channel_config *ch, const struct pack_ref *ref);
/* Notes the time at which nothing new names it any more. */
void pack_let_go(const struct host_config *host,
		 const struct channel_config *ch, const struct pack_ref *ref);
/*
 * Removes files that `keep` (digests in hex) lacks and that were let go, or
 * left unfinished, longer ago than PACK_LINGER_SECONDS.
 */
int pack_sweep(const struct host_config *host,
	       const struct channel_config *ch, const struct map *keep,
	       struct err *err);

#endif
