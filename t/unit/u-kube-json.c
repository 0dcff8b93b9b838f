/*
 * What the API server may say of objects that others write: read, folded
 * where json_read refuses it, and the same wherever it stands.
 */
#include "config.h"

#include <sodium.h>
#include <string.h>

#include "engine/kube-json.h"
#include "schema/base/arena.h"
#include "schema/base/mem.h"
#include "schema/json.h"
#include "schema/limits.h"
#include "t/unit/tap.h"

/* An object of so many levels with fields around the deepest value. */
static void deep(struct buf *b, size_t levels, const char *value)
{
	buf_reset(b);
	for (size_t i = 0; i < levels; i++)
		buf_adds(b, "{\"k\":");
	buf_adds(b, value);
	for (size_t i = 0; i < levels; i++)
		buf_addc(b, '}');
}

/* What is read of a text, on one line; "" if it is refused. */
static const char *folded(const char *text, size_t around)
{
	static struct buf out = BUF_INIT(1 << 20);
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *n;

	buf_reset(&out);
	buf_adds(&out, "");
	if (kube_json_read(text, strlen(text), around, &a, &n, &err) == 0)
		json_write_compact(n, &out);
	arena_release(&a);
	return out.data ? out.data : "";
}

static bool is_digest(const char *s)
{
	return !strncmp(s, "\"folded ", 8) &&
	       strspn(s + 8, "0123456789abcdef") == 32 && s[40] == '"';
}

static void test_levels(void)
{
	struct buf text = BUF_INIT(1 << 20), other = BUF_INIT(1 << 20);
	struct buf frame = BUF_INIT(1 << 20);
	char *got, *again;
	const char *p;

	deep(&text, LIMIT_DEPTH, "1");
	ok(!strcmp(folded(text.data, 0), text.data),
	   "an object of as many levels as we allow is read as it is");
	deep(&text, LIMIT_DEPTH, "{}");
	got = xstrdup(folded(text.data, 0));
	p = strchr(got, 'f');
	ok(p && is_digest(p - 1), "one level more is a digest");
	deep(&text, LIMIT_DEPTH, "{\"a\":[\"}\\\"\",{}]}");
	deep(&other, LIMIT_DEPTH, "{\"a\":[\"}\\\"\",{ }]}");
	free(got);
	got = xstrdup(folded(text.data, 0));
	ok(*got && strcmp(got, folded(other.data, 0)),
	   "another value has another one");
	buf_addf(&frame, "{\"t\":1,\"x\":%s}", text.data);
	again = xstrdup(folded(frame.data, 1));
	ok(strstr(again, got), "it is the same in a frame");
	deep(&text, 100000, "1");
	ok(*folded(text.data, 0), "100,000 levels are read");
	free(got);
	free(again);
	buf_release(&text);
	buf_release(&other);
	buf_release(&frame);
}

static void test_keys(void)
{
	const char *two = "{\"a\\u0000\":1,\"b\\u0000\":2,\"c\":\"\\u0000\"}";
	char *got = xstrdup(folded(two, 0));

	ok(strstr(got, "\"c\":\"\\u0000\"") && strstr(got, "\":1") &&
	   strstr(got, "\":2"), "keys with a NUL are digests, texts are not");
	ok(!strcmp(folded("{\"a\\\\u0000\":1}", 0), "{\"a\\\\u0000\":1}"),
	   "what only looks like one is left");
	free(got);
	ok(!*folded("{\"a\\u0000\":1,\"a\\u0000\":2}", 0),
	   "the same key twice is refused");
}

static void test_refused(void)
{
	static const char *const bad[] = {
		"", "{", "{\"a\\u0000\":", "{\"a\\u0000\":1}}", "{\"a\\u0000",
		"{\"a\\u0000\":1,}", "]", "{\"a\\u0000\" 1}", "\"", "{\"a\\",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ok(!*folded(bad[i], 0), "no JSON: %s", bad[i]);
}

static bool is_folded(const char *text)
{
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct node *n;
	bool yes = kube_json_read(text, strlen(text), 0, &a, &n, &err) == 0 &&
		   kube_json_folded(n);

	arena_release(&a);
	return yes;
}

static void test_folded(void)
{
	struct buf text = BUF_INIT(1 << 20);

	ok(!is_folded("{\"f:a\":{\".\":{},\"k:{\\\"folded \\\":1}\":{}}}"),
	   "fields that can be sent back");
	ok(is_folded("{\"f:a\":{\"f:b\\u0000\":{}}}"), "a folded key");
	deep(&text, 300, "{}");
	ok(is_folded(text.data), "a folded value");
	buf_release(&text);
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	test_levels();
	test_keys();
	test_refused();
	test_folded();
	return tap_done();
}
