/*
 * The loop of `serve`: one epoll for signals, inotify, the publishing socket
 * and the sockets of waiting clients; libmicrohttpd's epoll is nested in it.
 * Nothing here blocks, and at rest nothing wakes up but by a deadline.
 */
#include "config.h"
#include "hooks/serve.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "schema/base/clock.h"

#define EVENTS_A_TURN 512
/* how long to wait for a folder that is not there yet */
#define UNWATCHED_MS 1000
#define MAX_SLEEP_MS 600000

int serve_watch(struct serve *s, struct source *src, uint32_t events,
		struct err *err)
{
	struct epoll_event ev = { .events = events, .data.ptr = src };

	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, src->fd, &ev) < 0)
		return err_sys(err, "cannot watch a descriptor");
	return 0;
}

void serve_rewatch(struct serve *s, struct source *src, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = src };

	epoll_ctl(s->epoll, EPOLL_CTL_MOD, src->fd, &ev);
}

void serve_unwatch(struct serve *s, struct source *src)
{
	if (src->fd >= 0)
		epoll_ctl(s->epoll, EPOLL_CTL_DEL, src->fd, NULL);
	src->fd = -1;
}

static void signal_ready(struct serve *s, struct source *src, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	while (read(src->fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			serve_reload(s, true);
			serve_work_retry(s);
		} else if (info.ssi_signo == SIGCHLD) {
			serve_work_reap(s);
		} else {
			s->stop = true;
		}
	}
}

int serve_loop_init(struct serve *s, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0)
		return err_sys(err, "cannot make an epoll");
	s->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	s->signals.ready = signal_ready;
	if (s->signals.fd < 0)
		return err_sys(err, "cannot take signals");
	return serve_watch(s, &s->signals, EPOLLIN, err);
}

void serve_loop_release(struct serve *s)
{
	if (s->signals.fd >= 0)
		close(s->signals.fd);
	if (s->epoll >= 0)
		close(s->epoll);
}

/* Milliseconds until then; -1 stays "never". */
static int64_t until(int64_t then, int64_t now)
{
	if (then < 0)
		return -1;
	return then > now ? then - now : 0;
}

static int sooner(int a, int64_t b)
{
	return b >= 0 && b < a ? (int)b : a;
}

/* What is due now is done; milliseconds until the next thing is. */
static int do_due(struct serve *s)
{
	int64_t now = clock_mono_ms(), wait, ask, client;
	int sleep = MAX_SLEEP_MS;

	if (now >= s->next_check)
		s->next_check = serve_work_check(s, now);
	if (now >= s->next_record)
		s->next_record = serve_record_check(s, now);
	if (s->unwatched) {
		s->unwatched = !serve_heads_watch(s);
		sleep = s->unwatched ? UNWATCHED_MS : sleep;
	}
	ask = serve_ask_expire(s, now);
	serve_report_turn(s);
	/* first what may begin to wait, then who has waited long enough */
	serve_http_run(s);
	wait = serve_wait_expire(s, now);
	client = serve_client_expire(s, now);
	sleep = sooner(sleep, until(s->next_check, now));
	sleep = sooner(sleep, until(s->next_record, now));
	sleep = sooner(sleep, until(ask, now));
	sleep = sooner(sleep, until(wait, now));
	sleep = sooner(sleep, until(client, now));
	sleep = sooner(sleep, serve_http_timeout(s));
	return s->unjudged ? 0 : sleep;
}

int serve_loop_run(struct serve *s, struct err *err)
{
	struct epoll_event ev[EVENTS_A_TURN];

	while (!s->stop) {
		int n = epoll_wait(s->epoll, ev, EVENTS_A_TURN, do_due(s));
		uint32_t signals = 0;

		if (n < 0 && errno != EINTR)
			return err_sys(err, "cannot wait for events");
		for (int i = 0; i < n; i++) {
			struct source *src = ev[i].data.ptr;

			/* an earlier one of this turn may have ended it */
			if (src == &s->signals)
				signals = ev[i].events;
			else if (src->fd >= 0)
				src->ready(s, src, ev[i].events);
		}
		/* last: jobs that ended are freed, which had events too */
		if (signals)
			signal_ready(s, &s->signals, signals);
	}
	return 0;
}
