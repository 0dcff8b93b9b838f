/*
 * What the history of a source says of image updates: each leaves a trailer
 * in its commit, "Windlass-Image: <policy> <tag>".
 */
#ifndef HOOKS_IMAGE_HISTORY_H
#define HOOKS_IMAGE_HISTORY_H

#include "hooks/tag-policy.h"
#include "schema/repo.h"

#define IMAGE_TRAILER "Windlass-Image: "

/* The updates of one repository's history, read at the first question, and on
 * when the tip goes on. */
struct image_history;

struct image_history *image_history_new(void);
void image_history_free(struct image_history *h);

/*
 * True if an update from which `tip` comes set this file, also by a name that
 * it had then, to the tag, or to a newer one: then whatever stands there now
 * was put there by somebody after it (`git revert`), and stays until there is
 * a tag that is newer still.
 */
int image_history_taken_back(struct image_history *h, git_repository *repo,
			     const char *tip, const struct tag_policy *p,
			     const char *tag, const char *path, bool *ret,
			     struct err *err);

#endif
