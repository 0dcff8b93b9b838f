/*
 * Hook files. See install.h. Foreign hooks are never touched: a server may
 * depend on them, and Gitea and Gitaly write their own anew. In a folder of
 * hooks ours sorts last: GitLab stops at the first refusal, gitolite's
 * driver returns the last status only.
 */
#include "config.h"
#include "hooks/install.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"

#define MARK "# Written by `windlass-hook init`; `windlass-hook doctor` checks it."
#define FOLDER_NAME "zz-windlass"
/* a hook that is larger than this is not ours */
#define LIMIT_HOOK_BYTES 65536

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static bool is_executable(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) &&
	       access(path, X_OK) == 0;
}

/* True if the file can be read and holds the text; links are followed. */
static bool file_has(const char *path, const char *text)
{
	struct buf data = BUF_INIT(LIMIT_HOOK_BYTES);
	struct err err = ERR_INIT;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool found = false;

	if (fd >= 0) {
		found = !fs_read_fd(fd, path, &data, &err) &&
			strstr(data.data, text);
		close(fd);
	}
	buf_release(&data);
	return found;
}

/* core.hooksPath as git resolves it, or <git_dir>/hooks. Malloced. */
static char *hooks_folder(git_repository *repo,
			  const struct host_config *host)
{
	git_buf value = GIT_BUF_INIT;
	git_config *config = NULL;
	char *folder = NULL;

	if (!git_repository_config_snapshot(&config, repo) &&
	    !git_config_get_path(&value, config, "core.hooksPath") &&
	    value.ptr[0])
		folder = value.ptr[0] == '/'
			? xstrdup(value.ptr)
			: xasprintf("%s/%s", host->git_dir, value.ptr);
	git_buf_dispose(&value);
	git_config_free(config);
	return folder ? folder : xasprintf("%s/hooks", host->git_dir);
}

static bool is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return !strncmp(path, folder, len) &&
	       (path[len] == '/' || path[len] == '\0');
}

/* Gitaly keeps custom hooks in a folder of their own. */
static bool is_gitlab(git_repository *repo, const struct host_config *host)
{
	char *custom = xasprintf("%s/custom_hooks", host->git_dir);
	git_buf value = GIT_BUF_INIT;
	git_config *config = NULL;
	bool yes = is_folder(custom);

	if (!yes && !git_repository_config_snapshot(&config, repo))
		yes = !git_config_get_string_buf(&value, config,
						 "gitlab.fullpath");
	git_buf_dispose(&value);
	git_config_free(config);
	free(custom);
	return yes;
}

/* By a link it may be the hooks folder of all repositories of the host. */
static bool is_shared(const char *folder, const struct host_config *host)
{
	char real[PATH_MAX];

	return !is_below(realpath(folder, real) ? real : folder,
			 host->git_dir);
}

static void place_in_hooks(struct hook_place *p, const char *folder,
			   const struct host_config *host)
{
	char *many = xasprintf("%s/%s.d", folder, p->name);

	p->main = xasprintf("%s/%s", folder, p->name);
	if (is_shared(folder, host)) {
		p->layout = HOOK_ELSEWHERE;
		p->file = xstrdup(p->main);
	} else if (!fs_exists(AT_FDCWD, p->main) || file_has(p->main, MARK)) {
		p->layout = HOOK_PLAIN;
		p->file = xstrdup(p->main);
	} else if (is_folder(many)) {
		p->layout = HOOK_FOLDER;
		p->file = xasprintf("%s/" FOLDER_NAME, many);
	} else {
		p->layout = HOOK_BESIDE;
		p->file = xasprintf("%s.windlass", p->main);
	}
	free(many);
}

void hook_place_find(git_repository *repo, const struct host_config *host,
		     const char *name, struct hook_place *ret)
{
	struct hook_place p = { .name = name };
	char *folder;

	if (is_gitlab(repo, host)) {
		p.layout = HOOK_GITLAB;
		p.file = xasprintf("%s/custom_hooks/%s.d/" FOLDER_NAME,
				   host->git_dir, name);
		p.main = xstrdup(p.file);
	} else {
		folder = hooks_folder(repo, host);
		place_in_hooks(&p, folder, host);
		free(folder);
	}
	*ret = p;
}

void hook_place_release(struct hook_place *p)
{
	free(p->main);
	free(p->file);
	*p = (struct hook_place){ 0 };
}

/* The absolute path of this program. */
static int own_path(char *out, size_t size, struct err *err)
{
	ssize_t n = readlink("/proc/self/exe", out, size - 1);

	if (n < 0)
		return err_sys(err, "cannot find out where this program is");
	out[n] = '\0';
	if (out[0] != '/' || access(out, X_OK) < 0)
		return err_set(err, ERR_INTERNAL, "'%s', this program, was "
			       "replaced while it ran; run it again", out);
	return 0;
}

/* Appends a word that sh reads as exactly s. */
static void add_quoted(struct buf *out, const char *s)
{
	buf_addc(out, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(out, "'\\''");
		else
			buf_addc(out, *s);
	}
	buf_addc(out, '\'');
}

/* Appends our script's text: it execs this very program. */
static int hook_script(const char *name, struct buf *out, struct err *err)
{
	char self[4096];

	if (own_path(self, sizeof(self), err) < 0)
		return -1;
	buf_adds(out, "#!/bin/sh\n" MARK "\nexec ");
	add_quoted(out, self);
	buf_addf(out, " %s\n", name);
	return 0;
}

void hook_chain_line(const struct hook_place *p, struct buf *out)
{
	buf_adds(out, "windlass=$(mktemp) && cat >\"$windlass\" && ");
	add_quoted(out, p->file);
	buf_addf(out, " <\"$windlass\"%s; exec <\"$windlass\"; "
		 "rm -f \"$windlass\"",
		 strcmp(p->name, "pre-receive") ? "" :
		 " || { rm -f \"$windlass\"; exit 1; }");
}

static int make_folder_of(const char *file, struct err *err)
{
	char *folder = xstrndup(file, (size_t)(strrchr(file, '/') - file));
	int rc = fs_mkdirs(folder, 0755, err);

	free(folder);
	return rc;
}

int hook_install(const struct hook_place *p, bool *ret_changed,
		 struct err *err)
{
	struct buf want = BUF_INIT(LIMIT_HOOK_BYTES);
	int rc = 0;

	if (p->layout == HOOK_ELSEWHERE) {
		*ret_changed = false;
		return 0;
	}
	if (hook_script(p->name, &want, err) < 0 ||
	    make_folder_of(p->file, err) < 0) {
		rc = -1;
	} else if (is_executable(p->file) && file_has(p->file, want.data)) {
		*ret_changed = false;
	} else {
		rc = fs_write(AT_FDCWD, p->file, want.data, want.len, 0755,
			      err);
		if (!rc)
			*ret_changed = true;
	}
	buf_release(&want);
	return rc;
}

/* The program that our script names must be there. */
static int check_program(const struct hook_place *p, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_HOOK_BYTES);
	char *path = NULL, *start, *end;
	int rc = 0;

	if (fs_read(AT_FDCWD, p->file, &text, err) < 0) {
		rc = -1;
		goto out;
	}
	start = strstr(text.data, "exec '");
	end = start ? strchr(start + 6, '\'') : NULL;
	if (end) {
		path = xstrndup(start + 6, (size_t)(end - start - 6));
		if (end[1] == ' ' && !is_executable(path))
			rc = err_set(err, ERR_INVALID, "'%s' runs '%s', which "
				     "is not there; run `windlass-hook init` "
				     "again", p->file, path);
	}
out:
	free(path);
	buf_release(&text);
	return rc;
}

static int check_file(const char *path, struct err *err)
{
	if (!fs_exists(AT_FDCWD, path))
		return err_set(err, ERR_INVALID, "hook '%s' is missing; run "
			       "`windlass-hook init` again", path);
	if (!is_executable(path))
		return err_set(err, ERR_INVALID, "hook '%s' is not "
			       "executable, so git skips it; run chmod +x on "
			       "it", path);
	return 0;
}

int hook_check(const struct hook_place *p, struct err *err)
{
	if (p->layout == HOOK_ELSEWHERE) {
		if (is_executable(p->main) && file_has(p->main, "windlass"))
			return 0;
		return err_set(err, ERR_INVALID, "git runs '%s', outside of "
			       "this repository, and that does not run "
			       "windlass-hook %s: make it do so, or unset "
			       "core.hooksPath and make hooks a folder of the "
			       "repository's own", p->main, p->name);
	}
	if (check_file(p->file, err) < 0 || check_file(p->main, err) < 0)
		return -1;
	if (p->layout == HOOK_BESIDE && !file_has(p->main, "windlass"))
		return err_set(err, ERR_INVALID, "'%s' does not call '%s'; "
			       "run `windlass-hook init` again for the line "
			       "to add", p->main, p->file);
	return check_program(p, err);
}
