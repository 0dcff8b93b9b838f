/*
 * What a change of the source comes to: two commits, each rendered as the Git
 * host would, and what differs between the objects of both.
 */
#ifndef ENGINE_CLI_SOURCE_DIFF_H
#define ENGINE_CLI_SOURCE_DIFF_H

#include "engine/cli/bundle-diff.h"
#include "engine/cli/review.h"

/* "BASE..HEAD", or "BASE...HEAD" from where both parted; the second may be
 * left out and is HEAD then. False if it is no such range. */
bool source_range(const char *name);

/*
 * Prints it. `sides` are two reviews with the same options, BASE's first, and
 * are of no use afterwards; the channel is that of their rules. EXIT_OK, or
 * what went wrong, which was said: EXIT_REFUSED where a side would be refused
 * by a push.
 */
int source_diff(struct bundle_diff *d, struct review sides[2],
		const char *range);

#endif
