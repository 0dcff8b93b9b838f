/*
 * One receiver is told what it does not know of a channel. See notify.h.
 *
 * What may arrive is noted before it is sent (news_may_arrive), so that a run
 * that is killed in between, or hears no answer, neither loses nor invents
 * anything: what the receiver may not know is told once more, under the same
 * id. A receiver that is away is asked again ever more rarely; one that
 * refuses is not asked the same thing twice. How much it is told is bounded,
 * for each cluster and for all of the channel: what comes beyond that waits,
 * and then only what is still so is told.
 */
#include "config.h"
#include "hooks/notify.h"

#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"

/* messages: of a channel, and of one cluster that goes up and down */
#define MESSAGES_AT_ONCE 10
#define MESSAGE_SECONDS 60
#define CLUSTER_MESSAGES_AT_ONCE 6
#define CLUSTER_MESSAGE_SECONDS 600
/* commit statuses; GitHub takes 1,000 of one cluster on one commit */
#define STATUSES_AT_ONCE 100
#define STATUS_SECONDS 5
#define CLUSTER_STATUSES_AT_ONCE 30
#define CLUSTER_STATUS_SECONDS 120

#define FIRST_RETRY_SECONDS 5
#define LIMIT_RETRY_SECONDS 600
/* others of the channel wait so long at most */
#define LIMIT_RUN_MS (60 * 1000)

struct telling {
	struct notify_channel *c;
	const struct receiver *r;
	struct notify_result *result;
	struct told told;
	struct poster *poster;		/* NULL until there is something */
	struct buf stamp;
	int64_t end;			/* monotonic ms */
	bool moved;			/* told is not as it is kept */
};

/* ---- what went wrong ---- */

static void complain(struct telling *t, const struct err *err)
{
	buf_addf(&t->result->wrong, "%s: %s\n", t->c->ch->name, err->msg);
}

static void note_worst(struct telling *t, enum err_class class)
{
	if (t->result->worst != ERR_TRANSIENT)
		t->result->worst = class;
}

/* Nothing more for now; said once, as long as it is the same. */
static void leave_alone(struct telling *t, int64_t wait, const struct err *err)
{
	struct told *told = &t->told;
	int64_t pause = FIRST_RETRY_SECONDS;

	for (uint64_t i = 0; i < told->failures &&
			     pause < LIMIT_RETRY_SECONDS; i++)
		pause *= 2;
	if (pause > LIMIT_RETRY_SECONDS)
		pause = LIMIT_RETRY_SECONDS;
	told->failures++;
	told->retry_at = t->c->now + (wait > pause ? wait : pause);
	notify_look_at(t->c, told->retry_at);
	if (strncmp(told->trouble, err->msg, sizeof(told->trouble) - 1)) {
		snprintf(told->trouble, sizeof(told->trouble), "%s", err->msg);
		complain(t, err);
	}
	note_worst(t, err->class);
	t->moved = true;
}

static void note_refusal(struct telling *t, const struct err *err)
{
	snprintf(t->told.trouble, sizeof(t->told.trouble), "%s", err->msg);
	complain(t, err);
	note_worst(t, err->class);
	t->moved = true;
}

static void note_taken(struct telling *t)
{
	t->told.failures = 0;
	t->told.retry_at = 0;
	t->told.trouble[0] = '\0';
	t->moved = true;
}

/* -1 where it cannot be kept: then nothing may be sent, which would be sent
 * again and again. */
static int keep(struct telling *t)
{
	struct err err = ERR_INIT;

	if (told_write(t->c->host, t->c->ch, t->r, &t->told, &err) < 0) {
		err_wrap(&err, "cannot keep what is told");
		complain(t, &err);
		note_worst(t, ERR_TRANSIENT);
		notify_look_at(t->c, t->c->now + LIMIT_RETRY_SECONDS);
		return -1;
	}
	t->moved = false;
	return 0;
}

/* With what its files say now; they are read only when there is news. */
static int open_poster(struct telling *t)
{
	struct err err = ERR_INIT;

	if (t->poster || !poster_open(t->r, &t->poster, &err))
		return 0;
	leave_alone(t, 0, &err);
	return -1;
}

static bool may_go_on(const struct telling *t)
{
	return t->told.retry_at <= t->c->now && clock_mono_ms() < t->end;
}

/* By which a post that was refused is known again. */
static void digest_of(const struct telling *t, const char *what,
		      char ret[SHA256_HEX_SIZE])
{
	struct sha256_ctx ctx;
	struct sha256 digest;

	sha256_start(&ctx);
	sha256_add(&ctx, t->stamp.data, t->stamp.len + 1);
	sha256_add(&ctx, what, strlen(what));
	sha256_end(&ctx, &digest);
	sha256_hex(&digest, ret);
}

static void say(struct telling *t, const char *cluster, const char *what)
{
	struct buf title = BUF_INIT(LIMIT_RECEIVER_URL_BYTES);

	receiver_title(t->r, &title);
	buf_addf(&t->result->said, "%s: %s@%s %s\n", title.data,
		 t->c->ch->name, cluster, what);
	buf_release(&title);
}

static void say_channel(struct telling *t, const char *what)
{
	struct buf title = BUF_INIT(LIMIT_RECEIVER_URL_BYTES);

	receiver_title(t->r, &title);
	buf_addf(&t->result->said, "%s: %s %s\n", title.data, t->c->ch->name,
		 what);
	buf_release(&title);
}

/* ---- messages ---- */

/* What is said of one cluster. */
static void digest_part(const struct telling *t, const struct message_part *p,
			char ret[SHA256_HEX_SIZE])
{
	struct buf b = BUF_INIT(LIMIT_REPORT_BYTES);

	buf_addf(&b, "%u %u %s %s", p->news.events, p->news.ended,
		 p->news.then.failed, p->news.then.waiting);
	digest_of(t, b.data, ret);
	buf_release(&b);
}

/*
 * Those that there is something to say of, and that have a share left. What
 * was refused is not said again; by cluster, so that one whose report a
 * receiver cannot stand does not keep back those of others for good.
 */
static size_t collect(struct telling *t, struct message_part *parts,
		      bool *ret_more)
{
	struct notify_channel *c = t->c;
	size_t n = 0;

	*ret_more = false;
	for (size_t i = 0; i < c->n; i++) {
		struct notify_cluster *k = &c->v[i];
		struct told_cluster *told = told_cluster(&t->told, k->name);
		struct message_part p = {
			.cluster = k, .told = told, .before = *told,
		};
		int64_t may = told_may(told->until, CLUSTER_MESSAGES_AT_ONCE,
				       CLUSTER_MESSAGE_SECONDS, c->now);

		if (!news_find(told, &k->report, k->silence, &p.news))
			continue;
		digest_part(t, &p, p.digest);
		if (!(p.news.events & t->r->events)) {
			*told = p.news.then;
			t->moved = true;
		} else if (!strcmp(p.digest, told->refused)) {
			continue;
		} else if (may > c->now) {
			notify_look_at(c, may);
		} else if (n == LIMIT_MESSAGE_CLUSTERS) {
			*ret_more = true;
		} else {
			parts[n++] = p;
		}
	}
	return n;
}

static void mark_told(struct telling *t, const struct message_part *p)
{
	uint64_t events = p->before.events;

	for (int e = 0; e < NEWS_EVENTS; e++) {
		if (!(p->news.events & t->r->events & (1u << e)))
			continue;
		events++;
		say(t, p->cluster->name, news_name((enum news_event)e));
	}
	*p->told = p->news.then;
	p->told->events = events;
	told_take(&p->told->until, CLUSTER_MESSAGES_AT_ONCE,
		  CLUSTER_MESSAGE_SECONDS, t->c->now);
}

static void put_back(const struct message_part *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*parts[i].told = parts[i].before;
}

/* False when that was all for now. */
static bool post_message(struct telling *t, const struct message_part *parts,
			 size_t n)
{
	struct buf body = BUF_INIT(LIMIT_MESSAGE_BYTES);
	struct err err = ERR_INIT;
	struct post_result res = { .outcome = POST_FAILED };

	for (size_t i = 0; i < n; i++)
		news_may_arrive(parts[i].told, &parts[i].news);
	message_write(t->c, t->r, parts, n, &body);
	if (buf_check(&body, "the message", &err) < 0) {
		put_back(parts, n);
		buf_release(&body);
		if (n > 1)
			return post_message(t, parts, n / 2) &&
			       post_message(t, parts + n / 2, n - n / 2);
		leave_alone(t, 0, &err);
		return false;
	}
	if (keep(t) < 0)
		goto out;
	told_take(&t->told.until, MESSAGES_AT_ONCE, MESSAGE_SECONDS,
		  t->c->now);
	res = poster_post(t->poster, NULL, &body, &err);
	switch (res.outcome) {
	case POST_TAKEN:
		for (size_t i = 0; i < n; i++)
			mark_told(t, &parts[i]);
		note_taken(t);
		break;
	case POST_REFUSED:
		put_back(parts, n);
		for (size_t i = 0; i < n; i++)
			memcpy(parts[i].told->refused, parts[i].digest,
			       SHA256_HEX_SIZE);
		note_refusal(t, &err);
		break;
	case POST_FAILED:
		put_back(parts, n);
		leave_alone(t, res.wait, &err);
		break;
	case POST_UNKNOWN:
		leave_alone(t, 0, &err);
		break;
	}
	keep(t);
out:
	buf_release(&body);
	return res.outcome == POST_TAKEN;
}

static void tell_messages(struct telling *t)
{
	struct message_part parts[LIMIT_MESSAGE_CLUSTERS];
	bool more = true;

	while (more) {
		size_t n = collect(t, parts, &more);
		int64_t may = told_may(t->told.until, MESSAGES_AT_ONCE,
				       MESSAGE_SECONDS, t->c->now);

		if (!n)
			return;
		if (may > t->c->now || !may_go_on(t)) {
			notify_look_at(t->c, may > t->told.retry_at ? may :
				       t->told.retry_at);
			return;
		}
		if (open_poster(t) < 0)
			return;
		if (!post_message(t, parts, n))
			return;
	}
}

/* ---- what happened to the channel ---- */

/* False when the receiver is to be left alone. */
static bool post_happened(struct telling *t, const struct happened *h)
{
	struct buf body = BUF_INIT(LIMIT_MESSAGE_BYTES);
	struct err err = ERR_INIT;
	struct post_result res = { .outcome = POST_FAILED };

	message_write_happened(t->c, t->r, h, &body);
	if (keep(t) < 0)
		goto out;
	told_take(&t->told.until, MESSAGES_AT_ONCE, MESSAGE_SECONDS,
		  t->c->now);
	res = poster_post(t->poster, NULL, &body, &err);
	if (res.outcome == POST_TAKEN) {
		happened_told(&t->told, h);
		note_taken(t);
		say_channel(t, news_name(h->event));
	} else if (res.outcome == POST_REFUSED) {
		happened_told(&t->told, h);
		note_refusal(t, &err);
	} else {
		/* once more, under the same id */
		leave_alone(t, res.wait, &err);
	}
	keep(t);
out:
	buf_release(&body);
	return res.outcome == POST_TAKEN || res.outcome == POST_REFUSED;
}

static void tell_happened(struct telling *t)
{
	struct happened v[HAPPENED_MAX];
	int64_t since = t->told.waits_since;
	size_t n = happened_find(t->c, &t->told, v);

	t->moved = t->moved || t->told.waits_since != since;
	for (size_t i = 0; i < n; i++) {
		int64_t may = told_may(t->told.until, MESSAGES_AT_ONCE,
				       MESSAGE_SECONDS, t->c->now);

		if (!(t->r->events & (1u << v[i].event))) {
			happened_told(&t->told, &v[i]);
			t->moved = true;
			continue;
		}
		if (may > t->c->now || !may_go_on(t)) {
			notify_look_at(t->c, may > t->told.retry_at ? may :
				       t->told.retry_at);
			return;
		}
		if (open_poster(t) < 0 || !post_happened(t, &v[i]))
			return;
	}
}

/* ---- commit statuses ---- */

/* 0 when it is done, 1 when the next of this cluster may follow, -1 when the
 * receiver is to be left alone. */
static int post_status(struct telling *t, const struct notify_cluster *k,
		       struct told_cluster *told, const struct status_news *s)
{
	struct buf url = BUF_INIT(LIMIT_POST_URL_BYTES * 3);
	struct buf body = BUF_INIT(LIMIT_MESSAGE_BYTES);
	struct buf what = BUF_INIT(256);
	char digest[SHA256_HEX_SIZE];
	struct err err = ERR_INIT;
	struct post_result res = { .outcome = POST_REFUSED };
	int rc = -1;

	status_url(t->r->form, poster_url(t->poster), s->commit, &url);
	status_write(t->c, t->r, k->name, s, &body);
	/* an end has no key, so its commit says enough */
	buf_addf(&what, "%s %s", s->commit, s->key);
	digest_of(t, what.data, digest);
	if (!strcmp(digest, told->refused)) {
		rc = 0;
		goto out;
	}
	status_news_tell(told, t->r->form, s, false);
	if (keep(t) < 0)
		goto out;
	told_take(&t->told.until, STATUSES_AT_ONCE, STATUS_SECONDS,
		  t->c->now);
	told_take(&told->until, CLUSTER_STATUSES_AT_ONCE,
		  CLUSTER_STATUS_SECONDS, t->c->now);
	res = poster_post(t->poster, url.data, &body, &err);
	if (res.outcome == POST_TAKEN) {
		status_news_tell(told, t->r->form, s, true);
		note_taken(t);
		say(t, k->name, status_state_name(t->r->form, s->state));
		rc = 1;
	} else if (res.outcome == POST_REFUSED) {
		memcpy(told->refused, digest, sizeof(told->refused));
		/* what is over must not keep back what is now */
		if (s->state == STATUS_OVERTAKEN)
			status_news_tell(told, t->r->form, s, true);
		note_refusal(t, &err);
		rc = s->state == STATUS_OVERTAKEN;
	} else {
		leave_alone(t, res.wait, &err);
	}
	if (keep(t) < 0)
		rc = -1;
out:
	buf_release(&what);
	buf_release(&body);
	buf_release(&url);
	return rc;
}

/* -1 when the receiver is to be left alone. */
static int tell_statuses_of(struct telling *t, const struct notify_cluster *k)
{
	struct told_cluster *told = told_cluster(&t->told, k->name);
	struct status_news s;
	int rc = 1;

	while (rc > 0 && status_news_find(told, t->r->form, &k->report,
					  k->from.commit, &s)) {
		int64_t all = told_may(t->told.until, STATUSES_AT_ONCE,
				       STATUS_SECONDS, t->c->now);
		int64_t own = told_may(told->until, CLUSTER_STATUSES_AT_ONCE,
				       CLUSTER_STATUS_SECONDS, t->c->now);
		int64_t may = own > all ? own : all;

		if (may > t->c->now || !may_go_on(t)) {
			notify_look_at(t->c, may > t->told.retry_at ? may :
				       t->told.retry_at);
			return 0;
		}
		if (open_poster(t) < 0)
			return -1;
		rc = post_status(t, k, told, &s);
	}
	return rc < 0 ? -1 : 0;
}

/* ---- either ---- */

static void begin(struct telling *t)
{
	struct err err = ERR_INIT;

	if (told_read(t->c->host, t->c->ch, t->r, &t->told, &err)) {
		err_wrap(&err, "what is so is told once more");
		complain(t, &err);
	}
	/* a clock that was set back must not make it silent for long */
	if (t->c->by_hand || t->told.retry_at > t->c->now + 3600)
		t->told.retry_at = 0;
	for (size_t i = 0; i < t->c->n; i++)
		told_cluster(&t->told, t->c->v[i].name)->there = true;
	told_sweep(&t->told);
}

void notify_receiver(struct notify_channel *c, const struct receiver *r,
		     struct notify_result *result)
{
	struct telling t = {
		.c = c, .r = r, .result = result, .told = TOLD_INIT,
		.stamp = BUF_INIT(3 * LIMIT_RECEIVER_URL_BYTES),
		.end = clock_mono_ms() + LIMIT_RUN_MS,
	};

	poster_stamp(r, &t.stamp);
	begin(&t);
	c->now = clock_now();
	if (receiver_is_forge(r)) {
		for (size_t i = 0; i < c->n; i++)
			if (tell_statuses_of(&t, &c->v[i]) < 0)
				break;
	} else {
		tell_messages(&t);
		tell_happened(&t);
	}
	if (t.moved)
		keep(&t);
	poster_free(t.poster);
	told_release(&t.told);
	buf_release(&t.stamp);
}

int notify_receiver_test(const struct notify_channel *c,
			 const struct receiver *r, struct err *err)
{
	struct buf body = BUF_INIT(LIMIT_MESSAGE_BYTES);
	struct poster *p = NULL;
	int rc = poster_open(r, &p, err);

	message_write_test(c, r, &body);
	if (!rc && poster_post(p, NULL, &body, err).outcome != POST_TAKEN)
		rc = -1;
	poster_free(p);
	buf_release(&body);
	return rc;
}
