/*
 * The small readers behind `serve`: addresses, tokens, two header fields.
 */
#include "config.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hooks/http-value.h"
#include "hooks/listen.h"
#include "hooks/tokens.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "t/unit/tap.h"

static void test_prefer(void)
{
	static const struct { const char *field; int want; } cases[] = {
		{ "wait=10", 10 },
		{ "wait=0", 0 },
		{ "WAIT = 10", 10 },
		{ "wait=\"10\"", 10 },
		{ "respond-async, wait=5", 5 },
		{ "a=\"x,wait=9\", wait=5", 5 },
		{ "a=\"\\\"\", wait=5", 5 },
		{ "wait=5; foo=bar", 5 },
		{ " ,, wait=50 , x", 50 },
		{ "wait=5, wait=6", 5 },
		{ "wait=99999999999999999999", 999999999 },
		{ "wait", -1 },
		{ "wait=", -1 },
		{ "wait=-1", -1 },
		{ "wait=x", -1 },
		{ "await=5", -1 },
		{ "waiting=5", -1 },
		{ "\"wait=5", -1 },
		{ "", -1 },
		{ ",", -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		is_int(prefer_wait(cases[i].field), cases[i].want,
		       cases[i].field);
}

static void test_etag(void)
{
	static const struct { const char *field; bool want; } cases[] = {
		{ "\"abc\"", true },
		{ "W/\"abc\"", true },
		{ "\"x\", \"abc\"", true },
		{ "\"x\",\"abc\" , \"y\"", true },
		{ "*", true },
		{ "\"abcd\"", false },
		{ "\"ab\"", false },
		{ "abc", false },
		{ "\"x, \\\"abc\\\"\"", false },
		{ "", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		is_int(etag_matches(cases[i].field, "\"abc\""), cases[i].want,
		       cases[i].field);
}

static void good_address(const char *text, const char *form, bool local)
{
	struct buf got = BUF_INIT(256);
	struct listen_addr a;
	struct err err = ERR_INIT;

	ok(!listen_parse(text, &a, &err), "address %s", text);
	listen_format(&a, &got);
	is_str(got.data, form, "its form");
	is_int(listen_is_local(&a), local, local ? "local" : "not local");
	buf_release(&got);
}

static void bad_address(const char *text)
{
	struct listen_addr a;
	struct err err = ERR_INIT;

	ok(listen_parse(text, &a, &err) < 0 && err.class == ERR_INVALID,
	   "no address: '%s'", text);
}

static void test_addresses(void)
{
	char path[256];

	good_address("127.0.0.1:8420", "127.0.0.1:8420", true);
	good_address("127.9.9.9:0", "127.9.9.9:0", true);
	good_address("localhost:1", "127.0.0.1:1", true);
	good_address("0.0.0.0:80", "0.0.0.0:80", false);
	good_address("128.0.0.1:80", "128.0.0.1:80", false);
	good_address("[::1]:65535", "[::1]:65535", true);
	good_address("[::]:80", "[::]:80", false);
	good_address("[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:80", false);
	good_address("unix:/run/x", "unix:/run/x", true);
	bad_address("");
	bad_address("127.0.0.1");
	bad_address(":80");
	bad_address("127.0.0.1:");
	bad_address("127.0.0.1:65536");
	bad_address("127.0.0.1:080");
	bad_address("127.0.0.1:80x");
	bad_address("127.1:80");
	bad_address("::1:80");
	bad_address("[::1:80");
	bad_address("[127.0.0.1]:80");
	bad_address("example.org:80");
	bad_address("unix:x");
	memset(path, 'a', sizeof(path));
	memcpy(path, "unix:/", 6);
	path[5 + 107] = '\0';
	good_address(path, path, true);
	path[5 + 107] = 'a';
	path[5 + 108] = '\0';
	bad_address(path);
}

static char file[] = "/tmp/u-serve-XXXXXX";

static int read_tokens(const char *text, struct tokens *t)
{
	struct err err = ERR_INIT;
	int rc;

	if (fs_write(AT_FDCWD, file, text, strlen(text), 0600, &err) < 0)
		return -2;
	err = (struct err)ERR_INIT;
	rc = tokens_read(file, t, &err);
	if (rc < 0 && strstr(err.msg, "secret"))
		ok(false, "a token is in the message");
	return rc;
}

static void test_tokens(void)
{
	struct tokens t = TOKENS_INIT;
	struct err err = ERR_INIT;

	ok(!read_tokens("# engines\n\nsecret-secret-secret\n"
			"AAAAAAAAAAAAAAAAAAAAAAAA==\r\n", &t), "two tokens");
	is_int(t.n, 2, "are two");
	ok(tokens_allow(&t, "Bearer secret-secret-secret"), "the first");
	ok(tokens_allow(&t, "bearer  AAAAAAAAAAAAAAAAAAAAAAAA=="),
	   "the second, scheme in small letters");
	ok(!tokens_allow(&t, "Bearer secret-secret-secreu"), "another");
	ok(!tokens_allow(&t, "Bearer secret-secret-secret "), "with a space");
	ok(!tokens_allow(&t, "Basic secret-secret-secret"), "another scheme");
	ok(!tokens_allow(&t, "secret-secret-secret"), "no scheme");
	ok(!tokens_allow(&t, ""), "nothing");
	ok(!tokens_allow(&t, NULL), "no field");
	ok(!tokens_allow(&t, "Bearer # engines"), "a comment is no token");
	ok(read_tokens("short\n", &t) == -1, "a short one is refused");
	ok(read_tokens("secret-secret-secre\n", &t) == -1, "19 bytes too");
	ok(read_tokens("secret secret secret\n", &t) == -1, "spaces too");
	ok(read_tokens("# only this\n", &t) == -1, "no token at all too");
	is_int(t.n, 2, "the old ones stay");
	chmod(file, 0644);
	ok(tokens_read(file, &t, &err) < 0 && strstr(err.msg, "chmod"),
	   "a file that others may read is refused");
	tokens_release(&t);
	ok(!tokens_allow(&t, "Bearer secret-secret-secret"), "none now");
}

static void test_token_limits(void)
{
	struct buf text = BUF_INIT(LIMIT_TOKENS_BYTES + 65536);
	struct tokens t = TOKENS_INIT;

	for (int i = 0; i < TOKEN_MAX_BYTES; i++)
		buf_addc(&text, 'a');
	ok(!read_tokens(text.data, &t), "the longest token");
	tokens_release(&t);
	buf_addc(&text, 'a');
	ok(read_tokens(text.data, &t) == -1, "one byte more");
	buf_reset(&text);
	for (int i = 0; i < LIMIT_TOKENS; i++)
		buf_addf(&text, "%020d\n", i);
	ok(!read_tokens(text.data, &t), "as many tokens as may be");
	tokens_release(&t);
	buf_addf(&text, "%020d\n", LIMIT_TOKENS);
	ok(read_tokens(text.data, &t) == -1, "one more");
	buf_release(&text);
}

int main(void)
{
	int fd;

	if (sodium_init() < 0)
		return 1;
	fd = mkstemp(file);
	if (fd < 0)
		return 1;
	close(fd);
	test_prefer();
	test_etag();
	test_addresses();
	test_tokens();
	test_token_limits();
	unlink(file);
	return tap_done();
}
