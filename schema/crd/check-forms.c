/*
 * allOf, anyOf, oneOf and not: see crd-walk.h. Each schema of them is walked
 * without a word first; only how many fit counts. What cannot be judged in
 * one of them leaves the whole without a verdict, unless others decide it.
 */
#include "config.h"
#include "schema/crd/crd-walk.h"

#include <string.h>

/* why none fits, in a message */
#define WHY_MAX 512
#define NAMES_MAX 512

enum fit { FITS_NOT, FITS, FITS_PERHAPS };

/* Walks one schema along the value of p; *first gets the first fault. */
static enum fit try_form(struct crd_walk *w, const struct spot *p,
			 const struct crd_schema *s, struct buf *first,
			 size_t *ret_faults)
{
	struct spot inner = *p;
	size_t faults = w->faults, unknown = w->unknown;
	struct buf *outer = w->first;
	enum fit fit;

	inner.schema = s;
	w->first = first;
	w->silent++;
	crd_walk_value(w, &inner, false);
	w->silent--;
	w->first = outer;
	*ret_faults = w->faults - faults;
	fit = w->faults > faults ? FITS_NOT :
	      w->unknown > unknown ? FITS_PERHAPS : FITS;
	w->faults = faults;
	w->unknown = unknown;
	return fit;
}

/* Each of them only says that a field must be there. */
static bool only_required(const struct crd_list *l, struct buf *names)
{
	for (uint32_t i = 0; i < l->n; i++) {
		const struct crd_schema *s = l->v[i];

		if (s->n_required != 1 || s->n_fields || s->not ||
		    s->all_of.n || s->any_of.n || s->one_of.n ||
		    s->min_fields.set || s->max_fields.set)
			return false;
		buf_addf(names, "%s'%s'", i ? ", " : "", s->required[0]);
	}
	return l->n && buf_ok(names);
}

struct count {
	uint32_t yes, perhaps;
	struct buf why;		/* of the one that is nearest to fitting */
	size_t least;
};

static void count_forms(struct crd_walk *w, const struct spot *p,
			const struct crd_list *l, struct count *ret)
{
	struct buf why = BUF_INIT(WHY_MAX);

	for (uint32_t i = 0; i < l->n; i++) {
		size_t faults;
		enum fit fit;

		buf_reset(&why);
		fit = try_form(w, p, l->v[i], &why, &faults);
		ret->yes += fit == FITS;
		ret->perhaps += fit == FITS_PERHAPS;
		if (fit != FITS_NOT || (ret->why.len && faults >= ret->least))
			continue;
		ret->least = faults;
		buf_reset(&ret->why);
		buf_adds(&ret->why, buf_ok(&why) ? why.data : "");
	}
	buf_release(&why);
}

static void none_fits(struct crd_walk *w, const struct spot *p,
		      const struct crd_list *l, const struct count *c,
		      const char *word)
{
	struct buf names = BUF_INIT(NAMES_MAX);

	if (only_required(l, &names))
		crd_fault(w, p, "field-form", "has none of %s: one of them "
			  "is required", names.data);
	else if (l->n == 1)
		crd_fault(w, p, "field-form", "is not as it must be (%s): "
			  "%s", word, c->why.data);
	else
		crd_fault(w, p, "field-form", "has none of the %u forms that "
			  "it may have (%s); of the nearest one: %s", l->n,
			  word, c->why.data);
	buf_release(&names);
}

static void check_any(struct crd_walk *w, const struct spot *p)
{
	const struct crd_list *l = &p->schema->any_of;
	struct count c = { .why = BUF_INIT(WHY_MAX) };

	count_forms(w, p, l, &c);
	if (!c.yes && c.perhaps)
		w->unknown++;
	else if (!c.yes)
		none_fits(w, p, l, &c, "anyOf");
	buf_release(&c.why);
}

static void check_one(struct crd_walk *w, const struct spot *p)
{
	const struct crd_list *l = &p->schema->one_of;
	struct count c = { .why = BUF_INIT(WHY_MAX) };
	struct buf names = BUF_INIT(NAMES_MAX);

	count_forms(w, p, l, &c);
	if (c.yes > 1 && only_required(l, &names))
		crd_fault(w, p, "field-form", "has more than one of %s: only "
			  "one of them may be there", names.data);
	else if (c.yes > 1)
		crd_fault(w, p, "field-form", "has %u of the %u forms of "
			  "which it may have one (oneOf)", c.yes, l->n);
	else if (c.perhaps)
		w->unknown++;
	else if (!c.yes)
		none_fits(w, p, l, &c, "oneOf");
	buf_release(&names);
	buf_release(&c.why);
}

static void check_not(struct crd_walk *w, const struct spot *p)
{
	const struct crd_schema *s = p->schema->not;
	size_t faults;

	switch (try_form(w, p, s, NULL, &faults)) {
	case FITS_NOT:
		return;
	case FITS_PERHAPS:
		w->unknown++;
		return;
	case FITS:
		break;
	}
	if (s->n_required == 1 && !s->n_fields && !s->any_of.n &&
	    !s->all_of.n && !s->one_of.n)
		crd_fault(w, p, "field-form", "must not have '%s'",
			  s->required[0]);
	else
		crd_fault(w, p, "field-form", "has the form that its "
			  "definition excludes (not)");
}

void crd_check_forms(struct crd_walk *w, const struct spot *p)
{
	const struct crd_schema *s = p->schema;

	/* x-kubernetes-int-or-string says it in words, too: the type did */
	for (uint32_t i = 0; i < s->all_of.n; i++) {
		struct spot inner = *p;

		inner.schema = s->all_of.v[i];
		crd_walk_value(w, &inner, false);
	}
	if (s->any_of.n)
		check_any(w, p);
	if (s->one_of.n)
		check_one(w, p);
	if (s->not)
		check_not(w, p);
}
