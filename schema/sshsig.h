/*
 * SSHSIG (OpenSSH's PROTOCOL.sshsig), Ed25519 and Ed25519-SK only, stricter
 * than ssh-keygen: attacks.md 2.3. The result of verifying is the public
 * key; whether that key may sign is for schema/trust.h to say.
 */
#ifndef SCHEMA_SSHSIG_H
#define SCHEMA_SSHSIG_H

#include "schema/sshkey.h"

#define SSHSIG_BEGIN "-----BEGIN SSH SIGNATURE-----"
#define SSHSIG_END "-----END SSH SIGNATURE-----"

/*
 * Splits a text and the armour behind it, in one file of at most max bytes, at
 * the first armour line: *ret_text_len is where the armour begins. Does no
 * more than find the frame, so that nothing else is parsed before the
 * signature is known to be good. ERR_DENIED "<what> ...".
 */
int sshsig_split(const char *what, size_t max, const char *data, size_t len,
		 size_t *ret_text_len, struct err *err);

/*
 * Verifies armour over msg in exactly this namespace. 0 and the key that
 * made the signature, or -1 with ERR_DENIED. Refuses: armour that is not
 * exactly one frame of canonical base64, a version other than 1, another
 * namespace, a reserved field that is not empty, other hashes than sha256
 * and sha512, mismatched types, malleable signatures, weak keys, and an
 * SK signature without the touch flag. *ret_flags gets the SK flags byte
 * (0 for plain keys) unless it is NULL.
 */
int sshsig_verify(const char *armour, size_t armour_len,
		  const char *namespace, const void *msg, size_t len,
		  struct sshkey *ret_key, uint8_t *ret_flags, struct err *err)
	__attribute__((warn_unused_result));

/*
 * The bytes that are signed, for a signer; hash is always SHA-512.
 */
void sshsig_preimage(const char *namespace, const void *msg, size_t len,
		     struct buf *out);
/* Armour (with final LF) around a plain or SK inner signature blob. */
void sshsig_armour(const struct sshkey *key, const char *namespace,
		   const uint8_t *inner, size_t inner_len, struct buf *out);

#endif
