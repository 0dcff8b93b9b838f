/*
 * Showing the line of a manifest that a finding is about, with a caret below
 * its column. Lines that may hold a secret are not shown: all of a Secret,
 * the values of environment variables, and what stands under a key such as
 * `password`. That is judged by the text too, so that it holds in documents
 * that cannot be parsed; where in doubt a line stays hidden.
 */
#ifndef SCHEMA_QUOTE_H
#define SCHEMA_QUOTE_H

#include <stdbool.h>

#include "schema/base/buf.h"
#include "schema/node.h"

/* Characters of a line that are shown, around the caret if it is longer. */
#define QUOTE_CHARS 100
/* Room for one line or caret, whatever its characters. */
#define QUOTE_BYTES (8u * QUOTE_CHARS + 64)

struct quotes {
	const char *text;	/* the caller's */
	size_t len;
	size_t *starts;		/* of each line */
	bool *hidden;
	uint32_t n;		/* lines */
	bool ascii;		/* lines have ? for what is no ASCII */
};

#define QUOTES_INIT { 0 }

/* Any bytes; they must outlive q, which is empty or released before. */
void quotes_read(struct quotes *q, const char *text, size_t len);
/*
 * The line at the mark, and the caret for below it: printable, tabs expanded,
 * as many columns as a terminal gives to wide and to combining characters.
 * False where there is no such line, or it is hidden.
 */
bool quotes_line(const struct quotes *q, struct mark mark, struct buf *line,
		 struct buf *caret);
void quotes_release(struct quotes *q);

#endif
