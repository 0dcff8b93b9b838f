/*
 * Who signed a commit of the source: by our own reader and verifier, since
 * git's word for an SSH signature is "good" also where the key is nobody's or
 * has expired.
 */
#ifndef HOOKS_SIGNED_COMMIT_H
#define HOOKS_SIGNED_COMMIT_H

#include "schema/trust.h"

/*
 * Judges the raw commit (what `git cat-file commit` prints): exactly one
 * signature, by SSH, of all the rest of it, by a key that is listed and valid
 * at `now`. 0, or ERR_DENIED with what is wrong: "is not signed".
 */
int signed_commit_check(const char *raw, size_t len,
			const struct trust *developers, int64_t now,
			struct err *err)
	__attribute__((warn_unused_result));

/* 'Ada <ada@example.org>, "Fix the thing"', cut short; of any raw commit. */
void signed_commit_describe(const char *raw, size_t len, struct buf *out);

#endif
