/*
 * Posting reports. See post.h. Nobody's answer is trusted: of its body one
 * line is kept, scrubbed, and of its wish for patience an hour at most.
 */
#include "config.h"
#include "engine/post.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "engine/fetch-private.h"
#include "engine/http.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/strvec.h"
#include "schema/limits.h"

/* that begin at a time, and for how long one counts among them */
#define YOUNG 2
#define YOUNG_MS 1000
#define CONNECT_MS 10000
#define TOTAL_MS 30000
/* room for the body of an error page, which nobody reads */
#define PAGE_BYTES 65536

struct post {
	struct posts *all;
	struct post *next;
	struct pull *pull;
	uint32_t request;
	char *url;
	bool credentials;
	struct buf text;
	struct http_peer peer;
	struct http_call *call;		/* NULL: it waits for its turn */
	struct buf body;		/* the beginning of the answer's */
	bool young;			/* counts among those */
	struct timer age;
};

struct posts {
	struct child *child;
	struct post *first;		/* in the order in which they came */
	struct work next;
	size_t young;
};

static void begin_next(void *arg);

/* ---- their life ---- */

/* It need not be waited for any more. */
static void grow_old(void *arg)
{
	struct post *w = arg;

	if (!w->young)
		return;
	w->young = false;
	w->all->young--;
	loop_defer(w->all->child->loop, &w->all->next);
}

static void post_free(struct post *w)
{
	struct post **at = &w->all->first;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	grow_old(w);
	timer_stop(&w->age);
	http_cancel(w->call);
	buf_release(&w->text);
	buf_release(&w->body);
	free(w->url);
	free(w);
}

struct posts *posts_new(struct child *child)
{
	struct posts *all = xcalloc(1, sizeof(*all));

	all->child = child;
	work_init(&all->next, begin_next, all);
	return all;
}

void posts_free(struct posts *all)
{
	if (!all)
		return;
	while (all->first)
		post_free(all->first);
	loop_undefer(all->child->loop, &all->next);
	free(all);
}

/* ---- answers ---- */

static void send_failed(struct post *w, const struct err *err)
{
	struct buf b = BUF_INIT(4096);

	ipc_put_u32(&b, w->request);
	ipc_put_u8(&b, (uint8_t)err->class);
	ipc_put_str(&b, err->msg);
	ipc_send(w->all->child->ipc, SOURCE_FAILED, w->pull->handle, &b);
	buf_release(&b);
}

/* The first line of the body, as far as there is room for it. */
static void take_message(const struct buf *body, char *ret, size_t size)
{
	struct buf line = BUF_INIT(4 * PAGE_BYTES);

	buf_add_scrubbed(&line, body->data, strcspn(body->data, "\r\n"));
	snprintf(ret, size, "%s", line.data);
	for (size_t i = strlen(ret); i-- > 0; )
		if (ret[i] < ' ' || ret[i] > '~')
			ret[i] = '?';
	buf_release(&line);
}

static void send_reply(struct post *w, struct http_call *c, long status)
{
	const char *wait = http_header(c, "Retry-After");
	struct source_reply reply = { .status = (uint32_t)status };
	struct buf b = BUF_INIT(4096);
	uint64_t seconds;

	if (wait && parse_u64(wait, 0, UINT64_MAX, &seconds) == 0)
		reply.retry_after_ms = (int64_t)
			(seconds < SOURCE_RETRY_AFTER_S ? seconds :
			 SOURCE_RETRY_AFTER_S) * 1000;
	take_message(&w->body, reply.message, sizeof(reply.message));
	ipc_put_u32(&b, w->request);
	source_put_reply(&b, &reply);
	ipc_send(w->all->child->ipc, SOURCE_REPLY, w->pull->handle, &b);
	buf_release(&b);
}

/* Only its beginning is wanted; http.h bounds how much of it comes. */
static int on_data(void *arg, const char *data, size_t len, struct err *err)
{
	struct post *w = arg;
	size_t room = w->body.max - w->body.len;

	(void)err;
	buf_add(&w->body, data, len < room ? len : room);
	return 0;
}

static void on_done(void *arg, struct http_call *c, long status,
		    const char *body, size_t len, const struct err *failed)
{
	struct post *w = arg;

	w->call = NULL;
	if (failed)
		send_failed(w, failed);
	else
		send_reply(w, c, status);
	post_free(w);
}

/* ---- sending ---- */

/* Nobody waits behind it: its connection would idle until the next. */
static bool is_last(const struct post *w)
{
	for (w = w->next; w; w = w->next)
		if (!w->call)
			return false;
	return true;
}

static int begin(struct post *w, struct err *err)
{
	const struct source_settings *s = &w->pull->config.s;
	struct strvec headers = STRVEC_INIT;
	struct http_request r = {
		.method = "POST", .url = w->url,
		.body = w->text.data, .body_len = w->text.len,
		.body_keep = true, .eager = true, .peer = &w->peer,
		.connect_ms = CONNECT_MS, .total_ms = TOTAL_MS,
		.max_bytes = PAGE_BYTES, .on_data = on_data,
		.on_done = on_done, .arg = w,
	};
	int rc;

	if (!w->pull->usable)
		return err_set(err, ERR_TRANSIENT, "the channel's settings "
			       "make no sense");
	for (const char *const *h = s->headers; w->credentials && h && *h; h++)
		strvec_push(&headers, *h);
	strvec_push(&headers, "Content-Type: text/plain");
	if (is_last(w))
		strvec_push(&headers, "Connection: close");
	r.headers = (const char *const *)headers.v;
	if (w->credentials)
		fetch_peer(s, &w->peer);
	rc = http_send(w->all->child->http, &r, &w->call, err);
	for (size_t i = 0; i < headers.n; i++)
		sodium_memzero(headers.v[i], strlen(headers.v[i]));
	strvec_release(&headers);
	if (rc < 0)
		return -1;
	w->young = true;
	w->all->young++;
	timer_set(&w->age, YOUNG_MS);
	return 0;
}

static struct post *next_waiting(const struct posts *all)
{
	struct post *w = all->first;

	while (w && w->call)
		w = w->next;
	return w;
}

static void begin_next(void *arg)
{
	struct posts *all = arg;
	struct err err = ERR_INIT;
	struct post *w;

	while (all->young < YOUNG && (w = next_waiting(all))) {
		if (begin(w, &err) == 0)
			continue;
		send_failed(w, &err);
		post_free(w);
	}
}

/* ---- what the parent says ---- */

int posts_take(struct posts *all, struct pull *p, const struct ipc_frame *f,
	       struct err *err)
{
	struct post *w = xcalloc(1, sizeof(*w)), **at = &all->first;
	struct ipc_in in;
	const uint8_t *text;
	size_t len;

	ipc_in_init(&in, f);
	w->request = ipc_get_u32(&in);
	w->url = ipc_get_strdup(&in, LIMIT_URL_BYTES);
	w->credentials = ipc_get_bool(&in);
	text = ipc_get_bytes(&in, LIMIT_REPORT_BYTES, &len);
	if (ipc_in_end(&in, "REPORT", err) < 0) {
		free(w->url);
		free(w);
		return -1;
	}
	w->all = all;
	w->pull = p;
	if (!*w->url) {
		free(w->url);
		w->url = xasprintf("%s/%s/report", p->config.s.url,
				   p->config.s.name);
	}
	buf_init(&w->text, LIMIT_REPORT_BYTES);
	buf_add(&w->text, text, len);
	buf_init(&w->body, SOURCE_REPLY_BYTES);
	timer_init(&w->age, all->child->loop, grow_old, w);
	while (*at)
		at = &(*at)->next;
	*at = w;
	loop_defer(all->child->loop, &all->next);
	return 0;
}

void posts_cancel(struct posts *all, const struct pull *p, uint32_t request)
{
	for (struct post *w = all->first; w; w = w->next)
		if (w->pull == p && w->request == request) {
			post_free(w);
			return;
		}
}

static void end_all(struct posts *all, const struct pull *p,
		    const struct err *err)
{
	struct post *w = all->first, *next;

	for (; w; w = next) {
		next = w->next;
		if (w->pull != p)
			continue;
		if (err)
			send_failed(w, err);
		post_free(w);
	}
}

void posts_stop(struct posts *all, const struct pull *p)
{
	struct err err = ERR_INIT;

	err_set(&err, ERR_TRANSIENT, "the Channel was changed");
	end_all(all, p, &err);
}

void posts_forget(struct posts *all, const struct pull *p)
{
	end_all(all, p, NULL);
}
