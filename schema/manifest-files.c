/*
 * The walk of the source. See manifest-files.h. Trusts the repository's objects to
 * be well-formed Git (libgit2 checks their ids); refuses everything in them
 * that is not a plain manifest file, and more entries than a channel may
 * have: a few small trees that name each other can stand for billions.
 */
#include "config.h"
#include "schema/manifest-files.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/mem.h"
#include "schema/ignore.h"
#include "schema/limits.h"
#include "schema/manifest.h"
#include "schema/origins.h"
#include "schema/repo.h"
#include "schema/sums.h"

#define READ_EVERYTHING 1

static const struct mark nowhere;

struct walk {
	git_repository *repo;
	const char *channel;
	bool everything;		/* there is no old side */
	struct ignore *ignore;
	struct manifest_files *out;
	struct problems *ps;
	struct err *err;
	size_t entries;			/* looked at so far */
	size_t root_len;		/* of the channel's path and its '/' */
	char path[LIMIT_PATH_BYTES + 1];
};

static int walk_dir(struct walk *w, size_t len, int depth,
		    const git_oid *old_id, const git_oid *new_id);

static bool ignored(struct walk *w)
{
	return ignore_match(w->ignore, w->path + w->root_len);
}

static int entry_cmp(const git_tree_entry *a, const git_tree_entry *b)
{
	return tree_name_cmp(git_tree_entry_name(a),
			     git_tree_entry_type(a) == GIT_OBJECT_TREE,
			     git_tree_entry_name(b),
			     git_tree_entry_type(b) == GIT_OBJECT_TREE);
}

static int path_push(struct walk *w, size_t len, const char *name)
{
	return manifest_path_push(w->path, len, name, w->err);
}

static void add_file(struct walk *w, const git_oid *old_id,
		     const git_oid *new_id)
{
	struct manifest_files *s = w->out;
	struct manifest_file f = {
		.path = arena_strdup(&s->arena, w->path),
		.has_old = old_id != NULL,
		.has_new = new_id != NULL,
	};

	if (old_id)
		f.old_id = *old_id;
	if (new_id)
		f.new_id = *new_id;
	if (s->n == s->alloc) {
		s->alloc = s->alloc ? s->alloc * 2 : 16;
		s->v = xreallocarray(s->v, s->alloc, sizeof(*s->v));
	}
	s->v[s->n++] = f;
}

static bool is_file(const git_tree_entry *e)
{
	return e && git_tree_entry_type(e) == GIT_OBJECT_BLOB &&
	       git_tree_entry_filemode(e) != GIT_FILEMODE_LINK;
}

static void refuse_entry(struct walk *w, const git_tree_entry *e)
{
	/* a pattern "vendor/" means a directory; a submodule is one */
	char below[LIMIT_PATH_BYTES + sizeof("/x")];
	bool module = git_tree_entry_type(e) == GIT_OBJECT_COMMIT;

	snprintf(below, sizeof(below), "%s/x", w->path + w->root_len);
	if (ignored(w) || (module && ignore_match(w->ignore, below)))
		return;
	if (module)
		problem_error(w->ps, w->path, nowhere, "source-submodule",
			      "a submodule cannot be part of a channel: its "
			      "files are not in this repository; copy them, or "
			      "name it in " IGNORE_NAME);
	else
		problem_error(w->ps, w->path, nowhere, "source-symlink",
			      "a symbolic link cannot be part of a channel; "
			      "put the file itself there, or name the link in "
			      IGNORE_NAME);
}

/* A file, link or submodule that differs; either side may be NULL. */
static void visit_leaf(struct walk *w, const git_tree_entry *old,
		       const git_tree_entry *new)
{
	bool has_old = is_file(old), has_new = is_file(new);

	if (new && !has_new)
		refuse_entry(w, new);
	if ((!has_old && !has_new) || !manifest_name_like(w->path) ||
	    ignored(w))
		return;
	if (!manifest_name(w->path)) {
		if (has_new)
			manifest_name_warn(w->path, w->ps);
		return;
	}
	if (has_old && has_new &&
	    git_oid_equal(git_tree_entry_id(old), git_tree_entry_id(new)))
		return;
	if (has_new && !origin_path_ok(w->path)) {
		problem_error(w->ps, w->path, nowhere, "source-name",
			      "a manifest's path must be UTF-8 without control "
			      "characters; rename it");
		return;
	}
	add_file(w, has_old ? git_tree_entry_id(old) : NULL,
		 has_new ? git_tree_entry_id(new) : NULL);
}

static int visit(struct walk *w, size_t len, int depth,
		 const git_tree_entry *old, const git_tree_entry *new)
{
	const git_tree_entry *e = new ? new : old;

	if (old && new &&
	    git_tree_entry_filemode(old) == git_tree_entry_filemode(new) &&
	    git_oid_equal(git_tree_entry_id(old), git_tree_entry_id(new)))
		return 0;
	if (++w->entries > LIMIT_SOURCE_ENTRIES)
		return err_set(w->err, ERR_INVALID,
			       "channel '%s' has more than %d files and "
			       "directories", w->channel, LIMIT_SOURCE_ENTRIES);
	if (ignore_check(w->ignore, w->err) < 0 ||
	    path_push(w, len, git_tree_entry_name(e)) < 0)
		return -1;
	if (git_tree_entry_type(e) != GIT_OBJECT_TREE) {
		visit_leaf(w, old, new);
		return 0;
	}
	return walk_dir(w, strlen(w->path), depth + 1,
			old ? git_tree_entry_id(old) : NULL,
			new ? git_tree_entry_id(new) : NULL);
}

/* The .windlassignore of a directory: 1 if it is not what it was. */
static int take_ignore(struct walk *w, size_t len, const git_tree *old,
		       const git_tree *new)
{
	const git_tree_entry *eo = old ?
		git_tree_entry_byname(old, IGNORE_NAME) : NULL;
	const git_tree_entry *en = new ?
		git_tree_entry_byname(new, IGNORE_NAME) : NULL;
	const char *dir = len > w->root_len ? w->path + w->root_len : "";
	struct buf text = BUF_INIT(LIMIT_IGNORE_BYTES);
	char id[GIT_HEX_SIZE];
	struct err e = ERR_INIT;

	if (!w->everything && old &&
	    (!eo != !en || (eo && !git_oid_equal(git_tree_entry_id(eo),
						 git_tree_entry_id(en)))))
		return READ_EVERYTHING;
	if (!is_file(en))
		return 0;	/* a link is refused as every other one */
	git_oid_tostr(id, sizeof(id), git_tree_entry_id(en));
	if (repo_read(w->repo, id, GIT_OBJECT_BLOB, &text, &e) < 0 ||
	    ignore_add(w->ignore, dir, text.data, text.len, &e) < 0) {
		problem_error(w->ps, w->path, nowhere, "source-ignore",
			      IGNORE_NAME ": %s", e.msg);
	}
	buf_release(&text);
	return 0;
}

/* True if the directory is for another tool, and was refused. */
static bool needs_renderer(struct walk *w, size_t len, const git_tree *new)
{
	for (const struct manifest_tool *t = manifest_tools; t->file; t++) {
		const git_tree_entry *e = git_tree_entry_byname(new, t->file);

		if (!e || !is_file(e) || path_push(w, len, t->file) < 0 ||
		    ignored(w))
			continue;
		manifest_tool_refuse(t, w->path, w->ps);
		return true;
	}
	w->path[len] = '\0';
	return false;
}

static int merge(struct walk *w, size_t len, int depth, const git_tree *old,
		 const git_tree *new)
{
	size_t n_old = old ? git_tree_entrycount(old) : 0;
	size_t n_new = new ? git_tree_entrycount(new) : 0;
	size_t i = 0, j = 0;

	while (i < n_old || j < n_new) {
		const git_tree_entry *a = i < n_old ?
			git_tree_entry_byindex(old, i) : NULL;
		const git_tree_entry *b = j < n_new ?
			git_tree_entry_byindex(new, j) : NULL;
		int c = !a ? 1 : !b ? -1 : entry_cmp(a, b);
		int rc = visit(w, len, depth, c <= 0 ? a : NULL,
			       c >= 0 ? b : NULL);

		if (rc)
			return rc;
		i += c <= 0;
		j += c >= 0;
	}
	return 0;
}

/* path[0..len) is the directory. 0, READ_EVERYTHING, or -1. */
/*
 * Git's fsck refuses what is refused here, where it is turned on; libgit2
 * reads it, and finds names by their order. A path must be one, and each name
 * stand once: of two files of one name people would be shown the other.
 */
static int check_order(struct walk *w, const git_tree *tree)
{
	const git_tree_entry *before = NULL;

	for (size_t i = 0; i < git_tree_entrycount(tree); i++) {
		const git_tree_entry *e = git_tree_entry_byindex(tree, i);
		const char *name = git_tree_entry_name(e);

		if (!*name || strchr(name, '/') || !strcmp(name, ".") ||
		    !strcmp(name, "..") ||
		    (before && entry_cmp(before, e) >= 0))
			return err_set(w->err, ERR_INVALID, "the directory "
				       "'%.200s' has an entry '%.200s' that "
				       "no Git tree may have there, by its "
				       "name or its place: see git fsck",
				       w->path, name);
		before = e;
	}
	return 0;
}

static int walk_dir(struct walk *w, size_t len, int depth,
		    const git_oid *old_id, const git_oid *new_id)
{
	git_tree *old = NULL, *new = NULL;
	int rc;

	if (depth > LIMIT_SOURCE_DEPTH)
		return err_set(w->err, ERR_INVALID,
			       "'%.100s...' is more than %d directories deep",
			       w->path, LIMIT_SOURCE_DEPTH);
	if (old_id && git_tree_lookup(&old, w->repo, old_id) < 0)
		return READ_EVERYTHING;
	if (new_id && git_tree_lookup(&new, w->repo, new_id) < 0) {
		rc = repo_err(w->err, ERR_INTERNAL, "cannot read '%s'",
			      w->path);
		goto out;
	}
	rc = new ? check_order(w, new) : 0;
	if (!rc)
		rc = take_ignore(w, len, old, new);
	if (rc)
		goto out;
	if (new && needs_renderer(w, len, new))
		goto out;
	rc = merge(w, len, depth, old, new);
out:
	git_tree_free(old);
	git_tree_free(new);
	return rc;
}

/* What stands at a path of the channel; *ret_mode 0 if nothing does. */
static int find_root(struct walk *w, const git_oid *tree, const char *path,
		     git_oid *ret_id, unsigned *ret_mode)
{
	int rc;

	*ret_mode = 0;
	if (!tree)
		return 0;
	if (!*path) {
		*ret_id = *tree;
		*ret_mode = GIT_FILEMODE_TREE;
		return 0;
	}
	rc = repo_tree_entry(w->repo, tree, path, ret_id, ret_mode, w->err);
	if (rc == 1)
		*ret_mode = 0;
	return rc < 0 ? -1 : 0;
}

static void refuse_root(struct walk *w, const char *path, unsigned mode)
{
	if (mode)
		problem_error(w->ps, path, nowhere, "source-path",
			      "the path of channel '%s' is no directory",
			      w->channel);
	else
		problem_error(w->ps, path, nowhere, "source-path",
			      "channel '%s' reads this path, which the tip "
			      "does not have; an empty source never means "
			      "\"delete all\": push the path, or change "
			      "windlass.%s.path at the Git host", w->channel,
			      w->channel);
}

static int walk_root(struct walk *w, const char *path, const git_oid *old,
		     const git_oid *new)
{
	git_oid old_id, new_id;
	unsigned old_mode, new_mode;
	size_t len = strlen(path);
	bool had;
	int rc;

	if (find_root(w, old, path, &old_id, &old_mode) < 0)
		return READ_EVERYTHING;
	if (find_root(w, new, path, &new_id, &new_mode) < 0 ||
	    ignore_new(&w->ignore) < 0)
		return -1;
	if (new_mode != GIT_FILEMODE_TREE) {
		refuse_root(w, *path ? path : ".", new_mode);
		return 0;
	}
	had = old_mode == GIT_FILEMODE_TREE;
	if (had && git_oid_equal(&old_id, &new_id))
		return 0;
	w->path[0] = '\0';
	if (path_push(w, 0, path) < 0)
		return -1;
	w->root_len = len ? len + 1 : 0;
	rc = walk_dir(w, len, 0, had ? &old_id : NULL, &new_id);
	return rc ? rc : ignore_check(w->ignore, w->err);
}

int manifest_files_diff(git_repository *repo, const char *channel,
			const struct strvec *paths, const git_oid *old,
			const git_oid *new, struct manifest_files *ret,
			struct problems *ps, struct err *err)
{
	struct manifest_files out = MANIFEST_FILES_INIT;
	struct problems found = PROBLEMS_INIT;
	struct walk w = {
		.repo = repo, .channel = channel, .everything = !old,
		.out = &out, .ps = &found, .err = err,
	};
	int rc = 0;

	for (size_t i = 0; !rc && i < paths->n; i++) {
		rc = walk_root(&w, paths->v[i], old, new);
		ignore_free(w.ignore);
		w.ignore = NULL;
	}
	if (rc) {
		manifest_files_release(&out);
	} else {
		*ret = out;
		problems_move(ps, &found);
	}
	problems_release(&found);
	return rc;
}

int manifest_files_missing(git_repository *repo, const struct strvec *paths,
			   const git_oid *tree, const char **ret_path,
			   struct err *err)
{
	struct walk w = { .repo = repo, .err = err };
	const char *missing = NULL;
	git_oid id;
	unsigned mode;

	for (size_t i = 0; !missing && i < paths->n; i++) {
		if (find_root(&w, tree, paths->v[i], &id, &mode) < 0)
			return -1;
		if (!mode)
			missing = paths->v[i];
	}
	*ret_path = missing;
	return 0;
}

/* Appends one component. -1 when it may not stand in a path. */
static int add_component(struct buf *out, const char *s, size_t len)
{
	if (!len || (len == 1 && s[0] == '.'))
		return 0;
	if (len == 2 && s[0] == '.' && s[1] == '.')
		return -1;
	if (out->len)
		buf_addc(out, '/');
	buf_add(out, s, len);
	return 0;
}

int manifest_path_take(const char *v, struct strvec *ret, struct err *err)
{
	struct buf path = BUF_INIT(LIMIT_PATH_BYTES);
	int rc = 0;

	for (const char *s = v; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			rc = -1;
	for (const char *s = v; !rc && *s;) {
		size_t len = strcspn(s, "/");

		rc = add_component(&path, s, len);
		s += len + (s[len] == '/');
	}
	if (rc < 0 || !buf_ok(&path))
		rc = err_set(err, ERR_INVALID, "must be a path in the "
			     "repository, without .. and at most %d bytes",
			     LIMIT_PATH_BYTES);
	else if (!strvec_has(ret, path.data))
		strvec_push(ret, path.data);
	buf_release(&path);
	return rc;
}

void manifest_files_release(struct manifest_files *s)
{
	free(s->v);
	arena_release(&s->arena);
	*s = (struct manifest_files)MANIFEST_FILES_INIT;
}
