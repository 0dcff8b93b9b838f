/*
 * The places for writes. See writes.h. Additive increase, multiplicative
 * decrease, as TCP does it: the API server's priority and fairness queues
 * are the bottleneck that is probed.
 */
#include "config.h"
#include "engine/writes.h"

#include <stdlib.h>

#include "schema/base/mem.h"

/* an answer this slow says that requests queue somewhere */
#define SLOW_MS 5000
/* pauses while the API server does not answer at all */
#define DOWN_MIN_MS 100
#define DOWN_MAX_MS 5000
/* what a server may ask us to wait */
#define RETRY_AFTER_MAX_MS 60000

struct writes {
	struct loop *loop;
	struct writer *awake;	/* the last of the circle; NULL: none */
	unsigned limit, running, writers;
	unsigned good;		/* answers since the limit last moved */
	int64_t not_before;	/* loop_now() */
	int64_t halved;		/* when: once for each wave of refusals */
	int64_t down_ms;	/* 0: the API server answers */
	struct timer pause;
	struct work pump;
};

static void pump(void *arg);

static void unpause(void *arg)
{
	struct writes *w = arg;

	loop_defer(w->loop, &w->pump);
}

void writes_new(struct loop *l, struct writes **ret)
{
	struct writes *w = xcalloc(1, sizeof(*w));

	w->loop = l;
	w->limit = WRITES_FIRST;
	timer_init(&w->pause, l, unpause, w);
	work_init(&w->pump, pump, w);
	*ret = w;
}

void writes_free(struct writes *w)
{
	if (!w)
		return;
	timer_stop(&w->pause);
	loop_undefer(w->loop, &w->pump);
	free(w);
}

void writer_init(struct writer *r, struct writes *w, bool (*next)(void *arg),
		 void *arg)
{
	*r = (struct writer){ .writes = w, .next = next, .arg = arg };
	w->writers++;
}

static void sleep_now(struct writer *r)
{
	struct writes *w = r->writes;
	struct writer *before = w->awake;

	if (!r->awake)
		return;
	while (before->ring != r)
		before = before->ring;
	before->ring = r->ring;
	if (w->awake == r)
		w->awake = before == r ? NULL : before;
	r->awake = false;
	r->ring = NULL;
}

void writer_stop(struct writer *r)
{
	if (!r->writes)
		return;
	sleep_now(r);
	r->writes->writers--;
}

void writer_wake(struct writer *r)
{
	struct writes *w = r->writes;

	if (!r->awake) {
		r->ring = w->awake ? w->awake->ring : r;
		if (w->awake)
			w->awake->ring = r;
		w->awake = r;
		r->awake = true;
	}
	loop_defer(w->loop, &w->pump);
}

/* The last quarter of the places is for those who have none. */
static bool has_its_share(const struct writes *w, const struct writer *r)
{
	unsigned share = w->limit - w->limit / 4;

	return w->writers > 1 && r->running && w->running >= share;
}

static void pump(void *arg)
{
	struct writes *w = arg;
	int64_t wait = w->not_before - loop_now(w->loop);
	unsigned full = 0;

	if (wait > 0) {
		timer_set(&w->pause, wait);
		return;
	}
	while (w->awake && w->running < w->limit && full < w->writers) {
		struct writer *r = w->awake->ring;

		w->awake = r;
		if (has_its_share(w, r)) {
			full++;
			continue;
		}
		full = 0;
		if (!r->next(r->arg))
			sleep_now(r);
	}
}

void writes_begin(struct writer *r)
{
	r->running++;
	r->writes->running++;
}

static void halve(struct writes *w, unsigned least)
{
	int64_t now = loop_now(w->loop);

	/* those that were on their way together tell the same news */
	if (now - w->halved < 1000)
		return;
	w->halved = now;
	w->good = 0;
	if (w->limit > least)
		w->limit = w->limit / 2 > least ? w->limit / 2 : least;
}

static void hold(struct writes *w, int64_t ms)
{
	int64_t until = loop_now(w->loop) + ms;

	if (until > w->not_before)
		w->not_before = until;
}

static void went_well(struct writes *w)
{
	if (w->down_ms) {
		w->down_ms = 0;
		w->limit = WRITES_FIRST;
	}
	if (++w->good < w->limit)
		return;
	w->good = 0;
	if (w->limit < WRITES_MAX)
		w->limit++;
}

/* One at a time until the API server answers again. */
static void no_answer(struct writes *w)
{
	if (loop_now(w->loop) < w->not_before)
		return;
	w->down_ms = w->down_ms ? w->down_ms * 2 : DOWN_MIN_MS;
	if (w->down_ms > DOWN_MAX_MS)
		w->down_ms = DOWN_MAX_MS;
	w->limit = 1;
	w->good = 0;
	hold(w, w->down_ms);
}

void writes_end(struct writer *r, const struct kube_status *status,
		int64_t ms)
{
	struct writes *w = r->writes;
	int64_t after = status ? status->retry_after_ms : 0;

	r->running--;
	w->running--;
	if (status && status->why == KUBE_NO_ANSWER) {
		no_answer(w);
	} else if (status && status->code == 429) {
		halve(w, 1);
	} else if (status && status->code < 500 && ms > SLOW_MS) {
		/* it may be no more than a webhook that takes its time for
		 * some objects: the others must not wait for these */
		halve(w, WRITES_FIRST);
	} else if (status && status->code < 500) {
		went_well(w);
	}
	if (status && status->code == 429)
		hold(w, after <= 0 ? 1000 : after > RETRY_AFTER_MAX_MS ?
		     RETRY_AFTER_MAX_MS : after);
	loop_defer(w->loop, &w->pump);
}

unsigned writes_limit(const struct writes *w)
{
	return w->limit;
}

unsigned writes_running(const struct writes *w)
{
	return w->running;
}
