/*
 * OpenSSH private key files (PROTOCOL.key), unencrypted Ed25519 only. An
 * encrypted key belongs in ssh-agent: windlass has no code for passphrases.
 */
#ifndef SCHEMA_KEYFILE_H
#define SCHEMA_KEYFILE_H

#include "schema/sshkey.h"

#define KEYFILE_SECRET_BYTES 64	/* seed and public key: libsodium's layout */

/*
 * Reads a key file that passes the checks of signer_open (sshkey.h). The
 * secret is sodium_malloced, read-only; free it with sodium_free, which
 * wipes it. ERR_INVALID saying what is wrong and what to do. The messages
 * never quote the file's content.
 */
int keyfile_read(const char *path, struct sshkey *ret_key,
		 uint8_t **ret_secret, struct err *err);

/*
 * The same from the text of a key file, which the caller keeps in guarded
 * memory and wipes. Messages begin with what is wrong ("is not ...").
 */
int keyfile_parse(const char *text, size_t len, struct sshkey *ret_key,
		  uint8_t **ret_secret, struct err *err);

/* The text of a key file that has this secret; at most so many bytes with its
 * NUL, whose memory is the caller's to guard. The comment is short. */
#define KEYFILE_TEXT_BYTES 1024
void keyfile_write(const uint8_t *secret, const char *comment,
		   char ret_text[KEYFILE_TEXT_BYTES]);

/*
 * Opens a file with a secret in it, after the same checks; `what` is what
 * messages call it ("key file").
 */
int keyfile_open(const char *path, const char *what, int *ret_fd,
		 struct err *err);

/*
 * 0 when the file, which need not exist yet, would not lie in a Git
 * repository. ERR_INVALID naming that.
 */
int keyfile_check_place(const char *path, struct err *err);

#endif
