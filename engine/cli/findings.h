/*
 * What a review found, for a person or for another program.
 */
#ifndef ENGINE_CLI_FINDINGS_H
#define ENGINE_CLI_FINDINGS_H

#include <stdbool.h>
#include <stdio.h>

#include "engine/cli/review.h"

enum findings_format {
	FINDINGS_TEXT,
	FINDINGS_JSON,
	FINDINGS_SARIF,		/* 2.1.0 */
	FINDINGS_JUNIT,		/* the XML that CI systems read */
	FINDINGS_GITHUB,	/* workflow commands: annotations of a diff */
};

struct findings_style {
	enum findings_format format;
	bool lines;		/* TEXT: with the line of the file, a caret */
	bool color;
};

/* For a table of options: target is an enum findings_format. */
int findings_take_format(void *target, const char *word, struct err *err);

/*
 * TEXT: one line a problem, as problem_format has it, then, where more were
 * found than kept, how many. With style->lines, that of the source and a
 * caret below it, unless it may hold a secret (schema/quote.h).
 */
void findings_print(FILE *out, struct review *r,
		    const struct findings_style *style);

/*
 * Writes a whole document of the other formats to stdout; status is the
 * command's. EXIT_TROUBLE after a message when it is too large, else status.
 */
int findings_report(const struct review *r, enum findings_format format,
		    int status);

/* ---- parts of findings_report, a file each ---- */

void findings_sarif(const struct review *r, int status, struct buf *out);
void findings_junit(const struct review *r, struct buf *out);
void findings_github(const struct review *r, struct buf *out);

/* "error" or "warning". */
const char *findings_severity(const struct problem *p);

#endif
