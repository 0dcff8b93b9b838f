/*
 * What is wrong with a push, shown to who made it.
 */
#ifndef HOOKS_FINDINGS_H
#define HOOKS_FINDINGS_H

#include <git2.h>

#include "hooks/feedback.h"

/* `git push -o lines`: findings are shown with the lines in question. */
#define LINES_OPTION "lines"

/* All of them, a line each; with the lines of the files of the tree that they
 * are about where the pusher asked for these. */
void findings_show(struct feedback *fb, git_repository *repo,
		   const git_oid *tree, struct problems *ps);

#endif
