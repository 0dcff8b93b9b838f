/*
 * Who said yes or no to a bundle, for people: schema/said.h.
 */
#ifndef ENGINE_CLI_SAID_H
#define ENGINE_CLI_SAID_H

#include "schema/said.h"

/* A line for each of the two that anybody said, with what stands before and
 * after it. */
void said_print(git_repository *repo, const struct bundle *b,
		const char *before, const char *after);

#endif
