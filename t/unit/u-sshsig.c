/*
 * SSHSIG: stock and software-made signatures are taken, everything else is
 * refused: each byte changed, each length cut, each field forged.
 */
#include "config.h"

#include <stdlib.h>

#include "schema/base/mem.h"
#include "schema/bundle.h"
#include "schema/head.h"
#include "schema/sshsig.h"
#include "t/unit/softkey.h"
#include "t/unit/tap.h"

/* ssh-keygen 9.2: -Y sign -n head-v1@windlass.dev of "a chain\n" */
static const char stock_key[] =
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINF9xGkj3HU5aKL7fk/tWiGUONJ1kY5E"
	"+gzPZhFVFr/s";
static const char stock_msg[] = "a chain\n";
static const char stock_sig[] =
	"-----BEGIN SSH SIGNATURE-----\n"
	"U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAg0X3EaSPcdTloovt+T+1aIZQ40n\n"
	"WRjkT6DM9mEVUWv+wAAAAUaGVhZC12MUB3aW5kbGFzcy5kZXYAAAAAAAAABnNoYTUxMgAA\n"
	"AFMAAAALc3NoLWVkMjU1MTkAAABAYDtdkP3oLY6fGAQlO73bzwp5fHQfpWUCvxnxQRTVkT\n"
	"T5hf4NuA3fJzO6t5qgmXH5I7F+VmwkbSm9algqUqXjAg==\n"
	"-----END SSH SIGNATURE-----\n";

#define NS HEAD_NAMESPACE

static struct err last;

/* True if the armour is a signature over msg in ns, whoever made it. */
static bool good_n(const char *armour, size_t len, const char *ns,
		   const char *msg)
{
	struct sshkey k = { .application = "untouched" };
	uint8_t flags = 0x55;
	int rc;

	err_clear(&last);
	rc = sshsig_verify(armour, len, ns, msg, strlen(msg), &k, &flags,
			   &last);
	if (rc && (last.class != ERR_DENIED || flags != 0x55 ||
		   strcmp(k.application, "untouched")))
		printf("# wrong class, or outputs were touched\n");
	return !rc;
}

static bool good(const char *armour, const char *ns, const char *msg)
{
	return good_n(armour, strlen(armour), ns, msg);
}

/* The same for a blob that is put into armour here. */
static bool good_blob(const void *data, size_t len, const char *ns,
		      const char *msg)
{
	struct buf blob = BUF_INIT(65536), armour = BUF_INIT(65536);
	bool rc;

	buf_add(&blob, data, len);
	softkey_armour(&blob, 70, &armour);
	rc = good_n(armour.data, armour.len, ns, msg);
	buf_release(&blob);
	buf_release(&armour);
	return rc;
}

static bool good_sig(const struct softkey *k, const struct softsig *how,
		     const char *signed_ns, const char *ns, const char *msg)
{
	struct buf blob = BUF_INIT(4096);
	bool rc;

	softkey_blob(k, how, signed_ns, msg, strlen(msg), &blob);
	rc = good_blob(blob.data, blob.len, ns, msg);
	buf_release(&blob);
	return rc;
}

static void test_stock(void)
{
	struct buf b = BUF_INIT(1000);
	struct sshkey k;

	ok(good(stock_sig, NS, stock_msg), "ssh-keygen's signature is taken");
	if (!sshsig_verify(stock_sig, strlen(stock_sig), NS, stock_msg,
			   strlen(stock_msg), &k, NULL, &last))
		sshkey_write_text(&k, &b);
	is_str(b.data, stock_key, "and gives the key");
	ok(!good(stock_sig, NS, "a chain"), "not for another message");
	ok(!good(stock_sig, "git", stock_msg), "not in another namespace");
	is_str(last.msg, "signature is for namespace 'head-v1@windlass.dev', "
	       "not 'git'", "which the error names");
	buf_release(&b);
}

static void test_namespaces(void)
{
	static const char *const names[] = {
		"git", "file", HEAD_NAMESPACE, "report-v1@windlass.dev",
		"head-v1@windlass.de", "head-v1@windlass.dev ",
	};
	const struct softsig honest = { 0 };
	size_t wrong = 0;
	struct softkey k;

	softkey_make(&k, 1, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (size_t j = 0; j < ARRAY_SIZE(names); j++)
			wrong += good_sig(&k, &honest, names[i], names[j],
					  "m") != (i == j);
	is_int(wrong, 0, "attack-16 a signature is for one namespace only");
	ok(!good_sig(&k, &(struct softsig){ .bare = true }, NS, NS, "m"),
	   "attack-16 a bare Ed25519 signature is none");
	ok(good_sig(&k, &(struct softsig){ .sha256 = true }, NS, NS, "m"),
	   "SHA-256 is taken");
	ok(good_sig(&k, &honest, NS, NS, ""), "an empty message too");
}

static void test_armour(void)
{
	const struct softsig honest = { 0 };
	struct buf blob = BUF_INIT(4096), a = BUF_INIT(65536);
	struct softkey k;
	size_t taken = 0, n = 0;

	softkey_make(&k, 1, NULL);
	softkey_blob(&k, &honest, "git", "m", 1, &blob);
	for (int width = 1; width < 400; width++) {
		buf_reset(&a);
		softkey_armour(&blob, width, &a);
		taken += good(a.data, "git", "m");
		n++;
	}
	ok(taken == n, "lines of any one width are taken");
	buf_reset(&a);
	softkey_armour(&blob, 70, &a);
	for (size_t i = 0; i <= a.len; i++) {
		static const char *const put[] = {
			"\n", " ", "\r", "\t", "A", "=", "-", "\n\n",
			SSHSIG_BEGIN "\n", SSHSIG_END "\n",
		};

		for (size_t j = 0; j < ARRAY_SIZE(put); j++) {
			char *text = xasprintf("%.*s%s%s", (int)i, a.data,
					       put[j], a.data + i);

			if (good(text, "git", "m"))
				printf("# %zu %zu\n", i, j);
			taken -= good(text, "git", "m");
			free(text);
		}
	}
	ok(taken == n, "nothing can be put in anywhere");
	buf_release(&a);
	buf_release(&blob);
}

static void test_armour_size(void)
{
	struct buf b = BUF_INIT(2 * LIMIT_ARMOUR_BYTES);

	buf_adds(&b, SSHSIG_BEGIN "\n");
	while (b.len < LIMIT_ARMOUR_BYTES - strlen("A\n" SSHSIG_END "\n"))
		buf_addc(&b, 'A');
	buf_adds(&b, "A\n" SSHSIG_END "\n");
	ok(!good(b.data, NS, "m") && !strstr(last.msg, "too long") &&
	   b.len == LIMIT_ARMOUR_BYTES, "an armour at the limit is read");
	buf_addc(&b, '\n');
	ok(!good(b.data, NS, "m") && strstr(last.msg, "too long"),
	   "one byte more is too long");
	ok(!good("", NS, "m") && !good("\n", NS, "m") &&
	   !good(SSHSIG_BEGIN "\n" SSHSIG_END "\n", NS, "m"),
	   "an empty one is none");
	buf_release(&b);
}

/* Every bit of the armour, and every cut. */
static void test_every_byte(void)
{
	size_t len = strlen(stock_sig), taken = 0, cut = 0;
	char *copy = xstrdup(stock_sig);

	for (size_t i = 0; i < len; i++) {
		cut += good_n(stock_sig, i, NS, stock_msg);
		for (int x = 1; x < 256; x++) {
			copy[i] = (char)((unsigned char)stock_sig[i] ^ x);
			taken += good_n(copy, len, NS, stock_msg);
		}
		copy[i] = stock_sig[i];
	}
	is_int(taken, 0, "attack-02 no changed byte of the armour is taken");
	is_int(cut, 0, "nor a cut one");
	free(copy);
}

/* The same inside the frame, plain and SK; the flags of SK are signed. */
static void test_every_blob_byte(const char *app)
{
	const struct softsig how = { .flags = 1, .counter = 7 };
	struct buf blob = BUF_INIT(4096);
	size_t taken = 0, cut = 0;
	struct softkey k;

	softkey_make(&k, 4, app);
	softkey_blob(&k, &how, NS, "m", 1, &blob);
	ok(good_blob(blob.data, blob.len, NS, "m"), "a signature to change");
	is_int(blob.len, app ? 213 + strlen(NS) : 170 + strlen(NS),
	       "of the length that PROTOCOL.sshsig gives it");
	for (size_t i = 0; i < blob.len; i++) {
		char was = blob.data[i];

		cut += good_blob(blob.data, i, NS, "m");
		for (int bit = 0; bit < 9; bit++) {
			blob.data[i] = (char)(was ^ (bit < 8 ? 1 << bit :
						     0xff));
			taken += good_blob(blob.data, blob.len, NS, "m");
		}
		blob.data[i] = was;
	}
	is_int(taken, 0, "attack-02 no changed byte of the blob is taken");
	is_int(cut, 0, "nor a cut one");
	buf_addc(&blob, 0);
	ok(!good_blob(blob.data, blob.len, NS, "m"), "nor a longer one");
	buf_release(&blob);
}

/* A blob with one field forged; zero is an honest one. */
struct forged {
	const char *magic;
	uint32_t version;	/* added to 1 */
	const char *reserved, *hash, *inner_type;
	const struct sshkey *key;
	size_t sig_len;		/* instead of 64 */
	const char *tail;	/* inside the inner signature */
};

static void forge(const struct forged *f, const struct softkey *k,
		  struct buf *out)
{
	struct buf honest = BUF_INIT(4096), pk = BUF_INIT(4096);
	struct buf inner = BUF_INIT(4096);
	size_t len = f->sig_len ? f->sig_len : 64;

	softkey_blob(k, &(struct softsig){ 0 }, NS, "m", 1, &honest);
	buf_addc(&honest, 0);
	sshkey_write_blob(f->key ? f->key : &k->key, &pk);
	sshw_text(&inner, f->inner_type ? f->inner_type : "ssh-ed25519");
	/* the 64 bytes are the last of an honest plain blob */
	sshw_string(&inner, honest.data + honest.len - 65, len);
	buf_adds(&inner, f->tail ? f->tail : "");
	buf_adds(out, f->magic ? f->magic : "SSHSIG");
	sshw_u32(out, 1 + f->version);
	sshw_string(out, pk.data, pk.len);
	sshw_text(out, NS);
	sshw_text(out, f->reserved ? f->reserved : "");
	sshw_text(out, f->hash ? f->hash : "sha512");
	sshw_string(out, inner.data, inner.len);
	buf_release(&honest);
	buf_release(&pk);
	buf_release(&inner);
}

static void test_forged(void)
{
	static struct softkey other, sk;
	static const struct {
		struct forged f;
		const char *error;
	} cases[] = {
		{ { .version = UINT32_MAX }, "version" },
		{ { .version = 1 }, "version" },
		{ { .magic = "SSHSIH" }, "begin with SSHSIG" },
		{ { .reserved = "x" }, "reserved" },
		{ { .hash = "sha1" }, "hash" },
		{ { .hash = "sha384" }, "hash" },
		{ { .hash = "" }, "hash" },
		{ { .hash = "sha256" }, "does not match" },
		{ { .inner_type = "ssh-rsa" }, "another type" },
		{ { .inner_type = "sk-ssh-ed25519@openssh.com" },
		  "another type" },
		{ { .key = &sk.key }, "another type" },
		{ { .key = &other.key }, "does not match" },
		{ { .sig_len = 63 }, "length" },
		{ { .sig_len = 65 }, "length" },
		{ { .tail = "\1" }, "length" },
	};
	struct buf b = BUF_INIT(4096);
	struct softkey k;

	softkey_make(&k, 5, NULL);
	softkey_make(&other, 6, NULL);
	softkey_make(&sk, 5, "ssh:");
	forge(&(struct forged){ 0 }, &k, &b);
	ok(good_blob(b.data, b.len, NS, "m"), "unforged it is good");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		buf_reset(&b);
		forge(&cases[i].f, &k, &b);
		ok(!good_blob(b.data, b.len, NS, "m") &&
		   strstr(last.msg, cases[i].error), "attack-25 forged %zu: %s", i,
		   last.msg);
	}
	buf_release(&b);
}

/* Each length field set to what would overflow or run out. */
static void test_lengths(void)
{
	static const size_t at[] = { 10, 14, 29, 65, 69, 73, 83, 87, 102 };
	static const uint32_t values[] = {
		0xffffffff, 0x80000000, 0x7fffffff, 0x10000, 0,
	};
	struct buf b = BUF_INIT(4096);
	size_t taken = 0, same = 0;
	struct softkey k;

	softkey_make(&k, 5, NULL);
	softkey_blob(&k, &(struct softsig){ 0 }, NS, "m", 1, &b);
	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		size_t off = at[i] + (at[i] > 65 ? strlen(NS) : 0);
		char was[4];

		memcpy(was, b.data + off, 4);
		for (size_t j = 0; j < ARRAY_SIZE(values); j++) {
			for (int n = 0; n < 4; n++)
				b.data[off + (size_t)n] =
					(char)(values[j] >> (24 - 8 * n));
			if (!memcmp(was, b.data + off, 4))
				same++;
			else
				taken += good_blob(b.data, b.len, NS, "m");
		}
		memcpy(b.data + off, was, 4);
	}
	ok(!taken && same == 1, "attack-25 no wrong length is taken");
	buf_release(&b);
}

/* S + L is the same number modulo L: another signature of the same. */
static void test_malleable(void)
{
	static const uint8_t order[32] = {
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
		0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
		[31] = 0x10,
	};
	struct buf b = BUF_INIT(4096);
	struct softkey k;
	unsigned carry = 0;
	uint8_t *s;

	softkey_make(&k, 5, NULL);
	softkey_blob(&k, &(struct softsig){ 0 }, NS, "m", 1, &b);
	s = (uint8_t *)b.data + b.len - 32;
	for (int i = 0; i < 32; i++) {
		carry += (unsigned)s[i] + order[i];
		s[i] = (uint8_t)carry;
		carry >>= 8;
	}
	ok(!carry && !good_blob(b.data, b.len, NS, "m"), "attack-26 S + L is refused");
	buf_release(&b);
}

/* With a key of small order, R = any and S = 0 can verify any message. */
static void test_weak_key(void)
{
	struct softkey k;
	struct buf b = BUF_INIT(4096);

	softkey_make(&k, 5, NULL);
	softkey_blob(&k, &(struct softsig){ 0 }, NS, "m", 1, &b);
	memset(b.data + 33, 0, 32);
	b.data[33] = 1;			/* the neutral point */
	memset(b.data + b.len - 64, 0, 64);
	b.data[b.len - 64] = 1;
	ok(!good_blob(b.data, b.len, NS, "m") && strstr(last.msg, "weak"),
	   "attack-26 a weak key is refused");
	buf_release(&b);
}

static void test_sk(void)
{
	static const struct {
		uint8_t flags;
		bool good;
	} cases[] = {
		{ 0x00, false }, { 0x01, true }, { 0x04, false },
		{ 0x05, true }, { 0x81, true }, { 0xff, true },
		{ 0xfe, false },
	};
	struct softkey k, other;
	struct buf b = BUF_INIT(4096), a = BUF_INIT(4096);
	struct sshkey by;
	uint8_t flags = 0;

	softkey_make(&k, 7, "ssh:");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct softsig how = { .flags = cases[i].flags,
					     .counter = 0xfffffffe };

		ok(good_sig(&k, &how, NS, NS, "m") == cases[i].good,
		   "attack-27 flags 0x%02x", cases[i].flags);
	}
	softkey_make(&other, 7, "ssh:x");
	softkey_blob(&k, &(struct softsig){ .flags = 5 }, NS, "m", 1, &b);
	softkey_armour(&b, 70, &a);
	ok(!sshsig_verify(a.data, a.len, NS, "m", 1, &by, &flags, &last) &&
	   flags == 5 && sshkey_equal(&by, &k.key) &&
	   !sshkey_equal(&by, &other.key), "the flags come out, and the key");
	memcpy(memmem(b.data, b.len, "ssh:", 4), "ssh;", 4);
	ok(!good_blob(b.data, b.len, NS, "m"), "attack-27 the application is signed");
	buf_release(&a);
	buf_release(&b);
}

/* A signed commit and a signed head: no byte of them can change. */
static void check_whole(const char *what, const char *raw, size_t len,
			bool (*verify)(const char *, size_t))
{
	char *copy = xmemdup(raw, len);
	size_t taken = 0, cut = 0;

	ok(verify(raw, len), "%s verifies", what);
	for (size_t i = 0; i < len; i++) {
		cut += verify(raw, i);
		for (int bit = 0; bit < 9; bit++) {
			copy[i] = (char)(raw[i] ^ (bit < 8 ? 1 << bit : 0x55));
			if (verify(copy, len) && ++taken)
				printf("# byte %zu, 0x%02x to 0x%02x\n", i,
				       (unsigned char)raw[i],
				       (unsigned char)copy[i]);
		}
		copy[i] = raw[i];
	}
	ok(!taken && !cut, "attack-02 %s: %zu changed and %zu cut ones are taken", what,
	   taken, cut);
	free(copy);
}

static bool verify_commit(const char *raw, size_t len)
{
	struct buf armour = BUF_INIT(LIMIT_ARMOUR_BYTES);
	struct buf payload = BUF_INIT(LIMIT_COMMIT_BYTES);
	struct bundle_commit c;
	struct sshkey k;
	bool rc;

	rc = !bundle_commit_parse(raw, len, &c, &armour, &payload, &last) &&
		!sshsig_verify(armour.data, armour.len, "git", payload.data,
			       payload.len, &k, NULL, &last);
	buf_release(&armour);
	buf_release(&payload);
	return rc;
}

static bool verify_head(const char *raw, size_t len)
{
	size_t text;
	struct head h;
	struct sshkey k;

	return !head_split(raw, len, &text, &last) &&
		!sshsig_verify(raw + text, len - text, NS, raw, text, &k,
			       NULL, &last) &&
		!head_parse(raw, text, &h, &last);
}

static void sign(const char *ns, const struct buf *msg, struct buf *out)
{
	struct buf blob = BUF_INIT(4096);
	struct softkey k;

	softkey_make(&k, 8, NULL);
	softkey_blob(&k, &(struct softsig){ 0 }, ns, msg->data, msg->len,
		     &blob);
	softkey_armour(&blob, 70, out);
	buf_release(&blob);
}

#define ID "0123456789abcdef0123456789abcdef01234567"

/* Whatever stands around, between or twice in a signed head. */
static void test_frames(const char *raw, size_t len, const char *armour)
{
	size_t text = len - strlen(armour), taken = 0;
	struct buf b = BUF_INIT(65536);
	const struct { const char *before, *between, *after; } cases[] = {
		{ "", "", raw }, { raw, "", "" }, { "", "", armour },
		{ "", armour, "" }, { armour, "", "" }, { "", "", "\n" },
		{ "", "", "x\n" }, { "\n", "", "" }, { "", "\n", "" },
		{ "- ", "", "" }, { "", "x\n", "" }, { "", "-----\n", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		buf_reset(&b);
		buf_adds(&b, cases[i].before);
		buf_add(&b, raw, text);
		buf_adds(&b, cases[i].between);
		buf_adds(&b, armour);
		buf_adds(&b, cases[i].after);
		taken += verify_head(b.data, b.len);
	}
	is_int(taken, 0, "attack-58 no text and no armour is taken beside the signed");
	ok(!verify_head(raw, text), "nor a text without its armour");
	buf_reset(&b);
	buf_add(&b, raw, text);
	buf_adds(&b, " \n \n");
	ok(!verify_head(b.data, b.len), "nor with white space for it");
	buf_release(&b);
}

static void test_wholes(void)
{
	struct bundle_commit c = {
		.tree = ID, .parent = ID,
		.author = "A <a@b> 1 +0000", .committer = "C <c@d> 2 +0000",
		.bundle = {
			.channel = "prod",
			.channel_id = "0123456789abcdef0123456789abcdef",
			.epoch = 1, .sequence = 2, .objects = 1,
			.source_ref = "refs/heads/main",
			.source_commit = ID, .renderer = "plain/1",
		},
	};
	struct head h = {
		.channel = "prod", .bundle = ID, .epoch = 1, .sequence = 2,
		.channel_id = "0123456789abcdef0123456789abcdef",
		.expires = 1, .index.bytes = 1,
	};
	struct buf text = BUF_INIT(65536), armour = BUF_INIT(65536);
	struct buf raw = BUF_INIT(65536);

	bundle_commit_payload(&c, &text);
	sign("git", &text, &armour);
	bundle_commit_write(&c, armour.data, &raw);
	check_whole("a commit", raw.data, raw.len, verify_commit);
	buf_reset(&text);
	buf_reset(&armour);
	head_write(&h, &text);
	sign(NS, &text, &armour);
	buf_add(&text, armour.data, armour.len);
	check_whole("a head", text.data, text.len, verify_head);
	test_frames(text.data, text.len, armour.data);
	buf_release(&raw);
	buf_release(&text);
	buf_release(&armour);
}

int main(void)
{
	test_stock();
	test_namespaces();
	test_armour();
	test_armour_size();
	test_every_byte();
	test_every_blob_byte(NULL);
	test_every_blob_byte("ssh:");
	test_forged();
	test_lengths();
	test_malleable();
	test_weak_key();
	test_sk();
	test_wholes();
	return tap_done();
}
