/*
 * Who said yes or no to a bundle, for people: schema/said.h, or by a list of
 * approvers of one's own.
 */
#ifndef ENGINE_CLI_SAID_H
#define ENGINE_CLI_SAID_H

#include "schema/said.h"
#include "schema/trust.h"

/* A line for each of the two that anybody said, with what stands before and
 * after it. */
void said_print(git_repository *repo, const struct bundle *b,
		const char *before, const char *after);

/* True if the ref of an approval, of len bytes, names one of them. */
bool said_is_by(const char *ref, size_t len, const struct trust *approvers);
/*
 * The same of tags that an approver's key has signed, on the bundle with this
 * id, and that count at `now`; all others are passed over.
 */
void said_print_by(git_repository *repo, const char *id,
		   const struct bundle *b, const struct trust *approvers,
		   int64_t now, const char *before, const char *after);

#endif
