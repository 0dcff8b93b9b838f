/*
 * Lists and sets: Kubernetes' library of lists, and cel-go's extensions of
 * lists (version 3) and of sets.
 */
#include "config.h"
#include "schema/cel/function.h"

#include <string.h>

static struct cel_value *room_for(struct cel_run *r, uint64_t n)
{
	return n > UINT32_MAX ? NULL :
	       cel_room(r, ((size_t)n + 1) * sizeof(struct cel_value));
}

/* ---- what is in a list ---- */

static bool is_ordered(struct cel_value v)
{
	switch (v.tag) {
	case VAL_BOOL:
	case VAL_INT:
	case VAL_UINT:
	case VAL_DOUBLE:
	case VAL_STRING:
	case VAL_BYTES:
	case VAL_TIME:
	case VAL_DURATION:
		return true;
	default:
		return false;
	}
}

static struct cel_value is_sorted(struct cel_run *r,
				  const struct cel_value *args, size_t n)
{
	const struct cel_list *l = args[0].list;
	struct cel_value before = { 0 };

	(void)n;
	for (uint32_t i = 0; i < l->n; i++) {
		struct cel_value v = cel_list_get(r, l, i), order;

		if (!is_ordered(v) || !cel_work(r, 1))
			return cel_failed(v) ? v : cel_no_overload();
		order = i ? cel_compare(before, v) : cel_int(0);
		if (order.tag == VAL_INT && order.integer > 0)
			return cel_bool(false);
		before = v;
	}
	return cel_bool(true);
}

/* min() and max() */
static struct cel_value extreme(struct cel_run *r,
				const struct cel_value *args, size_t n)
{
	int wanted = strcmp(cel_call_name(r), "min") ? -1 : 1;
	const struct cel_list *l = args[0].list;
	struct cel_value best = cel_error("min or max called on empty list");

	(void)n;
	for (uint32_t i = 0; i < l->n; i++) {
		struct cel_value v = cel_list_get(r, l, i), order;

		if (!is_ordered(v) || !cel_work(r, 1))
			return cel_failed(v) ? v : cel_no_overload();
		order = i ? cel_compare(best, v) : cel_int(wanted);
		if (order.tag == VAL_INT && order.integer == wanted)
			best = v;
	}
	return best;
}

/* Of nothing the sum is a zero, whose type is that of the list. */
static struct cel_value sum_of_nothing(struct cel_run *r,
				       const struct cel_list *l)
{
	struct cel_type item = { .form = CEL_FORM_NATIVE };
	struct cel_value zero = cel_int(0);

	if (l->node && l->type.item)
		r->types->type(l->type.item, &item);
	if (item.form == CEL_FORM_NUMBER)
		return cel_double(0);
	zero.loose = item.form != CEL_FORM_INTEGER;
	return zero;
}

static struct cel_value sum(struct cel_run *r,
			    const struct cel_value *args, size_t n)
{
	const struct cel_list *l = args[0].list;
	struct cel_value sum;

	(void)n;
	if (!l->n)
		return sum_of_nothing(r, l);
	sum = cel_list_get(r, l, 0);
	if (sum.tag == VAL_DOUBLE && l->unordered)
		return cel_unknown_order();
	for (uint32_t i = 1; i < l->n && !cel_failed(sum); i++)
		sum = cel_work(r, 1) ?
		      cel_arith(r, CEL_ADD, sum, cel_list_get(r, l, i)) :
		      cel_too_much();
	if (cel_failed(sum))
		return l->unordered ? cel_unknown_order() : sum;
	return sum.tag == VAL_INT || sum.tag == VAL_UINT ||
	       sum.tag == VAL_DOUBLE || sum.tag == VAL_DURATION ? sum :
	       cel_no_overload();
}

/* indexOf() and lastIndexOf() */
static struct cel_value index_of(struct cel_run *r,
				 const struct cel_value *args, size_t n)
{
	bool last = *cel_call_name(r) == 'l';
	const struct cel_list *l = args[0].list;
	int64_t found = -1;

	(void)n;
	for (uint32_t i = 0; i < l->n && (last || found < 0); i++) {
		struct cel_value same = cel_same(r, cel_list_get(r, l, i),
						 args[1]);

		if (same.tag == VAL_UNKNOWN)
			return same;
		if (cel_is(same, true))
			found = i;
	}
	return cel_int(found);
}

static struct cel_value end_of(struct cel_run *r,
			       const struct cel_value *args, size_t n)
{
	bool last = *cel_call_name(r) == 'l';
	const struct cel_list *l = args[0].list;

	(void)n;
	return l->n ? cel_some(r, cel_list_get(r, l, last ? l->n - 1 : 0)) :
	       cel_none();
}

/* ---- other lists ---- */

static struct cel_value slice(struct cel_run *r,
			      const struct cel_value *args, size_t n)
{
	const struct cel_list *l = args[0].list;
	int64_t from = args[1].integer, to = args[2].integer;
	struct cel_value *items;

	(void)n;
	if (from < 0 || to < 0 || from > to || to > l->n)
		return cel_error("cannot slice the list there");
	items = room_for(r, (uint64_t)(to - from));
	if (!items)
		return cel_too_much();
	for (int64_t i = from; i < to; i++)
		items[i - from] = cel_list_get(r, l, (uint32_t)i);
	return cel_list_of(r, items, (size_t)(to - from));
}

static struct cel_value reverse(struct cel_run *r,
				const struct cel_value *args, size_t n)
{
	const struct cel_list *l = args[0].list;
	struct cel_value *items = room_for(r, l->n);

	(void)n;
	if (!items)
		return cel_too_much();
	for (uint32_t i = 0; i < l->n; i++)
		items[i] = cel_list_get(r, l, l->n - i - 1);
	return cel_list_of(r, items, l->n);
}

static struct cel_value distinct(struct cel_run *r,
				 const struct cel_value *args, size_t n)
{
	const struct cel_list *l = args[0].list;
	struct cel_value *items = room_for(r, l->n);
	uint32_t kept = 0;

	(void)n;
	if (!items)
		return cel_too_much();
	for (uint32_t i = 0; i < l->n; i++) {
		struct cel_value v = cel_list_get(r, l, i);
		bool seen = false;

		for (uint32_t j = 0; j < kept && !seen; j++) {
			/* Go skips the place of its own number */
			struct cel_value same = i == j ? cel_bool(false) :
						cel_same(r, v, items[j]);

			if (same.tag == VAL_UNKNOWN)
				return same;
			seen = cel_is(same, true);
		}
		if (!seen)
			items[kept++] = v;
	}
	return cel_list_of(r, items, kept);
}

static struct cel_value sort(struct cel_run *r,
			     const struct cel_value *args, size_t n)
{
	(void)n;
	return cel_sort(r, args[0].list);
}

static struct cel_value range(struct cel_run *r,
			      const struct cel_value *args, size_t n)
{
	int64_t most = args[0].integer < 0 ? 0 : args[0].integer;
	struct cel_value *items = room_for(r, (uint64_t)most);

	(void)n;
	if (!items || !cel_work(r, (uint64_t)most))
		return cel_too_much();
	for (int64_t i = 0; i < most; i++)
		items[i] = cel_int(i);
	return cel_list_of(r, items, (size_t)most);
}

/* Counts the items, and puts them into `to` unless that is NULL. */
static uint64_t flat(struct cel_run *r, const struct cel_list *l,
		     int64_t depth, struct cel_value *to)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < l->n && cel_work(r, 1); i++) {
		struct cel_value v = cel_list_get(r, l, i);

		if (v.tag == VAL_LIST && depth > 0) {
			n += flat(r, v.list, depth - 1, to ? to + n : NULL);
			continue;
		}
		if (to)
			to[n] = v;
		n++;
	}
	return n;
}

static struct cel_value flatten(struct cel_run *r,
				const struct cel_value *args, size_t n)
{
	int64_t depth = n == 2 ? args[1].integer : 1;
	struct cel_value *items;
	uint64_t most;

	if (depth < 0)
		return cel_error("level must be non-negative");
	most = flat(r, args[0].list, depth, NULL);
	items = cel_work(r, most) ? room_for(r, most) : NULL;
	if (!items)
		return cel_too_much();
	flat(r, args[0].list, depth, items);
	return cel_work(r, 0) ? cel_list_of(r, items, most) : cel_too_much();
}

/* ---- sets ---- */

static struct cel_value has_all(struct cel_run *r, struct cel_value list,
				struct cel_value sub)
{
	for (uint32_t i = 0; i < sub.list->n; i++) {
		struct cel_value v = cel_list_get(r, sub.list, i), in;

		in = cel_failed(v) ? v : cel_in(r, v, list);
		if (!cel_is(in, true))
			return in;
	}
	return cel_bool(true);
}

static struct cel_value sets_contains(struct cel_run *r,
				      const struct cel_value *args, size_t n)
{
	(void)n;
	return has_all(r, args[0], args[1]);
}

static struct cel_value sets_equivalent(struct cel_run *r,
					const struct cel_value *args, size_t n)
{
	struct cel_value v = has_all(r, args[0], args[1]);

	(void)n;
	return cel_is(v, true) ? has_all(r, args[1], args[0]) : v;
}

static struct cel_value sets_intersects(struct cel_run *r,
					const struct cel_value *args, size_t n)
{
	struct cel_value found = cel_bool(false);

	(void)n;
	for (uint32_t i = 0; i < args[0].list->n; i++) {
		struct cel_value v = cel_list_get(r, args[0].list, i), in;

		in = cel_failed(v) ? v : cel_in(r, v, args[1]);
		if (cel_is(in, true))
			return in;
		if (in.tag == VAL_UNKNOWN)
			found = in;
	}
	return found;
}

const struct cel_function cel_list_functions[] = {
	{ "isSorted", true, "l", is_sorted },
	{ "sum", true, "L", sum },
	{ "min", true, "L", extreme },
	{ "max", true, "L", extreme },
	{ "indexOf", true, "l*", index_of },
	{ "lastIndexOf", true, "l*", index_of },
	{ "first", true, "l", end_of },
	{ "last", true, "l", end_of },
	{ "slice", true, "lii", slice },
	{ "reverse", true, "l", reverse },
	{ "distinct", true, "l", distinct },
	{ "sort", true, "l", sort },
	{ "flatten", true, "l", flatten },
	{ "flatten", true, "li", flatten },
	{ "lists.range", false, "i", range },
	{ "sets.contains", false, "LL", sets_contains },
	{ "sets.equivalent", false, "LL", sets_equivalent },
	{ "sets.intersects", false, "LL", sets_intersects },
	{ 0 },
};
