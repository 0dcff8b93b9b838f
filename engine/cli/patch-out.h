/*
 * Two texts as the lines that differ, for a terminal: what is in them is a
 * stranger's and is scrubbed.
 */
#ifndef ENGINE_CLI_PATCH_OUT_H
#define ENGINE_CLI_PATCH_OUT_H

#include <stdbool.h>
#include <stdio.h>

#include "schema/base/buf.h"
#include "schema/base/err.h"

/*
 * "-old", "+new" and the lines around them, in hunks as `git diff` has. A
 * hunk that begins where the texts do has no head with `brief`.
 */
int patch_print(FILE *out, const struct buf *old_text,
		const struct buf *new_text, bool color, bool brief,
		struct err *err);

#endif
