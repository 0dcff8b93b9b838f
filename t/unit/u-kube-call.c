/*
 * Calls and streams: headers, limits, cancelling at every moment, against
 * the small server of u-http. What a real API server says is in t/t5000.
 */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/kube-internal.h"
#include "engine/kube.h"
#include "engine/list.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "t/unit/http-server.h"
#include "t/unit/tap.h"

static struct loop *l;
static struct kube *k;

struct result {
	struct kube_call *call;
	int done, pieces;
	long code;
	enum kube_why why;
	struct err err;
	int64_t retry_ms;
	size_t len, streamed;
	char *body;
	bool cancel_in_data, cancel_in_done, fail_in_data;
	const char *then;	/* sent in on_done */
};

static void get(struct result *r, const char *path, bool stream);

static void on_done(void *arg, const struct kube_answer *a)
{
	struct result *r = arg;
	const char *then = r->then;

	r->done++;
	r->code = a->code;
	r->why = a->status->why;
	r->retry_ms = a->status->retry_after_ms;
	r->len = a->len;
	if (a->err)
		r->err = *a->err;
	free(r->body);
	r->body = xstrndup(a->body, a->len);
	if (r->cancel_in_done)
		kube_cancel(r->call);
	if (then) {
		r->then = NULL;
		get(r, then, false);
	} else {
		loop_stop(l);
	}
}

static int on_data(void *arg, const char *data, size_t len, struct err *err)
{
	struct result *r = arg;

	r->pieces++;
	r->streamed += len;
	if (r->cancel_in_data)
		kube_cancel(r->call);
	if (r->fail_in_data)
		return err_set(err, ERR_INVALID, "not to my taste");
	return 0;
}

static void send_request(struct result *r, struct kube_request *q)
{
	struct err err = ERR_INIT;

	if (!q->method)
		q->method = "GET";
	q->on_done = on_done;
	q->arg = r;
	if (kube_send(k, q, &r->call, &err) < 0)
		ok(false, "kube_send: %s", err.msg);
}

static void get(struct result *r, const char *path, bool stream)
{
	struct kube_request q = { .path = path,
				  .on_data = stream ? on_data : NULL };

	send_request(r, &q);
}

static void stop(void *arg)
{
	loop_stop(l);
}

static void run(int ms)
{
	struct err err = ERR_INIT;
	struct timer t;

	timer_init(&t, l, stop, NULL);
	timer_set(&t, ms);
	if (loop_run(l, &err) < 0)
		ok(false, "%s", err.msg);
	timer_stop(&t);
}

static void test_headers(void)
{
	struct kube_account *a = kube_account_new("ns", "robot");
	struct kube_request q = {
		.method = "PATCH", .path = "/echo", .query = "a=b",
		.as = KUBE_AS_METADATA, .content_type = KUBE_APPLY,
		.body = "{}", .body_len = 2, .account = a, .etag = "\"e\"",
	};
	static const char *const want[] = {
		"PATCH /echo?a=b HTTP/1.1\r\n",
		("\r\nAccept: application/json;as=PartialObjectMetadata;"
		 "g=meta.k8s.io;v=v1,application/json\r\n"),
		"\r\nContent-Type: application/apply-patch+yaml\r\n",
		"\r\nImpersonate-User: system:serviceaccount:ns:robot\r\n",
		"\r\nImpersonate-Group: system:serviceaccounts\r\n",
		"\r\nImpersonate-Group: system:serviceaccounts:ns\r\n",
		"\r\nImpersonate-Group: system:authenticated\r\n",
		"\r\nAuthorization: Bearer hunter2\r\n",
		"\r\nIf-None-Match: \"e\"\r\n",
		"\r\nUser-Agent: windlass/", "\r\n\r\n{}",
	};
	struct result r = { 0 };

	send_request(&r, &q);
	run(5000);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		ok(strstr(r.body, want[i]), "header %zu", i);
	ok(!strcasestr(r.body, "accept-encoding"), "no compression");
	q = (struct kube_request){ .path = "/echo" };
	send_request(&r, &q);
	run(5000);
	ok(!strstr(r.body, "Impersonate") && !strstr(r.body, "If-None-Match"),
	   "the next call has none of them");
	free(r.body);
	kube_account_free(a);
	kube_account_free(NULL);
}

static void test_limits(void)
{
	struct result r = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "/bytes/%u", LIMIT_KUBE_ANSWER_BYTES);
	get(&r, path, false);
	run(20000);
	is_int(r.len, LIMIT_KUBE_ANSWER_BYTES, "an answer at its limit");
	snprintf(path, sizeof(path), "/bytes/%u",
		 LIMIT_KUBE_ANSWER_BYTES + 1);
	get(&r, path, false);
	run(20000);
	is_int(r.why, KUBE_NO_ANSWER, "one byte beyond");
	is_int(r.err.class, ERR_INVALID, r.err.msg);
	free(r.body);

	r = (struct result){ 0 };
	snprintf(path, sizeof(path), "/bytes/%u",
		 2 * LIMIT_KUBE_ANSWER_BYTES);
	get(&r, path, true);
	run(20000);
	is_int(r.streamed, 2 * LIMIT_KUBE_ANSWER_BYTES,
	       "a stream has no limit of its own");
	free(r.body);
}

static void test_streams(void)
{
	struct result r = { 0 };

	get(&r, "/chunks/5", true);
	is_int(kube_running(k, true), 1, "on the connections for streams");
	run(5000);
	ok(r.done == 1 && r.why == KUBE_DONE && r.streamed == 30 && !r.len,
	   "a stream that ends");
	free(r.body);

	r = (struct result){ 0 };
	get(&r, "/status/503", true);
	run(5000);
	ok(r.why == KUBE_BUSY && !r.pieces && r.retry_ms == 7000,
	   "one that is refused: no data, Retry-After");
	is_str(r.body, "status\n", "the refusal's text");
	free(r.body);

	r = (struct result){ .fail_in_data = true };
	get(&r, "/chunks/5", true);
	run(5000);
	is_str(r.err.msg, "not to my taste", "on_data's error ends it");
	is_int(r.pieces, 1, "at once");
	free(r.body);
}

static void test_cancel(void)
{
	struct result r = { .cancel_in_data = true };

	get(&r, "/chunks/5", true);
	for (int i = 0; kube_running(k, true) && i < 500; i++)
		run(10);
	ok(r.pieces == 1 && !r.done, "cancelled in on_data: nothing more");

	r = (struct result){ .cancel_in_done = true };
	get(&r, "/hello", false);
	run(5000);
	is_int(r.done, 1, "cancelled in on_done: no matter");
	free(r.body);

	r = (struct result){ 0 };
	get(&r, "/hang", false);
	kube_cancel(r.call);
	get(&r, "/hang", false);
	run(30);
	kube_cancel(r.call);
	kube_cancel(NULL);
	run(30);
	is_int(r.done, 0, "cancelled before and after it was sent");
	is_int(kube_running(k, false), 0, "none runs");

	r = (struct result){ .then = "/status/409" };
	get(&r, "/hello", false);
	run(5000);
	ok(r.done == 2 && r.why == KUBE_STALE, "sent in on_done");
	free(r.body);
}

/* ---- lists ---- */

static struct kube_account *lister;

static int on_name(void *arg, struct node *object, struct err *err)
{
	buf_addf(arg, "%s\n", node_path_str(object, "metadata", "name", NULL));
	/* the Channel's spec was edited: it has another account now */
	kube_account_free(lister);
	lister = NULL;
	return 0;
}

static void on_list_done(void *arg, const char *version, bool consistent,
			 const struct err *err, const struct kube_status *s)
{
	ok(!err, "a list in two pages: %s", err ? err->msg : "good");
	loop_stop(l);
}

static void test_list(void)
{
	struct buf names = BUF_INIT(4096);
	struct list_options o = {
		.target = { .group = "", .version = "v1", .plural = "as" },
		.page = 1, .on_object = on_name, .on_done = on_list_done,
		.arg = &names,
	};
	struct err err = ERR_INIT;

	lister = kube_account_new("ns", "lister");
	o.account = lister;
	is_int(list_start(k, &o, NULL, &err), 0, "begun");
	run(5000);
	is_str(names.data, "system:serviceaccount:ns:lister\n"
	       "system:serviceaccount:ns:lister\n",
	       "both by one account, whatever becomes of it meanwhile");
	buf_release(&names);
}

static int woken;

static void on_wake(void *arg)
{
	woken++;
}

static void test_waiters(void)
{
	struct kube_waiter a = { .fn = on_wake };
	static struct kube_waiter b = { .fn = on_wake };	/* left waiting */
	struct result r = { 0 };

	kube_wait(k, &a);
	kube_wait(k, &a);
	kube_wait(k, &b);
	kube_unwait(&b);
	kube_unwait(&b);
	get(&r, "/status/503", false);
	run(5000);
	is_int(woken, 0, "503 wakes nobody");
	get(&r, "/status/404", false);
	run(5000);
	run(10);
	is_int(woken, 1, "any other answer wakes who waits, once");
	get(&r, "/hello", false);
	run(5000);
	run(10);
	is_int(woken, 1, "and nobody else");
	kube_wait(k, &b);
	free(r.body);
}

static void make(int port)
{
	char path[] = "/tmp/u-kube-call-XXXXXX", text[512];
	struct kube_config_options o = { .path = path };
	struct kube_config *config;
	struct err err = ERR_INIT;
	int fd = mkstemp(path);

	snprintf(text, sizeof(text), "current-context: c\n"
		 "clusters: [{name: c, cluster: {server: "
		 "'http://127.0.0.1:%d'}}]\n"
		 "users: [{name: u, user: {token: hunter2}}]\n"
		 "contexts: [{name: c, context: {cluster: c, user: u}}]\n",
		 port);
	if (fd < 0 || fs_write_fd(fd, path, text, strlen(text), &err) < 0 ||
	    kube_config_load(&o, &config, &err) < 0 ||
	    kube_new(l, config, &k, &err) < 0) {
		printf("Bail out! %s\n", err.msg);
		exit(1);
	}
	close(fd);
	unlink(path);
}

int main(void)
{
	struct err err = ERR_INIT;
	struct result r = { 0 };
	int port;
	pid_t server = server_start(&port);

	is_int(loop_new(&l, &err), 0, "loop");
	make(port);
	test_headers();
	test_limits();
	test_streams();
	test_cancel();
	test_list();
	test_waiters();
	{
		const struct kube_stats *s = kube_stats(k);
		uint64_t refused = 0, failed = 0, took = 0, answers = 0;

		for (size_t v = 0; v < KUBE_VERBS; v++) {
			refused += s->answers[v][4];
			failed += s->answers[v][5];
			for (size_t i = 0; v != KUBE_WATCH && i < 6; i++)
				answers += s->answers[v][i];
			for (size_t i = 0; i < KUBE_BUCKETS; i++)
				took += s->took[v][i];
		}
		ok(refused == 2 && failed == 2,
		   "answers are counted by their hundreds");
		ok(answers && took == answers, "and by how long they took");
	}
	get(&r, "/hang", false);
	get(&r, "/chunks/100", true);
	run(30);
	kube_free(k);
	kube_free(NULL);
	run(10);
	is_int(r.done, 0, "kube_free: no callbacks of what ran");
	loop_free(l);
	server_stop(server);
	return tap_done();
}
