/*
 * Bearer tokens: a file with one token a line, '#' begins a comment line.
 * Only their SHA-256 digests are kept. Who knows one may read everything
 * that is published.
 */
#ifndef HOOKS_TOKENS_H
#define HOOKS_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/digest.h"

/* shorter ones can be guessed */
#define TOKEN_MIN_BYTES 20
#define TOKEN_MAX_BYTES 256
/* one for each engine, and then some */
#define LIMIT_TOKENS 10000
#define LIMIT_TOKENS_BYTES (LIMIT_TOKENS * (TOKEN_MAX_BYTES + 1))

struct tokens {
	struct sha256 *v;	/* malloced */
	size_t n;
};

#define TOKENS_INIT { 0 }

/*
 * Reads the file: a regular one, not accessible to others. ERR_INVALID
 * naming the line for a token that is too short or holds other characters
 * than RFC 6750 has, or when there is none. On failure ret is untouched.
 */
int tokens_read(const char *path, struct tokens *ret, struct err *err);
/*
 * True if the value of an Authorization field bears one of them. Takes the
 * same time whichever token it is, or none.
 */
bool tokens_allow(const struct tokens *t, const char *authorization);
/* The same as the password of HTTP's Basic scheme, of any user: browsers ask
 * people for one, and for nothing else. */
bool tokens_allow_password(const struct tokens *t, const char *authorization);
void tokens_release(struct tokens *t);

#endif
