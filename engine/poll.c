/*
 * Asking for the head, again and again. See fetch.h. A server that says it
 * waits is believed only as far as it really does: one that answers at once
 * with nothing new is polled each interval like any other.
 */
#include "config.h"
#include "engine/fetch.h"

#include <curl/curl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "engine/poll.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/base/strvec.h"
#include "schema/limits.h"

#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS (5 * 60 * 1000)
/* requests in a burst, and one more each so many milliseconds */
#define BURST 20
#define REFILL_MS 250
/*
 * A static server's ETag is often made of the file's second and length. A
 * head that was written so shortly before the answer may be replaced within
 * the same second without its ETag moving, so that ETag is not used: what
 * git does for its index ("racy git").
 */
#define RACY_S 2

static void ask(void *arg);

static void destroy(struct poller *p)
{
	http_cancel(p->call);
	timer_stop(&p->next);
	poll_host_leave(p);
	buf_release(&p->last);
	free(p->url);
	free(p);
}

void poller_free(struct poller *p)
{
	if (!p)
		return;
	if (p->in_ops)
		p->freed = true;
	else
		destroy(p);
}

bool poller_is_long(const struct poller *p)
{
	return p->shared ? poll_host_is_long(p->host) : p->long_poll;
}

/* ---- when ---- */

int64_t poll_jitter(int64_t ms)
{
	return ms + (int64_t)randombytes_uniform((uint32_t)(ms / 10 + 1));
}

static int64_t interval_ms(const struct poller *p)
{
	return poll_jitter(p->s->interval * 1000);
}

void poll_bucket_init(struct poll_bucket *b)
{
	b->tokens = BURST;
	b->refilled = clock_mono_ms();
}

int64_t poll_bucket_take(struct poll_bucket *b)
{
	int64_t now = clock_mono_ms();
	int64_t more = (now - b->refilled) / REFILL_MS;

	b->tokens += more;
	b->refilled += more * REFILL_MS;
	if (b->tokens > BURST)
		b->tokens = BURST;
	if (b->tokens > 0) {
		b->tokens--;
		return 0;
	}
	/* the next one that comes is taken already */
	b->refilled += REFILL_MS;
	return b->refilled - now;
}

int64_t poll_backoff(int64_t *backoff)
{
	int64_t ms = *backoff * 2;

	if (ms < BACKOFF_MIN_MS)
		ms = BACKOFF_MIN_MS;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	*backoff = ms;
	/* between half and all of it */
	return ms / 2 + (int64_t)randombytes_uniform((uint32_t)(ms / 2 + 1));
}

/* After a good answer: at once where the server waited or had news. */
static void schedule(struct poller *p, bool news)
{
	bool waited = clock_mono_ms() - p->asked >= POLL_WAITED_MS;

	p->backoff = 0;
	if (p->probing)
		timer_set(&p->next, 0);
	else if (p->long_poll && (news || waited))
		timer_set(&p->next, poll_bucket_take(&p->bucket));
	else
		timer_set(&p->next, interval_ms(p));
}

static void back_off(struct poller *p)
{
	timer_set(&p->next, poll_backoff(&p->backoff));
}

/* ---- the owner ---- */

void poller_tell(struct poller *p, enum poll_due what)
{
	p->in_ops = true;
	p->failing = what == DUE_FAILED;
	if (what == DUE_HEAD)
		p->ops.on_head(p->ops.arg, p->last.data, p->last.len);
	else if (what == DUE_SAME)
		p->ops.on_same(p->ops.arg);
	else if (what == DUE_FAILED)
		p->ops.on_failed(p->ops.arg, &p->why);
	p->in_ops = false;
	if (p->freed)
		destroy(p);
}

bool poller_set_head(struct poller *p, const char *data, size_t len)
{
	bool news = !p->answered || len != p->last.len ||
		    memcmp(data, p->last.data, len);

	if (data && !news)
		return false;
	buf_reset(&p->last);
	buf_add(&p->last, data, len);
	p->answered = data != NULL;
	return true;
}

static void fail(struct poller *p, const struct err *err)
{
	p->etag[0] = '\0';
	p->why = *err;
	poller_tell(p, DUE_FAILED);
}

/* ---- answers ---- */

bool poll_says_wait(const char *applied)
{
	return applied && !strncasecmp(applied, "wait", 4) &&
	       (applied[4] == '\0' || applied[4] == '=' || applied[4] == ' ' ||
		applied[4] == ';' || applied[4] == ',');
}

static bool is_racy(struct http_call *c)
{
	const char *modified = http_header(c, "Last-Modified");
	time_t changed = modified ? curl_getdate(modified, NULL) : -1;
	const char *date = http_header(c, "Date");
	time_t now = date ? curl_getdate(date, NULL) : -1;

	return changed >= 0 && now >= 0 && now - changed < RACY_S;
}

static void remember_etag(struct poller *p, struct http_call *c)
{
	const char *etag = http_header(c, "ETag");
	size_t len = etag ? strlen(etag) : 0;

	p->etag[0] = '\0';
	if (!len || len >= sizeof(p->etag) || (!p->long_poll && is_racy(c)))
		return;
	for (size_t i = 0; i < len; i++)
		if (etag[i] < '!' || etag[i] > '~')
			return;
	memcpy(p->etag, etag, len + 1);
}

/* A 200 or a 304: tells the owner, who may free the poller in there. */
static void take_answer(struct poller *p, long status, const char *body,
			size_t len)
{
	bool news = status == 200 && poller_set_head(p, body, len);

	if (!p->shared)
		schedule(p, news);
	poller_tell(p, news ? DUE_HEAD : DUE_SAME);
}

static void on_done(void *arg, struct http_call *c, long status,
		    const char *body, size_t len, const struct err *failed)
{
	struct poller *p = arg;
	struct err err = ERR_INIT;

	p->call = NULL;
	if (failed) {
		back_off(p);
		fail(p, failed);
		return;
	}
	p->probed = true;
	p->long_poll = poll_says_wait(http_header(c, "Preference-Applied"));
	/* its tag is of no use to a host's request */
	if (!poll_host_heard(p, c) && status == 200)
		remember_etag(p, c);
	if (status == 200 || (status == 304 && p->etag[0])) {
		take_answer(p, status, body, len);
		return;
	}
	/* nothing is published yet: the server is well, and is asked on as
	 * often as any other, or it would be minutes until it is noticed */
	if (p->shared)
		p->backoff = 0;
	else if (status == 404)
		schedule(p, false);
	else
		back_off(p);
	fetch_status_err(p->url, status, &err);
	fail(p, &err);
}

static int send_request(struct poller *p, struct err *err)
{
	struct strvec headers = STRVEC_INIT;
	struct http_request r = {
		.method = "GET", .url = p->url,
		.eager = true, .peer = &p->peer,
		.total_ms = POLL_TOTAL_MS, .max_bytes = LIMIT_HEAD_BYTES,
		.on_done = on_done, .arg = p,
	};
	int rc;

	for (const char *const *h = p->s->headers; h && *h; h++)
		strvec_push(&headers, *h);
	/* a server that waits would hold back a first answer of "not there"
	 * too, and nobody would be told until then */
	p->probing = !p->probed;
	if (!p->probing)
		strvec_pushf(&headers, "Prefer: wait=%d", POLL_WAIT_S);
	if (p->etag[0])
		strvec_pushf(&headers, "If-None-Match: %s", p->etag);
	r.headers = (const char *const *)headers.v;
	rc = http_send(p->http, &r, &p->call, err);
	for (size_t i = 0; i < headers.n; i++)
		sodium_memzero(headers.v[i], strlen(headers.v[i]));
	strvec_release(&headers);
	return rc;
}

static void ask(void *arg)
{
	struct poller *p = arg;
	enum poll_due due = p->due;
	struct err err = ERR_INIT;

	if (p->shared) {
		p->due = DUE_NOTHING;
		poller_tell(p, due);
		return;
	}
	p->asked = clock_mono_ms();
	if (send_request(p, &err) < 0) {
		back_off(p);
		fail(p, &err);
	}
}

void poller_now(struct poller *p)
{
	if (!p || p->in_ops)
		return;
	if (p->shared)
		poll_host_now(p->host);
	else if (!p->call)
		timer_set(&p->next, 0);
}

struct poller *poller_new(struct pollers *all, const struct source_settings *s,
			  const struct poller_ops *ops)
{
	struct poller *p = xcalloc(1, sizeof(*p));
	int64_t first;

	p->http = pollers_http(all);
	p->s = s;
	p->ops = *ops;
	p->url = xasprintf("%s/%s/head", s->url, s->name);
	poll_bucket_init(&p->bucket);
	buf_init(&p->last, LIMIT_HEAD_BYTES);
	fetch_peer(s, &p->peer);
	timer_init(&p->next, pollers_loop(all), ask, p);
	first = poll_host_join(all, p);
	if (first >= 0)
		timer_set(&p->next, first);
	return p;
}
