/*
 * An ssh-agent that lies, stalls and floods: a child of the test answers one
 * connection with what the case says. The honest cases show that the fake
 * speaks the protocol; the real ssh-agent is in t1100.
 */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/sshsig.h"
#include "t/unit/softkey.h"
#include "t/unit/tap.h"

#define NS "git"
#define MSG "a chain"

static char dir[] = "/tmp/windlass-u-agent-XXXXXX";
static char path[64];

enum then { CLOSE, HANG, FLOOD, DRIP };

struct answer {
	struct buf bytes;	/* the whole frame, its length included */
	enum then then;		/* after them */
};

static int listen_on(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) ||
	    listen(fd, 1))
		exit(1);
	return fd;
}

/* The fake: reads one request, whatever it is, then answers. */
_Noreturn static void serve(int listener, const struct answer *a)
{
	static char junk[65536];
	int fd = accept(listener, NULL, NULL);
	ssize_t n = read(fd, junk, sizeof(junk));

	if (n > 0)
		n = write(fd, a->bytes.data, a->bytes.len);
	while (n >= 0 && a->then == HANG)
		pause();
	while (n >= 0 && a->then == FLOOD)
		n = write(fd, junk, sizeof(junk));
	while (n >= 0 && a->then == DRIP) {
		struct timespec pause_for = { 0, 100 * 1000000L };

		n = write(fd, "", 1);
		nanosleep(&pause_for, NULL);
	}
	_exit(0);
}

/* Signs by the fake; the error's text, or "" and the armour is good. */
static const char *sign_with(const struct softkey *k, const struct answer *a)
{
	static struct err err;
	struct buf armour = BUF_INIT(4096), spec = BUF_INIT(512);
	struct signer *s = NULL;
	int listener = listen_on();
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		serve(listener, a);
	}
	close(listener);
	err_clear(&err);
	buf_adds(&spec, "key::");
	sshkey_write_text(&k->key, &spec);
	if (!signer_open(spec.data, &s, &err) &&
	    !signer_sign(s, NS, MSG, strlen(MSG), &armour, &err))
		printf("# signed, %zu bytes\n", armour.len);
	else if (armour.len)
		printf("# output was touched\n");
	signer_free(s);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	buf_release(&spec);
	buf_release(&armour);
	return err.msg;
}

static void frame(struct answer *a, const void *body, size_t len)
{
	sshw_string(&a->bytes, body, len);
}

/* 14 and the inner signature that `by` makes over a message. */
static void respond(struct answer *a, const struct softkey *by,
		    const struct softsig *how, const char *ns,
		    const char *msg)
{
	struct buf pre = BUF_INIT(4096), inner = BUF_INIT(4096);
	struct buf body = BUF_INIT(4096);

	sshsig_preimage(ns, msg, strlen(msg), &pre);
	softkey_inner(by, how, how->bare ? msg : pre.data,
		      how->bare ? strlen(msg) : pre.len, &inner);
	buf_addc(&body, 14);
	sshw_string(&body, inner.data, inner.len);
	frame(a, body.data, body.len);
	buf_release(&body);
	buf_release(&inner);
	buf_release(&pre);
}

static struct softkey mine, other, sk;
static const struct softsig plain = { 0 }, touched = { .flags = 1 };

static struct answer *fresh(void)
{
	static struct answer a;

	buf_release(&a.bytes);
	buf_init(&a.bytes, 1 << 20);
	a.then = CLOSE;
	return &a;
}

static void refused(const struct softkey *k, const struct answer *a,
		    const char *error, const char *what)
{
	const char *msg = sign_with(k, a);

	ok(*msg && strstr(msg, error), "attack-60 %s: %s", what, msg);
}

static void test_honest(void)
{
	struct answer *a = fresh();

	respond(a, &mine, &plain, NS, MSG);
	is_str(sign_with(&mine, a), "", "an honest answer is taken");
	a->then = HANG;
	is_str(sign_with(&mine, a), "", "whatever the agent does after it");
	a->then = FLOOD;
	is_str(sign_with(&mine, a), "", "or sends");
	a = fresh();
	respond(a, &sk, &touched, NS, MSG);
	is_str(sign_with(&sk, a), "", "an honest SK answer");
}

static void test_lies(void)
{
	struct answer *a = fresh();

	respond(a, &other, &plain, NS, MSG);
	refused(&mine, a, "does not match", "signed with another key");
	respond(a = fresh(), &mine, &plain, NS, "a chains");
	refused(&mine, a, "does not match", "another message");
	respond(a = fresh(), &mine, &plain, "file", MSG);
	refused(&mine, a, "does not match", "another namespace");
	respond(a = fresh(), &mine, &(struct softsig){ .bare = true }, NS,
		MSG);
	refused(&mine, a, "does not match", "the bare message");
	respond(a = fresh(), &sk, &touched, NS, MSG);
	refused(&mine, a, "another type", "an SK answer for a plain key");
	respond(a = fresh(), &mine, &plain, NS, MSG);
	refused(&sk, a, "another type", "a plain answer for an SK key");
	respond(a = fresh(), &sk, &plain, NS, MSG);
	refused(&sk, a, "without touching", "an SK answer without touch");
}

/* Any inner signature of a type and length. */
static void odd_inner(struct answer *a, const char *type, size_t len)
{
	struct buf inner = BUF_INIT(1 << 20), body = BUF_INIT(1 << 20);
	char *bytes = xcalloc(len + 1, 1);

	sshw_text(&inner, type);
	sshw_string(&inner, bytes, len);
	buf_addc(&body, 14);
	sshw_string(&body, inner.data, inner.len);
	frame(a, body.data, body.len);
	free(bytes);
	buf_release(&body);
	buf_release(&inner);
}

static void test_shapes(void)
{
	struct answer *a = fresh();
	char *big = xcalloc(LIMIT_AGENT_MESSAGE + 1, 1);

	odd_inner(a, "ssh-ed25519", 63);
	refused(&mine, a, "length of its type", "63 bytes");
	odd_inner(a = fresh(), "ssh-ed25519", 65);
	refused(&mine, a, "length of its type", "65 bytes");
	odd_inner(a = fresh(), "rsa-sha2-512", 256);
	refused(&mine, a, "another type", "an RSA answer");
	odd_inner(a = fresh(), "ssh-ed25519", 100000);
	refused(&mine, a, "larger than 2048", "100,000 bytes of signature");
	frame(a = fresh(), "\5", 1);
	refused(&mine, a, "refused to sign with key SHA256:", "a refusal");
	frame(a = fresh(), "\14\0\0\0\0", 5);
	refused(&mine, a, "message 12", "a list of keys");
	frame(a = fresh(), "\16", 1);
	refused(&mine, a, "malformed", "a signature without any");
	frame(a = fresh(), "\16\0\0\0\2ab!", 8);
	refused(&mine, a, "malformed", "bytes after the signature");
	frame(a = fresh(), "\16\377\377\377\377", 5);
	refused(&mine, a, "malformed", "a length beyond the end");
	frame(a = fresh(), "", 0);
	refused(&mine, a, "length of 0", "an empty message");
	buf_add(&(a = fresh())->bytes, "\377\377\377\377", 4);
	a->then = FLOOD;
	refused(&mine, a, "length of 4294967295", "4 GiB announced");
	frame(a = fresh(), big, LIMIT_AGENT_MESSAGE + 1);
	refused(&mine, a, "length of 262145", "one byte beyond the cap");
	frame(a = fresh(), big, LIMIT_AGENT_MESSAGE);
	refused(&mine, a, "message 0", "at the cap it is read");
	free(big);
}

/* An honest answer that ends early at each of its bytes. */
static void test_cut(void)
{
	struct answer *a = fresh();
	size_t taken = 0, len;

	respond(a, &mine, &plain, NS, MSG);
	len = a->bytes.len;
	for (size_t i = 0; i < len; i++) {
		a->bytes.len = i;
		taken += !*sign_with(&mine, a);
	}
	is_int(taken, 0, "attack-60 no answer that was cut is taken");
	a->bytes.len = 0;
	refused(&mine, a, "closed the connection", "no answer at all");
}

/* A socket that nobody accepts on, and whose queue is full. */
static void fill_backlog(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int listener = listen_on();

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	for (int i = 0; i < 8; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

		if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
			return;
	}
	close(listener);
}

static const char *sign_full(void)
{
	static struct err err;
	struct buf armour = BUF_INIT(4096), spec = BUF_INIT(512);
	struct signer *s = NULL;

	fill_backlog();
	buf_adds(&spec, "key::");
	sshkey_write_text(&mine.key, &spec);
	if (!signer_open(spec.data, &s, &err))
		signer_sign(s, NS, MSG, strlen(MSG), &armour, &err);
	signer_free(s);
	buf_release(&spec);
	buf_release(&armour);
	return err.msg;
}

static const struct slow {
	enum then then;
	bool full;
	const char *what;
} slow[] = {
	{ .then = HANG, .what = "an agent that says nothing" },
	{ .then = DRIP, .what = "an agent that drips" },
	{ .full = true, .what = "an agent that accepts nobody" },
};

/* 0 if it was given up in time, with the right error. */
static int give_up(const struct slow *c)
{
	struct answer *a = fresh();
	int64_t t = clock_mono_ms();
	const char *msg;

	snprintf(path, sizeof(path), "%s/slow-%d", dir, (int)(c - slow));
	setenv("SSH_AUTH_SOCK", path, 1);
	a->then = c->then;
	if (a->then == DRIP)
		buf_add(&a->bytes, "\0\3\0\0", 4);
	msg = c->full ? sign_full() : sign_with(&mine, a);
	t = clock_mono_ms() - t;
	if (strstr(msg, "did not answer within 5000 ms") &&
	    t >= LIMIT_AGENT_MS && t < 2 * LIMIT_AGENT_MS)
		return 0;
	printf("# %s: %s after %lld ms\n", c->what, msg, (long long)t);
	fflush(stdout);
	return 1;
}

/* Never longer than the limit, whatever the agent does; side by side. */
static void test_slow(void)
{
	pid_t pids[ARRAY_SIZE(slow)];

	for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(give_up(&slow[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(slow); i++) {
		int status = -1;

		waitpid(pids[i], &status, 0);
		ok(status == 0, "attack-60 %s is left after %d ms", slow[i].what,
		   LIMIT_AGENT_MS);
	}
}

static void test_absent(void)
{
	struct buf armour = BUF_INIT(4096), spec = BUF_INIT(512);
	struct err err = ERR_INIT;
	struct signer *s = NULL;
	char deep[200];

	buf_adds(&spec, "key::");
	sshkey_write_text(&mine.key, &spec);
	unlink(path);
	ok(!signer_open(spec.data, &s, &err) &&
	   signer_sign(s, NS, MSG, 1, &armour, &err) &&
	   err.class == ERR_TRANSIENT && strstr(err.msg, path),
	   "no socket: %s", err.msg);
	signer_free(s);
	memset(deep, 'x', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	setenv("SSH_AUTH_SOCK", deep, 1);
	ok(!signer_open(spec.data, &s, &err) &&
	   signer_sign(s, NS, MSG, 1, &armour, &err) &&
	   err.class == ERR_INVALID, "a path no socket can have");
	signer_free(s);
	buf_release(&spec);
	buf_release(&armour);
}

int main(void)
{
	struct err err = ERR_INIT;

	if (sodium_init() < 0 || !mkdtemp(dir))
		return 1;
	signal(SIGPIPE, SIG_DFL);
	snprintf(path, sizeof(path), "%s/agent", dir);
	setenv("SSH_AUTH_SOCK", path, 1);
	softkey_make(&mine, 1, NULL);
	softkey_make(&other, 2, NULL);
	softkey_make(&sk, 3, "ssh:");
	test_honest();
	test_lies();
	test_shapes();
	test_cut();
	test_slow();
	test_absent();
	buf_release(&fresh()->bytes);
	fs_remove_tree(dir, &err);
	return tap_done();
}
