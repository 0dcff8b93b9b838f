/*
 * Expressions that are no rules: of admission policies and webhooks, whose
 * variables others know. See cel.h. They are not evaluated, only looked at.
 */
#include "config.h"
#include "schema/cel/function.h"

#include <string.h>

#include "schema/limits.h"

static bool is_bound(const struct cel_scope *s, const char *name)
{
	for (; s; s = s->up)
		if (!strcmp(s->name, name))
			return true;
	return false;
}

static bool is_listed(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

static const char *unknown(const struct cel_expr *e,
			   struct cel_scope *scope,
			   const char *const *names, unsigned depth);

static const char *unknown_in_fold(const struct cel_expr *e,
				   struct cel_scope *scope,
				   const char *const *names, unsigned depth)
{
	struct cel_scope first = { .name = e->var[0], .up = scope };
	struct cel_scope second = { .name = e->var[1], .up = &first };
	const char *found = unknown(e->args[0], scope, names, depth);

	for (uint32_t i = 1; !found && i < e->n; i++)
		found = unknown(e->args[i], e->var[1] ? &second : &first,
				names, depth);
	return found;
}

static const char *unknown(const struct cel_expr *e,
			   struct cel_scope *scope,
			   const char *const *names, unsigned depth)
{
	const char *found = NULL;

	if (depth > 4 * LIMIT_CEL_DEPTH)
		return NULL;
	if (e->op == CEL_FOLD)
		return unknown_in_fold(e, scope, names, depth + 1);
	if (e->op == CEL_IDENT)
		return is_bound(scope, e->name) || is_listed(names, e->name) ?
			NULL : e->name;
	for (uint32_t i = 0; !found && i < e->n; i++)
		if (i || e->op != CEL_CALL || !e->member ||
		    e->args[0]->op != CEL_IDENT)
			found = unknown(e->args[i], scope, names, depth + 1);
	return found;
}

const char *cel_unknown_name(const struct cel_program *p,
			     const char *const *names)
{
	return p->root ? unknown(p->root, NULL, names, 0) : NULL;
}

const char *cel_constant_type(const struct cel_program *p)
{
	const struct cel_expr *e = p->root;

	if (e && e->op == CEL_NEGATE && e->args[0]->op == CEL_LITERAL)
		e = e->args[0];
	if (!e || e->op == CEL_MAP || e->op == CEL_LIST)
		return !e ? NULL : e->op == CEL_MAP ? "map" : "list";
	if (e->op != CEL_LITERAL)
		return NULL;
	switch (e->value.tag) {
	case VAL_BOOL:
		return "bool";
	case VAL_INT:
		return "int";
	case VAL_UINT:
		return "uint";
	case VAL_DOUBLE:
		return "double";
	case VAL_STRING:
		return "string";
	case VAL_BYTES:
		return "bytes";
	default:
		return NULL;
	}
}
