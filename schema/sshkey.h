/*
 * Ed25519 keys in OpenSSH's forms, and who can sign with one: a key file or
 * an ssh-agent. Facts: attacks.md section 2; PROTOCOL.key, RFC 9987.
 */
#ifndef SCHEMA_SSHKEY_H
#define SCHEMA_SSHKEY_H

#include <stdbool.h>
#include <stdint.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"

enum sshkey_type {
	SSHKEY_ED25519,		/* ssh-ed25519 */
	SSHKEY_ED25519_SK,	/* sk-ssh-ed25519@openssh.com */
};

/* A public key. Two keys are the same if type, pk and application are. */
struct sshkey {
	enum sshkey_type type;
	uint8_t pk[32];
	char application[64];	/* SK only: "ssh:"; else "" */
};

bool sshkey_equal(const struct sshkey *a, const struct sshkey *b);
/* "ssh-ed25519", "sk-ssh-ed25519@openssh.com" */
const char *sshkey_type_name(enum sshkey_type type);

/*
 * The wire blob of a public key, strictly: a known type, exact lengths, a
 * point that is on the curve, canonical and of full order. ERR_DENIED.
 */
int sshkey_parse_blob(const uint8_t *blob, size_t len, struct sshkey *ret,
		      struct err *err);
void sshkey_write_blob(const struct sshkey *k, struct buf *out);
/*
 * "ssh-ed25519 AAAA... [comment]", single spaces, with or without a final
 * LF. ERR_DENIED.
 */
int sshkey_parse_text(const char *text, size_t len, struct sshkey *ret,
		      struct err *err);
void sshkey_write_text(const struct sshkey *k, struct buf *out);
/* "SHA256:..." as ssh-keygen -l prints it. */
void sshkey_fingerprint(const struct sshkey *k, struct buf *out);

/*
 * Somebody who can sign. spec is a path to an unencrypted OpenSSH private
 * key, or "key::ssh-ed25519 AAAA..." for a key that ssh-agent holds
 * (SSH_AUTH_SOCK). A key file must be a regular file, no symlink, owned by
 * us or root, with no access for group and others, and not inside a Git
 * repository; anything else is refused, saying what to do (encrypted: use
 * ssh-agent). The secret is in locked memory and wiped on release.
 */
struct signer;

/*
 * ERR_INVALID where the spec or the file is wrong. For key:: the agent is
 * not asked before the first signature, so that nobody's touch or consent
 * is wanted for nothing.
 */
int signer_open(const char *spec, struct signer **ret, struct err *err);
/*
 * -1 with ERR_INVALID for a key file that others could have read or replaced:
 * no fault that time or another program mends. 0 otherwise, also where the
 * file cannot be opened, or an agent has the key.
 */
int signer_check(const char *spec, struct err *err);
/* From the text of a key file: keyfile_parse. */
int signer_from_text(const char *text, size_t len, struct signer **ret,
		     struct err *err);
const struct sshkey *signer_key(const struct signer *s);
/*
 * Signs the SSHSIG of the message in a namespace: appends the armour, with
 * its final LF. Every signature is verified before it is handed out; an
 * agent's time and size are bounded (LIMIT_AGENT_MS, LIMIT_AGENT_MESSAGE).
 * ERR_DENIED: the agent refused or lied; ERR_TRANSIENT: it is not there or
 * too slow.
 */
int signer_sign(struct signer *s, const char *namespace, const void *msg,
		size_t len, struct buf *ret_armour, struct err *err);
void signer_free(struct signer *s);

#endif
