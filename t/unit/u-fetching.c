/*
 * What windlassd and its fetching child tell each other: every message comes
 * back as it was sent, or is refused; and the parent's side with a real
 * child, whatever it is asked and whenever the child ends.
 */
#include "config.h"
#include "engine/source.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/fetch.h"
#include "engine/role.h"
#include "engine/source-msg.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "t/unit/tap.h"

#define ID "0123456789abcdef0123456789abcdef"
#define BUNDLE "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct loop *loop;
static struct err err;
static char root[] = "/tmp/u-fetching-XXXXXX";
static char *key_text;

static struct source_settings some_settings(void)
{
	return (struct source_settings){
		.name = "prod", .channel_id = ID,
		.url = "http://127.0.0.1:1", .interval = 5,
		.publishers = key_text,
	};
}

/* ---- messages ---- */

typedef int decode_fn(struct ipc_in *in);

static int get_settings(struct ipc_in *in)
{
	struct source_config c;
	int rc;

	source_get_settings(in, &c);
	rc = ipc_in_end(in, "x", &err);
	source_config_release(&c);
	return rc;
}

static int get_state(struct ipc_in *in)
{
	struct source_state s;

	source_get_state(in, &s);
	return ipc_in_end(in, "x", &err);
}

static int get_candidate(struct ipc_in *in)
{
	struct source_candidate c;

	source_get_candidate(in, &c);
	return ipc_in_end(in, "x", &err);
}

static int get_item(struct ipc_in *in)
{
	char path[SOURCE_PATH_SIZE];
	struct source_item item;

	source_get_item(in, path, &item);
	return ipc_in_end(in, "x", &err);
}

static int decode(decode_fn *fn, const struct buf *b, size_t len)
{
	struct ipc_frame f = { 1, 1, (const uint8_t *)b->data, len };
	struct ipc_in in;

	ipc_in_init(&in, &f);
	return fn(&in);
}

/* Whole it is taken, cut off or too long it is not, and flips do no harm. */
static void test_strict(const char *what, decode_fn *fn, struct buf *b)
{
	int accepted = 0;

	ok(decode(fn, b, b->len) == 0, "%s: as it was sent", what);
	for (size_t n = 0; n < b->len; n++)
		accepted += decode(fn, b, n) == 0;
	is_int(accepted, 0, "cut off anywhere");
	for (size_t i = 0; i < b->len; i++) {
		b->data[i] ^= 0x55;
		decode(fn, b, b->len);
		b->data[i] ^= 0x55;
	}
	buf_addc(b, 'x');
	ok(decode(fn, b, b->len) < 0, "one byte more");
	buf_reset(b);
}

static void test_messages(void)
{
	static const char *const headers[] = { "Authorization: x", NULL };
	struct source_settings s = some_settings();
	struct source_state state = { .epoch = 1, .sequence = 2 };
	struct source_candidate c = {
		.pin = { .epoch = 1, .sequence = 2, .bundle = BUNDLE },
	};
	struct source_item item = { SOURCE_CHANGE, "objects/a/b/C/d.json" };
	struct buf b = BUF_INIT(LIMIT_IPC_FRAME);

	s.headers = headers;
	s.ca_pem = "ca";
	source_put_settings(&b, &s);
	test_strict("settings", get_settings, &b);
	source_put_state(&b, &state);
	test_strict("a state", get_state, &b);
	source_put_candidate(&b, &c);
	test_strict("a candidate", get_candidate, &b);
	source_put_item(&b, &item);
	test_strict("an item", get_item, &b);

	state.v[SOURCE_FETCHED].reason = SOURCE_REASONS;
	source_put_state(&b, &state);
	ok(decode(get_state, &b, b.len) < 0, "a reason that is none");
	buf_reset(&b);
	c.pin.sequence = LIMIT_SEQUENCE + 1ull;
	source_put_candidate(&b, &c);
	ok(decode(get_candidate, &b, b.len) < 0, "a sequence beyond the limit");
	buf_reset(&b);
	item.size = LIMIT_OBJECT_BYTES + 1;
	source_put_item(&b, &item);
	ok(decode(get_item, &b, b.len) < 0, "an object beyond the limit");
	buf_release(&b);
}

static void test_reasons(void)
{
	int missing = 0;

	for (int c = 0; c < SOURCE_CONDITIONS; c++)
		for (int r = 0; r < SOURCE_REASONS; r++)
			missing += !source_reason_name(
				(enum source_condition)c,
				(enum source_reason)r);
	is_int(missing, 0, "every reason has a name");
}

/* ---- settings ---- */

static char *text_of(size_t n)
{
	char *s = xmalloc(n + 1);

	memset(s, 'x', n);
	s[n] = '\0';
	return s;
}

static int check_with(const char **at, struct source_settings *s, size_t n)
{
	char *text = text_of(n);
	int rc;

	*at = text;
	rc = source_check_settings(s, &err);
	*at = "x";
	free(text);
	return rc;
}

static void test_limits(void)
{
	const char *headers[LIMIT_HEADERS + 2] = { NULL };
	struct source_settings s = some_settings();

	ok(!check_with(&s.url, &s, LIMIT_URL_BYTES) &&
	   check_with(&s.url, &s, LIMIT_URL_BYTES + 1) < 0 &&
	   strstr(err.msg, "spec.url"), "LIMIT_URL_BYTES, and one more");
	ok(!check_with(&s.ca_pem, &s, LIMIT_PEM_BYTES) &&
	   check_with(&s.ca_pem, &s, LIMIT_PEM_BYTES + 1) < 0 &&
	   strstr(err.msg, "CA certificate"), "LIMIT_PEM_BYTES, and one more");
	ok(!check_with(&s.publishers, &s, LIMIT_TRUST_BYTES) &&
	   check_with(&s.publishers, &s, LIMIT_TRUST_BYTES + 1) < 0,
	   "LIMIT_TRUST_BYTES, and one more");
	s.headers = headers;
	ok(!check_with(&headers[0], &s, LIMIT_HEADER_BYTES) &&
	   check_with(&headers[0], &s, LIMIT_HEADER_BYTES + 1) < 0 &&
	   strstr(err.msg, "header 1"), "LIMIT_HEADER_BYTES, and one more");
	for (int i = 0; i < LIMIT_HEADERS; i++)
		headers[i] = "a: b";
	ok(!source_check_settings(&s, &err), "LIMIT_HEADERS");
	headers[LIMIT_HEADERS] = "a: b";
	ok(source_check_settings(&s, &err) < 0, "and one more");
	s.headers = NULL;
	s.interval = 0;
	ok(source_check_settings(&s, &err) < 0, "no interval");
}

static void test_urls(void)
{
	static const char *const good[] = {
		"http://a", "https://a.example/x/y", "http://[::1]:8420",
		"https://host/with@sign",
	};
	static const char *const bad[] = {
		"", "a", "ftp://a", "file:///etc", "http://", "https:///x",
		"http://a?b", "http://a/#b", "http://u:p@a/", "http://a b",
		"http://a\tb", "HTTP://a",
	};
	static const char *const bad_headers[] = {
		"", "x", ": x", "a b: c", "Host: x", "prefer: wait",
		"a: b\r\nc: d", "a: b\nc: d",
	};
	struct source_settings s = some_settings();
	const char *headers[2] = { NULL };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		s.url = good[i];
		ok(!fetch_check(&s, &err), "good: %s", good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s.url = bad[i];
		ok(fetch_check(&s, &err) < 0, "bad URL %zu", i);
	}
	s = some_settings();
	s.headers = headers;
	headers[0] = "Authorization: Bearer abc";
	ok(!fetch_check(&s, &err), "a token");
	for (size_t i = 0; i < ARRAY_SIZE(bad_headers); i++) {
		headers[0] = bad_headers[i];
		ok(fetch_check(&s, &err) < 0, "bad header %zu", i);
	}
	s.headers = NULL;
	s.name = "No";
	ok(fetch_check(&s, &err) < 0, "a bad name");
}

/* ---- with a real child ---- */

static int opened, states, failed, closed_in;
static struct source *victim;
static enum source_reason verified;
static enum source_reason until_verified;
static char why[SOURCE_MESSAGE_SIZE];

static void on_opened(void *arg, const struct source_pin *accepted)
{
	opened++;
	if (until_verified == SOURCE_REASONS)
		loop_stop(loop);
}

static void on_state(void *arg, const struct source_state *s)
{
	states++;
	verified = s->v[SOURCE_VERIFIED].reason;
	snprintf(why, sizeof(why), "%s", s->v[SOURCE_VERIFIED].message);
	if (verified == until_verified)
		loop_stop(loop);
}

static void on_late(void *arg)
{
	loop_stop(loop);
}

static void run(int ms)
{
	struct timer late;

	timer_init(&late, loop, on_late, NULL);
	timer_set(&late, ms);
	loop_run(loop, &err);
	timer_stop(&late);
}

static const char *expected;	/* in the message of a failed question */

static void on_done(void *arg, const struct err *e)
{
	failed += e != NULL;
	if (e && strstr(e->msg, expected))
		closed_in++;
}

static void on_done_close(void *arg, const struct err *e)
{
	closed_in++;
	source_close(victim);
	victim = NULL;
}

static void test_questions(struct sources *ss)
{
	struct source_events events = { on_opened, on_state };
	struct source_settings s = some_settings();
	struct source *a;
	struct sha256 d = { { 0 } };

	s.channel_id = "1123456789abcdef0123456789abcdef";
	a = source_open(ss, &s, &events);
	failed = closed_in = 0;
	expected = "not at hand";
	for (int i = 0; i < LIMIT_REQUESTS; i++)
		source_list(a, BUNDLE, NULL, on_done, NULL);
	for (int i = 0; i < 1000 && failed < LIMIT_REQUESTS; i++)
		run(10);
	is_int(closed_in, LIMIT_REQUESTS, "LIMIT_REQUESTS are answered");
	failed = closed_in = 0;
	expected = "too many";
	for (int i = 0; i < LIMIT_REQUESTS + 1; i++)
		source_list(a, BUNDLE, NULL, on_done, NULL);
	is_int(failed, 0, "no answer comes from inside the call");
	for (int i = 0; i < 1000 && failed < LIMIT_REQUESTS + 1; i++)
		run(10);
	is_int(closed_in, 1, "one more is refused");

	failed = 0;
	source_cancel(source_list(a, BUNDLE, NULL, on_done, NULL));
	run(50);
	is_int(failed, 0, "a cancelled question has no answer");

	victim = a;
	closed_in = 0;
	source_list(a, BUNDLE, NULL, on_done_close, NULL);
	source_list(a, BUNDLE, NULL, on_done_close, NULL);
	source_object(a, BUNDLE, "objects/x", &d, NULL, NULL);
	run(100);
	is_int(closed_in, 1, "closed inside an answer: no further one");
}

static void test_bad_settings(struct sources *ss)
{
	struct source_events events = { on_opened, on_state };
	struct source_settings s = some_settings();
	char *url = text_of(LIMIT_URL_BYTES + 1);
	struct source *a;

	opened = 0;
	s.url = url;
	until_verified = SOURCE_SETTINGS;
	a = source_open(ss, &s, &events);
	run(2000);
	ok(verified == SOURCE_SETTINGS && strstr(why, "spec.url is longer"),
	   "settings that no child takes are told");
	failed = closed_in = 0;
	expected = "does not know";
	source_list(a, BUNDLE, NULL, on_done, NULL);
	run(100);
	is_int(closed_in, 1, "and no questions are");
	is_int(sources_stats(ss).restarts, 0, "the child never saw them");
	s = some_settings();
	until_verified = SOURCE_REASONS;
	source_update(a, &s);
	run(2000);
	is_int(opened, 1, "good ones open it");
	s.publishers = "nonsense";
	until_verified = SOURCE_SETTINGS;
	source_update(a, &s);
	run(2000);
	ok(verified == SOURCE_SETTINGS && strstr(why, "spec.publishers"),
	   "publishers that make no sense");
	s.publishers = key_text;
	s.url = url;
	verified = SOURCE_GOOD;
	source_update(a, &s);
	run(2000);
	is_int(verified, SOURCE_SETTINGS, "and too long again");
	until_verified = SOURCE_REASONS;
	source_close(a);
	free(url);
}

static void test_restart(struct sources *ss)
{
	struct source_events events = { on_opened, on_state };
	struct source_settings s = some_settings();
	struct source *a;

	until_verified = SOURCE_REASONS;
	opened = 0;
	a = source_open(ss, &s, &events);
	run(2000);
	is_int(opened, 1, "open");
	failed = closed_in = 0;
	expected = "started again";
	kill(sources_stats(ss).pid, SIGSTOP);
	source_list(a, BUNDLE, NULL, on_done, NULL);
	kill(sources_stats(ss).pid, SIGKILL);
	run(5000);
	is_int(closed_in, 1, "a question to a killed child fails");
	is_int(opened, 2, "the next child has the channel");
	ok(sources_stats(ss).restarts == 1 && sources_stats(ss).pid,
	   "it is counted");
	source_close(a);
}

static int one_too_many;

static void on_last_state(void *arg, const struct source_state *s)
{
	one_too_many += s->v[SOURCE_VERIFIED].reason == SOURCE_SETTINGS &&
			strstr(s->v[SOURCE_VERIFIED].message, "at most");
	loop_stop(loop);
}

/*
 * So many channels that the last one is one too many. Their state directory
 * is none, so that opening them costs nothing; they say so and try again.
 */
static void test_many(void)
{
	struct source_events events = { .on_state = on_state };
	struct source_events last = { .on_state = on_last_state };
	struct source_settings s = some_settings();
	struct source **v = xcalloc(LIMIT_CHANNELS + 1, sizeof(struct source *));
	char *dir = xasprintf("%s/many", root);
	struct sources *ss;

	if (sources_new(loop, dir, LOG_ERROR, &ss, &err) < 0 ||
	    fs_remove_tree(dir, &err) < 0 ||
	    fs_write(AT_FDCWD, dir, "", 0, 0600, &err) < 0)
		BUG(err.msg);
	s.publishers = "nonsense";
	until_verified = SOURCE_GOOD;
	states = 0;
	for (int i = 0; i < LIMIT_CHANNELS; i++)
		v[i] = source_open(ss, &s, &events);
	for (int i = 0; i < 200 && states < LIMIT_CHANNELS; i++)
		run(50);
	ok(states >= LIMIT_CHANNELS, "LIMIT_CHANNELS");
	v[LIMIT_CHANNELS] = source_open(ss, &s, &last);
	run(5000);
	is_int(one_too_many, 1, "and one more");
	is_int(sources_stats(ss).restarts, 0, "which the child never saw");
	for (int i = 0; i <= LIMIT_CHANNELS; i++)
		source_close(v[i]);
	sources_free(ss);
	free(v);
	free(dir);
}

static void test_child(void)
{
	struct sources *ss;

	ok(sources_new(loop, "relative", LOG_ERROR, &ss, &err) < 0,
	   "a state directory that is no absolute path");
	if (sources_new(loop, root, LOG_ERROR, &ss, &err) < 0)
		BUG(err.msg);
	test_bad_settings(ss);
	test_questions(ss);
	test_restart(ss);
	sources_free(ss);
	test_many();
}

int main(int argc, char **argv)
{
	int status;

	if (role_play(argc, argv, &status))
		return status;
	if (!mkdtemp(root) || loop_new(&loop, &err) < 0)
		BUG("set-up");
	key_text = xstrdup("a@example.org namespaces=\"git,"
		"head-v1@windlass.dev\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"
		"DAzQX5KFur0s5N18sW515YBsJhNaoBBhEa3H/ryb3vv\n");
	test_messages();
	test_reasons();
	test_limits();
	test_urls();
	test_child();
	loop_free(loop);
	fs_remove_tree(root, &err);
	free(key_text);
	return tap_done();
}
