/*
 * What the history of a source says of image updates: each leaves a trailer
 * in its commit, "Windlass-Image: <policy> <tag>".
 */
#ifndef HOOKS_IMAGE_HISTORY_H
#define HOOKS_IMAGE_HISTORY_H

#include "hooks/tag-policy.h"
#include "schema/base/strvec.h"
#include "schema/repo.h"

#define IMAGE_TRAILER "Windlass-Image: "

/* The updates of one repository's history, read at the first question, and on
 * when the tip goes on. */
struct image_history;

struct image_history *image_history_new(void);
void image_history_free(struct image_history *h);

struct image_question {
	const char *tip;
	const struct strvec *below;	/* paths; "" is the whole tree */
	const struct tag_policy *policy;
	const char *tag, *path;
};

enum image_history_answer {
	IMAGE_NOT_TAKEN_BACK,
	IMAGE_TAKEN_BACK,
	/* the updates changed more files than are looked through for one that
	 * may be the path's, by an older name */
	IMAGE_MAYBE_TAKEN_BACK,
};

/*
 * Was it taken back: did an update from which the tip comes set this file,
 * also by a name that it had then below those paths, to the tag, or to a newer
 * one? Then whatever stands there now was put there by somebody after it (`git
 * revert`), and stays until there is a tag that is newer still.
 */
int image_history_ask(struct image_history *h, git_repository *repo,
		      const struct image_question *q,
		      enum image_history_answer *ret, struct err *err);

#endif
