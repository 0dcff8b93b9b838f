/*
 * Approvals: a tag's grammar, who counts, and the text that a head names.
 */
#include "config.h"

#include <stdlib.h>

#include "schema/approval.h"
#include "schema/base/mem.h"
#include "schema/limits.h"
#include "t/unit/softkey.h"
#include "t/unit/tap.h"

#define HEX40 "0123456789abcdef0123456789abcdef01234567"
#define NOW 1795000000

static struct softkey alice, alice_new, bob, touch, stranger;
static struct trust trust;
static struct bundle bundle = {
	.channel = "prod", .channel_id = "0123456789abcdef0123456789abcdef",
	.epoch = 1, .sequence = 42,
};

static void trust_line(struct buf *out, const char *principal,
		       const char *options, const struct softkey *k)
{
	buf_addf(out, "%s namespaces=\"git\"%s ", principal, options);
	sshkey_write_text(&k->key, out);
	buf_addc(out, '\n');
}

static void set_up(void)
{
	struct buf text = BUF_INIT(8192);
	struct err err = ERR_INIT;

	softkey_make(&alice, 1, NULL);
	softkey_make(&alice_new, 2, NULL);
	softkey_make(&bob, 3, NULL);
	softkey_make(&touch, 4, "ssh:");
	softkey_make(&stranger, 5, NULL);
	memset(bundle.content.b, 0xab, SHA256_SIZE);
	trust_line(&text, "alice", "", &alice);
	trust_line(&text, "alice", "", &alice_new);
	/* until 2026-11-01 */
	trust_line(&text, "bob", ",valid-before=\"20261101Z\"", &bob);
	trust_line(&text, "carol", "", &touch);
	if (trust_parse(text.data, text.len, TRUST_APPROVERS, &trust, &err))
		printf("Bail out! %s\n", err.msg);
	buf_release(&text);
}

/* The tag object; `edit` NULL or "from\0to" on what is signed. */
static char *make_tag(const struct approval *a, const struct softkey *k,
		      const char *edit, size_t *ret_len)
{
	struct softsig how = { .flags = 1 };
	struct buf b = BUF_INIT(65536), blob = BUF_INIT(4096);
	char *at;

	buf_addf(&b, "object %s\ntype commit\ntag ", a->bundle);
	approval_tag_name(a, &b);
	buf_adds(&b, "\ntagger A <a@example.com> 1795000000 +0100\n\n");
	approval_message_write(a, NULL, &b);
	at = edit ? strstr(b.data, edit) : NULL;
	if (at) {
		char *rest = xstrdup(at + strlen(edit));

		buf_truncate(&b, (size_t)(at - b.data));
		buf_adds(&b, edit + strlen(edit) + 1);
		buf_adds(&b, rest);
		free(rest);
	}
	softkey_blob(k, &how, APPROVAL_NAMESPACE, b.data, b.len, &blob);
	softkey_armour(&blob, 70, &b);
	buf_release(&blob);
	return buf_detach(&b, ret_len);
}

static int judge(const char *raw, size_t len, struct vote *v, struct err *err)
{
	err_clear(err);
	return approval_judge(raw, len, HEX40, &bundle, &trust, NOW, v, err);
}

/* One tag by k, with an edit, is judged so. */
static void judged(const struct softkey *k, bool reject, int64_t not_after,
		   const char *edit, int want, const char *why,
		   const char *what)
{
	struct approval a;
	struct err err = ERR_INIT;
	struct vote v;
	size_t len;
	char *raw;
	int rc;

	approval_of(HEX40, &bundle, reject, not_after, &a);
	raw = make_tag(&a, k, edit, &len);
	rc = judge(raw, len, &v, &err);
	if (!ok(rc == want && (!rc || strstr(err.msg, why)), "%s", what))
		printf("# %d %s\n", rc, err.msg);
	free(raw);
}

static void test_one(void)
{
	judged(&alice, false, NOW, NULL, 0, "", "a consent counts");
	judged(&alice, false, NOW - 1, NULL, 1, "'alice' ended at 2026",
	       "not after its end");
	judged(&alice, true, NOW - 1, NULL, 0, "", "a reject does not end");
	judged(&bob, false, NOW, NULL, 1, "", "a key that ended consents no "
	       "more");
	judged(&bob, true, NOW, NULL, 0, "", "but what it rejected stays so");
	judged(&touch, false, NOW, NULL, 0, "", "a security key counts");
	judged(&stranger, false, NOW, NULL, 1, "", "nobody's key does not");
	judged(&stranger, true, NOW, NULL, 1, "", "nor rejects it");
}

static void test_fields(void)
{
	static const struct { const char *edit, *why; } wrong[] = {
		{ "Windlass-Approval: 1\0Windlass-Approval: 2", "line 8" },
		{ "Channel-Id: 0\0Channel-Id: 1", "another channel" },
		{ "Channel-Id: 0\0Channel-Id: G", "line 9" },
		{ "Epoch: 1\nS\0Epoch: 2\nS", "line 3" },
		{ "Epoch: 1\nS\0Epoch: 01\nS", "line 10" },
		{ "Sequence: 42\0Sequence: 43", "line 3" },
		{ "Sequence: 42\0Sequence: -42", "line 11" },
		{ "SHA256: ab\0SHA256: ac", "another channel, place or" },
		{ "Verdict: approve\0Verdict: reject", "line 3" },
		{ "Verdict: approve\0Verdict: maybe", "neither" },
		{ "Z\n\0Z\nMore: 1\n", "line 15" },
		{ "Z\n\0+01:00\n", "line 14" },
		{ "object 0\0object 1", "not of bundle" },
		{ "type commit\0type tree", "line 2" },
		{ "tag windlass\0tag v1", "line 3" },
		{ "tag windlass/prod\0tag windlass/-x", "line 3" },
		{ "tag windlass/prod\0tag windlass/staging", "another channel" },
		{ "tagger A\0tagger", "line 4" },
		{ "\n\napprove prod\0\n\n\napprove prod", "line 6" },
		{ "Not-After\0Not-Before", "line 14" },
		{ "Epoch: 1\nSequence: 42\0Sequence: 42\nEpoch: 1",
		  "line 10" },
	};
	char what[80];

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		snprintf(what, sizeof(what), "attack-34 refused: %s", wrong[i].edit +
			 strlen(wrong[i].edit) + 1);
		for (char *p = what; *p; p++)
			if (*p == '\n')
				*p = ';';
		judged(&alice, false, NOW, wrong[i].edit, -1, wrong[i].why,
		       what);
	}
	judged(&alice, false, NOW, "approve prod 1.42\0looks good, but slow",
	       0, "", "the subject is the approver's own");
}

/* No byte of a tag can be another one, and none can be missing. */
static void test_bytes(void)
{
	struct err err = ERR_INIT;
	struct approval a;
	struct vote v;
	size_t len, taken = 0;
	char *raw;

	approval_of(HEX40, &bundle, false, NOW, &a);
	raw = make_tag(&a, &alice, NULL, &len);
	for (size_t i = 0; i < len; i++)
		for (int bit = 0; bit < 8; bit++) {
			raw[i] = (char)(raw[i] ^ (1 << bit));
			taken += judge(raw, len, &v, &err) == 0;
			raw[i] = (char)(raw[i] ^ (1 << bit));
		}
	is_int(taken, 0, "attack-34 no bit of a tag can be flipped");
	for (size_t n = 0; n < len; n++)
		taken += judge(raw, n, &v, &err) == 0;
	is_int(taken, 0, "attack-34 no tag can be cut off");
	is_int(judge(raw, len, &v, &err), 0, "and whole it is good");
	free(raw);
}

/* What was signed for something else is no approval. */
static void test_namespaces(void)
{
	static const char *const others[] = {
		"file", "head-v1@windlass.dev", "report-v1@windlass.dev", "",
	};
	struct softsig how = { 0 };
	struct err err = ERR_INIT;
	struct approval a;
	size_t len, payload;
	char *raw;

	approval_of(HEX40, &bundle, false, NOW, &a);
	raw = make_tag(&a, &alice, NULL, &len);
	is_int(approval_parse(raw, len, &a, &payload, &err), 0, "it parses");
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct buf b = BUF_INIT(8192), blob = BUF_INIT(4096);
		struct vote v;

		softkey_blob(&alice, &how, others[i], raw, payload, &blob);
		buf_add(&b, raw, payload);
		softkey_armour(&blob, 70, &b);
		is_int(judge(b.data, b.len, &v, &err), -1, "attack-16 another namespace "
		       "is refused");
		buf_release(&b);
		buf_release(&blob);
	}
	free(raw);
}

/* ---- the text ---- */

struct by {
	const struct softkey *key;
	bool reject;
	int64_t not_after;
};

static char *make_text(const struct by *by, size_t n, size_t *ret_len)
{
	struct buf out = BUF_INIT(LIMIT_APPROVALS_BYTES);
	struct approvals tags = { .n = 0 };
	char *raw[8];

	for (size_t i = 0; i < n; i++) {
		struct approval a;
		size_t len;

		approval_of(HEX40, &bundle, by[i].reject, by[i].not_after, &a);
		raw[i] = make_tag(&a, by[i].key, NULL, &len);
		tags.v[tags.n++] = (struct approvals_tag){ raw[i], len };
	}
	approvals_write(&tags, &out);
	for (size_t i = 0; i < n; i++)
		free(raw[i]);
	return buf_detach(&out, ret_len);
}

static int judge_text(const struct by *by, size_t n, struct votes *vs,
		      struct err *err)
{
	struct approvals tags;
	size_t len;
	char *text = make_text(by, n, &len);
	int rc;

	err_clear(err);
	rc = approvals_parse(text, len, &tags, err);
	if (!rc)
		rc = approvals_judge(&tags, HEX40, &bundle, &trust, NOW, vs,
				     err);
	free(text);
	return rc;
}

static void test_text(void)
{
	const struct by all[] = {
		{ &alice, false, NOW }, { &touch, false, NOW },
		{ &stranger, false, NOW }, { &bob, false, NOW },
		{ &bob, true, NOW },
	};
	const struct by twice[] = {
		{ &alice, false, NOW }, { &alice_new, false, NOW },
	};
	const struct by again[] = {
		{ &alice, false, NOW }, { &alice, false, NOW + 1 },
	};
	const struct by both[] = {
		{ &alice, false, NOW }, { &alice_new, true, NOW },
	};
	const struct by same[] = {
		{ &alice, false, NOW }, { &alice, false, NOW },
	};
	struct err err = ERR_INIT;
	struct votes vs;

	is_int(judge_text(all, 5, &vs, &err), 0, "a text is judged");
	is_int(vs.n, 3, "three of it count");
	is_int(vs.passed_over, 2, "two are passed over");
	is_int(judge_text(twice, 2, &vs, &err), -1,
	       "attack-33 two keys of one person are one too many");
	ok(strstr(err.msg, "'alice' approves the bundle twice") != NULL,
	   "and the message names the person: %s", err.msg);
	is_int(judge_text(again, 2, &vs, &err), -1, "so are two tags by one "
	       "key");
	is_int(judge_text(both, 2, &vs, &err), 0, "who consents may reject");
	is_int(vs.n, 2, "and both is said");
	is_int(judge_text(same, 2, &vs, &err), 0, "one tag twice is written "
	       "once");
	is_int(vs.n, 1, "and counts once");
}

static void not_parsed(const char *text, size_t len, const char *why)
{
	struct approvals tags;
	struct err err = ERR_INIT;

	if (!ok(approvals_parse(text, len, &tags, &err) < 0 &&
		err.class == ERR_DENIED && strstr(err.msg, why),
		"refused: %s", why))
		printf("# %s\n", err.msg);
}

static void test_frames(void)
{
	const struct by two[] = {
		{ &alice, false, NOW }, { &touch, false, NOW },
	};
	struct buf b = BUF_INIT(1u << 20);
	size_t len, second, accepted = 0;
	char *text = make_text(two, 2, &len);

	second = (size_t)(strstr(text + 1, "\ntag ") + 1 - text);
	while (memcmp(text + second, "tag windlass", 12) == 0)
		second = (size_t)(strstr(text + second, "\ntag ") + 1 - text);
	not_parsed("", 0, "has no tag");
	not_parsed("tag 1\n", 6, "cut off");
	not_parsed("tag 01\nx", 8, "does not begin");
	not_parsed("tag 0\n", 6, "does not begin");
	not_parsed("tag -1\nx", 8, "does not begin");
	not_parsed("tag 4097\nx", 10, "does not begin");
	not_parsed("tag  1\nx", 8, "does not begin");
	not_parsed("tag 1\r\nx", 8, "does not begin");
	not_parsed("tag 1\nxx", 8, "does not begin");
	buf_add(&b, text + second, len - second);
	buf_add(&b, text, second);
	not_parsed(b.data, b.len, "not in order");
	buf_reset(&b);
	buf_add(&b, text + second, len - second);
	buf_add(&b, text + second, len - second);
	not_parsed(b.data, b.len, "not in order");
	for (size_t n = 0; n < len; n++) {
		struct approvals tags;
		struct err err = ERR_INIT;

		accepted += n != second &&
			    !approvals_parse(text, n, &tags, &err);
	}
	is_int(accepted, 0, "no text can be cut off inside a tag");
	buf_release(&b);
	free(text);
}

static void test_flood(void)
{
	char raw[LIMIT_APPROVALS][8];
	struct buf b = BUF_INIT(1u << 20);
	struct approvals tags = { .n = 0 };
	struct err err = ERR_INIT;

	for (size_t i = 0; i < LIMIT_APPROVALS; i++) {
		int len = snprintf(raw[i], sizeof(raw[i]), "%zu", i);

		tags.v[tags.n++] = (struct approvals_tag){ raw[i],
							   (size_t)len };
	}
	approvals_write(&tags, &b);
	is_int(approvals_parse(b.data, b.len, &tags, &err), 0, "as many tags "
	       "as may be");
	is_int(tags.n, LIMIT_APPROVALS, "are all there");
	buf_adds(&b, "tag 1\nx");
	not_parsed(b.data, b.len, "has more than 64 tags");
	buf_release(&b);
}

static void test_size(void)
{
	struct buf b = BUF_INIT(2 * LIMIT_APPROVAL_BYTES);
	struct err err = ERR_INIT;
	struct approval a;
	size_t payload;

	while (b.len <= LIMIT_APPROVAL_BYTES)
		buf_addc(&b, 'x');
	ok(approval_parse(b.data, b.len, &a, &payload, &err) < 0 &&
	   strstr(err.msg, "is larger than 4096 bytes"),
	   "a tag that is too large: %s", err.msg);
	buf_release(&b);
}

static void test_names(void)
{
	struct buf b = BUF_INIT(APPROVAL_NAME_BYTES);
	struct approval a;

	approval_of(HEX40, &bundle, true, NOW, &a);
	approval_ref(&a, "alice", "x", 1, &b);
	is_str(b.data, "refs/windlass-approvals/prod/1/42/alice/"
	       "2d711642b726b044", "where a tag is pushed to");
	buf_release(&b);
}

/* The name in a ref; "(none)" if it is no approval's. */
static const char *named(const char *ref)
{
	static char name[64];
	size_t len = 0;
	const char *at = approval_ref_principal(ref, strlen(ref), &len);

	if (!at)
		return "(none)";
	snprintf(name, sizeof(name), "%.*s", (int)len, at);
	return name;
}

static void test_ref_names(void)
{
	static const char of[] = "refs/windlass-approvals/prod/1/42/";
	char ref[128];
	size_t len;

	snprintf(ref, sizeof(ref), "%salice/0123", of);
	is_str(named(ref), "alice", "whom a ref names");
	ok(!approval_ref_principal(ref, strlen(of) + 5, &len),
	   "nobody, where it ends behind the name");
	is_str(named("refs/windlass-approvals/prod/1/42/alice"), "(none)",
	       "a part too few");
	is_str(named("refs/windlass-approvals/prod/1/42/x/alice/0"), "(none)",
	       "a part too many");
	is_str(named("refs/windlass-approvals/42/alice/0"), "(none)",
	       "two too few");
	is_str(named("refs/windlass-approvals/"), "(none)", "the prefix");
	is_str(named("refs/windlass-approved/prod/1/42/alice/0"), "(none)",
	       "another prefix");
}

int main(void)
{
	set_up();
	test_one();
	test_fields();
	test_bytes();
	test_namespaces();
	test_text();
	test_frames();
	test_flood();
	test_size();
	test_names();
	test_ref_names();
	trust_release(&trust);
	return tap_done();
}
