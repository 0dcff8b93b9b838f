/*
 * One immutable file by HTTP. See fetch.h; the head's poller is in
 * engine/poll.c. The server is not trusted to send what was asked for, to
 * stop, or to send at all.
 */
#include "config.h"
#include "engine/fetch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/fetch-private.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "schema/object.h"

/* longest silence, and the time that a connection may take */
#define IDLE_MS 30000
#define CONNECT_MS 10000
/* room for the body of an error page, which nobody reads */
#define ERROR_PAGE_BYTES 65536

/* ---- what both kinds of request need ---- */

static bool header_ok(const char *h)
{
	static const char *const ours[] = {
		"Prefer", "If-None-Match", "If-Modified-Since", "Range",
		"Accept-Encoding", "Content-Length", "Transfer-Encoding",
		"Connection", "Host",
	};
	size_t name = strspn(h, "abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

	if (!name || h[name] != ':')
		return false;
	for (const char *p = h + name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (!strncasecmp(h, ours[i], name) && !ours[i][name])
			return false;
	return true;
}

static int check_url(const char *url, struct err *err)
{
	size_t scheme = !strncmp(url, "https://", 8) ? 8 :
			!strncmp(url, "http://", 7) ? 7 : 0;

	if (!scheme || !url[scheme] || url[scheme] == '/')
		return err_set(err, ERR_INVALID,
			       "the URL is no http:// or https:// one");
	for (const char *p = url; *p; p++)
		if (*p <= ' ' || *p > '~')
			return err_set(err, ERR_INVALID, "the URL has a "
				       "character that none may have");
	if (strpbrk(url, "?#"))
		return err_set(err, ERR_INVALID, "the URL has a query or a "
			       "fragment, which a folder cannot have");
	if (memchr(url + scheme, '@', strcspn(url + scheme, "/")))
		return err_set(err, ERR_INVALID, "the URL has a user name or "
			       "password in it: send them in a header, from "
			       "the Channel's Secret or a file");
	return 0;
}

int fetch_check(const struct source_settings *s, struct err *err)
{
	size_t n = 0;

	if (!is_channel_name(s->name))
		return err_set(err, ERR_INVALID,
			       "'%s' is no name of a channel", s->name);
	if (strlen(s->url) > LIMIT_URL_BYTES)
		return err_set(err, ERR_INVALID, "the URL is longer than %d "
			       "bytes", LIMIT_URL_BYTES);
	if (check_url(s->url, err) < 0)
		return -1;
	if (s->proxy && http_check_proxy(s->proxy, err) < 0)
		return -1;
	for (; s->headers && s->headers[n]; n++)
		if (!header_ok(s->headers[n]) ||
		    strlen(s->headers[n]) > LIMIT_HEADER_BYTES)
			return err_set(err, ERR_INVALID, "header %zu is no "
				       "'Name: value' that may be set", n + 1);
	if (n > LIMIT_HEADERS)
		return err_set(err, ERR_INVALID, "more than %d headers",
			       LIMIT_HEADERS);
	return 0;
}

void fetch_peer(const struct source_settings *s, struct http_peer *ret)
{
	*ret = (struct http_peer){
		.ca_pem = s->ca_pem, .cert_pem = s->cert_pem,
		.key_pem = s->key_pem, .server_name = s->server_name,
		.proxy = s->proxy, .insecure = s->insecure,
	};
}

int fetch_status_err(const char *url, long status, struct err *err)
{
	if (status >= 300 && status < 400)
		return err_set(err, ERR_TRANSIENT, "'%s' answered %ld: "
			       "redirects are not followed, the URL must be "
			       "the place itself", url, status);
	if (status == 401 || status == 403)
		return err_set(err, ERR_TRANSIENT, "'%s' answered %ld: it "
			       "wants a token, and takes none that was sent",
			       url, status);
	if (status == 404)
		return err_set(err, ERR_TRANSIENT, "'%s' answered 404: it is "
			       "not published there", url);
	return err_set(err, ERR_TRANSIENT, "'%s' answered %ld", url, status);
}

/* ---- downloads ---- */

struct downloads {
	struct loop *loop;
	struct http *http;
	struct work next;
	struct download *waiting, **tail;
	size_t young;
};

struct download {
	struct downloads *all;
	struct download *next, **link;	/* while it waits for its turn */
	bool young;			/* counts among those */
	struct timer age;
	const struct source_settings *s;
	struct download_ops ops;
	struct http_call *call;
	struct http_peer peer;
	char *url;
	struct pack_ref what;
	uint64_t got, got_before;
	struct sha256_ctx hash;
	long status;
	struct timer slow;
};

static void leave_queue(struct download *d)
{
	struct downloads *all = d->all;

	if (!d->link)
		return;
	*d->link = d->next;
	if (d->next)
		d->next->link = d->link;
	else
		all->tail = d->link;
	d->link = NULL;
}

/* It need not be waited for any more. */
static void grow_old(void *arg)
{
	struct download *d = arg;

	if (!d->young)
		return;
	d->young = false;
	d->all->young--;
	loop_defer(d->all->loop, &d->all->next);
}

static void destroy(struct download *d)
{
	leave_queue(d);
	grow_old(d);
	timer_stop(&d->age);
	timer_stop(&d->slow);
	free(d->url);
	free(d);
}

void download_cancel(struct download *d)
{
	if (!d)
		return;
	http_cancel(d->call);
	destroy(d);
}

static void finish(struct download *d, const struct err *err)
{
	struct download_ops ops = d->ops;

	destroy(d);
	ops.on_done(ops.arg, err);
}

static void on_slow(void *arg)
{
	struct download *d = arg;
	struct err err = ERR_INIT;

	if (d->got - d->got_before >=
	    (uint64_t)FETCH_SLOW_BYTES * FETCH_SLOW_MS / 1000) {
		d->got_before = d->got;
		timer_set(&d->slow, FETCH_SLOW_MS);
		return;
	}
	err_set(&err, ERR_TRANSIENT, "'%s' came slower than %d bytes a second",
		d->url, FETCH_SLOW_BYTES);
	http_cancel(d->call);
	finish(d, &err);
}

static void on_headers(void *arg, struct http_call *c, long status)
{
	((struct download *)arg)->status = status;
}

static int on_data(void *arg, const char *data, size_t len, struct err *err)
{
	struct download *d = arg;

	if (d->status != 200)
		return 0;
	if (len > d->what.bytes - d->got)
		return err_set(err, ERR_DENIED, "'%s' is longer than the %"
			       PRIu64 " bytes that are stated", d->url,
			       d->what.bytes);
	d->got += len;
	sha256_add(&d->hash, data, len);
	return d->ops.on_data(d->ops.arg, data, len, err);
}

static int check_all(struct download *d, struct err *err)
{
	struct sha256 got;

	if (d->got != d->what.bytes)
		return err_set(err, ERR_DENIED, "'%s' has %" PRIu64
			       " bytes, %" PRIu64 " are stated", d->url,
			       d->got, d->what.bytes);
	sha256_end(&d->hash, &got);
	if (!sha256_equal(&got, &d->what.digest))
		return err_set(err, ERR_DENIED, "'%s' has not the SHA-256 "
			       "that is its name", d->url);
	return 0;
}

static void on_done(void *arg, struct http_call *c, long status,
		    const char *body, size_t len, const struct err *failed)
{
	struct download *d = arg;
	struct err err = ERR_INIT;

	if (failed) {
		err = *failed;
		finish(d, &err);
	} else if (status != 200) {
		fetch_status_err(d->url, status, &err);
		finish(d, &err);
	} else {
		finish(d, check_all(d, &err) < 0 ? &err : NULL);
	}
}

static int begin(struct download *d, struct err *err)
{
	struct http_request r = {
		.method = "GET", .url = d->url,
		.eager = true, .peer = &d->peer,
		.headers = d->s->headers,
		.connect_ms = CONNECT_MS, .idle_ms = IDLE_MS,
		.max_bytes = d->what.bytes + ERROR_PAGE_BYTES,
		.on_headers = on_headers, .on_data = on_data,
		.on_done = on_done, .arg = d,
	};

	if (http_send(d->all->http, &r, &d->call, err) < 0)
		return -1;
	d->young = true;
	d->all->young++;
	timer_set(&d->age, DOWNLOAD_YOUNG_MS);
	timer_set(&d->slow, FETCH_SLOW_MS);
	return 0;
}

static void begin_next(void *arg)
{
	struct downloads *all = arg;

	while (all->waiting && all->young < DOWNLOADS_YOUNG) {
		struct download *d = all->waiting;
		struct err err = ERR_INIT;

		leave_queue(d);
		if (begin(d, &err) < 0)
			finish(d, &err);
	}
}

int download_start(struct downloads *all, const struct source_settings *s,
		   const struct pack_ref *what,
		   const struct download_ops *ops, struct download **ret,
		   struct err *err)
{
	struct download *d = xcalloc(1, sizeof(*d));
	char hex[SHA256_HEX_SIZE];

	d->all = all;
	d->s = s;
	d->ops = *ops;
	d->what = *what;
	fetch_peer(s, &d->peer);
	sha256_hex(&what->digest, hex);
	d->url = xasprintf("%s/%s/packs/%s", s->url, s->name, hex);
	sha256_start(&d->hash);
	timer_init(&d->slow, all->loop, on_slow, d);
	timer_init(&d->age, all->loop, grow_old, d);
	if (all->waiting || all->young >= DOWNLOADS_YOUNG) {
		d->link = all->tail;
		*all->tail = d;
		all->tail = &d->next;
	} else if (begin(d, err) < 0) {
		destroy(d);
		return -1;
	}
	*ret = d;
	return 0;
}

struct downloads *downloads_new(struct loop *l, struct http *http)
{
	struct downloads *all = xcalloc(1, sizeof(*all));

	all->loop = l;
	all->http = http;
	all->tail = &all->waiting;
	work_init(&all->next, begin_next, all);
	return all;
}

void downloads_free(struct downloads *all)
{
	if (!all)
		return;
	loop_undefer(all->loop, &all->next);
	free(all);
}
