/*
 * Arithmetic: never more than the type holds, and never between types.
 * Integers that overflow are errors; doubles are IEEE 754's.
 */
#include "config.h"
#include "schema/cel/ast.h"

#include <string.h>

/* 0001-01-01 and the end of 9999, in seconds since 1970. */
#define TIME_MIN (-62135596800)
#define TIME_MAX 253402300799
#define NANOS 1000000000

static struct cel_value overflow(enum cel_tag tag)
{
	return cel_error(tag == VAL_UINT ? "unsigned integer overflow" :
			 "integer overflow");
}

static struct cel_value by_zero(enum cel_op op)
{
	return cel_error(op == CEL_DIV ? "division by zero" :
			 "modulus by zero");
}

static struct cel_value ints(enum cel_op op, int64_t a, int64_t b)
{
	int64_t v = 0;
	bool over = false;

	switch (op) {
	case CEL_ADD:
		over = __builtin_add_overflow(a, b, &v);
		break;
	case CEL_SUB:
		over = __builtin_sub_overflow(a, b, &v);
		break;
	case CEL_MUL:
		over = __builtin_mul_overflow(a, b, &v);
		break;
	default:
		if (!b)
			return by_zero(op);
		over = a == INT64_MIN && b == -1;
		if (!over)
			v = op == CEL_DIV ? a / b : a % b;
	}
	return over ? overflow(VAL_INT) : cel_int(v);
}

static struct cel_value uints(enum cel_op op, uint64_t a, uint64_t b)
{
	uint64_t v = 0;
	bool over = false;

	switch (op) {
	case CEL_ADD:
		over = __builtin_add_overflow(a, b, &v);
		break;
	case CEL_SUB:
		over = __builtin_sub_overflow(a, b, &v);
		break;
	case CEL_MUL:
		over = __builtin_mul_overflow(a, b, &v);
		break;
	default:
		if (!b)
			return by_zero(op);
		v = op == CEL_DIV ? a / b : a % b;
	}
	if (over)
		return overflow(VAL_UINT);
	return (struct cel_value){ .tag = VAL_UINT, .natural = v };
}

static struct cel_value doubles(enum cel_op op, double a, double b)
{
	switch (op) {
	case CEL_ADD:
		return cel_double(a + b);
	case CEL_SUB:
		return cel_double(a - b);
	case CEL_MUL:
		return cel_double(a * b);
	case CEL_DIV:
		return cel_double(a / b);
	default:
		return cel_no_overload();
	}
}

/* ---- times ---- */

static struct cel_value span(int64_t nanos)
{
	return (struct cel_value){ .tag = VAL_DURATION, .integer = nanos };
}

static struct cel_value durations(enum cel_op op, int64_t a, int64_t b)
{
	struct cel_value v;

	if (op != CEL_ADD && op != CEL_SUB)
		return cel_no_overload();
	v = ints(op, a, b);
	return v.tag == VAL_INT ? span(v.integer) : v;
}

static struct cel_value moved(struct cel_run *r, const struct cel_time *t,
			      int64_t by, bool back)
{
	struct cel_time *sum = cel_room(r, sizeof(*sum));
	int64_t seconds = by / NANOS, nanos = by % NANOS;

	if (!sum)
		return cel_too_much();
	*sum = *t;
	nanos = t->nanos + (back ? -nanos : nanos);
	seconds = back ? -seconds : seconds;
	if (nanos < 0) {
		nanos += NANOS;
		seconds--;
	} else if (nanos >= NANOS) {
		nanos -= NANOS;
		seconds++;
	}
	sum->seconds += seconds;
	sum->nanos = (int32_t)nanos;
	if (sum->seconds < TIME_MIN || sum->seconds > TIME_MAX)
		return cel_error("timestamp overflow");
	return (struct cel_value){ .tag = VAL_TIME, .time = sum };
}

static struct cel_value between(const struct cel_time *a,
				const struct cel_time *b)
{
	__int128 nanos = (__int128)(a->seconds - b->seconds) * NANOS +
			 (a->nanos - b->nanos);

	if (nanos < INT64_MIN || nanos > INT64_MAX)
		return cel_error("timestamp overflow");
	return span((int64_t)nanos);
}

/* ---- texts and lists ---- */

static struct cel_value joined(struct cel_run *r, struct cel_value a,
			       struct cel_value b)
{
	char *s = cel_room(r, (size_t)a.n + b.n + 1);

	if (!s)
		return cel_too_much();
	if (a.n)
		memcpy(s, a.str, a.n);
	if (b.n)
		memcpy(s + a.n, b.str, b.n);
	a.str = s;
	a.n += b.n;
	return a;
}

/* A list of the object is added to by its list type, and its items stay what
 * they are in Go: only for plain scalars is that nothing to care for. */
static bool is_exact(struct cel_run *r, const struct cel_list *l)
{
	struct cel_type item = { .form = CEL_FORM_NATIVE };

	if (!l->node || l->type.form != CEL_FORM_LIST)
		return true;
	if (l->type.list != CEL_LIST_ATOMIC || !l->type.item)
		return false;
	r->types->type(l->type.item, &item);
	return !item.nullable && (item.form == CEL_FORM_STRING ||
				  item.form == CEL_FORM_INTEGER ||
				  item.form == CEL_FORM_BOOLEAN ||
				  item.form == CEL_FORM_INT_OR_STRING);
}

static struct cel_value both(struct cel_run *r, struct cel_value left,
			     struct cel_value right)
{
	const struct cel_list *a = left.list, *b = right.list;
	struct cel_value *items;
	uint32_t n = 0;

	if (!is_exact(r, a) || (a->node && !is_exact(r, b)))
		return cel_unknown("a list is added to one of the object");
	if (!a->n)
		return right;
	if (!b->n)
		return left;
	items = cel_room(r, ((size_t)a->n + b->n) * sizeof(*items));
	if (!items)
		return cel_too_much();
	for (uint32_t i = 0; i < a->n; i++)
		items[n++] = cel_list_get(r, a, i);
	for (uint32_t i = 0; i < b->n; i++)
		items[n++] = cel_list_get(r, b, i);
	return a->unordered || b->unordered ? cel_unordered_of(r, items, n) :
	       cel_list_of(r, items, n);
}

/* ---- all of them ---- */

static struct cel_value mixed(struct cel_run *r, enum cel_op op,
			      struct cel_value a, struct cel_value b)
{
	if (a.tag == VAL_TIME && b.tag == VAL_TIME && op == CEL_SUB)
		return between(a.time, b.time);
	if (a.tag == VAL_TIME && b.tag == VAL_DURATION &&
	    (op == CEL_ADD || op == CEL_SUB))
		return moved(r, a.time, b.integer, op == CEL_SUB);
	if (a.tag == VAL_DURATION && b.tag == VAL_TIME && op == CEL_ADD)
		return moved(r, b.time, a.integer, false);
	return cel_no_overload();
}

/* The sum of no numbers becomes what the other side is. */
static struct cel_value settle(struct cel_value zero, struct cel_value other)
{
	if (!zero.loose)
		return zero;
	if (other.loose)
		return zero;
	if (other.tag == VAL_DOUBLE)
		return cel_double(0);
	zero.loose = false;
	if (other.tag == VAL_UINT || other.tag == VAL_DURATION)
		zero.tag = other.tag;
	return zero;
}

struct cel_value cel_arith(struct cel_run *r, enum cel_op op,
			   struct cel_value a, struct cel_value b)
{
	if (a.loose && b.loose)
		return cel_unknown("two sums of nothing");
	a = settle(a, b);
	b = settle(b, a);
	if (a.tag != b.tag || a.tag == VAL_TIME)
		return mixed(r, op, a, b);
	switch (a.tag) {
	case VAL_INT:
		return ints(op, a.integer, b.integer);
	case VAL_UINT:
		return uints(op, a.natural, b.natural);
	case VAL_DOUBLE:
		return doubles(op, a.real, b.real);
	case VAL_DURATION:
		return durations(op, a.integer, b.integer);
	case VAL_STRING:
	case VAL_BYTES:
		return op == CEL_ADD ? joined(r, a, b) : cel_no_overload();
	case VAL_LIST:
		return op == CEL_ADD ? both(r, a, b) : cel_no_overload();
	default:
		return cel_no_overload();
	}
}

struct cel_value cel_negate(struct cel_value v)
{
	if (cel_failed(v) || v.loose)
		return v;
	if (v.tag == VAL_DOUBLE)
		return cel_double(-v.real);
	if (v.tag != VAL_INT && v.tag != VAL_DURATION)
		return cel_no_overload();
	if (v.integer == INT64_MIN)
		return overflow(VAL_INT);
	v.integer = -v.integer;
	return v;
}
