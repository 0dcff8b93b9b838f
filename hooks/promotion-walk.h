/*
 * The commits between what is published of a channel and the tip of its
 * source, and what the channel before made of them. All of it is found in one
 * walk: to ask of each commit whether it descends from another one costs the
 * square of their number.
 */
#ifndef HOOKS_PROMOTION_WALK_H
#define HOOKS_PROMOTION_WALK_H

#include <git2.h>
#include <stdbool.h>
#include <stddef.h>

#include "schema/base/err.h"
#include "schema/base/strvec.h"

struct walked {
	git_oid id;
	/* the first of the sources that it is, or comes after, with a base as
	 * far as these are in the walk or before that; their number: none */
	size_t first;
	bool after_base;
};

struct promotion_walk {
	struct walked *v;	/* a commit before its parents */
	size_t n;
};

#define PROMOTION_WALK_INIT { 0 }

struct promotion_question {
	const char *tip;
	/* a commit that the tip comes after, or "" */
	const char *base;
	/* more that are not looked at, with all that they come after; ids that
	 * are not there any more are left out */
	const struct strvec *hidden;
	const struct strvec *sources;
};

/* All commits of the tip that the base and the hidden do not have: 10 us
 * each, and without a base but with hidden ones 10 us of all that there are. */
int promotion_walk(git_repository *repo, const struct promotion_question *q,
		   struct promotion_walk *ret, struct err *err);
void promotion_walk_release(struct promotion_walk *w);

#endif
