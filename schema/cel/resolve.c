/*
 * Names of a parsed expression: which are variables of comprehensions, which
 * self and oldSelf, which are types. Regular expressions that stand there as
 * literals are compiled here, once.
 *
 * A name that nobody knows may be one of a newer Kubernetes: whatever needs
 * it is unknown, not an error.
 */
#include "config.h"
#include "schema/cel/function.h"

#include <string.h>

#include "schema/base/mem.h"
#include "schema/crd/pattern.h"
#include "schema/limits.h"

/* The longest name of a type. */
#define TYPE_NAME_MAX 64

struct names {
	struct cel_program *program;
	struct cel_scope *scope;
	bool deep;
	struct err *err;
};

static const char *const type_names[] = {
	"bool", "bytes", "double", "int", "list", "map", "null_type",
	"string", "type", "uint", "optional_type",
	"google.protobuf.Duration", "google.protobuf.Timestamp",
	"kubernetes.NamedFormat", "kubernetes.Quantity", "kubernetes.URL",
	"net.CIDR", "net.IP",
};

const char *cel_type_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(type_names); i++)
		if (!strcmp(type_names[i], name))
			return type_names[i];
	return NULL;
}

static const struct cel_function *const libraries[] = {
	cel_convert_functions, cel_string_functions, cel_list_functions,
	cel_time_functions, cel_quantity_functions, cel_net_functions,
	cel_url_functions, cel_format_functions, cel_optional_functions,
};

/* How many there are; puts them into ret unless that is NULL. */
static size_t functions(const char *name, bool member,
			const struct cel_function **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(libraries); i++)
		for (const struct cel_function *f = libraries[i]; f->name; f++)
			if (f->member == member && !strcmp(f->name, name)) {
				if (ret)
					ret[n] = f;
				n++;
			}
	return n;
}

const struct cel_function **cel_functions(struct arena *a, const char *name,
					  bool member)
{
	size_t n = functions(name, member, NULL);
	const struct cel_function **v;

	if (!n)
		return NULL;
	v = arena_array(a, n + 1, sizeof(*v));
	functions(name, member, v);
	return v;
}

static bool is_variable(const struct names *n, const char *name)
{
	for (const struct cel_scope *s = n->scope; s; s = s->up)
		if (!strcmp(s->name, name))
			return true;
	return !strcmp(name, "self") || !strcmp(name, "oldSelf");
}

/* "google.protobuf.Duration": the chain of names becomes a type. */
static bool as_type(struct cel_expr *e, const struct names *n, struct buf *b)
{
	const char *type;

	if (e->op == CEL_IDENT) {
		if (is_variable(n, e->name))
			return false;
		buf_adds(b, e->name);
	} else if (e->op == CEL_SELECT && !e->optional &&
		   as_type(e->args[0], n, b)) {
		buf_addf(b, ".%s", e->name);
	} else {
		return false;
	}
	type = buf_ok(b) ? cel_type_named(b->data) : NULL;
	if (type) {
		e->op = CEL_LITERAL;
		e->value = cel_type_value(type);
	}
	return true;
}

static int regex(struct names *n, struct cel_expr *e)
{
	const struct cel_expr *arg = e->args[1];
	struct err err = ERR_INIT;

	if (arg->op != CEL_LITERAL || arg->value.tag != VAL_STRING)
		return 0;
	if (pattern_compile(arg->value.str, arg->value.n, &e->pattern,
			    &err) < 0)
		return err_set(n->err, err.class, "column %u: %s",
			       arg->column, err.msg);
	e->next_pattern = n->program->patterns;
	n->program->patterns = e;
	return 0;
}

/* Conversions of literals are made, and fail, when a rule is compiled. */
static int constant(struct names *n, struct cel_expr *e)
{
	struct cel_run r = { .arena = &n->program->arena };
	struct cel_value v;

	if (e->n != 1 || e->args[0]->op != CEL_LITERAL || !e->functions)
		return 0;
	v = cel_run_call(&r, e);
	if (v.tag == VAL_ERROR)
		return err_set(n->err, ERR_INVALID, "column %u: %s(): %s",
			       e->column, e->name, v.str);
	if (v.tag == VAL_UNKNOWN)
		return 0;
	e->op = CEL_LITERAL;
	e->value = v;
	return 0;
}

static int resolve_call(struct names *n, struct cel_expr *e)
{
	static const char *const conversions[] = {
		"bool", "bytes", "double", "duration", "int", "string",
		"timestamp", "uint",
	};

	if (e->n >= 2 && (!strcmp(e->name, "matches") ||
			  !strcmp(e->name, "find") ||
			  !strcmp(e->name, "findAll")))
		return regex(n, e);
	for (size_t i = 0; !e->member && i < ARRAY_SIZE(conversions); i++)
		if (!strcmp(e->name, conversions[i]))
			return constant(n, e);
	return 0;
}

static int resolve(struct names *n, struct cel_expr *e, unsigned depth);

static int resolve_fold(struct names *n, struct cel_expr *e, unsigned depth)
{
	struct cel_scope *outer = n->scope;
	struct cel_scope first = { .name = e->var[0], .up = outer };
	struct cel_scope second = { .name = e->var[1], .up = &first };

	if (resolve(n, e->args[0], depth) < 0)
		return -1;
	n->scope = e->var[1] ? &second : &first;
	for (uint32_t i = 1; i < e->n; i++)
		if (resolve(n, e->args[i], depth) < 0)
			return -1;
	n->scope = outer;
	return 0;
}

static int resolve(struct names *n, struct cel_expr *e, unsigned depth)
{
	struct buf b = BUF_INIT(TYPE_NAME_MAX);

	if (depth > 4 * LIMIT_CEL_DEPTH) {
		n->deep = true;
		return 0;
	}
	if (e->op == CEL_FOLD)
		return resolve_fold(n, e, depth + 1);
	as_type(e, n, &b);
	buf_release(&b);
	if (e->op == CEL_LITERAL)
		return 0;
	if (e->op == CEL_IDENT && !strcmp(e->name, "oldSelf")) {
		bool shadowed = false;

		for (const struct cel_scope *s = n->scope; s; s = s->up)
			shadowed |= !strcmp(s->name, e->name);
		n->program->old_self |= !shadowed;
	}
	for (uint32_t i = 0; i < e->n; i++)
		if (resolve(n, e->args[i], depth + 1) < 0)
			return -1;
	return e->op == CEL_CALL ? resolve_call(n, e) : 0;
}

int cel_resolve(struct cel_program *p, struct err *err)
{
	struct names n = { .program = p, .err = err };

	if (resolve(&n, p->root, 0) < 0)
		return -1;
	if (n.deep)
		p->root = NULL;
	return 0;
}

void cel_patterns_free(struct cel_program *p)
{
	for (struct cel_expr *e = p->patterns; e; e = e->next_pattern)
		pattern_free(e->pattern);
	p->patterns = NULL;
}
