/*
 * Hook files. See install.h. Foreign hooks are never touched: a server may
 * depend on them, and Gitea and Gitaly write their own anew. In a folder of
 * hooks that may refuse, ours sorts last, so that what the others refuse is
 * not worked on; of those that come after the push, ours is the first, since
 * GitLab goes on with none behind one that failed.
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
/* in a folder of hooks, which are run in the order of their names */
#define NAME_LAST "zz-windlass"
#define NAME_FIRST "00-windlass"
/* in the driver of gitolite's repo-specific hooks */
#define GITOLITE_MARK "for h in $0.*"

const char hook_mark[] = MARK;

/* a hook that is larger than this is not ours */
#define LIMIT_HOOK_BYTES 65536

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

bool hook_is_executable(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) &&
	       access(path, X_OK) == 0;
}

/* Links are followed: gitolite's hooks are some. False if it cannot be. */
static bool read_hook(const char *path, struct buf *out)
{
	struct err err = ERR_INIT;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int rc = fd < 0 ? -1 : fs_read_fd(fd, path, out, &err);

	if (fd >= 0)
		close(fd);
	return rc == 0;
}

bool hook_file_has(const char *path, const char *text)
{
	struct buf data = BUF_INIT(LIMIT_HOOK_BYTES);
	bool found = read_hook(path, &data) && strstr(data.data, text);

	buf_release(&data);
	return found;
}

bool hook_file_says(const char *path, const char *text)
{
	struct buf data = BUF_INIT(LIMIT_HOOK_BYTES);
	bool found = false;
	char *line, *rest;

	if (read_hook(path, &data)) {
		for (line = strtok_r(data.data, "\n", &rest); line && !found;
		     line = strtok_r(NULL, "\n", &rest))
			found = line[strspn(line, " \t")] != '#' &&
				strstr(line, text);
	}
	buf_release(&data);
	return found;
}

/* core.hooksPath as git resolves it, or <git_dir>/hooks. Malloced. */
char *hooks_folder(git_repository *repo, const struct host_config *host)
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

static const char *name_in_folder(const char *hook)
{
	return strcmp(hook, "pre-receive") ? NAME_FIRST : NAME_LAST;
}

/* Where the driver's folder has the hooks that repositories can ask for. */
static char *gitolite_file(const struct hook_place *p)
{
	char *driver = realpath(p->main, NULL), *file;
	char *slash = driver ? strrchr(driver, '/') : NULL;

	if (slash)
		*slash = '\0';
	file = xasprintf("%s/repo-specific/windlass-%s", slash ? driver : "",
			 p->name);
	free(driver);
	return file;
}

/* A folder by a link to one that is not this repository's alone. */
static void leave_elsewhere(struct hook_place *p)
{
	p->layout = HOOK_ELSEWHERE;
	free(p->main);
	p->main = xstrdup(p->file);
}

static void place_in_hooks(struct hook_place *p, const char *folder,
			   const struct host_config *host)
{
	char *many = xasprintf("%s/%s.d", folder, p->name);

	p->main = xasprintf("%s/%s", folder, p->name);
	if (is_shared(folder, host)) {
		p->layout = HOOK_ELSEWHERE;
		p->file = xstrdup(p->main);
	} else if (!fs_exists(AT_FDCWD, p->main) || hook_file_has(p->main, MARK)) {
		p->layout = HOOK_PLAIN;
		p->file = xstrdup(p->main);
	} else if (hook_file_has(p->main, GITOLITE_MARK)) {
		p->layout = HOOK_GITOLITE;
		p->file = gitolite_file(p);
	} else if (is_folder(many)) {
		p->layout = HOOK_FOLDER;
		p->file = xasprintf("%s/%s", many, name_in_folder(p->name));
		if (is_shared(many, host))
			leave_elsewhere(p);
	} else {
		p->layout = HOOK_BESIDE;
		p->file = xasprintf("%s.windlass", p->main);
	}
	free(many);
}

static bool is_shared_gitlab(const char *name, const struct host_config *host)
{
	char *all = xasprintf("%s/custom_hooks", host->git_dir);
	char *many = xasprintf("%s/%s.d", all, name);
	bool shared = is_shared(all, host) || is_shared(many, host);

	free(many);
	free(all);
	return shared;
}

void hook_place_find(git_repository *repo, const struct host_config *host,
		     const char *name, struct hook_place *ret)
{
	struct hook_place p = { .name = name };
	char *folder;

	if (is_gitlab(repo, host)) {
		p.layout = HOOK_GITLAB;
		p.file = xasprintf("%s/custom_hooks/%s.d/%s", host->git_dir,
				   name, name_in_folder(name));
		p.main = xstrdup(p.file);
		if (is_shared_gitlab(name, host))
			leave_elsewhere(&p);
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

/* Appends our script's text: it execs this very program. */
void hook_script_of(const char *name, const char *program, struct buf *out)
{
	/* sh's own words say neither what this is nor what to do */
	buf_adds(out, "#!/bin/sh\n" MARK "\nif ! [ -x ");
	buf_add_quoted(out, program);
	buf_adds(out, " ]; then\n\techo \"windlass: \"");
	buf_add_quoted(out, program);
	buf_addf(out, "\" is gone from this Git host, so %s.\" >&2\n"
		 "\techo \"windlass: its admin installs windlass-hook again, or "
		 "removes the hook $0\" >&2\n"
		 "\texit 1\nfi\nexec ", !strcmp(name, "pre-receive") ?
		 "no push is taken" : "nothing is published");
	buf_add_quoted(out, program);
	buf_addf(out, " %s\n", name);
}

int hook_script(const char *name, struct buf *out, struct err *err)
{
	char self[4096];

	if (own_path(self, sizeof(self), err) < 0)
		return -1;
	hook_script_of(name, self, out);
	return 0;
}

void hook_chain_line(const struct hook_place *p, struct buf *out)
{
	buf_adds(out, "windlass=$(mktemp) && cat >\"$windlass\" && ");
	buf_add_quoted(out, p->file);
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

	if (p->layout == HOOK_ELSEWHERE || p->layout == HOOK_GITOLITE) {
		*ret_changed = false;
		return 0;
	}
	if (hook_script(p->name, &want, err) < 0 ||
	    make_folder_of(p->file, err) < 0) {
		rc = -1;
	} else if (hook_is_executable(p->file) && hook_file_has(p->file, want.data)) {
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

bool hook_needed(const struct hook_place *p)
{
	if (p->layout == HOOK_GITOLITE)
		return hook_file_has(p->file, MARK);
	/* by its name: the path may be quoted, relative, or in a variable */
	return p->layout == HOOK_BESIDE &&
	       hook_file_says(p->main, strrchr(p->file, '/') + 1);
}

int hook_remove(const struct hook_place *p, struct err *err)
{
	char *slash;

	if (hook_needed(p) || p->layout == HOOK_ELSEWHERE ||
	    p->layout == HOOK_GITOLITE || !hook_file_has(p->file, MARK))
		return 0;
	if (unlink(p->file) < 0)
		return err_sys(err, "cannot remove '%s'", p->file);
	if (p->layout != HOOK_GITLAB)
		return 0;
	/* what is not empty stays */
	slash = strrchr(p->file, '/');
	*slash = '\0';
	rmdir(p->file);
	*slash = '/';
	return 0;
}
