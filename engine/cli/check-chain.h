/*
 * A channel's bundles from one of them back to the first, judged by
 * engine/verify.h, each result a line: signature, chain and content of
 * every one, the oldest first.
 */
#ifndef ENGINE_CLI_CHECK_CHAIN_H
#define ENGINE_CLI_CHECK_CHAIN_H

#include "engine/cli/results.h"

struct chain_check {
	const struct cache *cache;
	const struct verify_rules *rules;
	struct results *results;
	uint64_t last;		/* at most so many bundles; 0: all */
	bool current;		/* it begins with the channel's newest bundle,
				   whose key must be valid now */
	bool published;		/* of old bundles only the commits are there */
};

/*
 * Begins with the bundle tip. 0 when all that can be looked at was; -1 when
 * tip itself cannot be read, or is no bundle of this channel.
 */
int check_chain(const struct chain_check *c, const char *tip,
		struct err *err);

/* The tree of a commit is in the cache. */
bool tree_at_hand(const struct cache *c, const char *commit);

#endif
