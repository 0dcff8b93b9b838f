/*
 * Keys and signatures in software, plain and security key, made by libsodium
 * from the layouts of PROTOCOL.key, PROTOCOL.sshsig and PROTOCOL.u2f alone:
 * what the verifier is tested with shares no code with the verifier but the
 * writers of strings.
 */
#ifndef T_UNIT_SOFTKEY_H
#define T_UNIT_SOFTKEY_H

#include <sodium.h>
#include <string.h>

#include "schema/base/digest.h"
#include "schema/limits.h"
#include "schema/sshkey.h"
#include "schema/sshwire.h"

struct softkey {
	struct sshkey key;
	uint8_t secret[64];
};

/* How a signature is made; zero is an honest plain signature, SHA-512. */
struct softsig {
	uint8_t flags;		/* SK */
	uint32_t counter;	/* SK */
	bool sha256;
	bool bare;		/* signs the message itself: no SSHSIG */
};

/* A key from a seed of one repeated byte; application NULL: a plain one. */
__attribute__((unused))
static void softkey_make(struct softkey *k, uint8_t seed,
			 const char *application)
{
	uint8_t bytes[32];

	*k = (struct softkey){ .key.type = SSHKEY_ED25519 };
	memset(bytes, seed, sizeof(bytes));
	crypto_sign_seed_keypair(k->key.pk, k->secret, bytes);
	if (application) {
		k->key.type = SSHKEY_ED25519_SK;
		snprintf(k->key.application, sizeof(k->key.application), "%s",
			 application);
	}
}

/* The inner signature of the bytes that SSHSIG or another protocol made. */
__attribute__((unused))
static void softkey_inner(const struct softkey *k, const struct softsig *how,
			  const void *pre, size_t len, struct buf *out)
{
	struct buf m = BUF_INIT(4096);
	uint8_t sig[64], h[32];

	if (k->key.type == SSHKEY_ED25519_SK) {
		crypto_hash_sha256(h, (const uint8_t *)k->key.application,
				   strlen(k->key.application));
		buf_add(&m, h, 32);
		buf_addc(&m, (char)how->flags);
		sshw_u32(&m, how->counter);
		crypto_hash_sha256(h, pre, len);
		buf_add(&m, h, 32);
		crypto_sign_detached(sig, NULL, (uint8_t *)m.data, m.len,
				     k->secret);
		sshw_text(out, "sk-ssh-ed25519@openssh.com");
		sshw_string(out, sig, 64);
		buf_addc(out, (char)how->flags);
		sshw_u32(out, how->counter);
	} else {
		crypto_sign_detached(sig, NULL, pre, len, k->secret);
		sshw_text(out, "ssh-ed25519");
		sshw_string(out, sig, 64);
	}
	buf_release(&m);
}

/* The blob of an SSHSIG. */
__attribute__((unused))
static void softkey_blob(const struct softkey *k, const struct softsig *how,
			 const char *namespace, const void *msg, size_t len,
			 struct buf *out)
{
	const char *hash = how->sha256 ? "sha256" : "sha512";
	struct buf pre = BUF_INIT(4096), inner = BUF_INIT(4096);
	struct buf pk = BUF_INIT(4096);
	uint8_t h[64];

	if (how->sha256)
		crypto_hash_sha256(h, msg, len);
	else
		crypto_hash_sha512(h, msg, len);
	buf_adds(&pre, "SSHSIG");
	sshw_text(&pre, namespace);
	sshw_text(&pre, "");
	sshw_text(&pre, hash);
	sshw_string(&pre, h, how->sha256 ? 32 : 64);
	softkey_inner(k, how, how->bare ? msg : pre.data,
		      how->bare ? len : pre.len, &inner);
	sshkey_write_blob(&k->key, &pk);
	buf_adds(out, "SSHSIG");
	sshw_u32(out, 1);
	sshw_string(out, pk.data, pk.len);
	sshw_text(out, namespace);
	sshw_text(out, "");
	sshw_text(out, hash);
	sshw_string(out, inner.data, inner.len);
	buf_release(&pre);
	buf_release(&inner);
	buf_release(&pk);
}

/* Armour around any bytes, lines of the given width. */
__attribute__((unused))
static void softkey_armour(const struct buf *blob, int width, struct buf *out)
{
	struct buf b64 = BUF_INIT(65536);

	base64_encode(&b64, blob->data, blob->len);
	buf_adds(out, "-----BEGIN SSH SIGNATURE-----\n");
	for (size_t i = 0; i < b64.len; i += (size_t)width)
		buf_addf(out, "%.*s\n", width, b64.data + i);
	buf_adds(out, "-----END SSH SIGNATURE-----\n");
	buf_release(&b64);
}

#endif
