/*
 * What differs between two bundles, or what would be two, object by object, on
 * stdout: for people who look before they push, approve, merge or go back.
 */
#ifndef ENGINE_CLI_BUNDLE_DIFF_H
#define ENGINE_CLI_BUNDLE_DIFF_H

#include <stdio.h>

#include "engine/cli/bundles.h"
#include "engine/cli/markdown-out.h"

struct bundle_diff {
	git_repository *repo;
	bool name_only;		/* just the list of objects */
	bool color;
	bool markdown;		/* for the text of a pull request: each object
				   folds, its lines are a block of code. By
				   bundle_diff_end it is printed */
	struct markdown text;	/* that; MARKDOWN_INIT */
	size_t changes;		/* objects that differ, counted here */
};

/* `from` NULL: all of `to` is new. */
int bundle_diff(struct bundle_diff *d, const struct bundle_at *from,
		const struct bundle_at *to, struct err *err);

/*
 * One object of which the texts differ, as bundles have them; op is '+', '~'
 * or '-', and NULL is none. Counts it.
 */
int bundle_diff_object(struct bundle_diff *d, char op, const char *path,
		       const struct buf *old_text, const struct buf *new_text,
		       struct err *err);
/* After the last one. */
void bundle_diff_end(struct bundle_diff *d);

#endif
