/*
 * One thread, one epoll. See loop.h. Nothing here polls: a turn begins when
 * a descriptor, a timer, a signal or deferred work has something to do.
 * Trusts its callers; a callback may delete, stop or add anything, itself
 * included, because what is deleted inside a turn is freed at its end.
 */
#include "config.h"
#include "engine/loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/mem.h"

#define EVENTS_A_TURN 256

const int loop_bucket_ms[LOOP_BUCKETS - 1] = {
	1, 2, 5, 10, 20, 50, 100, 200, 500
};

struct loop_io {
	struct loop *loop;
	struct loop_io *next, **link;
	int fd;				/* -1: deleted */
	void (*fn)(void *arg, uint32_t events);
	void *arg;
};

struct watched_signal {
	struct watched_signal *next;
	int signo;
	bool was_blocked;
	void (*fn)(void *arg);
	void *arg;
};

struct watched_child {
	struct watched_child *next, **link;
	struct loop *loop;
	struct loop_io *io;
	pid_t pid;
	int pidfd;
	void (*fn)(void *arg, int status);
	void *arg;
};

struct loop {
	int epfd;
	bool stopped;
	int64_t now;
	struct loop_io *ios;		/* all that live */
	struct loop_io *dead;		/* to be freed at the end of the turn */
	struct timer **heap;
	size_t n_heap, alloc_heap;
	struct work *work, **work_tail;
	int sigfd;
	sigset_t signals;
	struct watched_signal *watched;
	struct watched_child *children;
	struct loop_stats stats;
};

int loop_new(struct loop **ret, struct err *err)
{
	struct loop *l;
	int epfd = epoll_create1(EPOLL_CLOEXEC);

	if (epfd < 0)
		return err_sys(err, "cannot make an epoll");
	l = xcalloc(1, sizeof(*l));
	l->epfd = epfd;
	l->sigfd = -1;
	sigemptyset(&l->signals);
	l->now = clock_mono_ms();
	l->work_tail = &l->work;
	*ret = l;
	return 0;
}

static void bury(struct loop *l)
{
	while (l->dead) {
		struct loop_io *io = l->dead;

		l->dead = io->next;
		free(io);
	}
}

static void child_free(struct watched_child *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	loop_del_fd(c->io);
	close(c->pidfd);
	free(c);
}

static void signals_release(struct loop *l)
{
	sigset_t unblock;

	sigemptyset(&unblock);
	while (l->watched) {
		struct watched_signal *s = l->watched;

		l->watched = s->next;
		if (!s->was_blocked)
			sigaddset(&unblock, s->signo);
		free(s);
	}
	sigprocmask(SIG_UNBLOCK, &unblock, NULL);
	if (l->sigfd >= 0)
		close(l->sigfd);
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	while (l->children)
		child_free(l->children);
	signals_release(l);
	while (l->ios)
		loop_del_fd(l->ios);
	bury(l);
	while (l->n_heap)
		timer_stop(l->heap[0]);
	while (l->work)
		loop_undefer(l, l->work);
	free(l->heap);
	close(l->epfd);
	free(l);
}

int64_t loop_now(const struct loop *l)
{
	return l->now;
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
}

const struct loop_stats *loop_stats(const struct loop *l)
{
	return &l->stats;
}

/* ---- descriptors ---- */

struct loop_io *loop_add_fd(struct loop *l, int fd, uint32_t events,
			    void (*fn)(void *arg, uint32_t events), void *arg)
{
	struct loop_io *io = xcalloc(1, sizeof(*io));
	struct epoll_event ev = { .events = events, .data.ptr = io };

	io->loop = l;
	io->fd = fd;
	io->fn = fn;
	io->arg = arg;
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
		BUG("epoll refuses a descriptor");
	io->next = l->ios;
	io->link = &l->ios;
	if (io->next)
		io->next->link = &io->next;
	l->ios = io;
	return io;
}

void loop_mod_fd(struct loop_io *io, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = io };

	if (epoll_ctl(io->loop->epfd, EPOLL_CTL_MOD, io->fd, &ev) < 0)
		BUG("epoll refuses a change");
}

void loop_del_fd(struct loop_io *io)
{
	struct loop *l;

	if (!io)
		return;
	l = io->loop;
	/* fails when the owner closed it before, which took it out as well */
	epoll_ctl(l->epfd, EPOLL_CTL_DEL, io->fd, NULL);
	io->fd = -1;
	*io->link = io->next;
	if (io->next)
		io->next->link = io->link;
	/* this turn's list of events may still point here */
	io->next = l->dead;
	l->dead = io;
}

/* ---- timers: a binary heap, the earliest first ---- */

static void heap_place(struct loop *l, size_t i, struct timer *t)
{
	l->heap[i] = t;
	t->heap_index = i;
}

static void heap_up(struct loop *l, size_t i)
{
	struct timer *t = l->heap[i];

	while (i > 0 && l->heap[(i - 1) / 2]->due > t->due) {
		heap_place(l, i, l->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_place(l, i, t);
}

static void heap_down(struct loop *l, size_t i)
{
	struct timer *t = l->heap[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < l->n_heap &&
		    l->heap[child + 1]->due < l->heap[child]->due)
			child++;
		if (child >= l->n_heap || l->heap[child]->due >= t->due)
			break;
		heap_place(l, i, l->heap[child]);
		i = child;
	}
	heap_place(l, i, t);
}

void timer_init(struct timer *t, struct loop *l, void (*fn)(void *arg),
		void *arg)
{
	*t = (struct timer){ .loop = l, .fn = fn, .arg = arg };
}

void timer_set(struct timer *t, int64_t ms_from_now)
{
	struct loop *l = t->loop;

	timer_stop(t);
	if (l->n_heap == l->alloc_heap) {
		l->alloc_heap = l->alloc_heap ? 2 * l->alloc_heap : 64;
		l->heap = xreallocarray(l->heap, l->alloc_heap,
					sizeof(struct timer *));
	}
	/* not loop_now: after a long turn the timer would be early */
	t->due = clock_mono_ms() + (ms_from_now > 0 ? ms_from_now : 0);
	l->heap[l->n_heap] = t;
	heap_up(l, l->n_heap++);
}

void timer_stop(struct timer *t)
{
	struct loop *l = t->loop;
	struct timer *last;
	size_t i = t->heap_index;

	if (!timer_armed(t))
		return;
	t->due = 0;
	last = l->heap[--l->n_heap];
	if (last == t)
		return;
	heap_place(l, i, last);
	heap_up(l, i);
	heap_down(l, last->heap_index);
}

/* ---- deferred work: a queue ---- */

void work_init(struct work *w, void (*fn)(void *arg), void *arg)
{
	*w = (struct work){ .fn = fn, .arg = arg };
}

void loop_defer(struct loop *l, struct work *w)
{
	if (w->queued)
		return;
	w->queued = true;
	w->next = NULL;
	*l->work_tail = w;
	l->work_tail = &w->next;
}

void loop_undefer(struct loop *l, struct work *w)
{
	struct work **p;

	if (!w->queued)
		return;
	for (p = &l->work; *p != w; p = &(*p)->next)
		;
	*p = w->next;
	if (!*p)
		l->work_tail = p;
	w->queued = false;
}

/* ---- signals ---- */

static void on_sigfd(void *arg, uint32_t events)
{
	struct loop *l = arg;
	struct signalfd_siginfo info;

	while (read(l->sigfd, &info, sizeof(info)) == sizeof(info))
		for (struct watched_signal *s = l->watched, *n; s; s = n) {
			n = s->next;
			if (s->signo == (int)info.ssi_signo)
				s->fn(s->arg);
		}
}

int loop_on_signal(struct loop *l, int signo, void (*fn)(void *arg),
		   void *arg, struct err *err)
{
	struct watched_signal *s;
	sigset_t block, before;
	int fd;

	sigemptyset(&block);
	if (sigaddset(&block, signo) < 0)
		return err_sys(err, "cannot watch signal %d", signo);
	sigaddset(&l->signals, signo);
	fd = signalfd(l->sigfd, &l->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return err_sys(err, "cannot make a signalfd");
	sigprocmask(SIG_BLOCK, &block, &before);
	if (l->sigfd < 0)
		loop_add_fd(l, fd, EPOLLIN, on_sigfd, l);
	l->sigfd = fd;
	s = xcalloc(1, sizeof(*s));
	s->signo = signo;
	s->was_blocked = sigismember(&before, signo) == 1;
	s->fn = fn;
	s->arg = arg;
	s->next = l->watched;
	l->watched = s;
	return 0;
}

/* ---- children ---- */

static void on_pidfd(void *arg, uint32_t events)
{
	struct watched_child *c = arg;
	void (*fn)(void *arg, int status) = c->fn;
	void *fn_arg = c->arg;
	int status = 0;
	pid_t got = waitpid(c->pid, &status, WNOHANG);

	if (got == 0 || (got < 0 && errno == EINTR))
		return;
	child_free(c);
	fn(fn_arg, status);
}

int loop_on_exit(struct loop *l, pid_t pid,
		 void (*fn)(void *arg, int status), void *arg,
		 struct err *err)
{
	struct watched_child *c;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (pidfd < 0)
		return err_sys(err, "cannot watch child %d", (int)pid);
	c = xcalloc(1, sizeof(*c));
	c->loop = l;
	c->pid = pid;
	c->pidfd = pidfd;
	c->fn = fn;
	c->arg = arg;
	c->io = loop_add_fd(l, pidfd, EPOLLIN, on_pidfd, c);
	c->next = l->children;
	c->link = &l->children;
	if (c->next)
		c->next->link = &c->next;
	l->children = c;
	return 0;
}

void loop_end_child(struct loop *l, pid_t pid, int patience_ms)
{
	struct watched_child *c = l->children;
	struct pollfd p = { .events = POLLIN };

	while (c && c->pid != pid)
		c = c->next;
	if (!c)
		return;
	p.fd = c->pidfd;
	if (poll(&p, 1, patience_ms) <= 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	child_free(c);
}

/* ---- the turn ---- */

static int wait_ms(const struct loop *l)
{
	int64_t ms;

	if (l->work)
		return 0;
	if (!l->n_heap)
		return -1;
	ms = l->heap[0]->due - clock_mono_ms();
	return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

static void run_timers(struct loop *l)
{
	/* bounded, for those that re-arm themselves with 0 */
	size_t most = l->n_heap;

	while (most-- && l->n_heap && l->heap[0]->due <= l->now) {
		struct timer *t = l->heap[0];

		timer_stop(t);
		t->fn(t->arg);
	}
}

static void run_work(struct loop *l)
{
	/* a mark in the queue: what is deferred from here on is behind it */
	struct work end = { .fn = NULL };

	if (!l->work)
		return;
	loop_defer(l, &end);
	while (l->work != &end) {
		struct work *w = l->work;

		loop_undefer(l, w);
		w->fn(w->arg);
	}
	loop_undefer(l, &end);
}

static int64_t mono_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void count_turn(struct loop *l, int64_t us)
{
	size_t i = 0;

	while (i < LOOP_BUCKETS - 1 && us >= loop_bucket_ms[i] * 1000)
		i++;
	l->stats.turns[i]++;
	l->stats.total_us += (uint64_t)us;
}

int loop_run(struct loop *l, struct err *err)
{
	struct epoll_event ev[EVENTS_A_TURN];

	l->stopped = false;
	while (!l->stopped) {
		int n = epoll_wait(l->epfd, ev, EVENTS_A_TURN, wait_ms(l));
		int64_t began = mono_us();

		if (n < 0 && errno != EINTR)
			return err_sys(err, "cannot wait for events");
		l->now = clock_mono_ms();
		for (int i = 0; i < n; i++) {
			struct loop_io *io = ev[i].data.ptr;

			if (io->fd >= 0)
				io->fn(io->arg, ev[i].events);
		}
		run_timers(l);
		run_work(l);
		bury(l);
		count_turn(l, mono_us() - began);
	}
	return 0;
}
