/*
 * Talking to the person who pushes: short plain ASCII lines on stderr, at
 * most LIMIT_FEEDBACK_BYTES in all. The reader may be gone: a closed pipe is
 * ignored, a full one drops the rest instead of hanging the push.
 */
#ifndef HOOKS_FEEDBACK_H
#define HOOKS_FEEDBACK_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/problem.h"

struct feedback {
	int fd;			/* made non-blocking for our writes */
	size_t written;
	bool closed;		/* nobody reads, or the limit is reached */
};

/* fd is a pipe to the pusher, or any descriptor; SIGPIPE is ignored. */
void feedback_init(struct feedback *f, int fd);
/* One line; other than printable ASCII is escaped, LF is added. */
void feedback_line(struct feedback *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Where the lines are that problems are about. */
struct feedback_source {
	/* Appends the text of a file. */
	int (*read)(void *arg, const char *path, struct buf *out,
		    struct err *err);
	void *arg;
};

/* All problems, one a line, sorted, then how many there were. With a source
 * each is followed by the line that it is about, and a caret below it, unless
 * it may hold a secret (schema/quote.h). */
void feedback_problems(struct feedback *f, struct problems *ps,
		       const struct feedback_source *source);

#endif
