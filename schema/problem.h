/*
 * What is wrong with what somebody wrote: a list of findings, each with its
 * place. Printed as `path:line:column: error: message [rule]`.
 */
#ifndef SCHEMA_PROBLEM_H
#define SCHEMA_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>

#include "schema/base/buf.h"
#include "schema/node.h"

enum severity { SEVERITY_WARNING, SEVERITY_ERROR };

struct problem {
	char *path;		/* of the file; "" when there is none */
	struct mark mark;	/* {0, 0}: the file as a whole */
	enum severity severity;
	const char *rule;	/* stable id, a static string: "yaml-syntax" */
	char *message;		/* scrubbed: no control bytes */
};

struct problems {
	struct problem *v;	/* at most LIMIT_PROBLEMS are kept */
	size_t n, alloc;
	size_t errors, warnings;	/* all that were found */
	size_t unchecked;	/* rules that could not be judged here */
};

#define PROBLEMS_INIT { 0 }

/* Adds one. path and message are copied. */
void problem_add(struct problems *ps, const char *path, struct mark mark,
		 enum severity severity, const char *rule, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
#define problem_error(ps, path, mark, rule, ...) \
	problem_add((ps), (path), (mark), SEVERITY_ERROR, (rule), __VA_ARGS__)
#define problem_warning(ps, path, mark, rule, ...) \
	problem_add((ps), (path), (mark), SEVERITY_WARNING, (rule), __VA_ARGS__)

/* Puts all of `from` behind those of `to`; `from` is empty afterwards. */
void problems_move(struct problems *to, struct problems *from);

/* By path, then line, then column; errors before warnings of one place. */
void problems_sort(struct problems *ps);
/* One line for one problem, without LF. */
void problem_format(const struct problem *p, struct buf *out);
void problems_release(struct problems *ps);

#endif
