/*
 * Markdown for the text of a pull request, which services bound: GitHub takes
 * 65,536 characters, and refuses what is longer. Of what does not fit only
 * the names are listed, and of too many of these how many more there are.
 */
#ifndef ENGINE_CLI_MARKDOWN_OUT_H
#define ENGINE_CLI_MARKDOWN_OUT_H

#include <stdbool.h>

#include "schema/base/buf.h"
#include "schema/base/strvec.h"

/* in all, so that some words of other people's fit, too */
#define MARKDOWN_BYTES 60000
/* of that, when something does not fit: the rest is for names */
#define MARKDOWN_SHOWN_BYTES 48000

struct markdown {
	bool all;		/* unbounded, printed at once */
	bool names;		/* the texts are those lines */
	struct buf text;	/* what is shown so far */
	size_t sure;		/* so much of it is, whatever comes */
	bool over;		/* something did not fit */
	struct strvec later;	/* lines of what is behind that, */
	struct strvec listed;	/* and of what is only listed */
};

#define MARKDOWN_INIT { .text = BUF_INIT(MARKDOWN_BYTES) }

/* An object: its text, and the line that stands for it. */
void markdown_add(struct markdown *m, const char *line, const char *text,
		  size_t len);
/* Prints it on stdout, and releases it. */
void markdown_end(struct markdown *m);

#endif
