/*
 * The certificate of `git push --signed`, by our own reader: git's word for
 * an SSH signature is "good" also where the key is nobody's, and git refuses
 * no push for a certificate.
 *
 *	certificate version 0.1
 *	pusher SHA256:... 1764000000 +0000
 *	pushee ssh://git@git.example.org/app.git
 *	nonce 1764000000-<hex>
 *	push-option lines
 *
 *	<old> <new> <ref>
 *	-----BEGIN SSH SIGNATURE-----
 */
#ifndef HOOKS_PUSH_CERT_H
#define HOOKS_PUSH_CERT_H

#include "hooks/receive.h"
#include "schema/base/strvec.h"
#include "schema/trust.h"

/* a thousand refs with long names */
#define LIMIT_PUSH_CERT_BYTES (1024u * 1024)

struct push_cert {
	const char *pushee;	/* NULL if there is none; these two point */
	size_t pushee_len;	/* into the text */
	const char *nonce;
	size_t nonce_len;
	struct strvec options;
	struct updates updates;
	size_t payload;		/* bytes that are signed */
};

#define PUSH_CERT_INIT { .options = STRVEC_INIT, .updates = UPDATES_INIT }

/* Strict. ERR_DENIED names the line. Does not verify. */
int push_cert_parse(const char *text, size_t len, struct push_cert *ret,
		    struct err *err);
void push_cert_release(struct push_cert *c);

/* Whose it is: who of the developers signed it with a key that is valid at
 * `now`. ERR_DENIED. What the certificate calls its pusher is not looked at. */
int push_cert_signer(const char *text, size_t len, const struct push_cert *c,
		     const struct trust *developers, int64_t now,
		     char ret[LIMIT_PRINCIPAL_BYTES + 1], struct err *err)
	__attribute__((warn_unused_result));

/*
 * That of the push that runs this hook (GIT_PUSH_CERT and what goes with it):
 * its text is appended to `text`, which must stay as long as *ret. It must
 * have exactly the commands and push options of this push, a nonce that git
 * says was made for it, and where `pushees` names any, one of these. 1 if the
 * push has none.
 */
int push_cert_of_push(git_repository *repo, const struct updates *us,
		      const struct strvec *pushees, struct buf *text,
		      struct push_cert *ret, struct err *err);

#endif
