/*
 * Macros: calls that are no calls, because their arguments are not values
 * but what to do with each item. Only their names and the number of their
 * arguments make them so.
 */
#include "config.h"
#include "schema/cel/parse.h"

#include <string.h>

struct macro {
	const char *name;
	uint32_t args;		/* without what is walked */
	enum cel_fold fold;
	uint32_t vars;
};

static const struct macro macros[] = {
	{ "all", 2, FOLD_ALL, 1 },
	{ "all", 3, FOLD_ALL, 2 },
	{ "exists", 2, FOLD_EXISTS, 1 },
	{ "exists", 3, FOLD_EXISTS, 2 },
	{ "exists_one", 2, FOLD_EXISTS_ONE, 1 },
	{ "exists_one", 3, FOLD_EXISTS_ONE, 2 },
	{ "existsOne", 2, FOLD_EXISTS_ONE, 1 },
	{ "existsOne", 3, FOLD_EXISTS_ONE, 2 },
	{ "map", 2, FOLD_MAP, 1 },
	{ "map", 3, FOLD_MAP, 1 },
	{ "filter", 2, FOLD_FILTER, 1 },
	{ "transformList", 3, FOLD_MAP, 2 },
	{ "transformList", 4, FOLD_MAP, 2 },
	{ "transformMap", 3, FOLD_TRANSFORM_MAP, 2 },
	{ "transformMap", 4, FOLD_TRANSFORM_MAP, 2 },
	{ "transformMapEntry", 3, FOLD_TRANSFORM_ENTRY, 2 },
	{ "transformMapEntry", 4, FOLD_TRANSFORM_ENTRY, 2 },
	{ "sortBy", 2, FOLD_SORT_BY, 1 },
	{ "optMap", 2, FOLD_OPT_MAP, 1 },
	{ "optFlatMap", 2, FOLD_OPT_FLAT_MAP, 1 },
	{ 0 },
};

static const struct macro *find(const struct cel_expr *call)
{
	for (const struct macro *m = macros; m->name; m++)
		if (m->args + 1 == call->n && !strcmp(m->name, call->name))
			return m;
	return NULL;
}

static int bad(struct cel_parser *p, const struct cel_expr *at,
	       const char *what)
{
	cel_parse_error(p, at->column, what);
	return -1;
}

/* has(a.b), and nothing else */
static int has(struct cel_parser *p, struct cel_expr *call)
{
	const struct cel_expr *of = call->args[0];

	if (of->op != CEL_SELECT || of->optional)
		return bad(p, of, "has() takes a field such as self.name");
	call->op = CEL_HAS;
	call->name = of->name;
	call->args = of->args;
	return 1;
}

int cel_macro(struct cel_parser *p, struct cel_expr *call)
{
	const struct macro *m;

	if (!call->member)
		return call->n == 1 && !strcmp(call->name, "has") ?
		       has(p, call) : 0;
	m = find(call);
	if (!m)
		return 0;
	for (uint32_t i = 0; i < m->vars; i++) {
		const struct cel_expr *var = call->args[1 + i];

		if (var->op != CEL_IDENT)
			return bad(p, var, "the name of a variable should be "
				   "here");
		call->var[i] = var->name;
	}
	if (m->vars == 2 && !strcmp(call->var[0], call->var[1]))
		return bad(p, call->args[2], "both variables have one name");
	call->op = CEL_FOLD;
	call->fold = (uint8_t)m->fold;
	call->n -= m->vars;
	call->args[m->vars] = call->args[0];
	call->args += m->vars;
	return 1;
}
