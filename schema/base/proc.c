/*
 * Running a program and talking to its three descriptors without a deadlock:
 * one poll loop feeds stdin and drains stdout and stderr. See proc.h.
 * Trusts the program it is told to run; bounds its output and its time.
 */
#include "config.h"
#include "schema/base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/mem.h"

struct pipes {
	int in[2], out[2], diag[2];	/* -1 when closed */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void pipes_release(struct pipes *p)
{
	int *all[] = { p->in, p->out, p->diag };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		close_fd(&all[i][0]);
		close_fd(&all[i][1]);
	}
}

static int pipes_open(struct pipes *p, struct err *err)
{
	*p = (struct pipes){ { -1, -1 }, { -1, -1 }, { -1, -1 } };
	if (pipe2(p->in, O_CLOEXEC) < 0 || pipe2(p->out, O_CLOEXEC) < 0 ||
	    pipe2(p->diag, O_CLOEXEC) < 0) {
		err_sys(err, "cannot make a pipe");
		pipes_release(p);
		return -1;
	}
	return 0;
}

static void set_env(const char *const *env)
{
	for (; env && *env; env++) {
		const char *eq = strchr(*env, '=');
		char *name;

		if (!eq) {
			unsetenv(*env);
			continue;
		}
		name = xstrndup(*env, (size_t)(eq - *env));
		setenv(name, eq + 1, 1);
		free(name);
	}
}

_Noreturn static void run_child(const struct proc *p, struct pipes *fds)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(fds->in[0], 0) < 0 ||
	    dup2(p->out_fd ? p->out_fd : fds->out[1], 1) < 0 ||
	    dup2(fds->diag[1], 2) < 0)
		_exit(127);
	close_range(3, ~0U, 0);
	if (p->dir && chdir(p->dir) < 0)
		_exit(127);
	set_env(p->env);
	execvp(p->argv[0], (char *const *)p->argv);
	dprintf(2, "cannot run '%s': %s\n", p->argv[0], strerror(errno));
	_exit(127);
}

/* Reads what is there. Closes at the end. -1 when the buffer is full. */
static int drain(int *fd, struct buf *into)
{
	char chunk[16384];
	ssize_t n = read(*fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) {
		close_fd(fd);
		return 0;
	}
	if (into)
		buf_add(into, chunk, (size_t)n);
	return into && !buf_ok(into) ? -1 : 0;
}

static void feed(int *fd, const struct proc *p, size_t *done)
{
	ssize_t n = write(*fd, (const char *)p->in + *done, p->in_len - *done);

	if (n > 0)
		*done += (size_t)n;
	if (*done == p->in_len ||
	    (n < 0 && errno != EINTR && errno != EAGAIN))
		close_fd(fd);
}

static int converse(const struct proc *p, struct pipes *fds, struct err *err)
{
	int64_t deadline = clock_mono_ms() + p->timeout_ms;
	size_t fed = 0;

	if (!p->in_len)
		close_fd(&fds->in[1]);
	else
		fcntl(fds->in[1], F_SETFL, O_NONBLOCK);
	while (fds->in[1] >= 0 || fds->out[0] >= 0 || fds->diag[0] >= 0) {
		struct pollfd pfd[] = {
			{ fds->in[1], POLLOUT, 0 },
			{ fds->out[0], POLLIN, 0 },
			{ fds->diag[0], POLLIN, 0 },
		};
		int64_t left = p->timeout_ms ? deadline - clock_mono_ms() : -1;

		if (p->timeout_ms && left <= 0)
			return err_set(err, ERR_TRANSIENT,
				       "'%s' took more than %d ms", p->argv[0],
				       p->timeout_ms);
		if (poll(pfd, 3, (int)left) < 0 && errno != EINTR)
			return err_sys(err, "cannot poll");
		if (pfd[0].revents)
			feed(&fds->in[1], p, &fed);
		if ((pfd[1].revents && drain(&fds->out[0], p->out) < 0) ||
		    (pfd[2].revents && drain(&fds->diag[0], p->diag) < 0))
			return err_set(err, ERR_INVALID,
				       "'%s' printed more than is accepted",
				       p->argv[0]);
	}
	return 0;
}

int proc_run(const struct proc *p, int *ret_status, struct err *err)
{
	struct pipes fds;
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	int status, rc;
	pid_t pid;

	if (pipes_open(&fds, err) < 0)
		return -1;
	pid = fork();
	if (pid < 0) {
		err_sys(err, "cannot fork for '%s'", p->argv[0]);
		pipes_release(&fds);
		return -1;
	}
	if (pid == 0)
		run_child(p, &fds);
	close_fd(&fds.in[0]);
	close_fd(&fds.out[1]);
	close_fd(&fds.diag[1]);

	sigaction(SIGPIPE, &ignore, &before);
	rc = converse(p, &fds, err);
	sigaction(SIGPIPE, &before, NULL);
	if (rc < 0)
		kill(pid, SIGKILL);
	pipes_release(&fds);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc == 0)
		*ret_status = WIFEXITED(status) ? WEXITSTATUS(status)
						: 128 + WTERMSIG(status);
	return rc;
}

int proc_check(const struct proc *p, struct err *err)
{
	struct buf own = BUF_INIT(65536);
	struct proc copy = *p;
	const char *sub = p->argv[1] ? p->argv[1] : "";
	int status, rc;

	if (!copy.diag)
		copy.diag = &own;
	rc = proc_run(&copy, &status, err);
	if (!rc && status != 0) {
		size_t line = strcspn(copy.diag->data, "\n");

		rc = err_set(err, ERR_INTERNAL, "%s %s failed (%d): %.*s",
			     p->argv[0], sub, status, (int)line,
			     copy.diag->data);
	}
	buf_release(&own);
	return rc;
}

int proc_start(const struct proc *p, pid_t *ret_pid, int *ret_out,
	       int *ret_diag, struct err *err)
{
	struct pipes fds;
	pid_t pid;

	if (pipes_open(&fds, err) < 0)
		return -1;
	pid = fork();
	if (pid < 0) {
		err_sys(err, "cannot fork for '%s'", p->argv[0]);
		pipes_release(&fds);
		return -1;
	}
	if (pid == 0)
		run_child(p, &fds);
	*ret_out = fds.out[0];
	*ret_diag = fds.diag[0];
	fds.out[0] = fds.diag[0] = -1;
	fcntl(*ret_out, F_SETFL, O_NONBLOCK);
	fcntl(*ret_diag, F_SETFL, O_NONBLOCK);
	*ret_pid = pid;
	pipes_release(&fds);
	return 0;
}
