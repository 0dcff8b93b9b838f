/*
 * Finding bundles in a repository, for the commands that read Git alone: a
 * Git host's bare repository, or any clone that fetched refs/windlass.
 */
#ifndef ENGINE_CLI_BUNDLES_H
#define ENGINE_CLI_BUNDLES_H

#include "schema/node.h"
#include "schema/repo.h"

struct bundle_at {
	char id[GIT_HEX_SIZE];
	struct bundle_commit commit;
};

/* How a person names a bundle, for usage texts. */
#define BUNDLE_NAME_HELP \
"A bundle is CHANNEL (its newest), CHANNEL@SEQUENCE or\n" \
"CHANNEL@EPOCH.SEQUENCE.\n"

/*
 * Opens dir, or dir/.git where that is a clone. NULL: GIT_DIR, or the one that
 * we are in, as for git. A folder that is no repository is ERR_INTERNAL.
 */
int bundles_open(const char *dir, git_repository **ret, struct err *err);

/*
 * Takes a name apart. Numbers that it does not have stay as they are; the
 * caller frees the channel. ERR_INVALID.
 */
int bundle_parse_name(const char *name, char **ret_channel,
		      uint64_t *ret_epoch, uint64_t *ret_sequence,
		      struct err *err);
/* ERR_INVALID if the name is malformed or there is no such bundle. */
int bundle_find(git_repository *repo, const char *name,
		struct bundle_at *ret, struct err *err);
/* The bundle before this one: 0 found, 1 there is none, -1 error. */
int bundle_before(git_repository *repo, const struct bundle_at *of,
		  struct bundle_at *ret, struct err *err);

/*
 * Calls fn for each object that differs between two bundles, in the order
 * of their paths; from NULL means an empty one. op is '+', '~' or '-'; the
 * ids are of the blobs, NULL where there is none. fn returns 0, or -1 to
 * stop with *err.
 */
int bundle_changes(git_repository *repo, const struct bundle_at *from,
		   const struct bundle_at *to,
		   int (*fn)(void *arg, char op, const char *path,
			     const git_oid *old_id, const git_oid *new_id,
			     struct err *err),
		   void *arg, struct err *err);

/* A Secret, whose values are never shown. */
bool bundle_path_is_secret(const char *path);
/* An annotation (or a path that ends with it) in which `kubectl apply`, kapp,
 * Rancher and others keep all of an object as they applied it. */
bool bundle_may_be_copy(const char *annotation);
/*
 * Replaces each value of a Secret by "(hidden, N bytes)": of all fields but
 * those that name and describe it, and in the copies that tools keep in
 * annotations.
 */
void bundle_hide_secret(struct arena *a, struct node *secret);
/* Appends an object as the bundle has it, a Secret with hidden values. */
int bundle_object(git_repository *repo, const char *path,
		  const git_oid *blob, struct buf *out, struct err *err);

#endif
