/*
 * When a channel's reports are sent, and what comes of it. See reporter.h;
 * what they say is in engine/reporter-text.c. The answers come from a Git
 * host that may be anybody's, by way of a child that may have been taken
 * over: they make us wait, within bounds, and count on, within a year.
 */
#include "config.h"
#include "engine/reporter.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/channel-private.h"
#include "engine/http.h"
#include "engine/reporter-key.h"
#include "engine/reporter-text.h"
#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"

/* from the first event to the look, and between two looks */
#define LOOK_MS 20
#define LOOK_AGAIN_MS 100
/* and longer for each channel that waits for one */
#define LOOK_EACH_MS 2
#define PROGRESS_MS 1000
/* what matters is sent at once, ten times; of more, one a second */
#define BURST_MS (10 * PROGRESS_MS)
#define HEARTBEAT_MS (10 * 60 * 1000)
/* a bundle that was live is "applying" again: after a start all is compared,
 * drift is undone in a moment. Longer than this it is news. */
#define BLINK_MS 10000
#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS (5 * 60 * 1000)
/* a Retry-After beyond this is not obeyed */
#define PATIENCE_MS (10 * 60 * 1000)
/* of a host that takes no reports; the shorter one is for news */
#define REFUSED_MS (10 * 60 * 1000)
#define REFUSED_NEWS_MS (60 * 1000)
#define YEAR_MS (366ull * 24 * 60 * 60 * 1000)

struct reporter {
	struct channel *channel;
	struct timer look, send;
	int64_t looked;			/* loop_now() */
	bool waits;			/* counted in engine->reporters_due */
	bool sending;			/* in on_send: it is filled, and */
	bool fresh;			/* ... `due` is of what is so now */

	struct report_topic seen;	/* at the last look */
	bool has_topic;			/* what `now` is about */
	struct report_topic now;
	int64_t since;			/* seconds UTC */
	int64_t blink_ends;		/* loop_now(); 0: it does not blink */
	/* before the channel began: what was applied, and since when it was
	 * well; 0: it was not */
	char restored[GIT_HEX_SIZE];
	int64_t restored_since;

	/* what there is to say, is being said, was said */
	struct report_digest due, flying, taken;
	bool owed;			/* what was sent was not taken */

	struct source_request *call;
	uint64_t counter;		/* the last one that was used */
	bool counted_on;		/* by a 409, and not taken since */
	int64_t begun;			/* loop_now() of the last try; 0: none */
	int64_t paid;			/* loop_now(): all that were sent, at
					   one a second, take until then */
	int64_t not_before;		/* loop_now() */
	int64_t pause;
	bool refused;			/* the host takes none */
	bool unreachable;		/* the host, when it was last looked */
};

static void on_look(void *arg);
static void on_send(void *arg);

struct reporter *reporter_new(struct channel *c)
{
	struct reporter *r = xcalloc(1, sizeof(*r));

	r->channel = c;
	timer_init(&r->look, c->engine->loop, on_look, r);
	timer_init(&r->send, c->engine->loop, on_send, r);
	return r;
}

static int64_t now_ms(const struct reporter *r)
{
	return loop_now(r->channel->engine->loop);
}

static void set_waits(struct reporter *r, bool waits)
{
	if (waits != r->waits)
		r->channel->engine->reporters_due += waits ? 1 : -1;
	r->waits = waits;
}

/* What is applied now, and since when it has been well. */
static void remember(struct reporter *r, int64_t since)
{
	memcpy(r->restored, r->channel->status.applied.bundle,
	       sizeof(r->restored));
	r->restored_since = since;
}

static void cancel(struct reporter *r)
{
	source_cancel(r->call);
	r->call = NULL;
}

void reporter_stop(struct reporter *r)
{
	cancel(r);
	timer_stop(&r->look);
	timer_stop(&r->send);
	set_waits(r, false);
	r->blink_ends = r->begun = 0;
	r->seen = (struct report_topic){ 0 };
	if (r->has_topic)
		remember(r, r->now.phase == CLUSTER_HEALTHY ? r->since : 0);
	r->has_topic = false;
	/* another engine may report from here on */
	r->taken = (struct report_digest){ 0 };
}

void reporter_free(struct reporter *r)
{
	if (!r)
		return;
	reporter_stop(r);
	free(r);
}

/* Is there anybody to report to, and by whom? */
static bool is_on(const struct reporter *r)
{
	const struct channel *c = r->channel;

	return c->source && c->spec_ok && c->engine->leading &&
	       !c->engine->stopping && !c->deleting &&
	       reporter_key_signer(c->engine->reporter) &&
	       !(c->spec.report_to && !strcmp(c->spec.report_to, "none"));
}

/* ---- what is said of it in the status ---- */

static void say(struct reporter *r, const char *why)
{
	struct status_reporter *s = &r->channel->status.reporter;

	if (!strcmp(s->message, why))
		return;
	snprintf(s->message, sizeof(s->message), "%s", why);
	report_touch(r->channel->private->report);
}

static void show(struct reporter *r)
{
	struct channel *c = r->channel;
	struct status_reporter *s = &c->status.reporter;
	const struct reporter_key *k = c->engine->reporter;

	snprintf(s->cluster, sizeof(s->cluster), "%s",
		 reporter_key_cluster(k));
	snprintf(s->key, sizeof(s->key), "%s", reporter_key_text(k));
	if (*reporter_key_problem(k))
		snprintf(s->message, sizeof(s->message), "%s",
			 reporter_key_problem(k));
	else if (!r->refused)
		s->message[0] = '\0';
}

void reporter_try_again(struct reporter *r)
{
	/* it may be on its way to where it was not to go */
	cancel(r);
	r->refused = false;
	r->begun = r->not_before = r->pause = 0;
	settle_touch(r->channel);
}

/* ---- when ---- */

/* A host that is not there is not asked: heads tell when it is back. */
static bool is_unreachable(const struct channel *c)
{
	return !c->spec.report_to &&
	       c->private->state.v[SOURCE_FETCHED].reason ==
	       SOURCE_UNREACHABLE;
}

/* Since one was taken, or refused. */
static bool is_news(const struct reporter *r)
{
	return r->owed || !report_digest_equal(&r->due, r->refused ?
					       &r->flying : &r->taken);
}

/* loop_now() when the next one is due. */
static int64_t next_time(const struct reporter *r)
{
	int64_t at = r->begun;

	if (r->refused)
		at += is_news(r) ? REFUSED_NEWS_MS : REFUSED_MS;
	else if (!r->begun || r->owed || r->due.matter != r->taken.matter)
		at = r->paid - BURST_MS;
	else
		at += is_news(r) ? PROGRESS_MS : HEARTBEAT_MS;
	return at > r->not_before ? at : r->not_before;
}

static void schedule(struct reporter *r)
{
	int64_t ms = next_time(r) - now_ms(r);
	bool was_unreachable = r->unreachable;

	timer_stop(&r->send);
	if (r->call || r->sending || !r->has_topic || !is_on(r))
		return;
	r->unreachable = is_unreachable(r->channel);
	if (r->unreachable)
		return;
	if (was_unreachable) {
		r->pause = r->not_before = 0;
		ms = next_time(r) - now_ms(r);
	}
	timer_set(&r->send, ms > 0 ? ms : 0);
}

/* A look in so many ms, unless one comes before. */
static void look_in(struct reporter *r, int64_t ms)
{
	if (!timer_armed(&r->look) || r->look.due > now_ms(r) + ms)
		timer_set(&r->look, ms);
}

void reporter_touch(struct reporter *r)
{
	int64_t wait = r->looked ? r->looked + LOOK_AGAIN_MS - now_ms(r) : 0;

	if (!is_on(r) || r->waits)
		return;
	if (wait < LOOK_MS)
		wait = LOOK_MS;
	look_in(r, wait + LOOK_EACH_MS *
		   (int64_t)r->channel->engine->reporters_due);
	set_waits(r, true);
}

/* A status that is filled says more than we look at here. */
static void on_look(void *arg)
{
	struct reporter *r = arg;
	struct channel *c = r->channel;
	struct settle_counts n;
	struct report_topic t;

	set_waits(r, false);
	r->looked = now_ms(r);
	if (!is_on(r))
		return;
	n = settle_count(c);
	if (report_topic_find(c, &n, &t) &&
	    (!report_topic_equal(&t, &r->seen) ||
	     (r->blink_ends && r->looked >= r->blink_ends))) {
		r->seen = t;
		settle_fill(c);
	} else {
		schedule(r);
	}
	if (r->blink_ends > r->looked)
		look_in(r, r->blink_ends - r->looked);
}

/* ---- what ---- */

void reporter_restored(struct reporter *r)
{
	const struct condition *ready =
		&r->channel->status.conditions[CONDITION_READY];

	remember(r, ready->status == STATUS_TRUE ? ready->since : 0);
}

/* Was it live before, so that it is only being compared or repaired, and will
 * be well in a moment? */
static bool blinks(struct reporter *r, const struct report_topic *t)
{
	bool was_live = !r->has_topic ? !strcmp(r->restored, t->bundle) :
			!strcmp(r->now.bundle, t->bundle) &&
			r->now.phase == CLUSTER_HEALTHY;

	if (t->phase != CLUSTER_APPLYING || !was_live) {
		r->blink_ends = 0;
		return false;
	}
	if (!r->blink_ends)
		r->blink_ends = now_ms(r) + BLINK_MS;
	return now_ms(r) < r->blink_ends;
}

static void take_topic(struct reporter *r, const struct report_topic *t)
{
	bool same = r->has_topic && r->now.phase == t->phase &&
		    !strcmp(r->now.bundle, t->bundle);
	bool restored = !r->has_topic && t->phase == CLUSTER_HEALTHY &&
			r->restored_since &&
			!strcmp(r->restored, t->bundle);

	if (!same)
		r->since = restored ? r->restored_since : clock_now();
	r->now = *t;
	r->has_topic = true;
}

void reporter_filled(struct reporter *r, const struct settle_counts *n)
{
	struct channel *c = r->channel;
	struct report_topic t;

	show(r);
	if (!is_on(r) || !report_topic_find(c, n, &t) || blinks(r, &t))
		return;
	/* where failures come from is told in a moment */
	if (c->private->places) {
		r->seen = (struct report_topic){ 0 };
		return;
	}
	take_topic(r, &t);
	report_digest_of(c, &r->now, r->since, &r->due);
	r->fresh = true;
	schedule(r);
}

/* ---- sending ---- */

static uint64_t wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void back_off(struct reporter *r, int64_t least)
{
	int64_t ms;

	r->pause = r->pause ? r->pause * 2 : BACKOFF_MIN_MS;
	if (r->pause > BACKOFF_MAX_MS)
		r->pause = BACKOFF_MAX_MS;
	/* between half and all of it: a thousand channels do not come back at
	 * the same moment */
	ms = r->pause / 2 +
	     (int64_t)randombytes_uniform((uint32_t)(r->pause / 2 + 1));
	if (ms < least)
		ms = least < PATIENCE_MS ? least : PATIENCE_MS;
	r->not_before = now_ms(r) + ms;
}

static void on_taken(struct reporter *r)
{
	struct channel *c = r->channel;

	if (!c->counts.reports_sent || r->refused)
		log_info("reports-taken", LOG_S("channel", c->name),
			 LOG_S("cluster",
			       reporter_key_cluster(c->engine->reporter)));
	c->counts.reports_sent++;
	r->taken = r->flying;
	r->owed = r->refused = r->counted_on = false;
	r->pause = r->not_before = 0;
	say(r, "");
}

static void on_refused(struct reporter *r, const struct source_reply *reply)
{
	struct channel *c = r->channel;
	struct err err = ERR_INIT;

	c->counts.report_failures[REPORT_REFUSED]++;
	r->refused = true;
	r->owed = false;
	err_set(&err, ERR_TRANSIENT, "the Git host takes no reports of "
		"cluster '%s': it answered %u%s%s",
		reporter_key_cluster(c->engine->reporter), reply->status,
		*reply->message ? ", " : "", reply->message);
	if (strcmp(c->status.reporter.message, err.msg))
		log_warn("reports-refused", LOG_S("channel", c->name),
			 LOG_S("error", err.msg));
	say(r, err.msg);
}

/* It has seen our counter: somebody with this key counted further, or we
 * lost count. True if it is worth another try now. */
static bool count_on(struct reporter *r, const struct source_reply *reply)
{
	static const char word[] = "counter ";
	uint64_t most = wall_ms() + YEAR_MS, seen;

	if (strncmp(reply->message, word, sizeof(word) - 1) ||
	    parse_u64(reply->message + sizeof(word) - 1, 1, UINT64_MAX,
		      &seen) < 0)
		return false;
	if (seen > most)
		seen = most;
	if (seen > r->counter)
		r->counter = seen;
	if (r->counted_on)
		return false;
	r->counted_on = true;
	return true;
}

static void on_answer(struct reporter *r, const struct source_reply *reply)
{
	uint32_t status = reply->status;

	if (status >= 200 && status < 300) {
		on_taken(r);
		return;
	}
	if (status != 409 && status != 429 && status != 408 &&
	    (status < 500 || status == 501)) {
		on_refused(r, reply);
		return;
	}
	r->refused = false;
	r->owed = true;
	if (status == 409 && count_on(r, reply)) {
		r->pause = r->not_before = 0;
		return;
	}
	r->channel->counts.report_failures[REPORT_UNSENT]++;
	back_off(r, reply->retry_after_ms);
}

static void on_reply(void *arg, const struct source_reply *reply,
		     const struct err *err)
{
	struct reporter *r = arg;

	r->call = NULL;
	if (err) {
		r->channel->counts.report_failures[REPORT_UNSENT]++;
		r->owed = true;
		back_off(r, 0);
		log_debug("report-not-sent",
			  LOG_S("channel", r->channel->name),
			  LOG_S("error", err->msg));
	} else {
		on_answer(r, reply);
	}
	schedule(r);
}

/* What the Channel's Secret has is shown to no address that it is not for. */
static bool is_for_credentials(const struct channel *c)
{
	const struct git_secret *s = &c->private->secret;

	return !c->spec.report_to ||
	       (s->url && http_url_is_below(c->spec.report_to, s->url));
}

static void send(struct reporter *r)
{
	struct channel *c = r->channel;
	struct buf text = BUF_INIT(LIMIT_REPORT_BYTES);
	struct source_report report = {
		.url = c->spec.report_to,
		.credentials = is_for_credentials(c),
	};
	struct err err = ERR_INIT;
	uint64_t wall = wall_ms();

	r->counter = r->counter + 1 > wall ? r->counter + 1 : wall;
	r->flying = r->due;
	r->begun = now_ms(r);
	r->paid = (r->paid > r->begun ? r->paid : r->begun) + PROGRESS_MS;
	if (report_text_sign(c, &r->now, r->since, r->counter, &text,
			     &err) < 0) {
		log_error("report-not-signed", LOG_S("channel", c->name),
			  LOG_S("error", err.msg));
		r->owed = true;
		back_off(r, BACKOFF_MAX_MS);
		schedule(r);
	} else {
		report.text = text.data;
		report.len = text.len;
		r->call = source_report(c->source, &report, on_reply, r);
	}
	buf_release(&text);
}

static void on_send(void *arg)
{
	struct reporter *r = arg;

	if (r->call || !is_on(r))
		return;
	/* it says what is so now, and not when it was first tried */
	r->fresh = false;
	r->sending = true;
	settle_fill(r->channel);
	r->sending = false;
	if (r->fresh)
		send(r);
	else
		timer_set(&r->send, PROGRESS_MS);
}
