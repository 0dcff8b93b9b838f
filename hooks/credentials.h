/*
 * The keys by which requests to a store are signed: out of a file in the
 * form of AWS' shared credentials, or out of the usual environment.
 */
#ifndef HOOKS_CREDENTIALS_H
#define HOOKS_CREDENTIALS_H

#include "hooks/bucket.h"

/* of a session token: AWS names no bound, and uses some 1,000 */
#define LIMIT_SESSION_TOKEN_BYTES 8192

struct credentials {
	char *id;		/* of the access key: no secret */
	char *secret;
	char *token;		/* of a session, or NULL */
};

#define CREDENTIALS_INIT { 0 }

/*
 * With b->credentials that file, under the rules of a signing key's file:
 * no link, of this user or root, and closed to all others. Else
 * AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
 * ERR_INVALID, and no message quotes a value.
 */
int credentials_read(const struct bucket *b, struct credentials *ret,
		     struct err *err);
/* Wipes them. */
void credentials_release(struct credentials *c);

#endif
