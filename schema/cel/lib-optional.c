/*
 * Optional values. The macros are in fold.c; or() and orValue(), which look
 * at their argument only if they need it, in call.c.
 */
#include "config.h"
#include "schema/cel/function.h"

static struct cel_value none(struct cel_run *r,
			     const struct cel_value *args, size_t n)
{
	(void)r;
	(void)args;
	(void)n;
	return cel_none();
}

static struct cel_value of(struct cel_run *r,
			   const struct cel_value *args, size_t n)
{
	(void)n;
	return cel_some(r, args[0]);
}

/* The zero of its type: lists and maps of the object are never one. */
static bool is_zero(struct cel_value v)
{
	switch (v.tag) {
	case VAL_NULL:
		return true;
	case VAL_BOOL:
		return !v.boolean;
	case VAL_INT:
	case VAL_DURATION:
		return !v.integer;
	case VAL_UINT:
		return !v.natural;
	case VAL_DOUBLE:
		return v.real == 0;
	case VAL_STRING:
	case VAL_BYTES:
		return !v.n;
	case VAL_LIST:
		return !v.list->n &&
		       !(v.list->node && v.list->type.form == CEL_FORM_LIST);
	case VAL_MAP:
		return !v.map->n &&
		       !(v.map->node && v.map->type.form != CEL_FORM_NATIVE);
	default:
		return false;
	}
}

static struct cel_value of_non_zero(struct cel_run *r,
				    const struct cel_value *args, size_t n)
{
	(void)n;
	if (args[0].tag > VAL_MAP)
		return cel_unknown("optional.ofNonZeroValue() of such a type");
	return is_zero(args[0]) ? cel_none() : cel_some(r, args[0]);
}

static struct cel_value has_value(struct cel_run *r,
				  const struct cel_value *args, size_t n)
{
	(void)r;
	(void)n;
	return cel_bool(args[0].some);
}

static struct cel_value value(struct cel_run *r,
			      const struct cel_value *args, size_t n)
{
	(void)r;
	(void)n;
	return args[0].some ? *args[0].some :
	       cel_error("optional.none() dereference");
}

static struct cel_value unwrap(struct cel_run *r,
			       const struct cel_value *args, size_t n)
{
	const struct cel_list *l = args[0].list;
	struct cel_value *items = cel_room(r, (l->n + 1u) * sizeof(*items));
	uint32_t kept = 0;

	(void)n;
	if (!items)
		return cel_too_much();
	for (uint32_t i = 0; i < l->n; i++) {
		struct cel_value v = cel_list_get(r, l, i);

		if (v.tag != VAL_OPTIONAL)
			return cel_failed(v) ? v :
			       cel_error("value is not optional");
		if (v.some)
			items[kept++] = *v.some;
	}
	return cel_list_of(r, items, kept);
}

const struct cel_function cel_optional_functions[] = {
	{ "optional.none", false, "", none },
	{ "optional.of", false, "*", of },
	{ "optional.ofNonZeroValue", false, "*", of_non_zero },
	{ "optional.unwrap", false, "l", unwrap },
	{ "unwrapOpt", true, "l", unwrap },
	{ "hasValue", true, "o", has_value },
	{ "value", true, "o", value },
	{ 0 },
};
