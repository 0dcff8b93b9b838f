/*
 * Bundle messages and commits: what one writes the other reads, and nothing
 * else is read. Signatures over them: u-sshsig.
 */
#include "config.h"

#include <stdlib.h>

#include "schema/base/mem.h"
#include "schema/bundle.h"
#include "schema/sshsig.h"
#include "t/unit/tap.h"

#define HEX40 "0123456789abcdef0123456789abcdef01234567"
#define HEX64 "0123456789abcdef0123456789abcdef" \
	      "0123456789abcdef0123456789abcdef"

static const char message[] =
	"windlass prod 1.42\n"
	"\n"
	"Windlass-Bundle: 1\n"
	"Channel: prod\n"
	"Channel-Id: 0123456789abcdef0123456789abcdef\n"
	"Epoch: 1\n"
	"Sequence: 42\n"
	"Source-Ref: refs/heads/main\n"
	"Source-Commit: " HEX40 "\n"
	"Content-SHA256: " HEX64 "\n"
	"Objects: 118\n"
	"Changes: +2 ~1 -0\n"
	"Renderer: plain/1\n"
	"Issued: 2026-11-23T10:00:00Z\n";

static const char armour[] =
	SSHSIG_BEGIN "\n"
	"U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
	"AAAA\n"
	SSHSIG_END "\n";

static const char headers[] =
	"tree " HEX40 "\n"
	"parent 89abcdef0123456789abcdef0123456701234567\n"
	"author J\xc3\xb6rg O'Neil, Jr. <j@example.com> 1795428000 +0100\n"
	"committer  <> 0 -0000\n";

/* Replaces the first `from` of a text. */
static char *swap(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	if (!at)
		return xstrdup("");
	return xasprintf("%.*s%s%s", (int)(at - text), text, to,
			 at + strlen(from));
}

static char *make_commit(void)
{
	struct buf b = BUF_INIT(LIMIT_COMMIT_BYTES);
	char *folded = swap(armour, "\nU1", "\n U1"), *again;

	again = swap(folded, "\nAAAA", "\n AAAA");
	free(folded);
	folded = swap(again, "\n" SSHSIG_END, "\n " SSHSIG_END);
	free(again);
	buf_addf(&b, "%sgpgsig %s\n%s", headers, folded, message);
	free(folded);
	return buf_detach(&b, NULL);
}

static void test_message(void)
{
	struct buf b = BUF_INIT(LIMIT_COMMIT_BYTES);
	struct bundle m = { 0 };
	struct err err = ERR_INIT;

	is_int(bundle_message_parse(message, strlen(message), &m, &err), 0,
	       "DESIGN.md's message is read");
	ok(!strcmp(m.channel, "prod") && m.epoch == 1 && m.sequence == 42 &&
	   !strcmp(m.source_ref, "refs/heads/main") && m.objects == 118 &&
	   m.created == 2 && m.changed == 1 && m.deleted == 0 &&
	   !strcmp(m.renderer, "plain/1") && m.issued == 1795428000 &&
	   m.content.b[1] == 0x23, "with all its fields");
	bundle_message_write(&m, &b);
	is_str(b.data, message, "and written again");
	buf_release(&b);
}

/* Each bad line, and the line number that the error must name. */
static const struct {
	const char *from, *to;
	const char *line;
} bad[] = {
	{ "windlass prod", "windlass test", "line 1:" },
	{ "1.42\n", "1.43\n", "line 1:" },
	{ "windlass ", "Windlass ", "line 1:" },
	{ "1.42\n\n", "1.42\n", "line 2:" },
	{ "\n\n", "\n\n\n", "line 3:" },
	{ "Bundle: 1", "Bundle: 3", "line 3:" },
	{ "Channel: prod", "Channel: Prod", "line 4:" },
	{ "Channel: prod", "Channel: ", "line 4:" },
	{ "Channel: prod", "Channel: -prod", "line 4:" },
	{ "Channel: prod", "Channel: prod ", "line 4:" },
	{ "Channel: prod", "Channel:  prod", "line 4:" },
	{ "Channel: prod", "Channel: _epochs", "line 4:" },
	{ "Channel-Id: 01", "Channel-Id: 0", "line 5:" },
	{ "Channel-Id: 01", "Channel-Id: 012", "line 5:" },
	{ "abcdef", "Abcdef", "line 5:" },
	{ "Epoch: 1", "Epoch: 0", "line 6:" },
	{ "Epoch: 1", "epoch: 1", "line 6:" },
	{ "Sequence: 42", "Sequence: 0", "line 7:" },
	{ "Sequence: 42", "Sequence: 042", "line 7:" },
	{ "Sequence: 42", "Sequence: +42", "line 7:" },
	{ "Sequence: 42", "Sequence: -42", "line 7:" },
	{ "Sequence: 42", "Sequence: 4e1", "line 7:" },
	{ "Sequence: 42", "Sequence: 9223372036854775808", "line 7:" },
	{ "Sequence: 42", "Sequence: 18446744073709551658", "line 7:" },
	{ "Sequence: 42", "Sequence: 99999999999999999999", "line 7:" },
	{ "Sequence: 42", "Sequence: 0x2a", "line 7:" },
	{ "refs/heads/main", "heads/main", "line 8:" },
	{ "refs/heads/main", "refs/", "line 8:" },
	{ "refs/heads/main", "refs//main", "line 8:" },
	{ "refs/heads/main", "refs/heads/", "line 8:" },
	{ "refs/heads/main", "refs/heads/.main", "line 8:" },
	{ "refs/heads/main", "refs/heads/main.", "line 8:" },
	{ "refs/heads/main", "refs/heads/main.lock", "line 8:" },
	{ "refs/heads/main", "refs/heads/a..b", "line 8:" },
	{ "refs/heads/main", "refs/heads/a@{b", "line 8:" },
	{ "refs/heads/main", "refs/heads/a b", "line 8:" },
	{ "refs/heads/main", "refs/heads/a*", "line 8:" },
	{ "refs/heads/main", "refs/heads/a\\b", "line 8:" },
	{ "refs/heads/main", "refs/heads/\xff", "line 8:" },
	{ "Commit: 0", "Commit: ", "line 9:" },
	{ "Commit: " HEX40, "Commit: " "00000000000000000000"
	  "00000000000000000000", "line 9:" },
	{ "SHA256: 0", "SHA256: ", "line 10:" },
	{ "Objects: 118", "Objects: 0", "line 11:" },
	{ "Objects: 118", "Objects: 1000001", "line 11:" },
	{ "Objects: 118", "Objects: 2", "line 12:" },
	{ "+2 ~1 -0", "2 ~1 -0", "line 12:" },
	{ "+2 ~1 -0", "+2 ~1", "line 12:" },
	{ "+2 ~1 -0", "+2 ~1 -", "line 12:" },
	{ "+2 ~1 -0", "+2  ~1 -0", "line 12:" },
	{ "+2 ~1 -0", "+02 ~1 -0", "line 12:" },
	{ "+2 ~1 -0", "+2 ~1 -0 ", "line 12:" },
	{ "+2 ~1 -0", "+2 -1 ~0", "line 12:" },
	{ "+2 ~1 -0", "+2 ~1 -1000001", "line 12:" },
	{ "plain/1", "plain", "line 13:" },
	{ "plain/1", "plain/0", "line 13:" },
	{ "plain/1", "plain/01", "line 13:" },
	{ "plain/1", "/1", "line 13:" },
	{ "plain/1", "Plain/1", "line 13:" },
	{ "plain/1", "plain/1/1", "line 13:" },
	{ "10:00:00Z", "10:00:00", "line 14:" },
	{ "10:00:00Z", "10:00:00+00:00", "line 14:" },
	{ "T10", "T24", "line 14:" },
	{ "00Z\n", "00Z", "line 14:" },
	{ "00Z\n", "00Z\r\n", "line 14:" },
	{ "00Z\n", "00Z\n\n", "line 15:" },
	{ "00Z\n", "00Z\nExtra: 1\n", "line 15:" },
	{ "Epoch: 1\nSequence: 42\n", "Sequence: 42\nEpoch: 1\n", "line 6:" },
	{ "Epoch: 1\n", "Epoch: 1\nEpoch: 1\n", "line 7:" },
	{ "Epoch: 1\n", "", "line 6:" },
	{ "Epoch: 1", "Epoch: 1\t", "line 6:" },
};

static void test_bad_messages(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *text = swap(message, bad[i].from, bad[i].to);
		struct bundle m = { .epoch = 99 };
		struct err err = ERR_INIT;
		int rc = bundle_message_parse(text, strlen(text), &m, &err);

		if (!ok(*text && rc == -1 && m.epoch == 99 &&
			err.class == ERR_DENIED &&
			!strncmp(err.msg, bad[i].line, strlen(bad[i].line)),
			"attack-24 bad message %zu: %s", i, err.msg))
			printf("# '%s' for '%s'\n", bad[i].to, bad[i].from);
		free(text);
	}
}

/* Texts that are unusual and right. */
static void test_good_messages(void)
{
	static const char *const good[][2] = {
		{ "refs/heads/main",
		  "refs/heads/gr\xc3\xb6\xc3\x9f" "e/-x@$(y);'{" },
		{ "refs/heads/main", "refs/x" },
		{ "Objects: 118", "Objects: 3" },
		{ "Objects: 118", "Objects: 1000000" },
		{ "+2 ~1 -0", "+0 ~0 -1000000" },
		{ "plain/1", "helm/4294967295" },
	};
	struct err err = ERR_INIT;
	struct bundle m;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		char *text = swap(message, good[i][0], good[i][1]);

		ok(!bundle_message_parse(text, strlen(text), &m, &err),
		   "'%s'", good[i][1]);
		free(text);
	}
}

/* Who pushed: a message of version 2. */
static void test_pushers(void)
{
	static const struct {
		const char *lines, *error;
	} cases[] = {
		{ "Pushed-By: ada\n", NULL },
		{ "Pushed-By: Ada\nPushed-By: ada\nPushed-By: b@x.org\n", NULL },
		{ "", "line 15: 'Pushed-By: ' is missing" },
		{ "Pushed-By: \n", "line 15: 'Pushed-By: ' has no value" },
		{ "Pushed-By: a b\n", "line 15: 'a b' cannot be a name" },
		{ "Pushed-By: .a\n", "line 15: '.a' cannot be a name" },
		{ "Pushed-By: a..b\n", "line 15: 'a..b' cannot be a name" },
		{ "Pushed-By:  a\n", "line 15: ' a' cannot be a name" },
		{ "pushed-by: a\n", "line 15: does not begin with" },
		{ "Pushed-By: b\nPushed-By: a\n", "line 16: 'a' is out of" },
		{ "Pushed-By: a\nPushed-By: a\n", "line 16: 'a' is out of" },
		{ "Pushed-By: a\nExtra: 1\n", "line 16: is one too many" },
		{ "Pushed-By: a", "line 15: has no line feed" },
	};
	char *two = swap(message, "Bundle: 1", "Bundle: 2");
	struct bundle m;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text = xasprintf("%s%s", two, cases[i].lines);
		struct buf again = BUF_INIT(LIMIT_COMMIT_BYTES);
		struct err err = ERR_INIT;
		int rc = bundle_message_parse(text, strlen(text), &m, &err);

		if (!rc)
			bundle_message_write(&m, &again);
		ok(cases[i].error ? rc < 0 && !strncmp(err.msg, cases[i].error,
						strlen(cases[i].error))
		   : !rc && !strcmp(again.data, text),
		   "who pushed, %zu: %s", i, err.msg);
		buf_release(&again);
		free(text);
	}
	free(two);
}

static void test_pushers_room(void)
{
	struct pushers p = { .n = 0 };
	char name[16];

	for (int i = LIMIT_PUSHERS; i > 0; i--) {
		snprintf(name, sizeof(name), "p%02d", i);
		ok(pushers_add(&p, name) == 0, "%s is added", name);
	}
	is_int(pushers_add(&p, "p07"), 0, "one that is there");
	is_int(pushers_add(&p, "q"), -1, "one too many");
	ok(p.n == LIMIT_PUSHERS && !strcmp(p.v[0], "p01") &&
	   !strcmp(p.v[LIMIT_PUSHERS - 1], "p16"), "they are sorted");
	ok(pushers_have(&p, "p16") && !pushers_have(&p, "p17"),
	   "and found");
}

static void test_extremes(void)
{
	struct buf b = BUF_INIT(LIMIT_COMMIT_BYTES);
	struct err err = ERR_INIT;
	struct bundle m, again;

	bundle_message_parse(message, strlen(message), &m, &err);
	m.epoch = m.sequence = INT64_MAX;
	memset(m.channel, 'c', LIMIT_CHANNEL_BYTES);
	m.channel[LIMIT_CHANNEL_BYTES] = '\0';
	memset(m.source_ref + 5, 'r', SOURCE_REF_MAX - 5);
	m.source_ref[SOURCE_REF_MAX] = '\0';
	bundle_message_write(&m, &b);
	ok(!bundle_message_parse(b.data, b.len, &again, &err) &&
	   again.sequence == INT64_MAX && again.epoch == INT64_MAX &&
	   strlen(again.channel) == LIMIT_CHANNEL_BYTES &&
	   strlen(again.source_ref) == SOURCE_REF_MAX,
	   "every field at its limit");
	m.sequence = 1;
	buf_reset(&b);
	bundle_message_write(&m, &b);
	is_int(bundle_message_parse(b.data, b.len, &again, &err), -1,
	       "a first bundle that changes objects");
	m.created = m.objects;
	m.changed = 0;
	buf_reset(&b);
	bundle_message_write(&m, &b);
	is_int(bundle_message_parse(b.data, b.len, &again, &err), 0,
	       "a first bundle that creates all its objects");
	buf_release(&b);
}

static void test_commit(void)
{
	char *raw = make_commit();
	struct buf sig = BUF_INIT(LIMIT_ARMOUR_BYTES);
	struct buf payload = BUF_INIT(LIMIT_COMMIT_BYTES);
	struct buf again = BUF_INIT(LIMIT_COMMIT_BYTES);
	struct bundle_commit c;
	struct err err = ERR_INIT;

	ok(!bundle_commit_parse(raw, strlen(raw), &c, &sig, &payload, &err),
	   "a commit is read %s", err.msg);
	is_str(sig.data, armour, "its armour comes out as it went in");
	ok(!strncmp(payload.data, headers, strlen(headers)) &&
	   payload.data[strlen(headers)] == '\n' &&
	   !strcmp(payload.data + strlen(headers) + 1, message),
	   "the payload is all but gpgsig");
	bundle_commit_payload(&c, &again);
	is_str(again.data, payload.data, "and written again");
	buf_reset(&again);
	bundle_commit_write(&c, sig.data, &again);
	is_str(again.data, raw, "the commit is written again");
	ok(!bundle_commit_parse(raw, strlen(raw), &c, NULL, NULL, &err),
	   "buffers may be NULL");
	buf_release(&sig);
	sig.max = 10;
	is_int(bundle_commit_parse(raw, strlen(raw), &c, &sig, NULL, &err),
	       -1, "a buffer that is too small is an error");
	buf_release(&again);
	buf_release(&payload);
	buf_release(&sig);
	free(raw);
}

static void test_bad_commits(void)
{
	static const char *const changes[][2] = {
		{ "tree 0", "tree 1\ntree 0" },
		{ "tree ", "Tree " },
		{ "tree 0123456789abcdef", "tree 0123456789ABCDEF" },
		{ "tree " HEX40, "tree 00000000000000000000"
		  "00000000000000000000" },
		{ "parent ", "parent 89abcdef0123456789abcdef0123456701234568\n"
		  "parent " },
		{ "parent 89abcdef0123456789abcdef0123456701234567\n", "" },
		{ "author ", "author  <> 0 +0000\nauthor " },
		{ "author ", "encoding UTF-8\nauthor " },
		{ "<j@example.com> ", "<j@example.com>" },
		{ " <j@example.com>", "<j@example.com>" },
		{ "<j@example.com>", "<j@<example.com>" },
		{ "<j@example.com>", "<j@>example.com>" },
		{ "<j@example.com>", "j@example.com>" },
		{ "<j@example.com>", "<j@example.com" },
		{ "O'Neil", "O'\033Neil" },
		{ "O'Neil", "O'\tNeil" },
		{ "O'Neil", "O'>Neil" },
		{ "1795428000", "01795428000" },
		{ "1795428000", "-1" },
		{ "1795428000", "9223372036854775808" },
		{ "1795428000", "" },
		{ "+0100", "0100" },
		{ "+0100", "+100" },
		{ "+0100", "+01000" },
		{ "+0100", "+01x0" },
		{ " +0100", "" },
		{ "committer  ", "committer " },
		{ "committer ", "mergetag x\ncommitter " },
		{ "gpgsig ", "gpgsig-sha256 " },
		{ "gpgsig ", "gpgsig  " },
		{ "BEGIN SSH", "BEGIN PGP" },
		{ "END SSH", "END PGP" },
		{ "SIGNATURE-----\n\n", "SIGNATURE-----\n" },
		{ "SIGNATURE-----\n\n", "SIGNATURE-----\nextra 1\n\n" },
		{ "SIGNATURE-----\n\n", "SIGNATURE-----\n more\n\n" },
		{ "SIGNATURE-----\n\n", "SIGNATURE-----\n \n\n" },
		{ "windlass prod 1.42", "windlass prod 2.42" },
	};
	char *raw = make_commit();

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		char *text = swap(raw, changes[i][0], changes[i][1]);
		struct bundle_commit c;
		struct err err = ERR_INIT;

		ok(*text && bundle_commit_parse(text, strlen(text), &c, NULL,
						NULL, &err) &&
		   err.class == ERR_DENIED, "bad commit %zu: %s", i, err.msg);
		free(text);
	}
	free(raw);
}

/* One that is longer than any signature is refused as any bad commit. */
static void test_long_signature(void)
{
	struct buf lines = BUF_INIT(2 * LIMIT_ARMOUR_BYTES);
	struct buf sig = BUF_INIT(LIMIT_ARMOUR_BYTES);
	struct bundle_commit c;
	struct err err = ERR_INIT;
	char *raw = make_commit(), *text;

	while (lines.len <= LIMIT_ARMOUR_BYTES)
		buf_adds(&lines, "\n AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	buf_adds(&lines, "\n AAAA");
	text = swap(raw, "\n AAAA", lines.data);
	ok(bundle_commit_parse(text, strlen(text), &c, &sig, NULL, &err) &&
	   err.class == ERR_DENIED && !sig.len,
	   "a signature that is too long: %s", err.msg);
	free(text);
	free(raw);
	buf_release(&lines);
	buf_release(&sig);
}

/* Reads the bytes; true if what is accepted is not written back the same. */
static bool lossy(const char *raw, size_t len, unsigned *accepted)
{
	struct buf sig = BUF_INIT(LIMIT_ARMOUR_BYTES);
	struct buf again = BUF_INIT(LIMIT_COMMIT_BYTES);
	struct bundle_commit c;
	struct err err = ERR_INIT;
	bool bad_one = false;

	if (!bundle_commit_parse(raw, len, &c, &sig, NULL, &err)) {
		++*accepted;
		bundle_commit_write(&c, sig.data, &again);
		bad_one = again.len != len || memcmp(again.data, raw, len);
	}
	buf_release(&sig);
	buf_release(&again);
	return bad_one;
}

static void test_every_byte(void)
{
	char *raw = make_commit();
	size_t len = strlen(raw);
	unsigned accepted = 0, cut = 0, bad_ones = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char was = (unsigned char)raw[i];

		for (int x = 1; x < 256; x++) {
			raw[i] = (char)(was ^ x);
			bad_ones += lossy(raw, len, &accepted);
		}
		raw[i] = (char)was;
		bad_ones += lossy(raw, i, &cut);
	}
	ok(accepted > 0 && !bad_ones, "%u of %zu changed commits are read, "
	   "each back to its bytes", accepted, len * 255);
	is_int(cut, 0, "no truncated commit is read");
	free(raw);
}

static void test_size(void)
{
	char *raw = make_commit();
	struct buf b = BUF_INIT(2 * LIMIT_COMMIT_BYTES);
	struct bundle_commit c;
	struct err err = ERR_INIT;

	buf_adds(&b, raw);
	while (b.len <= LIMIT_COMMIT_BYTES)
		buf_addc(&b, 'x');
	ok(bundle_commit_parse(b.data, b.len, &c, NULL, NULL, &err) &&
	   strstr(err.msg, "larger than 8192"), "a commit beyond the limit");
	ok(bundle_commit_parse(b.data, b.len - 1, &c, NULL, NULL, &err) &&
	   !strstr(err.msg, "larger"), "at the limit it is looked at");
	buf_release(&b);
	free(raw);
}

/* An ident whose name is of so many bytes more than the rest. */
static bool long_ident(size_t len)
{
	static const char rest[] = " <> 0 +0000";
	char ident[2 * BUNDLE_IDENT_SIZE];

	memset(ident, 'n', len);
	memcpy(ident + len - strlen(rest), rest, sizeof(rest));
	return bundle_ident_ok(ident, len);
}

static void test_ident(void)
{
	static const struct {
		const char *ident;
		bool good;
	} cases[] = {
		{ "", false }, { "<> 0 +0000", false },
		{ " <> 0 +0000", true }, { "n <> 0 +0000", true },
		{ "n <> 0 +000", false }, { "n <>  0 +0000", false },
		{ "J\xc3\xb6rg \\ \"x\" .. <a b> 1 -9959", true },
		{ "latin\xf6 <\xff> 1 +0000", true },
		{ "n <> 9223372036854775807 +0000", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ok(bundle_ident_ok(cases[i].ident, strlen(cases[i].ident)) ==
		   cases[i].good, "ident %zu", i);
	ok(long_ident(BUNDLE_IDENT_SIZE - 1), "511 bytes");
	ok(!long_ident(BUNDLE_IDENT_SIZE), "512 bytes");
}

int main(void)
{
	test_message();
	test_bad_messages();
	test_good_messages();
	test_pushers();
	test_pushers_room();
	test_extremes();
	test_commit();
	test_bad_commits();
	test_long_signature();
	test_every_byte();
	test_size();
	test_ident();
	return tap_done();
}
