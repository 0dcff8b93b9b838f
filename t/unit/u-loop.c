/*
 * The loop: order, deletion inside callbacks, signals, children.
 */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/loop.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "t/unit/tap.h"

static struct loop *l;
static char trace[256];

/* callbacks leave their letter in the trace */
static char letters[] = "abcdefgrX012";

static char *letter(char c)
{
	return strchr(letters, c);
}

static void note(void *arg)
{
	size_t len = strlen(trace);

	snprintf(trace + len, sizeof(trace) - len, "%c", *(char *)arg);
}

static void stop(void *arg)
{
	loop_stop(l);
}

static void run_for(int ms)
{
	struct err err = ERR_INIT;
	struct timer t;

	timer_init(&t, l, stop, NULL);
	timer_set(&t, ms);
	if (loop_run(l, &err) < 0)
		ok(false, "loop_run: %s", err.msg);
	timer_stop(&t);
}

static void test_timers(void)
{
	static const int ms[] = { 30, 5, 20, 1, 10, 40, 15 };
	static const char name[] = "fbeacgd";
	struct timer t[ARRAY_SIZE(ms)], stopped;
	int64_t began = clock_mono_ms();

	trace[0] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(ms); i++) {
		timer_init(&t[i], l, note, letter(name[i]));
		timer_set(&t[i], ms[i]);
	}
	timer_init(&stopped, l, note, letter('X'));
	timer_set(&stopped, 3);
	ok(timer_armed(&stopped), "an armed timer says so");
	timer_stop(&stopped);
	ok(!timer_armed(&stopped), "a stopped one too");
	timer_stop(&stopped);
	timer_set(&t[0], 35);
	run_for(60);
	is_str(trace, "abcdefg", "timers fire in the order of their times");
	ok(clock_mono_ms() - began >= 60, "and not before them");
	ok(!timer_armed(&t[0]), "a timer is one shot");
}

/* many timers, set and stopped at random: each that is left fires, in order */
static int64_t last_due;
static int fired, disorder;

struct random_timer {
	struct timer t;
	int64_t want;
};

static void on_random(void *arg)
{
	struct random_timer *r = arg;

	fired++;
	if (r->want < last_due)
		disorder++;
	last_due = r->want;
}

static void test_heap(void)
{
	struct random_timer *r = xcalloc(2000, sizeof(*r));
	int left = 0;

	srand(7);
	for (int i = 0; i < 2000; i++)
		timer_init(&r[i].t, l, on_random, &r[i]);
	for (int i = 0; i < 20000; i++) {
		struct random_timer *one = &r[rand() % 2000];

		if (rand() % 3) {
			timer_set(&one->t, rand() % 50);
			one->want = one->t.due;
		} else {
			timer_stop(&one->t);
		}
	}
	for (int i = 0; i < 2000; i++)
		left += timer_armed(&r[i].t);
	run_for(80);
	is_int(fired, left, "2000 random timers: all that were left fire");
	is_int(disorder, 0, "each after the earlier ones");
	free(r);
}

static struct work again_work;
static int again_left;

static void again(void *arg)
{
	note(letter('r'));
	if (--again_left)
		loop_defer(l, &again_work);
	else
		loop_stop(l);
}

static void test_work(void)
{
	struct work a, b, c;

	trace[0] = 0;
	work_init(&a, note, letter('a'));
	work_init(&b, note, letter('b'));
	work_init(&c, note, letter('c'));
	loop_defer(l, &a);
	loop_defer(l, &b);
	loop_defer(l, &a);
	loop_defer(l, &c);
	loop_undefer(l, &b);
	loop_undefer(l, &b);
	run_for(1);
	is_str(trace, "ac", "deferred once each, in order, without the undone");

	trace[0] = 0;
	again_left = 3;
	work_init(&again_work, again, NULL);
	loop_defer(l, &again_work);
	loop_defer(l, &c);
	run_for(5000);
	is_str(trace, "rcrr", "deferred in deferred work: the next turn");
}

/* ---- descriptors ---- */

struct end {
	int fd;
	struct loop_io *io, *victim;
	int calls;
};

static void on_end(void *arg, uint32_t events)
{
	struct end *e = arg;
	char c;

	e->calls++;
	if (e->victim)
		loop_del_fd(e->victim);
	e->victim = NULL;
	if (read(e->fd, &c, 1) == 0) {
		loop_del_fd(e->io);
		e->io = NULL;
	}
}

static void test_fds(void)
{
	struct end a = { 0 }, b = { 0 };
	int p[2], q[2];

	if (pipe(p) < 0 || pipe(q) < 0)
		return;
	a.fd = p[0];
	b.fd = q[0];
	a.io = loop_add_fd(l, p[0], EPOLLIN, on_end, &a);
	b.io = loop_add_fd(l, q[0], EPOLLIN, on_end, &b);
	a.victim = b.io;
	b.victim = a.io;
	ok(write(p[1], "x", 1) == 1 && write(q[1], "x", 1) == 1, "pipes");
	run_for(5);
	is_int(a.calls + b.calls, 1,
	       "of two that are ready, the first deletes the second");
	close(p[1]);
	close(q[1]);
	run_for(5);
	is_int(a.calls + b.calls, 2, "end of file, deleted in its callback");
	loop_del_fd(NULL);
	close(p[0]);
	close(q[0]);
}

/* ---- signals and children ---- */

static void test_signal(void)
{
	struct err err = ERR_INIT;

	trace[0] = 0;
	is_int(loop_on_signal(l, SIGUSR1, note, letter('1'), &err), 0, "SIGUSR1");
	is_int(loop_on_signal(l, SIGUSR2, note, letter('2'), &err), 0, "SIGUSR2");
	raise(SIGUSR2);
	raise(SIGUSR1);
	run_for(5);
	ok(strchr(trace, '1') && strchr(trace, '2') && strlen(trace) == 2,
	   "two signals, each its callback");
	is_int(loop_on_signal(l, 0, note, letter('0'), &err), -1,
	       "signal 0 is refused");
	ok(strstr(err.msg, "cannot watch signal 0") == err.msg, "%s", err.msg);
}

static int child_status = -1;

static void on_child(void *arg, int status)
{
	child_status = status;
	loop_stop(l);
}

static void test_child(void)
{
	struct err err = ERR_INIT;
	pid_t pid = fork();

	if (pid == 0)
		_exit(42);
	is_int(loop_on_exit(l, pid, on_child, NULL, &err), 0, "a child");
	run_for(5000);
	ok(WIFEXITED(child_status) && WEXITSTATUS(child_status) == 42,
	   "its exit status");
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	is_int(loop_on_exit(l, pid, on_child, NULL, &err), 0, "another");
	kill(pid, SIGKILL);
	run_for(5000);
	ok(WIFSIGNALED(child_status) && WTERMSIG(child_status) == SIGKILL,
	   "killed by a signal");
	is_int(loop_on_exit(l, pid, on_child, NULL, &err), -1,
	       "a child that is gone is an error");
}

static void test_end_child(void)
{
	struct err err = ERR_INIT;
	pid_t polite = fork(), stubborn;
	int64_t begun;

	if (polite == 0)
		_exit(0);
	stubborn = fork();
	if (stubborn == 0) {
		pause();
		_exit(0);
	}
	child_status = -1;
	is_int(loop_on_exit(l, polite, on_child, NULL, &err), 0, "two children");
	is_int(loop_on_exit(l, stubborn, on_child, NULL, &err), 0, "to end");
	begun = clock_mono_ms();
	loop_end_child(l, polite, 5000);
	ok(clock_mono_ms() - begun < 2000, "one that ends is not waited for");
	loop_end_child(l, stubborn, 10);
	ok(kill(polite, 0) < 0 && kill(stubborn, 0) < 0, "both are reaped");
	loop_end_child(l, stubborn, 10);
	run_for(20);
	is_int(child_status, -1, "nobody is told");
}

static void busy(void *arg)
{
	int64_t until = clock_mono_ms() + 25;

	while (clock_mono_ms() < until)
		;
}

static uint64_t long_turns(void)
{
	uint64_t n = 0;

	/* from 20 ms on; a busy machine may make it longer */
	for (int i = 5; i < LOOP_BUCKETS; i++)
		n += loop_stats(l)->turns[i];
	return n;
}

static void test_stats(void)
{
	uint64_t turns = long_turns(), us;
	struct work w;

	is_int(loop_bucket_ms[4], 20, "a bucket ends at 20 ms");
	work_init(&w, busy, NULL);
	loop_defer(l, &w);
	run_for(30);
	ok(long_turns() - turns >= 1, "a turn of 25 ms is counted as long");
	us = loop_stats(l)->total_us;
	run_for(400);
	ok(loop_stats(l)->total_us - us < 200000, "waiting is not counted");
}

int main(void)
{
	struct err err = ERR_INIT;
	struct timer left;
	sigset_t mask;

	is_int(loop_new(&l, &err), 0, "loop_new");
	test_timers();
	test_heap();
	test_work();
	test_fds();
	test_signal();
	test_child();
	test_end_child();
	test_stats();
	timer_init(&left, l, note, letter('X'));
	timer_set(&left, 1000);
	loop_free(l);
	ok(!timer_armed(&left), "loop_free disarms what is left");
	sigprocmask(SIG_SETMASK, NULL, &mask);
	is_int(sigismember(&mask, SIGUSR1), 0, "and unblocks its signals");
	loop_free(NULL);
	return tap_done();
}
