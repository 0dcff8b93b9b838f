/*
 * The exec plugin as a child on the loop. See kube-renew.h. The old
 * credential stays until a new one is there: a plugin that fails costs
 * nothing while what it gave before is still accepted.
 */
#include "config.h"
#include "engine/kube-renew.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/kube-exec.h"
#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/base/proc.h"
#include "schema/limits.h"

/* of what the program says on stderr; the first line is shown */
#define DIAG_BYTES 8192
/* read in one turn of the loop: as much as a pipe holds */
#define TURN_BYTES 65536
#define PAUSE_MS 10000
#define LONGEST_PAUSE_MS 60000
/* after this many failures in a row the pause grows no more */
#define MOST_DOUBLINGS 3

struct kube_renew {
	struct loop *loop;
	struct kube_config *config;
	void (*on_cert)(void *arg);
	void *arg;

	pid_t pid;			/* 0: it does not run */
	bool ended;			/* and may have left who holds the pipes */
	int status;
	struct stream {
		int fd;
		struct loop_io *io;	/* NULL: it has ended */
		struct buf text;
	} out, diag;			/* out is secret */
	struct timer deadline;

	unsigned int failures;		/* in a row */
	int64_t not_before;		/* clock_mono_ms() */
	struct err err;
};

static void stream_close(struct stream *s)
{
	if (s->io)
		loop_del_fd(s->io);
	if (s->fd >= 0)
		close(s->fd);
	buf_wipe(&s->text);
	s->io = NULL;
	s->fd = -1;
}

static void clean_up(struct kube_renew *r)
{
	stream_close(&r->out);
	stream_close(&r->diag);
	timer_stop(&r->deadline);
	r->pid = 0;
	r->ended = false;
}

static int64_t pause_of(unsigned int failures)
{
	int64_t ms = PAUSE_MS << (failures < MOST_DOUBLINGS ? failures
							    : MOST_DOUBLINGS);

	return ms < LONGEST_PAUSE_MS ? ms : LONGEST_PAUSE_MS;
}

/* The run is over; err says how it failed, or is empty. */
static void settle(struct kube_renew *r, const struct err *err)
{
	bool good = err->class == ERR_NONE;

	clean_up(r);
	r->err = *err;
	r->failures = good ? 0 : r->failures + 1;
	r->not_before = clock_mono_ms() + pause_of(r->failures);
}

/* Reads what is there, a turn's worth at most, and keeps it up to the limit:
 * the loop does not wait for one who writes without end. */
static void drain(struct stream *s)
{
	char chunk[4096];
	ssize_t n = 1;

	for (size_t got = 0; n > 0 && got < TURN_BYTES; got += (size_t)n) {
		n = read(s->fd, chunk, sizeof(chunk));
		if (n <= 0)
			break;
		buf_add(&s->text, chunk, (size_t)n);
	}
	explicit_bzero(chunk, sizeof(chunk));
	if (n == 0 && s->io) {
		loop_del_fd(s->io);
		s->io = NULL;
	}
}

/* It and what it started; one who has ended is not there any more. */
static void kill_it(struct kube_renew *r)
{
	if (r->ended)
		return;
	proc_kill(r->pid);
	loop_end_child(r->loop, r->pid, 0);
}

/* Kills it, for what err says. */
static void give_up(struct kube_renew *r, const struct err *err)
{
	kill_it(r);
	settle(r, err);
}

/* It has ended, and so has what it says. */
static void judge(struct kube_renew *r)
{
	struct kube_credential new = KUBE_CREDENTIAL_INIT;
	struct err err = ERR_INIT;
	bool cert = false;

	if (kube_exec_judge(r->config->exec, r->status, &r->out.text,
			    &r->diag.text, &new, &err) == 0)
		cert = kube_config_take(r->config, &new);
	kube_credential_release(&new);
	settle(r, &err);
	if (cert)
		r->on_cert(r->arg);
}

static void judge_if_over(struct kube_renew *r)
{
	if (r->ended && !r->out.io && !r->diag.io)
		judge(r);
}

static void on_output(void *arg, uint32_t events)
{
	struct kube_renew *r = arg;
	struct err err = ERR_INIT;

	(void)events;
	drain(&r->out);
	if (buf_check(&r->out.text, "the exec plugin's output", &err) < 0)
		give_up(r, &err);
	else
		judge_if_over(r);
}

static void on_diagnosis(void *arg, uint32_t events)
{
	struct kube_renew *r = arg;

	(void)events;
	drain(&r->diag);
	judge_if_over(r);
}

static void on_exit_of(void *arg, int status)
{
	struct kube_renew *r = arg;

	r->ended = true;
	r->status = status;
	timer_set(&r->deadline, PROC_LINGER_MS);
	judge_if_over(r);
}

static void on_deadline(void *arg)
{
	struct kube_renew *r = arg;
	struct err err = ERR_INIT;

	if (r->ended) {
		judge(r);
		return;
	}
	err_set(&err, ERR_TRANSIENT, "the exec plugin took more than %d s",
		KUBE_EXEC_MS / 1000);
	give_up(r, &err);
}

static void start(struct kube_renew *r)
{
	struct err err = ERR_INIT;

	buf_init(&r->out.text, LIMIT_EXEC_CREDENTIAL_BYTES);
	buf_init(&r->diag.text, DIAG_BYTES);
	if (kube_exec_start(r->config->exec, &r->pid, &r->out.fd,
			    &r->diag.fd, &err) < 0) {
		settle(r, &err);
		return;
	}
	if (loop_on_exit(r->loop, r->pid, on_exit_of, r, &err) < 0) {
		proc_kill(r->pid);
		waitpid(r->pid, NULL, 0);
		settle(r, &err);
		return;
	}
	r->out.io = loop_add_fd(r->loop, r->out.fd, EPOLLIN, on_output, r);
	r->diag.io = loop_add_fd(r->loop, r->diag.fd, EPOLLIN, on_diagnosis,
				 r);
	timer_set(&r->deadline, KUBE_EXEC_MS);
}

bool kube_renew_ask(struct kube_renew *r, bool refused)
{
	if (!r->config->exec)
		return false;
	if (!r->pid && (refused || kube_config_exec_due(r->config)) &&
	    clock_mono_ms() >= r->not_before)
		start(r);
	return r->pid != 0;
}

const struct err *kube_renew_error(const struct kube_renew *r)
{
	return r->err.class == ERR_NONE ? NULL : &r->err;
}

struct kube_renew *kube_renew_new(struct loop *l, struct kube_config *c,
				  void (*on_cert)(void *arg), void *arg)
{
	struct kube_renew *r = xcalloc(1, sizeof(*r));

	r->loop = l;
	r->config = c;
	r->on_cert = on_cert;
	r->arg = arg;
	r->out.fd = r->diag.fd = -1;
	buf_init(&r->out.text, 0);
	buf_init(&r->diag.text, 0);
	/* it gave what the config has a moment ago */
	r->not_before = clock_mono_ms() + PAUSE_MS;
	timer_init(&r->deadline, l, on_deadline, r);
	err_clear(&r->err);
	return r;
}

void kube_renew_free(struct kube_renew *r)
{
	if (!r)
		return;
	if (r->pid)
		kill_it(r);
	clean_up(r);
	free(r);
}
