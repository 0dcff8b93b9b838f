/*
 * What is wrong with what somebody wrote: a list of findings, each with its
 * place. Printed as `path:line:column: error: message [rule]`.
 */
#ifndef SCHEMA_PROBLEM_H
#define SCHEMA_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema/base/buf.h"
#include "schema/base/strvec.h"
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
	struct problem *v;	/* at most LIMIT_PROBLEMS are kept: errors
				   rather than warnings */
	size_t n, alloc;
	size_t no_warning;	/* so many at the end are errors */
	size_t errors, warnings;	/* all that were found */
	size_t unchecked;	/* rules that could not be judged here */
	struct strvec unjudged;	/* those of definitions: kind and rule, as many
				   as LIMIT_UNJUDGED */
	size_t n_unjudged;	/* all of them */
	size_t compared;	/* see problems_compare */
	uint64_t steps;		/* see problems_steps */
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

/* True if one more would not be kept. */
bool problems_full(const struct problems *ps, enum severity severity);

/* May a finding compare n names to say which may have been meant? Not
 * beyond LIMIT_NEAR in all, nor if it would not be kept. */
bool problems_compare(struct problems *ps, size_t n);

/* Counts steps that judging takes. False when there were more than
 * LIMIT_RULE_STEPS in all: what costs more is not judged, and
 * problems_say_unjudged says so. */
bool problems_steps(struct problems *ps, uint64_t n);

/* Puts all of `from` behind those of `to`; `from` is empty afterwards. */
void problems_move(struct problems *to, struct problems *from);

/* A rule of a definition that could not be evaluated. Text is scrubbed. */
void problem_unjudged(struct problems *ps, const char *kind, const char *rule);
/* Says of all such, in one warning (rule-unjudged): for the end of a run. */
void problems_say_unjudged(struct problems *ps);

/* By path, then line, then column; errors before warnings of one place. */
void problems_sort(struct problems *ps);
/* One line for one problem, without LF. */
void problem_format(const struct problem *p, struct buf *out);
void problems_release(struct problems *ps);

#endif
