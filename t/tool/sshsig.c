/*
 * Signatures, trust files and bundle commits from a shell, for the tests
 * that compare ours with stock git and ssh-keygen.
 *
 *   sshsig key SPEC                      public key, LF, fingerprint
 *   sshsig sign SPEC NAMESPACE           stdin to armour
 *   sshsig verify TRUST ROLE NAMESPACE SIG
 *                                        stdin; prints who signed
 *   sshsig check NAMESPACE SIG <MESSAGE  prints the key, nobody need know it
 *   sshsig sk-key                        a software-made SK key's public half
 *   sshsig sk-sign FLAGS NAMESPACE       stdin to armour, by that key
 *   sshsig fixtures FOLDER               a signature of each form that is
 *                                        taken: N.sig, N.msg, N.ns, N.key
 *   sshsig commit SPEC TREE PARENT SEQUENCE AUTHOR
 *                                        a signed bundle commit; PARENT or -
 *   sshsig message TREE PARENT SEQUENCE  only its message
 *   sshsig commit-verify TRUST           a raw commit on stdin
 *
 * ROLE is publishers, approvers or reporters. Exits with 1 and the error on
 * stderr where something was refused.
 */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "schema/base/clock.h"
#include "schema/base/fs.h"
#include "schema/base/mem.h"
#include "schema/base/num.h"
#include "schema/bundle.h"
#include "schema/head.h"
#include "schema/sshsig.h"
#include "schema/trust.h"
#include "t/unit/softkey.h"

#define MAX (1 << 20)

static struct err err;

_Noreturn static void fail(void)
{
	fprintf(stderr, "sshsig: %s: %s\n", err_class_name(err.class),
		err.msg);
	exit(1);
}

static void input(struct buf *b)
{
	if (fs_read_fd(0, "standard input", b, &err) < 0)
		fail();
}

static void print(const struct buf *b)
{
	if (fs_write_fd(1, "standard output", b->data, b->len, &err) < 0)
		fail();
}

static struct signer *open_signer(const char *spec)
{
	struct signer *s;

	if (signer_open(spec, &s, &err) < 0)
		fail();
	return s;
}

static int cmd_key(char **argv)
{
	struct signer *s = open_signer(argv[0]);
	struct buf b = BUF_INIT(MAX);

	sshkey_write_text(signer_key(s), &b);
	buf_addc(&b, '\n');
	sshkey_fingerprint(signer_key(s), &b);
	buf_addc(&b, '\n');
	print(&b);
	buf_release(&b);
	signer_free(s);
	return 0;
}

static int cmd_sign(char **argv)
{
	struct signer *s = open_signer(argv[0]);
	struct buf msg = BUF_INIT(MAX), armour = BUF_INIT(MAX);

	input(&msg);
	if (signer_sign(s, argv[1], msg.data, msg.len, &armour, &err) < 0)
		fail();
	print(&armour);
	buf_release(&msg);
	buf_release(&armour);
	signer_free(s);
	return 0;
}

/* Reads a trust file, asks it for the key, prints principal and type. */
static int judge(const char *file, const char *namespaces,
		 const struct sshkey *k)
{
	struct buf text = BUF_INIT(MAX);
	const struct trust_key *who;
	struct trust t = TRUST_INIT;

	if (fs_read(AT_FDCWD, file, &text, &err) < 0 ||
	    trust_parse(text.data, text.len, namespaces, &t, &err) < 0)
		fail();
	who = trust_find(&t, k, clock_now(), &err);
	if (!who)
		fail();
	printf("%s %s\n", who->principal, sshkey_type_name(k->type));
	trust_release(&t);
	buf_release(&text);
	return 0;
}

static const char *role(const char *name)
{
	if (!strcmp(name, "publishers"))
		return TRUST_PUBLISHERS;
	return strcmp(name, "approvers") ? TRUST_REPORTERS : TRUST_APPROVERS;
}

static int cmd_verify(char **argv)
{
	struct buf msg = BUF_INIT(MAX), sig = BUF_INIT(MAX);
	struct sshkey k;
	int rc;

	input(&msg);
	if (fs_read(AT_FDCWD, argv[3], &sig, &err) < 0 ||
	    sshsig_verify(sig.data, sig.len, argv[2], msg.data, msg.len, &k,
			  NULL, &err) < 0)
		fail();
	rc = judge(argv[0], role(argv[1]), &k);
	buf_release(&msg);
	buf_release(&sig);
	return rc;
}

/* Good in itself, whoever made it: prints by which key. */
static int cmd_check(char **argv)
{
	struct buf msg = BUF_INIT(MAX), sig = BUF_INIT(MAX);
	struct buf text = BUF_INIT(MAX);
	struct sshkey k;

	input(&msg);
	if (fs_read(AT_FDCWD, argv[1], &sig, &err) < 0 ||
	    sshsig_verify(sig.data, sig.len, argv[0], msg.data, msg.len, &k,
			  NULL, &err) < 0)
		fail();
	sshkey_write_text(&k, &text);
	buf_addc(&text, '\n');
	print(&text);
	buf_release(&msg);
	buf_release(&sig);
	buf_release(&text);
	return 0;
}

static int cmd_sk_key(char **argv)
{
	struct buf b = BUF_INIT(MAX);
	struct softkey k;

	(void)argv;
	softkey_make(&k, 77, "ssh:");
	sshkey_write_text(&k.key, &b);
	buf_addc(&b, '\n');
	print(&b);
	buf_release(&b);
	return 0;
}

static int cmd_sk_sign(char **argv)
{
	struct buf msg = BUF_INIT(MAX), blob = BUF_INIT(MAX);
	struct buf armour = BUF_INIT(MAX);
	struct softsig how = { .counter = 4711 };
	struct softkey k;
	uint64_t flags;

	if (parse_u64(argv[0], 0, 255, &flags) < 0)
		return 129;
	how.flags = (uint8_t)flags;
	input(&msg);
	softkey_make(&k, 77, "ssh:");
	softkey_blob(&k, &how, argv[1], msg.data, msg.len, &blob);
	softkey_armour(&blob, 70, &armour);
	print(&armour);
	buf_release(&msg);
	buf_release(&blob);
	buf_release(&armour);
	return 0;
}

static void put_fixture(const char *folder, unsigned n, const char *what,
			const struct buf *b)
{
	char *path = xasprintf("%s/%u.%s", folder, n, what);

	if (fs_write(AT_FDCWD, path, b->data, b->len, 0600, &err) < 0)
		fail();
	free(path);
}

static void make_fixture(const char *folder, unsigned n,
			 const struct softkey *k, const struct softsig *how,
			 const char *ns, const struct buf *msg, int width)
{
	struct buf key = BUF_INIT(MAX), blob = BUF_INIT(MAX);
	struct buf armour = BUF_INIT(MAX), name = BUF_INIT(MAX);

	softkey_blob(k, how, ns, msg->data, msg->len, &blob);
	softkey_armour(&blob, width, &armour);
	sshkey_write_text(&k->key, &key);
	buf_addf(&name, "%s\n", ns);
	put_fixture(folder, n, "sig", &armour);
	put_fixture(folder, n, "msg", msg);
	put_fixture(folder, n, "ns", &name);
	put_fixture(folder, n, "key", &key);
	buf_release(&key);
	buf_release(&blob);
	buf_release(&armour);
	buf_release(&name);
}

/* Each type, application, hash, flags, namespace; lengths and widths in turn */
static int cmd_fixtures(char **argv)
{
	static const char *const apps[] = { NULL, "ssh:", "ssh:other" };
	static const char *const spaces[] = { "git", HEAD_NAMESPACE };
	static const uint8_t flags[] = { 0x01, 0x05, 0x81, 0xff };
	static const int widths[] = { 70, 76, 64, 1, 400 };
	static const size_t lengths[] = { 1, 0, 127, 128, 70000 };
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(apps) * 2 * 2 * 4; i++) {
		const char *app = apps[i % 3];
		struct softsig how = { .sha256 = i / 3 % 2,
				       .flags = flags[i / 12],
				       .counter = i * 0x01010101u };
		struct buf msg = BUF_INIT(MAX);
		struct softkey k;

		if (!app && i / 12)	/* it has no flags */
			continue;
		while (msg.len < lengths[n % ARRAY_SIZE(lengths)])
			buf_addc(&msg, (char)msg.len);
		softkey_make(&k, (uint8_t)(i + 1), app);
		make_fixture(argv[0], n, &k, &how, spaces[i / 6 % 2], &msg,
			     widths[n % ARRAY_SIZE(widths)]);
		n++;
		buf_release(&msg);
	}
	printf("%u\n", n);
	return 0;
}

static int make_commit(char **argv, const char *author,
		       struct bundle_commit *c)
{
	struct bundle b = {
		.channel = "prod",
		.channel_id = "0123456789abcdef0123456789abcdef",
		.epoch = 1, .objects = 1, .issued = clock_now(),
		.source_ref = "refs/heads/main", .renderer = "plain/1",
	};

	*c = (struct bundle_commit){ 0 };
	snprintf(c->tree, sizeof(c->tree), "%s", argv[0]);
	snprintf(b.source_commit, sizeof(b.source_commit), "%s", argv[0]);
	if (strcmp(argv[1], "-"))
		snprintf(c->parent, sizeof(c->parent), "%s", argv[1]);
	if (parse_u64(argv[2], 1, INT64_MAX, &b.sequence) < 0)
		return 129;
	b.created = b.sequence == 1;
	c->bundle = b;
	snprintf(c->author, sizeof(c->author), "%s <ada@example.org> %lld "
		 "+0200", author, (long long)b.issued);
	snprintf(c->committer, sizeof(c->committer), "windlass "
		 "<prod@example.org> %lld +0000", (long long)b.issued);
	return 0;
}

static int cmd_commit(char **argv)
{
	struct buf payload = BUF_INIT(MAX), armour = BUF_INIT(MAX);
	struct buf raw = BUF_INIT(MAX);
	struct signer *s = open_signer(argv[0]);
	struct bundle_commit c;

	if (make_commit(argv + 1, argv[4], &c))
		return 129;
	bundle_commit_payload(&c, &payload);
	if (signer_sign(s, "git", payload.data, payload.len, &armour,
			&err) < 0)
		fail();
	bundle_commit_write(&c, armour.data, &raw);
	print(&raw);
	buf_release(&payload);
	buf_release(&armour);
	buf_release(&raw);
	signer_free(s);
	return 0;
}

static int cmd_message(char **argv)
{
	struct buf b = BUF_INIT(MAX);
	struct bundle_commit c;

	if (make_commit(argv, "", &c))
		return 129;
	bundle_message_write(&c.bundle, &b);
	print(&b);
	buf_release(&b);
	return 0;
}

static int cmd_commit_verify(char **argv)
{
	struct buf raw = BUF_INIT(MAX), armour = BUF_INIT(MAX);
	struct buf payload = BUF_INIT(MAX);
	struct bundle_commit c;
	struct sshkey k;
	int rc;

	input(&raw);
	if (bundle_commit_parse(raw.data, raw.len, &c, &armour, &payload,
				&err) < 0 ||
	    sshsig_verify(armour.data, armour.len, "git", payload.data,
			  payload.len, &k, NULL, &err) < 0)
		fail();
	printf("%s\n", c.author);
	fflush(stdout);
	rc = judge(argv[0], TRUST_PUBLISHERS, &k);
	buf_release(&raw);
	buf_release(&armour);
	buf_release(&payload);
	return rc;
}

static const struct {
	const char *name;
	int args;
	int (*run)(char **argv);
} commands[] = {
	{ "key", 1, cmd_key },
	{ "sign", 2, cmd_sign },
	{ "verify", 4, cmd_verify },
	{ "check", 2, cmd_check },
	{ "sk-key", 0, cmd_sk_key },
	{ "sk-sign", 2, cmd_sk_sign },
	{ "fixtures", 1, cmd_fixtures },
	{ "commit", 5, cmd_commit },
	{ "message", 3, cmd_message },
	{ "commit-verify", 1, cmd_commit_verify },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name) &&
		    argc - 2 == commands[i].args)
			return commands[i].run(argv + 2);
	fprintf(stderr, "sshsig: see the top of t/tool/sshsig.c\n");
	return 129;
}
