/*
 * Fields and indexes, with and without a question mark, and has(). A chain
 * that begins at an optional value sees what is inside of it as it is, not
 * by its schema: the API server does so, and names and numbers differ.
 */
#include "config.h"
#include "schema/cel/ast.h"

#include <math.h>
#include <string.h>

static struct cel_value no_such_key(struct cel_run *r, struct cel_value key)
{
	if (key.tag == VAL_STRING)
		return cel_error(arena_printf(r->arena, "no such key: %.*s",
					      (int)key.n, key.str));
	if (key.tag == VAL_INT)
		return cel_error(arena_printf(r->arena, "no such key: %lld",
					      (long long)key.integer));
	return cel_error("no such key");
}

/* A number that can be an index; false if it is none. */
static bool as_index(struct cel_value v, int64_t *ret)
{
	if (v.tag == VAL_INT)
		*ret = v.integer;
	else if (v.tag == VAL_UINT && v.natural <= INT64_MAX)
		*ret = (int64_t)v.natural;
	else if (v.tag == VAL_DOUBLE && v.real == floor(v.real) &&
		 fabs(v.real) < 0x1p53)
		*ret = (int64_t)v.real;
	else
		return false;
	return true;
}

/* What is at a key. 1 and the value, 0 if there is nothing, -1 if *ret is an
 * error. `test` asks politely, as a question mark does. */
static int find(struct cel_run *r, struct cel_value of, struct cel_value key,
		bool test, struct cel_value *ret)
{
	int64_t i;

	if (of.tag == VAL_MAP) {
		if (!cel_map_find(r, of.map, key, ret))
			return 0;
		return cel_failed(*ret) ? -1 : 1;
	}
	if (of.tag == VAL_LIST) {
		if (of.list->unordered) {
			*ret = cel_unknown_order();
			return -1;
		}
		if (!as_index(key, &i) ||
		    (of.list->node && of.list->type.form == CEL_FORM_LIST &&
		     key.tag != VAL_INT)) {
			*ret = cel_error("unsupported index");
			return -1;
		}
		if (i < 0 || i >= of.list->n)
			return 0;
		*ret = cel_list_get(r, of.list, (uint32_t)i);
		return cel_failed(*ret) ? -1 : 1;
	}
	if (of.tag == VAL_OPAQUE) {
		*ret = cel_unknown("a value without a schema");
		return -1;
	}
	if (test)
		return 0;
	*ret = no_such_key(r, key);
	return -1;
}

static struct cel_value missing(struct cel_run *r, struct cel_value of,
				struct cel_value key)
{
	if (of.tag == VAL_LIST)
		return cel_error(arena_printf(r->arena,
				"index out of bounds: %lld",
				(long long)(key.tag == VAL_INT ? key.integer :
					    -1)));
	return no_such_key(r, key);
}

/* Is this value's place in a chain behind another link of it? */
static bool in_chain(const struct cel_expr *e)
{
	return e->op == CEL_SELECT || e->op == CEL_INDEX;
}

/* What is in an optional value, read without its schema. */
static struct cel_value bare(struct cel_run *r, struct cel_value v)
{
	switch (v.tag) {
	case VAL_MAP:
		return v.map->node ? cel_from_node(r, v.map->node, NULL) : v;
	case VAL_LIST:
		return v.list->node ? cel_from_node(r, v.list->node, NULL) : v;
	case VAL_NULL:
	case VAL_BOOL:
	case VAL_INT:
	case VAL_DOUBLE:
	case VAL_STRING:
		return v;
	default:
		return cel_unknown("the inside of an optional value");
	}
}

/*
 * The value that is looked into: 1 and *ret, 0 if it is an optional none,
 * -1 if *ret failed. *optional says that it was an optional one.
 */
static int operand(struct cel_run *r, const struct cel_expr *of,
		   struct cel_value *ret, bool *optional)
{
	*ret = cel_run(r, of);
	if (cel_failed(*ret))
		return -1;
	if (ret->tag != VAL_OPTIONAL)
		return 1;
	*optional = true;
	if (of->op == CEL_IF) {
		*ret = cel_unknown("one of two optional values");
		return -1;
	}
	if (!ret->some)
		return 0;
	*ret = in_chain(of) ? *ret->some : bare(r, *ret->some);
	return cel_failed(*ret) ? -1 : 1;
}

static struct cel_value key_of(struct cel_run *r, const struct cel_expr *e)
{
	if (e->op == CEL_INDEX)
		return cel_run(r, e->args[1]);
	return cel_stringn(e->name, strlen(e->name));
}

struct cel_value cel_run_access(struct cel_run *r, const struct cel_expr *e)
{
	bool optional = e->optional;
	struct cel_value of, key, v;
	int rc = operand(r, e->args[0], &of, &optional);

	if (rc < 0)
		return of;
	if (!rc)
		return cel_none();
	key = key_of(r, e);
	if (cel_failed(key))
		return key;
	rc = find(r, of, key, optional, &v);
	if (rc < 0)
		return v;
	if (!rc)
		return optional ? cel_none() : missing(r, of, key);
	return optional ? cel_some(r, v) : v;
}

struct cel_value cel_run_has(struct cel_run *r, const struct cel_expr *e)
{
	bool optional = false;
	struct cel_value of, v;
	int rc = operand(r, e->args[0], &of, &optional);

	if (rc < 0)
		return of;
	if (!rc)
		return cel_bool(false);
	rc = find(r, of, key_of(r, e), true, &v);
	return rc < 0 ? v : cel_bool(rc);
}
