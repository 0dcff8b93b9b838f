/*
 * Walking a directory. See sources.h. Trusts the user with the path itself
 * (it may be a link to a directory), nothing below it: no link is followed.
 */
#include "config.h"
#include "engine/cli/sources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "schema/base/fs.h"
#include "schema/ignore.h"
#include "schema/limits.h"
#include "schema/manifest.h"
#include "schema/origins.h"

static const struct mark nowhere;

struct walk {
	struct ignore *ignore;
	struct strvec *out;
	struct problems *ps;
	struct err *err;
	size_t entries;		/* looked at so far */
	size_t root_len;	/* of the directory and its '/' */
	char path[LIMIT_PATH_BYTES + 1];
};

static bool ignored(struct walk *w)
{
	return ignore_match(w->ignore, w->path + w->root_len);
}

static int path_push(struct walk *w, size_t len, const char *name)
{
	return manifest_path_push(w->path, len, name, w->err);
}

/* What lstat says of path/name; false if there is no such thing. */
static bool look(struct walk *w, size_t len, const char *name,
		 struct stat *ret)
{
	return !path_push(w, len, name) && !lstat(w->path, ret);
}

static int take_ignore(struct walk *w, size_t len)
{
	struct buf text = BUF_INIT(LIMIT_IGNORE_BYTES);
	char dir[LIMIT_PATH_BYTES + 1] = "";
	struct err e = ERR_INIT;
	struct stat st;

	if (len > w->root_len)
		memcpy(dir, w->path + w->root_len, len - w->root_len);
	dir[len > w->root_len ? len - w->root_len : 0] = '\0';
	if (!look(w, len, IGNORE_NAME, &st) || !S_ISREG(st.st_mode))
		return 0;	/* a link is refused as every other one */
	if (fs_read(AT_FDCWD, w->path, &text, &e) < 0 ||
	    ignore_add(w->ignore, dir, text.data, text.len, &e) < 0)
		problem_error(w->ps, w->path, nowhere, "source-ignore", "%s",
			      e.msg);
	buf_release(&text);
	return 0;
}

/* True if the directory is for another tool, and was refused. */
static bool needs_tool(struct walk *w, size_t len)
{
	struct stat st;

	for (const struct manifest_tool *t = manifest_tools; t->file; t++) {
		if (!look(w, len, t->file, &st) || !S_ISREG(st.st_mode) ||
		    ignored(w))
			continue;
		manifest_tool_refuse(t, w->path, w->ps);
		return true;
	}
	return false;
}

/* True if the directory is a repository of its own: a submodule to Git. */
static bool is_submodule(struct walk *w, size_t len)
{
	struct stat st;

	if (!look(w, len, ".git", &st))
		return false;
	w->path[len] = '\0';
	if (!ignored(w))
		problem_error(w->ps, w->path, nowhere, "source-submodule",
			      "a submodule cannot be part of a channel: its "
			      "files are not in this repository; copy them, or "
			      "name it in " IGNORE_NAME);
	return true;
}

static int walk_dir(struct walk *w, size_t len, int depth);

/* The directory mostly says what an entry is; else lstat does. */
static int look_at(struct walk *w, const struct dirent *e, mode_t *ret)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN) {
		*ret = DTTOIF(e->d_type);
		return 0;
	}
	if (lstat(w->path, &st) < 0)
		return err_sys(w->err, "cannot look at '%s'", w->path);
	*ret = st.st_mode;
	return 0;
}

static int visit(struct walk *w, size_t len, int depth,
		 const struct dirent *e)
{
	mode_t mode;

	if (++w->entries > LIMIT_SOURCE_ENTRIES)
		return err_set(w->err, ERR_INVALID,
			       "'%.*s' has more than %d files and directories",
			       (int)w->root_len, w->path, LIMIT_SOURCE_ENTRIES);
	if (ignore_check(w->ignore, w->err) < 0 ||
	    path_push(w, len, e->d_name) < 0 || look_at(w, e, &mode) < 0)
		return -1;
	if (S_ISDIR(mode))
		return walk_dir(w, strlen(w->path), depth + 1);
	if (S_ISLNK(mode) && !ignored(w))
		problem_error(w->ps, w->path, nowhere, "source-symlink",
			      "a symbolic link cannot be part of a channel; "
			      "put the file itself there, or name the link in "
			      IGNORE_NAME);
	if (!S_ISREG(mode) || !manifest_name_like(w->path) || ignored(w))
		return 0;
	if (!manifest_name(w->path))
		manifest_name_warn(w->path, w->ps);
	else if (origin_path_ok(w->path))
		strvec_push(w->out, w->path);
	else
		problem_error(w->ps, w->path, nowhere, "source-name",
			      "a manifest's path must be UTF-8 without control "
			      "characters; rename it");
	return 0;
}

static int not_special(const struct dirent *e)
{
	return strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
	       strcmp(e->d_name, ".git");
}

/* path[0..len) is the directory, "" the one where we are. */
static int walk_dir(struct walk *w, size_t len, int depth)
{
	struct dirent **names = NULL;
	int n, rc = 0;

	if (depth > LIMIT_SOURCE_DEPTH)
		return err_set(w->err, ERR_INVALID,
			       "'%.100s...' is more than %d directories deep",
			       w->path, LIMIT_SOURCE_DEPTH);
	if (depth && is_submodule(w, len))
		return 0;
	take_ignore(w, len);
	if (needs_tool(w, len))
		return 0;
	w->path[len] = '\0';
	n = scandir(len ? w->path : ".", &names, not_special, NULL);
	if (n < 0)
		return err_sys(w->err, "cannot read directory '%s'",
			       len ? w->path : ".");
	for (int i = 0; i < n; i++) {
		if (!rc)
			rc = visit(w, len, depth, names[i]);
		free(names[i]);
	}
	free(names);
	return rc;
}

/* "a/b" of "./a//b/"; "" of ".". Good enough to be read and compared. */
static void clean_path(const char *path, char *out, size_t size)
{
	size_t len;

	while (path[0] == '.' && (path[1] == '/' || !path[1])) {
		path += path[1] ? 2 : 1;
		path += strspn(path, "/");
	}
	snprintf(out, size, "%s", path);
	for (len = strlen(out); len > 1 && out[len - 1] == '/'; len--)
		out[len - 1] = '\0';
}

static int find_below(const char *path, struct strvec *found,
		      struct problems *ps, struct err *err)
{
	struct walk w = { .out = found, .ps = ps, .err = err };
	size_t errors = ps->errors, len;
	int rc;

	clean_path(path, w.path, sizeof(w.path));
	len = strlen(w.path);
	w.root_len = len ? len + (w.path[len - 1] != '/') : 0;
	if (ignore_new(&w.ignore) < 0)
		return -1;
	rc = walk_dir(&w, len, 0);
	if (!rc)
		rc = ignore_check(w.ignore, err);
	ignore_free(w.ignore);
	if (!rc && !found->n && ps->errors == errors)
		problem_error(ps, path, nowhere, "source-empty",
			      "no *.yaml, *.yml or *.json here, and an empty "
			      "source never means \"delete all\"");
	return rc;
}

int sources_find(const char *path, struct strvec *ret, struct problems *ps,
		 struct err *err)
{
	struct strvec found = STRVEC_INIT;
	char clean[LIMIT_PATH_BYTES + 1];
	struct stat st;
	int rc = 0;

	if (strlen(path) > LIMIT_PATH_BYTES)
		return err_set(err, ERR_INVALID, "'%.100s...' is longer than "
			       "%d bytes", path, LIMIT_PATH_BYTES);
	if (!strcmp(path, "-")) {
		strvec_push(ret, path);
		return 0;
	}
	if (stat(path, &st) < 0)
		return err_sys(err, "cannot look at '%s'", path);
	if (S_ISDIR(st.st_mode)) {
		rc = find_below(path, &found, ps, err);
	} else {
		clean_path(path, clean, sizeof(clean));
		strvec_push(&found, clean);
	}
	strvec_sort(&found);
	for (size_t i = 0; !rc && i < found.n; i++)
		strvec_push(ret, found.v[i]);
	strvec_release(&found);
	return rc;
}
