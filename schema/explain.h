/*
 * Every rule that a finding can name (problem.h), explained: the one place
 * that `windlass explain`, the formats for other tools and the manuals take
 * it from. A rule's name never changes its meaning, and is never used again
 * once it is gone: people put it into scripts, and scanners into data bases.
 */
#ifndef SCHEMA_EXPLAIN_H
#define SCHEMA_EXPLAIN_H

#include <stddef.h>

#include "schema/problem.h"

struct explanation {
	const char *rule;	/* "yaml-syntax" */
	enum severity severity;	/* the worst that it is */
	const char *summary;	/* one line, what is found; no full stop */
	const char *why;	/* a paragraph: what would happen otherwise */
	const char *repair;	/* a paragraph */
	/* Two manifests: one that breaks the rule (and maybe others), and one
	 * that `windlass check` takes. For what no manifest alone can show:
	 * what else to look at, in words or as a session in a shell. */
	const char *bad, *good;
	/* What `windlass check` needs to show it with these, "" if nothing;
	 * NULL: they are no manifests. */
	const char *options;
};

/* All of them, by families. */
extern const struct explanation explanations[];
extern const size_t n_explanations;

/* NULL if there is no such rule. */
const struct explanation *explain_find(const char *rule);
/* The rule that somebody may have meant, or NULL. */
const struct explanation *explain_near(const char *rule);

#endif
