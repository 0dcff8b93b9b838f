/*
 * The registry's text, and the endpoint that serves it.
 */
#include "config.h"

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/endpoint.h"
#include "engine/http.h"
#include "engine/metrics.h"
#include "schema/base/mem.h"
#include "t/unit/tap.h"

static const char want[] =
	"# TYPE wl_applies counter\n"
	"# HELP wl_applies Applies by result.\n"
	"wl_applies_total{channel=\"prod\",code=\"200\"} 2.5\n"
	"wl_applies_total{channel=\"a\\\"b\\\\c\\nd\",code=\"\"} 0\n"
	"# TYPE wl_objects gauge\n"
	"# HELP wl_objects Objects.\n"
	"wl_objects -3\n"
	"# TYPE wl_program info\n"
	"# HELP wl_program What it is.\n"
	"wl_program_info{version=\"1\"} 1\n"
	"# TYPE wl_turn_seconds histogram\n"
	"# UNIT wl_turn_seconds seconds\n"
	"# HELP wl_turn_seconds Turns.\n"
	"wl_turn_seconds_bucket{role=\"x\",le=\"0.01\"} 1\n"
	"wl_turn_seconds_bucket{role=\"x\",le=\"1.0\"} 3\n"
	"wl_turn_seconds_bucket{role=\"x\",le=\"+Inf\"} 4\n"
	"wl_turn_seconds_sum{role=\"x\"} 7.26\n"
	"wl_turn_seconds_count{role=\"x\"} 4\n"
	"# EOF\n";

/* the same for those who know no OpenMetrics */
static const char want_old[] =
	"# HELP wl_applies_total Applies by result.\n"
	"# TYPE wl_applies_total counter\n"
	"wl_applies_total{channel=\"prod\",code=\"200\"} 2.5\n"
	"wl_applies_total{channel=\"a\\\"b\\\\c\\nd\",code=\"\"} 0\n"
	"# HELP wl_objects Objects.\n"
	"# TYPE wl_objects gauge\n"
	"wl_objects -3\n"
	"# HELP wl_program_info What it is.\n"
	"# TYPE wl_program_info gauge\n"
	"wl_program_info{version=\"1\"} 1\n"
	"# HELP wl_turn_seconds Turns.\n"
	"# TYPE wl_turn_seconds histogram\n"
	"wl_turn_seconds_bucket{role=\"x\",le=\"0.01\"} 1\n"
	"wl_turn_seconds_bucket{role=\"x\",le=\"1.0\"} 3\n"
	"wl_turn_seconds_bucket{role=\"x\",le=\"+Inf\"} 4\n"
	"wl_turn_seconds_sum{role=\"x\"} 7.26\n"
	"wl_turn_seconds_count{role=\"x\"} 4\n";

static struct series *objects;

static void collect(void *arg)
{
	series_set(objects, -3);
}

static struct metrics *make(void)
{
	static const double bounds[] = { 0.01, 1 };
	static const double values[] = { 0.01, 0.25, 1, 6 };
	struct metrics *m;
	struct metric *f;
	struct series *s;

	metrics_new(&m);
	f = metrics_family(m, METRIC_COUNTER, "wl_applies",
			   "Applies by result.", "channel code");
	s = metric_series(f, "prod", "200", NULL);
	series_add(s, 1);
	series_add(metric_series(f, "prod", "200", NULL), 1.5);
	metric_series(f, "a\"b\\c\nd", "", NULL);
	metrics_family(m, METRIC_GAUGE, "wl_empty", "None.", "");
	objects = metric_series(metrics_family(m, METRIC_GAUGE, "wl_objects",
					       "Objects.", ""), NULL);
	metric_series(metrics_family(m, METRIC_INFO, "wl_program",
				     "What it is.", "version"), "1", NULL);
	f = metrics_family(m, METRIC_HISTOGRAM, "wl_turn_seconds", "Turns.",
			   "role");
	metric_buckets(f, bounds, ARRAY_SIZE(bounds));
	s = metric_series(f, "x", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		series_observe(s, values[i]);
	metrics_on_write(m, collect, NULL);
	return m;
}

static void test_text(struct metrics *m)
{
	struct buf b = BUF_INIT(65536);
	struct metric *f = metrics_family(m, METRIC_COUNTER, "wl_applies", "",
					  "channel code");
	static const uint64_t counts[] = { 0, 5, 1 };
	struct series *s;

	metrics_write(m, METRICS_OPENMETRICS, &b);
	is_str(b.data, want, "OpenMetrics");

	s = metric_series(f, "gone", "1", NULL);
	series_add(s, 7);
	series_drop(s);
	buf_reset(&b);
	metrics_write(m, METRICS_OPENMETRICS, &b);
	is_str(b.data, want, "a series that was dropped");
	s = metric_series(f, "gone", "1", NULL);
	buf_reset(&b);
	metrics_write(m, METRICS_OPENMETRICS, &b);
	ok(strstr(b.data, "{channel=\"gone\",code=\"1\"} 0\n"),
	   "made again, it begins at 0");
	series_drop(s);

	f = metrics_family(m, METRIC_HISTOGRAM, "wl_turn_seconds", "",
			   "role");
	s = metric_series(f, "y", NULL);
	series_set_buckets(s, counts, NAN);
	buf_reset(&b);
	metrics_write(m, METRICS_OPENMETRICS, &b);
	ok(strstr(b.data, "{role=\"y\",le=\"1.0\"} 5\n") &&
	   strstr(b.data, "{role=\"y\",le=\"+Inf\"} 6\n") &&
	   strstr(b.data, "wl_turn_seconds_sum{role=\"y\"} NaN\n"),
	   "a histogram that is kept elsewhere");
	series_drop(s);

	f = metrics_family(m, METRIC_GAUGE, "wl_unknown", "Unknown.", "");
	s = metric_series(f, NULL);
	series_set(s, NAN);
	buf_reset(&b);
	metrics_write(m, METRICS_TEXT, &b);
	ok(!strstr(b.data, "\nwl_unknown"), "a gauge that is not known");
	series_drop(s);
	buf_release(&b);
}

static void test_formats(void)
{
	static const struct {
		const char *accept;
		enum metrics_format want;
	} cases[] = {
		{ NULL, METRICS_TEXT },
		{ "", METRICS_TEXT },
		{ "*/*", METRICS_TEXT },
		{ "text/html, text/plain;q=0.9", METRICS_TEXT },
		{ "application/openmetrics-text", METRICS_OPENMETRICS },
		{ "Application/OpenMetrics-Text; version=1.0.0",
		  METRICS_OPENMETRICS },
		{ "application/openmetrics-text2", METRICS_TEXT },
		{ "application/openmetrics-text;q=0", METRICS_TEXT },
		{ "application/openmetrics-text;q=0.0,*/*;q=0.1",
		  METRICS_TEXT },
		/* Prometheus 3, as it comes and told to prefer the other */
		{ "application/openmetrics-text;version=1.0.0;"
		  "escaping=allow-utf-8;q=0.5,application/openmetrics-text;"
		  "version=0.0.1;q=0.4,text/plain;version=1.0.0;"
		  "escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,"
		  "*/*;q=0.1", METRICS_OPENMETRICS },
		{ "text/plain;version=0.0.4;q=0.5,"
		  "application/openmetrics-text;version=1.0.0;q=0.4,*/*;q=0.1",
		  METRICS_TEXT },
		{ ";;,,;q=,q=;q=1.", METRICS_TEXT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		is_int(metrics_format_of(cases[i].accept), cases[i].want,
		       cases[i].accept ? cases[i].accept : "no Accept");
}

/* ---- the endpoint, asked by our own client on the same loop ---- */

static struct loop *l;
static struct http *h;
static int port;
static bool ready;
static struct buf body = BUF_INIT(65536);
static long status;
static char type[128];

static bool is_ready(void *arg, struct buf *why)
{
	if (!ready)
		buf_adds(why, "channel 'prod' waits");
	return ready;
}

static void on_done(void *arg, struct http_call *c, long code,
		    const char *data, size_t len, const struct err *err)
{
	const char *v = http_header(c, "Content-Type");

	status = err ? -1 : code;
	buf_reset(&body);
	buf_add(&body, data, len);
	snprintf(type, sizeof(type), "%s", v ? v : "");
	loop_stop(l);
}

static const char *const *headers;

static void ask(const char *method, const char *path)
{
	struct http_request r = {
		.method = method, .max_bytes = 65536, .total_ms = 5000,
		.body = "x", .body_len = !strcmp(method, "POST"),
		.headers = headers,
		.on_done = on_done,
	};
	struct err err = ERR_INIT;
	char url[128];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", port, path);
	r.url = url;
	if (http_send(h, &r, NULL, &err) < 0 || loop_run(l, &err) < 0)
		ok(false, "%s", err.msg);
}

/* Connections that begin a request and never end it. */
static void test_idlers(void)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
	};
	int fds[200];

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(fds[i], (struct sockaddr *)&to, sizeof(to)) < 0 ||
		    write(fds[i], "GET /met", 8) != 8)
			printf("Bail out! cannot connect\n");
	}
	ask("GET", "/healthz");
	is_int(status, 200, "two hundred who say nothing keep nobody out");
	ask("GET", "/healthz");
	is_int(status, 200, "nor do those that are left");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	ask("GET", "/healthz");
	is_int(status, 200, "and when they have gone all is as before");
}

static void test_endpoint(struct metrics *m)
{
	static const char *const bad[] = { "", "8421", "127.0.0.1",
		"127.0.0.1:99999", "localhost:1", "[::1:8421", ":-1" };
	static const char *const accept[] = {
		"Accept: application/openmetrics-text; version=1.0.0", NULL };
	struct endpoint_options o = { .address = "127.0.0.1:0", .metrics = m,
				      .ready = is_ready };
	struct endpoint *e, *other;
	struct err err = ERR_INIT;
	char address[32];

	is_int(endpoint_new(l, &o, &e, &err), 0, "an endpoint");
	port = endpoint_port(e);
	ok(port > 0, "on a free port");
	ask("GET", "/healthz");
	ok(status == 200 && !strcmp(body.data, "ok\n"), "/healthz");
	ask("HEAD", "/healthz");
	ok(status == 200 && !body.len, "HEAD");
	ask("GET", "/readyz");
	ok(status == 503 && !strcmp(body.data, "channel 'prod' waits\n"),
	   "/readyz: not ready, and why");
	ready = true;
	ask("GET", "/readyz?verbose");
	ok(status == 200 && !strcmp(body.data, "ready\n"), "/readyz: ready");
	ask("GET", "/metrics");
	is_str(body.data, want_old, "/metrics for anybody");
	is_str(type, "text/plain; version=0.0.4; charset=utf-8", "its type");
	headers = accept;
	ask("GET", "/metrics");
	headers = NULL;
	is_str(body.data, want, "/metrics as OpenMetrics");
	is_str(type, "application/openmetrics-text; version=1.0.0; "
	       "charset=utf-8", "its type");
	ask("GET", "/");
	is_int(status, 404, "another path");
	ask("POST", "/healthz");
	is_int(status, 405, "another method");
	for (int i = 0; i < 100; i++)
		ask("GET", "/healthz");
	is_int(status, 200, "a hundred more");
	test_idlers();

	snprintf(address, sizeof(address), "127.0.0.1:%d", port);
	o.address = address;
	is_int(endpoint_new(l, &o, &other, &err), -1, "a port that is taken");
	is_int(err.class, ERR_INVALID, err.msg);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		o.address = bad[i];
		is_int(endpoint_new(l, &o, &other, &err), -1, bad[i]);
	}
	endpoint_free(e);
	endpoint_free(NULL);
}

int main(void)
{
	struct metrics *m = make();
	struct err err = ERR_INIT;

	is_int(loop_new(&l, &err), 0, "loop");
	is_int(http_new(l, 90, &h, &err), 0, "http");
	test_text(m);
	test_formats();
	test_endpoint(m);
	http_free(h);
	loop_free(l);
	metrics_free(m);
	metrics_free(NULL);
	buf_release(&body);
	return tap_done();
}
