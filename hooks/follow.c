/*
 * Waiting for clusters. See follow.h. What they report is read where serve
 * keeps it, after it has verified it; the folder is watched, and looked into
 * once in a second where it cannot be. A pusher who is gone is noticed, and
 * one who listens is told no more than a screen or two.
 */
#include "config.h"
#include "hooks/follow.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "hooks/current.h"
#include "hooks/kept-report.h"
#include "hooks/receive.h"
#include "hooks/trust-file.h"
#include "schema/base/clock.h"
#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/strvec.h"

#define LOOK_MS 1000
/* from one look to the next, however many reports come: other channels and
 * other pushes have theirs */
#define APART_MS 200
/* how far it is, of each cluster; and all such lines of one push */
#define PROGRESS_MS 1000
#define PROGRESS_LINES 100
/* of each cluster, so that a dozen of them have room in what a push may be
 * told */
#define FAILURES_TOLD 10
#define FAILURE_BYTES 400

/* One cluster that is waited for. */
struct awaited {
	const char *cluster;
	uint64_t counter;	/* of the report that was looked at last */
	char *told;		/* the last line of how far it is, or NULL */
	struct map ills;	/* lines of what holds it up that were told */
	int64_t told_at;	/* monotonic ms */
	bool done;
};

struct follower {
	git_repository *repo;
	const struct host_config *host;
	const struct channel_config *ch;
	struct feedback *fb;
	struct current current;		/* what is followed */
	struct strvec clusters;
	struct awaited *v;
	size_t lines;			/* of progress, so far */
	int64_t begin, deadline;	/* monotonic ms */
	int64_t begin_wall;
	bool over;			/* nothing of it is waited for */
};

static void awaited_release(struct awaited *a)
{
	free(a->told);
	map_release(&a->ills, NULL);
}

int follow_option(int *ret_seconds, struct err *err)
{
	const char *value = receive_option_value(WAIT_OPTION);
	uint64_t seconds = FOLLOW_DEFAULT;

	if (!value) {
		*ret_seconds = 0;
		return 0;
	}
	if (*value && parse_u64(value, 1, LIMIT_FOLLOW, &seconds) < 0)
		return err_set(err, ERR_INVALID, "-o " WAIT_OPTION "=%.40s: it "
			       "is a number of seconds from 1 to %d", value,
			       LIMIT_FOLLOW);
	*ret_seconds = (int)seconds;
	return 0;
}

/* ---- lines ---- */

__attribute__((format(printf, 3, 4)))
static void tell(struct follower *f, const struct awaited *a,
		 const char *fmt, ...)
{
	struct buf text = BUF_INIT(4096);
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	feedback_line(f->fb, "windlass: %s@%s: %s", f->ch->name, a->cluster,
		      text.data);
	buf_release(&text);
}

static void tell_failure(struct follower *f, const struct buf *line)
{
	feedback_line(f->fb, "windlass:   %.*s%s", FAILURE_BYTES, line->data,
		      line->len > FAILURE_BYTES ? "..." : "");
}

static void tell_failures(struct follower *f, const struct cluster_report *r)
{
	struct buf line = BUF_INIT(LIMIT_REPORT_BYTES);
	size_t n = r->n_failures < FAILURES_TOLD ? r->n_failures
						 : FAILURES_TOLD;

	for (size_t i = 0; i < n; i++) {
		buf_reset(&line);
		cluster_failure_line(&r->failures[i], &line);
		tell_failure(f, &line);
	}
	if (r->failed > n && n)
		feedback_line(f->fb, "windlass:   and %" PRIu64 " more",
			      r->failed - n);
	buf_release(&line);
}

/* "after 3.2 s", or since when, of what was so before the push. */
static void add_when(const struct follower *f, const struct cluster_report *r,
		     struct buf *out)
{
	int64_t ms = clock_mono_ms() - f->begin;
	char since[CLOCK_TEXT_SIZE];

	if (r->issued < f->begin_wall) {
		clock_format(r->since, since);
		buf_addf(out, "since %s", since);
	} else {
		buf_addf(out, "after %" PRId64 ".%" PRId64 " s", ms / 1000,
			 ms % 1000 / 100);
	}
}

static void tell_end(struct follower *f, struct awaited *a,
		     const struct cluster_report *r)
{
	struct buf when = BUF_INIT(64);

	add_when(f, r, &when);
	if (r->phase == CLUSTER_HEALTHY)
		tell(f, a, "healthy %s", when.data);
	else
		tell(f, a, "%s %s: %s%s%s", cluster_phase_name(r->phase),
		     when.data, r->reason, *r->message ? ": " : "",
		     r->message);
	tell_failures(f, r);
	buf_release(&when);
	a->done = true;
}

/* What does not come up for a reason that is known: its time is not over, but
 * whoever waits can repair it by then. Each is told once. */
static void tell_ills(struct follower *f, struct awaited *a,
		      const struct cluster_report *r)
{
	struct buf line = BUF_INIT(LIMIT_REPORT_BYTES);

	for (size_t i = 0; i < r->n_failures && f->lines < PROGRESS_LINES;
	     i++) {
		buf_reset(&line);
		cluster_failure_line(&r->failures[i], &line);
		if (map_put(&a->ills, line.data, a))
			continue;
		tell_failure(f, &line);
		f->lines++;
	}
	buf_release(&line);
}

static void tell_progress(struct follower *f, struct awaited *a,
			  const struct cluster_report *r)
{
	struct buf line = BUF_INIT(2048);
	int64_t now = clock_mono_ms();

	if (r->phase == CLUSTER_WAITING)
		buf_addf(&line, "waiting: %s", *r->message ? r->message
							   : r->reason);
	else
		buf_addf(&line, "%s, %" PRIu64 " of %" PRIu64 " objects ready",
			 cluster_phase_name(r->phase), r->ready, r->total);
	if (f->lines < PROGRESS_LINES &&
	    (!a->told || (strcmp(a->told, line.data) &&
			  now - a->told_at >= PROGRESS_MS))) {
		tell(f, a, "%s", line.data);
		free(a->told);
		a->told = xstrdup(line.data);
		a->told_at = now;
		f->lines++;
	}
	buf_release(&line);
	tell_ills(f, a, r);
}

/* ---- reports ---- */

static void judge(struct follower *f, struct awaited *a,
		  const struct cluster_report *r)
{
	const struct bundle *b = &f->current.commit.bundle;

	if (strcmp(r->bundle, f->current.id)) {
		/* it goes on with the next one as soon as it has heard of it */
		if (r->epoch > b->epoch ||
		    (r->epoch == b->epoch && r->sequence > b->sequence)) {
			tell(f, a, "is at %" PRIu64 ".%" PRIu64 " already",
			     r->epoch, r->sequence);
			a->done = true;
		}
		return;
	}
	switch (r->phase) {
	case CLUSTER_WAITING:
	case CLUSTER_APPLYING:
		tell_progress(f, a, r);
		break;
	default:
		tell_end(f, a, r);
		break;
	}
}

static void look(struct follower *f, struct awaited *a)
{
	struct cluster_report r;
	struct err unread = ERR_INIT;

	if (a->done || kept_report_read(f->host, f->ch, a->cluster, NULL, &r,
					&unread))
		return;
	if (r.counter != a->counter || r.phase == CLUSTER_APPLYING)
		judge(f, a, &r);
	a->counter = r.counter;
	cluster_report_release(&r);
}

static bool all_done(const struct follower *f)
{
	for (size_t i = 0; i < f->clusters.n; i++)
		if (!f->v[i].done)
			return false;
	return true;
}

/* A later push took its place: nobody will report of this one any more. */
static bool overtaken(struct follower *f)
{
	const struct bundle *b = &f->current.commit.bundle;
	char *ref = current_ref(f->ch), id[GIT_HEX_SIZE];
	struct err unread = ERR_INIT;
	struct current now;
	bool same = repo_ref(f->repo, ref, id, &unread) < 0 ||
		    !strcmp(id, f->current.id);

	free(ref);
	if (same || current_read(f->repo, f->ch, &now, &unread) < 0 ||
	    !strcmp(now.id, f->current.id))
		return false;
	feedback_line(f->fb, "windlass: %s: %" PRIu64 ".%" PRIu64 " was "
		      "overtaken by %" PRIu64 ".%" PRIu64, f->ch->name,
		      b->epoch, b->sequence, now.commit.bundle.epoch,
		      now.commit.bundle.sequence);
	return true;
}

static void tell_time_is_over(struct follower *f)
{
	int64_t seconds = (f->deadline - f->begin + 999) / 1000;

	for (size_t i = 0; i < f->clusters.n; i++)
		if (!f->v[i].done)
			tell(f, &f->v[i], "%s after %" PRId64 " s, and goes on "
			     "by itself", f->v[i].told ? f->v[i].told :
			     "has said nothing of it", seconds);
}

/* ---- the wait ---- */

/* Until then or, with fd, until a report came. False when nobody listens any
 * more. */
static bool sleep_until(const struct feedback *fb, int64_t until, int fd)
{
	struct pollfd p[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = fb->fd },
	};
	int64_t left = until - clock_mono_ms();

	/* it can be over by now: looking takes its time, too */
	poll(p, 2, left < 0 ? 0 : (int)left);
	return !fb->closed && !(p[1].revents & (POLLERR | POLLHUP));
}

/* Until it is worth another look. What comes after the last read here is seen
 * by that look, or wakes the next sleep. */
static bool sleep_a_bit(const struct feedback *fb, int64_t deadline, int fd)
{
	int64_t now = clock_mono_ms();
	int64_t late = now + LOOK_MS, early = now + APART_MS;
	char events[4096];
	bool on;

	on = sleep_until(fb, late < deadline ? late : deadline, fd) &&
	     sleep_until(fb, early < deadline ? early : deadline, -1);
	while (fd >= 0 && read(fd, events, sizeof(events)) > 0)
		;
	return on;
}

/* The folders of all of them, by one descriptor; -1: not at all. */
static int watch(const struct follower *v, size_t n)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	for (size_t i = 0; fd >= 0 && i < n; i++) {
		struct buf path = BUF_INIT(LIMIT_PATH_BYTES);

		kept_report_dir(v[i].host, v[i].ch, &path);
		/* it may come into being only later: then each second has to
		 * do */
		inotify_add_watch(fd, path.data, IN_MOVED_TO | IN_ONLYDIR);
		buf_release(&path);
	}
	return fd;
}

/* Tells what is new; true when there is nothing left to wait for. */
static bool look_at_all(struct follower *v, size_t n, bool late)
{
	bool over = true;

	for (size_t i = 0; i < n; i++) {
		struct follower *f = &v[i];

		for (size_t k = 0; !f->over && k < f->clusters.n; k++)
			look(f, &f->v[k]);
		if (!f->over && (all_done(f) || overtaken(f)))
			f->over = true;
		if (!f->over && late)
			tell_time_is_over(f);
		over = over && f->over;
	}
	return over || late;
}

static int find_clusters(struct follower *f, struct err *err)
{
	if (trust_reporter_names(f->ch, &f->clusters, err) < 0)
		return -1;
	f->v = xcalloc(f->clusters.n, sizeof(*f->v));
	for (size_t i = 0; i < f->clusters.n; i++)
		f->v[i].cluster = f->clusters.v[i];
	return 0;
}

static void begin(struct follower *f)
{
	struct err err = ERR_INIT;

	f->begin = clock_mono_ms();
	f->begin_wall = clock_now();
	if (current_read(f->repo, f->ch, &f->current, &err) < 0 ||
	    find_clusters(f, &err) < 0) {
		feedback_line(f->fb, "windlass: %s: there is nobody to wait "
			      "for: %s", f->ch->name, err.msg);
		f->over = true;
	} else if (!*f->current.id) {
		f->over = true;
	}
}

static void end(struct follower *f)
{
	for (size_t i = 0; f->v && i < f->clusters.n; i++)
		awaited_release(&f->v[i]);
	free(f->v);
	strvec_release(&f->clusters);
}

void follow_rollouts(git_repository *repo, const struct host_config *host,
		     const struct channel_config *const *channels, size_t n,
		     int64_t deadline, struct feedback *fb)
{
	struct follower *v = xcalloc(n + 1, sizeof(*v));
	int fd;

	for (size_t i = 0; i < n; i++) {
		v[i] = (struct follower){
			.repo = repo, .host = host, .ch = channels[i],
			.fb = fb, .deadline = deadline,
		};
		begin(&v[i]);
	}
	fd = watch(v, n);
	while (!look_at_all(v, n, clock_mono_ms() >= deadline) &&
	       sleep_a_bit(fb, deadline, fd))
		;
	if (fd >= 0)
		close(fd);
	for (size_t i = 0; i < n; i++)
		end(&v[i]);
	free(v);
}
