/*
 * Signatures of developers: on commits and on certificates of pushes. What
 * is cut short or changed anywhere is refused.
 */
#include "config.h"

#include <stdlib.h>

#include "hooks/push-cert.h"
#include "hooks/signed-commit.h"
#include "schema/base/mem.h"
#include "t/unit/softkey.h"
#include "t/unit/tap.h"

#define HEX40 "0123456789abcdef0123456789abcdef01234567"
#define NOW 1795428000

static struct softkey ada, bob, touch;
static struct trust trust;

static void sign(const struct softkey *k, const char *text, struct buf *out)
{
	const struct softsig how = { .flags = 1 };
	struct buf blob = BUF_INIT(4096);

	softkey_blob(k, &how, "git", text, strlen(text), &blob);
	softkey_armour(&blob, 70, out);
	buf_release(&blob);
}

static const char headers[] =
	"tree " HEX40 "\nparent " HEX40 "\n"
	"author Ada <ada@example.org> 1795428000 +0100\n"
	"committer Ada <ada@example.org> 1795428000 +0100\n";
static const char message[] = "\nFix the thing\n\nand more\n";

/* A commit as git signs it. */
static void make_commit(const struct softkey *k, struct buf *out)
{
	char *payload = xasprintf("%s%s", headers, message);
	struct buf armour = BUF_INIT(4096);
	const char *p;

	sign(k, payload, &armour);
	buf_adds(out, headers);
	buf_adds(out, "gpgsig");
	for (p = armour.data; *p; p += strcspn(p, "\n") + 1)
		buf_addf(out, " %.*s\n", (int)strcspn(p, "\n"), p);
	buf_adds(out, message);
	buf_release(&armour);
	free(payload);
}

static void test_commit(void)
{
	struct buf raw = BUF_INIT(8192), who = BUF_INIT(512);
	struct err err = ERR_INIT;
	size_t good = 0;

	make_commit(&ada, &raw);
	ok(!signed_commit_check(raw.data, raw.len, &trust, NOW, &err),
	   "a signed commit: %s", err.msg);
	signed_commit_describe(raw.data, raw.len, &who);
	is_str(who.data, "Ada <ada@example.org>, \"Fix the thing\",",
	       "whose it is");
	for (size_t i = 0; i < raw.len; i++)
		good += !signed_commit_check(raw.data, i, &trust, NOW, &err);
	is_int((int)good, 0, "cut short anywhere");
	for (size_t i = 0; i < raw.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			raw.data[i] ^= (char)(1 << bit);
			good += !signed_commit_check(raw.data, raw.len, &trust,
						     NOW, &err);
			raw.data[i] ^= (char)(1 << bit);
		}
	is_int((int)good, 0, "with any bit changed");
	buf_reset(&raw);
	make_commit(&bob, &raw);
	ok(signed_commit_check(raw.data, raw.len, &trust, NOW, &err) < 0 &&
	   strstr(err.msg, "is not in the list"), "a stranger's");
	buf_reset(&raw);
	make_commit(&touch, &raw);
	is_int(signed_commit_check(raw.data, raw.len, &trust, NOW, &err), 0,
	       "by a security key");
	ok(signed_commit_check(raw.data, raw.len, &trust, NOW + 10, &err) < 0 &&
	   strstr(err.msg, "is not valid after"), "that has ended");
	buf_release(&raw);
	buf_release(&who);
}

/* Texts that are hardly commits: none of them may be read past its end. */
static void test_odd_commits(void)
{
	static const char *const odd[] = {
		"", "\n", "x", "gpgsig", "gpgsig \n", "gpgsig", " \n", "author \n",
		"author >\n\n", "tree x\n\n\n\n",
		("gpgsig -----BEGIN SSH SIGNATURE-----\n"
		 " -----END SSH SIGNATURE-----\n\nx\n"),
	};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		size_t len = strlen(odd[i]);
		char *raw = xmemdup(odd[i], len);
		struct buf who = BUF_INIT(512);

		ok(signed_commit_check(raw, len, &trust, NOW, &err) < 0 &&
		   err.class == ERR_DENIED, "odd commit %zu: %s", i, err.msg);
		signed_commit_describe(raw, len, &who);
		buf_release(&who);
		free(raw);
	}
}

static const char cert_text[] =
	"certificate version 0.1\n"
	"pusher SHA256:x 1795428000 +0000\n"
	"pushee ssh://git@git.example.org/app.git\n"
	"nonce 1795428000-abcd\n"
	"push-option lines\n"
	"\n"
	"0000000000000000000000000000000000000000 " HEX40 " refs/heads/new\n"
	HEX40 " " HEX40 " refs/heads/main\n";

static int judge(const char *text, size_t len, char *who, struct err *err)
{
	struct push_cert c = PUSH_CERT_INIT;
	int rc = push_cert_parse(text, len, &c, err);

	if (!rc)
		rc = push_cert_signer(text, len, &c, &trust, NOW, who, err);
	push_cert_release(&c);
	return rc;
}

static void test_certificate(void)
{
	char who[LIMIT_PRINCIPAL_BYTES + 1] = "";
	struct buf text = BUF_INIT(8192);
	struct push_cert c = PUSH_CERT_INIT;
	struct err err = ERR_INIT;
	size_t good = 0;

	buf_adds(&text, cert_text);
	sign(&ada, cert_text, &text);
	ok(!judge(text.data, text.len, who, &err), "a certificate: %s",
	   err.msg);
	is_str(who, "ada", "whose it is");
	push_cert_parse(text.data, text.len, &c, &err);
	ok(c.updates.n == 2 && !*c.updates.v[0].old_id &&
	   !strcmp(c.updates.v[1].ref, "refs/heads/main") &&
	   c.options.n == 1 && !strcmp(c.options.v[0], "lines") &&
	   c.pushee_len == strlen("ssh://git@git.example.org/app.git") &&
	   !strncmp(c.nonce, "1795428000-abcd", c.nonce_len),
	   "what it says");
	push_cert_release(&c);
	for (size_t i = 0; i < text.len; i++)
		good += !judge(text.data, i, who, &err);
	is_int((int)good, 0, "cut short anywhere");
	for (size_t i = 0; i < text.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			text.data[i] ^= (char)(1 << bit);
			good += !judge(text.data, text.len, who, &err);
			text.data[i] ^= (char)(1 << bit);
		}
	is_int((int)good, 0, "with any bit changed");
	buf_release(&text);
}

int main(void)
{
	struct trust_key keys[2] = {
		{ .principal = "ada", .valid_after = INT64_MIN,
		  .valid_before = INT64_MAX },
		{ .principal = "touch", .valid_after = INT64_MIN,
		  .valid_before = NOW },
	};

	if (sodium_init() < 0)
		return 1;
	softkey_make(&ada, 1, NULL);
	softkey_make(&bob, 2, NULL);
	softkey_make(&touch, 3, "ssh:");
	keys[0].key = ada.key;
	keys[1].key = touch.key;
	trust = (struct trust){ keys, 2 };
	test_commit();
	test_odd_commits();
	test_certificate();
	return tap_done();
}
