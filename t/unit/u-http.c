/*
 * The HTTP client on the loop: answers, limits, time-outs, and calls that
 * are begun and cancelled at every bad moment. TLS and HTTP/2 are tested
 * against a real API server (t/t5000).
 */
#include "config.h"

#include <stdlib.h>
#include <unistd.h>

#include "engine/http.h"
#include "engine/loop.h"
#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/mem.h"
#include "t/unit/http-server.h"
#include "t/unit/tap.h"

static struct loop *l;
static struct http *h;
static int port;

/* what came of one call */
struct result {
	struct http_call *call;
	struct buf body;
	struct err err;
	char header[64], retry[64];
	long status, early_status;
	int done, headers, pieces;
	enum { KEEP, CANCEL_IN_HEADERS, CANCEL_IN_DATA, CANCEL_IN_DONE,
	       FAIL_IN_DATA, SEND_IN_DATA } act;
	struct result *other;	/* cancelled in our on_data */
	struct result *then;	/* sent in our on_done (or on_data) */
	const char *then_path;
};

static void get(struct result *r, const char *path);

static void on_headers(void *arg, struct http_call *c, long status)
{
	struct result *r = arg;
	const char *v = http_header(c, "x-test");

	r->headers++;
	r->early_status = status;
	snprintf(r->header, sizeof(r->header), "%s", v ? v : "none");
	if (r->act == CANCEL_IN_HEADERS)
		http_cancel(c);
}

static int on_data(void *arg, const char *data, size_t len, struct err *err)
{
	struct result *r = arg;

	r->pieces++;
	buf_add(&r->body, data, len);
	if (r->act == CANCEL_IN_DATA)
		http_cancel(r->call);
	if (r->act == FAIL_IN_DATA)
		return err_set(err, ERR_INVALID, "not to my taste");
	if (r->act == SEND_IN_DATA && r->pieces == 1)
		get(r->then, r->then_path);
	if (r->other) {
		http_cancel(r->other->call);
		r->other = NULL;
	}
	return 0;
}

static void on_done(void *arg, struct http_call *c, long status,
		    const char *body, size_t len, const struct err *err)
{
	struct result *r = arg;
	const char *v = http_header(c, "Retry-After");

	r->done++;
	r->status = status;
	snprintf(r->retry, sizeof(r->retry), "%s", v ? v : "none");
	buf_add(&r->body, body, len);
	if (err)
		r->err = *err;
	if (r->act == CANCEL_IN_DONE)
		http_cancel(c);
	if (r->then && r->act != SEND_IN_DATA)
		get(r->then, r->then_path);
	loop_stop(l);
}

static void send_request(struct result *r, struct http_request *q,
			 const char *path)
{
	struct err err = ERR_INIT;
	char url[256];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", port, path);
	q->url = url;
	if (!q->method)
		q->method = "GET";
	q->on_done = on_done;
	q->on_headers = on_headers;
	q->arg = r;
	r->body = (struct buf)BUF_INIT(64 << 20);
	if (http_send(h, q, &r->call, &err) < 0)
		ok(false, "http_send: %s", err.msg);
}

static void get(struct result *r, const char *path)
{
	struct http_request q = { .max_bytes = 1 << 20, .on_data = on_data };

	send_request(r, &q, path);
}

static void stop(void *arg)
{
	loop_stop(l);
}

/* until the calls are done, at most 5 s */
static void run(int ms)
{
	struct err err = ERR_INIT;
	struct timer t;

	timer_init(&t, l, stop, NULL);
	timer_set(&t, ms);
	if (loop_run(l, &err) < 0)
		ok(false, "loop_run: %s", err.msg);
	timer_stop(&t);
}

/* until no call runs, at most 10 s */
static void run_out(void)
{
	for (int i = 0; http_running(h) && i < 1000; i++)
		run(10);
	is_int(http_running(h), 0, "none runs any more");
}

static void test_answers(void)
{
	struct http_request q = { .max_bytes = 100 };
	struct result r = { 0 };

	send_request(&r, &q, "/hello?query=1");
	is_int(http_running(h), 1, "one call runs");
	run(5000);
	is_int(http_running(h), 0, "none after it");
	is_int(r.done, 1, "GET: on_done once");
	is_int(r.status, 200, "status");
	is_int(r.early_status, 200, "status in on_headers");
	is_int(r.headers, 1, "on_headers once");
	is_str(r.header, "yes", "a header, in any case");
	is_str(r.body.data, "hello\n", "the body, collected");
	is_int(r.err.class, ERR_NONE, "no error");
	buf_release(&r.body);

	r = (struct result){ 0 };
	get(&r, "/status/429");
	run(5000);
	is_int(r.status, 429, "a refusal is an answer");
	is_int(r.err.class, ERR_NONE, "and no error");
	is_str(r.retry, "7", "its header in on_done");
	buf_release(&r.body);

	r = (struct result){ 0 };
	get(&r, "/redirect");
	run(5000);
	is_int(r.status, 302, "a redirect is not followed");
	buf_release(&r.body);

	r = (struct result){ 0 };
	get(&r, "/chunks/5");
	run(5000);
	is_int(r.body.len, 30, "a stream: all its bytes");
	ok(r.pieces >= 3, "in %d pieces, as they came", r.pieces);
	buf_release(&r.body);
}

static void test_bodies(void)
{
	const char *headers[] = { "Content-Type: text/x-test",
				  "Accept: a/b", NULL };
	struct http_request q = { .method = "PATCH", .body = "the body",
				  .body_len = 8, .headers = headers,
				  .max_bytes = 4096 };
	struct result r = { 0 };

	send_request(&r, &q, "/echo");
	run(5000);
	ok(!strncmp(r.body.data, "PATCH /echo HTTP/1.1\r\n", 22), "method");
	ok(strstr(r.body.data, "\r\nContent-Type: text/x-test\r\n"), "headers");
	ok(strstr(r.body.data, "\r\n\r\nthe body"), "body");
	ok(!strcasestr(r.body.data, "expect:"), "no 100-continue");
	ok(!strcasestr(r.body.data, "accept-encoding:"), "no compression");
	buf_release(&r.body);

	r = (struct result){ 0 };
	q.method = "DELETE";
	send_request(&r, &q, "/echo");
	run(5000);
	ok(!strncmp(r.body.data, "DELETE /echo", 12) &&
	   strstr(r.body.data, "\r\n\r\nthe body"), "DELETE with a body");
	buf_release(&r.body);

	r = (struct result){ 0 };
	q = (struct http_request){ .method = "DELETE", .max_bytes = 4096 };
	send_request(&r, &q, "/echo");
	run(5000);
	ok(!strcasestr(r.body.data, "content-length"), "and without");
	buf_release(&r.body);

	r = (struct result){ 0 };
	q.method = "POST";
	send_request(&r, &q, "/echo");
	run(5000);
	ok(strstr(r.body.data, "Content-Length: 0\r\n") &&
	   !strcasestr(r.body.data, "content-type"), "an empty POST");
	buf_release(&r.body);
}

static void test_large_upload(void)
{
	size_t len = 8 << 20;
	char *big = malloc(len);
	struct http_request q = { .method = "PUT", .body = big,
				  .body_len = len, .body_keep = true,
				  .max_bytes = 16 << 20 };
	struct result r = { 0 };
	uint64_t out = http_stats(h)->bytes_out;

	memset(big, 'u', len);
	send_request(&r, &q, "/echo");
	run(10000);
	ok(r.body.len > len && r.body.data[r.body.len - 1] == 'u',
	   "8 MiB up and down");
	is_int(http_stats(h)->bytes_out - out, len, "counted as sent");
	buf_release(&r.body);
	free(big);
}

static int permits;

static bool permit(void *arg)
{
	permits++;
	return *(bool *)arg;
}

static void test_permit(void)
{
	bool yes = true, no = false;
	struct http_request q = { .method = "PATCH", .body = "the body",
				  .body_len = 8, .max_bytes = 4096,
				  .may_send = permit, .may_arg = &yes };
	struct result r = { 0 };

	send_request(&r, &q, "/echo");
	is_int(permits, 0, "not asked when the request is begun");
	run(5000);
	ok(permits && r.body.data && strstr(r.body.data, "the body"),
	   "asked when it is sent");
	buf_release(&r.body);

	r = (struct result){ 0 };
	q.may_arg = &no;
	send_request(&r, &q, "/echo");
	run(5000);
	ok(r.err.class == ERR_TRANSIENT &&
	   strstr(r.err.msg, "not sent any more"), "no: %s", r.err.msg);
	buf_release(&r.body);
}

static void test_limits(void)
{
	struct http_request q = { .max_bytes = 1000 };
	struct result r = { 0 };

	send_request(&r, &q, "/bytes/1000");
	run(5000);
	is_int(r.body.len, 1000, "an answer at its limit");
	buf_release(&r.body);

	r = (struct result){ 0 };
	send_request(&r, &q, "/bytes/1001");
	run(5000);
	is_int(r.err.class, ERR_INVALID, "one byte beyond");
	ok(strstr(r.err.msg, "larger than 1000 bytes"), "%s", r.err.msg);
	is_int(r.done, 1, "on_done once");
	buf_release(&r.body);

	r = (struct result){ 0 };
	q = (struct http_request){ .max_bytes = 299, .on_data = on_data };
	send_request(&r, &q, "/chunks/50");
	run(5000);
	is_int(r.err.class, ERR_INVALID, "a stream beyond its limit");
	ok(r.body.len <= 299, "nothing beyond was handed on");
	buf_release(&r.body);
}

static void test_time(void)
{
	struct http_request q = { .max_bytes = 1000, .idle_ms = 80 };
	struct result r = { 0 };
	int64_t began = clock_mono_ms();

	send_request(&r, &q, "/stall");
	run(5000);
	is_int(r.err.class, ERR_TRANSIENT, "a silent server");
	ok(strstr(r.err.msg, "was silent"), "%s", r.err.msg);
	ok(clock_mono_ms() - began >= 80, "not before its time");
	is_int(r.early_status, 200, "though its headers came");
	buf_release(&r.body);

	r = (struct result){ 0 };
	q.idle_ms = 1000;
	send_request(&r, &q, "/chunks/120");
	run(9000);
	is_int(r.err.class, ERR_NONE, "a slow server is not silent");
	buf_release(&r.body);

	r = (struct result){ 0 };
	q = (struct http_request){ .max_bytes = 1000, .total_ms = 80 };
	send_request(&r, &q, "/chunks/50");
	run(5000);
	is_int(r.err.class, ERR_TRANSIENT, "longer than the whole call may");
	buf_release(&r.body);

	r = (struct result){ 0 };
	send_request(&r, &q, "/hang");
	run(5000);
	is_int(r.err.class, ERR_TRANSIENT, "no answer at all");
	ok(strstr(r.err.msg, "/hang': "), "%s", r.err.msg);
	buf_release(&r.body);
}

static void refuse(const char *url, const char *what)
{
	struct http_request q = { .method = "GET", .url = url,
				  .max_bytes = 1, .on_done = on_done };
	struct err err = ERR_INIT;

	is_int(http_send(h, &q, NULL, &err), -1, what);
	is_int(err.class, ERR_INVALID, err.msg);
	ok(!strstr(err.msg, "hunter2"), "no password in it");
}

static void test_refusals(void)
{
	const char *headers[] = { "Accept: a\r\nX-Evil: 1", NULL };
	struct http_request q = { .method = "GET", .headers = headers,
				  .url = "http://127.0.0.1/", .max_bytes = 1,
				  .on_done = on_done };
	struct err err = ERR_INIT;
	struct result r = { 0 };
	int good_port = port;

	refuse("file:///etc/passwd", "file:// is refused");
	refuse("ftp://127.0.0.1/", "ftp:// is refused");
	refuse("http://user:hunter2@127.0.0.1/", "credentials in a URL");
	refuse("", "an empty URL");
	is_int(http_send(h, &q, NULL, &err), -1, "a header with a line break");
	is_int(http_running(h), 0, "none of them runs");

	port = 1;
	get(&r, "/hello");
	port = good_port;
	run(5000);
	is_int(r.err.class, ERR_TRANSIENT, "nobody listens");
	ok(strstr(r.err.msg, "no answer from 'http://127.0.0.1:1/hello'"),
	   "%s", r.err.msg);
	buf_release(&r.body);
}

static void test_drops(void)
{
	struct result r[3] = { 0 };

	for (int i = 0; i < 3; i++)
		get(&r[i], "/drop");
	run_out();
	is_int(r[0].err.class, ERR_TRANSIENT, r[0].err.msg);
	is_int(r[0].done + r[1].done + r[2].done, 3,
	       "closed without an answer: each told once");
	for (int i = 0; i < 3; i++)
		buf_release(&r[i].body);
}

static void test_cancel(void)
{
	struct result r = { 0 }, s = { 0 };

	get(&r, "/hello");
	http_cancel(r.call);
	http_cancel(NULL);
	run(30);
	is_int(r.done, 0, "cancelled before it was sent");

	get(&r, "/hang");
	run(30);
	http_cancel(r.call);
	is_int(http_running(h), 0, "cancelled while it waits");
	run(10);
	is_int(r.done, 0, "no callback");

	r = (struct result){ .act = CANCEL_IN_HEADERS };
	get(&r, "/bytes/100000");
	run_out();
	ok(r.headers == 1 && !r.pieces && !r.done,
	   "cancelled in on_headers: nothing more");
	buf_release(&r.body);

	r = (struct result){ .act = CANCEL_IN_DATA };
	get(&r, "/bytes/100000");
	run_out();
	ok(r.pieces == 1 && !r.done, "cancelled in on_data");
	buf_release(&r.body);

	r = (struct result){ .act = CANCEL_IN_DONE };
	get(&r, "/hello");
	run(5000);
	is_int(r.done, 1, "cancelled in on_done: no matter");
	buf_release(&r.body);

	r = (struct result){ .other = &s };
	get(&s, "/hang");
	get(&r, "/chunks/3");
	run(5000);
	ok(r.done == 1 && !s.done, "one cancels another in its on_data");
	is_int(http_running(h), 0, "both are gone");
	buf_release(&r.body);

	r = (struct result){ .act = FAIL_IN_DATA };
	get(&r, "/chunks/3");
	run(5000);
	is_str(r.err.msg, "not to my taste", "on_data's error ends the call");
	is_int(r.pieces, 1, "at once");
	buf_release(&r.body);
}

static void test_chains(void)
{
	struct result r = { 0 }, s = { 0 };

	r.then = &s;
	r.then_path = "/hello";
	get(&r, "/hello");
	run_out();
	is_str(s.body.data, "hello\n", "sent in on_done");
	buf_release(&r.body);
	buf_release(&s.body);

	r = (struct result){ .act = SEND_IN_DATA, .then = &s,
			     .then_path = "/bytes/5" };
	s = (struct result){ 0 };
	get(&r, "/chunks/4");
	run_out();
	is_str(s.body.data, "bbbbb", "sent in on_data");
	is_int(r.body.len, 24, "and that stream goes on");
	buf_release(&r.body);
	buf_release(&s.body);
}

/* the connection's number */
static long connection(void)
{
	struct result r = { 0 };
	long n;

	get(&r, "/connection");
	run(5000);
	n = strtoll(r.body.data, NULL, 10);
	buf_release(&r.body);
	return n;
}

static void test_connections(void)
{
	long a = connection(), b = connection(), c;
	struct result r = { 0 };

	ok(a > 0, "a connection");
	is_int(b, a, "is used again");
	get(&r, "/chunks/100");
	while (!r.pieces && !r.done)
		run(10);
	http_reconnect(h);
	c = connection();
	ok(c != a, "not after http_reconnect");
	is_int(r.done, 0, "though a call still runs on the old one");
	run_out();
	is_int(r.body.len, 600, "which ends well");
	is_int(r.err.class, ERR_NONE, "without an error");
	is_int(connection(), c, "the new one is used again");
	buf_release(&r.body);
}

static void test_many(void)
{
	enum { N = 200 };
	struct result *r = xcalloc(N, sizeof(*r));
	uint64_t before = http_stats(h)->calls;
	int good = 0;

	for (int i = 0; i < N; i++)
		get(&r[i], i % 3 ? "/bytes/40000" : "/close");
	run_out();
	for (int i = 0; i < N; i++) {
		good += r[i].done == 1 &&
			r[i].body.len == (i % 3 ? 40000 : 7);
		buf_release(&r[i].body);
	}
	is_int(good, N, "200 calls at once");
	is_int(http_stats(h)->calls - before, N, "all counted");
	free(r);
}

/* Of calls that begin together, on no connection yet, one that lasts keeps
 * no other waiting: without TLS there is nothing to learn by waiting. */
static void test_beside_stream(void)
{
	struct result stream = { 0 }, r[3] = { 0 };
	int good = 0;

	http_reconnect(h);
	get(&stream, "/stall");
	for (size_t i = 0; i < ARRAY_SIZE(r); i++)
		get(&r[i], "/hello");
	for (int i = 0; good < 3 && i < 200; i++) {
		run(10);
		good = r[0].done + r[1].done + r[2].done;
	}
	is_int(good, 3, "calls beside a stream that begins with them");
	http_cancel(stream.call);
	run_out();
	for (size_t i = 0; i < ARRAY_SIZE(r); i++)
		buf_release(&r[i].body);
	buf_release(&stream.body);
}

static void test_below(void)
{
	static const char *const below[][2] = {
		{ "https://h", "https://h" },
		{ "https://h/", "https://h" },
		{ "https://h/a/b", "https://h/a" },
		{ "https://h/a/b", "https://h/a/" },
		{ "https://h:443/a", "https://H" },
		{ "https://h/a%20b", "https://h/a%20b/" },
		{ "https://h/a%20b/c", "https://h" },
		{ "http://[::1]:8/a", "http://[::1]:8/" },
	};
	static const char *const beside[][2] = {
		{ "http://h", "https://h" },
		{ "https://h:444", "https://h" },
		{ "https://h.evil", "https://h" },
		{ "https://h@evil", "https://h" },
		{ "https://h/ab", "https://h/a" },
		{ "https://h", "https://h/a" },
		{ "https://h/a/../b", "https://h/a" },
		{ "https://h/a/%2e%2e/b", "https://h/a" },
		{ "https://h/a", "h" },
		{ "https://h/a", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(below); i++)
		ok(http_url_is_below(below[i][0], below[i][1]),
		   "'%s' is '%s' or below", below[i][0], below[i][1]);
	for (size_t i = 0; i < ARRAY_SIZE(beside); i++)
		ok(!http_url_is_below(beside[i][0], beside[i][1]),
		   "'%s' is not '%s'", beside[i][0], beside[i][1]);
}

int main(void)
{
	struct err err = ERR_INIT;
	struct result r = { 0 }, s = { 0 };
	pid_t server = server_start(&port);

	is_int(loop_new(&l, &err), 0, "loop_new");
	is_int(http_new(l, 90, &h, &err), 0, "http_new");
	test_answers();
	test_bodies();
	test_large_upload();
	test_permit();
	test_limits();
	test_time();
	test_refusals();
	test_drops();
	test_cancel();
	test_chains();
	test_connections();
	test_many();
	test_beside_stream();
	test_below();

	get(&r, "/hang");
	run(20);
	get(&s, "/hello");
	http_free(h);
	run(20);
	ok(!r.done && !s.done, "http_free: no callbacks of what ran");
	http_free(NULL);
	loop_free(l);
	server_stop(server);
	return tap_done();
}
