/*
 * libcurl's multi socket interface on the loop. See http.h.
 *
 * A struct http has pools, each a multi handle with at most as many calls as
 * a connection takes streams. That is one HTTP/2 connection a pool: left to
 * itself, libcurl opens one for each call that finds the first full while
 * the second is still being made (30 for 120 watches). http_reconnect
 * retires the pools: what runs in them goes on, what is new gets a new one.
 *
 * libcurl must not be called back from its own callbacks, so a call that is
 * begun or cancelled in there is only noted, and settled once we are out.
 *
 * Trusts nothing that comes in: bytes are counted as they arrive (a length
 * header is a claim), and silence is timed here (libcurl counts in seconds).
 */
#include "config.h"
#include "engine/http.h"

#include <curl/curl.h>
#include <sodium.h>
#include <string.h>
#include <sys/epoll.h>

#include "engine/http-easy.h"
#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"

/* connections that idle in a pool for their next use */
#define IDLE_CONNECTIONS 16L
/* secrets are smaller, but for the largest */
#define SECRET_BYTES (64u * 1024)

enum call_state {
	CALL_NEW,		/* not with libcurl yet */
	CALL_RUNS,
	CALL_CANCELLED,		/* inside libcurl; freed when out of it */
	CALL_ENDS,		/* in its on_done */
};

struct http_call {
	struct pool *pool;
	struct http_call *next, **link;
	enum call_state state;
	struct http_easy e;
	void *body;		/* our copy of what is sent, or NULL */
	size_t body_len;
	struct buf answer;
	bool secret;
	size_t max_bytes, got;
	bool headers_seen;
	struct err err;		/* set: why we ended it ourselves */
	struct timer idle;
	int idle_ms;
	int64_t last_heard;
	void (*on_headers)(void *arg, struct http_call *c, long status);
	int (*on_data)(void *arg, const char *data, size_t len,
		       struct err *err);
	void (*on_done)(void *arg, struct http_call *c, long status,
			const char *body, size_t len, const struct err *err);
	void *arg;
};

struct pool {
	struct http *http;
	struct pool *next, **link;
	CURLM *multi;
	struct timer timer;	/* libcurl's one time-out */
	struct work kick;	/* new calls, time-outs that are due, burial */
	struct http_call *calls, **calls_tail;
	struct http_call *first_new;	/* it and all behind it are new */
	long n_calls;
	size_t n_cancelled;
	bool retired;
	bool in_curl;
	bool due;		/* libcurl asked for a call at once */
};

struct sock {
	struct pool *pool;
	struct loop_io *io;
	curl_socket_t fd;
};

struct http {
	struct loop *loop;
	long max_streams;
	struct pool *pools;
	size_t running;
	int busy;		/* callbacks on the stack */
	struct http_stats stats;
};

static void pool_act(struct pool *p, curl_socket_t fd, int mask);

/* ---- what libcurl calls ---- */

static void on_sock(void *arg, uint32_t events)
{
	struct sock *s = arg;
	int mask = 0;

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP))
		mask |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		mask |= CURL_CSELECT_ERR;
	pool_act(s->pool, s->fd, mask);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
			void *sock_arg)
{
	struct pool *p = arg;
	struct sock *s = sock_arg;
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) |
			  (what & CURL_POLL_OUT ? EPOLLOUT : 0);

	if (what == CURL_POLL_REMOVE) {
		if (s) {
			loop_del_fd(s->io);
			free(s);
			curl_multi_assign(p->multi, fd, NULL);
		}
	} else if (s) {
		loop_mod_fd(s->io, events);
	} else {
		s = xcalloc(1, sizeof(*s));
		s->pool = p;
		s->fd = fd;
		s->io = loop_add_fd(p->http->loop, fd, events, on_sock, s);
		curl_multi_assign(p->multi, fd, s);
	}
	return 0;
}

static int watch_time(CURLM *multi, long ms, void *arg)
{
	struct pool *p = arg;

	timer_stop(&p->timer);
	if (ms > 0) {
		timer_set(&p->timer, ms);
	} else if (ms == 0) {
		/* libcurl must not be called from here */
		p->due = true;
		loop_defer(p->http->loop, &p->kick);
	}
	return 0;
}

static void count_connection(struct http_call *c)
{
	struct http_stats *s = &c->pool->http->stats;
	long version = 0, made = 0;

	curl_easy_getinfo(c->e.easy, CURLINFO_HTTP_VERSION, &version);
	curl_easy_getinfo(c->e.easy, CURLINFO_NUM_CONNECTS, &made);
	s->http2 += version == CURL_HTTP_VERSION_2_0;
	s->connections += (uint64_t)made;
}

static size_t on_header_line(char *line, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	struct http *h = c->pool->http;
	long status = 0;

	c->last_heard = clock_mono_ms();
	h->stats.bytes_in += n;
	if (c->state != CALL_RUNS || c->headers_seen || (n && line[0] != '\r'))
		return n;
	curl_easy_getinfo(c->e.easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200)
		return n;
	c->headers_seen = true;
	count_connection(c);
	if (c->on_headers) {
		h->busy++;
		c->on_headers(c->arg, c, status);
		h->busy--;
	}
	return n;
}

/* Returning less than n ends the call; c->err then says why. */
static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_call *c = arg;
	struct http *h = c->pool->http;
	int rc = 0;

	if (c->state != CALL_RUNS)
		return 0;
	c->last_heard = clock_mono_ms();
	h->stats.bytes_in += n;
	if (n > c->max_bytes - c->got) {
		err_set(&c->err, ERR_INVALID,
			"the answer from '%s' is larger than %zu bytes",
			c->e.url, c->max_bytes);
		return 0;
	}
	c->got += n;
	if (!c->on_data) {
		buf_add(&c->answer, data, n);
		return n;
	}
	h->busy++;
	rc = c->on_data(c->arg, data, n, &c->err);
	h->busy--;
	return rc < 0 || c->state != CALL_RUNS ? 0 : n;
}

/* ---- the life of a call ---- */

static void wipe(struct http_call *c)
{
	if (c->body)
		sodium_memzero(c->body, c->body_len);
	buf_wipe(&c->answer);
}

static void call_free(struct http_call *c)
{
	struct pool *p = c->pool;

	if (p->first_new == c)
		p->first_new = c->next;
	if (c->state == CALL_CANCELLED)
		p->n_cancelled--;
	if (c->state != CALL_NEW)
		curl_multi_remove_handle(p->multi, c->e.easy);
	p->n_calls--;
	p->http->running--;
	timer_stop(&c->idle);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	else
		p->calls_tail = c->link;
	http_easy_release(&c->e);
	if (c->secret)
		wipe(c);
	free(c->body);
	buf_release(&c->answer);
	free(c);
	if (!p->calls)
		loop_defer(p->http->loop, &p->kick);
}

static void call_end(struct http_call *c, const struct err *err)
{
	struct http *h = c->pool->http;
	curl_off_t sent = 0;
	long status = 0;

	curl_easy_getinfo(c->e.easy, CURLINFO_RESPONSE_CODE, &status);
	if (curl_easy_getinfo(c->e.easy, CURLINFO_SIZE_UPLOAD_T, &sent) ==
	    CURLE_OK)
		h->stats.bytes_out += (uint64_t)sent;
	if (err)
		h->stats.failed++;
	timer_stop(&c->idle);
	c->state = CALL_ENDS;
	h->busy++;
	c->on_done(c->arg, c, status, c->answer.data, c->answer.len, err);
	h->busy--;
	call_free(c);
}

static void on_idle(void *arg)
{
	struct http_call *c = arg;
	int64_t left = c->last_heard + c->idle_ms - clock_mono_ms();

	if (left > 0) {
		timer_set(&c->idle, left);
		return;
	}
	err_set(&c->err, ERR_TRANSIENT, "'%s' was silent for %d s", c->e.url,
		c->idle_ms / 1000);
	call_end(c, &c->err);
}

/* A call that libcurl says is over. */
static void call_over(struct http_call *c, CURLcode code)
{
	struct err err = ERR_INIT;

	if (c->err.class != ERR_NONE) {
		err = c->err;
		call_end(c, &err);
	} else if (code != CURLE_OK) {
		http_easy_error(&c->e, code, &err);
		call_end(c, &err);
	} else {
		call_end(c, NULL);
	}
}

/* ---- pools ---- */

static void settle(struct pool *p)
{
	for (struct http_call *c = p->calls, *next; c && p->n_cancelled;
	     c = next) {
		next = c->next;
		if (c->state == CALL_CANCELLED)
			call_free(c);
	}
}

static void reap(struct pool *p)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(p->multi, &left))) {
		struct http_call *c = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
		call_over(c, m->data.result);
	}
}

static void pool_act(struct pool *p, curl_socket_t fd, int mask)
{
	int running;

	p->in_curl = true;
	curl_multi_socket_action(p->multi, fd, mask, &running);
	p->in_curl = false;
	settle(p);
	reap(p);
}

static void pool_free(struct pool *p)
{
	while (p->calls)
		call_free(p->calls);
	/* closes its connections by way of watch_socket */
	curl_multi_cleanup(p->multi);
	timer_stop(&p->timer);
	loop_undefer(p->http->loop, &p->kick);
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	free(p);
}

static void begin_new(struct pool *p)
{
	struct http_call *c;

	while ((c = p->first_new)) {
		CURLMcode code;

		p->first_new = c->next;
		c->state = CALL_RUNS;
		code = curl_multi_add_handle(p->multi, c->e.easy);
		if (code != CURLM_OK) {
			/* its idle timer ends it, and calls on_done */
			err_set(&c->err, ERR_INTERNAL, "libcurl: %s",
				curl_multi_strerror(code));
			c->idle_ms = 0;
			timer_set(&c->idle, 0);
		}
	}
}

/* The first that takes calls stays, so that its connection does. */
static bool is_needed(const struct pool *p)
{
	const struct pool *first = p->http->pools;

	while (first && first->retired)
		first = first->next;
	return p->calls || p == first;
}

static void on_kick(void *arg)
{
	struct pool *p = arg;

	begin_new(p);
	if (p->due) {
		p->due = false;
		pool_act(p, CURL_SOCKET_TIMEOUT, 0);
	}
	if (!is_needed(p))
		pool_free(p);
}

static void on_timer(void *arg)
{
	pool_act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int pool_new(struct http *h, struct pool **ret, struct err *err)
{
	struct pool *p = xcalloc(1, sizeof(*p)), **link = &h->pools;
	bool good;

	p->http = h;
	p->calls_tail = &p->calls;
	p->multi = curl_multi_init();
	good = p->multi &&
	       !curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION,
				  watch_socket) &&
	       !curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p) &&
	       !curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION,
				  watch_time) &&
	       !curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p) &&
	       !curl_multi_setopt(p->multi, CURLMOPT_PIPELINING,
				  CURLPIPE_MULTIPLEX) &&
	       !curl_multi_setopt(p->multi, CURLMOPT_MAX_CONCURRENT_STREAMS,
				  h->max_streams) &&
	       !curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS,
				  IDLE_CONNECTIONS);
	if (!good) {
		curl_multi_cleanup(p->multi);
		free(p);
		return err_set(err, ERR_INTERNAL,
			       "libcurl cannot make a multi handle");
	}
	timer_init(&p->timer, h->loop, on_timer, p);
	work_init(&p->kick, on_kick, p);
	while (*link)
		link = &(*link)->next;
	p->link = link;
	*link = p;
	*ret = p;
	return 0;
}

/* The first that has room. */
static int pool_for_call(struct http *h, struct pool **ret, struct err *err)
{
	for (struct pool *p = h->pools; p; p = p->next)
		if (!p->retired && p->n_calls < h->max_streams) {
			*ret = p;
			return 0;
		}
	return pool_new(h, ret, err);
}

/* ---- the interface ---- */

int http_new(struct loop *l, long max_streams, struct http **ret,
	     struct err *err)
{
	struct http *h;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, ERR_INTERNAL, "libcurl does not start");
	h = xcalloc(1, sizeof(*h));
	h->loop = l;
	h->max_streams = max_streams;
	*ret = h;
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	if (h->busy)
		BUG("http_free inside a callback of a call");
	while (h->pools)
		pool_free(h->pools);
	free(h);
	curl_global_cleanup();
}

void http_reconnect(struct http *h)
{
	for (struct pool *p = h->pools; p; p = p->next) {
		p->retired = true;
		loop_defer(h->loop, &p->kick);
	}
}

static int call_prepare(struct http_call *c, const struct http_request *r,
			struct err *err)
{
	CURL *easy;

	if (!r->body_keep && r->body_len)
		c->body = xmemdup(r->body, r->body_len);
	if (http_easy_init(&c->e, r, c->body ? c->body : r->body, err) < 0) {
		free(c->body);
		return -1;
	}
	easy = c->e.easy;
	if (curl_easy_setopt(easy, CURLOPT_PRIVATE, c) ||
	    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header_line) ||
	    curl_easy_setopt(easy, CURLOPT_HEADERDATA, c) ||
	    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) ||
	    curl_easy_setopt(easy, CURLOPT_WRITEDATA, c)) {
		http_easy_release(&c->e);
		free(c->body);
		return err_set(err, ERR_INTERNAL,
			       "libcurl refuses a callback");
	}
	return 0;
}

int http_send(struct http *h, const struct http_request *r,
	      struct http_call **ret, struct err *err)
{
	struct http_call *c = xcalloc(1, sizeof(*c));
	struct pool *p = NULL;

	if (pool_for_call(h, &p, err) < 0 || call_prepare(c, r, err) < 0) {
		free(c);
		return -1;
	}
	c->pool = p;
	c->max_bytes = r->max_bytes;
	buf_init(&c->answer, r->max_bytes);
	c->secret = r->secret;
	/* one that grows leaves copies behind */
	if (c->secret)
		buf_reserve(&c->answer, SECRET_BYTES < r->max_bytes ?
			    SECRET_BYTES : r->max_bytes);
	c->on_headers = r->on_headers;
	c->on_data = r->on_data;
	c->on_done = r->on_done;
	c->arg = r->arg;
	c->idle_ms = r->idle_ms;
	c->last_heard = clock_mono_ms();
	timer_init(&c->idle, h->loop, on_idle, c);
	if (c->idle_ms)
		timer_set(&c->idle, c->idle_ms);
	c->link = p->calls_tail;
	*p->calls_tail = c;
	p->calls_tail = &c->next;
	if (!p->first_new)
		p->first_new = c;
	p->n_calls++;
	h->running++;
	h->stats.calls++;
	loop_defer(h->loop, &p->kick);
	if (ret)
		*ret = c;
	return 0;
}

void http_cancel(struct http_call *c)
{
	if (!c || c->state == CALL_ENDS || c->state == CALL_CANCELLED)
		return;
	if (c->pool->in_curl && c->state == CALL_RUNS) {
		c->state = CALL_CANCELLED;
		c->pool->n_cancelled++;
		return;
	}
	call_free(c);
}

const char *http_header(struct http_call *c, const char *name)
{
	struct curl_header *found;

	if (curl_easy_header(c->e.easy, name, 0, CURLH_HEADER, -1, &found) !=
	    CURLHE_OK)
		return NULL;
	return found->value;
}

size_t http_running(const struct http *h)
{
	return h->running;
}

const struct http_stats *http_stats(const struct http *h)
{
	return &h->stats;
}
