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

void place_no_word(struct judge *j, const struct place *p, const char *rule,
		   const char *const *words, size_t n)
{
	const char *s = p->node->str;
	struct nearest near = nearest_to(s);
	struct buf all = BUF_INIT(WORDS_MAX);

	for (size_t i = 0; i < n; i++) {
		nearest_try(&near, words[i]);
		if (*words[i])
			buf_addf(&all, "%s%s", all.len ? ", " : "", words[i]);
	}
	if (near.best)
		place_error(j, p, p->node->mark, rule, "cannot be '%s': did "
			    "you mean %s? (It is one of %s.)", s,
			    near.best, all.data);
	else
		place_error(j, p, p->node->mark, rule, "cannot be '%s': it "
			    "%s %s", s, strchr(all.data, ',') ? "is one of" :
			    "can only be", all.data);
	buf_release(&all);
}

void place_unknown_field(struct judge *j, const struct place *p,
			 const struct node_pair *pair, const char *near,
			 const struct place *home)
{
	struct buf path = BUF_INIT(PATH_MAX_SHOWN);

	if (home)
		place_path(home, &path);
	if (near)
		place_error(j, p, pair->mark, "field-unknown", "has no field "
			    "'%s': did you mean '%s'?", pair->key, near);
	else if (home && buf_ok(&path))
		place_error(j, p, pair->mark, "field-unknown", "has no field "
			    "'%s', but %s has: check the indentation",
			    pair->key, path.data);
	else
		place_error(j, p, pair->mark, "field-unknown", "has no field "
			    "'%s'", pair->key);
	buf_release(&path);
}

void place_again(struct judge *j, const struct place *item,
		 const struct buf *keys, bool secret, struct map *seen)
{
	const struct node *first = map_getn(seen, keys->data, keys->len);

	if (!first)
		map_putn(seen, keys->data, keys->len, (void *)item->node);
	else if (secret || keys->len > PATH_MAX_SHOWN)
		place_error(j, item, item->node->mark, "list-duplicate",
			    "is the same as the item in line %u",
			    first->mark.line);
	else
		place_error(j, item, item->node->mark, "list-duplicate",
			    "is a second one of %s: the first is in line %u",
			    keys->data, first->mark.line);
}

void place_null_item(struct judge *j, const struct place *item)
{
	place_error(j, item, item->node->mark, "list-null", "must not be "
		    "empty: the items of this list are told apart by what "
		    "they say");
}
