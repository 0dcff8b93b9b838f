/*
 * What the current bundle holds: which objects are in it, and which of them
 * a file of the source brought.
 */
#ifndef HOOKS_INVENTORY_H
#define HOOKS_INVENTORY_H

#include <git2.h>
#include <stdint.h>

#include "hooks/host-config.h"
#include "schema/base/arena.h"
#include "schema/base/map.h"
#include "schema/object.h"

/* An object of the current bundle whose fate this push decides. */
struct held {
	git_oid blob;
	bool made;		/* the push brings it again */
};

/* Where an object of this push stands in its source. */
struct made {
	const char *file;
	struct mark mark;
};

/*
 * Adds every object of a bundle's tree to `held`: path to struct held *, in
 * the arena.
 */
int inventory_all(git_repository *repo, const git_oid *tree,
		  struct map *held, struct arena *a, struct err *err);

/*
 * Adds the objects that a file of the source brought, by reading what the
 * file said then. Origins say the same, but by kind and not by file: asking
 * them would cost a look at every kind of the bundle.
 *
 * 1 if that cannot be told any more: the text is not readable by this
 * version, or an object of it is not in the bundle. Then everything has to
 * be read again.
 */
int inventory_of_file(git_repository *repo, const git_oid *tree,
		      const struct channel_config *ch, const char *path,
		      const git_oid *blob, struct map *held, struct arena *a,
		      struct err *err);

/* Reads an object of a bundle, whose blob this is; the tree is in the arena. */
int inventory_read(git_repository *repo, const git_oid *blob, struct arena *a,
		   struct node **ret, struct err *err);

/* Where an object came from. 0 found, 1 not there, -1 error. */
int inventory_origin(git_repository *repo, const git_oid *tree,
		     const struct object_id *id, struct arena *a,
		     const char **ret_file, uint32_t *ret_line,
		     struct err *err);

/* Adds the path of every object of a kind, in all namespaces. */
int inventory_of_kind(git_repository *repo, const git_oid *tree,
		      const char *group, const char *kind,
		      struct strvec *ret, struct err *err);

#endif
