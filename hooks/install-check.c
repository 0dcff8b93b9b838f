/*
 * Whether git will run our hooks. See install.h. Git skips a hook that it
 * cannot run with at most a hint to the pusher, and whoever regenerates,
 * links or replaces hook files tells nobody: so everything that is known to
 * switch a hook off is looked for, and named with what mends it.
 */
#include "config.h"
#include "hooks/install.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/proc.h"

#define LIMIT_SCRIPT_BYTES 65536
#define GIT_MS 10000

/* The path behind the last "exec ", in quotes; NULL if there is none. Owned by
 * the caller. */
static char *program_of(const struct buf *text, const char *name)
{
	char *end = xasprintf("' %s\n", name), *path = NULL, *to;
	size_t last = strlen(end);
	const char *from = NULL;

	for (const char *p = text->data; (p = strstr(p, "\nexec '")); p++)
		from = p + strlen("\nexec '");
	if (from && strlen(from) >= last &&
	    !strcmp(text->data + text->len - last, end))
		path = xstrndup(from, strlen(from) - last);
	/* a quote in it is written as '\'' */
	for (to = path; to && (to = strchr(to, '\'')); to++)
		if (!strncmp(to, "'\\''", 4))
			memmove(to, to + 3, strlen(to + 3) + 1);
	free(end);
	return path;
}

/* What `init` writes, or wrote: nothing else is in it but the path. */
static bool is_script_of(const char *text, const char *name,
			 const char *program)
{
	struct buf now = BUF_INIT(LIMIT_SCRIPT_BYTES);
	struct buf before = BUF_INIT(LIMIT_SCRIPT_BYTES);
	bool is;

	hook_script_of(name, program, &now);
	buf_addf(&before, "#!/bin/sh\n%s\nexec ", hook_mark);
	buf_add_quoted(&before, program);
	buf_addf(&before, " %s\n", name);
	is = !strcmp(text, now.data) || !strcmp(text, before.data);
	buf_release(&now);
	buf_release(&before);
	return is;
}

static int check_script(const struct hook_place *p, struct buf *text,
			struct err *err)
{
	char *program = program_of(text, p->name);
	int rc = 0;

	if (!program || !is_script_of(text->data, p->name, program))
		rc = err_set(err, ERR_INVALID, "hook '%s' is not as it was "
			     "written; run `windlass-hook init` again",
			     p->file);
	else if (!hook_is_executable(program))
		rc = err_set(err, ERR_INVALID, "'%s' runs '%s', which is not "
			     "there; run `windlass-hook init` again", p->file,
			     program);
	free(program);
	return rc;
}

/* The program that our script names must be there, and nothing else in it. */
static int check_program(const struct hook_place *p, struct err *err)
{
	struct buf text = BUF_INIT(LIMIT_SCRIPT_BYTES);
	int fd = open(p->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = -1;

	if (fd < 0)
		return err_sys(err, "cannot read hook '%s'", p->file);
	if (!fs_read_fd(fd, p->file, &text, err))
		rc = check_script(p, &text, err);
	close(fd);
	buf_release(&text);
	return rc;
}

static bool is_noexec(const char *path)
{
	struct statvfs s;

	return !statvfs(path, &s) && (s.f_flag & ST_NOEXEC);
}

/* The file and its folder: others must come through to it. */
static int check_others(const char *path, unsigned others, struct err *err)
{
	/* x, for those who get anything */
	unsigned need = ((others & 070) ? 010 : 0) | ((others & 07) ? 01 : 0);
	char *part = xstrdup(path), *slash;
	struct stat st;
	int rc = 0;

	/* the file and the folder it is in; those above are git's own */
	for (int i = 0; !rc && i < 2; i++) {
		if (stat(part, &st) == 0 && (st.st_mode & need) != need)
			rc = err_set(err, ERR_INVALID, "'%s' cannot be run by "
				     "all who push to this shared repository, "
				     "so git skips the hook for them; run "
				     "chmod g+rx%s on it", part,
				     need & 01 ? ",o+rx" : "");
		slash = strrchr(part, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	free(part);
	return rc;
}

static int check_file(const char *path, unsigned others, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) &&
	    stat(path, &st) < 0)
		return err_set(err, ERR_INVALID, "hook '%s' is a link to "
			       "nothing, so git skips it; remove it, and run "
			       "`windlass-hook init` again", path);
	if (stat(path, &st) < 0)
		return err_set(err, ERR_INVALID, "hook '%s' is missing; run "
			       "`windlass-hook init` again", path);
	if (!hook_is_executable(path) && S_ISREG(st.st_mode) &&
	    is_noexec(path))
		return err_set(err, ERR_INVALID, "hook '%s' is on a file "
			       "system that is mounted noexec, so git skips "
			       "it; mount it without, or lead core.hooksPath "
			       "elsewhere", path);
	if (!hook_is_executable(path))
		return err_set(err, ERR_INVALID, "hook '%s' is not "
			       "executable, so git skips it; run chmod +x on "
			       "it", path);
	return check_others(path, others, err);
}

/* gitolite: a link among NAME.h* that leads to our hook. */
static int check_gitolite(const struct hook_place *p, unsigned others,
			  struct err *err)
{
	char *pattern = xasprintf("%s.*", p->main);
	glob_t links = { 0 };
	bool found = false;

	if (!glob(pattern, GLOB_NOSORT, NULL, &links))
		for (size_t i = 0; i < links.gl_pathc; i++)
			found = found ||
				(hook_is_executable(links.gl_pathv[i]) &&
				 hook_file_says(links.gl_pathv[i],
						"windlass-hook"));
	globfree(&links);
	free(pattern);
	if (!found)
		return err_set(err, ERR_INVALID, "gitolite's driver '%s' runs "
			       "no hook of windlass; run `windlass-hook init` "
			       "again for what to do", p->main);
	return check_file(p->main, others, err);
}

/* What calls ours, where that is not git itself. */
static int check_caller(const struct hook_place *p, struct err *err)
{
	if (p->layout == HOOK_BESIDE && !hook_file_says(p->main, "windlass"))
		return err_set(err, ERR_INVALID, "'%s' does not call '%s'; "
			       "run `windlass-hook init` again for the line "
			       "to add", p->main, p->file);
	if (p->layout == HOOK_FOLDER && !hook_file_says(p->main, ".d"))
		return err_set(err, ERR_INVALID, "'%s' does not run the hooks "
			       "in '%s.d', where ours is; have your forge "
			       "write its hooks again, or let it run them",
			       p->main, p->main);
	return 0;
}

int hook_check(const struct hook_place *p, unsigned others, struct err *err)
{
	if (p->layout == HOOK_ELSEWHERE) {
		if (hook_is_executable(p->main) &&
		    hook_file_says(p->main, "windlass"))
			return check_others(p->main, others, err);
		return err_set(err, ERR_INVALID, "git runs '%s', outside of "
			       "this repository, and that does not run "
			       "windlass-hook %s: make it do so, or unset "
			       "core.hooksPath and have a folder of the "
			       "repository's own there", p->main, p->name);
	}
	if (p->layout == HOOK_GITOLITE)
		return check_gitolite(p, others, err);
	if (check_file(p->main, others, err) < 0 ||
	    check_file(p->file, others, err) < 0 || check_caller(p, err) < 0)
		return -1;
	return check_program(p, err);
}

/* Where stock git looks for hooks; "" when that cannot be told. */
static int ask_git(const char *git_dir, struct buf *out, struct err *err)
{
	char *dir = xasprintf("GIT_DIR=%s", git_dir);
	const char *argv[] = { "git", "rev-parse", "--git-path", "hooks", NULL };
	const char *env[] = { dir, "LC_ALL=C", "GIT_COMMON_DIR", NULL };
	struct proc p = {
		.argv = argv, .env = env, .dir = git_dir, .out = out,
		.timeout_ms = GIT_MS,
	};
	int rc = proc_check(&p, err);

	if (!rc && out->len && out->data[out->len - 1] == '\n')
		out->data[--out->len] = '\0';
	free(dir);
	return rc;
}

/* The same folder, whatever links lead to it? One that is not there is the
 * one of its name. */
static bool is_same(const char *a, const char *b)
{
	struct stat x, y;

	if (!stat(a, &x) && !stat(b, &y))
		return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
	return !strcmp(a, b);
}

int hook_check_git(git_repository *repo, const struct host_config *host,
		   struct err *err)
{
	struct buf said = BUF_INIT(PATH_MAX + 1);
	char *ours = hooks_folder(repo, host), *gits = NULL;
	int rc = ask_git(host->git_dir, &said, err);

	if (!rc) {
		gits = said.data[0] == '/'
			? xstrdup(said.data)
			: xasprintf("%s/%s", host->git_dir, said.data);
		if (!is_same(gits, ours))
			rc = err_set(err, ERR_INVALID, "git looks for hooks in "
				     "'%s', and `git config --show-origin "
				     "core.hooksPath` says why; without that "
				     "it would be '%s'", gits, ours);
	}
	free(gits);
	free(ours);
	buf_release(&said);
	return rc;
}
