/*
 * Who judges which kind. See values.h. All served versions of a kind have
 * the same fields under the same names, so the judges do not ask for it.
 */
#include "config.h"
#include "schema/values/values.h"

#include <string.h>

#include "schema/values/kinds.h"

/* Sorted by kind, then group. */
static const struct {
	const char *kind, *group;
	judge_fn *judge;
} kinds[] = {
	{ "Deployment", "apps", judge_deployment },
	{ "Pod", "", judge_pod },
};

static judge_fn *judge_of(const struct object_id *id)
{
	size_t lo = 0, hi = ARRAY_SIZE(kinds);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(id->kind, kinds[mid].kind);

		if (!order)
			order = strcmp(id->group, kinds[mid].group);
		if (!order)
			return kinds[mid].judge;
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

int values_check(const struct object *o, unsigned minor, size_t first,
		 struct problems *ps)
{
	struct judge j = { .o = o, .ps = ps, .minor = minor, .said = first,
			   .said_end = ps->n };
	struct place root = { .node = o->root };
	judge_fn *judge = judge_of(&o->id);

	if (judge)
		judge(&j, &root);
	return j.rc;
}
