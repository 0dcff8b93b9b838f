/*
 * New Git objects on their way to the disk. They go into one pack, which
 * appears in the repository when all of them are known: a tip that is
 * refused leaves nothing behind, and a bundle that changes one object, which
 * has some fifteen new ones, costs three fsyncs and not thirty. The small
 * packs are put together later (tidy.h).
 *
 * Whoever makes an object of an older one says so, and how they differ.
 * From that comes the thin pack that engines fetch, without looking for
 * differences that were known all the time.
 */
#ifndef HOOKS_STORE_H
#define HOOKS_STORE_H

#include <git2.h>
#include <stdbool.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"

/* new objects beyond which git itself makes the thin pack: then finding
 * the best deltas is worth its time */
#define STORE_THIN_OBJECTS 1000
#define STORE_THIN_BYTES (4u * 1024 * 1024)

struct store;

struct store_object {
	git_object_t type;
	const void *data;
	size_t len;
	const git_oid *base;	/* the object that it replaces, or NULL */
	const struct buf *delta;	/* from there to here; NULL: find out */
	bool ours;		/* names of objects and digests: nobody could
				   choose bytes that collide with others */
};

/* For the repository of this folder, by a handle of its own, which is opened
 * when the first object comes. */
struct store *store_new(const char *git_dir);
/* Adds one; the repository may have it already. */
int store_write(struct store *s, const struct store_object *o, git_oid *ret,
		struct err *err);
/* Puts all of them into the repository, durably. */
int store_flush(struct store *s, struct err *err);
/* What was not flushed is forgotten. */
void store_free(struct store *s);

/*
 * Writes the thin pack of all objects that were added, flushed or not, to a
 * descriptor. 1 and nothing written if there are too many of them.
 */
int store_thin(const struct store *s, int fd, const char *name,
	       struct err *err);

#endif
