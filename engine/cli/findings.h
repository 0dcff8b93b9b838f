/*
 * Findings for a person or for a script.
 */
#ifndef ENGINE_CLI_FINDINGS_H
#define ENGINE_CLI_FINDINGS_H

#include <stdio.h>

#include "schema/base/arena.h"
#include "schema/node.h"
#include "schema/problem.h"

/*
 * One line a problem, as problem_format has it; on a terminal in colours,
 * with the line of the source and a caret below it. Lines of files that
 * speak of Secrets are not shown. Then, where more were found than kept, how
 * many.
 */
void findings_print(FILE *out, const struct problems *ps);

/* A list of maps: path, line, column (where known), severity, rule, message */
struct node *findings_json(const struct problems *ps, struct arena *a);

#endif
