/*
 * Running a program and talking to its three descriptors without a deadlock:
 * one poll loop feeds stdin and drains stdout and stderr, and sees its end.
 * See proc.h. Trusts the program it is told to run; bounds its output and
 * its time, also when what it started stays behind and holds the pipes.
 */
#include "config.h"
#include "schema/base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/mem.h"

/* What ends a terminal's foreground job. */
static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

struct pipes {
	int in[2], out[2], diag[2];	/* -1 when closed */
};

/* A program that runs. */
struct run {
	const struct proc *p;
	struct pipes fds;
	pid_t pid;
	int pidfd, sigfd;	/* -1: none */
	sigset_t before;	/* the mask, while there is a sigfd */
	int signo;		/* that came for us; 0: none */
	bool ended;
	int64_t deadline;	/* clock_mono_ms(); 0: no limit */
	size_t fed;
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

_Noreturn static void run_child(const struct proc *p, struct pipes *fds,
				bool own_session)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (own_session)
		setsid();
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

static void feed(struct run *r)
{
	ssize_t n = write(r->fds.in[1], (const char *)r->p->in + r->fed,
			  r->p->in_len - r->fed);

	if (n > 0)
		r->fed += (size_t)n;
	if (r->fed == r->p->in_len ||
	    (n < 0 && errno != EINTR && errno != EAGAIN))
		close_fd(&r->fds.in[1]);
}

/* A session of its own gets none of the terminal's signals; pass them on. */
static void watch_signals(struct run *r)
{
	struct sigaction now;
	sigset_t wanted;

	sigemptyset(&wanted);
	sigprocmask(SIG_SETMASK, NULL, &r->before);
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		if (!sigismember(&r->before, ending[i]) &&
		    !sigaction(ending[i], NULL, &now) &&
		    now.sa_handler != SIG_IGN)
			sigaddset(&wanted, ending[i]);
	r->sigfd = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
	if (r->sigfd >= 0)
		sigprocmask(SIG_BLOCK, &wanted, NULL);
}

/* Does to us what the signal would have done. */
static void unwatch_signals(struct run *r)
{
	if (r->sigfd < 0)
		return;
	close_fd(&r->sigfd);
	if (r->signo)
		raise(r->signo);
	sigprocmask(SIG_SETMASK, &r->before, NULL);
}

static void pass_on(struct run *r)
{
	struct signalfd_siginfo got;

	if (read(r->sigfd, &got, sizeof(got)) != sizeof(got))
		return;
	r->signo = (int)got.ssi_signo;
	kill(-r->pid, r->signo);
	/* it may tidy up */
	r->deadline = clock_mono_ms() + PROC_LINGER_MS;
}

/* Waits for something, at most ms if not negative, and deals with it. */
static int take_turn(struct run *r, int64_t ms, struct err *err)
{
	struct pipes *fds = &r->fds;
	struct pollfd pfd[] = {
		{ fds->in[1], POLLOUT, 0 },
		{ fds->out[0], POLLIN, 0 },
		{ fds->diag[0], POLLIN, 0 },
		{ r->ended ? -1 : r->pidfd, POLLIN, 0 },
		{ r->sigfd, POLLIN, 0 },
	};

	if (poll(pfd, ARRAY_SIZE(pfd), (int)ms) < 0)
		return errno == EINTR ? 0 : err_sys(err, "cannot poll");
	if (pfd[0].revents)
		feed(r);
	if ((pfd[1].revents && drain(&fds->out[0], r->p->out) < 0) ||
	    (pfd[2].revents && drain(&fds->diag[0], r->p->diag) < 0))
		return err_set(err, ERR_INVALID,
			       "'%s' printed more than is accepted",
			       r->p->argv[0]);
	if (pfd[3].revents) {
		r->ended = true;
		close_fd(&fds->in[1]);
		r->deadline = clock_mono_ms() + PROC_LINGER_MS;
	}
	if (pfd[4].revents)
		pass_on(r);
	return 0;
}

static int converse(struct run *r, struct err *err)
{
	struct pipes *fds = &r->fds;

	if (!r->p->in_len)
		close_fd(&fds->in[1]);
	else
		fcntl(fds->in[1], F_SETFL, O_NONBLOCK);
	if (r->p->timeout_ms)
		r->deadline = clock_mono_ms() + r->p->timeout_ms;
	r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
	if (r->pidfd < 0)
		return err_sys(err, "cannot watch '%s'", r->p->argv[0]);
	while (!r->ended || fds->out[0] >= 0 || fds->diag[0] >= 0) {
		int64_t left = r->deadline ? r->deadline - clock_mono_ms() : -1;

		if (r->deadline && left <= 0 && r->ended)
			break;	/* whoever holds its pipes now is not it */
		if (r->deadline && left <= 0)
			return err_set(err, ERR_TRANSIENT,
				       "'%s' took more than %d ms",
				       r->p->argv[0], r->p->timeout_ms);
		if (take_turn(r, left, err) < 0)
			return -1;
	}
	return 0;
}

static int start(const struct proc *p, bool own_session, struct pipes *fds,
		 pid_t *ret_pid, struct err *err)
{
	if (pipes_open(fds, err) < 0)
		return -1;
	*ret_pid = fork();
	if (*ret_pid == 0)
		run_child(p, fds, own_session);
	if (*ret_pid < 0) {
		err_sys(err, "cannot fork for '%s'", p->argv[0]);
		pipes_release(fds);
		return -1;
	}
	close_fd(&fds->in[0]);
	close_fd(&fds->out[1]);
	close_fd(&fds->diag[1]);
	return 0;
}

int proc_run(const struct proc *p, int *ret_status, struct err *err)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	struct run r = { .p = p, .pidfd = -1, .sigfd = -1 };
	int status, rc;

	if (p->timeout_ms)
		watch_signals(&r);
	if (start(p, p->timeout_ms != 0, &r.fds, &r.pid, err) < 0) {
		unwatch_signals(&r);
		return -1;
	}
	sigaction(SIGPIPE, &ignore, &before);
	rc = converse(&r, err);
	sigaction(SIGPIPE, &before, NULL);
	if (rc < 0)
		proc_kill(r.pid);
	pipes_release(&r.fds);
	while (waitpid(r.pid, &status, 0) < 0 && errno == EINTR)
		;
	close_fd(&r.pidfd);
	unwatch_signals(&r);
	if (r.signo)
		rc = err_set(err, ERR_TRANSIENT, "'%s' was interrupted",
			     p->argv[0]);
	if (rc == 0)
		*ret_status = WIFEXITED(status) ? WEXITSTATUS(status)
						: 128 + WTERMSIG(status);
	return rc;
}

void proc_kill(pid_t pid)
{
	/* its group, if it leads one; it alone, if it does not yet */
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
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

	if (start(p, true, &fds, ret_pid, err) < 0)
		return -1;
	*ret_out = fds.out[0];
	*ret_diag = fds.diag[0];
	fds.out[0] = fds.diag[0] = -1;
	fcntl(*ret_out, F_SETFL, O_NONBLOCK);
	fcntl(*ret_diag, F_SETFL, O_NONBLOCK);
	pipes_release(&fds);
	return 0;
}
