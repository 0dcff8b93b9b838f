/*
 * The one loop of the engine: an epoll of descriptors, timers, deferred
 * work, signals and children. Single-threaded: callbacks never run at the
 * same time. A callback that has more than LOOP_SLICE_MS of work does a
 * slice and defers the rest, so that no channel delays another.
 */
#ifndef ENGINE_LOOP_H
#define ENGINE_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "schema/base/err.h"

#define LOOP_SLICE_MS 20

struct loop;
struct loop_io;

int loop_new(struct loop **ret, struct err *err);
void loop_free(struct loop *l);
/* Runs until loop_stop. */
int loop_run(struct loop *l, struct err *err);
void loop_stop(struct loop *l);
/* Monotonic milliseconds, read once a turn. */
int64_t loop_now(const struct loop *l);

/* events: EPOLLIN, EPOLLOUT. Deleting inside any callback is allowed. */
struct loop_io *loop_add_fd(struct loop *l, int fd, uint32_t events,
			    void (*fn)(void *arg, uint32_t events), void *arg);
void loop_mod_fd(struct loop_io *io, uint32_t events);
void loop_del_fd(struct loop_io *io);	/* does not close the fd */

/* A timer is a member of whoever waits for it. One shot. */
struct timer {
	struct loop *loop;
	void (*fn)(void *arg);
	void *arg;
	int64_t due;		/* 0: not armed */
	size_t heap_index;
};

void timer_init(struct timer *t, struct loop *l, void (*fn)(void *arg),
		void *arg);
void timer_set(struct timer *t, int64_t ms_from_now);	/* re-arms */
void timer_stop(struct timer *t);
static inline bool timer_armed(const struct timer *t)
{
	return t->due != 0;
}

/* Work for the next turn, after all descriptors were looked at; a member
 * of its owner, queued at most once. */
struct work {
	void (*fn)(void *arg);
	void *arg;
	struct work *next;
	bool queued;
};

void work_init(struct work *w, void (*fn)(void *arg), void *arg);
void loop_defer(struct loop *l, struct work *w);
void loop_undefer(struct loop *l, struct work *w);

/* Runs fn when the signal comes (signalfd; the signal is blocked). */
int loop_on_signal(struct loop *l, int signo, void (*fn)(void *arg),
		   void *arg, struct err *err);
/* Runs fn once when the child ends, with its waitpid status (pidfd). */
int loop_on_exit(struct loop *l, pid_t pid,
		 void (*fn)(void *arg, int status), void *arg,
		 struct err *err);

/*
 * The one who asked is going: fn is not called any more. Waits at most
 * patience_ms for the child to end by itself, then kills it; it is reaped
 * when this returns. Nothing if the child was reported before.
 */
void loop_end_child(struct loop *l, pid_t pid, int patience_ms);

/* How long turns took, for the metrics: counts of turns below 1, 2, 5, 10,
 * 20, 50, 100, 200, 500 ms and above; their sum. */
#define LOOP_BUCKETS 10
struct loop_stats {
	uint64_t turns[LOOP_BUCKETS];
	uint64_t total_us;
};
const struct loop_stats *loop_stats(const struct loop *l);
extern const int loop_bucket_ms[LOOP_BUCKETS - 1];

#endif
