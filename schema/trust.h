/*
 * Trust files in OpenSSH's allowed_signers grammar, made strict (DESIGN.md
 * section 6): one principal a line, a namespaces option of exactly the given
 * value, no cert-authority, no wildcard, times ending in Z, no key twice. A
 * principal may have several keys (rotation). Options stand in any order,
 * their values in quotes; blank lines, lines that begin with #, a comment
 * behind a key and a last line without LF are fine. Any bad line refuses the
 * whole text. A text may hold no key at all: whether that makes sense is for
 * the caller to say.
 */
#ifndef SCHEMA_TRUST_H
#define SCHEMA_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/limits.h"
#include "schema/sshkey.h"

#define TRUST_PUBLISHERS "git,head-v1@windlass.dev"
#define TRUST_APPROVERS "git"
#define TRUST_REPORTERS "report-v1@windlass.dev"

/* [A-Za-z0-9][A-Za-z0-9._@+-]{0,63}, and a component of a ref. */
bool is_principal(const char *s, size_t len);

struct trust_key {
	char principal[LIMIT_PRINCIPAL_BYTES + 1];
	struct sshkey key;
	int64_t valid_after;	/* INT64_MIN: none */
	int64_t valid_before;	/* inclusive; INT64_MAX: none */
};

struct trust {
	struct trust_key *v;	/* malloced */
	size_t n;
};

#define TRUST_INIT { 0 }

/* ERR_INVALID "line N: ...". namespaces is one of the TRUST_* above. */
int trust_parse(const char *text, size_t len, const char *namespaces,
		struct trust *ret, struct err *err);
void trust_release(struct trust *t);

/* How many principals are in it: somebody may have several keys. */
size_t trust_people(const struct trust *t);

/*
 * Who holds the key: its entry, or NULL with ERR_DENIED. If now is not
 * TRUST_ANY_TIME the key must be valid at that second.
 */
#define TRUST_ANY_TIME INT64_MIN
const struct trust_key *trust_find(const struct trust *t,
				   const struct sshkey *key, int64_t now,
				   struct err *err);

/*
 * A key that stands in both files (two roles): ERR_INVALID, else 0. Here and
 * in trust_parse keys are the same if their 32 bytes are, whatever the type.
 */
int trust_disjoint(const struct trust *a, const struct trust *b,
		   struct err *err);

#endif
