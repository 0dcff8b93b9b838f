/*
 * The base layer at and beyond its edges.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/arena.h"
#include "schema/base/buf.h"
#include "schema/base/clock.h"
#include "schema/base/digest.h"
#include "schema/base/err.h"
#include "schema/base/fs.h"
#include "schema/base/map.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/base/proc.h"
#include "schema/base/strvec.h"
#include "t/unit/tap.h"

static void test_err(void)
{
	struct err err = ERR_INIT;

	is_int(err_set(&err, ERR_INVALID, "bad '%s'", "a\x1b[31m"), -1,
	       "err_set returns -1");
	is_str(err.msg, "bad 'a?[31m'", "control bytes are scrubbed");
	err_set(&err, ERR_INVALID, "'\xc2\x9b' '\xe2\x80\xae' '\xff' "
		"'\xc3\xa4' '\xe2\x82\xac'");
	is_str(err.msg, "'\?\?' '\?\?\?' '?' '\xc3\xa4' '\xe2\x82\xac'",
	       "C1, bidi and broken UTF-8, too, and no letters");
	err_set(&err, ERR_INVALID, "one:\n\ttwo\r");
	is_str(err.msg, "one:  two?", "lines become one");
	err_set(&err, ERR_INVALID, "%0510d\xc3\xa4", 0);
	ok(err.msg[509] == '0' && err.msg[510] == '?' && !err.msg[511],
	   "a character that is cut is none");
	err_set(&err, ERR_INVALID, "bad 'a?[31m'");
	err_wrap(&err, "file '%s'", "x");
	is_str(err.msg, "file 'x': bad 'a?[31m'", "err_wrap puts context first");
	is_int(err.class, ERR_INVALID, "err_wrap keeps the class");
	errno = ECONNREFUSED;
	err_sys(&err, "cannot connect");
	ok(err.class == ERR_TRANSIENT && err.sys == ECONNREFUSED,
	   "err_sys keeps errno and knows what may pass");
}

static void test_buf(void)
{
	struct buf b = BUF_INIT(8);

	is_str(b.data, "", "a fresh buffer is an empty string");
	buf_adds(&b, "12345678");
	ok(buf_ok(&b) && b.len == 8, "a buffer holds its maximum");
	buf_addc(&b, '9');
	ok(!buf_ok(&b) && b.len == 8, "one more sets the flag, adds nothing");
	buf_reset(&b);
	buf_add_scrubbed(&b, "a\nb", 3);
	is_str(b.data, "a\\x0ab", "scrubbing shows control bytes");
	buf_release(&b);
	buf_init(&b, 64);
	buf_add_scrubbed(&b, "\xc2\x9b\xc2\xa0\xc3\xa4\xc2", 7);
	is_str(b.data, "\\xc2\\x9b\xc2\xa0\xc3\xa4\\xc2",
	       "and those of C1, and broken UTF-8, but no letters");
	buf_reset(&b);
	buf_add_scrubbed(&b, "\xe2\x80\xae" "a\xff\xe2\x82\xac", 8);
	is_str(b.data, "\\xe2\\x80\\xae" "a\\xff\xe2\x82\xac",
	       "what turns the direction around, and bytes that are none");
	buf_release(&b);
}

static void test_map(void)
{
	struct map m = MAP_INIT;
	static int values[1000];
	int bad = 0, seen = 0;

	for (int i = 0; i < 1000; i++) {
		char key[16];

		snprintf(key, sizeof(key), "key-%d", i);
		map_put(&m, key, &values[i]);
	}
	for (int i = 0; i < 1000; i += 2) {
		char key[16];

		snprintf(key, sizeof(key), "key-%d", i);
		bad += map_del(&m, key) != &values[i];
	}
	for (int i = 0; i < 1000; i++) {
		char key[16];

		snprintf(key, sizeof(key), "key-%d", i);
		bad += map_get(&m, key) != (i % 2 ? &values[i] : NULL);
	}
	is_int(bad, 0, "1000 keys, every second one deleted");
	for (map_each(&m, e))
		bad += e->value != &values[2 * seen++ + 1];
	ok(!bad && seen == 500, "iteration is in order of insertion");
	ok(map_put(&m, "key-1", &values[0]) == &values[1], "put gives the old");
	ok(map_putn(&m, "a\0b", 3, &values[3]) == NULL &&
	   map_getn(&m, "a\0b", 3) == &values[3] && !map_get(&m, "a"),
	   "keys may hold NUL");
	map_release(&m, NULL);
}

static void test_num(void)
{
	static const char *const bad[] = {
		"", "-1", "+1", "01", " 1", "1 ", "1e3", "0x1", "1.0",
		"18446744073709551616", "99999999999999999999",
	};
	uint64_t v = 7;
	int64_t d;
	int accepted = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		accepted += parse_u64(bad[i], 0, UINT64_MAX, &v) == 0;
	ok(!accepted && v == 7, "odd numbers are refused, output untouched");
	ok(!parse_u64("18446744073709551615", 0, UINT64_MAX, &v) &&
	   v == UINT64_MAX, "the largest one is taken");
	ok(!parse_u64("5", 5, 5, &v) && parse_u64("4", 5, 5, &v) &&
	   parse_u64("6", 5, 5, &v), "bounds are inclusive");
	ok(!parse_duration("1h30m", &d) && d == 5400, "durations add up");
	ok(parse_duration("30m1h", &d) && parse_duration("5", &d) &&
	   parse_duration("", &d) && parse_duration("1x", &d),
	   "odd durations are refused");
	is_str(plural(0), "s", "no objects");
	is_str(plural(1), "", "one object");
	is_str(plural(2), "s", "two objects");
}

static void test_clock(void)
{
	char text[CLOCK_TEXT_SIZE];
	int64_t t;

	ok(!clock_parse("2026-11-23T10:00:00Z", &t) && t == 1795428000,
	   "RFC 3339 is read");
	clock_format(t, text);
	is_str(text, "2026-11-23T10:00:00Z", "and written");
	ok(clock_parse("2026-02-30T10:00:00Z", &t) &&
	   clock_parse("2026-11-23T10:00:00+00:00", &t) &&
	   clock_parse("2026-11-23t10:00:00Z", &t) &&
	   clock_parse("2026-11-23T24:00:00Z", &t),
	   "no other form and no unreal date");
}

static void test_digest(void)
{
	struct sha256 d, e;
	char hex[SHA256_HEX_SIZE];
	struct buf b = BUF_INIT(64);
	int letters = 0;

	sha256_of("", 0, &d);
	sha256_hex(&d, hex);
	is_str(hex, "e3b0c44298fc1c149afbf4c8996fb924"
	       "27ae41e4649b934ca495991b7852b855", "SHA-256 of nothing");
	ok(!sha256_parse(hex, 64, &e) && sha256_equal(&d, &e), "round trip");
	hex[0] = 'E';
	ok(sha256_parse(hex, 64, &e) < 0, "upper-case hex is refused");
	base64_encode(&b, "\xff\xfe", 2);
	is_str(b.data, "//4=", "base64");
	buf_reset(&b);
	ok(!base64_decode(&b, "//4=", 4) && b.len == 2, "and back");
	ok(base64_decode(&b, "//5=", 4) < 0, "non-canonical base64 is refused");
	ok(base64_decode(&b, "//4", 3) < 0, "missing padding is refused");
	for (int c = 0; c < 256; c++) {
		const char text[4] = { 'A', 'A', 'A', (char)c };

		buf_reset(&b);
		letters += !base64_decode(&b, text, 4);
	}
	is_int(letters, 64 + 1, "64 letters are base64, and '=' at the end");
	buf_release(&b);
}

static void test_fs(void)
{
	char dir[] = "/tmp/windlass-u-base-XXXXXX";
	char *file, *link, *lock;
	struct buf b = BUF_INIT(5);
	struct err err = ERR_INIT;
	struct stat st;
	int fd, other;

	if (!mkdtemp(dir))
		return;
	file = xasprintf("%s/a/b/file", dir);
	link = xasprintf("%s/link", dir);
	lock = xasprintf("%s/lock", dir);
	ok(fs_write(AT_FDCWD, file, "x", 1, 0600, &err) < 0,
	   "no folder, no file");
	char *sub = xasprintf("%s/a/b", dir);
	ok(!fs_mkdirs(sub, 0700, &err) && !fs_mkdirs(sub, 0700, &err),
	   "mkdirs twice");
	char *exact = xasprintf("%s/c/d", dir);
	mode_t mask = umask(0077);
	ok(!fs_mkdirs(exact, 0750, &err) && !stat(exact, &st) &&
	   (st.st_mode & 0777) == 0750, "a mode whatever the umask");
	exact[strlen(exact) - 2] = '\0';
	ok(!stat(exact, &st) && (st.st_mode & 0777) == 0750,
	   "of the folders above, too");
	ok(!chmod(exact, 0700) && !fs_mkdirs(exact, 0750, &err) &&
	   !stat(exact, &st) && (st.st_mode & 0777) == 0700,
	   "one that is there is left as it is");
	umask(mask);
	free(exact);
	ok(!fs_write(AT_FDCWD, file, "12345", 5, 0600, &err) &&
	   !fs_read(AT_FDCWD, file, &b, &err) && !strcmp(b.data, "12345"),
	   "what was written is read");
	buf_reset(&b);
	ok(!fs_write(AT_FDCWD, file, "123456", 6, 0600, &err) &&
	   fs_read(AT_FDCWD, file, &b, &err) < 0 && err.class == ERR_INVALID,
	   "one byte beyond the maximum is an error");
	buf_reset(&b);
	ok(!fs_write_cache(AT_FDCWD, file, "cache", 5, 0600, &err) &&
	   !fs_read(AT_FDCWD, file, &b, &err) && !strcmp(b.data, "cache"),
	   "what is only a cache too");
	buf_reset(&b);
	ok(!symlink(file, link) && fs_read(AT_FDCWD, link, &b, &err) < 0,
	   "a symlink is not followed");
	ok(fs_read(AT_FDCWD, "/nonexistent", &b, &err) < 0 &&
	   err.sys == ENOENT, "ENOENT is kept");
	ok(!fs_lock(AT_FDCWD, lock, 0, &fd, &err) &&
	   fs_lock(AT_FDCWD, lock, 20, &other, &err) < 0 &&
	   err.class == ERR_TRANSIENT, "a lock is exclusive");
	close(fd);
	ok(!fs_lock(AT_FDCWD, lock, 0, &fd, &err), "and free once closed");
	ok(!fstat(fd, &st) && (st.st_mode & 0777) == 0660,
	   "its folder's group may take it, whatever the umask is");
	close(fd);
	ok(!fs_remove_tree(dir, &err) && !fs_exists(AT_FDCWD, dir),
	   "remove_tree removes");
	free(sub);
	free(file);
	free(link);
	free(lock);
	buf_release(&b);
}

static void test_proc(void)
{
	struct buf out = BUF_INIT(1 << 20), small = BUF_INIT(10);
	struct err err = ERR_INIT;
	char *big = xcalloc(1, 300000);
	int status = -1;

	memset(big, 'x', 299999);
	struct proc cat = {
		.argv = (const char *const[]){ "cat", NULL },
		.in = big, .in_len = 299999, .out = &out,
	};
	ok(!proc_run(&cat, &status, &err) && status == 0 &&
	   out.len == 299999, "300 kB through cat without a deadlock");
	cat.out = &small;
	ok(proc_run(&cat, &status, &err) < 0, "output is bounded");
	struct proc slow = {
		.argv = (const char *const[]){ "sleep", "10", NULL },
		.timeout_ms = 50,
	};
	ok(proc_run(&slow, &status, &err) < 0 && err.class == ERR_TRANSIENT,
	   "time is bounded");
	struct proc fails = {
		.argv = (const char *const[]){ "sh", "-c",
			"echo $A >&2; exit 3", NULL },
		.env = (const char *const[]){ "A=why", NULL },
	};
	ok(proc_check(&fails, &err) < 0 && strstr(err.msg, "(3): why"),
	   "a failure says why");
	struct proc none = {
		.argv = (const char *const[]){ "/nonexistent", NULL },
	};
	ok(proc_check(&none, &err) < 0 && strstr(err.msg, "cannot run"),
	   "a missing program is named");
	FILE *file = tmpfile();
	cat.out = NULL;
	cat.out_fd = fileno(file);
	ok(!proc_run(&cat, &status, &err) && status == 0 &&
	   lseek(cat.out_fd, 0, SEEK_END) == 299999,
	   "stdout may go to a descriptor, whole");
	fclose(file);
	free(big);
	buf_release(&out);
	buf_release(&small);
}

/* The program's limit is its own and its children's. */
static void test_proc_family(void)
{
	struct buf out = BUF_INIT(4096);
	struct err err = ERR_INIT;
	int64_t begun = clock_mono_ms();
	int status = -1, child;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	struct proc leaves = {
		.argv = (const char *const[]){ "sh", "-c",
			"sleep 20 & echo $!; exit 7", NULL },
		.out = &out, .timeout_ms = 60000,
	};
	ok(!proc_run(&leaves, &status, &err) && status == 7 &&
	   clock_mono_ms() - begun < 15000,
	   "one who holds the pipes is not waited for: %s", err.msg);
	ok(sscanf(out.data, "%d", &child) == 1 && kill(child, SIGKILL) == 0 &&
	   waitpid(child, NULL, 0) == child, "and lives on");

	struct proc late = {
		.argv = (const char *const[]){ "sh", "-c",
			"(sleep 0.2; echo late) & echo early", NULL },
		.out = &out, .timeout_ms = 60000,
	};
	buf_reset(&out);
	ok(!proc_run(&late, &status, &err) &&
	   !strcmp(out.data, "early\nlate\n"), "what comes soon is read");

	struct proc parent = {
		.argv = (const char *const[]){ "sh", "-c",
			"sleep 20 & echo $!; wait", NULL },
		.out = &out, .timeout_ms = 500,
	};
	buf_reset(&out);
	ok(proc_run(&parent, &status, &err) < 0 && err.class == ERR_TRANSIENT,
	   "beyond its limit: %s", err.msg);
	ok(sscanf(out.data, "%d", &child) == 1 && waitpid(child, &status, 0) == child &&
	   WIFSIGNALED(status), "its children are ended, too");

	struct proc silent = {
		.argv = (const char *const[]){ "sh", "-c",
			"exec >&- 2>&-; exec sleep 20", NULL },
		.timeout_ms = 200,
	};
	begun = clock_mono_ms();
	ok(proc_run(&silent, &status, &err) < 0 &&
	   clock_mono_ms() - begun < 15000, "a limit without any output");
	buf_release(&out);
}

/* It has no terminal, whose signals therefore come by us. */
static void test_proc_session(void)
{
	struct buf out = BUF_INIT(4096);
	struct err err = ERR_INIT;
	int64_t begun = clock_mono_ms();
	int status = -1;
	pid_t pid, leader, session;
	struct proc self = {
		.argv = (const char *const[]){ "cut", "-d ", "-f1,6",
			"/proc/self/stat", NULL },
		.out = &out, .timeout_ms = 20000,
	};

	ok(!proc_run(&self, &status, &err) &&
	   sscanf(out.data, "%d %d", &leader, &session) == 2 &&
	   leader == session, "it leads a session");
	pid = fork();
	if (pid == 0) {
		struct proc sleep = {
			.argv = (const char *const[]){ "sleep", "20", NULL },
			.timeout_ms = 30000,
		};

		proc_run(&sleep, &status, &err);
		_exit(0);
	}
	usleep(300000);
	kill(pid, SIGTERM);
	ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	   WTERMSIG(status) == SIGTERM && clock_mono_ms() - begun < 15000,
	   "a signal ends it and us");
	buf_release(&out);
}

static void sha1_is(const void *data, size_t len, size_t piece,
		    const char *want)
{
	uint8_t sum[SHA1_SIZE];
	char hex[2 * SHA1_SIZE + 1];
	struct sha1_ctx s;

	sha1_start(&s);
	for (size_t at = 0; at < len; at += piece)
		sha1_add(&s, (const char *)data + at,
			 len - at < piece ? len - at : piece);
	sha1_end(&s, sum);
	sodium_bin2hex(hex, sizeof(hex), sum, sizeof(sum));
	is_str(hex, want, "sha1");
}

/* The examples of FIPS 180, and every length around a block. */
static void test_sha1(void)
{
	char *million = xmalloc(1000000);
	struct sha1_ctx all;
	uint8_t sum[SHA1_SIZE];
	char hex[2 * SHA1_SIZE + 1];

	sha1_is("", 0, 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	sha1_is("abc", 3, 3, "a9993e364706816aba3e25717850c26c9cd0d89d");
	sha1_is("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
		5, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
	memset(million, 'a', 1000000);
	sha1_is(million, 1000000, 1000000,
		"34aa973cd4c4daa4f61eeb2bdbad27316534016f");
	sha1_is(million, 1000000, 63,
		"34aa973cd4c4daa4f61eeb2bdbad27316534016f");
	/* of the sums of 0 to 199 'a', made by sha1sum */
	sha1_start(&all);
	for (size_t n = 0; n < 200; n++) {
		struct sha1_ctx s;

		sha1_start(&s);
		sha1_add(&s, million, n);
		sha1_end(&s, sum);
		sha1_add(&all, sum, sizeof(sum));
	}
	sha1_end(&all, sum);
	sodium_bin2hex(hex, sizeof(hex), sum, sizeof(sum));
	is_str(hex, "8a18f04bac7c86cfcffa6a93e5cb21ae0159deac", "sha1 of all lengths");
	free(million);
}

/* As libsodium has it: every length around a block, in one and in parts. */
static void test_sha256(void)
{
	char text[300];
	bool same = true;

	memset(text, 'a', sizeof(text));
	for (size_t n = 0; n <= sizeof(text); n++) {
		uint8_t want[crypto_hash_sha256_BYTES];
		struct sha256 whole, parts;
		struct sha256_ctx s;

		crypto_hash_sha256(want, (uint8_t *)text, n);
		sha256_of(text, n, &whole);
		sha256_start(&s);
		for (size_t at = 0; at < n; at += 61)
			sha256_add(&s, text + at, n - at < 61 ? n - at : 61);
		sha256_end(&s, &parts);
		same = same && !memcmp(want, whole.b, sizeof(want)) &&
		       sha256_equal(&whole, &parts);
	}
	ok(same, "sha256 of 0 to 300 bytes, whole and in parts");
}

static void test_arena(void)
{
	struct arena a = ARENA_INIT;
	char *s = arena_printf(&a, "%d-%s", 7, "x");
	char *big = arena_alloc(&a, 3 << 20);

	is_str(s, "7-x", "arena_printf");
	big[(3 << 20) - 1] = 1;
	ok((uintptr_t)arena_alloc(&a, 1) % 16 == 0, "aligned");
	arena_reset(&a);
	ok(a.used == 0 && arena_alloc(&a, 10), "reset and used again");
	arena_release(&a);
}

int main(void)
{
	test_err();
	test_buf();
	test_arena();
	test_map();
	test_num();
	test_clock();
	test_digest();
	test_sha1();
	test_sha256();
	test_fs();
	test_proc();
	test_proc_family();
	test_proc_session();
	return tap_done();
}
