/*
 * Asking one Git host for the heads of all its channels, by one request that
 * waits. See poll.h. The host is a stranger: its answer is read strictly, it
 * is asked only so often whatever it answers, and one that does not keep what
 * it promised is asked for each head by itself, as any other.
 *
 * What an answer brings is told to the channels a few a millisecond, so that
 * a thousand of them do not hold up what else the loop has to do.
 */
#include "config.h"
#include "engine/poll.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "schema/base/clock.h"
#include "schema/base/log.h"
#include "schema/base/mem.h"
#include "schema/heads.h"

/* until those who come with it have come, too */
#define JOIN_MS 50
/* how long the first one's answer is awaited before others ask, too */
#define FIRST_MS 1000
/* until one that refused is asked for many again */
#define REFUSED_MS (10 * 60 * 1000)
/* channels that are told what is new, a millisecond */
#define TOLD_A_MS 8

_Static_assert(LIMIT_CHANNELS <= LIMIT_HEADS_ASKED,
	       "one question has room for all channels of an engine");

struct pollers {
	struct loop *loop;
	struct http *http;
	struct map hosts;		/* by digest of how they are reached */
};

struct poll_host {
	struct pollers *all;
	char key[SHA256_HEX_SIZE];
	struct source_config config;	/* how it is reached, no channel */
	struct http_peer peer;
	char *url;
	struct poller *members;
	struct map by_name;		/* those that are shared */
	size_t n;
	bool heard;			/* it has answered once */
	bool shares;			/* it said that it can be asked so */
	int64_t refused_until;

	struct http_call *call;
	struct timer next;
	bool waits;			/* the request that is out does */
	bool long_poll;
	int64_t asked, backoff;
	struct poll_bucket bucket;
};

static void ask(void *arg);

/* ---- which host ---- */

/* How it is reached, with nothing of the channel. */
static struct source_settings way_of(const struct source_settings *s)
{
	struct source_settings way = *s;

	way.name = way.channel_id = way.publishers = "";
	way.interval = 1;
	way.epoch_floor = 0;
	way.accepted = way.applied = (struct source_pin){ 0 };
	return way;
}

/* The settings hold tokens and keys: their digest does not. */
static void key_of(const struct source_settings *way,
		   char ret[SHA256_HEX_SIZE])
{
	struct buf b = BUF_INIT(LIMIT_IPC_FRAME);
	struct sha256 digest;

	source_put_settings(&b, way);
	sha256_of(b.data, b.len, &digest);
	sha256_hex(&digest, ret);
	buf_wipe(&b);
}

static struct poll_host *host_of(struct pollers *all,
				 const struct source_settings *s)
{
	struct source_settings way = way_of(s);
	char key[SHA256_HEX_SIZE];
	struct poll_host *h;

	key_of(&way, key);
	h = map_get(&all->hosts, key);
	if (h)
		return h;
	h = xcalloc(1, sizeof(*h));
	h->all = all;
	memcpy(h->key, key, sizeof(key));
	source_config_copy(&h->config, &way);
	h->url = xasprintf("%s/" HEADS_PATH, way.url);
	fetch_peer(&h->config.s, &h->peer);
	timer_init(&h->next, all->loop, ask, h);
	poll_bucket_init(&h->bucket);
	map_put(&all->hosts, key, h);
	return h;
}

static void host_free(struct poll_host *h)
{
	map_del(&h->all->hosts, h->key);
	http_cancel(h->call);
	timer_stop(&h->next);
	map_release(&h->by_name, NULL);
	source_config_release(&h->config);
	free(h->url);
	free(h);
}

struct pollers *pollers_new(struct loop *l, struct http *http)
{
	struct pollers *all = xcalloc(1, sizeof(*all));

	all->loop = l;
	all->http = http;
	return all;
}

void pollers_free(struct pollers *all)
{
	if (!all)
		return;
	map_release(&all->hosts, NULL);
	free(all);
}

struct loop *pollers_loop(const struct pollers *all)
{
	return all->loop;
}

struct http *pollers_http(const struct pollers *all)
{
	return all->http;
}

/* ---- who is asked for by it ---- */

/* Those who ask are more: the request that is out does not know of them. */
static void ask_anew(struct poll_host *h)
{
	if (h->call && !h->waits)
		return;
	http_cancel(h->call);
	h->call = NULL;
	if (!timer_armed(&h->next))
		timer_set(&h->next, h->backoff ? h->backoff : JOIN_MS);
}

static void share(struct poller *p)
{
	struct poll_host *h = p->host;

	/* two of one name: the second asks for itself */
	if (p->shared || map_get(&h->by_name, p->s->name))
		return;
	http_cancel(p->call);
	p->call = NULL;
	timer_stop(&p->next);
	p->shared = true;
	p->in_request = false;
	/* a later answer to it alone may be to another head */
	p->etag[0] = '\0';
	map_put(&h->by_name, p->s->name, p);
	ask_anew(h);
}

static void share_all(struct poll_host *h)
{
	for (struct poller *p = h->members; p; p = p->host_next)
		share(p);
}

/* A head that its owner was not told of is as if it had not come. */
static void forget_untold(struct poller *p)
{
	if (p->due == DUE_HEAD)
		poller_set_head(p, NULL, 0);
	p->due = DUE_NOTHING;
}

/* Each asks for itself again. */
static void part_all(struct poll_host *h)
{
	size_t n = 0;

	http_cancel(h->call);
	h->call = NULL;
	timer_stop(&h->next);
	map_release(&h->by_name, NULL);
	for (struct poller *p = h->members; p; p = p->host_next) {
		if (!p->shared)
			continue;
		p->shared = false;
		forget_untold(p);
		timer_set(&p->next, (int64_t)(n++ / TOLD_A_MS));
	}
}

static bool may_share(const struct poll_host *h)
{
	return h->shares && h->n > 1 && clock_mono_ms() >= h->refused_until;
}

int64_t poll_host_join(struct pollers *all, struct poller *p)
{
	struct poll_host *h = host_of(all, p->s);

	p->host = h;
	p->host_next = h->members;
	p->host_prev = &h->members;
	if (h->members)
		h->members->host_prev = &p->host_next;
	h->members = p;
	h->n++;
	if (may_share(h))
		share_all(h);
	if (p->shared)
		return -1;
	return h->heard || h->n == 1 ? 0 : FIRST_MS;
}

void poll_host_leave(struct poller *p)
{
	struct poll_host *h = p->host;

	if (p->shared)
		map_del(&h->by_name, p->s->name);
	*p->host_prev = p->host_next;
	if (p->host_next)
		p->host_next->host_prev = p->host_prev;
	if (!--h->n)
		host_free(h);
}

bool poll_host_heard(struct poller *p, struct http_call *c)
{
	const char *version = http_header(c, HEADS_HEADER);
	struct poll_host *h = p->host;
	bool first = !h->heard;

	h->heard = true;
	h->shares = version && !strcmp(version, HEADS_VERSION);
	if (may_share(h))
		share_all(h);
	else if (first)
		for (struct poller *q = h->members; q; q = q->host_next)
			if (q != p && !q->call && timer_armed(&q->next))
				timer_set(&q->next, 0);
	return p->shared;
}

void poll_host_now(struct poll_host *h)
{
	if (!h->call)
		timer_set(&h->next, 0);
}

bool poll_host_is_long(const struct poll_host *h)
{
	return h->long_poll;
}

/* ---- what came ---- */

static void tell_soon(struct poller *p, enum poll_due due, size_t *n)
{
	p->due = due;
	timer_set(&p->next, (int64_t)((*n)++ / TOLD_A_MS));
}

static void tell_missing(struct poller *p, size_t *n)
{
	fetch_status_err(p->url, 404, &p->why);
	tell_soon(p, DUE_FAILED, n);
}

/* Of those that the answer says something of. */
static int take_items(struct poll_host *h, struct heads_reader *r, size_t *n,
		      struct err *err)
{
	struct heads_item item = { .head = NULL };
	int rc;

	while ((rc = heads_answer_next(r, &item, err)) > 0) {
		struct poller *p = map_get(&h->by_name, item.channel);

		if (!p || !p->in_request)
			continue;
		/* the rest of them is looked at by take_rest */
		p->in_request = false;
		p->probed = true;
		if (!item.head) {
			poller_set_head(p, NULL, 0);
			tell_missing(p, n);
		} else if (poller_set_head(p, item.head, item.len)) {
			tell_soon(p, DUE_HEAD, n);
		}
	}
	return rc;
}

/* Of those that it says nothing of: they are as they were. */
static void take_rest(struct poll_host *h, bool over, size_t *n)
{
	for (struct poller *p = h->members; p; p = p->host_next) {
		bool first = !p->probed;

		if (!p->in_request)
			continue;
		p->in_request = false;
		p->probed = true;
		if (p->due == DUE_HEAD)
			continue;
		if (!p->answered && first)
			tell_missing(p, n);
		else if (p->answered && (p->failing || over ||
					 p->due == DUE_FAILED))
			tell_soon(p, DUE_SAME, n);
	}
}

static void fail_all(struct poll_host *h, const struct err *err)
{
	size_t n = 0;

	timer_set(&h->next, poll_backoff(&h->backoff));
	for (struct poller *p = h->members; p; p = p->host_next) {
		if (!p->shared)
			continue;
		forget_untold(p);
		/* it may not be there: that is to be told, too */
		p->probed = p->answered;
		p->why = *err;
		tell_soon(p, DUE_FAILED, &n);
	}
}

/* It does not do what it said it can. */
static void refuse(struct poll_host *h, const char *why)
{
	log_warn("heads-refused", LOG_S("url", h->url), LOG_S("error", why),
		 LOG_N("channels", h->by_name.count));
	h->refused_until = clock_mono_ms() + REFUSED_MS;
	part_all(h);
}

static int64_t interval_ms(const struct poll_host *h)
{
	int64_t least = INT64_MAX;

	for (const struct poller *p = h->members; p; p = p->host_next)
		if (p->shared && p->s->interval < least)
			least = p->s->interval;
	return poll_jitter(least * 1000);
}

static bool all_probed(const struct poll_host *h)
{
	for (const struct poller *p = h->members; p; p = p->host_next)
		if (p->shared && !p->probed)
			return false;
	return true;
}

/* At once where it waited, has news, or has not been asked for all. */
static void schedule(struct poll_host *h, bool news)
{
	bool waited = clock_mono_ms() - h->asked >= POLL_WAITED_MS;

	h->backoff = 0;
	if (news || !h->waits || (h->long_poll && waited))
		timer_set(&h->next, poll_bucket_take(&h->bucket));
	else
		timer_set(&h->next, interval_ms(h));
}

static void take_answer(struct poll_host *h, struct http_call *c, long status,
			const char *body, size_t len)
{
	struct heads_reader r;
	struct err err = ERR_INIT;
	size_t n = 0;

	if (h->waits)
		h->long_poll = poll_says_wait(
			http_header(c, "Preference-Applied"));
	if (status == 200 && (heads_answer_open(&r, body, len, &err) < 0 ||
			      take_items(h, &r, &n, &err) < 0)) {
		refuse(h, err.msg);
		return;
	}
	take_rest(h, status != 200, &n);
	schedule(h, status == 200);
}

/* May it be a fault that passes? Then it is not asked in another way. */
static bool is_passing(long status)
{
	return (status >= 500 && status != 501) || status == 401 ||
	       status == 408 || status == 429;
}

static void on_done(void *arg, struct http_call *c, long status,
		    const char *body, size_t len, const struct err *failed)
{
	struct poll_host *h = arg;
	struct err err = ERR_INIT;

	h->call = NULL;
	if (failed) {
		fail_all(h, failed);
	} else if (status == 200 || status == 204) {
		take_answer(h, c, status, body, len);
	} else {
		fetch_status_err(h->url, status, &err);
		if (is_passing(status))
			fail_all(h, &err);
		else
			refuse(h, err.msg);
	}
}

/* ---- the request ---- */

static int by_name(const void *a, const void *b)
{
	const struct poller *const *x = a, *const *y = b;

	return strcmp((*x)->s->name, (*y)->s->name);
}

static void write_question(struct poll_host *h, struct buf *out)
{
	struct poller **v = xcalloc(h->n, sizeof(struct poller *));
	size_t n = 0;

	for (struct poller *p = h->members; p; p = p->host_next)
		if (p->shared)
			v[n++] = p;
	qsort(v, n, sizeof(struct poller *), by_name);
	heads_ask_begin(out);
	for (size_t i = 0; i < n; i++) {
		struct sha256 known;

		v[i]->in_request = true;
		sha256_of(v[i]->last.data, v[i]->last.len, &known);
		heads_ask_add(out, v[i]->s->name,
			      v[i]->answered ? &known : NULL);
	}
	free(v);
}

static int send_request(struct poll_host *h, struct err *err)
{
	struct buf body = BUF_INIT(LIMIT_HEADS_ASK_BYTES);
	struct strvec headers = STRVEC_INIT;
	struct http_request r = {
		.method = "POST", .url = h->url,
		.eager = true, .peer = &h->peer,
		.total_ms = POLL_TOTAL_MS,
		.max_bytes = LIMIT_HEADS_ANSWER_BYTES,
		.on_done = on_done, .arg = h,
	};
	int rc;

	/* a server that waits would hold back a first "not there", too */
	h->waits = all_probed(h);
	write_question(h, &body);
	r.body = body.data;
	r.body_len = body.len;
	for (const char *const *s = h->config.s.headers; s && *s; s++)
		strvec_push(&headers, *s);
	strvec_push(&headers, "Content-Type: text/plain; charset=us-ascii");
	if (h->waits)
		strvec_pushf(&headers, "Prefer: wait=%d", POLL_WAIT_S);
	r.headers = (const char *const *)headers.v;
	rc = http_send(h->all->http, &r, &h->call, err);
	for (size_t i = 0; i < headers.n; i++)
		sodium_memzero(headers.v[i], strlen(headers.v[i]));
	strvec_release(&headers);
	buf_release(&body);
	return rc;
}

static void ask(void *arg)
{
	struct poll_host *h = arg;
	struct err err = ERR_INIT;

	if (!h->by_name.count)
		return;
	h->asked = clock_mono_ms();
	if (send_request(h, &err) < 0)
		fail_all(h, &err);
}
