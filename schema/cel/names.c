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
		/* google.protobuf.Timestamp is a type */
		return is_bound(scope, e->name) || is_listed(names, e->name) ||
		       !strcmp(e->name, "google") ? NULL : e->name;
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

/* ---- fields ---- */

struct shapes {
	const struct cel_types *types;
	const void *self, *old_self;	/* NULL: nothing is known of it */
	const char *found;
};

struct shape_scope {
	const char *name;
	const void *schema;
	const struct shape_scope *up;
};

static const void *shape(struct shapes *w, const struct cel_expr *e,
			 const struct shape_scope *scope, unsigned depth);

static const void *shape_of_name(const struct shapes *w,
				 const struct shape_scope *scope,
				 const char *name)
{
	for (; scope; scope = scope->up)
		if (!strcmp(scope->name, name))
			return scope->schema;
	return !strcmp(name, "self") ? w->self :
	       !strcmp(name, "oldSelf") ? w->old_self : NULL;
}

/* The values of a list or a map; NULL of what is neither. */
static const void *shape_of_items(const struct shapes *w, const void *schema,
				  enum cel_form form)
{
	struct cel_type t = { .form = CEL_FORM_NATIVE };

	if (schema)
		w->types->type(schema, &t);
	return t.form == form ? t.item : NULL;
}

static const void *shape_of_field(struct shapes *w, const void *schema,
				  const char *name)
{
	struct cel_type t = { .form = CEL_FORM_NATIVE };
	const void *field;

	if (schema)
		w->types->type(schema, &t);
	if (t.form != CEL_FORM_OBJECT)
		return t.form == CEL_FORM_MAP ? t.item : NULL;
	field = w->types->field(schema, name, strlen(name));
	if (!field && !w->found)
		w->found = name;
	return field;
}

/* x in self.all(x, ...): an item of a list, but a key of a map. */
static const void *shape_of_fold(struct shapes *w, const struct cel_expr *e,
				 const struct shape_scope *scope,
				 unsigned depth)
{
	const void *of = shape(w, e->args[0], scope, depth);
	bool is_list = e->fold != FOLD_OPT_MAP && e->fold != FOLD_OPT_FLAT_MAP;
	const void *items = is_list ? shape_of_items(w, of, CEL_FORM_LIST) :
				      NULL;
	const struct shape_scope first = {
		.name = e->var[0], .schema = e->var[1] ? NULL : items,
		.up = scope,
	};
	const struct shape_scope second = {
		.name = e->var[1] ? e->var[1] : "", .schema = items ? items :
			shape_of_items(w, of, CEL_FORM_MAP), .up = &first,
	};

	for (uint32_t i = 1; i < e->n; i++)
		shape(w, e->args[i], e->var[1] ? &second : &first, depth);
	return e->fold == FOLD_FILTER ? of : NULL;
}

/* The schema of what it gives, NULL where that is not to be told. */
static const void *shape(struct shapes *w, const struct cel_expr *e,
			 const struct shape_scope *scope, unsigned depth)
{
	const void *of;

	if (depth > 4 * LIMIT_CEL_DEPTH || w->found)
		return NULL;
	depth++;
	switch (e->op) {
	case CEL_IDENT:
		return shape_of_name(w, scope, e->name);
	case CEL_SELECT:
	case CEL_HAS:
		of = shape(w, e->args[0], scope, depth);
		if (e->optional)
			return NULL;
		of = shape_of_field(w, of, e->name);
		return e->op == CEL_HAS ? NULL : of;
	case CEL_INDEX:
		of = shape(w, e->args[0], scope, depth);
		shape(w, e->args[1], scope, depth);
		if (e->optional)
			return NULL;
		return shape_of_items(w, of, CEL_FORM_LIST) ? :
		       shape_of_items(w, of, CEL_FORM_MAP);
	case CEL_FOLD:
		return shape_of_fold(w, e, scope, depth);
	default:
		for (uint32_t i = 0; i < e->n; i++)
			shape(w, e->args[i], scope, depth);
		return NULL;
	}
}

const char *cel_unknown_field(const struct cel_program *p,
			      const struct cel_types *types,
			      const void *schema, bool optional_old_self)
{
	struct shapes w = {
		.types = types, .self = schema,
		.old_self = optional_old_self ? NULL : schema,
	};

	if (p->root)
		shape(&w, p->root, NULL, 0);
	return w.found;
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
