/*
 * Equality and order, as cel-go and the values of the API server have them.
 * They are not alike: a list that an expression made is compared leniently,
 * one of the object strictly and by its list type. Where the API server
 * would compare what is different each time (the Go value behind a time, a
 * map in random order), the answer is unknown.
 */
#include "config.h"
#include "schema/cel/function.h"

#include <math.h>
#include <string.h>

/* ---- numbers ---- */

static bool is_number(struct cel_value v)
{
	return v.tag == VAL_INT || v.tag == VAL_UINT || v.tag == VAL_DOUBLE;
}

static int sign(bool less, bool greater)
{
	return less ? -1 : greater;
}

static int int_uint(int64_t i, uint64_t u)
{
	if (i < 0)
		return -1;
	return sign((uint64_t)i < u, (uint64_t)i > u);
}

/* As floats, in the range of the integer; beyond it there is no doubt. */
static int double_int(double d, int64_t i)
{
	if (d < -0x1p63)
		return -1;
	if (d > 0x1p63)
		return 1;
	return sign(d < (double)i, d > (double)i);
}

static int double_uint(double d, uint64_t u)
{
	if (d < 0)
		return -1;
	if (d > 0x1p64)
		return 1;
	return sign(d < (double)u, d > (double)u);
}

/* Of two numbers, neither being NaN. */
static int numbers(struct cel_value a, struct cel_value b)
{
	if (a.tag > b.tag)
		return -numbers(b, a);
	if (a.tag == VAL_INT && b.tag == VAL_INT)
		return sign(a.integer < b.integer, a.integer > b.integer);
	if (a.tag == VAL_INT && b.tag == VAL_UINT)
		return int_uint(a.integer, b.natural);
	if (a.tag == VAL_INT)
		return -double_int(b.real, a.integer);
	if (a.tag == VAL_UINT && b.tag == VAL_UINT)
		return sign(a.natural < b.natural, a.natural > b.natural);
	if (a.tag == VAL_UINT)
		return -double_uint(b.real, a.natural);
	return sign(a.real < b.real, a.real > b.real);
}

static bool is_nan(struct cel_value v)
{
	return v.tag == VAL_DOUBLE && isnan(v.real);
}

/* ---- order ---- */

static int texts(struct cel_value a, struct cel_value b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.str, b.str, n) : 0;

	return c ? sign(c < 0, c > 0) : sign(a.n < b.n, a.n > b.n);
}

static int times(const struct cel_time *a, const struct cel_time *b)
{
	if (a->seconds != b->seconds)
		return a->seconds < b->seconds ? -1 : 1;
	return sign(a->nanos < b->nanos, a->nanos > b->nanos);
}

struct cel_value cel_compare(struct cel_value a, struct cel_value b)
{
	if (a.loose && b.tag == VAL_DURATION)
		a.tag = VAL_DURATION;
	if (b.loose && a.tag == VAL_DURATION)
		b.tag = VAL_DURATION;
	if (is_number(a) && is_number(b)) {
		if (is_nan(a) || is_nan(b))
			return cel_error("NaN values cannot be ordered");
		return cel_int(numbers(a, b));
	}
	if (a.tag != b.tag)
		return cel_no_overload();
	switch (a.tag) {
	case VAL_BOOL:
		return cel_int(a.boolean - b.boolean);
	case VAL_STRING:
	case VAL_BYTES:
		return cel_int(texts(a, b));
	case VAL_TIME:
		return cel_int(times(a.time, b.time));
	case VAL_DURATION:
		return cel_int(sign(a.integer < b.integer,
				    a.integer > b.integer));
	default:
		return cel_no_overload();
	}
}

/* ---- lists ---- */

/* One that the expression made: what cannot be compared is the same. */
static struct cel_value made_lists(struct cel_run *r, const struct cel_list *a,
				   const struct cel_list *b)
{
	for (uint32_t i = 0; i < a->n; i++) {
		struct cel_value same = cel_equal(r, cel_list_get(r, a, i),
						  cel_list_get(r, b, i));

		if (same.tag == VAL_UNKNOWN || cel_is(same, false))
			return same;
	}
	return cel_bool(true);
}

static struct cel_value atomic_lists(struct cel_run *r,
				     const struct cel_list *a,
				     const struct cel_list *b)
{
	for (uint32_t i = 0; i < a->n; i++) {
		struct cel_value same = cel_same(r, cel_list_get(r, a, i),
						 cel_list_get(r, b, i));

		if (!cel_is(same, true))
			return same;
	}
	return cel_bool(true);
}

/* A scalar that Go keeps as the same value in the tree and in a rule. */
static bool is_plain(struct cel_run *r, const void *schema)
{
	struct cel_type type = { .form = CEL_FORM_NATIVE };

	if (schema)
		r->types->type(schema, &type);
	return !type.nullable &&
	       (type.form == CEL_FORM_STRING || type.form == CEL_FORM_INTEGER ||
		type.form == CEL_FORM_BOOLEAN ||
		type.form == CEL_FORM_INT_OR_STRING);
}

static struct cel_value sets(struct cel_run *r, const struct cel_list *a,
			     const struct cel_list *b)
{
	if (!is_plain(r, a->type.item) ||
	    (b->node && !is_plain(r, b->type.item)))
		return cel_unknown("a set of other values than strings, "
				   "integers and booleans is compared");
	for (uint32_t i = 0; i < b->n; i++) {
		struct cel_value v = cel_list_get(r, b, i);
		bool found = false;

		for (uint32_t j = 0; j < a->n && !found; j++) {
			struct cel_value own = cel_list_get(r, a, j);

			if (!cel_work(r, 1))
				return cel_too_much();
			found = own.tag == v.tag &&
				cel_is(cel_same(r, own, v), true);
		}
		if (!found)
			return cel_bool(false);
	}
	return cel_bool(true);
}

/* Are these the same item, by all keys of the list? */
static bool same_keys(const struct cel_run *r, const struct cel_list *l,
		      const struct node *a, const struct node *b)
{
	const char *key;

	for (size_t i = 0; (key = r->types->key(l->schema, i)); i++) {
		const struct node *x = node_get(a, key);
		const struct node *y = node_get(b, key);

		if (!x != !y || (x && !node_equal(x, y)))
			return false;
	}
	return true;
}

/* The API server looks up keys by their escaped names: those that have none
 * of their own are all nothing to it. */
static bool plain_keys(const struct cel_run *r, const struct cel_list *l)
{
	const char *key;
	size_t i;

	for (i = 0; (key = r->types->key(l->schema, i)); i++) {
		struct buf escaped = BUF_INIT(1024);
		bool same = !cel_escape(key, strlen(key), &escaped) ||
			    !strcmp(escaped.data, key);

		buf_release(&escaped);
		if (!same)
			return false;
	}
	return i > 0;
}

static struct cel_value keyed_lists(struct cel_run *r,
				    const struct cel_list *a,
				    const struct cel_list *b)
{
	if (!b->node || b->type.form != CEL_FORM_LIST || !plain_keys(r, a))
		return cel_unknown("a list with keys is compared to another");
	for (uint32_t i = 0; i < b->n; i++) {
		const struct node *item = b->node->items[i], *own = NULL;
		struct cel_value same;

		for (uint32_t j = 0; j < a->n; j++) {
			if (!cel_work(r, 1))
				return cel_too_much();
			if (same_keys(r, a, a->node->items[j], item))
				own = a->node->items[j];
		}
		if (!own)
			return cel_bool(false);
		same = cel_same(r, cel_from_node(r, own, a->type.item),
				cel_list_get(r, b, i));
		if (!cel_is(same, true))
			return same;
	}
	return cel_bool(true);
}

static struct cel_value lists(struct cel_run *r, const struct cel_list *a,
			      const struct cel_list *b)
{
	bool typed = a->node && a->type.form == CEL_FORM_LIST;

	if (a->n != b->n)
		return cel_bool(false);
	if (a->unordered || b->unordered)
		return cel_unknown_order();
	if (!typed)
		return made_lists(r, a, b);
	if (a->type.list == CEL_LIST_SET)
		return sets(r, a, b);
	if (a->type.list == CEL_LIST_MAP)
		return keyed_lists(r, a, b);
	return atomic_lists(r, a, b);
}

/* ---- maps ---- */

static struct cel_value made_maps(struct cel_run *r, const struct cel_map *a,
				  const struct cel_map *b)
{
	struct cel_value sum = cel_bool(true);

	for (uint32_t i = 0; i < a->n; i++) {
		struct cel_value key = cel_map_key(a, i), own, other, same;

		if (!cel_map_find(r, a, key, &own) ||
		    !cel_map_find(r, b, key, &other))
			return cel_bool(false);
		same = cel_equal(r, own, other);
		if (cel_is(same, false))
			return same;
		if (same.tag == VAL_UNKNOWN)
			sum = same;
	}
	return sum;
}

/* One pair of an object: TRUE to go on. */
static struct cel_value pairs(struct cel_run *r, const struct cel_map *a,
			      const struct cel_map *b,
			      const struct node_pair *p)
{
	struct cel_value key = cel_stringn(p->key, p->key_len);
	bool known = a->type.form != CEL_FORM_OBJECT ||
		     r->types->field(a->schema, p->key, p->key_len);
	struct cel_value own, other;
	const struct node *v;
	bool here, there;

	if (!known) {
		if (!b->node || b->type.form == CEL_FORM_NATIVE)
			return cel_no_overload();
		v = node_getn(b->node, p->key, p->key_len);
		return cel_bool(!v || node_equal(p->value, v));
	}
	here = cel_map_find(r, a, key, &own);
	there = cel_map_find(r, b, key, &other);
	if (here != there)
		return cel_bool(false);
	return here ? cel_same(r, own, other) : cel_bool(true);
}

/* Go takes the pairs in any order: where one differs and another cannot be
 * compared, either may come first. */
static struct cel_value typed_maps(struct cel_run *r, const struct cel_map *a,
				   const struct cel_map *b)
{
	struct cel_value sum = cel_bool(true);

	for (uint32_t i = 0; i < a->n; i++) {
		struct cel_value same = pairs(r, a, b, &a->node->pairs[i]);

		if (cel_is(same, true))
			continue;
		if (same.tag == VAL_UNKNOWN)
			return same;
		if (cel_is(sum, true))
			sum = same;
		else if (sum.tag != same.tag)
			return cel_unknown_order();
	}
	return sum;
}

static struct cel_value maps(struct cel_run *r, const struct cel_map *a,
			     const struct cel_map *b)
{
	if ((a->node && a->type.live) || (b->node && b->type.live))
		return cel_unknown("an object is compared with all that the "
				   "cluster adds to it");
	if (a->n != b->n)
		return cel_bool(false);
	if (!a->node || a->type.form == CEL_FORM_NATIVE)
		return made_maps(r, a, b);
	return typed_maps(r, a, b);
}

/* ---- all of them ---- */

static struct cel_value optionals(struct cel_run *r, struct cel_value a,
				  struct cel_value b)
{
	if (!a.some || !b.some)
		return cel_bool(!a.some && !b.some);
	return cel_same(r, *a.some, *b.some);
}

/* Values of one tag, with nothing inside. */
static struct cel_value scalars(struct cel_value a, struct cel_value b)
{
	bool same;

	switch (a.tag) {
	case VAL_NULL:
		return cel_bool(true);
	case VAL_BOOL:
		return cel_bool(a.boolean == b.boolean);
	case VAL_STRING:
	case VAL_BYTES:
		return cel_bool(a.n == b.n && texts(a, b) == 0);
	case VAL_TIME:
		return cel_bool(times(a.time, b.time) == 0);
	case VAL_DURATION:
		return cel_bool(a.integer == b.integer);
	case VAL_TYPE:
	case VAL_FORMAT:
		return cel_bool(!strcmp(a.str, b.str));
	case VAL_OPAQUE:
		return cel_bool(node_equal(a.node, b.node));
	case VAL_QUANTITY:
		if (cel_quantity_same(a.quantity, b.quantity, &same))
			return cel_bool(same);
		return cel_unknown("quantities of more than 128 bits");
	case VAL_IP:
	case VAL_CIDR:
		return cel_bool(cel_net_same(a.net, b.net));
	default:
		return cel_unknown("values that are not compared here");
	}
}

/* Those that refuse to be compared to another kind, instead of differing. */
static bool is_strict(struct cel_value v)
{
	switch (v.tag) {
	case VAL_LIST:
		return v.list->node && v.list->type.form == CEL_FORM_LIST;
	case VAL_MAP:
		return v.map->node && v.map->type.form != CEL_FORM_NATIVE;
	case VAL_QUANTITY:
	case VAL_IP:
	case VAL_CIDR:
	case VAL_URL:
	case VAL_FORMAT:
		return true;
	default:
		return false;
	}
}

struct cel_value cel_same(struct cel_run *r, struct cel_value a,
			  struct cel_value b)
{
	if (!cel_work(r, 1))
		return cel_too_much();
	if (cel_failed(a))
		return a;
	if (cel_failed(b))
		return b;
	if (a.loose || b.loose) {
		struct cel_value order = cel_compare(a, b);

		return cel_bool(order.tag == VAL_INT && !order.integer);
	}
	if (is_number(a) && is_number(b))
		return cel_bool(!is_nan(a) && !is_nan(b) && !numbers(a, b));
	if (a.tag == VAL_OPAQUE || b.tag == VAL_OPAQUE)
		return a.tag == b.tag ? scalars(a, b) :
		       cel_unknown("a value without a schema is compared");
	if (a.tag != b.tag)
		return is_strict(a) ? cel_no_overload() : cel_bool(false);
	if (a.tag == VAL_LIST)
		return lists(r, a.list, b.list);
	if (a.tag == VAL_MAP)
		return maps(r, a.map, b.map);
	if (a.tag == VAL_OPTIONAL)
		return optionals(r, a, b);
	return scalars(a, b);
}

struct cel_value cel_equal(struct cel_run *r, struct cel_value a,
			   struct cel_value b)
{
	if (!cel_failed(a) && !cel_failed(b) &&
	    (a.tag == VAL_NULL || b.tag == VAL_NULL))
		return cel_bool(a.tag == b.tag);
	return cel_same(r, a, b);
}

/* ---- in ---- */

static struct cel_value in_list(struct cel_run *r, struct cel_value v,
				const struct cel_list *l)
{
	bool typed = l->node && l->type.form == CEL_FORM_LIST;
	struct cel_value sum = cel_bool(false);

	for (uint32_t i = 0; i < l->n; i++) {
		struct cel_value item = cel_list_get(r, l, i), same;

		same = typed ? cel_same(r, item, v) : cel_same(r, v, item);
		if (cel_is(same, true))
			return same;
		if (same.tag == VAL_UNKNOWN ||
		    (same.tag == VAL_ERROR && typed && !cel_failed(sum)))
			sum = same;
		if (!cel_work(r, 1))
			return cel_too_much();
	}
	return sum;
}

struct cel_value cel_in(struct cel_run *r, struct cel_value v,
			struct cel_value of)
{
	struct cel_value found;

	if (of.tag == VAL_LIST)
		return in_list(r, v, of.list);
	if (of.tag != VAL_MAP)
		return cel_no_overload();
	if (!cel_map_find(r, of.map, v, &found))
		return cel_bool(false);
	return cel_failed(found) ? found : cel_bool(true);
}
