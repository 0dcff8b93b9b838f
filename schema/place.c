/*
 * Errors with their place in an object. See place.h. Keys and texts are as
 * somebody wrote them; problem.c makes them harmless.
 */
#include "config.h"
#include "schema/place.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "schema/near.h"

/* A path and what is said of it; longer ones are cut. */
#define PATH_MAX_SHOWN 512
#define SAID_MAX 1536
/* all words of the longest list */
#define WORDS_MAX 1024

void place_path(const struct place *p, struct buf *out)
{
	if (!p->up)
		return;
	place_path(p->up, out);
	if (!p->key)
		buf_addf(out, "[%u]", p->index);
	else if (strpbrk(p->key, "./[] ") || !*p->key)
		buf_addf(out, "[\"%s\"]", p->key);
	else
		buf_addf(out, "%s%s", out->len ? "." : "", p->key);
}

/* What is missing or too much in a map says nothing of the map itself. */
static bool is_said(const struct judge *j, struct mark mark)
{
	for (size_t i = j->said; i < j->said_end; i++) {
		const struct problem *p = &j->ps->v[i];

		if (p->mark.line == mark.line &&
		    p->mark.column == mark.column &&
		    strcmp(p->rule, "field-required") &&
		    strcmp(p->rule, "field-unknown"))
			return true;
	}
	return false;
}

void place_error(struct judge *j, const struct place *p, struct mark mark,
		 const char *rule, const char *fmt, ...)
{
	struct buf path = BUF_INIT(PATH_MAX_SHOWN);
	char said[SAID_MAX];
	va_list ap;

	j->rc = -1;
	if (is_said(j, mark))
		return;
	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	place_path(p, &path);
	problem_error(j->ps, j->o->path, mark.line ? mark : j->o->mark, rule,
		      "%s %s", !buf_ok(&path) ? "a field that is deep down" :
		      path.len ? path.data : "the object", said);
	buf_release(&path);
}

static const char *nearest(const char *s, const char *const *words, size_t n)
{
	size_t least = near_limit(strlen(s)) + 1;
	const char *best = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = near_distance(s, words[i], least);

		if (*words[i] && d < least) {
			least = d;
			best = words[i];
		}
	}
	return best;
}

void place_no_word(struct judge *j, const struct place *p, const char *rule,
		   const char *const *words, size_t n)
{
	const char *s = p->node->str, *near = nearest(s, words, n);
	struct buf all = BUF_INIT(WORDS_MAX);

	for (size_t i = 0; i < n; i++)
		if (*words[i])
			buf_addf(&all, "%s%s", all.len ? ", " : "", words[i]);
	if (near)
		place_error(j, p, p->node->mark, rule, "cannot be '%s': did "
			    "you mean %s? (It is one of %s.)", s, near,
			    all.data);
	else
		place_error(j, p, p->node->mark, rule, "cannot be '%s': it "
			    "%s %s", s, strchr(all.data, ',') ? "is one of" :
			    "can only be", all.data);
	buf_release(&all);
}
