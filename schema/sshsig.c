/*
 * SSHSIG. See sshsig.h; layout: OpenSSH's PROTOCOL.sshsig and PROTOCOL.u2f.
 * The armour comes from a Git host that may be hostile. Trusted is only what
 * the caller hands in: the namespace and the message. There is one encoding
 * of a signature and every other is refused, even where ssh-keygen takes it:
 * versions below 1, a reserved field with content, text around the frame,
 * base64 with other padding, S beyond the group order, an SK signature that
 * nobody touched the device for.
 */
#include "config.h"
#include "schema/sshsig.h"

#include <sodium.h>
#include <string.h>

#include "schema/base/digest.h"
#include "schema/limits.h"
#include "schema/sshwire.h"

#define MAGIC "SSHSIG"
#define SIG_VERSION 1
#define WRAP 70			/* columns, as ssh-keygen writes */
#define SK_TOUCHED 0x01		/* user presence, in the flags byte */
/* SHA-256 of the application, flags, counter, SHA-256 of the preimage */
#define SK_SIGNED_BYTES (32 + 1 + 4 + 32)

enum hash { HASH_SHA256, HASH_SHA512 };

static void preimage(enum hash hash, const char *namespace, const void *msg,
		     size_t len, struct buf *out)
{
	uint8_t h[crypto_hash_sha512_BYTES];

	buf_adds(out, MAGIC);
	sshw_text(out, namespace);
	sshw_text(out, "");
	if (hash == HASH_SHA512) {
		crypto_hash_sha512(h, msg, len);
		sshw_text(out, "sha512");
		sshw_string(out, h, crypto_hash_sha512_BYTES);
	} else {
		crypto_hash_sha256(h, msg, len);
		sshw_text(out, "sha256");
		sshw_string(out, h, crypto_hash_sha256_BYTES);
	}
}

void sshsig_preimage(const char *namespace, const void *msg, size_t len,
		     struct buf *out)
{
	preimage(HASH_SHA512, namespace, msg, len, out);
}

void sshsig_armour(const struct sshkey *key, const char *namespace,
		   const uint8_t *inner, size_t inner_len, struct buf *out)
{
	struct buf blob = BUF_INIT(LIMIT_ARMOUR_BYTES);
	struct buf b64 = BUF_INIT(2 * LIMIT_ARMOUR_BYTES);
	struct buf pk = BUF_INIT(LIMIT_ARMOUR_BYTES);

	sshkey_write_blob(key, &pk);
	buf_adds(&blob, MAGIC);
	sshw_u32(&blob, SIG_VERSION);
	sshw_string(&blob, pk.data, pk.len);
	sshw_text(&blob, namespace);
	sshw_text(&blob, "");
	sshw_text(&blob, "sha512");
	sshw_string(&blob, inner, inner_len);
	if (!buf_ok(&blob))
		out->toobig = true;	/* an inner signature out of all bounds */
	base64_encode(&b64, blob.data, blob.len);
	buf_adds(out, SSHSIG_BEGIN "\n");
	for (size_t i = 0; i < b64.len; i += WRAP)
		buf_addf(out, "%.*s\n", WRAP, b64.data + i);
	buf_adds(out, SSHSIG_END "\n");
	buf_release(&pk);
	buf_release(&b64);
	buf_release(&blob);
}

/* The end of the line at p, its LF included; NULL if it has none. */
static const char *line_end(const char *p, const char *end)
{
	const char *lf = memchr(p, '\n', (size_t)(end - p));

	return lf ? lf + 1 : NULL;
}

int sshsig_split(const char *what, size_t max, const char *data, size_t len,
		 size_t *ret_text_len, struct err *err)
{
	static const char begin[] = SSHSIG_BEGIN "\n";
	static const char last[] = "\n" SSHSIG_END "\n";
	const size_t begin_len = sizeof(begin) - 1, last_len = sizeof(last) - 1;
	const char *end = data + len, *p = data;

	if (len > max)
		return err_set(err, ERR_DENIED, "%s is larger than %zu bytes",
			       what, max);
	while (p && p < end && *p != '-')
		p = line_end(p, end);
	if (!p || p == data || (size_t)(end - p) < begin_len + last_len ||
	    memcmp(p, begin, begin_len))
		return err_set(err, ERR_DENIED,
			       "%s has no SSH signature after its text", what);
	if (memcmp(end - last_len, last, last_len))
		return err_set(err, ERR_DENIED, "%s does not end with its "
			       "SSH signature", what);
	*ret_text_len = (size_t)(p - data);
	return 0;
}

static int denied(struct err *err, const char *what)
{
	return err_set(err, ERR_DENIED, "signature %s", what);
}

/*
 * The bytes inside the frame. Lines are all as long as the first, the last
 * one may be shorter: so there is one way to write a signature for a width,
 * and the widths of other tools are taken.
 */
static int unwrap(const char *armour, size_t len, struct buf *ret_blob,
		  struct err *err)
{
	static const char begin[] = SSHSIG_BEGIN "\n", end[] = SSHSIG_END "\n";
	const size_t begin_len = sizeof(begin) - 1, end_len = sizeof(end) - 1;
	struct buf b64 = BUF_INIT(LIMIT_ARMOUR_BYTES);
	size_t width = 0;
	int rc = 0;

	if (len > LIMIT_ARMOUR_BYTES)
		return denied(err, "is too long");
	if (len < begin_len + end_len || memcmp(armour, begin, begin_len) ||
	    memcmp(armour + len - end_len, end, end_len))
		return denied(err, "is not in one SSH SIGNATURE frame");
	armour += begin_len;
	len -= begin_len + end_len;
	while (len && !rc) {
		const char *lf = memchr(armour, '\n', len);
		size_t n = lf ? (size_t)(lf - armour) : 0;

		if (!width)
			width = n;
		if (!n || n > width || (n < width && n + 1 < len))
			rc = denied(err, "has lines that do not fill");
		buf_add(&b64, armour, n);
		armour += n + 1;
		len -= rc ? 0 : n + 1;
	}
	if (!rc && base64_decode(ret_blob, b64.data, b64.len) < 0)
		rc = denied(err, "is not canonical base64");
	buf_release(&b64);
	return rc;
}

struct sig {
	struct sshkey key;
	enum hash hash;
	const uint8_t *bytes;	/* 64 of them */
	uint8_t flags;		/* SK: these two */
	uint32_t counter;
};

static int read_inner(struct sshr *r, struct sig *s, struct err *err)
{
	if (!sshr_expect(r, sshkey_type_name(s->key.type)))
		return denied(err, "is of another type than its key");
	s->bytes = sshr_fixed(r, crypto_sign_BYTES);
	if (s->bytes && s->key.type == SSHKEY_ED25519_SK) {
		s->flags = sshr_u8(r);
		s->counter = sshr_u32(r);
	}
	if (!sshr_done(r))
		return denied(err, "does not have the length of its type");
	return 0;
}

static int read_blob(const struct buf *blob, const char *namespace,
		     struct sig *s, struct err *err)
{
	struct sshr r = SSHR_INIT((uint8_t *)blob->data, blob->len);
	struct sshr key, name, reserved, hash, inner;
	const uint8_t *magic = sshr_bytes(&r, strlen(MAGIC));

	if (!magic || memcmp(magic, MAGIC, strlen(MAGIC)))
		return denied(err, "does not begin with SSHSIG");
	if (sshr_u32(&r) != SIG_VERSION)
		return denied(err, "is not of version 1");
	key = sshr_string(&r);
	name = sshr_string(&r);
	reserved = sshr_string(&r);
	hash = sshr_string(&r);
	inner = sshr_string(&r);
	if (!sshr_done(&r))
		return denied(err, "is cut short or has bytes after its end");
	if (sshkey_parse_blob(key.p, key.len, &s->key, err) < 0)
		return err_wrap(err, "signature");
	if (!sshr_is(&name, namespace))
		return err_set(err, ERR_DENIED, "signature is for namespace "
			       "'%.*s', not '%s'",
			       name.len < 60 ? (int)name.len : 60,
			       (const char *)name.p, namespace);
	if (reserved.len)
		return denied(err, "has content in its reserved field");
	if (sshr_is(&hash, "sha512"))
		s->hash = HASH_SHA512;
	else if (sshr_is(&hash, "sha256"))
		s->hash = HASH_SHA256;
	else
		return denied(err, "uses a hash other than sha256 and sha512");
	return read_inner(&inner, s, err);
}

/* What a FIDO device signs in place of the preimage. */
static void sk_message(const struct sig *s, const struct buf *pre,
		       uint8_t ret[SK_SIGNED_BYTES])
{
	const char *app = s->key.application;

	crypto_hash_sha256(ret, (const uint8_t *)app, strlen(app));
	ret[32] = s->flags;
	for (int i = 0; i < 4; i++)
		ret[33 + i] = (uint8_t)(s->counter >> (24 - 8 * i));
	crypto_hash_sha256(ret + 37, (const uint8_t *)pre->data, pre->len);
}

static int check(const struct sig *s, const char *namespace, const void *msg,
		 size_t len, struct err *err)
{
	struct buf pre = BUF_INIT(LIMIT_ARMOUR_BYTES);
	uint8_t sk[SK_SIGNED_BYTES];
	int good;

	preimage(s->hash, namespace, msg, len, &pre);
	if (!buf_ok(&pre)) {
		buf_release(&pre);
		return denied(err, "is for a namespace that is too long");
	}
	if (s->key.type == SSHKEY_ED25519_SK) {
		sk_message(s, &pre, sk);
		good = crypto_sign_verify_detached(s->bytes, sk, sizeof(sk),
						   s->key.pk);
	} else {
		good = crypto_sign_verify_detached(s->bytes,
						   (uint8_t *)pre.data,
						   pre.len, s->key.pk);
	}
	buf_release(&pre);
	if (good != 0)
		return denied(err, "does not match what it is said to sign");
	if (s->key.type == SSHKEY_ED25519_SK && !(s->flags & SK_TOUCHED))
		return denied(err, "was made without touching the security "
			      "key");
	return 0;
}

int sshsig_verify(const char *armour, size_t armour_len,
		  const char *namespace, const void *msg, size_t len,
		  struct sshkey *ret_key, uint8_t *ret_flags, struct err *err)
{
	struct buf blob = BUF_INIT(LIMIT_ARMOUR_BYTES);
	struct sig s = { 0 };
	int rc = -1;

	if (unwrap(armour, armour_len, &blob, err) < 0 ||
	    read_blob(&blob, namespace, &s, err) < 0 ||
	    check(&s, namespace, msg, len, err) < 0)
		goto out;
	*ret_key = s.key;
	if (ret_flags)
		*ret_flags = s.flags;
	rc = 0;
out:
	buf_release(&blob);
	return rc;
}
