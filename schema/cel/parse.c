/*
 * Tokens to a tree, by recursive descent. The text comes from strangers:
 * nesting is bounded by LIMIT_CEL_DEPTH, and what goes beyond it is an
 * expression that is not evaluated here, not an error.
 */
#include "config.h"
#include "schema/cel/parse.h"

#include <string.h>

#include "schema/base/mem.h"
#include "schema/limits.h"

static struct cel_expr *parse_expr(struct cel_parser *p);

struct cel_expr *cel_parse_error(struct cel_parser *p, uint32_t column,
				 const char *what)
{
	err_set(p->err, ERR_INVALID, "column %u: %s", column, what);
	return NULL;
}

struct cel_expr *cel_expr_new(struct cel_parser *p, enum cel_op op,
			      uint32_t column, uint32_t n)
{
	struct cel_expr *e = arena_alloc(&p->program->arena, sizeof(*e));

	e->op = (uint8_t)op;
	e->column = column;
	e->n = n;
	e->args = n ? arena_array(&p->program->arena, n, sizeof(*e->args)) :
		  NULL;
	return e;
}

/* ---- tokens ---- */

static bool at(const struct cel_parser *p, const char *punct)
{
	const struct cel_token *t = &p->token;

	return t->type == TOKEN_PUNCT && t->len == strlen(punct) &&
	       !memcmp(t->text, punct, t->len);
}

static bool at_word(const struct cel_parser *p, const char *word)
{
	const struct cel_token *t = &p->token;

	return t->type == TOKEN_IDENT && t->len == strlen(word) &&
	       !memcmp(t->text, word, t->len);
}

/* Goes to the next token: 0, or -1. */
static int advance(struct cel_parser *p)
{
	return cel_lex(&p->lexer, &p->token, p->err);
}

/* 1 and past it if this is the next token, 0 if not, -1 on an error. */
static int accept(struct cel_parser *p, const char *punct)
{
	if (!at(p, punct))
		return 0;
	return advance(p) < 0 ? -1 : 1;
}

static int expect(struct cel_parser *p, const char *punct)
{
	int rc = accept(p, punct);

	if (rc)
		return rc < 0 ? -1 : 0;
	return err_set(p->err, ERR_INVALID, p->token.type == TOKEN_END ?
		       "column %u: the expression ends where '%s' should be" :
		       "column %u: '%s' should be here", p->token.column,
		       punct);
}

/* Words that are neither variables nor functions. */
static bool is_reserved(const struct cel_token *t, bool literals)
{
	static const char *const words[] = {
		"in", "true", "false", "null",
		"as", "break", "const", "continue", "else", "for", "function",
		"if", "import", "let", "loop", "package", "namespace",
		"return", "var", "void", "while",
	};
	size_t n = literals ? 4 : ARRAY_SIZE(words);

	for (size_t i = 0; i < n; i++)
		if (strlen(words[i]) == t->len &&
		    !memcmp(words[i], t->text, t->len))
			return true;
	return false;
}

/* A name, past it; NULL on an error. */
static const char *name(struct cel_parser *p, bool field)
{
	const char *s;

	if (p->token.type != TOKEN_IDENT || is_reserved(&p->token, field)) {
		cel_parse_error(p, p->token.column,
				p->token.type == TOKEN_END ?
				"the expression ends where a name should be" :
				"a name should be here, and no reserved word");
		return NULL;
	}
	s = arena_strndup(&p->program->arena, p->token.text, p->token.len);
	return advance(p) < 0 ? NULL : s;
}

/* ---- lists of expressions ---- */

/* Expressions that were read, before their number is known. */
struct list {
	struct cel_expr **v;
	bool *optional;
	uint32_t n, alloc;
};

static void list_add(struct cel_parser *p, struct list *l,
		     struct cel_expr *e, bool optional)
{
	if (l->n == l->alloc) {
		uint32_t alloc = l->alloc ? l->alloc * 2 : 4;
		struct cel_expr **v = arena_array(&p->program->arena, alloc,
						  sizeof(*v));
		bool *o = arena_array(&p->program->arena, alloc, sizeof(*o));

		if (l->n) {
			memcpy(v, l->v, l->n * sizeof(*v));
			memcpy(o, l->optional, l->n * sizeof(*o));
		}
		l->v = v;
		l->optional = o;
		l->alloc = alloc;
	}
	l->optional[l->n] = optional;
	l->v[l->n++] = e;
}

/* Arguments up to the closing parenthesis, past it. */
static int arguments(struct cel_parser *p, struct list *l)
{
	int rc = accept(p, ")");

	if (rc)
		return rc < 0 ? -1 : 0;
	for (;;) {
		struct cel_expr *e = parse_expr(p);

		if (!e)
			return -1;
		list_add(p, l, e, false);
		rc = accept(p, ",");
		if (rc < 0)
			return -1;
		if (!rc)
			return expect(p, ")");
	}
}

/* An item, with or without a question mark before it. */
static int item(struct cel_parser *p, struct list *l)
{
	int optional = accept(p, "?");
	struct cel_expr *e;

	if (optional < 0)
		return -1;
	e = parse_expr(p);
	if (!e)
		return -1;
	list_add(p, l, e, optional > 0);
	return 0;
}

/* Items, or pairs of key and value, up to `close`, past it. A comma may
 * stand behind the last, and even alone. */
static int items(struct cel_parser *p, struct list *l, const char *close,
		 bool pairs)
{
	while (!at(p, close) && !(at(p, ",") && !l->n)) {
		struct cel_expr *value;
		int rc;

		if (item(p, l) < 0)
			return -1;
		if (pairs) {
			if (expect(p, ":") < 0)
				return -1;
			value = parse_expr(p);
			if (!value)
				return -1;
			list_add(p, l, value, false);
		}
		rc = accept(p, ",");
		if (rc < 0)
			return -1;
		if (!rc)
			return expect(p, close);
	}
	if (at(p, ",") && advance(p) < 0)
		return -1;
	return expect(p, close);
}

static struct cel_expr *of_list(struct cel_parser *p, enum cel_op op,
				uint32_t column, const struct list *l)
{
	struct cel_expr *e = cel_expr_new(p, op, column, 0);

	e->n = l->n;
	e->args = l->v;
	for (uint32_t i = 0; i < l->n; i++)
		if (l->optional[i])
			e->optionals = l->optional;
	return e;
}

static struct cel_expr *aggregate(struct cel_parser *p, enum cel_op op)
{
	uint32_t column = p->token.column;
	struct list l = { 0 };

	if (advance(p) < 0 ||
	    items(p, &l, op == CEL_LIST ? "]" : "}", op == CEL_MAP) < 0)
		return NULL;
	return of_list(p, op, column, &l);
}

/* ---- names, calls, literals ---- */

/* The plain names of "a.b.c", dotted; NULL if it is something else. */
static const char *dotted(struct cel_parser *p, const struct cel_expr *e)
{
	const char *up;

	if (e->op == CEL_IDENT)
		return e->name;
	if (e->op != CEL_SELECT || e->optional)
		return NULL;
	up = dotted(p, e->args[0]);
	return up ? arena_printf(&p->program->arena, "%s.%s", up, e->name) :
	       NULL;
}

/* A call, whose receiver may be a part of the function's name. */
static struct cel_expr *call(struct cel_parser *p, struct cel_expr *target,
			     const char *fn, uint32_t column)
{
	const char *prefix = target ? dotted(p, target) : NULL;
	struct list l = { 0 };
	struct cel_expr *e;
	int rc;

	if (target)
		list_add(p, &l, target, false);
	if (arguments(p, &l) < 0)
		return NULL;
	e = of_list(p, CEL_CALL, column, &l);
	e->name = fn;
	e->member = target;
	rc = cel_macro(p, e);
	if (rc)
		return rc < 0 ? NULL : e;
	if (prefix) {
		const char *full = arena_printf(&p->program->arena, "%s.%s",
						prefix, fn);

		e->functions = cel_functions(&p->program->arena, full,
					     false);
		if (e->functions) {
			e->name = full;
			e->member = false;
			e->args++;
			e->n--;
			return e;
		}
	}
	e->functions = cel_functions(&p->program->arena, fn, e->member);
	return e;
}

/* Name{field: value}: of protocol buffers, which we do not have. */
static struct cel_expr *message(struct cel_parser *p, uint32_t column)
{
	struct list l = { 0 };

	while (!at(p, "}") && !(at(p, ",") && !l.n)) {
		struct cel_expr *value;
		int rc = accept(p, "?");

		if (rc < 0 || !name(p, true) || expect(p, ":") < 0)
			return NULL;
		value = parse_expr(p);
		if (!value)
			return NULL;
		list_add(p, &l, value, false);
		rc = accept(p, ",");
		if (rc < 0)
			return NULL;
		if (!rc)
			break;
	}
	if (at(p, ",") && advance(p) < 0)
		return NULL;
	return expect(p, "}") < 0 ? NULL : of_list(p, CEL_MESSAGE, column, &l);
}

static struct cel_expr *literal(struct cel_parser *p, char sign)
{
	struct cel_expr *e = cel_expr_new(p, CEL_LITERAL, p->token.column, 0);

	if (cel_literal(&p->program->arena, &p->token, sign, &e->value,
			p->err) < 0 || advance(p) < 0)
		return NULL;
	return e;
}

static struct cel_expr *word(struct cel_parser *p)
{
	uint32_t column = p->token.column;
	struct cel_expr *e;
	const char *s;
	int rc;

	if (at_word(p, "true") || at_word(p, "false") || at_word(p, "null")) {
		e = cel_expr_new(p, CEL_LITERAL, column, 0);
		if (at_word(p, "null"))
			e->value.tag = VAL_NULL;
		else
			e->value = cel_bool(at_word(p, "true"));
		return advance(p) < 0 ? NULL : e;
	}
	s = name(p, false);
	if (!s)
		return NULL;
	rc = accept(p, "(");
	if (rc)
		return rc < 0 ? NULL : call(p, NULL, s, column);
	e = cel_expr_new(p, CEL_IDENT, column, 0);
	e->name = s;
	return e;
}

static bool is_number(const struct cel_parser *p)
{
	return p->token.type == TOKEN_INT || p->token.type == TOKEN_FLOAT;
}

static struct cel_expr *primary(struct cel_parser *p)
{
	struct cel_expr *e;
	int rc;

	switch (p->token.type) {
	case TOKEN_END:
		return cel_parse_error(p, p->token.column, "the expression "
				       "ends where a value should be");
	case TOKEN_IDENT:
		return word(p);
	case TOKEN_PUNCT:
		break;
	default:
		return literal(p, 0);
	}
	if (at(p, "["))
		return aggregate(p, CEL_LIST);
	if (at(p, "{"))
		return aggregate(p, CEL_MAP);
	rc = accept(p, ".");
	if (rc)
		return rc < 0 ? NULL : word(p);
	if (!at(p, "("))
		return cel_parse_error(p, p->token.column,
				       "a value should be here");
	if (advance(p) < 0)
		return NULL;
	e = parse_expr(p);
	return e && expect(p, ")") == 0 ? e : NULL;
}

/* ---- what follows a value ---- */

static struct cel_expr *dot(struct cel_parser *p, struct cel_expr *of)
{
	uint32_t column = p->token.column;
	int optional, rc;
	struct cel_expr *e;
	const char *s;

	if (advance(p) < 0)
		return NULL;
	optional = accept(p, "?");
	if (optional < 0)
		return NULL;
	s = name(p, true);
	if (!s)
		return NULL;
	rc = optional ? 0 : accept(p, "(");
	if (rc)
		return rc < 0 ? NULL : call(p, of, s, column);
	e = cel_expr_new(p, CEL_SELECT, column, 1);
	e->args[0] = of;
	e->name = s;
	e->optional = optional;
	return e;
}

static struct cel_expr *bracket(struct cel_parser *p, struct cel_expr *of)
{
	struct cel_expr *e = cel_expr_new(p, CEL_INDEX, p->token.column, 2);
	int optional;

	if (advance(p) < 0)
		return NULL;
	optional = accept(p, "?");
	if (optional < 0)
		return NULL;
	e->optional = optional;
	e->args[0] = of;
	e->args[1] = parse_expr(p);
	return e->args[1] && expect(p, "]") == 0 ? e : NULL;
}

static struct cel_expr *member(struct cel_parser *p, char sign)
{
	struct cel_expr *e = sign ? literal(p, sign) : primary(p);
	unsigned links = 0;

	while (e && (at(p, ".") || at(p, "[") || at(p, "{"))) {
		if (++links > LIMIT_CEL_DEPTH) {
			p->deep = true;
			return NULL;
		}
		if (at(p, "{")) {
			uint32_t column = e->column;

			if (!dotted(p, e))
				break;
			e = advance(p) < 0 ? NULL : message(p, column);
		} else {
			e = at(p, ".") ? dot(p, e) : bracket(p, e);
		}
	}
	return e;
}

/* ---- operators ---- */

/* Two of the same cancel each other out, as in cel-go's parser. */
static struct cel_expr *unary(struct cel_parser *p)
{
	const char *sign = at(p, "!") ? "!" : "-";
	struct cel_expr *e, *of;
	uint32_t column = p->token.column;
	unsigned n = 0;

	while (at(p, sign)) {
		if (advance(p) < 0)
			return NULL;
		n++;
	}
	if (n && *sign == '-' && is_number(p)) {
		of = member(p, '-');
		n--;
	} else {
		bool minus = n && *sign == '!' && at(p, "-");

		if (minus && advance(p) < 0)
			return NULL;
		if (minus && !is_number(p))
			return cel_parse_error(p, p->token.column, "'-' "
					       "cannot follow '!'");
		of = member(p, minus ? '-' : 0);
	}
	if (!of || n % 2 == 0)
		return of;
	e = cel_expr_new(p, *sign == '!' ? CEL_NOT : CEL_NEGATE, column, 1);
	e->args[0] = of;
	return e;
}

struct operator {
	const char *text;
	enum cel_op op;
};

static const struct operator products[] = {
	{ "*", CEL_MUL }, { "/", CEL_DIV }, { "%", CEL_MOD }, { 0 },
};
static const struct operator sums[] = {
	{ "+", CEL_ADD }, { "-", CEL_SUB }, { 0 },
};
static const struct operator relations[] = {
	{ "<", CEL_LT }, { "<=", CEL_LE }, { ">", CEL_GT }, { ">=", CEL_GE },
	{ "==", CEL_EQ }, { "!=", CEL_NE }, { "in", CEL_IN }, { 0 },
};

static const struct operator *operator_at(const struct cel_parser *p,
					  const struct operator *table)
{
	for (; table->text; table++)
		if (at(p, table->text) ||
		    (table->op == CEL_IN && at_word(p, "in")))
			return table;
	return NULL;
}

/* Left to right, each side being what the next level down reads. */
static struct cel_expr *binary(struct cel_parser *p,
			       const struct operator *table,
			       struct cel_expr *(*down)(struct cel_parser *p))
{
	struct cel_expr *left = down(p);
	const struct operator *o;
	unsigned links = 0;

	while (left && (o = operator_at(p, table))) {
		struct cel_expr *e = cel_expr_new(p, o->op, p->token.column,
						  2);

		if (++links > LIMIT_CEL_DEPTH) {
			p->deep = true;
			return NULL;
		}
		if (advance(p) < 0)
			return NULL;
		e->args[0] = left;
		e->args[1] = down(p);
		left = e->args[1] ? e : NULL;
	}
	return left;
}

static struct cel_expr *product(struct cel_parser *p)
{
	return binary(p, products, unary);
}

static struct cel_expr *sum(struct cel_parser *p)
{
	return binary(p, sums, product);
}

static struct cel_expr *relation(struct cel_parser *p)
{
	return binary(p, relations, sum);
}

/* a && b && c: one node, however many there are. */
static struct cel_expr *logical(struct cel_parser *p, const char *text,
				enum cel_op op,
				struct cel_expr *(*down)(struct cel_parser *p))
{
	uint32_t column = p->token.column;
	struct cel_expr *e = down(p);
	struct list l = { 0 };

	if (!e || !at(p, text))
		return e;
	list_add(p, &l, e, false);
	while (at(p, text)) {
		e = advance(p) < 0 ? NULL : down(p);
		if (!e)
			return NULL;
		list_add(p, &l, e, false);
	}
	return of_list(p, op, column, &l);
}

static struct cel_expr *conjunction(struct cel_parser *p)
{
	return logical(p, "&&", CEL_AND, relation);
}

static struct cel_expr *disjunction(struct cel_parser *p)
{
	return logical(p, "||", CEL_OR, conjunction);
}

static struct cel_expr *conditional(struct cel_parser *p)
{
	struct cel_expr *cond = disjunction(p), *e;

	if (!cond || !at(p, "?"))
		return cond;
	e = cel_expr_new(p, CEL_IF, p->token.column, 3);
	e->args[0] = cond;
	if (advance(p) < 0)
		return NULL;
	e->args[1] = disjunction(p);
	if (!e->args[1] || expect(p, ":") < 0)
		return NULL;
	e->args[2] = parse_expr(p);
	return e->args[2] ? e : NULL;
}

static struct cel_expr *parse_expr(struct cel_parser *p)
{
	struct cel_expr *e;

	if (++p->depth > LIMIT_CEL_DEPTH) {
		p->deep = true;
		return NULL;
	}
	e = conditional(p);
	p->depth--;
	return e;
}

/* ---- programs ---- */

struct cel_program *cel_compile(const char *text, size_t len, struct err *err)
{
	struct cel_program *program = xcalloc(1, sizeof(*program));
	struct cel_parser p = {
		.program = program, .err = err,
		.lexer = { .next = text, .end = text + len, .column = 1 },
	};

	if (len > LIMIT_CEL_TEXT)
		return program;
	if (advance(&p) == 0)
		program->root = parse_expr(&p);
	if (program->root && p.token.type != TOKEN_END) {
		cel_parse_error(&p, p.token.column, "the expression should "
				"end here");
		program->root = NULL;
	}
	if ((program->root && cel_resolve(program, err) < 0) ||
	    (!program->root && !p.deep)) {
		cel_release(program);
		return NULL;
	}
	return program;
}

void cel_release(struct cel_program *p)
{
	if (!p)
		return;
	cel_patterns_free(p);
	arena_release(&p->arena);
	free(p);
}

bool cel_uses_old_self(const struct cel_program *p)
{
	return p->old_self;
}
