/*
 * Running git. See git-run.h. The clone is its owner's, who may have set
 * anything in it; replace refs are never looked at. No shell is in between.
 */
#include "config.h"
#include "engine/cli/git-run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/proc.h"
#include "schema/base/strvec.h"
#include "schema/limits.h"

/* Of another repository than the one that was named; what a clone found in
 * other object directories it would not fetch. */
static const char *const elsewhere[] = {
	"GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY",
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_INDEX_FILE",
	"GIT_GRAFT_FILE", "GIT_SHALLOW_FILE", "GIT_NAMESPACE", NULL,
};

static void command(const char *dir, const char *const *argv,
		    struct strvec *ret)
{
	strvec_push(ret, "git");
	strvec_push(ret, "--no-replace-objects");
	if (dir) {
		strvec_push(ret, "-C");
		strvec_push(ret, dir);
	}
	while (*argv)
		strvec_push(ret, *argv++);
}

_Noreturn static void run(const char *dir, char **argv, int in)
{
	for (size_t i = 0; dir && elsewhere[i]; i++)
		unsetenv(elsewhere[i]);
	if (dup2(in, STDIN_FILENO) < 0 ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(127);
	close_range(3, ~0U, 0);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], argv);
	_exit(127);
}

/* A pipe with a short text in it, closed behind it. */
static int filled(const char *text, struct err *err)
{
	int ends[2], rc;

	if (pipe(ends) < 0)
		return err_sys(err, "pipe");
	rc = fs_write_fd(ends[1], "git", text, strlen(text), err);
	close(ends[1]);
	if (rc == 0)
		return ends[0];
	close(ends[0]);
	return -1;
}

static int wait_for_it(pid_t pid, const char *what, struct err *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, "waitpid");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_set(err, ERR_INTERNAL, "git cannot be run: is it "
			       "installed?");
	return err_set(err, ERR_INVALID, "git %s failed", what);
}

/* The command, behind settings that are given to git itself. */
static const char *verb(const char *const *argv)
{
	while (!strcmp(argv[0], "-c"))
		argv += 2;
	return argv[0];
}

int git_attended(const char *dir, const char *const *argv, const char *in,
		 struct err *err)
{
	struct strvec v = STRVEC_INIT;
	int fd = filled(in ? in : "", err);
	int rc = -1;
	pid_t pid;

	if (fd < 0)
		return -1;
	command(dir, argv, &v);
	/* what we printed stands before what git says */
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		run(dir, v.v, fd);
	close(fd);
	if (pid < 0)
		err_sys(err, "fork");
	else
		rc = wait_for_it(pid, verb(argv), err);
	strvec_release(&v);
	return rc;
}

int git_output(const char *dir, const char *const *argv, struct buf *ret,
	       struct err *err)
{
	struct strvec v = STRVEC_INIT;
	struct buf diag = BUF_INIT(65536);
	struct proc p = { .out = ret, .diag = &diag };
	int status = 0, rc;

	command(dir, argv, &v);
	p.argv = (const char *const *)v.v;
	if (dir)
		p.env = elsewhere;
	rc = proc_run(&p, &status, err);
	if (rc == 0 && status == 1 && !ret->len)
		rc = 1;
	else if (rc == 0 && status)
		rc = err_set(err, ERR_INVALID, "git %s failed: %.*s", argv[0],
			     (int)strcspn(diag.data, "\n"), diag.data);
	buf_release(&diag);
	strvec_release(&v);
	return rc;
}

int git_line(const char *dir, const char *const *argv, struct buf *ret,
	     struct err *err)
{
	struct buf out = BUF_INIT(65536);
	int rc = git_output(dir, argv, &out, err);

	if (rc == 0)
		buf_add(ret, out.data, strcspn(out.data, "\n"));
	buf_release(&out);
	return rc;
}

int git_setting(const char *dir, const char *key, char **ret, struct err *err)
{
	/* as a path: "~/" is their home, and what is none stays as it is */
	const char *const argv[] = {
		"config", "--type=path", "--get", key, NULL,
	};
	struct buf value = BUF_INIT(LIMIT_PATH_BYTES);
	int rc = git_line(dir, argv, &value, err);

	*ret = rc == 0 && value.len ? xstrdup(value.data) : NULL;
	buf_release(&value);
	return rc < 0 ? -1 : 0;
}
