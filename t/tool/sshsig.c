/*
 * Signatures, trust files and bundle commits from a shell, for the tests
 * that compare ours with stock git and ssh-keygen.
 *
 *   sshsig key SPEC                      public key, LF, fingerprint
 *   sshsig sign SPEC NAMESPACE           stdin to armour
 *   sshsig verify TRUST ROLE NAMESPACE SIG
 *                                        stdin; prints who signed
 *   sshsig sk-key                        a software-made SK key's public half
 *   sshsig sk-sign FLAGS NAMESPACE       stdin to armour, by that key
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
	{ "sk-key", 0, cmd_sk_key },
	{ "sk-sign", 2, cmd_sk_sign },
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
