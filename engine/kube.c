/*
 * Requests to the API server. See kube.h. Two http handles: a burst of
 * writes never waits behind watches for a stream, and a stuck connection of
 * one does not hold up the other. Trusts the server's certificate and
 * nothing that it says.
 */
#include "config.h"
#include "engine/kube.h"

#include <stdlib.h>
#include <string.h>

#include "engine/kube-internal.h"
#include "engine/kube-json.h"
#include "engine/kube-renew.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/limits.h"

/* the API server allows 100 on a connection */
#define STREAMS_A_CONNECTION 90
/* what is kept of the answer to a stream that was refused */
#define REFUSAL_BYTES (64u * 1024)
/* Retry-After beyond this is not believed */
#define RETRY_AFTER_S 3600
/* 50 watches that fall silent together need one new connection */
#define STUCK_MS 30000

#define AS_METADATA "as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
#define AS_METADATA_LIST "as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

struct kube_account {
	struct strvec headers;
	unsigned refs;
};

struct kube_call {
	struct kube *kube;
	struct kube_call *next, **link;
	struct http_call *http;
	bool stream, ended, hide, has_etag;
	enum kube_verb verb;
	int64_t began;			/* clock_mono_ms() */
	long code;
	struct buf refusal;
	int (*on_data)(void *arg, const char *data, size_t len,
		       struct err *err);
	void (*on_done)(void *arg, const struct kube_answer *a);
	void *arg;
};

struct kube {
	struct loop *loop;
	struct kube_config *config;
	struct kube_renew *renew;
	struct http *http[2];		/* calls, streams */
	struct kube_call *calls;
	struct arena scratch;
	struct kube_waiter *waiters;
	struct work wake;
	int64_t reconnected;		/* clock_mono_ms(), the streams */
	bool (*may_write)(void *arg);	/* or NULL */
	void *may_arg;
	struct kube_stats stats;
};

static void on_wake(void *arg)
{
	struct kube *k = arg;

	while (k->waiters) {
		struct kube_waiter *w = k->waiters;

		kube_unwait(w);
		w->fn(w->arg);
	}
}

void kube_wait(struct kube *k, struct kube_waiter *w)
{
	if (w->link)
		return;
	w->next = k->waiters;
	w->link = &k->waiters;
	if (w->next)
		w->next->link = &w->next;
	k->waiters = w;
}

void kube_unwait(struct kube_waiter *w)
{
	if (!w->link)
		return;
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	w->link = NULL;
}

/* New connections for all that begins from now on. */
static void reconnect(struct kube *k)
{
	for (int i = 0; i < 2; i++)
		http_reconnect(k->http[i]);
}

/* True if certificate files were replaced. */
static bool renew_files(struct kube *k, bool soon)
{
	bool changed = kube_config_files_changed(k->config, soon);

	if (changed)
		reconnect(k);
	return changed;
}

static void on_cert(void *arg)
{
	reconnect(arg);
}

int kube_new(struct loop *l, struct kube_config *config, struct kube **ret,
	     struct err *err)
{
	struct kube *k = xcalloc(1, sizeof(*k));

	k->loop = l;
	k->config = config;
	k->renew = kube_renew_new(l, config, on_cert, k);
	work_init(&k->wake, on_wake, k);
	for (int i = 0; i < 2; i++)
		if (http_new(l, STREAMS_A_CONNECTION, &k->http[i], err) < 0) {
			kube_free(k);
			return -1;
		}
	*ret = k;
	return 0;
}

static void call_free(struct kube_call *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	buf_release(&c->refusal);
	free(c);
}

void kube_free(struct kube *k)
{
	if (!k)
		return;
	for (int i = 0; i < 2; i++)
		http_free(k->http[i]);
	while (k->calls)
		call_free(k->calls);
	while (k->waiters)
		kube_unwait(k->waiters);
	loop_undefer(k->loop, &k->wake);
	kube_renew_free(k->renew);
	kube_config_free(k->config);
	arena_release(&k->scratch);
	free(k);
}

struct loop *kube_loop(const struct kube *k)
{
	return k->loop;
}

const char *kube_namespace(const struct kube *k)
{
	return k->config->namespace;
}

void kube_set_permit(struct kube *k, bool (*may_write)(void *arg), void *arg)
{
	k->may_write = may_write;
	k->may_arg = arg;
}

const char *kube_server(const struct kube *k)
{
	return k->config->server;
}

struct arena *kube_scratch(struct kube *k)
{
	arena_reset(&k->scratch);
	return &k->scratch;
}

void kube_stuck(struct kube *k)
{
	int64_t now = clock_mono_ms();

	if (k->reconnected && now - k->reconnected < STUCK_MS)
		return;
	k->reconnected = now;
	/* what swallowed them has swallowed the other connections, too: the
	 * repair of what went unseen would wait a minute on a dead one */
	reconnect(k);
}

struct kube_stats *kube_counts(struct kube *k)
{
	return &k->stats;
}

const struct kube_stats *kube_stats(const struct kube *k)
{
	return &k->stats;
}

const struct http_stats *kube_http_stats(const struct kube *k, bool streams)
{
	return http_stats(k->http[streams]);
}

size_t kube_running(const struct kube *k, bool streams)
{
	return http_running(k->http[streams]);
}

/* ---- headers ---- */

struct kube_account *kube_account_new(const char *namespace,
				      const char *name)
{
	struct kube_account *a = xcalloc(1, sizeof(*a));

	strvec_pushf(&a->headers, "Impersonate-User: system:serviceaccount:"
		     "%s:%s", namespace, name);
	strvec_push(&a->headers, "Impersonate-Group: system:serviceaccounts");
	strvec_pushf(&a->headers, "Impersonate-Group: system:serviceaccounts:"
		     "%s", namespace);
	strvec_push(&a->headers, "Impersonate-Group: system:authenticated");
	a->refs = 1;
	return a;
}

struct kube_account *kube_account_hold(struct kube_account *a)
{
	if (a)
		a->refs++;
	return a;
}

void kube_account_free(struct kube_account *a)
{
	if (!a || --a->refs)
		return;
	strvec_release(&a->headers);
	free(a);
}

/* A kubeconfig's own impersonation. The key of an extra stands in the
 * header's name, where only tokens may (RFC 7230): the rest is encoded. */
static void add_as(const struct kube_config *c, struct strvec *out)
{
	struct buf key = BUF_INIT(4096);

	if (c->as_user)
		strvec_pushf(out, "Impersonate-User: %s", c->as_user);
	if (c->as_uid)
		strvec_pushf(out, "Impersonate-Uid: %s", c->as_uid);
	for (size_t i = 0; i < c->as_groups.n; i++)
		strvec_pushf(out, "Impersonate-Group: %s",
			     c->as_groups.v[i]);
	for (size_t i = 0; i < c->as_extra.n; i++) {
		const char *extra = c->as_extra.v[i];
		size_t len = strcspn(extra, "=");

		buf_reset(&key);
		for (size_t j = 0; j < len; j++) {
			if (strchr("%:/ @?=,;<>[]{}()\\\"", extra[j]))
				buf_addf(&key, "%%%02X", extra[j] & 0xff);
			else
				buf_addc(&key, extra[j]);
		}
		strvec_pushf(out, "Impersonate-Extra-%s: %s", key.data,
			     extra[len] ? extra + len + 1 : "");
	}
	buf_release(&key);
}

/* The line that says who we are: to be wiped. False if there is none. */
static bool add_credentials(const struct kube_config *c, struct buf *out)
{
	if (c->token)
		buf_addf(out, "Authorization: Bearer %s", c->token);
	return out->len > 0;
}

static void add_accept(const struct kube_request *r, struct strvec *out)
{
	if (r->accept)
		strvec_pushf(out, "Accept: %s", r->accept);
	else if (r->as == KUBE_AS_METADATA)
		strvec_push(out, "Accept: application/json;" AS_METADATA
			    ",application/json");
	else if (r->as == KUBE_AS_METADATA_LIST)
		strvec_push(out, "Accept: application/json;" AS_METADATA_LIST
			    ",application/json");
	else
		strvec_push(out, "Accept: application/json");
}

static void add_headers(const struct kube *k, const struct kube_request *r,
			struct strvec *out)
{
	add_accept(r, out);
	strvec_push(out, "User-Agent: windlass/" PACKAGE_VERSION);
	if (r->body_len)
		strvec_pushf(out, "Content-Type: %s",
			     r->content_type ? r->content_type : KUBE_JSON);
	if (r->etag)
		strvec_pushf(out, "If-None-Match: %s", r->etag);
	if (r->account)
		for (size_t i = 0; i < r->account->headers.n; i++)
			strvec_push(out, r->account->headers.v[i]);
	else
		add_as(k->config, out);
}

/* ---- answers ---- */

static void read_retry_after(struct http_call *http, struct kube_status *s)
{
	const char *v = http_header(http, "Retry-After");
	uint64_t seconds;

	/* the other form, a date, is not used by the API server */
	if (v && parse_u64(v, 0, RETRY_AFTER_S, &seconds) == 0)
		s->retry_after_ms = (int64_t)seconds * 1000;
}

const int kube_bucket_ms[KUBE_BUCKETS - 1] = {
	5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000
};

static enum kube_verb verb_of(const struct kube_request *r)
{
	static const struct {
		const char *method;
		enum kube_verb verb;
	} verbs[] = {
		{ "POST", KUBE_CREATE }, { "PUT", KUBE_UPDATE },
		{ "PATCH", KUBE_PATCH }, { "DELETE", KUBE_DELETE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(r->method, verbs[i].method))
			return verbs[i].verb;
	if (r->query && strstr(r->query, "watch=1"))
		return KUBE_WATCH;
	return r->path || r->target.name ? KUBE_GET : KUBE_LIST;
}

static void count_answer(const struct kube_call *c, long code)
{
	struct kube_stats *s = &c->kube->stats;
	int64_t ms = clock_mono_ms() - c->began;
	size_t class = (size_t)(code / 100), i = 0;

	s->answers[c->verb][class < ARRAY_SIZE(s->answers[0]) ? class : 0]++;
	s->throttled += code == 429;
	if (c->verb == KUBE_WATCH)
		return;
	while (i < KUBE_BUCKETS - 1 && ms > kube_bucket_ms[i])
		i++;
	s->took[c->verb][i]++;
	s->total_ms[c->verb] += (uint64_t)ms;
}

static struct kube_status plain_status(enum kube_why why, long code,
				       const char *message)
{
	return (struct kube_status){
		.why = why, .code = code, .message = message,
		.details_kind = "", .details_name = "", .continue_token = "",
	};
}

/* Where the credentials and the authority come from, for a person. */
static const char *config_name(const struct kube *k)
{
	return !strcmp(k->config->source, "in-cluster") ?
	       "the pod's service account" : k->config->source;
}

/* A 401 says no more than that. If a plugin is why, it is named. */
static void explain_401(const struct kube *k, struct err *err)
{
	const struct err *why = kube_renew_error(k->renew);

	err_set(err, err->class, "the API server does not take the "
		"credentials of %s (401 Unauthorized)", config_name(k));
	if (why)
		err_wrap(err, "%s", why->msg);
}

/* Fills *s, and *err where it is no success. */
static void judge(struct kube_call *c, const struct kube_answer *a,
		  const struct err *http_err, struct arena *scratch,
		  struct kube_status *s, struct err *err)
{
	bool fresh = false;

	if (http_err && a->code == 413) {
		/* what is too large is refused while we still send it, and
		 * libcurl 7.88 may then lose the end of the refusal */
		kube_judge(413, "the request is too large", 24, false, false,
			   scratch, s, err);
		return;
	}
	/* nor is the end of a 401 needed, or always to be had */
	if (http_err && a->code != 401) {
		*err = *http_err;
		if (err->class == ERR_DENIED)
			err_set(err, ERR_DENIED, "%s; the authority for it "
				"comes from %s", http_err->msg,
				config_name(c->kube));
		/* which may be another one by now */
		if (renew_files(c->kube, true))
			err->class = ERR_TRANSIENT;
		*s = plain_status(KUBE_NO_ANSWER, a->code, err->msg);
		return;
	}
	if ((a->code >= 200 && a->code < 300) ||
	    (a->code == 304 && c->has_etag)) {
		*s = plain_status(KUBE_DONE, a->code, "");
		return;
	}
	if (a->code == 401)
		fresh = kube_config_refresh_token(c->kube->config, true) ||
			renew_files(c->kube, true) ||
			kube_renew_ask(c->kube->renew, true);
	kube_judge(a->code, a->body, a->len, c->hide, fresh, scratch, s, err);
	if (a->code == 401)
		explain_401(c->kube, err);
	read_retry_after(a->http, s);
}

static void on_headers(void *arg, struct http_call *http, long status)
{
	struct kube_call *c = arg;

	c->code = status;
	if (status < 500 && c->kube->waiters)
		loop_defer(c->kube->loop, &c->kube->wake);
}

static int on_stream(void *arg, const char *data, size_t len,
		     struct err *err)
{
	struct kube_call *c = arg;

	if (c->code >= 200 && c->code < 300)
		/* which may cancel the call: c is not touched again */
		return c->on_data(c->arg, data, len, err);
	buf_add(&c->refusal, data, len);
	return 0;
}

static void on_done(void *arg, struct http_call *http, long status,
		    const char *body, size_t len, const struct err *http_err)
{
	struct kube_call *c = arg;
	struct arena scratch = ARENA_INIT;
	struct err err = ERR_INIT;
	struct kube_status s;
	struct kube_answer a = {
		.code = http_err && !c->code ? 0 : status, .status = &s,
		.body = c->stream ? c->refusal.data : body,
		.len = c->stream ? c->refusal.len : len, .http = http,
	};

	/* HTTP/2 would put the next call on the same connection */
	if (http_err && !c->stream && clock_mono_ms() - c->began >= STUCK_MS)
		kube_stuck(c->kube);
	judge(c, &a, http_err, &scratch, &s, &err);
	if (s.why != KUBE_DONE)
		a.err = &err;
	count_answer(c, s.why == KUBE_NO_ANSWER ? 0 : a.code);
	c->ended = true;
	c->on_done(c->arg, &a);
	arena_release(&scratch);
	call_free(c);
}

int kube_answer_object(const struct kube_answer *a, struct arena *arena,
		       struct node **ret, struct err *err)
{
	if (kube_json_read(a->body, a->len, 0, arena, ret, err) < 0)
		return err_wrap(err, "an answer of the API server");
	return 0;
}

/* ---- sending ---- */

static void make_url(const struct kube *k, const struct kube_request *r,
		     struct buf *out)
{
	buf_adds(out, k->config->server);
	if (r->path)
		buf_adds(out, r->path);
	else
		kube_path(&r->target, out);
	if (r->query && *r->query)
		buf_addf(out, "?%s", r->query);
}

static struct kube_call *call_new(struct kube *k,
				  const struct kube_request *r)
{
	struct kube_call *c = xcalloc(1, sizeof(*c));

	c->kube = k;
	c->stream = r->on_data != NULL;
	c->verb = verb_of(r);
	c->began = clock_mono_ms();
	c->has_etag = r->etag != NULL;
	c->hide = !r->path && !strcmp(r->target.plural, "secrets") &&
		  (!r->target.group || !*r->target.group);
	c->on_data = r->on_data;
	c->on_done = r->on_done;
	c->arg = r->arg;
	buf_init(&c->refusal, REFUSAL_BYTES);
	c->next = k->calls;
	c->link = &k->calls;
	if (c->next)
		c->next->link = &c->next;
	k->calls = c;
	return c;
}

static int send_call(struct kube_call *c, const struct kube_request *r,
		     const char *url, const char *const *headers,
		     struct err *err)
{
	struct kube *k = c->kube;
	size_t max = r->max_bytes ? r->max_bytes : LIMIT_KUBE_ANSWER_BYTES;
	int total_ms = r->total_ms ? r->total_ms : KUBE_CALL_MS;
	struct http_request h = {
		.method = r->method, .url = url, .headers = headers,
		.body = r->body, .body_len = r->body_len,
		.body_keep = r->body_keep, .secret = c->hide,
		.peer = &k->config->peer,
		.may_send = r->any_time ? NULL : k->may_write,
		.may_arg = k->may_arg,
		.total_ms = c->stream ? r->total_ms : total_ms,
		.idle_ms = r->idle_ms,
		.max_bytes = c->stream ? SIZE_MAX : max,
		.on_headers = on_headers,
		.on_data = c->stream ? on_stream : NULL,
		.on_done = on_done, .arg = c,
	};

	return http_send(k->http[c->stream], &h, &c->http, err);
}

int kube_send(struct kube *k, const struct kube_request *r,
	      struct kube_call **ret, struct err *err)
{
	struct buf url = BUF_INIT(64 * 1024), auth = BUF_INIT(1024 * 1024);
	struct strvec headers = STRVEC_INIT;
	struct kube_call *c;
	const char **lines = NULL;
	size_t n;
	int rc = -1;

	kube_config_refresh_token(k->config, false);
	kube_renew_ask(k->renew, false);
	renew_files(k, false);
	make_url(k, r, &url);
	add_headers(k, r, &headers);
	n = headers.n;
	/* borrowed, so that the token is in as few places as can be */
	lines = xcalloc(n + 2, sizeof(*lines));
	for (size_t i = 0; i < n; i++)
		lines[i] = headers.v[i];
	if (add_credentials(k->config, &auth))
		lines[n] = auth.data;
	if (buf_check(&url, "the URL", err) < 0 ||
	    buf_check(&auth, "the token", err) < 0)
		goto out;
	c = call_new(k, r);
	rc = send_call(c, r, url.data, lines, err);
	if (rc < 0)
		call_free(c);
	else if (ret)
		*ret = c;
out:
	free(lines);
	strvec_release(&headers);
	buf_wipe(&auth);
	buf_release(&url);
	return rc;
}

void kube_cancel(struct kube_call *c)
{
	if (!c || c->ended)
		return;
	http_cancel(c->http);
	call_free(c);
}
