/*
 * The source of a channel: which manifests a tip has, and which of them
 * differ from those that the last bundle was made of. Two Git trees are
 * walked side by side and equal subtrees are skipped, so the cost follows
 * the change, not the repository.
 */
#ifndef SCHEMA_MANIFEST_FILES_H
#define SCHEMA_MANIFEST_FILES_H

#include <git2.h>
#include <stdbool.h>
#include <stddef.h>

#include "schema/base/arena.h"
#include "schema/base/err.h"
#include "schema/base/strvec.h"
#include "schema/problem.h"

/* One manifest that differs. At least one side is there. */
struct manifest_file {
	const char *path;	/* in the repository */
	bool has_old, has_new;
	git_oid old_id, new_id;	/* blobs */
};

struct manifest_files {
	struct manifest_file *v;	/* in the order of the trees */
	size_t n, alloc;
	struct arena arena;	/* holds the paths */
};

#define MANIFEST_FILES_INIT { 0 }

/*
 * The manifests below the channel's paths that differ from `old` to `new`,
 * both trees; with old NULL all of new. What may not be there (symbolic
 * links, submodules, directories that need a renderer, unprintable names)
 * is a problem of its path, as is a path of the channel that new lacks.
 *
 * 1, with nothing in ret or ps, when only reading everything can tell: an
 * .windlassignore differs, or old is not in the repository any more.
 */
int manifest_files_diff(git_repository *repo, const char *channel,
			const struct strvec *paths, const git_oid *old,
			const git_oid *new, struct manifest_files *ret,
			struct problems *ps, struct err *err);
void manifest_files_release(struct manifest_files *s);
/*
 * A path of a channel as an admin writes it, in its one form, added to the
 * list: "./a//b/" becomes "a/b"; "", "." and "/" are the whole tree, "".
 * ERR_INVALID for one with ".." or control bytes.
 */
int manifest_path_take(const char *v, struct strvec *ret, struct err *err);
/*
 * The first of the channel's paths that the tree has nothing at, NULL when
 * there is none such.
 */
int manifest_files_missing(git_repository *repo, const struct strvec *paths,
			   const git_oid *tree, const char **ret_path,
			   struct err *err);

#endif
