/*
 * .windlassignore: which files of a channel are not manifests. The grammar
 * is gitignore's, all of gitignore(5), so what people know of patterns
 * holds. Pure: the caller reads the files, and nothing of the machine or of
 * its user (core.excludesFile) has a say.
 *
 * Paths are relative to the channel's path, without leading or trailing
 * slash: "apps/web/deploy.yaml".
 */
#ifndef SCHEMA_IGNORE_H
#define SCHEMA_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/err.h"

#define IGNORE_NAME ".windlassignore"

struct ignore;

/* With no patterns: nothing is ignored. */
int ignore_new(struct ignore **ret);

/*
 * Takes the text of the .windlassignore in `dir` ("" for the channel's
 * path); its patterns are relative to that directory, and win over those of
 * the directories above. Each directory at most once, in any order.
 * ERR_INVALID for a text larger than LIMIT_IGNORE_BYTES or with NUL bytes, and
 * when all have more than LIMIT_IGNORE_ALL_BYTES.
 */
int ignore_add(struct ignore *ig, const char *dir, const char *text,
	       size_t len, struct err *err);

/*
 * True if the file is ignored, or a directory above it is (and then, as in
 * Git, no pattern brings it back).
 */
bool ignore_match(struct ignore *ig, const char *path);

/* ERR_INVALID when comparing took more than LIMIT_IGNORE_STEPS: ignore_match
 * says nothing any more. */
int ignore_check(const struct ignore *ig, struct err *err);

void ignore_free(struct ignore *ig);

#endif
