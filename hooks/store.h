/*
 * New Git objects on their way to the disk: kept in memory until all of them
 * are known, so that a tip that is refused leaves nothing behind, then
 * written durably, as one pack. A bundle that changes one object has some
 * fifteen new ones; loose, each would need two fsyncs, which is most of the
 * time of a push. The small packs are put together later (tidy.h).
 */
#ifndef HOOKS_STORE_H
#define HOOKS_STORE_H

#include <git2.h>

#include "schema/base/err.h"

struct store;

/* On the repository of this folder, by a handle of its own. */
int store_open(const char *git_dir, struct store **ret, struct err *err);
/* Adds one, unless the repository has it already. */
int store_write(struct store *s, git_object_t type, const void *data,
		size_t len, git_oid *ret, struct err *err);
/* Writes all of them; they are durable when it returns. */
int store_flush(struct store *s, struct err *err);
/* What was not flushed is forgotten. */
void store_free(struct store *s);

#endif
