/*
 * The evaluator: one node of the expression at a time. Errors are values
 * that go up, and logical operators absorb them in either order, as CEL
 * wants it: false && error is false, and so is error && false. Recursion is
 * as deep as the expression, which the parser has bounded.
 */
#include "config.h"
#include "schema/cel/ast.h"

#include <string.h>

#include "schema/limits.h"

/* ---- variables ---- */

static struct cel_value old_self(struct cel_run *r)
{
	const struct cel_vars *v = r->vars;
	struct cel_value old;

	if (v->optional_old_self && !v->old_self)
		return cel_none();
	if (!v->old_self)
		return cel_error("no such attribute(s): oldSelf");
	old = cel_from_node(r, v->old_self, v->schema);
	return v->optional_old_self ? cel_some(r, old) : old;
}

static struct cel_value ident(struct cel_run *r, const struct cel_expr *e)
{
	for (const struct cel_scope *s = r->scope; s; s = s->up)
		if (!strcmp(s->name, e->name))
			return s->value;
	if (!strcmp(e->name, "self"))
		return cel_from_node(r, r->vars->self, r->vars->schema);
	if (!strcmp(e->name, "oldSelf"))
		return old_self(r);
	return cel_unknown("a name that is not known here");
}

/* ---- logic ---- */

/* && with absorbing = false, || with true. What is unknown may be absorbed
 * too; it may also hide that there is an error. */
static struct cel_value logical(struct cel_run *r, const struct cel_expr *e,
				bool absorbing)
{
	struct cel_value failed = cel_bool(!absorbing);

	for (uint32_t i = 0; i < e->n; i++) {
		struct cel_value v = cel_run(r, e->args[i]);

		if (cel_is(v, absorbing))
			return v;
		if (v.tag == VAL_BOOL)
			continue;
		if (!cel_failed(v))
			v = cel_no_overload();
		if (failed.tag == VAL_BOOL)
			failed = v;
	}
	return failed;
}

static struct cel_value conditional(struct cel_run *r,
				    const struct cel_expr *e)
{
	struct cel_value cond = cel_run(r, e->args[0]);

	if (cel_failed(cond))
		return cond;
	if (cond.tag != VAL_BOOL)
		return cel_no_overload();
	return cel_run(r, e->args[cond.boolean ? 1 : 2]);
}

static struct cel_value not(struct cel_value v)
{
	if (cel_failed(v))
		return v;
	return v.tag == VAL_BOOL ? cel_bool(!v.boolean) : cel_no_overload();
}

/* ---- operators ---- */

static struct cel_value ordered(enum cel_op op, struct cel_value a,
				struct cel_value b)
{
	struct cel_value order = cel_compare(a, b);

	if (order.tag != VAL_INT)
		return order;
	switch (op) {
	case CEL_LT:
		return cel_bool(order.integer < 0);
	case CEL_LE:
		return cel_bool(order.integer <= 0);
	case CEL_GT:
		return cel_bool(order.integer > 0);
	default:
		return cel_bool(order.integer >= 0);
	}
}

/* != is true where == is an error. */
static struct cel_value differs(struct cel_run *r, struct cel_value a,
				struct cel_value b)
{
	struct cel_value same = cel_equal(r, a, b);

	if (same.tag == VAL_UNKNOWN)
		return same;
	return cel_bool(!cel_is(same, true));
}

static struct cel_value operate(struct cel_run *r, enum cel_op op,
				struct cel_value a, struct cel_value b)
{
	switch (op) {
	case CEL_EQ:
		return cel_equal(r, a, b);
	case CEL_NE:
		return differs(r, a, b);
	case CEL_IN:
		return cel_in(r, a, b);
	case CEL_LT:
	case CEL_LE:
	case CEL_GT:
	case CEL_GE:
		return ordered(op, a, b);
	default:
		return cel_arith(r, op, a, b);
	}
}

static struct cel_value binary(struct cel_run *r, const struct cel_expr *e)
{
	struct cel_value a, b;

	/* nothing is in a list of nothing, not even an error */
	if (e->op == CEL_IN && e->args[1]->op == CEL_LIST && !e->args[1]->n)
		return cel_bool(false);
	a = cel_run(r, e->args[0]);
	if (a.tag == VAL_ERROR)
		return a;
	b = cel_run(r, e->args[1]);
	if (a.tag == VAL_UNKNOWN)
		return a;
	if (cel_failed(b))
		return b;
	return operate(r, (enum cel_op)e->op, a, b);
}

/* ---- lists and maps ---- */

/* 1 if it stands there, 0 if it is an optional none, -1 if it failed. */
static int item(struct cel_run *r, const struct cel_expr *e, uint32_t i,
		bool optional, struct cel_value *ret)
{
	*ret = cel_run(r, e->args[i]);
	if (cel_failed(*ret))
		return -1;
	if (!optional)
		return 1;
	if (ret->tag != VAL_OPTIONAL) {
		*ret = cel_error("cannot initialize optional from "
				 "non-optional value");
		return -1;
	}
	if (!ret->some)
		return 0;
	*ret = *ret->some;
	return 1;
}

static struct cel_value list(struct cel_run *r, const struct cel_expr *e)
{
	struct cel_value *v = cel_room(r, (e->n + 1) * sizeof(*v));
	uint32_t n = 0;

	if (!v)
		return cel_too_much();
	for (uint32_t i = 0; i < e->n; i++) {
		int rc = item(r, e, i, e->optionals && e->optionals[i], &v[n]);

		if (rc < 0)
			return v[n];
		n += (uint32_t)rc;
	}
	return cel_list_of(r, v, n);
}

static bool is_key(struct cel_value v)
{
	return v.tag == VAL_STRING || v.tag == VAL_INT || v.tag == VAL_UINT ||
	       v.tag == VAL_BOOL;
}

/* Of two equal keys the second one counts, but for 1 and 1u, which are two
 * for Go: those are left alone. */
static bool has_twice(const struct cel_value *keys, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (cel_is(cel_equal(&(struct cel_run){ 0 }, keys[i], keys[n]),
			   true))
			return true;
	return false;
}

static struct cel_value map(struct cel_run *r, const struct cel_expr *e)
{
	struct cel_map *m = cel_room(r, sizeof(*m));
	uint32_t most = e->n / 2, n = 0;
	struct cel_value *k = cel_room(r, (most + 1) * sizeof(*k));
	struct cel_value *v = cel_room(r, (most + 1) * sizeof(*v));

	if (!m || !k || !v || !cel_work(r, (uint64_t)most * most))
		return cel_too_much();
	for (uint32_t i = 0; i < e->n; i += 2) {
		bool optional = e->optionals && e->optionals[i];
		int rc;

		k[n] = cel_run(r, e->args[i]);
		if (cel_failed(k[n]))
			return k[n];
		rc = item(r, e, i + 1, optional, &v[n]);
		if (rc < 0)
			return v[n];
		if (!is_key(k[n]) || has_twice(k, n))
			return cel_unknown("a map with such keys");
		n += (uint32_t)rc;
	}
	m->keys = k;
	m->values = v;
	m->n = n;
	return (struct cel_value){ .tag = VAL_MAP, .map = m };
}

/* ---- all of them ---- */

struct cel_value cel_run(struct cel_run *r, const struct cel_expr *e)
{
	if (!cel_work(r, 1))
		return cel_too_much();
	switch ((enum cel_op)e->op) {
	case CEL_LITERAL:
		return e->value;
	case CEL_IDENT:
		return ident(r, e);
	case CEL_SELECT:
	case CEL_INDEX:
		return cel_run_access(r, e);
	case CEL_HAS:
		return cel_run_has(r, e);
	case CEL_LIST:
		return list(r, e);
	case CEL_MAP:
		return map(r, e);
	case CEL_MESSAGE:
		return cel_unknown("a message of protocol buffers");
	case CEL_CALL:
		return cel_run_call(r, e);
	case CEL_AND:
	case CEL_OR:
		return logical(r, e, e->op == CEL_OR);
	case CEL_IF:
		return conditional(r, e);
	case CEL_NOT:
		return not(cel_run(r, e->args[0]));
	case CEL_NEGATE:
		return cel_negate(cel_run(r, e->args[0]));
	case CEL_FOLD:
		return cel_run_fold(r, e);
	default:
		return binary(r, e);
	}
}

/* ---- rules and messages ---- */

static struct cel_value start(const struct cel_program *p,
			      const struct cel_vars *vars,
			      struct arena *scratch)
{
	struct cel_run r = { .arena = scratch, .types = vars->types,
			     .vars = vars };
	struct cel_value v;

	if (!p->root)
		return cel_unknown("it is too long, or nested too deep");
	v = cel_run(&r, p->root);
	if (vars->steps)
		*vars->steps += r.steps;
	return v;
}

enum cel_verdict cel_eval(const struct cel_program *p,
			  const struct cel_vars *vars, struct buf *why)
{
	struct arena scratch = ARENA_INIT;
	struct cel_value v = start(p, vars, &scratch);
	enum cel_verdict verdict = CEL_ERROR;

	if (v.tag == VAL_BOOL)
		verdict = v.boolean ? CEL_TRUE : CEL_FALSE;
	else if (v.tag == VAL_UNKNOWN)
		verdict = CEL_UNKNOWN;
	if (cel_failed(v))
		buf_adds(why, v.str);
	else if (v.tag != VAL_BOOL)
		buf_adds(why, "it is no bool");
	arena_release(&scratch);
	return verdict;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool cel_eval_text(const struct cel_program *p, const struct cel_vars *vars,
		   struct buf *ret)
{
	struct arena scratch = ARENA_INIT;
	struct cel_value v = start(p, vars, &scratch);
	bool good = v.tag == VAL_STRING;

	while (good && v.n && is_space(*v.str)) {
		v.str++;
		v.n--;
	}
	while (good && v.n && is_space(v.str[v.n - 1]))
		v.n--;
	good = good && v.n && v.n <= LIMIT_CEL_MESSAGE &&
	       !memchr(v.str, '\n', v.n);
	if (good)
		buf_add(ret, v.str, v.n);
	arena_release(&scratch);
	return good;
}
